/* Findings over the API: listed, filtered, dismissed with a reason; how the scheduler's jobs are. */
#include "test_control_rig.h"

#include "store/findings.h"

static void see(struct desk *d, enum finding_kind kind, const char *key, const char *application,
                int64_t now_us) {
    struct finding f = {.kind = kind,
                        .key = slice_of(key),
                        .application = slice_of(application),
                        .title = SLICE("\x1b[31mred"),
                        .evidence = SLICE("{\"statistic\":0.9}"),
                        .command = SLICE("quarterdeck budget list")};
    struct findings_look look = {.seen = &f, .n_seen = 1};
    struct findings_change change;
    assert_int_equal(findings_put(d->s.registry, &look, now_us, NULL, &change, NULL), FAULT_NONE);
}

static unsigned listed(struct desk *d, const char *query) {
    char target[200];
    snprintf(target, sizeof target, "/api/v1/findings%s", query);
    EXPECT_STATUS(200, desk_get(d, target));
    return json_size(&d->doc, json_get(&d->doc, 0, "findings"));
}

static void fill(struct desk *d) {
    see(d, FINDING_UNKNOWN_PRICE, "a", "support", DESK_NOW - 2 * SECOND);
    see(d, FINDING_OVER_PLAN, "b", "billing", DESK_NOW - SECOND);
    see(d, FINDING_UNKNOWN_PRICE, "c", NULL, DESK_NOW);
}

static void list(void **state) {
    struct desk *d = *state;
    assert_int_equal(listed(d, ""), 0);
    EXPECT(d, "open.unknown_price", "0");
    fill(d);
    assert_int_equal(listed(d, ""), 3);
    EXPECT(d, "findings.0.application", "null");
    EXPECT(d, "findings.2.application", "support");
    EXPECT(d, "findings.2.kind", "unknown_price");
    EXPECT(d, "findings.2.domain", "cost");
    EXPECT(d, "findings.2.state", "open");
    EXPECT(d, "findings.2.evidence.statistic", "0.9");
    EXPECT(d, "findings.2.command", "quarterdeck budget list");
    EXPECT(d, "findings.2.first_seen", "2025-11-08T09:59:58.000000Z");
    EXPECT(d, "findings.2.dismissed", "null");
    EXPECT(d, "open.unknown_price", "2");
    assert_int_equal(listed(d, "?application=support"), 1);
    assert_int_equal(listed(d, "?application=billing&kind=cost_anomaly"), 0); /* it is configured: no finding is an answer */
    EXPECT_STATUS(404, desk_get(d, "/api/v1/findings?application=suport"));
    assert_int_equal(listed(d, "?kind=unknown_price&domain=cost&state=open"), 2);
    assert_int_equal(listed(d, "?kind=cost_anomaly"), 0);
    assert_int_equal(listed(d, "?limit=2"), 2);
    assert_int_equal(listed(d, "?state=cleared"), 0);
    EXPECT_STATUS(400, desk_get(d, "/api/v1/findings?state=ajar"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/findings?kind=x"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/findings?limit=0"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/findings?domain=weather"));
}

static unsigned told;

static void changed(void *ctx) {
    (void)ctx;
    told++;
}

static void dismiss(void **state) {
    struct desk *d = *state;
    fill(d);
    told = 0;
    d->s.findings_changed = changed;
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/findings/1/dismiss", ""));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/findings/1/dismiss", "{\"reason\":\"  \"}"));
    EXPECT_MESSAGE(d, "why it is dismissed");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/findings/x/dismiss", "{\"reason\":\"y\"}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/findings/99/dismiss", "{\"reason\":\"y\"}"));
    EXPECT_STATUS(405, desk_get(d, "/api/v1/findings/1/dismiss"));
    assert_int_equal(told, 0);
    assert_int_equal(listed(d, "?state=open"), 3);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/findings/1/dismiss", "{\"reason\":\" it is free \"}"));
    EXPECT(d, "state", "dismissed");
    EXPECT(d, "dismissed.reason", "it is free");
    EXPECT(d, "dismissed.at", "2025-11-08T10:00:00.000000Z");
    assert_int_equal(told, 1);
    assert_int_equal(listed(d, "?state=open"), 2);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.action", "finding.dismiss");
    EXPECT(d, "entries.0.subject", "finding/1");
    EXPECT(d, "entries.0.reason", "it is free");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/findings/1/dismiss", "{\"reason\":\"again\"}"));
    EXPECT(d, "dismissed.reason", "it is free");
    assert_int_equal(told, 1);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit")); /* nothing happened, so there is nothing to remember */
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "entries")), 1);
}

static void two_jobs(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg) {
    (void)ctx;
    each(arg, &(struct job_state){.name = "good",
                                  .runs = 3,
                                  .started_us = DESK_NOW,
                                  .succeeded_us = DESK_NOW,
                                  .took_us = 1500,
                                  .every_s = 60});
    each(arg,
         &(struct job_state){
             .name = "bad", .runs = 1, .failures = 1, .age_s = 500, .overdue = true, .error = "disk full"});
}

static void jobs(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/status"));
    EXPECT(d, "jobs", "null");
    EXPECT(d, "batches", "null");
    d->s.jobs = two_jobs;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/status"));
    EXPECT(d, "jobs.0.name", "good");
    EXPECT(d, "jobs.0.seconds", "0.0015");
    EXPECT(d, "jobs.0.error", "null");
    EXPECT(d, "jobs.1.last_run", "null");
    EXPECT(d, "jobs.1.overdue", "true");
    EXPECT(d, "jobs.1.error", "disk full");
}

static void without_a_registry(void **state) {
    struct desk *d = *state;
    registry_close(d->s.registry);
    d->s.registry = NULL;
    EXPECT_STATUS(503, desk_get(d, "/api/v1/findings"));
    EXPECT_STATUS(503, desk_do(d, "POST", "/api/v1/findings/1/dismiss", "{\"reason\":\"x\"}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(list, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(dismiss, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(jobs, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(without_a_registry, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
