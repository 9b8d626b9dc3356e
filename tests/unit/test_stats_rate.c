#include "stats/proportion.h"
#include "stats/rate.h"
#include "test_stats_rig.h"

enum { MOST = 400 };

static struct rate of_counts(unsigned passed, unsigned cases, double repeats) {
    double value[MOST];
    for (unsigned i = 0; i < cases; i++) value[i] = i < passed;
    struct sample s = {.value = value, .n = cases};
    return rate_of_cases(&s, cases * repeats, 0.95);
}

/* Once a case it is the exact interval of independent trials. */
static void once_a_case(void **state) {
    (void)state;
    struct rate r = of_counts(18, 20, 1);
    near(r.value, 0.9, 1e-15);
    near(r.effective, 20, 1e-9);
    near(r.design_effect, 1, 1e-9);
    near_interval(r.interval, .683017286, .987651473, 1e-8);
}

/* 100 repeats of ten cases that all pass are ten cases. Likewise cases that each always pass or always fail.
 */
static void repeats_that_agree(void **state) {
    (void)state;
    struct rate r = of_counts(10, 10, 100);
    near(r.effective, 10, 0);
    near(r.design_effect, 100, 1e-12);
    near(r.interval.low, pow(0.025, 0.1), 1e-12);
    near(r.interval.high, 1, 0);
    near_interval(of_counts(0, 10, 100).interval, 0, 1 - pow(0.025, 0.1), 1e-12);
    r = of_counts(8, 10, 100);
    near(r.effective, 10, 1e-9);
    near_interval(r.interval, proportion_exact(8, 10, 0.95).low, proportion_exact(8, 10, 0.95).high, 1e-9);
}

static void families_and_weights(void **state) {
    (void)state;
    double value[12], weight[12];
    uint32_t family[12];
    for (unsigned i = 0; i < 12; i++) {
        value[i] = 1;
        family[i] = i / 3;
        weight[i] = i < 6 ? 1 : 3;
    }
    struct sample s = {.value = value, .cluster = family, .n = 12};
    near(rate_of_cases(&s, 60, 0.95).effective, 4, 1e-12);
    s = (struct sample){.value = value, .weight = weight, .n = 12};
    near(rate_of_cases(&s, 12, 0.95).effective, 24.0 * 24 / 60, 1e-12);
    value[0] = value[11] = 0;
    struct rate r = rate_of_cases(&s, 12, 0.95);
    near(r.value, 20.0 / 24, 1e-15);
    assert_true(r.effective <= 24.0 * 24 / 60 + 1e-9 && r.interval.low < r.value &&
                r.interval.high > r.value);
}

/* A suite of 40 cases whose own rates spread widely (u^(1/9): beta of mean 0.9), five runs of each. */
static struct rate simulate(struct random *random, unsigned cases, unsigned repeats) {
    double value[MOST];
    for (unsigned i = 0; i < cases; i++) {
        double own = pow(random_unit(random), 1.0 / 9);
        unsigned passed = 0;
        for (unsigned k = 0; k < repeats; k++) passed += draw(random, own);
        value[i] = (double)passed / repeats;
    }
    struct sample s = {.value = value, .n = cases};
    return rate_of_cases(&s, cases * repeats, 0.95);
}

/* Same cases, but each passes always or never: the repeats add nothing. */
static struct rate simulate_stubborn(struct random *random, unsigned cases, unsigned repeats) {
    double value[MOST];
    for (unsigned i = 0; i < cases; i++) value[i] = draw(random, 0.9);
    struct sample s = {.value = value, .n = cases};
    return rate_of_cases(&s, cases * repeats, 0.95);
}

static void coverage(void **state) {
    (void)state;
    enum { RUNS = 2000 };
    struct rate (*const worlds[])(struct random *, unsigned, unsigned) = {simulate, simulate_stubborn};
    const unsigned cases[] = {15, 40, 150};
    for (unsigned w = 0; w < 2; w++) {
        for (unsigned c = 0; c < COUNT_OF(cases); c++) {
            struct random random = {1 + w * 10 + c};
            unsigned hits = 0, naive = 0, yes = 0, no = 0;
            for (unsigned run = 0; run < RUNS; run++) {
                struct rate r = worlds[w](&random, cases[c], 5);
                hits += holds(r.interval, 0.9);
                if (w == 1) naive += holds(proportion_exact(r.value * r.runs, r.runs, 0.95), 0.9);
                struct rate_gate g = rate_at_least(&r, 0.9, 0.95, 0.8);
                yes += g.answer == RATE_YES;
                no += g.answer == RATE_NO;
            }
            at_least(hits, RUNS, 0.95);
            at_most(yes, RUNS,
                    0.05); /* the true rate is exactly what was asked: either answer may err this often */
            at_most(no, RUNS, 0.05);
            if (w == 1) assert_true(naive < 0.75 * RUNS); /* what taking runs for trials would do */
        }
    }
}

static void three_answers(void **state) {
    (void)state;
    struct rate r = of_counts(29, 29, 1); /* 0.9^29 = 0.047 */
    struct rate_gate g = rate_at_least(&r, 0.9, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_YES);
    near(g.needed, 0, 0);
    r = of_counts(28, 28, 1); /* 0.9^28 = 0.052 */
    g = rate_at_least(&r, 0.9, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_UNDECIDED);
    near(g.needed, 1, 0);
    near(g.low, pow(0.05, 1 / 28.0), 1e-12);
    near(g.high, 1, 0);
    r = of_counts(20, 29, 1);
    g = rate_at_least(&r, 0.9, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_NO);
    near(g.needed, 0, 0);
    assert_true(g.high < 0.9);
    r = of_counts(10, 10, 100); /* a thousand passes of ten cases: ten cases */
    g = rate_at_least(&r, 0.9, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_UNDECIDED);
    near(g.needed, 19, 0);
    r = of_counts(90, 100, 1); /* just as asked: no number of cases tells */
    g = rate_at_least(&r, 0.9, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_UNDECIDED);
    assert_true(isinf(g.needed));
}

