#include "stats/agreement.h"
#include "stats/proportion.h"
#include "test_stats_rig.h"

/* SAS, PROC FREQ. */
static void kappa(void **state) {
    (void)state;
    const double t[] = {0, 4, 1, 0, 8, 0, 0, 1, 5};
    struct agreement_kappa k = agreement_kappa(t, 3, AGREEMENT_NONE, 0.95);
    near(k.kappa, .4842, 5e-5);
    near(k.se, .1380, 5e-5);
    near_interval(k.interval, .2137, .7547, 5e-5);
    near(k.kappa / k.se_null, 3.2626, 5e-5);
    near(k.observed, 13.0 / 19, 1e-15);
    near(k.n, 19, 0);
    k = agreement_kappa(t, 3, AGREEMENT_LINEAR, 0.95);
    near(k.kappa, .4701, 5e-5);
    near(k.se, .1457, 5e-5);
    near_interval(k.interval, .1845, .7558, 5e-5);
}

/* Quadratic weights make of kappa the intraclass correlation (Fleiss, Cohen 1973), of its sums: 1 - the mean
 * squared distance of pairs over that of independent ones. */
static void quadratic(void **state) {
    (void)state;
    const double t[] = {11, 3, 1, 0, 2, 9, 4, 1, 0, 3, 12, 5, 1, 0, 2, 14};
    double n = 0, row[4] = {0}, column[4] = {0}, seen = 0, chance = 0;
    for (unsigned i = 0; i < 16; i++) {
        n += t[i];
        row[i / 4] += t[i];
        column[i % 4] += t[i];
    }
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            seen += t[4 * i + j] * (i - j) * (i - j) / n;
            chance += row[i] * column[j] * (i - j) * (i - j) / (n * n);
        }
    }
    near(agreement_kappa(t, 4, AGREEMENT_QUADRATIC, 0.95).kappa, 1 - seen / chance, 1e-12);
}

/* With two categories all weights are the same. */
static void two_categories(void **state) {
    (void)state;
    const double t[] = {40, 9, 5, 46};
    struct agreement_kappa a = agreement_kappa(t, 2, AGREEMENT_NONE, 0.95);
    near(a.kappa, (0.86 - (0.49 * 0.45 + 0.51 * 0.55)) / (1 - (0.49 * 0.45 + 0.51 * 0.55)), 1e-12);
    struct agreement_kappa b = agreement_kappa(t, 2, AGREEMENT_LINEAR, 0.95);
    near(b.kappa, a.kappa, 1e-12);
    near(b.se, a.se, 1e-12);
    near(agreement_kappa(t, 2, AGREEMENT_QUADRATIC, 0.95).se, a.se, 1e-12);
}

/* 95 of 100 alike, and yet no better than chance. */
static void prevalence(void **state) {
    (void)state;
    const double t[] = {95, 3, 2, 0};
    struct agreement_kappa k = agreement_kappa(t, 2, AGREEMENT_NONE, 0.95);
    near(k.observed, 0.95, 1e-15);
    assert_true(k.kappa < 0);
}

static void no_disagreement(void **state) {
    (void)state;
    const double t[] = {6, 0, 0, 4}, one[] = {10, 0, 0, 0};
    struct agreement_kappa k = agreement_kappa(t, 2, AGREEMENT_NONE, 0.95);
    near(k.kappa, 1, 0);
    near(k.se, 0, 0);
    double low = proportion_exact(10, 10, 0.95).low;
    near_interval(k.interval, (low - 0.52) / 0.48, 1, 1e-12); /* ten cases prove little */
    k = agreement_kappa(one, 2, AGREEMENT_NONE, 0.95);
    near(k.observed, 1, 0);
    assert_true(isnan(k.kappa) && is_unknown(k.interval));
}

/* Two raters who see the truth of three categories in four of five cases and guess in the others: their
 * chance to agree is 1/3 + 2/3 (4/5)^2 and kappa (4/5)^2. */
static void coverage(void **state) {
    (void)state;
    enum { RUNS = 2000, N = 150 };
    struct random r = {77};
    unsigned hits[3] = {0};
    for (unsigned run = 0; run < RUNS; run++) {
        double t[9] = {0};
        for (unsigned i = 0; i < N; i++) {
            uint64_t truth = random_below(&r, 3);
            uint64_t a = draw(&r, 0.8) ? truth : random_below(&r, 3);
            uint64_t b = draw(&r, 0.8) ? truth : random_below(&r, 3);
            t[3 * a + b]++;
        }
        for (unsigned w = 0; w < 3; w++) hits[w] += holds(agreement_kappa(t, 3, w, 0.95).interval, 0.64);
    }
    for (unsigned w = 0; w < 3; w++) about(hits[w], RUNS, 0.95);
}

