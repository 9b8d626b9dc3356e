/* shift.h - has the mean of a daily series moved, since when, and how often such an alarm is wrong.
 *
 * Days are y_i = (its season's mean) + (the shift, from day k on) + noise of one deviation. Season means,
 * deviation, k and size are all unknown. For a start k and a shift of d deviations with d ~ N(0, g), the
 * Bayes factor against "no shift" with right-Haar priors on season means and deviation has a closed form: L_k
 * = (1 + g S)^(-1/2) * (1 - r^2 g S / (1 + g S))^(-(n - p) / 2) n days so far, p seasons seen, S the sum of
 * squares of the step after taking out season means, r^2 its squared partial correlation with y (Liang et al.
 * 2008, with g fixed; a test martingale in n under every choice of the unknown means and deviation:
 * Perez-Ortiz, Lardy, de Heide, Gruenwald, "E-statistics, group invariance and anytime-valid testing", 2024).
 * L_k is averaged over g in {1, 10, 100, 1000}, and the statistic is the Shiryaev-Roberts sum over k R_n =
 * L_2 + ... + L_n R_n - (n - 1) is a martingale under no shift, hence, whatever the unknowns: mean days to a
 * false alarm of "R_n >= threshold" >= threshold, P(a false alarm within n days) <= n / threshold. No warm-up
 * is set aside and nothing is estimated first: with few days R_n stays low by itself. What it assumes: days
 * independent given the season, near normal (take logarithms of costs), with weights known in advance. */
#ifndef STATS_SHIFT_H
#define STATS_SHIFT_H

#include <stdbool.h>
#include <stddef.h>

#define SHIFT_SEASONS 7 /* at most */

struct shift_series {
    const double *y;
    const double *weight;        /* relative precision of each day, > 0; NULL: all 1 */
    const unsigned char *season; /* 0..SHIFT_SEASONS-1, such as the day of the week; NULL: one season */
    size_t n;
};

struct shift_result {
    bool found;
    size_t first;     /* found: the likeliest first day of the shift */
    size_t alarm;     /* found: the day on which R_n passed the threshold (what came later decides nothing) */
    double statistic; /* R_n on the alarm's day, or on the last one; INFINITY when it does not fit a double */
    double before, after; /* found: means over the days since, each against its own season, of all days given:
                           * after - before is the shift */
    double deviation;     /* of one day of weight 1 around its season; NAN without a degree of freedom */
};

/* The first alarm in the series. O(n^2). */
struct shift_result shift_find(const struct shift_series *s, double threshold);

/* The smallest shift, in deviations, of which `days` days at the end of a series like this one (its length,
 * seasons and weights; noise at its expected size) would pass the threshold. NAN: none up to 1000 deviations
 * would. */
double shift_detectable(const struct shift_series *s, size_t days, double threshold);

#endif
