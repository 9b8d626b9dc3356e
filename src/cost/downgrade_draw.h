/* downgrade_draw.h - the sample of a downgrade test, from the ledger.
 *
 * What may be drawn: one application's whole answers of the model's most capable tier to chat requests of the window (of the newest
 * DOWNGRADE_LOOKED_AT), not from a cache, both bodies captured whole. Stratified by request type: in the order of type,
 * then of a hash with the seed, cut into as many equal parts as are wanted, the first of each whose bodies are there: so that
 * each type has its share to within one or two. */
#ifndef COST_DOWNGRADE_DRAW_H
#define COST_DOWNGRADE_DRAW_H

#include "cost/downgrade.h"
#include "model/tiers.h"
#include "store/ledger.h"

#define DOWNGRADE_LOOKED_AT 20000

struct downgrade_draw {
    struct downgrade_case *cases; /* in the arena */
    size_t n;
    size_t candidates;            /* by their records */
    size_t without_bodies;        /* of those that were drawn */
};

enum fault downgrade_draw(struct ledger *l, const struct model_route *m, struct slice application, int64_t from_us, int64_t to_us, size_t want, uint64_t seed,
                          struct arena *arena, struct downgrade_draw *ret, struct error *error) MUST_CHECK;

/* The text of a chat's answer as it was captured, whole or a stream. False: it has none. */
bool downgrade_answer_text(enum dialect_id dialect, struct slice body, struct arena *arena, struct slice *ret) MUST_CHECK;

#endif
