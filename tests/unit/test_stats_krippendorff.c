#include "stats/krippendorff.h"
#include "test_stats_rig.h"

#define XX NAN /* not rated */

static const double THREE_BY_15[] = {
    XX, XX, XX, XX, XX, 3, 4, 1,  2,  1,  1,  3,  3,  XX, 3,  /**/
    1,  XX, 2,  1,  3,  3, 4, 3,  XX, XX, XX, XX, XX, XX, XX, /**/
    XX, XX, 2,  1,  3,  4, 4, XX, 2,  1,  1,  3,  3,  XX, 4,
};

/* Krippendorff 2011, section C. */
static const double FOUR_BY_12[] = {
    1,  2, 3, 3, 2, 1, 4, 1, 2, XX, XX, XX, /**/
    1,  2, 3, 3, 2, 2, 4, 1, 2, 5,  XX, 3,  /**/
    XX, 3, 3, 3, 2, 3, 4, 2, 2, 5,  1,  XX, /**/
    1,  2, 3, 3, 2, 4, 4, 1, 2, 5,  1,  XX,
};

static double alpha(const double *values, size_t raters, size_t units, enum krippendorff_level level) {
    return krippendorff_alpha(values, raters, units, level, 0, 0, 0.95).alpha;
}

static void published(void **state) {
    (void)state;
    near(alpha(THREE_BY_15, 3, 15, KRIPPENDORFF_NOMINAL), .691358, 1e-6);
    near(alpha(THREE_BY_15, 3, 15, KRIPPENDORFF_INTERVAL), .810845, 1e-6);
    near(alpha(FOUR_BY_12, 4, 12, KRIPPENDORFF_NOMINAL), .743, 5e-4);
    near(alpha(FOUR_BY_12, 4, 12, KRIPPENDORFF_ORDINAL), .815, 5e-4);
    near(alpha(FOUR_BY_12, 4, 12, KRIPPENDORFF_INTERVAL), .849, 5e-4);
    near(alpha(FOUR_BY_12, 4, 12, KRIPPENDORFF_RATIO), .797, 5e-4);
    struct krippendorff k = krippendorff_alpha(FOUR_BY_12, 4, 12, KRIPPENDORFF_NOMINAL, 0, 0, 0.95);
    assert_true(k.units == 11 && k.values == 40 && is_unknown(k.interval)); /* unit 12 has one value */
}

/* Straight from the definition: the coincidence matrix, and the ordinal metric as sums of n_g. Values
 * are 1..5. */
static double by_coincidences(const double *values, size_t raters, size_t units,
                              enum krippendorff_level level) {
    double o[5][5] = {{0}}, n[5] = {0}, total = 0, observed = 0, expected = 0;
    for (size_t u = 0; u < units; u++) {
        double m = 0;
        for (size_t r = 0; r < raters; r++) m += !isnan(values[r * units + u]);
        for (size_t a = 0; m > 1 && a < raters; a++) {
            for (size_t b = 0; b < raters; b++) {
                double x = values[a * units + u], y = values[b * units + u];
                if (a != b && !isnan(x) && !isnan(y)) o[(int)x - 1][(int)y - 1] += 1 / (m - 1);
            }
        }
    }
    for (int c = 0; c < 5; c++) {
        for (int k = 0; k < 5; k++) n[c] += o[c][k];
        total += n[c];
    }
    for (int c = 0; c < 5; c++) {
        for (int k = 0; k < 5; k++) {
            double d = c != k;
            if (level == KRIPPENDORFF_INTERVAL) d = (c - k) * (c - k);
            if (level == KRIPPENDORFF_RATIO) d = pow((double)(c - k) / (c + k + 2), 2);
            if (level == KRIPPENDORFF_ORDINAL) {
                d = -(n[c] + n[k]) / 2;
                for (int g = c < k ? c : k; g <= (c < k ? k : c); g++) d += n[g];
                d *= d;
            }
            observed += o[c][k] * d;
            expected += n[c] * n[k] * d;
        }
    }
    return 1 - (total - 1) * observed / expected;
}

static void against_the_definition(void **state) {
    (void)state;
    struct random r = {12};
    for (unsigned i = 0; i < 100; i++) {
        double values[5 * 9];
        for (unsigned j = 0; j < 45; j++)
            values[j] = draw(&r, 0.25)  ? NAN
                        : draw(&r, 0.6) ? j % 9 % 5 + 1.0
                                        : (double)random_below(&r, 5) + 1;
        for (unsigned level = 0; level <= KRIPPENDORFF_RATIO; level++)
            near(alpha(values, 5, 9, level), by_coincidences(values, 5, 9, level), 1e-9);
    }
}

/* For two raters of all units alpha is Scott's pi with its small-sample correction: 1 - (2n - 1) / (2n) (1 -
 * pi). */
