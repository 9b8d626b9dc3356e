/* downgrade_read.h - a kept downgrade test, read again. */
#ifndef COST_DOWNGRADE_READ_H
#define COST_DOWNGRADE_READ_H

#include "cost/downgrade.h"
#include "model/tiers.h"
#include "store/registry_tiering.h"

struct downgrade_read {
    enum downgrade_answer answer;
    int64_t at_us, scored;
    double change, low, high, most_loss; /* NAN: none was scored */
    bool judged;                         /* by a model; else by a program */
    struct slice run;
};
/* False: there is none, it cannot be read, or it was of another cheapest tier than the model's now. */
bool downgrade_read(const struct registry_tiering *state, const struct model_route *m, struct arena *arena,
                    struct downgrade_read *ret) MUST_CHECK;

#endif
