/* test_stats_rig.h - what the tests of statistics share: comparing numbers, drawing them, and the band that a
 * simulated coverage may lie in. */
#ifndef TEST_STATS_RIG_H
#define TEST_STATS_RIG_H

#include "stats/interval.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof *(a))

static inline void near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("found %.17g, expected %.17g", a, b);
}

static inline void near_interval(struct interval i, double low, double high, double within) {
    near(i.low, low, within);
    near(i.high, high, within);
}

static inline bool holds(struct interval i, double value) {
    return i.low <= value && value <= i.high;
}

static inline bool is_unknown(struct interval i) {
    return isnan(i.low) && isnan(i.high);
}

static inline bool draw(struct random *r, double chance) {
    return random_unit(r) < chance;
}

static inline double draw_normal(struct random *r) {
    return sqrt(-2 * log(random_unit(r))) * cos(2 * M_PI * random_unit(r));
}

/* Of `runs` simulated cases `hits` came true, each with a chance of `nominal`. The share's standard deviation
 * is sqrt(nominal (1 - nominal) / runs), and 4 of them are the band: a right method leaves it with 6 seeds in
 * 100,000. For 0.95 and 2,000 runs it is 0.9305..0.9695. */
static inline double band(double nominal, unsigned runs) {
    return 4 * sqrt(nominal * (1 - nominal) / runs);
}

static inline void about(unsigned hits, unsigned runs, double nominal) {
    near((double)hits / runs, nominal, band(nominal, runs));
}

/* For methods that promise "at least", and are allowed more. */
static inline void at_least(unsigned hits, unsigned runs, double nominal) {
    if ((double)hits / runs < nominal - band(nominal, runs))
        fail_msg("%u of %u, %g promised", hits, runs, nominal);
}

static inline void at_most(unsigned hits, unsigned runs, double nominal) {
    if ((double)hits / runs > nominal + band(nominal, runs))
        fail_msg("%u of %u, %g promised", hits, runs, nominal);
}

/* C(n, k) p^k (1 - p)^(n - k) */
static inline double binomial(unsigned n, unsigned k, double p) {
    double log_ways = lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
    return p <= 0 ? k == 0 : p >= 1 ? k == n : exp(log_ways + k * log(p) + (n - k) * log1p(-p));
}

#endif
