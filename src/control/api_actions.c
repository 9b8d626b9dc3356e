/* What was done to live traffic, by itself or by a person: listed, taken, undone. */
#include "control/api_change.h"

#include "base/clock.h"
#include "cost/batch.h"
#include "incident/action.h"
#include "model/quantity.h"

/* ---- one row ---- */

static void put_text(struct json_writer *w, const char *key, struct slice text) { json_member_string(w, key, text.len > 0 ? text : SLICE_NULL); }

static void put_action(struct api_call *c, const struct action_row *a) {
    struct json_writer *w = &c->json;
    struct intervention_spec spec = {.kind = (enum intervention_kind)a->kind};
    bool known = intervention_spec_read(a->scope, c->arena, &spec, NULL) == FAULT_NONE;
    json_key(w, "number");
    if (a->number != 0) json_put_i64(w, a->number);
    else json_put_null(w);
    json_member_text(w, "kind", intervention_name((enum intervention_kind)a->kind));
    json_member_string(w, "about", known ? intervention_about(&spec, c->arena) : SLICE(""));
    json_member_raw(w, "scope", a->scope);
    json_member_text(w, "state", action_state_name(a->state));
    json_key(w, "share");
    if (a->kind == INTERVENTION_FAIL_OVER) json_put_double(w, a->share_ppm / 1e6);
    else json_put_null(w);
    api_put_time(w, "at", a->at_us);
    api_put_time(w, "until", a->until_us);
    api_put_time(w, "ended", a->ended_us);
    put_text(w, "rule", a->rule);
    json_key(w, "alert");
    if (a->alert != 0) json_put_i64(w, a->alert);
    else json_put_null(w);
    put_text(w, "by", a->by);
    put_text(w, "why", a->why);
    put_text(w, "ended_by", a->ended_by);
    put_text(w, "ended_why", a->ended_why);
    put_text(w, "undo", a->undo);
    json_member_string(w, "command", known ? intervention_command(&spec, c->arena) : SLICE_NULL);
}

void api_actions_list(struct api_call *c) {
    struct actions_filter f = {.rule = api_text(c, "rule"), .alert = api_number(c, "alert", 0), .before = api_number(c, "before", 0),
                               .from_us = api_number(c, "from", 0), .limit = (unsigned)api_number(c, "limit", 100)};
    struct action_row *rows;
    unsigned n;
    struct error error;
    enum action_state state;
    if (action_state_from(api_text(c, "state"), &state)) f.states = 1u << state;
    if (api_has_choice(c, "in_force", "true", false)) f.states = ACTIONS_IN_FORCE;
    if (!api_need_registry(c) || !api_check(c, actions_list(c->s->registry, &f, c->arena, &rows, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "actions");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        put_action(c, &rows[i]);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_action_show(struct api_call *c) {
    const struct actions_filter f = {.number = api_number(c, "number", 0)};
    struct action_row *rows;
    unsigned n;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, actions_list(c->s->registry, &f, c->arena, &rows, &n, &error), &error)) return;
    if (n == 0) {
        api_fail(c, FAULT_NOT_FOUND, "no action has the number %lld: `quarterdeck action list` has them", (long long)f.number);
        return;
    }
    json_object(&c->json);
    put_action(c, &rows[0]);
    json_member_raw(&c->json, "evidence", rows[0].evidence.len > 0 ? rows[0].evidence : SLICE("null"));
    json_object_end(&c->json);
}

/* ---- taken and undone ---- */

static void answer(struct api_call *c, enum fault fault, const struct action_outcome *o, const struct error *error) {
    if (!api_check(c, fault, error)) return;
    json_object(&c->json);
    put_action(c, &o->row);
    json_member_bool(&c->json, "already", o->already);
    json_member_bool(&c->json, "published", o->published);
    json_member_string(&c->json, "words", o->words);
    json_object_end(&c->json);
}

static bool begin(struct api_call *c, struct action_services *services, struct action_call *ret) {
    *services = (struct action_services){.ctx = c->s->change_ctx, .publish = c->s->deployments_changed, .emergency = c->s->emergency, .serves = c->s->serves};
    *ret = (struct action_call){.registry = c->s->registry, .policy = c->policy, .services = services, .why = api_text(c, "reason"), .at_us = clock_wall_us(),
                                .spec = {.per_minute = -1}, .arena = c->arena};
    return api_need_registry(c) && api_change_person(c, api_text(c, "as"), &ret->who);
}

/* A batch is known to the server's own books alone. */
static bool knows_batch(struct api_call *c, const struct intervention_spec *s) {
    struct batch row;
    struct error error;
    if (s->kind != INTERVENTION_PAUSE_BATCH || s->batch.len == 0 || c->s->batches == NULL) return true;
    return api_check(c, batches_find(c->s->batches, s->application, s->batch, c->arena, &row, &error), &error);
}

void api_action_take(struct api_call *c) {
    struct action_services services;
    struct action_call call;
    struct action_outcome o = {.already = false};
    struct error error = {.fault = FAULT_NONE};
    struct slice lasts = api_text(c, "for");
    if (!begin(c, &services, &call)) return;
    if (c->policy == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "models, keys and providers are looked up in the configuration, and there is none: name it with -c FILE, or the server with --server URL");
        return;
    }
    if (!intervention_from(api_text(c, "kind"), &call.spec.kind)) { /* the route's own choices */
        api_fail(c, FAULT_BAD_REQUEST, "kind: no such kind of action");
        return;
    }
    for (unsigned m = 0; m < INTERVENTION_MEMBERS; m++)
        *intervention_member(&call.spec, (enum intervention_member)m) = api_text(c, intervention_member_name((enum intervention_member)m));
    call.spec.per_minute = api_number(c, "per_minute", -1);
    call.spec.dry_run = api_has_choice(c, "dry_run", "true", false);
    if (lasts.len > 0 && (!duration_parse(lasts, &call.spec.lasts_us) || call.spec.lasts_us <= 0)) {
        api_fail(c, FAULT_BAD_REQUEST, "for: expected a duration such as 1h or 30m, found '" SLICE_FMT "'", SLICE_ARG(lasts));
        return;
    }
    if (knows_batch(c, &call.spec)) answer(c, action_take(&call, &o, &error), &o, &error);
}

void api_action_undo(struct api_call *c) {
    struct action_services services;
    struct action_call call;
    struct action_outcome o = {.already = false};
    struct error error = {.fault = FAULT_NONE};
    if (begin(c, &services, &call)) answer(c, action_undo(&call, api_number(c, "number", 0), &o, &error), &o, &error);
}
