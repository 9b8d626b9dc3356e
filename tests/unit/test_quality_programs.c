/* Checks that a program of the user's decides: what it gets, what it may say, and what it cannot do to a run. */
#include "test_quality_programs_rig.h"

static const char *of_script(const char *body, const char *more) {
    static char json[256];
    char text[8192];
    snprintf(text, sizeof text, "#!/bin/sh\n%s\n", body);
    write_file("check", text, 0700);
    snprintf(json, sizeof json, "{\"type\": \"exec\", \"run\": [\"./check\"]%s}", more);
    return json;
}
#define SAYS(said, more, ...) rig_expect(__LINE__, declare(of_script("cat >/dev/null; echo '" said "'", more)), "Bern", __VA_ARGS__)
#define SCRIPT(body, more, ...) rig_expect(__LINE__, declare(of_script(body, more)), "Bern", __VA_ARGS__)

static void what_it_may_say(void **state) {
    (void)state;
    SAYS("true", "", 'P', 1, "exec said pass, a score of 1: `./check`");
    SAYS("false", "", 'F', 0, "exec said fail");
    SAYS("0.4", "", 'P', 0.4, NULL);
    SAYS("0", "", 'F', 0, NULL);
    SAYS("0.4", ", \"threshold\": 0.5", 'F', 0.4, NULL);
    SAYS("0.5", ", \"threshold\": 0.5", 'P', 0.5, NULL);
    SAYS("{\"pass\": true, \"score\": 0.3, \"reason\": \"so-so\"}", "", 'P', 0.3, "so-so");
    SAYS("{\"pass\": false, \"score\": 0.9}", "", 'F', 0.9, NULL);
    SAYS("{\"pass\": false, \"score\": 0.9}", ", \"threshold\": 0.5", 'F', 0.9, NULL); /* its no is a no */
    SAYS("{\"pass\": true, \"score\": 0.3}", ", \"threshold\": 0.5", 'F', 0.3, NULL);
    SAYS("{\"score\": 0.6}", ", \"threshold\": 0.5", 'P', 0.6, NULL);
    SAYS("{\"score\": 0.6}", "", 'E', 0, "expected `pass`, or a check with a `threshold`, found a score alone: 0.6");
    SAYS("{\"pass\": true}", "", 'P', 1, NULL);
    SAYS("{\"pass\": \"yes\"}", "", 'E', 0, "found {\"pass\": \"yes\"}");
    SAYS("{\"pass\": true, \"score\": \"1\"}", "", 'E', 0, "a number from 0 to 1");
    SAYS("{}", "", 'E', 0, NULL);
    SAYS("null", "", 'E', 0, NULL);
    SAYS("1.5", "", 'E', 0, "found 1.5");
    SAYS("-1", "", 'E', 0, NULL);
    SAYS("\"true\"", "", 'E', 0, NULL);
    SAYS("true true", "", 'E', 0, "as JSON, found `true true`");
    SAYS("looks good", "", 'E', 0, "found `looks good`");
    SCRIPT("exit 0", "", 'E', 0, "./check: expected true, false, a number or {pass, score, reason} as JSON, found nothing");
    SCRIPT("echo true; exit 2", "", 'E', 0, "./check ended with status 2");
    SCRIPT("echo 'cannot find jq' >&2; exit 127", "", 'E', 0, "./check ended with status 127; its last words: cannot find jq");
    SCRIPT("kill -9 $$", "", 'E', 0, "signal 9");
}

static void negation_turns_verdicts_not_errors(void **state) {
    (void)state;
    (void)of_script("cat >/dev/null; echo 0.25", "");
    rig_expect(__LINE__, declare("{\"type\": \"not-exec\", \"run\": \"./check\", \"threshold\": 0.5}"), "Bern", 'P', 0.75, NULL);
    (void)of_script("exit 1", "");
    rig_expect(__LINE__, declare("{\"type\": \"not-exec\", \"run\": \"./check\"}"), "Bern", 'E', 0, NULL);
}

