/* Judges held against people: the numbers, the three answers, and when a judge has drifted. */
#include "quality/calibration.h"
#include "quality/judged.h"
#include "test_stats_rig.h"

#define MOST 1000

static struct calibration_pair pairs[MOST];
static size_t n_pairs;

static void add(unsigned times, bool people, bool judge) {
    for (unsigned i = 0; i < times; i++, n_pairs++)
        pairs[n_pairs] = (struct calibration_pair){n_pairs, people, judge, people, judge};
}

static struct calibration labels(unsigned both_pass, unsigned missed, unsigned let_through, unsigned both_fail) {
    struct calibration c;
    n_pairs = 0;
    add(both_pass, true, true);
    add(missed, true, false);
    add(let_through, false, true);
    add(both_fail, false, false);
    calibration_of(pairs, n_pairs, CALIBRATION_PASS, &c);
    return c;
}

/* The worked example of docs/evaluation.md. Intervals: Clopper and Pearson's, as R's binom.test gives them. */
static void the_example_of_the_docs(void **state) {
    (void)state;
    struct calibration c = labels(72, 8, 5, 15);
    assert_true(c.n == 100 && c.answer == CALIBRATION_GOOD && c.needed == 0);
    near(c.agreement, 0.87, 1e-12);
    near(c.sensitivity, 0.9, 1e-12);
    near_interval(c.sensitivity_interval, 0.8124, 0.9558, 5e-5);
    near(c.specificity, 0.75, 1e-12);
    near_interval(c.specificity_interval, 0.5090, 0.9134, 5e-5);
    near(c.prevalence, 0.8, 1e-12);
    near(c.judged, 0.77, 1e-12);
    near(c.kappa.kappa, (0.87 - (0.8 * 0.77 + 0.2 * 0.23)) / (1 - (0.8 * 0.77 + 0.2 * 0.23)), 1e-12); /* 0.615 */
    struct judge_calibration j = {.n = c.n, .sensitivity = c.sensitivity, .sensitivity_n = 80, .specificity = c.specificity, .specificity_n = 20};
    struct judged_rate r = judged_rate_of(0.80, 400, &j, 0.95);
    assert_int_equal(r.why, JUDGED_CORRECTED);
    near(r.estimate.value, (0.80 + 0.75 - 1) / (0.90 + 0.75 - 1), 1e-12); /* 0.846 */
    near_interval(r.estimate.interval, 0.7251, 0.9680, 5e-5);
}

static void few_labels_do_not_calibrate(void **state) {
    (void)state;
    struct calibration c = labels(14, 0, 0, 10);
    assert_true(c.answer == CALIBRATION_FEW && c.needed == 6);
    c = labels(95, 3, 1, 1); /* 2 of 100 fail: 8 more failures at about 3 of 102 */
    assert_true(c.answer == CALIBRATION_FEW && c.needed == 272);
    c = labels(50, 0, 0, 0);
    assert_true(c.answer == CALIBRATION_FEW && c.needed == 520 && isnan(c.specificity) && c.specificity_interval.low == 0 &&
                c.specificity_interval.high == 1);
    c = labels(0, 0, 0, 0);
    assert_true(c.answer == CALIBRATION_FEW && c.n == 0 && isnan(c.agreement) && isnan(c.kappa.kappa) && c.needed >= JUDGE_LABELS_LEAST);
}

static void a_coin_is_too_unlike_people(void **state) {
    (void)state;
    assert_int_equal(labels(40, 40, 10, 10).answer, CALIBRATION_UNLIKE);
    assert_int_equal(labels(80, 0, 20, 0).answer, CALIBRATION_UNLIKE); /* passes all: agrees on 80 of 100 and says nothing */
    assert_int_equal(labels(48, 32, 8, 12).answer, CALIBRATION_UNLIKE); /* 0.6 + 0.6 - 1 is 0.2, but not with 20 labels behind it */
    assert_int_equal(labels(56, 24, 6, 14).answer, CALIBRATION_GOOD);
}

