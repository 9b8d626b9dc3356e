/* A case of a suite, made from what an application asked in production. */
#include "control/api.h"
#include "control/definition_kind.h"

#include "base/clock.h"

#include <stdio.h>

struct case_from {
    struct record record;
    struct json_doc request, suite;
    struct slice id, expected, checks;
    char record_text[RECORD_ID_TEXT];
    char tag[RECORD_ID_TEXT + sizeof "record:"];
    bool own_system;           /* the suite's prompt brings messages of its own */
};

/* ---- what was asked ---- */

static bool is_system(const struct json_doc *d, uint32_t message) {
    uint32_t role = json_get(d, message, "role");
    return json_is(d, role, "system") || json_is(d, role, "developer");
}

/* Parts that are all text, as one. False: there are others. */
static bool join_text(const struct json_doc *d, uint32_t content, struct arena *arena, struct buffer *out) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(d, content) == JSON_STRING) return buffer_append(out, json_string(d, content, arena));
    if (json_type(d, content) != JSON_ARRAY) return false;
    while (json_each_item(d, content, &cursor, &item)) {
        uint32_t type = json_get(d, item, "type"), text = json_get(d, item, "text");
        if (json_type(d, text) != JSON_STRING || !(json_is(d, type, "text") || json_is(d, type, "input_text") || json_is(d, type, "output_text"))) return false;
        if (out->len > 0) (void)buffer_append(out, SLICE("\n\n"));
        (void)buffer_append(out, json_string(d, text, arena));
    }
    return true;
}

struct asked {
    struct buffer list;        /* messages as JSON, parted by commas */
    struct slice only;         /* the text of a single user's message; SLICE_NULL: it is not one */
    unsigned n;
};

/* A message in OpenAI's form, as suites ask. False: it has no counterpart there. */
static bool put_message(struct api_call *c, struct asked *a, const struct json_doc *d, uint32_t message, bool chat) {
    struct buffer text;
    struct json_writer w;
    uint32_t role = json_get(d, message, "role");
    buffer_init(&text, LIMIT_PAYLOAD);
    bool words = json_type(d, role) == JSON_STRING && json_get(d, message, "tool_calls") == JSON_NONE && json_get(d, message, "tool_call_id") == JSON_NONE &&
                 join_text(d, json_get(d, message, "content"), c->arena, &text);
    if (a->list.len > 0) buffer_byte(&a->list, ',');
    if (words) {
        struct slice said = arena_slice(c->arena, buffer_slice(&text));
        json_start(&w, &a->list);
        json_object(&w);
        json_member_string(&w, "role", json_string(d, role, c->arena));
        json_member_string(&w, "content", said);
        json_object_end(&w);
        a->only = a->n == 0 && json_is(d, role, "user") ? said : SLICE_NULL;
    } else if (chat && json_type(d, role) == JSON_STRING) {
        buffer_append(&a->list, json_raw(d, message));
        a->only = SLICE_NULL;
    }
    a->n++;
    buffer_deinit(&text);
    return words || (chat && json_type(d, role) == JSON_STRING);
}

static void put_said(struct api_call *c, struct asked *a, const char *role, struct slice text) {
    struct json_writer w;
    if (a->list.len > 0) buffer_byte(&a->list, ',');
    json_start(&w, &a->list);
    json_object(&w);
    json_member_text(&w, "role", role);
    json_member_string(&w, "content", text);
    json_object_end(&w);
    a->only = a->n++ == 0 && strcmp(role, "user") == 0 ? arena_slice(c->arena, text) : SLICE_NULL;
}

static bool read_asked(struct api_call *c, const struct case_from *f, struct asked *a) {
    const struct json_doc *d = &f->request;
    uint32_t cursor = JSON_NONE, item, list = json_get(d, 0, "messages"), system = json_get(d, 0, "system");
    bool chat = json_type(d, list) == JSON_ARRAY && !slice_is(f->record.dialect, "anthropic"), good = true;
    struct buffer text;
    if (list == JSON_NONE) list = json_get(d, 0, "input");
    if (system == JSON_NONE) system = json_get(d, 0, "instructions");
    buffer_init(&text, LIMIT_PAYLOAD);
    if (system != JSON_NONE && !f->own_system && join_text(d, system, c->arena, &text)) put_said(c, a, "system", buffer_slice(&text));
    buffer_deinit(&text);
    if (json_type(d, list) == JSON_STRING) put_said(c, a, "user", json_string(d, list, c->arena));
    while (good && json_type(d, list) == JSON_ARRAY && json_each_item(d, list, &cursor, &item))
        if (!(f->own_system && is_system(d, item))) good = put_message(c, a, d, item, chat);
    if (!good) api_fail(c, FAULT_UNTRANSLATABLE, "a message of %s has no counterpart in OpenAI's chat, which suites ask in: write the case by hand", f->record_text);
    return good;
}

