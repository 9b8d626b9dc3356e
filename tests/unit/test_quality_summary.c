#include "test_quality_summary_rig.h"

/* Pass for the first `passed`, else fail. */
static struct summary *run_of(struct rig *r, unsigned passed, unsigned repeat) {
    struct summary *s = summary_new(&r->suite, repeat, (size_t)r->suite.n_cases * repeat);
    for (unsigned k = 0; k < repeat; k++)
        for (unsigned i = 0; i < r->suite.n_cases; i++) rig_give(s, i, k, i < passed ? CHECK_PASS : CHECK_FAIL);
    return s;
}

/* 4 of 5. Clopper and Pearson, from R's binom.test: 95 % two-sided .2835821 .9949492, one-sided .3425917 and .9897938. */
static void five_cases(void **state) {
    (void)state;
    struct rig *r = rig_new(5);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = run_of(r, 4, 1);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    near(rig_number(r, "pass_rate"), 0.8, 1e-15);
    near(rig_number(r, "interval.0"), .28358206388, 1e-9);
    near(rig_number(r, "interval.1"), .99494923662, 1e-9);
    near(rig_number(r, "requirements.0.low"), .34259168, 1e-7);
    near(rig_number(r, "requirements.0.high"), .98979378, 1e-7);
    near(rig_number(r, "needed_cases"), 72, 0);
    rig_says(r, "requirements.0.answer", "not_enough");
    rig_says(r, "why",
             "4 of 5 cases passed (80 %); with 5 cases the true rate may be anywhere from 28.4 to 99.5 %, so at least 90 % is neither "
             "shown nor excluded: about 72 more cases like these, passing as these did, would probably settle it");
    summary_free(s);
    rig_free(r);
}

/* 0.9^29 = .0471 <= .05 < 0.9^28: 29 cases without a failure show 90 % at 95 %, 28 do not. */
static void enough_and_one_fewer(void **state) {
    (void)state;
    for (unsigned n = 28; n <= 29; n++) {
        struct rig *r = rig_new(n);
        rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
        struct summary *s = run_of(r, n, 1);
        assert_int_equal(rig_write(r, s), n == 29 ? SUMMARY_PASSED : SUMMARY_INCONCLUSIVE);
        near(rig_number(r, "needed_cases"), n == 29 ? 0 : 1, 0);
        near(rig_number(r, "requirements.0.low"), pow(0.05, 1.0 / n), 1e-9);
        summary_free(s);
        s = run_of(r, n, 100); /* a hundred repeats of them are not more cases */
        assert_int_equal(rig_write(r, s), n == 29 ? SUMMARY_PASSED : SUMMARY_INCONCLUSIVE);
        summary_free(s);
        rig_free(r);
    }
}

static void no_and_why(void **state) {
    (void)state;
    struct rig *r = rig_new(20);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = run_of(r, 10, 1);
    assert_int_equal(rig_write(r, s), SUMMARY_FAILED);
    rig_says(r, "why", "10 of 20 cases passed (50 %); with 95 % confidence the true rate is at most 69.8 %, but at least 90 % is required");
    near(rig_number(r, "requirements.0.high"), .6980462, 1e-6); /* qbeta(.95, 11, 10) */
    summary_free(s);
    rig_free(r);
}

/* Nothing required: every case has to pass, plainly. A failed one of any repeat is a failed one. */
static void nothing_required(void **state) {
    (void)state;
    struct rig *r = rig_new(3);
    struct summary *s = run_of(r, 3, 2);
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    rig_says(r, "requirements.0.origin", "default");
    rig_give(s, 1, 1, CHECK_FAIL); /* again: replaces the first */
    assert_int_equal(rig_write(r, s), SUMMARY_FAILED);
    rig_says(r, "why", "5 of 6 runs of 3 cases passed (83.3 %), but at least 100 % is required");
    assert_int_equal((int)summary_counts(s).done, 6);
    summary_free(s);
    rig_free(r);
}