static void steps_have_a_weighted_kappa(void **state) {
    static const unsigned table[5][5] = {{8, 2, 0, 0, 0}, {1, 6, 2, 0, 0}, {0, 2, 9, 3, 0}, {0, 0, 2, 12, 4}, {0, 0, 1, 3, 15}};
    struct calibration c;
    double observed = 0, expected = 0, row[5] = {0}, column[5] = {0}, n = 0;
    (void)state;
    n_pairs = 0;
    for (uint8_t i = 0; i < 5; i++)
        for (uint8_t j = 0; j < 5; j++)
            for (unsigned k = 0; k < table[i][j]; k++, n_pairs++)
                pairs[n_pairs] = (struct calibration_pair){n_pairs, i, j, i >= 3, j >= 3};
    calibration_of(pairs, n_pairs, CALIBRATION_1_TO_5, &c);
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) row[i] += table[i][j], column[j] += table[i][j], n += table[i][j];
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 5; j++) {
            double d = (i - j) * (i - j) / 16.0;
            observed += d * table[i][j] / n;
            expected += d * row[i] * column[j] / (n * n);
        }
    near(c.kappa.kappa, 1 - observed / expected, 1e-12);
    assert_true(c.kappa.kappa > c.agreement - 1 && c.n == 70 && c.table[3 * 5 + 4] == 4);
    near(c.sensitivity, 34.0 / 37, 1e-12);
    near(c.specificity, 30.0 / 33, 1e-12);
    pairs[0].label = 9; /* off the scale: does not count */
    calibration_of(pairs, n_pairs, CALIBRATION_1_TO_5, &c);
    assert_true(c.n == 69);
}

static void an_example_counts_once(void **state) {
    static const struct calibration_pair old[] = {{7, 1, 1, true, true}, {3, 0, 1, false, true}};
    static const struct calibration_pair new[] = {{9, 1, 1, true, true}, {7, 1, 0, true, false}, {7, 0, 0, false, false}};
    struct calibration_pair both[5];
    (void)state;
    assert_int_equal(calibration_join(old, 2, new, 3, both), 3);
    assert_true(both[0].example == 3 && both[1].example == 7 && both[2].example == 9);
    assert_true(both[1].label == 0 && !both[1].passes);
    assert_int_equal(calibration_join(NULL, 0, NULL, 0, both), 0);
}

static void a_judge_that_agrees_less_has_drifted(void **state) {
    (void)state;
    struct calibration_drift d = calibration_drift_of((struct calibration_batch[]){{180, 200}}, 1);
    assert_true(!d.known && !d.drifted);
    d = calibration_drift_of((struct calibration_batch[]){{180, 200}, {17, 20}}, 2);
    assert_true(d.known && !d.drifted && d.p_value > 0.2);
    d = calibration_drift_of((struct calibration_batch[]){{180, 200}, {12, 20}}, 2);
    assert_true(d.drifted && d.p_value < 0.01);
    near(d.before_agreement, 0.9, 1e-12);
    near(d.agreement, 0.6, 1e-12);
    assert_false(calibration_drift_of((struct calibration_batch[]){{120, 200}, {20, 20}}, 2).drifted); /* better is no drift */
    /* small weeks, none of which would be told alone: together they are */
    struct calibration_batch weeks[7] = {{180, 200}};
    for (int i = 1; i < 7; i++) weeks[i] = (struct calibration_batch){7, 10};
    assert_false(calibration_drift_of(weeks, 2).drifted);
    d = calibration_drift_of(weeks, 7);
    assert_true(d.drifted && d.n == 60 && d.before_n == 200);
}

/* Weeks of 20 labels by a judge that stays as it is: each look is false with at most the stated chance. */
static void a_judge_that_stays_is_seldom_accused(void **state) {
    struct random r = {11};
    unsigned looks = 0, accused = 0;
    (void)state;
    for (int world = 0; world < 400; world++) {
        struct calibration_batch b[11] = {{0, 0}};
        for (int week = 0; week < 11; week++) {
            b[week].n = week == 0 ? 100 : 20;
            for (int i = 0; i < b[week].n; i++) b[week].agreed += draw(&r, 0.88);
            if (week == 0) continue;
            looks++;
            accused += calibration_drift_of(b, (size_t)week + 1).drifted;
        }
    }
    assert_int_equal(looks, 4000);
    at_least(looks - accused, looks, 1 - CALIBRATION_DRIFT_ALPHA);
}

