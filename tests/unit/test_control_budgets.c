#include "test_control_rig.h"

static void a_budget_is_told(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets"));
    const char *text = buffer_text(&d->answer.body);
    static const char *const parts[] = {
        "\"name\":\"growth-month\"", "\"scope\":{\"team\":\"growth\"}", "\"mode\":\"hard\"", "\"timezone\":\"UTC\"", "\"limit_usd\":5",
        "\"spent_usd\":1.5", "\"reserved_usd\":0.25", "\"left_off\":0",
        /* nothing was recorded yet: no number is made up */
        "\"forecast_usd\":null", "\"breach_probability\":null", "\"outlook\":\"not_enough_data\""};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(text, parts[i]) == NULL) fail_msg("%s is not in %s", parts[i], text);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets?name=growth-month"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/budgets?name=other"));
}

/* A week of records in the budget's scope: the forecast is there, above what was spent, and the breach is nearly sure. */
static void a_budget_is_forecast(void **state) {
    struct desk *d = *state;
    unsigned serial = 0;
    for (int hour = 10 * 24; hour > 0; hour--) {
        struct record r;
        record_init(&r);
        r.time_us = DESK_NOW - hour * 3600 * SECOND;
        r.id = rig_id(r.time_us, ++serial);
        r.application = SLICE("support");
        r.team = hour % 2 == 0 ? SLICE("growth") : SLICE("other");
        r.status = RECORD_OK;
        r.cost_nano = 20000000 + (hour % 5) * 1000000;
        desk_keep(d, &r);
    }
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets"));
    double forecast = 0, breach = 0;
    const char *text = buffer_text(&d->answer.body), *at = strstr(text, "\"forecast_usd\":");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"forecast_usd\":%lf", &forecast), 1);
    at = strstr(text, "\"breach_probability\":");
    assert_int_equal(sscanf(at, "\"breach_probability\":%lf", &breach), 1);
    /* 500 hours to come at 0.011 USD an hour in scope, on top of 1.5 */
    assert_true(forecast > 6 && forecast < 8);
    assert_true(breach > 0.9);
}

static void a_stopped_server_says_so(void **state) {
    struct desk *d = *state;
    d->s.budgets = NULL;
    EXPECT_STATUS(503, desk_get(d, "/api/v1/budgets"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_budget_is_told, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(a_budget_is_forecast, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(a_stopped_server_says_so, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
