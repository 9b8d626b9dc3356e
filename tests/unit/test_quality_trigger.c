/* When a schedule has its turn: once, also when turns were missed, and never because the clock was set. */
#include "quality/trigger.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define HOUR (3600 * SECOND)

static struct arena arena;
static const struct zone *zone;
static struct cron daily; /* at six, in London */

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1 << 10, 1 << 20);
    return zone_load(&arena, "Europe/London", &zone, NULL) != FAULT_NONE || cron_parse(SLICE("0 6 * * *"), &daily, NULL) != FAULT_NONE;
}
static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static int64_t utc(int month, int day, int hour) { return date_to_days((struct date){2026, month, day}) * 24 * HOUR + hour * HOUR; }

static void first_seen_it_waits(void **state) {
    (void)state;
    int64_t last = 0, now = utc(11, 21, 14);
    assert_false(trigger_is_due(&daily, zone, &last, now));
    assert_int_equal(last, now);
    assert_int_equal(trigger_next_us(&daily, zone, last, now), utc(11, 22, 6));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 22, 6) - 1));
    assert_true(trigger_is_due(&daily, zone, &last, utc(11, 22, 6)));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 22, 6)));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 22, 6) + SECOND));
}

static void missed_turns_are_one(void **state) {
    (void)state;
    int64_t last = utc(11, 1, 12);
    assert_true(trigger_is_due(&daily, zone, &last, utc(11, 21, 14)));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 21, 15)));
}

static void a_clock_that_is_set(void **state) {
    (void)state;
    int64_t last = utc(12, 24, 7); /* it was far ahead */
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 21, 14)));
    assert_true(trigger_is_due(&daily, zone, &last, utc(11, 22, 6)));
}

/* Set right by a second, just when its turn was: not a second time. */
static void a_clock_that_is_set_right(void **state) {
    (void)state;
    int64_t last = utc(11, 21, 14);
    assert_true(trigger_is_due(&daily, zone, &last, utc(11, 22, 6) + SECOND / 2));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 22, 6) - SECOND / 2));
    assert_false(trigger_is_due(&daily, zone, &last, utc(11, 22, 6) + SECOND));
    assert_true(trigger_is_due(&daily, zone, &last, utc(11, 23, 6)));
}

static void summer_and_winter(void **state) {
    (void)state;
    int64_t last = utc(7, 1, 0);
    assert_true(trigger_is_due(&daily, zone, &last, utc(7, 1, 5))); /* six o'clock in London */
    assert_int_equal(trigger_turns_a_month(&daily, zone, utc(11, 21, 14)), 30);
    struct cron often;
    assert_int_equal(cron_parse(SLICE("*/10 * * * *"), &often, NULL), FAULT_NONE);
    assert_int_equal(trigger_turns_a_month(&often, zone, utc(11, 21, 14)), 30 * 24 * 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_seen_it_waits), cmocka_unit_test(missed_turns_are_one), cmocka_unit_test(a_clock_that_is_set),
                                       cmocka_unit_test(a_clock_that_is_set_right),
                                       cmocka_unit_test(summer_and_winter)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
