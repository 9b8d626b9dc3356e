/* The API's frame: routes, who may, parameters. */
#include "test_control_rig.h"

#include "control/consoles.h"

/* ---- routes ---- */

static void it_owns_its_paths(void **state) {
    (void)state;
    static const char *const own[] = {"/", "/healthz", "/readyz", "/metrics", "/api/v1/records", "/api/v1/x/y", "/api/v2", "/api"};
    static const char *const others[] = {"/v1/chat/completions", "/v1/models", "", "/healthz/", "/apis", "/metricsx", "/index.html"};
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++)
        if (!control_owns(slice_of(own[i]))) fail_msg("%s", own[i]);
    for (unsigned i = 0; i < sizeof others / sizeof *others; i++)
        if (control_owns(slice_of(others[i]))) fail_msg("%s", others[i]);
}

static void every_route_is_complete(void **state) {
    (void)state;
    for (const struct api_route *r = api_routes; r->method; r++) {
        assert_true(control_owns(slice_of(r->path)) || strchr(r->path, '{'));
        assert_non_null(r->handle);
        assert_non_null(r->summary);
        assert_true((r->answer != NULL) != (r->content_type != NULL));
        assert_true(r->status >= 200 && r->status < 300);
        unsigned n = 0;
        for (const struct api_parameter *p = r->parameters; p && p->name; p++, n++) {
            char placeholder[64];
            snprintf(placeholder, sizeof placeholder, "{%s}", p->name);
            assert_non_null(p->help);
            assert_int_equal(p->place == API_PATH, strstr(r->path, placeholder) != NULL);
            assert_true(p->type != API_INTEGER || p->low < p->high);
            assert_int_equal(p->type == API_CHOICE || p->type == API_CHOICES, p->choices != NULL);
        }
        assert_true(n <= API_PARAMETERS);
    }
}

static void unknown_paths_and_methods(void **state) {
    struct desk *d = *state;
    static const char *const missing[] = {"/api/v1/nope", "/api/v1/records/", "/api/v1/records/a/b/c", "/api/v1", "/api/v1//records",
                                          "/api/v1/keys/a/", "/API/v1/records", "/api/v1/records/%00/payload"};
    for (unsigned i = 0; i < sizeof missing / sizeof *missing; i++) {
        if (desk_get(d, missing[i]) != 404) fail_msg("%s: %d", missing[i], d->answer.status);
        EXPECT(d, "error.code", "not_found");
    }
    EXPECT_STATUS(405, desk_do(d, "PUT", "/api/v1/keys", ""));
    EXPECT(d, "error.code", "method_not_allowed");
    assert_string_equal(d->answer.extra_header[0], "allow");
    assert_string_equal(d->answer.extra_header[1], "GET, POST");
    EXPECT_STATUS(405, desk_do(d, "GET", "/api/v1/reload", ""));
    assert_string_equal(d->answer.extra_header[1], "POST");
    EXPECT_STATUS(405, desk_do(d, "POST", "/healthz", ""));
    EXPECT_STATUS(200, desk_do(d, "HEAD", "/healthz", ""));
}

/* ---- who may ---- */

static int as(struct desk *d, const char *peer, const char *token, const char *method, const char *target) {
    d->q = (struct api_request){.peer = peer, .token = token ? slice_of(token) : SLICE_NULL};
    return desk_send(d, method, target, "");
}

#define HERE "127.0.0.1"
#define THERE "192.0.2.7"
#define ALLOWED(status) ((status) != 401 && (status) != 403)

/* "x" for every {placeholder}. */
static const char *filled(struct desk *d, const char *path) {
    char *out = arena_text(&d->arena, slice_of(path)), *to = out;
    for (const char *c = path; *c; c++) {
        *to++ = *c == '{' ? 'x' : *c;
        if (*c == '{') c = strchr(c, '}');
    }
    *to = 0;
    return out;
}

