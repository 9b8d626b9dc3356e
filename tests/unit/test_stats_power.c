#include "stats/power.h"
#include "test_stats_rig.h"

static const struct power_level EIGHTY = {0.05, 0.8}, NINETY = {0.05, 0.9};

static void paired(void **state) {
    (void)state;
    struct power_paired p = {1 / 9.0, 0, 0, 1, 1};
    near(ceil(power_paired_cases(&p, 0.03, EIGHTY)), 969, 0);
    p.within_a = p.within_b = 1 / 6.0;
    near(ceil(power_paired_cases(&p, 0.03, EIGHTY)), 3876, 0);
    p.runs_a = p.runs_b = 10;
    near(ceil(power_paired_cases(&p, 0.03, EIGHTY)), 1260, 0);
    near(power_paired_effect(&p, power_paired_cases(&p, 0.03, EIGHTY), EIGHTY), 0.03, 1e-15);
    near(power_paired_cases(&p, -0.03, EIGHTY), power_paired_cases(&p, 0.03, EIGHTY), 0);
}

static void mcnemar(void **state) {
    (void)state;
    near(ceil(power_mcnemar_pairs(0.2, 0.05, EIGHTY)), 626, 0);
    near(power_mcnemar_effect(0.2, power_mcnemar_pairs(0.2, 0.05, EIGHTY), EIGHTY), 0.05, 1e-9);
    near(power_mcnemar_effect(0.2, power_mcnemar_pairs(0.2, 0.2, EIGHTY), EIGHTY), 0.2, 1e-9);
    /* nothing differed: the effect is one that all discordant cases would show */
    double effect = power_mcnemar_effect(0, 100, EIGHTY);
    near(power_mcnemar_pairs(effect, effect, EIGHTY), 100, 1e-6);
    assert_true(effect > 0.06 && effect < 0.1);
    assert_true(isnan(power_mcnemar_effect(0.2, 3, EIGHTY))); /* three pairs show nothing at all */
}

static void rates(void **state) {
    (void)state;
    near(power_rates_cases(0.75, 0.5, NINETY), 76.70692, 1e-5); /* R, power.prop.test */
    near(ceil(power_rates_cases(0.9, 0.85, EIGHTY)), 686, 0);
    near(ceil(power_rates_cases(0.9, 0.87, EIGHTY)), 1774, 0);
}

/* The formula's number of cases shows the effect as often as promised. Normal values with known variance: the
 * z test, for which it is exact. */
static void keeps_its_promise(void **state) {
    (void)state;
    enum { RUNS = 2000 };
    struct random r = {7};
    struct power_paired p = {0.04, 0.16, 0.16, 4, 4};
    double difference = 0.1;
    unsigned n = (unsigned)ceil(power_paired_cases(&p, difference, EIGHTY)), seen = 0;
    double se = sqrt((0.04 + 0.08) / n);
    for (unsigned run = 0; run < RUNS; run++) {
        double mean = 0;
        for (unsigned i = 0; i < n; i++) {
            double d = difference + 0.2 * draw_normal(&r); /* of the case */
            for (unsigned k = 0; k < 4; k++) d += (0.4 * draw_normal(&r) - 0.4 * draw_normal(&r)) / 4;
            mean += d / n;
        }
        seen += fabs(mean / se) > 1.959963984540054;
    }
    about(seen, RUNS, 0.8);
}

static void refusals(void **state) {
    (void)state;
    struct power_paired p = {0.1, 0, 0, 1, 1}, none = {0.1, 0.1, 0, 0.5, 1}, negative = {-0.1, 0, 0, 1, 1};
    const struct power_level bad[] = {{0, 0.8}, {1, 0.8}, {0.05, 0.4}, {0.05, 1}, {NAN, 0.8}, {0.05, NAN}};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        assert_true(isnan(power_paired_cases(&p, 0.1, bad[i])) && isnan(power_paired_effect(&p, 9, bad[i])));
        assert_true(isnan(power_mcnemar_pairs(0.2, 0.1, bad[i])) &&
                    isnan(power_mcnemar_effect(.2, 99, bad[i])));
        assert_true(isnan(power_rates_cases(0.9, 0.8, bad[i])));
    }
    assert_true(isnan(power_paired_cases(&none, 0.1, EIGHTY)) &&
                isnan(power_paired_cases(&negative, 1, EIGHTY)));
    assert_true(isnan(power_paired_effect(&p, 0, EIGHTY)) && isnan(power_paired_effect(&p, NAN, EIGHTY)));
    assert_true(isinf(power_paired_cases(&p, 0, EIGHTY)) && isinf(power_rates_cases(0.9, 0.9, EIGHTY)));
    assert_true(isinf(power_mcnemar_pairs(0.2, 0, EIGHTY)));
    assert_true(isnan(power_mcnemar_pairs(0.1, 0.2, EIGHTY)) && isnan(power_mcnemar_pairs(1.1, 0.2, EIGHTY)));
    assert_true(isnan(power_mcnemar_effect(NAN, 99, EIGHTY)) && isnan(power_mcnemar_effect(0.1, 0, EIGHTY)));
    assert_true(isnan(power_rates_cases(1.1, 0.5, EIGHTY)) && isnan(power_rates_cases(0.5, NAN, EIGHTY)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paired),   cmocka_unit_test(mcnemar),
        cmocka_unit_test(rates),    cmocka_unit_test(keeps_its_promise),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
