/* The hot path: admit, settle, release. Nothing here waits. */
#include "cost/governor_private.h"

#include "base/clock.h"

#include <stdio.h>

/* What one admission has taken so far, and for whom. */
struct taking {
    struct governor *g;
    const struct plan *plan;
    const struct admission_request *q;
    struct verdict *verdict;
    struct reservation *held;
    bool complete; /* every budget that matches is held */
};

/* ===== counters ===== */

static void prepare_budget(struct counter *c, const void *window) {
    ((struct budget_counter *)c)->end_us = ((const struct window *)window)->end_us;
}

struct budget_counter *governor_budget_counter(struct governor *g, const struct rule *r,
                                               const struct window *w, struct slice values) {
    struct counter_key key = {r->owner, w->start_us, values};
    return (struct budget_counter *)counters_obtain(g->budgets, &key, prepare_budget, w);
}

void governor_view(const struct rule *r, struct slice values, const struct window *w,
                   const struct budget_counter *c, struct budget_view *ret) {
    *ret = (struct budget_view){.budget = r->budget, .window = *w};
    for (unsigned i = 0; i < r->scope->n_terms; i++) {
        ret->values[i] = slice_of(r->scope->terms[i].value);
        if (r->scope->terms[i].value != NULL || values.len < 2) continue;
        size_t len = (unsigned char)values.at[0] | (size_t)(unsigned char)values.at[1] << 8;
        ret->values[i] = slice_make(values.at + 2, len);
        values = slice_make(values.at + 2 + len, values.len - 2 - len);
    }
    if (c == NULL) return;
    budget_sums(c, &ret->spent_nano, &ret->reserved_nano);
    ret->unpriced = atomic_load(&c->unpriced);
    ret->refused = atomic_load(&c->refused);
}

static void tell(struct governor *g, const struct rule *r, struct budget_counter *c, bool replayed) {
    double share;
    while (budget_crossed(c, r->budget, &share)) {
        struct budget_alert a = {.share = share, .replayed = replayed};
        struct window w = {c->head.start_us, c->end_us};
        governor_view(r, slice_make(c->head.values, c->head.values_len), &w, c, &a.view);
        if (g->events.alert != NULL) g->events.alert(g->events.ctx, &a);
    }
}

/* ===== refusing ===== */

/* Gives back all that was taken; `requests`: as if it had never been asked for. */
static void give_back(struct taking *t) {
    for (unsigned i = t->held->n; i-- > 0;) {
        const struct hold *h = &t->held->holds[i];
        if (h->is_limit) limit_give_back(h->counter, t->plan->rules[h->rule].limit, h->amount);
        else budget_release(h->counter, h->amount);
    }
    t->held->n = 0;
    t->held->plan = 0;
}

static bool refuse(struct taking *t, enum fault fault, int64_t retry_after_us) {
    if (t->held->n > 0) give_back(t);
    t->verdict->outcome = VERDICT_REFUSE;
    t->verdict->fault = fault;
    t->verdict->retry_after_us = retry_after_us;
    return false;
}

/* The rule cannot be checked: its on_error decides. */
static bool cannot_check(struct taking *t, const struct rule *r, const char *why) {
    bool block = r->budget != NULL ? r->budget->block_on_error : r->limit->block_on_error;
    t->complete = false;
    if (!block) return true;
    snprintf(t->verdict->text, sizeof t->verdict->text, "%s `%s` cannot be checked: %s",
             r->budget != NULL ? "budget" : "limit", r->budget != NULL ? r->budget->name : r->limit->name,
             why);
    return refuse(t, FAULT_OVERLOADED, -1);
}

static struct hold *next_hold(struct taking *t, const struct rule *r) {
    struct hold *h = &t->held->holds[t->held->n];
    *h = (struct hold){.rule = (uint16_t)(r - t->plan->rules)};
    return h;
}

static const char too_many_values[] = "too many values are counted";
static const char too_many_rules[] = "too many budgets and limits match";

/* ===== prices and approval ===== */

/* May stand in a command as it is, and is short enough for a message. */
static bool is_word(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':';
        if (!plain && (c != '-' || i == 0)) return false;
    }
    return s.len > 0 && s.len <= 64;
}

