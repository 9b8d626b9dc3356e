#include "change/judging.h"
#include "test_stats_rig.h"

#include <stdio.h>

static struct ab_test test_of(const char *metric, enum guard_kind kind) {
    return (struct ab_test){.plan = {.metric = {.metric = slice_of(metric), .kind = kind}, .min_effect = 0.05, .alpha = 0.05, .power = 0.8, .longest_us = 1000},
                            .needed_an_arm = -1};
}

static struct guard_answer answer(double effect, double low, double high) {
    return (struct guard_answer){.effect = effect, .interval = {low, high}, .alpha = 0.05, .n_candidate = 1000, .n_control = 1000};
}

struct verdict_case {
    enum guard_kind kind;
    double effect, low, high;
    int64_t ran_us;
    enum ab_verdict verdict;
    bool over;
};

static void verdicts(void **state) {
    (void)state;
    static const struct verdict_case cases[] = {
        {GUARD_SCORE, 0.1, 0.02, 0.18, 10, AB_CANDIDATE, true},       /* more is better */
        {GUARD_SCORE, -0.1, -0.18, -0.02, 10, AB_CONTROL, true},
        {GUARD_MEAN, 0.8, 0.7, 0.9, 10, AB_CANDIDATE, true},          /* less is better */
        {GUARD_FAILURES, 1.5, 1.1, 2, 10, AB_CONTROL, true},
        {GUARD_SCORE, 0.01, -0.03, 0.04, 10, AB_NO_DIFFERENCE, true},
        {GUARD_QUANTILE, 1.01, 0.97, 1.04, 10, AB_NO_DIFFERENCE, true},
        {GUARD_SCORE, 0.01, -0.06, 0.08, 10, AB_RUNNING, false},
        {GUARD_SCORE, 0.01, -0.06, 0.08, 1000, AB_UNDECIDED, true},
        {GUARD_SCORE, 0.1, 0.02, 0.18, 1000, AB_CANDIDATE, true},     /* found in the last minute */
        {GUARD_FAILURES, NAN, 0, INFINITY, 10, AB_RUNNING, false},
        {GUARD_FAILURES, NAN, 0, INFINITY, 1000, AB_UNDECIDED, true},
    };
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        const struct verdict_case *c = &cases[i];
        struct ab_test t = test_of("m", c->kind);
        struct guard_answer a = answer(c->effect, c->low, c->high);
        struct ab_report r;
        ab_judge(&t, &a, c->ran_us, &r);
        assert_int_equal(r.verdict, c->verdict);
        assert_int_equal(r.over, c->over);
        assert_true(r.why[0] != 0);
        if (isfinite(c->high)) assert_true(r.detectable > (c->high - c->low) / 2 && r.detectable < (c->high - c->low) * 2);
        else assert_true(isnan(r.detectable));
    }
    struct ab_test t = test_of("m", GUARD_SCORE);
    struct guard_answer a = answer(0.1, 0.02, 0.18);
    struct ab_report r;
    a.verdict = GUARD_ERROR;
    snprintf(a.why, sizeof a.why, "shares");
    ab_judge(&t, &a, 10, &r);
    assert_int_equal(r.verdict, AB_ERROR);
    assert_true(!r.over && strcmp(r.why, "shares") == 0);
    ab_judge(&t, &a, 1000, &r);
    assert_true(r.over);
}

static void says_what_it_takes(void **state) {
    (void)state;
    struct ab_plan p = test_of("score:x", GUARD_SCORE).plan;
    int64_t n = ab_needed(&p, 0.7, 0.21);
    assert_true(n > 2 * 15.7 * 0.21 / (0.05 * 0.05) / 2 && n < 6 * 15.7 * 0.21 / (0.05 * 0.05)); /* a fixed test takes 7.85 * 2 * variance / effect^2 */
    p.min_effect = 0.1;
    assert_true(ab_needed(&p, 0.7, 0.21) < n / 2);
    p.metric.kind = GUARD_MEAN; /* a tenth of 1000, with a variance of 500^2: as 0.1 of a score with 0.25 */
    int64_t share = ab_needed(&p, 1000, 250000);
    p.metric.kind = GUARD_SCORE;
    assert_int_equal(share, ab_needed(&p, 1, 0.25));
    assert_int_equal(ab_needed(&p, 0.7, 0), -1);
    assert_int_equal(ab_needed(&p, 0.7, NAN), -1);
    p.metric.kind = GUARD_QUANTILE;
    assert_int_equal(ab_needed(&p, 0.7, 0.21), -1);
}

