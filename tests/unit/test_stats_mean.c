#include "stats/mean.h"
#include "stats/proportion.h"
#include "test_stats_rig.h"

static void clustered(void **state) {
    (void)state;
    double value[20];
    uint32_t cluster[20];
    for (unsigned i = 0; i < 20; i++) {
        value[i] = i;
        cluster[i] = i % 4;
    }
    struct sample s = {.value = value, .cluster = cluster, .n = 20};
    struct estimate e = mean_estimate(&s, 0.95);
    near(e.value, 9.5, 1e-12);
    near(e.se, 0.6454972, 1e-7); /* inspect_ai, test_clustered_stderr */
    near(e.df, 3, 0);
    assert_int_equal(e.clusters, 4);
    near_interval(e.interval, 9.5 - 3.182446305284263 * e.se, 9.5 + 3.182446305284263 * e.se, 1e-9);
    s.cluster = NULL;
    e = mean_estimate(&s, 0.95);
    near(e.se, sqrt(35.0 / 20), 1e-12); /* the variance of 0..19 is 35 */
    near(e.df, 19, 0);
}

/* A weight of 2 is the value twice in one cluster. */
static void weights_are_repeats(void **state) {
    (void)state;
    const double value[] = {0.1, 0.7, 0.4}, weight[] = {2, 1, 3};
    const double repeated[] = {0.1, 0.1, 0.7, 0.4, 0.4, 0.4};
    const uint32_t cluster[] = {0, 0, 1, 2, 2, 2};
    struct sample a = {value, weight, NULL, 3, 0, 1}, b = {repeated, NULL, cluster, 6, 0, 1};
    struct estimate x = mean_estimate(&a, 0.9), y = mean_estimate(&b, 0.9);
    near(x.value, y.value, 1e-15);
    near(x.se, y.se, 1e-15);
    near_interval(x.interval, y.interval.low, y.interval.high, 1e-12);
    near(mean_effective(&a), 36.0 / 14, 1e-12);
    near(mean_effective(&b), 36.0 / 14, 1e-12);
}

/* No variance is no certainty: all pass is Clopper and Pearson's over the clusters. */
static void unanimous(void **state) {
    (void)state;
    double ones[40], zeros[40] = {0}, same[40];
    uint32_t cluster[40];
    for (unsigned i = 0; i < 40; i++) {
        ones[i] = 1;
        same[i] = 0.8;
        cluster[i] = i / 4;
    }
    struct sample s = {ones, NULL, NULL, 40, 0, 1};
    near_interval(mean_estimate(&s, 0.95).interval, proportion_exact(40, 40, 0.95).low, 1, 1e-12);
    s.cluster = cluster;
    struct estimate e = mean_estimate(&s, 0.95);
    near(e.se, 0, 0);
    near_interval(e.interval, proportion_exact(10, 10, 0.95).low, 1, 1e-12);
    s.value = zeros;
    near_interval(mean_estimate(&s, 0.95).interval, 0, proportion_exact(0, 10, 0.95).high, 1e-12);
    s.value = same;
    double unseen = 1 - pow(0.025, 0.1);
    near_interval(mean_estimate(&s, 0.95).interval, 0.8 - 0.8 * unseen, 0.8 + 0.2 * unseen, 1e-12);
    s.least = s.most = 0; /* no scale, no interval */
    e = mean_estimate(&s, 0.95);
    near(e.value, 0.8, 1e-15);
    assert_true(is_unknown(e.interval));
}

static void p_values(void **state) {
    (void)state;
    const double value[] = {1, 2, 3, 4, 5};
    struct sample s = {.value = value, .n = 5};
    struct estimate e = mean_estimate(&s, 0.95);
    /* t^2 = 18 with 4 degrees of freedom: 1 - sin x (1 + cos^2 x / 2) at tan x = t / 2 */
    near(mean_p_value(&e), 1 - sqrt(18.0 / 22) * (1 + 2.0 / 22), 1e-12);
    e = mean_estimate(&s, 1 - mean_p_value(&e));
    near(e.interval.low, 0, 1e-9); /* the interval ends at 0 where the p-value says so */
    const double ones[] = {1, 1, 1, 1, 1, 1};
    struct sample sign = {ones, NULL, NULL, 6, -1, 1};
    e = mean_estimate(&sign, 0.95);
    near(mean_p_value(&e), 0.03125, 1e-15); /* six of six: the sign test */
    const double small[] = {0.2, 0.2, 0.2, 0.2, 0.2, 0.2};
    sign.value = small;
    e = mean_estimate(&sign, 0.95);
    double p = mean_p_value(&e);
    near(p, 2 * pow(1.2, -6), 1e-15);
    e = mean_estimate(&sign, 1 - p);
    near(e.interval.low, 0, 1e-12);
}

/* With normal values in even clusters t is exact. Taking each value for independent is far off: the test
 * would see it. */
