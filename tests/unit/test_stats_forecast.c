#include "stats/forecast.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void near(double a, double b, double within) {
    if (!(fabs(a - b) <= within)) fail_msg("found %.17g, expected %.17g", a, b);
}

/* Burn: a budget of 1000 with 240 of 720 hours gone and 300 spent, now at 2 an hour. */
static void burn(void **state) {
    (void)state;
    near(forecast_burn(2, 1, 700, 480), 1.3714285714285714, 1e-12);
    near(700 / 2.0, 350, 0);                                  /* the hours until it is gone: before the 480 */
    assert_true(forecast_burn(300.0 / 240, 1, 700, 480) < 1); /* the naive mean sees no breach */
    near(forecast_burn_factor(0.02, 1, 720), 14.4, 1e-12);
    near(forecast_burn_factor(0.05, 6, 720), 6, 1e-12);
    near(forecast_burn_factor(0.10, 24, 720), 3, 1e-12);
    near(forecast_burn_factor(0.10, 72, 720), 1, 1e-12);
    near(forecast_burn_factor(0.02, 1, 672), 13.44, 1e-12);
    near(forecast_burn_factor(0.05, 6, 672), 5.6, 1e-12);
    near(forecast_burn_factor(0.10, 24, 672), 2.8, 1e-12);
    near(forecast_burn_factor(0.10, 72, 672), 0.93333333333333333, 1e-12);
    assert_true(isinf(forecast_burn(1, 1, 0, 10)));
    assert_true(forecast_burn(0, 1, 0, 10) == 0);
}

enum { MOST = 24 * 90 };
struct world {
    double hours[MOST];
    uint8_t week[MOST];
    double total_ahead; /* what came true */
};

static double normal(struct random *r) {
    return sqrt(-2 * log(random_unit(r))) * cos(2 * M_PI * random_unit(r));
}

/* Spend with office hours and quiet week-ends: days vary by `sd`, hours within them by half as much. */
static double mean_hour(unsigned week) {
    double office = week % 24 >= 8 && week % 24 < 18 ? 10 : 1;
    return week / 24 >= 5 ? office / 5 : office;
}

static void live(struct world *w, size_t history, size_t ahead, double sd, double level, struct random *r) {
    double day = 1;
    w->total_ahead = 0;
    for (size_t i = 0; i < history + ahead; i++) {
        w->week[i] = i % HOURS_OF_WEEK;
        if (i % 24 == 0) day = exp(sd * normal(r) - sd * sd / 2);
        double x = mean_hour(w->week[i]) * level * day * exp(sd / 2 * normal(r) - sd * sd / 8);
        if (i < history) w->hours[i] = x;
        else w->total_ahead += x;
    }
}

static struct forecast ask(const struct world *w, size_t history, size_t ahead, double spent, double limit) {
    struct forecast_question q = {w->hours, history, w->week, ahead, 1, 1, spent, limit, 42};
    struct forecast f;
    forecast_run(&q, &f);
    return f;
}

/* Without noise the forecast is the profile itself, and its bands close on it. */
static void exact_season(void **state) {
    (void)state;
    struct world w;
    struct random r = {1};
    live(&w, 24 * 28, 24 * 10, 0, 1, &r);
    struct forecast f = ask(&w, 24 * 28, 24 * 10, 100, 100 + w.total_ahead + 1);
    assert_int_equal(f.confidence, FORECAST_SEASONAL);
    assert_int_equal(f.days, 28);
    near(f.level, 1, 1e-9);
    near(f.expected, 100 + w.total_ahead, 1e-6);
    near(f.p10, f.p90, 1e-6);
    assert_true(f.breach == 0 && isinf(f.eta_p50));
    f = ask(&w, 24 * 28, 24 * 10, 100, 100 + w.total_ahead - 1);
    assert_true(f.breach == 1);
    assert_true(f.eta_p50 > 216 && f.eta_p50 < 240); /* on the last day */
    /* the hour it happens: 1 an hour until 08:00, then 10 */
    f = ask(&w, 24 * 28, 24 * 10, 100, 100 + 8 + 25);
    near(f.eta_p50, 10.5, 1e-6);
}

/* A level that doubles is followed: half of it after two days. */
static void level_follows(void **state) {
    (void)state;
    struct world w;
    struct random r = {1};
    live(&w, 24 * 28, 24 * 10, 0, 1, &r);
    for (size_t i = 24 * 21; i < 24 * 28; i++) w.hours[i] *= 2;
    struct forecast f = ask(&w, 24 * 28, 24 * 10, 0, NAN);
    assert_true(isnan(f.breach));
    double weekly = 0;
    for (unsigned i = 0; i < HOURS_OF_WEEK; i++) weekly += mean_hour(i);
    f = ask(&w, 24 * 28, HOURS_OF_WEEK, 0, NAN);
    assert_true(f.expected > 1.75 * weekly && f.expected < 2.05 * weekly);
}

