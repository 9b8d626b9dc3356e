#include "sim/dice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { THROWS = 20001 };

static int by_size(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

/* The median's own deviation is sigma * 1.2533 / sqrt(n), 0.3 % here; the 90th percentile's is 0.4 %. */
static void log_normal_quantiles(void **state) {
    (void)state;
    static double throws[THROWS];
    struct dice d = dice_of(7, 1);
    for (int i = 0; i < THROWS; i++) throws[i] = dice_spread(&d, (struct spread){350e3, 0.35});
    qsort(throws, THROWS, sizeof *throws, by_size);
    double p10 = throws[THROWS / 10], p50 = throws[THROWS / 2], p90 = throws[THROWS * 9 / 10];
    assert_true(fabs(p50 / 350e3 - 1) < 0.015);
    assert_true(fabs(p90 / (350e3 * exp(1.2815516 * 0.35)) - 1) < 0.02);
    assert_true(fabs(p10 / (350e3 * exp(-1.2815516 * 0.35)) - 1) < 0.02);
}

static void same_seed_same_throws(void **state) {
    (void)state;
    struct dice a = dice_of(7, 1), b = dice_of(7, 1), other_salt = dice_of(7, 2), other_seed = dice_of(8, 1);
    for (int i = 0; i < 100; i++) {
        uint64_t n = dice_next(&a);
        assert_int_equal(n, dice_next(&b));
        assert_int_not_equal(n, dice_next(&other_salt));
        assert_int_not_equal(n, dice_next(&other_seed));
    }
    assert_int_equal(dice_next(&(struct dice){0}), 0xE220A8397B1DCDAFu); /* splitmix64's first from state 0 */
}

static void bounds(void **state) {
    (void)state;
    struct dice d = dice_of(1, 1);
    unsigned seen[6] = {0};
    for (int i = 0; i < 6000; i++) {
        double u = dice_unit(&d);
        assert_true(u >= 0 && u < 1);
        seen[dice_below(&d, 6)]++;
    }
    for (int i = 0; i < 6; i++) assert_in_range(seen[i], 850, 1150);
    assert_int_equal(dice_below(&d, 0), 0);
    assert_int_equal(dice_below(&d, 1), 0);
    assert_false(dice_chance(&d, 0));
    assert_true(dice_chance(&d, 1));
    assert_true(dice_spread(&d, (struct spread){0, 1}) == 0);
    assert_true(dice_spread(&d, (struct spread){20, 0}) == 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_normal_quantiles),
        cmocka_unit_test(same_seed_same_throws),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
