/* Numbers computed apart, with 40 digits, from the formula in stats/detect.h (mpmath). What it promises is tried on drawn streams. */
#include "stats/detect.h"
#include "test_stats_rig.h"

static double after(double m, const double *x, unsigned n) {
    struct detector d;
    detector_begin(&d, m, 0, 1e300);
    for (unsigned i = 0; i < n; i++) (void)detector_take(&d, x[i]);
    return detector_statistic(&d);
}

static void numbers(void **state) {
    (void)state;
    near(after(0.05, (double[]){1, 0, 0, 1}, 4), 17.326310980013583, 1e-12);
    near(after(0.3, (double[]){0.2, 0.9, 0.5, 1, 0.7}, 5), 19.809266666526064, 1e-12);
    near(after(0.0001, (double[]){1, 1, 1}, 3), 63594462193.505336, 1e-2);
    double ones[50];
    for (unsigned i = 0; i < COUNT_OF(ones); i++) ones[i] = 1;
    near(after(0.9999, ones, 50), 50.048054749537181, 1e-10);
    struct detector d;
    detector_begin(&d, 0.15, 0.05, 1000);
    assert_false(detector_take_counts(&d, 10, 3));
    near(detector_statistic(&d), 5.5229849552381945, 1e-12);
    assert_true(detector_take_counts(&d, 12, 9));
    near(detector_statistic(&d), 1800.6008243527721, 1e-9);
    detector_begin(&d, 0.05, 0, 1e5);
    near(detector_delay(&d, 0.2), 86.187996070317007, 1e-9);
    assert_true(isinf(detector_delay(&d, 0.05)) && isinf(detector_delay(&d, 0)));
    detector_begin(&d, 0.3, 0, 1e4);
    near(detector_delay(&d, 0.35), 1132.8776148722375, 1e-8);
    near(detector_threshold(43200, 3), 14400, 0);
    near(detector_threshold(1, 3), 2, 0);
}

static void edges(void **state) {
    (void)state;
    struct detector d;
    detector_begin(&d, 0, 0, 100);
    near(d.normal, 1e-4, 0);
    assert_true(isnan(detector_estimate(&d)));
    assert_false(detector_take(&d, NAN) || detector_take_counts(&d, 0, 0));
    assert_true(d.n == 0 && detector_statistic(&d) == 0);
    detector_begin(&d, 0.5, 0, 100);
    for (unsigned i = 0; i < 5; i++) (void)detector_take(&d, 7); /* as 1 */
    near(detector_statistic(&d), after(0.5, (double[]){1, 1, 1, 1, 1}, 5), 0);
    for (unsigned i = 0; i < 100000; i++) assert_true(detector_take(&d, 1) || i < 9); /* nobody acts: it stays a number */
    assert_true(isfinite(detector_statistic(&d)) && detector_take_counts(&d, 1u << 30, 1u << 30) && isfinite(detector_statistic(&d)));
    assert_false(detector_take_counts(&d, 1u << 30, 0));
    assert_true(detector_statistic(&d) >= 0 && isfinite(detector_statistic(&d)));
    detector_begin(&d, 0.05, 0, 1e6); /* where hits alone are beyond what a double holds, and all together are ordinary */
    assert_false(detector_take_counts(&d, 1000000, 50000));
    assert_true(detector_statistic(&d) < 100);
}

/* A cell is at its end at most what its values would have made it in any order. */
static void cells_are_not_early(void **state) {
    (void)state;
    struct random random = {3};
    for (unsigned run = 0; run < 2000; run++) {
        double m = 0.01 + 0.9 * random_unit(&random);
        struct detector one, cell;
        detector_begin(&one, m, 0, 50);
        detector_begin(&cell, m, 0, 50);
        for (unsigned c = 0; c < 4; c++) {
            unsigned n = 1 + (unsigned)random_below(&random, 30), hits = 0;
            for (unsigned i = 0; i < n; i++) {
                bool hit = draw(&random, fmin(1, m * 1.5));
                hits += hit;
                (void)detector_take(&one, hit);
            }
            (void)detector_take_counts(&cell, n, hits);
            assert_true(detector_statistic(&cell) <= detector_statistic(&one) * (1 + 1e-9));
            assert_true(cell.n == one.n);
        }
    }
}

/* ---- the promise ---- */

enum stream { EVEN, DAILY, DEPENDENT, GRADED, STREAMS };

/* The next value of a stream that is normal: its mean, given those before, is at most m. */
static double normal_value(enum stream kind, struct random *r, double m, uint64_t at, double last) {
    switch (kind) {
    case DAILY: return draw(r, m * (0.55 + 0.45 * sin((double)at / 40)));
    case DEPENDENT: return draw(r, last > 0 ? m : at % 7 < 3 ? 0.2 * m : m); /* comes in runs, and falls silent */
    case GRADED: return draw(r, 2 * m) ? random_unit(r) : 0;
    default: return draw(r, m);
    }
}

