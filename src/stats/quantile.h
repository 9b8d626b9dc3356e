/* quantile.h - sorted values and what lies between them. */
#ifndef STATS_QUANTILE_H
#define STATS_QUANTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void quantile_sort(double *values, size_t n);
/* Between the two nearest of n sorted values (Hyndman and Fan 1996, type 7); infinities are kept. NAN: n = 0, or p is not
 * within 0 to 1. */
double quantile_of(const double *sorted, size_t n, double p);

/* The ranks (1..n) between whose values the true p-quantile lies with at least this confidence, whatever the distribution: the values of
 * them are its interval (order statistics; David and Nagaraja 2003, 7.1). The number of values below it is binomial; exact where its
 * variance is under 100, by the normal distribution above. False: n is too small to bound it on both sides, or an argument is refused. */
bool quantile_ranks(uint64_t n, double p, double confidence, uint64_t *ret_low, uint64_t *ret_high);

#endif
