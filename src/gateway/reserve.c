#include "gateway/exchange.h"

#include "base/clock.h"

#define BYTES_PER_TOKEN 4

/* Counting costs more than judging: only where something is judged by it. */
static bool is_judged(const struct exchange *x, const struct request_policy *asked) {
    const struct policy *p = x->binding->policy;
    return p->n_budgets > 0 || p->n_limits > 0 || x->key->application->block_unknown_price ||
           money_is_known(asked->approve_above_nano);
}

static int64_t most_output(const struct exchange *x, const struct request_policy *asked) {
    const struct token_calls *s = &x->gateway->sinks.tokens;
    int64_t expected = x->call.max_tokens < 0 && s->expect_output ? s->expect_output(s->ctx, &x->record) : -1;
    return admission_most_output(&x->call, expected, x->order[0], asked);
}

static bool body_says(const struct exchange *x, struct slice words) {
    return x->body.len >= words.len &&
           memmem(x->body.at, x->body.len, words.at, words.len) != NULL;
}

/* Calls that go on from a conversation the provider keeps are charged for all of it: what is not seen here is bounded by
 * what such calls have shown, else by what the model can read beside its answer. */
static int64_t unseen_bound(const struct exchange *x, int64_t output) {
    const struct token_calls *s = &x->gateway->sinks.tokens;
    int64_t learned = s->expect_input ? s->expect_input(s->ctx, &x->record) : -1, window = -1;
    if (learned >= 0) return learned;
    for (unsigned i = 0; i < x->n_order; i++)
        if (x->order[i]->context_window > window) window = x->order[i]->context_window;
    return window - output;
}

/* The worst that may be used: nothing is found in the provider's cache, and all is written to it where the
 * call asks. */
static void foresee(struct exchange *x, const struct request_policy *asked, struct usage *ret) {
    const struct token_calls *s = &x->gateway->sinks.tokens;
    bool goes_on = x->counted.goes_on;
    if (s->count_input) s->count_input(s->ctx, x->gateway->lane, x->order[0], &x->call, &x->counted);
    x->counted.goes_on = goes_on;
    if (x->counted.tokens < 0)
        x->counted.tokens = (int64_t)(x->call.text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    usage_init(ret);
    ret->input = x->counted.tokens;
    ret->output = most_output(x, asked);
    if (x->counted.goes_on) {
        int64_t bound = unseen_bound(x, ret->output);
        if (bound > ret->input) ret->input = bound < LIMIT_COUNTED_TOKENS ? bound : LIMIT_COUNTED_TOKENS;
    }
    ret->cache_read = ret->cache_write = ret->reasoning = 0;
    if (!body_says(x, SLICE("cache_control"))) return;
    ret->cache_write = ret->input;
    if (body_says(x, SLICE("\"1h\""))) ret->cache_write_1h = ret->input;
}

/* Of all targets that may serve it, the dearest; those without a price do not count beside one that has one.
 */
static int64_t worst_cost(const struct exchange *x, const struct usage *most) {
    if (x->call.endpoint == ENDPOINT_COUNT_TOKENS) return 0;
    int64_t worst = MONEY_UNKNOWN;
    for (unsigned i = 0; i < x->model->n_targets; i++) {
        int64_t cost = price_cost(x->model->targets[i].price, most, x->record.time_us);
        if (money_is_known(cost) && (!money_is_known(worst) || cost > worst)) worst = cost;
    }
    return worst;
}

/* Insertion sort; what has no price comes last, and equals stay in their order. */
static void cheapest_first(struct exchange *x, const struct usage *most) {
    int64_t costs[LIMIT_TARGETS];
    for (unsigned i = 0; i < x->n_order; i++) {
        const struct target *t = x->order[i];
        int64_t cost = price_cost(t->price, most, x->record.time_us);
        if (!money_is_known(cost)) cost = INT64_MAX;
        unsigned at = i;
        for (; at > 0 && costs[at - 1] > cost; at--) {
            costs[at] = costs[at - 1];
            x->order[at] = x->order[at - 1];
        }
        costs[at] = cost;
        x->order[at] = t;
    }
}

bool reserve(struct exchange *x) {
    const struct admission_calls *a = &x->gateway->sinks.admission;
    if (!a->admit) return true;
    const struct request_policy *asked = policy_requests(x->key->application, x->record.request_type);
    struct usage most = {0};
    struct verdict v = {.outcome = VERDICT_ADMIT};
    struct admission_request q = {.labels = admission_labels_of(&x->record),
                                  .application = x->key->application,
                                  .spending = x->record.batch.len > 0 ? SPEND_IDLE : SPEND_NOW,
                                  .wall_us = x->record.time_us,
                                  .mono_us = loop_now_us(x->gateway->loop),
                                  .approved_nano = x->approved_nano};
    x->counted.goes_on = x->call.endpoint == ENDPOINT_RESPONSES && trim_goes_on_elsewhere(&x->call.doc);
    if (is_judged(x, asked)) {
        foresee(x, asked, &most);
        q.worst_cost_nano = worst_cost(x, &most);
        q.tokens = x->call.endpoint == ENDPOINT_COUNT_TOKENS ? 0 : x->counted.tokens + most.output;
    }
    a->admit(a->ctx, &q, &v, &x->reservation);
    x->requests_left = v.requests;
    x->tokens_left = v.tokens;
    if (v.outcome == VERDICT_REFUSE) {
        x->retry_after_us = v.retry_after_us;
        if (v.fault == FAULT_APPROVAL_REQUIRED || v.fault == FAULT_BUDGET_EXCEEDED)
            x->estimate_nano = v.estimate_nano;
        exchange_refuse(x, RECORD_REFUSED, v.fault, v.text);
        return false;
    }
    x->reserved = true;
    x->cheapest_first = v.outcome == VERDICT_DEGRADE;
    if (!x->cheapest_first) return true;
    resolve_any_tier(x);
    cheapest_first(x, &most);
    if (gateway_intervenes(x->gateway)) intervene_order(x);
    return true;
}

void reserve_settle(struct exchange *x, bool used) {
    const struct token_calls *tokens = &x->gateway->sinks.tokens;
    const struct admission_calls *a = &x->gateway->sinks.admission;
    const struct record *r = &x->record;
    if (tokens->learn && r->status == RECORD_OK && x->target)
        tokens->learn(tokens->ctx, x->target, &x->counted, r);
    if (!x->reserved) return;
    x->reserved = false;
    if (!used) {
        a->release(a->ctx, &x->reservation);
        return;
    }
    bool counted = r->usage.input != USAGE_NULL && r->usage.output != USAGE_NULL;
    struct settlement done = {.labels = admission_labels_of(r),
                              .id = r->id,
                              .wall_us = r->time_us,
                              .cost_nano = r->cost_nano,
                              .tokens = counted ? r->usage.input + r->usage.output : -1};
    a->settle(a->ctx, &x->reservation, &done);
}
