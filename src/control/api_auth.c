/* Who asks, and whether the role allows it.
 *
 * With operator tokens or users, every call needs a token or a session, but the console's files, /healthz and /readyz (anyone), and
 * /metrics (this machine without, others with a viewer's). Without either the control plane answers to this machine
 * alone: to peers on a loopback address that reached us directly, and never on behalf of a web page, which a browser on this
 * machine would otherwise carry in (a foreign Origin, or a Host name that was pointed here).
 *
 * A session is the cookie's. Browsers send it along with whatever page has a request sent, so what changes something also needs a value that only
 * our own page can read (x-quarterdeck-csrf), and no foreign Origin. A request with a bearer token is judged by the token alone. */
#include "control/api.h"

#include "base/clock.h"
#include "control/cookie.h"
#include "store/sessions.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

const char *api_access_name(enum api_access a) {
    static const char *const names[] = {"open", "local", "key", "viewer", "operator", "approver", "admin"};
    return names[a];
}

/* ---- this machine ---- */

static bool is_loopback(const char *peer) {
    struct slice p = slice_of(peer);
    if (slice_starts(p, SLICE("::ffff:"))) p = slice_make(p.at + 7, p.len - 7);
    return slice_is(p, "::1") || slice_starts(p, SLICE("127."));
}

static bool is_numeric(struct slice host) {
    for (size_t i = 0; i < host.len; i++)
        if ((host.at[i] < '0' || host.at[i] > '9') && host.at[i] != '.') return false;
    return host.len > 0;
}

/* A name that nobody outside can have pointed at us: a loopback address, a single word, or localhost. Who came by another address and is on this
 * machine all the same was brought by something in between, which does not say for whom. */
static bool is_own_host(struct slice host) {
    if (slice_is_null(host)) return true;
    if (slice_starts(host, SLICE("["))) return slice_starts(host, SLICE("[::1]")) || slice_starts(host, SLICE("[::]")) || slice_starts(host, SLICE("[::ffff:127.")) || slice_starts(host, SLICE("[::ffff:7f"));
    struct slice name, port;
    slice_cut(host, ':', &name, &port);
    if (slice_ends(name, SLICE("."))) name.len--;
    struct slice head, tail;
    if (is_numeric(name)) return slice_starts(name, SLICE("127.")) || slice_is(name, "0.0.0.0");
    return !slice_cut(name, '.', &head, &tail) || slice_ends(name, SLICE(".localhost"));
}

static bool is_own_origin(struct slice origin, struct slice host) {
    if (slice_is_null(origin)) return true;
    if (slice_starts(origin, SLICE("http://"))) origin = slice_make(origin.at + 7, origin.len - 7);
    else if (slice_starts(origin, SLICE("https://"))) origin = slice_make(origin.at + 8, origin.len - 8);
    else return false;
    return slice_eq_nocase(origin, host);
}

static bool is_local(const struct api_request *q, const char **ret_why_not) {
    *ret_why_not = NULL;
    if (!q->peer || !is_loopback(q->peer)) *ret_why_not = "this request comes from another address";
    else if (q->forwarded) *ret_why_not = "this request comes through a proxy";
    else if (!is_own_host(q->host)) *ret_why_not = "this request names a foreign host";
    else if (!is_own_origin(q->origin, q->host)) *ret_why_not = "this request comes from a foreign web page";
    return *ret_why_not == NULL;
}

/* ---- tokens ---- */

static bool refuse(struct api_call *c, enum fault fault, const char *text) {
    api_fail(c, fault, "%s", text);
    if (fault != FAULT_BAD_TOKEN) return false;
    c->ret->extra_header[0] = "www-authenticate";
    c->ret->extra_header[1] = "Bearer";
    return false;
}

static const struct operator_token *token_of(const struct api_call *c) {
    struct digest digest;
    if (!c->policy || slice_is_null(c->q->token)) return NULL;
    digest_sha256(c->q->token, &digest);
    const struct operator_token *t = table_get(&c->policy->token_by_digest, slice_make((const char *)digest.bytes, sizeof digest.bytes));
    return t && digest_eq(&t->digest, &digest) ? t : NULL;
}

