#include "quality/online_report.h"

#include "base/mem.h"
#include "quality/judged.h"
#include "quality/online.h"
#include "stats/rate.h"
#include "stats/weighted.h"

#include <math.h>
#include <stdio.h>

enum { METRICS = 64, TEXTS_FIRST = 16 << 10, TEXTS_MAX = 64 << 20, ROW_MAX = 1 << 20 };

/* ---- what is counted ---- */

struct series {
    double *value, *chance;
    size_t n, capacity;
};

static void series_add(struct series *s, double value, double chance) {
    if (s->n == s->capacity) {
        s->capacity = s->capacity > 0 ? 2 * s->capacity : 64;
        s->value = mem_resize(s->value, s->capacity * sizeof *s->value);
        s->chance = mem_resize(s->chance, s->capacity * sizeof *s->chance);
    }
    s->value[s->n] = value;
    s->chance[s->n++] = chance;
}
static void series_deinit(struct series *s) {
    mem_free(s->value);
    mem_free(s->chance);
}

struct metric {
    struct slice name, type, judge, scale, identity;
    struct series share, score, passed; /* passed: of judges, whose calibration is of that */
    unsigned errors;
};

struct group {
    struct slice name;     /* of the request type, prompt or model; SLICE_NULL: the whole, or records without one */
    unsigned taken, scored, unreadable, waiting;
    struct series unusual; /* 1 or 0 of each length that could be told */
    unsigned shorts, longs;
    struct metric metrics[METRICS];
    unsigned n_metrics;
};

struct report {
    const struct online_report_query *q;
    struct group *groups[1 + ONLINE_REPORT_GROUPS]; /* the whole first */
    unsigned n_groups;
    struct arena texts, row;
    size_t rows;
};

/* ---- reading ---- */

static bool same(struct slice a, struct slice b) { return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b); }

static struct group *group_of(struct report *r, struct slice name) {
    for (unsigned i = 1; i < r->n_groups; i++)
        if (same(r->groups[i]->name, name)) return r->groups[i];
    if (r->n_groups == 1 + ONLINE_REPORT_GROUPS) return r->groups[ONLINE_REPORT_GROUPS];
    struct group *g = r->groups[r->n_groups++] = mem_new(struct group);
    g->name = r->n_groups == 1 + ONLINE_REPORT_GROUPS ? SLICE("(other)") : slice_is_null(name) ? name : arena_slice(&r->texts, name);
    return g;
}

static struct metric *metric_of(struct report *r, struct group *g, const struct json_doc *d, uint32_t node) {
    struct slice name = json_string(d, json_get(d, node, "metric"), &r->row), type = json_string(d, json_get(d, node, "type"), &r->row);
    struct slice identity = json_string(d, json_get(d, node, "identity"), &r->row);
    for (unsigned i = 0; i < g->n_metrics; i++) {
        struct metric *m = &g->metrics[i];
        if (slice_eq(m->name, name) && slice_eq(m->type, type) && same(m->identity, identity)) return m;
    }
    if (g->n_metrics == METRICS) return NULL; /* of so many versions of a rule the newest are left out: the window is too long */
    struct metric *m = &g->metrics[g->n_metrics++];
    m->name = arena_slice(&r->texts, name);
    m->type = arena_slice(&r->texts, type);
    if (slice_is_null(identity)) return m;
    m->identity = arena_slice(&r->texts, identity);
    m->judge = arena_slice(&r->texts, json_string(d, json_get(d, node, "judge"), &r->row));
    m->scale = arena_slice(&r->texts, json_string(d, json_get(d, node, "scale"), &r->row));
    return m;
}

enum kind { KIND_CHECK, KIND_QUALITY, KIND_FORMAT, KIND_REFUSAL, KIND_UNSUPPORTED };
static const struct {
    const char *name, *share, *mean;
} kinds[] = {
    [KIND_CHECK] = {"check", "passed", "score"},
    [KIND_QUALITY] = {"quality", "good", "quality_1_to_5"},
    [KIND_FORMAT] = {"format", "valid", NULL},
    [KIND_REFUSAL] = {"refusal", "refused", NULL},
    [KIND_UNSUPPORTED] = {"unsupported_claims", "answers_with_unsupported_claims", "share_of_claims_unsupported"},
};

