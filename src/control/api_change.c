#include "control/api_change.h"

#include "base/clock.h"

struct slice api_change_kind(const struct api_call *c) {
    return slice_starts(slice_of(c->route->path), SLICE("/api/v1/knowledge")) ? SLICE("knowledge") : SLICE("prompt");
}

bool api_change_person(struct api_call *c, struct slice as, struct actor *ret) {
    bool known = api_is_named(c), named = as.len > 0;
    if (known && named && !slice_is(as, c->actor)) {
        api_fail(c, FAULT_NOT_PERMITTED, "as: with a token or a session you are `%s` and nobody else; `as` is for servers without tokens and users", c->actor);
        return false;
    }
    *ret = (struct actor){.name = named ? as : slice_of(c->actor), .role = c->who.role};
    return true;
}

static bool has(const struct api_call *c, const char *name) {
    for (const struct api_parameter *p = c->route->parameters; p != NULL && p->name != NULL; p++)
        if (strcmp(p->name, name) == 0) return true;
    return false;
}

bool api_change_act(struct api_call *c, struct act *ret) {
    struct act a = {.registry = c->s->registry, .kind = api_change_kind(c), .name = api_text(c, "name"), .at_us = clock_wall_us(), .arena = c->arena};
    if (!api_need_registry(c)) return false;
    if (has(c, "version")) a.which = api_text(c, "version");
    if (has(c, "reason")) a.why = api_text(c, "reason");
    if (has(c, "if_revision")) a.seen = (uint64_t)api_number(c, "if_revision", 0);
    if (!api_change_person(c, has(c, "as") ? api_text(c, "as") : SLICE_NULL, &a.who)) return false;
    if (c->policy != NULL) {
        a.policy = &c->policy->change;
    } else {
        struct change_policy *defaults = arena_new(c->arena, struct change_policy);
        if (defaults == NULL) return api_check(c, FAULT_TOO_LARGE, NULL);
        change_policy_defaults(c->arena, defaults);
        a.policy = defaults;
    }
    *ret = a;
    return true;
}

/* Committed already: what is not in force yet is told, and no error. */
static bool put_in_force(struct api_call *c, struct slice *words) {
    struct error error = {.fault = FAULT_NONE};
    if (c->s->deployments_changed == NULL) {
        *words = arena_printf(c->arena, SLICE_FMT ". No server is running: it is in force when one starts", SLICE_ARG(*words));
        return false;
    }
    if (c->s->deployments_changed(c->s->change_ctx, &error) == FAULT_NONE) return true;
    *words = arena_printf(c->arena, SLICE_FMT ". It is kept and not in force yet: %s", SLICE_ARG(*words), error.text);
    return false;
}

bool api_change_answer(struct api_call *c, const struct act *a, enum fault fault, const struct act_outcome *o, bool deploy, const struct error *error) {
    struct json_writer *w = &c->json;
    if (!api_check(c, fault, error)) return false;
    struct slice words = o->words;
    bool in_force = !deploy || put_in_force(c, &words);
    json_object(w);
    json_member_string(w, "kind", a->kind);
    json_member_string(w, "name", a->name);
    json_key(w, "version");
    if (o->version.version != 0) json_put_i64(w, o->version.version);
    else json_put_null(w);
    json_member_text(w, "state", o->version.version != 0 ? version_state_name(o->version.state) : NULL);
    json_member_text(w, "class", o->version.version != 0 ? change_class_name(lifecycle_class(&o->version)) : NULL);
    json_key(w, "production");
    if (o->subject.production != 0) json_put_i64(w, o->subject.production);
    else json_put_null(w);
    json_member_i64(w, "revision", (int64_t)o->subject.revision);
    json_member_bool(w, "already", o->already);
    json_member_bool(w, "in_force", in_force);
    json_member_string(w, "words", words);
    json_object_end(w);
    return true;
}