/* ---- the suite with its case ---- */

static bool has_messages(const struct json_doc *d) {
    uint32_t prompt = json_get(d, 0, "prompt");
    return json_type(d, prompt) == JSON_STRING || json_size(d, json_get(d, 0, "messages")) > 0 ||
           (json_type(d, prompt) == JSON_OBJECT && json_size(d, json_get(d, prompt, "messages")) > 0);
}

/* The case that was made of this record before; JSON_NONE: none. */
static uint32_t case_of(const struct case_from *f) {
    const struct json_doc *d = &f->suite;
    uint32_t cursor = JSON_NONE, item, tags, at, tag;
    while (json_each_item(d, json_get(d, 0, "cases"), &cursor, &item))
        for (at = JSON_NONE, tags = json_get(d, item, "tags"); tags != JSON_NONE && json_each_item(d, tags, &at, &tag);)
            if (json_is(d, tag, f->tag)) return item;
    return JSON_NONE;
}

static void put_case(const struct case_from *f, const struct asked *a, struct slice vars, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "id", f->id);
    if (vars.len > 0) json_member_raw(w, "vars", vars);
    if (a->n == 1 && !slice_is_null(a->only)) {
        json_member_string(w, "input", a->only);
    } else if (a->n > 0) {
        json_key(w, "input");
        json_array(w);
        json_put_raw(w, buffer_slice(&a->list));
        json_array_end(w);
    }
    if (!slice_is_null(f->expected)) json_member_string(w, "expected", f->expected);
    if (!slice_is_null(f->checks)) json_member_raw(w, "checks", f->checks);
    json_key(w, "tags");
    json_array(w);
    json_put_text(w, f->tag);
    json_array_end(w);
    json_object_end(w);
}

/* The suite as it is kept, which names no file, and the case behind its others. `files: false`: what traffic said is no path. */
static void put_suite(struct api_call *c, const struct case_from *f, const struct asked *a, struct slice vars, struct buffer *out) {
    const struct json_doc *d = &f->suite;
    struct json_writer w;
    uint32_t cursor = JSON_NONE, key, value, item, at = JSON_NONE;
    json_start(&w, out);
    json_object(&w);
    while (json_each_member(d, 0, &cursor, &key, &value)) {
        if (json_is(d, key, "cases") || json_is(d, key, "files")) continue;
        json_key_slice(&w, json_string(d, key, c->arena));
        json_put_raw(&w, json_raw(d, value));
    }
    json_member_bool(&w, "files", false);
    json_key(&w, "cases");
    json_array(&w);
    while (json_each_item(d, json_get(d, 0, "cases"), &at, &item)) json_put_raw(&w, json_raw(d, item));
    put_case(f, a, vars, &w);
    json_array_end(&w);
    json_object_end(&w);
}

static bool read_checks(struct api_call *c, struct case_from *f) {
    struct json_doc d;
    struct error error;
    f->checks = api_text(c, "checks");
    if (slice_is_null(f->checks)) return true;
    if (json_read(f->checks, c->arena, 1, &d, &error) == FAULT_NONE && json_type(&d, 0) == JSON_ARRAY) return true;
    api_fail(c, FAULT_BAD_REQUEST, "checks: expected a list as JSON, such as [{\"type\":\"icontains\",\"value\":\"refund\"}]");
    return false;
}

