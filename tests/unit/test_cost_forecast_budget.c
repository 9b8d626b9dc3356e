#include "cost/forecast_budget.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { HISTORY = 24 * 35, MONTH = 720, USD = 1000000000 };

/* Five weeks of a dollar an hour by day, nothing by night, then the rest of a month. */
struct world {
    double hours[HISTORY + MONTH];
    uint8_t week[HISTORY + MONTH];
};

static void live(struct world *w) {
    for (size_t i = 0; i < HISTORY + MONTH; i++) {
        w->week[i] = i % HOURS_OF_WEEK;
        w->hours[i] = i % 24 >= 12 ? USD : 0;
    }
}

/* 20 days gone (240 USD), 10 to come (120 USD). */
static struct budget_question ask(const struct world *w, int64_t limit) {
    struct budget_question q = {.limit_nano = limit * USD,
                                .spent_nano = 240LL * USD,
                                .hours = w->hours,
                                .n_hours = HISTORY,
                                .hour_of_week = w->week,
                                .n_ahead = 240,
                                .first_part = 1,
                                .last_part = 1,
                                .n_elapsed = 480,
                                .plan_over = 0.2,
                                .seed = 1};
    for (unsigned i = 0; i < BURN_TIERS; i++) q.burn_long[i].nano = q.burn_short[i].nano = MONEY_UNKNOWN;
    return q;
}

static struct budget_outlook outlook(const struct budget_question *q) {
    struct budget_outlook o;
    forecast_budget(q, &o);
    return o;
}

static void holds_or_not(void **state) {
    (void)state;
    struct world w;
    live(&w);
    struct budget_question q = ask(&w, 400);
    struct budget_outlook o = outlook(&q);
    assert_int_equal(o.alert, OUTLOOK_HOLDS);
    assert_int_equal(o.confidence, FORECAST_SEASONAL);
    assert_in_range(o.expected_nano, 360LL * USD - 1000, 360LL * USD + 1000);
    assert_true(o.breach == 0 && isinf(o.eta_p50));
    q = ask(&w, 300); /* 60 left: five of the ten days */
    o = outlook(&q);
    assert_int_equal(o.alert, OUTLOOK_FORECAST);
    assert_true(o.breach == 1 && o.forecast_alert);
    assert_true(o.eta_p50 > 119.99 && o.eta_p50 < 120 + 12.01);
    q = ask(&w, 239);
    assert_int_equal(outlook(&q).alert, OUTLOOK_BREACHED);
}

/* P(breach) of 0.6 to 0.8 keeps an alert that stands, and raises none. */
static void hysteresis(void **state) {
    (void)state;
    struct world w;
    bool between = false;
    live(&w);
    for (size_t d = 0; d < HISTORY / 24; d++)
        for (size_t h = 0; h < 24; h++) w.hours[d * 24 + h] *= d % 2 ? 1.3 : 0.7; /* uneasy days */
    for (int64_t limit = 300; limit < 440; limit += 2) {
        struct budget_question q = ask(&w, limit);
        q.plan_over = NAN;
        struct budget_outlook fresh = outlook(&q);
        q.was_alert = true;
        struct budget_outlook standing = outlook(&q);
        if (fresh.breach < 0.6) assert_int_equal(standing.alert, OUTLOOK_HOLDS);
        if (fresh.breach >= 0.6 && fresh.breach < 0.8) {
            between = true;
            assert_int_equal(fresh.alert, OUTLOOK_HOLDS);
            assert_int_equal(standing.alert, OUTLOOK_FORECAST);
        }
        if (fresh.breach >= 0.95) assert_int_equal(fresh.alert, OUTLOOK_FORECAST);
        if (fresh.breach >= 0.8 && fresh.breach < 0.95) /* days away: not yet */
            assert_int_equal(fresh.alert, fresh.eta_p50 < 48 ? OUTLOOK_FORECAST : OUTLOOK_HOLDS);
    }
    assert_true(between);
}

/* 1000 a month, 240 of 720 hours gone, 300 spent, 2 an hour now: 1.37 times what would last, with no profile.
 */
