#include "stats/difference.h"

#include "stats/bootstrap.h"
#include "stats/special.h"

#include <math.h>

struct difference difference_paired(const double *d, size_t n, double confidence, uint64_t seed) {
    struct sample s = {.value = d, .n = n, .least = -1, .most = 1};
    if (n < 2) return (struct difference){.n = n, .mean = n == 1 ? d[0] : NAN, .low = NAN, .high = NAN};
    struct bootstrap b = bootstrap_mean(&s, BOOTSTRAP_RESAMPLES, seed, confidence);
    double sum = 0, squares = 2, more = (double)n + 2;
    for (size_t i = 0; i < n; i++) sum += d[i], squares += d[i] * d[i];
    double half = special_normal_quantile((1 + confidence) / 2) * sqrt((squares / more - sum / more * (sum / more)) / more);
    return (struct difference){.n = n,
                               .mean = b.value,
                               .low = fmax(fmin(b.bca.low, sum / more - half), -1),
                               .high = fmin(fmax(b.bca.high, sum / more + half), 1)};
}

struct difference difference_grouped(const struct difference_group *a, const struct difference_group *b, double confidence) {
    struct difference p = {.n = (size_t)(a->n + b->n), .mean = NAN, .low = NAN, .high = NAN};
    if (a->n < 1 || b->n < 1) return p;
    double ma = (a->sum + 1) / (a->n + 2), mb = (b->sum + 1) / (b->n + 2);
    double va = (a->squares + 1) / (a->n + 2) - ma * ma, vb = (b->squares + 1) / (b->n + 2) - mb * mb;
    double half = special_normal_quantile((1 + confidence) / 2) * sqrt(va / (a->n + 2) + vb / (b->n + 2));
    p.mean = a->sum / a->n - b->sum / b->n;
    p.low = fmax(ma - mb - half, -1);
    p.high = fmin(ma - mb + half, 1);
    return p;
}
