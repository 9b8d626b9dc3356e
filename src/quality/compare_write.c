#include "quality/compare_private.h"

#include "base/mem.h"
#include "quality/summary_private.h"

#include <math.h>
#include <stdlib.h>

#define TAG_PAIRS 20000   /* pairs of all tags together up to which each tag is resampled as often as the whole */
#define TAG_RESAMPLES 1000

static const char *method_name(enum paired_method m) {
    static const char *const names[] = {NULL, "mcnemar", "t", "bootstrap"};
    return names[m];
}

static const char *verdict_name(enum paired_verdict v) {
    static const char *const names[] = {"no_evidence", "better", "worse"};
    return names[v];
}

static void put_interval(struct json_writer *w, struct interval i) {
    json_key(w, "interval");
    if (isnan(i.low)) {
        json_put_null(w);
        return;
    }
    json_array(w);
    json_put_double(w, i.low);
    json_put_double(w, i.high);
    json_array_end(w);
}

static void put_numbers(struct json_writer *w, const struct paired_result *r, enum paired_verdict verdict) {
    json_member_double(w, "difference", round(r->difference * 1e12) / 1e12);
    put_interval(w, r->interval);
    json_member_double(w, "p_value", r->p_value);
    json_member_text(w, "method", method_name(r->method));
    json_member_text(w, "verdict", verdict_name(verdict));
    json_member_double(w, "minimum_detectable", r->minimum_detectable);
    json_key(w, "needed_cases");
    if (isfinite(r->needed)) json_put_i64(w, (int64_t)r->needed);
    else json_put_null(w);
    json_member_i64(w, "pairs", (int64_t)r->cases);
    json_member_i64(w, "higher", (int64_t)r->higher);
    json_member_i64(w, "lower", (int64_t)r->lower);
}

/* ---- in words ---- */

static double mean_of(const struct compared_pairs *p, const double *value) {
    double sum = 0, weight = 0;
    for (size_t i = 0; i < p->n; i++) {
        sum += p->weight[i] * value[i];
        weight += p->weight[i];
    }
    return weight > 0 ? sum / weight : NAN;
}

static void say_points(struct buffer *out, double x) {
    if (x > 0) buffer_byte(out, '+');
    if (x < 0) buffer_byte(out, '-');
    summary_percent(out, fabs(x), NAN);
}

static void say_rates(struct buffer *out, const struct compared_pairs *p, const struct paired_result *r) {
    double a = mean_of(p, p->value[0]), b = mean_of(p, p->value[1]);
    buffer_printf(out, "on the %zu case%s that both runs answered the pass rate ", p->n, p->n == 1 ? "" : "s");
    if (r->higher + r->lower == 0) {
        buffer_append(out, SLICE("is the same, case by case ("));
        summary_percent(out, a, NAN);
        buffer_append(out, SLICE(" %)"));
        return;
    }
    buffer_append(out, a < b ? SLICE("rose from ") : a > b ? SLICE("fell from ") : SLICE("stayed at "));
    summary_percent(out, a, b);
    if (a != b) {
        buffer_append(out, SLICE(" to "));
        summary_percent(out, b, a);
    }
    buffer_printf(out, " %% (%zu case%s better, %zu worse)", r->higher, r->higher == 1 ? "" : "s", r->lower);
}

static void say_verdict(struct buffer *out, const struct compare *c, const struct paired_result *r) {
    if (r->verdict != PAIRED_NO_EVIDENCE) {
        buffer_append(out, SLICE(": were the two equal, so large a difference would be seen with a chance of "));
        summary_percent(out, r->p_value, 1 - c->confidence);
        buffer_append(out, SLICE(" %, within the "));
        summary_percent(out, 1 - c->confidence, NAN);
        buffer_append(out, SLICE(" % allowed"));
        return;
    }
    buffer_append(out, SLICE("; neither is shown to be better: "));
    if (!isnan(r->interval.low)) {
        buffer_append(out, SLICE("the true difference may be anywhere from "));
        say_points(out, r->interval.low);
        buffer_append(out, SLICE(" to "));
        say_points(out, r->interval.high);
        buffer_append(out, SLICE(" points, and "));
    }
    if (isnan(r->minimum_detectable)) buffer_append(out, SLICE("so few cases could hardly show any"));
    else {
        buffer_append(out, SLICE("so many cases would probably miss one of less than "));
        summary_percent(out, r->minimum_detectable, NAN);
        buffer_append(out, SLICE(" points"));
    }
    if (isfinite(r->needed)) buffer_printf(out, ". About %.0f more cases like these would probably settle a difference as large as this", r->needed);
}

/* The index of the run with too many errors to be compared, or -1. */
static int unreliable(const struct compare *c) {
    for (int i = 0; i < 2; i++) {
        const struct compared_run *run = &c->run[i];
        if ((double)run->errors > (run->suite->max_errors + 1e-9) * (double)run->results) return i;
    }
    return -1;
}