bool api_is_named(const struct api_call *c) { return c->who.by == API_TOKEN || c->who.by == API_SESSION; }

bool api_speaks_for(const struct api_call *c, struct slice name) {
    return !api_is_named(c) || c->who.role == USER_ADMIN || slice_is(name, c->who.name);
}

/* An application's own key, where the route is there for applications. */
static bool with_key(struct api_call *c) {
    struct digest digest;
    if (c->route->access != API_KEY || !c->policy || !slice_starts(c->q->token, SLICE("qd-"))) return false;
    digest_sha256(c->q->token, &digest);
    const struct api_key *k = table_get(&c->policy->key_by_digest, slice_make((const char *)digest.bytes, sizeof digest.bytes));
    if (!k || !digest_eq(&k->digest, &digest)) return false;
    c->actor = k->application->name;
    c->rights = API_KEY;
    return true;
}

/* ---- sessions ---- */

/* What only a page of ours can know: derived from the cookie, which scripts cannot read, and not the other way round. */
const char *api_csrf(struct slice cookie, struct arena *arena) {
    struct digest digest;
    char *out = arena_alloc(arena, 2 * DIGEST_BYTES + 1);
    digest_hmac256(cookie, SLICE("quarterdeck csrf"), SLICE(""), &digest);
    if (out) digest_hex(digest.bytes, sizeof digest.bytes, out);
    return out;
}

/* False: it is over, as its token is gone or may less than when it was shown. */
static bool name_of_token(const struct api_call *c, struct session *s) {
    struct slice key = slice_make((const char *)s->token.bytes, sizeof s->token.bytes);
    const struct operator_token *t = c->policy ? table_get(&c->policy->token_by_digest, key) : NULL;
    if (!t || !digest_eq(&t->digest, &s->token) || t->role < s->role) return false;
    s->user = slice_of(t->name);
    s->role = t->role;
    return true;
}

/* What a page asks by itself does not keep a session open. The stream cannot say so: browsers send no header of ours with it. */
static bool is_use(const struct api_request *q) { return !q->background && !slice_is(q->path, "/api/v1/live"); }

static bool find_session(struct api_call *c) {
    struct slice cookie = cookie_value(c->q->cookie, API_COOKIE);
    struct session s = {.made_us = 0};
    struct digest digest;
    struct error error;
    bool found = false;
    int64_t now_us = clock_wall_us();
    if (cookie.len == 0 || !c->s->registry) return true;
    digest_sha256(cookie, &digest);
    if (!api_check(c, sessions_find(c->s->registry, &digest, now_us, c->arena, &s, &found, &error), &error)) return false;
    bool of_token = found && slice_is_null(s.user);
    if (!found || (of_token && !name_of_token(c, &s))) return true;
    if (is_use(c->q) && now_us - s.seen_us > SESSION_TOUCH_US && sessions_touch(c->s->registry, &digest, now_us, NULL) == FAULT_NONE)
        s.seen_us = now_us; /* where it cannot be written, it ends earlier */
    c->who = (struct api_caller){.by = API_SESSION, .name = arena_text(c->arena, s.user), .role = s.role, .session = digest, .of_token = of_token,
                                 .csrf = api_csrf(cookie, c->arena), .ends_us = session_ends_us(&s)};
    return true;
}

/* ---- who ---- */

static const char *system_user(struct arena *arena) {
    struct passwd entry, *found = NULL;
    char *text = arena_alloc(arena, 4096);
    if (!text || getpwuid_r(getuid(), &entry, text, 4096, &found) != 0 || !found) return "unknown user";
    return found->pw_name;
}

static bool has_tokens(const struct api_call *c) { return c->policy && c->policy->n_tokens > 0; }

static bool has_users(struct api_call *c, bool *ret) {
    struct error error;
    *ret = false;
    return !c->s->registry || api_check(c, users_any(c->s->registry, ret, &error), &error);
}

