#include "stats/power.h"

#include "stats/interval.h"
#include "stats/special.h"

#include <math.h>

struct quantiles {
    double alpha, power; /* both NAN: refused */
};

static struct quantiles quantiles_of(struct power_level level) {
    if (!interval_confidence(level.alpha) || !(level.power >= 0.5 && level.power < 1))
        return (struct quantiles){NAN, NAN};
    return (struct quantiles){special_normal_quantile(1 - level.alpha / 2),
                              special_normal_quantile(level.power)};
}

/* Variance of the mean difference, of one case. */
static double paired_variance(const struct power_paired *p) {
    bool sound = p->between >= 0 && p->within_a >= 0 && p->within_b >= 0 && p->runs_a >= 1 && p->runs_b >= 1;
    double v = p->between + p->within_a / p->runs_a + p->within_b / p->runs_b;
    return sound && isfinite(v) ? v : NAN;
}

struct power_paired power_paired_from(double variance, double within_a, double within_b, double runs_a,
                                      double runs_b) {
    double rest = variance - within_a / runs_a - within_b / runs_b;
    return (struct power_paired){rest < 0 ? 0 : rest, within_a, within_b, runs_a, runs_b};
}

double power_paired_cases(const struct power_paired *p, double difference, struct power_level level) {
    struct quantiles z = quantiles_of(level);
    double sum = z.alpha + z.power;
    return sum * sum * paired_variance(p) / (difference * difference);
}

double power_paired_effect(const struct power_paired *p, double cases, struct power_level level) {
    struct quantiles z = quantiles_of(level);
    return cases > 0 ? (z.alpha + z.power) * sqrt(paired_variance(p) / cases) : NAN;
}

static double pairs_at(double discordant, double difference, struct quantiles z) {
    double root = z.alpha * sqrt(discordant) + z.power * sqrt(discordant - difference * difference);
    return root * root / (difference * difference);
}

double power_mcnemar_pairs(double discordant, double difference, struct power_level level) {
    if (!(discordant <= 1 && fabs(difference) <= discordant)) return NAN;
    return pairs_at(discordant, difference, quantiles_of(level));
}

double power_mcnemar_effect(double discordant, double pairs, struct power_level level) {
    struct quantiles z = quantiles_of(level);
    if (!(discordant >= 0 && discordant <= 1 && pairs > 0) || !(pairs_at(1, 1, z) <= pairs)) return NAN;
    double low = 0, high = 1; /* the pairs needed fall as the effect grows */
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (pairs_at(fmax(discordant, middle), middle, z) > pairs) low = middle;
        else high = middle;
    }
    return high;
}

double power_rates_cases(double rate_a, double rate_b, struct power_level level) {
    struct quantiles z = quantiles_of(level);
    double p = (rate_a + rate_b) / 2, d = rate_a - rate_b;
    if (!(rate_a >= 0 && rate_a <= 1 && rate_b >= 0 && rate_b <= 1)) return NAN;
    double root =
        z.alpha * sqrt(2 * p * (1 - p)) + z.power * sqrt(rate_a * (1 - rate_a) + rate_b * (1 - rate_b));
    return root * root / (d * d);
}
