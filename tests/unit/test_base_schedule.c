/* When jobs run: cadence by the monotonic clock, days by the wall clock and its zone, what was asked for. */
#include "base/schedule.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define HOUR (3600 * SECOND)
#define MONO (77 * SECOND)

enum { FAST, DAILY, N };
static const struct schedule_job jobs[N] = {
    {"fast", 10 * SECOND, 60 * SECOND, 5 * SECOND, false},
    {"daily", 30 * SECOND, 600 * SECOND, 600 * SECOND, true},
};

struct world {
    struct arena arena;
    const struct zone *zone;
    struct schedule s;
    struct schedule_row rows[N];
    int64_t mono, wall;
};

static int64_t utc(int year, int month, int day, int hour, int minute) {
    return date_to_days((struct date){year, month, day}) * 24 * HOUR + hour * HOUR + minute * 60 * SECOND;
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    arena_init(&w->arena, 1 << 10, 1 << 20);
    if (zone_load(&w->arena, "Europe/London", &w->zone, NULL) != FAULT_NONE) return -1;
    w->mono = MONO;
    w->wall = utc(2026, 7, 10, 12, 0);
    schedule_init(&w->s, jobs, w->rows, N, w->mono);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    arena_deinit(&w->arena);
    test_free(w);
    return 0;
}

static int due(struct world *w) {
    return schedule_due(&w->s, w->mono, w->zone, w->wall);
}
static int64_t wait_of(struct world *w) {
    return schedule_wait(&w->s, w->mono, w->zone, w->wall);
}

static void pass(struct world *w, int64_t us) {
    w->mono += us;
    w->wall += us;
}

static void run(struct world *w, unsigned job, int64_t took, bool good) {
    int64_t day = schedule_day(w->zone, w->wall);
    schedule_begin(&w->s, job);
    pass(w, took);
    schedule_end(&w->s, job, w->mono, day, good);
}

static void the_cadence_goes_from_end_to_start(void **state) {
    struct world *w = *state;
    assert_int_equal(due(w), -1);
    assert_int_equal(wait_of(w), 10 * SECOND);
    pass(w, 10 * SECOND);
    assert_int_equal(due(w), FAST);
    assert_int_equal(wait_of(w), 0);
    run(w, FAST, 200 * SECOND, true); /* slower than its cadence */
    assert_int_equal(due(w), DAILY);  /* which had its first turn meanwhile */
    run(w, DAILY, SECOND, true);
    assert_int_equal(due(w), -1);
    pass(w, 58 * SECOND);
    assert_int_equal(due(w), -1);
    pass(w, SECOND);
    assert_int_equal(due(w), FAST);
    run(w, FAST, 0, false); /* a failure is no reason to hurry */
    assert_int_equal(due(w), -1);
}

static void who_waited_longest_comes_first(void **state) {
    struct world *w = *state;
    pass(w, 40 * SECOND);
    assert_int_equal(due(w), FAST);
    run(w, FAST, 0, true);
    assert_int_equal(due(w), DAILY);
}

/* The wall clock may do as it likes: what goes by the monotonic one neither hurries nor stops. */
static void steps_of_the_wall_clock(void **state) {
    struct world *w = *state;
    pass(w, 40 * SECOND);
    run(w, FAST, 0, true);
    run(w, DAILY, 0, true);
    int64_t was = w->wall;
    w->wall = was - 5 * HOUR; /* the same day */
    assert_int_equal(due(w), -1);
    w->wall = was + 400 * 24 * HOUR;
    assert_int_equal(due(w), DAILY); /* another day */
    run(w, DAILY, 0, true);
    assert_int_equal(due(w), -1);
    w->wall = was; /* and back: that day is looked at again, not never again */
    assert_int_equal(due(w), DAILY);
    run(w, DAILY, 0, true);
    assert_int_equal(due(w), -1);
    w->mono += 60 * SECOND; /* while the wall stands still */
    assert_int_equal(due(w), FAST);
}

