/* action_scope.c - what an action is done to: read, written, checked, and said. See action.h. */
#include "incident/action.h"

#include "base/json.h"
#include "model/quantity.h"
#include "model/reader.h"
#include "model/tiers.h"

#include <stdio.h>

#define LEAST_LASTS_US 1000000LL
#define MOST_LASTS_US (366 * 86400000000LL)
#define MOST_PER_MINUTE 1000000

/* ---- JSON ---- */

void intervention_spec_write(const struct intervention_spec *s, struct json_writer *w) {
    struct intervention_spec copy = *s;
    json_object(w);
    for (unsigned m = 0; m < INTERVENTION_MEMBERS; m++) {
        struct slice is = *intervention_member(&copy, (enum intervention_member)m);
        if (is.len > 0) json_member_string(w, intervention_member_name((enum intervention_member)m), is);
    }
    if (s->per_minute >= 0 && s->kind == INTERVENTION_THROTTLE) json_member_i64(w, "per_minute", s->per_minute);
    json_object_end(w);
}

enum fault intervention_spec_read(struct slice json, struct arena *arena, struct intervention_spec *ret, struct error *error) {
    struct json_doc d;
    struct intervention_spec s = {.kind = ret->kind, .per_minute = -1};
    enum fault fault = json_read(json, arena, 1, &d, error);
    if (fault != FAULT_NONE) return fault;
    if (json_type(&d, 0) != JSON_OBJECT) return error_set(error, FAULT_BAD_REQUEST, "the scope of an action is an object");
    for (unsigned m = 0; m < INTERVENTION_MEMBERS; m++)
        *intervention_member(&s, (enum intervention_member)m) = json_string(&d, json_get(&d, 0, intervention_member_name((enum intervention_member)m)), arena);
    if (json_get(&d, 0, "per_minute") != JSON_NONE && !json_get_i64(&d, json_get(&d, 0, "per_minute"), &s.per_minute))
        return error_set(error, FAULT_BAD_REQUEST, "per_minute: expected a whole number");
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "the scope of an action is too long");
    *ret = s;
    return FAULT_NONE;
}

/* ---- in words ---- */

static bool is_plain(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("_-./:@+,%", c) != NULL;
        if (!plain || c == 0) return false;
    }
    return s.len > 0;
}

/* One word of a POSIX shell. */
static void add_word(struct buffer *out, struct slice s) {
    bool plain = is_plain(s);
    if (!plain) buffer_append(out, SLICE("'"));
    for (size_t i = 0; i < s.len; i++) buffer_append(out, s.at[i] == '\'' ? SLICE("'\\''") : slice_make(s.at + i, 1));
    if (!plain) buffer_append(out, SLICE("'"));
}

static void add_option(struct buffer *out, const char *name, struct slice value) {
    buffer_append(out, SLICE(" --"));
    for (const char *c = name; *c; c++) buffer_append(out, *c == '_' ? SLICE("-") : slice_make(c, 1));
    buffer_append(out, SLICE(" "));
    add_word(out, value);
}

struct slice intervention_command(const struct intervention_spec *s, struct arena *arena) {
    struct intervention_spec copy = *s;
    struct buffer out;
    char text[QUANTITY_TEXT];
    buffer_init(&out, 16 << 10);
    buffer_append(&out, SLICE("quarterdeck action take "));
    buffer_append(&out, slice_of(intervention_name(s->kind)));
    for (unsigned m = 0; m < INTERVENTION_MEMBERS; m++) {
        struct slice is = *intervention_member(&copy, (enum intervention_member)m);
        if (is.len > 0 && intervention_knows(s->kind, (enum intervention_member)m)) add_option(&out, intervention_member_name((enum intervention_member)m), is);
    }
    if (s->kind == INTERVENTION_THROTTLE && s->per_minute >= 0) {
        snprintf(text, sizeof text, "%lld", (long long)s->per_minute);
        add_option(&out, "per_minute", slice_of(text));
    }
    if (s->lasts_us > 0) {
        duration_format(s->lasts_us, text);
        add_option(&out, "for", slice_of(text));
    }
    struct slice text_of = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text_of;
}

