/* Plans of rollouts: how they are declared, how one that has begun is kept, and what a guardrail's metric means. */
#include "model/change_reading.h"

#include "base/money.h"
#include "model/quantity.h"

#include <math.h>
#include <stdio.h>

enum { PPM = 1000000, PAUSE_LEAST_US = 1000, INTERVAL_LEAST_US = 1000, LONGEST_METRIC = 128 };

/* ---- metrics ---- */

static const struct metric_kind {
    const char *name;       /* "latency_p": a number follows; "score:": a name follows */
    enum guard_kind kind;
} metrics[] = {
    {"error_rate", GUARD_FAILURES},    {"refusal_rate", GUARD_FAILURES}, {"negative_feedback", GUARD_FAILURES}, {"check:", GUARD_FAILURES},
    {"latency_p", GUARD_QUANTILE},     {"first_token_p", GUARD_QUANTILE}, {"per_token_p", GUARD_QUANTILE},
    {"cost_per_request", GUARD_MEAN},  {"output_tokens", GUARD_MEAN},    {"score:", GUARD_SCORE},
};
static const char *const metric_words[] = {"error_rate", "refusal_rate", "negative_feedback", "check:NAME", "latency_p95", "first_token_p95",
                                           "per_token_p95", "cost_per_request", "output_tokens", "score:NAME", NULL};

static enum fault unknown_metric(struct slice text, struct error *error) {
    char hint[READER_HINT];
    return error_set(error, FAULT_CONFIG,
                     "expected a metric (error_rate, refusal_rate, negative_feedback, check:NAME, latency_p95, first_token_p95, "
                     "per_token_p95, cost_per_request, output_tokens or score:NAME), found `%.*s`%s",
                     text.len > 60 ? 60 : (int)text.len, text.at ? text.at : "", reader_hint(text, metric_words, hint));
}

enum fault guardrail_metric(struct slice text, struct guardrail *ret, struct error *error) {
    for (unsigned i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        struct slice name = slice_of(metrics[i].name);
        bool named = slice_ends(name, SLICE(":")), quantile = metrics[i].kind == GUARD_QUANTILE;
        if (!slice_starts(text, name)) continue;
        struct slice rest = slice_make(text.at + name.len, text.len - name.len);
        uint64_t percent = 0;
        if (quantile && (rest.len > 2 || !slice_to_u64(rest, &percent) || percent < 1))
            return error_set(error, FAULT_CONFIG, "%s: expected p1 to p99, as in %s95", metrics[i].name, metrics[i].name);
        if (named && (rest.len == 0 || text.len > LONGEST_METRIC))
            return error_set(error, FAULT_CONFIG, "%s: expected a name of at most 128 bytes behind it, as in %shelpful", metrics[i].name, metrics[i].name);
        if (!named && !quantile && rest.len > 0) continue;
        ret->metric = text;
        ret->kind = metrics[i].kind;
        ret->name = named ? rest : SLICE_NULL;
        ret->quantile = quantile ? (double)percent / 100 : 0;
        return FAULT_NONE;
    }
    return unknown_metric(text, error);
}

static double usual_margin(const struct guardrail *g) {
    return g->kind == GUARD_FAILURES ? 1.5 : g->kind == GUARD_SCORE ? 0.05 : 1.2;
}

static bool read_metric(const struct reader *r, uint32_t node, uint32_t at, const char *what, struct guardrail *ret) {
    struct error error = {.fault = FAULT_NONE};
    struct slice text = reader_scalar(r, at);
    if (text.len > 0 && guardrail_metric(text, ret, &error) == FAULT_NONE) return true;
    if (text.len > 0) reader_problem(r, at, "%s.metric: %s", what, error.text);
    else reader_problem(r, at == JSON_NONE ? node : at, "%s.metric: expected a metric, such as error_rate or latency_p95", what);
    return false;
}

/* ---- guardrails ---- */

