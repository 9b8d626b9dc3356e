/* Signing in and out, and the first admin. What hashes a password runs on a thread of its own (desk.h), one after the other.
 *
 * A sign-in always begins a new session with a secret of its own and ends the one that its cookie named: nobody can be signed in by a cookie that somebody
 * else chose. Whether a name exists shows in no answer and in no time: an unknown one is hashed and waits as another. */
#include "control/api.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/password.h"
#include "control/attempts.h"
#include "control/cookie.h"
#include "control/setup.h"
#include "control/whence.h"
#include "store/sessions.h"

#include <stdio.h>

/* ---- the cookie ---- */

static void put_header(struct api_call *c, const char *name, const char *value) {
    unsigned i = 0;
    while (i + 3 < API_HEADERS && c->ret->extra_header[i]) i += 2;
    c->ret->extra_header[i] = name;
    c->ret->extra_header[i + 1] = value;
}

/* Over TLS, of ours or of a proxy's before us: the page's own address says so. */
static bool is_secure(const struct api_call *c) {
    if (!slice_is_null(c->q->origin)) return slice_starts(c->q->origin, SLICE("https://"));
    return c->policy && c->policy->server.tls_cert;
}

static void set_cookie(struct api_call *c, const char *secret, int64_t seconds) {
    struct slice text = arena_printf(c->arena, API_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%lld%s", secret, (long long)seconds,
                                     is_secure(c) ? "; Secure" : "");
    put_header(c, "set-cookie", arena_text(c->arena, text));
}

/* ---- how it stands ---- */

static bool put_names(struct api_call *c) {
    struct user *users;
    struct error error;
    unsigned n = 0;
    if (c->s->demo && c->s->registry && !api_check(c, users_list(c->s->registry, clock_wall_us(), c->arena, &users, &n, &error), &error)) return false;
    json_key(&c->json, "users");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++)
        if (users[i].enabled) json_put_string(&c->json, users[i].name);
    json_array_end(&c->json);
    return true;
}

static void put_session(struct api_call *c) {
    struct json_writer *w = &c->json;
    struct error error;
    bool in = c->who.by != API_NOBODY, users = false;
    if (c->s->registry && !api_check(c, users_any(c->s->registry, &users, &error), &error)) return;
    json_object(w);
    json_member_bool(w, "signed_in", in);
    json_key(w, "user");
    if (in) {
        json_object(w);
        json_member_text(w, "name", c->who.name);
        json_member_text(w, "role", user_role_name(c->who.role));
        json_object_end(w);
    } else {
        json_put_null(w);
    }
    json_member_text(w, "csrf", c->who.csrf);
    api_put_time(w, "expires", c->who.ends_us);
    json_member_bool(w, "demo", c->s->demo);
    json_member_bool(w, "sign_in_needed", !in);
    json_member_bool(w, "setup_needed", !users && !(c->policy && c->policy->n_tokens > 0));
    if (!put_names(c)) return;
    json_member_text(w, "version", VERSION);
    json_key(w, "applications");
    json_array(w);
    for (unsigned i = 0; in && c->policy && i < c->policy->n_applications; i++) json_put_text(w, c->policy->applications[i].name);
    json_array_end(w);
    json_object_end(w);
}

void api_session_show(struct api_call *c) {
    if (api_identify(c)) put_session(c);
}

/* ---- a new one ---- */

static void end_former(struct api_call *c) {
    struct slice cookie = cookie_value(c->q->cookie, API_COOKIE);
    struct digest digest;
    struct error error;
    if (cookie.len == 0) return;
    digest_sha256(cookie, &digest);
    if (sessions_end(c->s->registry, &digest, &error) != FAULT_NONE) log_event(LOG_WARN, "a former session goes on", "error", error.text, NULL);
}

/* Of a user, or of a token where `hash` is SLICE_NULL; and answers as GET does. */
static void begin(struct api_call *c, struct session *s, struct slice name, const char *action) {
    char secret[SETUP_SECRET];
    struct error error;
    struct slice subject = arena_printf(c->arena, slice_is_null(s->user) ? "token:" SLICE_FMT : "user:" SLICE_FMT, SLICE_ARG(name));
    struct slice detail = arena_printf(c->arena, "{\"from\":\"%s\"}", c->q->peer ? c->q->peer : "this process");
    struct audit_entry entry = {.at_us = clock_wall_us(), .actor = name, .action = slice_of(action), .subject = subject, .detail = detail};
    setup_random(secret);
    digest_sha256(slice_of(secret), &s->digest);
    s->made_us = s->seen_us = entry.at_us;
    s->network = whence_network(c->q->peer, c->arena);
    s->agent = whence_agent(c->q->user_agent, c->arena);
    enum fault fault = sessions_begin(c->s->registry, s, &entry, &error);
    if (fault == FAULT_NOT_FOUND) fault = error_set(&error, FAULT_SIGN_IN, "name and password do not match");
    if (!api_check(c, fault, &error)) return;
    end_former(c);
    c->who = (struct api_caller){.by = API_SESSION, .name = arena_text(c->arena, name), .role = s->role, .session = s->digest,
                                 .of_token = slice_is_null(s->user), .ends_us = session_ends_us(s), .csrf = api_csrf(slice_of(secret), c->arena)};
    set_cookie(c, secret, SESSION_LIFE_US / 1000000);
    put_session(c);
}

