/* difference.h - the mean of paired differences, and its interval.
 *
 * BCa bootstrap (Efron 1987: bias-corrected and accelerated percentiles) of the cases, PAIRED_RESAMPLES with a fixed
 * seed. Where the differences are all one number a bootstrap has no spread: then the interval is that number, less or more
 * what one undetected case of `span` could have moved it, by Clopper and Pearson's bound for 0 of n: 1 - (alpha/2)^(1/n). */
#ifndef STATS_DIFFERENCE_H
#define STATS_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

#define PAIRED_RESAMPLES 10000

struct paired {
    size_t n;
    double mean, low, high; /* low and high: NAN with n < 2 */
};

/* `confidence` such as 0.95; `span`: the most that one difference can be, such as 1. `scratch` holds PAIRED_RESAMPLES. */
struct paired paired_difference(const double *d, size_t n, double confidence, double span, uint64_t seed, double *scratch);

/* Of two independent groups of scores within 0..1: mean(a) - mean(b) and its interval after Agresti and Caffo 2000: each
 * group gets one score of 0 and one of 1 more, so that groups without spread have an honest width. n is that of both. */
struct group {
    double n, sum, squares;
};
struct paired group_difference(const struct group *a, const struct group *b, double confidence);

#endif
