#include "stats/weighted.h"

#include "base/mem.h"

#include <math.h>

static const struct estimate UNKNOWN = {NAN, NAN, NAN, {NAN, NAN}, 0, 0};

static bool is_sound(const struct weighted_sample *s, double confidence) {
    struct sample values = {.value = s->value, .n = s->n, .least = s->least, .most = s->most};
    if (!interval_confidence(confidence) || !mean_accepts(&values)) return false;
    for (size_t i = 0; i < s->n; i++)
        if (!(s->probability[i] > 0 && s->probability[i] <= 1)) return false;
    return true;
}

/* What sampling left to chance of the squares behind the variance; 0: nothing. */
static double chance_left(const struct weighted_sample *s, double mean) {
    double all = 0, left = 0;
    for (size_t i = 0; i < s->n; i++) {
        double deviation = (s->value[i] - mean) / s->probability[i], square = deviation * deviation;
        all += square;
        left += (1 - s->probability[i]) * square;
    }
    return all > 0 ? left / all : 1;
}

static bool is_census(const struct weighted_sample *s) {
    for (size_t i = 0; i < s->n; i++)
        if (s->probability[i] < 1) return false;
    return true;
}

struct estimate weighted_mean(const struct weighted_sample *s, enum weighted_about about, double confidence) {
    if (!is_sound(s, confidence)) return UNKNOWN;
    double *weights = mem_new_array(double, s->n);
    for (size_t i = 0; i < s->n; i++) weights[i] = 1 / s->probability[i];
    struct sample sample = {s->value, weights, NULL, s->n, s->least, s->most};
    struct estimate e = mean_estimate(&sample, confidence);
    if (about == WEIGHTED_RECORDS && is_census(s)) {
        e.se = 0;
        e.interval = (struct interval){e.value, e.value};
    } else if (about == WEIGHTED_RECORDS && !isnan(e.value)) {
        e.se *= sqrt(chance_left(s, e.value));
        e.interval = mean_interval(&e, mean_effective(&sample), s->least, s->most, confidence);
    }
    mem_free(weights);
    return e;
}

struct estimate weighted_total(const struct weighted_sample *s, double confidence) {
    if (!is_sound(s, confidence)) return UNKNOWN;
    struct estimate e = {0, 0, INFINITY, {NAN, NAN}, s->n, s->n};
    double variance = 0;
    for (size_t i = 0; i < s->n; i++) {
        double expanded = s->value[i] / s->probability[i];
        e.value += expanded;
        variance += (1 - s->probability[i]) * expanded * expanded;
    }
    e.se = sqrt(variance);
    e.interval = is_census(s) ? (struct interval){e.value, e.value} : mean_interval(&e, 0, 0, 0, confidence);
    return e;
}

static bool is_stratum(const struct weighted_stratum *h) {
    if (!(h->population >= (double)h->n && isfinite(h->population))) return false;
    if (h->n > 0 && !isfinite(h->mean)) return false;
    return h->n < 2 || (h->variance >= 0 && isfinite(h->variance));
}

struct estimate weighted_strata(const struct weighted_stratum *strata, size_t n, enum weighted_about about,
                                double confidence) {
    struct estimate e = UNKNOWN;
    bool census = true;
    double population = 0, mean = 0, variance = 0, satterthwaite = 0;
    for (size_t i = 0; i < n; i++) {
        if (!is_stratum(&strata[i])) return e;
        population += strata[i].population;
    }
    if (!(population > 0) || !interval_confidence(confidence)) return e;
    for (size_t i = 0; i < n; i++) {
        const struct weighted_stratum *h = &strata[i];
        if (h->population == 0) continue;
        double share = h->population / population, of = (double)h->n;
        double left = about == WEIGHTED_RECORDS ? 1 - of / h->population : 1;
        census = census && left == 0;
        double v = left == 0 ? 0 : h->n < 2 ? NAN : share * share * left * h->variance / of;
        mean += share * (h->n ? h->mean : NAN);
        variance += v;
        if (v > 0) satterthwaite += v * v / (of - 1);
        e.n += h->n;
    }
    e.clusters = e.n;
    e.value = mean;
    if (isnan(mean)) return e;
    e.se = sqrt(variance);
    if (isnan(e.se)) return e;
    e.df = satterthwaite > 0 ? variance * variance / satterthwaite : INFINITY;
    e.interval = census ? (struct interval){mean, mean} : mean_interval(&e, 0, 0, 0, confidence);
    return e;
}

void weighted_sums_add(struct weighted_sums *into, const struct weighted_sums *from) {
    into->n += from->n;
    into->w += from->w;
    into->wy += from->wy;
    into->w2 += from->w2;
    into->w2y += from->w2y;
    into->w2y2 += from->w2y2;
}

struct estimate weighted_of_sums(const struct weighted_sums *s, double least, double most, double confidence) {
    struct estimate e = UNKNOWN;
    if (!(s->n >= 1) || !(s->w > 0) || !interval_confidence(confidence)) return e;
    e.n = e.clusters = (size_t)s->n;
    e.value = s->wy / s->w;
    if (s->n < 2) return e;
    double sum = s->w2y2 - 2 * e.value * s->w2y + e.value * e.value * s->w2;
    if (sum < 1e-12 * s->w2) sum = 0; /* what is left of equal values is rounding */
    e.se = sqrt(s->n / (s->n - 1) * sum) / s->w;
    e.df = s->n - 1;
    e.interval = mean_interval(&e, s->w * s->w / s->w2, least, most, confidence);
    return e;
}
