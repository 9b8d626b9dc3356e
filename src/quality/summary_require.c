/* What was required, held against what was found, and the sentence that says why. */
#include "quality/summary_private.h"

#include "stats/special.h"

#include <math.h>
#include <stdio.h>

const struct suite_requirement summary_default = {.measure = SUITE_PASS_RATE, .bound = 1};

#define SAME 1e-9 /* of two plain rates: sums of the same shares in another order */

/* ---- numbers ---- */

static struct rate mirrored(struct rate r) {
    r.value = 1 - r.value;
    r.interval = (struct interval){1 - r.interval.high, 1 - r.interval.low};
    return r;
}

static enum requirement_answer answer_of(const struct suite_requirement *q, double low, double high) {
    if (isnan(low) || isnan(high)) return REQUIREMENT_UNDECIDED;
    if (q->at_most) return high <= q->bound ? REQUIREMENT_YES : low > q->bound ? REQUIREMENT_NO : REQUIREMENT_UNDECIDED;
    return low >= q->bound ? REQUIREMENT_YES : high < q->bound ? REQUIREMENT_NO : REQUIREMENT_UNDECIDED;
}

/* The plain number of these cases: the same answer however what is missing would have come out. */
static void plain(const struct suite_requirement *q, const struct case_rates *c, struct requirement_result *ret) {
    struct suite_requirement about = *q;
    about.bound += q->at_most ? SAME : -SAME;
    ret->low = c->lowest;
    ret->high = c->highest;
    ret->answer = c->n == 0 ? REQUIREMENT_UNDECIDED : answer_of(&about, c->lowest, c->highest);
    ret->needed = ret->answer == REQUIREMENT_UNDECIDED ? NAN : 0; /* not more cases, but these */
}

static void by_rate(const struct suite_requirement *q, const struct rate *rate, struct requirement_result *ret) {
    struct rate r = q->at_most ? mirrored(*rate) : *rate;
    struct rate_gate g = rate_at_least(&r, q->at_most ? 1 - q->bound : q->bound, q->confidence, SUMMARY_POWER);
    ret->low = q->at_most ? 1 - g.high : g.low;
    ret->high = q->at_most ? 1 - g.low : g.high;
    ret->answer = answer_of(q, ret->low, ret->high);
    ret->needed = ret->answer == REQUIREMENT_UNDECIDED ? g.needed : 0;
}

/* With a standard error: where its size allows for the chance, too, that the next cases say less than these. Without
 * one: stats/mean.h's rule. */
static double mean_needed(const struct suite_requirement *q, const struct estimate *e, double effective, double cases) {
    double distance = fabs(e->value - q->bound), more;
    if (distance == 0 || isnan(e->value)) return isnan(e->value) ? NAN : INFINITY;
    if (e->se > 0) {
        double z = special_normal_quantile(q->confidence) + special_normal_quantile(SUMMARY_POWER);
        more = pow(z * e->se / distance, 2) - 1;
    } else {
        double left = e->value > q->bound ? q->bound / e->value : (1 - q->bound) / (1 - e->value);
        more = log(1 - q->confidence) / log(left) / effective - 1;
    }
    double needed = ceil(fmax(0, more) * cases - 1e-9);
    return needed <= RATE_MOST ? fmax(1, needed) : INFINITY;
}

static double two_sided(double one_sided) {
    return fmax(1e-9, 2 * one_sided - 1);
}

static void by_mean(const struct suite_requirement *q, const struct case_rates *c, struct requirement_result *ret) {
    struct estimate e = case_rates_mean(c, two_sided(q->confidence));
    struct sample sample = case_rates_sample(c);
    ret->low = c->n ? e.interval.low : 0;
    ret->high = c->n ? e.interval.high : 1;
    if (isnan(ret->low)) ret->low = 0, ret->high = 1; /* one family alone says nothing of the spread */
    ret->answer = c->n ? answer_of(q, ret->low, ret->high) : REQUIREMENT_UNDECIDED;
    ret->needed = ret->answer == REQUIREMENT_UNDECIDED ? mean_needed(q, &e, mean_effective(&sample), (double)c->n) : 0;
}

static bool settles(const struct summary *s, const struct suite_requirement *q, const struct cases_of *of, double confidence, double scale) {
    struct corrected c;
    summary_correct(s, of, confidence, scale, &c);
    return c.possible && answer_of(q, c.interval.low, c.interval.high) != REQUIREMENT_UNDECIDED;
}