static bool same_suite(const struct compare *c) {
    return digest_eq(&c->run[0].suite->digest, &c->run[1].suite->digest);
}

static void put_why(struct json_writer *w, const struct compare *c, const struct compared_pairs *p, const struct paired_result *r, int bad) {
    struct buffer why;
    buffer_init(&why, 64 << 10);
    if (bad >= 0) {
        const struct compared_run *run = &c->run[bad];
        buffer_printf(&why, "%zu of the %s's %zu runs ended in an error, more than the ", run->errors, bad ? "candidate" : "baseline", run->results);
        summary_percent(&why, run->suite->max_errors, NAN);
        buffer_append(&why, SLICE(" % up to which a verdict is given (max_errors): what is left may not be like the rest"));
    } else if (p->n == 0) buffer_append(&why, SLICE("there is no case that both runs answered"));
    else {
        say_rates(&why, p, r);
        say_verdict(&why, c, r);
        if (!same_suite(c))
            buffer_append(&why, SLICE(". The suite is not the same version in both: where its checks or judges changed, the difference may be theirs"));
    }
    json_member_string(w, "why", buffer_slice(&why));
    buffer_deinit(&why);
}

/* ---- the runs ---- */

static void put_money(struct json_writer *w, const char *key, double nano) {
    char text[MONEY_TEXT];
    money_format(isnan(nano) ? MONEY_UNKNOWN : (int64_t)llround(nano), text);
    json_member_raw(w, key, slice_of(text));
}

/* Of pairs in which both are known: the mean over cases of each case's mean. */
static void put_ratios(struct json_writer *w, const struct compare *c, const struct compared_pairs *p) {
    double cost[2] = {0}, latency[2] = {0}, priced = 0, timed = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct compared_case *both[2] = {&c->run[0].cases[p->at[i]], &c->run[1].cases[c->other[p->at[i]]]};
        bool has_cost = both[0]->priced && both[1]->priced, has_latency = both[0]->timed && both[1]->timed;
        priced += has_cost;
        timed += has_latency;
        for (unsigned side = 0; side < 2; side++) {
            if (has_cost) cost[side] += both[side]->cost / both[side]->priced;
            if (has_latency) latency[side] += both[side]->latency / both[side]->timed;
        }
    }
    json_key(w, "cost");
    json_object(w);
    put_money(w, "baseline_usd", priced ? cost[0] / priced : NAN);
    put_money(w, "candidate_usd", priced ? cost[1] / priced : NAN);
    json_member_double(w, "ratio", cost[0] > 0 ? cost[1] / cost[0] : NAN);
    json_member_i64(w, "pairs", (int64_t)priced);
    json_object_end(w);
    json_key(w, "latency");
    json_object(w);
    json_member_double(w, "baseline_ms", timed ? latency[0] / timed / 1000 : NAN);
    json_member_double(w, "candidate_ms", timed ? latency[1] / timed / 1000 : NAN);
    json_member_double(w, "ratio", latency[0] > 0 ? latency[1] / latency[0] : NAN);
    json_member_i64(w, "pairs", (int64_t)timed);
    json_object_end(w);
}

static void put_runs(struct json_writer *w, const struct compare *c, const struct compared_pairs *p) {
    for (unsigned side = 0; side < 2; side++) {
        json_key(w, side ? "candidate" : "baseline");
        json_object(w);
        json_member_double(w, "pass_rate", round(mean_of(p, p->value[side]) * 1e12) / 1e12);
        json_member_double(w, "score", mean_of(p, p->score[side]));
        json_member_i64(w, "runs", (int64_t)c->run[side].results);
        json_member_i64(w, "errors", (int64_t)c->run[side].errors);
        json_object_end(w);
    }
    json_key(w, "left_out");
    json_object(w);
    json_member_i64(w, "only_baseline", (int64_t)c->only[0]);
    json_member_i64(w, "only_candidate", (int64_t)c->only[1]);
    json_member_i64(w, "changed", (int64_t)c->changed);
    json_member_i64(w, "unanswered", (int64_t)p->blank);
    json_object_end(w);
    json_member_bool(w, "same_suite", same_suite(c));
}

/* ---- flips ---- */

struct flip {
    uint32_t at;
    double by;
};

