/* fisher.h - two rates of independent samples, compared exactly (Fisher 1935).
 *
 * Given how many passed in all, the number of them in the first sample is hypergeometric when both have one rate:
 *   P(X <= k1) = sum over x of C(n1, x) C(n2, k1 + k2 - x) / C(n1 + n2, k1 + k2)
 * Never less than its level says, hence conservative for small samples. */
#ifndef STATS_FISHER_H
#define STATS_FISHER_H

/* One-sided p-value of "the first rate is no lower than the second": k1 of n1 passed, and k2 of n2. Whole numbers; NAN for others, and for
 * k outside 0..n. An empty sample says nothing: 1. */
double fisher_lower(double k1, double n1, double k2, double n2);

#endif
