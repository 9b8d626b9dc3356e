/* Signing in, sessions, roles by session on every route, and what a browser could be made to do. */
#include "test_control_rig.h"

#include "control/attempts.h"
#include "control/console.h"
#include "control/cookie.h"
#include "control/setup.h"
#include "control/whence.h"
#include "store/sessions.h"

#define HERE "127.0.0.1"
#define THERE "192.0.2.7"
#define PASSWORD "correct horse battery"
#define ALLOWED(status) ((status) != 401 && (status) != 403)

/* ---- calls ---- */

struct browser {
    char cookie[300], csrf[80];
};

static int call(struct desk *d, const struct browser *b, const char *method, const char *target, const char *body) {
    d->q = (struct api_request){.peer = THERE, .host = SLICE("console.example:4000"), .cookie = b ? slice_of(b->cookie) : SLICE_NULL,
                                .csrf = b ? slice_of(b->csrf) : SLICE_NULL};
    return desk_send(d, method, target, body);
}

static const char *header_of(struct desk *d, const char *name) {
    for (unsigned i = 0; i + 1 < API_HEADERS && d->answer.extra_header[i]; i += 2)
        if (strcmp(d->answer.extra_header[i], name) == 0) return d->answer.extra_header[i + 1];
    return NULL;
}

/* As a browser keeps what the last answer said. */
static void keep(struct desk *d, struct browser *b) {
    const char *set = header_of(d, "set-cookie");
    assert_non_null(set);
    snprintf(b->cookie, sizeof b->cookie, "theme=dark; %.*s", (int)strcspn(set, ";"), set);
    snprintf(b->csrf, sizeof b->csrf, "%s", desk_at(d, "csrf"));
    assert_int_equal(strlen(b->csrf), 64);
}

static int sign_in(struct desk *d, const char *name, const char *password, struct browser *b) {
    const char *body = arena_text(&d->arena, arena_printf(&d->arena, "{\"name\":\"%s\",\"password\":\"%s\"}", name, password));
    int status = call(d, NULL, "POST", "/api/v1/session", body);
    if (status == 200) keep(d, b);
    return status;
}

static void add(struct desk *d, const char *name, enum user_role role) {
    struct error error;
    if (users_add(d->s.registry, slice_of(name), role, SLICE(PASSWORD), SLICE("tests"), &error) != FAULT_NONE) fail_msg("%s", error.text);
}

/* Without a password, which takes 60 ms. */
static void user_of(struct desk *d, const char *name, enum user_role role) {
    struct user u = {.name = slice_of(name), .role = role, .enabled = true, .made_us = DESK_NOW, .hash = SLICE("$")};
    struct audit_entry entry = {.at_us = DESK_NOW, .actor = SLICE("tests"), .action = SLICE("user.add")};
    assert_int_equal(users_put(d->s.registry, &u, false, &entry, NULL), FAULT_NONE);
}
static void session_of(struct desk *d, const char *name, struct browser *b) {
    char secret[SETUP_SECRET];
    struct session s = {.user = slice_of(name), .made_us = clock_wall_us(), .hash = SLICE("$")};
    struct audit_entry entry = {.at_us = DESK_NOW, .actor = slice_of(name), .action = SLICE("session.begin")};
    setup_random(secret);
    digest_sha256(slice_of(secret), &s.digest);
    assert_int_equal(sessions_begin(d->s.registry, &s, &entry, NULL), FAULT_NONE);
    snprintf(b->cookie, sizeof b->cookie, API_COOKIE "=%s", secret);
    snprintf(b->csrf, sizeof b->csrf, "%s", api_csrf(slice_of(secret), &d->arena));
}

/* ---- the first admin ---- */

