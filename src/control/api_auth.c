/* Who asks, and whether the role allows it.
 *
 * With operator tokens configured, every call needs one, but /healthz, /readyz and the page at / (anyone), and
 * /metrics (this machine without, others with a viewer's). Without tokens the control plane answers to this machine
 * alone: to peers on a loopback address that reached us directly, and never on behalf of a web page, which a browser on this
 * machine would otherwise carry in (a foreign Origin, or a Host name that was pointed here). */
#include "control/api.h"

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

/* A name that nobody outside can have pointed at us: an address, a single word, or localhost. */
static bool is_own_host(struct slice host) {
    if (slice_is_null(host) || (host.len > 0 && host.at[0] == '[')) return true;
    struct slice name, port;
    slice_cut(host, ':', &name, &port);
    if (slice_ends(name, SLICE("."))) name.len--;
    struct slice head, tail;
    return is_numeric(name) || !slice_cut(name, '.', &head, &tail) || slice_ends(name, SLICE(".localhost"));
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

const struct operator_token *api_token(const struct api_call *c) { return c->q->trusted ? NULL : token_of(c); }

bool api_speaks_for(const struct api_call *c, struct slice name) {
    const struct operator_token *t = token_of(c);
    return c->q->trusted || !t || t->role == USER_ADMIN || slice_is(name, t->name);
}

static bool with_token(struct api_call *c) {
    const struct operator_token *t = token_of(c);
    if (!t)
        return refuse(c, FAULT_BAD_TOKEN,
                      slice_starts(c->q->token, SLICE("qd-"))
                          ? "this is no operator's token: keys of applications (qd-...) do not open the control plane"
                          : "unknown operator token: QUARTERDECK_TOKEN is none of `tokens` in the configuration");
    static const enum api_access rights[] = {
        [USER_VIEWER] = API_VIEWER, [USER_OPERATOR] = API_OPERATOR, [USER_APPROVER] = API_APPROVER, [USER_ADMIN] = API_ADMIN};
    c->actor = t->name;
    c->rights = rights[t->role];
    if (rights[t->role] >= c->route->access) return true;
    char text[160];
    snprintf(text, sizeof text, "this needs the role %s; the token `%.40s` has the role %s",
             api_access_name(c->route->access), t->name, api_access_name(rights[t->role]));
    return refuse(c, FAULT_NOT_PERMITTED, text);
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

static const char *system_user(struct arena *arena) {
    struct passwd entry, *found = NULL;
    char *text = arena_alloc(arena, 4096);
    if (!text || getpwuid_r(getuid(), &entry, text, 4096, &found) != 0 || !found) return "unknown user";
    return found->pw_name;
}

bool api_authorize(struct api_call *c) {
    if (c->route->access == API_OPEN) return true;
    if (c->q->trusted) {
        c->actor = system_user(c->arena);
        c->rights = API_ADMIN;
        return true;
    }
    if (with_key(c)) return true;
    const char *why_not;
    bool tokens = c->policy && c->policy->n_tokens > 0, local = is_local(c->q, &why_not);
    if (local && (!tokens || c->route->access == API_LOCAL)) {
        c->actor = "local";
        c->rights = tokens ? API_LOCAL : API_ADMIN;
        return true;
    }
    if (tokens && !slice_is_null(c->q->token)) return with_token(c);
    if (tokens) return refuse(c, FAULT_BAD_TOKEN, "expected an operator's token: send `authorization: Bearer TOKEN`");
    char text[240];
    snprintf(text, sizeof text,
             "no operator tokens are configured, so the control plane answers only to this machine, and %s; configure "
             "`tokens` to open it to others", why_not);
    return refuse(c, FAULT_BAD_TOKEN, text);
}
