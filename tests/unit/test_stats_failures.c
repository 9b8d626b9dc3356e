/* Numbers with a source: statistics.md 1b, B1 and B5 (Lindon and Malek 2022; GrowthBook's test_ssrm.py). The rest are properties. */
#include "stats/failures.h"
#include "test_stats_rig.h"

static double p_of(double log_e) { return fmin(1, exp(-log_e)); }

static void vectors(void **state) {
    (void)state;
    near(failures_log_e_beta(0.05, 20, 12, 40), 6.6867, 5e-5);
    near(p_of(failures_log_e_beta(0.05, 20, 12, 40)), .0012473, 5e-8);
    near(p_of(failures_log_e_beta(0.05, 20, 8, 40)), .10167, 5e-6);
    near(failures_log_e_beta(0.5, 2, 10, 30), 3.4543, 5e-5);
    near(p_of(failures_log_e_beta(0.5, 2, 10, 30)), .031609, 5e-7);
    double half[] = {0.5, 0.5};
    near(ratio_mismatch_log_e((uint64_t[]){500, 600}, half, 2, 10000), .398315, 5e-7);
    near(p_of(ratio_mismatch_log_e((uint64_t[]){500, 600}, half, 2, 10000)), .67145, 5e-6);
    near(p_of(ratio_mismatch_log_e((uint64_t[]){100, 900}, half, 2, 10000)), 2.37e-13, 5e-16);
}

static double share_of(double weight, double ratio) { return weight * ratio / (weight * ratio + 1 - weight); }

/* E is a supermartingale whatever the ratio up to r0 is: before each next failure its expectation is at most what it is. */
static void fair_at_every_step(void **state) {
    (void)state;
    struct random random = {1};
    for (unsigned i = 0; i < 2000; i++) {
        double w[2] = {0.01 + 0.9 * random_unit(&random), 0.5}, r0 = 0.5 + 2 * random_unit(&random), ratio = r0 * random_unit(&random);
        struct failure_cell cells[2] = {{w[0], random_below(&random, 60), random_below(&random, 60)}, {w[1], random_below(&random, 40), random_below(&random, 40)}};
        double before = failures_log_e(cells, 2, r0), expected = 0;
        unsigned at = random_below(&random, 2) > 0;
        cells[at].candidate++;
        expected += share_of(w[at], ratio) * exp(failures_log_e(cells, 2, r0) - before);
        cells[at].candidate--;
        cells[at].control++;
        expected += (1 - share_of(w[at], ratio)) * exp(failures_log_e(cells, 2, r0) - before);
        assert_true(expected <= 1 + 1e-9);
    }
}

static void knows_little(void **state) {
    (void)state;
    struct failure_cell none[] = {{0.05, 0, 0}, {1, 7, 0}, {0, 0, 3}}; /* a weight of all or nothing tells nothing */
    assert_true(failures_log_e(none, 3, 1.5) == 0 && failures_log_e(none, 0, 1.5) == 0);
    assert_true(isnan(failures_ratio_estimate(none, 3)) && isinf(failures_needed(none, 3, 1.5, 0.05, 0.01)));
    struct failure_cell few[] = {{0.05, 0, 300}}, many[] = {{0.05, 300, 0}};
    struct interval i = failures_ratio(none, 1, 0.01), k = failures_ratio(many, 1, 0.01);
    assert_true(i.low == 0 && isinf(i.high));
    i = failures_ratio(few, 1, 0.01);
    assert_true(i.low == 0 && i.high < 1.1 && isinf(k.high) && k.low > 8 && k.low < 16);
    assert_true(failures_ratio_estimate(few, 1) == 0 && isinf(failures_ratio_estimate(many, 1)));
    assert_true(isnan(failures_log_e(few, 1, 0)) && isnan(failures_ratio(few, 1, 0).low));
    assert_true(failures_log_e(many, 1, 16) == 0); /* no ratio above is in the mixture */
    near(failures_ratio_estimate((struct failure_cell[]){{0.25, 30, 30}}, 1), 3, 1e-9);
    struct failure_cell huge[] = {{0.05, 1000000, 18000000}};
    near(failures_ratio_estimate(huge, 1), 19.0 / 18, 1e-9);
    i = failures_ratio(huge, 1, 0.01);
    assert_true(holds(i, 19.0 / 18) && i.high / i.low < 1.02);
}

static void says_how_many_more(void **state) {
    (void)state;
    struct failure_cell cell[] = {{0.05, 6, 38}}; /* about three times */
    double more = failures_needed(cell, 1, 1.5, 0.05, 0.01), theta = share_of(0.05, failures_ratio_estimate(cell, 1));
    assert_true(more > 50 && more < 500);
    cell[0].candidate += (uint64_t)llround(more * theta);
    cell[0].control += (uint64_t)llround(more * (1 - theta));
    near(failures_log_e(cell, 1, 1.5), log(100), 0.5);
    cell[0].candidate += 20;
    assert_true(failures_needed(cell, 1, 1.5, 0.05, 0.01) == 0);
    assert_true(isinf(failures_needed((struct failure_cell[]){{0.05, 2, 38}}, 1, 1.5, 0.05, 0.01))); /* not above it */
}

/* The interval holds the ratio at every failure of a run, with weights that change, for whatever ratio. */
static void interval_holds_at_every_look(void **state) {
    (void)state;
    enum { RUNS = 1000, FAILURES = 150 };
    static const double weights[] = {0.05, 0.1, 0.25};
    struct random random = {3};
    unsigned missed = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        double ratio = 0.5 * pow(8, random_unit(&random));
        struct failure_cell cells[3] = {{weights[0], 0, 0}, {weights[1], 0, 0}, {weights[2], 0, 0}};
        bool out = false;
        for (unsigned i = 0; i < FAILURES && !out; i++) {
            struct failure_cell *c = &cells[i * 3 / FAILURES];
            if (draw(&random, share_of(c->weight, ratio))) c->candidate++;
            else c->control++;
            out = !holds(failures_ratio(cells, 3, 0.1), ratio);
        }
        missed += out;
    }
    at_most(missed, RUNS, 0.1);
    assert_true(missed > RUNS / 100);
}

static void mismatch(void **state) {
    (void)state;
    double three[] = {0.05, 0.05, 0.9}, none[] = {0.5, 0};
    uint64_t one[] = {50, 50, 900}, off[] = {150, 50, 800};
    assert_true(ratio_mismatch_log_e(one, three, 3, 1000) < 0);
    assert_true(ratio_mismatch_log_e(off, three, 3, 1000) > log(1000));
    assert_true(isnan(ratio_mismatch_log_e(one, none, 2, 1000)) && isnan(ratio_mismatch_log_e(one, three, 3, 0)));
    /* the arms' order does not matter */
    near(ratio_mismatch_log_e((uint64_t[]){800, 150, 50}, (double[]){0.9, 0.05, 0.05}, 3, 1000), ratio_mismatch_log_e(off, three, 3, 1000), 1e-7);
    /* a martingale: the expectation after one more unit is what it is now */
    double now = ratio_mismatch_log_e(off, three, 3, 1000), expected = 0;
    for (unsigned i = 0; i < 3; i++) {
        off[i]++;
        expected += three[i] * exp(ratio_mismatch_log_e(off, three, 3, 1000) - now);
        off[i]--;
    }
    near(expected, 1, 1e-9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(fair_at_every_step),
        cmocka_unit_test(knows_little),
        cmocka_unit_test(says_how_many_more),
        cmocka_unit_test(interval_holds_at_every_look),
        cmocka_unit_test(mismatch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
