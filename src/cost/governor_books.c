/* The slow side: installing, filling from records, sweeping, showing. One thread at a time, under the lock.
 */
#include "cost/governor_private.h"

#include "base/mem.h"

#define DAY_US 86400000000LL
#define LONGEST_US (31 * DAY_US) /* a one-off of a year need not be kept for two */

struct governor *governor_new(const struct governor_events *events) {
    struct governor *g = mem_new(struct governor);
    if (events != NULL) g->events = *events;
    g->budgets = counters_new(&g->gate, sizeof(struct budget_counter), LIMIT_BUDGET_COUNTERS);
    g->limits = counters_new(&g->gate, sizeof(struct limit_counter), LIMIT_RATE_COUNTERS);
    pthread_mutex_init(&g->lock, NULL);
    return g;
}

static void free_replaced(struct governor *g) {
    for (struct plan *p = g->replaced, *next; p != NULL; p = next) {
        next = p->next;
        plan_free(p);
    }
    g->replaced = NULL;
}

void governor_free(struct governor *g) {
    if (g == NULL) return;
    free_replaced(g);
    plan_free(atomic_load(&g->pending));
    plan_free(atomic_load(&g->plan));
    counters_free(g->budgets);
    counters_free(g->limits);
    pthread_mutex_destroy(&g->lock);
    mem_free(g);
}

/* Freed when nobody can be in it any more. */
static void put_aside(struct governor *g, struct plan *p) {
    if (p == NULL) return;
    p->next = g->replaced;
    g->replaced = p;
    g->wait = (struct gate_wait){0};
}

bool governor_prepare(struct governor *g, struct policy *policy) {
    pthread_mutex_lock(&g->lock);
    struct plan *p = plan_new(policy, atomic_load(&g->plan), ++g->last_plan, &g->last_owner);
    bool needs_filling = atomic_load(&p->journaling);
    put_aside(g, atomic_exchange(&g->pending, p));
    g->fill_failed = false;
    pthread_mutex_unlock(&g->lock);
    return needs_filling;
}

bool governor_install(struct governor *g, struct policy *policy) {
    pthread_mutex_lock(&g->lock);
    struct plan *former = atomic_load(&g->plan), *p = atomic_load(&g->pending);
    if (p == NULL || p->policy != policy || g->fill_failed) {
        p = plan_new(policy, former, ++g->last_plan, &g->last_owner);
        g->fill_failed = false;
    }
    bool needs_filling = atomic_load(&p->journaling);
    atomic_store(&g->plan, p);
    struct plan *pending = atomic_exchange(&g->pending, NULL);
    if (pending != p) put_aside(g, pending);
    put_aside(g, former);
    pthread_mutex_unlock(&g->lock);
    return needs_filling;
}

/* ===== filling ===== */

struct filling {
    struct governor *g;
    struct plan *plan;
    int64_t *from_us;  /* by rule; INT64_MAX: filled already */
    struct table live; /* ids of what was settled, and booked, since the install */
};

/* An exchange is noted before its record can be read anywhere, so what is not noted by now was settled
 * before. */
static bool was_booked_live(struct filling *f, const struct record_id *id) {
    for (struct journal_entry *e = atomic_exchange(&f->plan->journal, NULL), *next; e != NULL; e = next) {
        next = e->next;
        table_put(&f->live, slice_make((const char *)e->id.bytes, sizeof e->id.bytes), f);
        mem_free(e);
    }
    return table_get(&f->live, slice_make((const char *)id->bytes, sizeof id->bytes)) != NULL;
}

static void take_record(void *arg, const struct record *r) {
    struct filling *f = arg;
    struct admission_labels labels = admission_labels_of(r);
    if (was_booked_live(f, &r->id)) return;
    unsigned slot = gate_enter(&f->g->gate);
    governor_book(f->g, f->plan, &labels, r->time_us, r->cost_nano, f->from_us);
    gate_leave(&f->g->gate, slot);
}

/* The earliest start of a window that has to be filled; INT64_MAX: none has. */
static int64_t earliest(struct filling *f, int64_t wall_us) {
    int64_t from = INT64_MAX;
    for (unsigned i = 0; i < f->plan->n_rules; i++) {
        struct rule *r = &f->plan->rules[i];
        struct window w;
        f->from_us[i] = INT64_MAX;
        if (r->filled) continue;
        (void)plan_window(r, wall_us, &w);
        f->from_us[i] = w.start_us;
        if (w.start_us < from) from = w.start_us;
    }
    return from;
}

static enum fault fill(struct filling *f, int64_t wall_us, const struct record_source *source,
                       struct error *error) {
    int64_t from = earliest(f, wall_us);
    enum fault fault = FAULT_NONE;
    if (from != INT64_MAX) fault = source->each(source->ctx, from, take_record, f, error);
    if (fault != FAULT_NONE) return fault;
    if (atomic_load(&f->plan->n_journal) > LIMIT_FILL_JOURNAL)
        return error_set(error, FAULT_OVERLOADED,
                         "more than %u exchanges were settled before the budgets were filled",
                         LIMIT_FILL_JOURNAL);
    for (unsigned i = 0; i < f->plan->n_rules; i++) f->plan->rules[i].filled = true;
    atomic_store(&f->plan->journaling, false);
    (void)was_booked_live(f, &(struct record_id){0}); /* empties the journal */
    return FAULT_NONE;
}

