/* How a rollout's guardrails stood over time. */
#include "control/api_change.h"

#include "change/guardrail.h"
#include "store/rollout_points.h"

/* As judging_point writes them. */
static const char *const names[] = {"metric", "effect", "low", "high", "threshold", "n_candidate", "n_control", "verdict"};
enum { NAMES = sizeof names / sizeof *names };

static void put(struct api_call *c, const struct rollout_point *p, const struct json_doc *d, uint32_t answer) {
    struct json_writer *w = &c->json;
    uint32_t cursor = JSON_NONE, value;
    json_object(w);
    api_put_time(w, "at", p->at_us);
    json_member_text(w, "stage", rollout_stage_name(p->stage));
    json_member_i64(w, "step", p->step);
    json_member_double(w, "weight", p->weight_ppm / 1e4);
    for (unsigned i = 0; i < NAMES && json_each_item(d, answer, &cursor, &value); i++) {
        if (i == 0) json_member_text(w, "scale", guard_scale_name(guard_scale_of(json_string(d, value, c->arena))));
        json_member_raw(w, names[i], json_raw(d, value));
    }
    json_object_end(w);
}

static enum fault put_points(struct api_call *c, int64_t number, struct error *error) {
    struct rollout_point *all = NULL;
    unsigned n = 0;
    enum fault fault = rollout_points(c->s->registry, number, c->arena, &all, &n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct json_doc d;
        uint32_t cursor = JSON_NONE, answer;
        fault = json_read(all[i].body, c->arena, UINT16_MAX, &d, error);
        while (fault == FAULT_NONE && json_each_item(&d, 0, &cursor, &answer))
            if (json_size(&d, answer) == NAMES) put(c, &all[i], &d, answer);
    }
    return fault;
}

void api_rollout_history(struct api_call *c) {
    struct error error = {.fault = FAULT_NONE};
    struct rollout_row row = {.number = 0};
    struct slice kind = slice_is(api_text(c, "kind"), "knowledge") ? SLICE("knowledge") : SLICE("prompt");
    int64_t wanted = api_number(c, "rollout", 0);
    if (!api_need_registry(c)) return;
    enum fault fault = wanted > 0 ? rollout_numbered(c->s->registry, kind, api_text(c, "name"), wanted, c->arena, &row, &error)
                                  : rollout_find(c->s->registry, kind, api_text(c, "name"), c->arena, &row, &error);
    if (!api_check(c, fault, &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "rollout", row.number);
    json_key(&c->json, "points");
    json_array(&c->json);
    if (!api_check(c, put_points(c, row.number, &error), &error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}