static bool read_from(struct api_call *c, struct case_from *f, struct definition *former) {
    struct record_id id;
    struct payload payload;
    struct error error;
    struct slice text = api_text(c, "record");
    if (!record_id_parse(text, &id)) {
        api_fail(c, FAULT_BAD_REQUEST, "record: expected the 26 characters of a record's id");
        return false;
    }
    record_id_format(&id, f->record_text);
    (void)snprintf(f->tag, sizeof f->tag, "record:%s", f->record_text);
    if (!api_check(c, definition_find(c->s->evaluations, SLICE("suite"), api_text(c, "name"), SLICE_NULL, c->arena, former, &error), &error)) return false;
    if (!api_check(c, json_read(former->body, c->arena, UINT16_MAX, &f->suite, &error), &error)) return false;
    uint32_t there = case_of(f);
    if (there != JSON_NONE) {
        struct slice name = json_string(&f->suite, json_get(&f->suite, there, "id"), c->arena);
        api_fail(c, FAULT_CONFLICT, "%s is in the suite already, as the case `" SLICE_FMT "` of version %lld", f->record_text, SLICE_ARG(name), (long long)former->version);
        return false;
    }
    if (!read_checks(c, f) || !api_captured_request(c, &id, &f->record, &payload)) return false;
    f->expected = api_text(c, "expected");
    f->id = api_text(c, "id");
    if (slice_is_null(f->id)) f->id = arena_printf(c->arena, "record-%s", f->record_text);
    f->own_system = has_messages(&f->suite);
    return api_check(c, json_read(payload.request, c->arena, UINT16_MAX, &f->request, &error), &error);
}

static bool keep(struct api_call *c, struct definition *d, const struct case_from *f) {
    struct error error;
    char hex[2 * DIGEST_BYTES + 1];
    bool fresh = false;
    if (!api_check(c, definition_put(c->s->evaluations, d, &fresh, &error), &error)) return false;
    digest_hex(d->digest.bytes, DIGEST_BYTES, hex);
    struct slice detail = arena_printf(c->arena, "{\"version\":%lld,\"digest\":\"%s\",\"record\":\"%s\"}", (long long)d->version, hex, f->record_text);
    enum fault fault = api_audit(c, "suite.add-case", d->name, detail, &error);
    if (fault != FAULT_NONE) api_fail(c, fault, "the case is in the suite, but the audit log could not be written: %s", error.text);
    return fault == FAULT_NONE;
}

static void put_answer(struct api_call *c, const struct definition *d, const struct case_from *f) {
    char hex[2 * DIGEST_BYTES + 1];
    digest_hex(d->digest.bytes, DIGEST_BYTES, hex);
    json_object(&c->json);
    json_member_string(&c->json, "suite", d->name);
    json_member_i64(&c->json, "version", d->version);
    json_member_text(&c->json, "digest", hex);
    json_member_string(&c->json, "case", f->id);
    json_member_text(&c->json, "record", f->record_text);
    json_member_i64(&c->json, "cases", json_size(&f->suite, json_get(&f->suite, 0, "cases")) + 1);
    json_object_end(&c->json);
}

static void add(struct api_call *c, struct case_from *f, struct asked *a, struct buffer *body) {
    struct definition_text text = {.name = SLICE_NULL};
    uint32_t variables = json_get(&f->request, 0, "prompt_variables");
    struct slice vars = json_type(&f->request, variables) == JSON_OBJECT && json_size(&f->request, variables) > 0 ? json_raw(&f->request, variables) : SLICE_NULL;
    if (!read_asked(c, f, a)) return;
    if (a->n == 0 && vars.len == 0) {
        api_fail(c, FAULT_CONFLICT, "%s asked nothing that a case could ask: it has neither messages nor prompt_variables", f->record_text);
        return;
    }
    put_suite(c, f, a, vars, body);
    if (body->overflow || a->list.overflow) {
        api_fail(c, FAULT_TOO_LARGE, "the suite would be longer than %u MiB", LIMIT_SUITE_FILE >> 20);
        return;
    }
    if (!api_definition_read(c, definition_kind_of_path("/api/v1/suites"), buffer_slice(body), SLICE("suite"), &text)) return;
    struct definition d = {.kind = SLICE("suite"), .name = text.name, .digest = text.digest, .body = text.body, .registered = true,
                           .at_us = clock_wall_us(), .by = slice_of(c->actor), .why = api_text(c, "reason")};
    if (keep(c, &d, f)) put_answer(c, &d, f);
}

void api_suite_case_add(struct api_call *c) {
    struct case_from f = {.own_system = false};
    struct definition former;
    struct buffer body;
    if (!api_need_evaluations(c)) return;
    if (c->s->ledger == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!read_from(c, &f, &former)) return;
    struct asked a = {.only = SLICE_NULL};
    buffer_init(&a.list, 2 * LIMIT_PAYLOAD);
    buffer_init(&body, LIMIT_SUITE_FILE);
    add(c, &f, &a, &body);
    buffer_deinit(&a.list);
    buffer_deinit(&body);
}
