/* random.h - repeatable chance for resampling: the same seed gives the same numbers on every machine.
 * splitmix64 (Steele, Lea, Flood 2014). Not for secrets. */
#ifndef STATS_RANDOM_H
#define STATS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state; /* the seed */
};

static inline uint64_t random_next(struct random *r) {
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* 0..n-1; 0 for n = 0 */
static inline uint64_t random_below(struct random *r, uint64_t n) {
    return (uint64_t)(((unsigned __int128)random_next(r) * n) >> 64);
}

/* 0 < x < 1 */
static inline double random_unit(struct random *r) {
    return ((double)(random_next(r) >> 12) + 0.5) * 0x1p-52;
}

#endif
