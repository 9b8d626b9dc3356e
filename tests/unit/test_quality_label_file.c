/* Labels of people from a file, and a judge asked about them. */
#include "test_quality_gate_rig.h"

#include "quality/judging.h"
#include "quality/label_file.h"

#include <math.h>

static struct arena arena;
static struct problems problems;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 64 << 20);
    problems = (struct problems){.count = 0};
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct label_set read_good(const char *text) {
    struct label_set l = {.n = 0};
    if (label_file_read(slice_of(text), "l.jsonl", &arena, &l, &problems) != FAULT_NONE) fail_msg("%s: %s", text, problems.items[0].text);
    return l;
}

static void labels_are_read(void **state) {
    (void)state;
    struct label_set l = read_good("\xEF\xBB\xBF{\"input\":\"How \xc3\xa9?\",\"output\":\"So.\",\"label\":true,\"labeller\":\"ann\",\"city\":\"Bern\",\"n\":3}\n\n"
                                "{\"input\":[{\"role\":\"user\",\"content\":\"x\"}],\"output\":\"\",\"context\":\"c\",\"expected\":\"e\",\"label\":\"fail\",\"vars\":{\"a\":\"b\"}}\r\n");
    assert_true(l.n == 2 && l.lines == 2 && l.scale == CALIBRATION_PASS && l.contested == 0);
    assert_true(slice_is(l.items[0].asked, "[{\"role\":\"user\",\"content\":\"How \xc3\xa9?\"}]") && l.items[0].level == 1 && l.items[0].line == 1);
    assert_true(l.items[0].about.n_vars == 2 && slice_is(l.items[0].about.vars[0].value, "Bern") && slice_is(l.items[0].about.vars[1].value, "3"));
    assert_true(slice_is_null(l.items[0].about.context) && slice_is(l.items[1].about.context, "c") && slice_is(l.items[1].about.expected, "e"));
    assert_true(l.items[1].line == 3 && l.items[1].level == 0 && l.items[1].about.n_vars == 1 && slice_is(l.items[1].asked, "[{\"role\":\"user\",\"content\":\"x\"}]"));
    l = read_good("[{\"output\":\"a\",\"label\":1},\n{\"output\":\"b\",\"label\":\"5\"}]");
    assert_true(l.scale == CALIBRATION_1_TO_5 && l.items[0].level == 0 && l.items[1].level == 4 && l.items[1].line == 2);
    l = read_good("{\"output\":\"a\",\"expected\":\"b\",\"label\":\"A\"}\n{\"output\":\"b\",\"expected\":\"b\",\"label\":\"tie\"}");
    assert_true(l.scale == CALIBRATION_PAIR && l.items[0].level == 2 && l.items[1].level == 1);
}

/* Who said it is no part of the example; all that the judge is shown is. */
static void an_example_counts_as_most_people_say(void **state) {
    (void)state;
    struct label_set l = read_good("{\"output\":\"a\",\"label\":true,\"labeller\":\"ann\"}\n{\"output\":\"b\",\"label\":true}\n{\"output\":\"a\",\"label\":false,\"labeller\":\"bo\"}\n"
                                "{\"output\":\"a\",\"label\":false,\"labeller\":\"cy\"}\n{\"output\":\"c\",\"label\":true}\n{\"output\":\"c\",\"label\":false}\n"
                                "{\"output\":\"a\",\"context\":\"k\",\"label\":true}");
    assert_true(l.lines == 7 && l.n == 3 && l.contested == 1);
    assert_true(l.items[0].line == 1 && l.items[0].level == 0 && l.items[0].people == 3);
    assert_true(l.items[1].line == 2 && l.items[1].level == 1 && l.items[2].line == 7);
    assert_true(l.items[0].example != l.items[2].example);
    struct label_set again = read_good("{\"labeller\":\"zoe\",\"label\":false,\"output\":\"a\"}");
    assert_true(again.items[0].example == l.items[0].example); /* in another file, another time */
}