/* ---- signing in ---- */

/* False after having answered: from a page of somebody else's, or too soon after too many failures. */
static bool may_try(struct api_call *c, struct slice name) {
    char text[24];
    if (api_is_foreign(c)) {
        api_fail(c, FAULT_CSRF, "this request comes from a foreign web page");
        return false;
    }
    int64_t wait = attempts_wait_s(c->s->attempts, name, c->q->peer, clock_us());
    if (wait == 0) return true;
    snprintf(text, sizeof text, "%lld", (long long)wait);
    api_fail(c, FAULT_TOO_MANY_ATTEMPTS, "too many failed attempts: try again in %lld s", (long long)wait);
    put_header(c, "retry-after", arena_text(c->arena, slice_of(text)));
    return false;
}

/* The name is not told: who is in a hurry types the password there. */
static void failed(struct api_call *c, enum fault fault, struct slice name, const char *known, const char *what) {
    attempts_failed(c->s->attempts, name, c->q->peer, clock_us());
    log_event(LOG_WARN, "a sign-in was refused", "from", c->q->peer ? c->q->peer : "this process", "user", known ? known : "unknown", NULL);
    api_fail(c, fault, "%s", what);
}

static void by_token(struct api_call *c, struct slice token) {
    struct digest digest;
    if (!may_try(c, SLICE_NULL)) return;
    digest_sha256(token, &digest);
    struct slice key = slice_make((const char *)digest.bytes, sizeof digest.bytes);
    const struct operator_token *t = c->policy ? table_get(&c->policy->token_by_digest, key) : NULL;
    if (!t || !digest_eq(&t->digest, &digest)) {
        failed(c, FAULT_SIGN_IN, SLICE_NULL, NULL, "unknown operator token: it is none of `tokens` in the configuration");
        return;
    }
    begin(c, &(struct session){.user = SLICE_NULL, .token = t->digest, .role = t->role}, slice_of(t->name), "session.begin");
}

/* As it is kept: in lower case. */
static struct slice folded(struct api_call *c, struct slice name) {
    char *out = arena_alloc(c->arena, name.len);
    for (size_t i = 0; out && i < name.len; i++) out[i] = (char)(name.at[i] >= 'A' && name.at[i] <= 'Z' ? name.at[i] | 0x20 : name.at[i]);
    return out ? slice_make(out, name.len) : name;
}

/* The user whose password it is; false after having answered. */
static bool check_password(struct api_call *c, struct slice name, struct slice password, struct user *ret) {
    struct user u = {.hash = SLICE_NULL};
    struct error error;
    if (!may_try(c, name)) return false;
    enum fault fault = users_find(c->s->registry, name, c->arena, &u, &error);
    if (fault != FAULT_NOT_FOUND && !api_check(c, fault, &error)) return false;
    bool same = password_is(password, fault == FAULT_NONE ? u.hash : SLICE_NULL);
    if (!same || !u.enabled) {
        const char *known = fault == FAULT_NONE ? arena_text(c->arena, u.name) : NULL;
        if (c->who.by == API_SESSION) failed(c, FAULT_NOT_PERMITTED, name, known, "old: this is not the password"); /* who is in, is in */
        else failed(c, FAULT_SIGN_IN, name, known, "name and password do not match");
        return false;
    }
    attempts_good(c->s->attempts, name);
    *ret = u;
    return true;
}

void api_session_begin(struct api_call *c) {
    struct slice name = api_text(c, "name"), password = api_text(c, "password"), token = api_text(c, "token");
    bool with_password = !slice_is_null(name) && !slice_is_null(password);
    struct user u;
    if (slice_is_null(token) ? !with_password : !slice_is_null(name) || !slice_is_null(password)) {
        api_fail(c, FAULT_BAD_REQUEST, "expected `name` and `password`, or `token`");
        return;
    }
    if (!api_need_registry(c)) return;
    if (!slice_is_null(token)) by_token(c, token);
    else if (check_password(c, folded(c, name), password, &u))
        begin(c, &(struct session){.user = u.name, .role = u.role, .hash = u.hash}, u.name, "session.begin");
}

