/* From a request to its route, and the answers that all routes share. */
#include "control/api.h"

#include "control/consoles.h"
#include "control/console.h"
#include "control/shared_answers.h"
#include "control/suggest.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- answers ---- */

static void put_problems(struct json_writer *w, struct slice problems) {
    struct slice line;
    json_key(w, "problems");
    json_array(w);
    while (problems.len > 0) {
        slice_cut(problems, '\n', &line, &problems);
        if (line.len > 0) json_put_string(w, line);
    }
    json_array_end(w);
}

void api_write_error(struct buffer *out, const char *code, const char *message, struct slice problems) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    json_key(&w, "error");
    json_object(&w);
    json_member_text(&w, "code", code);
    json_member_text(&w, "message", message);
    if (!slice_is_null(problems)) put_problems(&w, problems);
    json_object_end(&w);
    json_object_end(&w);
}

void api_fail_problems(struct api_call *c, enum fault fault, const char *message, struct slice problems) {
    buffer_clear(&c->ret->body);
    api_write_error(&c->ret->body, fault_name(fault), message, problems);
    c->ret->status = fault_status(fault);
    c->ret->content_type = "application/json";
    c->failed = true;
}

void api_fail(struct api_call *c, enum fault fault, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    api_fail_problems(c, fault, text, SLICE_NULL);
}

bool api_check(struct api_call *c, enum fault fault, const struct error *error) {
    if (fault == FAULT_NONE) return true;
    api_fail(c, fault, "%s", error && error->text[0] ? error->text : fault_text(fault));
    return false;
}

bool api_knows_application(struct api_call *c, struct slice name) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    if (!c->policy || table_get(&c->policy->application_by_name, name)) return true;
    suggestion_start(&near, name);
    for (unsigned i = 0; i < c->policy->n_applications; i++) suggestion_offer(&near, c->policy->applications[i].name);
    api_fail(c, FAULT_NOT_FOUND, "application: `" SLICE_FMT "` is not in the configuration%s", SLICE_ARG(name), suggestion_text(&near, "", hint));
    return false;
}

void api_put_time(struct json_writer *w, const char *key, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    json_member_text(w, key, wall_us != 0 ? text : NULL);
}

void api_put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text); /* "null" when unknown */
    json_member_raw(w, key, slice_of(text));
}

void api_put_cost(struct json_writer *w, int64_t nano) {
    json_key(w, "cost_nanousd");
    if (money_is_known(nano)) json_put_i64(w, nano);
    else json_put_null(w);
    api_put_usd(w, "cost_usd", nano);
}

enum fault api_audit(struct api_call *c, const char *action, struct slice subject, struct slice detail,
                     struct error *error) {
    struct audit_entry e = {.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = slice_of(action),
                            .subject = subject, .reason = api_text(c, "reason"), .detail = detail};
    return registry_audit(c->s->registry, &e, error);
}

/* ---- dispatch ---- */

#define PATH_VALUES 4 /* placeholders of one path */

/* False when it does not match; what stands for the placeholders, decoded, is in `values`. */
static bool match(const char *pattern, struct slice path, struct arena *arena, struct slice values[PATH_VALUES]) {
    struct slice rest = slice_of(pattern), want, have;
    unsigned n = 0;
    while (rest.len > 0 || path.len > 0) {
        bool more_wanted = slice_cut(rest, '/', &want, &rest), more_given = slice_cut(path, '/', &have, &path);
        if (more_wanted != more_given) return false;
        if (want.len > 0 && want.at[0] == '{') {
            if (have.len == 0 || n == PATH_VALUES || !api_decode(have, false, arena, &values[n++])) return false;
        } else if (!slice_eq(want, have)) {
            return false;
        }
    }
    return true;
}

bool control_owns(struct slice path) {
    static const char *const own[] = {"/healthz", "/readyz", "/metrics", "/api"};
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (slice_is(path, own[i])) return true;
    return slice_starts(path, SLICE("/api/")) || console_owns(path);
}

bool control_misses(struct slice method, struct slice path, struct slice accept) {
    struct slice first, rest;
    bool reads = slice_is(method, "GET") || slice_is(method, "HEAD");
    if (!reads || !slice_starts(path, SLICE("/")) || control_owns(path)) return false;
    slice_cut(slice_make(path.at + 1, path.len - 1), '/', &first, &rest);
    return !slice_is(first, "v1") && !slice_is(first, "api") && slice_contains_nocase(accept, SLICE("text/html"));
}