static bool look(struct api_call *c) {
    const char *why_not;
    bool users;
    if (c->q->trusted) {
        c->who = (struct api_caller){.by = API_PROCESS, .name = system_user(c->arena), .role = USER_ADMIN};
        return true;
    }
    if (!has_tokens(c) && is_local(c->q, &why_not)) {
        if (!has_users(c, &users)) return false;
        if (!users) c->who = (struct api_caller){.by = API_MACHINE, .name = "local", .role = USER_ADMIN};
        if (!users) return true;
    }
    if (slice_is_null(c->q->token)) return find_session(c);
    const struct operator_token *t = token_of(c);
    if (t) c->who = (struct api_caller){.by = API_TOKEN, .name = t->name, .role = t->role};
    return true;
}

bool api_identify(struct api_call *c) {
    if (!look(c)) return false;
    if (c->who.by != API_NOBODY) c->actor = c->who.name;
    return true;
}

/* ---- whether it may ---- */

static bool refuse_nobody(struct api_call *c) {
    const char *why_not;
    bool users, local = is_local(c->q, &why_not);
    if (!has_users(c, &users)) return false;
    if (!slice_is_null(c->q->token) && (users || has_tokens(c)))
        return refuse(c, FAULT_BAD_TOKEN,
                      slice_starts(c->q->token, SLICE("qd-"))
                          ? "this is no operator's token: keys of applications (qd-...) do not open the control plane"
                          : "unknown operator token: QUARTERDECK_TOKEN is none of `tokens` in the configuration");
    if (!slice_is_null(cookie_value(c->q->cookie, API_COOKIE))) return refuse(c, FAULT_BAD_TOKEN, "the session is over: sign in again at /sign-in");
    if (has_tokens(c)) return refuse(c, FAULT_BAD_TOKEN, "expected an operator's token: send `authorization: Bearer TOKEN`, or sign in at /sign-in");
    if (users)
        return refuse(c, FAULT_BAD_TOKEN,
                      "there are users, so everybody signs in at /sign-in; for the command line, configure `tokens` and set QUARTERDECK_TOKEN");
    char text[280];
    snprintf(text, sizeof text,
             "no operator tokens are configured, so the control plane answers only to this machine, and %s; configure "
             "`tokens` to open it to others, or make the first user by the link that the server printed when it started", local ? "this is another" : why_not);
    return refuse(c, FAULT_BAD_TOKEN, text);
}

bool api_is_foreign(const struct api_call *c) { return !is_own_origin(c->q->origin, c->q->host); }

static bool is_read(const struct api_call *c) { return slice_is(c->q->method, "GET") || slice_is(c->q->method, "HEAD"); }

static bool is_from_our_page(const struct api_call *c) {
    struct slice want = slice_of(c->who.csrf), given = c->q->csrf;
    struct digest a, b;
    if (want.len == 0 || given.len != want.len || api_is_foreign(c)) return false;
    digest_sha256(want, &a);
    digest_sha256(given, &b);
    return digest_eq(&a, &b);
}

static const char *kind_of(const struct api_caller *who) {
    return who->by == API_TOKEN || who->of_token ? "the token" : "the user";
}

bool api_authorize(struct api_call *c) {
    static const enum api_access rights[] = {
        [USER_VIEWER] = API_VIEWER, [USER_OPERATOR] = API_OPERATOR, [USER_APPROVER] = API_APPROVER, [USER_ADMIN] = API_ADMIN};
    const char *why_not;
    if (c->route->access == API_OPEN || with_key(c)) return true;
    if (c->route->access == API_LOCAL && !c->q->trusted && is_local(c->q, &why_not)) {
        c->actor = "local";
        c->rights = API_LOCAL;
        return true;
    }
    if (!api_identify(c)) return false;
    if (c->who.by == API_NOBODY) return refuse_nobody(c);
    if (c->who.by == API_SESSION && !is_read(c) && !is_from_our_page(c))
        return refuse(c, FAULT_CSRF, "with a session, a change needs the header x-quarterdeck-csrf with the value that GET /api/v1/session says, and no foreign origin");
    c->rights = rights[c->who.role];
    if (c->rights >= c->route->access) return true;
    char text[160];
    snprintf(text, sizeof text, "this needs the role %s; %s `%.40s` has the role %s", api_access_name(c->route->access), kind_of(&c->who), c->who.name,
             user_role_name(c->who.role));
    return refuse(c, FAULT_NOT_PERMITTED, text);
}