static enum kind kind_of(const struct metric *m) {
    if (slice_is(m->type, "is-refusal") || slice_is(m->type, "not-is-refusal")) return KIND_REFUSAL;
    if (slice_is(m->type, "faithful")) return KIND_UNSUPPORTED;
    if (slice_is(m->type, "is-json") || slice_is(m->type, "contains-json")) return KIND_FORMAT;
    return slice_is(m->type, "judge") && slice_is(m->scale, "1-5") ? KIND_QUALITY : KIND_CHECK;
}

static void add_check(struct report *r, struct group *g, const struct json_doc *d, uint32_t node, double chance) {
    struct metric *m = metric_of(r, g, d, node);
    double score = 0;
    if (m == NULL) return;
    if (!json_get_double(d, json_get(d, node, "score"), &score) || json_is(d, json_get(d, node, "verdict"), "error")) {
        m->errors++;
        return;
    }
    bool pass = json_is(d, json_get(d, node, "verdict"), "pass");
    if (!slice_is_null(m->identity)) series_add(&m->passed, pass, chance);
    switch (kind_of(m)) {
    case KIND_QUALITY: /* 1-5 is (v - 1) / 4: a 4 is good */
        series_add(&m->share, score >= 0.75, chance);
        series_add(&m->score, 1 + 4 * score, chance);
        return;
    case KIND_REFUSAL: series_add(&m->share, pass == slice_is(m->type, "is-refusal"), chance); return;
    case KIND_UNSUPPORTED:
        series_add(&m->share, !pass, chance);
        series_add(&m->score, 1 - score, chance);
        return;
    case KIND_FORMAT: series_add(&m->share, pass, chance); return;
    case KIND_CHECK: break;
    }
    series_add(&m->share, pass, chance);
    series_add(&m->score, score, chance);
}

static void add_row(struct report *r, struct group *g, const struct scored *s, const struct json_doc *d) {
    double chance = (double)s->chance_e15 / SCORED_CHANCE_ONE;
    uint32_t cursor = JSON_NONE, item;
    g->taken++;
    g->scored += s->state == SCORED_DONE;
    g->unreadable += s->state == SCORED_UNREADABLE;
    g->waiting += s->state == SCORED_WAITING;
    g->shorts += s->length == SCORED_LENGTH_SHORT;
    g->longs += s->length == SCORED_LENGTH_LONG;
    if (s->length != SCORED_LENGTH_UNKNOWN) series_add(&g->unusual, s->length != SCORED_LENGTH_USUAL, chance);
    while (d != NULL && json_each_item(d, 0, &cursor, &item)) add_check(r, g, d, item, chance);
}

static bool read_row(void *ctx, const struct scored *s) {
    struct report *r = ctx;
    struct json_doc d;
    arena_reset(&r->row);
    bool any = s->state == SCORED_DONE && !slice_is_null(s->body) && json_read(s->body, &r->row, UINT16_MAX, &d, NULL) == FAULT_NONE;
    if (++r->rows > ONLINE_REPORT_ROWS) return false;
    add_row(r, r->groups[0], s, any ? &d : NULL);
    struct slice name = SLICE_NULL;
    if (r->q->by == ONLINE_BY_REQUEST_TYPE) name = s->request_type;
    if (r->q->by == ONLINE_BY_MODEL) name = s->model;
    if (r->q->by == ONLINE_BY_PROMPT && !slice_is_null(s->prompt))
        name = slice_is_null(s->version) ? s->prompt : arena_printf(&r->row, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(s->prompt), SLICE_ARG(s->version));
    if (r->q->by != ONLINE_ALL) add_row(r, group_of(r, name), s, any ? &d : NULL);
    return true;
}

