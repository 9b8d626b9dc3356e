#include "cost/downgrade_kept.h"

#include "base/clock.h"
#include "base/mem.h"
#include "cost/downgrade_draw.h"
#include "cost/route_seen.h"
#include "store/findings.h"
#include "store/registry_tiering.h"
#include "store/score.h"

#include <stdio.h>

#define RESULT_MOST (64u << 10)
#define CLOCK_SLACK_US (3600 * 1000000LL) /* a clock that was set back has left records before the run's begin */

static int64_t now_us(void *ctx) {
    (void)ctx;
    return clock_wall_us();
}

/* ---- what is remembered ---- */

static struct slice name_of(struct arena *arena, const char *model) { return arena_printf(arena, "cost.downgrade.%s", model); }

static enum fault recall(void *ctx, const char *model, struct downgrade_memory *ret, struct error *error) {
    struct downgrade_kept *k = ctx;
    struct downgrade_memory m = {0};
    struct arena arena;
    struct json_doc d;
    struct slice body = SLICE_NULL;
    int64_t at_us, tries = 0;
    arena_init(&arena, 1 << 10, 64 << 10);
    enum fault fault = registry_kept(k->registry, name_of(&arena, model), &arena, &body, &at_us, error);
    if (fault == FAULT_NONE && !slice_is_null(body)) fault = json_read(body, &arena, UINT16_MAX, &d, error);
    if (fault == FAULT_NONE && !slice_is_null(body)) {
        (void)json_get_i64(&d, json_get(&d, 0, "done_us"), &m.done_us);
        (void)json_get_i64(&d, json_get(&d, 0, "begun_us"), &m.begun_us);
        (void)json_get_i64(&d, json_get(&d, 0, "tries"), &tries);
        m.tries = (unsigned)tries;
        struct slice run = json_string(&d, json_get(&d, 0, "run"), &arena);
        (void)snprintf(m.run, sizeof m.run, SLICE_FMT, SLICE_ARG(run));
    }
    if (fault == FAULT_NONE) *ret = m;
    arena_deinit(&arena);
    return fault;
}

