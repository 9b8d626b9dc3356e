/* What pairs of a shadow say: what is kept of one, and verdicts on many. */
#include "base/money.h"
#include "change/shadow.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct guardrail guards[] = {
    {.metric = SLICE("error_rate"), .kind = GUARD_FAILURES, .margin = 1.5, .tolerance = 0.25, .on_failure = GUARD_ROLLBACK},
    {.metric = SLICE("latency_p95"), .kind = GUARD_QUANTILE, .margin = 1.2, .on_failure = GUARD_PAUSE},
    {.metric = SLICE("cost_per_request"), .kind = GUARD_MEAN, .margin = 1.2, .on_failure = GUARD_ROLLBACK},
};
static const struct rollout_plan plan = {
    .alpha = 0.01, .guardrails = guards, .n_guardrails = 3, .shadow = {.min_samples = 100, .max_cost_nano = -1, .judge = SLICE("pairs")}};

static struct shadow_measure alike(unsigned i) {
    const struct shadow_side side = {.ok = true, .output_tokens = 100 + i % 20, .latency_us = 900000 + 5000 * (i % 30), .ttft_us = -1,
                                     .cost_nano = 60000 + 600 * (i % 20), .length = 400};
    return (struct shadow_measure){.served = side, .candidate = side, .judged = SHADOW_NOT_JUDGED};
}

static const struct guard_answer *answer(const struct guard_answer *a, unsigned n, const char *metric) {
    for (unsigned i = 0; i < n; i++)
        if (slice_is(a[i].metric, metric)) return &a[i];
    fail_msg("no answer about %s", metric);
    return NULL;
}

