/* One exchange over the API: its request made a case of a suite, and what cannot be run again. */
#include "test_control_rig.h"

#define CONFIG                                                                                                                    \
    "providers:\n  main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}\nmodels:\n  m: {targets: [{provider: main, model: x}]}\n" \
    "applications:\n  support: {payloads: {capture: full}, keys: [{name: k, key: 'qd-0123456789abcdef'}]}\n  private: {payloads: {capture: none}}\n"

static char id_text[RECORD_ID_TEXT];

static const char *keep_asked(struct desk *d, uint64_t number, const char *dialect, enum endpoint endpoint, const char *application, const char *request, const char *asked) {
    struct record r;
    struct buffer frame;
    rig_record(&r, DESK_NOW - SECOND, number);
    r.dialect = slice_of(dialect);
    r.endpoint = endpoint;
    r.application = slice_of(application);
    if (asked != NULL) r.prompt_name = SLICE("answer"), r.prompt_version = SLICE("1");
    desk_keep(d, &r);
    struct payload p = {.id = r.id, .application = r.application, .request = request ? slice_of(request) : SLICE_NULL, .reply = SLICE("{}"),
                        .asked = asked && *asked ? slice_of(asked) : SLICE_NULL};
    buffer_init(&frame, 64 << 10);
    assert_true(payload_encode(&p, &frame));
    assert_int_equal(recorder_append(d->recorder, 0, FRAME_PAYLOAD, buffer_slice(&frame)), FAULT_NONE);
    buffer_deinit(&frame);
    desk_drain(d);
    record_id_format(&r.id, id_text);
    return id_text;
}

static const char *keep(struct desk *d, uint64_t number, const char *dialect, enum endpoint endpoint, const char *application, const char *request) {
    return keep_asked(d, number, dialect, endpoint, application, request, NULL);
}

static int add(struct desk *d, const char *suite, const char *record, const char *more) {
    char path[128], body[1024];
    (void)snprintf(path, sizeof path, "/api/v1/suites/%s/cases", suite);
    (void)snprintf(body, sizeof body, "{\"record\":\"%s\",\"reason\":\"it was wrong\"%s}", record, more);
    return desk_do(d, "POST", path, body);
}

static void setup_suites(struct desk *d) {
    desk_configure(d, CONFIG);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/suites", "suite: plain\nmodel: m\nrepeat: 3\ncases: [{id: a, input: hi}]\n"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/suites", "suite: named\nprompt: answer\ncases: [{id: a, vars: {q: hi}}]\n"));
}

static const char *case_at(struct desk *d, const char *suite, unsigned n, const char *member) {
    char path[128];
    (void)snprintf(path, sizeof path, "/api/v1/suites/%s", suite);
    EXPECT_STATUS(200, desk_get(d, path));
    (void)snprintf(path, sizeof path, "definition.cases.%u.%s", n, member);
    return desk_at(d, path);
}

static void a_question_becomes_a_case(void **state) {
    struct desk *d = *state;
    setup_suites(d);
    const char *id = keep(d, 1, "openai", ENDPOINT_CHAT, "support",
                          "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind\"},{\"role\":\"user\",\"content\":\"file:/etc/passwd {{x}} \\u00e9\"}]}");
    EXPECT_STATUS(200, add(d, "plain", id, ",\"expected\":\"file:no\",\"checks\":\"[{\\\"type\\\":\\\"icontains\\\",\\\"value\\\":\\\"link\\\"}]\""));
    EXPECT(d, "version", "2");
    EXPECT(d, "cases", "2");
    assert_string_equal(case_at(d, "plain", 1, "input.0.content"), "Be kind");
    assert_string_equal(case_at(d, "plain", 1, "input.1.content"), "file:/etc/passwd {{x}} \303\251"); /* no file is read */
    assert_string_equal(case_at(d, "plain", 1, "expected"), "file:no");
    assert_string_equal(case_at(d, "plain", 1, "checks.0.type"), "icontains");
    EXPECT(d, "definition.repeat", "3"); /* the rest stays */
    EXPECT(d, "why", "it was wrong");
    EXPECT_STATUS(409, add(d, "plain", id, ",\"id\":\"another\""));
    assert_non_null(strstr(desk_at(d, "error.message"), "is in the suite already"));
    EXPECT_STATUS(200, add(d, "named", id, ",\"id\":\"short\"")); /* its prompt has messages of its own: the system's stays out */
    assert_string_equal(case_at(d, "named", 1, "input"), "file:/etc/passwd {{x}} \303\251");
    assert_string_equal(case_at(d, "named", 1, "id"), "short");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=suite.add-case"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "entries")), 2);
}