static uint64_t run_length(enum stream kind, struct random *r, double m, double threshold, uint64_t most, bool cells) {
    struct detector d;
    double x = 0;
    detector_begin(&d, m, 0, threshold);
    while (d.n < most) {
        if (!cells) {
            x = normal_value(kind, r, m, d.n, x);
            if (detector_take(&d, x)) break;
            continue;
        }
        unsigned n = 1 + (unsigned)random_below(r, 20), hits = 0;
        for (unsigned i = 0; i < n; i++) hits += (x = normal_value(kind, r, m, d.n + i, x)) > 0;
        if (detector_take_counts(&d, n, hits)) break;
    }
    return d.n;
}

static void false_alarms_are_rare(void **state) {
    (void)state;
    enum { RUNS = 1500, A = 150, WITHIN = 30 };
    const double normals[] = {0.02, 0.1, 0.5, 0.9};
    struct random random = {20};
    for (unsigned k = 0; k < STREAMS; k++)
        for (unsigned i = 0; i < COUNT_OF(normals); i++) {
            bool cells = i % 2 == 1 && k != GRADED;
            if (k == GRADED && normals[i] > 0.5) continue;
            double sum = 0, squares = 0;
            unsigned early = 0;
            for (unsigned run = 0; run < RUNS; run++) {
                double n = (double)run_length((enum stream)k, &random, normals[i], A, 20 * A, cells); /* cut: the mean is higher still */
                sum += n;
                squares += n * n;
                early += n <= WITHIN;
            }
            double mean = sum / RUNS, se = sqrt((squares / RUNS - mean * mean) / RUNS);
            if (mean + 4 * se < A) fail_msg("%g values to a false alarm, %d promised (stream %u, m %g)", mean, A, k, normals[i]);
            at_most(early, RUNS, (double)WITHIN / A);
        }
}

/* Where each alarm begins it anew: no more than n / a of them on average. */
static void a_month_of_it(void **state) {
    (void)state;
    enum { RUNS = 400, N = 4000, WANTED = 4 };
    struct random random = {21};
    double alarms = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        struct detector d;
        double a = detector_threshold(N, WANTED), x = 0;
        detector_begin(&d, 0.05, 0, a);
        for (unsigned i = 0; i < N; i++) {
            x = normal_value(EVEN, &random, 0.05, i, x);
            if (!detector_take(&d, x)) continue;
            alarms++;
            detector_begin(&d, 0.05, 0, a);
        }
    }
    assert_true(alarms / RUNS <= WANTED + 4 * sqrt((double)WANTED / RUNS));
    assert_true(alarms / RUNS > WANTED / 40.0); /* and it is not asleep */
}

static void changes_are_found(void **state) {
    (void)state;
    enum { RUNS = 400, QUIET = 300 };
    const struct { double m, mean, threshold; } of[] = {{0.05, 0.15, 2e4}, {0.05, 0.08, 2e4}, {0.3, 0.45, 1e5}, {0.01, 0.5, 1e6}, {0.9, 0.98, 1e4}};
    struct random random = {22};
    for (unsigned i = 0; i < COUNT_OF(of); i++) {
        double delays = 0, estimates = 0;
        unsigned found = 0;
        for (unsigned run = 0; run < RUNS; run++) {
            struct detector d;
            bool alarm = false;
            detector_begin(&d, of[i].m, 0, of[i].threshold);
            for (unsigned n = 0; n < QUIET && !alarm; n++) alarm = detector_take(&d, draw(&random, of[i].m * 0.8));
            if (alarm) continue;
            uint64_t before = d.n;
            while (!detector_take(&d, draw(&random, of[i].mean))) assert_true(d.n < 1000000);
            delays += (double)(d.n - before);
            estimates += detector_estimate(&d);
            found++;
        }
        struct detector d;
        detector_begin(&d, of[i].m, 0, of[i].threshold);
        double promised = detector_delay(&d, of[i].mean), mean = delays / found;
        if (!(mean > 0.6 * promised && mean < 1.4 * promised)) fail_msg("case %u: found after %g values, about %g told", i, mean, promised);
        if (!(fabs(estimates / found - of[i].mean) < 0.75 * (of[i].mean - of[i].m)))
            fail_msg("case %u: estimated as %g, is %g", i, estimates / found, of[i].mean);
        assert_true(found > RUNS * 9 / 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),          cmocka_unit_test(edges),
        cmocka_unit_test(cells_are_not_early), cmocka_unit_test(false_alarms_are_rare),
        cmocka_unit_test(a_month_of_it),    cmocka_unit_test(changes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