/* Every route, every role, from here and from elsewhere. */
static void roles(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *token;
        enum api_access rights; /* API_OPEN: none */
    } callers[] = {{NULL, API_OPEN}, {"wrong-token-00000", API_OPEN}, {"viewer-token-0000", API_VIEWER},
                   {"operator-token-00", API_OPERATOR}, {"editor-token-0000", API_APPROVER}, {"admin-token-00000", API_ADMIN}};
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    for (const struct api_route *r = api_routes; r->method; r++)
        for (unsigned i = 0; i < sizeof callers / sizeof *callers; i++)
            for (int here = 0; here < 2; here++) {
                const char *target = filled(d, r->path);
                int status = as(d, here ? HERE : THERE, callers[i].token, r->method, target);
                enum api_access needed = r->access == API_LOCAL ? (here ? API_OPEN : API_VIEWER) : r->access;
                int want = callers[i].rights >= needed ? 200 : callers[i].rights == API_OPEN ? 401 : 403;
                if (strstr(target, "/records/x") && strstr(r->path, "payload")) continue;
                if (want == 200 ? !ALLOWED(status) : status != want)
                    fail_msg("%s %s as %s from %s: %d", r->method, target, callers[i].token ? callers[i].token : "nobody", here ? HERE : THERE, status);
            }
    EXPECT_STATUS(401, as(d, HERE, NULL, "GET", "/api/v1/status"));
    EXPECT(d, "error.code", "invalid_token");
    assert_string_equal(d->answer.extra_header[0], "www-authenticate");
    EXPECT_STATUS(401, as(d, HERE, "qd-0123456789abcdef", "GET", "/api/v1/status"));
    EXPECT_MESSAGE(d, "keys of applications");
    EXPECT_STATUS(403, as(d, HERE, "viewer-token-0000", "POST", "/api/v1/reload"));
    EXPECT(d, "error.code", "permission_denied");
    EXPECT_MESSAGE(d, "this needs the role admin; the token `vera` has the role viewer");
    assert_int_equal(d->reloads, 2); /* the admin's two, nobody else's */
}

/* It is opened later, on another thread: a reload may have replaced the policy whose token opened it. */
static void a_stream_borrows_nothing_of_the_policy(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    d->s.consoles = consoles_new(1, NULL);
    d->q = (struct api_request){.method = SLICE("GET"), .path = SLICE("/api/v1/live"), .peer = THERE, .token = SLICE("viewer-token-0000")};
    buffer_deinit(&d->answer.body);
    assert_true(control_answer(&d->s, &d->q, &d->arena, &d->answer));
    if (d->answer.stream == NULL) fail_msg("%s", buffer_text(&d->answer.body));
    struct slice who = d->answer.stream->who;
    assert_true(slice_is(who, "vera"));
    for (unsigned i = 0; i < d->policy->n_tokens; i++) assert_ptr_not_equal(who.at, d->policy->tokens[i].name);
    consoles_free(d->s.consoles);
    d->s.consoles = NULL;
}

