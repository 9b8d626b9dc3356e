/* outlook.h - the outlook of one budget: forecast_budget.h asked with what the ledger says of its scope.
 *
 * History is the last 28 days by hour, from the first hour in which anything was spent. Scopes by user or
 * tag, and one-off budgets that end more than 100 days from now, are not forecast: their outlook says that
 * nothing is known; so does it without a ledger (NULL). */
#ifndef COST_OUTLOOK_H
#define COST_OUTLOOK_H

#include "cost/forecast_budget.h"
#include "cost/governor.h"
#include "store/ledger.h"

/* The hours of scopes as they were read last: who asks again and again reads those of today and yesterday alone, and all of them once
 * a day. Of one thread and one ledger; about 6 KB a scope. */
struct outlook_memory;
struct outlook_memory *outlook_memory_new(void);
void outlook_memory_free(struct outlook_memory *m); /* accepts NULL */

/* `memory` may be NULL. */
enum fault outlook_of_budget(struct ledger *l, struct outlook_memory *memory, const struct budget_view *v, int64_t now_us,
                             struct budget_outlook *ret, struct error *error) MUST_CHECK;

/* What was spent in the windows of burn until now, by all that a scope may name: read once, for all budgets (a million
 * records a day take 0.2 s, and as much for a thousand budgets as for one). */
struct recent_spend;
enum fault recent_spend_read(struct ledger *l, int64_t now_us, struct recent_spend **ret,
                             struct error *error) MUST_CHECK;
void recent_spend_free(struct recent_spend *r);

/* The same for a watcher: burn is known where `recent` is (of the same now_us), the share by which spending may be over
 * plan is its own, and whether the forecast alert stands is taken into account. A long window in which less than
 * BURN_LEAST of the limit was spent does not burn. */
#define BURN_LEAST 0.01
struct outlook_watch {
    const struct recent_spend *recent;
    double plan_over;
    bool was_alert;
    struct outlook_memory *memory; /* may be NULL */
};
enum fault outlook_watch_budget(struct ledger *l, const struct budget_view *v, int64_t now_us,
                                const struct outlook_watch *w, struct budget_outlook *ret,
                                struct error *error) MUST_CHECK;

#endif