/* Worse ones first, the largest first, then in the order of the suite. */
static int compare_flips(const void *a, const void *b) {
    const struct flip *x = a, *y = b;
    if ((x->by < 0) != (y->by < 0)) return x->by < 0 ? -1 : 1;
    if (fabs(x->by) != fabs(y->by)) return fabs(x->by) > fabs(y->by) ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static void put_flip(struct json_writer *w, const struct compare *c, uint32_t at) {
    static const char *const side_names[] = {"baseline", "candidate"}, *const outputs[] = {"baseline_output", "candidate_output"},
                             *const reasons[] = {"baseline_reason", "candidate_reason"};
    const struct compared_case *both[2] = {&c->run[0].cases[at], &c->run[1].cases[c->other[at]]};
    json_object(w);
    json_member_string(w, "case", c->run[0].suite->cases[at].id);
    for (unsigned i = 0; i < 2; i++) {
        json_member_double(w, side_names[i], (double)both[i]->passed / both[i]->answered);
        json_member_text(w, outputs[i], both[i]->output);
        json_member_text(w, reasons[i], both[i]->reason);
    }
    json_object_end(w);
}

static void put_flips(struct json_writer *w, const struct compare *c, const struct compared_pairs *p) {
    struct flip *flips = mem_new_array(struct flip, p->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        double by = p->value[1][i] - p->value[0][i];
        if (fabs(by) >= COMPARE_FLIP - 1e-9) flips[n++] = (struct flip){p->at[i], by};
    }
    qsort(flips, n, sizeof *flips, compare_flips);
    json_key(w, "flipped");
    json_array(w);
    for (size_t i = 0; i < n && i < COMPARE_FLIPS_TOLD; i++) put_flip(w, c, flips[i].at);
    json_array_end(w);
    json_member_i64(w, "flips", (int64_t)n);
    mem_free(flips);
}

/* ---- by tag ---- */

struct tag_result {
    struct slice tag;
    struct paired_result result;
    double adjusted; /* Holm's p-value */
};

static int compare_p(const void *a, const void *b) {
    const struct tag_result *x = *(struct tag_result *const *)a, *y = *(struct tag_result *const *)b;
    return (x->result.p_value > y->result.p_value) - (x->result.p_value < y->result.p_value);
}

static void adjust(struct tag_result *tags, size_t n) {
    struct tag_result **order = mem_new_array(struct tag_result *, n + 1);
    size_t known = 0;
    double before = 0;
    for (size_t i = 0; i < n; i++) {
        tags[i].adjusted = NAN;
        if (!isnan(tags[i].result.p_value)) order[known++] = &tags[i];
    }
    qsort(order, known, sizeof *order, compare_p);
    for (size_t i = 0; i < known; i++) {
        before = fmax(before, fmin(1, order[i]->result.p_value * (double)(known - i)));
        order[i]->adjusted = before;
    }
    mem_free(order);
}

static void put_by_tag(struct json_writer *w, const struct compare *c, bool may_tell) {
    size_t n, pairs = 0;
    struct tag_cases *of = summary_tags(c->run[0].suite, &n);
    struct tag_result *tags = mem_new_array(struct tag_result, n + 1);
    for (size_t i = 0; i < n; i++) pairs += of[i].n;
    for (size_t i = 0; i < n; i++) {
        struct compared_pairs p;
        tags[i].tag = of[i].tag;
        compare_pairs(c, tags[i].tag, &p);
        tags[i].result = compare_ask(c, &p, false, pairs > TAG_PAIRS ? TAG_RESAMPLES : BOOTSTRAP_RESAMPLES);
        compare_pairs_free(&p);
    }
    adjust(tags, n);
    json_key(w, "by_tag");
    json_object(w);
    for (size_t i = 0; i < n; i++) {
        struct paired_result *r = &tags[i].result;
        if (r->cases == 0) continue;
        enum paired_verdict v = tags[i].adjusted <= 1 - c->confidence && r->difference != 0 && may_tell
                                    ? r->difference > 0 ? PAIRED_BETTER : PAIRED_WORSE
                                    : PAIRED_NO_EVIDENCE;
        if (v == PAIRED_NO_EVIDENCE && r->verdict != v) r->needed = NAN; /* by itself it would be settled: among so many, or errors, it is not */
        json_key_slice(w, tags[i].tag);
        json_object(w);
        put_numbers(w, r, v);
        json_member_double(w, "p_adjusted", tags[i].adjusted);
        json_object_end(w);
    }
    json_object_end(w);
    summary_tags_free(of, n);
    mem_free(tags);
}

int compare_write(struct compare *c, struct json_writer *w) {
    struct compared_pairs p;
    compare_pairs(c, SLICE_NULL, &p);
    struct paired_result r = compare_ask(c, &p, false, BOOTSTRAP_RESAMPLES), score = compare_ask(c, &p, true, BOOTSTRAP_RESAMPLES);
    int bad = unreliable(c);
    if (bad >= 0) {
        r.verdict = score.verdict = PAIRED_NO_EVIDENCE;
        r.needed = score.needed = NAN; /* nothing is settled by more cases */
    }
    put_numbers(w, &r, r.verdict);
    put_why(w, c, &p, &r, bad);
    json_member_bool(w, "reliable", bad < 0 && p.n > 0);
    json_member_double(w, "confidence", c->confidence);
    put_runs(w, c, &p);
    put_flips(w, c, &p);
    put_by_tag(w, c, bad < 0);
    json_key(w, "score");
    json_object(w);
    put_numbers(w, &score, score.verdict);
    json_object_end(w);
    put_ratios(w, c, &p);
    compare_pairs_free(&p);
    return r.verdict == PAIRED_BETTER ? 1 : r.verdict == PAIRED_WORSE ? -1 : 0;
}
