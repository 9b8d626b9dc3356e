#include "stats/fisher.h"

#include "stats/special.h"

#include <math.h>
#include <stdint.h>
#include <stdbool.h>

static bool is_count(double k, double n) {
    return k >= 0 && k <= n && n <= 1e9 && floor(k) == k && floor(n) == n;
}

static double log_choose(double n, double k) {
    return -log(n + 1) - special_log_beta(k + 1, n - k + 1);
}

double fisher_lower(double k1, double n1, double k2, double n2) {
    if (!is_count(k1, n1) || !is_count(k2, n2)) return NAN;
    double all = log_choose(n1 + n2, k1 + k2), sum = 0, least = fmax(0, k1 + k2 - n2);
    for (uint64_t i = 0; k1 - (double)i >= least; i++) { /* from the largest down: what is too small to count ends it */
        double x = k1 - (double)i;
        double term = exp(log_choose(n1, x) + log_choose(n2, k1 + k2 - x) - all);
        sum += term;
        if (term < sum * 1e-17 && x < (k1 + k2) * n1 / (n1 + n2)) break;
    }
    return fmin(1, sum);
}
