#include "stats/rate.h"

#include "stats/proportion.h"
#include "stats/special.h"

#include <math.h>

/* Independent trials that `most` independent runs are worth when those of a case are not, by the spread of
 * cases; no fewer than `least`. */
static double effective_runs(const struct estimate *e, double most, double least, double confidence) {
    double variance = e->value * (1 - e->value);
    if (!(most > least) || e->clusters < 2 || variance <= 0) return least;
    double deff = fmax(1, e->se * e->se / (variance / (most - 1))), at = 0.5 + confidence / 2;
    double ratio = special_t_quantile(at, most - 1) / special_t_quantile(at, (double)e->clusters - 1);
    return fmin(most, fmax(least, most / deff * ratio * ratio));
}

/* What all runs are worth when each is independent: with m runs of weight w / m, (sum w)^2 / sum w^2/m. */
static double independent_runs(const struct sample *cases, const double *runs, double *ret_runs) {
    double weight = 0, squares = 0;
    *ret_runs = 0;
    for (size_t i = 0; i < cases->n; i++) {
        double w = cases->weight ? cases->weight[i] : 1, m = runs ? runs[i] : 1;
        if (!(m >= 1 && isfinite(m))) return NAN;
        *ret_runs += m;
        weight += w;
        squares += w * w / m;
    }
    return weight * weight / squares;
}

/* No limits are narrower than those of `units` passes, or failures, of `units`. */
static struct interval widen(struct interval i, double units, double tail) {
    double most = exp(log(tail) / units);
    return (struct interval){fmin(i.low, most), fmax(i.high, 1 - most)};
}

struct rate rate_of_cases(const struct sample *cases, const double *runs, enum rate_scope scope,
                          double confidence) {
    struct rate r = {NAN, NAN, NAN, NAN, NAN, {NAN, NAN}, cases->n, 0};
    if (cases->n == 0 && interval_confidence(confidence)) {
        r.runs = r.effective = r.units = 0;
        r.interval = (struct interval){0, 1};
        return r;
    }
    struct sample scaled = *cases;
    scaled.least = 0;
    scaled.most = 1;
    struct estimate e = mean_estimate(&scaled, confidence);
    double all = 0, most = isnan(e.value) ? NAN : independent_runs(cases, runs, &all);
    if (isnan(most)) return r;
    r.value = fmin(1, fmax(0, e.value));
    r.runs = all;
    r.clusters = e.clusters;
    r.units = scope == RATE_THESE_CASES ? most : mean_effective(&scaled);
    r.effective = scope == RATE_THESE_CASES ? most : effective_runs(&e, most, r.units, confidence);
    r.design_effect = r.runs / r.effective;
    r.interval = widen(proportion_exact(r.value * r.effective, r.effective, confidence), r.units,
                       (1 - confidence) / 2);
    return r;
}

/* P(at least k of n pass) at the rate p, whole k or not. */
static double at_least_chance(double k, double n, double p) {
    if (k <= 0) return 1;
    return k > n ? 0 : special_beta_cdf(p, k, n - k + 1);
}

/* Fewest of m more passes after which k + j of n + m refutes "the rate is below asked"; m + 1: none. */
static double fewest(double k, double n, double m, double asked, double tail) {
    double low = -1, high = m + 1;
    while (high - low > 1) {
        double middle = floor((low + high) / 2);
        if (at_least_chance(k + middle, n + m, asked) <= tail) high = middle;
        else low = middle;
    }
    return high;
}

static bool is_enough(double k, double n, double m, double rate, double asked, double tail, double power) {
    return at_least_chance(fewest(k, n, m, asked, tail), m, rate) >= power;
}

/* For rate > asked. */
static double more_trials(double k, double n, double rate, double asked, double tail, double power) {
    double low = 0, high = 1;
    if (is_enough(k, n, 0, rate, asked, tail, power)) return 0;
    while (!is_enough(k, n, high, rate, asked, tail, power)) {
        low = high;
        high *= 2;
        if (high > RATE_MOST) return INFINITY;
    }
    while (high - low > 1) {
        double middle = floor((low + high) / 2);
        if (is_enough(k, n, middle, rate, asked, tail, power)) high = middle;
        else low = middle;
    }
    return high;
}

static double needed_at(double k, double n, double rate, double asked, double confidence, double power) {
    bool sound = asked >= 0 && asked <= 1 && interval_confidence(confidence) && interval_confidence(power);
    if (!sound || !(rate >= 0 && rate <= 1)) return NAN;
    if (rate == asked) return INFINITY;
    if (rate > asked) return more_trials(k, n, rate, asked, 1 - confidence, power);
    return more_trials(n - k, n, 1 - rate, 1 - asked, 1 - confidence, power); /* the same, of failures */
}

double rate_needed(double k, double n, double asked, double confidence, double power) {
    if (!(n > 0 && isfinite(n) && k >= 0 && k <= n)) return NAN;
    return needed_at(k, n, k / n, asked, confidence, power);
}

double rate_plan(double expected, double asked, double confidence, double power) {
    return needed_at(0, 0, expected, asked, confidence, power);
}

/* Units from which the limits of a rate that only passes, or only fails, get past `asked`. */
static double least_units(double rate, double asked, double confidence) {
    return log(1 - confidence) / (rate > asked ? log(asked) : log1p(-asked));
}

struct rate_gate rate_at_least(const struct rate *r, double asked, double confidence, double power) {
    struct rate_gate g = {RATE_UNDECIDED, NAN, NAN, NAN};
    if (!(asked >= 0 && asked <= 1) || !interval_confidence(confidence)) return g;
    double n = r->effective, k = isnan(r->value) ? 0 : r->value * n;
    struct interval limits = {proportion_at_least(k, n, confidence), proportion_at_most(k, n, confidence)};
    if (r->units > 0) limits = widen(limits, r->units, 1 - confidence);
    g.low = limits.low;
    g.high = limits.high;
    if (isnan(r->value) || isnan(g.low)) return g;
    if (g.low >= asked) g.answer = RATE_YES;
    else if (g.high < asked) g.answer = RATE_NO;
    g.needed = 0;
    if (g.answer != RATE_UNDECIDED) return g;
    double by_runs = rate_needed(k, n, asked, confidence, power) / n;
    double by_units = least_units(r->value, asked, confidence) / r->units - 1;
    g.needed = isnan(by_runs) ? NAN : fmax(1, ceil(fmax(by_runs, by_units) * (double)r->cases - 1e-9));
    return g;
}