/* An error is no failure and no pass: 40 of 60 pass, 20 are errors. */
static void errors_never_count(void **state) {
    (void)state;
    struct rig *r = rig_new(60);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = summary_new(&r->suite, 1, 60);
    for (unsigned i = 0; i < 60; i++) rig_give(s, i, 0, i % 3 ? CHECK_PASS : CHECK_ERROR);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    near(rig_number(r, "pass_rate"), 1, 0);
    near(rig_number(r, "errors"), 20, 0);
    near(rig_number(r, "requirements.0.n"), 40, 0);
    rig_says(r, "requirements.0.answer", "yes");
    rig_says(r, "why",
             "20 of 60 runs ended in an error (33.3 %), more than the 5 % up to which a verdict is given (max_errors): errors say nothing "
             "about quality, so find their cause and run again");
    r->suite.max_errors = 0.4;
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    r->suite.max_errors = 0.2; /* nor do they hide behind a failure */
    rig_give(s, 1, 0, CHECK_FAIL);
    r->require[0].confidence = 0;
    r->require[0].bound = 1;
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    summary_free(s);
    rig_free(r);
}

/* A plain demand is on these very cases: one without an answer leaves it open, unless it could not change it. */
static void plain_with_errors(void **state) {
    (void)state;
    struct rig *r = rig_new(40);
    rig_require(r, SUITE_PASS_RATE, false, 1, 0);
    rig_require(r, SUITE_PASS_RATE, false, 0.95, 0);
    struct summary *s = run_of(r, 40, 1);
    rig_give(s, 7, 0, CHECK_ERROR);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    rig_says(r, "requirements.0.answer", "not_enough");
    rig_says(r, "requirements.1.answer", "yes"); /* 39 of 40 at the worst */
    near(rig_number(r, "requirements.1.low"), 0.975, 1e-12);
    rig_says(r, "why", "39 of 39 cases passed (100 %); 1 more ended in errors alone, so at least 100 % of these cases is not shown: run it again");
    assert_true(rig_is_null(r, "requirements.0.needed"));
    rig_give(s, 8, 0, CHECK_FAIL);
    assert_int_equal(rig_write(r, s), SUMMARY_FAILED);
    summary_free(s);
    rig_free(r);
}

static void stopped_early(void **state) {
    (void)state;
    struct rig *r = rig_new(40);
    struct summary *s = summary_new(&r->suite, 1, 40);
    for (unsigned i = 0; i < 30; i++) rig_give(s, i, 0, CHECK_PASS);
    summary_stopped(s, "the cost cap of 2 USD is reached");
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    rig_says(r, "why",
             "only 30 of 40 runs were made: the cost cap of 2 USD is reached; 30 of 30 cases passed (100 %); 10 more have not been run, so at "
             "least 100 % of these cases is not shown: run it again");
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE); /* though 30 would show it */
    rig_says(r, "requirements.0.answer", "yes");
    rig_give(s, 30, 0, CHECK_FAIL);
    r->require[0] = (struct suite_requirement){.bound = 1};
    assert_int_equal(rig_write(r, s), SUMMARY_FAILED); /* whatever the others would have said */
    summary_free(s);
    s = summary_new(&r->suite, 1, 40);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    rig_says(r, "why", "there is no result");
    assert_true(rig_is_null(r, "pass_rate"));
    summary_free(s);
    rig_free(r);
}

/* Stopped at the very end: all that was planned is there, and the sentence does not say "only 5 of 5". */
static void stopped_with_nothing_left(void **state) {
    (void)state;
    struct rig *r = rig_new(5);
    struct summary *s = summary_new(&r->suite, 1, 5);
    for (unsigned i = 0; i < 5; i++) rig_give(s, i, 0, CHECK_PASS);
    summary_stopped(s, "the cost cap is reached");
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    summary_free(s);
    rig_free(r);
}

