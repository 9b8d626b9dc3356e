/* Budgets as their books stand: thresholds that were crossed, and refusals. Nothing is estimated here. */
#include "base/mem.h"
#include "cost/watch_private.h"

struct crossing {
    struct budget_view view; /* values in the look's arena */
    double share;            /* the highest that was reached */
    bool refusing;
};

/* Of one budget and one kind of finding. */
struct crossings {
    struct crossing first[WATCH_VALUES];
    uint64_t n;
};

struct collection {
    struct watch_look *look;
    struct crossings *reached, *refusing; /* by budget */
};

static double highest_share(const struct budget_view *v) {
    const struct budget *b = v->budget;
    double spent = (double)v->spent_nano, share = v->spent_nano > 0 && v->spent_nano >= b->limit_nano ? 1 : 0;
    for (unsigned i = 0; i < b->n_alerts && v->spent_nano > 0; i++)
        if (spent >= b->alert_at[i] * (double)b->limit_nano && b->alert_at[i] > share) share = b->alert_at[i];
    return share;
}

static void add(struct collection *c, struct crossings *all, const struct budget_view *v, double share,
                bool refusing) {
    if (all->n++ >= WATCH_VALUES) return;
    struct crossing *x = &all->first[all->n - 1];
    *x = (struct crossing){*v, share, refusing};
    for (unsigned i = 0; i < v->budget->scope.n_terms; i++)
        x->view.values[i] = arena_slice(&c->look->arena, v->values[i]);
}

static void collect(void *arg, const struct budget_view *v) {
    struct collection *c = arg;
    size_t at = (size_t)(v->budget - c->look->policy->budgets);
    double share = highest_share(v);
    if (share > 0) add(c, &c->reached[at], v, share, false);
    if (v->refused > 0) add(c, &c->refusing[at], v, 1, true);
}

static struct slice evidence_of(struct watch_look *l, const struct crossing *x, uint64_t many) {
    const struct budget_view *v = &x->view;
    struct json_writer *w = watch_json(l);
    json_object(w);
    watch_put_budget(w, v);
    watch_put_usd(w, "reserved_usd", v->reserved_nano);
    if (many > 0) json_member_i64(w, "values", (int64_t)many);
    json_member_double(w, "statistic",
                       x->refusing                 ? (double)v->refused
                       : v->budget->limit_nano > 0 ? (double)v->spent_nano / (double)v->budget->limit_nano
                                                   : 1);
    json_member_text(w, "statistic_is",
                     x->refusing ? "requests refused in this window since the server started"
                                 : "spent / limit");
    json_member_double(w, "threshold", x->refusing ? 1 : x->share);
    json_member_text(w, "threshold_from",
                     x->refusing ? "any refusal" : "the budget's alert_at, or its limit");
    json_member_i64(w, "false_alarm_rate", 0);
    json_member_text(w, "false_alarm_why", "the sum of the records of the window, not an estimate");
    json_object_end(w);
    return watch_take(l);
}

static struct slice title_of(struct watch_look *l, const struct crossing *x, uint64_t many) {
    const struct budget_view *v = &x->view;
    struct buffer *t = watch_text(l);
    if (many > 0) buffer_printf(t, "%llu values of budget %s ", (unsigned long long)many, v->budget->name);
    else {
        buffer_printf(t, "budget %s (", v->budget->name);
        watch_print_scope(t, v);
        buffer_append(t, SLICE(") "));
    }
    if (x->refusing && many > 0) buffer_append(t, SLICE("have refused requests"));
    else if (x->refusing)
        buffer_printf(t, "has refused %llu request%s", (unsigned long long)v->refused,
                      v->refused == 1 ? "" : "s");
    else if (many > 0) buffer_printf(t, "have reached %g %% or more", 100 * v->budget->alert_at[0]);
    else buffer_printf(t, "reached %g %%", 100 * x->share);
    buffer_append(t, SLICE(": "));
    if (many == 0) {
        watch_print_usd(t, v->spent_nano);
        buffer_append(t, SLICE(" of "));
    }
    watch_print_usd(t, v->budget->limit_nano);
    buffer_printf(t, " USD %suntil ", many > 0 ? "each " : "");
    watch_print_when(t, v->window.end_us);
    return watch_take(l);
}

static struct slice command_of(struct watch_look *l, const struct crossing *x, uint64_t many) {
    const struct budget_view *v = &x->view;
    struct buffer *t = watch_text(l);
    if (many > 0 || x->refusing) {
        buffer_append(t, SLICE("quarterdeck budget list"));
        watch_print_option(t, "", slice_of(v->budget->name));
    } else {
        buffer_append(t, SLICE("quarterdeck cost report --by feature,model"));
        watch_print_filters(t, v);
        buffer_append(t, SLICE(" --from "));
        watch_print_time(t, v->window.start_us);
    }
    return watch_take(l);
}

static void tell(struct watch_look *l, const struct crossings *all, enum finding_kind kind) {
    bool many = all->n > WATCH_VALUES;
    for (size_t i = 0; i < (many ? 1 : all->n); i++) {
        const struct crossing *x = &all->first[i];
        double share = many || x->refusing ? 0 : x->share; /* the next threshold is another finding */
        struct finding f = {.kind = kind, .application = watch_application(&x->view)};
        f.key = watch_budget_key(l, kind, &x->view, share, many);
        f.title = title_of(l, x, many ? all->n : 0);
        f.evidence = evidence_of(l, x, many ? all->n : 0);
        f.command = command_of(l, x, many ? all->n : 0);
        watch_saw(l, &f);
    }
}

enum fault watch_thresholds(const struct watch *w, int64_t now_us, struct error *error) {
    struct watch_look l;
    bool others;
    watch_look_begin(&l, w, now_us);
    unsigned n = l.policy->n_budgets;
    struct collection c = {&l, mem_new_array(struct crossings, n + 1),
                           mem_new_array(struct crossings, n + 1)};
    watch_each_budget(&l, collect, &c, &others);
    for (unsigned i = 0; i < n; i++) {
        tell(&l, &c.reached[i], FINDING_BUDGET_THRESHOLD);
        tell(&l, &c.refusing[i], FINDING_BUDGET_REFUSING);
    }
    /* what a reload changes under our feet is told next time: with others seen, nothing counts as gone */
    uint64_t kinds = FINDING_BIT(BUDGET_THRESHOLD) | FINDING_BIT(BUDGET_REFUSING);
    enum fault fault = watch_look_put(&l, others ? 0 : kinds, SLICE_NULL, error);
    mem_free(c.reached);
    mem_free(c.refusing);
    watch_look_end(&l);
    return fault;
}
