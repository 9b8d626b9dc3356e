/* Rates that a judge decided, raw and corrected. The corrected numbers are computed by hand or come from stats/corrected.h's own vectors. */
#include "quality/calibration.h"
#include "stats/corrected.h"
#include "test_quality_summary_rig.h"

static struct digest identity_of(uint8_t which) {
    struct digest d = {{which, 7}};
    return d;
}

static struct judge_calibration calibration(uint8_t which, double specificity, double sensitivity, double each) {
    return (struct judge_calibration){.judge = SLICE("j"), .identity = identity_of(which), .n = 2 * each, .sensitivity = sensitivity,
                                      .sensitivity_n = each, .specificity = specificity, .specificity_n = each, .kappa = 0.5};
}

struct said {
    bool has_other, other, judge;
    uint8_t which;
    const char *type;
};

static void give(struct summary *s, unsigned at, unsigned repeat, struct said x) {
    struct result_check checks[2] = {{.type = slice_of(x.type ? x.type : "judge"), .weight = 1, .verdict = x.judge ? CHECK_PASS : CHECK_FAIL,
                                      .score = x.judge, .judge = SLICE("j"), .judge_identity = identity_of(x.which), .by_judge = true, .metric = SLICE("tone")},
                                     {.type = SLICE("contains"), .weight = 1, .verdict = x.other ? CHECK_PASS : CHECK_FAIL, .score = x.other, .metric = SLICE("words")}};
    bool pass = x.judge && (!x.has_other || x.other);
    struct result r = rig_result(at, repeat, pass ? CHECK_PASS : CHECK_FAIL);
    r.checks = checks;
    r.n_checks = x.has_other ? 2 : 1;
    summary_add(s, &r);
}

/* 350 of 500 by the judge alone, specificity .85, sensitivity .9 on 100 labels each: (.7 + .85 - 1) / .75 = .7333. */
static void judge_alone(void **state) {
    (void)state;
    struct rig *r = rig_new(500);
    struct judge_calibration k = calibration(1, 0.85, 0.9, 100);
    struct summary *s = summary_new(&r->suite, 1, 500);
    rig_require(r, SUITE_PASS_RATE, false, 0.6, 0.95);
    for (unsigned i = 0; i < 500; i++) give(s, i, 0, (struct said){.judge = i < 350, .which = 1});
    rig_write(r, s);
    rig_says(r, "judges.0.calibration", "uncalibrated");
    rig_says(r, "corrected.judged", "uncalibrated");
    assert_true(rig_is_null(r, "corrected.pass_rate"));
    rig_says(r, "requirements.0.judged", "uncalibrated");
    assert_true(slice_contains(buffer_slice(&r->text), SLICE("counting what an uncalibrated judge says")));
    summary_calibration(s, &k);
    assert_int_equal(rig_write(r, s), SUMMARY_PASSED);
    rig_says(r, "judges.0.calibration", "calibrated");
    near(rig_number(r, "judges.0.pass_rate"), 0.7, 1e-12);
    near(rig_number(r, "pass_rate"), 0.7, 1e-12);
    near(rig_number(r, "corrected.pass_rate"), 0.55 / 0.75, 1e-12);
    near(rig_number(r, "corrected.decided"), 1, 1e-12);
    struct estimate e = corrected_rate((struct corrected_part){0.7, 500}, (struct corrected_part){0.85, 100}, (struct corrected_part){0.9, 100}, 0.95);
    near(rig_number(r, "corrected.interval.0"), e.interval.low, 1e-9);
    near(rig_number(r, "corrected.interval.1"), e.interval.high, 1e-9);
    e = corrected_rate((struct corrected_part){0.7, 500}, (struct corrected_part){0.85, 100}, (struct corrected_part){0.9, 100}, 0.9);
    near(rig_number(r, "requirements.0.low"), e.interval.low, 1e-9); /* one-sided at 95 % */
    near(rig_number(r, "requirements.0.value"), 0.55 / 0.75, 1e-12);
    summary_free(s);
    rig_free(r);
}

/* A tenth fails another check whatever the judge says: .9 of the runs are decided, .7 of these pass, .9 * .7333 = .66. */
static void other_checks_too(void **state) {
    (void)state;
    struct rig *r = rig_new(500);
    struct judge_calibration k = calibration(1, 0.85, 0.9, 100);
    struct summary *s = summary_new(&r->suite, 1, 500);
    summary_calibration(s, &k);
    for (unsigned i = 0; i < 500; i++) give(s, i, 0, (struct said){.has_other = true, .other = i < 450, .judge = i < 315 || i >= 450, .which = 1});
    rig_write(r, s);
    near(rig_number(r, "pass_rate"), 0.63, 1e-12);
    near(rig_number(r, "corrected.pass_rate"), 0.66, 1e-9);
    near(rig_number(r, "corrected.decided"), 0.9, 1e-12);
    /* theta at 97.5 %, and the rate of decided * theta at 97.5 % */
    struct estimate e = corrected_rate((struct corrected_part){0.7, 450}, (struct corrected_part){0.85, 100}, (struct corrected_part){0.9, 100}, 0.975);
    double low = rig_number(r, "corrected.interval.0"), high = rig_number(r, "corrected.interval.1");
    assert_true(low < 0.9 * e.interval.low && low > 0.9 * e.interval.low - 0.06);
    assert_true(high > 0.9 * e.interval.high && high < 0.9 * e.interval.high + 0.06);
    summary_free(s);
    rig_free(r);
}

