#include "base/buffer.h"
#include "base/clock.h"
#include "base/date.h"
#include "base/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define HOUR 3600
#define DAY 86400

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

static const struct zone *zone(const char *name) {
    const struct zone *z = NULL;
    struct error e = {0};
    enum fault fault = zone_load(&arena, name, &z, &e);
    if (fault != FAULT_NONE) fail_msg("%s: %s", name, e.text);
    assert_string_equal(zone_name(z), name);
    return z;
}

static int64_t utc(const char *text) {
    int64_t us = 0;
    assert_true(clock_parse(slice_of(text), &us));
    return us / 1000000;
}

static void check_change(const char *name, const char *at, int32_t before, int32_t after) {
    const struct zone *z = zone(name);
    assert_int_equal(zone_offset(z, utc(at) - 1), before);
    assert_int_equal(zone_offset(z, utc(at)), after);
}

static void test_dates(void **state) {
    (void)state;
    assert_int_equal(date_to_days((struct date){1970, 1, 1}), 0);
    assert_int_equal(date_to_days((struct date){2026, 13, 1}), date_to_days((struct date){2027, 1, 1}));
    assert_int_equal(date_to_days((struct date){2026, 0, 1}), date_to_days((struct date){2025, 12, 1}));
    assert_int_equal(date_weekday(0), 4);
    assert_int_equal(date_weekday(-5), 6);
    assert_int_equal(date_month_days(2100, 2), 28);
    assert_int_equal(date_month_days(2000, 2), 29);
    for (int64_t day = -800000; day < 800000; day += 17)
        assert_int_equal(date_to_days(date_of_days(day)), day);
}

static void test_known_changes(void **state) {
    (void)state;
    check_change("Europe/London", "2026-03-29T01:00:00Z", 0, HOUR);
    check_change("Europe/London", "2026-10-25T01:00:00Z", HOUR, 0);
    check_change("Europe/London", "1968-02-18T02:00:00Z", 0, HOUR); /* standard time of 1968-71 was ahead */
    check_change("America/New_York", "2026-03-08T07:00:00Z", -5 * HOUR, -4 * HOUR);
    check_change("Australia/Lord_Howe", "2026-04-04T15:00:00Z", 11 * HOUR,
                 10 * HOUR + 1800);                                              /* half an hour */
    check_change("Pacific/Apia", "2011-12-30T10:00:00Z", -10 * HOUR, 14 * HOUR); /* a day was skipped */
    /* behind the last transition of the file: the footer's rule */
    check_change("Europe/London", "2061-03-27T01:00:00Z", 0, HOUR);
    check_change("Europe/London", "2061-10-30T01:00:00Z", HOUR, 0);
    check_change("Australia/Sydney", "2061-04-02T16:00:00Z", 11 * HOUR, 10 * HOUR); /* summer over new year */
    check_change("Australia/Sydney", "2061-10-01T16:00:00Z", 10 * HOUR, 11 * HOUR);
    assert_int_equal(zone_offset(zone("Australia/Sydney"), utc("2061-12-31T23:59:59Z")), 11 * HOUR);
    assert_int_equal(zone_offset(zone("Europe/Dublin"), utc("2061-07-01T00:00:00Z")),
                     HOUR); /* winter is the exception */
    assert_int_equal(zone_offset(zone("Europe/Dublin"), utc("2061-01-01T00:00:00Z")), 0);
    assert_int_equal(zone_offset(zone("Asia/Kolkata"), utc("2061-01-01T00:00:00Z")), 5 * HOUR + 1800);
    assert_int_equal(zone_offset(zone("UTC"), utc("2061-01-01T00:00:00Z")), 0);
}

