/* Points of rollouts: near ones alike are one, changes are always there, and there are never too many. */
#include "store/rollout_points.h"
#include "test_store_changes_rig.h"

static struct arena arena;

#define SECOND 1000000LL

static void put(struct registry *r, int64_t rollout, int64_t at_us, unsigned step, const char *mark) {
    struct error error = {0};
    char body[64];
    snprintf(body, sizeof body, "[[\"error_rate\",1,0.5,2,1.5,%lld,9,\"Inconclusive\"]]", (long long)(at_us / SECOND));
    const struct rollout_point p = {.at_us = at_us, .stage = STAGE_CANARY, .step = step, .weight_ppm = 50000, .mark = slice_of(mark), .body = slice_of(body)};
    if (rollout_point_put(r, rollout, &p, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static unsigned points(struct registry *r, int64_t rollout, struct rollout_point **ret) {
    unsigned n = 0;
    arena_reset(&arena);
    assert_int_equal(rollout_points(r, rollout, &arena, ret, &n, NULL), FAULT_NONE);
    return n;
}

static void changes_are_always_there(void **state) {
    struct registry *r = open_registry(*state);
    struct rollout_point *all;
    assert_int_equal(points(r, 7, &all), 0);
    put(r, 7, AT, 0, "I");
    put(r, 7, AT + 1000, 0, "I"); /* near, and alike */
    assert_int_equal(points(r, 7, &all), 1);
    put(r, 7, AT + 2000, 1, "I");
    put(r, 7, AT + 3000, 1, "F");
    put(r, 7, AT + 4000, 1, "F");
    put(r, 7, AT + 2 * SECOND, 1, "F");
    assert_int_equal(points(r, 7, &all), 4);
    assert_true(all[0].at_us == AT && all[1].step == 1 && all[3].at_us == AT + 2 * SECOND);
    assert_true(all[2].stage == STAGE_CANARY && all[2].weight_ppm == 50000 && slice_is(all[2].mark, "F") && slice_starts(all[2].body, SLICE("[[\"error_rate\"")));
    put(r, 7, AT - 9 * SECOND, 1, "F"); /* the clock was set back: taken in the order in which they came */
    assert_int_equal(points(r, 7, &all), 5);
    assert_int_equal(all[4].at_us, AT - 9 * SECOND);
    assert_int_equal(points(r, 6, &all), 0);
    registry_close(r);
}

/* Of four weeks, judged each minute: some 200 points, evenly spread, the last one of now. */
static void four_weeks_are_bounded(void **state) {
    struct registry *r = open_registry(*state);
    struct rollout_point *all;
    const int64_t minute = 60 * SECOND, weeks = 28 * 1440;
    for (int64_t i = 0; i < weeks; i++) put(r, 1, AT + i * minute, 0, "I");
    unsigned n = points(r, 1, &all);
    assert_in_range(n, POINTS_KEPT / 2, 2 * POINTS_KEPT);
    int64_t widest = 0;
    for (unsigned i = 1; i < n; i++)
        if (all[i].at_us - all[i - 1].at_us > widest) widest = all[i].at_us - all[i - 1].at_us;
    assert_true(widest <= 2 * 28 * 86400 * SECOND / (POINTS_KEPT / 2));
    assert_true(AT + weeks * minute - all[n - 1].at_us <= widest);
    /* one that flaps at each look is bounded, too */
    for (int64_t i = 0; i < 3 * POINTS_KEPT; i++) put(r, 1, AT + weeks * minute + i * SECOND, 0, i % 2 ? "F" : "I");
    n = points(r, 1, &all);
    assert_in_range(n, POINTS_KEPT / 2, 2 * POINTS_KEPT);
    assert_int_equal(all[n - 1].at_us, AT + weeks * minute + (3 * POINTS_KEPT - 1) * SECOND);
    registry_close(r);
}

static void old_rollouts_are_forgotten(void **state) {
    struct registry *r = open_registry(*state);
    struct rollout_point *all;
    put(r, 1, AT, 0, "I");
    put(r, 2, AT, 0, "I");
    put(r, 1 + POINTS_ROLLOUTS, AT, 0, "I");
    assert_int_equal(points(r, 1, &all), 0);
    assert_int_equal(points(r, 2, &all), 1);
    registry_close(r);
}

static int setup(void **state) {
    arena_init(&arena, 4096, 8 << 20);
    return rig_setup(state);
}
static int teardown(void **state) {
    arena_deinit(&arena);
    return rig_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(changes_are_always_there), TEST(four_weeks_are_bounded), TEST(old_rollouts_are_forgotten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
