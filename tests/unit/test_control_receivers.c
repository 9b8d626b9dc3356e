/* The API of receivers and what they were told: what it shows, and never shows; a test of one. */
#include "incident/notice.h"
#include "store/alerts.h"
#include "test_control_rig.h"
#include "test_control_shapes.h"

#define RECEIVERS                                                                                                          \
    "receivers:\n  ops: {webhook: {url: 'https://hook.example.org:8443/s3cret-path', secret: s3cret-key}}\n"               \
    "  chat: {slack: {url: 'https://hooks.slack.com/services/s3cret-path'}}\n"                                             \
    "  mail: {email: {url: 'smtp://mail.example.org', from: qd@example.org, to: [a@example.org, b@example.org], user: u, password: s3cret-pass}}\n" \
    "alerts: [{name: slow, when: {metric: latency.p99, window: 5m, above: 2s}, severity: critical, notify: [ops]}]\n"

static void count(void *ctx) { ++*(unsigned *)ctx; }

static void shows_no_secret(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG RECEIVERS);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/receivers"));
    check_type(d, 0, SLICE("Receivers"), "receivers");
    assert_null(memmem(d->answer.body.at, d->answer.body.len, "s3cret", 6));
    EXPECT(d, "receivers.0.name", "ops");
    EXPECT(d, "receivers.0.to", "https://hook.example.org:8443");
    EXPECT(d, "receivers.0.signed", "true");
    EXPECT(d, "receivers.0.rules.0", "slow");
    EXPECT(d, "receivers.1.to", "https://hooks.slack.com");
    EXPECT(d, "receivers.1.rules.0", "absent");
    EXPECT(d, "receivers.2.to", "a@example.org,b@example.org");
    EXPECT(d, "receivers.2.last_error", "null");
}

static void who_is_called_is_told_by_the_rule(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG "receivers:\n  ops: {webhook: {url: 'http://127.0.0.1:9/x', secret: s}}\n  pager: {pagerduty: {routing_key: k}}\n"
                      "alerts:\n  - {name: slow, when: {metric: latency.p99, above: 2s}, notify: [page]}\n"
                      "oncall:\n  people: {anna: {receiver: pager}}\n"
                      "  schedules: {primary: {timezone: UTC, rotations: [{people: [anna], starts: 2026-01-05, turn: 7d}]}}\n"
                      "  escalations: {page: {steps: [{schedule: primary}]}}\n");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/receivers"));
    EXPECT(d, "receivers.0.rules.0", "absent");
    EXPECT(d, "receivers.1.rules.0", "slow");
}

static void a_test_is_a_notice(void **state) {
    struct desk *d = *state;
    unsigned asked = 0;
    struct error error;
    desk_configure(d, DESK_CONFIG RECEIVERS);
    EXPECT_STATUS(503, desk_do(d, "POST", "/api/v1/receivers/ops/test", "{}")); /* beside a stopped server */
    d->s.notify_ctx = &asked;
    d->s.notices_left = count;
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/receivers/opps/test", "{}"));
    assert_non_null(memmem(d->answer.body.at, d->answer.body.len, "did you mean `ops`", 18));
    assert_int_equal(asked, 0);
    EXPECT_STATUS(202, desk_do(d, "POST", "/api/v1/receivers/ops/test", "{\"reason\": \"a new address\"}"));
    check_type(d, 0, SLICE("ReceiverTest"), "test");
    EXPECT_STATUS(202, desk_do(d, "POST", "/api/v1/receivers/ops/test", "{}"));
    assert_int_equal(asked, 2);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/notices?receiver=ops"));
    check_type(d, 0, SLICE("Notices"), "notices");
    EXPECT(d, "notices.1.state", "waiting");
    EXPECT(d, "notices.1.status", "test");
    EXPECT(d, "notices.2", "absent");
    assert_int_equal(notice_failed(d->s.registry, 1, SLICE("it answered 500"), DESK_NOW, true, &error), FAULT_NONE);
    assert_int_equal(notice_taken(d->s.registry, 2, DESK_NOW + SECOND, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/notices?receiver=ops"));
    EXPECT(d, "notices.0.state", "taken");
    EXPECT(d, "notices.0.due", "null");
    EXPECT(d, "notices.1.state", "given up");
    EXPECT(d, "notices.1.last_error", "it answered 500");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/receivers"));
    EXPECT(d, "receivers.0.last_error", "null"); /* it took one since */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/notices?receiver=chat"));
    EXPECT(d, "notices.0", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=receiver.test"));
    EXPECT(d, "entries.1.reason", "a new address");
}

/* What stands in the registry may be damaged: it is listed, and about nothing. */
static void what_cannot_be_read_is_listed(void **state) {
    struct desk *d = *state;
    struct error error;
    const struct notice n = {.id = SLICE("x"), .receiver = SLICE("öps"), .status = SLICE("firing"), .body = SLICE("{"), .made_us = DESK_NOW, .due_us = DESK_NOW};
    const struct alerts_look look = {.notices = &n, .n_notices = 1, .now_us = DESK_NOW};
    assert_int_equal(alerts_commit(d->s.registry, &look, NULL, &error), FAULT_NONE);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/notices?receiver=%C3%B6ps"));
    check_type(d, 0, SLICE("Notices"), "notices");
    EXPECT(d, "notices.0.summary", "null");
    EXPECT(d, "notices.0.alerts.0", "absent");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/notices?limit=0"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)
    const struct CMUnitTest tests[] = {TEST(shows_no_secret), TEST(who_is_called_is_told_by_the_rule), TEST(a_test_is_a_notice),
                                       TEST(what_cannot_be_read_is_listed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