static void other_dialects(void **state) {
    struct desk *d = *state;
    setup_suites(d);
    EXPECT_STATUS(200, add(d, "plain", keep(d, 1, "anthropic", ENDPOINT_CHAT, "support", "{\"model\":\"m\",\"system\":[{\"type\":\"text\",\"text\":\"S\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Q\"}]}]}"), ""));
    assert_string_equal(case_at(d, "plain", 1, "input.0.content"), "S");
    assert_string_equal(case_at(d, "plain", 1, "input.1.content"), "Q");
    EXPECT_STATUS(200, add(d, "plain", keep(d, 2, "openai", ENDPOINT_RESPONSES, "support", "{\"model\":\"m\",\"input\":\"only this\"}"), ""));
    assert_string_equal(case_at(d, "plain", 2, "input"), "only this");
    EXPECT_STATUS(200, add(d, "named", keep(d, 3, "openai", ENDPOINT_CHAT, "support", "{\"messages\":[],\"prompt_variables\":{\"q\":\"file:x\"}}"), ""));
    assert_string_equal(case_at(d, "named", 1, "vars.q"), "file:x");
    EXPECT_STATUS(400, add(d, "plain", keep(d, 4, "anthropic", ENDPOINT_CHAT, "support", "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{}}]}]}"), ""));
    EXPECT(d, "error.code", "unsupported_field");
    EXPECT_STATUS(409, add(d, "plain", keep(d, 5, "openai", ENDPOINT_EMBEDDINGS, "support", "{\"model\":\"m\"}"), ""));
}