static void coverage(void **state) {
    (void)state;
    enum { RUNS = 2000, CLUSTERS = 12, EACH = 5, N = CLUSTERS * EACH };
    struct random r = {20};
    unsigned hits = 0, naive = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        double value[N], family = 0;
        uint32_t cluster[N];
        for (unsigned i = 0; i < N; i++) {
            if (i % EACH == 0) family = draw_normal(&r);
            value[i] = 3 + family + draw_normal(&r);
            cluster[i] = i / EACH;
        }
        struct sample s = {.value = value, .cluster = cluster, .n = N};
        hits += holds(mean_estimate(&s, 0.95).interval, 3);
        s.cluster = NULL;
        naive += holds(mean_estimate(&s, 0.95).interval, 3);
    }
    about(hits, RUNS, 0.95);
    assert_true(naive < 0.85 * RUNS);
}

static void refusals(void **state) {
    (void)state;
    const double good[] = {0.5, 1, 0}, nan[] = {0.5, NAN, 0}, inf[] = {0.5, INFINITY, 0},
                 off[] = {0.5, 1.01, 0};
    const double no_weight[] = {1, 0, 1}, nan_weight[] = {1, NAN, 1}, inf_weight[] = {1, INFINITY, 1};
    const uint32_t cluster[] = {0, 3, 1};
    struct sample samples[] = {{good, NULL, NULL, 0, 0, 1},       {nan, NULL, NULL, 3, 0, 1},
                               {nan, NULL, NULL, 3, 0, 0},        {inf, NULL, NULL, 3, 0, 0},
                               {off, NULL, NULL, 3, 0, 1},        {good, no_weight, NULL, 3, 0, 1},
                               {good, nan_weight, NULL, 3, 0, 1}, {good, inf_weight, NULL, 3, 0, 1},
                               {good, NULL, cluster, 3, 0, 1},    {good, NULL, NULL, 3, 1, 0}};
    for (unsigned i = 0; i < COUNT_OF(samples); i++) {
        struct estimate e = mean_estimate(&samples[i], 0.95);
        assert_true(isnan(e.value) && isnan(e.se) && is_unknown(e.interval) && isnan(mean_p_value(&e)));
        assert_true(isnan(mean_effective(&samples[i])));
    }
    const double rounded[] = {1 + 1e-15, 1, -1e-15};
    struct sample s = {rounded, NULL, NULL, 3, 0, 1};
    assert_true(mean_accepts(&s) && mean_estimate(&s, 0.95).interval.high <= 1);
    s.value = good;
    assert_true(isnan(mean_estimate(&s, 1).value));
    s.n = 1;
    struct estimate e = mean_estimate(&s, 0.95);
    near(e.value, 0.5, 0);
    assert_true(isnan(e.se) && isnan(mean_p_value(&e)));
    near_interval(e.interval, 0.5 - 0.5 * 0.975, 0.5 + 0.5 * 0.975, 1e-12);
}

static void by_case(void **state) {
    (void)state;
    const double score[] = {1, 0, 1, 1, NAN, 0.5};
    const uint32_t of[] = {0, 0, 2, 0, 3, 2};
    double mean[4], runs[4];
    mean_by_case(score, of, 6, mean, runs, 4);
    near(mean[0], 2.0 / 3, 1e-15);
    near(mean[2], 0.75, 0);
    /* of case 0 (1, 0, 1) a third, of case 2 (1, 0.5) an eighth; cases 1 and 3 have no variance to give */
    near(mean_within_case(score, of, 6, mean, runs, 4), (1.0 / 3 + 1.0 / 8) / 2, 1e-15);
    assert_true(isnan(mean_within_case(score, of, 0, mean + 1, runs + 1, 1)));
    assert_true(isnan(mean[1]) && runs[1] == 0 && isnan(mean[3]) && runs[3] == 1 && runs[0] == 3);
}

static void pass_at_k(void **state) {
    (void)state;
    near(mean_pass_any(10, 7, 3), .991667, 1e-6);
    near(mean_pass_all(10, 7, 3), .291667, 1e-6);
    near(mean_pass_any(10, 3, 5), .916667, 1e-6);
    near(mean_pass_any(10, 7, 1), 0.7, 1e-15);
    near(mean_pass_all(10, 7, 1), 0.7, 1e-15);
    near(mean_pass_any(5, 0, 3), 0, 0);
    near(mean_pass_all(5, 5, 5), 1, 0);
    near(mean_pass_any(10, 3, 8), 1, 0); /* of any eight at least one passed */
    near(mean_pass_all(10, 3, 4), 0, 0);
    near(mean_pass_any(0, 0, 0), 0, 0);
    near(mean_pass_all(0, 0, 0), 1, 0);
    near(mean_pass_all(100000, 99999, 50000), 0.5, 1e-9); /* no factorial overflows */
    assert_true(isnan(mean_pass_any(3, 2, 4)) && isnan(mean_pass_all(3, 2, 4)));
    assert_true(isnan(mean_pass_any(3, 4, 1)) && isnan(mean_pass_all(3, 4, 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clustered), cmocka_unit_test(weights_are_repeats),
        cmocka_unit_test(unanimous), cmocka_unit_test(p_values),
        cmocka_unit_test(coverage),  cmocka_unit_test(refusals),
        cmocka_unit_test(by_case),   cmocka_unit_test(pass_at_k),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