static bool judge_price(struct taking *t) {
    const struct admission_request *q = t->q;
    const struct request_policy *r = policy_requests(q->application, q->labels.request_type);
    char cost[MONEY_TEXT], most[MONEY_TEXT];
    if (!money_is_known(q->worst_cost_nano)) {
        if (!q->application->block_unknown_price) return true;
        snprintf(t->verdict->text, sizeof t->verdict->text,
                 "the price of model `" SLICE_FMT
                 "` is not known, and application `%s` has unknown_price: block",
                 SLICE_ARG(q->labels.model), q->application->name);
        return refuse(t, FAULT_UNKNOWN_PRICE, -1);
    }
    int64_t approved = q->wall_us < r->approved_until_us ? r->approved_nano : 0;
    int64_t above = approved > r->approve_above_nano ? approved : r->approve_above_nano;
    if (!money_is_known(r->approve_above_nano) || q->worst_cost_nano <= above ||
        q->approved_nano >= q->worst_cost_nano)
        return true;
    money_format(q->worst_cost_nano, cost);
    money_format(above, most);
    int n = snprintf(t->verdict->text, sizeof t->verdict->text,
                     "this request may cost %s USD, and above %s USD it needs approval: send "
                     "x-quarterdeck-approve-cost: %s",
                     cost, most, cost);
    if (n > 0 && is_word(slice_of(q->application->name)) && is_word(q->labels.request_type))
        snprintf(t->verdict->text + n, sizeof t->verdict->text - (size_t)n,
                 ", or have an operator type: quarterdeck budget approve --application %s --request-type " SLICE_FMT
                 " --up-to %s --why REASON",
                 q->application->name, SLICE_ARG(q->labels.request_type), cost);
    return refuse(t, FAULT_APPROVAL_REQUIRED, -1);
}

/* ===== limits ===== */

static void keep_nearest(struct rate_state *now, struct rate_state other) {
    if (other.limit < 0) return;
    bool nearer = (double)other.remaining * (double)now->limit < (double)now->remaining * (double)other.limit;
    if (now->limit < 0 || nearer) *now = other;
}

static bool limit_reached(struct taking *t, const struct rate_limit *l, const struct limit_counter *c,
                          enum limit_answer answer, int64_t wait_us) {
    struct verdict *v = t->verdict;
    long long n = l->concurrent;
    const char *when = "at once";
    if (answer == LIMIT_REQUESTS) {
        n = l->requests_per_minute;
        when = "a minute";
        v->requests = limit_requests(c, l, t->q->mono_us);
    } else if (answer == LIMIT_TOKENS) {
        v->tokens = limit_tokens(c, l, t->q->mono_us);
        snprintf(v->text, sizeof v->text,
                 "limit `%s`: %lld tokens a minute, %lld left; this request takes up to %lld%s", l->name,
                 (long long)l->tokens_per_minute, (long long)v->tokens.remaining, (long long)t->q->tokens,
                 wait_us < 0 ? ", more than it ever allows at once" : "");
        return refuse(t, FAULT_RATE_LIMITED, wait_us);
    }
    snprintf(v->text, sizeof v->text, "limit `%s`: %lld %s %s %s reached", l->name, n, n == 1 ? "request" : "requests", when,
             n == 1 ? "is" : "are");
    return refuse(t, FAULT_RATE_LIMITED, wait_us);
}

static bool take_limit(struct taking *t, const struct rule *r, struct slice values) {
    struct counter_key key = {r->owner, 0, values};
    const struct rate_limit *l = r->limit;
    struct limit_counter *c;
    enum limit_answer answer;
    int64_t wait_us;
    if (t->held->n == LIMIT_HOLDS) return cannot_check(t, r, too_many_rules);
    do {
        c = (struct limit_counter *)counters_obtain(t->g->limits, &key, NULL, NULL);
        if (c == NULL) return cannot_check(t, r, too_many_values);
        answer = limit_take(c, l, t->q->tokens, t->q->spending == SPEND_IDLE, t->q->mono_us, &wait_us);
    } while (answer == LIMIT_GONE);
    if (answer != LIMIT_FITS) return limit_reached(t, l, c, answer, wait_us);
    struct hold *h = next_hold(t, r);
    h->counter = c;
    h->amount = t->q->tokens;
    h->tokens_per_minute = l->tokens_per_minute;
    h->is_limit = true;
    t->held->n++;
    keep_nearest(&t->verdict->requests, limit_requests(c, l, t->q->mono_us));
    keep_nearest(&t->verdict->tokens, limit_tokens(c, l, t->q->mono_us));
    return true;
}

/* ===== budgets ===== */