static void tags_and_weights(void **state) {
    (void)state;
    struct rig *r = rig_new(4);
    rig_tag(r, 0, "safety");
    rig_tag(r, 1, "safety");
    rig_tag(r, 2, "tone");
    rig_require(r, SUITE_PASS_RATE, false, 1, 0);
    r->require[0].tag = SLICE("safety");
    rig_require(r, SUITE_PASS_RATE, false, 0.5, 0);
    r->cases[3].weight = 5;
    struct summary *s = run_of(r, 2, 1);
    assert_int_equal(rig_write(r, s), SUMMARY_FAILED); /* 2 / 8 */
    near(rig_number(r, "pass_rate"), 0.25, 1e-15);
    near(rig_number(r, "by_tag.safety.pass_rate"), 1, 0);
    near(rig_number(r, "by_tag.safety.interval.0"), .15811388, 1e-7); /* .025^(1/2) */
    near(rig_number(r, "by_tag.tone.pass_rate"), 0, 0);
    rig_says(r, "requirements.0.why", "2 of 2 cases tagged safety passed (100 %), and at least 100 % is required");
    rig_says(r, "why", "2 of 4 cases passed (25 %, cases weighted), but at least 50 % is required");
    r->require[0].tag = SLICE("missing");
    r->suite.n_requirements = 1;
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    rig_says(r, "why", "no case tagged missing was run, so at least 100 % is not shown");
    summary_free(s);
    rig_free(r);
}

/* Families of three count once: 30 cases are ten. */
static void clusters(void **state) {
    (void)state;
    struct rig *r = rig_new(30);
    char names[10][8];
    for (unsigned i = 0; i < 30; i++) {
        snprintf(names[i / 3], sizeof *names, "f%u", i / 3);
        r->cases[i].cluster = slice_of(names[i / 3]);
    }
    struct summary *s = run_of(r, 30, 1);
    rig_write(r, s);
    near(rig_number(r, "interval.0"), pow(0.025, 0.1), 1e-9);
    summary_free(s);
    rig_free(r);
}

/* A fixed list asked six times each: 30 runs of five cases show 90 % of these cases, and nothing of others. */
static void these_cases(void **state) {
    (void)state;
    struct rig *r = rig_new(5);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = run_of(r, 5, 6);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    near(rig_number(r, "needed_cases"), 24, 0);
    r->suite.scope = RATE_THESE_CASES;
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    summary_free(s);
    s = run_of(r, 5, 5); /* 25 runs: four more are needed, which is one more of each */
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    rig_says(r, "why",
             "25 of 25 runs of 5 cases passed (100 %); with 5 cases (25 runs) the true rate may be anywhere from 86.3 to 100 %, so at least 90 % "
             "is neither shown nor excluded: about 1 more run of each case, passing as these did, would probably settle it");
    summary_free(s);
    rig_free(r);
}

static void bounds_that_nothing_shows(void **state) {
    (void)state;
    struct rig *r = rig_new(50);
    rig_require(r, SUITE_PASS_RATE, false, 1, 0.95);
    struct summary *s = run_of(r, 50, 1);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    assert_true(rig_is_null(r, "needed_cases"));
    assert_true(slice_contains(buffer_slice(&r->text), SLICE("no number of passes proves that none will ever fail")));
    r->require[0].bound = 0.98;
    summary_free(s);
    s = run_of(r, 49, 1); /* exactly what is asked */
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    assert_true(rig_is_null(r, "needed_cases"));
    summary_free(s);
    rig_free(r);
}

/* Two of 60 refused, where two cases ask for a refusal. */
static void refusals(void **state) {
    (void)state;
    struct rig *r = rig_new(60);
    struct check refuse = {.type = CHECK_TYPE_IS_REFUSAL, .weight = 1};
    rig_require(r, SUITE_REFUSAL_RATE, true, 0.05, 0);
    rig_require(r, SUITE_REFUSAL_RATE, true, 0.12, 0.95);
    r->cases[58].checks = r->cases[59].checks = &refuse;
    r->cases[58].n_checks = r->cases[59].n_checks = 1;
    struct summary *s = summary_new(&r->suite, 1, 60);
    for (unsigned i = 0; i < 60; i++) {
        struct result result = rig_result(i, 0, CHECK_PASS);
        result.refused = i < 2;
        summary_add(s, &result);
    }
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    near(rig_number(r, "refusals.rate"), 2.0 / 58, 1e-12);
    near(rig_number(r, "refusals.cases"), 58, 0);
    near(rig_number(r, "requirements.1.high"), .1045973, 1e-6); /* qbeta(.95, 3, 56) */
    rig_says(r, "requirements.0.why", "2 of 58 cases were refused (3.4 %), and at most 5 % is required");
    r->require[1].bound = 0.1;
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    assert_true(rig_number(r, "needed_cases") > 0);
    struct check answer = {.type = CHECK_TYPE_IS_REFUSAL, .negated = true, .weight = 1}; /* it expects none: a refusal there is unwanted */
    r->suite.checks = &answer;
    r->suite.n_checks = 1;
    rig_write(r, s);
    near(rig_number(r, "refusals.rate"), 2.0 / 58, 1e-12);
    summary_free(s);
    rig_free(r);
}

