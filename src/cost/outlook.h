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

enum fault outlook_of_budget(struct ledger *l, const struct budget_view *v, int64_t now_us,
                             struct budget_outlook *ret, struct error *error) MUST_CHECK;

/* The same for a watcher: with the spend of the last minutes and hours (so that burn is known), with the share by which
 * spending may be over plan, and whether the forecast alert stands. A long window in which less than BURN_LEAST of
 * the limit was spent does not burn. */
#define BURN_LEAST 0.01
struct outlook_watch {
    double plan_over;
    bool was_alert;
};
enum fault outlook_watch_budget(struct ledger *l, const struct budget_view *v, int64_t now_us,
                                const struct outlook_watch *w, struct budget_outlook *ret,
                                struct error *error) MUST_CHECK;

#endif
