/* Published values: Student's t from inspect_ai's tests, Clopper-Pearson limits from R by way of statsmodels.
 */
#include "stats/special.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void near(double a, double b, double relative) {
    if (!(fabs(a - b) <= relative * fabs(b) + 1e-300)) fail_msg("found %.17g, expected %.17g", a, b);
}

static void student(void **state) {
    (void)state;
    /* the published ones of 1 and 9 degrees are 2e-11 off what the closed forms give */
    near(special_t_quantile(0.975, 1), 12.706204736432095, 1e-10);
    near(special_t_quantile(0.975, 4), 2.7764451051977987, 1e-13);
    near(special_t_quantile(0.975, 9), 2.2621571627409915, 1e-10);
    near(special_t_quantile(0.975, 30), 2.0422724563012373, 1e-13);
    near(special_t_quantile(0.975, 1000), 1.9623390808264078, 1e-10);
    near(special_t_quantile(0.975, 1), tan(M_PI * 0.475), 1e-13);
    near(special_t_quantile(0.975, 2), 0.95 / sqrt(2 * 0.975 * 0.025), 1e-13);
    near(special_t_quantile(0.025, 9), -2.262157162798205, 1e-13); /* Abramowitz and Stegun 26.7.3 */
    near(special_t_cdf(1, 1), 0.75, 1e-14);
    assert_true(special_t_quantile(0.5, 3) == 0);
    assert_true(isnan(special_t_quantile(0.5, 0)));
    assert_true(isnan(special_t_quantile(1.5, 3)));
}

static void clopper_pearson(double k, double n, double low, double high) {
    near(special_beta_quantile(0.025, k, n - k + 1), low, 2e-7);
    near(special_beta_quantile(0.975, k + 1, n - k), high, 2e-7);
}

static void beta(void **state) {
    (void)state;
    clopper_pearson(18, 20, .683017286, .987651473);
    clopper_pearson(4, 200, .005475566, .050413609);
    near(special_beta_quantile(0.975, 1, 30), .115703308, 1e-8); /* 0 of 30 */
    near(special_beta_cdf(0.3, 1, 1), 0.3, 1e-14);
    near(special_beta_cdf(0.25, 2, 1), 0.0625, 1e-13);
    assert_true(special_beta_cdf(-1, 2, 3) == 0 && special_beta_cdf(2, 2, 3) == 1);
    assert_true(isnan(special_beta_cdf(0.5, 0, 1)));
}

static void normal(void **state) {
    (void)state;
    near(special_normal_quantile(0.975), 1.959963984540054, 1e-14);
    near(special_normal_quantile(0.8), 0.8416212335729143, 1e-14);
    near(special_normal_quantile(1e-12), -7.034483825301131, 1e-13);
    assert_true(special_normal_quantile(0.5) > -1e-15 && special_normal_quantile(0.5) < 1e-15);
    assert_true(isinf(special_normal_quantile(1)) && special_normal_quantile(0) < 0);
}

static void round_trips(void **state) {
    (void)state;
    for (double p = 0.001; p < 1; p += 0.0173) {
        near(special_normal_cdf(special_normal_quantile(p)), p, 1e-9);
        for (double df = 0.5; df < 500; df *= 3) near(special_t_cdf(special_t_quantile(p, df), df), p, 1e-9);
        for (double a = 0.4; a < 300; a *= 4)
            near(special_beta_cdf(special_beta_quantile(p, a, 2.5), a, 2.5), p, 1e-9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student),
        cmocka_unit_test(beta),
        cmocka_unit_test(normal),
        cmocka_unit_test(round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