static void read_guardrail(const struct reader *r, uint32_t node, unsigned index, struct rollout_plan *p) {
    static const char *const names[] = {"metric", "margin", "alpha", "tolerance", "on_failure", NULL};
    static const char *const actions[] = {"rollback", "pause", "notify", NULL};
    uint32_t at[5];
    char what[64], member[96];
    int action = GUARD_ROLLBACK;
    struct guardrail g = {.alpha = NAN, .tolerance = 0.01};
    snprintf(what, sizeof what, "rollouts.canary.analysis.guardrails[%u]", index);
    if (!reader_map(r, node, what, names, at) || !read_metric(r, node, at[0], what, &g)) return;
    g.margin = usual_margin(&g);
    bool score = g.kind == GUARD_SCORE;
    snprintf(member, sizeof member, "%s.margin", what);
    reader_number(r, at[1], member, score ? 0 : 1, score ? 1 : 100, &g.margin);
    snprintf(member, sizeof member, "%s.alpha", what);
    reader_number(r, at[2], member, 1e-9, 0.5, &g.alpha);
    snprintf(member, sizeof member, "%s.tolerance", what);
    change_read_share(r, at[3], member, 0, &g.tolerance);
    snprintf(member, sizeof member, "%s.on_failure", what);
    change_read_word(r, at[4], member, actions, &action);
    g.on_failure = (enum guard_action)action;
    for (unsigned i = 0; i < p->n_guardrails; i++)
        if (slice_eq(p->guardrails[i].metric, g.metric))
            reader_problem(r, at[0], "%s.metric: there is a guardrail of " SLICE_FMT " already", what, SLICE_ARG(g.metric));
    p->guardrails[p->n_guardrails++] = g;
}

static void read_guardrails(const struct reader *r, uint32_t node, struct rollout_plan *p) {
    const struct json_doc *d = &r->d->doc;
    uint32_t cursor = JSON_NONE, item, n = json_size(d, node);
    if (node == JSON_NONE) return;
    if (json_type(d, node) != JSON_ARRAY || n < 1 || n > GUARDRAILS) {
        reader_expected(r, node, "rollouts.canary.analysis.guardrails", "a list of 1 to 16 guardrails such as {metric: error_rate, margin: 1.5}");
        return;
    }
    p->n_guardrails = 0;
    p->guardrails = arena_new_array(r->arena, struct guardrail, n);
    for (unsigned i = 0; p->guardrails != NULL && json_each_item(d, node, &cursor, &item); i++) read_guardrail(r, item, i, p);
}

static void read_analysis(const struct reader *r, uint32_t node, struct rollout_plan *p) {
    static const char *const names[] = {"interval", "alpha", "min_samples", "guardrails", NULL};
    uint32_t at[4];
    if (node == JSON_NONE || !reader_map(r, node, "rollouts.canary.analysis", names, at)) return;
    change_read_duration(r, at[0], "rollouts.canary.analysis.interval", INTERVAL_LEAST_US, &p->interval_us);
    reader_number(r, at[1], "rollouts.canary.analysis.alpha", 1e-9, 0.5, &p->alpha);
    reader_count(r, at[2], "rollouts.canary.analysis.min_samples", 1, INT32_MAX, &p->min_samples);
    read_guardrails(r, at[3], p);
}

void plan_settle(struct rollout_plan *p) {
    for (unsigned i = 0; i < p->n_guardrails; i++)
        if (isnan(p->guardrails[i].alpha)) p->guardrails[i].alpha = p->alpha / p->n_guardrails;
}

/* ---- steps ---- */

static bool read_pause(const struct reader *r, uint32_t node, const char *what, struct rollout_step *s) {
    static const char *const names[] = {"duration", NULL};
    uint32_t at[1];
    s->kind = STEP_PAUSE;
    s->duration_us = -1;
    if (!reader_map(r, node, what, names, at)) return false;
    change_read_duration(r, at[0], what, PAUSE_LEAST_US, &s->duration_us);
    return true;
}

static void read_step(const struct reader *r, uint32_t node, unsigned index, struct rollout_plan *p, double *before) {
    static const char *const names[] = {"setWeight", "pause", NULL};
    struct rollout_step s = {.duration_us = -1};
    uint32_t at[2];
    char what[64];
    double weight = NAN;
    snprintf(what, sizeof what, "rollouts.canary.steps[%u]", index);
    if (!reader_map(r, node, what, names, at)) return;
    bool pauses = json_get(&r->d->doc, node, "pause") != JSON_NONE; /* `pause:` alone is one without an end */
    if ((at[0] != JSON_NONE) == pauses) {
        reader_problem(r, node, "%s: expected one of {setWeight: 25}, {pause: {duration: 24h}} and {pause: {}}", what);
        return;
    }
    if (at[0] != JSON_NONE) {
        reader_number(r, at[0], what, 1, 100, &weight);
        if (isnan(weight)) return;
        if (weight <= *before) reader_problem(r, at[0], "%s: expected more than %g, the weight before it: steps rise", what, *before);
        s.kind = STEP_WEIGHT;
        s.weight_ppm = (uint32_t)lround(weight * 1e4);
        *before = weight;
    } else if (at[1] == JSON_NONE) {
        s.kind = STEP_PAUSE;
    } else if (!read_pause(r, at[1], what, &s)) {
        return;
    }
    p->steps[p->n_steps++] = s;
}

