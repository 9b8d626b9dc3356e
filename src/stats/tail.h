/* tail.h - how often a series goes beyond a level that it has seldom or never reached: peaks over a threshold.
 *
 * Times above a high level u come in clusters; the maxima of clusters beyond u are close to generalised Pareto (Balkema and de Haan 1974,
 * Pickands 1975), with P(Y > y) = (1 + shape y / scale)^(-1/shape). Fitted by probability-weighted moments (Hosking and Wallis 1987), shape
 * held within [-0.5, 0.5], and 0 where something was seen beyond its end; scale then as the mean has it. Rate of exceedances of x a day: clusters / days * P(Y > x - u). Where clusters are few the rate's upper limit is
 * Garwood's exact Poisson limit (1936) on their number. */
#ifndef STATS_TAIL_H
#define STATS_TAIL_H

#include <stdbool.h>
#include <stddef.h>

struct tail_peaks {              /* cluster maxima beyond `level` */
    const double *peaks;
    size_t n;
    double level;
    double exposure;             /* days that were looked at, gaps left out */
};
struct tail_fit {
    double shape, scale;         /* NAN with fewer than TAIL_LEAST peaks: then only the empirical rate is known */
    double rate, rate_high;      /* clusters a day beyond level; upper limit at 95 % */
};
#define TAIL_LEAST 8
struct tail_fit tail_fit(const struct tail_peaks *p);
/* Clusters a day beyond x, and its upper limit (95 %; with the rate's uncertainty, not the shape's). */
double tail_rate(const struct tail_peaks *p, const struct tail_fit *f, double x, double *ret_high);
/* Smallest x with tail_rate(x) <= wanted a day. Beyond all peaks it is extrapolated: *ret_beyond. INFINITY: there are no peaks, or days, to go by. */
double tail_level(const struct tail_peaks *p, const struct tail_fit *f, double wanted, bool *ret_beyond);
/* The same with what the fit itself does not know: blocks (days: peaks of one hang together) are drawn anew TAIL_DRAWS times, each with a fit of its
 * own. The one fit that the data gave is passed more often than it says, as a rate rises faster below a level than it falls above it: so the level is
 * the one at which the upper limit over all draws is what is wanted. `block`: of each peak, below `blocks`. */
#define TAIL_DRAWS 200
struct tail_draws { struct tail_fit fits[TAIL_DRAWS]; double level; };
/* False, and *ret untouched: fewer than TAIL_LEAST peaks, or no fit. The same peaks give the same draws. */
bool tail_draw(const struct tail_peaks *p, const unsigned *block, unsigned blocks, struct tail_draws *ret);
/* Clusters a day beyond x, no lower than the level: mean over the draws, and what 95 % of them keep to: not all that is unknown is drawn,
 * and of true rates it is the upper limit at some 80 % (tests/unit/test_stats_tail.c). */
double tail_drawn_rate(const struct tail_draws *d, double x, double *ret_high);
double tail_drawn_level(const struct tail_draws *d, double wanted); /* the smallest whose upper limit is at most `wanted` */
double poisson_upper(double events, double confidence); /* Garwood; poisson_upper(0, 0.95) = 2.9957 */
double poisson_lower(double events, double confidence);

#endif
