/* Routing by difficulty: what a model with tiers does, turning it on and off. */
#include "control/api.h"

#include "base/clock.h"
#include "control/api_route.h"
#include "cost/route_seen.h"

#define DAY_US (86400 * 1000000LL)
#define SEEN_SPAN (7 * DAY_US)

const struct model_route *api_route_model(struct api_call *c) {
    struct slice name = api_text(c, "model");
    const struct model_route *m = c->policy ? table_get(&c->policy->model_by_name, name) : NULL;
    if (!c->s->registry)
        api_fail(c, FAULT_NOT_RUNNING, "there is no registry: start the server, or name its data_dir");
    else if (!c->policy)
        api_fail(c, FAULT_NOT_RUNNING, "models are known to the configuration only: start the server, or say -c FILE");
    else if (!m)
        api_fail(c, FAULT_NOT_FOUND, "no model `" SLICE_FMT "` is configured", SLICE_ARG(name));
    else if (!m->tiering)
        api_fail(c, FAULT_BAD_REQUEST, "model: `%s` has no `tiers` in the configuration, so nothing is routed by difficulty", m->name);
    else
        return m;
    return NULL;
}

void api_route_put_tiers(struct json_writer *w, const struct tiering *t) {
    json_key(w, "tiers");
    json_array(w);
    for (unsigned i = 0; i < t->n_tiers; i++) json_put_text(w, t->tiers[i].name);
    json_array_end(w);
}

/* ---- state ---- */

static void put_if(struct json_writer *w, const char *key, int64_t n) {
    if (n >= 0) json_member_i64(w, key, n);
}

static void put_flag(struct json_writer *w, const char *key, int is) {
    if (is >= 0) json_member_bool(w, key, is != 0);
}

static void put_rules(struct json_writer *w, const struct tiering *t) {
    json_key(w, "rules");
    json_array(w);
    for (unsigned i = 0; i < t->n_rules; i++) {
        const struct tier_rule *r = &t->rules[i];
        json_object(w);
        json_key(w, "when");
        json_object(w);
        put_if(w, "min_input_chars", r->min_input_chars);
        put_if(w, "max_input_chars", r->max_input_chars);
        put_if(w, "min_turns", r->min_turns);
        put_flag(w, "has_code", r->has_code);
        put_flag(w, "has_images", r->has_images);
        put_flag(w, "has_tools", r->has_tools);
        if (r->request_type) json_member_text(w, "request_type", r->request_type);
        if (r->feature) json_member_text(w, "feature", r->feature);
        json_object_end(w);
        json_member_text(w, "tier", t->tiers[r->tier].name);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_seen(struct json_writer *w, const struct tiering *t, const struct route_seen *s, int64_t from_us, int64_t to_us) {
    json_key(w, "seen");
    json_object(w);
    api_put_time(w, "from", from_us);
    api_put_time(w, "to", to_us);
    json_member_i64(w, "records", (int64_t)s->records);
    json_key(w, "chosen");
    json_object(w);
    for (unsigned i = 0; i < t->n_tiers; i++) json_member_i64(w, t->tiers[i].name, (int64_t)s->chosen[i]);
    json_object_end(w);
    json_member_i64(w, "other", (int64_t)s->other);
    json_member_i64(w, "applied", (int64_t)s->applied);
    json_member_i64(w, "agreed", (int64_t)s->agreed);
    api_put_usd(w, "cost_usd", s->cost_nano);
    json_member_i64(w, "unpriced", (int64_t)s->unpriced);
    json_member_i64(w, "would_save_records", (int64_t)s->would_save_records);
    api_put_usd(w, "would_save_usd", s->would_save_nano);
    json_object_end(w);
}

static void put_json(struct json_writer *w, const char *key, struct slice json) {
    json_member_raw(w, key, slice_is_null(json) ? SLICE("null") : json);
}

void api_route_show(struct api_call *c) {
    const struct model_route *m = api_route_model(c);
    struct registry_tiering state;
    struct route_seen seen;
    struct error error;
    int64_t from, to;
    if (!m || !api_window(c, SEEN_SPAN, &from, &to)) return;
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!api_check(c, registry_tiering_find(c->s->registry, slice_of(m->name), c->arena, &state, &error), &error)) return;
    if (!api_check(c, route_seen_read(c->s->ledger, m, from, to, &seen, &error), &error)) return;
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_text(w, "model", m->name);
    api_route_put_tiers(w, m->tiering);
    json_member_text(w, "state", state.on ? "on" : "shadow");
    json_key(w, "in_force");
    if (c->s->reload) json_put_bool(w, m->tiering->on == state.on && (slice_is_null(state.trained) || m->tiering->weights));
    else json_put_null(w);
    api_put_time(w, "changed_at", state.changed_us);
    json_member_string(w, "changed_by", state.changed_by);
    json_member_string(w, "why", state.why);
    put_rules(w, m->tiering);
    put_json(w, "trained", state.trained);
    api_put_time(w, "trained_at", state.trained_us);
    json_member_string(w, "trained_by", state.trained_by);
    put_json(w, "downgrade_test", state.downgrade);
    api_put_time(w, "downgrade_test_at", state.downgrade_us);
    put_seen(w, m->tiering, &seen, from, to);
    json_object_end(w);
}

/* ---- on and off ---- */

/* False after the failure was answered. */
bool api_route_apply(struct api_call *c, const char *action, struct slice model, struct slice detail, struct buffer *problems,
                     bool *ret_in_force) {
    struct error error;
    if (!api_check(c, api_audit(c, action, model, detail, &error), &error)) return false;
    *ret_in_force = api_put_in_force(c, problems);
    if (*ret_in_force || !c->s->reload) return true;
    api_fail_problems(c, FAULT_CONFIG,
                      "it is kept in the registry but not in force: the policy could not be read again; mend the configuration and "
                      "reload", buffer_slice(problems));
    return false;
}

void api_route_switch(struct api_call *c) {
    const struct model_route *m = api_route_model(c);
    struct slice why = api_text(c, "reason");
    bool on = slice_is(api_text(c, "state"), "on"), in_force;
    struct registry_tiering state;
    struct buffer problems;
    struct error error;
    if (!m) return;
    struct slice model = slice_of(m->name);
    if (!api_check(c, registry_tiering_find(c->s->registry, model, c->arena, &state, &error), &error)) return;
    if (on && slice_is_null(why)) {
        api_fail(c, FAULT_BAD_REQUEST, "reason is missing: why the answers may come from a cheaper model; kept in the audit log");
        return;
    }
    if (on && slice_is_null(state.trained) && m->tiering->n_rules == 0) {
        api_fail(c, FAULT_CONFLICT, "`%s` has neither rules nor trained weights: nothing would change", m->name);
        return;
    }
    enum fault fault = registry_tiering_switch(c->s->registry, model, on, slice_of(c->actor), why, clock_wall_us(), &error);
    if (!api_check(c, fault, &error)) return;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    if (api_route_apply(c, on ? "route.on" : "route.off", model, SLICE_NULL, &problems, &in_force)) {
        json_object(&c->json);
        json_member_text(&c->json, "model", m->name);
        json_member_text(&c->json, "state", on ? "on" : "shadow");
        json_member_bool(&c->json, "in_force", in_force);
        json_member_string(&c->json, "why_not", in_force ? SLICE_NULL : buffer_slice(&problems));
        json_object_end(&c->json);
    }
    buffer_deinit(&problems);
}
