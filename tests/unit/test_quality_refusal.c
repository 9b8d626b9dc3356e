/* The error rate of is-refusal on tests/data/refusals.tsv, as counts: whoever changes the phrases sees what
 * that does. The sentences and the phrases have the same authors, so the easy half is better than it will be
 * elsewhere. */
#include "quality/refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define DATA "tests/data/refusals.tsv"

static enum refusal find(struct slice text) {
    struct arena arena;
    struct slice phrase = SLICE_NULL;
    arena_init(&arena, 4096, 1 << 20);
    enum refusal r = refusal_find(text, &arena, &phrase);
    if (r == REFUSAL_YES) assert_true(phrase.len > 0);
    arena_deinit(&arena);
    return r;
}

enum { EASY, HARD, HELD, SETS };

static void measured(void **state) {
    (void)state;
    static const char *const sets[] = {"easy", "hard", "held"};
    static const unsigned sizes[2][SETS] = {{30, 30, 20}, {42, 18, 20}},
                          right_ones[2][SETS] = {{30, 23, 20}, {42, 0, 13}};
    unsigned total[2][SETS] = {{0}}, right[2][SETS] = {{0}};
    char line[1024], plain[1024];
    FILE *f = fopen(DATA, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        struct slice label, set, text, rest = slice_trim(slice_of(line));
        if (line[0] == '#') continue;
        assert_true(slice_cut(rest, '\t', &label, &rest) && slice_cut(rest, '\t', &set, &text));
        size_t n = 0;
        for (size_t i = 0; i < text.len; i++) {
            bool end = text.at[i] == '\\' && i + 1 < text.len && text.at[i + 1] == 'n';
            plain[n++] = end ? '\n' : text.at[i];
            i += end;
        }
        int yes = slice_is(label, "1"), k = 0;
        while (k < HELD && !slice_is(set, sets[k])) k++;
        bool good = find(slice_make(plain, n)) == (yes ? REFUSAL_YES : REFUSAL_NO);
        total[yes][k]++;
        right[yes][k] += good;
        if (!good)
            print_message("%s (%s): " SLICE_FMT "\n", yes ? "missed" : "wrongly called a refusal", sets[k],
                          SLICE_ARG(text));
    }
    (void)fclose(f);
    for (int yes = 0; yes < 2; yes++)
        for (int k = 0; k < SETS; k++) {
            print_message("%s, %s: %u of %u right\n", yes ? "refusals" : "others", sets[k], right[yes][k],
                          total[yes][k]);
            assert_int_equal(total[yes][k], sizes[yes][k]);
            assert_int_equal(right[yes][k], right_ones[yes][k]);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measured),
    };
    return cmocka_run_group_tests_name("quality_refusal", tests, NULL, NULL);
}
