/* The actions about what is sent: the prefix that is not cached, instructions and chunks that nothing uses.
 */
#include "cost/review_sample.h"

#include <math.h>

#define NANO_PER_FEMTO 1e-6

/* ---- prices ---- */

/* In nano-dollars a token; NAN: there is no such price. */
struct cache_rates {
    double saved;   /* by one that is read from the cache */
    double written; /* by which one that is written costs more */
};

static double rate_in(const struct price_quote *q, const char *meter) {
    for (unsigned i = 0; i < q->n_lines; i++)
        if (strcmp(q->lines[i].meter, meter) == 0) return (double)q->lines[i].rate * NANO_PER_FEMTO;
    return NAN;
}

static struct cache_rates cache_rates(const struct price_model *price, int64_t input, int64_t prefix,
                                      int64_t at_us) {
    /* tokens of each kind at least: a meter without tokens has no line */
    struct usage one = {
        .input = input > prefix ? input : prefix + 1, .cache_read = prefix - 1, .cache_write = 1};
    struct price_quote quote;
    price_quote(price, &one, at_us, false, &quote);
    double input_rate = rate_in(&quote, "input"), written = rate_in(&quote, "cache_write");
    return (struct cache_rates){input_rate - rate_in(&quote, "cache_read"),
                                isnan(written) ? 0 : written - input_rate};
}

double review_input_rate(const struct spend_sums *s) {
    int64_t tokens = s->usage.input - s->unpriced_input;
    int64_t nano = s->nano[CHARGE_INPUT] + s->nano[CHARGE_CACHE_READ] + s->nano[CHARGE_CACHE_WRITE] +
                   s->nano[CHARGE_CACHE_WRITE_1H];
    return tokens > 0 && nano > 0 ? (double)nano / (double)tokens : NAN;
}

/* ---- the prefix ---- */

static bool is_measured(const struct review_row *row) {
    return row->prompt != NULL && row->prompt->exchanges >= REVIEW_ASKED_LEAST;
}

/* What is missed of a prefix of `tokens`, and what it costs; at most, unless it was measured. */
static void size_prefix(const struct review_build *b, const struct review_row *row, const struct target *t,
                        struct review_prefix *p) {
    const struct review_prompt *seen = row->prompt;
    struct usage u = review_priced_usage(&row->sums);
    double n = (double)p->requests, cached = (double)(u.cache_read + u.cache_write);
    double whole = fmin((double)p->tokens * n, (double)u.input);
    p->warm = seen != NULL && seen->pairs > 0 ? (double)seen->warm / (double)seen->pairs : NAN;
    bool timed = p->exchanges > 0 && !isnan(p->warm);
    double missed =
        timed ? whole * p->warm - (double)u.cache_read : fmin(whole - cached, (double)u.input - cached);
    p->missed = p->tokens >= REVIEW_PREFIX_LEAST && missed > 0 ? (int64_t)missed : 0;
    p->month_nano = MONEY_UNKNOWN;
    if (t == NULL || t->price == NULL || p->tokens < 2) return;
    struct cache_rates r = cache_rates(t->price, u.input / p->requests, p->tokens, b->out->to_us);
    if (isnan(r.saved)) return;
    double writes = timed ? fmax(whole * (1 - p->warm) - (double)u.cache_write, 0) : 0;
    double saved = p->missed > 0 ? (double)p->missed * r.saved - writes * r.written : 0;
    p->month_nano = llround(review_monthly(b, fmax(saved, 0)));
}

