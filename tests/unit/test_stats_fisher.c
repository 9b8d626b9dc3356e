/* Fisher's exact test, one-sided, against R's fisher.test(alternative = "less"). */
#include "stats/fisher.h"
#include "test_stats_rig.h"

static void as_published(void **state) {
    (void)state;
    near(fisher_lower(1, 10, 11, 14), 0.001379728, 1e-9); /* 12 of 24 chosen, 1 of them among the first 10 */
    near(fisher_lower(1, 4, 3, 4), 17.0 / 70, 1e-12);     /* the lady who tasted tea: C(4,1) C(4,3) + C(4,0) C(4,4) of C(8,4) */
    near(fisher_lower(3, 4, 1, 4), 69.0 / 70, 1e-12);
}

static void its_ends(void **state) {
    (void)state;
    assert_true(fisher_lower(0, 0, 5, 10) == 1 && fisher_lower(5, 10, 0, 0) == 1 && fisher_lower(0, 0, 0, 0) == 1);
    near(fisher_lower(0, 1, 1, 1), 0.5, 1e-12);
    near(fisher_lower(10, 10, 10, 10), 1, 1e-12);
    assert_true(isnan(fisher_lower(2, 1, 0, 1)) && isnan(fisher_lower(-1, 1, 0, 1)) && isnan(fisher_lower(0.5, 1, 0, 1)) &&
                isnan(fisher_lower(NAN, 1, 0, 1)));
    double p = fisher_lower(90000, 100000, 95000, 100000);
    assert_true(p >= 0 && p < 1e-100);
}

/* What it promises: of samples with one rate, at most a share of alpha is told apart. */
static void it_keeps_its_level(void **state) {
    struct random r = {7};
    unsigned told = 0;
    (void)state;
    for (int run = 0; run < 2000; run++) {
        double k1 = 0, k2 = 0;
        for (int i = 0; i < 40; i++) k1 += draw(&r, 0.85);
        for (int i = 0; i < 200; i++) k2 += draw(&r, 0.85);
        told += fisher_lower(k1, 40, k2, 200) < 0.05;
    }
    at_least(2000 - told, 2000, 0.95);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_published), cmocka_unit_test(its_ends), cmocka_unit_test(it_keeps_its_level)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
