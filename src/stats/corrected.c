#include "stats/corrected.h"

#include "base/mem.h"
#include "stats/mean.h"
#include "stats/special.h"

#include <math.h>

static double cut(double x) {
    return fmin(1, fmax(0, x));
}

static bool is_part(struct corrected_part p) {
    return p.rate >= 0 && p.rate <= 1 && p.n > 0 && isfinite(p.n);
}

struct estimate corrected_rate(struct corrected_part judged, struct corrected_part specificity,
                               struct corrected_part sensitivity, double confidence) {
    struct estimate e = {NAN, NAN, INFINITY, {NAN, NAN}, 0, 0};
    if (!is_part(judged) || !is_part(specificity) || !is_part(sensitivity) ||
        !interval_confidence(confidence))
        return e;
    double z = special_normal_quantile(0.5 + confidence / 2), zz = z * z;
    double n = judged.n + zz, m0 = specificity.n + 2, m1 = sensitivity.n + 2;
    double p = (judged.rate * judged.n + zz / 2) / n;
    double q0 = (specificity.rate * specificity.n + 1) / m0, q1 = (sensitivity.rate * sensitivity.n + 1) / m1;
    double found = specificity.rate + sensitivity.rate - 1, youden = q0 + q1 - 1;
    if (!(found >= CORRECTED_LEAST && youden >= CORRECTED_LEAST)) return e;
    double theta = (p + q0 - 1) / youden;
    double v0 = q0 * (1 - q0) / m0, v1 = q1 * (1 - q1) / m1;
    double centre = theta + 2 * zz * (theta * v1 - (1 - theta) * v0);
    double se = sqrt(p * (1 - p) / n + (1 - theta) * (1 - theta) * v0 + theta * theta * v1) / youden;
    if (centre + z * se <= 0 || centre - z * se >= 1) return e;
    e.se = se;
    e.value = cut((judged.rate + specificity.rate - 1) / found);
    e.interval = (struct interval){cut(centre - z * se), cut(centre + z * se)};
    e.n = e.clusters = (size_t)judged.n;
    return e;
}

/* A weighted sample, its mean, what its mean varies by, and its effective size. */
struct moments {
    double mean, variance_of_mean, effective;
};

static struct moments moments_of(struct sample s) {
    struct estimate e = mean_estimate(&s, 0.5);
    double c = (double)s.n; /* published without n / (n - 1) */
    return (struct moments){e.value, e.se * e.se * (c - 1) / c, mean_effective(&s)};
}

static double weight_at(const double *weight, size_t i) {
    return weight ? weight[i] : 1;
}

static double covariance(const struct corrected_sample *s, double label_mean, double judged_mean) {
    double sum = 0, total = 0;
    for (size_t i = 0; i < s->n; i++) {
        double w = weight_at(s->weight, i);
        sum += w * (s->label[i] - label_mean) * (s->judged[i] - judged_mean);
        total += w;
    }
    return sum / total;
}

/* Weighted mean square around `centre`. */
static double square(const double *x, const double *weight, size_t n, double centre) {
    double sum = 0, total = 0;
    for (size_t i = 0; i < n; i++) {
        sum += weight_at(weight, i) * (x[i] - centre) * (x[i] - centre);
        total += weight_at(weight, i);
    }
    return sum / total;
}

static double best_lambda(const struct corrected_sample *s, const struct moments *labelled,
                          const struct moments *unlabelled, double label_mean) {
    double n = labelled->effective, m = unlabelled->effective;
    double centre = (n * labelled->mean + m * unlabelled->mean) / (n + m);
    double squares = n * square(s->judged, s->weight, s->n, centre) +
                     m * square(s->unlabelled, s->unlabelled_weight, s->n_unlabelled, centre);
    double variance = squares / (n + m - 1);
    return variance > 0 ? cut(covariance(s, label_mean, labelled->mean) / ((1 + n / m) * variance)) : 0;
}

static bool is_sound(const struct corrected_sample *s, double lambda, double confidence) {
    if (s->n < 2 || s->n_unlabelled < 2 || !interval_confidence(confidence)) return false;
    return isnan(lambda) || (lambda >= 0 && lambda <= 1);
}

struct corrected_mean corrected_mean(const struct corrected_sample *s, double lambda, double confidence) {
    struct corrected_mean r = {{NAN, NAN, NAN, {NAN, NAN}, s->n, s->n}, NAN};
    if (!is_sound(s, lambda, confidence)) return r;
    struct moments labels = moments_of((struct sample){s->label, s->weight, NULL, s->n, s->least, s->most});
    struct moments judged = moments_of((struct sample){.value = s->judged, .weight = s->weight, .n = s->n});
    struct moments unlabelled = moments_of(
        (struct sample){.value = s->unlabelled, .weight = s->unlabelled_weight, .n = s->n_unlabelled});
    if (isnan(labels.mean + judged.mean + unlabelled.mean)) return r;
    r.lambda = isnan(lambda) ? best_lambda(s, &judged, &unlabelled, labels.mean) : lambda;
    double *rest = mem_new_array(double, s->n);
    for (size_t i = 0; i < s->n; i++) rest[i] = s->label[i] - r.lambda * s->judged[i];
    struct moments rectifier = moments_of((struct sample){.value = rest, .weight = s->weight, .n = s->n});
    mem_free(rest);
    r.estimate.value = r.lambda * unlabelled.mean + rectifier.mean;
    r.estimate.se = sqrt(r.lambda * r.lambda * unlabelled.variance_of_mean + rectifier.variance_of_mean);
    r.estimate.df = (double)s->n - 1;
    if (s->least != 0 || s->most != 0) r.estimate.value = fmin(s->most, fmax(s->least, r.estimate.value));
    r.estimate.interval = mean_interval(&r.estimate, labels.effective, s->least, s->most, confidence);
    return r;
}