static void scott(void **state) {
    (void)state;
    const double v[] = {1, 1, 1, 2, 2, 2, 1, 2, 1, 1, /**/ 1, 1, 2, 2, 2, 1, 1, 2, 1, 1};
    double p = 12.0 / 20, pe = p * p + (1 - p) * (1 - p), pi = (0.8 - pe) / (1 - pe);
    near(alpha(v, 2, 10, KRIPPENDORFF_NOMINAL), 1 - 19.0 / 20 * (1 - pi), 1e-12);
    near(alpha(v, 2, 10, KRIPPENDORFF_INTERVAL), 1 - 19.0 / 20 * (1 - pi), 1e-12);
    near(alpha(v, 2, 10, KRIPPENDORFF_ORDINAL), 1 - 19.0 / 20 * (1 - pi), 1e-12);
}

/* Two raters who see the truth (one of three) with chance s and guess otherwise: alpha is s^2 for many units.
 */
static void coverage(void **state) {
    (void)state;
    enum { RUNS = 600, UNITS = 100 };
    struct random r = {5};
    unsigned hits = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        double v[2 * UNITS];
        for (unsigned i = 0; i < UNITS; i++) {
            double truth = (double)random_below(&r, 3);
            v[i] = draw(&r, 0.8) ? truth : (double)random_below(&r, 3);
            v[UNITS + i] = draw(&r, 0.8) ? truth : (double)random_below(&r, 3);
        }
        hits += holds(krippendorff_alpha(v, 2, UNITS, KRIPPENDORFF_NOMINAL, 400, run, 0.95).interval, 0.64);
    }
    near((double)hits / RUNS, 0.95,
         0.01 + band(0.95, RUNS)); /* 0.01: the percentile bootstrap's loss at 1/n */
}

static void repeatable(void **state) {
    (void)state;
    for (unsigned level = 0; level <= KRIPPENDORFF_RATIO; level++) {
        struct krippendorff a = krippendorff_alpha(FOUR_BY_12, 4, 12, level, 500, 9, 0.9);
        struct krippendorff b = krippendorff_alpha(FOUR_BY_12, 4, 12, level, 500, 9, 0.9);
        assert_memory_equal(&a, &b, sizeof a);
        assert_true(a.interval.low < a.alpha && a.alpha < a.interval.high && a.interval.high <= 1);
        b = krippendorff_alpha(FOUR_BY_12, 4, 12, level, 500, 10, 0.9);
        assert_true(a.interval.low != b.interval.low);
    }
}

static void edges(void **state) {
    (void)state;
    const double agree[] = {1, 2, 3, 1, 2, 3}, same[] = {2, 2, 2, 2}, infinite[] = {1, INFINITY, 1, 2};
    const double negative[] = {-1, 2, 1, 2}, alone[] = {1, XX, XX, 2}, zero[] = {0, 0, 1, 0, 0, 2};
    struct krippendorff k = krippendorff_alpha(agree, 2, 3, KRIPPENDORFF_ORDINAL, 500, 1, 0.95);
    near(k.alpha, 1, 0);
    assert_true(is_unknown(k.interval)); /* three units without a disagreement are not certainty */
    k = krippendorff_alpha(same, 2, 2, KRIPPENDORFF_NOMINAL, 500, 1, 0.95);
    assert_true(isnan(k.alpha) && is_unknown(k.interval) && k.values == 4);
    k = krippendorff_alpha(infinite, 2, 2, KRIPPENDORFF_NOMINAL, 500, 1, 0.95);
    assert_true(isnan(k.alpha) && k.values == 0);
    assert_true(isnan(alpha(negative, 2, 2, KRIPPENDORFF_RATIO)));
    near(alpha(negative, 2, 2, KRIPPENDORFF_INTERVAL), by_coincidences((double[]){1, 4, 3, 4}, 2, 2, 2),
         1e-12);
    k = krippendorff_alpha(alone, 2, 2, KRIPPENDORFF_NOMINAL, 500, 1, 0.95);
    assert_true(isnan(k.alpha) && k.units == 0);
    assert_true(isnan(alpha(agree, 1, 6, KRIPPENDORFF_NOMINAL)) &&
                isnan(alpha(agree, 0, 0, KRIPPENDORFF_RATIO)));
    assert_true(isfinite(alpha(zero, 2, 3, KRIPPENDORFF_RATIO)));
    k = krippendorff_alpha(agree, 2, 3, KRIPPENDORFF_NOMINAL, 500, 1, 1);
    assert_true(isnan(k.alpha));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),  cmocka_unit_test(against_the_definition),
        cmocka_unit_test(scott),      cmocka_unit_test(coverage),
        cmocka_unit_test(repeatable), cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