/* ---- telling ---- */

static void put_interval(struct json_writer *w, const char *key, struct interval i) {
    json_key(w, key);
    json_array(w);
    json_put_double(w, i.low);
    json_put_double(w, i.high);
    json_array_end(w);
}

/* Its weights are 1 / chance. */
static struct rate rate_of(const struct series *s, double confidence) {
    double *weight = mem_new_array(double, s->n + 1);
    for (size_t i = 0; i < s->n; i++) weight[i] = 1 / s->chance[i];
    struct rate rate = rate_of_cases(&(struct sample){.value = s->value, .weight = weight, .n = s->n, .least = 0, .most = 1}, NULL, RATE_CASES_LIKE_THESE,
                                     confidence);
    mem_free(weight);
    return rate;
}

static struct rate put_share(struct json_writer *w, const struct series *s, double confidence) {
    struct rate rate = rate_of(s, confidence);
    json_member_double(w, "share", rate.value);
    put_interval(w, "interval", rate.interval);
    json_member_double(w, "effective_n", s->n > 0 ? rate.units : 0);
    return rate;
}

/* The share that passed, as people would have said. */
static void put_corrected(struct json_writer *w, const struct judged_rate *r) {
    bool known = r->why == JUDGED_CORRECTED;
    json_key(w, "corrected");
    json_object(w);
    json_member_text(w, "share_of", "passed");
    json_key(w, "share");
    if (known) json_put_double(w, r->estimate.value);
    else json_put_null(w);
    json_key(w, "interval");
    if (!known) json_put_null(w);
    else {
        json_array(w);
        json_put_double(w, r->estimate.interval.low);
        json_put_double(w, r->estimate.interval.high);
        json_array_end(w);
    }
    json_member_text(w, "why", judged_why_text(r->why));
    json_object_end(w);
}

static void put_judge(struct json_writer *w, const struct report *r, const struct metric *m) {
    struct digest identity;
    struct judge_calibration c;
    json_key(w, "judge");
    if (slice_is_null(m->identity)) {
        json_put_null(w);
        return;
    }
    bool known = r->q->calibration != NULL && digest_from_hex(m->identity, identity.bytes, DIGEST_BYTES) && r->q->calibration(r->q->ctx, &identity, &c);
    struct rate rate = rate_of(&m->passed, r->q->confidence);
    struct judged_rate judged = judged_rate_of(rate.value, m->passed.n > 0 ? rate.effective : 0, known ? &c : NULL, r->q->confidence);
    json_object(w);
    json_member_string(w, "name", m->judge);
    json_member_string(w, "identity", m->identity);
    json_member_bool(w, "calibrated", judged.why == JUDGED_CORRECTED || judged.why == JUDGED_ELSEWHERE);
    put_corrected(w, &judged);
    json_object_end(w);
}

static void put_metric(struct json_writer *w, const struct report *r, const struct metric *m) {
    enum kind kind = kind_of(m);
    bool of_five = kind == KIND_QUALITY;
    json_object(w);
    json_member_string(w, "metric", m->name);
    json_member_string(w, "type", m->type);
    json_member_text(w, "kind", kinds[kind].name);
    json_member_i64(w, "n", (int64_t)m->share.n);
    json_member_i64(w, "errors", m->errors);
    json_member_text(w, "share_of", kinds[kind].share);
    put_share(w, &m->share, r->q->confidence);
    json_key(w, "mean");
    if (kinds[kind].mean == NULL || m->score.n == 0) json_put_null(w);
    else {
        struct estimate e = weighted_mean(&(struct weighted_sample){m->score.value, m->score.chance, m->score.n, of_five ? 1 : 0, of_five ? 5 : 1},
                                          WEIGHTED_PROCESS, r->q->confidence);
        json_object(w);
        json_member_text(w, "of", kinds[kind].mean);
        json_member_double(w, "value", e.value);
        put_interval(w, "interval", e.interval);
        json_object_end(w);
    }
    put_judge(w, r, m);
    json_object_end(w);
}

