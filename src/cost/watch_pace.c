/* Budgets as they will stand: forecast, burn, plan. */
#include "base/mem.h"
#include "cost/outlook.h"
#include "cost/watch_private.h"

#include <math.h>

/* Over plan: stands until it is half as far above as it must be to begin, and says nothing before a twentieth
 * of the limit is spent. */
static const double PLAN_CLEARS = 0.5, PLAN_LEAST = 0.05;

struct paced {
    struct watch_look *look;
    struct recent_spend *recent;
    struct budget_view *at;
    size_t n, left_off;
};

static void collect(void *arg, const struct budget_view *v) {
    struct paced *p = arg;
    const struct scope *s = &v->budget->scope;
    bool forecast = v->spent_nano > 0 && v->window.end_us > p->look->now_us;
    for (unsigned i = 0; i < s->n_terms; i++) /* the ledger's sums do not tell these apart */
        if (s->terms[i].by == SCOPE_BY_USER || s->terms[i].by == SCOPE_BY_TAG) forecast = false;
    if (!forecast) return;
    if (p->n == WATCH_FORECASTS) {
        p->left_off++;
        return;
    }
    struct budget_view *copy = &p->at[p->n++];
    *copy = *v;
    for (unsigned i = 0; i < s->n_terms; i++) copy->values[i] = arena_slice(&p->look->arena, v->values[i]);
}

static const struct {
    const char *statistic, *threshold_from;
} rules[FINDING_KINDS] = {
    [FINDING_BUDGET_FORECAST] =
        {"probability that the limit is passed before the window ends",
         "0.95, or 0.8 when the median is less than 48 hours away; it clears below 0.6"},
    [FINDING_BUDGET_BURN] =
        {"pace of the long and of the short window, the lower one, against the pace that what is left "
         "would just last at, by the hours' expected share",
         "14.4 over 1 h and 5 min, 6 over 6 h and 30 min, 3 over 24 h and 2 h, when 1 % of the limit was "
         "spent in the long one"},
    [FINDING_OVER_PLAN] = {"spent / what the profile of the hours expects by now of the whole limit",
                           "1 + watch.plan_over"},
};

static unsigned tier_of(const struct budget_outlook *o) {
    static const double above[BURN_TIERS] = {14.4, 6, 3};
    for (unsigned i = 0; i < BURN_TIERS; i++)
        if (o->burn[i] > above[i]) return i;
    return 0;
}

static double statistic_of(enum finding_kind kind, const struct budget_outlook *o) {
    return kind == FINDING_BUDGET_FORECAST ? o->breach
           : kind == FINDING_BUDGET_BURN   ? o->burn[tier_of(o)]
                                           : o->plan_ratio;
}

static struct slice evidence_of(struct watch_look *l, enum finding_kind kind, const struct budget_view *v,
                                const struct budget_outlook *o) {
    static const double burns[BURN_TIERS] = {14.4, 6, 3};
    struct json_writer *w = watch_json(l);
    json_object(w);
    watch_put_budget(w, v);
    json_member_double(w, "statistic", statistic_of(kind, o));
    json_member_text(w, "statistic_is", rules[kind].statistic);
    json_member_i64(w, "n", (int64_t)o->days);
    json_member_text(w, "n_is", "whole days of history");
    json_member_double(w, "threshold",
                       kind == FINDING_BUDGET_BURN       ? burns[tier_of(o)]
                       : kind == FINDING_BUDGET_FORECAST ? (o->breach >= 0.95  ? 0.95
                                                            : o->breach >= 0.8 ? 0.8
                                                                               : 0.6)
                                                         : 1 + l->policy->server.watch.plan_over);
    json_member_text(w, "threshold_from", rules[kind].threshold_from);
    json_member_double(w, "false_alarm_rate", kind == FINDING_BUDGET_FORECAST ? 1 - o->breach : NAN);
    json_member_text(w, "false_alarm_why",
                     kind == FINDING_BUDGET_FORECAST ? "if the days ahead are like the last 28"
                     : kind == FINDING_BUDGET_BURN
                         ? "not known: it says what was spent, not that it goes on"
                         : "not known: it says what was spent, not that it goes on");
    json_key(w, "outlook");
    budget_outlook_write_json(o, w);
    json_object_end(w);
    return watch_take(l);
}

static void print_pace(struct buffer *t, enum finding_kind kind, const struct budget_outlook *o) {
    static const char *const spans[BURN_TIERS] = {"hour", "6 hours", "24 hours"};
    if (kind == FINDING_BUDGET_FORECAST) {
        buffer_append(t, SLICE("will be used up with a probability of "));
        if (o->breach >= 0.995) buffer_append(t, SLICE("more than 99 %"));
        else buffer_printf(t, "%.0f %%", 100 * o->breach);
        if (o->eta_p50 < 1) buffer_append(t, SLICE(", likeliest within the hour"));
        else if (isfinite(o->eta_p50)) buffer_printf(t, o->eta_p50 < 72 ? ", likeliest in %.0f h" : ", likeliest in %.0f days", o->eta_p50 < 72 ? o->eta_p50 : o->eta_p50 / 24);
    } else if (kind == FINDING_BUDGET_BURN) {
        unsigned i = tier_of(o);
        buffer_printf(t, "burns: over the last %s what is left went %.1f times as fast as it would last",
                      spans[i], o->burn[i]);
    } else {
        buffer_printf(t, "is %.0f %% over plan", 100 * (o->plan_ratio - 1));
    }
}

