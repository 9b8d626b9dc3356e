/* Numbers computed apart, with 40 digits (mpmath): gammainc for Garwood's limits, the two moments for the fit. */
#include "stats/special.h"
#include "stats/tail.h"
#include "test_stats_rig.h"

static void limits_of_counts(void **state) {
    (void)state;
    near(poisson_upper(0, 0.95), 2.99573227355399, 1e-12);
    near(poisson_upper(1, 0.95), 4.74386451839058, 1e-12);
    near(poisson_upper(5, 0.975), 11.6683320793227, 1e-11);
    near(poisson_upper(100, 0.975), 121.626793792426, 1e-10);
    near(poisson_lower(1, 0.95), 0.0512932943875505, 1e-13);
    near(poisson_lower(5, 0.975), 1.62348639011842, 1e-12);
    near(poisson_lower(100, 0.975), 81.3639912509231, 1e-10);
    assert_true(poisson_lower(0, 0.95) == 0 && isnan(poisson_upper(-1, 0.95)) && isnan(poisson_lower(1, 1)));
    near(special_gamma_cdf(0.1, 0.5), 0.34527915398142298, 1e-14);
    near(special_gamma_cdf(3, 5), 0.18473675547622793, 1e-14);
    near(special_gamma_cdf(10, 3.5), 0.99443031692705443, 1e-14);
    near(special_gamma_cdf(200, 180), 0.9283278737774708, 1e-12);
    for (double p = 0.0001; p < 1; p += 0.0499)
        for (double a = 0.3; a < 2000; a *= 3) near(special_gamma_cdf(special_gamma_quantile(p, a), a), p, 1e-11);
    assert_true(isinf(special_gamma_quantile(1, 2)) && special_gamma_quantile(0, 2) == 0 && isnan(special_gamma_cdf(1, 0)));
}

static void a_fit(void **state) {
    (void)state;
    double of[] = {2.3, 2.1, 2.8, 4.5, 2.4, 3.1, 2.2, 2.6, 7.0, 3.7}, high;
    struct tail_peaks p = {of, COUNT_OF(of), 2, 20};
    struct tail_fit f = tail_fit(&p);
    bool beyond;
    near(f.shape, 0.26763060973946256, 1e-12);
    near(f.scale, 0.93010912563088255, 1e-12);
    near(f.rate, 0.5, 0);
    near(f.rate_high, poisson_upper(10, 0.95) / 20, 0);
    near(tail_rate(&p, &f, 6, &high), 0.028581710434959414, 1e-13);
    near(high, 0.028581710434959414 * f.rate_high / f.rate, 1e-13);
    near(tail_rate(&p, &f, 2, &high), 0.5, 1e-15);
    assert_true(isnan(tail_rate(&p, &f, 1.9, &high)) && isnan(high));
    near(tail_level(&p, &f, 1.0 / 30, &beyond), 2 + 3.6985670274129755, 1e-12);
    assert_false(beyond);
    double level = tail_level(&p, &f, 0.001, &beyond);
    assert_true(beyond && level > 7);
    near(tail_rate(&p, &f, level, &high), 0.001, 1e-12);
    near(tail_level(&p, &f, 0.5, &beyond), 2, 0);
}

static void an_end_that_was_passed(void **state) {
    (void)state;
    double even[] = {1.31, 1.42, 1.5, 1.61, 1.72, 1.8, 1.9, 2.0, 2.05, 2.1}, high; /* shape -2.3: held */
    struct tail_peaks p = {even, COUNT_OF(even), 1, 10};
    struct tail_fit f = tail_fit(&p);
    near(f.shape, -0.5, 0);
    near(f.scale, 0.741 * 1.5, 1e-12);
    assert_true(tail_rate(&p, &f, 1 + 0.741 * 3.001, &high) == 0 && high == 0);
    double far[] = {1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 1.9, 4.5}; /* its end would lie at 4.2 or so */
    p = (struct tail_peaks){far, COUNT_OF(far), 1, 10};
    f = tail_fit(&p);
    near(f.shape, 0, 0);
    assert_true(tail_rate(&p, &f, 4.5, &high) > 0);
}

