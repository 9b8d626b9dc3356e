/* A prompt for the application that uses it: cheap to ask for again and again, by its ETag. */
#include "control/api_versions.h"

enum { HEX = 2 * DIGEST_BYTES + 1 };

bool api_is_known(struct slice header, const char *tag) {
    struct slice one;
    while (header.len > 0) {
        slice_cut(header, ',', &one, &header);
        one = slice_trim(one);
        if (slice_starts(one, SLICE("W/"))) one = slice_make(one.at + 2, one.len - 2);
        if (slice_is(one, tag) || slice_is(one, "*")) return true;
    }
    return false;
}

static void put_messages(struct json_writer *w, const struct prompt *p) {
    json_key(w, "messages");
    json_array(w);
    for (unsigned i = 0; i < p->n_messages; i++) {
        json_object(w);
        json_member_string(w, "role", p->messages[i].role);
        if (p->messages[i].raw.at != NULL) json_member_raw(w, "content", p->messages[i].raw);
        else json_member_string(w, "content", p->messages[i].content);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_variables(struct json_writer *w, const struct prompt *p) {
    json_key(w, "variables");
    json_object(w);
    for (unsigned i = 0; i < p->n_variables; i++) {
        const struct prompt_variable *v = &p->variables[i];
        json_key_slice(w, v->name);
        json_object(w);
        json_member_bool(w, "required", v->required);
        json_member_string(w, "default", v->fallback);
        json_key(w, "max_chars");
        if (v->max_chars >= 0) json_put_i64(w, v->max_chars);
        else json_put_null(w);
        json_object_end(w);
    }
    json_object_end(w);
}

static void put_documents(struct json_writer *w, const struct change_version *v, struct arena *arena) {
    struct json_doc d;
    bool good = json_read(v->body, arena, 1, &d, NULL) == FAULT_NONE;
    json_member_raw(w, "documents", good ? json_raw(&d, json_get(&d, 0, "documents")) : SLICE("null"));
}

static void put_content(struct api_call *c, const struct change_version *v) {
    struct prompt p = {.n_messages = 0};
    struct error error = {.fault = FAULT_NONE};
    if (!slice_is(v->kind, "prompt")) {
        put_documents(&c->json, v, c->arena);
        return;
    }
    if (!api_check(c, version_prompt(v, c->arena, &p, &error), &error)) return;
    json_member_string(&c->json, "model", p.model);
    json_member_raw(&c->json, "parameters", p.parameters.at != NULL ? p.parameters : SLICE("{}"));
    put_messages(&c->json, &p);
    json_member_raw(&c->json, "tools", p.tools.at != NULL ? p.tools : SLICE("[]"));
    put_variables(&c->json, &p);
}

void api_version_fetch(struct api_call *c) {
    struct slice asked = api_text(c, "version"), label = api_text(c, "label");
    struct change_version v = {.version = 0};
    struct error error = {.fault = FAULT_NONE};
    char hex[HEX];
    if (asked.at != NULL && label.at != NULL) {
        api_fail(c, FAULT_BAD_REQUEST, "expected `label` or `version`, found both");
        return;
    }
    if (asked.at == NULL && label.at == NULL) label = SLICE("production");
    if (!api_need_registry(c) || !api_check(c, changes_version(c->s->registry, api_version_kind(c), api_text(c, "name"), asked.at != NULL ? asked : label, c->arena, &v, &error), &error)) return;
    digest_hex(v.digest.bytes, DIGEST_BYTES, hex);
    const char *tag = arena_text(c->arena, arena_printf(c->arena, "\"%s\"", hex));
    const char *const headers[] = {"etag", tag, "cache-control", "private, no-cache"};
    for (int i = 0; i < 4; i++) c->ret->extra_header[i] = headers[i];
    if (tag != NULL && api_is_known(c->q->if_none_match, tag)) {
        enum { NOT_MODIFIED = 304 };
        c->ret->status = NOT_MODIFIED;
        c->ret->content_type = "text/plain"; /* of nothing */
        return;
    }
    json_object(&c->json);
    json_member_string(&c->json, "name", v.name);
    json_member_i64(&c->json, "version", v.version);
    json_member_text(&c->json, "hash", hex);
    json_member_string(&c->json, "label", label);
    json_member_string(&c->json, "human", v.human);
    put_content(c, &v);
    if (!c->failed) json_object_end(&c->json);
}
