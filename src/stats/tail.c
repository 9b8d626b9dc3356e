#include "stats/tail.h"

#include "base/mem.h"
#include "stats/quantile.h"
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