static void few_peaks(void **state) {
    (void)state;
    double of[] = {5, 9, 7}, high;
    bool beyond;
    struct tail_peaks p = {of, 3, 4, 30}, none = {NULL, 0, 4, 30}, never = {of, 3, 4, 0};
    struct tail_fit f = tail_fit(&p);
    assert_true(isnan(f.shape) && isnan(f.scale));
    near(tail_rate(&p, &f, 5, &high), 2.0 / 30, 1e-15);
    near(high, poisson_upper(2, 0.95) / 30, 1e-15);
    near(tail_level(&p, &f, 1.0 / 30, &beyond), 7, 0); /* one is beyond 7 */
    near(tail_level(&p, &f, 0.02, &beyond), 9, 0);
    near(tail_level(&p, &f, 0.1, &beyond), 4, 0);
    f = tail_fit(&none);
    assert_true(f.rate == 0 && isinf(tail_level(&none, &f, 0.1, &beyond)));
    near(tail_rate(&none, &f, 4, &high), 0, 0);
    near(high, poisson_upper(0, 0.95) / 30, 1e-15);
    f = tail_fit(&never);
    assert_true(isnan(f.rate) && isinf(tail_level(&never, &f, 0.1, &beyond)) && isnan(tail_rate(&never, &f, 5, &high)));
    double same[] = {4, 4, 4, 4, 4, 4, 4, 4}; /* nothing beyond the level at all */
    p = (struct tail_peaks){same, 8, 4, 8};
    f = tail_fit(&p);
    assert_true(isnan(f.scale));
}

/* Levels beyond all that was seen are passed about as often as they were meant to be. */
static void levels_hold(void **state) {
    (void)state;
    enum { RUNS = 1000, PEAKS = 60 };
    const double shapes[] = {-0.2, 0.0001, 0.2};
    struct random random = {30};
    for (unsigned s = 0; s < COUNT_OF(shapes); s++) {
        double sum = 0, shape = shapes[s], peaks[PEAKS];
        unsigned beyond_all = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            for (unsigned i = 0; i < PEAKS; i++) peaks[i] = 3 + 2 / shape * (pow(random_unit(&random), -shape) - 1);
            struct tail_peaks p = {peaks, PEAKS, 3, 30};
            struct tail_fit f = tail_fit(&p);
            bool beyond;
            double x = tail_level(&p, &f, 1.0 / 30, &beyond);
            sum += 2 * pow(fmax(0, 1 + shape * (x - 3) / 2), -1 / shape) * 30; /* of the truth: times in 30 days; 1 is meant */
            beyond_all += beyond;
        }
        if (!(sum / RUNS > 0.8 && sum / RUNS < 1.7)) fail_msg("shape %g: %g times a month instead of 1", shape, sum / RUNS);
        assert_true(beyond_all > RUNS / 10);
    }
}

/* What is told to be at most so often is: of heavy tails in 7 of 10 histories, of lighter ones in 4 of 5 and more. */
static void limits_hold(void **state) {
    (void)state;
    enum { RUNS = 150, DAYS = 14, A_DAY = 4, PEAKS = DAYS * A_DAY };
    const double shapes[] = {-0.2, 0.0001, 0.2}, wanted = 1.0 / 30;
    struct random random = {31};
    struct tail_draws *d = malloc(sizeof *d);
    for (unsigned s = 0; s < COUNT_OF(shapes); s++) {
        double shape = shapes[s], peaks[PEAKS], high;
        unsigned day[PEAKS], kept = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            for (unsigned i = 0; i < PEAKS; i++) {
                peaks[i] = 3 + 2 / shape * (pow(random_unit(&random), -shape) - 1);
                day[i] = i / A_DAY;
            }
            struct tail_peaks p = {peaks, PEAKS, 3, DAYS};
            assert_true(tail_draw(&p, day, DAYS, d));
            double x = tail_drawn_level(d, wanted), mean = tail_drawn_rate(d, x, &high);
            near(high, wanted, 1e-9);
            assert_true(mean < high && mean > 0);
            kept += A_DAY * pow(fmax(0, 1 + shape * (x - 3) / 2), -1 / shape) <= wanted;
        }
        if (kept < 0.68 * RUNS) fail_msg("shape %g: kept in %u of %d", shape, kept, RUNS);
    }
    double clustered[16], high; /* one bad day of eight has nine of them: how often they come is less known than of two a day */
    unsigned together[16], apart[16];
    for (unsigned i = 0; i < 16; i++) {
        clustered[i] = 1.1 + 0.1 * i;
        together[i] = i < 9 ? 0 : i - 8;
        apart[i] = i / 2;
    }
    struct tail_peaks c = {clustered, 16, 1, 8};
    assert_true(tail_draw(&c, together, 8, d));
    (void)tail_drawn_rate(d, 1, &high);
    assert_true(high > 3.2);
    assert_true(tail_draw(&c, apart, 8, d));
    (void)tail_drawn_rate(d, 1, &high);
    near(high, 2, 0.3);
    double of[] = {5, 9, 7};
    unsigned day[] = {0, 1, 2};
    assert_false(tail_draw(&(struct tail_peaks){of, 3, 4, 30}, day, 3, d));
    free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_of_counts), cmocka_unit_test(a_fit),      cmocka_unit_test(an_end_that_was_passed),
        cmocka_unit_test(few_peaks),        cmocka_unit_test(levels_hold), cmocka_unit_test(limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
