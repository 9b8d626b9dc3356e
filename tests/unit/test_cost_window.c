#include "base/clock.h"
#include "cost/window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define HOUR_US 3600000000LL

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 8 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static int64_t at(const char *text) {
    int64_t us = 0;
    assert_true(clock_parse(slice_of(text), &us));
    return us;
}

static struct budget budget(enum budget_window kind, const char *zone) {
    struct budget b = {.window = kind};
    assert_int_equal(zone_load(&arena, zone, &b.zone, NULL), FAULT_NONE);
    return b;
}

static void check(enum budget_window kind, const char *zone, const char *time, const char *start,
                  const char *end) {
    struct budget b = budget(kind, zone);
    struct window w;
    char found[CLOCK_TEXT], wanted[CLOCK_TEXT];
    assert_true(window_at(&b, at(time), &w));
    clock_format(w.start_us, found);
    clock_format(at(start), wanted);
    assert_string_equal(found, wanted);
    clock_format(w.end_us, found);
    clock_format(at(end), wanted);
    assert_string_equal(found, wanted);
}

static void test_calendar(void **state) {
    (void)state;
    check(BUDGET_DAY, "UTC", "2026-11-21T08:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    check(BUDGET_DAY, "UTC", "2026-11-21T00:00:00Z", "2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z");
    check(BUDGET_DAY, "UTC", "2026-11-20T23:59:59.999999Z", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z");
    check(BUDGET_DAY, "America/New_York", "2026-11-21T03:00:00Z", "2026-11-20T05:00:00Z",
          "2026-11-21T05:00:00Z");
    check(BUDGET_WEEK, "UTC", "2026-11-22T23:00:00Z", "2026-11-16T00:00:00Z",
          "2026-11-23T00:00:00Z"); /* a Sunday */
    check(BUDGET_WEEK, "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z",
          "2026-11-30T00:00:00Z"); /* a Monday */
    check(BUDGET_WEEK, "UTC", "1969-12-31T00:00:00Z", "1969-12-29T00:00:00Z", "1970-01-05T00:00:00Z");
    check(BUDGET_MONTH, "UTC", "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z");
    check(BUDGET_MONTH, "UTC", "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z");
    check(BUDGET_MONTH, "Asia/Tokyo", "2026-11-30T15:00:00Z", "2026-11-30T15:00:00Z", "2026-12-31T15:00:00Z");
}

static void test_summer_time(void **state) {
    (void)state;
    check(BUDGET_DAY, "Europe/London", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00Z",
          "2026-03-29T23:00:00Z"); /* 23 h */
    check(BUDGET_DAY, "Europe/London", "2026-10-25T12:00:00Z", "2026-10-24T23:00:00Z",
          "2026-10-26T00:00:00Z"); /* 25 h */
    check(BUDGET_MONTH, "Europe/London", "2026-10-31T23:30:00Z", "2026-09-30T23:00:00Z",
          "2026-11-01T00:00:00Z");
    check(BUDGET_WEEK, "Europe/London", "2026-03-29T12:00:00Z", "2026-03-23T00:00:00Z",
          "2026-03-29T23:00:00Z");
    check(BUDGET_DAY, "Australia/Lord_Howe", "2026-04-05T00:00:00Z", "2026-04-04T13:00:00Z",
          "2026-04-05T13:30:00Z");
    /* no midnight in Cairo that day: it begins at one, when the clocks change */
    check(BUDGET_DAY, "Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z");
    check(BUDGET_DAY, "Africa/Cairo", "2026-04-23T21:59:59Z", "2026-04-22T22:00:00Z", "2026-04-23T22:00:00Z");
    /* one minute past midnight the clocks of St. John's went back to 23:01: the new day goes on */
    check(BUDGET_DAY, "America/St_Johns", "2006-10-29T02:45:00Z", "2006-10-29T02:30:00Z",
          "2006-10-30T03:30:00Z");
    /* 30 December 2011 did not happen in Samoa */
    check(BUDGET_DAY, "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
    check(BUDGET_DAY, "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
}

/* Windows follow each other without gap or overlap, and hold what they were asked for. */
static void test_partition(void **state) {
    static const char *const zones[] = {"UTC",
                                        "Europe/London",
                                        "Africa/Cairo",
                                        "America/St_Johns",
                                        "Pacific/Apia",
                                        "America/Havana",
                                        "Asia/Beirut",
                                        "Antarctica/Troll",
                                        "America/Sao_Paulo"};
    (void)state;
    for (unsigned z = 0; z < sizeof zones / sizeof zones[0]; z++)
        for (int kind = BUDGET_DAY; kind <= BUDGET_MONTH; kind++) {
            struct budget b = budget((enum budget_window)kind, zones[z]);
            struct window w = {at("1985-01-01T00:00:00Z"), at("1985-01-01T00:00:00Z")}, next;
            for (unsigned n = 0; n < 30000 && w.end_us < at("2060-01-01T00:00:00Z"); n++, w = next) {
                assert_true(window_at(&b, w.end_us, &next));
                assert_true(window_holds(&next, w.end_us));
                assert_true(n == 0 || next.start_us == w.end_us);
                struct window again;
                assert_true(window_at(&b, next.end_us - 1, &again) && again.start_us == next.start_us &&
                            again.end_us == next.end_us);
                assert_true(window_at(&b, (next.start_us + next.end_us) / 2, &again) &&
                            again.start_us == next.start_us);
                int64_t hours = (next.end_us - next.start_us) / HOUR_US;
                if (kind == BUDGET_DAY && n > 0) assert_in_range(hours, 22, 26);
            }
        }
}

static void test_once(void **state) {
    struct budget b = {.window = BUDGET_ONCE, .from_us = 100, .to_us = 200};
    struct window w;
    (void)state;
    assert_true(window_at(&b, 100, &w));
    assert_true(window_at(&b, 199, &w));
    assert_int_equal(w.start_us, 100);
    assert_int_equal(w.end_us, 200);
    assert_false(window_at(&b, 99, &w));
    assert_false(window_at(&b, 200, &w));
    assert_int_equal(w.end_us, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_calendar), cmocka_unit_test(test_summer_time),
                                       cmocka_unit_test(test_partition), cmocka_unit_test(test_once)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
