/* compare.h - is one run better than another? The paired difference, candidate less baseline, of the cases that both have. Pure.
 *
 * One run of each case, pass or fail: McNemar's exact test. Repeats or scores: per-case means, by cluster (stats/paired.h). The verdict has
 * three values; with "no evidence" goes the smallest difference that so many cases could have shown, and how many more would settle it.
 *
 * A case that was asked something else in the other run, that only one run has, or that has errors alone in one, is left out and
 * counted. When more runs than a suite's max_errors ended in an error no verdict is given. Tags are many questions asked at once:
 * theirs are held against Holm's limits (1979), so that the chance of any wrong one among them stays 1 - confidence. */
#ifndef QUALITY_COMPARE_H
#define QUALITY_COMPARE_H

#include "quality/result.h"
#include "quality/suite.h"

#define COMPARE_FLIP 0.5           /* a case whose share of passed runs moved by this much flipped; once a case: any change */
#define COMPARE_FLIPS_TOLD 1000    /* the others are counted */
#define COMPARE_EXCERPT 300        /* bytes of an answer that go with a flip */
#define COMPARE_EXCERPTS (16u << 20) /* of all cases; then they are left out */

struct compare;
/* The suites of both runs (the same pointer when they are one version); both outlive it. Cases are paired by id. */
struct compare *compare_new(const struct suite *baseline, const struct suite *candidate, double confidence);
void compare_free(struct compare *c);
void compare_add(struct compare *c, bool candidate, const struct result *r); /* each result once, in any order */
/* Members of an open object: difference, interval, p_value, method, verdict (better|worse|no_evidence), why, minimum_detectable, needed_cases, reliable,
 * baseline and candidate {pass_rate, ...}, flipped [{case, baseline, candidate, ...}], by_tag, pairs, left_out, score {the same of scores}, cost,
 * latency. -1 worse, 0 no evidence, 1 better. */
int compare_write(struct compare *c, struct json_writer *w);

#endif
