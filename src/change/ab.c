#include "change/ab.h"

#include "stats/special.h"

#include <math.h>
#include <stdio.h>

#define VALUES_OPT 2000 /* as of the guardrails' means (stats/sequence.h) */

static const char *const verdict_names[] = {"running", "candidate better", "control better", "no difference", "undecided", "error"};

const char *ab_verdict_name(enum ab_verdict v) { return verdict_names[v]; }

/* Half the width of the sequence after n values of both arms, in standard errors of the difference. */
static double width_of(double n, double alpha) {
    double wanted = -2 * log(alpha), t = n * (wanted + log1p(wanted)) / VALUES_OPT;
    return sqrt((t + 1) / t * (log1p(t) + wanted));
}

int64_t ab_needed(const struct ab_plan *p, double level, double variance) {
    double effect = p->metric.kind == GUARD_SCORE ? p->min_effect : p->min_effect * level;
    if (p->metric.kind == GUARD_QUANTILE || !(variance > 0) || !(effect > 0) || !isfinite(variance / effect)) return -1;
    double power = special_normal_quantile(p->power), low = 1, high = 2;
    while (effect / sqrt(2 * variance / high) < width_of(2 * high, p->alpha) + power) {
        high *= 2;
        if (high > 1e12) return -1;
    }
    while (high - low > 0.5) {
        double middle = (low + high) / 2;
        if (effect / sqrt(2 * variance / middle) < width_of(2 * middle, p->alpha) + power) low = middle;
        else high = middle;
    }
    return (int64_t)ceil(high);
}

/* The effect as min_effect is given: of a score its difference, else by how much the ratio is off 1. */
static double detectable_of(const struct ab_test *t, const struct guard_answer *m) {
    double n = (double)(m->n_candidate + m->n_control);
    if (!isfinite(m->interval.low) || !isfinite(m->interval.high) || n == 0) return NAN;
    double more = 1 + special_normal_quantile(t->plan.power) / width_of(n, m->alpha);
    if (t->plan.metric.kind == GUARD_SCORE) return (m->interval.high - m->interval.low) / 2 * more;
    if (!(m->interval.low > 0)) return NAN;
    return expm1(log(m->interval.high / m->interval.low) / 2 * more);
}

static enum ab_verdict verdict_of(const struct ab_test *t, const struct guard_answer *m) {
    bool score = t->plan.metric.kind == GUARD_SCORE; /* more is better; else less is */
    double same = score ? 0 : 1, low = m->interval.low - same, high = m->interval.high - same;
    if (m->verdict == GUARD_ERROR) return AB_ERROR;
    if (low > 0) return score ? AB_CANDIDATE : AB_CONTROL;
    if (high < 0) return score ? AB_CONTROL : AB_CANDIDATE;
    return low > -t->plan.min_effect && high < t->plan.min_effect ? AB_NO_DIFFERENCE : AB_RUNNING;
}

static void effect_words(const struct ab_test *t, const struct guard_answer *m, char out[96]) {
    if (isnan(m->effect)) snprintf(out, 96, "nothing to compare yet");
    else if (t->plan.metric.kind == GUARD_SCORE)
        snprintf(out, 96, "candidate less control: %+.3f (%+.3f to %+.3f)", m->effect, m->interval.low, m->interval.high);
    else snprintf(out, 96, "%.3f times control's (%.3f to %.3f)", m->effect, m->interval.low, m->interval.high);
}

static void say(const struct ab_test *t, int64_t ran_us, struct ab_report *r) {
    const struct guard_answer *m = &r->metric;
    char effect[96], seen[96] = "";
    effect_words(t, m, effect);
    if (isfinite(r->detectable))
        snprintf(seen, sizeof seen, "; an effect of %.3f would have been seen with a chance of %.0f %%", r->detectable, t->plan.power * 100);
    switch (r->verdict) {
    case AB_ERROR: snprintf(r->why, sizeof r->why, "%s", m->why); return;
    case AB_CANDIDATE: case AB_CONTROL: snprintf(r->why, sizeof r->why, "%s: %s", verdict_names[r->verdict], effect); return;
    case AB_NO_DIFFERENCE:
        snprintf(r->why, sizeof r->why, "no difference of %g or more: %s", t->plan.min_effect, effect);
        return;
    case AB_UNDECIDED:
        snprintf(r->why, sizeof r->why, "the planned time is over without a winner: %s%s", effect, seen);
        return;
    case AB_RUNNING: break;
    }
    double left = (double)(t->plan.longest_us - ran_us) / 3600e6;
    if (t->needed_an_arm > 0 && (double)m->n_candidate < (double)t->needed_an_arm)
        snprintf(r->why, sizeof r->why, "%s; %llu of about %lld exchanges an arm; ends in %.1f h at the latest", effect,
                 (unsigned long long)m->n_candidate, (long long)t->needed_an_arm, left);
    else snprintf(r->why, sizeof r->why, "%s; ends in %.1f h at the latest%s", effect, left, seen);
}

