#include "stats/proportion.h"
#include "test_stats_rig.h"

/* From R's binom and statsmodels' results_proportion.py. */
static void published(void **state) {
    (void)state;
    near_interval(proportion_wilson(18, 20, 0.95), .698966355, .972133519, 1e-9);
    near_interval(proportion_exact(18, 20, 0.95), .683017286, .987651473, 1e-9);
    near_interval(proportion_wilson(4, 200, 0.95), .007804426, .050287087, 1e-9);
    near_interval(proportion_exact(4, 200, 0.95), .005475566, .050413609, 1e-9);
    near_interval(proportion_wilson(0, 30, 0.95), 0, .113513393, 1e-9);
    near_interval(proportion_exact(0, 30, 0.95), 0, .115703308, 1e-9);
    near_interval(proportion_wilson(190, 200, 0.95), .910421852, .972617354, 1e-9);
    near_interval(proportion_wilson(19, 38, 0.95), .348499283643951, .651500716356049, 1e-14);
    near_interval(proportion_newcombe(7, 34, 1, 34, 0.95), .018921, .340369, 1e-6);
}

static void one_sided(void **state) {
    (void)state;
    near(proportion_at_least(30, 30, 0.95), pow(0.05, 1 / 30.0), 1e-12); /* all pass: a^(1/n) */
    near(proportion_at_most(0, 30, 0.95), 1 - pow(0.05, 1 / 30.0), 1e-12);
    struct interval both = proportion_exact(18, 20, 0.90);
    near(proportion_at_least(18, 20, 0.95), both.low, 0);
    near(proportion_at_most(18, 20, 0.95), both.high, 0);
    near(proportion_at_least(0, 5, 0.95), 0, 0);
    near(proportion_at_most(5, 5, 0.95), 1, 0);
}

static double coverage(struct interval (*method)(double, double, double), unsigned n, double p) {
    double sum = 0;
    for (unsigned k = 0; k <= n; k++)
        if (holds(method(k, n, 0.95), p)) sum += binomial(n, k, p);
    return sum;
}

/* Not simulated but summed over all outcomes: Clopper and Pearson's is never below nominal, Wilson's is about
 * nominal on average and below it somewhere. */
static void exact_coverage(void **state) {
    (void)state;
    for (unsigned n = 1; n <= 60; n += n < 10 ? 1 : 10) {
        double sum = 0, least = 1;
        for (unsigned i = 0; i < 200; i++) {
            double p = (i + 0.5) / 200, wilson = coverage(proportion_wilson, n, p);
            if (i % 4 == 0) assert_true(coverage(proportion_exact, n, p) >= 0.95 - 1e-9);
            sum += wilson / 200;
            least = fmin(least, wilson);
        }
        assert_true(least < 0.95);
        if (n >= 10) near(sum, 0.95, 0.01);
    }
}

static void newcombe_coverage(void **state) {
    (void)state;
    enum { N = 40, M = 60 };
    const double p[][2] = {{0.9, 0.8}, {0.5, 0.5}, {0.97, 0.7}};
    for (unsigned c = 0; c < COUNT_OF(p); c++) {
        double sum = 0;
        for (unsigned i = 0; i <= N; i++) {
            for (unsigned j = 0; j <= M; j++)
                if (holds(proportion_newcombe(i, N, j, M, 0.95), p[c][0] - p[c][1]))
                    sum += binomial(N, i, p[c][0]) * binomial(M, j, p[c][1]);
        }
        near(sum, 0.95, 0.02);
    }
}

static void edges(void **state) {
    (void)state;
    near_interval(proportion_wilson(0, 0, 0.95), 0, 1, 0);
    near_interval(proportion_exact(0, 0, 0.95), 0, 1, 0);
    near_interval(proportion_newcombe(0, 0, 3, 5, 0.95), -1, 1, 0);
    near_interval(proportion_exact(1, 1, 0.95), 0.025, 1, 1e-12);
    assert_true(proportion_wilson(7, 7, 0.95).high == 1 && proportion_wilson(0, 7, 0.95).low == 0);
    const double bad[][3] = {{-1, 5, 0.95},      {6, 5, 0.95},        {NAN, 5, 0.95}, {1, NAN, 0.95},
                             {1, INFINITY, .95}, {1, -INFINITY, .95}, {1, 5, 0},      {1, 5, 1},
                             {1, 5, NAN},        {1, 5, 95}};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        const double *b = bad[i];
        assert_true(is_unknown(proportion_wilson(b[0], b[1], b[2])));
        assert_true(is_unknown(proportion_exact(b[0], b[1], b[2])));
        assert_true(is_unknown(proportion_newcombe(b[0], b[1], 1, 2, b[2])));
        assert_true(is_unknown(proportion_newcombe(1, 2, b[0], b[1], b[2])));
        assert_true(isnan(proportion_at_least(b[0], b[1], b[2])));
        assert_true(isnan(proportion_at_most(b[0], b[1], b[2])));
    }
}

static void design_effect(void **state) {
    (void)state;
    near(proportion_design_effect(5, 0.5), 3, 0);
    near(proportion_design_effect(1, 0.9), 1, 0);
    near(proportion_design_effect(10, 1), 10, 0);
    assert_true(isnan(proportion_design_effect(0, 0.5)) && isnan(proportion_design_effect(5, 1.1)));
    assert_true(isnan(proportion_design_effect(NAN, 0)) && isnan(proportion_design_effect(5, NAN)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),         cmocka_unit_test(one_sided), cmocka_unit_test(exact_coverage),
        cmocka_unit_test(newcombe_coverage), cmocka_unit_test(edges),     cmocka_unit_test(design_effect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
