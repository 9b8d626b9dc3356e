/* Versions of prompts and knowledge bases, read: all subjects, one with its versions, one version. */
#include "control/api_versions.h"

#include "control/api_change.h"

enum { HEX = 2 * DIGEST_BYTES + 1 };

struct slice api_version_kind(const struct api_call *c) {
    return slice_starts(slice_of(c->route->path), SLICE("/api/v1/knowledge")) ? SLICE("knowledge") : SLICE("prompt");
}

bool api_version_find(struct api_call *c, struct change_version *ret) {
    struct error error = {.fault = FAULT_NONE};
    return api_need_registry(c) &&
           api_check(c, changes_version(c->s->registry, api_version_kind(c), api_text(c, "name"), api_text(c, "version"), c->arena, ret, &error), &error);
}

struct slice api_version_fact(struct api_call *c, const struct change_version *v, const char *name) {
    struct json_doc d;
    if (v->facts.len == 0 || json_read(v->facts, c->arena, 1, &d, NULL) != FAULT_NONE) return SLICE_NULL;
    return json_raw(&d, json_get(&d, 0, name));
}

/* ---- one version ---- */

static void put_number(struct json_writer *w, const char *key, int64_t number, int64_t none) {
    json_key(w, key);
    if (number == none) json_put_null(w);
    else json_put_i64(w, number);
}

static void put_fact(struct api_call *c, const struct change_version *v, const char *name, const char *otherwise) {
    struct slice raw = api_version_fact(c, v, name);
    json_member_raw(&c->json, name, raw.len > 0 ? raw : slice_of(otherwise));
}

void api_version_put(struct api_call *c, const struct change_version *v) {
    struct json_writer *w = &c->json;
    char hex[HEX];
    digest_hex(v->digest.bytes, DIGEST_BYTES, hex);
    json_member_i64(w, "version", v->version);
    json_member_text(w, "hash", hex);
    json_member_text(w, "state", version_state_name(v->state));
    json_member_text(w, "class", change_class_name((enum change_class)(v->class_raised > v->class_computed ? v->class_raised : v->class_computed)));
    put_fact(c, v, "class_reasons", "[]");
    json_member_string(w, "author", v->author);
    json_member_string(w, "why", v->why);
    json_member_string(w, "ticket", v->ticket);
    api_put_time(w, "created", v->created_us);
    put_number(w, "tokens", v->tokens, -1);
    api_put_usd(w, "cost_per_call_usd", v->cost_nano);
    put_number(w, "parent", v->parent, 0);
    json_member_string(w, "human", v->human);
    json_member_string(w, "owner", v->owner);
    json_member_string(w, "applied_by", v->applied_by);
    json_member_string(w, "commit", v->commit);
    json_member_text(w, "class_computed", change_class_name((enum change_class)v->class_computed));
    put_fact(c, v, "suites", "[]");
    json_member_string(w, "state_by", v->state_by);
    json_member_string(w, "state_why", v->state_why);
    api_put_time(w, "state_at", v->state_us);
    json_member_raw(w, "gate", v->gate.len > 0 ? v->gate : SLICE("null"));
}

static bool put_approvals(struct api_call *c, const struct change_version *v) {
    struct error error = {.fault = FAULT_NONE};
    struct change_approval *all = NULL;
    unsigned n = 0;
    if (!api_check(c, changes_approvals(c->s->registry, v->kind, v->name, v->version, c->arena, &all, &n, &error), &error)) return false;
    json_key(&c->json, "approvals");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        json_member_string(&c->json, "by", all[i].by);
        json_member_string(&c->json, "verdict", all[i].verdict);
        json_member_string(&c->json, "why", all[i].why);
        api_put_time(&c->json, "at", all[i].at_us);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    return true;
}

void api_version_show(struct api_call *c) {
    struct change_version v = {.version = 0};
    if (!api_version_find(c, &v)) return;
    json_object(&c->json);
    json_member_string(&c->json, "kind", v.kind);
    json_member_string(&c->json, "name", v.name);
    api_version_put(c, &v);
    if (!put_approvals(c, &v)) return;
    put_fact(c, &v, "lint", "[]");
    put_fact(c, &v, "counted", "null");
    put_fact(c, &v, "compared", "null");
    json_member_raw(&c->json, "content", v.body);
    struct change_subject subject = {.production = 0};
    struct error error = {.fault = FAULT_NONE};
    if (!api_check(c, changes_subject(c->s->registry, v.kind, v.name, c->arena, &subject, &error), &error)) return;
    if (api_change_progress(c, &v, subject.production)) json_object_end(&c->json);
}

/* ---- one subject ---- */

static bool read_labels(struct api_call *c, struct change_label **ret, unsigned *ret_n) {
    struct error error = {.fault = FAULT_NONE};
    return api_check(c, changes_labels(c->s->registry, c->arena, ret, ret_n, &error), &error);
}

