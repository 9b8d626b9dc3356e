#include "quality/scoring.h"

#include "model/reader.h"

#include <math.h>
#include <stdio.h>

#define HOUR_US 3600000000LL
#define DAY_US (24 * HOUR_US)
#define MOST_AT_MOST 1000000
#define MOST_METRIC 64
#define SEED_OF_SEEDS 0x5c0e5c0e

struct reading {
    struct reader r;
    struct scoring *s;
};

static const struct json_doc *doc(const struct reading *g) { return &g->r.d->doc; }

/* ---- conditions ---- */

static void read_status(struct reading *g, uint32_t node, const char *what, unsigned *ret) {
    struct slice *names = NULL;
    unsigned n = 0;
    reader_texts(&g->r, node, what, &names, &n);
    for (unsigned i = 0; i < n; i++) {
        enum record_status one;
        if (record_status_from_name(names[i], &one)) *ret |= 1u << one;
        else reader_expected(&g->r, node, what, "ok, truncated, refused, error, cancelled or degraded");
    }
}

static void read_condition(struct reading *g, uint32_t node, const char *what, struct scoring_condition *c) {
    static const char *const names[] = {"status", "request_type", "model", "finish_reason", "feature", "prompt", "min_output_tokens", NULL};
    uint32_t at[7];
    *c = (struct scoring_condition){.min_output_tokens = -1};
    if (node == JSON_NONE || !reader_map(&g->r, node, what, names, at)) return;
    read_status(g, at[0], "status", &c->status);
    reader_texts(&g->r, at[1], "request_type", &c->request_type, &c->n_request_type);
    reader_texts(&g->r, at[2], "model", &c->model, &c->n_model);
    reader_texts(&g->r, at[3], "finish_reason", &c->finish_reason, &c->n_finish_reason);
    reader_texts(&g->r, at[4], "feature", &c->feature, &c->n_feature);
    reader_texts(&g->r, at[5], "prompt", &c->prompt, &c->n_prompt);
    reader_count(&g->r, at[6], "min_output_tokens", 0, INT32_MAX, &c->min_output_tokens);
}

static void read_take_all(struct reading *g, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    if (node == JSON_NONE) return;
    if (json_type(doc(g), node) != JSON_ARRAY) {
        reader_expected(&g->r, node, "take_all", "a list of conditions");
        return;
    }
    g->s->take_all = arena_new_array(g->r.arena, struct scoring_condition, json_size(doc(g), node));
    while (g->s->take_all != NULL && json_each_item(doc(g), node, &cursor, &item)) {
        if (json_size(doc(g), item) == 0) reader_expected(&g->r, item, "take_all", "a condition such as {finish_reason: refusal}");
        read_condition(g, item, "take_all", &g->s->take_all[g->s->n_take_all++]);
    }
}

/* ---- the sample ---- */

static void read_rates(struct reading *g, uint32_t node) {
    uint32_t cursor = JSON_NONE, key, value;
    if (node == JSON_NONE) return;
    if (json_type(doc(g), node) != JSON_OBJECT) {
        reader_expected(&g->r, node, "by_request_type", "a map of request types and rates");
        return;
    }
    g->s->rates = arena_new_array(g->r.arena, struct scoring_rate, json_size(doc(g), node));
    while (g->s->rates != NULL && json_each_member(doc(g), node, &cursor, &key, &value)) {
        struct scoring_rate *one = &g->s->rates[g->s->n_rates++];
        one->request_type = json_string(doc(g), key, g->r.arena);
        reader_number(&g->r, value, "by_request_type", 0, 1, &one->rate);
    }
}

