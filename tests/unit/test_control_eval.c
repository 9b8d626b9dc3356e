/* Runs over the API: begun, taken up again, results twice, the end; which cases a filter leaves; whose process it is. */
#include "test_control_rig.h"

#include "control/cli_eval_filter.h"
#include "control/eval_owner.h"
#include "control/eval_runs.h"

#define SUITE                                                                                                 \
    "{\"suite\":\"größe\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"{{q}}\"}],"          \
    "\"cases\":[{\"id\":\"a-1\",\"vars\":{\"q\":\"x\"},\"tags\":[\"t\"],\"checks\":[{\"type\":\"contains\",\"value\":\"y\"}]},"  \
    "{\"id\":\"a-2\",\"vars\":{\"q\":\"x\"},\"tags\":[\"t\",\"u\"]},{\"id\":\"b-1\",\"vars\":{\"q\":\"x\"}}]}"
#define OTHER_HOST "elsewhere/1 7 1"

static void begin(struct desk *d, const char *owner, const char *resume) {
    char body[2000];
    snprintf(body, sizeof body, "{\"suite\":" SUITE ",\"repeat\":2,\"owner\":\"%s\",\"resume\":\"%s\"}", owner, resume);
    (void)desk_do(d, "POST", "/api/v1/evals", body);
}

static int send(struct desk *d, const char *run, const char *owner, unsigned case_at, unsigned repeat, const char *verdict) {
    char body[2000], target[100];
    snprintf(target, sizeof target, "/api/v1/evals/%s/results", run);
    snprintf(body, sizeof body,
             "{\"owner\":\"%s\",\"results\":[{\"case\":\"x\",\"case_at\":%u,\"repeat\":%u,\"verdict\":\"%s\",\"score\":1,\"refused\":false,"
             "\"output\":\"o\",\"finish_reason\":\"stop\",\"record\":null,\"target\":null,\"latency_us\":5,\"cost_nanousd\":7,"
             "\"judge_cost_nanousd\":0,\"input_tokens\":1,\"output_tokens\":1,\"error\":null,\"checks\":[]}]}",
             owner, case_at, repeat, verdict);
    return desk_do(d, "POST", target, body);
}

static void life(void **state) {
    struct desk *d = *state;
    begin(d, OTHER_HOST, "auto");
    EXPECT(d, "run", "run-1");
    EXPECT(d, "resumed", "false");
    EXPECT(d, "suite", "größe");
    EXPECT(d, "planned", "6");
    EXPECT(d, "state", "running");
    EXPECT_STATUS(200, send(d, "run-1", OTHER_HOST, 0, 0, "pass"));
    EXPECT_STATUS(200, send(d, "1", OTHER_HOST, 0, 0, "fail"));
    EXPECT(d, "done", "1");
    EXPECT(d, "stop", "false");
    begin(d, "third/1 1 1", "auto");
    EXPECT(d, "error.code", "conflict");
    EXPECT_STATUS(409, send(d, "run-1", "third/1 1 1", 0, 1, "pass"));
    EXPECT_STATUS(400, send(d, "run-1", OTHER_HOST, 0, 2, "pass"));
    EXPECT_STATUS(404, send(d, "run-8", OTHER_HOST, 0, 1, "pass"));
    EXPECT_STATUS(400, send(d, "nonsense", OTHER_HOST, 0, 1, "pass"));
    clock_advance(EVAL_OWNER_SILENCE_US + 1);
    begin(d, "third/1 1 1", "auto");
    EXPECT(d, "run", "run-1");
    EXPECT(d, "resumed", "true");
    EXPECT(d, "results.0.0", "0");
    EXPECT(d, "results.0.2", "7");
    EXPECT(d, "results.0.3", "pass");
    for (unsigned i = 1; i < 6; i++) EXPECT_STATUS(200, send(d, "run-1", "third/1 1 1", i / 2, i % 2, "pass"));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/evals/run-1/end", "{\"owner\":\"" OTHER_HOST "\"}"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/evals/run-1/end", "{\"owner\":\"third/1 1 1\"}"));
    EXPECT(d, "verdict", "passed");
    EXPECT(d, "runs", "6");
    EXPECT(d, "suite_version", "1");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/evals/run-1/end", "{}")); /* said again */
    EXPECT(d, "verdict", "passed");
    EXPECT_STATUS(409, send(d, "run-1", "third/1 1 1", 0, 0, "pass"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/evals?suite=gr%C3%B6%C3%9Fe"));
    EXPECT(d, "runs.0.pass_rate", "1");
    EXPECT(d, "reference", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/evals/1/results?limit=4"));
    EXPECT(d, "next", "1-1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/evals/1/results?limit=4&after=1-1"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "results")), 2);
    EXPECT(d, "next", "null");
}

/* Its process is gone: whoever stops it ends it, with what there is. */
static void stopped(void **state) {
    struct desk *d = *state;
    begin(d, OTHER_HOST, "never");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/evals/run-1/stop", "{\"reason\":\"enough\"}"));
    EXPECT(d, "state", "running");
    EXPECT_STATUS(200, send(d, "run-1", OTHER_HOST, 0, 0, "pass"));
    EXPECT(d, "stop", "true");
    clock_advance(EVAL_OWNER_SILENCE_US + 1);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/evals/run-1/stop", "{}"));
    EXPECT(d, "state", "stopped");
    EXPECT(d, "verdict", "inconclusive");
    EXPECT(d, "summary.runs", "1");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/evals/run-1/reference", "{\"suite\":\"größe\"}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals/run-1/reference", "{\"suite\":\"other\"}"));
}

