/* What a verdict promises, in worlds whose truth is known: a wrong "passed" and a wrong "failed" are each as rare as the confidence says. */
#include "test_quality_summary_rig.h"

enum { WORLDS = 600, REPEAT = 5 };

/* A case's own pass rate, `mean` on average. SAME: all alike; SPREAD: a beta; STUBBORN: always or never. */
enum shape { SHAPE_SAME, SHAPE_SPREAD, SHAPE_STUBBORN, SHAPES };

static double own_rate(enum shape shape, double mean, struct random *random) {
    if (shape == SHAPE_SAME) return mean;
    if (shape == SHAPE_STUBBORN) return draw(random, mean);
    return pow(random_unit(random), (1 - mean) / mean); /* of mean 1 / (1 + (1 - mean) / mean) */
}

struct tally {
    unsigned verdicts[3];
};

static struct tally simulate(struct rig *r, enum shape shape, double mean, double errors, unsigned repeat, uint64_t seed) {
    struct random random = {seed};
    struct tally t = {{0}};
    for (unsigned world = 0; world < WORLDS; world++) {
        struct summary *s = summary_new(&r->suite, repeat, (size_t)r->suite.n_cases * repeat);
        for (unsigned i = 0; i < r->suite.n_cases; i++) {
            double own = own_rate(shape, mean, &random);
            for (unsigned k = 0; k < repeat; k++)
                rig_give(s, i, k, draw(&random, errors) ? CHECK_ERROR : draw(&random, own) ? CHECK_PASS : CHECK_FAIL);
        }
        t.verdicts[rig_write(r, s)]++;
        summary_free(s);
    }
    return t;
}

/* The true rate lies a hair under (over) the bound, the hardest place: P(passed) <= 5 %, P(failed) <= 5 %. */
static void wrong_verdicts_are_rare(void **state) {
    (void)state;
    const unsigned cases[] = {20, 60, 150};
    for (unsigned n = 0; n < COUNT_OF(cases); n++) {
        struct rig *r = rig_new(cases[n]);
        rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
        for (unsigned shape = 0; shape < SHAPES; shape++) {
            for (unsigned repeat = 1; repeat <= REPEAT; repeat += REPEAT - 1) {
                struct tally t = simulate(r, (enum shape)shape, 0.9, 0.01, repeat, 100 * n + 10 * shape + repeat);
                at_most(t.verdicts[SUMMARY_PASSED], WORLDS, 0.05);
                at_most(t.verdicts[SUMMARY_FAILED], WORLDS, 0.05);
            }
        }
        rig_free(r);
    }
}

/* Not by never saying anything: far from the bound the answer is there, and it is the right one. */
static void right_verdicts_come(void **state) {
    (void)state;
    struct rig *r = rig_new(150);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct tally good = simulate(r, SHAPE_SPREAD, 0.98, 0, REPEAT, 1), bad = simulate(r, SHAPE_SPREAD, 0.75, 0, REPEAT, 2);
    assert_true(good.verdicts[SUMMARY_PASSED] > WORLDS * 0.95 && good.verdicts[SUMMARY_FAILED] == 0);
    assert_true(bad.verdicts[SUMMARY_FAILED] > WORLDS * 0.95 && bad.verdicts[SUMMARY_PASSED] == 0);
    rig_free(r);
}

/* A provider that fails half the cases: no verdict, ever, however good or bad the rest. */
static void errors_decide_nothing(void **state) {
    (void)state;
    struct rig *r = rig_new(60);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    assert_int_equal(simulate(r, SHAPE_SAME, 1, 0.5, 1, 3).verdicts[SUMMARY_INCONCLUSIVE], WORLDS);
    assert_int_equal(simulate(r, SHAPE_SAME, 0.1, 0.5, 1, 4).verdicts[SUMMARY_INCONCLUSIVE], WORLDS);
    rig_free(r);
}

/* "About n more cases would settle it" comes true in about 8 of 10: with so many more, at the rate that was seen. */
static void needed_is_about_right(void **state) {
    (void)state;
    struct rig *r = rig_new(40);
    rig_require(r, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct summary *s = summary_new(&r->suite, 1, 40);
    for (unsigned i = 0; i < 40; i++) rig_give(s, i, 0, i < 39 ? CHECK_PASS : CHECK_FAIL);
    assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
    unsigned needed = (unsigned)rig_number(r, "needed_cases"), settled = 0;
    summary_free(s);
    assert_true(needed > 5 && needed < RIG_CASES - 40);
    struct rig *more = rig_new(40 + needed);
    rig_require(more, SUITE_PASS_RATE, false, 0.9, 0.95);
    struct random random = {9};
    for (unsigned world = 0; world < WORLDS; world++) {
        s = summary_new(&more->suite, 1, 40 + needed);
        for (unsigned i = 0; i < 40 + needed; i++)
            rig_give(s, i, 0, i < 39 || (i >= 40 && draw(&random, 39.0 / 40)) ? CHECK_PASS : CHECK_FAIL);
        settled += rig_write(more, s) == SUMMARY_PASSED;
        summary_free(s);
    }
    near((double)settled / WORLDS, 0.8, 0.1);
    rig_free(more);
    rig_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_verdicts_are_rare),
        cmocka_unit_test(right_verdicts_come),
        cmocka_unit_test(errors_decide_nothing),
        cmocka_unit_test(needed_is_about_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
