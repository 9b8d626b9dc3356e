#include "stats/detect.h"

#include <math.h>

#define MOST 1e300               /* R stays a number, however long nobody acts */
#define WEIGHT (1.0 / DETECT_BETS)
#define TIMING 3                 /* larger bets date a change too late, and take it for too large; the smallest wait for too long */
#define LARGEST 0.9              /* of f: a bet of all that one has is lost with the first 0 */

/* f of the smallest bet, and what each is of the one before. */
static double first_bet(double m, double *ret_ratio) {
    double first = 0.1 * fmin(m, 1 - m) / (1 - m);
    *ret_ratio = pow(LARGEST / first, 1.0 / (DETECT_BETS - 1));
    return first;
}

void detector_begin(struct detector *d, double normal, double margin, double threshold) {
    *d = (struct detector){.normal = fmin(fmax(normal + margin, 1e-4), 0.9999), .threshold = threshold};
}

/* `log_factor`: what became of the bet that times the change. */
static bool took(struct detector *d, uint64_t n, double sum, double log_factor) {
    d->n += n;
    d->since += n;
    d->sum_since += sum;
    d->log_since += log_factor;
    if (d->log_since <= 0) {
        d->since = 0;
        d->sum_since = d->log_since = 0;
    }
    return detector_statistic(d) >= d->threshold;
}

bool detector_take(struct detector *d, double x) {
    if (isnan(x)) return detector_statistic(d) >= d->threshold;
    double ratio, f = first_bet(d->normal, &ratio), log_factor = 0;
    x = fmin(fmax(x, 0), 1);
    for (unsigned i = 0; i < DETECT_BETS; i++, f *= ratio) {
        double factor = 1 + f / d->normal * (x - d->normal);
        d->r[i] = fmin((d->r[i] + WEIGHT) * factor, MOST);
        if (i == TIMING) log_factor = log(factor);
    }
    return took(d, 1, x, log_factor);
}

/* (r + w) factor, for all hits and then for all misses, in closed form: the sums of what was begun are geometric. */
static double behind(double r, double f, double m, double hits, double misses, double *ret_log) {
    double hit = 1 + f / m * (1 - m), miss = 1 - f, log_missed = misses * log(miss), log_all = hits * log(hit) + log_missed;
    double all = fmin(exp(log_all), MOST), missed = exp(log_missed);
    *ret_log = log_all;
    return fmin(r * all + WEIGHT * (hit / (hit - 1) * (all - missed) + miss / f * (1 - missed)), MOST);
}

bool detector_take_counts(struct detector *d, uint64_t n, uint64_t hits) {
    double ratio, f = first_bet(d->normal, &ratio), log_factor = 0, log_all;
    if (hits > n) hits = n;
    for (unsigned i = 0; i < DETECT_BETS; i++, f *= ratio) {
        d->r[i] = behind(d->r[i], f, d->normal, (double)hits, (double)(n - hits), &log_all);
        if (i == TIMING) log_factor = log_all;
    }
    return took(d, n, (double)hits, log_factor);
}

double detector_statistic(const struct detector *d) {
    double sum = 0;
    for (unsigned i = 0; i < DETECT_BETS; i++) sum += d->r[i];
    return sum;
}

double detector_estimate(const struct detector *d) {
    return d->since > 0 ? d->sum_since / (double)d->since : NAN;
}

double detector_delay(const struct detector *d, double mean) {
    double ratio, f = first_bet(d->normal, &ratio), least = INFINITY;
    for (unsigned i = 0; i < DETECT_BETS; i++, f *= ratio) {
        double growth = mean * log1p(f / d->normal * (1 - d->normal)) + (1 - mean) * log1p(-f);
        if (growth > 0) least = fmin(least, log1p(-d->threshold / WEIGHT * expm1(-growth)) / growth);
    }
    return least;
}

double detector_threshold(double values, double alarms) {
    return fmax(values / alarms, 2);
}
