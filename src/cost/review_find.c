/* The actions of a review, each found in its own way; what each amount means stands in review.h. */
#include "base/mem.h"
#include "cost/review_private.h"

#include <math.h>
#include <stdlib.h>

#define NANO_PER_FEMTO 1e-6
#define STEADY_QUANTILE 0.1
#define STEADY_SHARE 0.1 /* of the model's spend: a lower floor is no load to commit to */

static double monthly(const struct review_build *b, double n) {
    return n * b->to_a_month;
}

static struct review_action *add(struct review_build *b, enum review_kind kind,
                                 const struct slice names[SPEND_DIMENSIONS], double month_nano,
                                 double concerns) {
    struct review *out = b->out;
    if (out->n == b->capacity) {
        b->capacity = b->capacity > 0 ? 2 * b->capacity : 32;
        out->actions = mem_resize(out->actions, b->capacity * sizeof *out->actions);
    }
    struct review_action *a = &out->actions[out->n++];
    *a = (struct review_action){
        kind,
        names[SPEND_BY_APPLICATION],
        names[SPEND_BY_REQUEST_TYPE],
        names[SPEND_BY_MODEL],
        names[SPEND_BY_PROVIDER],
        names[SPEND_BY_TARGET_MODEL],
        names[SPEND_BY_SYSTEM_PROMPT],
        .month_nano = isnan(month_nano) ? MONEY_UNKNOWN : llround(month_nano),
        .concerns = concerns,
    };
    return a;
}

static void fact(struct review_action *a, const char *name, double value) {
    if (a->n_facts < REVIEW_FACTS) a->facts[a->n_facts++] = (struct review_fact){name, value};
}

/* True when an amount is large enough; otherwise it is counted as left off. */
static bool is_worth(struct review_build *b, double month_nano) {
    if (!(month_nano > 0)) return false;
    if (month_nano >= REVIEW_LEAST_SHARE * monthly(b, (double)b->total.cost_nano)) return true;
    b->out->n_left_off++;
    return false;
}

static bool is_large(const struct review_build *b, const struct spend_sums *s) {
    return s->cost_nano > 0 && (double)s->cost_nano >= REVIEW_WORTH_SHARE * (double)b->total.cost_nano;
}

/* ---- prices ---- */

static const struct model_route *route_of(const struct review_build *b, const struct review_row *row) {
    struct slice model = row->names[SPEND_BY_MODEL];
    return b->policy && !slice_is_null(model) ? table_get(&b->policy->model_by_name, model) : NULL;
}

static bool is_target(const struct target *t, const struct review_row *row) {
    return slice_is(row->names[SPEND_BY_PROVIDER], t->provider->name) &&
           slice_is(row->names[SPEND_BY_TARGET_MODEL], t->model);
}