/* More cases like these, at the rates observed; labels stay as they are, so that it may be that none are enough. */
static double corrected_needed(const struct summary *s, const struct suite_requirement *q, const struct cases_of *of, double cases) {
    double z = special_normal_quantile(q->confidence) + special_normal_quantile(SUMMARY_POWER);
    double confidence = fmin(two_sided(special_normal_cdf(z)), 1 - 1e-12), low = 1, high = 1;
    while (!settles(s, q, of, confidence, high)) {
        low = high;
        high *= 2;
        if (high * cases > RATE_MOST) return INFINITY;
    }
    while ((high - low) * cases > 1) {
        double middle = (low + high) / 2;
        if (settles(s, q, of, confidence, middle)) high = middle;
        else low = middle;
    }
    return fmax(1, ceil((high - 1) * cases - 1e-9));
}

static void by_corrected(const struct summary *s, const struct suite_requirement *q, const struct cases_of *of, struct requirement_result *ret) {
    ret->is_corrected = true;
    ret->value = ret->corrected.value;
    ret->low = ret->corrected.interval.low;
    ret->high = ret->corrected.interval.high;
    ret->answer = answer_of(q, ret->low, ret->high);
    ret->needed = ret->answer == REQUIREMENT_UNDECIDED ? corrected_needed(s, q, of, (double)ret->cases) : 0;
}

/* ---- words ---- */

static double rounded(double x, int digits) {
    double unit = pow(10, digits);
    return round(100 * x * unit) / unit;
}

void summary_percent(struct buffer *out, double x, double apart) {
    int digits = 1;
    char text[32];
    for (; digits < 7; digits++) {
        double shown = rounded(x, digits);
        bool hides = (x < 1 && shown >= 100) || (x > 0 && shown <= 0);
        if (!hides && !(fabs(x - apart) >= SAME && shown == rounded(apart, digits))) break;
    }
    snprintf(text, sizeof text, "%.*f", digits, 100 * x);
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '0') len--;
    if (len > 0 && text[len - 1] == '.') len--;
    buffer_append(out, slice_make(text, len));
}

/* "at least 90 %", "at most 0.2": a share in percent, a score as it is. */
static void say_number(struct buffer *out, const struct suite_requirement *q, double x) {
    if (q->measure == SUITE_SCORE) buffer_printf(out, "%.4g", x);
    else {
        summary_percent(out, x, x == q->bound ? NAN : q->bound);
        buffer_append(out, SLICE(" %"));
    }
}

static void say_bound(struct buffer *out, const struct suite_requirement *q) {
    buffer_append(out, q->at_most ? SLICE("at most ") : SLICE("at least "));
    say_number(out, q, q->bound);
}

static void say_text(struct buffer *out, const struct suite_requirement *q) {
    static const char *const measures[] = {"pass rate", "score", "unwanted refusals"};
    if (!slice_is_null(q->tag)) buffer_printf(out, SLICE_FMT ": ", SLICE_ARG(q->tag));
    if (q->measure == SUITE_SCORE && !slice_is_null(q->metric)) buffer_append(out, q->metric);
    else buffer_append(out, slice_of(measures[q->measure]));
    buffer_byte(out, ' ');
    say_bound(out, q);
    if (q->confidence > 0) {
        buffer_append(out, SLICE(", at "));
        summary_percent(out, q->confidence, NAN);
        buffer_append(out, SLICE(" % confidence"));
    }
}

static void say_cases(struct buffer *out, size_t n, const struct suite_requirement *q) {
    buffer_printf(out, "%zu case%s", n, n == 1 ? "" : "s");
    if (!slice_is_null(q->tag)) buffer_printf(out, " tagged " SLICE_FMT, SLICE_ARG(q->tag));
}

/* "4 of 5 cases passed (80 %)" */
static void say_found(struct buffer *out, const struct summary *s, const struct suite_requirement *q, const struct case_rates *c,
                      double raw) {
    const char *did = q->measure == SUITE_REFUSAL_RATE ? "were refused" : "passed";
    if (q->measure == SUITE_SCORE) {
        buffer_append(out, SLICE("the mean "));
        buffer_append(out, slice_is_null(q->metric) ? SLICE("score") : q->metric);
        buffer_append(out, SLICE(" of "));
        say_cases(out, c->n, q);
        buffer_printf(out, " is %.4g", raw);
        return;
    }
    if (c->once) {
        buffer_printf(out, "%.0f of ", c->passed);
        say_cases(out, c->n, q);
        buffer_printf(out, " %s (", did);
    } else {
        double runs = 0;
        for (size_t i = 0; i < c->n; i++) runs += c->runs[i];
        buffer_printf(out, "%.0f of %.0f runs of ", c->passed, runs);
        say_cases(out, c->n, q);
        buffer_printf(out, " %s (", did);
    }
    summary_percent(out, raw, raw == q->bound ? NAN : q->bound);
    buffer_append(out, c->weighted ? SLICE(" %, cases weighted)") : SLICE(" %)"));
    (void)s;
}

