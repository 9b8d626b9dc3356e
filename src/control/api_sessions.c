/* The open sessions of oneself, and of a user by an admin: seen, and ended. What is told of one opens none: an id is the begin of the digest of its secret. */
#include "control/api.h"

#include "base/clock.h"
#include "store/sessions.h"

#define ID_BYTES 8

static void id_of(const struct session *s, char out[2 * ID_BYTES + 1]) { digest_hex(s->digest.bytes, ID_BYTES, out); }

/* Whose the caller's own are: the user's, or the token's. False: there can be none, as this machine or a process signs in nowhere. */
static bool is_own(struct api_call *c, struct session *ret, bool *ret_good) {
    struct error error;
    bool found = false;
    *ret = (struct session){.user = SLICE_NULL};
    *ret_good = true;
    if (c->who.by == API_TOKEN) digest_sha256(c->q->token, &ret->token);
    if (c->who.by != API_SESSION) return c->who.by == API_TOKEN;
    *ret_good = api_check(c, sessions_find(c->s->registry, &c->who.session, clock_wall_us(), c->arena, ret, &found, &error), &error);
    return *ret_good && found;
}

static bool is_current(const struct api_call *c, const struct session *s) { return c->who.by == API_SESSION && digest_eq(&s->digest, &c->who.session); }

static void put_session(struct api_call *c, const struct session *s) {
    struct json_writer *w = &c->json;
    char id[2 * ID_BYTES + 1];
    id_of(s, id);
    json_object(w);
    json_member_text(w, "id", id);
    json_member_bool(w, "current", is_current(c, s));
    api_put_time(w, "began_at", s->made_us);
    api_put_time(w, "seen_at", s->seen_us);
    api_put_time(w, "ends_at", session_ends_us(s));
    json_member_string(w, "network", s->network);
    json_member_string(w, "agent", s->agent);
    json_object_end(w);
}

static void put_all(struct api_call *c, const struct session *all, unsigned n) {
    json_object(&c->json);
    json_key(&c->json, "sessions");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_session(c, &all[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

static bool list(struct api_call *c, const struct session *whose, struct session **ret, unsigned *ret_n) {
    struct error error;
    return api_check(c, sessions_list(c->s->registry, whose, clock_wall_us(), c->arena, ret, ret_n, &error), &error);
}

static void end(struct api_call *c, const struct session *whose, const struct digest *only, const struct digest *keep, const char *action, struct slice subject, struct slice detail) {
    struct error error;
    unsigned n = 0;
    struct audit_entry entry = {.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = slice_of(action), .subject = subject, .reason = api_text(c, "reason"), .detail = detail};
    if (!api_check(c, sessions_end_those(c->s->registry, whose, only, keep, &entry, &n, &error), &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "ended", n);
    json_object_end(&c->json);
}

/* ---- one's own ---- */

void api_sessions_list(struct api_call *c) {
    struct session whose, *all = NULL;
    unsigned n = 0;
    bool good;
    if (!api_need_registry(c)) return;
    if (is_own(c, &whose, &good)) good = list(c, &whose, &all, &n);
    if (good) put_all(c, all, n);
}

static struct slice own_subject(struct api_call *c, const struct session *whose) {
    return arena_printf(c->arena, "%s:%s", slice_is_null(whose->user) ? "token" : "user", c->who.name);
}

void api_sessions_end_one(struct api_call *c) {
    struct session whose, *all = NULL, *found = NULL;
    struct slice wanted = api_text(c, "id");
    char id[2 * ID_BYTES + 1];
    unsigned n = 0;
    bool good;
    if (!api_need_registry(c)) return;
    if (is_own(c, &whose, &good)) good = list(c, &whose, &all, &n);
    for (unsigned i = 0; good && i < n; i++) {
        id_of(&all[i], id);
        if (slice_is(wanted, id)) found = &all[i];
    }
    if (!good) return;
    if (found == NULL) api_fail(c, FAULT_NOT_FOUND, "you have no open session `" SLICE_FMT "`: it is over, or it is somebody else's", SLICE_ARG(wanted));
    else end(c, &whose, &found->digest, NULL, "session.end", own_subject(c, &whose), arena_printf(c->arena, "{\"session\":\"" SLICE_FMT "\"}", SLICE_ARG(wanted)));
}

void api_sessions_end_others(struct api_call *c) {
    struct session whose;
    bool good;
    if (!api_need_registry(c)) return;
    if (is_own(c, &whose, &good)) {
        end(c, &whose, NULL, c->who.by == API_SESSION ? &c->who.session : NULL, "session.end_others", own_subject(c, &whose), SLICE_NULL);
    } else if (good) {
        json_object(&c->json);
        json_member_i64(&c->json, "ended", 0);
        json_object_end(&c->json);
    }
}

/* ---- a user's, by an admin ---- */

static bool find_user(struct api_call *c, struct session *ret) {
    struct user u;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, users_find(c->s->registry, api_text(c, "name"), c->arena, &u, &error), &error)) return false;
    *ret = (struct session){.user = u.name};
    return true;
}

void api_user_sessions(struct api_call *c) {
    struct session whose, *all = NULL;
    unsigned n = 0;
    if (find_user(c, &whose) && list(c, &whose, &all, &n)) put_all(c, all, n);
}

/* All of them; one's own current one stays, as signing out is something else. */
void api_user_sessions_end(struct api_call *c) {
    struct session whose;
    if (!find_user(c, &whose)) return;
    end(c, &whose, NULL, c->who.by == API_SESSION ? &c->who.session : NULL, "session.end_all", arena_printf(c->arena, "user:" SLICE_FMT, SLICE_ARG(whose.user)), SLICE_NULL);
}
