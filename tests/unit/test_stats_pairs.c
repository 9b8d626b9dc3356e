/* What a sequential test of pairs promises, under peeking after every pair, and what it sees. */
#include "stats/pairs.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t seed;
static double draw(void) { /* splitmix64 */
    uint64_t z = seed += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static void one_pair(struct pair_counts *c, double candidate, double other, double in_common) {
    bool shared = draw() < in_common;
    double u = draw(), v = shared ? u : draw();
    bool x = u < candidate, y = v < other;
    c->candidate += x && !y;
    c->other += y && !x;
    c->both += x && y;
}

static void nothing_says_nothing(void **state) {
    (void)state;
    struct pair_counts none = {0};
    assert_float_equal(pairs_log_e(&none, 1), 0, 1e-12);
    assert_float_equal(pairs_ratio(&none, 0.05).low, 0, 0);
    assert_true(isinf(pairs_ratio(&none, 0.05).high));
    assert_true(isnan(pairs_log_e(&none, 0)));
}

/* By hand: the mean over k = 1/50 .. 49/50 of (1 + k)^2 (1 - k). */
static void closed_form(void **state) {
    (void)state;
    double mean = 0;
    for (int i = 1; i <= 49; i++) mean += (1 + i / 50.0) * (1 + i / 50.0) * (1 - i / 50.0) / 49;
    assert_float_equal(pairs_log_e(&(struct pair_counts){2, 1, 7}, 1), log(mean), 1e-12);
}

static void healthy_ones_are_seldom_called_worse(void **state) {
    (void)state;
    enum { RUNS = 1000, PAIRS = 400 };
    static const double chances[][4] = {{0.05, 0.05, 0, 1}, {0.3, 0.3, 0.8, 1}, {0.15, 0.1, 0.5, 1.5}, {0.6, 0.6, 0, 1}};
    for (unsigned i = 0; i < sizeof chances / sizeof *chances; i++) {
        unsigned worse = 0;
        seed = 7 + i;
        for (int run = 0; run < RUNS; run++) {
            struct pair_counts c = {0};
            bool said = false;
            for (int n = 0; n < PAIRS && !said; n++) {
                uint64_t before = c.candidate;
                double night = n / 100 % 2 == 0 ? 1 : 0.3; /* both change in time */
                one_pair(&c, chances[i][0] * night, chances[i][1] * night, chances[i][2]);
                said = c.candidate > before && pairs_log_e(&c, chances[i][3]) >= log(1 / 0.05);
            }
            worse += said;
        }
        assert_true(worse <= RUNS * 0.05);
    }
}

static void a_worse_one_is_caught(void **state) {
    (void)state;
    unsigned caught = 0;
    seed = 1;
    for (int run = 0; run < 200; run++) {
        struct pair_counts c = {0};
        for (int n = 0; n < 100; n++) one_pair(&c, 0.3, 0.02, 0);
        caught += pairs_log_e(&c, 1.5) >= log(1 / 0.01);
        struct interval ratio = pairs_ratio(&c, 0.01);
        assert_true(ratio.low < ratio.high && ratio.high > 5);
    }
    assert_true(caught > 180);
}

static void intervals_hold_what_they_say(void **state) {
    (void)state;
    struct interval r = pairs_ratio(&(struct pair_counts){30, 30, 40}, 0.05);
    assert_true(r.low > 0.3 && r.low < 1 && r.high > 1 && r.high < 3);
    assert_float_equal(r.low * r.high, 1, 1e-6); /* both sides alike */
    r = pairs_ratio(&(struct pair_counts){40, 0, 0}, 0.05);
    assert_true(r.low > 1 && isinf(r.high));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_says_nothing), cmocka_unit_test(closed_form), cmocka_unit_test(healthy_ones_are_seldom_called_worse),
        cmocka_unit_test(a_worse_one_is_caught), cmocka_unit_test(intervals_hold_what_they_say)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
