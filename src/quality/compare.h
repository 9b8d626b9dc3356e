/* compare.h - is one run better than another? The paired difference, candidate less baseline, of the cases that both have. Pure.
 *
 * One run of each case, pass or fail: McNemar's exact test. Repeats or scores: per-case means, by cluster (stats/paired.h). The verdict has
 * three values; with "no evidence" goes the smallest difference that so many cases could have shown, and how many more would settle it. */
#ifndef QUALITY_COMPARE_H
#define QUALITY_COMPARE_H

#include "quality/result.h"
#include "quality/suite.h"

struct compare;
/* The suites of both runs (the same pointer when they are one version). Cases are paired by id. */
struct compare *compare_new(const struct suite *baseline, const struct suite *candidate, double confidence);
void compare_free(struct compare *c);
void compare_add(struct compare *c, bool candidate, const struct result *r);
/* Members of an open object: difference, interval, p_value, method, verdict (better|worse|no_evidence), minimum_detectable, flipped [{case,
 * baseline, candidate}], needed_cases, by_tag, pairs, left_out, score {the same of scores}, cost and latency ratios. -1 worse, 0 no evidence, 1 better. */
int compare_write(struct compare *c, struct json_writer *w);

#endif
