#include "quality/summary_private.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define JUDGES_TOLD 64 /* names and rubrics; a suite with a rubric a case would drown the rest */
#define TOP_K 10       /* pass@k up to here, and of all repeats */

/* A mean of shares may miss 0.9 by a rounding. */
static double tidy(double x) {
    return round(x * 1e12) / 1e12;
}

static void put_limits(struct json_writer *w, const char *key, struct interval i) {
    json_key(w, key);
    json_array(w);
    json_put_double(w, i.low);
    json_put_double(w, i.high);
    json_array_end(w);
}

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

/* Infinity and unknown are null. */
static void put_count(struct json_writer *w, const char *key, double n) {
    json_key(w, key);
    if (isfinite(n)) json_put_i64(w, (int64_t)n);
    else json_put_null(w);
}

static const char *judged_name(enum judged_by j) {
    static const char *const names[] = {"none", "uncalibrated", "calibrated"};
    return names[j];
}

/* ---- rates ---- */

static void put_rate(const struct summary *s, struct json_writer *w, const char *name, const struct case_rates *c) {
    struct rate r = case_rates_rate(s, c, SUMMARY_CONFIDENCE);
    json_member_double(w, name, tidy(r.value));
    put_limits(w, "interval", r.interval);
}

static void put_corrected(const struct summary *s, struct json_writer *w, const struct cases_of *of) {
    struct corrected c;
    summary_correct(s, of, SUMMARY_CONFIDENCE, 1, &c);
    json_key(w, "corrected");
    if (c.judged == JUDGED_BY_NONE) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_text(w, "judged", judged_name(c.judged));
    json_member_string(w, "judge", c.judge == SUMMARY_NONE ? SLICE_NULL : s->judges[c.judge].name);
    json_member_double(w, "pass_rate", tidy(c.value));
    json_key(w, "interval");
    if (c.possible) {
        json_array(w);
        json_put_double(w, c.interval.low);
        json_put_double(w, c.interval.high);
        json_array_end(w);
    } else json_put_null(w);
    json_member_double(w, "decided", c.decided);
    json_member_text(w, "why", c.why);
    json_object_end(w);
}

static void put_counts(struct json_writer *w, const struct case_rates *c) {
    json_member_i64(w, "cases", (int64_t)c->cases);
    json_member_i64(w, "runs", (int64_t)c->results);
    json_member_i64(w, "errors", (int64_t)c->errors);
}

static void put_by_tag(const struct summary *s, struct json_writer *w, const struct tag_cases *tags, size_t n) {
    json_key(w, "by_tag");
    json_object(w);
    for (size_t i = 0; i < n; i++) {
        struct cases_of of = {tags[i].at, tags[i].n, tags[i].tag};
        struct case_rates c;
        case_rates_of(s, &of, summary_passed, 0, &c);
        if (c.cases > 0) {
            json_key_slice(w, tags[i].tag);
            json_object(w);
            put_rate(s, w, "pass_rate", &c);
            put_counts(w, &c);
            put_corrected(s, w, &of);
            json_object_end(w);
        }
        case_rates_free(&c);
    }
    json_object_end(w);
}

static void put_mean(struct json_writer *w, const char *key, const struct case_rates *c) {
    struct estimate e = case_rates_mean(c, SUMMARY_CONFIDENCE);
    json_member_double(w, key, tidy(e.value));
    json_key(w, "interval");
    if (isnan(e.interval.low)) json_put_null(w);
    else {
        json_array(w);
        json_put_double(w, e.interval.low);
        json_put_double(w, e.interval.high);
        json_array_end(w);
    }
    json_member_i64(w, "cases", (int64_t)c->n);
}

static void put_others(const struct summary *s, struct json_writer *w) {
    struct cases_of all = {0};
    struct case_rates c;
    case_rates_of(s, &all, summary_refused, 0, &c);
    json_key(w, "refusals");
    json_object(w);
    put_rate(s, w, "rate", &c);
    json_member_i64(w, "refused", (int64_t)c.passed);
    json_member_i64(w, "cases", (int64_t)c.n);
    json_object_end(w);
    case_rates_free(&c);
    case_rates_of(s, &all, summary_score, 0, &c);
    json_key(w, "score");
    json_object(w);
    put_mean(w, "mean", &c);
    json_object_end(w);
    case_rates_free(&c);
    json_key(w, "metrics");
    json_object(w);
    for (uint32_t i = 0; i < s->n_metrics; i++) {
        case_rates_of(s, &all, summary_metric, i, &c);
        json_key_slice(w, s->metrics[i]);
        json_object(w);
        put_mean(w, "mean", &c);
        json_object_end(w);
        case_rates_free(&c);
    }
    json_object_end(w);
}

