/* quantile.h - sorted values and what lies between them. */
#ifndef STATS_QUANTILE_H
#define STATS_QUANTILE_H

#include <stddef.h>

void quantile_sort(double *values, size_t n);
/* Between the two nearest of n sorted values (Hyndman and Fan 1996, type 7); infinities are kept. NAN: n = 0, or p is not
 * within 0 to 1. */
double quantile_of(const double *sorted, size_t n, double p);

#endif
