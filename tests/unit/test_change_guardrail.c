#include "test_change_guardrail_rig.h"

static void fail_at(struct record *x) {
    x->status = RECORD_ERROR;
    x->error = FAULT_UP_SERVER;
}

/* `rate`s of failure of the current version and of the candidate. */
static void run(struct rig *r, unsigned records, uint32_t weight_ppm, double current, double candidate) {
    for (unsigned i = 0; i < records; i++) {
        struct record x = record_at(r, weight_ppm);
        if (draw(&r->random, x.arm == ARM_CANDIDATE ? candidate : current)) fail_at(&x);
        guardrails_take(r->g, &x, weight_ppm);
    }
}

static void says_nothing_of_nothing(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("latency_p95", GUARD_QUANTILE, 1.2),
                                rail_of("cost_per_request", GUARD_MEAN, 1.2), rail_of("score:helpful", GUARD_SCORE, 0.05)};
    struct rig r;
    rig_open(&r, rails, COUNT_OF(rails), STICKY_USER, 1);
    struct guard_answer a[GUARDRAILS];
    struct slice why;
    struct arena arena;
    arena_init(&arena, 512, 4096);
    assert_int_equal(guardrails_judge(r.g, a), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(a[i].verdict, GUARD_INCONCLUSIVE);
        assert_true(isnan(a[i].effect) && isnan(a[i].candidate) && isinf(a[i].needed));
        assert_non_null(strstr(a[i].why, "of the candidate yet"));
    }
    assert_int_equal(guardrails_verdict(r.g, a, 4, &why, &arena), GUARD_INCONCLUSIVE);
    run(&r, 20, 1000000, 0, 1); /* everything to the candidate: there is nothing to compare it with */
    assert_int_equal(answer_of(&r, 0).verdict, GUARD_INCONCLUSIVE);
    arena_deinit(&arena);
    rig_close(&r);
}

static void healthy_without_failures(void **state) {
    (void)state;
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 2);
    run(&r, 2000, 50000, 0, 0); /* about 100 of the candidate */
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_INCONCLUSIVE);
    assert_true(a.needed > 5000 && a.needed < 30000);
    run(&r, (unsigned)(a.needed * 1.3), 50000, 0, 0); /* what it said is about what it takes */
    a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_SUCCESSFUL);
    assert_non_null(strstr(a.why, "points above control's rate"));
    assert_true(a.needed == 0 && a.candidate == 0);
    rig_close(&r);
}

static void worse_and_no_worse(void **state) {
    (void)state;
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 3);
    run(&r, 60000, 100000, 0.02, 0.1);
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_FAILED);
    assert_true(a.evidence >= a.threshold && a.interval.low > 1.5 && holds(a.interval, 5));
    near(a.threshold, log(100), 1e-12);
    near(a.candidate, 0.1, 0.02);
    near(a.control, 0.02, 0.003);
    rig_close(&r);
    rig_open(&r, &rail, 1, STICKY_USER, 4);
    r.g->rails[0].tolerance = 0;
    run(&r, 60000, 250000, 0.02, 0.02);
    a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_SUCCESSFUL);
    assert_true(a.interval.high < 1.5 && holds(a.interval, 1));
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_of_nothing),
        cmocka_unit_test(healthy_without_failures),
        cmocka_unit_test(worse_and_no_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
