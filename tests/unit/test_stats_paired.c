#include "stats/paired.h"
#include "stats/power.h"
#include "stats/proportion.h"
#include "test_stats_rig.h"

enum { MOST = 1000 };
struct cases {
    double baseline[MOST], candidate[MOST];
};

static struct paired_question ask(const struct cases *c, size_t n) {
    return (struct paired_question){c->baseline, c->candidate, NULL, NULL, n, 0.95, 0.8, 1000, 1};
}

/* `gained` cases pass with the candidate alone, `lost` with the baseline alone. */
static struct paired_result of_flips(struct cases *c, unsigned gained, unsigned lost, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        c->baseline[i] = i >= gained;
        c->candidate[i] = i < gained || i >= gained + lost;
    }
    struct paired_question q = ask(c, n);
    return paired_compare(&q);
}

/* statsmodels' test_nonparametric.py, and by hand. */
static void mcnemar(void **state) {
    (void)state;
    near(paired_mcnemar(121, 59).exact, 4e-6, 1e-6);
    near(paired_mcnemar(70, 59).exact, .378688, 1e-6);
    near(paired_mcnemar(80, 59).exact, .089452, 1e-6);
    near(paired_mcnemar(30, 60).exact, .00206, 1e-5);
    near(paired_mcnemar(10, 30).exact, .002221, 1e-6);
    near(paired_mcnemar(10, 10).exact, 1, 0);
    near(paired_mcnemar(8, 1).exact, .0390625, 1e-15);
    near(paired_mcnemar(6, 0).exact, .03125, 1e-15);
    near(paired_mcnemar(5, 0).exact, .0625, 1e-15);
    near(paired_mcnemar(8, 1).mid_p, .0214844, 1e-7);
    near(paired_mcnemar(0, 6).mid_p, 1 / 64.0, 1e-15);
    near(paired_mcnemar(0, 0).exact, 1, 0);
    near(paired_mcnemar(0, 0).mid_p, 1, 0);
    near(paired_mcnemar(7, 7).mid_p, 1, 0);
    near(paired_mcnemar(500000, 501000).exact, 0.318, 0.001); /* z = 0.9995 */
    assert_true(isnan(paired_mcnemar(-1, 2).exact) && isnan(paired_mcnemar(NAN, 2).exact));
    assert_true(isnan(paired_mcnemar(2, INFINITY).mid_p));
}

/* Whatever the share of discordant cases, the exact test errs at most as often as it says; mid-p may exceed
 * it by a little. */
static void mcnemar_size(void **state) {
    (void)state;
    double most = 0;
    for (unsigned n = 1; n <= 120; n++) {
        double wrong = 0, wrong_mid = 0;
        for (unsigned b = 0; b <= n; b++) {
            struct paired_mcnemar p = paired_mcnemar(b, n - b);
            assert_true(p.mid_p <= p.exact);
            if (p.exact <= 0.05) wrong += binomial(n, b, 0.5);
            if (p.mid_p <= 0.05) wrong_mid += binomial(n, b, 0.5);
        }
        assert_true(wrong <= 0.05 && wrong_mid >= wrong);
        most = fmax(most, wrong_mid);
    }
    near(most, 0.076812744140625, 1e-12); /* at 16 */
}

/* The power of the exact test at the smallest detectable effect, summed over all outcomes: near what the
 * normal approximation promises, and under it. */
static void mcnemar_power(void **state) {
    (void)state;
    const unsigned pairs[] = {30, 100, 300};
    const double discordant[] = {0.05, 0.2, 0.4};
    for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
        for (unsigned j = 0; j < COUNT_OF(discordant); j++) {
            double effect = power_mcnemar_effect(discordant[j], pairs[i], (struct power_level){0.05, 0.8});
            double psi = fmax(discordant[j], effect), sum = 0;
            for (unsigned d = 0; d <= pairs[i]; d++) {
                for (unsigned b = 0; b <= d; b++)
                    if (paired_mcnemar(b, d - b).exact <= 0.05)
                        sum += binomial(pairs[i], d, psi) * binomial(d, b, (1 + effect / psi) / 2);
            }
            assert_true(sum > 0.75 && sum < 0.8);
        }
    }
}

