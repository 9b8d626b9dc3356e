#include "stats/proportion.h"
#include "stats/rate.h"
#include "test_stats_rig.h"

enum { MOST = 400 };

static struct rate of_counts(unsigned passed, unsigned cases, double repeats) {
    double value[MOST] = {0}, runs[MOST] = {0};
    for (unsigned i = 0; i < cases; i++) {
        value[i] = i < passed;
        runs[i] = repeats;
    }
    struct sample s = {.value = value, .n = cases};
    return rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95);
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

/* Korn and Graubard's formula by hand: four cases, five runs each; t of 19 and of 3 degrees of freedom. */
static void korn_graubard(void **state) {
    (void)state;
    const double value[] = {1, 0.8, 1, 0.6}, runs[] = {5, 5, 5, 5}, once[] = {1, 1, 1, 1};
    struct sample s = {.value = value, .n = 4};
    struct rate r = rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95);
    double deff = (0.11 / 12) / (0.85 * 0.15 / 19), t = 2.093024054408263 / 3.182446305284263;
    near(r.effective, 20 / deff * t * t, 1e-9);
    near(r.design_effect, 20 / r.effective, 1e-12);
    near(r.units, 4, 0);
    struct rate a = rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0.95);
    struct rate b = rate_of_cases(&s, once, RATE_CASES_LIKE_THESE, 0.95);
    assert_memory_equal(&a, &b, sizeof a);
}

static void families_and_weights(void **state) {
    (void)state;
    double value[12], weight[12], runs[12];
    uint32_t family[12];
    for (unsigned i = 0; i < 12; i++) {
        value[i] = 1;
        runs[i] = 5;
        family[i] = i / 3;
        weight[i] = i < 6 ? 1 : 3;
    }
    struct sample s = {.value = value, .cluster = family, .n = 12};
    near(rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95).effective, 4, 1e-12);
    s = (struct sample){.value = value, .weight = weight, .n = 12};
    near(rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0.95).effective, 24.0 * 24 / 60, 1e-12);
    value[0] = value[11] = 0;
    struct rate r = rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0.95);
    near(r.value, 20.0 / 24, 1e-15);
    assert_true(r.effective <= 24.0 * 24 / 60 + 1e-9 && r.interval.low < r.value &&
                r.interval.high > r.value);
}

/* One failed run more must never say more for the rate: 20 cases, five runs each. */
static void never_better_for_failing(void **state) {
    (void)state;
    double value[20], runs[20], before = 1;
    for (unsigned i = 0; i < 20; i++) {
        value[i] = 1;
        runs[i] = 5;
    }
    struct sample s = {.value = value, .n = 20};
    for (unsigned failed = 0; failed < 12; failed++) {
        struct rate r = rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95);
        struct rate_gate g = rate_at_least(&r, 0.9, 0.95, 0.8);
        assert_true(g.low <= before + 1e-12 && r.interval.low <= pow(0.025, 1 / 20.0) + 1e-12);
        assert_true(g.answer != RATE_YES);    /* 0.05^(1/20) = 0.86 is all that 20 cases can show */
        if (failed < 3) near(g.needed, 9, 0); /* 29 cases */
        before = g.low;
        value[failed] -= 0.2;
    }
}

/* The list is all that is asked: the runs count, and the Poisson-binomial sum is never wider than binomial.
 */
static void these_cases(void **state) {
    (void)state;
    double value[5] = {1, 1, 1, 1, 1}, runs[5] = {6, 6, 6, 6, 6}, uneven[5] = {1, 1, 1, 1, 100};
    struct sample s = {.value = value, .n = 5};
    struct rate r = rate_of_cases(&s, runs, RATE_THESE_CASES, 0.95);
    near(r.effective, 30, 1e-12);
    assert_int_equal(rate_at_least(&r, 0.9, 0.95, 0.8).answer, RATE_YES);
    r = rate_of_cases(&s, runs, RATE_CASES_LIKE_THESE, 0.95);
    assert_int_equal(rate_at_least(&r, 0.9, 0.95, 0.8).answer, RATE_UNDECIDED);
    near(rate_at_least(&r, 0.9, 0.95, 0.8).needed, 24, 0);
    r = rate_of_cases(&s, uneven, RATE_THESE_CASES, 0.95); /* many runs of one case say little of the mean */
    near(r.effective, 25 / 4.01, 1e-12);
    near(r.runs, 104, 0);
}

enum { SPREAD, STUBBORN, HIDDEN, FIXED, WORLDS };

/* A case's own pass rate, 0.9 on average: widely spread (u^(1/9), a beta); always or never; nearly always,
 * but never in a tenth of the cases; or the same five for ever. */
