/* governor_private.h - what governor.c (the hot path) and governor_books.c (installing, filling, sweeping,
 * showing) share. */
#ifndef COST_GOVERNOR_PRIVATE_H
#define COST_GOVERNOR_PRIVATE_H

#include "cost/budget.h"
#include "cost/governor.h"
#include "cost/limit.h"
#include "cost/plan.h"

#include <pthread.h>

struct governor {
    struct gate gate;
    _Atomic(struct plan *) plan; /* NULL: none yet */
    /* Prepared, not yet in force: its new budgets are filled, and whatever is settled is booked in them too. Cleared
     * after `plan` has become it, so whoever reads `pending` first and `plan` then misses neither. */
    _Atomic(struct plan *) pending;
    struct counters *budgets, *limits;
    _Atomic uint64_t unbooked;
    struct governor_events events;

    pthread_mutex_t lock;  /* for all below, and for whoever changes what is above but by the hot path */
    struct plan *replaced; /* newest first */
    struct gate_wait wait; /* since the newest was replaced */
    uint64_t last_plan, last_owner;
    bool fill_failed;
};

/* Inside the gate. NULL: no room. */
struct budget_counter *governor_budget_counter(struct governor *g, const struct rule *r,
                                               const struct window *w, struct slice values);
/* Inside the gate. Books a cost in every budget that matches; `from_us` by rule: only in those, and from then
 * on. */
void governor_book(struct governor *g, struct plan *p, const struct admission_labels *l, int64_t wall_us,
                   int64_t cost_nano, const int64_t *from_us);
void governor_view(const struct rule *r, struct slice values, const struct window *w,
                   const struct budget_counter *c, struct budget_view *ret);

#endif
