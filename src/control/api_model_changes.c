/* Versions of providers' models: what answers as another one than before, and a person's word on it. */
#include "control/api.h"

#include "base/clock.h"
#include "store/live_prompts.h"

static void put_change(struct json_writer *w, const struct model_change *m) {
    json_member_i64(w, "number", m->number);
    json_member_string(w, "model", m->model);
    json_member_string(w, "provider", m->provider);
    json_member_string(w, "target", m->target);
    json_member_string(w, "before", m->before);
    json_member_string(w, "after", m->after);
    api_put_time(w, "seen", m->seen_us);
    json_member_i64(w, "answers", m->answers);
    json_member_string(w, "state", m->state);
    json_member_string(w, "held_to", m->held_to);
    json_member_raw(w, "runs", m->runs.len > 0 ? m->runs : SLICE("[]"));
    json_member_string(w, "decided_by", m->decided_by);
    json_member_string(w, "why", m->why);
    api_put_time(w, "decided", m->decided_us);
}

void api_model_changes(struct api_call *c) {
    struct model_change *all = NULL;
    unsigned n = 0;
    struct error error;
    struct slice state = api_text(c, "state");
    if (!api_need_registry(c) || !api_check(c, model_changes(c->s->registry, state, c->arena, &all, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "changes");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        if (slice_is(all[i].state, "seen")) continue; /* too few answers yet */
        json_object(&c->json);
        put_change(&c->json, &all[i]);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

static bool find(struct api_call *c, struct model_change *ret) {
    struct model_change *all;
    unsigned n = 0;
    struct error error;
    int64_t number = api_number(c, "number", 0);
    if (!api_need_registry(c) || !api_check(c, model_changes(c->s->registry, SLICE_NULL, c->arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++)
        if (all[i].number == number && !slice_is(all[i].state, "seen")) {
            *ret = all[i];
            return true;
        }
    api_fail(c, FAULT_NOT_FOUND, "no change of a model has the number %lld; `quarterdeck model changes` lists them", (long long)number);
    return false;
}

static void decide(struct api_call *c, struct model_change *m, const char *state, const char *action, struct slice to) {
    struct error error = {.fault = FAULT_NONE};
    bool held = slice_is(m->state, "held"), already = slice_is(m->state, state) && (!held || slice_eq(m->held_to, to));
    m->state = slice_of(state);
    m->held_to = to;
    m->decided_by = slice_of(c->actor);
    m->why = api_text(c, "reason");
    m->decided_us = clock_wall_us();
    const struct audit_entry audit = {.at_us = m->decided_us, .actor = m->decided_by, .action = slice_of(action), .reason = m->why,
                                      .subject = arena_printf(c->arena, "model:" SLICE_FMT, SLICE_ARG(m->model)),
                                      .detail = arena_printf(c->arena, "{\"change\": %lld}", (long long)m->number)};
    if (!already && !api_check(c, model_change_put(c->s->registry, m, &audit, &error), &error)) return;
    bool moves = held || slice_is(m->state, "held");
    if (moves && c->s->deployments_changed != NULL && !api_check(c, c->s->deployments_changed(c->s->change_ctx, &error), &error)) return;
    json_object(&c->json);
    put_change(&c->json, m);
    json_member_bool(&c->json, "already", already);
    json_object_end(&c->json);
}

void api_model_accept(struct api_call *c) {
    struct model_change m;
    if (find(c, &m)) decide(c, &m, "accepted", "model.accept", SLICE_NULL);
}

void api_model_release(struct api_call *c) {
    struct model_change m;
    if (!find(c, &m)) return;
    if (slice_is(m.state, "accepted")) {
        api_fail(c, FAULT_CONFLICT, "change %lld is accepted: nothing is held", (long long)m.number);
        return;
    }
    decide(c, &m, "open", "model.release", SLICE_NULL);
}

/* Another one, which is there and is not held itself: one step, so that nobody goes round in circles. */
static bool may_answer(struct api_call *c, const struct model_change *m, struct slice to) {
    struct model_change *held;
    unsigned n = 0;
    struct error error;
    if (slice_eq(to, m->model)) {
        api_fail(c, FAULT_BAD_REQUEST, "model " SLICE_FMT " cannot answer in its own stead: name another one, such as one with a pinned target", SLICE_ARG(to));
        return false;
    }
    if (c->policy != NULL && table_get(&c->policy->model_by_name, to) == NULL) {
        api_fail(c, FAULT_NO_SUCH_MODEL, "no model `" SLICE_FMT "` is configured; `quarterdeck model list` lists them", SLICE_ARG(to));
        return false;
    }
    if (!api_check(c, model_changes(c->s->registry, SLICE("held"), c->arena, &held, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(held[i].model, to) || (slice_eq(held[i].held_to, m->model) && held[i].number != m->number)) {
            api_fail(c, FAULT_CONFLICT, "change %lld holds " SLICE_FMT " to " SLICE_FMT " already", (long long)held[i].number, SLICE_ARG(held[i].model), SLICE_ARG(held[i].held_to));
            return false;
        }
    return true;
}

void api_model_hold(struct api_call *c) {
    struct model_change m;
    struct slice to = api_text(c, "to");
    if (!find(c, &m)) return;
    if (slice_is(m.state, "accepted")) api_fail(c, FAULT_CONFLICT, "change %lld is accepted already; a version that comes after it can be held", (long long)m.number);
    else if (may_answer(c, &m, to)) decide(c, &m, "held", "model.hold", to);
}
