/* cron(5): fields, dates, and what clocks that change do to them. */
#include "base/cron.h"

#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static const struct zone *london, *berlin, *zone_utc;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 1 << 10, 1 << 20);
    return zone_load(&arena, "Europe/London", &london, NULL) != FAULT_NONE || zone_load(&arena, "Europe/Berlin", &berlin, NULL) != FAULT_NONE ||
           zone_load(&arena, "UTC", &zone_utc, NULL) != FAULT_NONE;
}
static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static int64_t utc(int year, int month, int day, int hour, int minute) {
    return date_to_days((struct date){year, month, day}) * 86400 + hour * 3600 + minute * 60;
}

static int64_t next(const char *text, const struct zone *z, int64_t after) {
    struct cron c;
    struct error error = {.fault = FAULT_NONE};
    if (cron_parse(slice_of(text), &c, &error) != FAULT_NONE) fail_msg("%s: %s", text, error.text);
    return cron_next(&c, z, after);
}

static void fields_are_read(void **state) {
    (void)state;
    int64_t t = utc(2026, 11, 21, 14, 9) + 30; /* a Saturday */
    assert_int_equal(next("* * * * *", zone_utc, t), utc(2026, 11, 21, 14, 10));
    assert_int_equal(next("*/15 * * * *", zone_utc, t), utc(2026, 11, 21, 14, 15));
    assert_int_equal(next("5-50/20 * * * *", zone_utc, t), utc(2026, 11, 21, 14, 25));
    assert_int_equal(next("7/30 * * * *", zone_utc, t), utc(2026, 11, 21, 14, 37));
    assert_int_equal(next("0 6 * * *", zone_utc, t), utc(2026, 11, 22, 6, 0));
    assert_int_equal(next("0 6 * * mon-fri", zone_utc, t), utc(2026, 11, 23, 6, 0));
    assert_int_equal(next("0 6 * * 7", zone_utc, t), utc(2026, 11, 22, 6, 0));
    assert_int_equal(next("0 6 * * Fri-Sun", zone_utc, t), utc(2026, 11, 22, 6, 0));
    assert_int_equal(next("30 4 1,15 * *", zone_utc, t), utc(2026, 12, 1, 4, 30));
    assert_int_equal(next("0 0 * FEB,oct *", zone_utc, t), utc(2027, 2, 1, 0, 0));
    assert_int_equal(next("\t0  0 1 1 * ", zone_utc, t), utc(2027, 1, 1, 0, 0));
    /* exactly at one: the next is meant */
    assert_int_equal(next("0 6 * * *", zone_utc, utc(2026, 11, 22, 6, 0)), utc(2026, 11, 23, 6, 0));
}

static void either_day_counts_when_both_are_given(void **state) {
    (void)state;
    int64_t t = utc(2026, 11, 21, 14, 0);
    assert_int_equal(next("0 0 30 * mon", zone_utc, t), utc(2026, 11, 23, 0, 0));
    assert_int_equal(next("0 0 22 * mon", zone_utc, t), utc(2026, 11, 22, 0, 0));
    assert_int_equal(next("0 0 */2 * mon", zone_utc, t), utc(2026, 11, 23, 0, 0)); /* begins with *: both must hold */
    assert_int_equal(next("0 0 13 * */5", zone_utc, t), utc(2026, 12, 13, 0, 0));
}

static void leap_days_and_month_ends(void **state) {
    (void)state;
    assert_int_equal(next("0 12 29 2 *", zone_utc, utc(2026, 1, 1, 0, 0)), utc(2028, 2, 29, 12, 0));
    assert_int_equal(next("0 12 29 2 *", zone_utc, utc(2096, 3, 1, 0, 0)), utc(2104, 2, 29, 12, 0)); /* 2100 has none */
    assert_int_equal(next("0 0 31 * *", zone_utc, utc(2026, 4, 1, 0, 0)), utc(2026, 5, 31, 0, 0));
    assert_int_equal(next("59 23 31 12 *", zone_utc, utc(2026, 12, 31, 23, 59)), utc(2027, 12, 31, 23, 59));
}

