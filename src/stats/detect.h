/* detect.h - has the mean of a stream of values in 0..1 risen above what is normal, looked at after every value, with a promised rate of
 * false alarms: an e-detector.
 *
 * Against "each value's mean, given those before, is at most m" a bet l in (0, 1/m) makes 1 + l (x - m) of each unit that one has (Waudby-Smith
 * and Ramdas, "Estimating means of bounded random variables by betting", 2023); the product over values, averaged over a grid of l, is an
 * e-process. Begun anew at every value and summed (Shiryaev-Roberts; Shin, Ramdas, Rinaldo, "E-detectors", 2023) it has
 * R_n = sum over l of (R_{n-1,l} + w_l) (1 + l (x_n - m)), and R_n - n is a supermartingale while all is normal: the mean number of
 * values to a false alarm of "R_n >= a" is at least a, P(a false alarm within n values) <= n / a, and n values bring at most n / a alarms on
 * average where each begins it anew. Values need not be independent, but m has to be an upper limit at every hour: where nights are worse than
 * days it is the nights' mean. Where less is worse give 1 - x and 1 - m.
 *
 * Bets are l = f / m, with f from a tenth of min(m, 1 - m) / (1 - m) to 0.9 in equal ratios and equal weights: f is best for a mean of m + f (1 - m). */
#ifndef STATS_DETECT_H
#define STATS_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#define DETECT_BETS 12

struct detector {
    double normal;               /* m */
    double threshold;            /* a */
    double r[DETECT_BETS];
    uint64_t n;                  /* values since the start, or since it was begun anew */
    uint64_t since;              /* values since the likeliest beginning of a change: since the product of one small bet was last at most 1 */
    double sum_since, log_since; /* of these values; the logarithm of that product */
};
/* `margin`: a rise that small is normal too: m = normal + margin, held within [1e-4, 0.9999]. */
void detector_begin(struct detector *d, double normal, double margin, double threshold);
/* One value, held within 0..1; NAN is none. True: R_n >= a with it. It goes on as it was: whoever acts begins anew. */
bool detector_take(struct detector *d, double x);
/* `n` values of which `hits` were 1 (no more than n), in an order that nobody knows: hits are put first, and it is looked at behind the last
 * value, where R_n is then at most what the true order would have made it. */
bool detector_take_counts(struct detector *d, uint64_t n, uint64_t hits);
double detector_statistic(const struct detector *d); /* R_n */
double detector_estimate(const struct detector *d);  /* mean since the likeliest beginning: at an alarm it is high rather than low; NAN without values */
/* Values after which a mean of `mean` would be found, about: for the bet of the grid that is quickest, w_l times the sum of e^(G k) over k
 * values reaches a, with G its mean logarithm (of values that are 0 or 1: others are found no later). INFINITY: never. */
double detector_delay(const struct detector *d, double mean);
/* The threshold for `alarms` false ones in `values` values: values / alarms, at least 2. */
double detector_threshold(double values, double alarms);

#endif