static void every_mistake_is_told_with_its_line(void **state) {
    static const struct {
        const char *text;
        int line;
        const char *says;
    } bad[] = {
        {"", 1, "an object a line"},
        {"\n{\"output\":\"a\",\"label\":true\n", 2, "expected a JSON object"},
        {"{\"output\":\"a\",\"label\":true}\n[1]", 2, "an object with `output` and `label`"},
        {"{\"label\":true}", 1, "expected an `output`"},
        {"{\"output\":\"a\"}", 1, "expected a `label`"},
        {"{\"output\":\"a\",\"label\":null}", 1, "found null"},
        {"{\"output\":\"a\",\"label\":6}", 1, "found 6"},
        {"{\"output\":\"a\",\"label\":\"maybe\"}", 1, "found maybe"},
        {"{\"output\":\"a\",\"label\":true}\n\n{\"output\":\"a\",\"label\":4}", 3, "one of pass in line 1"},
        {"{\"output\":{},\"label\":true}", 1, "`output`: expected a text"},
    };
    struct label_set l;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        problems = (struct problems){.count = 0};
        assert_int_equal(label_file_read(slice_of(bad[i].text), "l.jsonl", &arena, &l, &problems), FAULT_CONFIG);
        if (problems.count == 0 || problems.items[0].line != bad[i].line || strstr(problems.items[0].text, bad[i].says) == NULL)
            fail_msg("%s: line %d: %s", bad[i].text, problems.count ? problems.items[0].line : 0, problems.count ? problems.items[0].text : "nothing");
    }
}