/* Berlin: 2027-03-28 02:00 becomes 03:00 (01:00 UTC); 2026-10-25 03:00 becomes 02:00 (01:00 UTC). */
static void clocks_that_change(void **state) {
    (void)state;
    assert_int_equal(next("30 2 * * *", berlin, utc(2027, 3, 27, 12, 0)), utc(2027, 3, 28, 1, 0)); /* skipped: the change */
    assert_int_equal(next("30 2 * * *", berlin, utc(2027, 3, 28, 1, 0)), utc(2027, 3, 29, 0, 30));
    assert_int_equal(next("30 2 * * *", berlin, utc(2026, 10, 24, 12, 0)), utc(2026, 10, 25, 0, 30)); /* twice: the first */
    assert_int_equal(next("30 2 * * *", berlin, utc(2026, 10, 25, 0, 30)), utc(2026, 10, 26, 1, 30));
    assert_int_equal(next("0 6 * * *", london, utc(2026, 7, 1, 0, 0)), utc(2026, 7, 1, 5, 0));
    assert_int_equal(next("0 6 * * *", london, utc(2026, 12, 1, 0, 0)), utc(2026, 12, 1, 6, 0));
    /* every quarter of an hour through both changes: 15 minutes apart, always */
    for (int64_t t = utc(2026, 10, 24, 22, 0); t < utc(2026, 10, 25, 6, 0); t += 900) assert_int_equal(next("*/15 * * * *", berlin, t), t + 900);
    for (int64_t t = utc(2027, 3, 27, 22, 0); t < utc(2027, 3, 28, 6, 0); t += 900) assert_int_equal(next("*/15 * * * *", berlin, t), t + 900);
}

/* Against a search minute by minute, over a leap year of UTC. */
static void agrees_with_a_plain_search(void **state) {
    (void)state;
    static const char *const texts[] = {"13 3 * * *", "*/7 9-17 * * 1-5", "0 0 1 */3 *", "5 4 8-14 * *", "10,40 22 28-31 2,12 *"};
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct cron c;
        assert_int_equal(cron_parse(slice_of(texts[i]), &c, NULL), FAULT_NONE);
        int64_t t = utc(2028, 1, 1, 0, 0) - 1;
        for (int64_t m = utc(2028, 1, 1, 0, 0); m < utc(2029, 1, 1, 0, 0); m += 60) {
            struct date d = date_of_days(m / 86400);
            bool hit = (c.minutes >> (m / 60 % 60) & 1) && (c.hours >> (m / 3600 % 24) & 1) && (c.months >> d.month & 1) && (c.days >> d.day & 1) &&
                       (c.weekdays >> date_weekday(m / 86400) & 1);
            if (!hit) continue;
            t = cron_next(&c, zone_utc, t);
            assert_int_equal(t, m);
        }
    }
}

/* Against what the clocks show, minute by minute through a year with both changes, for schedules whose times no change touches and for those that
 * go on through every hour. */
static void agrees_with_the_clocks(void **state) {
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "America/New_York"};
    static const char *const texts[] = {"13 5 * * *", "*/7 9-17 * * mon-fri", "0 12 1,15 * sun", "10,40 22 28-31 2,12 *", "*/20 * * * *", "30 * * * *", "5 0 * * *"};
    for (unsigned k = 0; k < 2; k++) {
        const struct zone *z = NULL;
        assert_int_equal(zone_load(&arena, zones[k], &z, NULL), FAULT_NONE);
        for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
            struct cron c;
            assert_int_equal(cron_parse(slice_of(texts[i]), &c, NULL), FAULT_NONE);
            int64_t t = utc(2026, 1, 2, 0, 0) - 1;
            for (int64_t m = t + 1; m < utc(2027, 1, 1, 0, 0); m += 60) {
                int64_t local = m + zone_offset(z, m), day = local / 86400;
                struct date d = date_of_days(day);
                bool by_month = c.days >> d.day & 1, by_week = c.weekdays >> date_weekday(day) & 1;
                bool on_day = (c.months >> d.month & 1) && (c.either_day ? by_month || by_week : by_month && by_week);
                if (!on_day || !(c.minutes >> (local / 60 % 60) & 1) || !(c.hours >> (local / 3600 % 24) & 1)) continue;
                t = cron_next(&c, z, t);
                if (t != m) fail_msg("%s in %s: %lld, expected %lld", texts[i], zones[k], (long long)t, (long long)m);
            }
        }
    }
}

static void mistakes_are_told(void **state) {
    (void)state;
    static const char *const bad[] = {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
                                      "5-1 * * * *", "a * * * *", "1,,2 * * * *", "* * * foo *", "1- * * * *", "-1 * * * *", "@daily", "0 0 30 2 *",
                                      "0 0 31 4,6,9,11 *", "1.5 * * * *", "*/9999999999999999999999 * * * *"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct cron c;
        struct error error = {.fault = FAULT_NONE};
        if (cron_parse(slice_of(bad[i]), &c, &error) != FAULT_CONFIG) fail_msg("`%s` was taken", bad[i]);
        assert_true(strlen(error.text) > 10);
    }
    struct error error;
    struct cron c;
    assert_int_equal(cron_parse(SLICE("0 25 * * *"), &c, &error), FAULT_CONFIG);
    assert_non_null(strstr(error.text, "hour: expected"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),       cmocka_unit_test(either_day_counts_when_both_are_given),
        cmocka_unit_test(leap_days_and_month_ends), cmocka_unit_test(clocks_that_change),
        cmocka_unit_test(agrees_with_a_plain_search), cmocka_unit_test(agrees_with_the_clocks), cmocka_unit_test(mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
