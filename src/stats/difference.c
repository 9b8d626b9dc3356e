#include "stats/difference.h"

#include "stats/random.h"
#include "stats/special.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Efron's acceleration, from the jackknife: for a mean, skewness / (6 sqrt(n)). */
static double acceleration(const double *d, size_t n, double mean) {
    double squares = 0, cubes = 0;
    for (size_t i = 0; i < n; i++) {
        double e = d[i] - mean; /* the jackknife values differ from their mean by -e / (n - 1), so that the sign turns twice */
        squares += e * e;
        cubes += e * e * e;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

static double corrected(double z0, double a, double z) {
    double s = z0 + z;
    return special_normal_cdf(z0 + s / (1 - a * s));
}

static double percentile(const double *sorted, size_t n, double p) {
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

struct paired paired_difference(const double *d, size_t n, double confidence, double span, uint64_t seed, double *scratch) {
    struct paired p = {.n = n, .mean = NAN, .low = NAN, .high = NAN};
    struct random random = {seed};
    double sum = 0, half = (1 - confidence) / 2, below = 0;
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        sum += d[i];
        same = same && d[i] == d[0];
    }
    if (n > 0) p.mean = sum / (double)n;
    if (n < 2) return p;
    if (same) {
        double most = (1 - pow(half, 1 / (double)n)) * span;
        p.low = fmax(p.mean - most, -span);
        p.high = fmin(p.mean + most, span);
        return p;
    }
    for (size_t b = 0; b < PAIRED_RESAMPLES; b++) {
        double s = 0;
        for (size_t i = 0; i < n; i++) s += d[random_below(&random, n)];
        scratch[b] = s / (double)n;
        below += scratch[b] < p.mean ? 1 : scratch[b] == p.mean ? 0.5 : 0;
    }
    qsort(scratch, PAIRED_RESAMPLES, sizeof *scratch, by_size);
    double z0 = special_normal_quantile(below / PAIRED_RESAMPLES), a = acceleration(d, n, p.mean);
    p.low = percentile(scratch, PAIRED_RESAMPLES, corrected(z0, a, special_normal_quantile(half)));
    p.high = percentile(scratch, PAIRED_RESAMPLES, corrected(z0, a, special_normal_quantile(1 - half)));
    return p;
}

struct paired group_difference(const struct group *a, const struct group *b, double confidence) {
    struct paired p = {.n = (size_t)(a->n + b->n), .mean = NAN, .low = NAN, .high = NAN};
    if (a->n < 1 || b->n < 1) return p;
    double ma = (a->sum + 1) / (a->n + 2), mb = (b->sum + 1) / (b->n + 2);
    double va = (a->squares + 1) / (a->n + 2) - ma * ma, vb = (b->squares + 1) / (b->n + 2) - mb * mb;
    double half = special_normal_quantile((1 + confidence) / 2) * sqrt(va / (a->n + 2) + vb / (b->n + 2));
    p.mean = a->sum / a->n - b->sum / b->n;
    p.low = fmax(ma - mb - half, -1);
    p.high = fmin(ma - mb + half, 1);
    return p;
}