enum fault governor_fill(struct governor *g, int64_t wall_us, const struct record_source *source,
                         struct error *error) {
    enum fault fault = FAULT_NONE;
    pthread_mutex_lock(&g->lock);
    struct plan *p = atomic_load(&g->pending);
    if (p == NULL) p = atomic_load(&g->plan);
    if (p != NULL && g->fill_failed) {
        fault = error_set(error, FAULT_CONFLICT, "budgets were filled in part: prepare the policy again first");
    } else if (p != NULL && atomic_load(&p->journaling)) {
        struct filling f = {.g = g, .plan = p, .from_us = mem_new_array(int64_t, p->n_rules + 1)};
        table_init(&f.live);
        fault = fill(&f, wall_us, source, error);
        g->fill_failed = fault != FAULT_NONE;
        table_deinit(&f.live);
        mem_free(f.from_us);
    }
    pthread_mutex_unlock(&g->lock);
    return fault;
}

/* ===== sweeping ===== */

struct sweep {
    const struct plan *plan, *pending;
    int64_t wall_us, mono_us;
};

static bool budget_is_over(void *ctx, struct counter *counter) {
    const struct sweep *s = ctx;
    struct budget_counter *c = (struct budget_counter *)counter;
    bool in_force = plan_rule_of(s->plan, counter->owner) != NULL ||
                    (s->pending != NULL && plan_rule_of(s->pending, counter->owner) != NULL);
    if (!in_force) return budget_end(c);
    int64_t length = c->end_us - counter->start_us;
    if (s->wall_us - c->end_us < (length < LONGEST_US ? length : LONGEST_US)) {
        c->past_us = 0;
        return false;
    }
    if (c->past_us == 0) c->past_us = s->mono_us > 0 ? s->mono_us : 1;
    return s->mono_us - c->past_us >= DAY_US && budget_end(c);
}

static bool limit_is_idle(void *ctx, struct counter *counter) {
    const struct sweep *s = ctx;
    bool in_force = plan_rule_of(s->plan, counter->owner) != NULL;
    return limit_end((struct limit_counter *)counter, in_force ? s->mono_us : INT64_MAX / 4096);
}

void governor_sweep(struct governor *g, int64_t wall_us, int64_t mono_us) {
    pthread_mutex_lock(&g->lock);
    struct sweep s = {atomic_load(&g->plan), atomic_load(&g->pending), wall_us, mono_us};
    if (s.plan != NULL) {
        counters_sweep(g->budgets, budget_is_over, &s);
        counters_sweep(g->limits, limit_is_idle, &s);
    }
    if (g->replaced != NULL && gate_passed(&g->gate, &g->wait)) free_replaced(g);
    pthread_mutex_unlock(&g->lock);
}

/* ===== showing ===== */

struct showing {
    const struct plan *plan;
    int64_t wall_us;
    void (*each)(void *ctx, const struct budget_view *v);
    void *ctx;
};

static void show_value(void *ctx, struct counter *counter) {
    const struct showing *s = ctx;
    const struct budget_counter *c = (const struct budget_counter *)counter;
    struct rule *r = plan_rule_of(s->plan, counter->owner);
    struct budget_view v;
    struct window w;
    if (r == NULL || r->budget == NULL || r->n_each == 0) return;
    (void)plan_window(r, s->wall_us, &w);
    if (w.start_us != counter->start_us) return;
    governor_view(r, slice_make(counter->values, counter->values_len), &w, c, &v);
    s->each(s->ctx, &v);
}

static void show_single(struct governor *g, const struct showing *s, struct rule *r) {
    struct budget_view v;
    struct window w;
    (void)plan_window(r, s->wall_us, &w);
    struct counter_key key = {r->owner, w.start_us, SLICE_NULL};
    unsigned slot = gate_enter(&g->gate);
    governor_view(r, SLICE_NULL, &w, (const struct budget_counter *)counters_find(g->budgets, &key), &v);
    gate_leave(&g->gate, slot);
    s->each(s->ctx, &v);
}

void governor_each_budget(struct governor *g, int64_t wall_us,
                          void (*each)(void *ctx, const struct budget_view *v), void *ctx) {
    pthread_mutex_lock(&g->lock);
    struct showing s = {atomic_load(&g->plan), wall_us, each, ctx};
    for (unsigned i = 0; s.plan != NULL && i < s.plan->n_rules; i++) {
        struct rule *r = &s.plan->rules[i];
        if (r->budget != NULL && r->n_each == 0) show_single(g, &s, r);
    }
    if (s.plan != NULL) counters_each(g->budgets, show_value, &s);
    pthread_mutex_unlock(&g->lock);
}

void governor_stats(struct governor *g, struct governor_stats *ret) {
    ret->budget_counters = counters_count(g->budgets);
    ret->rate_counters = counters_count(g->limits);
    ret->unbooked = atomic_load(&g->unbooked);
}