/* "500/d", "20/h" */
static void read_at_most(struct reading *g, uint32_t node) {
    struct slice text = reader_scalar(&g->r, node), count, per;
    uint64_t n;
    if (node == JSON_NONE) return;
    if (slice_cut(text, '/', &count, &per) && slice_to_u64(slice_trim(count), &n) && n >= 1 && n <= MOST_AT_MOST &&
        (slice_is(slice_trim(per), "d") || slice_is(slice_trim(per), "h"))) {
        g->s->at_most = (int64_t)n;
        g->s->per_us = slice_is(slice_trim(per), "d") ? DAY_US : HOUR_US;
        return;
    }
    reader_expected(&g->r, node, "at_most", "a number a day or an hour, such as 500/d or 20/h");
}

static void read_sample(struct reading *g, uint32_t node, uint32_t top) {
    static const char *const names[] = {"rate", "by_request_type", "at_most", NULL};
    uint32_t at[3];
    if (node == JSON_NONE) reader_problem(&g->r, top, "sample: expected which share is scored, such as {rate: 0.05}");
    if (node == JSON_NONE || !reader_map(&g->r, node, "sample", names, at)) return;
    if (at[0] == JSON_NONE && at[1] == JSON_NONE) reader_problem(&g->r, node, "sample: expected `rate`, `by_request_type` or both");
    reader_number(&g->r, at[0], "rate", 0, 1, &g->s->rate);
    read_rates(g, at[1]);
    read_at_most(g, at[2]);
}

/* ---- judges and checks ---- */

static void read_judges(struct reading *g, uint32_t node) {
    uint32_t cursor = JSON_NONE, key, value;
    if (node == JSON_NONE) return;
    if (json_type(doc(g), node) != JSON_OBJECT) {
        reader_expected(&g->r, node, "judges", "a map of names and judges");
        return;
    }
    g->s->judges = arena_new_array(g->r.arena, struct judge, json_size(doc(g), node));
    while (g->s->judges != NULL && json_each_member(doc(g), node, &cursor, &key, &value)) {
        struct slice name = json_string(doc(g), key, g->r.arena);
        if (judge_read(g->r.d, value, name, g->r.file, g->r.arena, &g->s->judges[g->s->n_judges], g->r.problems) == FAULT_NONE) g->s->n_judges++;
    }
}

static bool has_value(const struct check *c) {
    return c->n_texts > 0 || c->json_node != JSON_NONE || c->pattern != NULL || c->schema != NULL || c->min >= 0 || c->max >= 0;
}

/* What a record of production does not have: variables, an expected answer, other answers to the same question. */
static void judge_of_check(struct reading *g, uint32_t node, const struct check *c) {
    enum check_by by = check_by(c);
    const struct check_kind *kind = &check_kinds[c->type];
    bool compares = kind->value == VALUE_TEXT || kind->value == VALUE_TEXTS || kind->value == VALUE_ANY || kind->value == VALUE_LIST;
    if (by != CHECK_BY_ANSWER && by != CHECK_BY_JUDGE)
        reader_problem(&g->r, node, "%s cannot score production traffic: %s", kind->name,
                       by == CHECK_BY_PROGRAM   ? "the server runs no programs on it"
                       : by == CHECK_BY_REPEATS ? "a request is answered once"
                                                : "embeddings are not asked for; leave out `model` to compare the wording");
    if (by == CHECK_BY_ANSWER && compares && !has_value(c))
        reader_problem(&g->r, node, "%s needs a `value`: production traffic has no expected answer", kind->name);
    for (unsigned i = 0; i < c->n_texts; i++)
        if (c->texts[i].is_template) reader_problem(&g->r, node, "%s: production traffic has no variables for {{...}}", kind->name);
    if (by != CHECK_BY_JUDGE) return;
    const struct judge *j = scoring_judge(g->s, c);
    if (j == NULL && slice_is_null(c->judge)) reader_problem(&g->r, node, "%s: expected `judge`, the name of one of `judges`", kind->name);
    else if (j == NULL) reader_problem(&g->r, node, "%s: there is no judge `" SLICE_FMT "` in `judges`", kind->name, SLICE_ARG(c->judge));
    else if (c->type == CHECK_TYPE_JUDGE && slice_is_null(judge_rubric(j, c)))
        reader_problem(&g->r, node, "judge: expected a `rubric`, here or of `" SLICE_FMT "`", SLICE_ARG(j->name));
    else if (judge_form(j, c) == JUDGE_FORM_PAIRWISE)
        reader_problem(&g->r, node, "%s: a pairwise judge compares with an expected answer, which production traffic has not", kind->name);
    if (j != NULL && slice_is_null(g->s->key)) reader_problem(&g->r, node, "%s: expected `key`, the name of the key that judges are asked with", kind->name);
}

