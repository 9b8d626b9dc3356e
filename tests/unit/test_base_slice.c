#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void comparing(void **state) {
    (void)state;
    struct slice s = SLICE("Content-Type");
    assert_true(slice_eq_nocase(s, SLICE("content-tYPE")));
    assert_false(slice_eq_nocase(s, SLICE("content-typ")));
    assert_false(slice_eq_nocase(SLICE("\xC3\x84"), SLICE("\xC3\xA4"))); /* ASCII only */
    assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));               /* 32 apart, but no letters */
    assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
    assert_true(slice_eq_nocase(SLICE_NULL, SLICE("")));
    assert_true(slice_eq(SLICE_NULL, SLICE("")));
    assert_true(slice_is(SLICE_NULL, NULL));
    assert_false(slice_is(SLICE("a\0b"), "a"));
    assert_true(slice_starts(s, SLICE("Content")) && slice_starts(s, SLICE_NULL) && slice_starts(s, s));
    assert_false(slice_starts(SLICE("C"), s));
    assert_true(slice_ends(s, SLICE("Type")) && slice_ends(s, SLICE_NULL) &&
                slice_ends(SLICE_NULL, SLICE_NULL));
    assert_false(slice_ends(SLICE("e"), s));
}

static void searching(void **state) {
    (void)state;
    assert_true(slice_contains(SLICE("aaab"), SLICE("aab")));
    assert_true(slice_contains(SLICE_NULL, SLICE("")));
    assert_false(slice_contains(SLICE_NULL, SLICE("a")));
    assert_false(slice_contains(SLICE("ab"), SLICE("abc")));
    assert_true(slice_contains(SLICE("a\0b"), SLICE("\0b")));
    assert_true(slice_contains_nocase(SLICE("xx Rate Limit"), SLICE("rate LIMIT")));
    assert_false(slice_contains_nocase(SLICE("rate limi"), SLICE("rate limit")));
    assert_true(slice_contains_nocase(SLICE_NULL, SLICE("")));
}

static void trimming_and_cutting(void **state) {
    struct slice head, tail;
    (void)state;
    assert_true(slice_is(slice_trim(SLICE(" \t\r\n\v\fa b ")), "a b"));
    assert_int_equal(slice_trim(SLICE("  \n ")).len, 0);
    assert_int_equal(slice_trim(SLICE_NULL).len, 0);
    assert_true(slice_is(slice_trim(SLICE("\xC2\xA0x")), "\xC2\xA0x")); /* no-break space is not ASCII */

    assert_true(slice_cut(SLICE("k=v=w"), '=', &head, &tail));
    assert_true(slice_is(head, "k") && slice_is(tail, "v=w"));
    assert_true(slice_cut(SLICE("="), '=', &head, &tail));
    assert_true(head.len == 0 && tail.len == 0);
    assert_false(slice_cut(SLICE("abc"), '=', &head, &tail));
    assert_true(slice_is(head, "abc") && tail.len == 0);
    assert_false(slice_cut(SLICE_NULL, '=', &head, &tail));
    assert_true(head.len == 0 && tail.len == 0);
    struct slice s = SLICE("a,b"); /* outputs may be the input */
    assert_true(slice_cut(s, ',', &head, &s));
    assert_true(slice_is(head, "a") && slice_is(s, "b"));
}