static uint64_t next(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static const char *const many[] = {
    "Europe/London",     "Europe/Dublin",  "America/New_York",  "America/St_Johns",    "America/Havana",
    "America/Sao_Paulo", "America/Nuuk",   "Africa/Casablanca", "Africa/Cairo",        "Asia/Beirut",
    "Asia/Tehran",       "Asia/Kathmandu", "Pacific/Apia",      "Australia/Lord_Howe", "Antarctica/Troll",
    "Asia/Gaza",         "Asia/Jerusalem", "America/Asuncion",  "Pacific/Kiritimati"};

/* The C library reads the same files with other code. */
static void test_as_the_c_library(void **state) {
    uint64_t seed = 20261121;
    (void)state;
    for (unsigned i = 0; i < sizeof many / sizeof many[0]; i++) {
        const struct zone *z = zone(many[i]);
        setenv("TZ", many[i], 1);
        tzset();
        for (unsigned n = 0; n < 4000; n++) {
            time_t t =
                (time_t)(next(&seed) % (uint64_t)(150LL * 366 * DAY)) - 60LL * 366 * DAY; /* 1910 to 2060 */
            struct tm tm;
            assert_non_null(localtime_r(&t, &tm));
            if (zone_offset(z, t) != tm.tm_gmtoff)
                fail_msg("%s at %lld: %d, expected %ld", many[i], (long long)t, zone_offset(z, t),
                         tm.tm_gmtoff);
        }
    }
    setenv("TZ", "UTC", 1);
    tzset();
}

static void test_to_utc(void **state) {
    (void)state;
    const struct zone *london = zone("Europe/London");
    assert_int_equal(zone_to_utc(london, utc("2026-07-01T00:00:00Z")), utc("2026-06-30T23:00:00Z"));
    assert_int_equal(zone_to_utc(london, utc("2026-03-29T01:30:00Z")),
                     utc("2026-03-29T01:00:00Z")); /* skipped */
    assert_int_equal(zone_to_utc(london, utc("2026-10-25T01:30:00Z")),
                     utc("2026-10-25T00:30:00Z")); /* twice: the first */
    assert_int_equal(zone_to_utc(zone("Pacific/Apia"), utc("2011-12-30T00:00:00Z")),
                     utc("2011-12-30T10:00:00Z"));
    /* Cairo's clocks go from midnight to one: the day begins with the change */
    assert_int_equal(zone_to_utc(zone("Africa/Cairo"), utc("2026-04-24T00:00:00Z")),
                     utc("2026-04-23T22:00:00Z"));
    assert_int_equal(zone_to_utc(zone("UTC"), 12345), 12345);
}

/* The first instant that shows `local` or later: it does, none in the days before it does, looked at by the
 * half hour. */
static void test_to_utc_is_first(void **state) {
    uint64_t seed = 7;
    (void)state;
    for (unsigned i = 0; i < sizeof many / sizeof many[0]; i++) {
        const struct zone *z = zone(many[i]);
        for (unsigned n = 0; n < 400; n++) {
            int64_t local = (int64_t)(next(&seed) % (uint64_t)(100LL * 366)) * DAY - 10LL * 366 * DAY;
            int64_t t = zone_to_utc(z, local);
            assert_true(t + zone_offset(z, t) >= local);
            for (int64_t back = 1; back < 3 * DAY; back += 1800)
                assert_true(t - back + zone_offset(z, t - back) < local);
        }
    }
}

/* ===== files that are none ===== */

static void read_file(const char *path, struct buffer *out) {
    char piece[4096];
    size_t got;
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    while ((got = fread(piece, 1, sizeof piece, f)) > 0) buffer_append(out, slice_make(piece, got));
    fclose(f);
}

static void expect_bad(struct slice bytes, const char *words) {
    const struct zone *z = NULL;
    struct error e = {0};
    struct arena own;
    arena_init(&own, 16 << 10, 1 << 20);
    assert_int_equal(zone_parse(&own, "x", bytes, &z, &e), FAULT_CONFIG);
    assert_non_null(strstr(e.text, words));
    assert_null(z);
    arena_deinit(&own);
}

static void test_damaged(void **state) {
    struct buffer file, copy;
    uint64_t seed = 99;
    (void)state;
    buffer_init(&file, 64 << 10);
    buffer_init(&copy, 64 << 10);
    read_file("/usr/share/zoneinfo/Europe/London", &file);
    for (size_t len = 0; len + 1 < file.len; len += len < 200 || len + 200 > file.len ? 1 : 37)
        expect_bad(slice_make(file.at, len), "not a TZif file");
    for (unsigned i = 0; i < 3000;
         i++) { /* any bytes may be wrong: no crash, and every offset stays in bounds */
        struct arena own;
        const struct zone *z = NULL;
        copy.len = 0;
        buffer_append(&copy, buffer_slice(&file));
        for (unsigned n = 0; n < 4; n++) copy.at[next(&seed) % (n < 2 ? 90 : copy.len)] = (char)next(&seed);
        arena_init(&own, 16 << 10, 1 << 20);
        if (zone_parse(&own, "x", buffer_slice(&copy), &z, NULL) == FAULT_NONE)
            for (int64_t t = -5000000000; t < 5000000000; t += 99999999)
                assert_in_range(zone_offset(z, t) + 26 * HOUR, 1, 52 * HOUR - 1);
        arena_deinit(&own);
    }
    buffer_deinit(&copy);
    buffer_deinit(&file);
}

/* The smallest file: one type, no transition, this footer. `leap` says one leap second. */
static struct slice small_file(const char *footer, char leap, char out[400]) {
    static const char header[] = "TZif2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    size_t n = 0;
    memset(out, 0, 400);
    for (unsigned block = 0; block < 2; block++) {
        memcpy(out + n, header, 20);
        out[n + 31] = block == 1 ? leap : 0; /* leapcnt */
        out[n + 39] = 1;                     /* typecnt */
        out[n + 43] = 4;                     /* charcnt */
        n += 44 + 6 + 4 + (block == 1 ? 12 * (size_t)leap : 0);
    }
    n += (size_t)snprintf(out + n, 400 - n, "\n%s\n", footer);
    return slice_make(out, n);
}

static void test_footers(void **state) {
    static const char *const bad[] = {"S",
                                      "ST3",
                                      "STD",
                                      "STD25",
                                      "STD3DST",
                                      "STD3DST,",
                                      "STD3DST,M13.1.0,M1.1.0",
                                      "STD3DST,M3.6.0,M10.5.0",
                                      "STD3DST,M3.5.7,M10.5.0",
                                      "STD3DST,J0,J5",
                                      "STD3DST,366,5",
                                      "STD3DST,M3.5.0/168,M10.5.0",
                                      "STD3DST,M3.5.0,M10.5.0x",
                                      "<-033",
                                      "STD3:60"};
    char bytes[400];
    const struct zone *z;
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect_bad(small_file(bad[i], 0, bytes), "not a TZif file");
    expect_bad(small_file("STD3", 1, bytes), "leap seconds");
    assert_int_equal(zone_parse(&arena, "x", small_file("", 0, bytes), &z, NULL), FAULT_NONE);
    assert_int_equal(zone_offset(z, 4000000000), 0);
    assert_int_equal(zone_parse(&arena, "x", small_file("<-0330>+3:30:15", 0, bytes), &z, NULL), FAULT_NONE);
    assert_int_equal(zone_offset(z, 4000000000), -(3 * HOUR + 1815));
    /* day 60 without leap days is 1 March; day 59 counted from 0 is 29 February in a leap year */
    assert_int_equal(zone_parse(&arena, "x", small_file("AAA0BBB,J60/0,59/0", 0, bytes), &z, NULL),
                     FAULT_NONE);
    assert_int_equal(zone_offset(z, utc("2028-02-29T12:00:00Z")), 0);
    assert_int_equal(zone_offset(z, utc("2028-03-01T00:00:00Z")), HOUR);
    /* summer time all year (RFC 8536 3.3.1) */
    assert_int_equal(zone_parse(&arena, "x", small_file("EST5EDT,0/0,J365/25", 0, bytes), &z, NULL),
                     FAULT_NONE);
    for (int64_t t = utc("2026-12-30T00:00:00Z"); t < utc("2027-01-03T00:00:00Z"); t += 600)
        assert_int_equal(zone_offset(z, t), -4 * HOUR);
}

static void test_names(void **state) {
    static const char *const bad[] = {"",
                                      "Europe/Lodon",
                                      "../../etc/passwd",
                                      "/etc/passwd",
                                      "Europe",
                                      "Europe/",
                                      "tzdata.zi",
                                      "Europe/London\n",
                                      "posixrules/../../../../etc/passwd"};
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct zone *z = NULL;
        assert_int_equal(zone_load(&arena, bad[i], &z, NULL), FAULT_CONFIG);
        assert_null(z);
    }
    assert_string_equal(zone_nearest(&arena, "Europe/Lodon"), "Europe/London");
    assert_string_equal(zone_nearest(&arena, "europe/berlin"), "Europe/Berlin");
    assert_string_equal(zone_nearest(&arena, "tokyo"), "Asia/Tokyo");
    assert_null(zone_nearest(&arena, "Middle/Earth"));
    assert_null(zone_nearest(&arena, "XYZ"));
}

static void test_full_arena(void **state) {
    struct arena tiny;
    const struct zone *z = NULL;
    (void)state;
    arena_init(&tiny, 64, 256);
    assert_int_equal(zone_load(&tiny, "Europe/London", &z, NULL), FAULT_NO_SPACE);
    assert_null(z);
    arena_deinit(&tiny);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dates),
                                       cmocka_unit_test(test_known_changes),
                                       cmocka_unit_test(test_as_the_c_library),
                                       cmocka_unit_test(test_to_utc),
                                       cmocka_unit_test(test_to_utc_is_first),
                                       cmocka_unit_test(test_damaged),
                                       cmocka_unit_test(test_footers),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_full_arena)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
