/* A difference puts both texts together again, is no longer than the shortest one, and stays bounded. */
#include "change/text_diff.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 256 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* Both texts from the pieces; how many bytes differ. */
static size_t check(struct slice before, struct slice after) {
    struct text_piece *p;
    unsigned n;
    size_t differs = 0;
    struct buffer one, other;
    assert_int_equal(text_diff(before, after, &arena, &p, &n), FAULT_NONE);
    buffer_init(&one, 64 << 20);
    buffer_init(&other, 64 << 20);
    for (unsigned i = 0; i < n; i++) {
        assert_true(p[i].text.len > 0);
        if (p[i].kind != TEXT_ADDED) buffer_append(&one, p[i].text);
        if (p[i].kind != TEXT_REMOVED) buffer_append(&other, p[i].text);
        if (p[i].kind != TEXT_SAME) differs += p[i].text.len;
        assert_true(i == 0 || p[i].kind != p[i - 1].kind);
    }
    assert_true(slice_eq(buffer_slice(&one), before) && slice_eq(buffer_slice(&other), after));
    buffer_deinit(&one);
    buffer_deinit(&other);
    return differs;
}

static uint32_t seed = 1;
static uint32_t draw(uint32_t below) {
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

/* Edits by the definition: longest common subsequence of letters, each a word of its own. */
static size_t shortest(const char *a, size_t n, const char *b, size_t m) {
    static unsigned t[64][64];
    for (size_t i = 0; i <= n; i++)
        for (size_t j = 0; j <= m; j++)
            t[i][j] = i == 0 || j == 0 ? 0 : a[i - 1] == b[j - 1] ? t[i - 1][j - 1] + 1 : t[i - 1][j] > t[i][j - 1] ? t[i - 1][j] : t[i][j - 1];
    return n + m - 2 * t[n][m];
}

static void is_the_shortest(void **state) {
    (void)state;
    for (int round = 0; round < 4000; round++) {
        char a[64], b[64];
        size_t n = draw(40), m = draw(40);
        uint32_t letters = 2 + draw(4);
        for (size_t i = 0; i < n; i++) a[i] = "+*/=%&"[draw(letters)]; /* signs: each is a token */
        for (size_t i = 0; i < m; i++) b[i] = "+*/=%&"[draw(letters)];
        size_t found = check(slice_make(a, n), slice_make(b, m)), want = shortest(a, n, b, m);
        if (found != want) fail_msg("%.*s and %.*s: expected %zu edits, found %zu", (int)n, a, (int)m, b, want, found);
        arena_reset(&arena);
    }
}

static void pieces_are(const char *before, const char *after, const char *want) {
    struct text_piece *p;
    unsigned n;
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    assert_int_equal(text_diff(slice_of(before), slice_of(after), &arena, &p, &n), FAULT_NONE);
    text_diff_write(p, n, &w);
    if (!slice_is(buffer_slice(&out), want)) fail_msg("expected %s, found %s", want, buffer_text(&out));
    buffer_deinit(&out);
}

static void words_by_words(void **state) {
    (void)state;
    pieces_are("Be very brief now.", "Be quite short now.",
               "[{\"op\":\"same\",\"text\":\"Be \"},{\"op\":\"remove\",\"text\":\"very brief\"},{\"op\":\"add\",\"text\":\"quite short\"},{\"op\":\"same\",\"text\":\" now.\"}]");
    pieces_are("größer", "größe", "[{\"op\":\"remove\",\"text\":\"größer\"},{\"op\":\"add\",\"text\":\"größe\"}]");
    pieces_are("", "", "[]");
    pieces_are("", "a", "[{\"op\":\"add\",\"text\":\"a\"}]");
    pieces_are("a", "", "[{\"op\":\"remove\",\"text\":\"a\"}]");
    pieces_are("a", "a", "[{\"op\":\"same\",\"text\":\"a\"}]");
    assert_true(check(SLICE("\xFF\xFE broken \x80"), SLICE("\xFF broken\x80\xC3")) > 0);
}

static void share_of_words(void **state) {
    (void)state;
    struct text_piece *p;
    unsigned n;
    assert_int_equal(text_diff(SLICE("one two three four"), SLICE("one two five four"), &arena, &p, &n), FAULT_NONE);
    assert_true(fabs(text_same(p, n) - 0.75) < 1e-12);
    assert_true(text_same(p, 0) == 1);
}

/* Nothing in common: more edits than TEXT_DIFF_MOST end it, and the answer is still one. */
static void long_texts(void **state) {
    (void)state;
    struct buffer a, b;
    buffer_init(&a, 8 << 20);
    buffer_init(&b, 8 << 20);
    for (int i = 0; i < 30000; i++) {
        buffer_printf(&a, "a%d ", i);
        buffer_printf(&b, "b%d ", i);
    }
    assert_true(check(buffer_slice(&a), buffer_slice(&b)) > a.len);
    b.len = 0;
    buffer_append(&b, buffer_slice(&a));
    buffer_append(&b, SLICE("end"));
    assert_int_equal(check(buffer_slice(&a), buffer_slice(&b)), 3);
    buffer_deinit(&a);
    buffer_deinit(&b);
}

static void lines(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    text_diff_lines(SLICE("1\n2\n3\n4\n5\n6\n7\n8\nold\nend"), SLICE("1\n2\n3\n4\n5\n6\n7\n8\nnew\nend\n"), &arena, &out);
    assert_string_equal(buffer_text(&out), "  7\n  8\n- old\n- end\n+ new\n+ end\n");
    buffer_clear(&out);
    text_diff_lines(SLICE("a\n1\n2\n3\n4\n5\n6\nb\n"), SLICE("A\n1\n2\n3\n4\n5\n6\nB\n"), &arena, &out);
    assert_string_equal(buffer_text(&out), "- a\n+ A\n  1\n  2\n  ...\n  5\n  6\n- b\n+ B\n");
    buffer_clear(&out);
    text_diff_lines(SLICE("same\n"), SLICE("same\n"), &arena, &out);
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_shortest), cmocka_unit_test(words_by_words), cmocka_unit_test(share_of_words), cmocka_unit_test(long_texts),
                                       cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
