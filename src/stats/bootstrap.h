/* bootstrap.h - how sure a mean is, from resampling what is independent: cases, or clusters of them.
 *
 * A resample draws as many clusters as there are, with replacement, and takes the weighted mean of their
 * values. Percentile interval: quantiles of the resampled means. BCa (Efron 1987) moves these for bias and
 * skewness; with F the normal distribution and l the jackknife's mean less its values
 *   z0 = F^-1(share of resamples below the mean, half of the ties),  a = sum l^3 / (6 (sum l^2)^1.5)
 * and takes the quantiles F(z0 + (z0 + z) / (1 - a (z0 + z))). Coverage is by approximation in the number of
 * clusters; what was found for few is with stats/paired.h. The same seed gives the same answer on every
 * machine. What it costs: bench/stats.c. */
#ifndef STATS_BOOTSTRAP_H
#define STATS_BOOTSTRAP_H

#include "stats/mean.h"

#include <stdint.h>

#define BOOTSTRAP_RESAMPLES 10000
#define BOOTSTRAP_LEAST 100 /* resamples; fewer are refused */

struct bootstrap {
    double value;
    struct interval percentile, bca;
    double p_value; /* two-sided, of "the mean is 0": where the BCa interval would end at 0; not below
                     * 2 / (resamples + 1) */
    double bias, acceleration; /* z0 and a */
};

/* Refused, all NAN: what mean_estimate refuses, fewer than two clusters, too few resamples. Where all
 * clusters agree resampling shows nothing, and the answer is mean_estimate's. Time: resamples * clusters;
 * memory for both on the heap. */
struct bootstrap bootstrap_mean(const struct sample *s, unsigned resamples, uint64_t seed, double confidence);

#endif
