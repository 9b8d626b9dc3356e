/* Runs of suites: begin, results, end, stop. What reads them is in api_evals_read.c. */
#include "control/api_evals.h"

#include "base/clock.h"
#include "control/eval_owner.h"
#include "control/eval_runs.h"
#include "quality/result.h"

#include <stdio.h>

/* ---- the body, whose members have many types ---- */

static const char *const begin_members[] = {"suite", "suite_name", "suite_version", "prompt", "model", "repeat", "chosen", "cases",
                                            "max_cost_usd", "trigger", "owner", "resume", "prompt_label", NULL};

static bool read_body(struct api_call *c, const char *const *members, struct json_doc *ret) {
    uint32_t cursor = JSON_NONE, key, value;
    struct error error = {.fault = FAULT_NONE};
    struct slice body = slice_trim(c->q->body).len > 0 ? c->q->body : SLICE("{}");
    if (!api_check(c, json_read(body, c->arena, UINT16_MAX, ret, &error), &error)) return false;
    if (json_type(ret, 0) != JSON_OBJECT) api_fail(c, FAULT_BAD_REQUEST, "expected a JSON object as the body");
    while (!c->failed && json_each_member(ret, 0, &cursor, &key, &value)) {
        bool known = false;
        struct slice raw = json_raw(ret, key);
        for (const char *const *m = members; *m; m++) known |= json_is(ret, key, *m);
        if (!known) api_fail(c, FAULT_BAD_REQUEST, "unknown member of the body: %.*s", (int)(raw.len < 60 ? raw.len : 60), raw.at);
    }
    return !c->failed;
}

static struct slice text_of(struct api_call *c, const struct json_doc *d, const char *key, size_t most) {
    uint32_t at = json_get(d, 0, key);
    if (json_type(d, at) == JSON_ABSENT || json_type(d, at) == JSON_NULL) return SLICE_NULL;
    struct slice text = json_string(d, at, c->arena);
    if (text.len == 0 || text.len > most) api_fail(c, FAULT_BAD_REQUEST, "%s: expected a text of 1 to %zu bytes", key, most);
    return text;
}

static int64_t whole_of(struct api_call *c, const struct json_doc *d, const char *key, int64_t least, int64_t most, int64_t fallback) {
    uint32_t at = json_get(d, 0, key);
    int64_t n = fallback;
    if (json_type(d, at) == JSON_ABSENT || json_type(d, at) == JSON_NULL) return fallback;
    if (!json_get_i64(d, at, &n) || n < least || n > most)
        api_fail(c, FAULT_BAD_REQUEST, "%s: expected a whole number from %lld to %lld", key, (long long)least, (long long)most);
    return n;
}

static struct slice object_of(struct api_call *c, const struct json_doc *d, const char *key) {
    uint32_t at = json_get(d, 0, key);
    if (json_type(d, at) == JSON_ABSENT || json_type(d, at) == JSON_NULL) return SLICE_NULL;
    if (json_type(d, at) != JSON_OBJECT) api_fail(c, FAULT_BAD_REQUEST, "%s: expected an object", key);
    return json_raw(d, at);
}

static void read_resume(struct api_call *c, const struct json_doc *d, struct eval_wish *w) {
    struct slice text = text_of(c, d, "resume", LIMIT_LABEL);
    if (slice_is_null(text) || slice_is(text, "auto")) w->resume = EVAL_RESUME_AUTO;
    else if (slice_is(text, "never")) w->resume = EVAL_RESUME_NEVER;
    else if (eval_run_number(text, &w->number)) w->resume = EVAL_RESUME_THIS;
    else api_fail(c, FAULT_BAD_REQUEST, "resume: expected auto, never or a run such as run-12");
}

