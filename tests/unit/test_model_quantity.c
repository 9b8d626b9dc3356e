#include "model/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_durations(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        {"0", 0}, {"0s", 0}, {"1us", 1}, {"250ms", 250000}, {"2s", 2000000}, {"1.5s", 1500000}, {"15m", 900000000}, {"1h30m", 5400000000},
        {"90d", 7776000000000}, {" 1s ", 1000000}, {"0.000001s", 1}, {"0.25m", 15000000}, {"1.50s", 1500000}, {"0.00000005m", 3},
        {"1m1s1ms1us", 61001001}, {"106751991d", 9223372022400000000},
    };
    static const char *const bad[] = {"", " ", "5", "s", "1 s", "-1s", "+1s", "1.s", ".5s", "1.5us", "0.0000001s", "1S", "1min", "1s2", "1e3s",
                                      "106751992d", "99999999999999999999s", "9223372036854775807s", "0.00000001m", "0.1234567890123456789s"};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t us = -1;
        if (!duration_parse(slice_of(good[i].text), &us) || us != good[i].us) fail_msg("%s: found %lld", good[i].text, (long long)us);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t us = -1;
        if (duration_parse(slice_of(bad[i]), &us)) fail_msg("%s: read as %lld", bad[i], (long long)us);
        assert_int_equal(us, -1);
    }
}

static void test_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t n;
    } good[] = {{"0", 0},        {"0B", 0},         {"17", 17},       {"8KiB", 8192},           {"32MiB", 33554432}, {"1GiB", 1073741824},
                {"1KB", 1000},   {"2MB", 2000000},  {"3GB", 3000000000}, {"4 kib", 4096},       {"9223372036854775807", INT64_MAX}};
    static const char *const bad[] = {"", "B", "1.5MiB", "-1", "1K", "1TiB", "9223372036854775808", "9007199254740992KiB", "0x10"};
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t n = -1;
        if (!bytes_parse(slice_of(good[i].text), &n) || n != good[i].n) fail_msg("%s: found %lld", good[i].text, (long long)n);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t n = -1;
        if (bytes_parse(slice_of(bad[i]), &n)) fail_msg("%s: read as %lld", bad[i], (long long)n);
        assert_int_equal(n, -1);
    }
}

static void test_format(void **state) {
    (void)state;
    static const struct {
        int64_t us;
        const char *text;
    } times[] = {{0, "0s"}, {1, "1us"}, {1500000, "1500ms"}, {90000000, "90s"}, {60000000, "1m"}, {7200000000, "2h"}, {86400000000, "1d"}, {-5000, "-5ms"}};
    static const struct {
        int64_t n;
        const char *text;
    } sizes[] = {{0, "0B"}, {1000, "1000B"}, {8192, "8KiB"}, {33554432, "32MiB"}, {1073741824, "1GiB"}};
    char text[QUANTITY_TEXT];
    for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
        duration_format(times[i].us, text);
        assert_string_equal(text, times[i].text);
    }
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        bytes_format(sizes[i].n, text);
        assert_string_equal(text, sizes[i].text);
    }
}

/* What is written is read back. */
static void test_round_trip(void **state) {
    (void)state;
    char text[QUANTITY_TEXT];
    srand(11);
    for (int i = 0; i < 20000; i++) {
        int64_t n = ((int64_t)rand() << 31 | rand()) >> (rand() % 62), back = -1;
        duration_format(n, text);
        assert_true(duration_parse(slice_of(text), &back) && back == n);
        bytes_format(n, text);
        assert_true(bytes_parse(slice_of(text), &back) && back == n);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