static void what_is_wrong_changes_nothing(void **state) {
    struct desk *d = *state;
    setup_suites(d);
    const char *id = keep(d, 1, "openai", ENDPOINT_CHAT, "support", "{\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}");
    EXPECT_STATUS(404, add(d, "nowhere", id, ""));
    EXPECT_STATUS(400, add(d, "plain", id, ",\"checks\":\"{}\""));
    EXPECT_STATUS(400, add(d, "plain", id, ",\"checks\":\"[{\\\"type\\\":\\\"icontians\\\"}]\"")); /* as a suite is checked */
    EXPECT_STATUS(400, add(d, "plain", id, ",\"id\":\"a\""));
    EXPECT_STATUS(400, add(d, "plain", "zzz", ""));
    EXPECT_STATUS(404, add(d, "plain", "01K9J0QJ8EXAMP0EREC0RD0000", ""));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/suites/plain/cases", "{\"record\":\"01K9J0QJ8EXAMP0EREC0RD0000\"}"));
    EXPECT_STATUS(409, add(d, "plain", keep(d, 2, "openai", ENDPOINT_CHAT, "private", NULL), ""));
    assert_non_null(strstr(desk_at(d, "error.message"), "payloads.capture"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/suites/plain"));
    EXPECT(d, "version", "1");
}

/* ---- again ---- */

static struct slice inside(void *ctx, uint16_t *ret_port) {
    (void)ctx;
    *ret_port = 1; /* nobody listens there */
    return SLICE("secret");
}

static int again(struct desk *d, const char *record, const char *more) {
    char path[128], body[512];
    (void)snprintf(path, sizeof path, "/api/v1/records/%s/again", record);
    (void)snprintf(body, sizeof body, "{\"reason\":\"look\"%s}", more);
    return desk_do(d, "POST", path, body);
}

static void what_cannot_be_run_again(void **state) {
    struct desk *d = *state;
    static const char chat[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q\"}]}";
    desk_configure(d, CONFIG);
    const char *id = keep(d, 1, "openai", ENDPOINT_CHAT, "support", chat);
    EXPECT_STATUS(503, again(d, id, "")); /* no server */
    d->s.inside = inside;
    EXPECT_STATUS(502, again(d, id, ""));
    EXPECT_STATUS(400, again(d, id, ",\"prompt\":\"a@1\\r\\nx-quarterdeck-inside-key: 00\"")); /* one line */
    EXPECT_STATUS(409, again(d, keep(d, 2, "openai", ENDPOINT_CHAT, "private", NULL), ""));
    EXPECT_STATUS(409, again(d, keep(d, 3, "openai", ENDPOINT_CHAT, "support", NULL), ""));
    EXPECT_STATUS(400, again(d, keep(d, 4, "openai", ENDPOINT_MODELS, "support", chat), ""));
    EXPECT_STATUS(404, again(d, "01K9J0QJ8EXAMP0EREC0RD0000", ""));
    EXPECT_STATUS(400, again(d, "zzz", ""));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=record.again"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "entries")), 1); /* only what was sent */
}

static void with_another_version_of_its_prompt(void **state) {
    struct desk *d = *state;
    static const char chat[] = "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Q filled in\"}]}", asked[] = "{\"messages\":[],\"prompt_variables\":{\"q\":\"Q\"}}";
    char path[128];
    desk_configure(d, CONFIG);
    d->s.inside = inside;
    EXPECT_STATUS(409, again(d, keep_asked(d, 1, "openai", ENDPOINT_CHAT, "support", chat, ""), ",\"prompt\":\"answer@2\"")); /* of an older program */
    EXPECT_MESSAGE(d, "without its variables");
    EXPECT_MESSAGE(d, "x-quarterdeck-prompt: answer@2");
    EXPECT_STATUS(502, again(d, id_text, ""));
    EXPECT_STATUS(502, again(d, keep_asked(d, 2, "openai", ENDPOINT_CHAT, "support", chat, asked), ",\"prompt\":\"answer@2\"")); /* asked, and nobody listens */
    (void)snprintf(path, sizeof path, "/api/v1/records/%s/payload", id_text);
    EXPECT_STATUS(200, desk_get(d, path));
    EXPECT(d, "request.json.messages.0.content", "Q filled in");
    EXPECT(d, "asked.json.prompt_variables.q", "Q");
}

static void what_was_asked_has_the_room_that_is_left(void **state) {
    (void)state;
    static char text[2 * LIMIT_PAYLOAD];
    struct payload read, p = {.request = slice_make(text, LIMIT_PAYLOAD), .reply = SLICE("{}"), .asked = slice_make(text, LIMIT_PAYLOAD - 2)};
    struct buffer frame;
    memset(text, 'x', sizeof text);
    for (unsigned i = 0; i < 2; i++) {
        buffer_init(&frame, 4 * LIMIT_PAYLOAD);
        assert_true(payload_encode(&p, &frame) && payload_decode(buffer_slice(&frame), &read));
        assert_int_equal(read.request.len, LIMIT_PAYLOAD);
        assert_int_equal(read.asked.len, i == 0 ? LIMIT_PAYLOAD - 2 : 0);
        assert_true(slice_is_null(read.asked) == (i == 1) && !read.request_cut);
        buffer_deinit(&frame);
        p.asked.len++;
    }
}

static void of_a_prompt_or_an_arm(void **state) {
    struct desk *d = *state;
    struct record r;
    static const char *const versions[] = {"1", "2", NULL};
    for (unsigned i = 0; i < 3; i++) {
        rig_record(&r, DESK_NOW - SECOND, i + 1);
        r.prompt_name = SLICE("a@b");
        r.prompt_version = versions[i] ? slice_of(versions[i]) : SLICE_NULL;
        r.rollout = i > 0;
        r.arm = (enum arm)i;
        desk_keep(d, &r);
    }
    desk_drain(d);
    static const struct { const char *query; unsigned n; } cases[] = {{"prompt=a%40b", 3}, {"prompt=a%40b%401", 1}, {"prompt=a", 0}, {"prompt=a%40b%40", 0}, {"arm=rest", 1}, {"arm=control", 1}, {"arm=candidate", 0}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[96];
        (void)snprintf(path, sizeof path, "/api/v1/records?%s", cases[i].query);
        EXPECT_STATUS(200, desk_get(d, path));
        if (json_size(&d->doc, json_get(&d->doc, 0, "records")) != cases[i].n) fail_msg("%s", cases[i].query);
    }
    EXPECT_STATUS(400, desk_get(d, "/api/v1/records?arm=none"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_question_becomes_a_case, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(other_dialects, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_changes_nothing, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_run_again, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(with_another_version_of_its_prompt, desk_setup, desk_teardown),
        cmocka_unit_test(what_was_asked_has_the_room_that_is_left),
        cmocka_unit_test_setup_teardown(of_a_prompt_or_an_arm, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