static void binary(void **state) {
    (void)state;
    struct agreement_binary b = agreement_binary(90, 10, 6, 34, 0.95);
    near(b.sensitivity, 0.9, 1e-15);
    near(b.specificity, 0.85, 1e-15);
    near(b.prevalence, 100.0 / 140, 1e-15);
    near(b.agreement, 124.0 / 140, 1e-15);
    struct interval w = proportion_wilson(90, 100, 0.95);
    near_interval(b.sensitivity_interval, w.low, w.high, 0);
    w = proportion_wilson(34, 40, 0.95);
    near_interval(b.specificity_interval, w.low, w.high, 0);
    b = agreement_binary(5, 0, 0, 0, 0.95); /* nothing that should fail: nothing is known of it */
    assert_true(b.sensitivity == 1 && isnan(b.specificity));
    near_interval(b.specificity_interval, 0, 1, 0);
    b = agreement_binary(0, 0, 0, 0, 0.95);
    assert_true(isnan(b.prevalence) && isnan(b.agreement));
    b = agreement_binary(NAN, 1, 1, 1, 0.95);
    assert_true(isnan(b.sensitivity) && isnan(b.agreement) && is_unknown(b.sensitivity_interval));
    assert_true(isnan(agreement_binary(-1, 3, 1, 1, 0.95).sensitivity));
}

/* The table of Wikipedia's article "Fleiss' kappa": ten subjects, 14 raters, five categories. */
static void fleiss(void **state) {
    (void)state;
    const double t[] = {0, 0, 0, 0, 14, 0, 2, 6, 4, 2, 0, 0, 3, 5, 6, 0, 3, 9, 2, 0, 2, 2, 8, 1, 1,
                        7, 7, 0, 0, 0,  3, 2, 6, 3, 0, 2, 5, 3, 2, 2, 6, 5, 2, 1, 0, 0, 2, 2, 3, 7};
    near(agreement_fleiss(t, 10, 5), .210, 5e-4);
    near(agreement_fleiss(t, 10, 5), (0.378 - 0.213) / (1 - 0.213), 1e-3);
    const double all[] = {3, 0, 0, 3}, same[] = {3, 0, 3, 0}, uneven[] = {3, 0, 1, 1},
                 single[] = {1, 0, 0, 1}, nobody[4] = {0};
    near(agreement_fleiss(all, 2, 2), 1, 1e-15);
    assert_true(isnan(agreement_fleiss(same, 2, 2)) && isnan(agreement_fleiss(uneven, 2, 2)));
    assert_true(isnan(agreement_fleiss(nobody, 2, 2)) && isnan(agreement_fleiss(single, 2, 2)) &&
                isnan(agreement_fleiss(all, 0, 2)));
    const double nan[] = {3, 0, NAN, 3}, negative[] = {3, 0, -1, 4};
    assert_true(isnan(agreement_fleiss(nan, 2, 2)) && isnan(agreement_fleiss(negative, 2, 2)));
    assert_true(isnan(agreement_fleiss(all, 1, AGREEMENT_CATEGORIES + 1)));
}

static void refusals(void **state) {
    (void)state;
    const double good[] = {3, 1, 1, 3}, none[4] = {0}, negative[] = {3, -1, 1, 3}, nan[] = {3, NAN, 1, 3};
    const double infinite[] = {3, INFINITY, 1, 3};
    const double *bad[] = {none, negative, nan, infinite};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        struct agreement_kappa k = agreement_kappa(bad[i], 2, AGREEMENT_NONE, 0.95);
        assert_true(isnan(k.kappa) && isnan(k.observed) && isnan(k.se) && is_unknown(k.interval));
    }
    assert_true(isnan(agreement_kappa(good, 1, AGREEMENT_LINEAR, 0.95).kappa));
    assert_true(isnan(agreement_kappa(good, AGREEMENT_CATEGORIES + 1, AGREEMENT_NONE, 0.95).kappa));
    assert_true(isnan(agreement_kappa(good, 2, AGREEMENT_NONE, 95).kappa));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kappa),      cmocka_unit_test(quadratic),       cmocka_unit_test(two_categories),
        cmocka_unit_test(prevalence), cmocka_unit_test(no_disagreement), cmocka_unit_test(coverage),
        cmocka_unit_test(binary),     cmocka_unit_test(fleiss),          cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