static void labels_and_verdicts_are_on_one_scale(void **state) {
    (void)state;
    struct judge j = {.n_models = 1, .scale = JUDGE_1_TO_5, .models = {SLICE("m")}};
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    struct check_outcome o = {.verdict = CHECK_PASS, .score = 0.75};
    struct error error;
    assert_true(!label_passes(CALIBRATION_1_TO_5, 2, &j, &c) && label_passes(CALIBRATION_1_TO_5, 3, &j, &c));
    assert_true(label_level(CALIBRATION_1_TO_5, &c, &o) == 3 && label_level(CALIBRATION_PASS, &c, &o) == 1);
    c.threshold = 0.9;
    assert_true(!label_passes(CALIBRATION_1_TO_5, 3, &j, &c) && label_passes(CALIBRATION_1_TO_5, 4, &j, &c));
    c.negated = true; /* the check passes where the rubric is not met */
    o = (struct check_outcome){.verdict = CHECK_FAIL, .score = 0};
    assert_true(label_passes(CALIBRATION_1_TO_5, 3, &j, &c) && label_level(CALIBRATION_1_TO_5, &c, &o) == 4 && label_level(CALIBRATION_PASS, &c, &o) == 0);
    assert_true(label_suits(CALIBRATION_1_TO_5, &j, &c, &error) && label_suits(CALIBRATION_PASS, &j, &c, &error));
    assert_false(label_suits(CALIBRATION_PAIR, &j, &c, &error));
    c = (struct check){.type = CHECK_TYPE_FAITHFUL, .threshold = 1};
    assert_false(label_suits(CALIBRATION_1_TO_5, &j, &c, &error));
    assert_non_null(strstr(error.text, "of claims"));
    j.scale = JUDGE_PAIRWISE;
    c = (struct check){.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    assert_true(label_suits(CALIBRATION_PAIR, &j, &c, &error) && label_passes(CALIBRATION_PAIR, 1, &j, &c) && !label_passes(CALIBRATION_PAIR, 0, &j, &c));
}

/* ---- asking ---- */

struct told {
    unsigned progress;
    bool ended;
    char stopped[64];
};

static void progress(void *ctx, const struct judging_counts *c) {
    (void)c;
    ((struct told *)ctx)->progress++;
}

static void ended(void *ctx, const char *stopped) {
    struct told *t = ctx;
    t->ended = true;
    (void)snprintf(t->stopped, sizeof t->stopped, "%s", stopped ? stopped : "");
}

/* Good answers pass, bad ones fail, and of what is odd it says nothing. */
static void play(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    struct slice body = r->body;
    if (slice_contains(body, SLICE("good"))) gate_says(a, "\"{\\\"reason\\\":\\\"g\\\",\\\"verdict\\\":\\\"pass\\\"}\"", "0.001");
    else if (slice_contains(body, SLICE("bad"))) gate_says(a, "\"{\\\"reason\\\":\\\"b\\\",\\\"verdict\\\":\\\"fail\\\"}\"", "0.001");
    else if (slice_contains(body, SLICE("forbidden"))) gate_refuses(a, 403, "model_not_allowed", "no");
    else gate_says(a, "\"Well, it depends.\"", NULL);
}

static struct told judge_all(struct judging_item *items, size_t n, int64_t max_cost_nano, struct judging_counts *ret) {
    struct judge j = {.name = SLICE("strict"), .n_models = 1, .scale = JUDGE_BINARY, .models = {SLICE("m")}, .rubric = SLICE("right"), .max_tokens = -1};
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    struct told t = {.progress = 0};
    struct gate g;
    gate_setup(&g, 2, play);
    const struct judging_options o = {&j, &c, max_cost_nano, "test"};
    const struct judging_calls calls = {&t, progress, ended};
    struct judging *judging = judging_new(g.loop, g.asker, &o, items, n, &arena, &calls);
    judging_start(judging);
    for (int i = 0; i < 2000 && !t.ended; i++) rig_turns(g.loop, 1);
    *ret = judging_counts(judging);
    asker_free(g.asker);
    g.asker = NULL;
    judging_free(judging);
    gate_teardown(&g);
    return t;
}

static void a_judge_is_asked_about_each(void **state) {
    (void)state;
    struct judging_item items[] = {{.output = SLICE("good 1")}, {.output = SLICE("bad 2")}, {.output = SLICE("odd")}, {.output = SLICE("forbidden")}, {.output = SLICE("good 5")}};
    struct judging_counts counts;
    struct told t = judge_all(items, 5, -1, &counts);
    assert_true(t.ended && t.stopped[0] == 0 && t.progress == 5);
    assert_true(counts.done == 5 && counts.errors == 2 && counts.cost_nano == 3000000 && counts.unpriced == 1);
    assert_true(items[0].outcome.verdict == CHECK_PASS && items[1].outcome.verdict == CHECK_FAIL && items[4].outcome.verdict == CHECK_PASS);
    assert_true(items[2].outcome.verdict == CHECK_ERROR && slice_contains(items[2].outcome.reason, SLICE("Well, it depends.")));
    assert_true(items[3].outcome.verdict == CHECK_ERROR && slice_contains(items[3].outcome.reason, SLICE("403")));
    assert_true(slice_is(items[1].outcome.reason, "fail: b") && items[1].settled);
}

static void it_stops_at_the_cap(void **state) {
    static struct judging_item items[50];
    struct judging_counts counts;
    (void)state;
    for (int i = 0; i < 50; i++) items[i] = (struct judging_item){.output = SLICE("good")};
    struct told t = judge_all(items, 50, 10000000, &counts); /* ten calls' worth */
    assert_true(t.ended && strstr(t.stopped, "cap") != NULL);
    assert_true(counts.done >= 9 && counts.done <= 11 && items[0].settled && !items[49].settled);
    t = judge_all(items, 50, 0, &counts);
    assert_true(t.ended && counts.done == 0);
}

static void what_cannot_be_asked_is_an_error(void **state) {
    (void)state;
    struct judge j = {.name = SLICE("strict"), .n_models = 1, .scale = JUDGE_BINARY, .models = {SLICE("m")}, .rubric = SLICE("about {{city}}")};
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    struct judging_item items[3] = {{.output = SLICE("good")}, {.output = SLICE("good")}, {.output = SLICE("good")}};
    struct told t = {.progress = 0};
    struct gate g;
    gate_setup(&g, 1, play);
    const struct judging_options o = {&j, &c, -1, "test"};
    const struct judging_calls calls = {&t, progress, ended};
    struct judging *judging = judging_new(g.loop, g.asker, &o, items, 3, &arena, &calls);
    judging_start(judging);
    for (int i = 0; i < 100 && !t.ended; i++) rig_turns(g.loop, 1);
    assert_true(t.ended && g.asked == 0 && items[2].outcome.verdict == CHECK_ERROR && slice_contains(items[2].outcome.reason, SLICE("`city`")));
    asker_free(g.asker);
    g.asker = NULL;
    judging_free(judging);
    gate_teardown(&g);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(labels_are_read), T(an_example_counts_as_most_people_say), T(every_mistake_is_told_with_its_line), T(labels_and_verdicts_are_on_one_scale),
        T(a_judge_is_asked_about_each), T(it_stops_at_the_cap), T(what_cannot_be_asked_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
