#include "stats/quantile.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

void quantile_sort(double *values, size_t n) {
    if (n > 1) qsort(values, n, sizeof *values, by_value);
}

double quantile_of(const double *sorted, size_t n, double p) {
    if (n == 0 || !(p >= 0 && p <= 1)) return NAN;
    double at = p * (double)(n - 1);
    size_t low = (size_t)at;
    if (low + 1 >= n || at == (double)low || sorted[low] == sorted[low + 1]) return sorted[low]; /* no 0 * infinity, no infinity less infinity */
    return sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]);
}
