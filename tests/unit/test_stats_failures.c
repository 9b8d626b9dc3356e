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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
