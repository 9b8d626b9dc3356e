/* Intervals of differences: what they hold, and how often. */
#include "stats/difference.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEAR(a, b, e) assert_true(fabs((a) - (b)) <= (e))

/* All alike: Clopper and Pearson for 0 of n, 1 - 0.025^(1/n); with n = 30 that is 0.115703308 (R's binom). */
static void no_spread_is_no_certainty(void **state) {
    (void)state;
    double d[30] = {0};
    struct difference p = difference_paired(d, 30, 0.95, 1);
    assert_true(p.mean == 0);
    NEAR(p.high, 0.115703308, 1e-8);
    NEAR(p.low, -0.115703308, 1e-8);
    assert_true(isnan(difference_paired(d, 1, 0.95, 1).low));
    assert_true(isnan(difference_paired(d, 0, 0.95, 1).mean));
}

/* One pair that is not like the others is no certainty either. By hand: +- 1.959964 * sqrt((2.0001/12 - (.01/12)^2)/12). */
static void nor_is_next_to_none(void **state) {
    (void)state;
    double d[10] = {0.01};
    struct difference p = difference_paired(d, 10, 0.95, 1);
    double m = 0.01 / 12, half = 1.959963984540054 * sqrt((2.0001 / 12 - m * m) / 12);
    NEAR(p.mean, 0.001, 1e-12);
    NEAR(p.low, m - half, 1e-9);
    NEAR(p.high, m + half, 1e-9);
}

/* 400 samples of 30 pairs, 3 % of which are a loss of all: no more than 2.5 % of the lower limits lie above the mean of -0.03, plus 4
 * standard errors. */
static void rare_losses_are_reckoned_with(void **state) {
    (void)state;
    struct random random = {5};
    int over = 0;
    for (int s = 0; s < 400; s++) {
        double d[30];
        for (int i = 0; i < 30; i++) d[i] = random_unit(&random) < 0.03 ? -1 : 0.001 * random_unit(&random);
        over += difference_paired(d, 30, 0.95, (uint64_t)s).low > -0.03;
    }
    assert_true(over <= 22);
}

/* Near the t interval where the data are symmetric, and further out on the long side where they are not. */
static void it_follows_the_shape(void **state) {
    (void)state;
    double even[40], skewed[40], mean = 0, squares = 0;
    for (int i = 0; i < 40; i++) {
        even[i] = (i - 19.5) / 40;
        skewed[i] = i < 36 ? 0 : -1;
        squares += even[i] * even[i];
    }
    struct difference p = difference_paired(even, 40, 0.95, 1);
    double half = 1.959964 * sqrt(squares / 40 / 40);
    NEAR(p.mean, mean, 1e-12);
    assert_true(p.low <= -half + 0.01 && p.high >= half - 0.01);
    NEAR(p.low, -half, 0.02);
    NEAR(p.high, half, 0.02);
    p = difference_paired(skewed, 40, 0.95, 1);
    assert_true(p.mean - p.low > p.high - p.mean);
    struct difference again = difference_paired(skewed, 40, 0.95, 1);
    assert_true(again.low == p.low && again.high == p.high);
}

/* Agresti and Caffo 2000: 18 of 20 and 10 of 20. By hand: 19/22 - 11/22, +- 1.959964 * sqrt(.117769/22 + .25/22). */
static void two_groups(void **state) {
    (void)state;
    struct difference p = difference_grouped(&(struct difference_group){20, 18, 18}, &(struct difference_group){20, 10, 10}, 0.95);
    double a = 19.0 / 22, half = 1.959963984540054 * sqrt(a * (1 - a) / 22 + 0.25 / 22);
    NEAR(p.mean, 0.4, 1e-12);
    NEAR(p.low, a - 0.5 - half, 1e-9);
    NEAR(p.high, a - 0.5 + half, 1e-9);
    assert_true(isnan(difference_grouped(&(struct difference_group){0}, &(struct difference_group){20, 10, 10}, 0.95).low));
}

/* 400 samples of 60 differences of -1, 0, 1 whose mean is -0.1: 95 % are to hold it, less 4 standard errors. */
static void it_holds_the_truth(void **state) {
    (void)state;
    struct random random = {3};
    int held = 0;
    for (int s = 0; s < 400; s++) {
        double d[60];
        for (int i = 0; i < 60; i++) {
            double u = random_unit(&random);
            d[i] = u < 0.2 ? -1 : u < 0.3 ? 1 : 0;
        }
        struct difference p = difference_paired(d, 60, 0.95, (uint64_t)s);
        held += p.low <= -0.1 && -0.1 <= p.high;
    }
    assert_true(held >= 363 && held <= 397);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_spread_is_no_certainty), cmocka_unit_test(nor_is_next_to_none),
                                       cmocka_unit_test(rare_losses_are_reckoned_with), cmocka_unit_test(it_follows_the_shape),
                                       cmocka_unit_test(two_groups), cmocka_unit_test(it_holds_the_truth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