/* Against limits from maximising the likelihood by golden section for each difference. */
static void tango(void **state) {
    (void)state;
    near_interval(paired_tango(1, 7, 21, 0.95), -.517232275, -.026003034, 1e-7);
    near_interval(paired_tango(6, 16, 161, 0.95), -.124023432, -.005433396, 1e-7);
    near_interval(paired_tango(40, 20, 160, 0.95), .030864534, .218064243, 1e-7);
    near_interval(paired_tango(0, 0, 30, 0.95), -.113513393, .113513393, 1e-7); /* Wilson's for 0 of 30 */
    near_interval(paired_tango(3, 0, 10, 0.95), -.060792637, .603221853, 1e-7);
    near_interval(paired_tango(10, 10, 50, 0.95), -.177745118, .177745119, 1e-7);
    double zz = 1.959963984540054 * 1.959963984540054;
    near_interval(paired_tango(10, 0, 10, 0.95), (10 - zz) / (10 + zz), 1, 1e-7);
    near_interval(paired_tango(0, 0, 0, 0.95), -1, 1, 0);
    assert_true(is_unknown(paired_tango(3, 8, 10, 0.95)) && is_unknown(paired_tango(-1, 0, 10, 0.95)));
    assert_true(is_unknown(paired_tango(NAN, 0, 10, 0.95)) && is_unknown(paired_tango(1, 0, INFINITY, 0.95)));
    assert_true(is_unknown(paired_tango(1, 0, 10, 1)));
}

/* Summed over all outcomes of 60 pairs; and a verdict of McNemar's is never at odds with the interval. */
static void tango_coverage(void **state) {
    (void)state;
    enum { N = 60 };
    const double p[][2] = {{0.1, 0.1}, {0.15, 0.05}, {0.3, 0.1}, {0.02, 0.02}};
    for (unsigned t = 0; t < COUNT_OF(p); t++) {
        double sum = 0;
        for (unsigned d = 0; d <= N; d++) {
            for (unsigned b = 0; b <= d; b++) {
                struct interval i = paired_tango(b, d - b, N, 0.95);
                double chance =
                    binomial(N, d, p[t][0] + p[t][1]) * binomial(d, b, p[t][0] / (p[t][0] + p[t][1]));
                if (holds(i, p[t][0] - p[t][1])) sum += chance;
                if (t == 0 && paired_mcnemar(b, d - b).exact <= 0.05) assert_false(holds(i, 0));
            }
        }
        assert_true(sum > 0.93 &&
                    sum < (t == 3 ? 1 : 0.97)); /* with 2.4 discordant pairs all methods are wide */
    }
}

static void one_run_each(void **state) {
    (void)state;
    struct cases c;
    struct paired_result r = of_flips(&c, 8, 1, 100);
    assert_int_equal(r.method, PAIRED_MCNEMAR);
    assert_int_equal(r.verdict, PAIRED_BETTER);
    near(r.difference, 0.07, 1e-15);
    near(r.p_value, .0390625, 1e-15);
    near(r.needed, 0, 0);
    assert_true(r.higher == 8 && r.lower == 1 && r.cases == 100 && r.interval.low > 0);
    near(r.minimum_detectable, power_mcnemar_effect(0.09, 100, (struct power_level){0.05, 0.8}), 1e-12);
    assert_int_equal(of_flips(&c, 1, 8, 100).verdict, PAIRED_WORSE);
    r = of_flips(&c, 5, 0, 100); /* five of five are not enough, six are */
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    assert_true(r.needed >= 1 && r.needed < 100 && r.minimum_detectable > 0.05);
    assert_int_equal(of_flips(&c, 6, 0, 100).verdict, PAIRED_BETTER);
    r = of_flips(&c, 7, 5, 100);
    near(r.needed, ceil(power_mcnemar_pairs(0.12, 0.02, (struct power_level){0.05, 0.8})) - 100, 0);
    r = of_flips(&c, 0, 0, 100); /* the same answers throughout */
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    assert_true(r.p_value == 1 && r.difference == 0 && isinf(r.needed) && r.interval.low < 0 &&
                r.interval.high > 0);
    (void)of_flips(&c, 8, 1, 100);
    struct paired_question q = ask(&c, 100);
    double weight[100];
    for (unsigned i = 0; i < 100; i++) weight[i] = 1 + i % 2;
    q.weight = weight; /* McNemar's test knows no weights */
    r = paired_compare(&q);
    assert_int_equal(r.method, PAIRED_BOOTSTRAP);
    near(r.difference, (8 * 1.5 - 1) / 150, 1e-12);
    r = of_flips(&c, 1, 0, 1);
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    assert_true(isnan(r.minimum_detectable));
}

