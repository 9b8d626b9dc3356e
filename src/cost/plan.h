/* plan.h - the budgets and limits of a policy, made ready for matching: what the governor has in force.
 *
 * Immutable but for the cached windows and the journal; readers are inside the governor's gate. A budget or
 * limit keeps its `owner`, and with it its counters, from one plan to the next as long as its name, scope,
 * window and zone stay the same; its limit, mode and alerts may change. */
#ifndef COST_PLAN_H
#define COST_PLAN_H

#include "cost/window.h"
#include "model/admission.h"

/* The values of a scope's "*" as counters keep them: two bytes of length, the bytes; in the order of its
 * terms.
 */
#define PLAN_VALUES (SCOPE_DIMENSIONS * (2 + LIMIT_LABEL))

struct rule {
    const struct budget *budget; /* or */
    const struct rate_limit *limit;
    const struct scope *scope;
    uint64_t owner;
    unsigned n_each; /* terms that are "*" */
    const char *identity;
    _Atomic uint64_t window; /* the latest one: start and length in seconds; 0: none yet */
    atomic_bool filled;      /* what its windows had before is in its counters */
};

struct rule_list {
    struct rule **rules; /* limits first; then budgets, narrow scopes before wide ones */
    unsigned n, n_limits;
};

struct journal_entry {
    struct journal_entry *next;
    struct record_id id;
};

struct plan {
    uint64_t id;
    struct policy *policy; /* held */
    struct arena arena;
    struct rule *rules;
    unsigned n_rules;
    int64_t *only_new;           /* by rule: INT64_MIN for those that the former plan had not, else INT64_MAX */
    struct table by_application; /* name -> struct rule_list */
    struct rule_list others;
    struct table by_owner;  /* 8 bytes -> struct rule */
    atomic_bool journaling; /* until its budgets are filled */
    _Atomic(struct journal_entry *) journal;
    atomic_uint n_journal;
    struct plan *next; /* among those that were replaced */
};

/* `former` may be NULL. *last_owner counts up. */
struct plan *plan_new(struct policy *p, const struct plan *former, uint64_t id, uint64_t *last_owner);
void plan_free(struct plan *p);
const struct rule_list *plan_rules(const struct plan *p, struct slice application);
struct rule *plan_rule_of(const struct plan *p, uint64_t owner); /* NULL: no longer in force */
/* False: does not match. `room` has PLAN_VALUES bytes; labels are taken up to LIMIT_LABEL bytes. */
bool plan_match(const struct rule *r, const struct admission_labels *l, char *room, struct slice *ret_values);
bool plan_window(struct rule *r, int64_t wall_us, struct window *ret); /* as window_at */
void plan_note(struct plan *p, const struct record_id *id);            /* settled while journaling */

#endif