/* ---- judges ---- */

static void put_calibration(struct json_writer *w, const struct judge_seen *j) {
    const struct judge_calibration *c = &j->calibration;
    enum judged_why trust = summary_trust(j);
    bool counts = trust == JUDGED_CORRECTED || trust == JUDGED_UNLIKE;
    json_member_text(w, "calibration", trust == JUDGED_CORRECTED ? "calibrated" : "uncalibrated");
    json_member_text(w, "calibration_why", trust == JUDGED_CORRECTED ? NULL : judged_why_text(trust));
    json_member_double(w, "labels", j->has_calibration ? c->n : 0);
    json_member_double(w, "sensitivity", counts ? c->sensitivity : NAN);
    json_member_double(w, "specificity", counts ? c->specificity : NAN);
    json_member_double(w, "kappa", counts ? c->kappa : NAN);
}

static void put_judges(const struct summary *s, struct json_writer *w) {
    json_key(w, "judges");
    json_array(w);
    for (uint32_t i = 0; i < s->n_judges && i < JUDGES_TOLD; i++) {
        const struct judge_seen *j = &s->judges[i];
        char hex[2 * DIGEST_BYTES + 1];
        struct cases_of all = {0};
        struct case_rates c;
        case_rates_of(s, &all, summary_judged, i, &c);
        digest_hex(j->identity.bytes, DIGEST_BYTES, hex);
        json_object(w);
        json_member_string(w, "judge", j->name);
        json_member_text(w, "identity", hex);
        put_rate(s, w, "pass_rate", &c);
        json_member_i64(w, "cases", (int64_t)c.n);
        put_calibration(w, j);
        json_object_end(w);
        case_rates_free(&c);
    }
    json_array_end(w);
    json_member_i64(w, "judges_left_out", s->n_judges > JUDGES_TOLD ? (int64_t)(s->n_judges - JUDGES_TOLD) : 0);
}

/* ---- repeats ---- */

static unsigned whole(double n) {
    return (unsigned)(n + 0.5);
}

/* Of the cases with k answers at least. */
static void put_k(const struct case_rates *c, struct json_writer *w, unsigned k) {
    double any = 0, every = 0, weight = 0;
    size_t cases = 0;
    for (size_t i = 0; i < c->n; i++) {
        unsigned n = whole(c->runs[i]), passed = whole(c->value[i] * c->runs[i]);
        if (n < k) continue;
        any += c->weight[i] * mean_pass_any(n, passed, k);
        every += c->weight[i] * mean_pass_all(n, passed, k);
        weight += c->weight[i];
        cases++;
    }
    if (cases == 0) return;
    json_object(w);
    json_member_i64(w, "k", k);
    json_member_double(w, "any", any / weight);
    json_member_double(w, "all", every / weight);
    json_member_i64(w, "cases", (int64_t)cases);
    json_object_end(w);
}

static void put_repeats(const struct summary *s, struct json_writer *w, const struct case_rates *c) {
    json_key(w, "repeats");
    json_array(w);
    for (unsigned k = 2; k <= s->repeat && k <= TOP_K; k++) put_k(c, w, k);
    if (s->repeat > TOP_K) put_k(c, w, s->repeat);
    json_array_end(w);
}

/* ---- latency, cost ---- */

