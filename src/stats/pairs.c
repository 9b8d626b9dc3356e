#include "stats/pairs.h"

#include <math.h>

enum { BETS = 49, HALVINGS = 60 };
#define RATIO_MOST 1e4

/* ln of the mean of e^x_i over all bets, without overflow. */
double pairs_log_e(const struct pair_counts *c, double r0) {
    double x[BETS], most = -INFINITY, sum = 0;
    if (!(r0 > 0)) return NAN;
    for (int i = 0; i < BETS; i++) {
        double k = (i + 1) / (BETS + 1.0);
        x[i] = (double)c->candidate * log1p(k / r0) + (double)c->other * log1p(-k) + (double)c->both * log1p(k / r0 - k);
        most = fmax(most, x[i]);
    }
    for (int i = 0; i < BETS; i++) sum += exp(x[i] - most);
    return most + log(sum / BETS);
}

/* The largest ratio that the data shows to be exceeded; it falls with r0. 0: none. */
static double exceeded(const struct pair_counts *c, double alpha) {
    double threshold = log(2 / alpha), low = 1 / RATIO_MOST, high = RATIO_MOST;
    if (!(pairs_log_e(c, low) >= threshold)) return 0;
    if (pairs_log_e(c, high) >= threshold) return high;
    for (int i = 0; i < HALVINGS; i++) {
        double middle = sqrt(low * high);
        if (pairs_log_e(c, middle) >= threshold) low = middle;
        else high = middle;
    }
    return low;
}

struct interval pairs_ratio(const struct pair_counts *c, double alpha) {
    struct pair_counts turned = {c->other, c->candidate, c->both};
    double below = exceeded(&turned, alpha);
    return (struct interval){exceeded(c, alpha), below > 0 ? 1 / below : INFINITY};
}
