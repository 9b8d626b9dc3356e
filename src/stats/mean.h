/* mean.h - the mean of scores, and how sure it is, when scores hang together.
 *
 * N repeats of a case are not N cases: a score is first averaged within its case (mean_by_case), and the mean
 * is over cases. Cases of one family (a template, a session, a document) are one cluster. With weights w:
 *   m = sum w s / sum w
 *   SE = sqrt(C/(C-1) * sum over clusters of (sum within of w (s - m))^2) / sum w
 * Miller 2024 (arXiv 2411.00640) with the finite-cluster factor C/(C-1) that it leaves out; the interval is
 * Student's t with C - 1 degrees of freedom, cut to the scale.
 *
 * Data without variance gives SE 0, which is not certainty: when all clusters agree and the scale is known,
 * the interval allows for a share of 1 - (a/2)^(1/C) of clusters unseen, each at the scale's end. For
 * all-pass and all-fail that is Clopper and Pearson's interval over clusters. With unequal weights C is there
 * Kish's (sum W)^2 / sum W^2. */
#ifndef STATS_MEAN_H
#define STATS_MEAN_H

#include "stats/interval.h"

#include <stdint.h>

struct sample {
    const double *value;
    const double *weight;    /* > 0; NULL: all 1 */
    const uint32_t *cluster; /* 0..n-1, values with one number belong together; NULL: each stands alone */
    size_t n;
    double least, most; /* the scale's ends; both 0: not known */
};

/* Every function that takes a sample refuses, answering NAN, what this does not accept: no value, a value
 * that is not finite or is off the scale (by more than rounding, 1e-9 of it), a weight that is not positive,
 * a cluster of n or more. */
bool mean_accepts(const struct sample *s);

/* Of one cluster the value alone (and with a scale the interval). O(n), on the heap for clusters. */
struct estimate mean_estimate(const struct sample *s, double confidence);

/* The interval of an estimate that was made elsewhere, from its value, se and df, by the same rules;
 * `effective` clusters count where se is 0 or NAN. */
struct interval mean_interval(const struct estimate *e, double effective, double least, double most,
                              double confidence);

/* Two-sided p-value of "the mean is 0", from t. Where SE is 0: from the interval above, on a scale of -1..1:
 * min(1, 2 (1 + |m|)^-C), which for m = 1 is the sign test. */
double mean_p_value(const struct estimate *e);

/* The sum of the weights of each cluster as independent values: (sum W)^2 / sum W^2 (Kish 1965);
 * the number of clusters when they weigh the same. */
double mean_effective(const struct sample *s);

/* Means of the scores of each case: of[i] < cases is the case of score i. ret_mean and ret_runs hold `cases`
 * elements; a case without runs gets NAN and 0, one with a score that is not finite NAN. */
void mean_by_case(const double *score, const uint32_t *of, size_t n, double *ret_mean, double *ret_runs,
                  size_t cases);

/* How much runs of one case differ: the mean over cases of the variance (n - 1 below) of their runs, for
 * stats/power.h. mean and runs as mean_by_case gave them; cases with fewer than two runs, or without a mean,
 * are passed over. NAN: no other. */
double mean_within_case(const double *score, const uint32_t *of, size_t n, const double *mean,
                        const double *runs, size_t cases);

/* Of n repeats of a case c passed. That of k repeats, drawn from these, any passes (pass@k, Chen et al. 2021,
 * eq. 1: 1 - C(n-c,k)/C(n,k)), and that all do (pass^k, Yao et al. 2024: C(c,k)/C(n,k)). Their means over
 * cases are a suite's. k = 0: nothing is asked, 0 and 1. NAN: c > n or k > n. */
double mean_pass_any(unsigned n, unsigned c, unsigned k);
double mean_pass_all(unsigned n, unsigned c, unsigned k);

#endif
