/* dice.h - repeatable chance: the same seed gives the same throws on every machine. */
#ifndef SIM_DICE_H
#define SIM_DICE_H

#include "base/slice.h"

struct dice {
    uint64_t state;
};

struct dice dice_of(uint64_t seed, uint64_t salt); /* independent for different salts */
uint64_t dice_next(struct dice *d);                /* splitmix64 */
uint64_t dice_below(struct dice *d, uint64_t n);   /* 0..n-1; 0 for n = 0 */
double dice_unit(struct dice *d);                  /* 0 <= x < 1 */
bool dice_chance(struct dice *d, double p);
double dice_normal(struct dice *d); /* mean 0, deviation 1 */

/* A log-normal law by its median and the deviation of its logarithm. Median 0 gives 0. */
struct spread {
    double median, sigma;
};
double dice_spread(struct dice *d, struct spread s);

#endif
