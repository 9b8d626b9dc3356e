/* cell.h - sums of records, as the cost analyses take them: one row a combination of names in a time window.
 *
 * Whoever reads the ledger fills cells; nothing here reads a record. Cells may be as fine as the reader can
 * make them (every analysis sums what it does not need), names that were not asked for are SLICE_NULL in all
 * cells. Names are borrowed and must outlive what is made of the cells.
 *
 * cost/cell_read.h fills them from the ledger. Whatever fills them leaves refused exchanges out of every
 * count, for they have no cost, and leaves 0 what it cannot know (own cache hits) and null (names). */
#ifndef COST_CELL_H
#define COST_CELL_H

#include "base/slice.h"

/* DIMENSION(symbol, name) */
#define COST_DIMENSION_TABLE(DIMENSION)                                                                      \
    DIMENSION(APPLICATION, "application")                                                                    \
    DIMENSION(REQUEST_TYPE, "request_type")                                                                  \
    DIMENSION(MODEL,                                                                                         \
              "model") /* what answered and is priced: provider/upstream model; else what was asked */       \
    DIMENSION(PROMPT, "prompt")               /* name@version */                                             \
    DIMENSION(SYSTEM_PROMPT, "system_prompt") /* hash in hex */                                              \
    DIMENSION(FEATURE, "feature")                                                                            \
    DIMENSION(TEAM, "team")                                                                                  \
    DIMENSION(USER, "user")                                                                                  \
    DIMENSION(KEY, "key")

enum cost_dimension {
#define DIMENSION(symbol, name) COST_BY_##symbol,
    COST_DIMENSION_TABLE(DIMENSION)
#undef DIMENSION
        COST_DIMENSIONS
};
const char *cost_dimension_name(enum cost_dimension d);

#define COST_RATE_NONE (-1)

/* 10^-15 USD a token, as in model/price.h, in force in the cell's window (its middle will do: what a change
 * inside the window makes of the cost counts as price). COST_RATE_NONE: not known, such as of a meter that
 * nothing was charged by: taken from the other window; known in neither, a cache rate is the input rate. */
struct cost_rates {
    int64_t input, cache_read, cache_write, output;
};
#define COST_RATES_UNKNOWN                                                                                   \
    ((struct cost_rates){COST_RATE_NONE, COST_RATE_NONE, COST_RATE_NONE, COST_RATE_NONE})

struct cost_cell {
    struct slice by[COST_DIMENSIONS];
    int64_t requests; /* exchanges that were not refused */
    int64_t
        cache_hits;   /* of these: answered from our own cache, at cost 0; their tokens are in no sum below */
    int64_t unpriced; /* of `requests`: cost unknown; left out of every analysis, and said so */
    int64_t input;    /* all input tokens, cached ones included */
    int64_t cache_read, cache_write; /* parts of input */
    int64_t output;
    int64_t cost_nano; /* of the priced ones */
    struct cost_rates rates;
};

#endif