static void the_first_admin(void **state) {
    struct desk *d = *state;
    struct browser b;
    char secret[SETUP_SECRET], later[SETUP_SECRET], body[256];
    bool needed = false;
    EXPECT_STATUS(200, call(d, NULL, "GET", "/api/v1/session", ""));
    EXPECT(d, "setup_needed", "true");
    EXPECT(d, "sign_in_needed", "true"); /* from another machine */
    EXPECT(d, "user", "null");
    EXPECT(d, "applications", "[]");
    assert_int_equal(setup_offer(d->s.registry, DESK_NOW - SETUP_LASTS_US, &needed, secret, NULL), FAULT_NONE);
    assert_true(needed && strlen(secret) == 43);
    snprintf(body, sizeof body, "{\"secret\":\"%s\",\"name\":\"Ada\",\"password\":\"" PASSWORD "\"}", secret);
    EXPECT_STATUS(401, call(d, NULL, "POST", "/api/v1/setup", body)); /* too old */
    assert_int_equal(setup_offer(d->s.registry, DESK_NOW, &needed, later, NULL), FAULT_NONE);
    EXPECT_STATUS(401, call(d, NULL, "POST", "/api/v1/setup", body)); /* another was offered */
    EXPECT_MESSAGE(d, "restart the server");
    snprintf(body, sizeof body, "{\"secret\":\"%s\",\"name\":\"Ada\",\"password\":\"too short\"}", later);
    EXPECT_STATUS(400, call(d, NULL, "POST", "/api/v1/setup", body));
    assert_null(strstr(buffer_text(&d->answer.body), "too short"));
    snprintf(body, sizeof body, "{\"secret\":\"%s\",\"name\":\"Ada\",\"password\":\"" PASSWORD "\"}", later);
    EXPECT_STATUS(200, call(d, NULL, "POST", "/api/v1/setup", body));
    keep(d, &b);
    EXPECT(d, "user.name", "ada");
    EXPECT(d, "user.role", "admin");
    EXPECT(d, "setup_needed", "false");
    EXPECT(d, "applications.0", "support");
    EXPECT_STATUS(401, call(d, NULL, "POST", "/api/v1/setup", body)); /* once */
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/status", ""));
    assert_int_equal(setup_offer(d->s.registry, DESK_NOW, &needed, secret, NULL), FAULT_NONE);
    assert_false(needed);
    d->q = (struct api_request){.peer = HERE};
    EXPECT_STATUS(401, desk_send(d, "GET", "/api/v1/status", "")); /* this machine is one like any other now */
    EXPECT_MESSAGE(d, "sign");
    d->q = (struct api_request){.peer = HERE};
    EXPECT_STATUS(200, desk_send(d, "GET", "/metrics", ""));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=user"));
    EXPECT(d, "entries.0.actor", "ada");
    assert_null(strstr(buffer_text(&d->answer.body), "argon2id"));
}

/* ---- sessions ---- */