static void expect_refused(struct rig *r, struct summary *s, const char *why) {
    rig_write(r, s);
    assert_true(rig_is_null(r, "corrected.pass_rate"));
    struct slice found = json_string(&r->doc, rig_at(r, "corrected.why"), &r->arena);
    if (!slice_contains(found, slice_of(why))) fail_msg("found \"" SLICE_FMT "\"", SLICE_ARG(found));
}

static struct summary *twenty(struct rig *r, const struct judge_calibration *k, const char *type, bool two_rubrics) {
    struct summary *s = summary_new(&r->suite, 1, 20);
    summary_calibration(s, k);
    for (unsigned i = 0; i < 20; i++)
        give(s, i, 0, (struct said){.judge = i < 14, .which = two_rubrics && i % 2 ? 2 : 1, .type = type});
    return s;
}

static void refused(void **state) {
    (void)state;
    struct rig *r = rig_new(20);
    struct judge_calibration good = calibration(1, 0.85, 0.9, 100), few = calibration(1, 0.85, 0.9, 10),
                             useless = calibration(1, 0.5, 0.55, 100), other = calibration(9, 0.85, 0.9, 100);
    struct summary *s = twenty(r, &few, NULL, false);
    expect_refused(r, s, "too few labels");
    summary_free(s);
    few = calibration(1, 0.85, 0.9, 100); /* enough in all, but hardly any of answers that fail */
    few.specificity_n = CALIBRATION_SIDE_LEAST - 1;
    s = twenty(r, &few, NULL, false);
    expect_refused(r, s, "too few labels");
    rig_says(r, "judges.0.calibration", "uncalibrated");
    summary_free(s);
    s = twenty(r, &other, NULL, false); /* of another rubric: void */
    expect_refused(r, s, "uncalibrated");
    summary_free(s);
    s = twenty(r, &useless, NULL, false);
    expect_refused(r, s, "too unlike people");
    rig_says(r, "judges.0.calibration", "uncalibrated"); /* as `eval judge calibrate` says: its exit is 1 */
    rig_says(r, "corrected.judged", "uncalibrated");
    summary_free(s);
    s = twenty(r, &good, "not-judge", false);
    expect_refused(r, s, "negated");
    summary_free(s);
    s = twenty(r, &good, NULL, true);
    struct judge_calibration second = calibration(2, 0.85, 0.9, 100);
    expect_refused(r, s, "uncalibrated");
    summary_calibration(s, &second);
    expect_refused(r, s, "several judges or rubrics");
    rig_require(r, SUITE_PASS_RATE, false, 0.4, 0.9);
    rig_write(r, s);
    assert_true(slice_contains(json_string(&r->doc, rig_at(r, "requirements.0.why"), &r->arena),
                               SLICE(", not corrected for what judges get wrong (several judges or rubrics decided it); with 90 % confidence")));
    summary_free(s);
    r->cases[3].threshold = 0.5;
    s = twenty(r, &good, NULL, false);
    expect_refused(r, s, "threshold of their own");
    summary_free(s);
    rig_free(r);
}

/* A second judge that is only told (weight 0) decides nothing: the rate is corrected for the first. */
static void told_only(void **state) {
    (void)state;
    struct rig *r = rig_new(100);
    struct judge_calibration k = calibration(1, 0.85, 0.9, 100);
    struct summary *s = summary_new(&r->suite, 1, 100);
    summary_calibration(s, &k);
    for (unsigned i = 0; i < 100; i++) {
        struct result_check checks[2] = {{.type = SLICE("judge"), .weight = 1, .verdict = i < 70 ? CHECK_PASS : CHECK_FAIL, .judge = SLICE("j"), .judge_identity = identity_of(1), .by_judge = true},
                                         {.type = SLICE("judge"), .weight = 0, .verdict = CHECK_FAIL, .judge = SLICE("other"), .judge_identity = identity_of(2), .by_judge = true}};
        struct result x = rig_result(i, 0, checks[0].verdict);
        x.checks = checks;
        x.n_checks = 2;
        summary_add(s, &x);
    }
    rig_write(r, s);
    near(rig_number(r, "corrected.pass_rate"), 0.55 / 0.75, 1e-12);
    rig_says(r, "judges.1.calibration", "uncalibrated"); /* still said of it */
    summary_free(s);
    rig_free(r);
}

