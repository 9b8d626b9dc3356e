/* The actions of a review, each found in its own way; what each amount means stands in review.h. */
#include "base/mem.h"
#include "cost/review_sample.h"
#include "stats/quantile.h"

#include <math.h>
#include <stdlib.h>

#define NANO_PER_FEMTO 1e-6
#define STEADY_QUANTILE 0.1
#define STEADY_SHARE 0.1 /* of the model's spend: a lower floor is no load to commit to */

double review_monthly(const struct review_build *b, double n) {
    return n * b->to_a_month;
}

struct review_action *review_add(struct review_build *b, enum review_kind kind, const struct review_row *row,
                                 double month_nano, double concerns) {
    struct review *out = b->out;
    const struct slice *names = row->names;
    if (out->n == b->capacity) {
        b->capacity = b->capacity > 0 ? 2 * b->capacity : 32;
        out->actions = mem_resize(out->actions, b->capacity * sizeof *out->actions);
    }
    struct review_action *a = &out->actions[out->n++];
    *a = (struct review_action){
        kind,
        names[SPEND_BY_APPLICATION],
        names[SPEND_BY_REQUEST_TYPE],
        names[SPEND_BY_FEATURE],
        names[SPEND_BY_MODEL],
        names[SPEND_BY_PROVIDER],
        names[SPEND_BY_TARGET_MODEL],
        names[SPEND_BY_SYSTEM_PROMPT],
        .month_nano = isnan(month_nano) ? MONEY_UNKNOWN : llround(month_nano),
        .concerns = concerns,
    };
    return a;
}

void review_fact(struct review_action *a, const char *name, double value) {
    if (a->n_facts < REVIEW_FACTS) a->facts[a->n_facts++] = (struct review_fact){name, value};
}

