#include "stats/random.h"
#include "stats/shift.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MOST = 400 };
struct days {
    double y[MOST], weight[MOST];
    unsigned char season[MOST];
};

static double normal(struct random *r) {
    return sqrt(-2 * log(random_unit(r))) * cos(2 * M_PI * random_unit(r));
}

/* Weekdays differ by whole units; noise 0.1; `shift` from day k on. */
static void live(struct days *d, size_t n, size_t k, double shift, struct random *r) {
    for (size_t i = 0; i < n; i++) {
        d->season[i] = i % 7;
        d->weight[i] = i % 7 >= 5 ? 0.25 : 1;
        d->y[i] = 5 + (double)(i % 7) + 0.1 * normal(r) / sqrt(d->weight[i]) + (i >= k ? shift : 0);
    }
}

static struct shift_series of(const struct days *d, size_t n) {
    return (struct shift_series){d->y, d->weight, d->season, n};
}

/* What the closed form stands for, integrated numerically over the shift and the deviation: one season, n
 * days, the step at k; g 0 is no shift. The flat prior of the mean cancels; the deviation's is 1/s. */
static double marginal(const double *y, unsigned n, unsigned k, double g) {
    double sum = 0;
    for (double ls = -8; ls < 8; ls += 0.02) { /* ln s */
        double s = exp(ls);
        double from = g > 0 ? -40.0 : 0, to = g > 0 ? 40.0 : 0.04;
        for (double d = from; d < to; d += 0.05) {
            double mean = 0, squares = 0,
                   prior = g > 0 ? exp(-d * d / (2 * g)) / sqrt(2 * M_PI * g) * 0.05 : 1;
            for (unsigned i = 0; i < n; i++) mean += (y[i] - (i >= k ? d * s : 0)) / n;
            for (unsigned i = 0; i < n; i++) {
                double e = y[i] - (i >= k ? d * s : 0) - mean;
                squares += e * e;
            }
            sum += prior * pow(s, -(double)(n - 1)) * exp(-squares / (2 * s * s)) * 0.02;
        }
    }
    return sum;
}

static void closed_form(void **state) {
    (void)state;
    const double y[] = {1.0, 1.3, 0.8, 2.1, 2.6};
    double expected = 0;
    for (unsigned k = 1; k < 5; k++) {
        double no_shift = marginal(y, 5, k, 0);
        /* g of 1, 10, 100, 1000; the range of the integral holds the first two, the others by the same
         * formula */
        for (double g = 1; g <= 10; g *= 10) {
            double s = k * (5.0 - k) / 5, yy = 0, late = 0, mean = 7.8 / 5;
            for (unsigned i = 0; i < 5; i++) yy += (y[i] - mean) * (y[i] - mean);
            for (unsigned i = k; i < 5; i++) late += y[i] - mean;
            double r2 = late * late / (s * yy);
            double closed = pow(1 + g * s, -0.5) * pow(1 - r2 * g * s / (1 + g * s), -2);
            double integral = marginal(y, 5, k, g) / no_shift;
            if (fabs(closed / integral - 1) > 1e-3)
                fail_msg("k %u g %g: %g against %g", k, g, closed, integral);
        }
        for (double g = 1; g <= 1000; g *= 10) {
            double s = k * (5.0 - k) / 5, yy = 0, late = 0, mean = 7.8 / 5;
            for (unsigned i = 0; i < 5; i++) yy += (y[i] - mean) * (y[i] - mean);
            for (unsigned i = k; i < 5; i++) late += y[i] - mean;
            expected += pow(1 + g * s, -0.5) * pow(1 - late * late / (s * yy) * g * s / (1 + g * s), -2) / 4;
        }
    }
    struct shift_series series = {y, NULL, NULL, 5};
    struct shift_result r = shift_find(&series, 1e9);
    assert_false(r.found);
    if (fabs(r.statistic / expected - 1) > 1e-12)
        fail_msg("found %.17g, expected %.17g", r.statistic, expected);
}

/* P(false alarm within n days) <= n / threshold, and the statistic's mean is n - 1: under any season and
 * scale. */
static void false_alarms(void **state) {
    (void)state;
    enum { RUNS = 1000, DAYS = 60, THRESHOLD = 600 };
    struct random r = {99};
    struct days d;
    unsigned alarms = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        live(&d, DAYS, MOST, 0, &r);
        struct shift_series s = of(&d, DAYS);
        alarms += shift_find(&s, THRESHOLD).found;
    }
    assert_true(alarms <= RUNS * DAYS / THRESHOLD); /* at most a tenth is promised */
    assert_true(alarms >= 5);                       /* and it is not won by never looking */
}

static void finds(void **state) {
    (void)state;
    struct random r = {4};
    struct days d;
    unsigned next_day = 0, exact = 0;
    for (unsigned i = 0; i < 100; i++) {
        live(&d, 50, 30, 1.0, &r); /* ten deviations, from day 30 on */
        struct shift_series s = of(&d, 50);
        struct shift_result f = shift_find(&s, 3650);
        assert_true(f.found);
        next_day += f.alarm <= 31;
        exact += f.first == 30;
        assert_true(f.after - f.before > 0.8 && f.after - f.before < 1.2);
        assert_true(f.deviation > 0.05 && f.deviation < 0.2);
    }
    assert_true(next_day >= 90);
    assert_true(exact >= 98);
}

static void down_too(void **state) {
    (void)state;
    struct random r = {8};
    struct days d;
    live(&d, 60, 40, -0.5, &r);
    struct shift_series s = of(&d, 60);
    struct shift_result f = shift_find(&s, 3650);
    assert_true(f.found && f.first == 40 && f.after < f.before);
}

/* No answer from nothing: few days, or days without any noise. */
static void little(void **state) {
    (void)state;
    double y[] = {1, 9, 1, 9};
    struct shift_series s = {y, NULL, NULL, 0};
    for (s.n = 0; s.n <= 2; s.n++) assert_false(shift_find(&s, 100).found);
    assert_true(isnan(shift_detectable(&s, 0, 100)));
    double flat[40];
    for (unsigned i = 0; i < 40; i++) flat[i] = 0.1;
    s = (struct shift_series){flat, NULL, NULL, 40};
    struct shift_result f = shift_find(&s, 40);
    assert_false(f.found);
    assert_true(f.statistic > 38.99 && f.statistic < 39.01); /* each start counts 1 */
}

/* What is said to be detectable is detected, and half of it is not. */
static void detectable(void **state) {
    (void)state;
    struct random r = {21};
    struct days d;
    unsigned whole = 0, half = 0;
    for (unsigned i = 0; i < 100; i++) {
        live(&d, 42, 35, 0, &r);
        struct shift_series s = of(&d, 42);
        double size = 0.1 * shift_detectable(&s, 7, 3650);
        assert_true(size > 0.1 && size < 1);
        for (unsigned j = 35; j < 42; j++) d.y[j] += size;
        whole += shift_find(&s, 3650).found;
        for (unsigned j = 35; j < 42; j++) d.y[j] -= size / 2;
        half += shift_find(&s, 3650).found;
    }
    assert_true(whole >= 40);
    assert_true(half <= 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_form), cmocka_unit_test(false_alarms), cmocka_unit_test(finds),
        cmocka_unit_test(down_too),    cmocka_unit_test(little),       cmocka_unit_test(detectable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
