/* Versions of providers' models that came in the place of others; see wire_eval.h. */
#include "wire_eval.h"

#include "base/clock.h"
#include "store/findings.h"
#include "store/live_prompts.h"
#include "store/triggers.h"

#include <stdio.h>

static struct slice say(struct arena *arena, struct slice version, struct slice fingerprint) {
    if (fingerprint.len == 0) return arena_slice(arena, version);
    return arena_printf(arena, SLICE_FMT " " SLICE_FMT, SLICE_ARG(version), SLICE_ARG(fingerprint));
}

static bool is_of(const struct model_change *m, struct slice model, struct slice provider, struct slice target, struct slice after) {
    return slice_eq(m->model, model) && slice_eq(m->provider, provider) && slice_eq(m->target, target) && slice_eq(m->after, after);
}

enum fault eval_model_new(struct evaluations *e, struct registry *r, const struct record *record, struct error *error) {
    struct arena arena;
    struct model_change *all = NULL;
    struct slice version, fingerprint;
    unsigned n = 0;
    bool known = false;
    const struct model_answer a = {record->model, record->provider, record->target_model, record->upstream_model, record->system_fingerprint};
    arena_init(&arena, 16u << 10, 64u << 20);
    enum fault fault = model_former(e, &a, &arena, &version, &fingerprint, error);
    if (fault == FAULT_NONE) fault = model_changes(r, SLICE_NULL, &arena, &all, &n, error);
    struct slice after = say(&arena, record->upstream_model, record->system_fingerprint);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) known |= is_of(&all[i], a.model, a.provider, a.target, after);
    if (fault == FAULT_NONE && !known) {
        struct model_change m = {.model = a.model, .provider = a.provider, .target = a.target, .before = say(&arena, version, fingerprint), .after = after,
                                 .seen_us = record->time_us, .answers = 1, .state = SLICE("seen")};
        fault = model_change_put(r, &m, NULL, error);
    }
    arena_deinit(&arena);
    return fault;
}

/* ---- opened, and held where the policy says so ---- */

/* "gpt-5.1-2026 fp_44" of `after`, as model_seen knows it. */
static struct model_answer answer_of(const struct model_change *m) {
    struct model_answer a = {m->model, m->provider, m->target, m->after, SLICE("")};
    struct slice version, fingerprint;
    if (slice_cut(m->after, ' ', &version, &fingerprint)) a.version = version, a.fingerprint = fingerprint;
    return a;
}

/* To a model that is there, and that is held itself by nobody: else nothing is held, and a person is asked all the same. */
static bool may_hold(const struct policy *p, const struct model_change *m, const struct model_change *all, unsigned n) {
    struct slice to = p->change.model_change.to;
    if (!p->change.model_change.hold || slice_eq(to, m->model) || table_get(&p->model_by_name, to) == NULL) return false;
    for (unsigned i = 0; i < n; i++)
        if (slice_is(all[i].state, "held") && (slice_eq(all[i].model, to) || slice_eq(all[i].held_to, m->model))) return false;
    return true;
}

static enum fault open_one(struct registry *r, const struct policy *p, struct model_change *m, const struct model_change *all, unsigned n, int64_t now_us,
                           struct arena *arena, struct error *error) {
    struct audit_entry audit = {.at_us = now_us, .actor = SLICE("quarterdeck"), .action = SLICE("model.change"),
                                .subject = arena_printf(arena, "model:" SLICE_FMT, SLICE_ARG(m->model)), .reason = SLICE("a version answered that had not before")};
    m->state = SLICE("open");
    enum fault fault = model_change_put(r, m, &audit, error);
    if (fault != FAULT_NONE || !may_hold(p, m, all, n)) return fault;
    m->was = m->state;
    m->state = SLICE("held");
    m->held_to = p->change.model_change.to;
    m->decided_by = audit.actor;
    m->why = audit.reason = SLICE("change_policy.on_model_change: hold");
    m->decided_us = now_us;
    audit.action = SLICE("model.hold");
    return model_change_put(r, m, &audit, error);
}

static enum fault open_all(struct evaluations *e, struct registry *r, const struct policy *p, struct model_change *all, unsigned n, int64_t now_us, struct arena *arena,
                           struct error *error) {
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct model_share share = {.answers = 0};
        struct model_answer a = answer_of(&all[i]);
        if (!slice_is(all[i].state, "seen") || model_share(e, &a, &share, error) != FAULT_NONE || share.answers < EVAL_MODEL_ANSWERS) continue;
        all[i].answers = share.answers;
        fault = open_one(r, p, &all[i], all, n, now_us, arena, error);
    }
    return fault;
}

/* ---- findings ---- */

static struct slice evidence_of(const struct model_change *m, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    char at[CLOCK_TEXT];
    buffer_init(&out, 1u << 20);
    clock_format(m->seen_us, at);
    json_start(&w, &out);
    json_object(&w);
    json_member_i64(&w, "change", m->number);
    json_member_string(&w, "model", m->model);
    json_member_string(&w, "provider", m->provider);
    json_member_string(&w, "target", m->target);
    json_member_string(&w, "before", m->before);
    json_member_string(&w, "after", m->after);
    json_member_text(&w, "first_seen", at);
    json_member_i64(&w, "answers", m->answers);
    json_member_i64(&w, "opened_from_answers", EVAL_MODEL_ANSWERS);
    json_member_string(&w, "held_to", m->held_to);
    json_member_raw(&w, "runs", m->runs.len > 0 ? m->runs : SLICE("[]"));
    json_object_end(&w);
    struct slice json = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return json;
}

