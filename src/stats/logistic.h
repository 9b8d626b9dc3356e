/* logistic.h - P(y = 1 | x) by ridge logistic regression.
 *
 * Minimises  -sum of log-likelihoods + lambda / 2 * sum of w_j^2  over features that were brought to mean 0 and deviation 1
 * (the intercept is not held back), by Newton's method: iteratively reweighted least squares, each step solved by a
 * Cholesky factorisation and halved until the objective falls. With lambda > 0 the objective is strictly convex in the
 * weights, so that separable data have a finite answer too; a feature that is constant gets weight 0. With a y of one kind
 * alone there is nothing to fit. The same data in the same order give the same bits. */
#ifndef STATS_LOGISTIC_H
#define STATS_LOGISTIC_H

#include <stdbool.h>
#include <stddef.h>

#define LOGISTIC_FEATURES 32 /* at most */

struct logistic {
    size_t n_features;
    double intercept, weight[LOGISTIC_FEATURES]; /* of standardised features */
    double mean[LOGISTIC_FEATURES], scale[LOGISTIC_FEATURES]; /* scale: the deviation; 1 for a constant */
    unsigned steps;
};

/* x: n rows of n_features. False: no rows, y of one kind alone, more than LOGISTIC_FEATURES, a number that is not
 * finite, or no convergence (lambda 0 with separable data). `ret` is untouched then. */
bool logistic_fit(const double *x, const bool *y, size_t n, size_t n_features, double lambda, struct logistic *ret);
double logistic_probability(const struct logistic *m, const double *x);

/* The chance that a positive has the higher p, ties half (Mann-Whitney), and the deviation of that after Hanley and McNeil
 * 1982. NAN when one kind is missing. O(positives * negatives). */
double logistic_auc(const double *p, const bool *y, size_t n, double *ret_deviation);

#endif
