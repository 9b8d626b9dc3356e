/* guardrail_private.h - the sums behind guardrail.h, shared by its files. */
#ifndef CHANGE_GUARDRAIL_PRIVATE_H
#define CHANGE_GUARDRAIL_PRIVATE_H

#include "change/guardrail.h"

#include "base/histogram.h"
#include "stats/failures.h"
#include "stats/sequence.h"

#define GUARD_CELLS ROLLOUT_STEPS /* distinct weights of one rollout */
#define GUARD_GROUPS 64           /* units fall into so many groups by their hash */
#define GUARD_UNITS 4096          /* of a set */
#define GUARD_ARMS 4

/* Units that were seen. Full, it goes on with every second one (by hash, so alike in all arms), then with every fourth, ... */
struct unit_set {
    uint32_t *slots; /* 2 * GUARD_UNITS, 0: free; NULL: empty */
    uint32_t n;
    unsigned level;  /* one in 2^level is kept */
};
bool unit_set_add(struct unit_set *s, uint64_t unit); /* true: of those that are kept, and not seen before */

struct guard_group {
    double n, y;
};
enum guard_side { SIDE_CANDIDATE, SIDE_CONTROL, SIDES };

struct guard_sums { /* of one guardrail */
    uint64_t n[GUARD_ARMS], failures[GUARD_ARMS]; /* what it saw of each arm; failures: all of them, not once a unit */
    struct failure_cell cells[GUARD_CELLS];       /* once a unit; beside guardrails.cells */
    struct unit_set failed;
    struct histogram of[SIDES];                   /* quantiles */
    struct mean_sums sums[SIDES];                 /* means and scores */
    struct histogram reference;                   /* means: what the current version's exchanges have, to winsorise at */
    struct guard_group groups[SIDES][GUARD_GROUPS]; /* failures, values above control's quantile, or sums of values */
};

struct guard_cell { /* of one weight */
    uint32_t weight_ppm;
    uint64_t units[GUARD_ARMS];     /* when they were first seen */
    uint64_t exchanges[GUARD_ARMS];
};

struct guardrails {
    struct arena arena;             /* texts of the plan */
    struct guardrail rails[GUARDRAILS];
    unsigned n;
    double alpha;
    uint64_t min_samples, plan;     /* plan: hash of what the sums depend on */
    enum sticky sticky;
    uint32_t weight_ppm;            /* the last that was taken; 0: none */
    struct guard_cell cells[GUARD_CELLS];
    unsigned n_cells;
    struct unit_set units;
    struct guard_sums *sums;        /* n of them */
};

double guard_alpha(const struct guardrails *g, unsigned i);
/* What Failed is decided on, without the rest of an answer: ln E against "no worse than the margin". NAN, or 0: too little data. */
double guard_evidence(const struct guardrails *g, unsigned i);
/* ln E against "units fell to arms as they should". */
double guardrails_mismatch(const struct guardrails *g);
#define GUARD_MISMATCH_ALPHA 0.001

#endif
