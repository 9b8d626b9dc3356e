#include "stats/special.h"

#include <math.h>

static double log_gamma(double x) {
    int sign;
    return lgamma_r(x, &sign); /* lgamma writes a global */
}

double special_log_beta(double a, double b) {
    return a > 0 && b > 0 ? log_gamma(a) + log_gamma(b) - log_gamma(a + b) : NAN;
}

/* The continued fraction of I_x(a, b) by the modified Lentz method; converges fast for x < (a+1)/(a+b+2). */
static double beta_fraction(double x, double a, double b) {
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double f = d;
    for (int m = 1; m < 10000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double before = f;
        for (int half = 0; half < 2; half++) {
            double term = half ? odd : even;
            d = 1 + term * d;
            c = 1 + term / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            f *= d * c;
        }
        if (f == before) break;
    }
    return f;
}

double special_beta_cdf(double x, double a, double b) {
    if (!(a > 0) || !(b > 0) || isnan(x)) return NAN;
    if (x <= 0) return 0;
    if (x >= 1) return 1;
    double front = exp(a * log(x) + b * log1p(-x) - special_log_beta(a, b));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

double special_beta_quantile(double p, double a, double b) {
    if (!(p >= 0 && p <= 1) || !(a > 0) || !(b > 0)) return NAN;
    if (p == 0 || p == 1) return p;
    double low = 0, high = 1;
    for (int i = 0; i < 1100; i++) { /* down to the smallest doubles near 0 */
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high || high - low < 1e-15 * high) break;
        if (special_beta_cdf(middle, a, b) < p) low = middle;
        else high = middle;
    }
    return low + (high - low) / 2;
}

/* Q(a, x) = front / (x + (1-a)/(1 + 1/(x + (2-a)/(1 + ...)))), by the modified Lentz method, even part; for x > a + 1. */
static double gamma_fraction(double x, double a) {
    const double tiny = 1e-300;
    double b = x + 1 - a, c = 1 / tiny, d = 1 / b, f = d;
    for (int i = 1; i < 100000; i++) {
        double an = -i * (i - a), before = f;
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < tiny ? tiny : d);
        c = b + an / c;
        if (fabs(c) < tiny) c = tiny;
        f *= d * c;
        if (f == before) break;
    }
    return f;
}

double special_gamma_cdf(double x, double a) {
    if (!(a > 0) || isnan(x)) return NAN;
    if (x <= 0) return 0;
    if (isinf(x)) return 1;
    double front = exp(a * log(x) - x - log_gamma(a));
    if (x > a + 1) return 1 - front * gamma_fraction(x, a);
    double term = 1 / a, sum = term;
    for (int i = 1; i < 100000 && term > sum * 1e-17; i++) sum += term *= x / (a + i);
    return front * sum;
}

double special_gamma_quantile(double p, double a) {
    if (!(p >= 0 && p <= 1) || !(a > 0)) return NAN;
    if (p == 0) return 0;
    if (p == 1) return INFINITY;
    double low = 0, high = a + 1;
    while (special_gamma_cdf(high, a) < p) high *= 2;
    for (int i = 0; i < 1100 && high - low > 1e-15 * high; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (special_gamma_cdf(middle, a) < p) low = middle;
        else high = middle;
    }
    return low + (high - low) / 2;
}

double special_normal_cdf(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

/* Bisection on the lower tail, where erfc loses nothing; the upper one by symmetry. */
double special_normal_quantile(double p) {
    if (!(p >= 0 && p <= 1)) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    if (p > 0.5) return -special_normal_quantile(1 - p);
    double low = -39, high = 0;
    for (int i = 0; i < 200 && high - low > 1e-15 * (1 - low); i++) {
        double middle = (low + high) / 2;
        if (special_normal_cdf(middle) < p) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}

double special_t_cdf(double t, double df) {
    if (!(df > 0) || isnan(t)) return NAN;
    if (isinf(t)) return t > 0 ? 1 : 0;
    double tail = 0.5 * special_beta_cdf(df / (df + t * t), df / 2, 0.5);
    return t > 0 ? 1 - tail : tail;
}

double special_t_quantile(double p, double df) {
    if (!(p >= 0 && p <= 1) || !(df > 0)) return NAN;
    if (p == 0) return -INFINITY;
    if (p == 1) return INFINITY;
    if (p > 0.5) return -special_t_quantile(1 - p, df);
    if (p == 0.5) return 0;
    double low = -1, high = 0;
    while (special_t_cdf(low, df) > p) {
        high = low;
        low *= 2;
    }
    for (int i = 0; i < 200 && high - low > 1e-15 * (1 - low); i++) {
        double middle = (low + high) / 2;
        if (special_t_cdf(middle, df) < p) low = middle;
        else high = middle;
    }
    return (low + high) / 2;
}
