/* proportion.h - intervals of a rate: k of n independent trials passed.
 *
 * k and n may be fractions, for effective samples (stats/rate.h). Refused, with NAN: k outside 0..n, what is
 * not finite, a confidence outside (0, 1). n = 0 is no data: the interval is 0..1 (of a difference: -1..1).
 * Wilson's is for display: about nominal on average over rates, below it at some. Clopper and Pearson's is
 * for gates: never below nominal whatever the rate (for whole k), hence wider. */
#ifndef STATS_PROPORTION_H
#define STATS_PROPORTION_H

#include "stats/interval.h"

/* Wilson 1927: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). */
struct interval proportion_wilson(double k, double n, double confidence);

/* Clopper, Pearson 1934: beta quantiles (a/2; k, n-k+1) and (1-a/2; k+1, n-k). */
struct interval proportion_exact(double k, double n, double confidence);

/* One-sided: the rate is at least (at most) this, at `confidence`; the whole error is on one side. */
double proportion_at_least(double k, double n, double confidence);
double proportion_at_most(double k, double n, double confidence);

/* p1 - p2 of two unpaired samples: Newcombe 1998, method 10 (Wilson's limits, square and add). For the same
 * cases under two versions use stats/paired.h: this one would lose what the pairs have in common. */
struct interval proportion_newcombe(double k1, double n1, double k2, double n2, double confidence);

/* What n trials in groups of `per_group` lose when trials of one group correlate by `correlation` (-1..1):
 * 1 + (m - 1) rho (Kish 1965). n / design effect trials would be worth as much if independent. */
double proportion_design_effect(double per_group, double correlation);

#endif