static void parts_of_hours(void **state) {
    (void)state;
    struct world w;
    struct random r = {1};
    struct forecast f;
    live(&w, 24 * 14, 24, 0, 1, &r);
    struct forecast_question q = {w.hours, 24 * 14, w.week, 2, 0.25, 0.5, 7, NAN, 1};
    forecast_run(&q, &f);
    near(f.expected, 7.75, 1e-9); /* 1 an hour at night */
}

static void short_histories(void **state) {
    (void)state;
    struct world w;
    struct random r = {5};
    live(&w, 24 * 6, 24 * 10, 0.3, 1, &r);
    struct forecast f = ask(&w, 24 * 6, 24 * 10, 50, 1000);
    assert_int_equal(f.confidence, FORECAST_LOW);
    assert_int_equal(f.days, 6);
    assert_true(f.p10 < f.expected && f.expected < f.p90 && f.breach > 0 && f.breach < 1);
    f = ask(&w, 47, 24, 50, 1000);
    assert_int_equal(f.confidence, FORECAST_NONE);
    assert_true(isnan(f.expected) && isnan(f.breach));
    f = ask(&w, 0, 24, 50, 49);
    assert_true(isnan(f.expected) && f.breach == 1 && f.eta_p50 == 0); /* certain without any history */
    for (size_t i = 0; i < 24 * 6; i++) w.hours[i] = NAN; /* the server was down: no data is not zero */
    assert_int_equal(ask(&w, 24 * 6, 24, 50, 1000).confidence, FORECAST_NONE);
    for (size_t i = 0; i < 24 * 6; i++) w.hours[i] = 0;
    f = ask(&w, 24 * 6, 24, 50, 1000);
    assert_int_equal(f.confidence, FORECAST_LOW);
    assert_true(f.expected == 50 && f.breach == 0);
}

/* Linear bands by Student: two days of 24 and 48, one ahead: 36 +- t(0.9; 1) * sqrt(288 * 1.5). */
static void linear_by_hand(void **state) {
    (void)state;
    struct world w;
    for (unsigned i = 0; i < 72; i++) {
        w.hours[i] = i < 24 ? 1 : 2;
        w.week[i] = (uint8_t)i;
    }
    struct forecast f = ask(&w, 48, 24, 100, 136);
    near(f.expected, 136, 1e-9);
    near(f.breach, 0.5, 1e-9);
    near(f.p90, 136 + 3.0776835371752527 * sqrt(288 * 1.5), 1e-6);
    near(f.p10, 100, 0); /* what is spent does not come back */
}

/* Over many histories of `days` the bands hold what they say and P(breach) is a probability. */
static void calibrate(size_t days) {
    enum { RUNS = 300, AHEAD = 24 * 12 };
    struct world w;
    struct random r = {20260301};
    unsigned below10 = 0, above90 = 0, sure = 0, sure_right = 0, unlikely = 0, unlikely_wrong = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        live(&w, 24 * days, AHEAD, 0.25, 1, &r);
        double mean = 0;
        for (unsigned h = 0; h < AHEAD; h++) mean += mean_hour((24 * days + h) % HOURS_OF_WEEK);
        double limit = mean * (0.8 + 0.4 * random_unit(&r));
        struct forecast f = ask(&w, 24 * days, AHEAD, 0, limit);
        below10 += w.total_ahead < f.p10;
        above90 += w.total_ahead > f.p90;
        if (f.breach >= 0.8) sure++, sure_right += w.total_ahead > limit;
        if (f.breach <= 0.2) unlikely++, unlikely_wrong += w.total_ahead > limit;
    }
    assert_in_range(below10, RUNS / 50, RUNS / 5); /* 10 % is 30; 2 % and 20 % would be a broken band */
    assert_in_range(above90, RUNS / 50, RUNS / 5);
    assert_true(sure > 50 && sure_right > sure * 8 / 10);
    /* the level follows two days: where it happens to stand low, this steady world makes it up again */
    assert_true(unlikely > 50 && unlikely_wrong < unlikely * 3 / 10);
}

static void calibrated(void **state) {
    (void)state;
    calibrate(28);
    calibrate(14);
}

static void repeatable(void **state) {
    (void)state;
    struct world w;
    struct random r = {3};
    live(&w, 24 * 20, 24 * 5, 0.4, 1, &r);
    struct forecast a = ask(&w, 24 * 20, 24 * 5, 10, 300), b = ask(&w, 24 * 20, 24 * 5, 10, 300);
    assert_true(a.p10 == b.p10 && a.breach == b.breach && a.p10 < a.p50 && a.p50 < a.p90);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(burn),           cmocka_unit_test(exact_season),    cmocka_unit_test(level_follows),
        cmocka_unit_test(parts_of_hours), cmocka_unit_test(short_histories), cmocka_unit_test(linear_by_hand),
        cmocka_unit_test(calibrated),     cmocka_unit_test(repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
