/* scored_sums.h - what scores of production records (scored.h) say, by the hour of the record: sums from which a mean over any window is read
 * without its records. Kept in the transaction in which a score is concluded, each once; they go when scores go (scored_prune).
 *
 * Each record counts 1 / the chance with which it was taken. Of a metric y is its score (0..1); of all together ("quality") a record's y is the
 * mean of its scores. Checks that ended in error are left out. */
#ifndef STORE_SCORED_SUMS_H
#define STORE_SCORED_SUMS_H

#include "stats/weighted.h"
#include "store/evaluations.h"

enum scored_by { SCORED_BY_NOTHING, SCORED_BY_APPLICATION, SCORED_BY_REQUEST_TYPE, SCORED_BY_PROMPT, SCORED_BY_MODEL };

struct scored_sums_query {
    int64_t from_us, to_us;   /* whole hours that begin in from <= time < to */
    int64_t step_us;          /* whole hours; 0: all of it */
    enum scored_by by;
    struct slice metric;      /* SLICE_NULL: all together */
    struct slice application, request_type, model; /* model: as its provider names it; SLICE_NULL: any */
    struct slice prompt;      /* name@version, or a name: all of its versions */
};
struct scored_sum {
    int64_t start_us;         /* of the step; 0 without one */
    struct slice label;       /* of `by`; prompt: name@version; SLICE_NULL: none */
    struct weighted_sums sums;
};
/* By time, then label; valid inside the call, false stops. */
enum fault scored_sums(struct evaluations *e, const struct scored_sums_query *q, bool (*each)(void *ctx, const struct scored_sum *s), void *ctx,
                       struct error *error) MUST_CHECK;
/* Names of metrics that have any in the window, at most `most`, in order. */
enum fault scored_metrics(struct evaluations *e, struct slice application, int64_t from_us, int64_t to_us, struct arena *arena, struct slice *ret,
                          unsigned most, unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