static void a_rate_is_corrected_or_it_is_said_why_not(void **state) {
    (void)state;
    struct judge_calibration c = {.n = 200, .sensitivity = 0.9, .sensitivity_n = 100, .specificity = 0.85, .specificity_n = 100};
    struct judged_rate r = judged_rate_of(0.7, 100, &c, 0.95);
    assert_int_equal(r.why, JUDGED_CORRECTED);
    near(r.estimate.value, 0.7333333, 1e-6);
    assert_int_equal(judged_rate_of(0.7, 100, NULL, 0.95).why, JUDGED_UNCALIBRATED);
    assert_int_equal(judged_rate_of(0.7, 0, &c, 0.95).why, JUDGED_NO_DATA);
    assert_int_equal(judged_rate_of(NAN, 10, &c, 0.95).why, JUDGED_NO_DATA);
    struct judge_calibration other = c;
    other.n = 29;
    assert_int_equal(judged_rate_of(0.7, 100, &other, 0.95).why, JUDGED_FEW);
    other = c;
    other.specificity_n = 0;
    other.specificity = NAN;
    assert_int_equal(judged_rate_of(0.7, 100, &other, 0.95).why, JUDGED_FEW);
    other = c;
    other.specificity = 0.25;
    assert_int_equal(judged_rate_of(0.7, 100, &other, 0.95).why, JUDGED_UNLIKE);
    r = judged_rate_of(0.01, 1000, &c, 0.95); /* it passes 15 % of all that fails, and here 1 % of everything */
    assert_true(r.why == JUDGED_ELSEWHERE && isnan(r.estimate.value));
    for (int why = JUDGED_CORRECTED; why <= JUDGED_NO_DATA; why++) assert_true(judged_why_text((enum judged_why)why)[0] != 0);
}

/* Judges and labels drawn as they are said to be: the corrected interval holds the people's rate as often as promised. */
static void the_corrected_interval_covers(void **state) {
    struct random r = {5};
    unsigned covered = 0, told = 0;
    (void)state;
    for (int world = 0; world < 1000; world++) {
        struct judge_calibration c = {.n = 200};
        double truth = 0.8, sensitivity = 0.92, specificity = 0.7, judged = 0, hit = 0, stop = 0;
        for (int i = 0; i < 200; i++) {
            bool good = draw(&r, truth), pass = draw(&r, good ? sensitivity : 1 - specificity);
            c.sensitivity_n += good;
            c.specificity_n += !good;
            hit += good && pass;
            stop += !good && !pass;
        }
        c.sensitivity = hit / c.sensitivity_n;
        c.specificity = stop / c.specificity_n;
        for (int i = 0; i < 500; i++) judged += draw(&r, draw(&r, truth) ? sensitivity : 1 - specificity);
        struct judged_rate j = judged_rate_of(judged / 500, 500, &c, 0.95);
        if (j.why != JUDGED_CORRECTED) continue;
        told++;
        covered += holds(j.estimate.interval, truth);
    }
    assert_true(told > 990);
    about(covered, told, 0.95);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_docs),
        cmocka_unit_test(few_labels_do_not_calibrate),
        cmocka_unit_test(a_coin_is_too_unlike_people),
        cmocka_unit_test(steps_have_a_weighted_kappa),
        cmocka_unit_test(an_example_counts_once),
        cmocka_unit_test(a_judge_that_agrees_less_has_drifted),
        cmocka_unit_test(a_judge_that_stays_is_seldom_accused),
        cmocka_unit_test(a_rate_is_corrected_or_it_is_said_why_not),
        cmocka_unit_test(the_corrected_interval_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
