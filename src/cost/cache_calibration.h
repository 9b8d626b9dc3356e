/* cache_calibration.h - how alike two questions must be before one may get the other's answer: measured.
 *
 * The unit is a pair of distinct questions, and a question is in at most one pair of each threshold, taken in
 * the order given: so one that was asked a thousand times, or lies close to many, counts once. A pair counts
 * at a threshold when its similarity reaches it; precision is the share of right pairs among those, with
 * exact one-sided bounds (Clopper and Pearson, Biometrika 26, 1934).
 *
 * One threshold that was named before is tested at the confidence itself. Otherwise the grid's thresholds
 * with enough pairs to be verified at all are tested together, each at 1 - (1 - confidence) / their number
 * (Bonferroni; which of them have enough depends on similarities alone, never on what is right), so that all
 * bounds hold at once, and the lowest threshold whose lower bound reaches the wanted precision is verified.
 * One above it counts as verified on its evidence. Pure. */
#ifndef COST_CACHE_CALIBRATION_H
#define COST_CACHE_CALIBRATION_H

#include "base/arena.h"
#include "base/fault.h"

#define CACHE_GRID_FROM 700000 /* millionths; below, wordings have little in common */
#define CACHE_GRID_TO 950000
#define CACHE_GRID_STEP 50000 /* few: each that is looked at takes its part of the confidence */
#define CACHE_ROWS_MOST 8     /* the grid, and one that was named */
#define CACHE_PRECISION 0.99  /* wanted unless said otherwise */
#define CACHE_CONFIDENCE 0.95

struct cache_pair {
    uint32_t a, b;      /* questions, numbered from 0 without gaps */
    int32_t similarity; /* millionths; -1: their literals differ, so they can never meet */
    bool right;         /* the answer of one is right for the other */
};

/* A question that was asked and paid for, as the cache would have seen it. */
struct cache_asked {
    int32_t nearest;   /* similarity to the nearest one asked before; -1: none */
    int64_t cost_nano; /* MONEY_UNKNOWN: no price */
};

struct cache_calibration_input {
    const struct cache_pair *pairs;
    size_t n_pairs;
    uint32_t n_questions;            /* that pairs are of */
    const struct cache_asked *asked; /* of recorded traffic; NULL: there is none */
    size_t n_asked;
    double precision, confidence; /* 0.5 .. 0.9999 each */
    int32_t threshold;            /* to verify, millionths; 0: the lowest that can be */
};

enum cache_verdict { CACHE_VERIFIED, CACHE_REFUSED, CACHE_NOT_ENOUGH };
const char *cache_verdict_name(enum cache_verdict v); /* "verified", "refused", "not_enough_evidence" */

struct cache_threshold {
    int32_t threshold;
    uint64_t n, right;
    double lower, upper; /* one-sided each, at the confidence of one test */
    int64_t more;  /* right pairs that would verify it, if none were wrong; 0: none; -1: over a million */
    bool tested;   /* the verdict is about it: named, or of the grid with enough pairs */
    uint64_t hits; /* of asked */
    int64_t saved_nano; /* of those with a price */
};

struct cache_calibration {
    enum cache_verdict verdict;
    double confidence;                  /* of one test */
    uint64_t least;                     /* pairs without any wrong one that a test at it needs */
    int64_t more;                       /* NOT_ENOUGH: pairs that are missing at least; -1: over a million */
    const struct cache_threshold *rows; /* highest first */
    unsigned n_rows;
    const struct cache_threshold
        *row; /* VERIFIED: this one; else what the verdict is most about; NULL: no pairs */
};

/* FAULT_BAD_REQUEST: an option out of bounds. FAULT_TOO_LARGE: the arena is full. */
enum fault cache_calibrate(const struct cache_calibration_input *in, struct arena *arena,
                           struct cache_calibration *ret, struct error *error) MUST_CHECK;

double cache_lower_bound(uint64_t right, uint64_t n, double confidence); /* 0 for n = 0 */
double cache_upper_bound(uint64_t right, uint64_t n, double confidence); /* 1 for n = 0 */

#endif
