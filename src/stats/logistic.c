#include "stats/logistic.h"

#include <math.h>

enum { MOST_STEPS = 50, MOST_HALVINGS = 40, SIZE = LOGISTIC_FEATURES + 1 };
#define CONVERGED 1e-10 /* largest change of a parameter in one step */

struct fit {
    const double *x;
    const bool *y;
    size_t n, k;
    double lambda;
    const struct logistic *m; /* mean and scale */
};

static double standard(const struct fit *f, size_t i, size_t j) {
    return (f->x[i * f->k + j] - f->m->mean[j]) / f->m->scale[j];
}

/* log(1 + e^z) without overflow */
static double softplus(double z) { return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z)); }

static double sigmoid(double z) { return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)); }

static double linear(const struct fit *f, const double *b, size_t i) {
    double z = b[0];
    for (size_t j = 0; j < f->k; j++) z += b[j + 1] * standard(f, i, j);
    return z;
}

static double objective(const struct fit *f, const double *b) {
    double sum = 0;
    for (size_t i = 0; i < f->n; i++) {
        double z = linear(f, b, i);
        sum += softplus(z) - (f->y[i] ? z : 0);
    }
    for (size_t j = 1; j <= f->k; j++) sum += f->lambda / 2 * b[j] * b[j];
    return sum;
}

static void slopes(const struct fit *f, const double *b, double g[SIZE], double h[SIZE][SIZE]) {
    size_t k = f->k + 1;
    double row[SIZE] = {1};
    for (size_t a = 0; a < k; a++) {
        g[a] = a > 0 ? f->lambda * b[a] : 0;
        for (size_t c = 0; c < k; c++) h[a][c] = a == c && a > 0 ? f->lambda : 0;
    }
    for (size_t i = 0; i < f->n; i++) {
        for (size_t j = 0; j < f->k; j++) row[j + 1] = standard(f, i, j);
        double p = sigmoid(linear(f, b, i)), e = p - f->y[i], w = p * (1 - p);
        for (size_t a = 0; a < k; a++) {
            g[a] += e * row[a];
            for (size_t c = 0; c <= a; c++) h[a][c] += w * row[a] * row[c];
        }
    }
}

/* h * ret = g with h's lower half, which is overwritten. False: not positive definite. */
static bool solve(size_t k, double h[SIZE][SIZE], const double g[SIZE], double ret[SIZE]) {
    for (size_t j = 0; j < k; j++) {
        for (size_t i = j; i < k; i++) {
            double s = h[i][j];
            for (size_t c = 0; c < j; c++) s -= h[i][c] * h[j][c];
            if (i > j) h[i][j] = s / h[j][j];
            else if (!(s > 0)) return false;
            else h[j][j] = sqrt(s);
        }
    }
    for (size_t i = 0; i < k; i++) {
        ret[i] = g[i];
        for (size_t c = 0; c < i; c++) ret[i] -= h[i][c] * ret[c];
        ret[i] /= h[i][i];
    }
    for (size_t i = k; i-- > 0;) {
        for (size_t c = i + 1; c < k; c++) ret[i] -= h[c][i] * ret[c];
        ret[i] /= h[i][i];
    }
    return true;
}

/* One Newton step, halved until the objective does not rise. The largest change; -1: none could be made. */
static double step(const struct fit *f, double b[SIZE]) {
    double g[SIZE], h[SIZE][SIZE], d[SIZE], next[SIZE], before = objective(f, b), most = 0;
    slopes(f, b, g, h);
    if (!solve(f->k + 1, h, g, d)) return -1;
    double size = 1;
    for (unsigned i = 0;; i++, size /= 2) {
        if (i == MOST_HALVINGS) return 0; /* as low as it gets in this precision */
        for (size_t j = 0; j <= f->k; j++) next[j] = b[j] - size * d[j];
        if (objective(f, next) <= before) break;
    }
    for (size_t j = 0; j <= f->k; j++) {
        most = fmax(most, fabs(next[j] - b[j]));
        b[j] = next[j];
    }
    return isfinite(most) ? most : -1;
}

static bool standardise(const double *x, size_t n, size_t k, struct logistic *m) {
    for (size_t j = 0; j < k; j++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++) sum += x[i * k + j];
        m->mean[j] = sum / (double)n;
        for (size_t i = 0; i < n; i++) squares += (x[i * k + j] - m->mean[j]) * (x[i * k + j] - m->mean[j]);
        m->scale[j] = sqrt(squares / (double)n);
        if (!isfinite(m->scale[j])) return false;
        if (m->scale[j] <= 1e-12 * (1 + fabs(m->mean[j]))) m->scale[j] = 0;
    }
    return true;
}

bool logistic_fit(const double *x, const bool *y, size_t n, size_t n_features, double lambda, struct logistic *ret) {
    struct logistic m = {.n_features = n_features};
    struct fit f = {x, y, n, n_features, lambda, &m};
    double b[SIZE] = {0}, constant[LOGISTIC_FEATURES] = {0};
    size_t ones = 0;
    if (n == 0 || n_features > LOGISTIC_FEATURES || !(lambda >= 0)) return false;
    for (size_t i = 0; i < n; i++) ones += y[i];
    if (ones == 0 || ones == n || !standardise(x, n, n_features, &m)) return false;
    for (size_t j = 0; j < n_features; j++)
        if (m.scale[j] == 0) constant[j] = 1, m.scale[j] = 1; /* all its values are 0 then */
    if (lambda == 0)
        for (size_t j = 0; j < n_features; j++)
            if (constant[j] != 0) return false; /* any weight would do */
    b[0] = log((double)ones / (double)(n - ones));
    double moved = 1;
    for (; m.steps < MOST_STEPS && moved > CONVERGED; m.steps++)
        if ((moved = step(&f, b)) < 0) return false;
    if (moved > CONVERGED) return false;
    m.intercept = b[0];
    for (size_t j = 0; j < n_features; j++) m.weight[j] = constant[j] != 0 ? 0 : b[j + 1];
    *ret = m;
    return true;
}

double logistic_probability(const struct logistic *m, const double *x) {
    double z = m->intercept;
    for (size_t j = 0; j < m->n_features; j++) z += m->weight[j] * (x[j] - m->mean[j]) / m->scale[j];
    return sigmoid(z);
}

double logistic_auc(const double *p, const bool *y, size_t n, double *ret_deviation) {
    double wins = 0, ones = 0, zeros = 0;
    for (size_t i = 0; i < n; i++) {
        ones += y[i];
        zeros += !y[i];
        for (size_t k = 0; y[i] && k < n; k++)
            if (!y[k]) wins += p[i] > p[k] ? 1 : p[i] == p[k] ? 0.5 : 0;
    }
    double a = ones > 0 && zeros > 0 ? wins / (ones * zeros) : NAN;
    double q1 = a / (2 - a), q2 = 2 * a * a / (1 + a);
    double v = (a * (1 - a) + (ones - 1) * (q1 - a * a) + (zeros - 1) * (q2 - a * a)) / (ones * zeros);
    *ret_deviation = isnan(a) ? NAN : sqrt(v > 0 ? v : 0);
    return a;
}
