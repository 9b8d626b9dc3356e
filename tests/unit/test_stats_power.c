#include "stats/mean.h"
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

/* What an earlier comparison says of the parts is what they were: 400 cases, three runs a side. */
static void from_data(void **state) {
    (void)state;
    enum { N = 400, K = 3 };
    struct random r = {15};
    double score[2][N * K], mean[2][N], runs[2][N], within[2], variance = 0, difference = 0;
    uint32_t of[N * K];
    for (unsigned i = 0; i < N; i++) {
        double own = 0.2 * draw_normal(&r);
        for (unsigned k = 0; k < K; k++) {
            of[i * K + k] = i;
            score[0][i * K + k] = 0.5 * draw_normal(&r);
            score[1][i * K + k] = own + 0.3 * draw_normal(&r);
        }
    }
    for (unsigned side = 0; side < 2; side++) {
        mean_by_case(score[side], of, N * K, mean[side], runs[side], N);
        within[side] = mean_within_case(score[side], of, N * K, mean[side], runs[side], N);
    }
    for (unsigned i = 0; i < N; i++) difference += (mean[1][i] - mean[0][i]) / N;
    for (unsigned i = 0; i < N; i++) variance += pow(mean[1][i] - mean[0][i] - difference, 2) / (N - 1);
    struct power_paired p = power_paired_from(variance, within[0], within[1], K, K);
    /* a variance from n values has the deviation v sqrt(2 / n): four of them each */
    near(p.within_a, 0.25, 4 * 0.25 * sqrt(2.0 / (N * (K - 1))));
    near(p.within_b, 0.09, 4 * 0.09 * sqrt(2.0 / (N * (K - 1))));
    near(p.between, 0.04, 4 * (0.04 + 0.34 / K) * sqrt(2.0 / N));
    near(power_paired_from(0.1, 0.3, 0.3, 2, 2).between, 0, 0); /* less than the runs' chance explains */
    assert_true(isnan(power_paired_cases(&(struct power_paired){NAN, 0, 0, 1, 1}, 0.1, EIGHTY)));
    p = power_paired_from(NAN, 0.3, 0.3, 2, 2);
    assert_true(isnan(power_paired_cases(&p, 0.1, EIGHTY)));
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
        cmocka_unit_test(paired),    cmocka_unit_test(mcnemar),
        cmocka_unit_test(rates),     cmocka_unit_test(keeps_its_promise),
        cmocka_unit_test(from_data), cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
