#include "stats/mean.h"

#include "base/mem.h"
#include "stats/special.h"

#include <math.h>

static const double ROUNDING = 1e-12;      /* relative; a deviation below it is none */
static const double SCALE_ROUNDING = 1e-9; /* of the scale; a score over its end by less is at its end */

static double weight_of(const struct sample *s, size_t i) {
    return s->weight ? s->weight[i] : 1;
}

static bool on_scale(const struct sample *s, double value) {
    double rounding = SCALE_ROUNDING * (s->most - s->least);
    return value >= s->least - rounding && value <= s->most + rounding;
}

bool mean_accepts(const struct sample *s) {
    bool scaled = s->least != 0 || s->most != 0;
    if (s->n == 0 || (scaled && !(s->least < s->most))) return false;
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->value[i]) || (scaled && !on_scale(s, s->value[i]))) return false;
        if (s->weight && !(s->weight[i] > 0 && isfinite(s->weight[i]))) return false;
        if (s->cluster && s->cluster[i] >= s->n) return false;
    }
    return true;
}

static double mean_value(const struct sample *s, double *ret_weight) {
    double w = 0, m = 0; /* incremental: sums of large values lose nothing */
    for (size_t i = 0; i < s->n; i++) {
        w += weight_of(s, i);
        m += weight_of(s, i) / w * (s->value[i] - m);
    }
    *ret_weight = w;
    return m;
}

/* Sums over clusters of (sum of w (s - m))^2 and of (sum of w)^2. */
struct spread {
    double squares, weight_squares;
    size_t clusters;
};

static struct spread spread_of(const struct sample *s, double mean) {
    struct spread r = {0};
    double *sums = s->cluster ? mem_new_array(double, 2 * s->n) : NULL; /* residual, weight of each */
    for (size_t i = 0; i < s->n; i++) {
        double w = weight_of(s, i), residual = w * (s->value[i] - mean);
        if (sums) {
            sums[2 * (size_t)s->cluster[i]] += residual;
            sums[2 * (size_t)s->cluster[i] + 1] += w;
            continue;
        }
        r.squares += residual * residual;
        r.weight_squares += w * w;
        r.clusters++;
    }
    for (size_t i = 0; sums && i < s->n; i++) {
        r.squares += sums[2 * i] * sums[2 * i];
        r.weight_squares += sums[2 * i + 1] * sums[2 * i + 1];
        r.clusters += sums[2 * i + 1] > 0;
    }
    mem_free(sums);
    return r;
}

/* All clusters agree: what an unseen share of them could still move. */
static struct interval unanimous(double m, double clusters, double least, double most, double confidence) {
    if (least == 0 && most == 0) return (struct interval){NAN, NAN};
    double unseen = -expm1(log((1 - confidence) / 2) / clusters);
    return (struct interval){m - unseen * (m - least), m + unseen * (most - m)};
}

struct interval mean_interval(const struct estimate *e, double effective, double least, double most,
                              double confidence) {
    if (!(e->se > 0)) return unanimous(e->value, effective, least, most, confidence);
    double at = 0.5 + confidence / 2;
    double half = (isinf(e->df) ? special_normal_quantile(at) : special_t_quantile(at, e->df)) * e->se;
    struct interval i = {e->value - half, e->value + half};
    if (least == 0 && most == 0) return i;
    return (struct interval){fmin(most, fmax(i.low, least)), fmax(least, fmin(i.high, most))};
}

struct estimate mean_estimate(const struct sample *s, double confidence) {
    struct estimate e = {NAN, NAN, NAN, {NAN, NAN}, s->n, 0};
    if (!interval_confidence(confidence) || !mean_accepts(s)) return e;
    double weight;
    e.value = mean_value(s, &weight);
    struct spread spread = spread_of(s, e.value);
    double c = (double)spread.clusters, rounding = ROUNDING * (1 + fabs(e.value)) * weight;
    bool agree = spread.squares <= rounding * rounding;
    e.clusters = spread.clusters;
    e.df = c - 1;
    if (c > 1) e.se = agree ? 0 : sqrt(c / (c - 1) * spread.squares) / weight;
    double effective = weight * weight / spread.weight_squares;
    e.interval = mean_interval(&e, effective, s->least, s->most, confidence);
    return e;
}

double mean_p_value(const struct estimate *e) {
    if (isnan(e->se)) return NAN;
    if (e->se == 0) return fmin(1, 2 * pow(1 + fabs(e->value), -(double)e->clusters));
    return 2 * special_t_cdf(-fabs(e->value / e->se), e->df);
}

double mean_effective(const struct sample *s) {
    if (!mean_accepts(s)) return NAN;
    double weight;
    double mean = mean_value(s, &weight);
    return weight * weight / spread_of(s, mean).weight_squares;
}

void mean_by_case(const double *score, const uint32_t *of, size_t n, double *ret_mean, double *ret_runs,
                  size_t cases) {
    for (size_t i = 0; i < cases; i++) ret_mean[i] = ret_runs[i] = 0;
    for (size_t i = 0; i < n; i++) {
        ret_mean[of[i]] += score[i];
        ret_runs[of[i]]++;
    }
    for (size_t i = 0; i < cases; i++)
        ret_mean[i] = ret_runs[i] > 0 && isfinite(ret_mean[i]) ? ret_mean[i] / ret_runs[i] : NAN;
}

double mean_within_case(const double *score, const uint32_t *of, size_t n, const double *mean,
                        const double *runs, size_t cases) {
    double sum = 0, counted = 0;
    for (size_t i = 0; i < cases; i++) counted += runs[i] >= 2 && !isnan(mean[i]);
    for (size_t i = 0; i < n; i++) {
        double deviation = score[i] - mean[of[i]], rest = runs[of[i]] - 1;
        if (rest >= 1 && !isnan(deviation)) sum += deviation * deviation / rest;
    }
    return counted > 0 ? sum / counted : NAN;
}

/* C(c, k) / C(n, k) */
double mean_pass_all(unsigned n, unsigned c, unsigned k) {
    if (c > n || k > n) return NAN;
    double p = 1;
    for (unsigned i = 0; i < k && p > 0; i++) p *= c > i ? (double)(c - i) / (n - i) : 0;
    return p;
}

double mean_pass_any(unsigned n, unsigned c, unsigned k) {
    return c > n ? NAN : 1 - mean_pass_all(n, n - c, k);
}