static enum fault tell(struct registry *r, const struct policy *p, const struct model_change *all, unsigned n, int64_t now_us, struct arena *arena,
                       void (*opened)(void *ctx, const struct finding *f), void *ctx, struct error *error) {
    struct finding *seen = arena_new_array(arena, struct finding, n + 1);
    int64_t *ids = arena_new_array(arena, int64_t, n + 1);
    struct findings_change change;
    unsigned n_seen = 0;
    for (unsigned i = 0; seen != NULL && ids != NULL && i < n; i++) {
        const struct model_change *m = &all[i];
        bool held = slice_is(m->state, "held");
        if (!held && !slice_is(m->state, "open")) continue;
        bool gone = held && table_get(&p->model_by_name, m->held_to) == NULL; /* every request of the model is refused */
        seen[n_seen++] = (struct finding){
            .kind = FINDING_MODEL_CHANGE_WAITS, .key = arena_printf(arena, "[\"model_change_waits\",%lld]", (long long)m->number),
            .title = arena_printf(arena, "model " SLICE_FMT ": " SLICE_FMT " answers as " SLICE_FMT ", before as " SLICE_FMT "%s" SLICE_FMT "%s", SLICE_ARG(m->model),
                                  SLICE_ARG(m->provider), SLICE_ARG(m->after), SLICE_ARG(m->before), held ? "; it is held, and what answers is " : "", SLICE_ARG(m->held_to),
                                  gone ? ", which is no longer configured: its requests are refused" : ""),
            .evidence = evidence_of(m, arena), .command = arena_printf(arena, "quarterdeck model %s %lld --why TEXT", gone ? "release" : "accept", (long long)m->number)};
    }
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for changes of models");
    enum fault fault = findings_put(r, &(struct findings_look){.kinds = FINDING_BIT(MODEL_CHANGE_WAITS), .seen = seen, .n_seen = n_seen}, now_us, ids, &change, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n_seen; i++) {
        seen[i].id = ids[i];
        if (ids[i] != 0) opened(ctx, &seen[i]);
    }
    return fault;
}

enum fault eval_model_look(struct evaluations *e, struct registry *r, const struct policy *p, int64_t now_us, void (*opened)(void *ctx, const struct finding *f),
                           void *ctx, struct error *error) {
    struct arena arena;
    struct model_change *all = NULL;
    unsigned n = 0;
    arena_init(&arena, 16u << 10, 64u << 20);
    enum fault fault = model_changes(r, SLICE_NULL, &arena, &all, &n, error);
    if (fault == FAULT_NONE) fault = open_all(e, r, p, all, n, now_us, &arena, error);
    if (fault == FAULT_NONE) fault = tell(r, p, all, n, now_us, &arena, opened, ctx, error);
    arena_deinit(&arena);
    return fault;
}

/* ---- what suites say ---- */

static struct slice add_run(const struct model_change *m, const struct run_row *run, int64_t baseline, int answer, struct arena *arena) {
    struct json_doc d;
    struct buffer out;
    struct json_writer w;
    char name[32];
    uint32_t at = JSON_NONE, item;
    buffer_init(&out, 1u << 20);
    json_start(&w, &out);
    json_array(&w);
    if (m->runs.len > 0 && json_read(m->runs, arena, 1, &d, NULL) == FAULT_NONE)
        while (json_each_item(&d, 0, &at, &item)) json_put_raw(&w, json_raw(&d, item));
    json_object(&w);
    json_member_string(&w, "suite", run->suite);
    (void)snprintf(name, sizeof name, "run-%lld", (long long)run->number);
    json_member_text(&w, "run", name);
    json_member_string(&w, "verdict", run->verdict);
    (void)snprintf(name, sizeof name, "run-%lld", (long long)baseline);
    json_member_text(&w, "compared_with", baseline != 0 ? name : NULL);
    json_member_text(&w, "answer", baseline == 0 ? NULL : answer < 0 ? "worse" : answer > 0 ? "better" : "not enough evidence");
    json_object_end(&w);
    json_array_end(&w);
    struct slice json = out.overflow ? m->runs : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return json;
}

static enum fault put_run(struct registry *r, struct slice change, const struct run_row *run, int64_t baseline, int answer, struct error *error) {
    struct arena arena;
    struct json_doc d;
    struct model_change *all = NULL;
    unsigned n = 0;
    arena_init(&arena, 16u << 10, 64u << 20);
    enum fault fault = json_read(change, &arena, 2, &d, error);
    if (fault == FAULT_NONE) fault = model_changes(r, SLICE_NULL, &arena, &all, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct slice after = say(&arena, json_string(&d, json_get(&d, 0, "upstream_model"), &arena), json_string(&d, json_get(&d, 0, "system_fingerprint"), &arena));
        if (!is_of(&all[i], json_string(&d, json_get(&d, 0, "model"), &arena), json_string(&d, json_get(&d, 0, "provider"), &arena),
                   json_string(&d, json_get(&d, 0, "target_model"), &arena), after))
            continue;
        all[i].runs = add_run(&all[i], run, baseline, answer, &arena);
        fault = model_change_put(r, &all[i], NULL, error);
        break;
    }
    arena_deinit(&arena);
    return fault;
}

enum fault eval_model_run(struct registry *r, struct slice change, const struct run_row *run, int64_t baseline, int answer, struct error *error) {
    enum fault fault = put_run(r, change, run, baseline, answer, error);
    return fault == FAULT_CONFLICT ? put_run(r, change, run, baseline, answer, error) : fault; /* a person decided in between */
}
