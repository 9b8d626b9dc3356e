/* acts_override.c - past review and gate in an emergency, and the look at it afterwards: see acts.h. */
#include "change/acts_ground.h"
#include "base/clock.h"
#include "store/findings.h"
#include "store/overrides.h"

/* ---- the finding ---- */

static struct slice key_of(struct arena *arena, struct slice kind, struct slice name, int64_t version) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4 << 10);
    json_start(&w, &out);
    json_array(&w);
    json_put_text(&w, finding_kind_name(FINDING_CHANGE_OVERRIDE));
    json_put_string(&w, kind);
    json_put_string(&w, name);
    json_put_i64(&w, version);
    json_array_end(&w);
    struct slice key = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return key;
}

static struct slice evidence_of(struct arena *arena, struct slice kind, struct slice name, const struct change_approval *o) {
    struct buffer out;
    struct json_writer w;
    char at[CLOCK_TEXT];
    buffer_init(&out, 64 << 10);
    clock_format(o->at_us, at);
    json_start(&w, &out);
    json_object(&w);
    json_member_string(&w, "kind", kind);
    json_member_string(&w, "name", name);
    json_member_i64(&w, "version", o->version);
    json_member_string(&w, "by", o->by);
    json_member_string(&w, "why", o->why);
    json_member_text(&w, "at", at);
    json_object_end(&w);
    struct slice text = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return slice_is_null(text) ? SLICE("{}") : text;
}

static struct finding finding_of(struct arena *arena, struct slice kind, struct slice name, const struct change_approval *o) {
    return (struct finding){
        .kind = FINDING_CHANGE_OVERRIDE, .key = key_of(arena, kind, name, o->version), .evidence = evidence_of(arena, kind, name, o),
        .title = arena_printf(arena, SLICE_FMT "@%lld went past its review and gate by the word of " SLICE_FMT ", and nobody else has looked at it",
                              SLICE_ARG(name), (long long)o->version, SLICE_ARG(o->by)),
        .command = arena_printf(arena, "quarterdeck " SLICE_FMT " review-override '" SLICE_FMT "@%lld' --why '...'", SLICE_ARG(kind), SLICE_ARG(name),
                                (long long)o->version)};
}

