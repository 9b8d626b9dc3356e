#include "stats/quantile.h"

#include "stats/special.h"

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

/* P(at most k of n are below the quantile). */
static double binomial_cdf(uint64_t k, uint64_t n, double p) {
    return k >= n ? 1 : special_beta_cdf(1 - p, (double)(n - k), (double)k + 1);
}

/* The least k with P(at most k) > most. */
static uint64_t first_above(uint64_t n, double p, double most) {
    uint64_t low = 0, high = n;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (binomial_cdf(middle, n, p) > most) high = middle;
        else low = middle + 1;
    }
    return low;
}

bool quantile_ranks(uint64_t n, double p, double confidence, uint64_t *ret_low, uint64_t *ret_high) {
    if (n == 0 || !(p > 0 && p < 1) || !(confidence > 0 && confidence < 1)) return false;
    double tail = (1 - confidence) / 2, count = (double)n;
    if (count * p * (1 - p) >= 100) {
        double half = special_normal_quantile(1 - tail) * sqrt(count * p * (1 - p));
        *ret_low = (uint64_t)(count * p - half);
        *ret_high = (uint64_t)ceil(count * p + half) + 1;
        return true;
    }
    /* rank l is too high with P(at most l - 1), rank u too low with 1 - P(at most u - 1) */
    uint64_t low = first_above(n, p, tail), high = first_above(n, p, 1 - tail) + 1;
    if (low == 0 || high > n) return false;
    *ret_low = low;
    *ret_high = high;
    return true;
}
