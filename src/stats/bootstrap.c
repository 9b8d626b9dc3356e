#include "stats/bootstrap.h"

#include "base/mem.h"
#include "stats/quantile.h"
#include "stats/random.h"
#include "stats/special.h"

#include <math.h>

/* Of each cluster the sums of w * (value - mean) and of w. */
struct clusters {
    double *residual, *weight;
    size_t n;
    double total;
    bool even; /* all weigh the same */
};

static struct clusters gather(const struct sample *s, double mean) {
    struct clusters c = {mem_new_array(double, s->n), mem_new_array(double, s->n), 0, 0, true};
    for (size_t i = 0; i < s->n; i++) {
        size_t at = s->cluster ? s->cluster[i] : i;
        double w = s->weight ? s->weight[i] : 1;
        c.residual[at] += w * (s->value[i] - mean);
        c.weight[at] += w;
        c.total += w;
    }
    for (size_t i = 0; i < s->n; i++) {
        if (c.weight[i] == 0) continue;
        c.residual[c.n] = c.residual[i];
        c.weight[c.n] = c.weight[i];
        c.even = c.even && c.weight[c.n] == c.weight[0];
        c.n++;
    }
    return c;
}

/* The resampled mean less the mean. */
static double resample(const struct clusters *c, struct random *random) {
    double sum = 0, weight = 0;
    if (c->even) {
        for (size_t i = 0; i < c->n; i++) sum += c->residual[random_below(random, c->n)];
        return sum / c->total;
    }
    for (size_t i = 0; i < c->n; i++) {
        size_t at = random_below(random, c->n);
        sum += c->residual[at];
        weight += c->weight[at];
    }
    return sum / weight;
}

static double acceleration_of(const struct clusters *c) {
    double squares = 0, cubes = 0, mean = 0;
    for (size_t i = 0; i < c->n; i++) mean += -c->residual[i] / (c->total - c->weight[i]) / (double)c->n;
    for (size_t i = 0; i < c->n; i++) {
        double l = mean + c->residual[i] / (c->total - c->weight[i]);
        squares += l * l;
        cubes += l * l * l;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The normal quantile of the share of resamples below x, half of the ties, and never all or none of them. */
static double normal_rank(const double *sorted, size_t n, double x, double rounding) {
    size_t below = 0, tied = 0;
    for (size_t i = 0; i < n && sorted[i] <= x + rounding; i++) {
        if (sorted[i] < x - rounding) below++;
        else tied++;
    }
    double least = 1 / ((double)n + 1), share = ((double)below + (double)tied / 2) / (double)n;
    return special_normal_quantile(fmin(1 - least, fmax(least, share)));
}

static double bca_quantile(const struct bootstrap *b, const double *sorted, size_t n, double p) {
    double z = b->bias + special_normal_quantile(p), stretch = 1 - b->acceleration * z;
    double at = stretch > 0 ? special_normal_cdf(b->bias + z / stretch) : z > 0;
    return b->value + quantile_of(sorted, n, at);
}

static void intervals(struct bootstrap *b, const double *sorted, size_t n, double confidence,
                      double rounding) {
    double tail = (1 - confidence) / 2;
    b->bias = normal_rank(sorted, n, 0, rounding);
    b->percentile.low = b->value + quantile_of(sorted, n, tail);
    b->percentile.high = b->value + quantile_of(sorted, n, 1 - tail);
    b->bca.low = bca_quantile(b, sorted, n, tail);
    b->bca.high = bca_quantile(b, sorted, n, 1 - tail);
    double from = normal_rank(sorted, n, -b->value, rounding) - b->bias;
    double z = from / (1 + b->acceleration * from) - b->bias;
    double p = 2 * special_normal_cdf(-fabs(z));
    b->p_value = fmax(1 + b->acceleration * from > 0 ? p : 0, 2 / ((double)n + 1));
}

struct bootstrap bootstrap_mean(const struct sample *s, unsigned resamples, uint64_t seed,
                                double confidence) {
    struct bootstrap b = {NAN, {NAN, NAN}, {NAN, NAN}, NAN, NAN, NAN};
    struct estimate e = mean_estimate(s, confidence);
    if (isnan(e.value) || e.clusters < 2 || resamples < BOOTSTRAP_LEAST) return b;
    b.value = e.value;
    if (e.se == 0) {
        b.percentile = b.bca = e.interval;
        b.p_value = mean_p_value(&e);
        b.bias = b.acceleration = 0;
        return b;
    }
    struct clusters clusters = gather(s, e.value);
    double *means = mem_new_array(double, resamples);
    struct random random = {seed};
    for (unsigned i = 0; i < resamples; i++) means[i] = resample(&clusters, &random);
    quantile_sort(means, resamples);
    b.acceleration = acceleration_of(&clusters);
    intervals(&b, means, resamples, confidence, 1e-9 * e.se);
    mem_free(means);
    mem_free(clusters.residual);
    mem_free(clusters.weight);
    return b;
}