static struct review_prefix *add_prefix(struct review_build *b, const struct review_row *row) {
    struct review *out = b->out;
    if (out->prefixes == NULL)
        out->prefixes = arena_new_array(b->arena, struct review_prefix, REVIEW_PREFIXES);
    if (out->prefixes == NULL || out->n_prefixes == REVIEW_PREFIXES) return NULL;
    struct review_prefix *p = &out->prefixes[out->n_prefixes++];
    struct usage u = review_priced_usage(&row->sums);
    *p = (struct review_prefix){row->names[SPEND_BY_APPLICATION],  row->names[SPEND_BY_REQUEST_TYPE],
                                row->names[SPEND_BY_MODEL],        row->names[SPEND_BY_PROVIDER],
                                row->names[SPEND_BY_TARGET_MODEL], row->names[SPEND_BY_SYSTEM_PROMPT]};
    p->requests = review_paid(&row->sums);
    p->input = u.input;
    p->cache_read = u.cache_read;
    p->tokens = is_measured(row) ? row->prompt->prefix_tokens : (int64_t)floor(row->least_input);
    p->exchanges = is_measured(row) ? row->prompt->exchanges : 0;
    return p;
}

static void say_prefix(struct review_build *b, struct review_action *a, const struct review_row *row,
                       const struct review_prefix *p) {
    double read = 100 * (double)p->cache_read / (double)p->input;
    struct slice capture = review_capture(b, row);
    if (p->exchanges > 0)
        a->why = arena_printf(b->arena,
                              "%zu captured exchanges share their first %lld tokens%s; %.1f %% of the "
                              "requests came within five minutes "
                              "of another. Of %lld input tokens %.1f %% were read from the provider's cache, "
                              "%lld more could have been",
                              p->exchanges, (long long)p->tokens, row->prompt->exact ? "" : " (an estimate)",
                              isnan(p->warm) ? 100 : 100 * p->warm, (long long)p->input, read,
                              (long long)p->missed);
    else
        a->why = arena_printf(
            b->arena,
            "%lld requests with this system prompt sent %lld input tokens, %.1f %% of them read from the "
            "provider's cache; the part that all of them share is at most %lld tokens. How long it is takes "
            "%d "
            "captured exchanges (" SLICE_FMT ")",
            (long long)p->requests, (long long)p->input, read, (long long)p->tokens, REVIEW_ASKED_LEAST,
            SLICE_ARG(capture));
}

void review_find_prefix(struct review_build *b, const struct review_row *row) {
    const struct target *t = review_target_of(b, row);
    if (slice_is_null(row->names[SPEND_BY_SYSTEM_PROMPT]) || review_paid(&row->sums) == 0) return;
    if (!is_measured(row) && !(row->least_input >= REVIEW_PREFIX_LEAST && isfinite(row->least_input))) return;
    struct review_prefix *p = add_prefix(b, row);
    if (p == NULL) return;
    size_prefix(b, row, t, p);
    if (!money_is_known(p->month_nano) || !review_is_worth(b, (double)p->month_nano)) return;
    struct review_action *a = review_add(b, REVIEW_CACHE_PREFIX, row, (double)p->month_nano,
                                         review_monthly(b, (double)row->sums.cost_nano));
    bool asks = t->provider->dialect == DIALECT_ANTHROPIC;
    a->at_most = p->exchanges == 0 || isnan(p->warm);
    say_prefix(b, a, row, p);
    a->act = asks ? SLICE("in the request, on the last system block: \"cache_control\": {\"type\": "
                          "\"ephemeral\"}; nothing that varies before it")
                  : SLICE("in the request: system prompt and tools first and always the same bytes; dates, "
                          "names and retrieved text behind them");
    review_fact(a, "requests", (double)p->requests);
    review_fact(a, "input_tokens", (double)p->input);
    review_fact(a, "cache_read_tokens", (double)p->cache_read);
    review_fact(a, p->exchanges > 0 ? "prefix_tokens" : "prefix_tokens_at_most", (double)p->tokens);
    review_fact(a, p->exchanges > 0 ? "missed_tokens" : "uncached_tokens_at_most", (double)p->missed);
    review_fact(a, "sampled", (double)p->exchanges);
    if (p->exchanges > 0) review_fact(a, "within_five_minutes", p->warm);
}

/* ---- instructions ---- */

static struct slice example(struct review_build *b, const struct record_id *id) {
    char text[RECORD_ID_TEXT];
    record_id_format(id, text);
    return arena_printf(b->arena, "quarterdeck record show %s --payload", text);
}

