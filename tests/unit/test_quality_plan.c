#include "quality/plan.h"
#include "stats/rate.h"
#include "test_stats_rig.h"

static struct plan_question ask(double expected, double at_least, unsigned repeat, double within) {
    return (struct plan_question){.expected = expected, .at_least = at_least, .confidence = 0.95, .power = 0.8, .difference = NAN,
                                  .repeat = repeat, .within = within};
}

/* 0.9^29 <= 0.05; and the size that rate_plan gives is confirmed by exact binomial tails. */
static void a_rate(void **state) {
    (void)state;
    struct plan_question q = ask(0.95, 0.9, 1, NAN);
    struct plan p = plan_suite(&q);
    near(p.fewest, 29, 0);
    near(p.cases, rate_plan(0.95, 0.9, 0.95, 0.8), 0);
    near(p.cases, p.cases_at_best, 0);
    unsigned n = (unsigned)p.cases, least = n + 1;
    double tail = 0, power = 0;
    for (unsigned k = n + 1; k-- > 0 && tail + binomial(n, k, 0.9) <= 0.05;) { /* passes from which 0.9 is refuted */
        tail += binomial(n, k, 0.9);
        least = k;
    }
    for (unsigned k = least; k <= n; k++) power += binomial(n, k, 0.95);
    assert_true(power >= 0.8);
    q = ask(1, 0.9, 1, NAN);
    near(plan_suite(&q).cases, 29, 0);
    q = ask(0.9, 0.9, 1, NAN);
    assert_true(isinf(plan_suite(&q).cases));
    q = ask(1.5, 0.9, 1, NAN);
    assert_true(isnan(plan_suite(&q).cases));
}

/* Repeats: none of a case that always says the same; up to so many times fewer cases where they differ as cases do. */
static void repeats(void **state) {
    (void)state;
    struct plan_question q = ask(0.95, 0.9, 5, NAN);
    struct plan p = plan_suite(&q);
    double once = rate_plan(0.95, 0.9, 0.95, 0.8);
    near(p.cases, once, 0);
    near(p.cases_at_best, fmax(29, ceil(once / 5)), 0);
    q.within = 0.95 * 0.05 / 2; /* half of the variance: a correlation of .5, a design effect of 3 */
    p = plan_suite(&q);
    near(p.correlation, 0.5, 1e-12);
    near(p.cases, ceil(once * 3 / 5), 0);
    near(p.cases_at_best, p.cases, 0);
}

/* A suite that is all there is: thirty runs of one case are thirty trials. */
static void these_cases(void **state) {
    (void)state;
    struct plan_question q = {.expected = 0.97, .at_least = 0.9, .confidence = 0.95, .power = 0.8, .difference = NAN, .repeat = 1, .within = NAN, .these_cases = true};
    struct plan once = plan_suite(&q);
    q.repeat = 10;
    struct plan ten = plan_suite(&q);
    assert_true(once.fewest == 29 && ten.fewest == 3); /* 0.9^29 < 0.05 */
    assert_true(ten.cases == ceil(once.cases / 10) && ten.cases_at_best == ten.cases);
    q.these_cases = false;
    assert_true(plan_suite(&q).fewest == 29 && plan_suite(&q).cases == once.cases);
}

/* By hand: (1.959964 + .841621)^2 = 7.848880; (.05 * .95 + 2 * .0475) / .0025 = 57; * 7.848880 = 447.4. */
static void a_difference(void **state) {
    (void)state;
    struct plan_question q = ask(0.95, 0.9, 1, NAN);
    q.difference = 0.05;
    struct plan p = plan_suite(&q);
    near(p.difference_cases, 448, 0);
    near(plan_detectable(&q, 448), 0.05, 1e-3);
    q.repeat = 5;
    p = plan_suite(&q);
    near(p.difference_cases, 448, 0);
    near(p.difference_at_best, ceil(7.8488797 * (0.0475 + 2 * 0.0475 / 5) / 0.0025), 0);
    q.within = 0;
    near(plan_suite(&q).difference_cases, ceil(7.8488797 * 19), 0);
    assert_true(isnan(plan_detectable(&q, 1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_rate), cmocka_unit_test(repeats), cmocka_unit_test(these_cases), cmocka_unit_test(a_difference)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
