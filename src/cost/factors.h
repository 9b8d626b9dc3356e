/* factors.h - cost as a product of what can move, and which of it moved: the identity behind explain and
 * anomaly.
 *
 * The cost of a cell is
 *     N * share * (1 - own hits) * [ t * ((1 - h - w) p_in + h p_read + w p_write) + o * p_out + p_request ]
 * N requests of all cells, share the cell's part of them, t and o input and output tokens a paid request, h
 * and w the parts of the input that were read from and written to the provider's cache. The factors are
 *     volume N, mix share, input_tokens t, cached_share (own hits, h, w), output_tokens o, price (all rates)
 * Rates are scaled by one number a cell and window so that the identity gives the cost that was recorded, to
 * the nano-dollar; so tiers, surcharges a request and changes inside a window count as price. A cell that is
 * new or gone takes what it lacks from the window in which it lived: its coming and going is mix. */
#ifndef COST_FACTORS_H
#define COST_FACTORS_H

#include "cost/cell.h"

#define COST_FACTOR_TABLE(FACTOR)                                                                            \
    FACTOR(VOLUME, "volume")                                                                                 \
    FACTOR(MIX, "mix")                                                                                       \
    FACTOR(INPUT_TOKENS, "input_tokens")                                                                     \
    FACTOR(CACHED_SHARE, "cached_share")                                                                     \
    FACTOR(OUTPUT_TOKENS, "output_tokens")                                                                   \
    FACTOR(PRICE, "price")

enum cost_factor {
#define FACTOR(symbol, name) COST_FACTOR_##symbol,
    COST_FACTOR_TABLE(FACTOR)
#undef FACTOR
        COST_FACTORS
};
const char *cost_factor_name(enum cost_factor f);

/* Sums of one cell in one window. */
struct factor_side {
    double requests, hits, input, cache_read, cache_write, output; /* requests: priced ones */
    double cost;                                                   /* nano-dollars */
    struct cost_rates rates;
};
struct factor_cell {
    struct factor_side before, after;
};
void factor_side_init(struct factor_side *s);
/* Adds a cell that has a priced request (others are left out). Rates known so far stay. */
void factor_side_add(struct factor_side *s, const struct cost_cell *c);

/* Shapley contributions in nano-dollars; they sum to the difference in cost. `per_request`: of the cost of
 * one request, so that volume is 0. O(64 n). */
void factors_share(const struct factor_cell *cells, size_t n, bool per_request, double ret[COST_FACTORS]);

#endif
