/* What the server runs by itself: each trigger of the registered suites, its next turn, its last run. */
#include "control/api.h"

#include "base/clock.h"
#include "quality/suite.h"
#include "quality/trigger.h"
#include "store/definitions.h"
#include "store/runs.h"
#include "store/triggers.h"

#include <stdio.h>

enum { WHAT = 160, SUITES = 1000 };
#define SUITE_ROOM (8 * (size_t)LIMIT_SUITE_FILE)

struct names {
    struct api_call *c;
    struct slice *all;
    unsigned n;
};

static bool collect(void *ctx, const struct definition *d) {
    struct names *n = ctx;
    n->all[n->n] = arena_slice(n->c->arena, d->name);
    n->n += !slice_is_null(n->all[n->n]);
    return n->n < SUITES;
}

static void put_run(struct api_call *c, int64_t number) {
    struct run_row row;
    struct error error;
    char text[32];
    json_key(&c->json, "last_run");
    if (number == 0 || run_find(c->s->evaluations, number, c->arena, &row, &error) != FAULT_NONE) {
        json_put_null(&c->json);
        return;
    }
    (void)snprintf(text, sizeof text, "run-%lld", (long long)number);
    json_object(&c->json);
    json_member_text(&c->json, "run", text);
    api_put_time(&c->json, "ended_at", row.ended_us);
    json_member_string(&c->json, "verdict", row.verdict);
    json_object_end(&c->json);
}

/* False after having answered the error. */
static bool put_trigger(struct api_call *c, const struct suite *s, const struct suite_trigger *t, int64_t now_us) {
    static const char *const names[] = {[SUITE_ON_SCHEDULE] = "schedule", [SUITE_ON_MODEL_CHANGE] = "model-change", [SUITE_ON_PROMPT_CHANGE] = "prompt-change"};
    char what[WHAT];
    struct trigger_state state;
    struct cron cron;
    const struct zone *zone;
    struct error error;
    int64_t next = CRON_NEVER;
    bool timed = t->type == SUITE_ON_SCHEDULE;
    const char *zone_name = slice_is_null(t->zone) ? "UTC" : arena_text(c->arena, t->zone);
    if (timed) (void)snprintf(what, sizeof what, "schedule " SLICE_FMT " %s", SLICE_ARG(t->schedule), zone_name);
    else (void)snprintf(what, sizeof what, "%s", names[t->type]);
    if (!api_check(c, trigger_find(c->s->evaluations, s->name, slice_of(what), c->arena, &state, &error), &error)) return false;
    if (timed && cron_parse(t->schedule, &cron, &error) == FAULT_NONE && zone_load(c->arena, zone_name, &zone, &error) == FAULT_NONE)
        next = trigger_next_us(&cron, zone, state.last_us, now_us);
    json_object(&c->json);
    json_member_string(&c->json, "suite", s->name);
    json_member_text(&c->json, "trigger", names[t->type]);
    json_member_string(&c->json, "schedule", t->schedule);
    json_member_text(&c->json, "zone", timed ? zone_name : NULL);
    json_member_string(&c->json, "application", s->run_as_application);
    api_put_time(&c->json, "next", next == CRON_NEVER ? 0 : next);
    api_put_time(&c->json, "wanted_since", state.wanted_us);
    json_member_string(&c->json, "note", timed || t->type == SUITE_ON_PROMPT_CHANGE ? state.note : SLICE_NULL);
    put_run(c, state.run);
    json_object_end(&c->json);
    return true;
}

static bool put_suite(struct api_call *c, struct slice name, int64_t now_us) {
    struct arena room;
    struct definition d;
    struct suite suite = {.n_cases = 0};
    struct problems problems = {0};
    struct error error;
    bool good = true;
    arena_init(&room, 1 << 20, SUITE_ROOM);
    enum fault fault = definition_find(c->s->evaluations, SLICE("suite"), name, SLICE_NULL, &room, &d, &error);
    if (fault == FAULT_NONE && suite_read(d.body, "suite", NULL, &room, &suite, &problems) == FAULT_NONE)
        for (unsigned i = 0; i < suite.n_triggers && good; i++) good = put_trigger(c, &suite, &suite.triggers[i], now_us);
    suite_deinit(&suite);
    arena_deinit(&room);
    return good && (fault == FAULT_NOT_FOUND || api_check(c, fault, &error)); /* removed meanwhile */
}

void api_eval_schedule(struct api_call *c) {
    struct error error;
    struct names names = {.c = c};
    int64_t now_us = clock_wall_us();
    if (!api_need_evaluations(c)) return;
    names.all = arena_new_array(c->arena, struct slice, SUITES + 1);
    if (names.all == NULL) {
        api_fail(c, FAULT_TOO_LARGE, "no room for the suites");
        return;
    }
    struct arena room; /* the list holds bodies */
    arena_init(&room, 1 << 20, SUITE_ROOM);
    bool good = api_check(c, definition_list(c->s->evaluations, SLICE("suite"), SLICE_NULL, &room, collect, &names, &error), &error);
    arena_deinit(&room);
    if (!good) return;
    json_object(&c->json);
    json_key(&c->json, "triggers");
    json_array(&c->json);
    for (unsigned i = 0; i < names.n; i++)
        if (!put_suite(c, names.all[i], now_us)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}