static void say_corrected(struct buffer *out, const struct summary *s, const struct requirement_result *r) {
    const struct judge_seen *j = &s->judges[r->corrected.judge];
    buffer_append(out, SLICE("; corrected for the errors that judge "));
    buffer_append(out, j->name);
    buffer_printf(out, " made on %.0f labels by people it is ", j->calibration.n);
    summary_percent(out, r->value, NAN);
    buffer_append(out, SLICE(" %"));
}

static void say_confidence(struct buffer *out, const struct suite_requirement *q, const char *than, double limit) {
    buffer_append(out, SLICE("; with "));
    summary_percent(out, q->confidence, NAN);
    buffer_printf(out, " %% confidence the true %s is %s ", q->measure == SUITE_SCORE ? "mean" : "rate", than);
    say_number(out, q, limit);
}

static void say_settled(struct buffer *out, const struct suite_requirement *q, const struct requirement_result *r) {
    bool yes = r->answer == REQUIREMENT_YES, up = yes != q->at_most;
    if (q->confidence > 0) say_confidence(out, q, up ? "at least" : "at most", up ? r->low : r->high);
    buffer_append(out, yes ? SLICE(", and ") : SLICE(", but "));
    say_bound(out, q);
    buffer_append(out, SLICE(" is required"));
}

static void say_more(struct buffer *out, double n, const char *what, const char *which) {
    buffer_printf(out, "about %.0f more %s%s%s, passing as these did, would probably settle it", n, what, n == 1 ? "" : "s", which);
}

/* What would settle it. */
static void say_needed(struct buffer *out, const struct summary *s, const struct suite_requirement *q, const struct requirement_result *r) {
    buffer_append(out, SLICE(": "));
    if (isnan(r->needed)) buffer_append(out, SLICE("how many more cases would settle it cannot be told from these"));
    else if (isinf(r->needed) && q->bound == 1 && !q->at_most)
        buffer_append(out, SLICE("no number of passes proves that none will ever fail (require it without a confidence to mean these cases)"));
    else if (isinf(r->needed) && q->bound == 0 && q->at_most)
        buffer_append(out, SLICE("no number of cases proves that there will never be one (require it without a confidence to mean these cases)"));
    else if (isinf(r->needed) && r->is_corrected)
        buffer_append(out, SLICE("more cases would not settle it, more labels for the judge's calibration may"));
    else if (isinf(r->needed)) buffer_append(out, SLICE("it lies so near what is required that no reasonable number of cases would settle it"));
    else if (s->suite->scope == RATE_THESE_CASES && q->measure != SUITE_SCORE)
        say_more(out, ceil(r->needed * (double)r->runs / (double)r->cases / (double)r->cases), "run", " of each case");
    else say_more(out, r->needed, "case", " like these");
}

static void say_undecided(struct buffer *out, const struct summary *s, const struct suite_requirement *q, const struct requirement_result *r,
                          struct interval shown) {
    const char *what = q->measure == SUITE_SCORE ? "mean" : "rate";
    buffer_append(out, SLICE("; with "));
    say_cases(out, r->cases, q);
    if (r->runs > r->cases) buffer_printf(out, " (%zu runs)", r->runs);
    buffer_printf(out, " the true %s may be anywhere from ", what);
    if (q->measure == SUITE_SCORE) buffer_printf(out, "%.4g to %.4g", shown.low, shown.high);
    else {
        summary_percent(out, shown.low, q->bound);
        buffer_append(out, SLICE(" to "));
        summary_percent(out, shown.high, q->bound);
        buffer_append(out, SLICE(" %"));
    }
    buffer_append(out, SLICE(", so "));
    say_bound(out, q);
    buffer_append(out, SLICE(" is neither shown nor excluded"));
    say_needed(out, s, q, r);
}

/* A demand on these cases, of which some have no answer. */
static void say_missing(struct buffer *out, const struct suite_requirement *q, const struct case_rates *c) {
    if (c->blank > 0) buffer_printf(out, "; %zu more ended in errors alone", c->blank);
    if (c->unasked > 0) buffer_printf(out, "%s %zu more %s not been run", c->blank ? " and" : ";", c->unasked, c->unasked == 1 ? "has" : "have");
    if (c->blank == 0 && c->unasked == 0) buffer_append(out, SLICE("; some runs are missing"));
    buffer_append(out, SLICE(", so "));
    say_bound(out, q);
    buffer_append(out, SLICE(" of these cases is not shown: run it again"));
}