static double own_rate(unsigned world, unsigned i, struct random *random) {
    static const double fixed[] = {1, 1, 0.95, 0.9, 0.65};
    if (world == SPREAD) return pow(random_unit(random), 1.0 / 9);
    if (world == STUBBORN) return draw(random, 0.9);
    return world == HIDDEN ? (draw(random, 0.9 / 0.995) ? 0.995 : 0) : fixed[i % 5];
}

static struct rate simulate(unsigned world, struct random *random, unsigned cases) {
    enum { REPEATS = 5 };
    double value[MOST], runs[MOST];
    for (unsigned i = 0; i < cases; i++) {
        double own = own_rate(world, i, random);
        unsigned passed = 0;
        for (unsigned k = 0; k < REPEATS; k++) passed += draw(random, own);
        value[i] = (double)passed / REPEATS;
        runs[i] = REPEATS;
    }
    struct sample s = {.value = value, .n = cases};
    return rate_of_cases(&s, runs, world == FIXED ? RATE_THESE_CASES : RATE_CASES_LIKE_THESE, 0.95);
}

/* The true rate is exactly what was asked: either answer may be wrong this often, and no oftener. Where cases
 * are stubborn or hide, taking runs for trials is far off: the test would see it. */
static void coverage(void **state) {
    (void)state;
    enum { RUNS = 800 };
    const unsigned cases[] = {15, 35, 150};
    for (unsigned w = 0; w < WORLDS; w++) {
        for (unsigned c = 0; c < COUNT_OF(cases); c++) {
            struct random random = {1 + w * 10 + c};
            unsigned hits = 0, naive = 0, yes = 0, no = 0;
            for (unsigned run = 0; run < RUNS; run++) {
                struct rate r = simulate(w, &random, cases[c]);
                hits += holds(r.interval, 0.9);
                if (w == STUBBORN) naive += holds(proportion_exact(r.value * r.runs, r.runs, 0.95), 0.9);
                struct rate_gate g = rate_at_least(&r, 0.9, 0.95, 0.8);
                yes += g.answer == RATE_YES;
                no += g.answer == RATE_NO;
            }
            at_least(hits, RUNS, 0.95);
            at_most(yes, RUNS, 0.05);
            at_most(no, RUNS, 0.05);
            if (w == STUBBORN) assert_true(naive < 0.85 * RUNS);
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
    const double none[] = {1, 0}, infinite[] = {1, INFINITY}, unknown[] = {NAN, 1};
    struct sample s = {.value = off, .n = 2};
    assert_true(isnan(rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0.95).value));
    s.value = nan;
    r = rate_of_cases(&s, NULL, RATE_THESE_CASES, 0.95);
    assert_true(isnan(r.value) && isnan(r.runs) && is_unknown(r.interval));
    assert_int_equal(rate_at_least(&r, 0.5, 0.95, 0.8).answer, RATE_UNDECIDED);
    s.value = good;
    assert_true(isnan(rate_of_cases(&s, none, RATE_CASES_LIKE_THESE, 0.95).value));
    assert_true(isnan(rate_of_cases(&s, infinite, RATE_THESE_CASES, 0.95).value));
    assert_true(isnan(rate_of_cases(&s, unknown, RATE_THESE_CASES, 0.95).value));
    assert_true(isnan(rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0).value));
    r = rate_of_cases(&s, NULL, RATE_CASES_LIKE_THESE, 0.95);
    assert_true(isnan(rate_at_least(&r, 1.1, 0.95, 0.8).low) && isnan(rate_at_least(&r, NAN, 0.95, 0.8).low));
    assert_int_equal(rate_at_least(&r, 0.5, 95, 0.8).answer, RATE_UNDECIDED);
    assert_true(isnan(rate_needed(1, INFINITY, 0.9, 0.95, 0.8)) &&
                isnan(rate_needed(NAN, 2, 0.9, 0.95, 0.8)));
    assert_true(isnan(rate_needed(1, 0, 0.9, 0.95, 0.8)) && isnan(rate_needed(3, 2, 0.9, 0.95, 0.8)));
    assert_true(isnan(rate_needed(1, 2, 0.9, 0.95, 1)) && isnan(rate_plan(NAN, 0.9, 0.95, 0.8)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_a_case),
        cmocka_unit_test(repeats_that_agree),
        cmocka_unit_test(korn_graubard),
        cmocka_unit_test(families_and_weights),
        cmocka_unit_test(never_better_for_failing),
        cmocka_unit_test(these_cases),
        cmocka_unit_test(coverage),
        cmocka_unit_test(three_answers),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(needed_by_counting),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