static void tell(struct watch_look *l, enum finding_kind kind, const struct budget_view *v,
                 const struct budget_outlook *o) {
    struct finding f = {.kind = kind, .application = watch_application(v)};
    f.key = watch_budget_key(l, kind, v, 0, false);
    f.evidence = evidence_of(l, kind, v, o);
    struct buffer *t = watch_text(l);
    buffer_printf(t, "budget %s (", v->budget->name);
    watch_print_scope(t, v);
    buffer_append(t, SLICE(") "));
    print_pace(t, kind, o);
    buffer_append(t, SLICE(": "));
    watch_print_usd(t, v->spent_nano);
    buffer_append(t, SLICE(" of "));
    watch_print_usd(t, v->budget->limit_nano);
    buffer_append(t, SLICE(" USD until "));
    watch_print_when(t, v->window.end_us);
    f.title = watch_take(l);
    t = watch_text(l);
    buffer_append(t,
                  kind == FINDING_BUDGET_BURN
                      ? SLICE("quarterdeck cost explain --from -1h")
                      : SLICE("quarterdeck cost explain --from -1d --baseline-from -8d --baseline-to -7d"));
    watch_print_filters(t, v);
    f.command = watch_take(l);
    watch_saw(l, &f);
}

static enum fault stands(struct watch_look *l, enum finding_kind kind, const struct budget_view *v, bool *ret,
                         struct error *error) {
    bool found;
    enum finding_state state;
    enum fault fault =
        findings_state(l->w->registry, watch_budget_key(l, kind, v, 0, false), &found, &state, error);
    if (fault == FAULT_NONE) *ret = found && state == FINDING_OPEN;
    return fault;
}

/* What is not known leaves what stands as it is. */
static void weigh(struct watch_look *l, const struct budget_view *v, const struct budget_outlook *o,
                  bool plan_stands) {
    double over = l->policy->server.watch.plan_over * (plan_stands ? PLAN_CLEARS : 1);
    bool enough = (double)v->spent_nano >= PLAN_LEAST * (double)v->budget->limit_nano;
    if (o->alert == OUTLOOK_BREACHED) return; /* the threshold says so */
    if (o->alert == OUTLOOK_FORECAST && isnan(o->breach))
        watch_is_unsure(l, watch_budget_key(l, FINDING_BUDGET_FORECAST, v, 0, false));
    else if (o->alert == OUTLOOK_FORECAST) tell(l, FINDING_BUDGET_FORECAST, v, o);
    else if (o->alert == OUTLOOK_BURN) tell(l, FINDING_BUDGET_BURN, v, o);
    else if (enough && o->plan_ratio >= 1 + over) tell(l, FINDING_OVER_PLAN, v, o);
}

static enum fault look_at(struct watch_look *l, const struct recent_spend *recent,
                          const struct budget_view *v, struct error *error) {
    struct budget_outlook o;
    bool forecast_stands = false, plan_stands = false;
    enum fault fault = stands(l, FINDING_BUDGET_FORECAST, v, &forecast_stands, error);
    if (fault == FAULT_NONE) fault = stands(l, FINDING_OVER_PLAN, v, &plan_stands, error);
    struct outlook_watch how = {recent, l->policy->server.watch.plan_over, forecast_stands, l->w->outlooks};
    if (fault == FAULT_NONE) fault = outlook_watch_budget(l->w->ledger, v, l->now_us, &how, &o, error);
    if (fault == FAULT_NONE) weigh(l, v, &o, plan_stands);
    return fault;
}

enum fault watch_pace(const struct watch *w, int64_t now_us, struct error *error) {
    struct watch_look l;
    enum fault fault = FAULT_NONE;
    bool others;
    watch_look_begin(&l, w, now_us);
    struct paced p = {.look = &l, .at = mem_new_array(struct budget_view, WATCH_FORECASTS)};
    watch_each_budget(&l, collect, &p, &others);
    if (p.n > 0) fault = recent_spend_read(w->ledger, now_us, &p.recent, error);
    for (size_t i = 0; i < p.n && fault == FAULT_NONE; i++) {
        if (w->stopping != NULL && w->stopping(w->ctx))
            fault = error_set(error, FAULT_SHUTTING_DOWN, "the server is stopping");
        else fault = look_at(&l, p.recent, &p.at[i], error);
    }
    uint64_t kinds = FINDING_BIT(BUDGET_FORECAST) | FINDING_BIT(BUDGET_BURN) | FINDING_BIT(OVER_PLAN);
    if (fault == FAULT_NONE)
        fault = watch_look_put(&l, others || p.left_off > 0 ? 0 : kinds, SLICE_NULL, error);
    if (fault == FAULT_NONE && p.left_off > 0)
        fault = error_set(error, FAULT_TOO_LARGE, "the pace of %d budgets was looked at, %zu were left off",
                          WATCH_FORECASTS, p.left_off);
    recent_spend_free(p.recent);
    mem_free(p.at);
    watch_look_end(&l);
    return fault;
}
