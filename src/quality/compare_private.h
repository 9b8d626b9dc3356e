/* compare_private.h - the inside of a comparison: what is kept of each case (compare.c), what is told (compare_write.c). */
#ifndef QUALITY_COMPARE_PRIVATE_H
#define QUALITY_COMPARE_PRIVATE_H

#include "base/table.h"
#include "quality/compare.h"
#include "stats/paired.h"

#define COMPARE_POWER 0.8

struct compared_case { /* of one run */
    uint32_t answered, passed, errors, priced, timed;
    double score, cost, latency; /* sums: of scores, of nano-dollars, of microseconds */
    char *output, *reason;       /* of an answer that failed, else of the first; NULL: none */
    bool failed;                 /* `output` is of one that failed */
};

struct compared_run {
    const struct suite *suite;
    struct compared_case *cases;
    size_t results, errors;
};

struct compare {
    struct compared_run run[2]; /* baseline, candidate */
    uint32_t *other;            /* of each case of the baseline's suite: the candidate's, or UINT32_MAX */
    uint32_t *cluster;          /* of each case of the baseline's suite */
    bool clustered;
    double confidence;
    size_t excerpts;            /* bytes kept */
    size_t only[2], changed;    /* cases of one suite alone; of both, but asked something else */
};

/* Cases that can be compared, as paired_compare takes them. */
struct compared_pairs {
    double *value[2], *score[2], *weight;
    uint32_t *cluster, *at; /* at: the baseline's case */
    size_t n, blank;        /* blank: in both suites, without an answer in one of the runs */
    bool weighted;
};
void compare_pairs(const struct compare *c, struct slice tag, struct compared_pairs *ret); /* SLICE_NULL: all */
void compare_pairs_free(struct compared_pairs *p);
struct paired_result compare_ask(const struct compare *c, const struct compared_pairs *p, bool score, unsigned resamples);

#endif