static bool is_probe(struct slice path) { return slice_is(path, "/healthz") || slice_is(path, "/readyz"); }
bool control_is_slow(struct slice method, struct slice path) {
    if (!slice_is(method, "POST")) return false;
    return slice_starts(path, SLICE("/api/v1/session")) || slice_is(path, "/api/v1/setup") || slice_starts(path, SLICE("/api/v1/users"));
}
bool control_is_quick(struct slice path) { return is_probe(path) || console_owns(path); }

/* NULL after having answered 404 or 405. */
static const struct api_route *find_route(struct api_call *c, struct slice values[PATH_VALUES]) {
    struct slice method = slice_is(c->q->method, "HEAD") ? SLICE("GET") : c->q->method;
    char allow[64] = "";
    size_t n = 0;
    for (const struct api_route *r = api_routes; r->method; r++) {
        if (!match(r->path, c->q->path, c->arena, values)) continue;
        if (slice_is(method, r->method)) return r;
        n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n > 0 ? ", " : "", r->method);
    }
    if (n > 0) {
        api_fail(c, FAULT_BAD_METHOD, "expected %s, found %.*s", allow, (int)(method.len < 20 ? method.len : 20), method.at);
        c->ret->extra_header[0] = "allow";
        c->ret->extra_header[1] = arena_text(c->arena, slice_of(allow));
    } else {
        api_fail(c, FAULT_NOT_FOUND, "no such path; /api/v1/openapi.json lists all there are");
    }
    return NULL;
}

static bool is_reading(const struct api_route *r) { return strcmp(r->method, "GET") == 0; }

/* False: the answer is left to the waiter. */
static bool handle(struct api_call *c) {
    struct shared_entry *entry = NULL;
    enum api_share share = api_share(c, &entry);
    if (share != API_COMPUTE) return share == API_ANSWERED;
    c->ret->status = c->route->status;
    if (c->route->content_type) c->ret->content_type = c->route->content_type;
    json_start(&c->json, &c->ret->body);
    c->route->handle(c);
    if (!c->failed && (c->ret->body.overflow || arena_is_full(c->arena)))
        api_fail(c, FAULT_TOO_LARGE, "the answer is over %u bytes: ask for less at a time", LIMIT_REPLY_BODY);
    if (!is_reading(c->route)) consoles_changed(c->s->consoles, c->failed ? 0 : console_topics_of(c->q->path));
    api_shared(c, entry);
    return true;
}

bool control_allows(const struct control_services *s, const struct api_request *q, struct arena *arena) {
    struct slice path_values[PATH_VALUES] = {SLICE_NULL};
    struct api_response ret = {.status = 200};
    buffer_init(&ret.body, LIMIT_ERROR_TEXT * 4);
    struct api_call c = {.s = s, .q = q, .arena = arena, .ret = &ret, .actor = "nobody"};
    c.route = find_route(&c, path_values);
    c.policy = c.route && s->policy ? s->policy(s->ctx) : NULL;
    bool allowed = c.route && api_authorize(&c);
    policy_drop(c.policy);
    buffer_deinit(&ret.body);
    return allowed;
}

void api_request_copy(const struct api_request *q, struct arena *arena, struct api_request *ret) {
    *ret = *q;
    ret->method = arena_slice(arena, q->method);
    ret->path = arena_slice(arena, q->path);
    ret->token = arena_slice(arena, q->token);
    ret->host = arena_slice(arena, q->host);
    ret->origin = arena_slice(arena, q->origin);
    ret->peer = q->peer ? arena_text(arena, slice_of(q->peer)) : NULL;
    ret->cookie = arena_slice(arena, q->cookie);
    ret->query = ret->body = ret->if_none_match = ret->csrf = ret->accept = ret->accept_encoding = ret->user_agent = SLICE_NULL;
    ret->waiter = NULL;
}

bool control_answer(const struct control_services *s, const struct api_request *q, struct arena *arena,
                    struct api_response *ret) {
    struct slice path_values[PATH_VALUES] = {SLICE_NULL};
    if (console_owns(q->path) || control_misses(q->method, q->path, q->accept)) {
        console_answer(q, arena, ret);
        return true;
    }
    *ret = (struct api_response){.status = 200, .content_type = "application/json"};
    buffer_init(&ret->body, LIMIT_REPLY_BODY);
    struct api_call c = {.s = s, .q = q, .arena = arena, .ret = ret, .actor = "nobody"};
    c.route = find_route(&c, path_values);
    if (!c.route) return true;
    c.change = is_probe(q->path) ? 0 : shared_answers_change(s->shared); /* before the policy */
    c.policy = s->policy && !is_probe(q->path) ? s->policy(s->ctx) : NULL; /* it is behind a lock */
    bool answered = true;
    if (api_authorize(&c) && api_read_parameters(&c, path_values)) answered = handle(&c);
    policy_drop(c.policy);
    return answered;
}
