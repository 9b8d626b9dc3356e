/* downgrade_kept.h - the world of regular downgrade tests over the stores: what is remembered, drawn, looked up and kept. */
#ifndef COST_DOWNGRADE_KEPT_H
#define COST_DOWNGRADE_KEPT_H

#include "cost/downgrade_regular.h"
#include "store/ledger.h"
#include "store/registry.h"

struct downgrade_kept {
    struct ledger *ledger;
    struct ledger_writer *writer; /* NULL: nothing is drained before it is looked up */
    struct registry *registry;    /* of the thread that tests */
    int64_t span_us;              /* how far back exchanges may be drawn from */
};
void downgrade_kept_world(struct downgrade_kept *k, struct downgrade_world *ret); /* `k` is its context */

#endif