static bool read_wish(struct api_call *c, struct eval_wish *w) {
    struct json_doc d;
    if (!read_body(c, begin_members, &d)) return false;
    *w = (struct eval_wish){.suite = object_of(c, &d, "suite"), .prompt = object_of(c, &d, "prompt"), .max_cost_nano = -1};
    w->suite_name = text_of(c, &d, "suite_name", LIMIT_LABEL);
    w->suite_version = text_of(c, &d, "suite_version", LIMIT_LABEL);
    w->model = text_of(c, &d, "model", LIMIT_LABEL);
    w->prompt_label = text_of(c, &d, "prompt_label", LIMIT_LABEL);
    w->chosen = text_of(c, &d, "chosen", 4096);
    w->trigger = text_of(c, &d, "trigger", LIMIT_LABEL);
    w->owner = text_of(c, &d, "owner", EVAL_OWNER_TEXT);
    w->repeat = whole_of(c, &d, "repeat", 1, LIMIT_SUITE_REPEAT, 0);
    w->cases = whole_of(c, &d, "cases", 1, LIMIT_SUITE_CASES, 0);
    w->by = slice_of(c->actor);
    if (slice_is_null(w->trigger)) w->trigger = SLICE("person");
    uint32_t cost = json_get(&d, 0, "max_cost_usd");
    bool capped = json_type(&d, cost) != JSON_ABSENT && json_type(&d, cost) != JSON_NULL;
    if (capped && (!money_parse(json_raw(&d, cost), 9, &w->max_cost_nano) || w->max_cost_nano < 0))
        api_fail(c, FAULT_BAD_REQUEST, "max_cost_usd: expected US dollars of at least 0, as a number");
    read_resume(c, &d, w);
    if (!c->failed && slice_is_null(w->suite) == slice_is_null(w->suite_name))
        api_fail(c, FAULT_BAD_REQUEST, "expected either `suite` (an object) or `suite_name`");
    if (!c->failed && slice_is_null(w->owner)) api_fail(c, FAULT_BAD_REQUEST, "owner is missing: \"HOST PID START\" of who runs it");
    return !c->failed;
}

/* ---- begin ---- */

static const char *const verdicts[] = {[CHECK_PASS] = "pass", [CHECK_FAIL] = "fail", [CHECK_ERROR] = "error"};

static bool put_done(void *ctx, const struct run_result *r) {
    struct json_writer *w = ctx;
    json_array(w);
    json_put_i64(w, r->case_at);
    json_put_i64(w, r->repeat);
    if (money_is_known(r->cost_nano)) json_put_i64(w, r->cost_nano);
    else json_put_null(w);
    json_put_text(w, verdicts[r->verdict < 3 ? r->verdict : 2]);
    json_array_end(w);
    return !w->out->overflow;
}

static void fail_config(struct api_call *c, const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, 1 << 20);
    problems_write(problems, &text);
    api_fail_problems(c, FAULT_BAD_REQUEST, "the suite or the prompt has mistakes", buffer_slice(&text));
    buffer_deinit(&text);
}