struct slice intervention_about(const struct intervention_spec *s, struct arena *arena) {
    switch (s->kind) {
    case INTERVENTION_ROLL_BACK:
    case INTERVENTION_ABORT: return s->prompt;
    case INTERVENTION_FAIL_OVER:
    case INTERVENTION_ROUTE_DOWN:
    case INTERVENTION_DEGRADE: return s->model;
    case INTERVENTION_OPEN_BREAKER:
    case INTERVENTION_CLOSE_BREAKER:
        return s->upstream_model.len > 0 ? arena_printf(arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(s->provider), SLICE_ARG(s->upstream_model)) : s->provider;
    case INTERVENTION_THROTTLE:
    case INTERVENTION_FREEZE: return arena_printf(arena, "key " SLICE_FMT " of " SLICE_FMT, SLICE_ARG(s->key), SLICE_ARG(s->application));
    case INTERVENTION_QUARANTINE: {
        struct slice words = s->application;
        if (s->model.len > 0) words = arena_printf(arena, SLICE_FMT ", model " SLICE_FMT, SLICE_ARG(words), SLICE_ARG(s->model));
        if (s->prompt.len > 0) words = arena_printf(arena, SLICE_FMT ", prompt " SLICE_FMT, SLICE_ARG(words), SLICE_ARG(s->prompt));
        if (s->record.len > 0) words = arena_printf(arena, SLICE_FMT ", record " SLICE_FMT, SLICE_ARG(words), SLICE_ARG(s->record));
        return words;
    }
    case INTERVENTION_PAUSE_BATCH:
        return s->batch.len > 0 ? arena_printf(arena, "batch " SLICE_FMT " of " SLICE_FMT, SLICE_ARG(s->batch), SLICE_ARG(s->application)) : s->application;
    case INTERVENTION_KINDS: break;
    }
    return SLICE_NULL;
}

/* ---- checking ---- */

/* Names that a wrong one may have meant. */
struct names {
    const char **all;
    unsigned n, room;
};

static bool names_begin(struct names *n, unsigned room, struct arena *arena) {
    *n = (struct names){.all = arena_new_array(arena, const char *, room + 1), .room = room};
    return n->all != NULL;
}
static void offer(struct names *n, const char *name) {
    if (name != NULL && n->n < n->room) n->all[n->n++] = name, n->all[n->n] = NULL;
}

static enum fault unknown(const char *what, struct slice word, const struct names *n, struct error *error) {
    char hint[READER_HINT];
    return error_set(error, FAULT_BAD_REQUEST, "%s: there is no `" SLICE_FMT "`%s", what, SLICE_ARG(word), reader_hint(word, n->all, hint));
}

static enum fault no_room(struct error *error) { return error_set(error, FAULT_TOO_LARGE, "no room to check an action"); }

/* Everything that the kind needs, and nothing that it does not know. */
static enum fault check_members(struct intervention_spec *s, struct error *error) {
    const char *kind = intervention_name(s->kind);
    for (unsigned i = 0; i < INTERVENTION_MEMBERS; i++) {
        enum intervention_member m = (enum intervention_member)i;
        bool given = intervention_member(s, m)->len > 0;
        if (given && !intervention_knows(s->kind, m)) return error_set(error, FAULT_BAD_REQUEST, "%s has no `%s`", kind, intervention_member_name(m));
        if (!given && intervention_needs(s->kind, m)) return error_set(error, FAULT_BAD_REQUEST, "%s: expected its `%s`", kind, intervention_member_name(m));
    }
    if (s->kind == INTERVENTION_THROTTLE && (s->per_minute < 1 || s->per_minute > MOST_PER_MINUTE))
        return error_set(error, FAULT_BAD_REQUEST, "throttle_key: expected its `per_minute`, a whole number from 1 to %d (none at all: freeze_key)", MOST_PER_MINUTE);
    if (s->kind != INTERVENTION_THROTTLE && s->per_minute > 0) return error_set(error, FAULT_BAD_REQUEST, "%s has no `per_minute`", kind);
    bool one_step = s->kind == INTERVENTION_ROLL_BACK || s->kind == INTERVENTION_ABORT;
    if (s->lasts_us != 0 && one_step) return error_set(error, FAULT_BAD_REQUEST, "%s is one step and does not end by itself: it has no `for`", kind);
    if (s->lasts_us != 0 && (s->lasts_us < LEAST_LASTS_US || s->lasts_us > MOST_LASTS_US))
        return error_set(error, FAULT_BAD_REQUEST, "for: expected a duration of 1s to 366d");
    return FAULT_NONE;
}