static void what_it_gets(void **state) {
    struct check_tool_call calls[] = {{SLICE("refund"), SLICE("{\"order\":\n 7}")}, {SLICE("odd"), SLICE("{order")}};
    struct check_answer a = rig_answer("\xE2\x82\xAC \"1\"\n");
    struct arena own;
    struct json_doc d;
    char said[2048];
    (void)state;
    a.calls = calls;
    a.n_calls = 2;
    a.finish = FINISH_TOOL_CALLS;
    a.latency_us = 1500;
    a.cost_nano = 2500000;
    const char *json = of_script("cat >got; echo true", "");
    assert_int_equal(run_one(declare(json), &a).verdict, CHECK_PASS);
    char path[128];
    snprintf(path, sizeof path, "%s/got", folder);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = fread(said, 1, sizeof said, f);
    fclose(f);
    unlink(path);
    arena_init(&own, 4096, 1 << 20);
    assert_int_equal(json_read(slice_make(said, n), &own, UINT16_MAX, &d, NULL), FAULT_NONE);
    assert_true(json_is(&d, json_get(&d, 0, "output"), "\xE2\x82\xAC \"1\"\n"));
    assert_true(json_is(&d, json_get(&d, 0, "expected"), "Bern"));
    assert_int_equal(json_type(&d, json_get(&d, 0, "context")), JSON_NULL);
    assert_true(json_is(&d, json_get(&d, json_get(&d, 0, "vars"), "city"), "Z\xC3\xBCrich"));
    assert_true(json_is(&d, json_get(&d, 0, "case"), "case-1"));
    uint32_t call = json_item(&d, json_get(&d, 0, "tool_calls"), 0), order = json_get(&d, json_get(&d, call, "arguments"), "order");
    assert_true(json_is(&d, json_get(&d, call, "name"), "refund") && slice_is(json_raw(&d, order), "7"));
    assert_true(json_is(&d, json_get(&d, json_item(&d, json_get(&d, 0, "tool_calls"), 1), "arguments"), "{order"));
    assert_true(json_is(&d, json_get(&d, 0, "finish_reason"), "tool_calls"));
    assert_true(slice_is(json_raw(&d, json_get(&d, 0, "latency_ms")), "1.5"));
    assert_true(slice_is(json_raw(&d, json_get(&d, 0, "cost_usd")), "0.0025"));
    arena_deinit(&own);
    struct check_answer unknown = rig_answer(NULL);
    json = of_script("grep -q '\"output\":null.*\"finish_reason\":null,\"latency_ms\":null,\"cost_usd\":null' && echo true", "");
    assert_int_equal(run_one(declare(json), &unknown).verdict, CHECK_PASS);
}

static void a_megabyte_both_ways(void **state) {
    static char text[1 << 20];
    struct check_answer a = rig_answer("");
    (void)state;
    memset(text, 'x', sizeof text);
    memcpy(text + sizeof text - 3, "\xE2\x82\xAC", 3);
    a.text = slice_make(text, sizeof text);
    struct check_outcome out = run_one(declare(of_script("tr -d -c x | wc -c | sed 's/.*/{\"pass\": true, \"reason\": \"& \xE2\x82\xAC\"}/'", "")), &a);
    assert_int_equal(out.verdict, CHECK_PASS);
    char words[32];
    snprintf(words, sizeof words, "%d \xE2\x82\xAC", (1 << 20) - 3 + 2); /* two in "context" and "expected" */
    if (!slice_is(out.reason, words)) fail_msg(SLICE_FMT, SLICE_ARG(out.reason));
    out = run_one(declare(of_script("head -c 2000000 /dev/zero | tr '\\0' x", "")), &a);
    assert_int_equal(out.verdict, CHECK_ERROR);
    assert_true(slice_contains(out.reason, SLICE("said more than 1048576 bytes and was killed")));
    out = run_one(declare(of_script("printf '{\"pass\": true, \"reason\": \"'; head -c 900000 /dev/zero | tr '\\0' x; echo '\"}'", "")), &a);
    assert_int_equal(out.verdict, CHECK_PASS);
    assert_int_equal(out.reason.len, 1003); /* cut, with dots */
}

static void it_may_not_hang(void **state) {
    (void)state;
    SCRIPT("sleep 1000", ", \"timeout\": \"50ms\"", 'E', 0, "./check took too long and was killed (timeout: 0.05s)");
    SCRIPT("sleep 1000 & sleep 1000", ", \"timeout\": \"50ms\"", 'E', 0, "took too long");
    SCRIPT("echo true; exec >&- 2>&-; sleep 1000", ", \"timeout\": \"50ms\"", 'E', 0, "took too long");
    SCRIPT("sleep 1000 & echo true", "", 'P', 1, NULL); /* and what it leaves behind is gone: see test_io_child.c */
}

