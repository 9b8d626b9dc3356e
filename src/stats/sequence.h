/* sequence.h - confidence sequences: intervals and tests that hold at every look together.
 *
 * rate_sequence: two-sided beta-binomial mixture (Howard, Ramdas, McAuliffe, Sekhon 2021, propositions 6 and 7). difference_sequence:
 * asymptotic (Waudby-Smith et al., arXiv 2103.06476, equation 9), from about 100 values an arm on. quantile_log_e: two-sample
 * quantile test (Howard and Ramdas 2022; Lindon, Sanden, Shirikian 2022) on histograms. */
#ifndef STATS_SEQUENCE_H
#define STATS_SEQUENCE_H

#include "base/histogram.h"
#include "stats/interval.h"

#include <stdint.h>

/* ln of the mixture for a sum s of deviations with intrinsic time v, tuned to v_opt at alpha; g + h is the range. */
double mixture_log(double s, double v, double rho, double g, double h);
double mixture_rho(double v_opt, double alpha);
/* Of a chance, from hits of n; tightest about n = n_opt. */
struct interval rate_sequence(uint64_t hits, uint64_t n, double n_opt, double alpha);

struct mean_sums {
    uint64_t n;
    double sum, squares; /* of values, of their squares */
};
struct sequence_estimate {
    double value, se;        /* candidate - control, or that over control's mean when relative */
    struct interval interval; /* two-sided */
    double log_e;            /* >= ln(1/alpha): the difference is above `above`, one-sided; NAN: too little data */
};
/* n_opt: where it is tightest, all values together (5000). */
struct sequence_estimate difference_sequence(const struct mean_sums *candidate, const struct mean_sums *control, bool relative,
                                             double above, double n_opt, double alpha);

/* ln E against "the q-quantile of the candidate is at most `ratio` times control's", one-sided; ties within a bucket and ratios between two
 * buckets are taken so that less is refuted. Valid at every look. */
double quantile_log_e(const struct histogram *candidate, const struct histogram *control, double q, double ratio, double n_opt, double alpha);
/* Ratios that are not refuted at alpha, to a bucket; {0, INFINITY}: little is known. */
struct interval quantile_ratio(const struct histogram *candidate, const struct histogram *control, double q, double n_opt, double alpha);
/* The same of values that come in groups (exchanges of one user): `design` >= 1 of them count as one. */
double quantile_log_e_grouped(const struct histogram *candidate, const struct histogram *control, double q, double ratio, double n_opt,
                              double alpha, double design);
struct interval quantile_ratio_grouped(const struct histogram *candidate, const struct histogram *control, double q, double n_opt, double alpha,
                                       double design);

#endif
