/* shapley.h - shares out a difference among the factors that made it (Shapley 1953), exactly.
 *
 * The value of a set of factors is what the result would be had only these factors moved. A factor's
 * contribution is the mean, over all orders in which factors could have moved, of what its own move added:
 *   phi_i = sum over S without i of |S|! (n-|S|-1)! / n! * (v(S + i) - v(S))
 * So contributions sum to v(all) - v(none), a factor that never changes the value gets exactly 0, and factors
 * that may be exchanged get the same. 2^n evaluations. */
#ifndef STATS_SHAPLEY_H
#define STATS_SHAPLEY_H

#include <stdint.h>

#define SHAPLEY_PLAYERS 12 /* at most; 4,096 evaluations */

/* Bit i of `moved`: factor i has its new value. */
typedef double shapley_value(void *ctx, unsigned moved);

/* n: 1..SHAPLEY_PLAYERS. ret holds n. */
void shapley_exact(unsigned n, shapley_value *value, void *ctx, double *ret);

/* Real shares to whole ones that sum to `total` exactly: each is rounded down, and what is missing goes by
 * ones to the largest remainders (Hamilton's method; ties to the earlier). A share of exactly 0 stays 0
 * unless all are. A `total` that is further off than rounding can explain goes to the share of largest
 * magnitude. */
void shapley_round(unsigned n, const double *share, int64_t total, int64_t *ret);

#endif