static int compare_i64(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest value that at least a share p of them do not exceed. */
static int64_t quantile(const int64_t *sorted, size_t n, double p) {
    size_t at = (size_t)ceil(p * (double)n);
    return sorted[at > 0 ? at - 1 : 0];
}

static const struct {
    const char *name;
    double p;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p95", 0.95}, {"p99", 0.99}};

static void put_latency(struct json_writer *w, const int64_t *sorted, size_t n) {
    json_key(w, "latency_ms");
    json_object(w);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
        json_member_double(w, quantiles[i].name, n ? (double)quantile(sorted, n, quantiles[i].p) / 1000 : NAN);
    json_member_i64(w, "n", (int64_t)n);
    json_object_end(w);
}

static void put_cost(const struct summary *s, struct json_writer *w, const int64_t *sorted, size_t n) {
    const struct summary_counts *c = &s->counts;
    bool any = c->unpriced < c->done || c->cost_nano || c->judge_cost_nano;
    put_usd(w, "cost_usd", any ? c->cost_nano + c->judge_cost_nano : c->done ? MONEY_UNKNOWN : 0);
    json_key(w, "cost");
    json_object(w);
    put_usd(w, "answers_usd", any ? c->cost_nano : MONEY_UNKNOWN);
    put_usd(w, "judges_usd", any ? c->judge_cost_nano : MONEY_UNKNOWN);
    json_member_i64(w, "unpriced", (int64_t)c->unpriced);
    for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        char key[16];
        snprintf(key, sizeof key, "%s_usd", quantiles[i].name);
        put_usd(w, key, n ? quantile(sorted, n, quantiles[i].p) : MONEY_UNKNOWN);
    }
    json_member_i64(w, "n", (int64_t)n);
    json_object_end(w);
}

static void put_percentiles(const struct summary *s, struct json_writer *w) {
    int64_t *values = mem_new_array(int64_t, s->n_rows + 1);
    size_t n = 0;
    for (size_t i = 0; i < s->n_rows; i++)
        if (s->rows[i].latency_us != UINT32_MAX && s->rows[i].verdict != CHECK_ERROR) values[n++] = s->rows[i].latency_us;
    qsort(values, n, sizeof *values, compare_i64);
    put_latency(w, values, n);
    n = 0;
    for (size_t i = 0; i < s->n_rows; i++)
        if (money_is_known(s->rows[i].cost_nano) && s->rows[i].verdict != CHECK_ERROR) values[n++] = s->rows[i].cost_nano;
    qsort(values, n, sizeof *values, compare_i64);
    put_cost(s, w, values, n);
    mem_free(values);
}

/* ---- requirements and the verdict ---- */

static void put_requirement(struct json_writer *w, const struct suite_requirement *q, const struct requirement_result *r, bool declared) {
    static const char *const measures[] = {"pass_rate", "score", "refusal_rate"}, *const answers[] = {"yes", "no", "not_enough"};
    json_object(w);
    json_member_string(w, "text", buffer_slice(&r->text));
    json_member_text(w, "measure", measures[q->measure]);
    json_member_string(w, "tag", q->tag);
    json_member_string(w, "metric", q->metric);
    json_member_text(w, "bound", q->at_most ? "at_most" : "at_least");
    json_member_double(w, "required", q->bound);
    json_member_double(w, "confidence", q->confidence > 0 ? q->confidence : NAN);
    json_member_text(w, "origin", declared ? "suite" : "default");
    json_member_double(w, "value", tidy(r->value));
    json_member_double(w, "low", tidy(r->low));
    json_member_double(w, "high", tidy(r->high));
    json_member_i64(w, "n", (int64_t)r->cases);
    json_member_i64(w, "runs", (int64_t)r->runs);
    json_member_text(w, "answer", answers[r->answer]);
    put_count(w, "needed", r->needed);
    json_member_text(w, "judged", judged_name(r->corrected.judged));
    json_member_bool(w, "corrected", r->is_corrected);
    json_member_string(w, "why", buffer_slice(&r->why));
    json_object_end(w);
}

struct answers {
    struct buffer no, undecided, yes; /* the first sentence of each */
    size_t asked;
    double needed;
};

static void note(struct answers *a, const struct requirement_result *r) {
    struct buffer *of = r->answer == REQUIREMENT_NO ? &a->no : r->answer == REQUIREMENT_YES ? &a->yes : &a->undecided;
    if (of->len == 0) buffer_append(of, buffer_slice(&r->why));
    a->asked++;
    if (r->answer != REQUIREMENT_UNDECIDED || isnan(a->needed)) return;
    a->needed = isfinite(r->needed) ? fmax(a->needed, r->needed) : NAN;
}

static struct cases_of cases_with(const struct tag_cases *tags, size_t n, struct slice tag) {
    static const uint32_t none;
    if (slice_is_null(tag)) return (struct cases_of){0};
    for (size_t i = 0; i < n; i++)
        if (slice_eq(tags[i].tag, tag)) return (struct cases_of){tags[i].at, tags[i].n, tag};
    return (struct cases_of){&none, 0, tag};
}

static void put_requirements(const struct summary *s, struct json_writer *w, const struct tag_cases *tags, size_t n, struct answers *a) {
    const struct suite *suite = s->suite;
    unsigned count = suite->n_requirements ? suite->n_requirements : 1;
    json_key(w, "requirements");
    json_array(w);
    for (unsigned i = 0; i < count; i++) {
        const struct suite_requirement *q = suite->n_requirements ? &suite->requirements[i] : &summary_default;
        struct cases_of of = cases_with(tags, n, q->tag);
        struct requirement_result r;
        summary_require(s, q, &of, &r);
        put_requirement(w, q, &r, suite->n_requirements > 0);
        note(a, &r);
        requirement_result_deinit(&r);
    }
    json_array_end(w);
}

/* In the order of summary.h; the sentence goes onto `why`. */
static enum summary_verdict conclude(const struct summary *s, const struct answers *a, struct buffer *why) {
    const struct summary_counts *c = &s->counts;
    double share = c->done ? (double)c->errors / (double)c->done : 0;
    if (c->done == 0) {
        buffer_printf(why, "there is no result%s%s", s->stopped ? ": the run was stopped: " : "", s->stopped ? s->stopped : "");
        return SUMMARY_INCONCLUSIVE;
    }
    if (share > s->suite->max_errors + 1e-9) {
        buffer_printf(why, "%zu of %zu runs ended in an error (", c->errors, c->done);
        summary_percent(why, share, s->suite->max_errors);
        buffer_append(why, SLICE(" %), more than the "));
        summary_percent(why, s->suite->max_errors, NAN);
        buffer_append(why, SLICE(" % up to which a verdict is given (max_errors): errors say nothing about quality, so find their cause and run again"));
        return SUMMARY_INCONCLUSIVE;
    }
    if (a->no.len > 0) {
        buffer_append(why, buffer_slice(&a->no));
        return SUMMARY_FAILED;
    }
    if (!summary_is_whole(s)) {
        buffer_printf(why, "only %zu of %zu runs were made%s%s", c->done, s->planned, s->stopped ? ": " : "", s->stopped ? s->stopped : "");
        if (a->undecided.len > 0) buffer_printf(why, "; " SLICE_FMT, SLICE_ARG(buffer_slice(&a->undecided)));
        return SUMMARY_INCONCLUSIVE;
    }
    if (a->undecided.len > 0) {
        buffer_append(why, buffer_slice(&a->undecided));
        return SUMMARY_INCONCLUSIVE;
    }
    buffer_append(why, buffer_slice(&a->yes));
    if (a->asked > 1) buffer_printf(why, a->asked == 2 ? "; the other requirement is met too" : "; the other %zu requirements are met too", a->asked - 1);
    return SUMMARY_PASSED;
}

static void put_verdict(const struct summary *s, struct json_writer *w, const struct answers *a, enum summary_verdict *ret) {
    struct buffer why;
    buffer_init(&why, 256 << 10);
    *ret = conclude(s, a, &why);
    json_member_text(w, "verdict", summary_verdict_name(*ret));
    json_member_string(w, "why", buffer_slice(&why));
    put_count(w, "needed_cases", a->needed);
    buffer_deinit(&why);
}

enum summary_verdict summary_write(struct summary *s, struct json_writer *w) {
    enum summary_verdict verdict;
    struct answers a = {0};
    struct cases_of all = {0};
    struct case_rates c;
    size_t n_tags;
    struct tag_cases *tags = summary_tags(s->suite, &n_tags);
    buffer_init(&a.no, 64 << 10);
    buffer_init(&a.undecided, 64 << 10);
    buffer_init(&a.yes, 64 << 10);
    case_rates_of(s, &all, summary_passed, 0, &c);
    put_requirements(s, w, tags, n_tags, &a);
    put_verdict(s, w, &a, &verdict);
    put_rate(s, w, "pass_rate", &c);
    put_counts(w, &c);
    json_member_i64(w, "passed", (int64_t)s->counts.passed);
    json_member_i64(w, "failed", (int64_t)s->counts.failed);
    json_member_i64(w, "planned", (int64_t)s->planned);
    json_member_text(w, "stopped", s->stopped);
    json_member_text(w, "scope", s->suite->scope == RATE_THESE_CASES ? "these-cases" : "cases-like-these");
    put_corrected(s, w, &all);
    put_by_tag(s, w, tags, n_tags);
    put_judges(s, w);
    put_others(s, w);
    put_repeats(s, w, &c);
    put_percentiles(s, w);
    case_rates_free(&c);
    summary_tags_free(tags, n_tags);
    buffer_deinit(&a.no);
    buffer_deinit(&a.undecided);
    buffer_deinit(&a.yes);
    return verdict;
}
