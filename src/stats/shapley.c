#include "stats/shapley.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

void shapley_exact(unsigned n, shapley_value *value, void *ctx, double *ret) {
    double v[1u << SHAPLEY_PLAYERS] = {0}, weight[SHAPLEY_PLAYERS] = {0};
    for (unsigned set = 0; set < 1u << n; set++) v[set] = value(ctx, set);
    weight[0] = 1.0 / n;
    for (unsigned s = 1; s < n; s++) weight[s] = weight[s - 1] * s / (n - s);
    for (unsigned i = 0; i < n; i++) {
        double sum = 0;
        for (unsigned set = 0; set < 1u << n; set++) {
            if (set >> i & 1) continue;
            sum += weight[__builtin_popcount(set)] * (v[set | 1u << i] - v[set]);
        }
        ret[i] = sum;
    }
}

static unsigned largest(unsigned n, const double *of, const bool *taken) {
    unsigned best = n;
    for (unsigned i = 0; i < n; i++)
        if (!(taken && taken[i]) && (best == n || of[i] > of[best])) best = i;
    return best;
}

void shapley_round(unsigned n, const double *share, int64_t total, int64_t *ret) {
    double remainder[SHAPLEY_PLAYERS], magnitude[SHAPLEY_PLAYERS];
    bool taken[SHAPLEY_PLAYERS] = {false};
    unsigned moved = 0;
    __int128 missing = total;
    for (unsigned i = 0; i < n; i++) {
        double whole = floor(share[i]);
        ret[i] = (int64_t)whole;
        remainder[i] = share[i] - whole;
        magnitude[i] = fabs(share[i]);
        missing -= ret[i];
        taken[i] = share[i] == 0;
        moved += !taken[i];
    }
    if (missing >= 0 && missing <= (int)moved) {
        for (; missing > 0; missing--) {
            unsigned i = largest(n, remainder, taken);
            taken[i] = true;
            ret[i]++;
        }
        return;
    }
    ret[largest(n, magnitude, NULL)] += (int64_t)missing;
}