static void integers(void **state) {
    uint64_t u = 7;
    int64_t i = 7;
    (void)state;
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      "-1",
                                      " 1",
                                      "1 ",
                                      "0x1",
                                      "1.0",
                                      "18446744073709551616",
                                      "99999999999999999999",
                                      "1e3",
                                      "\xD9\xA1"};
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) assert_false(slice_to_u64(slice_of(bad[n]), &u));
    assert_false(slice_to_u64(SLICE_NULL, &u));
    assert_false(slice_to_u64(SLICE("1\0"), &u));
    assert_int_equal(u, 7);
    assert_true(slice_to_u64(SLICE("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(slice_to_u64(SLICE("000"), &u) && u == 0);

    assert_false(slice_to_i64(SLICE("9223372036854775808"), &i));
    assert_false(slice_to_i64(SLICE("-9223372036854775809"), &i));
    assert_false(slice_to_i64(SLICE("--1"), &i) || slice_to_i64(SLICE("-"), &i) ||
                 slice_to_i64(SLICE("+1"), &i));
    assert_int_equal(i, 7);
    assert_true(slice_to_i64(SLICE("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(slice_to_i64(SLICE("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(slice_to_i64(SLICE("-0"), &i) && i == 0);
}

static void doubles(void **state) {
    double d = 7;
    char long_text[600];
    (void)state;
    static const char *const bad[] = {"",  "inf", "nan", "-inf", "0x10", "1e", "1e+",   ".5",   "5.",
                                      "-", "+1",  " 1",  "1 ",   "1,5",  "1f", "1e999", "1.e1", "--1"};
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) assert_false(slice_to_double(slice_of(bad[n]), &d));
    memset(long_text, '1', sizeof long_text);
    assert_false(slice_to_double(slice_make(long_text, sizeof long_text), &d));
    assert_true(d == 7);
    assert_true(slice_to_double(SLICE("-1.5e-3"), &d) && d == -1.5e-3);
    assert_true(slice_to_double(SLICE("1e-999"), &d) && d == 0);
    assert_true(slice_to_double(slice_make("12junk", 2), &d) && d == 12); /* stops at len */
}

/* The definition, one code point at a time, to compare with. */
static bool plain_utf8(const unsigned char *s, size_t n) {
    for (size_t i = 0; i < n;) {
        size_t size = s[i] < 0x80 ? 1 : s[i] >> 5 == 6 ? 2 : s[i] >> 4 == 14 ? 3 : s[i] >> 3 == 30 ? 4 : 0;
        if (size == 0 || i + size > n) return false;
        uint32_t c = size == 1 ? s[i] : s[i] & (0x7Fu >> size);
        for (size_t k = 1; k < size; k++) {
            if (s[i + k] >> 6 != 2) return false;
            c = c << 6 | (s[i + k] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
        if (c < least[size] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
        i += size;
    }
    return true;
}

static void utf8(void **state) {
    (void)state;
    assert_true(slice_is_utf8(SLICE_NULL));
    assert_true(slice_is_utf8(SLICE("plain ascii \x7F and \xF4\x8F\xBF\xBF and \xED\x9F\xBF\xEE\x80\x80")));
    static const char *const bad[] = {
        "\x80",     "\xC0\x80",     "\xC1\xBF",         "\xE0\x9F\xBF",     "\xED\xA0\x80",
        "\xC3",     "\xE2\x82",     "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
        "\xFF\xFE", "12345678\xFF", "1234567\xE2\x82"};
    for (size_t n = 0; n < sizeof bad / sizeof *bad; n++) assert_false(slice_is_utf8(slice_of(bad[n])));
    unsigned char s[12]; /* every pair, at every offset of the eight-byte step, with both tails */
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (unsigned at = 0; at < 9; at += 4) {
                memset(s, 'x', sizeof s);
                s[at] = (unsigned char)a;
                s[at + 1] = (unsigned char)b;
                s[at + 2] = b % 3 ? 0x80 : 'x';
                for (size_t len = at + 1; len <= sizeof s; len++)
                    assert_int_equal(slice_is_utf8(slice_make((char *)s, len)), plain_utf8(s, len));
            }
}

/* Vectors of optimal string alignment: unlike the unrestricted distance, a swapped pair is not edited again. */
static void distances(void **state) {
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {{"", "", 0},       {"", "abc", 3},          {"abc", "", 3},     {"kitten", "sitting", 3}, {"listen", "lisetn", 1},
                 {"ca", "abc", 3},  {"timeout", "timeouts", 1}, {"Londno", "London", 1}, {"same", "same", 0}};
    char longer[66];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(slice_distance(slice_of(cases[i].a), slice_of(cases[i].b)), cases[i].distance);
        assert_int_equal(slice_distance(slice_of(cases[i].b), slice_of(cases[i].a)), cases[i].distance);
    }
    memset(longer, 'a', sizeof longer);
    assert_int_equal(slice_distance(slice_make(longer, 65), SLICE("a")), SLICE_FAR);
    assert_int_equal(slice_distance(SLICE("a"), slice_make(longer, 65)), SLICE_FAR);
    assert_int_equal(slice_distance(slice_make(longer, 64), slice_make(longer, 63)), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparing), cmocka_unit_test(searching), cmocka_unit_test(trimming_and_cutting),
        cmocka_unit_test(integers),  cmocka_unit_test(doubles),   cmocka_unit_test(utf8),
        cmocka_unit_test(distances),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
