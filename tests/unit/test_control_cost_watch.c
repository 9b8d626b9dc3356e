/* Over the API: did the cost of a request shift, and what would lower it. */
#include "test_control_rig.h"

#define DAYS 60
#define DAY_REQUESTS 24
#define LAST_DAY (RIG_START / RIG_DAY - 1) /* the last whole one at DESK_NOW: 2025-11-07 */

/* Each day's answers are about 100 tokens, a little more or less, from `since` on `output` of them. */
static void keep_days(struct desk *d, const char *type, int64_t since, int64_t output) {
    uint64_t number = d->rig->seed;
    for (int64_t day = LAST_DAY - DAYS + 1; day <= LAST_DAY; day++)
        for (int64_t i = 0; i < DAY_REQUESTS; i++) {
            struct record r;
            rig_record(&r, day * RIG_DAY + i * RIG_DAY / DAY_REQUESTS, number++);
            r.request_type = slice_of(type);
            r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
            r.usage.input = 1000;
            r.usage.output = (day >= since ? output : 100) + (int64_t)rig_below(d->rig, 21) - 10;
            r.has_system_prompt = true;
            memset(r.system_prompt_hash, day >= since ? 0xbb : 0xaa, sizeof r.system_prompt_hash);
            r.charge = (struct charge){
                1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT,
                {[CHARGE_INPUT] = r.usage.input * 150, [CHARGE_OUTPUT] = r.usage.output * 600}};
            r.cost_nano = r.charge.nano[CHARGE_INPUT] + r.charge.nano[CHARGE_OUTPUT];
            desk_keep(d, &r);
        }
    d->rig->seed += 1000000;
}

static unsigned size_of(struct desk *d, const char *member) {
    return json_size(&d->doc, json_get(&d->doc, 0, member));
}

static void anomalies(void **state) {
    struct desk *d = *state;
    keep_days(d, "draft", LAST_DAY - 19, 300); /* 20 days of threefold answers: since 2025-10-19 */
    keep_days(d, "steady", INT64_MAX, 0);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/anomalies"));
    EXPECT(d, "first_day", "2025-09-09");
    EXPECT(d, "last_day", "2025-11-07");
    EXPECT(d, "timezone", "UTC");
    EXPECT(d, "findings", "1");
    EXPECT(d, "false_alarm_days", "365");
    assert_int_equal(size_of(d, "types"), 2);
    EXPECT(d, "types.0.request_type", "draft");
    EXPECT(d, "types.0.verdict", "shifted");
    EXPECT(d, "types.0.shifts.0.meter", "answers");
    EXPECT(d, "types.0.shifts.0.first_day", "2025-10-19");
    EXPECT(d, "types.0.shifts.0.system_prompt.value", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    EXPECT(d, "types.0.shifts.0.prompt", "null");
    /* 200 tokens more of 600 nano-dollars, 24 times a day, less what chance does */
    double usd = strtod(desk_at(d, "types.0.shifts.0.usd_month"), NULL);
    assert_float_equal(usd, 200 * 600e-9 * DAY_REQUESTS * 365.25 / 12, 0.002);
    EXPECT(d, "types.1.request_type", "steady");
    EXPECT(d, "types.1.verdict", "none");
    EXPECT(d, "types.1.evidence.days", "60");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/anomalies?to=2025-11-08")); /* midnight: the same days */
    EXPECT(d, "first_day", "2025-09-09");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/anomalies?timezone=Asia/Tokyo&to=2025-11-07T15:00:00Z"));
    EXPECT(d, "first_day", "2025-09-09");
    EXPECT(d, "last_day", "2025-11-07"); /* it ended at 15:00 UTC */
    EXPECT_STATUS(200,
                  desk_get(d, "/api/v1/cost/anomalies?timezone=Asia/Tokyo&from=2025-11-04&to=2025-11-07"));
    EXPECT(d, "timezone", "Asia/Tokyo");
    EXPECT(d, "first_day", "2025-11-05"); /* 4 November began before the window */
    EXPECT(d, "last_day", "2025-11-06");
    EXPECT(d, "findings", "0");
    EXPECT(d, "types.0.verdict", "not_enough_data");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/anomalies?application=nobody"));
    assert_int_equal(size_of(d, "types"), 0);
}

static void review(void **state) {
    struct desk *d = *state;
    keep_days(d, "draft", INT64_MAX, 0);
    desk_drain(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/review"));
    EXPECT(d, "from", "2025-10-09T10:00:00.000000Z");
    EXPECT(d, "first", "2025-10-09T10:00:00.000000Z");
    EXPECT(d, "verdict", "actions");
    EXPECT(d, "actions.0.usd_month", "null");
    EXPECT(d, "actions.0.action", "exact_cache");
    EXPECT(d, "actions.0.act",
           "applications: {support: {request_types: {draft: {cache: {exact: {ttl: 1h}}}}}}");
    assert_true(size_of(d, "not_answered") > 0);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/cost/review?application=billing"));
    EXPECT(d, "verdict", "not_enough_data");
    EXPECT(d, "first", "null");
    EXPECT(d, "spend_usd_month", "null");
}

static void mistakes(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/anomalies?timezone=Europe/Londn"));
    EXPECT_MESSAGE(d, "`Europe/London`?");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/anomalies?timezone=../../etc/passwd"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/anomalies?from=-3h"));
    EXPECT_MESSAGE(d, "whole days");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/review?from=-500d"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/cost/review?colour=red"));
    d->s.ledger = (ledger_close(d->s.ledger), NULL);
    EXPECT_STATUS(503, desk_get(d, "/api/v1/cost/anomalies"));
    EXPECT_STATUS(503, desk_get(d, "/api/v1/cost/review"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(anomalies, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(review, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(mistakes, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