/* Scores 1, 0.5, 0.9 (0.8 twice weighted) ...: mean by hand; pass@k and pass^k of 10 runs with 7 passes: .991667, .291667. */
static void metrics_and_repeats(void **state) {
    (void)state;
    struct rig *r = rig_new(2);
    rig_require(r, SUITE_SCORE, false, 0.6, 0.95);
    r->require[0].metric = SLICE("tone");
    struct summary *s = summary_new(&r->suite, 10, 20);
    for (unsigned k = 0; k < 10; k++) {
        for (unsigned i = 0; i < 2; i++) {
            struct result_check checks[] = {
                {.type = SLICE("regex"), .metric = SLICE("tone"), .weight = 1, .verdict = CHECK_PASS, .score = 1},
                {.type = SLICE("regex"), .metric = SLICE("tone"), .weight = 3, .verdict = CHECK_PASS, .score = i ? 0.5 : 0.25},
                {.type = SLICE("regex"), .metric = SLICE("tone"), .weight = 3, .verdict = CHECK_ERROR, .score = 0}};
            struct result result = rig_result(i, k, k < 7 ? CHECK_PASS : CHECK_FAIL);
            result.checks = checks;
            result.n_checks = 3;
            result.latency_us = 1000 * (int64_t)(k + 10 * i + 1);
            result.cost_nano = 1000;
            result.judge_cost_nano = 0;
            summary_add(s, &result);
        }
    }
    rig_write(r, s);
    near(rig_number(r, "metrics.tone.mean"), (0.4375 + 0.625) / 2, 1e-7);
    rig_says(r, "requirements.0.text", "tone at least 0.6, at 95 % confidence");
    rig_says(r, "requirements.0.answer", "not_enough");
    near(rig_number(r, "repeats.0.k"), 2, 0);
    near(rig_number(r, "repeats.1.any"), .991667, 1e-6);
    near(rig_number(r, "repeats.1.all"), .291667, 1e-6);
    near(rig_number(r, "latency_ms.p50"), 10, 0); /* of 1..20 */
    near(rig_number(r, "latency_ms.p95"), 19, 0);
    near(rig_number(r, "cost_usd"), 20e-6, 1e-15);
    near(rig_number(r, "cost.p50_usd"), 1e-6, 1e-15);
    summary_free(s);
    rig_free(r);
}

/* A text in any script, and one that is not well-formed, comes out as JSON. */
static void unicode(void **state) {
    (void)state;
    struct rig *r = rig_new(1);
    rig_tag(r, 0, "Sicherheit \xf0\x9f\x94\x92 \xff\x01");
    rig_require(r, SUITE_PASS_RATE, false, 1, 0);
    r->require[0].tag = r->tags[0];
    struct summary *s = run_of(r, 1, 1);
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    assert_true(slice_is_utf8(buffer_slice(&r->text)));
    summary_free(s);
    rig_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_cases),       cmocka_unit_test(enough_and_one_fewer), cmocka_unit_test(no_and_why),
        cmocka_unit_test(nothing_required), cmocka_unit_test(errors_never_count),   cmocka_unit_test(plain_with_errors),
        cmocka_unit_test(stopped_early), cmocka_unit_test(stopped_with_nothing_left),    cmocka_unit_test(tags_and_weights),     cmocka_unit_test(clusters),
        cmocka_unit_test(these_cases),      cmocka_unit_test(refusals),             cmocka_unit_test(bounds_that_nothing_shows),
        cmocka_unit_test(unicode),          cmocka_unit_test(metrics_and_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
