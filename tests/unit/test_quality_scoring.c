/* Rules of scoring: how they are read, what is told of mistakes, which records they take. */
#include "quality/scoring.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char rule[] = "scoring: helpdesk-quality\n"
                           "application: helpdesk\n"
                           "key: scorer\n"
                           "sample: {rate: 0.05, by_request_type: {chat: 0.02, summary: 0.2}, at_most: 500/d}\n"
                           "when: {request_type: [chat, summary, extract], min_output_tokens: 1}\n"
                           "take_all: [{finish_reason: refusal}, {status: truncated}]\n"
                           "checks:\n"
                           "  - {type: is-json, metric: format}\n"
                           "  - {type: not-is-refusal, metric: refusal}\n"
                           "  - {type: judge, judge: support-judge, rubric: \"polite and correct\", metric: quality}\n"
                           "  - {type: faithful, judge: support-judge, metric: supported}\n"
                           "judges: {support-judge: {model: large, scale: 1-5}}\n";

struct world {
    struct arena arena;
    struct scoring s;
    struct problems problems;
    struct buffer told;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    arena_init(&w->arena, 64 << 10, 16 << 20);
    buffer_init(&w->told, 1 << 20);
    *state = w;
    return digest_start() ? 0 : -1;
}
static int teardown(void **state) {
    struct world *w = *state;
    scoring_deinit(&w->s);
    buffer_deinit(&w->told);
    arena_deinit(&w->arena);
    test_free(w);
    return 0;
}

static bool read_rule(struct world *w, const char *text) {
    scoring_deinit(&w->s);
    w->problems = (struct problems){0};
    enum fault fault = scoring_read(slice_of(text), "rule.yaml", &w->arena, &w->s, &w->problems);
    buffer_clear(&w->told);
    problems_write(&w->problems, &w->told);
    assert_true((fault == FAULT_NONE) == !problems_any(&w->problems));
    return fault == FAULT_NONE;
}

static struct record a_record(const char *request_type) {
    struct record r;
    record_init(&r);
    record_id_new(&r.id, 1764000000000000);
    r.application = SLICE("helpdesk");
    r.request_type = slice_of(request_type);
    r.status = RECORD_OK;
    r.usage.output = 100;
    return r;
}

static void a_rule_is_read(void **state) {
    struct world *w = *state;
    if (!read_rule(w, rule)) fail_msg("%s", buffer_text(&w->told));
    const struct scoring *s = &w->s;
    assert_true(slice_is(s->name, "helpdesk-quality") && slice_is(s->application, "helpdesk") && slice_is(s->key, "scorer"));
    assert_true(s->rate == 0.05 && s->n_rates == 2 && s->at_most == 500 && s->per_us == 86400000000);
    assert_true(s->n_checks == 4 && s->n_judges == 1 && s->n_take_all == 2 && s->when.n_request_type == 3);
    assert_ptr_equal(scoring_judge(s, &s->checks[2]), &s->judges[0]);
    assert_true(slice_is(scoring_metric(&s->checks[0]), "format"));
}

static void the_canonical_form_is_the_same_rule(void **state) {
    struct world *w = *state;
    struct digest first;
    char body[4096];
    assert_true(read_rule(w, rule));
    first = w->s.digest;
    snprintf(body, sizeof body, SLICE_FMT, SLICE_ARG(w->s.body));
    assert_true(read_rule(w, body));
    assert_true(digest_eq(&first, &w->s.digest));
    assert_true(read_rule(w, "application: a\nscoring: x\nchecks: [{max: 3, type: word-count}]\nsample: {rate: 1}\n"));
    first = w->s.digest;
    assert_true(read_rule(w, "{\"scoring\": \"x\", \"sample\": {\"rate\": 1}, \"checks\": [{\"type\": \"word-count\", \"max\": 3}], \"application\": \"a\"}"));
    assert_true(digest_eq(&first, &w->s.digest));
    assert_true(read_rule(w, "application: a\nscoring: x\nchecks: [{max: 4, type: word-count}]\nsample: {rate: 1}\n"));
    assert_false(digest_eq(&first, &w->s.digest));
}