void ab_judge(const struct ab_test *t, const struct guard_answer *metric, int64_t ran_us, struct ab_report *ret) {
    *ret = (struct ab_report){.verdict = verdict_of(t, metric), .metric = *metric, .detectable = detectable_of(t, metric)};
    bool late = ran_us >= t->plan.longest_us;
    if (ret->verdict == AB_RUNNING && late) ret->verdict = AB_UNDECIDED;
    ret->over = late || (ret->verdict != AB_RUNNING && ret->verdict != AB_ERROR);
    say(t, ran_us, ret);
}

/* ---- JSON ---- */

void ab_write(const struct ab_test *t, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "metric", t->plan.metric.metric);
    json_member_double(w, "min_effect", t->plan.min_effect);
    json_member_double(w, "alpha", t->plan.alpha);
    json_member_double(w, "power", t->plan.power);
    json_member_i64(w, "longest_us", t->plan.longest_us);
    if (t->needed_an_arm >= 0) json_member_i64(w, "needed_an_arm", t->needed_an_arm);
    if (t->beside.n_steps > 0) json_key(w, "beside");
    if (t->beside.n_steps > 0) plan_write(&t->beside, w);
    json_object_end(w);
}

enum fault ab_read(struct slice json, struct arena *arena, struct ab_test *ret, struct error *error) {
    struct json_doc d;
    struct ab_test t = {.needed_an_arm = -1, .plan = {.metric = {.alpha = NAN, .margin = 1}}};
    struct error why;
    enum fault fault = json_read(json, arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault;
    struct slice metric = json_string(&d, json_get(&d, 0, "metric"), arena);
    if (guardrail_metric(metric, &t.plan.metric, &why) != FAULT_NONE)
        return error_set(error, FAULT_CORRUPT, "the plan of an A/B test: metric: %s", why.text);
    bool whole = json_get_double(&d, json_get(&d, 0, "min_effect"), &t.plan.min_effect) && json_get_double(&d, json_get(&d, 0, "alpha"), &t.plan.alpha) &&
                 json_get_double(&d, json_get(&d, 0, "power"), &t.plan.power) && json_get_i64(&d, json_get(&d, 0, "longest_us"), &t.plan.longest_us);
    if (!whole || !(t.plan.min_effect > 0) || !interval_confidence(t.plan.alpha) || !(t.plan.power >= 0.5 && t.plan.power < 1) || t.plan.longest_us <= 0)
        return error_set(error, FAULT_CORRUPT, "the plan of an A/B test: expected min_effect, alpha, power and longest_us within their bounds");
    uint32_t needed = json_get(&d, 0, "needed_an_arm");
    if (needed != JSON_NONE && (!json_get_i64(&d, needed, &t.needed_an_arm) || t.needed_an_arm < 0))
        return error_set(error, FAULT_CORRUPT, "the plan of an A/B test: needed_an_arm: expected a count");
    uint32_t beside = json_get(&d, 0, "beside");
    if (beside != JSON_NONE && (fault = plan_read(json_raw(&d, beside), arena, &t.beside, error)) != FAULT_NONE) return fault;
    t.plan.metric.alpha = t.plan.alpha; /* its own, however many guardrails are beside it */
    if (t.plan.metric.kind == GUARD_SCORE) t.plan.metric.margin = 0; /* of a ratio: 1. Worse at all is worse */
    *ret = t;
    return FAULT_NONE;
}

void ab_report_write(const struct ab_report *r, struct json_writer *w) {
    json_member_text(w, "verdict", ab_verdict_name(r->verdict));
    json_member_bool(w, "over", r->over);
    json_member_double(w, "detectable", r->detectable);
    json_member_text(w, "why", r->why);
}
