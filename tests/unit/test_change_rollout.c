/* rollout.c, walked: every stage x state x verdict x evidence keeps the rules, and each step of a plan leads where it should. */
#include "change/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define DAY 86400000000LL

static struct rollout_step canary_steps[] = {{STEP_WEIGHT, 50000, 0}, {STEP_PAUSE, 0, DAY}, {STEP_WEIGHT, 250000, 0}, {STEP_PAUSE, 0, DAY}, {STEP_WEIGHT, 1000000, 0}};
static const struct rollout_plan canary = {.way = ROLLOUT_CANARY, .steps = canary_steps, .n_steps = 5, .min_samples = 200, .shadow = {.min_samples = 100, .max_cost_nano = -1}};
static struct rollout_step endless_steps[] = {{STEP_WEIGHT, 100000, 0}, {STEP_PAUSE, 0, -1}, {STEP_WEIGHT, 500000, 0}, {STEP_WEIGHT, 600000, 0}};
static const struct rollout_plan endless = {.way = ROLLOUT_CANARY, .steps = endless_steps, .n_steps = 4, .min_samples = 10};

static struct rollout_row row(enum rollout_stage stage, enum rollout_state state, unsigned step, uint32_t weight, int64_t held) {
    return (struct rollout_row){.number = 1, .candidate = 2, .control = 1, .stage = stage, .state = state, .step = step, .weight_ppm = weight, .step_held_us = held, .why = SLICE("said")};
}

static struct rollout_decision decide(const struct rollout_plan *p, struct rollout_row r, struct rollout_evidence e, struct arena *a) {
    struct rollout_decision d;
    rollout_decide(p, &r, &e, a, &d);
    return d;
}

/* Rules that hold whatever else is so. */
static void test_every_combination(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 64 << 20);
    unsigned seen[6] = {0};
    for (int stage = STAGE_SHADOW; stage <= STAGE_DIRECT; stage++)
        for (int st = ROLLOUT_PROGRESSING; st <= ROLLOUT_ABORTED; st++)
            for (int v = GUARD_INCONCLUSIVE; v <= GUARD_ERROR; v++)
                for (unsigned bits = 0; bits < 128; bits++)
                    for (unsigned step = 1; step <= 3; step += 2) {
                        struct rollout_row r = row((enum rollout_stage)stage, (enum rollout_state)st, step, step == 1 ? 50000 : 250000, bits & 1 ? DAY : DAY - 1);
                        struct rollout_evidence e = {.verdict = (enum guard_verdict)v, .why = SLICE("because"), .candidates = bits & 2 ? 200 : 199,
                                                     .shadow_done = bits & 4, .shadow_worse = bits & 8, .budget_ended = bits & 16, .person_promotes = bits & 32,
                                                     .pause_why = bits & 64 ? SLICE("slow") : SLICE_NULL};
                        struct rollout_decision d = decide(&canary, r, e, &a);
                        bool open = rollout_under_way(r.state), failed = v == GUARD_FAILED || (stage == STAGE_SHADOW && e.shadow_worse);
                        assert_int_equal(d.act == ROLLOUT_ROLLS_BACK, open && failed); /* in every state, also while paused */
                        assert_true(d.why.len > 0);
                        if (!open || v == GUARD_ERROR || st == ROLLOUT_PAUSED) assert_true(d.act == ROLLOUT_WAITS || d.act == ROLLOUT_ROLLS_BACK);
                        if (d.act == ROLLOUT_PROMOTES)
                            assert_true(stage == STAGE_CANARY && v == GUARD_SUCCESSFUL && !e.person_promotes && step == 3 && (bits & 3) == 3 && !(bits & 64));
                        if (d.act == ROLLOUT_GOES_ON) assert_true(stage == STAGE_CANARY && step == 1 && (bits & 3) == 3 && d.weight_ppm == 250000 && d.step == 3);
                        if (d.act == ROLLOUT_TO_CANARY) assert_true(stage == STAGE_SHADOW && e.shadow_done && d.weight_ppm == 50000 && d.step == 1);
                        if (d.act == ROLLOUT_WAITS && open && st == ROLLOUT_PROGRESSING && stage == STAGE_CANARY && v == GUARD_INCONCLUSIVE && !(bits & 66)) assert_int_equal(d.needed, 1);
                        seen[d.act]++;
                        struct rollout_decision p;
                        struct error error = {.fault = FAULT_NONE};
                        enum fault fault = rollout_promote(&canary, &r, &e, &p, &error);
                        if (!open || failed || v == GUARD_ERROR) assert_int_equal(fault, FAULT_CONFLICT);
                        else if (stage == STAGE_CANARY) assert_int_equal(fault, bits & 2 ? FAULT_NONE : FAULT_CONFLICT);
                        assert_true(fault == FAULT_NONE || error.text[0] != '\0');
                        arena_reset(&a);
                    }
    for (unsigned i = 0; i < 6; i++) assert_true(seen[i] > 0);
    arena_deinit(&a);
}