/* ---- out ---- */

void api_session_end(struct api_call *c) {
    struct error error;
    if (!api_need_registry(c)) return;
    if (c->who.by == API_SESSION) {
        struct slice subject = arena_printf(c->arena, "%s:%s", c->who.of_token ? "token" : "user", c->who.name);
        enum fault fault = sessions_end(c->s->registry, &c->who.session, &error);
        if (fault == FAULT_NONE) fault = api_audit(c, "session.end", subject, SLICE_NULL, &error);
        if (!api_check(c, fault, &error)) return;
    }
    set_cookie(c, "", 0);
    struct api_request without = *c->q;
    struct api_call after = *c;
    without.cookie = SLICE_NULL;
    after.q = &without;
    after.who = (struct api_caller){.by = API_NOBODY};
    if (api_identify(&after)) put_session(&after);
    c->failed = after.failed;
}

/* ---- a new password of one's own ---- */

void api_session_password(struct api_call *c) {
    struct user u;
    struct error error;
    char hash[PASSWORD_HASH];
    struct slice password = api_text(c, "new");
    if (!api_need_registry(c)) return;
    if (c->who.by != API_SESSION || c->who.of_token) {
        api_fail(c, FAULT_CONFLICT, "only somebody who signed in with a password has one to change; an admin sets others' with `quarterdeck user password NAME`");
        return;
    }
    if (!password_is_long_enough(password)) {
        api_fail(c, FAULT_BAD_REQUEST, "new: expected at least %d characters and at most %d bytes", PASSWORD_LEAST, PASSWORD_MOST);
        return;
    }
    if (!check_password(c, slice_of(c->who.name), api_text(c, "old"), &u)) return;
    if (!password_hash(password, hash)) {
        api_fail(c, FAULT_OVERLOADED, "there is no memory to hash a password");
        return;
    }
    struct user_change change = {.hash = slice_of(hash), .at_us = clock_wall_us()};
    struct audit_entry entry = {.at_us = change.at_us, .actor = u.name, .action = SLICE("user.password"), .subject = arena_printf(c->arena, "user:" SLICE_FMT, SLICE_ARG(u.name))};
    if (!api_check(c, users_change(c->s->registry, u.name, &change, &entry, &error), &error)) return;
    begin(c, &(struct session){.user = u.name, .role = u.role, .hash = change.hash}, u.name, "session.begin");
}

/* ---- the first admin ---- */

void api_setup(struct api_call *c) {
    struct slice name = folded(c, api_text(c, "name")), password = api_text(c, "password");
    struct error error;
    char hash[PASSWORD_HASH];
    bool good = false;
    if (!api_need_registry(c) || !may_try(c, SLICE_NULL)) return;
    if (!api_check(c, setup_check(c->s->registry, api_text(c, "secret"), clock_wall_us(), &good, &error), &error)) return;
    if (!good) {
        failed(c, FAULT_SIGN_IN, SLICE_NULL, NULL, "this set-up link does not hold: it is good for 24 hours, until there is a user or the server has printed another; restart the "
                                    "server for a new one, or sign in");
        return;
    }
    if (!user_name_is_good(name) || !password_is_long_enough(password)) {
        api_fail(c, FAULT_BAD_REQUEST, "expected a name of a-z 0-9 - _ . @ +, and a password of at least %d characters and at most %d bytes", PASSWORD_LEAST, PASSWORD_MOST);
        return;
    }
    if (!password_hash(password, hash)) {
        api_fail(c, FAULT_OVERLOADED, "there is no memory to hash a password");
        return;
    }
    struct user u = {.name = name, .role = USER_ADMIN, .enabled = true, .made_us = clock_wall_us(), .made_by = SLICE("set-up link"), .hash = slice_of(hash)};
    struct audit_entry entry = {.at_us = u.made_us, .actor = name, .action = SLICE("user.add"), .subject = arena_printf(c->arena, "user:" SLICE_FMT, SLICE_ARG(name)),
                                .reason = SLICE("the first admin, by the set-up link"), .detail = SLICE("{\"role\":\"admin\"}")};
    if (!api_check(c, users_put(c->s->registry, &u, true, &entry, &error), &error)) return;
    begin(c, &(struct session){.user = u.name, .role = u.role, .hash = u.hash}, u.name, "session.begin");
}
