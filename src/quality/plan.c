#include "quality/plan.h"

#include "stats/power.h"
#include "stats/proportion.h"
#include "stats/rate.h"

#include <math.h>

static double spread(const struct plan_question *q) {
    return q->expected * (1 - q->expected);
}

static double correlation(const struct plan_question *q) {
    double s = spread(q);
    if (q->these_cases) return 0;
    return isnan(q->within) || s <= 0 ? NAN : fmin(1, fmax(0, 1 - q->within / s));
}

/* Cases for `trials` independent runs, when runs of one case correlate so. */
static double cases_for(double trials, const struct plan_question *q, double rho, double fewest) {
    double cases = trials * proportion_design_effect(q->repeat, rho) / q->repeat;
    return ceil(fmax(cases, fewest) - 1e-9);
}

/* In every case the runs' own variance: what a run told, else at best all of it, else (safe) as of one run. */
static struct power_paired paired(double difference, double within, double runs) {
    return (struct power_paired){fabs(difference) * (1 - fabs(difference)), within, within, runs, runs};
}

static void plan_difference(const struct plan_question *q, struct plan *p) {
    struct power_level level = {1 - q->confidence, q->power};
    double s = spread(q), within = isnan(q->within) ? s : q->within;
    struct power_paired safe = paired(q->difference, within, isnan(q->within) ? 1 : q->repeat);
    struct power_paired best = paired(q->difference, within, q->repeat);
    p->difference_cases = ceil(power_paired_cases(&safe, q->difference, level) - 1e-9);
    p->difference_at_best = ceil(power_paired_cases(&best, q->difference, level) - 1e-9);
}

struct plan plan_suite(const struct plan_question *q) {
    struct plan p = {NAN, NAN, NAN, NAN, NAN, NAN};
    double trials = rate_plan(q->expected, q->at_least, q->confidence, q->power);
    if (isnan(trials) || q->repeat < 1) return p;
    p.correlation = correlation(q);
    p.fewest = q->expected > q->at_least ? ceil(log(1 - q->confidence) / log(q->at_least) / (q->these_cases ? q->repeat : 1) - 1e-9) : 0;
    p.cases = cases_for(trials, q, isnan(p.correlation) ? 1 : p.correlation, p.fewest);
    p.cases_at_best = cases_for(trials, q, isnan(p.correlation) ? 0 : p.correlation, p.fewest);
    if (!isnan(q->difference)) plan_difference(q, &p);
    return p;
}

double plan_detectable(const struct plan_question *q, double cases) {
    struct power_level level = {1 - q->confidence, q->power};
    double within = isnan(q->within) ? spread(q) : q->within, low = 0, high = 1;
    double runs = isnan(q->within) ? 1 : q->repeat;
    if (cases < 1 - log2(level.alpha)) return NAN; /* not even if all flip: 2 * 2^-n is McNemar's p */
    for (int i = 0; i < 60; i++) { /* the cases that it takes fall as the difference grows */
        double middle = (low + high) / 2;
        struct power_paired p = paired(middle, within, runs);
        if (power_paired_cases(&p, middle, level) <= cases) high = middle;
        else low = middle;
    }
    return high < 1 ? high : NAN;
}