static void a_pair_is_kept_as_it_was(void **state) {
    (void)state;
    struct shadow_measure m = alike(3), back;
    struct buffer out;
    struct json_writer w;
    struct arena arena;
    m.candidate = (struct shadow_side){.ok = false, .output_tokens = -1, .latency_us = -1, .ttft_us = -1, .cost_nano = MONEY_UNKNOWN, .length = -1};
    m.served.tool_calls = 2;
    m.served.is_json = m.served.refusal = true;
    m.served.checks = SHADOW_FAILS;
    m.judge_nano = MONEY_UNKNOWN;
    m.judged = -1;
    buffer_init(&out, 4096);
    arena_init(&arena, 4096, 1 << 20);
    json_start(&w, &out);
    shadow_pair_write(&m, &w);
    assert_int_equal(shadow_pair_read(buffer_slice(&out), &arena, &back, NULL), FAULT_NONE);
    assert_memory_equal(&back.served.output_tokens, &m.served.output_tokens, sizeof m.served.output_tokens);
    assert_true(back.served.ok && back.served.is_json && back.served.refusal && back.served.tool_calls == 2 && back.judged == -1);
    assert_true(back.served.latency_us == m.served.latency_us && back.served.cost_nano == m.served.cost_nano && back.served.length == 400);
    assert_int_equal(back.served.checks, SHADOW_FAILS);
    assert_int_equal(back.candidate.checks, SHADOW_UNCHECKED);
    assert_true(!back.candidate.ok && back.candidate.output_tokens == -1 && back.candidate.latency_us == -1 && back.candidate.length == -1);
    assert_true(!money_is_known(back.candidate.cost_nano) && !money_is_known(back.judge_nano));
    static const char *const broken[] = {"", "{}", "[]", "{\"served\":{},\"candidate\":{}}", "{\"served\":7}"};
    for (unsigned i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(shadow_pair_read(slice_of(broken[i]), &arena, &back, NULL), FAULT_CORRUPT);
    buffer_deinit(&out);
    arena_deinit(&arena);
}

static void orders_that_disagree_are_a_tie(void **state) {
    (void)state;
    assert_int_equal(shadow_judged(1, 1), 1);
    assert_int_equal(shadow_judged(1, 0.5), 1);
    assert_int_equal(shadow_judged(1, 0), 0);
    assert_int_equal(shadow_judged(0, 1), 0);
    assert_int_equal(shadow_judged(0.5, 0.5), 0);
    assert_int_equal(shadow_judged(0.5, 0), -1);
}

static unsigned judge(unsigned n, void (*change)(unsigned i, struct shadow_measure *m), struct guard_answer out[GUARDRAILS], bool *ret_worse) {
    struct shadow_sums *s = shadow_sums_new(&plan);
    const struct guard_answer *why = NULL;
    for (unsigned i = 0; i < n; i++) {
        struct shadow_measure m = alike(i);
        if (change != NULL) change(i, &m);
        shadow_sums_take(s, &m);
    }
    assert_int_equal(shadow_sums_pairs(s), n);
    unsigned answers = shadow_sums_judge(s, out);
    *ret_worse = shadow_sums_worse(s, out, answers, &why);
    if (*ret_worse) assert_int_equal(why->verdict, GUARD_FAILED);
    shadow_sums_free(s);
    return answers;
}

static void nothing_and_little_say_nothing(void **state) {
    (void)state;
    struct guard_answer a[GUARDRAILS];
    bool worse;
    for (unsigned pairs = 0; pairs < 30; pairs += 29) {
        unsigned n = judge(pairs, NULL, a, &worse);
        assert_false(worse);
        for (unsigned i = 0; i < n; i++) assert_int_equal(a[i].verdict, GUARD_INCONCLUSIVE);
        assert_float_equal(answer(a, n, "error_rate")->needed, 100 - pairs, 0);
        assert_true(isnan(answer(a, n, "error_rate")->effect));
    }
}

static void the_same_is_no_worse(void **state) {
    (void)state;
    struct guard_answer a[GUARDRAILS];
    bool worse;
    unsigned n = judge(400, NULL, a, &worse);
    assert_false(worse);
    assert_int_equal(answer(a, n, "error_rate")->verdict, GUARD_SUCCESSFUL); /* shown to be rarer than the tolerance */
    assert_int_equal(answer(a, n, "latency")->verdict, GUARD_SUCCESSFUL);
    assert_int_equal(answer(a, n, "cost_per_request")->verdict, GUARD_SUCCESSFUL);
    assert_float_equal(answer(a, n, "cost_per_request")->effect, 1, 1e-9);
    assert_int_equal(answer(a, n, "output_tokens")->verdict, GUARD_INCONCLUSIVE); /* no guardrail: shown only */
    assert_int_equal(answer(a, n, "judge")->verdict, GUARD_INCONCLUSIVE);         /* nobody was asked */
    /* alpha in equal parts: two rates, format and checks, latency, cost, the judge */
    assert_float_equal(answer(a, n, "error_rate")->alpha, 0.01 / 7, 1e-12);
}

static void errs(unsigned i, struct shadow_measure *m) { m->candidate.ok = i % 4 != 0; }
static void both_err(unsigned i, struct shadow_measure *m) { m->candidate.ok = m->served.ok = i % 4 != 0; }
static void refuses(unsigned i, struct shadow_measure *m) { m->candidate.refusal = i % 3 == 0; }
static void loses_json(unsigned i, struct shadow_measure *m) {
    m->served.is_json = true;
    m->candidate.is_json = i % 3 != 0;
}
static void fails_checks(unsigned i, struct shadow_measure *m) {
    m->served.checks = SHADOW_PASSES;
    m->candidate.checks = i % 3 != 0 ? SHADOW_PASSES : SHADOW_FAILS;
}
static void costs_more(unsigned i, struct shadow_measure *m) { m->candidate.cost_nano = m->candidate.cost_nano * (150 + i % 10) / 100; }
static void is_slower(unsigned i, struct shadow_measure *m) { m->candidate.latency_us = m->candidate.latency_us * (200 + i % 10) / 100; }
static void is_disliked(unsigned i, struct shadow_measure *m) { m->judged = i % 5 == 0 ? 1 : i % 5 == 1 ? 0 : -1; }
static void is_liked(unsigned i, struct shadow_measure *m) { m->judged = i % 5 == 0 ? -1 : 1; }

static void what_is_worse_fails(void **state) {
    (void)state;
    static const struct {
        const char *metric;
        void (*change)(unsigned i, struct shadow_measure *m);
        bool worse;
    } cases[] = {{"error_rate", errs, true},          {"refusal_rate", refuses, true}, {"format_failure", loses_json, true}, {"check_failure", fails_checks, true},
                 {"cost_per_request", costs_more, true}, {"latency", is_slower, false}, /* its guardrail only pauses */
                 {"judge", is_disliked, true}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guard_answer a[GUARDRAILS];
        bool worse;
        unsigned n = judge(300, cases[i].change, a, &worse);
        const struct guard_answer *about = answer(a, n, cases[i].metric);
        if (about->verdict != GUARD_FAILED) fail_msg("%s: %s", cases[i].metric, about->why);
        assert_true(about->evidence >= about->threshold);
        assert_int_equal(worse, cases[i].worse);
    }
}

static void an_outage_blames_nobody(void **state) {
    (void)state;
    struct guard_answer a[GUARDRAILS];
    bool worse;
    unsigned n = judge(400, both_err, a, &worse);
    assert_false(worse);
    assert_float_equal(answer(a, n, "error_rate")->effect, 1, 1e-9);
    assert_float_equal(answer(a, n, "error_rate")->candidate, 0.25, 1e-9);
}

static void better_is_no_worse(void **state) {
    (void)state;
    struct guard_answer a[GUARDRAILS];
    bool worse;
    unsigned n = judge(300, is_liked, a, &worse);
    assert_false(worse);
    assert_int_equal(answer(a, n, "judge")->verdict, GUARD_SUCCESSFUL);
    assert_true(answer(a, n, "judge")->interval.low > 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pair_is_kept_as_it_was), cmocka_unit_test(orders_that_disagree_are_a_tie),
        cmocka_unit_test(nothing_and_little_say_nothing), cmocka_unit_test(the_same_is_no_worse), cmocka_unit_test(what_is_worse_fails),
        cmocka_unit_test(an_outage_blames_nobody), cmocka_unit_test(better_is_no_worse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