static void repeats(void **state) {
    (void)state;
    struct cases c;
    struct random random = {4};
    for (unsigned i = 0; i < 200; i++) {
        c.baseline[i] = (double)random_below(&random, 5) / 5;
        c.candidate[i] = c.baseline[i] + (i % 2 ? 0.2 : 0);
    }
    struct paired_question q = ask(&c, 200);
    struct paired_result r = paired_compare(&q);
    assert_int_equal(r.method, PAIRED_BOOTSTRAP);
    assert_int_equal(r.verdict, PAIRED_BETTER);
    near(r.difference, 0.1, 1e-12);
    assert_true(r.higher == 100 && r.lower == 0 && r.needed == 0 && r.interval.low > 0.08);
    struct paired_result again = paired_compare(&q);
    assert_memory_equal(&r, &again, sizeof r);
    q.baseline = c.candidate;
    q.candidate = c.baseline;
    assert_int_equal(paired_compare(&q).verdict, PAIRED_WORSE);
    q.n = 49;
    r = paired_compare(&q);
    assert_int_equal(r.method, PAIRED_T);
    near(r.minimum_detectable, (2.010634757624 + 0.849) * 0.1 / sqrt(48), 0.0005); /* t of 48: .975, and .8 */
    for (unsigned i = 0; i < 49; i++) {
        c.baseline[i] = 0.5;
        c.candidate[i] = i % 2 ? 0.7 : 0.31;
    }
    q = ask(&c, 49); /* no verdict: as many more as the observed difference asks for */
    r = paired_compare(&q);
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    double se = (r.interval.high - r.interval.low) / 2 / 2.010634757624,
           z = 1.959963984540054 + .8416212335729143;
    near(r.needed, ceil(49 * pow(z * se / r.difference, 2)) - 49, 1);
    uint32_t family[200]; /* all cases of four families: eight values would be four */
    for (unsigned i = 0; i < 200; i++) family[i] = i / 50;
    q.n = 200;
    q.cluster = family;
    r = paired_compare(&q);
    assert_int_equal(r.method, PAIRED_T);
    assert_true(r.clusters == 4 && r.cases == 200);
}

/* No candidate's difference varies: the sign test's number of cases. */
static void constant_difference(void **state) {
    (void)state;
    struct cases c;
    for (unsigned i = 0; i < 100; i++) {
        c.baseline[i] = 0.5;
        c.candidate[i] = 0.6;
    }
    struct paired_question q = ask(&c, 20);
    struct paired_result r = paired_compare(&q);
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    near(r.p_value, 2 * pow(1.1, -20), 1e-9);
    double unseen = 1 - pow(0.025, 1 / 20.0);
    near_interval(r.interval, 0.1 - 1.1 * unseen, 0.1 + 0.9 * unseen, 1e-12);
    near(r.needed, ceil(log(40) / log(1.1)) - 20, 0);
    q.n = 20 + (size_t)r.needed;
    assert_int_equal(paired_compare(&q).verdict, PAIRED_BETTER);
    q.candidate = c.baseline;
    r = paired_compare(&q);
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    assert_true(r.difference == 0 && r.p_value == 1 && isinf(r.needed) && r.minimum_detectable > 0);
}

/* Both versions pass a case with its own chance, the candidate's moved by `effect` where there is room. Five
 * runs each. Share of the verdicts, and of intervals that hold the true difference. */
struct shares {
    unsigned better, worse, held;
};

