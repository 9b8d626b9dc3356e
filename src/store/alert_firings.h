/* alert_firings.h - each time that a rule fired, and what became of it: for its precision, and for what calibration leaves out. */
#ifndef STORE_ALERT_FIRINGS_H
#define STORE_ALERT_FIRINGS_H

#include "store/alerts.h"

struct firing {
    int64_t alert, from_us, to_us; /* to 0: it has not ended */
    struct slice useful;           /* as alert_row.useful; SLICE_NULL: nobody has said */
};
/* Newest first; since `from_us`. */
enum fault firings_list(struct registry *r, struct slice rule, int64_t from_us, unsigned limit, struct arena *arena, struct firing **ret,
                        unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