static void without_tokens_only_this_machine(void **state) {
    struct desk *d = *state;
    static const char *const local[] = {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"};
    static const char *const remote[] = {"192.0.2.7", "::2", "::ffff:192.0.2.7", "1270.0.0.1", "", "10.127.0.1"};
    for (unsigned i = 0; i < sizeof local / sizeof *local; i++) {
        EXPECT_STATUS(200, as(d, local[i], NULL, "GET", "/api/v1/status"));
        EXPECT_STATUS(200, as(d, local[i], "a-token-of-another-server", "GET", "/api/v1/status"));
        EXPECT_STATUS(200, as(d, local[i], NULL, "GET", "/metrics"));
    }
    for (unsigned i = 0; i < sizeof remote / sizeof *remote; i++) {
        EXPECT_STATUS(401, as(d, remote[i], NULL, "GET", "/api/v1/status"));
        EXPECT_MESSAGE(d, "no operator tokens are configured");
        EXPECT_STATUS(401, as(d, remote[i], "any-token-at-all", "POST", "/api/v1/reload"));
        EXPECT_STATUS(401, as(d, remote[i], NULL, "GET", "/metrics"));
        EXPECT_STATUS(200, as(d, remote[i], NULL, "GET", "/healthz"));
        EXPECT_STATUS(200, as(d, remote[i], NULL, "GET", "/"));
    }
    EXPECT_STATUS(401, as(d, NULL, NULL, "GET", "/api/v1/status"));
    assert_int_equal(d->reloads, 0);
}

/* A browser on this machine reaches us on behalf of any page. */
static void web_pages_and_proxies_are_strangers(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *host, *origin;
        bool forwarded;
        int status;
    } cases[] = {
        {"127.0.0.1:4000", NULL, false, 200},           {"localhost:4000", NULL, false, 200},
        {"[::1]:4000", NULL, false, 200},               {"devbox:4000", NULL, false, 200},
        {"app.localhost", NULL, false, 200},            {"127.0.0.1", "http://127.0.0.1", false, 200},
        {"localhost:4000", "http://localhost:4000", false, 200}, {"evil.example", NULL, false, 401},
        {"rebound.evil.example:4000", NULL, false, 401}, {"evil.example.", NULL, false, 401},
        {"localhost:4000", "https://evil.example", false, 401}, {"localhost:4000", "http://localhost:3000", false, 401},
        {"localhost:4000", "null", false, 401},         {"localhost:4000", NULL, true, 401},
        {"127.0.0.1.evil.example", NULL, false, 401},
        {"203.0.113.5:4000", NULL, false, 401},         {"127.9.9.9:4000", NULL, false, 200},   /* a port that something in between passes on */
        {"[2001:db8::5]:4000", NULL, false, 401},       {"[::ffff:127.0.0.1]:4000", NULL, false, 200},
        {"0.0.0.0:4000", NULL, false, 200},             {"1270.0.0.1:4000", NULL, false, 401},
        {"[::]:4000", NULL, false, 200},                {"[::2]:4000", NULL, false, 401},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        d->q = (struct api_request){.peer = HERE, .host = slice_of(cases[i].host), .forwarded = cases[i].forwarded,
                                    .origin = cases[i].origin ? slice_of(cases[i].origin) : SLICE_NULL};
        if (desk_send(d, "GET", "/api/v1/status", "") != cases[i].status)
            fail_msg("%s %s: %d", cases[i].host, cases[i].origin ? cases[i].origin : "-", d->answer.status);
    }
}

/* ---- parameters ---- */

static void bad_parameters_are_named(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *target, *message;
    } cases[] = {
        {"/api/v1/records?limt=3", "unknown parameter `limt`, did you mean `limit`?"},
        {"/api/v1/records?zzzzzz=3", "unknown parameter `zzzzzz`"},
        {"/api/v1/records?limit=0", "limit: expected a whole number from 1 to 1000, found '0'"},
        {"/api/v1/records?limit=1001", "found '1001'"},
        {"/api/v1/records?limit=ten", "found 'ten'"},
        {"/api/v1/records?limit=99999999999999999999", "limit: expected"},
        {"/api/v1/records?limit=-1", "found '-1'"},
        {"/api/v1/records?limit=1&limit=2", "limit: given twice"},
        {"/api/v1/records?status=fine", "status: expected one of ok|truncated|refused|error|cancelled|degraded, found 'fine'"},
        {"/api/v1/records?status=ok,error", "found 'ok,error'"},
        {"/api/v1/records?order=up", "order: expected one of newest|oldest"},
        {"/api/v1/records?from=soon", "from: expected a time such as"},
        {"/api/v1/records?from=2025-02-30", "from: expected a time"},
        {"/api/v1/records?from=-1h&to=-2h", "from: expected a time before `to`"},
        {"/api/v1/records?model=", "model: expected 1 to 256 bytes, found ''"},
        {"/api/v1/records?model", "model: expected 1 to 256 bytes"},
        {"/api/v1/records?model=%ff", "percent-encoded UTF-8"},
        {"/api/v1/records?model=%4", "percent-encoded UTF-8"},
        {"/api/v1/records?model=a%00b", "percent-encoded UTF-8"},
        {"/api/v1/records?cursor=nonsense", "the cursor"},
        {"/api/v1/records/short", "id: expected the 26 characters"},
        {"/api/v1/latency?by=model,nose", "by: expected one or more of"},
        {"/api/v1/latency?by=,", "by: expected"},
        {"/api/v1/latency?from=-1h&to=-1h", "before `to`"},
        {"/api/v1/totals?step=0", "step: expected"},
        {"/api/v1/totals?step=90s", "found '90s'"},
        {"/api/v1/totals?step=90m", "step: expected whole minutes below an hour or whole hours"},
        {"/api/v1/totals?step=1m&from=-30d", "step: expected at most 1500 steps"},
        {"/api/v1/prices/quote?input=5", "model is missing"},
        {"/api/v1/prices/quote?model=gpt-4o-mini&input=-5", "input: expected a whole number from 0"},
        {"/api/v1/prices/quote?model=openai/gpt-4o-mini&input=5&cache_read=6", "input: expected all input tokens"},
        {"/api/v1/audit?before=0", "before: expected"},
        {"/api/v1/status?verbose=1", "unknown parameter `verbose`"},
        {"/healthz?x", "unknown parameter `x`"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (desk_get(d, cases[i].target) != 400) fail_msg("%s: %d %s", cases[i].target, d->answer.status, buffer_text(&d->answer.body));
        EXPECT(d, "error.code", "invalid_request");
        EXPECT_MESSAGE(d, cases[i].message);
    }
}