/* London's 11 July began at 23:00 UTC; the new day's turn comes five minutes later. */
static void a_day_is_the_zones(void **state) {
    struct world *w = *state;
    pass(w, 30 * SECOND);
    run(w, FAST, 0, true);
    run(w, DAILY, 0, true);
    w->rows[FAST].due_us = INT64_MAX;
    w->wall = utc(2026, 7, 10, 23, 4);
    assert_int_equal(due(w), -1);
    w->wall = utc(2026, 7, 10, 23, 5);
    assert_int_equal(due(w), DAILY);
    run(w, DAILY, HOUR, true);
    w->rows[FAST].due_us = INT64_MAX;
    assert_int_equal(w->rows[DAILY].day, date_to_days((struct date){2026, 7, 11}));
    w->wall = utc(2026, 7, 11, 22, 59);
    assert_int_equal(due(w), -1);
    /* summer time ends on 25 October 2026: the day before, at 23:00 UTC, and that day's own end at midnight
     * UTC */
    w->rows[DAILY].day = date_to_days((struct date){2026, 10, 25});
    w->wall = utc(2026, 10, 25, 23, 30);
    assert_int_equal(due(w), -1);
    w->wall = utc(2026, 10, 26, 0, 5);
    assert_int_equal(due(w), DAILY);
}

/* A day that began while the job ran for the one before still has its turn. */
static void the_day_is_that_of_the_beginning(void **state) {
    struct world *w = *state;
    w->wall = utc(2026, 7, 10, 22, 59);
    pass(w, 40 * SECOND);
    w->rows[FAST].due_us = INT64_MAX;
    run(w, DAILY, HOUR, true);
    assert_int_equal(due(w), DAILY);
}

static void a_failed_day_is_tried_again(void **state) {
    struct world *w = *state;
    pass(w, 40 * SECOND);
    w->rows[FAST].due_us = INT64_MAX;
    run(w, DAILY, 0, false);
    assert_int_equal(due(w), -1);
    pass(w, 600 * SECOND);
    assert_int_equal(due(w), DAILY);
}

static void what_is_asked_for_runs_soon_and_not_too_often(void **state) {
    struct world *w = *state;
    assert_true(schedule_ask(&w->s, FAST));
    assert_false(schedule_ask(&w->s, FAST)); /* somebody is awake already */
    assert_int_equal(due(w), FAST);          /* at once: it has not run yet */
    schedule_begin(&w->s, FAST);
    assert_true(schedule_ask(&w->s, FAST)); /* while it runs: it may have looked there already */
    schedule_end(&w->s, FAST, w->mono, 0, true);
    assert_int_equal(due(w), -1);
    assert_int_equal(wait_of(w), 5 * SECOND);
    pass(w, 5 * SECOND);
    assert_int_equal(due(w), FAST);
    run(w, FAST, 0, true);
    assert_int_equal(due(w), -1);
    pass(w, 25 * SECOND);
    run(w, DAILY, 0, true);
    assert_true(schedule_ask(&w->s, DAILY)); /* also on a day that it has had */
    assert_int_equal(due(w), -1);
    w->rows[FAST].due_us = INT64_MAX;
    pass(w, 600 * SECOND);
    assert_int_equal(due(w), DAILY);
}

static void waits_have_an_end(void **state) {
    struct world *w = *state;
    pass(w, 40 * SECOND);
    run(w, FAST, 0, true);
    run(w, DAILY, 0, true);
    assert_int_equal(wait_of(w), SCHEDULE_LONGEST_US);
    pass(w, 45 * SECOND);
    assert_int_equal(wait_of(w), 15 * SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_cadence_goes_from_end_to_start, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waited_longest_comes_first, setup, teardown),
        cmocka_unit_test_setup_teardown(steps_of_the_wall_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(a_day_is_the_zones, setup, teardown),
        cmocka_unit_test_setup_teardown(the_day_is_that_of_the_beginning, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_day_is_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_asked_for_runs_soon_and_not_too_often, setup, teardown),
        cmocka_unit_test_setup_teardown(waits_have_an_end, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
