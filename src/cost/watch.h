/* watch.h - the watchers of cost: each looks once at all it watches and leaves findings in the registry.
 *
 * They run on the scheduler's thread and read what everyone may read: the governor's books, the ledger, the
 * policy. One look is one transaction of findings: what it saw is open, what it did not see any more is
 * cleared, and what it could not tell (too few days, too little history) stays as it was. A look that fails
 * changes nothing. */
#ifndef COST_WATCH_H
#define COST_WATCH_H

#include "cost/governor.h"
#include "cost/outlook.h"
#include "store/findings.h"
#include "store/ledger.h"

struct watch {
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    void (*budgets)(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg);
    bool (*stopping)(void *ctx);                        /* asked between two applications, two budgets */
    void (*opened)(void *ctx, const struct finding *f); /* once it is in the registry, with its id */
    struct ledger *ledger;
    struct registry *registry; /* this thread's own */
    struct outlook_memory *outlooks; /* as it; may be NULL */
};

#define WATCH_VALUES                                                                                         \
    25 /* findings of one kind and one budget with a "*"; when more values qualify, one says how many */
#define WATCH_FORECASTS 500 /* budgets and values whose pace is watched; each reads four weeks of sums */
#define WATCH_PRICE_DAYS 7
#define WATCH_SEGMENT                                                                                        \
    60 /* days; anomalies are looked for since the beginning of the segment before this one */

/* Thresholds that were crossed and budgets that refuse. Reads the books alone; cheap. */
enum fault watch_thresholds(const struct watch *w, int64_t now_us, struct error *error) MUST_CHECK;
/* Forecast, burn and plan (cost/outlook.h), of each the gravest. FAULT_SHUTTING_DOWN: it was stopped on its
 * way. */
enum fault watch_pace(const struct watch *w, int64_t now_us, struct error *error) MUST_CHECK;
/* Models that were used in the last days and whose cost nobody knows. */
enum fault watch_prices(const struct watch *w, int64_t now_us, struct error *error) MUST_CHECK;
/* Shifts of the cost of a request (cost/anomaly.h), application by application, of the whole days until now
 * in the policy's watch zone. Each segment of days is looked at from its beginning on and grows day by day,
 * so the daily look is one sequential test and not a new one each day; as each day is in two segments, the
 * mean time to a false alarm of one application is at worst half of false_alarm_days. */
enum fault watch_anomalies(const struct watch *w, int64_t now_us, struct error *error) MUST_CHECK;

/* What the last downgrade test of each model with tiers says against what is in force: surely good enough while routing is in
 * shadow, surely worse while it is on. What cannot be told any more leaves the finding as it was. */
enum fault watch_downgrades(const struct watch *w, int64_t now_us, struct error *error) MUST_CHECK;

#endif