static void burn_vector(void **state) {
    (void)state;
    struct world w;
    live(&w);
    struct budget_question q = ask(&w, 1000);
    q.spent_nano = 300LL * USD;
    q.n_hours = 0;
    q.n_ahead = 480;
    q.n_elapsed = 240;
    q.burn_long[0].nano = 2LL * USD;
    q.burn_short[0].nano = 2LL * USD / 12;
    struct budget_outlook o = outlook(&q);
    assert_true(fabs(o.burn[0] - 1.3714285714285714) < 1e-6);
    assert_true(isnan(o.burn[1]) && isnan(o.breach));
    assert_int_equal(o.alert, OUTLOOK_UNKNOWN); /* and that is not good news */
    assert_int_equal(o.expected_nano, MONEY_UNKNOWN);
    q.burn_long[0].nano = 25LL * USD; /* 17 times */
    o = outlook(&q);
    assert_int_equal(o.alert, OUTLOOK_UNKNOWN); /* the last five minutes are calm: over already */
    q.burn_short[0].nano = 25LL * USD / 12;
    assert_int_equal(outlook(&q).alert, OUTLOOK_BURN);
    q.burn_minimum_nano = 26LL * USD; /* too little to speak of */
    assert_int_equal(outlook(&q).alert, OUTLOOK_UNKNOWN);
}

/* The day's dollars are expected by day: the same pace burns twice as fast against the mean hour as against
 * noon. */
static void seasonal_burn(void **state) {
    (void)state;
    struct world w;
    live(&w);
    struct budget_question q =
        ask(&w, 1000); /* the last hour is 23 to 24: a dollar is expected, twice the mean */
    q.burn_long[0].nano = 10LL * USD;
    q.burn_short[0].nano = 10LL * USD / 12;
    struct budget_outlook o = outlook(&q);
    /* 10 an hour / weight 2 against 760 left / 240 mean hours */
    assert_true(fabs(o.burn[0] - 5 / (760.0 / 240)) < 1e-6);
}

static void over_plan(void **state) {
    (void)state;
    struct world w;
    live(&w);
    struct budget_question q = ask(&w, 1000);
    q.spent_nano = 790LL * USD; /* 666.7 planned after 20 of 30 days */
    struct budget_outlook o = outlook(&q);
    assert_int_equal(o.alert, OUTLOOK_HOLDS);
    assert_true(fabs(o.plan_ratio - 1.185) < 1e-6);
    q.spent_nano = 801LL * USD;
    assert_int_equal(outlook(&q).alert, OUTLOOK_PLAN);
    q.plan_over = NAN;
    assert_int_equal(outlook(&q).alert, OUTLOOK_HOLDS);
}

static void json(void **state) {
    (void)state;
    struct world w;
    struct buffer out;
    struct json_writer writer;
    live(&w);
    struct budget_question q = ask(&w, 1000);
    q.n_hours = 0;
    q.n_elapsed = 0;
    struct budget_outlook o = outlook(&q);
    buffer_init(&out, 1 << 14);
    json_start(&writer, &out);
    budget_outlook_write_json(&o, &writer);
    assert_string_equal(
        buffer_text(&out),
        "{\"alert\":\"not_enough_data\",\"confidence\":\"none\",\"history_days\":0,"
        "\"forecast_usd\":null,\"low_usd\":null,\"median_usd\":null,\"high_usd\":null,"
        "\"breach_probability\":null,\"eta_hours\":null,\"eta_hours_early\":null,"
        "\"eta_hours_late\":null,\"burn\":[{\"hours\":1,\"factor\":null,\"alert_above\":14.4},"
        "{\"hours\":6,\"factor\":null,\"alert_above\":6},"
        "{\"hours\":24,\"factor\":null,\"alert_above\":3}],\"spent_of_plan\":null}");
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_or_not),  cmocka_unit_test(hysteresis), cmocka_unit_test(burn_vector),
        cmocka_unit_test(seasonal_burn), cmocka_unit_test(over_plan),  cmocka_unit_test(json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