enum fault act_tell_overrides(struct registry *r, int64_t now_us, struct error *error) {
    struct arena arena;
    struct open_override *open = NULL;
    struct findings_change done;
    unsigned n = 0;
    arena_init(&arena, 64 << 10, 64u << 20);
    enum fault fault = overrides_open(r, &arena, &open, &n, error);
    struct finding *seen = arena_new_array(&arena, struct finding, n + 1);
    int64_t *ids = arena_new_array(&arena, int64_t, n + 1);
    for (unsigned i = 0; i < n && seen != NULL; i++) seen[i] = finding_of(&arena, open[i].kind, open[i].name, &open[i].said);
    if (fault == FAULT_NONE && arena_is_full(&arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for the findings of overrides");
    if (fault == FAULT_NONE)
        fault = findings_put(r, &(struct findings_look){.kinds = FINDING_BIT(CHANGE_OVERRIDE), .seen = seen, .n_seen = n}, now_us, ids, &done, error);
    arena_deinit(&arena);
    return fault;
}

/* The override that nobody has looked at; NULL: none. */
static const struct change_approval *open_override(const struct change_approval *said, unsigned n) {
    const struct change_approval *open = NULL;
    for (unsigned i = 0; i < n; i++) {
        if (slice_is(said[i].verdict, "override")) open = &said[i];
        if (slice_is(said[i].verdict, "review-override")) open = NULL;
    }
    return open;
}

/* ---- acts ---- */

struct overriding {
    struct ground g;
    struct change_version v;
    struct change_approval *said;
    unsigned n;
};

static enum fault find(const struct act *a, struct overriding *ret, struct error *error) {
    enum fault fault = ground_find(a, &ret->g, error);
    if (fault == FAULT_NONE) fault = changes_version(a->registry, a->kind, a->name, a->which, a->arena, &ret->v, error);
    if (fault == FAULT_NONE) fault = changes_approvals(a->registry, a->kind, a->name, ret->v.version, a->arena, &ret->said, &ret->n, error);
    if (fault == FAULT_NONE && slice_trim(a->why).len == 0) fault = error_set(error, FAULT_BAD_REQUEST, "an override, and the look at it, need a reason: --why");
    return fault;
}

static struct change begin(const struct act *a, const struct overriding *o, const char *action, const char *how) {
    const char *name = arena_text(a->arena, arena_printf(a->arena, SLICE_FMT ".%s", SLICE_ARG(a->kind), action));
    return ground_change(a, &o->g, name, arena_printf(a->arena, "%s @%lld", how, (long long)o->v.version), SLICE_NULL);
}

enum fault act_override(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct overriding o = {.n = 0};
    struct error why = {.fault = FAULT_NONE};
    enum version_state next;
    enum fault fault = find(a, &o, error);
    if (fault != FAULT_NONE) return fault;
    if (a->who.role < USER_ADMIN || a->who.automatic)
        return error_set(error, FAULT_NOT_PERMITTED, "an override needs the role admin, which " SLICE_FMT " has not", SLICE_ARG(a->who.name));
    if ((fault = lifecycle_next(o.v.state, ACT_OVERRIDE, &next, &why)) != FAULT_NONE)
        return error_set(error, fault, SLICE_FMT "@%lld: %s", SLICE_ARG(a->name), (long long)o.v.version, why.text);
    const struct change_approval said = {.version = o.v.version, .by = a->who.name, .verdict = SLICE("override"), .why = a->why, .at_us = a->at_us};
    struct change c = begin(a, &o, "override", "overrode review and gate of");
    bool first = o.g.subject.production == 0;
    c.approval = &said;
    ground_move(&c, o.v.version, o.v.state, next);
    if (first) {
        ground_move(&c, o.v.version, next, VERSION_PRODUCTION);
        c.production = o.v.version;
    }
    fault = ground_commit(a, &c, o.v.version, ret, error);
    if (fault != FAULT_NONE) return fault;
    const struct finding f = finding_of(a->arena, a->kind, a->name, &said);
    struct error later;
    bool told = act_tell_overrides(a->registry, a->at_us, &later) == FAULT_NONE;
    ret->words = arena_printf(a->arena, SLICE_FMT "@%lld is %s past review and gate; %s somebody else has looked: `" SLICE_FMT "`", SLICE_ARG(a->name),
                              (long long)o.v.version, version_state_name(ret->version.state),
                              told ? "a finding stays open until" : "its finding could not be kept yet (the server opens it); it is to stay open until",
                              SLICE_ARG(f.command));
    return FAULT_NONE;
}

enum fault act_review_override(const struct act *a, struct act_outcome *ret, struct error *error) {
    struct overriding o = {.n = 0};
    enum fault fault = find(a, &o, error);
    if (fault != FAULT_NONE) return fault;
    const struct change_approval *open = open_override(o.said, o.n);
    const struct slice name = arena_printf(a->arena, SLICE_FMT "@%lld", SLICE_ARG(a->name), (long long)o.v.version);
    if (open == NULL) {
        *ret = (struct act_outcome){.subject = o.g.subject, .version = o.v, .already = true,
                                    .words = arena_printf(a->arena, SLICE_FMT ": no override waits for a look", SLICE_ARG(name))};
        return FAULT_NONE;
    }
    const struct change_version by = {.author = open->by, .applied_by = SLICE_NULL};
    if (lifecycle_is_author(&o.v, a->who.name) || lifecycle_is_author(&by, a->who.name))
        return error_set(error, FAULT_NOT_PERMITTED, SLICE_FMT ": somebody else has to look: " SLICE_FMT " made the version or overrode its review", SLICE_ARG(name),
                         SLICE_ARG(a->who.name));
    const struct change_approval said = {.version = o.v.version, .by = a->who.name, .verdict = SLICE("review-override"), .why = a->why, .at_us = a->at_us};
    struct change c = begin(a, &o, "review-override", "looked at the override of");
    c.approval = &said;
    fault = ground_commit(a, &c, o.v.version, ret, error);
    if (fault != FAULT_NONE) return fault;
    ret->words = arena_printf(a->arena, SLICE_FMT ": the override by " SLICE_FMT " was looked at", SLICE_ARG(name), SLICE_ARG(open->by));
    struct error later;
    if (act_tell_overrides(a->registry, a->at_us, &later) != FAULT_NONE)
        ret->words = arena_printf(a->arena, SLICE_FMT "; its finding could not be closed yet (%s): the server closes it", SLICE_ARG(ret->words), later.text);
    return FAULT_NONE;
}