static void signing_in_and_out(void **state) {
    struct desk *d = *state;
    struct browser b, other;
    add(d, "ada", USER_ADMIN);
    EXPECT_STATUS(401, sign_in(d, "ada", "not the password", &b));
    EXPECT(d, "error.code", "sign_in_failed");
    const char *wrong = arena_text(&d->arena, buffer_slice(&d->answer.body));
    EXPECT_STATUS(401, sign_in(d, "eve", PASSWORD, &b));
    assert_string_equal(wrong, buffer_text(&d->answer.body)); /* whether there is such a name is not told */
    EXPECT_STATUS(200, sign_in(d, "ADA", PASSWORD, &b));
    const char *set = header_of(d, "set-cookie");
    assert_non_null(strstr(set, "; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800"));
    assert_null(strstr(set, "Secure"));
    EXPECT(d, "expires", "2025-11-08T22:00:00.000000Z");
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/session", ""));
    EXPECT(d, "user.name", "ada");
    EXPECT(d, "csrf", b.csrf);
    EXPECT(d, "users", "[]");
    d->s.demo = true;
    EXPECT_STATUS(200, call(d, NULL, "GET", "/api/v1/session", ""));
    EXPECT(d, "users.0", "ada");
    d->s.demo = false;
    /* the secret is nowhere but in the browser; what is kept of it opens nothing */
    d->q = (struct api_request){.peer = THERE, .cookie = slice_of(b.cookie), .csrf = slice_of(b.csrf), .host = SLICE("h"), .origin = SLICE("https://h")};
    EXPECT_STATUS(200, desk_send(d, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":\"" PASSWORD "\"}"));
    keep(d, &other);
    assert_non_null(strstr(header_of(d, "set-cookie"), "; Secure"));
    assert_string_not_equal(b.cookie, other.cookie);
    EXPECT_STATUS(401, call(d, &b, "GET", "/api/v1/status", "")); /* the one that was there ended: no fixation */
    EXPECT_MESSAGE(d, "the session is over");
    struct browser chosen = {.cookie = API_COOKIE "=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    d->q = (struct api_request){.peer = THERE, .cookie = slice_of(chosen.cookie)};
    EXPECT_STATUS(200, desk_send(d, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":\"" PASSWORD "\"}"));
    EXPECT_STATUS(401, call(d, &chosen, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, call(d, &other, "DELETE", "/api/v1/session", ""));
    EXPECT(d, "signed_in", "false");
    assert_non_null(strstr(header_of(d, "set-cookie"), API_COOKIE "=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"));
    EXPECT_STATUS(401, call(d, &other, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(400, call(d, NULL, "POST", "/api/v1/session", "{\"name\":\"ada\"}"));
    EXPECT_STATUS(400, call(d, NULL, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":\"x\",\"token\":\"y\"}"));
    EXPECT_STATUS(400, call(d, NULL, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":7}"));
    assert_null(strstr(buffer_text(&d->answer.body), "7"));
}

/* A page that is left open asks and asks, and its session ends all the same. */
static void what_a_page_asks_by_itself_is_no_use(void **state) {
    struct desk *d = *state;
    struct browser b;
    struct session s;
    struct digest digest;
    struct error error;
    bool found;
    user_of(d, "ada", USER_ADMIN);
    session_of(d, "ada", &b);
    digest_sha256(slice_of(b.cookie + strlen(API_COOKIE "=")), &digest);
    static const struct { const char *path; bool background, use; } asks[] = {{"/api/v1/live", false, false}, {"/api/v1/live", true, false}, {"/api/v1/status", true, false}, {"/api/v1/status", false, true}};
    for (unsigned i = 0; i < sizeof asks / sizeof *asks; i++) {
        clock_advance(3600 * (int64_t)SECOND);
        struct api_request q = {.method = SLICE("GET"), .path = slice_of(asks[i].path), .peer = THERE, .cookie = slice_of(b.cookie), .background = asks[i].background};
        assert_true(control_allows(&d->s, &q, &d->arena));
        assert_int_equal(sessions_find(d->s.registry, &digest, clock_wall_us(), &d->arena, &s, &found, &error), FAULT_NONE);
        assert_true(found && (s.seen_us == clock_wall_us()) == asks[i].use);
    }
    clock_advance(SESSION_IDLE_US);
    d->q = (struct api_request){.peer = THERE, .cookie = slice_of(b.cookie), .background = true};
    EXPECT_STATUS(401, desk_send(d, "GET", "/api/v1/status", ""));
}

static void a_password_of_ones_own(void **state) {
    struct desk *d = *state;
    struct browser a, b;
    add(d, "ada", USER_ADMIN);
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD, &a));
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD, &b));
    EXPECT_STATUS(400, call(d, &a, "POST", "/api/v1/session/password", "{\"old\":\"" PASSWORD "\",\"new\":\"short\"}"));
    EXPECT_STATUS(403, call(d, &a, "POST", "/api/v1/session/password", "{\"old\":\"something else\",\"new\":\"" PASSWORD "!\"}"));
    EXPECT_STATUS(200, call(d, &a, "POST", "/api/v1/session/password", "{\"old\":\"" PASSWORD "\",\"new\":\"" PASSWORD "!\"}"));
    struct browser after;
    keep(d, &after);
    EXPECT_STATUS(401, call(d, &a, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(401, call(d, &b, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, call(d, &after, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(401, sign_in(d, "ada", PASSWORD, &a));
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD "!", &a));
}

static void with_an_operators_token(void **state) {
    struct desk *d = *state;
    struct browser b;
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    EXPECT_STATUS(401, call(d, NULL, "POST", "/api/v1/session", "{\"token\":\"viewer-token-0001\"}"));
    EXPECT_STATUS(200, call(d, NULL, "POST", "/api/v1/session", "{\"token\":\"editor-token-0000\"}"));
    keep(d, &b);
    EXPECT(d, "user.name", "ed");
    EXPECT(d, "user.role", "approver");
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(403, call(d, &b, "GET", "/api/v1/users", ""));
    EXPECT_MESSAGE(d, "the token `ed` has the role approver");
    EXPECT_STATUS(409, call(d, &b, "POST", "/api/v1/session/password", "{\"old\":\"" PASSWORD "\",\"new\":\"" PASSWORD "!\"}"));
    d->q = (struct api_request){.peer = THERE, .cookie = slice_of(b.cookie), .token = SLICE("viewer-token-0000")};
    EXPECT_STATUS(403, desk_send(d, "POST", "/api/v1/keys", "{}")); /* a bearer token is judged alone */
    EXPECT_MESSAGE(d, "the token `vera` has the role viewer");
    desk_configure(d, DESK_CONFIG "tokens: [{name: ed, role: operator, token: 'editor-token-0000'}]\n");
    EXPECT_STATUS(401, call(d, &b, "GET", "/api/v1/status", "")); /* it may less than when it was shown */
    desk_configure(d, DESK_CONFIG "tokens: [{name: ed, role: admin, token: 'editor-token-0000'}]\n");
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/users", ""));
    desk_configure(d, DESK_CONFIG "tokens: [{name: ed, role: approver, token: 'another-token-0000'}]\n");
    EXPECT_STATUS(401, call(d, &b, "GET", "/api/v1/status", ""));
}

/* ---- what other pages can have sent ---- */

static void foreign_pages_change_nothing(void **state) {
    struct desk *d = *state;
    struct browser b, other;
    user_of(d, "ada", USER_ADMIN);
    session_of(d, "ada", &b);
    session_of(d, "ada", &other);
    const struct {
        const char *csrf, *origin;
        int status;
    } cases[] = {{b.csrf, NULL, 200}, {b.csrf, "http://console.example:4000", 200}, {b.csrf, "https://console.example:4000", 200},
                 {NULL, NULL, 403}, {"", NULL, 403}, {other.csrf, NULL, 403}, {"0000000000000000000000000000000000000000000000000000000000000000", NULL, 403},
                 {b.csrf, "http://evil.example", 403}, {b.csrf, "null", 403}, {b.csrf, "http://console.example", 403}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        d->q = (struct api_request){.peer = THERE, .host = SLICE("console.example:4000"), .cookie = slice_of(b.cookie), .csrf = slice_of(cases[i].csrf),
                                    .origin = slice_of(cases[i].origin)};
        EXPECT_STATUS(cases[i].status, desk_send(d, "POST", "/api/v1/reload", ""));
        if (cases[i].status == 403) EXPECT(d, "error.code", "csrf_mismatch");
    }
    d->q = (struct api_request){.peer = THERE, .host = SLICE("console.example:4000"), .origin = SLICE("https://evil.example")};
    EXPECT_STATUS(403, desk_send(d, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":\"x\"}")); /* into somebody else's account */
    assert_int_equal(d->reloads, 3);
    struct browser two;
    snprintf(two.cookie, sizeof two.cookie, "%.120s; %.120s", b.cookie, other.cookie);
    snprintf(two.csrf, sizeof two.csrf, "%s", b.csrf);
    EXPECT_STATUS(401, call(d, &two, "GET", "/api/v1/status", "")); /* a neighbour put another beside it */
}

static void cookies_are_read(void **state) {
    (void)state;
    static const struct {
        const char *header, *value;
    } cases[] = {{"a=1", "1"}, {"b=2;a=1", "1"}, {" a = 1 ; b=2", "1"}, {"a=1; a=1", "1"}, {"a=", ""}, {"a=x=y", "x=y"}, {"", NULL}, {"aa=1", NULL},
                 {"a", NULL}, {"b=a=1", NULL}, {"a=1; a=2", NULL}, {"A=1", NULL}, {";;;", NULL}, {"=1", NULL}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice found = cookie_value(slice_of(cases[i].header), "a");
        if (slice_is_null(found) != (cases[i].value == NULL) || (cases[i].value && !slice_is(found, cases[i].value))) fail_msg("%s", cases[i].header);
    }
    assert_true(slice_is_null(cookie_value(SLICE_NULL, "a")));
}

/* ---- one's own sessions ---- */

static const char *id_of(const struct browser *b, struct desk *d) {
    struct digest digest;
    char hex[17];
    digest_sha256(cookie_value(slice_of(b->cookie), API_COOKIE), &digest);
    digest_hex(digest.bytes, 8, hex);
    return arena_text(&d->arena, slice_of(hex));
}

static int end_one(struct desk *d, const struct browser *by, const struct browser *which) {
    return call(d, by, "DELETE", arena_text(&d->arena, arena_printf(&d->arena, "/api/v1/sessions/%s?reason=lost", id_of(which, d))), "");
}

static void ones_own_sessions(void **state) {
    struct desk *d = *state;
    struct browser a, a2, a3, v, token;
    add(d, "ada", USER_ADMIN);
    user_of(d, "vera", USER_VIEWER);
    d->q = (struct api_request){.peer = THERE, .user_agent = SLICE("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) <script> Gecko/20100101 Firefox/128.0")};
    EXPECT_STATUS(200, desk_send(d, "POST", "/api/v1/session", "{\"name\":\"ada\",\"password\":\"" PASSWORD "\"}"));
    keep(d, &a);
    clock_advance(90 * SECOND);
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD, &a2));
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD, &a3));
    session_of(d, "vera", &v);
    EXPECT_STATUS(200, call(d, &a, "GET", "/api/v1/sessions", ""));
    EXPECT(d, "sessions.3", "absent"); /* vera's is not hers */
    unsigned at = 0;
    while (at < 3 && strcmp(desk_at(d, arena_text(&d->arena, arena_printf(&d->arena, "sessions.%u.id", at))), id_of(&a, d)) != 0) at++;
    assert_true(at < 3);
