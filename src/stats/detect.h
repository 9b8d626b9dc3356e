/* detect.h - has the mean of a stream of values in 0..1 risen above what is normal, looked at after every value, with a promised rate of
 * false alarms: an e-detector.
 *
 * Against "each value's mean, given those before, is at most m" a bet of share l of what one has gives 1 + l (x - m) (Waudby-Smith and
 * Ramdas, "Estimating means of bounded random variables by betting", 2023); the product over values, averaged over a grid of l in (0, 1/(1-m)),
 * is an e-process. Begun anew at every value and summed (Shiryaev-Roberts; Shin, Ramdas, Rinaldo, "E-detectors", 2023) it has
 * R_n = sum over l of (R_{n-1,l} + w_l) (1 + l (x_n - m)), and R_n - n is a supermartingale while all is normal: the mean number of
 * values to a false alarm of "R_n >= a" is at least a, P(a false alarm within n values) <= n / a. Values need not be independent. Where less
 * is worse give 1 - x and 1 - m. State is the grid alone. */
#ifndef STATS_DETECT_H
#define STATS_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#define DETECT_BETS 12

struct detector {
    double normal;               /* m, 0 < m < 1 */
    double threshold;            /* a */
    double r[DETECT_BETS];
    uint64_t n;                  /* values since the start, or since it was begun anew */
    uint64_t since;              /* values since the likeliest beginning of the change: since R of the leading bet was last small */
    double sum_since;            /* of these values */
};
/* `margin`: a rise that small is normal too: m = normal + margin, held within [1e-4, 0.9999]. */
void detector_begin(struct detector *d, double normal, double margin, double threshold);
/* One value, of weight 1 (0 <= x <= 1). True: R_n >= a with it. It goes on as it was: whoever acts begins anew. */
bool detector_take(struct detector *d, double x);
/* `n` values of which `hits` were 1, in an order that nobody knows: hits are put last, so that it is not early. */
bool detector_take_counts(struct detector *d, uint64_t n, uint64_t hits);
double detector_statistic(const struct detector *d); /* R_n */
double detector_estimate(const struct detector *d);  /* mean since the likeliest beginning; NAN without values */
/* Values after which a mean of `mean` would be found, about (Wald's approximation for the best bet of the grid); INFINITY: never. */
double detector_delay(const struct detector *d, double mean);
/* The threshold for `alarms` false ones in `values` values: values / alarms, at least 2. */
double detector_threshold(double values, double alarms);

#endif