static void say_why(const struct summary *s, const struct suite_requirement *q, const struct case_rates *c, double raw, struct interval shown,
                    struct requirement_result *r) {
    struct buffer *out = &r->why;
    if (c->n == 0) {
        buffer_append(out, SLICE("no case"));
        if (!slice_is_null(q->tag)) buffer_printf(out, " tagged " SLICE_FMT, SLICE_ARG(q->tag));
        buffer_append(out, c->results > 0 ? SLICE(" has an answer that counts, so ") : SLICE(" was run, so "));
        say_bound(out, q);
        buffer_append(out, SLICE(" is not shown"));
        return;
    }
    say_found(out, s, q, c, raw);
    if (r->is_corrected) say_corrected(out, s, r);
    else if (r->corrected.judged == JUDGED_BY_UNCALIBRATED) buffer_append(out, SLICE(", counting what an uncalibrated judge says"));
    else if (r->corrected.why != NULL && q->confidence > 0) buffer_printf(out, ", not corrected for what judges get wrong (%s)", r->corrected.why);
    if (r->answer != REQUIREMENT_UNDECIDED) say_settled(out, q, r);
    else if (q->confidence > 0) say_undecided(out, s, q, r, shown);
    else say_missing(out, q, c);
}

/* ---- the whole ---- */

static bool find_metric(const struct summary *s, struct slice name, uint32_t *ret) {
    uintptr_t at = (uintptr_t)table_get(&s->by_metric, name);
    if (at) *ret = (uint32_t)(at - 1);
    return at != 0;
}

/* SCORE, of all checks or of a metric's; a metric of which nothing was heard has no case. */
static summary_value measure_of(const struct summary *s, const struct suite_requirement *q, uint32_t *ret_about) {
    *ret_about = SUMMARY_NONE;
    if (q->measure == SUITE_PASS_RATE) return summary_passed;
    if (q->measure == SUITE_REFUSAL_RATE) return summary_refused;
    if (slice_is_null(q->metric)) return summary_score;
    if (!find_metric(s, q->metric, ret_about)) *ret_about = SUMMARY_NONE;
    return summary_metric;
}

/* Does a judge decide a check of which the score is made? */
static bool by_judges(const struct summary *s, const struct suite_requirement *q) {
    for (unsigned c = 0; c < s->suite->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(s->suite, &s->suite->cases[c]); i++) {
            const struct check *check = suite_check_at(s->suite, &s->suite->cases[c], i);
            if (check_by(check) == CHECK_BY_JUDGE && (slice_is_null(q->metric) || slice_eq(check->metric, q->metric))) return true;
        }
    return false;
}

void summary_require(const struct summary *s, const struct suite_requirement *q, const struct cases_of *of, struct requirement_result *ret) {
    uint32_t about;
    summary_value value = measure_of(s, q, &about);
    struct case_rates c;
    bool score = q->measure == SUITE_SCORE, sure = q->confidence > 0;
    case_rates_of(s, of, value, about, &c);
    struct rate rate = case_rates_rate(s, &c, sure ? q->confidence : SUMMARY_CONFIDENCE);
    struct estimate mean = case_rates_mean(&c, sure ? q->confidence : SUMMARY_CONFIDENCE);
    double raw = c.n == 0 ? NAN : score ? mean.value : rate.value;
    *ret = (struct requirement_result){.value = raw, .cases = c.n};
    for (size_t i = 0; i < c.n; i++) ret->runs += (size_t)c.runs[i];
    buffer_init(&ret->text, 64 << 10);
    buffer_init(&ret->why, 64 << 10);
    if (q->measure == SUITE_PASS_RATE) summary_correct(s, of, sure ? two_sided(q->confidence) : SUMMARY_CONFIDENCE, 1, &ret->corrected);
    else if (score && by_judges(s, q)) ret->corrected.judged = summary_judged_by(s, &c);
    if (!sure) plain(q, &c, ret);
    else if (score) by_mean(q, &c, ret);
    else if (ret->corrected.possible) by_corrected(s, q, of, ret);
    else by_rate(q, &rate, ret);
    struct interval shown = ret->is_corrected ? (struct interval){ret->low, ret->high} : score ? mean.interval : rate.interval;
    say_text(&ret->text, q);
    say_why(s, q, &c, raw, shown, ret);
    case_rates_free(&c);
}

void requirement_result_deinit(struct requirement_result *r) {
    buffer_deinit(&r->text);
    buffer_deinit(&r->why);
}