void api_evals_begin(struct api_call *c) {
    struct eval_wish wish;
    struct run_row row;
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    bool resumed = false;
    char text[32];
    if (!api_need_evaluations(c) || !read_wish(c, &wish)) return;
    enum fault fault = eval_begin(c->s->evaluations, &wish, clock_wall_us(), c->arena, &row, &resumed, &problems, &error);
    if (fault == FAULT_CONFIG && problems_any(&problems)) {
        fail_config(c, &problems);
        return;
    }
    if (!api_check(c, fault, &error)) return;
    snprintf(text, sizeof text, "run-%lld", (long long)row.number);
    if (!api_check(c, api_audit(c, resumed ? "eval.resume" : "eval.begin", slice_of(text), SLICE_NULL, &error), &error)) return;
    json_object(&c->json);
    api_eval_put(c, &row, false);
    json_member_bool(&c->json, "resumed", resumed);
    json_key(&c->json, "results");
    json_array(&c->json);
    if (!api_check(c, run_results_done(c->s->evaluations, row.number, put_done, &c->json, &error), &error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- results ---- */

static const char *const result_members[] = {"owner", "results", NULL};

static int64_t cost_of(const struct result *r) {
    return r->judge_cost_nano == 0 ? r->cost_nano : money_add(r->cost_nano, r->judge_cost_nano);
}

static bool read_result(struct api_call *c, const struct json_doc *d, uint32_t node, const struct run_row *row, struct run_result *ret) {
    struct result r;
    struct error error = {.fault = FAULT_NONE};
    if (!api_check(c, result_read(d, node, c->arena, &r, &error), &error)) return false;
    if (r.repeat >= row->repeat || r.case_at >= LIMIT_SUITE_CASES) {
        api_fail(c, FAULT_BAD_REQUEST, "repeat %u of case %u: the run has no such one", r.repeat, r.case_at);
        return false;
    }
    *ret = (struct run_result){r.case_at, r.repeat, (unsigned)r.verdict, cost_of(&r), json_raw(d, node)};
    return true;
}

void api_evals_results_put(struct api_call *c) {
    struct run_row row;
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    uint32_t cursor = JSON_NONE, item;
    size_t n = 0;
    if (!api_eval_find(c, &row) || !read_body(c, result_members, &d)) return;
    struct slice owner = text_of(c, &d, "owner", EVAL_OWNER_TEXT);
    uint32_t list = json_get(&d, 0, "results"), count = json_size(&d, list);
    if (!c->failed && (count > EVAL_RESULTS_MOST || (json_type(&d, list) != JSON_ARRAY && json_type(&d, list) != JSON_ABSENT)))
        api_fail(c, FAULT_BAD_REQUEST, "results: expected a list of at most %d", EVAL_RESULTS_MOST);
    struct run_result *all = arena_new_array(c->arena, struct run_result, count + 1);
    if (c->failed || !all) return;
    while (json_each_item(&d, list, &cursor, &item))
        if (!read_result(c, &d, item, &row, &all[n++])) return;
    if (!api_check(c, run_results_add(c->s->evaluations, row.number, owner, all, n, clock_wall_us(), &error), &error)) return;
    if (!api_check(c, run_find(c->s->evaluations, row.number, c->arena, &row, &error), &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "done", row.done);
    json_member_i64(&c->json, "planned", row.planned);
    api_put_usd(&c->json, "cost_usd", row.cost_nano);
    json_member_bool(&c->json, "stop", !slice_is_null(row.stop_by));
    json_member_string(&c->json, "stop_by", row.stop_by);
    json_object_end(&c->json);
}

/* ---- the end ---- */

/* The answer is the summary that is kept. */
static void conclude(struct api_call *c, int64_t number, struct slice why) {
    struct error error = {.fault = FAULT_NONE};
    buffer_clear(&c->ret->body);
    (void)api_check(c, eval_conclude(c->s->evaluations, number, why, clock_wall_us(), &c->ret->body, &error), &error);
}

void api_evals_end(struct api_call *c) {
    struct run_row row;
    struct slice owner = api_text(c, "owner"), why = api_text(c, "why");
    bool stopped = api_has_choice(c, "state", "stopped", false);
    if (!api_eval_find(c, &row)) return;
    if (row.state != RUN_RUNNING && !slice_is_null(row.summary)) { /* said again by one who did not hear the answer */
        buffer_append(&c->ret->body, row.summary);
        return;
    }
    if (!slice_is_null(owner) && !slice_eq(owner, row.owner)) {
        api_fail(c, FAULT_CONFLICT, "run-%lld was taken over by another process", (long long)row.number);
        return;
    }
    conclude(c, row.number, !stopped ? SLICE_NULL : slice_is_null(why) ? SLICE("stopped") : why);
}

/* Its owner ends it, with what it has; when that one is gone, we do. */
void api_evals_stop(struct api_call *c) {
    struct run_row row;
    char text[64];
    struct error error = {.fault = FAULT_NONE};
    if (!api_eval_find(c, &row)) return;
    snprintf(text, sizeof text, "run-%lld", (long long)row.number);
    if (!api_check(c, run_ask_to_stop(c->s->evaluations, row.number, slice_of(c->actor), &error), &error)) return;
    if (!api_check(c, api_audit(c, "eval.stop", slice_of(text), SLICE_NULL, &error), &error)) return;
    if (!eval_owner_is_alive(row.owner, row.seen_us, clock_wall_us())) {
        struct slice why = arena_printf(c->arena, "stopped by %.200s", c->actor);
        struct buffer summary;
        buffer_init(&summary, LIMIT_REPLY_BODY);
        enum fault fault = eval_conclude(c->s->evaluations, row.number, why, clock_wall_us(), &summary, &error);
        buffer_deinit(&summary);
        if (!api_check(c, fault, &error)) return;
    }
    if (!api_check(c, run_find(c->s->evaluations, row.number, c->arena, &row, &error), &error)) return;
    json_object(&c->json);
    api_eval_put(c, &row, false);
    json_object_end(&c->json);
}

void api_evals_reference(struct api_call *c) {
    struct run_row row;
    struct error error = {.fault = FAULT_NONE};
    char text[64];
    if (!api_eval_find(c, &row)) return;
    struct slice suite = api_text(c, "suite");
    if (!slice_is_null(suite) && !slice_eq(suite, row.suite)) {
        api_fail(c, FAULT_BAD_REQUEST, "run-%lld is of the suite %.*s", (long long)row.number, SLICE_ARG(row.suite));
        return;
    }
    if (row.state == RUN_RUNNING) {
        api_fail(c, FAULT_CONFLICT, "run-%lld is not over yet", (long long)row.number);
        return;
    }
    snprintf(text, sizeof text, "run-%lld", (long long)row.number);
    if (!api_check(c, run_set_reference(c->s->evaluations, row.suite, row.number, clock_wall_us(), &error), &error)) return;
    if (!api_check(c, api_audit(c, "eval.reference", slice_of(text), SLICE_NULL, &error), &error)) return;
    json_object(&c->json);
    json_member_string(&c->json, "suite", row.suite);
    json_member_text(&c->json, "reference", text);
    json_object_end(&c->json);
}