static void read_steps(const struct reader *r, uint32_t node, struct rollout_plan *p) {
    const struct json_doc *d = &r->d->doc;
    uint32_t cursor = JSON_NONE, item, n = json_size(d, node);
    unsigned problems = r->problems->count;
    double weight = 0;
    if (node == JSON_NONE) return;
    if (json_type(d, node) != JSON_ARRAY || n < 1 || n > ROLLOUT_STEPS) {
        reader_expected(r, node, "rollouts.canary.steps", "a list of 1 to 32 steps such as [{setWeight: 5}, {pause: {duration: 24h}}, {setWeight: 100}]");
        return;
    }
    p->n_steps = 0;
    p->steps = arena_new_array(r->arena, struct rollout_step, n);
    for (unsigned i = 0; p->steps != NULL && json_each_item(d, node, &cursor, &item); i++) read_step(r, item, i, p, &weight);
    if (r->problems->count != problems || p->n_steps == 0) return;
    const struct rollout_step *last = &p->steps[p->n_steps - 1];
    if (p->steps[0].kind != STEP_WEIGHT) reader_problem(r, node, "rollouts.canary.steps: expected a setWeight as the first step");
    if (last->kind != STEP_WEIGHT || last->weight_ppm != PPM)
        reader_problem(r, node, "rollouts.canary.steps: expected {setWeight: 100} as the last step, which is the promotion");
}

/* ---- the maps of `rollouts` ---- */

void plan_read_canary(const struct reader *r, uint32_t node, struct rollout_plan *p) {
    static const char *const names[] = {"sticky", "steps", "analysis", NULL};
    static const char *const units[] = {"user", "session", "request", NULL};
    uint32_t at[3];
    int sticky = (int)p->sticky;
    if (node == JSON_NONE || !reader_map(r, node, "rollouts.canary", names, at)) return;
    change_read_word(r, at[0], "rollouts.canary.sticky", units, &sticky);
    p->sticky = (enum sticky)sticky;
    read_steps(r, at[1], p);
    read_analysis(r, at[2], p);
}

void plan_read_shadow(const struct reader *r, uint32_t node, struct rollout_plan *p) {
    static const char *const names[] = {"share", "min_samples", "max_cost_usd", "judge", NULL};
    uint32_t at[4];
    double share = p->shadow.share_ppm / (double)PPM;
    if (node == JSON_NONE || !reader_map(r, node, "rollouts.shadow", names, at)) return;
    change_read_share(r, at[0], "rollouts.shadow.share", 1e-6, &share);
    p->shadow.share_ppm = (uint32_t)lround(share * PPM);
    reader_count(r, at[1], "rollouts.shadow.min_samples", 1, INT32_MAX, &p->shadow.min_samples);
    change_read_usd(r, at[2], "rollouts.shadow.max_cost_usd", &p->shadow.max_cost_nano);
    reader_text(r, at[3], "rollouts.shadow.judge", &p->shadow.judge);
}

void plan_read_ab(const struct reader *r, uint32_t node, struct ab_plan *p) {
    static const char *const names[] = {"metric", "min_effect", "alpha", "power", "longest", NULL};
    uint32_t at[5];
    if (node == JSON_NONE || !reader_map(r, node, "rollouts.ab", names, at)) return;
    if (at[0] != JSON_NONE) (void)read_metric(r, node, at[0], "rollouts.ab", &p->metric);
    change_read_share(r, at[1], "rollouts.ab.min_effect", 1e-6, &p->min_effect);
    reader_number(r, at[2], "rollouts.ab.alpha", 1e-9, 0.5, &p->alpha);
    reader_number(r, at[3], "rollouts.ab.power", 0.5, 0.999, &p->power);
    change_read_duration(r, at[4], "rollouts.ab.longest", PAUSE_LEAST_US, &p->longest_us);
}

