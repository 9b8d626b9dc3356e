/* explain.h - why cost differs between two windows, and where.
 *
 * Why: exact Shapley contributions of the factors of cost/factors.h over cells of model and request type.
 * They are whole nano-dollars and sum to after - before exactly. Where: Adtributor (stats/adtributor.h) over
 * every dimension that has at least two values in the cells, ranked by surprise, then once more inside the
 * first value found. Works on aggregates: O(64 cells of model and request type + cells * dimensions).
 *
 * Records without a price are in no sum: `unpriced` counts them, and where it is not 0 the answer covers the
 * priced part alone. */
#ifndef COST_EXPLAIN_H
#define COST_EXPLAIN_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/json.h"
#include "cost/factors.h"

#define EXPLAIN_DIMENSIONS 3 /* best ones that are shown */
#define EXPLAIN_WHERE 24     /* values shown in all */
#define EXPLAIN_MIN_CHANGE                                                                                   \
    0.01 /* of the larger window: below, "where" divides noise by noise and is left out */

struct explain_contribution {
    enum cost_factor factor;
    int64_t nano;
};

struct explain_where {
    enum cost_dimension dimension;
    struct slice value; /* SLICE_NULL: records without this name */
    int64_t nano;       /* after - before of this value */
    double share;       /* nano / the difference (inside: of the outer value's); may exceed 1 */
    double surprise;    /* nats */
    bool inside;        /* found within where[0]'s value */
};

struct explain_result {
    int64_t before_nano, after_nano;
    struct explain_contribution contributions[COST_FACTORS]; /* largest magnitude first */
    struct explain_where where[EXPLAIN_WHERE];
    unsigned n_where;
    bool too_small_to_place; /* the change is below EXPLAIN_MIN_CHANGE */
    int64_t unpriced_before, unpriced_after;
};

/* FAULT_BAD_REQUEST: a negative count, or a cost without a priced request. FAULT_TOO_LARGE: sums beyond
 * int64. Values in *ret are borrowed from the cells. */
enum fault explain_cost(const struct cost_cell *before, size_t n_before, const struct cost_cell *after,
                        size_t n_after, struct explain_result *ret, struct error *error) MUST_CHECK;

/* {before_usd, after_usd, contributions: [{factor, usd}], where: [{dimension, value, usd, share, ...}], ...}
 */
void explain_write_json(const struct explain_result *r, struct json_writer *w);

#endif
