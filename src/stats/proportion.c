#include "stats/proportion.h"

#include "stats/special.h"

#include <math.h>

static const struct interval REFUSED = {NAN, NAN};

static bool is_count(double k, double n) {
    return k >= 0 && k <= n && isfinite(n);
}

struct interval proportion_wilson(double k, double n, double confidence) {
    if (!is_count(k, n) || !interval_confidence(confidence)) return REFUSED;
    if (n == 0) return (struct interval){0, 1};
    double z = special_normal_quantile(0.5 + confidence / 2), zz = z * z, p = k / n;
    double centre = (p + zz / (2 * n)) / (1 + zz / n);
    double half = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    return (struct interval){k == 0 ? 0 : fmax(0, centre - half), k == n ? 1 : fmin(1, centre + half)};
}

/* The limits that a rate of k / n leaves with an error of `tail` on that side. */
static double lower(double k, double n, double tail) {
    return k == 0 ? 0 : special_beta_quantile(tail, k, n - k + 1);
}

static double upper(double k, double n, double tail) {
    return k == n ? 1 : 1 - special_beta_quantile(tail, n - k, k + 1);
}

struct interval proportion_exact(double k, double n, double confidence) {
    if (!is_count(k, n) || !interval_confidence(confidence)) return REFUSED;
    double tail = (1 - confidence) / 2;
    return (struct interval){lower(k, n, tail), upper(k, n, tail)};
}

double proportion_at_least(double k, double n, double confidence) {
    return is_count(k, n) && interval_confidence(confidence) ? lower(k, n, 1 - confidence) : NAN;
}

double proportion_at_most(double k, double n, double confidence) {
    return is_count(k, n) && interval_confidence(confidence) ? upper(k, n, 1 - confidence) : NAN;
}

struct interval proportion_newcombe(double k1, double n1, double k2, double n2, double confidence) {
    struct interval one = proportion_wilson(k1, n1, confidence), two = proportion_wilson(k2, n2, confidence);
    if (isnan(one.low) || isnan(two.low)) return REFUSED;
    if (n1 == 0 || n2 == 0) return (struct interval){-1, 1};
    double p1 = k1 / n1, p2 = k2 / n2, d = p1 - p2;
    return (struct interval){d - hypot(p1 - one.low, two.high - p2), d + hypot(one.high - p1, p2 - two.low)};
}

double proportion_design_effect(double per_group, double correlation) {
    bool meant = per_group >= 1 && isfinite(per_group) && fabs(correlation) <= 1;
    return meant ? 1 + (per_group - 1) * correlation : NAN;
}
