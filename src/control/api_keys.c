/* Keys of applications: those of the configuration file are shown, those of the registry are also made and revoked. A
 * change is in force when the policy has been read again; when that fails, the answer says so. */
#include "control/api.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdio.h>

#define SECRET_BYTES 32
#define KEY_TEXT 48 /* "qd-" and 43 characters */
#define HINT_BYTES 7
#define NAME_MOST 64

bool api_need_registry(struct api_call *c) {
    if (c->s->registry) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no registry: start the server, or name its data_dir");
    return false;
}

bool api_need_evaluations(struct api_call *c) {
    if (c->s->evaluations) return api_need_registry(c);
    api_fail(c, FAULT_NOT_RUNNING, "there are no evaluations: start the server, or name its data_dir");
    return false;
}

bool api_put_in_force(struct api_call *c, struct buffer *problems) {
    uint64_t revision = 0;
    if (!c->s->reload) {
        buffer_append(problems, SLICE("no server was told: it comes into force with the next start or reload"));
        return false;
    }
    enum fault fault = c->s->reload(c->s->ctx, &revision, problems);
    if (fault != FAULT_NONE && problems->len == 0) buffer_append(problems, slice_of(fault_text(fault)));
    return fault == FAULT_NONE;
}

/* ---- list ---- */

static void put_key(struct json_writer *w, const struct registry_key *k, bool from_file) {
    json_object(w);
    json_member_string(w, "application", k->application);
    json_member_string(w, "name", k->name);
    json_member_text(w, "source", from_file ? "configuration" : "registry");
    json_member_string(w, "hint", k->hint);
    api_put_time(w, "created_at", k->created_us);
    json_member_string(w, "created_by", k->created_by);
    api_put_time(w, "revoked_at", k->revoked_us);
    json_object_end(w);
}

void api_keys_list(struct api_call *c) {
    struct registry_key *keys;
    unsigned n;
    struct error error;
    struct slice only = api_text(c, "application");
    if (!api_need_registry(c) || !api_check(c, registry_keys(c->s->registry, c->arena, &keys, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "keys");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++)
        if (slice_is_null(only) || slice_eq(only, keys[i].application)) put_key(&c->json, &keys[i], false);
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (c->policy && table_next(&c->policy->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        struct registry_key shown = {.application = slice_of(k->application->name), .name = slice_of(k->name)};
        if (!k->from_registry && (slice_is_null(only) || slice_eq(only, shown.application))) put_key(&c->json, &shown, true);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- create ---- */

static bool check_name(struct api_call *c, struct slice application, struct slice name) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    for (size_t i = 0; i < name.len; i++) {
        char a = name.at[i];
        bool letter = (a >= 'a' && a <= 'z') || (a >= 'A' && a <= 'Z') || (a >= '0' && a <= '9');
        if (letter || a == '-' || a == '_' || (a == '.' && i > 0)) continue;
        api_fail(c, FAULT_BAD_REQUEST, "name: expected letters, digits, `-`, `_` and `.`, found '" SLICE_FMT "'", SLICE_ARG(name));
        return false;
    }
    while (c->policy && table_next(&c->policy->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *k = value;
        if (k->from_registry || !slice_is(name, k->name) || !slice_is(application, k->application->name)) continue;
        api_fail(c, FAULT_CONFLICT, "name: the configuration file has a key `" SLICE_FMT "` of this application", SLICE_ARG(name));
        return false;
    }
    return true;
}

static void make_key(char out[KEY_TEXT]) {
    unsigned char secret[SECRET_BYTES];
    char text[KEY_TEXT];
    digest_random(secret, sizeof secret);
    size_t n = digest_base64(slice_make((const char *)secret, sizeof secret), text, sizeof text);
    while (n > 0 && text[n - 1] == '=') n--;
    for (size_t i = 0; i < n; i++) text[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    snprintf(out, KEY_TEXT, "qd-%.*s", (int)n, text);
}

/* Adds and audits; what cannot be audited does not stay. */
static bool store_key(struct api_call *c, const struct registry_key *k) {
    struct error error;
    if (!api_check(c, registry_key_add(c->s->registry, k, &error), &error)) return false;
    struct slice subject = arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(k->application), SLICE_ARG(k->name));
    struct slice detail = arena_printf(c->arena, "{\"hint\":\"" SLICE_FMT "\"}", SLICE_ARG(k->hint));
    enum fault fault = api_audit(c, "key.create", subject, detail, &error);
    if (fault == FAULT_NONE) return true;
    bool undone = registry_key_revoke(c->s->registry, k->application, k->name, k->created_by, clock_wall_us(), NULL) == FAULT_NONE;
    api_fail(c, fault, "the audit log could not be written (%s); the new key was %s", error.text,
             undone ? "revoked at once" : "kept: revoke it");
    return false;
}

void api_keys_create(struct api_call *c) {
    char text[KEY_TEXT];
    struct registry_key k = {.application = api_text(c, "application"), .name = api_text(c, "name"),
                             .created_us = clock_wall_us(), .created_by = slice_of(c->actor)};
    if (!api_need_registry(c) || !api_knows_application(c, k.application) || !check_name(c, k.application, k.name)) return;
    make_key(text);
    digest_sha256(slice_of(text), &k.digest);
    k.hint = arena_printf(c->arena, "%.*s…", HINT_BYTES, text);
    if (!store_key(c, &k)) return;
    struct buffer problems;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool in_force = api_put_in_force(c, &problems);
    json_object(&c->json);
    json_member_text(&c->json, "key", text);
    json_member_string(&c->json, "application", k.application);
    json_member_string(&c->json, "name", k.name);
    json_member_string(&c->json, "hint", k.hint);
    json_member_bool(&c->json, "in_force", in_force);
    json_member_string(&c->json, "why_not", in_force ? SLICE_NULL : buffer_slice(&problems));
    json_object_end(&c->json);
    buffer_deinit(&problems);
}

/* ---- revoke ---- */

void api_keys_revoke(struct api_call *c) {
    struct slice application = api_text(c, "application"), name = api_text(c, "name");
    struct error error;
    if (!api_need_registry(c)) return;
    enum fault fault = registry_key_revoke(c->s->registry, application, name, slice_of(c->actor), clock_wall_us(), &error);
    if (!api_check(c, fault, &error)) return;
    struct slice subject = arena_printf(c->arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(application), SLICE_ARG(name));
    if (!api_check(c, api_audit(c, "key.revoke", subject, SLICE_NULL, &error), &error)) return;
    struct buffer problems;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool in_force = api_put_in_force(c, &problems);
    if (!in_force && c->s->reload) {
        /* a key that is still accepted is no success */
        api_fail_problems(c, FAULT_CONFIG,
                          "the key is revoked in the registry but still accepted: the policy could not be read again; mend the "
                          "configuration and reload", buffer_slice(&problems));
    } else {
        json_object(&c->json);
        json_member_string(&c->json, "application", application);
        json_member_string(&c->json, "name", name);
        json_member_bool(&c->json, "in_force", in_force);
        json_member_string(&c->json, "why_not", in_force ? SLICE_NULL : buffer_slice(&problems));
        json_object_end(&c->json);
    }
    buffer_deinit(&problems);
}
