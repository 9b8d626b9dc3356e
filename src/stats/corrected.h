/* corrected.h - the pass rate that people would have found, from many verdicts of a judge and few of theirs.
 *
 * corrected_rate knows the judge by its sensitivity and specificity (Rogan and Gladen 1978); it holds when
 * prevalence moves, and fails when the judge does. corrected_mean adds to the judge's mean what it was off on
 * the labelled cases (PPI++: Angelopoulos, Duchi, Zrnic 2023); with many labels it never does worse than
 * these alone, and it takes scores of any kind, but the labelled cases must be drawn from the same traffic,
 * with known chances. */
#ifndef STATS_CORRECTED_H
#define STATS_CORRECTED_H

#include "stats/interval.h"

/* A rate found in n independent trials; n may be an effective size, a weighted rate has Kish's. */
struct corrected_part {
    double rate, n;
};

#define CORRECTED_LEAST 0.2 /* of sensitivity + specificity - 1: below it a judge says too little */

/* theta = (p + specificity - 1) / (sensitivity + specificity - 1), cut to 0..1, with the interval of Lang and
 * Reiczigel 2014 (as Lee et al., arXiv 2511.21140): p~ = (n p + z^2/2) / (n + z^2), q~ = (m q + 1) / (m + 2),
 *   V = (p~(1-p~)/(n+z^2) + (1-theta~)^2 q0~(1-q0~)/(m0+2) + theta~^2 q1~(1-q1~)/(m1+2)) / (q0~+q1~-1)^2
 *   theta~ + 2 z^2 (theta~ q1~(1-q1~)/(m1+2) - (1-theta~) q0~(1-q0~)/(m0+2)) -+ z sqrt(V)
 * cut to 0..1, with theta~ of p~ and q~. judged: the judge's pass rate. se is sqrt(V). Found to cover .944 or
 * more at 95 % in 84 worlds of 20 to 200 labels a side.
 *
 * Refused, all NAN: a rate outside 0..1, an n of 0, sensitivity + specificity - 1 (with q~ too) under
 * CORRECTED_LEAST, and an interval that lies outside 0..1 before it is cut: a judge as good as that does not
 * give such verdicts, so the calibration is not of this judge on this traffic. */
struct estimate corrected_rate(struct corrected_part judged, struct corrected_part specificity,
                               struct corrected_part sensitivity, double confidence);

/* Labelled cases with both verdicts, and cases with the judge's alone. Weights are 1 / the chance with which
 * a case was taken; NULL: all the same. */
struct corrected_sample {
    const double *label, *judged, *weight;
    size_t n; /* >= 2 */
    const double *unlabelled, *unlabelled_weight;
    size_t n_unlabelled; /* >= 2 */
    double least, most;  /* the labels' scale; both 0: not known */
};

struct corrected_mean {
    struct estimate estimate;
    double lambda; /* how far the judge is trusted: 0 labels alone, 1 as far as a label */
};

/* Labels from which corrected_mean's interval is near its level. lambda is estimated from few failures, and
 * the interval is by approximation: at a pass rate of 0.8 with 1,000 verdicts, 95 % intervals were found to
 * cover, over judges from perfect to useless, .90 to .93 with 30 labels, .92 to .94 with 100, .94 to .95 with
 * 300. */
#define CORRECTED_LABELS 100

/* value = lambda mean f(U) + mean(Y - lambda f(X)),  SE^2 = lambda^2 Var f(U)/N + Var(Y - lambda f)/n,
 * with variances divided by n. lambda NAN: the best one, Cov(Y, f) / ((1 + n/N) Var f) with Var f over both
 * samples (as ppi_py: n + N - 1 below), cut to 0..1; 0 when the judge never differs. The interval is
 * Student's t with n - 1 degrees of freedom, both cut to the scale; where labels and judge leave no variance
 * it is stats/mean.h's rule over the labelled cases. Weighted: means are Hajek's, Var/n is
 * sum w^2 (x - mean)^2 / (sum w)^2, and n is Kish's effective size. Refused, all NAN: what is not finite, a
 * label off the scale, a weight not above 0, a lambda outside 0..1. */
struct corrected_mean corrected_mean(const struct corrected_sample *s, double lambda, double confidence);

#endif