/* More unusual lengths than chance makes of ordinary ones? */
static void put_length(struct json_writer *w, const struct report *r, const struct group *g) {
    json_key(w, "length");
    json_object(w);
    json_member_i64(w, "n", (int64_t)g->unusual.n);
    json_member_i64(w, "short", g->shorts);
    json_member_i64(w, "long", g->longs);
    struct rate rate = put_share(w, &g->unusual, r->q->confidence);
    json_member_double(w, "expected_at_most", 2 * ONLINE_LENGTH_TAIL);
    json_member_i64(w, "history_days", ONLINE_LENGTH_DAYS);
    json_member_text(w, "verdict", g->unusual.n > 0 && rate.interval.low > 2 * ONLINE_LENGTH_TAIL ? "more_than_expected" : "no_evidence");
    json_object_end(w);
}

static void put_group(struct json_writer *w, const struct report *r, const struct group *g) {
    put_length(w, r, g);
    json_key(w, "metrics");
    json_array(w);
    for (unsigned i = 0; i < g->n_metrics; i++) put_metric(w, r, &g->metrics[i]);
    json_array_end(w);
}

static void put_records(struct json_writer *w, const struct group *g, const struct scored_counts *c) {
    json_key(w, "records");
    json_object(w);
    if (c != NULL) {
        json_member_i64(w, "matched", c->matched);
        json_member_i64(w, "beyond_at_most", c->over);
    }
    json_member_i64(w, "taken", g->taken);
    json_member_i64(w, "scored", g->scored);
    json_member_i64(w, "not_scorable", g->unreadable);
    json_member_i64(w, "waiting", g->waiting);
    json_object_end(w);
}

static void put_groups(struct json_writer *w, const struct report *r) {
    json_key(w, "groups");
    json_array(w);
    for (unsigned i = 1; i < r->n_groups; i++) {
        json_object(w);
        json_member_string(w, "name", r->groups[i]->name);
        put_records(w, r->groups[i], NULL);
        put_group(w, r, r->groups[i]);
        json_object_end(w);
    }
    json_array_end(w);
}

static void report_free(struct report *r) {
    for (unsigned i = 0; i < r->n_groups; i++) {
        for (unsigned k = 0; k < r->groups[i]->n_metrics; k++) {
            series_deinit(&r->groups[i]->metrics[k].share);
            series_deinit(&r->groups[i]->metrics[k].score);
            series_deinit(&r->groups[i]->metrics[k].passed);
        }
        series_deinit(&r->groups[i]->unusual);
        mem_free(r->groups[i]);
    }
    arena_deinit(&r->row);
    arena_deinit(&r->texts);
    mem_free(r);
}

enum fault online_report_write(struct evaluations *e, const struct online_report_query *q, struct json_writer *w, struct error *error) {
    struct report *r = mem_new(struct report);
    struct scored_counts counts = {0};
    r->q = q;
    r->groups[r->n_groups++] = mem_new(struct group);
    arena_init(&r->texts, TEXTS_FIRST, TEXTS_MAX);
    arena_init(&r->row, TEXTS_FIRST, ROW_MAX);
    enum fault fault = scored_each(e, q->rule, q->from_us, q->to_us, read_row, r, error);
    if (fault == FAULT_NONE && r->rows > ONLINE_REPORT_ROWS)
        fault = error_set(error, FAULT_TOO_LARGE, "more than %d records were scored in this window: ask for a shorter one", ONLINE_REPORT_ROWS);
    if (fault == FAULT_NONE) fault = scored_count(e, q->rule, q->from_us, q->to_us, &counts, error);
    if (fault == FAULT_NONE) {
        json_member_double(w, "confidence", q->confidence);
        put_records(w, r->groups[0], &counts);
        put_group(w, r, r->groups[0]);
        put_groups(w, r);
    }
    report_free(r);
    return fault;
}
