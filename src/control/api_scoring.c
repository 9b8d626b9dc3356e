/* Scoring of production traffic: how rules are doing, what the scores say, pausing and resuming. Rules themselves are definitions. */
#include "control/api.h"

#include "base/clock.h"
#include "control/judge_book.h"
#include "quality/online_report.h"
#include "quality/scoring.h"
#include "store/definitions.h"

#define WEEK_US (7LL * 86400 * 1000000)
#define CONFIDENCE 0.95

/* ---- how rules are doing ---- */

static void put_state(struct api_call *c, const struct definition *d, const struct scored_rule *r, const struct scored_counts *n, int64_t waiting) {
    struct json_doc doc;
    struct json_writer *w = &c->json;
    struct slice application = SLICE_NULL;
    if (json_read(d->body, c->arena, 1, &doc, NULL) == FAULT_NONE) application = json_string(&doc, json_get(&doc, 0, "application"), c->arena);
    json_object(w);
    json_member_string(w, "name", d->name);
    json_member_i64(w, "version", d->version);
    json_member_string(w, "application", application);
    json_member_text(w, "state", r->paused ? "paused" : slice_is_null(r->position) ? "new" : "on");
    api_put_time(w, "changed_at", r->changed_us);
    json_member_string(w, "changed_by", r->by);
    json_member_string(w, "why", r->why);
    json_key(w, "last_7_days");
    json_object(w);
    json_member_i64(w, "matched", n->matched);
    json_member_i64(w, "taken", n->taken);
    json_member_i64(w, "beyond_at_most", n->over);
    json_object_end(w);
    json_member_i64(w, "waiting", waiting);
    json_object_end(w);
}

struct rules {
    struct api_call *c;
    struct definition *all;
    unsigned n, most;
};

static bool collect(void *ctx, const struct definition *d) {
    struct rules *r = ctx;
    if (r->n == r->most) return false;
    r->all[r->n++] = (struct definition){.name = arena_slice(r->c->arena, d->name), .version = d->version, .body = arena_slice(r->c->arena, d->body)};
    return true;
}

static bool put_rule(struct api_call *c, const struct definition *d) {
    struct scored_rule r;
    struct scored_counts n = {0};
    struct error error;
    int64_t waiting = 0, now_us = clock_wall_us();
    if (!api_check(c, scored_rule_find(c->s->evaluations, d->name, c->arena, &r, &error), &error) ||
        !api_check(c, scored_count(c->s->evaluations, d->name, now_us - WEEK_US, now_us, &n, &error), &error) ||
        !api_check(c, scored_count_waiting(c->s->evaluations, d->name, &waiting, &error), &error))
        return false;
    put_state(c, d, &r, &n, waiting);
    return true;
}

void api_scoring_states(struct api_call *c) {
    struct error error;
    struct slice only = api_text(c, "rule");
    struct rules rules = {.c = c, .most = LIMIT_PAGE};
    if (!api_need_evaluations(c)) return;
    rules.all = arena_new_array(c->arena, struct definition, rules.most);
    if (rules.all == NULL || !api_check(c, definition_list(c->s->evaluations, SLICE("scoring"), SLICE_NULL, c->arena, collect, &rules, &error), &error))
        return;
    bool found = slice_is_null(only);
    json_object(&c->json);
    json_key(&c->json, "rules");
    json_array(&c->json);
    for (unsigned i = 0; i < rules.n; i++) {
        if (!slice_is_null(only) && !slice_eq(only, rules.all[i].name)) continue;
        found = true;
        if (!put_rule(c, &rules.all[i])) return;
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
    if (!found) api_fail(c, FAULT_NOT_FOUND, "there is no scoring rule `" SLICE_FMT "`", SLICE_ARG(only));
}

/* False after having said that there is none. */
static bool find_rule(struct api_call *c, struct definition *ret) {
    struct error error;
    return api_need_evaluations(c) &&
           api_check(c, definition_find(c->s->evaluations, SLICE("scoring"), api_text(c, "name"), SLICE_NULL, c->arena, ret, &error), &error);
}

/* ---- pausing ---- */

static void change(struct api_call *c, bool paused) {
    struct definition d;
    struct error error;
    struct slice why = api_text(c, "reason");
    if (!find_rule(c, &d) ||
        !api_check(c, api_audit(c, paused ? "scoring.pause" : "scoring.resume", arena_printf(c->arena, "scoring/" SLICE_FMT, SLICE_ARG(d.name)), SLICE_NULL, &error), &error) ||
        !api_check(c, scored_rule_pause(c->s->evaluations, d.name, paused, slice_of(c->actor), why, clock_wall_us(), &error), &error))
        return;
    (void)put_rule(c, &d);
}

void api_scoring_pause(struct api_call *c) { change(c, true); }
void api_scoring_resume(struct api_call *c) { change(c, false); }

/* ---- what the scores say ---- */

static bool calibration(void *ctx, const struct digest *identity, struct judge_calibration *ret) {
    struct api_call *c = ctx;
    struct error error;
    return judge_book_find(c->s->evaluations, identity, c->arena, ret, &error) == FAULT_NONE && ret->n > 0;
}

void api_scoring_report(struct api_call *c) {
    static const char *const names[] = {[ONLINE_BY_REQUEST_TYPE] = "request_type", [ONLINE_BY_PROMPT] = "prompt", [ONLINE_BY_MODEL] = "model"};
    struct online_report_query q = {.confidence = CONFIDENCE, .calibration = calibration, .ctx = c};
    struct definition d;
    struct error error;
    for (enum online_by by = ONLINE_BY_REQUEST_TYPE; by <= ONLINE_BY_MODEL; by++)
        if (slice_is(api_text(c, "by"), names[by])) q.by = by;
    if (!find_rule(c, &d) || !api_window(c, WEEK_US, &q.from_us, &q.to_us)) return;
    q.rule = d.name;
    json_object(&c->json);
    json_member_string(&c->json, "rule", d.name);
    api_put_time(&c->json, "from", q.from_us);
    api_put_time(&c->json, "to", q.to_us);
    json_member_string(&c->json, "by", api_text(c, "by"));
    if (!api_check(c, online_report_write(c->s->evaluations, &q, &c->json, &error), &error)) return;
    json_object_end(&c->json);
}