bool review_is_worth(struct review_build *b, double month_nano) {
    if (!(month_nano > 0)) return false;
    if (month_nano >= REVIEW_LEAST_SHARE * review_monthly(b, (double)b->total.cost_nano)) return true;
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

const struct target *review_target_of(const struct review_build *b, const struct review_row *row) {
    const struct model_route *route = route_of(b, row);
    for (unsigned i = 0; route && i < route->n_targets; i++)
        if (is_target(&route->targets[i], row)) return &route->targets[i];
    return NULL;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Tokens of the priced requests; what part of the others' input was cached is in no sum. */
struct usage review_priced_usage(const struct spend_sums *s) {
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

double review_cost_at(const struct price_model *price, const struct spend_sums *s, int64_t at_us) {
    struct usage all = review_priced_usage(s);
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

/* ---- the finders, one a kind ---- */

static void find_cheaper(struct review_build *b, const struct review_row *row) {
    const struct model_route *route = route_of(b, row);
    const struct target *best = NULL;
    const struct spend_sums *s = &row->sums;
    double cost = INFINITY, own = (double)s->cost_nano;
    if (slice_is_null(row->names[SPEND_BY_PROVIDER])) return;
    if (route && route->tiering) {
        review_find_tier(b, row, route);
        return;
    }
    for (unsigned i = 0; route && i < route->n_targets; i++) {
        const struct target *t = &route->targets[i];
        double there = t->price && !is_target(t, row) ? review_cost_at(t->price, s, b->out->to_us) : NAN;
        if (there < cost) best = t, cost = there;
    }
    if (best == NULL || !review_is_worth(b, review_monthly(b, own - cost))) return;
    struct review_action *a =
        review_add(b, REVIEW_CHEAPER_TARGET, row, review_monthly(b, own - cost), review_monthly(b, own));
    struct usage u = review_priced_usage(s);
    a->why = arena_printf(
        b->arena,
        "%lld requests cost %.6f USD; their own tokens cost %.6f at %s/%s, as the present target counts "
        "them and with cached input priced as cached. Whether its answers are good enough must be measured "
        "before: with both as its tiers, `quarterdeck model downgrade-test %s --judge MODEL`",
        (long long)review_paid(s), own / (double)MONEY_USD, cost / (double)MONEY_USD, best->provider->name,
        best->model, route->name);
    a->act = review_second_model(b, route->name, best);
    review_fact(a, "requests", (double)review_paid(s));
    review_fact(a, "input_tokens", (double)u.input);
    review_fact(a, "output_tokens", (double)u.output);
    review_fact(a, "cost_usd", own / (double)MONEY_USD);
    review_fact(a, "cost_there_usd", cost / (double)MONEY_USD);
}

static void find_lost(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    double month = review_monthly(b, (double)s->lost_nano);
    if (!review_is_worth(b, month)) return;
    struct review_action *a = review_add(b, REVIEW_LOST_SPEND, row, month, month);
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
    review_fact(a, "lost_usd", (double)s->lost_nano / (double)MONEY_USD);
    review_fact(a, "truncated", (double)cut);
    review_fact(a, "cancelled", (double)left);
    review_fact(a, "failed", (double)failed);
}

const struct request_policy *review_requests_of(const struct review_build *b, const struct review_row *row) {
    const struct application *a =
        b->policy ? table_get(&b->policy->application_by_name, row->names[SPEND_BY_APPLICATION]) : NULL;
    return a ? policy_requests(a, row->names[SPEND_BY_REQUEST_TYPE]) : NULL;
}

/* The amount is what of the output is beyond the 99th percentile of the sampled answers. */
static void find_cap(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    const struct request_policy *p = review_requests_of(b, row);
    const struct review_lengths *l = row->lengths;
    int64_t n = review_paid(s), nano = s->nano[CHARGE_OUTPUT] + s->nano[CHARGE_REASONING];
    if (p == NULL || p->max_output_tokens >= 0 || n == 0 || !is_large(b, s) || 2 * nano < s->cost_nano)
        return;
    struct usage u = review_priced_usage(s);
    double mean = (double)u.output / (double)n;
    bool known = l != NULL && l->records >= REVIEW_LENGTHS_LEAST;
    if (known && !review_is_worth(b, review_monthly(b, (double)nano * l->excess))) return;
    struct review_action *a =
        review_add(b, REVIEW_CAP_OUTPUT, row, known ? review_monthly(b, (double)nano * l->excess) : NAN,
                   review_monthly(b, (double)nano));
    if (known) {
        a->why = arena_printf(
            b->arena,
            "output is %.1f %% of the cost, and nothing caps it. Of %zu answers the 99th percentile is %lld "
            "tokens, the longest %lld (median %lld); a cap at the 99th percentile takes %.2f %% of the output "
            "and cuts %zu of them (%.2f %%). A cap tells no model to be brief",
            100 * (double)nano / (double)s->cost_nano, l->records, (long long)l->p99, (long long)l->longest,
            (long long)l->p50, 100 * l->excess, l->longer, 100 * (double)l->longer / (double)l->records);
        a->act = review_setting(b, a, arena_text(b->arena, arena_printf(b->arena, "max_output_tokens: %lld",
                                                                       (long long)l->p99)));
    } else {
        a->why = arena_printf(
            b->arena,
            "output is %.1f %% of the cost, %.1f tokens an answer on average, and nothing caps it. Of fewer than "
            "%d answers no 99th percentile is told. Each output token less an answer is %.6f USD a month",
            100 * (double)nano / (double)s->cost_nano, mean, REVIEW_LENGTHS_LEAST,
            mean > 0 ? review_monthly(b, (double)nano / mean) / (double)MONEY_USD : 0);
        a->act = review_setting(b, a, "max_output_tokens: N");
    }
    review_fact(a, "requests", (double)n);
    review_fact(a, "output_tokens", (double)u.output);
    review_fact(a, "output_usd", (double)nano / (double)MONEY_USD);
    if (!known) return;
    review_fact(a, "sampled", (double)l->records);
    review_fact(a, "output_p99", (double)l->p99);
    review_fact(a, "output_longest", (double)l->longest);
    review_fact(a, "cut_answers", (double)l->longer);
}

static void say_repeats(struct review_build *b, struct review_action *a, const struct review_row *row,
                        double month) {
    const struct review_lengths *l = row->lengths;
    if (l != NULL && l->asked >= REVIEW_REPEATS_LEAST) {
        a->why = arena_printf(
            b->arena,
            "%zu of %zu captured exchanges in a row (%.1f %%, %.1f %% of their cost) asked what another had asked "
            "within the hour before; none is answered from the exact cache, which is off. Questions before the "
            "sample's begin are not known, so it is no less",
            l->repeated, l->asked, 100 * (double)l->repeated / (double)l->asked,
            l->cost > 0 ? 100 * l->repeated_cost / l->cost : 0);
        review_fact(a, "sampled", (double)l->asked);
        review_fact(a, "repeated", (double)l->repeated);
        return;
    }
    struct slice capture = review_capture(b, row);
    a->why = arena_printf(
        b->arena,
        "%lld requests, none answered from the exact cache, which is off. How many repeat is unknown: it takes %d "
        "captured exchanges (%.*s); each percent of the cost that repeats is %.6f USD a month",
        (long long)review_paid(&row->sums), REVIEW_REPEATS_LEAST, SLICE_ARG(capture),
        month / 100 / (double)MONEY_USD);
}

static void find_repeats(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    const struct request_policy *p = review_requests_of(b, row);
    const struct review_lengths *l = row->lengths;
    if (p == NULL || p->cache.ttl > 0 || s->cache_hits > 0 || !is_large(b, s)) return;
    double month = review_monthly(b, (double)s->cost_nano), saved = NAN;
    if (l != NULL && l->asked >= REVIEW_REPEATS_LEAST) {
        saved = l->cost > 0 ? month * l->repeated_cost / l->cost : 0;
        if (!review_is_worth(b, saved)) return;
    }
    struct review_action *a = review_add(b, REVIEW_EXACT_CACHE, row, saved, month);
    say_repeats(b, a, row, month);
    a->act = review_setting(b, a, "cache: {exact: {ttl: 1h}}");
    review_fact(a, "requests", (double)review_paid(s));
    review_fact(a, "cost_usd", (double)s->cost_nano / (double)MONEY_USD);
    review_fact(a, "usd_month_for_each_percent", month / 100 / (double)MONEY_USD);
}

/* Whole observed hours; the 10th percentile is what nine hours in ten exceed. */
static void find_steady(struct review_build *b, const struct review_row *row) {
    const struct review *r = b->out;
    size_t from = (size_t)((r->first_us + REVIEW_HOUR_US - 1) / REVIEW_HOUR_US - r->from_us / REVIEW_HOUR_US);
    size_t to = (size_t)(r->to_us / REVIEW_HOUR_US - r->from_us / REVIEW_HOUR_US);
    if (row->hours == NULL || slice_is_null(row->names[SPEND_BY_PROVIDER])) return;
    if (to < from + REVIEW_STEADY_HOURS) return;
    size_t n = to - from;
    quantile_sort(row->hours + from, n);
    double base = row->hours[from + (size_t)(STEADY_QUANTILE * (double)(n - 1))] * (double)n;
    if (base <= 0 || base < STEADY_SHARE * (double)row->sums.cost_nano ||
        base < REVIEW_WORTH_SHARE * (double)b->total.cost_nano)
        return;
    double month = review_monthly(b, base);
    struct review_action *a = review_add(b, REVIEW_STEADY_LOAD, row, NAN, month);
    a->why = arena_printf(
        b->arena,
        "in nine of ten of %zu hours at least %.6f USD was spent on this model: %.6f USD a month, %.1f %% "
        "of its spend. What a commitment costs is the provider's to say; each percent off that load is "
        "%.6f USD a month",
        n, base / (double)n / (double)MONEY_USD, month / (double)MONEY_USD,
        100 * base / (double)row->sums.cost_nano, month / 100 / (double)MONEY_USD);
    a->act = review_command(b, a, "quarterdeck cost report --by hour,target_model", "");
    review_fact(a, "hours", (double)n);
    review_fact(a, "base_usd_month", month / (double)MONEY_USD);
    review_fact(a, "share_of_spend", base / (double)row->sums.cost_nano);
}

static void find_unpriced(struct review_build *b, const struct review_row *row) {
    const struct spend_sums *s = &row->sums;
    if (s->unpriced == 0) return;
    struct review_action *a =
        review_add(b, REVIEW_UNPRICED, row, NAN, INFINITY); /* first: the rest is incomplete */
    a->why =
        arena_printf(b->arena,
                     "%llu of %llu requests have no known cost (%lld input and %lld output tokens): they "
                     "are in no sum, no budget bounds them",
                     (unsigned long long)s->unpriced, (unsigned long long)s->requests,
                     (long long)s->unpriced_input, (long long)s->unpriced_output);
    a->act =
        SLICE("prices: {files: [prices.json]} with this model in it; `quarterdeck model list` shows which "
              "have none");
    review_fact(a, "requests", (double)s->requests);
    review_fact(a, "unpriced", (double)s->unpriced);
    review_fact(a, "unpriced_input_tokens", (double)s->unpriced_input);
    review_fact(a, "unpriced_output_tokens", (double)s->unpriced_output);
}

static void each(struct review_build *b, const struct review_rows *rows,
                 void (*find)(struct review_build *b, const struct review_row *row)) {
    for (size_t i = 0; i < rows->n; i++) find(b, &rows->at[i]);
}

void review_find(struct review_build *b) {
    each(b, &b->prompts, review_find_prefix);
    each(b, &b->prompts, review_find_shorter);
    each(b, &b->features, review_find_chunks);
    each(b, &b->work, find_cheaper);
    each(b, &b->work, find_lost);
    each(b, &b->types, find_cap);
    each(b, &b->types, find_repeats);
    each(b, &b->models, find_steady);
    each(b, &b->models, find_unpriced);
}
