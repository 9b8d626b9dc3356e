#include "stats/adtributor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("found %.17g, expected %.17g", a, b);
}

static struct adtributor_result run(struct adtributor_element *e, size_t n) {
    return adtributor_dimension(e, n, ADTRIBUTOR_MIN_EACH, ADTRIBUTOR_MIN_ALL);
}

/* Forecast 50 20 20 10, actual 24 21 4 1: the formulas by hand (computed apart, in Python). */
static void by_hand(void **state) {
    (void)state;
    struct adtributor_element e[] = {
        {50, 24, 0, 0, 0}, {20, 21, 0, 0, 0}, {20, 4, 0, 0, 0}, {10, 1, 0, 0, 0}};
    struct adtributor_result r = run(e, 4);
    /* by surprise: 1 (explains nothing), 3, 2, 0 */
    assert_int_equal(r.n, 3);
    assert_int_equal(e[0].index, 3);
    near(e[0].explanatory, 0.18, 1e-12);
    near(e[0].surprise, 0.014555158301618434, 1e-15);
    assert_int_equal(e[1].index, 2);
    near(e[1].explanatory, 0.32, 1e-12);
    near(e[1].surprise, 0.01328286287645633, 1e-15);
    assert_int_equal(e[2].index, 0);
    near(e[2].surprise, 0.00010204790072329897, 1e-15);
    assert_int_equal(e[3].index, 1);
    near(e[3].explanatory, -0.02, 1e-12);
    near(e[3].surprise, 0.019947813804511105, 1e-15);
    near(r.explanatory, 1.02, 1e-12);
}

/* What explains most but did not change its share (the paper's point) comes after what did. */
static void succinct(void **state) {
    (void)state;
    struct adtributor_element one[] = {{100, 100, 0, 0, 0}, {50, 110, 0, 0, 0}, {70, 71, 0, 0, 0}};
    struct adtributor_result r = run(one, 3);
    assert_int_equal(r.n, 1);
    assert_int_equal(one[0].index, 1);
    near(r.explanatory, 60.0 / 61, 1e-12);
    struct adtributor_element enough[] = {{10, 30, 0, 0, 0}, {100, 104, 0, 0, 0}, {100, 101, 0, 0, 0}};
    r = run(enough, 3); /* the second explains 16 % and moved less: not needed */
    assert_int_equal(r.n, 1);
    assert_int_equal(enough[0].index, 0);
    near(r.explanatory, 0.8, 1e-12);
    struct adtributor_element spread[] = {{1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0},
                                          {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0},
                                          {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0},
                                          {1, 1.5, 0, 0, 0}, {1, 1.5, 0, 0, 0}};
    assert_int_equal(run(spread, 11).n, 0); /* each below a tenth: no explanation */
}

static void edges(void **state) {
    (void)state;
    struct adtributor_element still[] = {{5, 7, 0, 0, 0}, {7, 5, 0, 0, 0}};
    assert_int_equal(run(still, 2).n, 0);
    assert_int_equal(run(NULL, 0).n, 0);
    struct adtributor_element born[] = {{0, 0, 0, 0, 0}, {0, 9, 0, 0, 0}}; /* nothing was forecast */
    struct adtributor_result r = run(born, 2);
    assert_int_equal(r.n, 1);
    assert_int_equal(born[0].index, 1);
    assert_true(adtributor_surprise(0, 0) == 0);
    assert_true(adtributor_surprise(0.3, 0.3) == 0);
    near(adtributor_surprise(0, 1), 0.5 * log(2), 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(succinct),
        cmocka_unit_test(edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
