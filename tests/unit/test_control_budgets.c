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

/* Three values of one budget: those nearest to their limit are forecast first. */
static void three_values(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct desk *d = ctx;
    for (int i = 0; i < 3; i++) {
        struct budget_view v = {.budget = d->policy->budgets, .values = {SLICE("growth")}, .spent_nano = (i == 1 ? 3 : 1 + i / 2) * 1000000000LL};
        v.window = (struct window){DESK_NOW - 100 * 3600 * SECOND, DESK_NOW + 500 * 3600 * SECOND};
        each(arg, &v);
    }
}

/* A scope reads as it is declared. */
static void by_tag(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    struct desk *d = ctx;
    static struct budget b; /* read after this call, as a policy's is */
    b = d->policy->budgets[0];
    b.scope = (struct scope){.n_terms = 1, .terms = {{.by = SCOPE_BY_TAG, .tag = "camp"}}};
    each(arg, &(struct budget_view){.budget = &b, .values = {SLICE("spring")}, .window = {DESK_NOW - SECOND, DESK_NOW + SECOND}});
}

static void a_tag_reads_as_declared(void **state) {
    struct desk *d = *state;
    d->s.budgets = by_tag;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets"));
    EXPECT(d, "budgets.0.scope", "{\"tag\":\"camp=spring\"}");
}

static void the_nearest_are_forecast(void **state) {
    struct desk *d = *state;
    for (int hour = 10 * 24; hour > 0; hour--) {
        struct record r;
        record_init(&r);
        r.time_us = DESK_NOW - hour * 3600 * SECOND;
        r.id = rig_id(r.time_us, (unsigned)hour);
        r.application = SLICE("support");
        r.team = SLICE("growth");
        r.status = RECORD_OK;
        r.cost_nano = 1000000;
        desk_keep(d, &r);
    }
    desk_drain(d);
    d->s.budgets = three_values;
    static const struct {
        const char *target, *not_forecast;
        bool forecast[3];
    } rows[] = {{"/api/v1/budgets", "0", {true, true, true}},
                {"/api/v1/budgets?forecasts=2", "1", {false, true, true}},
                {"/api/v1/budgets?forecasts=1", "2", {false, true, false}},
                {"/api/v1/budgets?forecasts=0", "3", {false, false, false}}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        EXPECT_STATUS(200, desk_get(d, rows[i].target));
        EXPECT(d, "not_forecast", rows[i].not_forecast);
        for (int b = 0; b < 3; b++) {
            char path[40];
            snprintf(path, sizeof path, "budgets.%d.forecast_usd", b);
            assert_int_equal(strcmp(desk_at(d, path), "null") != 0, rows[i].forecast[b]);
        }
    }
    EXPECT_STATUS(400, desk_get(d, "/api/v1/budgets?forecasts=1001"));
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
        cmocka_unit_test_setup_teardown(a_tag_reads_as_declared, desk_setup, desk_teardown), cmocka_unit_test_setup_teardown(the_nearest_are_forecast, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(a_stopped_server_says_so, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
