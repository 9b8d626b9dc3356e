/* One run against another. */
#include "control/api_evals.h"

#include "control/eval_runs.h"
#include "quality/compare.h"

#include <stdio.h>

#define SUITE_ROOM (8 * (size_t)LIMIT_SUITE_FILE)

struct side {
    struct run_row row;
    struct suite suite;
};

struct feed {
    struct compare *compare;
    bool candidate;
    struct arena arena; /* of one result */
    enum fault fault;
    struct error *error;
};

static bool take(void *ctx, const struct run_result *r) {
    struct feed *f = ctx;
    struct json_doc d;
    struct result result;
    arena_reset(&f->arena);
    f->fault = json_read(r->body, &f->arena, UINT16_MAX, &d, f->error);
    if (f->fault == FAULT_NONE) f->fault = result_read(&d, 0, &f->arena, &result, f->error);
    if (f->fault == FAULT_NONE) compare_add(f->compare, f->candidate, &result);
    return f->fault == FAULT_NONE;
}

static enum fault feed(struct evaluations *e, const struct side *s, bool candidate, struct compare *compare, struct error *error) {
    struct feed f = {.compare = compare, .candidate = candidate, .error = error};
    arena_init(&f.arena, 64 << 10, 4 * (size_t)LIMIT_REPLY_BODY);
    enum fault fault = run_results(e, s->row.number, -1, -1, -1, NULL, take, &f, error);
    arena_deinit(&f.arena);
    return fault == FAULT_NONE ? f.fault : fault;
}

/* A run that is over. False after having answered. */
static bool find(struct api_call *c, const char *name, struct side *ret) {
    struct slice text = api_text(c, name);
    struct error error = {.fault = FAULT_NONE};
    int64_t number;
    if (!eval_run_number(text, &number)) {
        api_fail(c, FAULT_BAD_REQUEST, "%s: expected a run such as run-12, found '%.*s'", name, (int)(text.len < 60 ? text.len : 60), text.at);
        return false;
    }
    if (!api_check(c, run_find(c->s->evaluations, number, c->arena, &ret->row, &error), &error)) return false;
    if (ret->row.state != RUN_RUNNING) return true;
    api_fail(c, FAULT_CONFLICT, "run-%lld is not over (%lld of %lld results): what it would say may change", (long long)number,
             (long long)ret->row.done, (long long)ret->row.planned);
    return false;
}

static bool read_suite(struct api_call *c, struct side *s, struct arena *arena) {
    struct error error = {.fault = FAULT_NONE};
    return api_check(c, eval_kept_suite(c->s->evaluations, &s->row, arena, &s->suite, &error), &error);
}

static void put_run(struct json_writer *w, const char *key, const struct run_row *r) {
    char text[32];
    snprintf(text, sizeof text, "run-%lld", (long long)r->number);
    json_key(w, key);
    json_object(w);
    json_member_text(w, "run", text);
    json_member_string(w, "suite", r->suite);
    json_member_i64(w, "suite_version", r->suite_version);
    json_member_string(w, "prompt", r->prompt);
    json_member_string(w, "model", r->model);
    json_member_bool(w, "whole", r->state == RUN_FINISHED);
    json_object_end(w);
}

static void answer(struct api_call *c, struct side sides[2], double confidence) {
    bool same = digest_eq(&sides[0].row.suite_digest, &sides[1].row.suite_digest);
    struct compare *compare = compare_new(&sides[0].suite, same ? &sides[0].suite : &sides[1].suite, confidence);
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = feed(c->s->evaluations, &sides[0], false, compare, &error);
    if (fault == FAULT_NONE) fault = feed(c->s->evaluations, &sides[1], true, compare, &error);
    if (api_check(c, fault, &error)) {
        json_object(&c->json);
        put_run(&c->json, "a", &sides[0].row);
        put_run(&c->json, "b", &sides[1].row);
        compare_write(compare, &c->json);
        json_object_end(&c->json);
    }
    compare_free(compare);
}

void api_evals_compare(struct api_call *c) {
    struct side sides[2] = {{.suite = {.n_cases = 0}}, {.suite = {.n_cases = 0}}};
    struct slice text = api_text(c, "confidence");
    struct arena room;
    double confidence = 0.95;
    if (!slice_is_null(text) && (!slice_to_double(text, &confidence) || !(confidence >= 0.5 && confidence < 1))) {
        api_fail(c, FAULT_BAD_REQUEST, "confidence: expected a number from 0.5 to below 1");
        return;
    }
    if (!api_need_evaluations(c) || !find(c, "a", &sides[0]) || !find(c, "b", &sides[1])) return;
    arena_init(&room, 1 << 20, 2 * SUITE_ROOM);
    bool same = digest_eq(&sides[0].row.suite_digest, &sides[1].row.suite_digest);
    if (read_suite(c, &sides[0], &room) && (same || read_suite(c, &sides[1], &room))) answer(c, sides, confidence);
    suite_deinit(&sides[0].suite);
    suite_deinit(&sides[1].suite);
    arena_deinit(&room);
}
