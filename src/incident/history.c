#include "incident/history.h"

static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct history_ledger *l = ctx;
    return signals_past(l->ledger, l->evaluations, q, each, arg, error);
}

struct history history_of(struct history_ledger *l) {
    return (struct history){l, past};
}