static void read_checks(struct reading *g, uint32_t node, uint32_t top) {
    uint32_t cursor = JSON_NONE, item;
    struct error error = {.fault = FAULT_NONE};
    unsigned n = json_type(doc(g), node) == JSON_ARRAY ? (unsigned)json_size(doc(g), node) : 0;
    if (n == 0 || n > LIMIT_SCORING_CHECKS) {
        reader_problem(&g->r, node == JSON_NONE ? top : node, "checks: expected a list of 1 to %d checks", LIMIT_SCORING_CHECKS);
        return;
    }
    g->s->checks = arena_new_array(g->r.arena, struct check, n);
    while (g->s->checks != NULL && json_each_item(doc(g), node, &cursor, &item)) {
        struct check *c = &g->s->checks[g->s->n_checks];
        int line = 0;
        if (check_read(g->r.d, item, g->r.arena, c, &line, &error) != FAULT_NONE) {
            problems_add(g->r.problems, g->r.arena, g->r.file, line, 0, "%s", error.text);
            continue;
        }
        g->s->n_checks++;
        judge_of_check(g, item, c);
    }
}

struct slice scoring_metric(const struct check *c) { return c->metric.len > 0 ? c->metric : slice_of(check_kinds[c->type].name); }

static void check_metrics(struct reading *g) {
    for (unsigned i = 0; i < g->s->n_checks; i++) {
        struct slice metric = scoring_metric(&g->s->checks[i]);
        bool twice = false;
        for (unsigned k = 0; k < i; k++) twice |= slice_eq(metric, scoring_metric(&g->s->checks[k]));
        if (twice)
            problems_add(g->r.problems, g->r.arena, g->r.file, g->s->checks[i].line, 0,
                         "two checks have the metric `" SLICE_FMT "`: give one another `metric`", SLICE_ARG(metric));
        if (metric.len > MOST_METRIC)
            problems_add(g->r.problems, g->r.arena, g->r.file, g->s->checks[i].line, 0, "metric: expected a name of at most %d bytes", MOST_METRIC);
    }
}

/* ---- all of it ---- */

static void keep_body(struct reading *g) {
    struct buffer out;
    buffer_init(&out, LIMIT_SUITE_FILE);
    reader_write(doc(g), 0, READER_ALL_SORTED, g->r.arena, &out);
    g->s->body = out.overflow ? SLICE_NULL : arena_slice(g->r.arena, buffer_slice(&out));
    digest_sha256(g->s->body, &g->s->digest);
    buffer_deinit(&out);
    if (slice_is_null(g->s->body)) reader_problem(&g->r, 0, "the rule does not fit into its memory");
}

