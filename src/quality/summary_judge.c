/* The pass rate as people would have found it, where a judge decides.
 *
 * A run passes when all of its checks do. The judge decides it when every other check passed; otherwise it fails whatever the judge
 * says, and a judge that errs changes nothing. So only decided runs are corrected: with D the decided ones of case i's runs and F
 * those that passed without any judge,
 *   rate = sum w_i (F_i + D_i theta) / runs_i / sum w_i
 * theta being the corrected rate (Rogan and Gladen; stats/corrected.h) of the judge's verdicts among decided runs, each case weighing
 * w_i D_i / runs_i, with the effective number of independent runs of stats/rate.h. It is taken for granted that the judge's sensitivity and
 * specificity are the same for answers that got past the other checks.
 *
 * Two things are uncertain, theta and which runs are decided, and each gets half of the error: the limits of the rate are stats/rate.h's
 * of F_i + D_i theta at theta's own limit (Bonferroni; F_i + D_i theta lies in 0..1, and varies no more than a pass or fail of its
 * mean). Where cases have no other check, all runs are decided, and theta's interval is the rate's.
 *
 * Refused, with the reason, is what would have to be invented: several judges or rubrics in one rate, several checks by judge
 * or a `not-` one in a case, a case that passes by weighted score, a judge that is not calibrated (judged.h) or whose verdicts do not fit its calibration. */
#include "quality/summary_private.h"

#include "base/mem.h"
#include "quality/judged.h"

#include <math.h>

struct seen {
    bool any, entangled, several, others;
    enum judged_why trust; /* of the first that is not calibrated */
    uint32_t judge;
};

enum judged_why summary_trust(const struct judge_seen *j) {
    return judged_trust(j->has_calibration ? &j->calibration : NULL);
}

static void see_judges(const struct summary *s, const struct row *r, struct seen *ret) {
    for (uint32_t at = r->extras; at != SUMMARY_NONE; at = s->extras[at].next) {
        const struct extra *e = &s->extras[at];
        if (e->kind != EXTRA_JUDGE || !e->counts) continue;
        ret->several |= ret->any && ret->judge != e->of;
        ret->any = true;
        ret->judge = e->of;
        if (ret->trust == JUDGED_CORRECTED) ret->trust = summary_trust(&s->judges[e->of]);
    }
}

static struct seen look(const struct summary *s, const struct case_rates *c) {
    struct seen seen = {.judge = SUMMARY_NONE};
    for (size_t i = 0; i < c->n; i++) {
        for (uint32_t at = s->first[c->of[i]]; at != SUMMARY_NONE; at = s->rows[at].next) {
            const struct row *r = &s->rows[at];
            if (r->verdict == CHECK_ERROR) continue;
            seen.entangled |= (r->flags & ROW_ENTANGLED) != 0;
            seen.others |= (r->flags & ROW_OTHERS) || !(r->flags & ROW_JUDGED);
            if (r->flags & (ROW_JUDGED | ROW_ENTANGLED)) see_judges(s, r, &seen);
        }
    }
    return seen;
}

/* Decided runs, and those of them that passed; those that passed without a judge. */
static void split(const struct summary *s, uint32_t at, double *ret_decided, double *ret_passed, double *ret_free) {
    *ret_decided = *ret_passed = *ret_free = 0;
    for (uint32_t i = s->first[at]; i != SUMMARY_NONE; i = s->rows[i].next) {
        const struct row *r = &s->rows[i];
        if (r->verdict == CHECK_ERROR) continue;
        bool passed = r->verdict == CHECK_PASS;
        if (!(r->flags & ROW_JUDGED)) *ret_free += passed;
        else if (!(r->flags & ROW_OTHERS_FAILED)) {
            *ret_decided += 1;
            *ret_passed += passed;
        }
    }
}

static struct interval limits(const struct rate *rate, double confidence, double scale) {
    struct rate r = *rate;
    r.effective *= scale;
    r.units *= scale;
    struct rate_gate g = rate_at_least(&r, 0.5, 0.5 + confidence / 2, SUMMARY_POWER);
    return (struct interval){g.low, g.high};
}