static enum fault check_application(const struct policy *p, struct slice name, struct arena *arena, struct error *error) {
    struct names n;
    if (name.len == 0 || table_get(&p->application_by_name, name) != NULL) return FAULT_NONE;
    if (!names_begin(&n, p->n_applications, arena)) return no_room(error);
    for (unsigned i = 0; i < p->n_applications; i++) offer(&n, p->applications[i].name);
    return unknown("application", name, &n, error);
}

static enum fault check_key(const struct policy *p, const struct intervention_spec *s, struct arena *arena, struct error *error) {
    struct names n;
    size_t cursor = 0;
    struct slice digest;
    void *value;
    if (s->key.len == 0) return FAULT_NONE;
    if (!names_begin(&n, (unsigned)p->key_by_digest.count, arena)) return no_room(error);
    while (table_next(&p->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (!slice_is(s->application, k->application->name)) continue;
        if (slice_is(s->key, k->name)) return FAULT_NONE;
        offer(&n, k->name);
    }
    return unknown("key", s->key, &n, error);
}

static enum fault check_model(const struct policy *p, struct slice name, struct arena *arena, const struct model_route **ret, struct error *error) {
    struct names n;
    *ret = name.len > 0 ? table_get(&p->model_by_name, name) : NULL;
    if (name.len == 0 || *ret != NULL) return FAULT_NONE;
    if (!names_begin(&n, p->n_models, arena)) return no_room(error);
    for (unsigned i = 0; i < p->n_models; i++) offer(&n, p->models[i].name);
    return unknown("model", name, &n, error);
}

static enum fault check_provider(const struct policy *p, const struct intervention_spec *s, struct arena *arena, struct error *error) {
    struct names n, models;
    bool known = false;
    if (s->provider.len == 0) return FAULT_NONE;
    if (!names_begin(&n, p->n_providers, arena) || !names_begin(&models, p->n_targets, arena)) return no_room(error);
    for (unsigned i = 0; i < p->n_providers; i++) known = known || slice_is(s->provider, p->providers[i].name), offer(&n, p->providers[i].name);
    if (!known) return unknown("provider", s->provider, &n, error);
    if (s->upstream_model.len == 0) return FAULT_NONE;
    for (unsigned i = 0; i < p->n_models; i++)
        for (unsigned t = 0; t < p->models[i].n_targets; t++) {
            const struct target *at = &p->models[i].targets[t];
            if (!slice_is(s->provider, at->provider->name)) continue;
            if (slice_is(s->upstream_model, at->model)) return FAULT_NONE;
            offer(&models, at->model);
        }
    return unknown("upstream_model", s->upstream_model, &models, error);
}

static const struct target *target_named(const struct model_route *m, struct slice name) {
    for (unsigned t = 0; t < m->n_targets; t++)
        if (slice_is(name, m->targets[t].health_key) || slice_is(name, m->targets[t].provider->name)) return &m->targets[t];
    return NULL;
}

/* `from`: a target of the model, or a provider of some; `to`: the same, or another model. */
static enum fault check_way(const struct policy *p, const struct model_route *m, struct intervention_spec *s, struct arena *arena, struct error *error) {
    struct names n;
    if (!names_begin(&n, 2 * m->n_targets + p->n_models, arena)) return no_room(error);
    for (unsigned t = 0; t < m->n_targets; t++) offer(&n, m->targets[t].health_key), offer(&n, m->targets[t].provider->name);
    if (s->from.len == 0 && (m->weighted || m->tiering != NULL))
        return error_set(error, FAULT_BAD_REQUEST, "from: %s has no first target (it has %s): expected the one that is to be asked last, such as %s", m->name,
                         m->tiering != NULL ? "tiers" : "weights", m->targets[0].health_key);
    if (s->from.len == 0) s->from = slice_of(m->targets[0].health_key);
    if (target_named(m, s->from) == NULL) return unknown("from", s->from, &n, error);
    const struct model_route *other = s->to.len > 0 ? table_get(&p->model_by_name, s->to) : NULL;
    if (s->to.len > 0 && other == NULL && target_named(m, s->to) == NULL) {
        for (unsigned i = 0; i < p->n_models; i++) offer(&n, p->models[i].name);
        return unknown("to", s->to, &n, error);
    }
    if (slice_eq(s->from, s->to) || (other == m && target_named(m, s->to) == NULL))
        return error_set(error, FAULT_BAD_REQUEST, "to: traffic of %s cannot fail over to where it comes from", m->name);
    unsigned left = 0;
    for (unsigned t = 0; t < m->n_targets; t++)
        left += !slice_is(s->from, m->targets[t].health_key) && !slice_is(s->from, m->targets[t].provider->name);
    if (left == 0 && (other == NULL || other == m))
        return error_set(error, FAULT_BAD_REQUEST, "%s has no other target than " SLICE_FMT ": name another model as `to`, or use serve_degraded", m->name, SLICE_ARG(s->from));
    return FAULT_NONE;
}

static enum fault check_tier(const struct model_route *m, const struct intervention_spec *s, struct arena *arena, struct error *error) {
    struct names n;
    if (m->tiering == NULL) return error_set(error, FAULT_BAD_REQUEST, "%s has no tiers: there is none to route down to", m->name);
    if (s->tier.len == 0) return FAULT_NONE;
    if (!names_begin(&n, m->tiering->n_tiers, arena)) return no_room(error);
    for (unsigned i = 0; i < m->tiering->n_tiers; i++) {
        if (slice_is(s->tier, m->tiering->tiers[i].name)) return FAULT_NONE;
        offer(&n, m->tiering->tiers[i].name);
    }
    return unknown("tier", s->tier, &n, error);
}

/* Of a quarantine; rollbacks ask the registry themselves. */
static enum fault check_kept(struct registry *r, const struct intervention_spec *s, struct arena *arena, struct error *error) {
    struct change_subject subject;
    struct record_id id;
    struct slice name, rest;
    if (s->record.len > 0 && !record_id_parse(s->record, &id))
        return error_set(error, FAULT_BAD_REQUEST, "record: expected a record's id, found `" SLICE_FMT "`", SLICE_ARG(s->record));
    if (s->prompt.len == 0 || s->kind != INTERVENTION_QUARANTINE) return FAULT_NONE;
    (void)slice_cut(s->prompt, '@', &name, &rest);
    enum fault fault = changes_subject(r, SLICE("prompt"), name, arena, &subject, error);
    if (fault == FAULT_NOT_FOUND && error != NULL) error->fault = FAULT_BAD_REQUEST;
    return fault == FAULT_NOT_FOUND ? FAULT_BAD_REQUEST : fault;
}

enum fault intervention_check(const struct policy *p, struct registry *r, struct intervention_spec *s, struct arena *arena, struct error *error) {
    const struct model_route *m = NULL;
    enum fault fault = check_members(s, error);
    if (fault == FAULT_NONE) fault = check_application(p, s->application, arena, error);
    if (fault == FAULT_NONE) fault = check_key(p, s, arena, error);
    if (fault == FAULT_NONE) fault = check_model(p, s->model, arena, &m, error);
    if (fault == FAULT_NONE) fault = check_provider(p, s, arena, error);
    if (fault == FAULT_NONE && m != NULL && s->kind == INTERVENTION_FAIL_OVER) fault = check_way(p, m, s, arena, error);
    if (fault == FAULT_NONE && m != NULL && s->kind == INTERVENTION_ROUTE_DOWN) fault = check_tier(m, s, arena, error);
    if (fault == FAULT_NONE && m != NULL && s->kind == INTERVENTION_DEGRADE && m->degraded == DEGRADED_OFF)
        fault = error_set(error, FAULT_BAD_REQUEST, "%s has no stand-in: `degraded` of the model is not set", m->name);
    return fault == FAULT_NONE ? check_kept(r, s, arena, error) : fault;
}