static void all_or_nothing(void **state) {
    (void)state;
    struct rate all = of_counts(50, 50, 1), one = of_counts(49, 50, 1), none = of_counts(0, 50, 1);
    struct rate_gate g = rate_at_least(&all, 1, 0.95, 0.8);
    assert_int_equal(g.answer, RATE_UNDECIDED);
    assert_true(isinf(g.needed));
    assert_int_equal(rate_at_least(&one, 1, 0.95, 0.8).answer, RATE_NO);
    assert_int_equal(rate_at_least(&none, 0.06, 0.95, 0.8).answer, RATE_NO);
    assert_int_equal(rate_at_least(&none, 0, 0.95, 0.8).answer, RATE_YES);
}

/* Chance that n more trials at rate p settle it, by summing over their outcomes. */
static double settles(unsigned k, unsigned n, unsigned more, double p, double asked) {
    double sum = 0;
    for (unsigned j = 0; j <= more; j++) {
        bool yes = proportion_at_least(k + j, n + more, 0.95) >= asked;
        bool no = proportion_at_most(k + j, n + more, 0.95) < asked;
        if (p > asked ? yes : no) sum += binomial(more, j, p);
    }
    return sum;
}

static void needed_by_counting(void **state) {
    (void)state;
    const struct {
        unsigned k, n;
        double asked;
    } t[] = {{19, 20, 0.9}, {48, 50, 0.9}, {3, 20, 0.3},  {17, 20, 0.95},
             {1, 1, 0.5},   {0, 1, 0.5},   {65, 100, 0.7}};
    for (unsigned i = 0; i < COUNT_OF(t); i++) {
        double p = (double)t[i].k / t[i].n, m = rate_needed(t[i].k, t[i].n, t[i].asked, 0.95, 0.8);
        assert_true(m >= 1 && m < 2000);
        assert_true(settles(t[i].k, t[i].n, (unsigned)m, p, t[i].asked) >= 0.8 - 1e-9);
        assert_true(settles(t[i].k, t[i].n, (unsigned)m - 1, p, t[i].asked) < 0.8 - 1e-9);
    }
    double n = rate_plan(0.97, 0.9, 0.95, 0.8);
    assert_true(settles(0, 0, (unsigned)n, 0.97, 0.9) >= 0.8 &&
                settles(0, 0, (unsigned)n - 1, 0.97, 0.9) < 0.8);
    near(rate_plan(1, 0.9, 0.95, 0.8), 29, 0);
    near(rate_plan(1, 0.99, 0.95, 0.8), 299, 0);
    near(rate_plan(0, 0.1, 0.95, 0.8), 29, 0);
    assert_true(isinf(rate_plan(0.9, 0.9, 0.95, 0.8)) && isinf(rate_plan(0.9001, 0.9, 0.95, 0.8)));
}

static void edges(void **state) {
    (void)state;
    struct rate r = of_counts(0, 0, 1);
    assert_true(isnan(r.value));
    near_interval(r.interval, 0, 1, 0);
    struct rate_gate g = rate_at_least(&r, 0, 0.95, 0.8); /* no data is not good news */
    assert_int_equal(g.answer, RATE_UNDECIDED);
    assert_true(isnan(g.needed) && g.low == 0 && g.high == 1);
    r = of_counts(1, 1, 100);
    near(r.effective, 1, 0);
    near_interval(r.interval, 0.025, 1, 1e-12);
    const double off[] = {0.5, 1.5}, nan[] = {0.5, NAN}, good[] = {0.5, 1};
    struct sample s = {.value = off, .n = 2};
    assert_true(isnan(rate_of_cases(&s, 2, 0.95).value));
    s.value = nan;
    r = rate_of_cases(&s, 2, 0.95);
    assert_true(isnan(r.value) && is_unknown(r.interval));
    assert_int_equal(rate_at_least(&r, 0.5, 0.95, 0.8).answer, RATE_UNDECIDED);
    s.value = good;
    assert_true(isnan(rate_of_cases(&s, 1, 0.95).value) && isnan(rate_of_cases(&s, NAN, 0.95).value));
    assert_true(isnan(rate_of_cases(&s, INFINITY, 0.95).value) && isnan(rate_of_cases(&s, 2, 0).value));
    r = rate_of_cases(&s, 4, 0.95);
    assert_true(isnan(rate_at_least(&r, 1.1, 0.95, 0.8).low) && isnan(rate_at_least(&r, NAN, 0.95, 0.8).low));
    assert_int_equal(rate_at_least(&r, 0.5, 95, 0.8).answer, RATE_UNDECIDED);
    assert_true(isnan(rate_needed(1, 0, 0.9, 0.95, 0.8)) && isnan(rate_needed(3, 2, 0.9, 0.95, 0.8)));
    assert_true(isnan(rate_needed(1, 2, 0.9, 0.95, 1)) && isnan(rate_plan(NAN, 0.9, 0.95, 0.8)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_a_case),          cmocka_unit_test(repeats_that_agree),
        cmocka_unit_test(families_and_weights), cmocka_unit_test(coverage),
        cmocka_unit_test(three_answers),        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(needed_by_counting),   cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