void review_find_shorter(struct review_build *b, const struct review_row *row) {
    const struct review_prompt *p = row->prompt;
    double rate = review_input_rate(&row->sums), n = (double)review_paid(&row->sums);
    if (p == NULL || p->answered < REVIEW_ASKED_LEAST || p->unused == 0 || isnan(rate)) return;
    double month = review_monthly(b, (double)p->unused_tokens * n * rate);
    if (!review_is_worth(b, month)) return;
    struct review_action *a =
        review_add(b, REVIEW_SHORTEN_PROMPT, row, month, review_monthly(b, (double)row->sums.cost_nano));
    struct slice show = example(b, &p->example);
    a->at_most = true;
    a->why = arena_printf(
        b->arena,
        "the system prompt is %lld tokens in %u instructions, %u of them with words of their own; in %zu "
        "captured "
        "exchanges no question and no answer has any of the words of %u of these (%lld tokens; "
        "lines " SLICE_FMT
        "). A heuristic: an instruction about manner, safety or rare cases acts without being named",
        (long long)p->system_tokens, p->instructions, p->told, p->answered, p->unused,
        (long long)p->unused_tokens, SLICE_ARG(p->unused_lines));
    a->act = arena_printf(b->arena,
                          "read these lines (" SLICE_FMT
                          "), take out what is not needed, and compare answers before it goes live",
                          SLICE_ARG(show));
    review_fact(a, "requests", n);
    review_fact(a, "system_prompt_tokens", (double)p->system_tokens);
    review_fact(a, "instructions", p->instructions);
    review_fact(a, "never_referenced", p->unused);
    review_fact(a, "never_referenced_tokens", (double)p->unused_tokens);
    review_fact(a, "sampled", (double)p->answered);
}

/* ---- chunks ---- */

void review_find_chunks(struct review_build *b, const struct review_row *row) {
    const struct review_chunks *c = row->chunks;
    double rate = review_input_rate(&row->sums), n = (double)review_paid(&row->sums);
    if (c == NULL || c->exchanges < REVIEW_ASKED_LEAST || c->used == 0 || isnan(rate)) return;
    /* exchanges without chunks have none to lose: what was sampled stands for all of the feature */
    double month = review_monthly(b, (double)c->beyond_tokens / (double)c->sampled * n * rate);
    if (!review_is_worth(b, month)) return;
    struct review_action *a =
        review_add(b, REVIEW_FEWER_CHUNKS, row, month, review_monthly(b, (double)row->sums.cost_nano));
    struct slice show = example(b, &c->example);
    a->at_most = true;
    a->why = arena_printf(b->arena,
                          "%zu of %zu captured exchanges have %.1f retrieved paragraphs on average (%.0f "
                          "tokens); answers use words of "
                          "%.1f of them, and 95 %% of those used are among the first %u. Those behind are "
                          "%.0f tokens an exchange. A "
                          "heuristic: used is what has two words of its own in the answer",
                          c->exchanges, c->sampled, (double)c->chunks / (double)c->exchanges,
                          (double)c->tokens / (double)c->exchanges, (double)c->used / (double)c->exchanges,
                          c->enough, (double)c->beyond_tokens / (double)c->exchanges);
    a->act = arena_printf(b->arena, "retrieve %u chunks for this feature; " SLICE_FMT " shows one exchange",
                          c->enough, SLICE_ARG(show));
    review_fact(a, "requests", n);
    review_fact(a, "sampled", (double)c->sampled);
    review_fact(a, "with_chunks", (double)c->exchanges);
    review_fact(a, "chunks", (double)c->chunks / (double)c->exchanges);
    review_fact(a, "chunks_used", (double)c->used / (double)c->exchanges);
    review_fact(a, "chunks_enough", c->enough);
    review_fact(a, "tokens_beyond", (double)c->beyond_tokens / (double)c->exchanges);
}
