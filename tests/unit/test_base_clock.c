#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define S 1000000LL

static int64_t parse(const char *text) {
    int64_t at = -77;
    return clock_parse(slice_of(text), &at) ? at : -77;
}

static void real_clocks(void **state) {
    (void)state;
    int64_t mono = clock_us();
    assert_true(clock_us() >= mono);
    assert_true(clock_wall_us() > 1600000000 * S);
    clock_sleep_us(1);
    clock_sleep_us(0);
    clock_sleep_us(-5);
    assert_true(clock_real_us() > mono);
}

static void *advance(void *unused) {
    for (int i = 0; i < 10000; i++) clock_advance(1);
    return unused;
}

static void test_clock(void **state) {
    pthread_t threads[4];
    (void)state;
    clock_advance(3600 * S); /* without a start: goes on from the real time */
    int64_t mono = clock_us();
    assert_int_equal(clock_us(), mono);
    clock_fake(100, 200);
    assert_int_equal(clock_us(), 100);
    assert_int_equal(clock_wall_us(), 200);
    clock_advance(50);
    assert_int_equal(clock_us(), 150);
    assert_int_equal(clock_wall_us(), 250);
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, advance, NULL);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    assert_int_equal(clock_us(), 40150);
    assert_int_equal(clock_wall_us(), 40250);
    assert_true(clock_real_us() != 40150);
}

static void formatting(void **state) {
    char text[CLOCK_TEXT];
    (void)state;
    static const struct {
        int64_t at;
        const char *text;
    } rows[] = {{0, "1970-01-01T00:00:00.000000Z"},
                {-1, "1969-12-31T23:59:59.999999Z"},
                {1795234581LL * S, "2026-11-21T04:16:21.000000Z"},
                {951782400LL * S, "2000-02-29T00:00:00.000000Z"},
                {951868799LL * S + 999999, "2000-02-29T23:59:59.999999Z"},
                {-62167219200LL * S, "0000-01-01T00:00:00.000000Z"},
                {253402300799LL * S + 1, "9999-12-31T23:59:59.000001Z"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        clock_format(rows[i].at, text);
        assert_string_equal(text, rows[i].text);
        assert_int_equal(parse(rows[i].text), rows[i].at);
    }
    clock_words(1795323661000000, text);
    assert_string_equal(text, "2026-11-22 05:01 UTC");
    clock_format(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
    clock_format(INT64_MIN, text);
    assert_true(strlen(text) < CLOCK_TEXT);
    srand(1);
    for (int i = 0; i < 20000; i++) { /* every instant of years 0 to 9999 comes back */
        int64_t at = (((int64_t)rand() << 31 ^ rand()) % 315569520000LL - 62167219200LL) * S + rand() % S;
        clock_format(at, text);
        assert_int_equal(parse(text), at);
    }
}

static void rfc3339(void **state) {
    (void)state;
    assert_int_equal(parse("2026-11-21"), 1795219200LL * S);
    assert_int_equal(parse("2026-11-21T04:16:21+02:00"), 1795227381LL * S);
    assert_int_equal(parse("2026-11-21t04:16:21-00:30"), 1795236381LL * S);
    assert_int_equal(parse("2026-11-21 04:16:21z"), 1795234581LL * S);
    assert_int_equal(parse("1970-01-01T00:00:00.5Z"), 500000);
    assert_int_equal(parse("1970-01-01T00:00:00.1234567899999Z"), 123456);
    assert_int_equal(parse("1990-12-31T23:59:60Z"), 662688000LL * S); /* a leap second */
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-1-01",
                                      "2026-13-01",
                                      "2026-00-10",
                                      "2026-02-29",
                                      "2100-02-29",
                                      "2026-04-31",
                                      "2026-04-00",
                                      "20260401",
                                      "2026-04-01T",
                                      "2026-04-01T10:00",
                                      "2026-04-01T10:00:00",
                                      "2026-04-01T24:00:00Z",
                                      "2026-04-01T10:60:00Z",
                                      "2026-04-01T10:00:61Z",
                                      "2026-04-01T10:00:00.Z",
                                      "2026-04-01T10:00:00+2:00",
                                      "2026-04-01T10:00:00+24:00",
                                      "2026-04-01T10:00:00+02:60",
                                      "2026-04-01T10:00:00+0200",
                                      "2026-04-01T10:00:00Zx",
                                      " 2026-04-01",
                                      "2026-04-01 ",
                                      "+026-04-01",
                                      "2026/04/01",
                                      "yesterday",
                                      "-",
                                      "-h",
                                      "-1",
                                      "1h",
                                      "-1x",
                                      "--1h",
                                      "-1.5h",
                                      "- 1h",
                                      "-1hh",
                                      "+1h",
                                      "-99999999999999999h",
                                      "-9223372036854775807s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(parse(bad[i]), -77);
    int64_t at = 5;
    assert_false(clock_parse(SLICE("2026-04-01\0"), &at) || clock_parse(SLICE_NULL, &at));
    assert_int_equal(at, 5);
}

static void relative(void **state) {
    (void)state;
    clock_fake(0, 1000000 * S);
    assert_int_equal(parse("-1h"), 996400 * S);
    assert_int_equal(parse("-30m"), 998200 * S);
    assert_int_equal(parse("-7d"), 395200 * S);
    assert_int_equal(parse("-0d"), 1000000 * S);
    assert_int_equal(parse("-10s"), 999990 * S);
}

static void http_date(void **state) {
    int64_t at = 5;
    (void)state;
    assert_true(clock_parse_http_date(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), &at));
    assert_int_equal(at, 784111777LL * S);
    at = 5;
    static const char *const bad[] = {"",
                                      "Sun, 06 Nov 1994 08:49:37",
                                      "Sun, 06 Nov 1994 08:49:37 UTC",
                                      "Sun, 6 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 nov 1994 08:49:37 GMT",
                                      "Sun 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 31 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 94 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 25:49:37 GMT",
                                      "Xyz, 06 Nov 1994 08:49:37 GMT",
                                      "Sun, 06 Xyz 1994 08:49:37 GMT",
                                      "Sun, 06 Nov 1994 08:49:37 GMT ",
                                      "Sunday, 06-Nov-94 08:49:37 GMT",
                                      "120"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(clock_parse_http_date(slice_of(bad[i]), &at));
    assert_int_equal(at, 5);
    char text[] = "Sun, 06 Nov 1994 08:49:37 GMT"; /* cut at every byte */
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_false(clock_parse_http_date(slice_make(text, n), &at));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(real_clocks), cmocka_unit_test(test_clock),
                                       cmocka_unit_test(formatting),  cmocka_unit_test(rfc3339),
                                       cmocka_unit_test(relative),    cmocka_unit_test(http_date)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