static struct shares simulate(unsigned n, double effect, unsigned runs, uint64_t seed, double *ret_needed) {
    struct shares s = {0};
    struct cases c;
    struct random r = {seed};
    for (unsigned run = 0; run < runs; run++) {
        for (unsigned i = 0; i < n; i++) {
            double own = 0.2 + 0.6 * random_unit(&r);
            c.baseline[i] = c.candidate[i] = 0;
            for (unsigned k = 0; k < 5; k++) {
                c.baseline[i] += draw(&r, own) / 5.0;
                c.candidate[i] += draw(&r, own + effect) / 5.0;
            }
            c.baseline[i] = fmin(1, c.baseline[i]);
            c.candidate[i] = fmin(1, c.candidate[i]);
        }
        struct paired_question q = ask(&c, n);
        struct paired_result result = paired_compare(&q);
        s.better += result.verdict == PAIRED_BETTER;
        s.worse += result.verdict == PAIRED_WORSE;
        s.held += holds(result.interval, effect);
        if (ret_needed) *ret_needed += result.minimum_detectable / runs;
    }
    return s;
}

static void coverage_and_size(void **state) {
    (void)state;
    enum { RUNS = 2000 };
    struct shares t = simulate(15, 0, RUNS, 50, NULL), boot = simulate(100, 0.1, RUNS / 2, 51, NULL);
    about(t.held, RUNS, 0.95);
    about(t.better + t.worse, RUNS, 0.05);
    at_most(t.better, RUNS, 0.025);
    at_most(t.worse, RUNS, 0.025);
    near((double)boot.held / (RUNS / 2), 0.95,
         0.01 + band(0.95, RUNS / 2)); /* 0.01 lost to 1/n, see paired.h */
    boot = simulate(100, 0, RUNS / 2, 52, NULL);
    near((double)(boot.better + boot.worse) / (RUNS / 2), 0.05, 0.01 + band(0.05, RUNS / 2));
}

/* The effect that it says it could have seen it does see, four times in five. Its own standard error of the
 * estimated deviation moves the promise by about 0.01 here, which is granted. */
static void minimum_detectable(void **state) {
    (void)state;
    enum { RUNS = 1500 };
    double effect = 0;
    (void)simulate(40, 0.1, 300, 60, &effect);
    struct shares s = simulate(40, effect, RUNS, 61, NULL);
    near((double)s.better / RUNS, 0.8, 0.02 + band(0.8, RUNS));
    assert_int_equal(s.worse, 0);
}

static void refusals(void **state) {
    (void)state;
    struct cases c;
    (void)of_flips(&c, 3, 1, 10);
    const double bad[] = {NAN, INFINITY, -0.1, 1.1};
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        for (unsigned side = 0; side < 2; side++) {
            double *at = side ? &c.baseline[4] : &c.candidate[4], kept = *at;
            struct paired_question q = ask(&c, 10);
            *at = bad[i];
            struct paired_result r = paired_compare(&q);
            assert_int_equal(r.method, PAIRED_NONE);
            assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
            assert_true(isnan(r.difference) && isnan(r.p_value) && is_unknown(r.interval) && isnan(r.needed));
            *at = kept;
        }
    }
    struct paired_question q = ask(&c, 0);
    assert_int_equal(paired_compare(&q).method, PAIRED_NONE);
    q = ask(&c, 10);
    q.confidence = 1;
    assert_int_equal(paired_compare(&q).method, PAIRED_NONE);
    q = ask(&c, 10);
    q.power = NAN;
    assert_int_equal(paired_compare(&q).method, PAIRED_NONE);
    q = ask(&c, 10);
    const uint32_t one[10] = {0};
    q.cluster = one; /* one family: a difference, and nothing to judge it by */
    struct paired_result r = paired_compare(&q);
    near(r.difference, 0.2, 1e-12);
    assert_int_equal(r.verdict, PAIRED_NO_EVIDENCE);
    assert_true(isnan(r.p_value) && isnan(r.minimum_detectable) && isnan(r.needed));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar),           cmocka_unit_test(mcnemar_size),
        cmocka_unit_test(mcnemar_power),     cmocka_unit_test(tango),
        cmocka_unit_test(tango_coverage),    cmocka_unit_test(one_run_each),
        cmocka_unit_test(repeats),           cmocka_unit_test(constant_difference),
        cmocka_unit_test(coverage_and_size), cmocka_unit_test(minimum_detectable),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
