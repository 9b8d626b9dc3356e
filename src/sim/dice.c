#include "sim/dice.h"

#include <math.h>

static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

struct dice dice_of(uint64_t seed, uint64_t salt) {
    return (struct dice){mix(mix(seed + 0x9E3779B97F4A7C15u) ^ (salt * 0xD1342543DE82EF95u + 1))};
}

uint64_t dice_next(struct dice *d) {
    d->state += 0x9E3779B97F4A7C15u;
    return mix(d->state);
}

uint64_t dice_below(struct dice *d, uint64_t n) {
    uint64_t throw = dice_next(d);
    return (uint64_t)(((unsigned __int128) throw *n) >> 64);
}

double dice_unit(struct dice *d) {
    return (double)(dice_next(d) >> 11) * 0x1p-53;
}

bool dice_chance(struct dice *d, double p) {
    return dice_unit(d) < p;
}

/* Box and Muller's transform; the second value is thrown away so that one draw is always two throws. */
double dice_normal(struct dice *d) {
    double u = 1.0 - dice_unit(d), v = dice_unit(d);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

double dice_spread(struct dice *d, struct spread s) {
    double z = dice_normal(d);
    return s.median <= 0 ? 0 : s.median * exp(s.sigma * z);
}
