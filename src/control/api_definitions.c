/* Suites, judges and scoring rules in the registry: one set of handlers, the path says of which kind. */
#include "control/api.h"
#include "control/definition_kind.h"

#include "base/clock.h"

enum { HEX = 2 * DIGEST_BYTES + 1 };

static const struct definition_kind *kind_of(const struct api_call *c) { return definition_kind_of_path(c->route->path); }

static void put_head(struct api_call *c, const struct definition *d) {
    char hex[HEX];
    digest_hex(d->digest.bytes, DIGEST_BYTES, hex);
    json_member_string(&c->json, "kind", d->kind);
    json_member_string(&c->json, "name", d->name);
    json_member_i64(&c->json, "version", d->version);
    json_member_text(&c->json, "digest", hex);
    json_member_bool(&c->json, "registered", d->registered);
    api_put_time(&c->json, "at", d->at_us);
    json_member_string(&c->json, "by", d->by);
    json_member_string(&c->json, "why", d->why);
    json_member_string(&c->json, "ticket", d->ticket);
    api_put_time(&c->json, "removed_at", d->removed_us);
}

static bool put_item(void *ctx, const struct definition *d) {
    struct api_call *c = ctx;
    json_object(&c->json);
    put_head(c, d);
    json_object_end(&c->json);
    return !c->ret->body.overflow;
}

static void list(struct api_call *c, struct slice name) {
    struct error error;
    struct definition d;
    struct slice kind = slice_of(kind_of(c)->name);
    if (!api_need_evaluations(c)) return;
    if (name.len > 0 && !api_check(c, definition_find(c->s->evaluations, kind, name, SLICE("1"), c->arena, &d, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "definitions");
    json_array(&c->json);
    if (!api_check(c, definition_list(c->s->evaluations, kind, name, c->arena, put_item, c, &error), &error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_definitions_list(struct api_call *c) { list(c, SLICE_NULL); }
void api_definitions_versions(struct api_call *c) { list(c, api_text(c, "name")); }

void api_definitions_show(struct api_call *c) {
    struct error error;
    struct definition d;
    if (!api_need_evaluations(c) || !api_check(c, definition_find(c->s->evaluations, slice_of(kind_of(c)->name), api_text(c, "name"),
                                                                  api_text(c, "version"), c->arena, &d, &error), &error))
        return;
    json_object(&c->json);
    put_head(c, &d);
    json_member_raw(&c->json, "definition", d.body);
    json_object_end(&c->json);
}

/* ---- registering ---- */

bool api_definition_read(struct api_call *c, const struct definition_kind *kind, struct slice body, struct slice file, struct definition_text *ret) {
    struct problems problems = {0};
    struct buffer text;
    const char *name = file.len > 0 ? arena_text(c->arena, file) : "body";
    enum fault fault = name != NULL ? kind->read(body, name, NULL, c->arena, ret, &problems) : FAULT_TOO_LARGE;
    if (fault == FAULT_NONE) return true;
    if (!problems_any(&problems)) return api_check(c, fault, NULL);
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(&problems, &text);
    const char *message = arena_printf(c->arena, "the %s has %u problem%s; nothing was changed", kind->name, problems.count, problems.count == 1 ? "" : "s").at;
    api_fail_problems(c, FAULT_BAD_REQUEST, message, buffer_slice(&text));
    buffer_deinit(&text);
    return false;
}

static bool keep(struct api_call *c, struct definition *d) {
    struct error error;
    char hex[HEX];
    bool fresh = false;
    if (!api_check(c, definition_put(c->s->evaluations, d, &fresh, &error), &error)) return false;
    digest_hex(d->digest.bytes, DIGEST_BYTES, hex);
    struct slice action = arena_printf(c->arena, SLICE_FMT ".register", SLICE_ARG(d->kind));
    struct slice detail = arena_printf(c->arena, "{\"version\":%lld,\"digest\":\"%s\"}", (long long)d->version, hex);
    enum fault fault = api_audit(c, arena_text(c->arena, action), d->name, detail, &error);
    if (fault != FAULT_NONE) api_fail(c, fault, "the %s is registered, but the audit log could not be written: %s", kind_of(c)->name, error.text);
    return fault == FAULT_NONE;
}

void api_definitions_put(struct api_call *c) {
    const struct definition_kind *kind = kind_of(c);
    struct definition_text text = {.name = SLICE_NULL};
    struct definition former = {.version = 0};
    struct error error;
    if (!api_need_evaluations(c) || !api_definition_read(c, kind, c->q->body, api_text(c, "file"), &text)) return;
    struct definition d = {.kind = slice_of(kind->name), .name = text.name, .digest = text.digest, .body = text.body, .registered = true,
                           .at_us = clock_wall_us(), .by = api_text(c, "author"), .why = api_text(c, "reason"), .ticket = api_text(c, "ticket")};
    if (d.by.at == NULL) d.by = slice_of(c->actor);
    enum fault fault = definition_find(c->s->evaluations, d.kind, d.name, SLICE_NULL, c->arena, &former, &error);
    if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND && !api_check(c, fault, &error)) return;
    bool known = fault == FAULT_NONE, same = known && digest_eq(&former.digest, &d.digest), dry = api_has_choice(c, "dry_run", "true", false);
    if (!same && !dry && !keep(c, &d)) return;
    if (same) d = former;
    json_object(&c->json);
    put_head(c, &d);
    json_member_text(&c->json, "change", same ? "same" : known ? "changed" : "new");
    json_member_bool(&c->json, "dry_run", dry);
    json_object_end(&c->json);
}

void api_definitions_remove(struct api_call *c) {
    const struct definition_kind *kind = kind_of(c);
    struct slice name = api_text(c, "name");
    struct definition d;
    struct error error;
    if (!api_need_evaluations(c)) return;
    if (!api_check(c, definition_find(c->s->evaluations, slice_of(kind->name), name, SLICE_NULL, c->arena, &d, &error), &error)) return;
    if (!api_check(c, definition_remove(c->s->evaluations, d.kind, name, clock_wall_us(), &error), &error)) return;
    struct slice action = arena_printf(c->arena, "%s.remove", kind->name);
    struct slice detail = arena_printf(c->arena, "{\"version\":%lld}", (long long)d.version);
    enum fault fault = api_audit(c, arena_text(c->arena, action), name, detail, &error);
    if (fault != FAULT_NONE) {
        api_fail(c, fault, "the %s is removed, but the audit log could not be written: %s", kind->name, error.text);
        return;
    }
    json_object(&c->json);
    put_head(c, &d);
    json_member_text(&c->json, "change", "removed");
    json_member_bool(&c->json, "dry_run", false);
    json_object_end(&c->json);
}