static void refused(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"owner\":\"x\"}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"suite\":" SUITE "}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"suite\":" SUITE ",\"owner\":\"x\",\"repaet\":2}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"suite\":" SUITE ",\"owner\":\"x\",\"repeat\":0}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"suite\":" SUITE ",\"owner\":\"x\",\"cases\":4}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/evals", "{\"suite\":{\"suite\":\"s\"},\"owner\":\"x\"}"));
    EXPECT(d, "error.code", "invalid_request");
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/evals", "{\"suite_name\":\"none\",\"owner\":\"x\"}"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/evals"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "runs")), 0);
}

static void owner(void **state) {
    char self[EVAL_OWNER_TEXT], other[EVAL_OWNER_TEXT + 1];
    (void)state;
    eval_owner_self(self);
    assert_true(eval_owner_is_alive(slice_of(self), 0, INT64_MAX));
    snprintf(other, sizeof other, "%s1", self); /* the same number, started at another time */
    assert_false(eval_owner_is_alive(slice_of(other), 0, 0));
    assert_false(eval_owner_is_alive(SLICE_NULL, 0, 0));
    assert_true(eval_owner_is_alive(SLICE(OTHER_HOST), 10, 10 + EVAL_OWNER_SILENCE_US - 1));
    assert_false(eval_owner_is_alive(SLICE(OTHER_HOST), 10, 10 + EVAL_OWNER_SILENCE_US));
}

/* ---- the filter ---- */

static int mark_second(void *ctx, struct slice run, bool errors, const struct suite *suite, uint8_t *marks) {
    (void)ctx;
    (void)suite;
    assert_true(slice_is(run, "run-7"));
    marks[errors ? 2 : 1] = 1;
    return -1;
}

/* "101" of three cases; "2" when it is refused. */
static const char *left(const char *one, const char *two, char text[200]) {
    static char shown[16];
    struct arena arena;
    struct suite suite;
    struct problems problems = {0};
    struct slice name;
    uint8_t chosen[4] = {0};
    unsigned n = 0;
    const char *typed[] = {one, two};
    const struct eval_filter_runs runs = {NULL, mark_second};
    arena_init(&arena, 64 << 10, 16 << 20);
    assert_int_equal(suite_read(SLICE(SUITE), "s", NULL, &arena, &suite, &problems), FAULT_NONE);
    int code = eval_filter_read(typed, two ? 2 : 1, &suite, &runs, &arena, chosen, &name, &n);
    if (code >= 0) snprintf(shown, sizeof shown, "%d", code);
    else snprintf(shown, sizeof shown, "%d%d%d", chosen[0], chosen[1], chosen[2]);
    snprintf(text, 200, SLICE_FMT, SLICE_ARG(name));
    suite_deinit(&suite);
    arena_deinit(&arena);
    return shown;
}

static void filter(void **state) {
    char text[200], again[200];
    (void)state;
    assert_string_equal(left("tag=t", NULL, text), "110");
    assert_string_equal(left("tag=u", "tag=t", text), "110");
    assert_string_equal(left("tag=t&id=*-1", NULL, text), "100");
    assert_string_equal(left("id=*-1", "tag=t", again), "100");
    assert_string_equal(text, again); /* the same wish, however it was typed */
    assert_string_equal(left("id=?-1", NULL, text), "101");
    assert_string_equal(left("first=2", NULL, text), "110");
    assert_string_equal(left("first=1", "id=b*", text), "001");
    assert_string_equal(left("failing=run-7", NULL, text), "010");
    assert_string_equal(left("failing=run-7", "errors=run-7", text), "000");
    assert_string_equal(left("sample=9", NULL, text), "111");
    const char *drawn = left("sample=2", NULL, text);
    assert_int_equal(drawn[0] + drawn[1] + drawn[2], 3 * '0' + 2);
    assert_string_equal(left("tag", NULL, text), "2");
    assert_string_equal(left("first=0", NULL, text), "2");
    assert_string_equal(left("first=1", "first=2", text), "2");
    assert_string_equal(left("sample=2:x", NULL, text), "2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(life, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(stopped, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(refused, desk_setup, desk_teardown),
        cmocka_unit_test(owner),
        cmocka_unit_test(filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