static enum fault remember(void *ctx, const char *model, const struct downgrade_memory *m, struct error *error) {
    struct downgrade_kept *k = ctx;
    struct buffer body;
    struct arena arena;
    struct json_writer w;
    arena_init(&arena, 1 << 10, 64 << 10);
    buffer_init(&body, 4 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_i64(&w, "done_us", m->done_us);
    json_member_i64(&w, "begun_us", m->begun_us);
    json_member_i64(&w, "tries", m->tries);
    json_member_text(&w, "run", m->run);
    json_object_end(&w);
    enum fault fault = registry_keep(k->registry, name_of(&arena, model), buffer_slice(&body), clock_wall_us(), error);
    buffer_deinit(&body);
    arena_deinit(&arena);
    return fault;
}

/* ---- the sample ---- */

static enum fault draw(void *ctx, const struct model_route *m, size_t want, int64_t seed, struct arena *arena,
                       struct downgrade_case **ret, size_t *ret_n, struct error *error) {
    struct downgrade_kept *k = ctx;
    struct downgrade_draw drawn;
    int64_t now = clock_wall_us();
    if (k->writer != NULL) ledger_writer_drain(k->writer);
    enum fault fault = downgrade_draw(k->ledger, m, slice_of(m->tiering->downgrade.application), now - k->span_us, now + CLOCK_SLACK_US, want, (uint64_t)seed, arena, &drawn, error);
    if (fault != FAULT_NONE) return fault;
    *ret = drawn.cases;
    *ret_n = drawn.n;
    return FAULT_NONE;
}

/* ---- this run's records ---- */

static enum fault each_of_run(struct downgrade_kept *k, const char *tag, const char *run, const char *application, int64_t from_us,
                              bool (*each)(void *ctx, const struct record *r), void *ctx, struct error *error) {
    char text[64];
    (void)snprintf(text, sizeof text, "%s=%s", tag, run);
    struct record_filter f = {.from_us = from_us, .application = slice_of(application), .tag = slice_of(text), .status = -1};
    if (k->writer != NULL) ledger_writer_drain(k->writer);
    return route_each_record(k->ledger, &f, each, ctx, error);
}

static bool add_cost(void *ctx, const struct record *r) {
    int64_t *sum = ctx;
    if (money_is_known(r->cost_nano)) *sum += r->cost_nano;
    return true;
}

static enum fault resume(void *ctx, const struct model_route *m, const struct downgrade_memory *of, int64_t *ret_spent_nano,
                         bool *ret_kept, struct error *error) {
    struct downgrade_kept *k = ctx;
    const char *application = m->tiering->downgrade.application;
    struct registry_tiering state;
    struct arena arena;
    struct json_doc d;
    int64_t spent = 0, from = of->begun_us - CLOCK_SLACK_US;
    arena_init(&arena, 4 << 10, 1 << 20);
    enum fault fault = each_of_run(k, "downgrade-test", of->run, application, from, add_cost, &spent, error);
    if (fault == FAULT_NONE) fault = each_of_run(k, "downgrade-judge", of->run, application, from, add_cost, &spent, error);
    if (fault == FAULT_NONE) fault = registry_tiering_find(k->registry, slice_of(m->name), &arena, &state, error);
    if (fault == FAULT_NONE) {
        *ret_spent_nano = spent;
        *ret_kept = !slice_is_null(state.downgrade) && json_read(state.downgrade, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE &&
                    json_is(&d, json_get(&d, 0, "run"), of->run);
    }
    arena_deinit(&arena);
    return fault;
}

struct noting {
    struct downgrade_pair *pairs;
    size_t n;
    struct arena *arena;
};

static struct slice tag_value(struct slice tags, struct slice key) {
    struct slice rest = tags, one, name, value;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        if (slice_cut(one, '=', &name, &value) && slice_eq(name, key)) return value;
    }
    return SLICE_NULL;
}

static bool note(void *ctx, const struct record *r) {
    struct noting *g = ctx;
    char id[RECORD_ID_TEXT];
    struct slice of = tag_value(r->tags, SLICE("downgrade-of"));
    for (size_t i = 0; i < g->n && r->status == RECORD_OK; i++) {
        struct downgrade_pair *p = &g->pairs[i];
        if (!slice_eq(of, p->before->id)) continue;
        record_id_format(&r->id, id);
        p->id = arena_slice(g->arena, slice_of(id));
        p->cost_nano = r->cost_nano;
        p->duration_us = r->duration_us;
    }
    return true;
}

static void look_up(void *ctx, const struct downgrade_ask *a, struct downgrade_pair *pairs, size_t n, struct arena *arena) {
    struct downgrade_kept *k = ctx;
    struct noting g = {pairs, n, arena};
    struct error error;
    (void)!each_of_run(k, "downgrade-test", a->run, NULL, clock_wall_us() - 2 * k->span_us, note, &g, &error); /* what is not found is unknown */
}

/* ---- the result ---- */

static enum fault keep_scores(struct downgrade_kept *k, const struct downgrade_ask *a, const struct downgrade_result *r,
                              struct error *error) {
    struct score *scores = mem_new_array(struct score, 2 * r->n + 1);
    size_t n = 0, bad = 0;
    for (size_t i = 0; i < 2 * r->n; i++) {
        const struct downgrade_pair *p = &r->pairs[i / 2];
        bool after = i % 2 == 1;
        if (!p->scored || slice_is_null(p->id)) continue;
        struct score *s = &scores[n];
        *s = (struct score){.name = slice_of(downgrade_ask_name(a)), .source = slice_of(downgrade_ask_source(a)), .at_us = clock_wall_us()};
        s->value_ppm = (int32_t)(downgrade_ask_value(a, p, after) * SCORE_PPM + 0.5);
        n += record_id_parse(after ? p->id : p->before->id, &s->record);
    }
    enum fault fault = n > 0 ? ledger_scores_put(k->ledger, scores, n, &bad, error) : FAULT_NONE;
    mem_free(scores);
    return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault; /* a day that retention took meanwhile: its scores would go with it */
}

static enum fault keep(void *ctx, const struct model_route *m, const struct downgrade_ask *a, const struct downgrade_result *r,
                       int64_t seed, struct error *error) {
    struct downgrade_kept *k = ctx;
    struct slice model = slice_of(m->name), by = SLICE(DOWNGRADE_ACTOR);
    struct buffer body;
    struct json_writer w;
    int64_t now = clock_wall_us();
    buffer_init(&body, RESULT_MOST);
    json_start(&w, &body);
    downgrade_ask_write(a, m->name, r, seed, &w);
    struct audit_entry entry = {.at_us = now, .actor = by, .action = SLICE("route.downgrade_test"), .subject = model, .detail = buffer_slice(&body)};
    enum fault fault = body.overflow ? error_set(error, FAULT_TOO_LARGE, "the result needs too much room") : keep_scores(k, a, r, error);
    if (fault == FAULT_NONE) fault = registry_audit(k->registry, &entry, error);
    if (fault == FAULT_NONE) fault = registry_tiering_downgrade(k->registry, model, buffer_slice(&body), by, now, error);
    buffer_deinit(&body);
    return fault;
}

void downgrade_kept_world(struct downgrade_kept *k, struct downgrade_world *ret) {
    *ret = (struct downgrade_world){.ctx = k, .now_us = now_us, .recall = recall, .remember = remember, .draw = draw, .resume = resume,
                                    .look_up = look_up, .keep = keep};
}