static void test_steps(void **state) {
    (void)state;
    unsigned step;
    uint32_t weight;
    rollout_begin(&canary, STAGE_CANARY, &step, &weight);
    assert_true(step == 1 && weight == 50000);
    rollout_begin(&canary, STAGE_SHADOW, &step, &weight);
    assert_true(step == 0 && weight == 0);
    rollout_begin(&canary, STAGE_DIRECT, &step, &weight);
    assert_int_equal(weight, 1000000);
    rollout_begin(&canary, STAGE_AB, &step, &weight);
    assert_int_equal(weight, 500000);
    assert_int_equal(rollout_weight_of(&canary, STAGE_CANARY, 0), 0);
    assert_int_equal(rollout_weight_of(&canary, STAGE_CANARY, 1), 50000);
    assert_int_equal(rollout_weight_of(&canary, STAGE_CANARY, 2), 250000);
    assert_int_equal(rollout_weight_of(&canary, STAGE_CANARY, 9), 0);
    assert_int_equal(rollout_weight_of(&canary, STAGE_AB, 1), 500000);
}

/* A pause without an end pauses, and a person goes on from it; steps without a pause need samples alone; the end of the steps is production. */
static void test_endless(void **state) {
    (void)state;
    struct arena a;
    struct rollout_decision d;
    struct error error;
    arena_init(&a, 4096, 1 << 20);
    struct rollout_evidence e = {.verdict = GUARD_INCONCLUSIVE, .why = SLICE("because"), .candidates = 10};
    assert_int_equal(decide(&endless, row(STAGE_CANARY, ROLLOUT_PROGRESSING, 1, 100000, 5 * DAY), e, &a).act, ROLLOUT_PAUSES);
    struct rollout_row r = row(STAGE_CANARY, ROLLOUT_PAUSED, 1, 100000, 0);
    assert_true(decide(&endless, r, e, &a).for_person);
    assert_int_equal(rollout_promote(&endless, &r, &e, &d, &error), FAULT_NONE);
    assert_true(d.act == ROLLOUT_GOES_ON && d.step == 2 && d.weight_ppm == 500000);
    d = decide(&endless, row(STAGE_CANARY, ROLLOUT_PROGRESSING, 2, 500000, 0), e, &a);
    assert_true(d.act == ROLLOUT_GOES_ON && d.step == 3 && d.weight_ppm == 600000);
    d = decide(&endless, row(STAGE_CANARY, ROLLOUT_PROGRESSING, 3, 600000, 0), e, &a);
    assert_true(d.act == ROLLOUT_WAITS && !d.for_person);
    r = row(STAGE_CANARY, ROLLOUT_PROGRESSING, 3, 600000, 0);
    assert_int_equal(rollout_promote(&endless, &r, &e, &d, &error), FAULT_NONE); /* Inconclusive is a person's to accept */
    assert_int_equal(d.act, ROLLOUT_PROMOTES);
    arena_deinit(&a);
}

/* A guardrail that pauses does it once: a person who has it go on is not overruled by the same. */
static void test_pauses_once(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 1 << 20);
    struct rollout_evidence e = {.verdict = GUARD_INCONCLUSIVE, .why = SLICE("because"), .candidates = 500, .pause_why = SLICE("too slow")};
    struct rollout_row r = row(STAGE_CANARY, ROLLOUT_PROGRESSING, 1, 50000, DAY);
    assert_int_equal(decide(&canary, r, e, &a).act, ROLLOUT_PAUSES);
    r.verdict = SLICE("Failed");
    struct rollout_decision d = decide(&canary, r, e, &a);
    assert_true(d.act == ROLLOUT_WAITS && d.for_person);
    arena_deinit(&a);
}

static void test_words(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a, 4096, 1 << 20);
    struct rollout_evidence e = {.verdict = GUARD_INCONCLUSIVE, .why = SLICE("because"), .candidates = 116};
    assert_true(slice_is(decide(&canary, row(STAGE_CANARY, ROLLOUT_PROGRESSING, 1, 50000, 0), e, &a).why, "84 more exchanges of the candidate at 5 %"));
    e.candidates = 200;
    assert_true(slice_is(decide(&canary, row(STAGE_CANARY, ROLLOUT_PROGRESSING, 1, 50000, 68640000000LL), e, &a).why, "19 h 4 min of 24 h 0 min at 5 %"));
    arena_deinit(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_combination), cmocka_unit_test(test_steps), cmocka_unit_test(test_endless),
                                       cmocka_unit_test(test_pauses_once), cmocka_unit_test(test_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
