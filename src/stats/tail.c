#include "stats/tail.h"

#include "base/mem.h"
#include "stats/quantile.h"
#include "stats/random.h"
#include "stats/special.h"

#include <math.h>

#define CONFIDENCE 0.95
#define STEEPEST 0.5

double poisson_upper(double events, double confidence) {
    if (!(events >= 0) || !(confidence > 0 && confidence < 1)) return NAN;
    return special_gamma_quantile(confidence, events + 1);
}

double poisson_lower(double events, double confidence) {
    if (!(events >= 0) || !(confidence > 0 && confidence < 1)) return NAN;
    return events > 0 ? special_gamma_quantile(1 - confidence, events) : 0;
}

/* Excesses in rising order; released with mem_free. */
static double *excesses(const struct tail_peaks *p) {
    double *y = mem_new_array(double, p->n);
    for (size_t i = 0; i < p->n; i++) y[i] = p->peaks[i] - p->level;
    quantile_sort(y, p->n);
    return y;
}

/* a0 = mean, a1 = mean of (1 - p_i) y_i with p_i = (i - 0.35) / n: shape = 2 - a0 / (a0 - 2 a1). A fit beyond whose end something was seen is none:
 * then it is exponential. */
static void fit(const double *y, size_t n, double *ret_shape, double *ret_scale) {
    double a0 = 0, a1 = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        a0 += y[i] / count;
        a1 += (1 - ((double)i + 0.65) / count) * y[i] / count;
    }
    double shape = a0 > 2 * a1 ? 2 - a0 / (a0 - 2 * a1) : -STEEPEST;
    shape = fmin(fmax(shape, -STEEPEST), STEEPEST);
    if (shape < 0 && y[n - 1] >= a0 * (1 - shape) / -shape) shape = 0;
    *ret_shape = shape;
    *ret_scale = a0 * (1 - shape); /* as the mean has it: a0 = scale / (1 - shape) */
}

struct tail_fit tail_fit(const struct tail_peaks *p) {
    struct tail_fit f = {NAN, NAN, NAN, NAN};
    if (!(p->exposure > 0)) return f;
    f.rate = (double)p->n / p->exposure;
    f.rate_high = poisson_upper((double)p->n, CONFIDENCE) / p->exposure;
    if (p->n < TAIL_LEAST) return f;
    double *y = excesses(p);
    if (y[0] >= 0 && y[p->n - 1] > 0 && isfinite(y[p->n - 1])) fit(y, p->n, &f.shape, &f.scale);
    mem_free(y);
    return f;
}

static double beyond(const struct tail_fit *f, double y) {
    if (fabs(f->shape) < 1e-9) return exp(-y / f->scale);
    return pow(fmax(0, 1 + f->shape * y / f->scale), -1 / f->shape);
}

double tail_rate(const struct tail_peaks *p, const struct tail_fit *f, double x, double *ret_high) {
    size_t more = 0;
    if (!(p->exposure > 0)) return *ret_high = NAN;
    if (x < p->level) return *ret_high = NAN; /* nothing is known of what lies below */
    if (!isnan(f->scale)) {
        double share = beyond(f, x - p->level);
        *ret_high = f->rate_high * share;
        return f->rate * share;
    }
    for (size_t i = 0; i < p->n; i++) more += p->peaks[i] > x;
    *ret_high = poisson_upper((double)more, CONFIDENCE) / p->exposure;
    return (double)more / p->exposure;
}

double tail_level(const struct tail_peaks *p, const struct tail_fit *f, double wanted, bool *ret_beyond) {
    *ret_beyond = false;
    if (p->n == 0 || !(p->exposure > 0) || !(wanted > 0)) return INFINITY;
    if (f->rate <= wanted) return p->level;
    double *y = excesses(p), most = y[p->n - 1], x;
    if (!isnan(f->scale)) {
        double ratio = wanted / f->rate;
        x = fabs(f->shape) < 1e-9 ? -f->scale * log(ratio) : f->scale / f->shape * (pow(ratio, -f->shape) - 1);
        *ret_beyond = x > most;
    } else {
        size_t allowed = (size_t)(wanted * p->exposure * (1 + 1e-12)); /* less than n, since the rate is higher */
        x = y[p->n - 1 - allowed];
    }
    mem_free(y);
    return p->level + x;
}

/* ---- what a fit does not know ---- */

/* One draw: as many blocks as there are, some of them twice. `y` has room for all that may come together. */
static struct tail_fit one_draw(const struct tail_peaks *p, const unsigned *block, unsigned *times, unsigned blocks, struct random *random, double *y,
                                const struct tail_fit *all) {
    size_t n = 0;
    double sum = 0;
    for (unsigned b = 0; b < blocks; b++) times[b] = 0;
    for (unsigned b = 0; b < blocks; b++) times[random_below(random, blocks)]++;
    for (size_t i = 0; i < p->n; i++)
        for (unsigned k = times[block[i]]; k > 0; k--) sum += y[n++] = p->peaks[i] - p->level;
    struct tail_fit f = {0, all->scale / (1 - all->shape), (double)n / p->exposure, NAN}; /* too few: the mean of all, without a shape */
    if (n < TAIL_LEAST || !(sum > 0)) return f;
    quantile_sort(y, n);
    fit(y, n, &f.shape, &f.scale);
    return f;
}

bool tail_draw(const struct tail_peaks *p, const unsigned *block, unsigned blocks, struct tail_draws *ret) {
    struct tail_fit all = tail_fit(p);
    if (isnan(all.scale) || blocks == 0) return false;
    struct random random = {p->n};
    unsigned *times = mem_new_array(unsigned, blocks);
    double *y = mem_new_array(double, p->n * blocks);
    for (unsigned i = 0; i < TAIL_DRAWS; i++) ret->fits[i] = one_draw(p, block, times, blocks, &random, y, &all);
    ret->level = p->level;
    mem_free(y);
    mem_free(times);
    return true;
}

double tail_drawn_rate(const struct tail_draws *d, double x, double *ret_high) {
    double rates[TAIL_DRAWS], sum = 0;
    for (unsigned i = 0; i < TAIL_DRAWS; i++) sum += rates[i] = d->fits[i].rate * beyond(&d->fits[i], fmax(x - d->level, 0));
    quantile_sort(rates, TAIL_DRAWS);
    *ret_high = quantile_of(rates, TAIL_DRAWS, CONFIDENCE);
    return sum / TAIL_DRAWS;
}

double tail_drawn_level(const struct tail_draws *d, double wanted) {
    double low = 0, high = d->fits[0].scale, limit;
    for (; (void)tail_drawn_rate(d, d->level + high, &limit), limit > wanted && isfinite(high); high *= 2) low = high;
    for (unsigned i = 0; i < 60; i++) {
        double middle = low + (high - low) / 2;
        (void)tail_drawn_rate(d, d->level + middle, &limit);
        if (limit > wanted) low = middle;
        else high = middle;
    }
    return d->level + high;
}
