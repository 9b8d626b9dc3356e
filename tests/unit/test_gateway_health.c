/* The breaker: opens on enough failures, lets one probe through, closes or opens again. */
#include "gateway/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000LL

static struct model_route route(void) {
    struct model_route m = {.name = "m"};
    m.breaker.window = 10 * SECOND;
    m.breaker.min_requests = 4;
    m.breaker.failure_rate = 0.5;
    m.breaker.open_for = 5 * SECOND;
    return m;
}

static bool report(struct health *h, const struct model_route *m, bool ok, enum admission a, int64_t now) {
    bool opened;
    (void)health_report(h, m, ok, a, now, &opened);
    return opened;
}

static void opens_only_with_enough_requests(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    struct health *h = health_of(t, "p/m");
    int64_t now = 100 * SECOND;
    for (int i = 0; i < 3; i++) assert_false(report(h, &m, false, ADMIT_YES, now));
    assert_int_equal(health_admit(h, &m, now), ADMIT_YES);
    assert_true(report(h, &m, false, ADMIT_YES, now));
    assert_int_equal(health_admit(h, &m, now), ADMIT_NO);
    assert_int_equal(health_opens_in_us(h, now), 5 * SECOND);
    health_table_free(t);
}

static void rate_counts_successes(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    struct health *h = health_of(t, "p/m");
    int64_t now = 100 * SECOND;
    for (int i = 0; i < 5; i++) report(h, &m, true, ADMIT_YES, now);
    for (int i = 0; i < 4; i++) assert_false(report(h, &m, false, ADMIT_YES, now)); /* 4 of 9 */
    assert_true(report(h, &m, false, ADMIT_YES, now));                              /* 5 of 10 */
    health_table_free(t);
}

/* Two models may share a target and have windows of their own. */
static void windows_of_two_models_do_not_mix(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route fine = route(), coarse = route();
    struct health *h = health_of(t, "p/m");
    fine.breaker.window = SECOND;
    for (int i = 0; i < 3; i++) report(h, &fine, false, ADMIT_YES, 100 * SECOND);
    assert_false(report(h, &coarse, false, ADMIT_YES, 1000 * SECOND)); /* the three are a quarter of an hour old */
    assert_int_equal(health_admit(h, &coarse, 1000 * SECOND), ADMIT_YES);
    for (int i = 0; i < 3; i++) report(h, &fine, false, ADMIT_YES, 1000 * SECOND);
    assert_int_equal(health_admit(h, &coarse, 1000 * SECOND), ADMIT_NO); /* what is young counts for both */
    health_table_free(t);
}

static void old_failures_are_forgotten(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    struct health *h = health_of(t, "p/m");
    for (int i = 0; i < 3; i++) report(h, &m, false, ADMIT_YES, 100 * SECOND);
    assert_false(report(h, &m, false, ADMIT_YES, 111 * SECOND)); /* the three have left the window */
    assert_int_equal(health_admit(h, &m, 111 * SECOND), ADMIT_YES);
    health_table_free(t);
}

static void open(struct health *h, const struct model_route *m, int64_t now) {
    for (unsigned i = 0; i < m->breaker.min_requests; i++) report(h, m, false, ADMIT_YES, now);
}

static void one_probe_at_a_time(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    struct health *h = health_of(t, "p/m");
    int64_t now = 100 * SECOND;
    open(h, &m, now);
    assert_int_equal(health_admit(h, &m, now + 5 * SECOND - 1), ADMIT_NO);
    now += 5 * SECOND;
    assert_int_equal(health_admit(h, &m, now), ADMIT_PROBE);
    assert_int_equal(health_admit(h, &m, now), ADMIT_NO);
    /* a late failure of before says nothing new */
    assert_false(report(h, &m, false, ADMIT_YES, now));
    assert_int_equal(health_admit(h, &m, now), ADMIT_NO);
    bool opened;
    assert_true(health_report(h, &m, true, ADMIT_PROBE, now, &opened)); /* closed by it */
    assert_int_equal(health_admit(h, &m, now), ADMIT_YES);
    assert_false(report(h, &m, false, ADMIT_YES, now)); /* and the count began anew */
    health_table_free(t);
}

static void failed_probe_opens_again(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    struct health *h = health_of(t, "p/m");
    int64_t now = 100 * SECOND;
    open(h, &m, now);
    now += 5 * SECOND;
    assert_int_equal(health_admit(h, &m, now), ADMIT_PROBE);
    report(h, &m, false, ADMIT_PROBE, now);
    assert_int_equal(health_admit(h, &m, now + 5 * SECOND - 1), ADMIT_NO);
    assert_int_equal(health_admit(h, &m, now + 5 * SECOND), ADMIT_PROBE);
    /* the prober's client left: the next request probes instead */
    health_withdraw(h, ADMIT_PROBE);
    assert_int_equal(health_admit(h, &m, now + 5 * SECOND), ADMIT_PROBE);
    health_table_free(t);
}

static void no_rate_no_breaker(void **state) {
    (void)state;
    struct health_table *t = health_table_new();
    struct model_route m = route();
    m.breaker.failure_rate = 0;
    struct health *h = health_of(t, "p/m");
    open(h, &m, SECOND);
    assert_int_equal(health_admit(h, &m, SECOND), ADMIT_YES);
    assert_ptr_equal(h, health_of(t, "p/m"));
    assert_ptr_not_equal(h, health_of(t, "p/n"));
    health_table_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_only_with_enough_requests), cmocka_unit_test(rate_counts_successes),
        cmocka_unit_test(windows_of_two_models_do_not_mix),
        cmocka_unit_test(old_failures_are_forgotten),      cmocka_unit_test(one_probe_at_a_time),
        cmocka_unit_test(failed_probe_opens_again),        cmocka_unit_test(no_rate_no_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
