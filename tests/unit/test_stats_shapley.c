#include "stats/random.h"
#include "stats/shapley.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("found %.17g, expected %.17g", a, b);
}

/* N 10000 -> 12000, input 1000 -> 1500, output 200 -> 250, cached .5 -> .3 at 3, 0.3 and 15 USD a million. */
static double worked(void *ctx, unsigned moved) {
    (void)ctx;
    double n = moved & 1 ? 12000 : 10000, in = moved & 2 ? 1500 : 1000, out = moved & 4 ? 250 : 200;
    double hit = moved & 8 ? .3 : .5;
    return n * (in * ((1 - hit) * 3 + hit * .3) + out * 15) / 1e6;
}

static void worked_vector(void **state) {
    (void)state;
    double share[4];
    near(worked(NULL, 0), 46.50, 1e-12);
    near(worked(NULL, 15), 84.42, 1e-12);
    shapley_exact(4, worked, NULL, share);
    near(share[0], 11.595, 1e-9);
    near(share[1], 10.605, 1e-9);
    near(share[2], 8.250, 1e-9);
    near(share[3], 7.470, 1e-9);
}

/* Any values at all, but player `null` never matters and `twins` count alike. */
struct game {
    double values[1u << 6];
    unsigned null, twin_a, twin_b;
};

static double play(void *ctx, unsigned moved) {
    const struct game *g = ctx;
    moved &= ~(1u << g->null);
    unsigned a = moved >> g->twin_a & 1, b = moved >> g->twin_b & 1;
    if (b && !a) moved ^= 1u << g->twin_a | 1u << g->twin_b;
    return g->values[moved];
}

static void axioms(void **state) {
    (void)state;
    struct random r = {7};
    for (unsigned round = 0; round < 500; round++) {
        struct game g = {.null = round % 6, .twin_a = (round + 1) % 6, .twin_b = (round + 2) % 6};
        double share[6], sum = 0, difference;
        for (unsigned i = 0; i < 64; i++) g.values[i] = (random_unit(&r) - 0.5) * 1e6;
        shapley_exact(6, play, &g, share);
        for (unsigned i = 0; i < 6; i++) sum += share[i];
        difference = play(&g, 63) - play(&g, 0);
        near(sum, difference, 1e-9 * fmax(fabs(difference), 1e6));
        assert_true(share[g.null] == 0);
        near(share[g.twin_a], share[g.twin_b], 1e-8);
    }
}

static void whole_shares(void **state) {
    (void)state;
    int64_t whole[4];
    shapley_round(3, (double[]){1.5, 1.5, 0}, 3, whole);
    assert_int_equal(whole[0], 2);
    assert_int_equal(whole[1], 1);
    assert_int_equal(whole[2], 0);
    shapley_round(3, (double[]){-1.2, 2.9, -0.7}, 1, whole); /* down: -2 2 -1; two to give */
    assert_int_equal(whole[0], -1);
    assert_int_equal(whole[1], 3);
    assert_int_equal(whole[2], -1);
    shapley_round(2, (double[]){0, 0}, 5, whole);
    assert_int_equal(whole[0] + whole[1], 5);
    shapley_round(2, (double[]){10, -3}, 1000, whole); /* not rounding: to the largest */
    assert_int_equal(whole[0], 1003);
    assert_int_equal(whole[1], -3);
}

static void whole_shares_sum(void **state) {
    (void)state;
    struct random r = {11};
    for (unsigned round = 0; round < 2000; round++) {
        double share[6], sum = 0;
        int64_t whole[6], total = 0;
        for (unsigned i = 0; i < 6; i++) {
            share[i] = i == round % 7 ? 0 : (random_unit(&r) - 0.5) * exp(random_unit(&r) * 35);
            sum += share[i];
        }
        int64_t wanted = llround(sum);
        shapley_round(6, share, wanted, whole);
        for (unsigned i = 0; i < 6; i++) {
            total += whole[i];
            near((double)whole[i], share[i], 1 + 1e-14 * fabs(sum));
        }
        assert_int_equal(total, wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_vector),
        cmocka_unit_test(axioms),
        cmocka_unit_test(whole_shares),
        cmocka_unit_test(whole_shares_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
