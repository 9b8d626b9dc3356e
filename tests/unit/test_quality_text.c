#include "quality/pattern.h"
#include "quality/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 256 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void lower_is(const char *text, const char *want) {
    struct slice s = text_lower(slice_of(text), &arena);
    if (!slice_is(s, want)) fail_msg("%s: expected %s, found " SLICE_FMT, text, want, SLICE_ARG(s));
}

static void lower_case(void **state) {
    (void)state;
    lower_is("", "");
    lower_is("already", "already");
    lower_is("ABC xyz [\\]", "abc xyz [\\]");
    lower_is("ÀÖØÞ×÷ß", "àöøþ×÷ß");
    lower_is("ĀāŠŸŻ", "āāšÿż");
    lower_is("ΑΩΪς", "αωϊς");
    lower_is("АЯЁ", "аяё");
    lower_is("ԱՖ", "աֆ");
    lower_is("ẞȺ", "ßⱥ"); /* two bytes that become three */
    lower_is("ＡＺ", "ａｚ");
    lower_is("𐐀", "𐐨");
    lower_is("a\xFFZ", "a\xEF\xBF\xBDz");
    struct slice same = SLICE("même");
    assert_ptr_equal(text_lower(same, &arena).at, same.at);
}

static void words(void **state) {
    (void)state;
    assert_int_equal(text_count_runs(SLICE("")), 0);
    assert_int_equal(text_count_runs(SLICE(" \t\n")), 0);
    assert_int_equal(text_count_runs(SLICE("one")), 1);
    assert_int_equal(text_count_runs(SLICE(" one  two\xE3\x80\x80three ")), 3); /* an ideographic space */
    assert_int_equal(text_length(SLICE("aé東𐐀\xFF")), 5);
    assert_true(text_is_word('a') && text_is_word(0xE9) && text_is_word(0x6771) && !text_is_word(0x2014) &&
                !text_is_word(0x3002));
    assert_true(slice_is(text_excerpt(SLICE("é\nb\xFFz"), 3, &arena), "é b..."));
    assert_true(slice_is(text_excerpt(SLICE("ab"), 2, &arena), "ab"));
    assert_true(slice_is(text_excerpt(SLICE(""), 2, &arena), ""));
}

static uint64_t plain_distance(const char *a, size_t n, const char *b, size_t m) {
    uint64_t row[64];
    for (size_t j = 0; j <= m; j++) row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        uint64_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            uint64_t d = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < d) d = row[j] + 1;
            if (row[j - 1] + 1 < d) d = row[j - 1] + 1;
            row[j] = d;
        }
    }
    return row[m];
}

/* The band against the whole table, on texts that are near and far, for every bound. */
static void distances(void **state) {
    (void)state;
    uint64_t x = 42;
    for (int round = 0; round < 3000; round++) {
        char a[40], b[40];
        size_t n, m;
        x = x * 6364136223846793005u + 1442695040888963407u;
        n = x >> 33 & 31;
        m = x >> 40 & 31;
        for (size_t i = 0; i < 40; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            a[i] = (char)('a' + (x >> 60) % 3);
            b[i] = round % 2 ? (char)('a' + (x >> 50) % 3) : a[i];
        }
        uint64_t want = plain_distance(a, n, b, m);
        for (uint64_t most = 0; most < 34; most += 1 + most / 4) {
            arena_reset(&arena);
            uint64_t found = text_distance(slice_make(a, n), slice_make(b, m), most, &arena);
            if (found != (want <= most ? want : TEXT_FARTHER))
                fail_msg("%.*s %.*s most %llu: %llu, found %llu", (int)n, a, (int)m, b,
                         (unsigned long long)most, (unsigned long long)want, (unsigned long long)found);
        }
    }
    assert_int_equal(text_distance(SLICE("kitten"), SLICE("sitting"), UINT64_MAX, &arena), 3);
    assert_int_equal(text_distance(SLICE("東京"), SLICE("東都"), 9, &arena), 1);
}