/* The judge's pass rate among what it decided, and its effective size. */
static struct rate judged_part(const struct summary *s, const struct case_rates *all, struct case_rates *d, double confidence) {
    d->once = true;
    for (size_t i = 0; i < all->n; i++) {
        double decided, passed, free_runs;
        split(s, all->of[i], &decided, &passed, &free_runs);
        if (decided == 0) continue;
        d->value[d->n] = passed / decided;
        d->weight[d->n] = all->weight[i] * decided / all->runs[i];
        d->weighted |= d->weight[d->n] != d->weight[0];
        d->runs[d->n] = decided;
        d->cluster[d->n++] = all->cluster[i];
    }
    if (d->n == 0) return (struct rate){.value = NAN};
    d->clustered = all->clustered;
    if (d->clustered) (void)summary_families_again(d->cluster, d->n, all->n);
    return case_rates_rate(s, d, confidence);
}

/* The rate over all runs were the decided ones good at `theta`. */
static struct rate whole_rate(const struct summary *s, const struct case_rates *all, double theta, double confidence, double *ret_decided) {
    struct case_rates v = *all;
    double decided_sum = 0, weights = 0;
    v.value = mem_new_array(double, all->n + 1);
    for (size_t i = 0; i < all->n; i++) {
        double decided, passed, free_runs;
        split(s, all->of[i], &decided, &passed, &free_runs);
        v.value[i] = fmin(1, (free_runs + decided * theta) / all->runs[i]);
        decided_sum += all->weight[i] * decided / all->runs[i];
        weights += all->weight[i];
    }
    struct rate r = case_rates_rate(s, &v, confidence);
    mem_free(v.value);
    *ret_decided = decided_sum / weights;
    return r;
}

static const char *why_not(const struct seen *seen) {
    if (seen->trust != JUDGED_CORRECTED) return judged_why_text(seen->trust);
    if (seen->several) return "several judges or rubrics decided it";
    if (seen->entangled) return "cases with several checks by judge, a negated one or a threshold of their own are in it";
    return NULL;
}

static void correct(const struct summary *s, const struct case_rates *all, const struct seen *seen, double confidence, double scale,
                    struct corrected *ret) {
    const struct judge_calibration *k = &s->judges[seen->judge].calibration;
    double piece = seen->others ? 0.5 + confidence / 2 : confidence, share;
    struct case_rates d = {.value = mem_new_array(double, all->n + 1), .weight = mem_new_array(double, all->n + 1),
                           .runs = mem_new_array(double, all->n + 1), .cluster = mem_new_array(uint32_t, all->n + 1)};
    struct rate judged = judged_part(s, all, &d, piece);
    case_rates_free(&d);
    struct judged_rate told = judged_rate_of(judged.value, judged.effective * scale, k, piece);
    struct estimate theta = told.estimate;
    ret->why = told.why == JUDGED_CORRECTED ? NULL : told.why == JUDGED_NO_DATA ? "no answer got past the other checks to the judge" : judged_why_text(told.why);
    if (ret->why != NULL) return;
    ret->possible = true;
    struct rate middle = whole_rate(s, all, theta.value, piece, &share);
    ret->decided = share;
    ret->value = seen->others ? middle.value : theta.value;
    ret->interval = theta.interval;
    if (!seen->others) return;
    struct rate low = whole_rate(s, all, theta.interval.low, piece, &share), high = whole_rate(s, all, theta.interval.high, piece, &share);
    ret->interval = (struct interval){limits(&low, piece, scale).low, limits(&high, piece, scale).high};
}

enum judged_by summary_judged_by(const struct summary *s, const struct case_rates *c) {
    struct seen seen = look(s, c);
    return !seen.any ? JUDGED_BY_NONE : seen.trust != JUDGED_CORRECTED ? JUDGED_BY_UNCALIBRATED : JUDGED_BY_CALIBRATED;
}

void summary_correct(const struct summary *s, const struct cases_of *of, double confidence, double scale, struct corrected *ret) {
    struct case_rates all;
    *ret = (struct corrected){.judged = JUDGED_BY_NONE, .value = NAN, .interval = {NAN, NAN}, .judge = SUMMARY_NONE, .decided = NAN};
    case_rates_of(s, of, summary_passed, 0, &all);
    struct seen seen = look(s, &all);
    if (seen.any) {
        ret->judged = summary_judged_by(s, &all);
        ret->judge = seen.several ? SUMMARY_NONE : seen.judge;
        ret->why = why_not(&seen);
        if (ret->why == NULL) correct(s, &all, &seen, confidence, scale, ret);
    }
    case_rates_free(&all);
}