enum fault scoring_read(struct slice text, const char *file, struct arena *arena, struct scoring *ret, struct problems *problems) {
    static const char *const names[] = {"scoring", "application", "key", "sample", "when", "take_all", "checks", "judges", "description", NULL};
    uint32_t at[9];
    struct scoring s = {.at_most = -1, .when = {.min_output_tokens = -1}};
    struct reading g = {.r = {.file = file, .arena = arena, .problems = problems}, .s = &s};
    unsigned before = problems->count;
    struct declared *d = arena_new(arena, struct declared);
    if (d == NULL || reader_open(&g.r, text, d) != FAULT_NONE) return FAULT_CONFIG;
    if (!reader_map(&g.r, 0, "a scoring rule", names, at)) return FAULT_CONFIG;
    reader_name(&g.r, at[0], "scoring", &s.name);
    reader_name(&g.r, at[1], "application", &s.application);
    reader_text(&g.r, at[2], "key", &s.key);
    if (at[0] == JSON_NONE) reader_problem(&g.r, 0, "expected `scoring`, the name of the rule");
    if (at[1] == JSON_NONE) reader_problem(&g.r, 0, "expected `application`, whose traffic is scored");
    read_sample(&g, at[3], 0);
    read_condition(&g, at[4], "when", &s.when);
    if (s.when.status == 0) s.when.status = 1u << RECORD_OK;
    read_take_all(&g, at[5]);
    read_judges(&g, at[7]);
    read_checks(&g, at[6], 0);
    check_metrics(&g);
    s.seed = digest_fast(s.name, SEED_OF_SEEDS);
    keep_body(&g);
    if (arena_is_full(arena)) reader_problem(&g.r, 0, "the rule does not fit into its memory");
    if (problems->count == before && !problems->more) {
        *ret = s;
        return FAULT_NONE;
    }
    scoring_deinit(&s);
    return FAULT_CONFIG;
}

void scoring_deinit(struct scoring *s) {
    for (unsigned i = 0; i < s->n_checks; i++) check_deinit(&s->checks[i]);
    s->n_checks = 0;
}

const struct judge *scoring_judge(const struct scoring *s, const struct check *c) {
    if (slice_is_null(c->judge)) return s->n_judges == 1 ? &s->judges[0] : NULL;
    for (unsigned i = 0; i < s->n_judges; i++)
        if (slice_eq(s->judges[i].name, c->judge)) return &s->judges[i];
    return NULL;
}

/* ---- which records ---- */

static bool one_of(const struct slice *list, unsigned n, struct slice value) {
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(list[i], value)) return true;
    return n == 0;
}

static bool meets(const struct scoring_condition *c, const struct record *r) {
    return (c->status == 0 || (c->status >> r->status & 1)) && one_of(c->request_type, c->n_request_type, r->request_type) &&
           one_of(c->model, c->n_model, r->model) && one_of(c->finish_reason, c->n_finish_reason, r->finish_reason) &&
           one_of(c->feature, c->n_feature, r->feature) && one_of(c->prompt, c->n_prompt, r->prompt_name) &&
           (c->min_output_tokens < 0 || r->usage.output >= c->min_output_tokens);
}

static bool taken_always(const struct scoring *s, const struct record *r) {
    for (unsigned i = 0; i < s->n_take_all; i++)
        if (meets(&s->take_all[i], r)) return true;
    return false;
}

bool scoring_is_own_traffic(const struct record *r) {
    return slice_is(r->feature, "eval") || slice_starts(r->feature, SLICE("eval-")) || slice_is(r->feature, "downgrade-test");
}

bool scoring_matches(const struct scoring *s, const struct record *r) {
    if (!slice_eq(r->application, s->application) || r->endpoint != ENDPOINT_CHAT || scoring_is_own_traffic(r)) return false;
    return meets(&s->when, r) || taken_always(s, r);
}

double scoring_chance(const struct scoring *s, const struct record *r, int64_t used) {
    double rate = s->rate;
    if (s->at_most >= 0 && used >= s->at_most) return 0;
    if (taken_always(s, r)) return 1;
    for (unsigned i = 0; i < s->n_rates; i++)
        if (slice_eq(s->rates[i].request_type, r->request_type)) rate = s->rates[i].rate;
    for (int64_t left = s->at_most - used, part = s->at_most; s->at_most >= 0 && 2 * left <= part; part = part / 2) rate /= 2;
    return rate;
}

bool scoring_draws(const struct scoring *s, const struct record_id *id, double chance) {
    double u = (double)(digest_fast(slice_make((const char *)id->bytes, sizeof id->bytes), s->seed) >> 11) * 0x1p-53;
    return u < chance;
}