static void put_labels(struct api_call *c, struct slice kind, struct slice name, const struct change_label *all, unsigned n) {
    json_key(&c->json, "labels");
    json_object(&c->json);
    for (unsigned i = 0; i < n; i++) {
        if (!slice_eq(all[i].kind, kind) || !slice_eq(all[i].name, name)) continue;
        json_key_slice(&c->json, all[i].label);
        json_put_i64(&c->json, all[i].version);
    }
    json_object_end(&c->json);
}

static void put_subject(struct api_call *c, const struct change_subject *s) {
    put_number(&c->json, "launched", s->launched, 0);
    json_member_i64(&c->json, "newest", s->newest);
    json_member_i64(&c->json, "revision", (int64_t)s->revision);
    api_put_time(&c->json, "changed_at", s->changed_us);
    json_member_string(&c->json, "changed_by", s->changed_by);
    json_member_string(&c->json, "changed", s->changed_how);
}

void api_versions_show(struct api_call *c) {
    struct error error = {.fault = FAULT_NONE};
    struct slice kind = api_version_kind(c), name = api_text(c, "name");
    struct change_subject s = {.revision = 0};
    struct change_version *all = NULL;
    struct change_label *labels = NULL;
    unsigned n = 0, n_labels = 0, limit = (unsigned)api_number(c, "limit", 0);
    if (!api_need_registry(c) || !api_check(c, changes_subject(c->s->registry, kind, name, c->arena, &s, &error), &error)) return;
    if (!api_check(c, changes_heads_page(c->s->registry, kind, name, api_number(c, "before", 0), limit, c->arena, &all, &n, &error), &error) ||
        !read_labels(c, &labels, &n_labels))
        return;
    json_object(&c->json);
    json_member_string(&c->json, "name", s.name);
    put_number(&c->json, "production", s.production, 0);
    json_key(&c->json, "versions");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        api_version_put(c, &all[i]);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    put_number(&c->json, "next", limit > 0 && n == limit && all[n - 1].version > 1 ? all[n - 1].version : 0, 0);
    put_labels(c, kind, name, labels, n_labels);
    put_subject(c, &s);
    json_object_end(&c->json);
}

static void put_glance(struct api_call *c, const struct change_version *v) {
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_i64(w, "version", v->version);
    json_member_string(w, "human", v->human);
    json_member_text(w, "state", version_state_name(v->state));
    json_member_text(w, "class", change_class_name((enum change_class)(v->class_raised > v->class_computed ? v->class_raised : v->class_computed)));
    json_member_string(w, "author", v->author);
    json_member_string(w, "owner", v->owner);
    put_number(w, "tokens", v->tokens, -1);
    api_put_usd(w, "cost_per_call_usd", v->cost_nano);
    api_put_time(w, "state_at", v->state_us);
    json_object_end(w);
}

/* `v`: the subject's, newest first. */
static void put_current(struct api_call *c, const struct change_subject *s, const struct change_version *v, unsigned n) {
    static const char *const names[] = {"serving", "latest"};
    int64_t wanted[] = {s->production, s->newest};
    for (unsigned k = 0; k < 2; k++) {
        unsigned i = 0;
        while (i < n && v[i].version != wanted[k]) i++;
        json_key(&c->json, names[k]);
        if (i < n) put_glance(c, &v[i]);
        else json_put_null(&c->json);
    }
    json_key(&c->json, "on_their_way");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++)
        if (v[i].state == VERSION_IN_REVIEW || v[i].state == VERSION_EVALUATED || v[i].state == VERSION_SHADOW || v[i].state == VERSION_CANARY) put_glance(c, &v[i]);
    json_array_end(&c->json);
}

void api_versions_list(struct api_call *c) {
    struct error error = {.fault = FAULT_NONE};
    struct slice kind = api_version_kind(c);
    struct change_subject *all = NULL;
    struct change_version *current = NULL;
    struct change_label *labels = NULL;
    unsigned n = 0, n_current = 0, n_labels = 0, at = 0;
    if (!api_need_registry(c) || !api_check(c, changes_subjects(c->s->registry, kind, c->arena, &all, &n, &error), &error) ||
        !api_check(c, changes_current(c->s->registry, kind, c->arena, &current, &n_current, &error), &error) || !read_labels(c, &labels, &n_labels))
        return;
    json_object(&c->json);
    json_key(&c->json, "subjects");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        unsigned end = at;
        while (end < n_current && slice_eq(current[end].name, all[i].name)) end++;
        json_object(&c->json);
        json_member_string(&c->json, "kind", kind);
        json_member_string(&c->json, "name", all[i].name);
        put_number(&c->json, "production", all[i].production, 0);
        put_subject(c, &all[i]);
        put_labels(c, kind, all[i].name, labels, n_labels);
        put_current(c, &all[i], current + at, end - at);
        json_object_end(&c->json);
        at = end;
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}
