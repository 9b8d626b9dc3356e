#include "base/decimal.h"
#include "base/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void adding(void **state) {
    (void)state;
    assert_int_equal(money_add(1, 2), 3);
    assert_int_equal(money_add(MONEY_UNKNOWN, 2), MONEY_UNKNOWN);
    assert_int_equal(money_add(2, MONEY_UNKNOWN), MONEY_UNKNOWN);
    assert_int_equal(money_add(MONEY_UNKNOWN, MONEY_UNKNOWN), MONEY_UNKNOWN);
    assert_int_equal(money_add(INT64_MAX, 1), MONEY_UNKNOWN);
    assert_int_equal(money_add(-INT64_MAX, -1), MONEY_UNKNOWN); /* which it would be as a number too */
    assert_int_equal(money_add(-INT64_MAX, -2), MONEY_UNKNOWN);
    assert_int_equal(money_add(INT64_MAX, -INT64_MAX), 0);
}

static int64_t parsed(const char *text, int scale) {
    int64_t n = -77;
    return money_parse(slice_of(text), scale, &n) ? n : -77;
}

static void parsing(void **state) {
    (void)state;
    assert_int_equal(parsed("0", 9), 0);
    assert_int_equal(parsed("-0", 9), 0);
    assert_int_equal(parsed("0.15", 9), 150000000);
    assert_int_equal(parsed("1e-7", 9), 100);
    assert_int_equal(parsed("-2", 9), -2000000000);
    assert_int_equal(parsed("2.50", 9), 2500000000);
    assert_int_equal(parsed("0.0000000010", 9), 1);
    assert_int_equal(parsed("1E+3", 9), 1000 * MONEY_USD);
    assert_int_equal(parsed("1500e-10", 9), 150);
    assert_int_equal(parsed("9223372036.854775807", 9), INT64_MAX);
    assert_int_equal(parsed("-9223372036.854775807", 9), -INT64_MAX);
    assert_int_equal(parsed("0.000000000000001", 15), 1);
    assert_int_equal(parsed("3e-15", 15), 3);
    assert_int_equal(parsed("007", 0), 7);
    assert_int_equal(parsed("0e999999999999999999999", 9), 0);
    assert_int_equal(parsed("0.000e-99999999999999999999", 9), 0);
    assert_int_equal(parsed("100000000000000000000000000000e-29", 0), 1);
    assert_int_equal(parsed("0.00000000000000000000000000001e29", 0), 1);
    static const char *const bad[] = {"",
                                      "-",
                                      ".",
                                      ".5",
                                      "5.",
                                      "+1",
                                      "1e",
                                      "1e+",
                                      "e5",
                                      "0x1",
                                      "1 ",
                                      " 1",
                                      "1_0",
                                      "1,0",
                                      "--1",
                                      "nan",
                                      "inf",
                                      "1.2.3",
                                      "1e5.0",
                                      "0.0000000001",
                                      "1e-10",
                                      "9223372036.854775808",
                                      "1e999999999999999999999",
                                      "1e-999999999999999999999",
                                      "-9223372036.854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int_equal(parsed(bad[i], 9), -77);
    int64_t kept = 5;
    assert_false(money_parse(SLICE_NULL, 9, &kept));
    assert_false(money_parse(SLICE("1\0"), 9, &kept));
    assert_int_equal(kept, 5);
    assert_true(decimal_parse(SLICE("-9223372036854775808"), 0, &kept) && kept == INT64_MIN);
}

static void formatting(void **state) {
    char text[MONEY_TEXT];
    (void)state;
    static const struct {
        int64_t nano;
        const char *text;
    } rows[] = {{0, "0"},
                {1500, "0.0000015"},
                {1, "0.000000001"},
                {-1, "-0.000000001"},
                {MONEY_USD, "1"},
                {100 * MONEY_USD, "100"},
                {-2500000000, "-2.5"},
                {INT64_MAX, "9223372036.854775807"},
                {-INT64_MAX, "-9223372036.854775807"},
                {MONEY_UNKNOWN, "null"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        money_format(rows[i].nano, text);
        assert_string_equal(text, rows[i].text);
    }
    srand(5);
    for (int i = 0; i < 100000; i++) {
        uint64_t bits = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
        int64_t n = (int64_t)bits >> rand() % 63;
        if (!money_is_known(n)) continue;
        money_format(n, text);
        assert_int_equal(parsed(text, 9), n);
    }
}

static void words(void **state) {
    static const struct { int64_t nano; const char *text; } rows[] = {
        {0, "0"}, {1260000000, "1.26"}, {1466768000, "1.467"}, {-980423000, "-0.9804"}, {1321000, "0.001321"}, {1, "0.000000001"}, {150000000000, "150"},
        {999960000, "1"}, {999970000000, "1000"}, {12345678900000, "12346"}, {INT64_MAX, "9223372037"}, {MONEY_UNKNOWN, "unknown"}};
    char text[MONEY_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        money_words(rows[i].nano, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(adding), cmocka_unit_test(parsing),
                                       cmocka_unit_test(formatting), cmocka_unit_test(words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