static void far_too_long(void **state) {
    (void)state;
    size_t n = 1 << 20;
    char *a = malloc(n), *b = malloc(n);
    assert_true(a != NULL && b != NULL);
    memset(a, 'a', n);
    memset(b, 'b', n);
    assert_int_equal(text_distance(slice_make(a, n), slice_make(b, n), 5, &arena), TEXT_FARTHER);
    assert_int_equal(text_distance(slice_make(a, n), slice_make(b, n), 1 << 20, &arena), TEXT_TOO_LONG);
    assert_int_equal(text_distance(slice_make(a, n), slice_make(b, 7), 5, &arena), TEXT_FARTHER);
    free(a);
    free(b);
}

static enum pattern_answer find(const char *pattern, struct slice text) {
    struct pattern *p = NULL;
    struct error e = {.fault = FAULT_NONE};
    if (pattern_new(slice_of(pattern), &p, &e) != FAULT_NONE) fail_msg("%s: %s", pattern, e.text);
    enum pattern_answer a = pattern_find(p, text, NULL);
    pattern_free(p);
    return a;
}

/* As JavaScript has it with the u flag; each row was tried in node. */
static void ecma(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        enum pattern_answer answer;
    } rows[] = {
        {"^$", "", PATTERN_YES},
        {"a$", "a\n", PATTERN_NO},
        {"^.$", "😀", PATTERN_YES},
        {"^[^]$", "\n", PATTERN_YES},
        {"[]", "a", PATTERN_NO},
        {"\\u0041", "A", PATTERN_YES},
        {"^\\u{1F600}$", "😀", PATTERN_YES},
        {"^\\d$", "٣", PATTERN_NO},
        {"^\\w$", "é", PATTERN_NO},
        {"^\\p{L}$", "é", PATTERN_YES},
        {"^\\p{Letter}+$", "éa", PATTERN_YES},
        {"\\p{gc=Lu}", "a", PATTERN_NO},
        {"^(a)?\\1b$", "b", PATTERN_YES},
        {"\\/", "/", PATTERN_YES},
        {"(?<y>\\d)\\k<y>", "33", PATTERN_YES},
        {"(?<=a)b", "ab", PATTERN_YES},
        {"^\\x41$", "A", PATTERN_YES},
        {"^\\cA$", "\x01", PATTERN_YES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (find(rows[i].pattern, slice_of(rows[i].text)) != rows[i].answer)
            fail_msg("%s on %s", rows[i].pattern, rows[i].text);
    struct pattern *p = NULL;
    struct error e = {.fault = FAULT_NONE};
    assert_int_equal(pattern_new(SLICE("a**"), &p, &e), FAULT_CONFIG);
    assert_non_null(strstr(e.text, "at character"));
    assert_int_equal(pattern_new(SLICE("\xFF"), &p, &e), FAULT_CONFIG);
    assert_null(p);
    char *large = malloc(100000);
    assert_non_null(large);
    memset(large, 'a', 100000);
    assert_int_equal(pattern_new(slice_make(large, 100000), &p, &e), FAULT_CONFIG);
    free(large);
}

/* Every kind of run-away: nested repeats, and plain repeats that begin anew at each of a million places. */
static void never_runs_away(void **state) {
    (void)state;
    size_t n = 1 << 20;
    char *spaces = malloc(n);
    assert_non_null(spaces);
    memset(spaces, ' ', n);
    spaces[n - 1] = 'x';
    assert_int_equal(find("\\s+$", slice_make(spaces, n)), PATTERN_GAVE_UP);
    assert_int_equal(find("(\\s*)*[yz]", slice_make(spaces, 400)), PATTERN_GAVE_UP);
    assert_int_equal(find("\\s++$", slice_make(spaces, n)), PATTERN_GAVE_UP); /* few items, but long ways */
    assert_int_equal(find("x$", slice_make(spaces, n)),
                     PATTERN_YES); /* and what is easy is answered at this length */
    assert_int_equal(find("^\\s*x$", slice_make(spaces, n)), PATTERN_YES);
    assert_int_equal(find("y", slice_make(spaces, n)), PATTERN_NO);
    memset(spaces, 'a', 40);
    assert_int_equal(find("^(a|a)*[bc]", slice_make(spaces, 40)), PATTERN_GAVE_UP);
    assert_int_equal(find("^(([a-z])+.)+[A-Z]([a-z])+$", slice_make(spaces, 40)), PATTERN_GAVE_UP);
    free(spaces);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lower_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(distances, set_up, tear_down),
        cmocka_unit_test_setup_teardown(far_too_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ecma, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_runs_away, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_text", tests, NULL, NULL);
}