static void written_and_read(void **state) {
    (void)state;
    struct arena arena;
    struct buffer out;
    struct json_writer w;
    struct error error;
    struct ab_test t = test_of("score:helpful \xE2\x9C\x93", GUARD_SCORE), back;
    t.needed_an_arm = 726;
    t.plan.longest_us = INT64_C(14) * 86400000000;
    arena_init(&arena, 1024, 1 << 20);
    buffer_init(&out, 4096);
    json_start(&w, &out);
    ab_write(&t, &w);
    assert_int_equal(ab_read(buffer_slice(&out), &arena, &back, &error), FAULT_NONE);
    assert_true(slice_eq(back.plan.metric.metric, t.plan.metric.metric) && back.plan.metric.kind == GUARD_SCORE);
    assert_true(slice_is(back.plan.metric.name, "helpful \xE2\x9C\x93") && back.plan.metric.margin == 0);
    assert_true(back.plan.min_effect == 0.05 && back.plan.alpha == 0.05 && back.plan.power == 0.8);
    assert_true(back.plan.longest_us == t.plan.longest_us && back.needed_an_arm == 726);
    assert_true(back.plan.metric.alpha == 0.05 && back.beside.n_guardrails == 0);
    struct change_policy policy;
    change_policy_defaults(&arena, &policy);
    t.beside = policy.canary;
    buffer_clear(&out);
    json_start(&w, &out);
    ab_write(&t, &w);
    const struct rollout_row row = {.stage = STAGE_AB, .plan = buffer_slice(&out)};
    struct judged_plan judged;
    assert_int_equal(judging_plan(&row, &arena, &judged, &error), FAULT_NONE);
    assert_true(judged.is_ab && judged.plan.interval_us == policy.canary.interval_us && judged.plan.n_guardrails == 1 + policy.canary.n_guardrails);
    assert_true(judged.plan.guardrails[0].alpha == 0.05 && slice_is(judged.plan.guardrails[1].metric, "error_rate") && judged.plan.guardrails[1].alpha < 0.01);
    t.plan.metric = policy.canary.guardrails[0]; /* the metric itself is judged once */
    buffer_clear(&out);
    json_start(&w, &out);
    ab_write(&t, &w);
    const struct rollout_row same = {.stage = STAGE_AB, .plan = buffer_slice(&out)};
    assert_int_equal(judging_plan(&same, &arena, &judged, &error), FAULT_NONE);
    assert_int_equal(judged.plan.n_guardrails, policy.canary.n_guardrails);
    static const char *const broken[] = {
        "", "[]", "{}", "{\"metric\":\"speed\",\"min_effect\":0.1,\"alpha\":0.05,\"power\":0.8,\"longest_us\":5}",
        "{\"metric\":\"error_rate\",\"min_effect\":0,\"alpha\":0.05,\"power\":0.8,\"longest_us\":5}",
        "{\"metric\":\"error_rate\",\"min_effect\":0.1,\"alpha\":1,\"power\":0.8,\"longest_us\":5}",
        "{\"metric\":\"error_rate\",\"min_effect\":0.1,\"alpha\":0.05,\"power\":0.8}",
        "{\"metric\":\"error_rate\",\"min_effect\":0.1,\"alpha\":0.05,\"power\":0.8,\"longest_us\":5,\"needed_an_arm\":\"x\"}",
    };
    for (unsigned i = 0; i < COUNT_OF(broken); i++) assert_true(ab_read(slice_of(broken[i]), &arena, &back, &error) != FAULT_NONE);
    assert_int_equal(back.needed_an_arm, 726); /* untouched */
    struct ab_report r = {.verdict = AB_UNDECIDED, .over = true, .detectable = NAN, .why = "w"};
    buffer_clear(&out);
    json_start(&w, &out);
    json_object(&w);
    ab_report_write(&r, &w);
    json_object_end(&w);
    assert_true(slice_is(buffer_slice(&out), "{\"verdict\":\"undecided\",\"over\":true,\"detectable\":null,\"why\":\"w\"}"));
    buffer_deinit(&out);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(says_what_it_takes),
        cmocka_unit_test(written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