static const struct target *target_of(const struct review_build *b, const struct review_row *row) {
    const struct model_route *route = route_of(b, row);
    for (unsigned i = 0; route && i < route->n_targets; i++)
        if (is_target(&route->targets[i], row)) return &route->targets[i];
    return NULL;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tokens of the priced requests; what part of the others' input was cached is in no sum. */
static struct usage priced_usage(const struct spend_sums *s) {
    struct usage u = s->usage;
    u.input -= s->unpriced_input;
    u.output -= s->unpriced_output;
    u.cache_read = least(u.cache_read, u.input);
    u.cache_write = least(u.cache_write, u.input - u.cache_read);
    u.cache_write_1h = least(u.cache_write_1h, u.cache_write);
    u.reasoning = least(u.reasoning, u.output);
    return u;
}

static struct usage mean_usage(const struct usage *u, int64_t n) {
    struct usage mean = {.input = u->input / n, .cache_read = u->cache_read / n, .output = u->output / n};
    mean.cache_write = u->cache_write / n;
    mean.cache_write_1h = u->cache_write_1h / n;
    mean.input_audio = u->input_audio / n;
    mean.reasoning = u->reasoning / n;
    mean.output_audio = u->output_audio / n;
    return mean;
}

/* What the tokens of a row cost at a price, in nano-dollars: the rates are those of its mean request, the
 * tokens all of them. NAN: unknown. */
static double cost_at(const struct price_model *price, const struct spend_sums *s, int64_t at_us) {
    struct usage all = priced_usage(s);
    int64_t n = review_paid(s), quantity[CHARGE_METERS];
    struct price_quote quote;
    struct charge charge;
    double nano = 0;
    if (n == 0) return NAN;
    struct usage mean = mean_usage(&all, n);
    price_quote(price, &mean, at_us, false, &quote);
    charge_of_quote(&quote, &charge);
    if (!money_is_known(quote.cost_nano)) return NAN;
    charge_quantities(&charge, &all, quantity);
    quantity[CHARGE_REQUESTS] = n;
    for (unsigned i = 0; i < quote.n_lines; i++)
        for (unsigned m = 0; m < CHARGE_METERS; m++)
            if (strcmp(charge_meter_name((enum charge_meter)m), quote.lines[i].meter) == 0)
                nano += (double)quantity[m] * (double)quote.lines[i].rate * NANO_PER_FEMTO;
    return nano;
}

/* What a token read from the cache saves, in nano-dollars; NAN: there is no price for it. */
static double saved_by_cache(const struct price_model *price, int64_t input, int64_t prefix, int64_t at_us) {
    /* one token beside the prefix at least: a meter without tokens has no line */
    struct usage one = {.input = input > prefix ? input : prefix + 1, .cache_read = prefix};
    struct price_quote quote;
    int64_t rates[2] = {-1, -1};
    price_quote(price, &one, at_us, false, &quote);
    for (unsigned i = 0; i < quote.n_lines; i++) {
        if (strcmp(quote.lines[i].meter, "input") == 0) rates[0] = quote.lines[i].rate;
        if (strcmp(quote.lines[i].meter, "cache_read") == 0) rates[1] = quote.lines[i].rate;
    }
    return rates[0] < 0 || rates[1] < 0 ? NAN : (double)(rates[0] - rates[1]) * NANO_PER_FEMTO;
}

/* ---- the finders, one a kind ---- */

static void find_prefix(struct review_build *b, const struct review_row *row) {
    const struct target *t = target_of(b, row);
    const struct spend_sums *s = &row->sums;
    int64_t n = review_paid(s);
    if (t == NULL || t->price == NULL || n == 0 || !(row->least_input >= REVIEW_PREFIX_LEAST)) return;
    struct usage u = priced_usage(s);
    int64_t cached = u.cache_read + u.cache_write, plain = u.input - cached;
    double prefix = floor(row->least_input);
    double tokens = fmin(fmin(prefix * (double)n, (double)u.input) - (double)cached, (double)plain);
    double each = saved_by_cache(t->price, u.input / n, (int64_t)prefix, b->out->to_us);
    if (isnan(each) || !is_worth(b, monthly(b, tokens * each))) return;
    struct review_action *a =
        add(b, REVIEW_CACHE_PREFIX, row->names, monthly(b, tokens * each), monthly(b, (double)s->cost_nano));
    bool asks = t->provider->dialect == DIALECT_ANTHROPIC;
    a->at_most = true;
    a->why = arena_printf(
        b->arena,
        "%lld requests with this system prompt sent %lld input tokens, %.1f %% of them read from the "
        "provider's cache; the part that all of them share is at most %.0f tokens. How long it is, and what "
        "the first of each cache lifetime costs, the sums do not say",
        (long long)n, (long long)u.input, 100 * (double)u.cache_read / (double)u.input, prefix);
    a->act = asks ? SLICE("in the request, on the last system block: \"cache_control\": {\"type\": "
                          "\"ephemeral\"}; nothing that varies before it")
                  : SLICE("in the request: system prompt and tools first and always the same bytes; dates, "
                          "names and retrieved text behind them");
    fact(a, "requests", (double)n);
    fact(a, "input_tokens", (double)u.input);
    fact(a, "cache_read_tokens", (double)u.cache_read);
    fact(a, "prefix_tokens_at_most", prefix);
    fact(a, "uncached_tokens_at_most", tokens);
    fact(a, "saved_usd_per_mtok", each * 1e6 / (double)MONEY_USD);
}

static void find_cheaper(struct review_build *b, const struct review_row *row) {
    const struct model_route *route = route_of(b, row);
    const struct target *best = NULL;
    const struct spend_sums *s = &row->sums;
    double cost = INFINITY, own = (double)s->cost_nano;
    if (slice_is_null(row->names[SPEND_BY_PROVIDER])) return;
    for (unsigned i = 0; route && i < route->n_targets; i++) {
        const struct target *t = &route->targets[i];
        double there = t->price && !is_target(t, row) ? cost_at(t->price, s, b->out->to_us) : NAN;
        if (there < cost) best = t, cost = there;
    }
    if (best == NULL || !is_worth(b, monthly(b, own - cost))) return;
    struct review_action *a =
        add(b, REVIEW_CHEAPER_TARGET, row->names, monthly(b, own - cost), monthly(b, own));
    struct usage u = priced_usage(s);
    a->why = arena_printf(
        b->arena,
        "%lld requests cost %.6f USD; their own tokens cost %.6f at %s/%s, as the present target counts "
        "them and with cached input priced as cached. Whether its answers are good enough must be measured "
        "before",
        (long long)review_paid(s), own / (double)MONEY_USD, cost / (double)MONEY_USD, best->provider->name,
        best->model);
    a->act = review_second_model(b, route->name, best);
    fact(a, "requests", (double)review_paid(s));
    fact(a, "input_tokens", (double)u.input);
    fact(a, "output_tokens", (double)u.output);
    fact(a, "cost_usd", own / (double)MONEY_USD);
    fact(a, "cost_there_usd", cost / (double)MONEY_USD);
}

static void find_lost(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    double month = monthly(b, (double)s->lost_nano);
    if (!is_worth(b, month)) return;
    struct review_action *a = add(b, REVIEW_LOST_SPEND, row->names, month, month);
    uint64_t cut = s->by_status[RECORD_TRUNCATED], left = s->by_status[RECORD_CANCELLED],
             failed = s->by_status[RECORD_ERROR];
    a->at_most = true;
    a->why =
        arena_printf(b->arena,
                     "%.6f of %.6f USD paid for exchanges without a whole answer: %llu were cut off, %llu "
                     "abandoned by the client, %llu failed. Attempts that a retry replaced are in no sum",
                     (double)s->lost_nano / (double)MONEY_USD, (double)s->cost_nano / (double)MONEY_USD,
                     (unsigned long long)cut, (unsigned long long)left, (unsigned long long)failed);
    a->act = review_command(b, a, "quarterdeck record list",
                            cut >= left && cut >= failed ? " --status truncated"
                            : left >= failed             ? " --status cancelled"
                                                         : " --status error");
    fact(a, "lost_usd", (double)s->lost_nano / (double)MONEY_USD);
    fact(a, "truncated", (double)cut);
    fact(a, "cancelled", (double)left);
    fact(a, "failed", (double)failed);
}

static const struct request_policy *requests_of(const struct review_build *b, const struct review_row *row) {
    const struct application *a =
        b->policy ? table_get(&b->policy->application_by_name, row->names[SPEND_BY_APPLICATION]) : NULL;
    return a ? policy_requests(a, row->names[SPEND_BY_REQUEST_TYPE]) : NULL;
}

static void find_cap(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    const struct request_policy *p = requests_of(b, row);
    int64_t n = review_paid(s), nano = s->nano[CHARGE_OUTPUT] + s->nano[CHARGE_REASONING];
    if (p == NULL || p->max_output_tokens >= 0 || n == 0 || !is_large(b, s) || 2 * nano < s->cost_nano)
        return;
    struct usage u = priced_usage(s);
    struct review_action *a = add(b, REVIEW_CAP_OUTPUT, row->names, NAN, monthly(b, (double)nano));
    a->why = arena_printf(
        b->arena,
        "output is %.1f %% of the cost, %.1f tokens an answer on average, and nothing caps it. The sums "
        "hold no lengths: the 99th percentile and the longest, hence what a cap saves, must be read from "
        "the records. Each output token less an answer is %.6f USD a month",
        100 * (double)nano / (double)s->cost_nano, (double)u.output / (double)n,
        u.output > 0 ? monthly(b, (double)nano * (double)n / (double)u.output) / (double)MONEY_USD : 0);
    a->act = review_setting(b, a, "max_output_tokens: N");
    fact(a, "requests", (double)n);
    fact(a, "output_tokens", (double)u.output);
    fact(a, "output_usd", (double)nano / (double)MONEY_USD);
}

static void find_repeats(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    const struct request_policy *p = requests_of(b, row);
    if (p == NULL || p->cache.ttl > 0 || s->cache_hits > 0 || !is_large(b, s)) return;
    double month = monthly(b, (double)s->cost_nano), percent = month / 100 / (double)MONEY_USD;
    struct review_action *a = add(b, REVIEW_EXACT_CACHE, row->names, NAN, month);
    a->why = arena_printf(
        b->arena,
        "%lld requests, none answered from the exact cache, which is off. Records hold no questions, so "
        "how many repeat is unknown until it is on; each percent of the cost that repeats is %.6f USD a "
        "month",
        (long long)review_paid(s), percent);
    a->act = review_setting(b, a, "cache: {exact: {ttl: 1h}}");
    fact(a, "requests", (double)review_paid(s));
    fact(a, "cost_usd", (double)s->cost_nano / (double)MONEY_USD);
    fact(a, "usd_month_for_each_percent", percent);
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* Whole observed hours; the 10th percentile is what nine hours in ten exceed. */
static void find_steady(struct review_build *b, const struct review_row *row) {
    const struct review *r = b->out;
    size_t from = (size_t)((r->first_us + REVIEW_HOUR_US - 1) / REVIEW_HOUR_US - r->from_us / REVIEW_HOUR_US);
    size_t to = (size_t)(r->to_us / REVIEW_HOUR_US - r->from_us / REVIEW_HOUR_US);
    if (row->hours == NULL || slice_is_null(row->names[SPEND_BY_PROVIDER])) return;
    if (to < from + REVIEW_STEADY_HOURS) return;
    size_t n = to - from;
    qsort(row->hours + from, n, sizeof *row->hours, by_value);
    double base = row->hours[from + (size_t)(STEADY_QUANTILE * (double)(n - 1))] * (double)n;
    if (base <= 0 || base < STEADY_SHARE * (double)row->sums.cost_nano ||
        base < REVIEW_WORTH_SHARE * (double)b->total.cost_nano)
        return;
    double month = monthly(b, base);
    struct review_action *a = add(b, REVIEW_STEADY_LOAD, row->names, NAN, month);
    a->why = arena_printf(
        b->arena,
        "in nine of ten of %zu hours at least %.6f USD was spent on this model: %.6f USD a month, %.1f %% "
        "of its spend. What a commitment costs is the provider's to say; each percent off that load is "
        "%.6f USD a month",
        n, base / (double)n / (double)MONEY_USD, month / (double)MONEY_USD,
        100 * base / (double)row->sums.cost_nano, month / 100 / (double)MONEY_USD);
    a->act = review_command(b, a, "quarterdeck cost report --by hour,target_model", "");
    fact(a, "hours", (double)n);
    fact(a, "base_usd_month", month / (double)MONEY_USD);
    fact(a, "share_of_spend", base / (double)row->sums.cost_nano);
}

static void find_unpriced(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    if (s->unpriced == 0) return;
    struct review_action *a =
        add(b, REVIEW_UNPRICED, row->names, NAN, INFINITY); /* first: the rest is incomplete */
    a->why =
        arena_printf(b->arena,
                     "%llu of %llu requests have no known cost (%lld input and %lld output tokens): they "
                     "are in no sum, no budget bounds them",
                     (unsigned long long)s->unpriced, (unsigned long long)s->requests,
                     (long long)s->unpriced_input, (long long)s->unpriced_output);
    a->act =
        SLICE("prices: {files: [prices.json]} with this model in it; `quarterdeck model list` shows which "
              "have none");
    fact(a, "requests", (double)s->requests);
    fact(a, "unpriced", (double)s->unpriced);
    fact(a, "unpriced_input_tokens", (double)s->unpriced_input);
    fact(a, "unpriced_output_tokens", (double)s->unpriced_output);
}

static void each(struct review_build *b, const struct review_rows *rows,
                 void (*find)(struct review_build *b, const struct review_row *row)) {
    for (size_t i = 0; i < rows->n; i++) find(b, &rows->at[i]);
}

void review_find(struct review_build *b) {
    each(b, &b->prompts, find_prefix);
    each(b, &b->work, find_cheaper);
    each(b, &b->work, find_lost);
    each(b, &b->types, find_cap);
    each(b, &b->types, find_repeats);
    each(b, &b->models, find_steady);
    each(b, &b->models, find_unpriced);
}
