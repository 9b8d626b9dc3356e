#include "stats/failures.h"

#include "stats/special.h"

#include <math.h>

/* Ratios are held as their logarithms x: ln(1/4) .. ln 16. */
enum { GRID = 201 };
#define GRID_LOW (-2 * M_LN2)
#define GRID_STEP (6 * M_LN2 / (GRID - 1))
#define FAR 40.0 /* e^40: no ratio that anyone waits for lies beyond it */

static double grid_at(unsigned j) { return GRID_LOW + j * GRID_STEP; }

static bool tells(const struct failure_cell *c) {
    return c->weight > 0 && c->weight < 1 && (c->candidate > 0 || c->control > 0);
}

/* Log-likelihood of the ratio e^x less that of 1. It is concave in x. */
static double likelihood(const struct failure_cell *cells, unsigned n, double x) {
    double sum = 0, r = exp(x);
    for (unsigned i = 0; i < n; i++) {
        const struct failure_cell *c = &cells[i];
        if (!tells(c)) continue;
        sum += (double)c->candidate * x - ((double)c->candidate + (double)c->control) * log(1 - c->weight + c->weight * r);
    }
    return sum;
}

static double slope(const struct failure_cell *cells, unsigned n, double x) {
    double sum = 0, r = exp(x);
    for (unsigned i = 0; i < n; i++) {
        const struct failure_cell *c = &cells[i];
        if (!tells(c)) continue;
        double share = c->weight * r / (c->weight * r + 1 - c->weight);
        sum += (double)c->candidate - ((double)c->candidate + (double)c->control) * share;
    }
    return sum;
}

/* ln of the mean of e^l[first..GRID-1]. */
static double mixture(const double *l, unsigned first) {
    double most = -INFINITY, sum = 0;
    for (unsigned j = first; j < GRID; j++) most = fmax(most, l[j]);
    for (unsigned j = first; j < GRID; j++) sum += exp(l[j] - most);
    return most + log(sum / (GRID - first));
}

static unsigned first_above(double x) {
    unsigned j = 0;
    while (j < GRID && grid_at(j) <= x + 1e-12) j++;
    return j;
}

static void fill(const struct failure_cell *cells, unsigned n, unsigned first, double l[GRID]) {
    for (unsigned j = first; j < GRID; j++) l[j] = likelihood(cells, n, grid_at(j));
}

double failures_log_e(const struct failure_cell *cells, unsigned n, double r0) {
    double l[GRID];
    if (!(r0 > 0)) return NAN;
    unsigned first = first_above(log(r0));
    if (first == GRID) return 0;
    fill(cells, n, first, l);
    return mixture(l, first) - likelihood(cells, n, log(r0));
}

/* Where the likelihood is greatest, within -FAR..FAR. */
static double peak(const struct failure_cell *cells, unsigned n) {
    double low = -FAR, high = FAR;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (slope(cells, n, middle) > 0) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}

static void totals(const struct failure_cell *cells, unsigned n, double *ret_candidate, double *ret_control) {
    *ret_candidate = *ret_control = 0;
    for (unsigned i = 0; i < n; i++) {
        if (!tells(&cells[i])) continue;
        *ret_candidate += (double)cells[i].candidate;
        *ret_control += (double)cells[i].control;
    }
}

double failures_ratio_estimate(const struct failure_cell *cells, unsigned n) {
    double candidate, control;
    totals(cells, n, &candidate, &control);
    if (candidate == 0) return control == 0 ? NAN : 0;
    return control == 0 ? INFINITY : exp(peak(cells, n));
}

/* Between `outside`, where the likelihood is below `least`, and `inside`, where it is not. */
static double crossing(const struct failure_cell *cells, unsigned n, double least, double outside, double inside) {
    for (int i = 0; i < 45; i++) {
        double middle = (outside + inside) / 2;
        if (likelihood(cells, n, middle) < least) outside = middle;
        else inside = middle;
    }
    return exp(outside);
}

struct interval failures_ratio(const struct failure_cell *cells, unsigned n, double alpha) {
    double l[GRID], candidate, control;
    if (!interval_confidence(alpha)) return (struct interval){NAN, NAN};
    totals(cells, n, &candidate, &control);
    if (candidate == 0 && control == 0) return (struct interval){0, INFINITY};
    fill(cells, n, 0, l);
    double least = mixture(l, 0) + log(alpha), best = peak(cells, n);
    struct interval i = {0, INFINITY};
    if (likelihood(cells, n, -FAR) < least) i.low = crossing(cells, n, least, -FAR, best);
    if (likelihood(cells, n, FAR) < least) i.high = crossing(cells, n, least, FAR, best);
    return i;
}

double failures_log_e_beta(double weight, double kappa, uint64_t candidate, uint64_t control) {
    if (!(weight > 0 && weight < 1 && kappa > 0)) return NAN;
    double a = kappa * weight, b = kappa * (1 - weight), c = (double)candidate, d = (double)control;
    return special_log_beta(a + c, b + d) - special_log_beta(a, b) - c * log(weight) - d * log1p(-weight);
}

/* The Dirichlet taken apart into betas: each arm against those before it. */
double ratio_mismatch_log_e(const uint64_t *counts, const double *expected, unsigned n, double concentration) {
    double log_e = 0, rest = 0, rest_count = 0;
    if (!(concentration > 0)) return NAN;
    for (unsigned i = 0; i < n; i++) {
        if (!(expected[i] > 0)) return NAN;
        double share = expected[i] * concentration, count = (double)counts[i];
        if (i > 0)
            log_e += special_log_beta(rest + rest_count, share + count) - special_log_beta(rest, share);
        rest += share;
        rest_count += count;
        log_e -= count * log(expected[i]);
    }
    return log_e;
}

/* The evidence after so many more failures that fall as the estimate says: likelihoods grow in proportion. */
struct growth {
    double l[GRID], more[GRID], null, null_more;
    unsigned first;
};

static double evidence_after(const struct growth *g, double failures) {
    double l[GRID];
    for (unsigned j = g->first; j < GRID; j++) l[j] = g->l[j] + failures * g->more[j];
    return mixture(l, g->first) - g->null - failures * g->null_more;
}

double failures_needed(const struct failure_cell *cells, unsigned n, double r0, double weight, double alpha) {
    struct growth g;
    double candidate, control, high = 1;
    if (!(r0 > 0 && weight > 0 && weight < 1) || !interval_confidence(alpha)) return INFINITY;
    totals(cells, n, &candidate, &control);
    g.first = first_above(log(r0));
    if (candidate == 0 || g.first == GRID) return INFINITY;
    double x = fmin(peak(cells, n), grid_at(GRID - 1)), share = weight * exp(x) / (weight * exp(x) + 1 - weight);
    if (!(x > log(r0))) return INFINITY;
    fill(cells, n, g.first, g.l);
    for (unsigned j = g.first; j < GRID; j++) g.more[j] = share * grid_at(j) - log1p(weight * expm1(grid_at(j)));
    g.null = likelihood(cells, n, log(r0));
    g.null_more = share * log(r0) - log1p(weight * (r0 - 1));
    if (evidence_after(&g, 0) >= -log(alpha)) return 0;
    while (evidence_after(&g, high) < -log(alpha)) {
        high *= 2;
        if (high > 1e9) return INFINITY;
    }
    double low = high == 1 ? 0 : high / 2;
    while (high - low > 0.5) {
        double middle = (low + high) / 2;
        if (evidence_after(&g, middle) < -log(alpha)) low = middle;
        else high = middle;
    }
    return ceil(high);
}
