/* history.h - where learned thresholds and baselines read the past from: the ledger, or what a test has. */
#ifndef INCIDENT_HISTORY_H
#define INCIDENT_HISTORY_H

#include "base/fault.h"
#include "quality/signals.h"

struct history {
    void *ctx;
    /* As signals_past, by rising end. `each` false: enough. */
    enum fault (*past)(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error);
};
struct history_ledger {
    struct ledger *ledger;
    struct evaluations *evaluations;
};
struct history history_of(struct history_ledger *l); /* borrowed */

#endif
