/* Runs of suites: what reads them. */
#include "control/api_evals.h"

#include "control/eval_owner.h"
#include "control/eval_runs.h"

#include "base/clock.h"

#include <stdio.h>

#define PAGE_BYTES (8u << 20) /* of results in one answer; at least one is in it */

/* ---- one run ---- */

bool api_eval_number(struct api_call *c, int64_t *ret) {
    struct slice text = api_text(c, "run");
    if (!api_need_evaluations(c)) return false;
    if (eval_run_number(text, ret)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "run: expected a run such as run-12, found '%.*s'", (int)(text.len < 60 ? text.len : 60), text.at);
    return false;
}

bool api_eval_find(struct api_call *c, struct run_row *ret) {
    int64_t number;
    struct error error = {.fault = FAULT_NONE};
    return api_eval_number(c, &number) && api_check(c, run_find(c->s->evaluations, number, c->arena, ret, &error), &error);
}

static const char *state_of(const struct run_row *r) {
    if (r->state == RUN_FINISHED) return "finished";
    if (r->state == RUN_STOPPED) return "stopped";
    return eval_owner_is_alive(r->owner, r->seen_us, clock_wall_us()) ? "running" : "interrupted";
}

static void put_digest(struct json_writer *w, const char *key, const struct digest *d) {
    static const struct digest none;
    char hex[2 * DIGEST_BYTES + 1];
    digest_hex(d->bytes, DIGEST_BYTES, hex);
    json_member_text(w, key, digest_eq(d, &none) ? NULL : hex);
}

static void put_raw(struct json_writer *w, const struct json_doc *d, const char *key) {
    uint32_t at = d->count > 0 ? json_get(d, 0, key) : JSON_NONE;
    json_member_raw(w, key, at == JSON_NONE ? SLICE("null") : json_raw(d, at));
}

/* What a list shows of a summary. */
static void put_brief(struct api_call *c, const struct run_row *r) {
    static const char *const shown[] = {"pass_rate", "interval", "cases", "errors", "why"};
    struct json_doc d = {.count = 0};
    if (!slice_is_null(r->summary) && json_read(r->summary, c->arena, 2, &d, NULL) != FAULT_NONE) d.count = 0;
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++) put_raw(&c->json, &d, shown[i]);
}

void api_eval_put(struct api_call *c, const struct run_row *r, bool brief) {
    struct json_writer *w = &c->json;
    char text[64];
    snprintf(text, sizeof text, "run-%lld", (long long)r->number);
    json_member_text(w, "run", text);
    json_member_string(w, "suite", r->suite);
    json_member_i64(w, "suite_version", r->suite_version);
    put_digest(w, "suite_digest", &r->suite_digest);
    json_member_string(w, "prompt", r->prompt);
    put_digest(w, "prompt_digest", &r->prompt_digest);
    json_member_string(w, "model", r->model);
    json_member_string(w, "chosen", r->chosen);
    json_member_i64(w, "repeat", r->repeat);
    api_put_usd(w, "max_cost_usd", r->max_cost_nano < 0 ? MONEY_UNKNOWN : r->max_cost_nano);
    json_member_string(w, "trigger", r->trigger);
    json_member_string(w, "by", r->by);
    json_member_string(w, "owner", r->owner);
    json_member_string(w, "stop_by", r->stop_by);
    json_member_text(w, "state", state_of(r));
    api_put_time(w, "started_at", r->started_us);
    api_put_time(w, "seen_at", r->seen_us);
    api_put_time(w, "ended_at", r->ended_us);
    json_member_i64(w, "planned", r->planned);
    json_member_i64(w, "done", r->done);
    api_put_usd(w, "cost_usd", r->cost_nano);
    json_member_string(w, "verdict", r->verdict);
    if (brief) put_brief(c, r);
    else json_member_raw(w, "summary", slice_is_null(r->summary) ? SLICE("null") : r->summary);
}

