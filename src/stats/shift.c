#include "stats/shift.h"

#include "base/mem.h"

#include <math.h>

static const double SPREADS[] = {1, 10, 100, 1000}; /* g */
enum { N_SPREADS = sizeof SPREADS / sizeof *SPREADS };

/* Weighted sums of one season's days; `late` of those from the start k on. */
struct season {
    double w, wy, wyy, late_w, late_wy;
};

struct sums {
    struct season of[SHIFT_SEASONS];
    size_t n;
};

static double weight_of(const struct shift_series *s, size_t i) {
    return s->weight ? s->weight[i] : 1;
}

static unsigned season_of(const struct shift_series *s, size_t i) {
    return s->season ? s->season[i] : 0;
}

/* What is left after season means: squares of y, squares of the step, and their product. */
static unsigned reduce(const struct sums *sums, double *ret_yy, double *ret_zz, double *ret_zy) {
    unsigned seen = 0;
    *ret_yy = *ret_zz = *ret_zy = 0;
    for (unsigned i = 0; i < SHIFT_SEASONS; i++) {
        const struct season *s = &sums->of[i];
        if (s->w <= 0) continue;
        seen++;
        *ret_yy += s->wyy - s->wy * s->wy / s->w;
        *ret_zz += s->late_w * (s->w - s->late_w) / s->w;
        *ret_zy += s->late_wy - s->late_w * s->wy / s->w;
    }
    return seen;
}

/* ln L_k, averaged over the spreads, from S, r^2 and the degrees of freedom n - p. */
static double log_factor(double zz, double r2, double df) {
    double terms[N_SPREADS], most = -INFINITY, sum = 0;
    for (unsigned i = 0; i < N_SPREADS; i++) {
        double gs = SPREADS[i] * zz;
        terms[i] = -0.5 * log1p(gs) - df / 2 * log1p(-r2 * gs / (1 + gs));
        if (terms[i] > most) most = terms[i];
    }
    if (isinf(most)) return most;
    for (unsigned i = 0; i < N_SPREADS; i++) sum += exp(terms[i] - most);
    return most + log(sum / N_SPREADS);
}

static double log_evidence(const struct sums *sums) {
    double yy, zz, zy;
    unsigned p = reduce(sums, &yy, &zz, &zy);
    double df = (double)sums->n - p;
    if (df < 2 || zz <= 1e-12 || yy <= 0) return 0;
    double r2 = zy * zy / (zz * yy);
    return log_factor(zz, fmin(r2, 1 - 1e-15), df);
}

static void add_day(struct season *s, double w, double y) {
    s->w += w;
    s->wy += w * y;
    s->wyy += w * y * y;
}

static void add_late(struct season *s, double w, double y) {
    s->late_w += w;
    s->late_wy += w * y;
}

/* ln R over the first n days, and the likeliest start. y is taken from `centre`, so that squares lose
 * nothing. */
static double log_statistic(const struct shift_series *s, size_t n, double centre, size_t *ret_first) {
    struct sums sums = {.n = n};
    double total = -INFINITY, best = -INFINITY;
    for (size_t i = 0; i < n; i++) add_day(&sums.of[season_of(s, i)], weight_of(s, i), s->y[i] - centre);
    for (size_t k = n - 1; k >= 1; k--) {
        add_late(&sums.of[season_of(s, k)], weight_of(s, k), s->y[k] - centre);
        double l = log_evidence(&sums);
        if (l > best) {
            best = l;
            *ret_first = k;
        }
        double high = fmax(total, l), low = fmin(total, l);
        total = high + log1p(exp(low - high));
    }
    return total;
}

static double mean_of(const struct shift_series *s) {
    double w = 0, wy = 0;
    for (size_t i = 0; i < s->n; i++) {
        w += weight_of(s, i);
        wy += weight_of(s, i) * s->y[i];
    }
    return w > 0 ? wy / w : 0;
}

/* The size of the shift at `first` and the deviation around it, from all days. */
static void measure(const struct shift_series *s, double centre, struct shift_result *ret) {
    struct sums sums = {.n = s->n};
    double yy, zz, zy, late_w = 0, late_wy = 0;
    for (size_t i = 0; i < s->n; i++) {
        add_day(&sums.of[season_of(s, i)], weight_of(s, i), s->y[i] - centre);
        if (!ret->found || i < ret->first) continue;
        add_late(&sums.of[season_of(s, i)], weight_of(s, i), s->y[i] - centre);
        late_w += weight_of(s, i);
        late_wy += weight_of(s, i) * (s->y[i] - centre);
    }
    unsigned p = reduce(&sums, &yy, &zz, &zy);
    double shift = ret->found && zz > 0 ? zy / zz : 0, df = (double)s->n - p - ret->found;
    ret->deviation = df > 0 ? sqrt(fmax(0, yy - shift * zy) / df) : NAN;
    if (!ret->found) return;
    ret->after = centre + late_wy / late_w;
    ret->before = ret->after - shift;
}

struct shift_result shift_find(const struct shift_series *s, double threshold) {
    struct shift_result result = {.statistic = 0, .before = NAN, .after = NAN, .deviation = NAN};
    double centre = mean_of(s), log_threshold = log(threshold);
    for (size_t n = 2; n <= s->n && !result.found; n++) {
        size_t first = 0;
        double r = log_statistic(s, n, centre, &first);
        result.statistic = exp(r);
        if (r < log_threshold) continue;
        result.found = true;
        result.alarm = n - 1;
        (void)log_statistic(s, s->n, centre, &result.first);
        if (result.first > result.alarm) result.first = first; /* a later shift is another one */
    }
    measure(s, centre, &result);
    return result;
}

double shift_detectable(const struct shift_series *s, size_t days, double threshold) {
    if (days == 0 || days >= s->n) return NAN;
    struct sums sums = {.n = s->n};
    double yy, zz, zy, low = 0, high = 1000;
    for (size_t i = 0; i < s->n; i++) {
        add_day(&sums.of[season_of(s, i)], weight_of(s, i), 0);
        if (i >= s->n - days) add_late(&sums.of[season_of(s, i)], weight_of(s, i), 0);
    }
    unsigned p = reduce(&sums, &yy, &zz, &zy);
    double df = (double)s->n - p;
    if (df < 2 || zz <= 0 ||
        log_factor(zz, high * high * zz / (high * high * zz + df - 1), df) < log(threshold))
        return NAN;
    for (unsigned i = 0; i < 60; i++) {
        double middle = (low + high) / 2, square = middle * middle * zz;
        if (log_factor(zz, square / (square + df - 1), df) < log(threshold)) low = middle;
        else high = middle;
    }
    return high;
}
