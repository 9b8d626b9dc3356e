/* route_train.h - scored exchanges of a model with tiers, from the ledger, as route_fit.h wants them.
 *
 * What counts is a whole answer of a provider that has a score of the wanted name and whose request was captured whole
 * (`payloads.capture: full`), asked of the model or of one of its tiers by name, and given by its cheapest or its most
 * capable tier. Several sources of one score are averaged. The newest ROUTE_EXAMPLES of the window are taken. */
#ifndef COST_ROUTE_TRAIN_H
#define COST_ROUTE_TRAIN_H

#include "cost/route_fit.h"
#include "store/ledger.h"

#define ROUTE_EXAMPLES 5000

struct route_query {
    const struct model_route *m; /* with tiers */
    int64_t from_us, to_us;
    struct slice quality;        /* name of the score */
};

struct route_examples {
    struct route_example *at; /* in the arena */
    size_t n;
    size_t scored;            /* records with such a score in the window */
    size_t left_off;          /* of them, older than the newest ROUTE_EXAMPLES */
    size_t others;            /* of another model, or a tier in between, or no whole answer */
    size_t without_request;   /* not captured, cut, or unreadable */
};

enum fault route_examples_read(struct ledger *l, const struct route_query *q, struct arena *arena, struct route_examples *ret,
                               struct error *error) MUST_CHECK;

#endif