void api_evals_show(struct api_call *c) {
    struct run_row row;
    if (!api_eval_find(c, &row)) return;
    json_object(&c->json);
    api_eval_put(c, &row, false);
    json_object_end(&c->json);
}

/* ---- all runs ---- */

struct listing {
    struct api_call *c;
    int64_t left, last;
    bool more;
};

static bool list_one(void *ctx, const struct run_row *r) {
    struct listing *l = ctx;
    l->more = l->left-- == 0;
    if (l->more) return false;
    json_object(&l->c->json);
    api_eval_put(l->c, r, true);
    json_object_end(&l->c->json);
    l->last = r->number;
    return !l->c->json.out->overflow;
}

void api_evals_list(struct api_call *c) {
    struct listing l = {.c = c, .left = api_number(c, "limit", 100)};
    struct slice before = api_text(c, "before"), suite = api_text(c, "suite");
    struct error error = {.fault = FAULT_NONE};
    int64_t from = INT64_MAX, reference = 0;
    char text[64];
    if (!api_need_evaluations(c)) return;
    if (!slice_is_null(before) && !eval_run_number(before, &from)) {
        api_fail(c, FAULT_BAD_REQUEST, "before: expected a run such as run-12");
        return;
    }
    json_object(&c->json);
    json_key(&c->json, "runs");
    json_array(&c->json);
    if (!api_check(c, run_list(c->s->evaluations, suite, from, c->arena, list_one, &l, &error), &error)) return;
    json_array_end(&c->json);
    if (!slice_is_null(suite) && !api_check(c, run_reference(c->s->evaluations, suite, &reference, &error), &error)) return;
    snprintf(text, sizeof text, "run-%lld", (long long)reference);
    json_member_text(&c->json, "reference", reference > 0 ? text : NULL);
    snprintf(text, sizeof text, "run-%lld", (long long)l.last);
    json_member_text(&c->json, "next", l.more ? text : NULL);
    json_object_end(&c->json);
}

/* ---- its results ---- */

struct page {
    struct api_call *c;
    int64_t left;
    unsigned case_at, repeat; /* the last one in it */
    size_t n;
    bool more;
};

static bool put_result(void *ctx, const struct run_result *r) {
    struct page *p = ctx;
    struct json_writer *w = &p->c->json;
    p->more = p->left == 0 || (p->n > 0 && w->out->len + r->body.len > PAGE_BYTES);
    if (p->more) return false;
    json_put_raw(w, r->body);
    p->left--;
    p->n++;
    p->case_at = r->case_at;
    p->repeat = r->repeat;
    return !w->out->overflow;
}

static bool read_after(struct api_call *c, int64_t *ret_case, int64_t *ret_repeat) {
    struct slice after = api_text(c, "after"), head, tail;
    if (slice_is_null(after)) return true;
    if (slice_cut(after, '-', &head, &tail) && slice_to_i64(head, ret_case) && slice_to_i64(tail, ret_repeat)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "after: expected `next` of the page before");
    return false;
}

static int verdict_of(const struct api_call *c) {
    static const char *const names[] = {"pass", "fail", "error"};
    for (int i = 0; i < 3; i++)
        if (api_has_choice(c, "verdict", names[i], false)) return i;
    return -1;
}

void api_evals_results(struct api_call *c) {
    struct run_row row;
    struct page p = {.c = c, .left = api_number(c, "limit", 100)};
    struct error error = {.fault = FAULT_NONE};
    int64_t after_case = -1, after_repeat = -1;
    char next[48];
    if (!api_eval_find(c, &row) || !read_after(c, &after_case, &after_repeat)) return;
    json_object(&c->json);
    json_key(&c->json, "results");
    json_array(&c->json);
    if (!api_check(c, run_results(c->s->evaluations, row.number, after_case, after_repeat, verdict_of(c), NULL, put_result, &p, &error), &error))
        return;
    json_array_end(&c->json);
    snprintf(next, sizeof next, "%u-%u", p.case_at, p.repeat);
    json_member_text(&c->json, "next", p.more ? next : NULL);
    json_object_end(&c->json);
}