static void describe(struct taking *t, const struct rule *r, const struct window *w,
                     const struct budget_counter *c) {
    struct budget_view v;
    char limit[MONEY_TEXT], spent[MONEY_TEXT], reserved[MONEY_TEXT], worst[MONEY_TEXT], since[CLOCK_TEXT];
    governor_view(r, SLICE_NULL, w, c, &v);
    money_format(r->budget->limit_nano, limit);
    money_format(v.spent_nano, spent);
    money_format(v.reserved_nano, reserved);
    money_format(t->q->worst_cost_nano, worst);
    clock_format(w->start_us, since);
    snprintf(t->verdict->text, sizeof t->verdict->text,
             "budget `%s` of %s USD: %s spent and %s reserved since %s; this request may cost %s%s",
             r->budget->name, limit, spent, reserved, since,
             money_is_known(t->q->worst_cost_nano) ? worst : "an unknown sum",
             money_is_known(t->q->worst_cost_nano) ? " USD" : "");
}

static bool budget_over(struct taking *t, const struct rule *r, const struct window *w,
                        struct budget_counter *c) {
    describe(t, r, w, c);
    atomic_fetch_add(&c->refused, 1);
    return refuse(t, FAULT_BUDGET_EXCEEDED, w->end_us - t->q->wall_us);
}

/* Without a price nothing can be reserved; it fits as long as something is left. */
static enum budget_answer try_budget(struct budget_counter *c, const struct admission_request *q,
                                     int64_t limit_nano) {
    if (!money_is_known(q->worst_cost_nano))
        return budget_left(c, limit_nano) > 0 ? BUDGET_FITS : BUDGET_OVER;
    if (q->worst_cost_nano == 0) return BUDGET_FITS; /* what costs nothing is never too much */
    int64_t worst = q->worst_cost_nano < LIMIT_COST_NANO ? q->worst_cost_nano : LIMIT_COST_NANO;
    return budget_reserve(c, worst > 0 ? worst : 0, limit_nano);
}

static bool reserve_budget(struct taking *t, struct rule *r, struct slice values) {
    enum budget_mode mode = r->budget->mode;
    int64_t limit = mode == BUDGET_SOFT || t->q->spending == SPEND_AGAIN ? INT64_MAX : r->budget->limit_nano;
    struct budget_counter *c;
    struct window w;
    enum budget_answer answer;
    if (!plan_window(r, t->q->wall_us, &w)) return true; /* not begun, or over */
    if (r->budget->block_on_error && !atomic_load_explicit(&r->filled, memory_order_relaxed))
        return cannot_check(t, r, "what was spent before is not read yet");
    if (t->held->n == LIMIT_HOLDS) return cannot_check(t, r, too_many_rules);
    do {
        c = governor_budget_counter(t->g, r, &w, values);
        if (c == NULL) return cannot_check(t, r, too_many_values);
        answer = try_budget(c, t->q, limit);
        if (answer == BUDGET_OVER && mode == BUDGET_DEGRADE) {
            if (t->verdict->outcome == VERDICT_ADMIT) describe(t, r, &w, c);
            t->verdict->outcome = VERDICT_DEGRADE;
            answer = try_budget(c, t->q, INT64_MAX);
        }
    } while (answer == BUDGET_GONE);
    if (answer == BUDGET_OVER) return budget_over(t, r, &w, c);
    if (t->q->worst_cost_nano <= 0) { /* nothing reserved, so nothing keeps the counter */
        t->complete = false;
        return true;
    }
    struct hold *h = next_hold(t, r);
    h->counter = c;
    h->amount = t->q->worst_cost_nano < LIMIT_COST_NANO ? t->q->worst_cost_nano : LIMIT_COST_NANO;
    t->held->n++;
    return true;
}

/* ===== the three calls ===== */

static void judge(struct taking *t) {
    const struct rule_list *list = plan_rules(t->plan, t->q->labels.application);
    char room[PLAN_VALUES];
    struct slice values;
    if (t->q->spending != SPEND_AGAIN && !judge_price(t)) return;
    for (unsigned i = 0; i < list->n; i++) {
        struct rule *r = list->rules[i];
        if (r->limit != NULL && t->q->spending >= SPEND_BATCH) continue;
        if (!plan_match(r, &t->q->labels, room, &values)) continue;
        if (!(r->limit != NULL ? take_limit(t, r, values) : reserve_budget(t, r, values))) return;
    }
    if (t->complete) t->held->plan = t->plan->id;
}

