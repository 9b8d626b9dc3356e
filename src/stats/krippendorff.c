#include "stats/krippendorff.h"

#include "base/mem.h"
#include "stats/bootstrap.h"
#include "stats/quantile.h"
#include "stats/random.h"

#include <math.h>
#include <string.h>

/* The ratings that count, unit after unit, as indices into the distinct values. */
struct ratings {
    enum krippendorff_level level;
    double *distinct; /* sorted */
    size_t n_distinct;
    uint32_t *of;  /* each rating's distinct value */
    size_t *first; /* units + 1 */
    size_t units;
    double *count, *place; /* of each distinct value: how often among the drawn units, and where it stands */
};

static uint32_t find(const double *sorted, size_t n, double value) {
    size_t low = 0, high = n;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] <= value) low = middle;
        else high = middle;
    }
    return (uint32_t)low;
}

static size_t count_unit(const double *values, size_t raters, size_t units, size_t unit) {
    size_t n = 0;
    for (size_t r = 0; r < raters; r++) n += !isnan(values[r * units + unit]);
    return n;
}

static bool gather(struct ratings *t, const double *values, size_t raters, size_t units) {
    size_t n = 0;
    for (size_t u = 0; u < units; u++) {
        if (count_unit(values, raters, units, u) < 2) continue;
        for (size_t r = 0; r < raters; r++) {
            double v = values[r * units + u];
            if (isnan(v)) continue;
            if (isinf(v) || (t->level == KRIPPENDORFF_RATIO && v < 0)) return false;
            t->distinct[n++] = v;
        }
        t->first[++t->units] = n;
    }
    double *all = mem_copy(t->distinct, (n + 1) * sizeof *all);
    quantile_sort(t->distinct, n);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || t->distinct[i] != t->distinct[i - 1]) t->distinct[t->n_distinct++] = t->distinct[i];
    for (size_t i = 0; i < n; i++) t->of[i] = find(t->distinct, t->n_distinct, all[i]);
    mem_free(all);
    return t->level != KRIPPENDORFF_RATIO || t->n_distinct <= KRIPPENDORFF_RATIO_VALUES;
}

static double distance(const struct ratings *t, uint32_t a, uint32_t b) {
    if (a == b) return 0;
    if (t->level == KRIPPENDORFF_NOMINAL) return 1;
    double d = t->place[a] - t->place[b];
    if (t->level == KRIPPENDORFF_RATIO) d /= t->place[a] + t->place[b];
    return d * d;
}

/* Squared distances over ordered pairs of a unit's values, by its values less one. */
static double unit_disagreement(const struct ratings *t, size_t unit) {
    size_t from = t->first[unit], to = t->first[unit + 1];
    double sum = 0;
    for (size_t i = from; i < to; i++)
        for (size_t j = i + 1; j < to; j++) sum += 2 * distance(t, t->of[i], t->of[j]);
    return sum / (double)(to - from - 1);
}

/* Squared distances over ordered pairs of all values. */
static double total_disagreement(const struct ratings *t, double n) {
    double sum = 0, squares = 0, mean = 0;
    if (t->level == KRIPPENDORFF_RATIO) {
        for (size_t i = 0; i < t->n_distinct; i++)
            for (size_t j = i + 1; j < t->n_distinct; j++)
                sum += 2 * t->count[i] * t->count[j] * distance(t, (uint32_t)i, (uint32_t)j);
        return sum;
    }
    if (t->level == KRIPPENDORFF_NOMINAL) {
        for (size_t i = 0; i < t->n_distinct; i++) squares += t->count[i] * t->count[i];
        return n * n - squares;
    }
    for (size_t i = 0; i < t->n_distinct; i++) mean += t->count[i] * t->place[i] / n;
    for (size_t i = 0; i < t->n_distinct; i++) sum += t->count[i] * pow(t->place[i] - mean, 2);
    return 2 * n * sum;
}

/* Counts the values of the drawn units (NULL: of all) and ranks them. */
static double count_values(struct ratings *t, const size_t *drawn) {
    double n = 0;
    memset(t->count, 0, t->n_distinct * sizeof *t->count);
    for (size_t i = 0; i < t->units; i++) {
        size_t u = drawn ? drawn[i] : i;
        for (size_t j = t->first[u]; j < t->first[u + 1]; j++) t->count[t->of[j]]++;
    }
    for (size_t i = 0; i < t->n_distinct; i++) {
        t->place[i] = t->level == KRIPPENDORFF_ORDINAL ? n + t->count[i] / 2 : t->distinct[i];
        n += t->count[i];
    }
    return n;
}

static double alpha_of(struct ratings *t, const size_t *drawn, struct krippendorff *ret) {
    double n = count_values(t, drawn), observed = 0;
    for (size_t i = 0; i < t->units; i++) observed += unit_disagreement(t, drawn ? drawn[i] : i);
    observed /= n;
    double expected = total_disagreement(t, n) / (n * (n - 1));
    if (ret) {
        ret->observed = observed;
        ret->expected = expected;
    }
    return expected > 0 ? 1 - observed / expected : NAN;
}

static void resample(struct ratings *t, struct krippendorff *k, unsigned resamples, uint64_t seed,
                     double confidence) {
    struct random random = {seed};
    size_t *drawn = mem_new_array(size_t, t->units), n = 0;
    double *alphas = mem_new_array(double, resamples);
    for (unsigned i = 0; i < resamples; i++) {
        for (size_t u = 0; u < t->units; u++) drawn[u] = random_below(&random, t->units);
        double alpha = alpha_of(t, drawn, NULL);
        if (!isnan(alpha)) alphas[n++] = alpha;
    }
    quantile_sort(alphas, n);
    k->interval.low = quantile_of(alphas, n, (1 - confidence) / 2);
    k->interval.high = quantile_of(alphas, n, (1 + confidence) / 2);
    mem_free(alphas);
    mem_free(drawn);
}

struct krippendorff krippendorff_alpha(const double *values, size_t raters, size_t units,
                                       enum krippendorff_level level, unsigned resamples, uint64_t seed,
                                       double confidence) {
    struct krippendorff k = {NAN, {NAN, NAN}, NAN, NAN, 0, 0};
    size_t most = raters * units + 1;
    struct ratings t = {level,
                        mem_new_array(double, most),
                        0,
                        mem_new_array(uint32_t, most),
                        mem_new_array(size_t, units + 1),
                        0,
                        mem_new_array(double, most),
                        mem_new_array(double, most)};
    if (gather(&t, values, raters, units) && t.units > 0 && interval_confidence(confidence)) {
        k.units = t.units;
        k.values = t.first[t.units];
        k.alpha = alpha_of(&t, NULL, &k);
        if (k.observed > 0 && t.units > 1 && resamples > 0) resample(&t, &k, resamples, seed, confidence);
    }
    mem_free(t.distinct);
    mem_free(t.of);
    mem_free(t.first);
    mem_free(t.count);
    mem_free(t.place);
    return k;
}
