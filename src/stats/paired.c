#include "stats/paired.h"

#include "base/mem.h"
#include "stats/power.h"
#include "stats/special.h"

#include <math.h>

struct paired_mcnemar paired_mcnemar(double b, double c) {
    double less = fmin(b, c), n = b + c;
    if (!(less >= 0 && isfinite(n))) return (struct paired_mcnemar){NAN, NAN};
    if (b == c) return (struct paired_mcnemar){1, 1};
    double tail = special_beta_cdf(0.5, n - less, less + 1);
    double at = less == 0 ? tail : tail - special_beta_cdf(0.5, n - less + 1, less);
    return (struct paired_mcnemar){fmin(1, 2 * tail), fmin(1, 2 * tail - at)};
}

static double tango_score(double b, double c, double n, double d) {
    double linear = -b - c + (2 * n - b + c) * d, constant = -c * d * (1 - d);
    double q = (sqrt(fmax(0, linear * linear - 8 * n * constant)) - linear) / (4 * n);
    double variance = n * (2 * q + d * (1 - d)), distance = b - c - n * d;
    if (variance > 1e-300) return distance / sqrt(variance);
    return distance == 0 ? 0 : copysign(INFINITY, distance);
}

/* Where the score, which falls in d, passes z. */
static double tango_limit(double b, double c, double n, double z) {
    double low = -1, high = 1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (tango_score(b, c, n, middle) > z) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}

struct interval paired_tango(double b, double c, double n, double confidence) {
    if (!(b >= 0 && c >= 0 && b + c <= n && isfinite(n)) || !interval_confidence(confidence))
        return (struct interval){NAN, NAN};
    if (n == 0) return (struct interval){-1, 1};
    double z = special_normal_quantile(0.5 + confidence / 2);
    return (struct interval){b == n ? tango_limit(b, c, n, z) : fmax(-1, tango_limit(b, c, n, z)),
                             fmin(1, tango_limit(b, c, n, -z))};
}

static bool is_binary(const struct paired_question *q) {
    if (q->weight || q->cluster) return false;
    for (size_t i = 0; i < q->n; i++) {
        bool both =
            (q->baseline[i] == 0 || q->baseline[i] == 1) && (q->candidate[i] == 0 || q->candidate[i] == 1);
        if (!both) return false;
    }
    return true;
}

static void mcnemar(const struct paired_question *q, struct paired_result *r) {
    double n = (double)q->n, b = (double)r->higher, c = (double)r->lower;
    struct power_level level = {1 - q->confidence, q->power};
    r->method = PAIRED_MCNEMAR;
    r->clusters = q->n;
    r->difference = (b - c) / n;
    r->interval = paired_tango(b, c, n, q->confidence);
    r->p_value = paired_mcnemar(b, c).exact;
    r->minimum_detectable = power_mcnemar_effect((b + c) / n, n, level);
    r->needed = b == c ? INFINITY : power_mcnemar_pairs((b + c) / n, r->difference, level) - n;
}

/* Cases that would make a difference like this one significant. */
static double graded_cases(const struct estimate *e, size_t cases, double alpha, double power) {
    double size = fabs(e->value), per_cluster = (double)cases / (double)e->clusters;
    if (e->se == 0) return size > 0 ? per_cluster * log(2 / alpha) / log1p(size) : INFINITY;
    double z = special_normal_quantile(1 - alpha / 2) + special_normal_quantile(power);
    return (double)cases * pow(z * e->se / size, 2);
}

static double graded_effect(const struct estimate *e, struct power_level level) {
    if (e->se == 0) return power_mcnemar_effect(0, (double)e->clusters, level);
    double effect =
        e->se * (special_t_quantile(1 - level.alpha / 2, e->df) + special_t_quantile(level.power, e->df));
    return effect <= 1 ? effect : NAN;
}

static void graded(const struct paired_question *q, const struct sample *s, struct paired_result *r) {
    struct estimate e = mean_estimate(s, q->confidence);
    r->method = PAIRED_T;
    r->clusters = e.clusters;
    r->difference = e.value;
    r->interval = e.interval;
    r->p_value = mean_p_value(&e);
    if (e.clusters < 2) return;
    r->minimum_detectable = graded_effect(&e, (struct power_level){1 - q->confidence, q->power});
    r->needed = graded_cases(&e, q->n, 1 - q->confidence, q->power) - (double)q->n;
    if (e.clusters < PAIRED_BOOTSTRAP_LEAST) return;
    struct bootstrap b = bootstrap_mean(s, q->resamples, q->seed, q->confidence);
    if (isnan(b.p_value)) return;
    r->method = PAIRED_BOOTSTRAP;
    r->interval = b.bca;
    r->p_value = b.p_value;
}

static bool are_scores(const struct paired_question *q, const double *value) {
    struct sample s = {value, q->weight, q->cluster, q->n, 0, 1};
    return mean_accepts(&s);
}

/* On the heap. */
static double *differences(const struct paired_question *q, struct paired_result *r) {
    double *d = mem_new_array(double, q->n);
    for (size_t i = 0; i < q->n; i++) {
        d[i] = fmin(1, fmax(-1, q->candidate[i] - q->baseline[i]));
        r->higher += d[i] > 0;
        r->lower += d[i] < 0;
    }
    return d;
}

struct paired_result paired_compare(const struct paired_question *q) {
    struct paired_result r = {
        .difference = NAN, .p_value = NAN, .interval = {NAN, NAN}, .minimum_detectable = NAN, .needed = NAN};
    r.cases = q->n;
    if (!interval_confidence(q->confidence) || !(q->power >= 0.5 && q->power < 1)) return r;
    if (!are_scores(q, q->baseline) || !are_scores(q, q->candidate)) return r;
    double *d = differences(q, &r);
    struct sample s = {d, q->weight, q->cluster, q->n, -1, 1};
    if (is_binary(q)) mcnemar(q, &r);
    else graded(q, &s, &r);
    mem_free(d);
    if (r.p_value <= 1 - q->confidence && r.difference != 0)
        r.verdict = r.difference > 0 ? PAIRED_BETTER : PAIRED_WORSE;
    if (r.verdict != PAIRED_NO_EVIDENCE) r.needed = 0;
    else if (!isnan(r.needed)) r.needed = fmax(1, ceil(r.needed));
    return r;
}