void governor_admit(struct governor *g, const struct admission_request *q, struct verdict *v,
                    struct reservation *ret) {
    unsigned slot = gate_enter(&g->gate);
    struct taking t = {g, atomic_load(&g->plan), q, v, ret, true};
    v->outcome = VERDICT_ADMIT;
    v->fault = FAULT_NONE;
    v->retry_after_us = -1;
    v->estimate_nano = q->worst_cost_nano;
    v->requests = v->tokens = (struct rate_state){.limit = -1};
    v->text[0] = 0;
    ret->n = 0;
    ret->plan = 0;
    if (t.plan != NULL) judge(&t);
    gate_leave(&g->gate, slot);
}

void governor_book(struct governor *g, struct plan *p, const struct admission_labels *l, int64_t wall_us,
                   int64_t cost_nano, const int64_t *from_us) {
    const struct rule_list *list = plan_rules(p, l->application);
    char room[PLAN_VALUES];
    struct slice values;
    struct window w;
    for (unsigned i = list->n_limits; i < list->n; i++) {
        struct rule *r = list->rules[i];
        struct budget_counter *c;
        if (from_us != NULL && wall_us < from_us[r - p->rules]) continue;
        if (!plan_match(r, l, room, &values) || !plan_window(r, wall_us, &w)) continue;
        do c = governor_budget_counter(g, r, &w, values);
        while (c != NULL && !budget_book(c, cost_nano));
        if (c != NULL) tell(g, r, c, from_us != NULL);
        else atomic_fetch_add(&g->unbooked, 1);
    }
}

/* The holds are exactly what the cost is booked in: no look-up. */
static bool holds_are_all(const struct plan *p, const struct reservation *r, int64_t wall_us) {
    if (p == NULL || r->plan != p->id) return false;
    for (unsigned i = 0; i < r->n; i++) {
        const struct budget_counter *c = r->holds[i].counter;
        if (!r->holds[i].is_limit && (wall_us < c->head.start_us || wall_us >= c->end_us)) return false;
    }
    return true;
}

void governor_settle(struct governor *g, struct reservation *r, const struct settlement *s) {
    unsigned slot = gate_enter(&g->gate);
    struct plan *pending = atomic_load(&g->pending), *p = atomic_load(&g->plan);
    bool direct = holds_are_all(p, r, s->wall_us);
    if (p != NULL && atomic_load_explicit(&p->journaling, memory_order_relaxed)) plan_note(p, &s->id);
    if (pending != NULL && pending != p) {
        if (atomic_load(&pending->journaling)) plan_note(pending, &s->id);
        governor_book(g, pending, &s->labels, s->wall_us, s->cost_nano, pending->only_new);
    }
    for (unsigned i = 0; i < r->n; i++) {
        const struct hold *h = &r->holds[i];
        if (h->is_limit) {
            limit_finish(h->counter, h->tokens_per_minute, h->amount, s->tokens);
        } else if (!direct) {
            budget_release(h->counter, h->amount);
        } else {
            budget_settle(h->counter, h->amount, s->cost_nano);
            tell(g, &p->rules[h->rule], h->counter, false);
        }
    }
    if (!direct && p != NULL) governor_book(g, p, &s->labels, s->wall_us, s->cost_nano, NULL);
    r->n = 0;
    r->plan = 0;
    gate_leave(&g->gate, slot);
}

void governor_release(struct governor *g, struct reservation *r) {
    unsigned slot = gate_enter(&g->gate);
    for (unsigned i = 0; i < r->n; i++) {
        const struct hold *h = &r->holds[i];
        if (h->is_limit) limit_finish(h->counter, h->tokens_per_minute, h->amount, 0);
        else budget_release(h->counter, h->amount);
    }
    r->n = 0;
    r->plan = 0;
    gate_leave(&g->gate, slot);
}

static void call_admit(void *ctx, const struct admission_request *q, struct verdict *v,
                       struct reservation *ret) {
    governor_admit(ctx, q, v, ret);
}
static void call_settle(void *ctx, struct reservation *r, const struct settlement *s) {
    governor_settle(ctx, r, s);
}
static void call_release(void *ctx, struct reservation *r) {
    governor_release(ctx, r);
}

struct admission_calls governor_calls(struct governor *g) {
    return (struct admission_calls){g, call_admit, call_settle, call_release};
}