static void good_parameters_are_taken(void **state) {
    struct desk *d = *state;
    static const char *const targets[] = {
        "/api/v1/records?from=2025-11-08T00:00:00+02:00&to=2025-11-08T10:00:00%2B02:00", "/api/v1/records?&&limit=1000&",
        "/api/v1/records?model=a%20b+c&tag=k%3Dv", "/api/v1/latency?by=application,request_type,model,prompt,feature,team",
        "/api/v1/totals?step=1d&from=-30d", "/api/v1/totals?from=2025-11-01&to=2025-11-08",
    };
    for (unsigned i = 0; i < sizeof targets / sizeof *targets; i++)
        if (desk_get(d, targets[i]) != 200) fail_msg("%s: %s", targets[i], buffer_text(&d->answer.body));
}

static void bad_bodies(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *body, *code, *message;
    } cases[] = {
        {"", "invalid_request", "application is missing"},
        {"   ", "invalid_request", "application is missing"},
        {"{}", "invalid_request", "application is missing"},
        {"[]", "invalid_request", "expected a JSON object"},
        {"{", "invalid_json", "line 1"},
        {"{\"application\":\"support\"}", "invalid_request", "name is missing"},
        {"{\"application\":7,\"name\":\"x\"}", "invalid_request", "application: expected a string, found '7'"},
        {"{\"application\":\"support\",\"nam\":\"x\"}", "invalid_request", "unknown member of the body `nam`, did you mean `name`?"},
        {"{\"application\":\"support\",\"name\":\"\"}", "invalid_request", "name: expected 1 to 64 bytes"},
        {"{\"application\":\"support\",\"name\":\"x\",\"name\":\"y\"}", "invalid_request", "name: given twice"},
        {"{\"application\":\"support\",\"name\":null}", "invalid_request", "name is missing"},
        {"{\"application\":\"support\",\"name\":\"a b\"}", "invalid_request", "name: expected letters"},
        {"{\"application\":\"suport\",\"name\":\"x\"}", "not_found", "did you mean `support`?"},
        {"{\"application\":\"support\",\"name\":\"file-key\"}", "conflict", "the configuration file has a key"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(desk_do(d, "POST", "/api/v1/keys", cases[i].body) >= 400);
        EXPECT(d, "error.code", cases[i].code);
        EXPECT_MESSAGE(d, cases[i].message);
    }
    assert_int_equal(d->reloads, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_owns_its_paths),
        cmocka_unit_test(every_route_is_complete),
        TEST(unknown_paths_and_methods),
        TEST(roles),
        TEST(a_stream_borrows_nothing_of_the_policy),
        TEST(without_tokens_only_this_machine),
        TEST(web_pages_and_proxies_are_strangers),
        TEST(bad_parameters_are_named),
        TEST(good_parameters_are_taken),
        TEST(bad_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
