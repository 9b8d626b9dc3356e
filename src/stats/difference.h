/* difference.h - how much the mean of one set of scores lies above that of another, and its interval. */
#ifndef STATS_DIFFERENCE_H
#define STATS_DIFFERENCE_H

#include <stddef.h>
#include <stdint.h>

struct difference {
    size_t n;
    double mean, low, high; /* low and high: NAN with n < 2 */
};

/* Of pairs: `d` are their differences, within -1..1; the interval is the BCa bootstrap of stats/bootstrap.h, and never narrower than
 * the normal one with a difference of -1 and one of 1 more (after Agresti and Caffo, as below): ten pairs of which nine are ties say
 * little about a loss that is rare, but no resample has one. */
struct difference difference_paired(const double *d, size_t n, double confidence, uint64_t seed);

/* Of two independent groups of scores within 0..1: mean(a) - mean(b) and its interval after Agresti and Caffo 2000: each
 * group gets one score of 0 and one of 1 more, so that groups without spread have an honest width. n is that of both. */
struct difference_group {
    double n, sum, squares;
};
struct difference difference_grouped(const struct difference_group *a, const struct difference_group *b, double confidence);

#endif
