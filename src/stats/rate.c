#include "stats/rate.h"

#include "stats/proportion.h"
#include "stats/special.h"

#include <math.h>

/* Independent trials that `runs` are worth, of which `least` are granted. */
static double effective_runs(const struct estimate *e, double runs, double least, double confidence) {
    double variance = e->value * (1 - e->value);
    if (!(runs > least) || e->clusters < 2 || variance <= 0) return least;
    double deff = fmax(1, e->se * e->se / (variance / (runs - 1))), at = 0.5 + confidence / 2;
    double ratio = special_t_quantile(at, runs - 1) / special_t_quantile(at, (double)e->clusters - 1);
    return fmin(runs, fmax(least, runs / deff * ratio * ratio));
}

struct rate rate_of_cases(const struct sample *cases, double runs, double confidence) {
    struct rate r = {NAN, runs, NAN, NAN, {NAN, NAN}, cases->n, 0};
    if (cases->n == 0 && interval_confidence(confidence)) {
        r.runs = r.effective = 0;
        r.interval = (struct interval){0, 1};
        return r;
    }
    struct sample scaled = *cases;
    scaled.least = 0;
    scaled.most = 1;
    struct estimate e = mean_estimate(&scaled, confidence);
    if (isnan(e.value) || !(runs >= (double)cases->n && isfinite(runs))) return r;
    struct sample alone = scaled;
    alone.cluster = NULL;
    double worth = runs * mean_effective(&alone) / (double)cases->n; /* unequal weights make fewer of them */
    r.value = e.value;
    r.clusters = e.clusters;
    r.effective = effective_runs(&e, worth, mean_effective(&scaled), confidence);
    r.design_effect = runs / r.effective;
    r.interval = proportion_exact(fmin(1, e.value) * r.effective, r.effective, confidence);
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

struct rate_gate rate_at_least(const struct rate *r, double asked, double confidence, double power) {
    struct rate_gate g = {RATE_UNDECIDED, NAN, NAN, NAN};
    if (!(asked >= 0 && asked <= 1)) return g;
    double n = r->effective, k = isnan(r->value) ? 0 : fmin(1, r->value) * n;
    g.low = proportion_at_least(k, n, confidence);
    g.high = proportion_at_most(k, n, confidence);
    if (isnan(r->value) || isnan(g.low)) return g;
    if (g.low >= asked) g.answer = RATE_YES;
    else if (g.high < asked) g.answer = RATE_NO;
    double trials = g.answer == RATE_UNDECIDED ? rate_needed(k, n, asked, confidence, power) : 0;
    g.needed = ceil(trials * (double)r->cases / n);
    return g;
}