#define OF_MINE(member) desk_at(d, arena_text(&d->arena, arena_printf(&d->arena, "sessions.%u." member, at)))
    assert_string_equal(OF_MINE("current"), "true");
    assert_string_equal(OF_MINE("agent"), "Firefox on Linux");
    assert_string_equal(OF_MINE("network"), "192.0.2.0/24");
    assert_string_equal(OF_MINE("seen_at"), "2025-11-08T10:01:30.000000Z"); /* used just now */
    EXPECT_STATUS(404, end_one(d, &a, &v)); /* somebody else's */
    EXPECT_STATUS(404, end_one(d, &v, &a));
    EXPECT_STATUS(200, call(d, &v, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, end_one(d, &a, &a2));
    EXPECT(d, "ended", "1");
    EXPECT_STATUS(401, call(d, &a2, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(404, end_one(d, &a, &a2));
    EXPECT_STATUS(200, call(d, &a, "DELETE", "/api/v1/sessions", ""));
    EXPECT(d, "ended", "1");
    EXPECT_STATUS(401, call(d, &a3, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, call(d, &v, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, call(d, &a, "DELETE", "/api/v1/sessions", "")); /* there is no other: no entry */
    EXPECT(d, "ended", "0");
    EXPECT_STATUS(403, call(d, &v, "GET", "/api/v1/users/ada/sessions", ""));
    EXPECT_STATUS(403, call(d, &v, "DELETE", "/api/v1/users/ada/sessions", ""));
    EXPECT_STATUS(200, call(d, &a, "GET", "/api/v1/users/vera/sessions", ""));
    EXPECT(d, "sessions.0.id", id_of(&v, d));
    EXPECT(d, "sessions.0.current", "false");
    EXPECT_STATUS(200, call(d, &a, "DELETE", "/api/v1/users/vera/sessions?reason=stolen", ""));
    EXPECT_STATUS(401, call(d, &v, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(404, call(d, &a, "DELETE", "/api/v1/users/nobody/sessions", ""));
    static const char *const told[][3] = {{"session.end_all", "user:vera", "stolen"}, {"session.end_others", "user:ada", "null"}, {"session.end", "user:ada", "lost"}};
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=session"));
    for (unsigned i = 0; i < 3; i++) {
        EXPECT(d, arena_text(&d->arena, arena_printf(&d->arena, "entries.%u.action", i)), told[i][0]);
        EXPECT(d, arena_text(&d->arena, arena_printf(&d->arena, "entries.%u.subject", i)), told[i][1]);
        EXPECT(d, arena_text(&d->arena, arena_printf(&d->arena, "entries.%u.reason", i)), told[i][2]);
        EXPECT(d, arena_text(&d->arena, arena_printf(&d->arena, "entries.%u.actor", i)), "ada");
    }
    EXPECT_STATUS(200, desk_get(d, "/api/v1/sessions")); /* as this process: it signs in nowhere */
    EXPECT(d, "sessions", "[]");
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    EXPECT_STATUS(200, call(d, NULL, "POST", "/api/v1/session", "{\"token\":\"viewer-token-0000\"}"));
    keep(d, &token);
    EXPECT_STATUS(200, call(d, &token, "GET", "/api/v1/sessions", ""));
    EXPECT(d, "sessions.0.id", id_of(&token, d));
    EXPECT(d, "sessions.1", "absent");
    d->q = (struct api_request){.peer = THERE, .token = SLICE("viewer-token-0000")};
    EXPECT_STATUS(200, desk_send(d, "GET", "/api/v1/sessions", ""));
    EXPECT(d, "sessions.0.current", "false");
    d->q = (struct api_request){.peer = THERE, .token = SLICE("operator-token-00")};
    EXPECT_STATUS(200, desk_send(d, "GET", "/api/v1/sessions", ""));
    EXPECT(d, "sessions", "[]");
}

static void whence_in_few_words(void **state) {
    struct desk *d = *state;
    static const char *const networks[][2] = {{"127.0.0.1", "this machine"}, {"::1", "this machine"}, {"::ffff:127.0.0.1", "this machine"}, {"203.0.113.77", "203.0.113.0/24"},
                                              {"::ffff:203.0.113.77", "203.0.113.0/24"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"}, {"2001:db8::9", "2001:db8:0:0::/64"}};
    static const char *const agents[][2] = {{"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari on macOS"},
                                            {"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"},
                                            {"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"},
                                            {"curl/8.5.0", "curl"}, {"<img src=x onerror=alert(1)>", "another program"}};
    for (unsigned i = 0; i < sizeof networks / sizeof *networks; i++)
        assert_string_equal(arena_text(&d->arena, whence_network(networks[i][0], &d->arena)), networks[i][1]);
    for (unsigned i = 0; i < sizeof agents / sizeof *agents; i++)
        assert_string_equal(arena_text(&d->arena, whence_agent(slice_of(agents[i][0]), &d->arena)), agents[i][1]);
    assert_true(slice_is_null(whence_network(NULL, &d->arena)) && slice_is_null(whence_agent(SLICE_NULL, &d->arena)));
}

/* ---- every role on every route ---- */

static const char *filled(struct desk *d, const char *path) {
    char *out = arena_text(&d->arena, slice_of(path)), *to = out;
    for (const char *c = path; *c; c++) {
        *to++ = *c == '{' ? 'x' : *c;
        if (*c == '{') c = strchr(c, '}');
    }
    *to = 0;
    return out;
}

static void check_route(struct desk *d, const struct api_route *r, enum user_role role) {
    static const enum api_access rights[] = {API_VIEWER, API_OPERATOR, API_APPROVER, API_ADMIN};
    const char *target = filled(d, r->path), *name = user_role_name(role);
    struct browser b;
    session_of(d, name, &b);
    int status = call(d, &b, r->method, target, "");
    if (rights[role] >= r->access ? !ALLOWED(status) && r->access != API_OPEN : status != 403)
        fail_msg("%s %s as %s: %d %s", r->method, target, name, status, buffer_text(&d->answer.body));
    if (r->access == API_OPEN) return;
    session_of(d, name, &b);
    b.csrf[0] ^= 1;
    status = call(d, &b, r->method, target, "");
    bool reads = strcmp(r->method, "GET") == 0;
    if (!reads && status != 403) fail_msg("%s %s as %s with a wrong csrf: %d", r->method, target, name, status);
    if (!reads) EXPECT(d, "error.code", "csrf_mismatch");
    bool off = false, on = true;
    struct user_change disable = {.enabled = &off, .at_us = DESK_NOW}, enable = {.enabled = &on, .at_us = DESK_NOW};
    struct audit_entry entry = {.at_us = DESK_NOW, .actor = SLICE("tests"), .action = SLICE("user.disable")};
    session_of(d, name, &b);
    assert_int_equal(users_change(d->s.registry, slice_of(name), &disable, &entry, NULL), FAULT_NONE);
    status = call(d, &b, r->method, target, "");
    assert_int_equal(users_change(d->s.registry, slice_of(name), &enable, &entry, NULL), FAULT_NONE);
    if (status != 401) fail_msg("%s %s as %s, who is disabled: %d", r->method, target, name, status);
}

static void every_role_on_every_route(void **state) {
    struct desk *d = *state;
    user_of(d, "root", USER_ADMIN);
    for (enum user_role role = USER_VIEWER; role < USER_ROLES; role++) user_of(d, user_role_name(role), role);
    for (const struct api_route *r = api_routes; r->method; r++) {
        for (enum user_role role = USER_VIEWER; role < USER_ROLES; role++) check_route(d, r, role);
        int status = call(d, NULL, r->method, filled(d, r->path), "");
        if (r->access != API_OPEN && status != 401) fail_msg("%s %s without a session: %d", r->method, r->path, status);
        for (const struct api_parameter *p = r->parameters; p && p->name; p++)
            if (p->type == API_SECRET) assert_int_equal(p->place, API_BODY); /* addresses reach logs */
    }
}

/* ---- users ---- */

static void users_by_an_admin(void **state) {
    struct desk *d = *state;
    struct browser b, olga;
    user_of(d, "root", USER_ADMIN);
    session_of(d, "root", &b);
    EXPECT_STATUS(201, call(d, &b, "POST", "/api/v1/users", "{\"name\":\"olga\",\"role\":\"operator\",\"password\":\"" PASSWORD "\",\"reason\":\"on call\"}"));
    EXPECT(d, "created_by", "root");
    EXPECT(d, "signed_in_at", "null");
    EXPECT_STATUS(409, call(d, &b, "POST", "/api/v1/users", "{\"name\":\"olga\",\"role\":\"viewer\",\"password\":\"" PASSWORD "\"}"));
    EXPECT_STATUS(400, call(d, &b, "POST", "/api/v1/users", "{\"name\":\"Olga B\",\"role\":\"viewer\",\"password\":\"" PASSWORD "\"}"));
    EXPECT_STATUS(400, call(d, &b, "POST", "/api/v1/users", "{\"name\":\"eve\",\"role\":\"king\",\"password\":\"" PASSWORD "\"}"));
    EXPECT_STATUS(400, call(d, &b, "POST", "/api/v1/users", "{\"name\":\"eve\",\"role\":\"viewer\",\"password\":\"hush\"}"));
    assert_null(strstr(buffer_text(&d->answer.body), "hush"));
    EXPECT_STATUS(200, sign_in(d, "olga", PASSWORD, &olga));
    EXPECT_STATUS(200, call(d, &b, "POST", "/api/v1/users/olga/role", "{\"role\":\"viewer\",\"reason\":\"left\"}"));
    EXPECT(d, "role", "viewer");
    EXPECT(d, "sessions", "0");
    EXPECT_STATUS(401, call(d, &olga, "GET", "/api/v1/status", ""));
    EXPECT_STATUS(200, call(d, &b, "POST", "/api/v1/users/olga/disable", "{}"));
    EXPECT(d, "enabled", "false");
    EXPECT_STATUS(401, sign_in(d, "olga", PASSWORD, &olga));
    EXPECT_STATUS(200, call(d, &b, "POST", "/api/v1/users/olga/enable", "{}"));
    EXPECT_STATUS(200, call(d, &b, "POST", "/api/v1/users/olga/password", "{\"password\":\"" PASSWORD "?\"}"));
    EXPECT_STATUS(401, sign_in(d, "olga", PASSWORD, &olga));
    EXPECT_STATUS(200, sign_in(d, "olga", PASSWORD "?", &olga));
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/users", ""));
    EXPECT(d, "users.0.name", "olga");
    EXPECT(d, "users.0.sessions", "1");
    EXPECT_STATUS(409, call(d, &b, "DELETE", "/api/v1/users/root", ""));
    EXPECT_MESSAGE(d, "no admin could sign in then");
    EXPECT_STATUS(200, call(d, &b, "DELETE", "/api/v1/users/olga?reason=gone", ""));
    EXPECT_STATUS(404, call(d, &b, "DELETE", "/api/v1/users/olga", ""));
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/audit?subject=user:olga", ""));
    EXPECT(d, "entries.0.action", "user.remove");
    EXPECT(d, "entries.0.reason", "gone");
    EXPECT(d, "entries.0.actor", "root");
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/audit?action=user.role", ""));
    EXPECT(d, "entries.0.detail.before", "operator");
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/audit", ""));
    assert_null(strstr(buffer_text(&d->answer.body), PASSWORD));
}

/* ---- attempts ---- */

static void failures_make_the_next_wait(void **state) {
    (void)state;
    struct attempts *a = attempts_new();
    struct slice ada = SLICE("ada");
    int64_t now = 5000 * SECOND, expected[] = {0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60};
    for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++) {
        char peer[24];
        snprintf(peer, sizeof peer, "192.0.2.%u", i);
        attempts_failed(a, ada, peer, now);
        assert_int_equal(attempts_wait_s(a, ada, "198.51.100.1", now), expected[i]);
        assert_int_equal(attempts_wait_s(a, SLICE("bob"), peer, now), 0);
        now += expected[i] * SECOND;
        assert_int_equal(attempts_wait_s(a, ada, "198.51.100.1", now), 0);
    }
    attempts_failed(a, ada, HERE, now);
    assert_int_equal(attempts_wait_s(a, ada, HERE, now), ATTEMPTS_NAME_MOST_S);
    attempts_good(a, ada);
    assert_int_equal(attempts_wait_s(a, ada, HERE, now), 0);
    for (unsigned i = 0; i < 40; i++) attempts_failed(a, SLICE_NULL, "2001:db8:0:7::1", now);
    assert_int_equal(attempts_wait_s(a, SLICE_NULL, "2001:db8:0:7:ffff::2", now), ATTEMPTS_PEER_MOST_S); /* the same network */
    assert_int_equal(attempts_wait_s(a, SLICE_NULL, "2001:db8::7:0:0:0:1", now), ATTEMPTS_PEER_MOST_S);
    assert_int_equal(attempts_wait_s(a, SLICE_NULL, "2001:db8:0:8::1", now), 0);
    assert_int_equal(attempts_wait_s(a, SLICE_NULL, "2001:db8:0:7::1", now + ATTEMPTS_FORGET_S * SECOND + 1), 0);
    for (unsigned i = 0; i < 30; i++) attempts_failed(a, SLICE_NULL, "::ffff:192.0.2.99", now);
    assert_int_equal(attempts_wait_s(a, SLICE_NULL, "::ffff:192.0.2.98", now), 0);
    attempts_free(a);
    assert_int_equal(attempts_wait_s(NULL, ada, HERE, now), 0);
}

static void too_many_attempts_are_told(void **state) {
    struct desk *d = *state;
    struct browser b;
    add(d, "ada", USER_ADMIN);
    d->s.attempts = attempts_new();
    for (unsigned i = 0; i < ATTEMPTS_NAME_FREE; i++) EXPECT_STATUS(401, sign_in(d, "ada", "wrong", &b));
    EXPECT_STATUS(429, sign_in(d, "Ada", PASSWORD, &b)); /* the right one, too early */
    EXPECT(d, "error.code", "too_many_attempts");
    assert_string_equal(header_of(d, "retry-after"), "1");
    clock_advance(SECOND);
    EXPECT_STATUS(200, sign_in(d, "ada", PASSWORD, &b));
    for (unsigned i = 0; i < 15; i++) attempts_failed(d->s.attempts, SLICE_NULL, THERE, clock_us());
    EXPECT_STATUS(429, call(d, NULL, "POST", "/api/v1/session", "{\"token\":\"x\"}"));
    EXPECT_STATUS(429, call(d, NULL, "POST", "/api/v1/setup", "{\"secret\":\"x\",\"name\":\"y\",\"password\":\"z\"}"));
    EXPECT_STATUS(200, call(d, &b, "GET", "/api/v1/status", "")); /* who is in, is in */
    attempts_free(d->s.attempts);
    d->s.attempts = NULL;
}

/* ---- the console's files ---- */

static void the_console_is_served(void **state) {
    struct desk *d = *state;
    static const char *const pages[] = {"/", "/exchanges", "/exchanges/01K9", "/prompts/a%20b", "/rollouts/x", "/evaluation/runs/7", "/cost", "/latency", "/providers",
                                        "/alerts/rules/x", "/oncall", "/audit", "/settings/users", "/sign-in", "/set-up"};
    static const char *const others[] = {"/v1/chat/completions", "/exchangesx", "/v1", "/api", "/metrics", "/index.html", "", "x", "/costs/x"};
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++) assert_false(console_owns(slice_of(others[i])));
    for (unsigned i = 0; i < sizeof pages / sizeof *pages; i++) {
        assert_true(control_owns(slice_of(pages[i])) && control_is_quick(slice_of(pages[i])));
        EXPECT_STATUS(200, call(d, NULL, "GET", pages[i], ""));
        assert_string_equal(d->answer.content_type, "text/html; charset=utf-8");
        assert_string_equal(header_of(d, "cache-control"), "no-cache");
    }
    const char *at = strstr(buffer_text(&d->answer.body), "/assets/"), *tag = header_of(d, "etag");
    const char *asset = arena_text(&d->arena, slice_make(at, strcspn(at, "\"")));
    d->q = (struct api_request){.peer = THERE, .if_none_match = slice_of(tag)};
    EXPECT_STATUS(304, desk_send(d, "GET", "/alerts", ""));
    assert_int_equal(d->answer.body.len, 0);
    EXPECT_STATUS(200, call(d, NULL, "GET", asset, ""));
    size_t whole = d->answer.body.len;
    assert_string_equal(header_of(d, "cache-control"), "public, max-age=31536000, immutable");
    assert_null(header_of(d, "content-encoding"));
    d->q = (struct api_request){.peer = THERE, .accept_encoding = SLICE("br;q=1, GZIP ;q=0.5")};
    EXPECT_STATUS(200, desk_send(d, "GET", asset, ""));
    assert_string_equal(header_of(d, "content-encoding"), "gzip");
    assert_true(d->answer.body.len < whole && d->answer.body.at[0] == '\x1f');
    d->q = (struct api_request){.peer = THERE, .accept_encoding = SLICE("gzip;q=0, br")};
    EXPECT_STATUS(200, desk_send(d, "GET", asset, ""));
    assert_int_equal(d->answer.body.len, whole);
    EXPECT_STATUS(404, call(d, NULL, "GET", "/assets/app.js", ""));
    EXPECT_STATUS(404, call(d, NULL, "GET", "/assets/../index.html", ""));
    EXPECT_STATUS(404, call(d, NULL, "GET", "/assets/", ""));
    EXPECT_STATUS(405, call(d, NULL, "POST", "/sign-in", ""));
    static const struct { const char *method, *path, *accept; bool page; } missing[] = {
        {"GET", "/no/such/page", "text/html,application/xhtml+xml,*/*;q=0.8", true}, {"HEAD", "/costs", "Text/HTML", true}, {"GET", "/v1x", "text/html", true},
        {"GET", "/costs", "*/*", false}, {"GET", "/costs", NULL, false}, {"POST", "/costs", "text/html", false}, {"GET", "/v1/nothing", "text/html", false},
        {"GET", "/v1", "text/html", false}, {"GET", "/api/v1/nothing", "text/html", false}, {"GET", "/api", "text/html", false}};
    for (unsigned i = 0; i < sizeof missing / sizeof *missing; i++) {
        d->q = (struct api_request){.peer = THERE, .if_none_match = slice_of(tag), .accept = missing[i].accept ? slice_of(missing[i].accept) : SLICE_NULL};
        EXPECT_STATUS(404, desk_send(d, missing[i].method, missing[i].path, ""));
        assert_string_equal(d->answer.content_type, missing[i].page ? "text/html; charset=utf-8" : "application/json");
        if (missing[i].page) assert_non_null(strstr(buffer_text(&d->answer.body), "/assets/app-"));
    }
    struct http_header headers[CONSOLE_HEADERS];
    assert_int_equal(console_headers(false, headers), CONSOLE_HEADERS);
    assert_int_equal(console_headers(true, headers), CONSOLE_HEADERS - 1);
    assert_false(slice_contains(headers[0].value, SLICE("unsafe")));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_first_admin), TEST(signing_in_and_out), TEST(what_a_page_asks_by_itself_is_no_use), TEST(a_password_of_ones_own), TEST(with_an_operators_token), TEST(foreign_pages_change_nothing),
        cmocka_unit_test(cookies_are_read), TEST(ones_own_sessions), TEST(whence_in_few_words), TEST(every_role_on_every_route), TEST(users_by_an_admin), TEST(failures_make_the_next_wait),
        TEST(too_many_attempts_are_told), TEST(the_console_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