/* ---- a plan that has begun ---- */

static const char *const way_names[] = {"direct", "canary", "shadow-then-canary", NULL};
static const char *const sticky_names[] = {"user", "session", "request"};
static const char *const action_names[] = {"rollback", "pause", "notify"};

static void write_duration(struct json_writer *w, const char *key, int64_t us) {
    char text[QUANTITY_TEXT];
    duration_format(us, text);
    json_member_text(w, key, text);
}

static void write_steps(const struct rollout_plan *p, struct json_writer *w) {
    json_key(w, "steps");
    json_array(w);
    for (unsigned i = 0; i < p->n_steps; i++) {
        json_object(w);
        if (p->steps[i].kind == STEP_WEIGHT) {
            json_member_double(w, "setWeight", p->steps[i].weight_ppm / 1e4);
        } else {
            json_key(w, "pause");
            json_object(w);
            if (p->steps[i].duration_us >= 0) write_duration(w, "duration", p->steps[i].duration_us);
            json_object_end(w);
        }
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_analysis(const struct rollout_plan *p, struct json_writer *w) {
    json_key(w, "analysis");
    json_object(w);
    write_duration(w, "interval", p->interval_us);
    json_member_double(w, "alpha", p->alpha);
    json_member_i64(w, "min_samples", p->min_samples);
    if (p->n_guardrails > 0) json_key(w, "guardrails");
    if (p->n_guardrails > 0) json_array(w);
    for (unsigned i = 0; i < p->n_guardrails; i++) {
        const struct guardrail *g = &p->guardrails[i];
        json_object(w);
        json_member_string(w, "metric", g->metric);
        json_member_double(w, "margin", g->margin);
        json_member_double(w, "alpha", g->alpha);
        json_member_double(w, "tolerance", g->tolerance);
        json_member_text(w, "on_failure", action_names[g->on_failure]);
        json_object_end(w);
    }
    if (p->n_guardrails > 0) json_array_end(w);
    json_object_end(w);
}

void plan_write(const struct rollout_plan *p, struct json_writer *w) {
    char usd[MONEY_TEXT];
    json_object(w);
    json_member_text(w, "way", way_names[p->way]);
    json_key(w, "canary");
    json_object(w);
    json_member_text(w, "sticky", sticky_names[p->sticky]);
    write_steps(p, w);
    write_analysis(p, w);
    json_object_end(w);
    json_key(w, "shadow");
    json_object(w);
    json_member_double(w, "share", p->shadow.share_ppm / (double)PPM);
    json_member_i64(w, "min_samples", p->shadow.min_samples);
    if (p->shadow.max_cost_nano >= 0) {
        money_format(p->shadow.max_cost_nano, usd);
        json_key(w, "max_cost_usd");
        json_put_raw(w, slice_of(usd));
    }
    if (p->shadow.judge.len > 0) json_member_string(w, "judge", p->shadow.judge);
    json_object_end(w);
    json_object_end(w);
}

enum fault plan_read(struct slice json, struct arena *arena, struct rollout_plan *ret, struct error *error) {
    static const char *const names[] = {"way", "canary", "shadow", NULL};
    struct problems problems = {0};
    struct rollout_plan p = {.shadow.max_cost_nano = -1};
    struct declared *d = arena_new(arena, struct declared);
    struct reader r = {.file = "plan", .arena = arena, .problems = &problems, .plain_texts = true};
    uint32_t at[3];
    int way = -1;
    if (d == NULL) return error_set(error, FAULT_TOO_LARGE, "the plan of a rollout does not fit into its memory");
    if (reader_open(&r, json, d) == FAULT_NONE && reader_map(&r, 0, "plan", names, at)) {
        change_read_word(&r, at[0], "way", way_names, &way);
        plan_read_canary(&r, at[1], &p);
        plan_read_shadow(&r, at[2], &p);
    }
    if (problems_any(&problems) || way < 0)
        return error_set(error, FAULT_CORRUPT, "the plan of a rollout cannot be read: %s", problems.count > 0 ? problems.items[0].text : "it has no way");
    p.way = (enum rollout_way)way;
    plan_settle(&p);
    *ret = p;
    return FAULT_NONE;
}
