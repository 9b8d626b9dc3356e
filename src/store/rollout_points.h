/* rollout_points.h - how a rollout's guardrails stood each time that it was judged: what its intervals are drawn from while they close.
 *
 * Bounded: of one rollout about POINTS_KEPT at most, thinned evenly over the time that it ran (one a bucket; buckets double), and of the
 * POINTS_ROLLOUTS newest rollouts alone. A point that differs in step, weight or any verdict from the one before is always taken. */
#ifndef STORE_ROLLOUT_POINTS_H
#define STORE_ROLLOUT_POINTS_H

#include "store/rollouts.h"

#define POINTS_KEPT 200      /* of one rollout: as many as a chart shows */
#define POINTS_ROLLOUTS 500  /* with some 100 KiB each at most */

struct rollout_point {
    int64_t at_us;           /* wall */
    enum rollout_stage stage;
    unsigned step;
    uint32_t weight_ppm;
    struct slice mark;       /* verdicts, a letter each: what makes two points differ */
    struct slice body;       /* JSON: [[metric, effect, low, high, limit, n_candidate, n_control, verdict], ...] */
};
/* Takes it, or passes it by where the last one is near and alike. One transaction. */
enum fault rollout_point_put(struct registry *r, int64_t rollout, const struct rollout_point *p, struct error *error) MUST_CHECK;
/* Oldest first, by the order in which they were taken. */
enum fault rollout_points(struct registry *r, int64_t rollout, struct arena *arena, struct rollout_point **ret, unsigned *ret_n,
                          struct error *error) MUST_CHECK;

#endif
