/* Thresholds of alert rules over the API: proposed from records, tried, accepted, and gone when their rule changes. */
#include "test_control_rig.h"

#include "stats/random.h"

#include <math.h>

#define MINUTE (60 * SECOND)
#define DAY (1440 * MINUTE)
#define RULES(window)                                                                                         \
    DESK_CONFIG "alerts:\n"                                                                                   \
                "  - {name: slow, when: {metric: latency.p99, window: " window ", above: 2s, min_samples: 1}, severity: warning}\n" \
                "  - {name: promised, calibrate: never, when: {metric: latency.p50, window: 5m, above: 2s}, severity: warning}\n" \
                "  - {name: odd, when: {metric: errors.rate, window: 5m, anomaly: {alarms_per_month: 1}}, severity: warning}\n"

static void fill(struct desk *d, double days) {
    struct random random = {9};
    uint64_t number = 0;
    for (int64_t ago = (int64_t)(days * (double)DAY); ago > 0; ago -= 10 * MINUTE)
        for (unsigned i = 0; i < 3; i++) {
            struct record r;
            double z = sqrt(-2 * log(random_unit(&random))) * cos(2 * M_PI * random_unit(&random));
            rig_record(&r, DESK_NOW - ago + i * SECOND, ++number);
            r.status = RECORD_OK;
            r.duration_us = (int64_t)(1e6 * exp(0.3 * z));
            desk_keep(d, &r);
            if (number % 200 == 0) desk_drain(d);
        }
    desk_drain(d);
}

static double number_at(struct desk *d, const char *path) {
    double n = NAN;
    (void)slice_to_double(slice_of(desk_at(d, path)), &n);
    return n;
}

static void from_records_to_a_threshold(void **state) {
    struct desk *d = *state;
    desk_configure(d, RULES("5m"));
    fill(d, 4);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/replay", "{}"));
    EXPECT(d, "threshold_is", "configured");
    EXPECT(d, "replay.threshold", "2");
    assert_true(number_at(d, "replay.alarms") > 5);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/replay", "{\"threshold\":\"30s\"}"));
    EXPECT(d, "threshold_is", "asked for");
    EXPECT(d, "replay.alarms", "0");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/alert-rules/slow/replay", "{\"threshold\":\"fast\"}"));
    EXPECT_MESSAGE(d, "a time such as 2s or 500ms");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/calibrate", "{\"reason\":\"it cries\",\"alarms_per_month\":\"2\"}"));
    EXPECT(d, "enough", "true");
    EXPECT(d, "threshold.state", "proposed");
    EXPECT(d, "threshold.in_force", "false");
    EXPECT(d, "threshold.why", "it cries");
    EXPECT(d, "threshold.rationale.wanted_per_month", "2");
    EXPECT(d, "threshold.rationale.series", "1");
    EXPECT(d, "command", "quarterdeck alert accept 1");
    assert_true(number_at(d, "threshold.value") > 2 && number_at(d, "threshold.clear") < number_at(d, "threshold.value"));
    assert_true(number_at(d, "then.alarms") <= 2 && number_at(d, "now.alarms") > 5);
    char value[40];
    snprintf(value, sizeof value, "%s", desk_at(d, "threshold.value"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/thresholds/1/accept", "{\"reason\":\"so be it\"}"));
    EXPECT(d, "state", "accepted");
    EXPECT(d, "in_force", "true");
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/thresholds/1/accept", "{}"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/replay", "{}"));
    EXPECT(d, "threshold_is", "calibrated");
    EXPECT(d, "replay.threshold", value);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.action", "threshold.accept");
    EXPECT(d, "entries.0.reason", "so be it");
    EXPECT(d, "entries.1.action", "threshold.propose");
    EXPECT(d, "entries.1.subject", "alert-rule/slow");
    desk_configure(d, RULES("10m")); /* what it was learned of is not what the rule says now */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/thresholds?rule=slow&state=accepted"));
    EXPECT(d, "thresholds.0.in_force", "false");
    EXPECT(d, "thresholds.0.not_in_force_because", "the rule's condition was changed since: calibrate again");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/replay", "{}"));
    EXPECT(d, "threshold_is", "configured");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/calibrate", "{}"));
    desk_configure(d, RULES("5m"));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/thresholds/2/accept", "{}"));
    EXPECT_MESSAGE(d, "condition was changed");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/thresholds/2/refuse", "{\"reason\":\"no\"}"));
    EXPECT(d, "state", "refused");
    desk_configure(d, DESK_CONFIG);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/thresholds"));
    EXPECT(d, "thresholds.1.not_in_force_because", "its rule is not configured any more");
}

static void refused(void **state) {
    struct desk *d = *state;
    desk_configure(d, RULES("5m"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/calibrate", "{}"));
    EXPECT(d, "enough", "false");
    EXPECT(d, "threshold", "null");
    assert_non_null(strstr(desk_at(d, "words"), "no data"));
    fill(d, 1);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/alert-rules/slow/calibrate", "{}"));
    EXPECT(d, "enough", "false");
    assert_non_null(strstr(desk_at(d, "words"), "ask again in "));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/alert-rules/slwo/calibrate", "{}"));
    EXPECT_MESSAGE(d, "did you mean `slow`");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/alert-rules/promised/calibrate", "{}"));
    EXPECT_MESSAGE(d, "calibrate: never");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/alert-rules/odd/calibrate", "{}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/alert-rules/odd/replay", "{}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/alert-rules/slow/calibrate", "{\"alarms_per_month\":\"-1\"}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/thresholds/7/accept", "{}"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/thresholds"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "thresholds")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_records_to_a_threshold, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(refused, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
