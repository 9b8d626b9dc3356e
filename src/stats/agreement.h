/* agreement.h - do two raters, such as a judge and a human, say the same, beyond what chance would make
 * equal.
 *
 * Kappa falls with prevalence: two raters who agree on 95 of 100 answers, nearly all of them good, may have a
 * kappa near 0. So it is shown with the observed agreement, the categories' shares and, for pass and fail,
 * with sensitivity and specificity, which do not depend on prevalence. For missing ratings or more raters,
 * with an interval, see stats/krippendorff.h. */
#ifndef STATS_AGREEMENT_H
#define STATS_AGREEMENT_H

#include "stats/interval.h"

#define AGREEMENT_CATEGORIES 32 /* at most */

/* What a disagreement of categories i and j is worth of an agreement, among k in order: 0; 1 - |i-j|/(k-1);
 * 1 - (i-j)^2/(k-1)^2 (Cicchetti and Allison 1971; Fleiss and Cohen 1973). */
enum agreement_weights { AGREEMENT_NONE, AGREEMENT_LINEAR, AGREEMENT_QUADRATIC };

struct agreement_kappa {
    double kappa; /* (observed - expected) / (1 - expected), weighted; NAN where expected is 1 */
    double observed, expected;
    double se, se_null; /* asymptotic, of kappa and under kappa = 0 (Fleiss, Cohen, Everitt 1969) */
    struct interval interval;
    double n;
};

/* Cohen 1960, 1968. counts[i * k + j]: so often the first rater said i and the second j; >= 0, and fractions
 * where cases carry weights (then the interval is for as many cases as the counts sum to: scale them to the
 * effective size). All on one category says nothing about agreement: kappa NAN. Without a disagreement se is
 * 0, which is not certainty: then the interval's lower end is the kappa of Clopper and Pearson's lower limit
 * of observed agreement.
 *
 * The interval is asymptotic, and short of its level for few cases: at 95 %, of three categories, found to
 * cover .93 with 50 cases and .95 with 100 at kappa .64, and .87, .88 and .94 with 50, 100 and 200 at .90.
 * Refused, all NAN: k outside 2..AGREEMENT_CATEGORIES, a negative count, no cases. */
struct agreement_kappa agreement_kappa(const double *counts, unsigned k, enum agreement_weights weights,
                                       double confidence);

/* A judge's pass or fail against the truth. Intervals are Wilson's; of no cases: rate NAN, 0..1. */
struct agreement_binary {
    double n_pass, n_fail; /* cases that should pass, and that should fail */
    double sensitivity, specificity;
    struct interval sensitivity_interval, specificity_interval;
    double prevalence; /* n_pass / (n_pass + n_fail) */
    double agreement;  /* share of cases judged right */
};

/* Counts: should pass and does, should pass and fails, should fail and passes, should fail and does. Where
 * cases were chosen for labelling by their verdict, weight them by 1 / their chance first, scaled so that
 * they sum to the effective size (mean_effective), which the intervals are for. */
struct agreement_binary agreement_binary(double pass_pass, double pass_fail, double fail_pass,
                                         double fail_fail, double confidence);

/* Several raters of each case, the same number for all (Fleiss 1971). counts[i * k + j]: raters who put case
 * i into category j. NAN: fewer than two raters, rows that do not sum to the same, all on one category. */
double agreement_fleiss(const double *counts, size_t cases, unsigned k);

#endif