/* A mean score that judges gave is as uncertain as a rate. */
static void scores_of_judges(void **state) {
    (void)state;
    struct rig *r = rig_new(20);
    struct check by_judge = {.type = CHECK_TYPE_JUDGE, .metric = SLICE("tone"), .weight = 1, .threshold = NAN}, by_words = {.type = CHECK_TYPE_CONTAINS, .metric = SLICE("words"), .weight = 1};
    struct check checks[2] = {by_judge, by_words};
    r->suite.checks = checks;
    r->suite.n_checks = 2;
    rig_require(r, SUITE_SCORE, false, 0.5, 0);
    rig_require(r, SUITE_SCORE, false, 0.5, 0);
    rig_require(r, SUITE_SCORE, false, 0.5, 0);
    r->require[1].metric = SLICE("tone");
    r->require[2].metric = SLICE("words");
    struct summary *s = summary_new(&r->suite, 1, 20);
    for (unsigned i = 0; i < 20; i++) give(s, i, 0, (struct said){.judge = true, .has_other = true, .other = true, .which = 1});
    rig_write(r, s);
    rig_says(r, "requirements.0.judged", "uncalibrated");
    rig_says(r, "requirements.1.judged", "uncalibrated");
    rig_says(r, "requirements.2.judged", "none");
    struct judge_calibration k = calibration(1, 0.85, 0.9, 100);
    summary_calibration(s, &k);
    rig_write(r, s);
    rig_says(r, "requirements.0.judged", "calibrated");
    assert_int_equal(json_type(&r->doc, rig_at(r, "requirements.0.corrected")), JSON_FALSE);
    summary_free(s);
    rig_free(r);
}

/* Few labels: no number of cases makes up for them, and more labels are asked for. With many labels more cases do. */
static void what_would_settle_it(void **state) {
    (void)state;
    struct rig *r = rig_new(200);
    struct judge_calibration few = calibration(1, 0.8, 0.8, 20), many = calibration(1, 0.8, 0.8, 20000);
    rig_require(r, SUITE_PASS_RATE, false, 0.7, 0.95);
    for (unsigned round = 0; round < 2; round++) {
        struct summary *s = summary_new(&r->suite, 1, 200);
        summary_calibration(s, round ? &many : &few);
        for (unsigned i = 0; i < 200; i++) give(s, i, 0, (struct said){.judge = i < 130, .which = 1});
        assert_int_equal(rig_write(r, s), SUMMARY_INCONCLUSIVE);
        if (round == 0) assert_true(rig_is_null(r, "needed_cases") && slice_contains(buffer_slice(&r->text), SLICE("more labels")));
        else assert_true(rig_number(r, "needed_cases") > 100 && rig_number(r, "needed_cases") < 10000);
        summary_free(s);
    }
    rig_free(r);
}

/* Worlds with a known share of good answers: the judge errs, other checks fail some, cases are asked three times. */
static void coverage(void **state) {
    (void)state;
    enum { WORLDS = 400, CASES = 120, LABELS = 60 };
    const double good = 0.8, other = 0.9, sensitivity = 0.88, specificity = 0.75;
    for (unsigned has_other = 0; has_other < 2; has_other++) {
        struct random random = {11 + has_other};
        unsigned hits = 0, told = 0, raw = 0;
        struct rig *r = rig_new(CASES);
        for (unsigned world = 0; world < WORLDS; world++) {
            struct summary *s = summary_new(&r->suite, 3, CASES * 3);
            struct judge_calibration k = calibration(1, 0, 0, LABELS);
            for (unsigned i = 0; i < LABELS; i++) {
                k.sensitivity += draw(&random, sensitivity) / (double)LABELS;
                k.specificity += draw(&random, specificity) / (double)LABELS;
            }
            summary_calibration(s, &k);
            for (unsigned i = 0; i < CASES; i++) {
                double own = draw(&random, 0.5) ? 1 : 2 * good - 1; /* cases differ */
                for (unsigned n = 0; n < 3; n++) {
                    bool truth = draw(&random, own);
                    give(s, i, n, (struct said){.has_other = has_other, .other = draw(&random, other),
                                                .judge = draw(&random, truth ? sensitivity : 1 - specificity), .which = 1});
                }
            }
            rig_write(r, s);
            double truth = has_other ? good * other : good;
            raw += rig_number(r, "interval.0") <= truth && truth <= rig_number(r, "interval.1");
            if (!rig_is_null(r, "corrected.pass_rate")) {
                told++;
                hits += rig_number(r, "corrected.interval.0") <= truth && truth <= rig_number(r, "corrected.interval.1");
            }
            summary_free(s);
        }
        rig_free(r);
        assert_true(told > WORLDS * 9 / 10);
        at_least(hits, told, 0.95);
        assert_true(raw < WORLDS * 8 / 10); /* so the correction is what does it */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judge_alone), cmocka_unit_test(other_checks_too),     cmocka_unit_test(refused),
        cmocka_unit_test(coverage),    cmocka_unit_test(told_only), cmocka_unit_test(scores_of_judges), cmocka_unit_test(what_would_settle_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