static void mistakes_are_told_with_their_lines(void **state) {
    struct world *w = *state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"scoring: x\n", "expected `application`"},
        {"scoring: x\napplication: a\nsample: {rate: 1.5}\nchecks: [{type: is-json}]\n", "rule.yaml:3: rate: expected a number from 0 to 1"},
        {"scoring: x\napplication: a\nsampel: {rate: 1}\nchecks: [{type: is-json}]\n", "rule.yaml:3: a scoring rule: unknown key \"sampel\"; did you mean `sample`?"},
        {"scoring: x\napplication: a\nsample: {rate: 1, at_most: many}\nchecks: [{type: is-json}]\n", "rule.yaml:3: at_most: expected a number a day or an hour"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks: []\n", "checks: expected a list of 1 to 32 checks"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: is-jsn}\n", "rule.yaml:5: unknown type of check"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: equals}\n", "equals needs a `value`: production traffic has no expected answer"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: contains, value: \"{{name}}\"}\n", "production traffic has no variables"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: consistent}\n", "consistent cannot score production traffic"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: exec, run: /bin/true}\n", "exec cannot score production traffic"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: judge, judge: j, rubric: good}\n", "there is no judge `j`"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks:\n  - {type: judge, rubric: good}\njudges: {j: {model: m}}\n", "expected `key`"},
        {"scoring: x\napplication: a\nkey: k\nsample: {rate: 1}\nchecks:\n  - {type: judge, rubric: good}\njudges: {j: {model: m, scale: pairwise}}\n",
         "a pairwise judge compares"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nchecks: [{type: is-json}, {type: contains-json, metric: is-json}]\n", "two checks have the metric `is-json`"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\nwhen: {status: fine}\nchecks: [{type: is-json}]\n", "rule.yaml:4: status: expected ok, truncated"},
        {"scoring: x\napplication: a\nsample: {rate: 1}\ntake_all: [{}]\nchecks: [{type: is-json}]\n", "take_all: expected a condition"},
        {"scoring: [", "flow sequence without a closing bracket"},
        {"", "a scoring rule: expected a map"},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (read_rule(w, cases[i].text)) fail_msg("taken: %s", cases[i].text);
        if (strstr(buffer_text(&w->told), cases[i].told) == NULL) fail_msg("%s\ntold: %s", cases[i].text, buffer_text(&w->told));
    }
}

static void which_records(void **state) {
    struct world *w = *state;
    assert_true(read_rule(w, rule));
    struct record r = a_record("chat");
    assert_true(scoring_matches(&w->s, &r));
    assert_true(scoring_chance(&w->s, &r, 0) == 0.02);
    r.request_type = SLICE("extract");
    assert_true(scoring_chance(&w->s, &r, 0) == 0.05);
    r.request_type = SLICE("other");
    assert_false(scoring_matches(&w->s, &r));
    r.finish_reason = SLICE("refusal"); /* these all, whatever their type */
    assert_true(scoring_matches(&w->s, &r) && scoring_chance(&w->s, &r, 0) == 1);
    r = a_record("chat");
    r.status = RECORD_ERROR;
    assert_false(scoring_matches(&w->s, &r));
    r.status = RECORD_TRUNCATED;
    assert_true(scoring_matches(&w->s, &r) && scoring_chance(&w->s, &r, 0) == 1);
    r = a_record("chat");
    r.application = SLICE("helpdesk2");
    assert_false(scoring_matches(&w->s, &r));
    r = a_record("chat");
    r.usage.output = 0;
    assert_false(scoring_matches(&w->s, &r));
    static const char *const own[] = {"eval", "eval-judge", "downgrade-test"};
    for (unsigned i = 0; i < 3; i++) {
        r = a_record("chat");
        r.feature = slice_of(own[i]);
        assert_false(scoring_matches(&w->s, &r));
    }
    r.feature = SLICE("evaluate-me"); /* an application's own word */
    assert_true(scoring_matches(&w->s, &r));
}

static void the_cap_thins_the_sample(void **state) {
    struct world *w = *state;
    assert_true(read_rule(w, rule));
    struct record r = a_record("summary");
    assert_true(scoring_chance(&w->s, &r, 249) == 0.2 && scoring_chance(&w->s, &r, 250) == 0.1);
    assert_true(scoring_chance(&w->s, &r, 374) == 0.1 && scoring_chance(&w->s, &r, 375) == 0.05);
    assert_true(scoring_chance(&w->s, &r, 499) > 0 && scoring_chance(&w->s, &r, 500) == 0);
    r.finish_reason = SLICE("refusal");
    assert_true(scoring_chance(&w->s, &r, 499) == 1 && scoring_chance(&w->s, &r, 500) == 0);
}

static void draws_have_their_chance(void **state) {
    struct world *w = *state;
    unsigned taken = 0, nested = 0;
    assert_true(read_rule(w, rule));
    for (unsigned i = 0; i < 100000; i++) {
        struct record_id id = {{0}};
        memcpy(id.bytes + 6, &i, sizeof i);
        bool small = scoring_draws(&w->s, &id, 0.05);
        taken += small;
        nested += small && !scoring_draws(&w->s, &id, 0.2);
        assert_false(scoring_draws(&w->s, &id, 0));
        assert_true(scoring_draws(&w->s, &id, 1));
    }
    assert_int_equal(nested, 0);
    assert_true(taken > 4700 && taken < 5300); /* 5,000 +- 4 standard deviations */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_rule_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(the_canonical_form_is_the_same_rule, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes_are_told_with_their_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(which_records, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cap_thins_the_sample, setup, teardown),
        cmocka_unit_test_setup_teardown(draws_have_their_chance, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