static void two_hundred_at_once(void **state) {
    static struct program_check all[200];
    struct check_answer a = rig_answer("Bern");
    const struct check *yes = declare(of_script("grep -q '\"output\":\"Bern\"' && echo true", "")),
                       *hung = declare("{\"type\": \"exec\", \"run\": \"sleep 1000\", \"timeout\": \"50ms\"}"),
                       *none = declare("{\"type\": \"exec\", \"run\": \"no-such-program-here -v\"}");
    (void)state;
    for (int i = 0; i < 200; i++) hand_over(&all[i], i == 50 ? hung : i % 10 == 7 ? none : yes, &a);
    loop_run(loop);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(all[i].outcome.verdict, i == 50 || i % 10 == 7 ? CHECK_ERROR : CHECK_PASS);
        if (i % 10 == 7) assert_true(slice_is(all[i].outcome.reason, "no-such-program-here was not found in PATH"));
    }
}

/* Freed with everything under way: teardown looks for processes that are left. */
static void given_up(void **state) {
    static struct program_check all[10];
    struct check_answer a = rig_answer("Bern");
    const struct check *hung = declare("{\"type\": \"exec\", \"run\": \"sleep 1000\"}"), *none = declare("{\"type\": \"exec\", \"run\": \"no-such-program-here\"}");
    (void)state;
    for (int i = 0; i < 10; i++) hand_over(&all[i], i == 9 ? none : hung, &a);
}

static void without_a_host(void **state) {
    static struct program_check all[3];
    struct check_answer a = rig_answer("Bern");
    char *path = getenv("PATH"), *before = test_malloc(strlen(path) + 1);
    memcpy(before, path, strlen(path) + 1);
    (void)state;
    setenv("PATH", "/nonexistent", 1);
    hand_over(&all[0], declare_code("javascript", "true", ""), &a);
    hand_over(&all[1], declare_code("python", "True", ""), &a);
    hand_over(&all[2], declare_code("not-python", "True", ""), &a);
    loop_run(loop);
    setenv("PATH", before, 1);
    test_free(before);
    assert_true(slice_is(all[0].outcome.reason, "node was not found in PATH"));
    assert_true(slice_is(all[1].outcome.reason, "python3 was not found in PATH"));
    for (int i = 0; i < 3; i++) assert_int_equal(all[i].outcome.verdict, CHECK_ERROR);
}

static void without_memory(void **state) {
    struct arena small;
    struct check_answer a = rig_answer("Bern");
    const struct check *c = declare(of_script("cat >/dev/null; echo true", ""));
    struct program_check p;
    (void)state;
    arena_init(&small, 16, 16);
    hand_over(&p, c, &a);
    p.arena = &small;
    loop_run(loop);
    assert_int_equal(p.outcome.verdict, CHECK_ERROR);
    arena_deinit(&small);
}

/* checks/links.py as docs/evaluation.md prints it. */
static void the_example_of_the_docs(void **state) {
    static char text[1 << 20];
    FILE *f = fopen("docs/evaluation.md", "r");
    (void)state;
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    char *begin = strstr(text, "import json, re, sys"), *close = begin ? strstr(begin, "```") : NULL;
    assert_non_null(close);
    *close = 0;
    if (!is_installed("python3")) skip();
    write_file("check", begin, 0600);
    const struct check *c = declare("{\"type\": \"exec\", \"run\": \"python3 ./check\"}");
    rig_expect(__LINE__, c, "see https://example.com/a", 'P', 1, "no foreign links");
    rig_expect(__LINE__, c, "see https://example.com/a and http://evil.example/x", 'F', 0, "foreign links: http://evil.example/x");
    rig_expect(__LINE__, c, NULL, 'P', 1, "no foreign links");
}

static int end(void **state) {
    remove_file("check");
    return rig_no_folder(state);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)
int main(void) {
    const struct CMUnitTest tests[] = {
        RIGGED(what_it_may_say), RIGGED(negation_turns_verdicts_not_errors), RIGGED(what_it_gets), RIGGED(a_megabyte_both_ways),
        RIGGED(it_may_not_hang), RIGGED(two_hundred_at_once), RIGGED(given_up), RIGGED(without_a_host), RIGGED(without_memory),
        RIGGED(the_example_of_the_docs),
    };
    return cmocka_run_group_tests_name("quality_programs", tests, rig_folder, end);
}
