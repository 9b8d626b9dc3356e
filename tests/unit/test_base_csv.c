#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* All rows as "a|b;c|d", or the fault's text. */
static const char *rows(const char *text) {
    static char out[512];
    struct arena arena;
    struct csv c;
    struct csv_row row;
    struct error e = {0};
    size_t n = 0;
    bool end = false;
    arena_init(&arena, 256, 1 << 16);
    csv_init(&c, slice_of(text), &arena);
    out[0] = 0;
    for (;;) {
        if (csv_next(&c, &row, &end, &e)) {
            (void)snprintf(out, sizeof out, "%s", e.text);
            break;
        }
        if (end) break;
        for (unsigned i = 0; i < row.n; i++)
            n += (size_t)snprintf(out + n, sizeof out - n, "%s" SLICE_FMT,
                                  i   ? "|"
                                  : n ? ";"
                                      : "",
                                  SLICE_ARG(row.fields[i]));
    }
    arena_deinit(&arena);
    return out;
}

static void forms(void **state) {
    (void)state;
    assert_string_equal(rows(""), "");
    assert_string_equal(rows("a,b\n1,2\n"), "a|b;1|2");
    assert_string_equal(rows("\xEF\xBB\xBF"
                             "a,b\r\n1,2"),
                        "a|b;1|2");
    assert_string_equal(rows("a,b\r1,2\r\r\r3,4"), "a|b;1|2;3|4");
    assert_string_equal(rows("\n\r\n a , b \n\n"), "a|b");
    assert_string_equal(rows("\"a,b\",\"say \"\"hi\"\"\"\n\"x\ny\",\n"), "a,b|say \"hi\";x\ny|");
    assert_string_equal(rows("\"\",,\n"), "||");
    assert_string_equal(rows(" \"a\" ,b"), "a|b");
    assert_string_equal(rows("\"\"\"\""), "\"");
    assert_string_equal(rows("a\"b,c"), "a\"b|c"); /* a quote inside a plain field is itself */
}

static void mistakes(void **state) {
    (void)state;
    char wide[2 * CSV_COLUMNS + 2];
    assert_string_equal(rows("a\n\"b\nc"), "line 2: a quote opens and does not close");
    assert_string_equal(rows("\"x\ny\"\n\"b\"c"), "line 3: expected a comma after a closing quote");
    assert_string_equal(rows("\"x\r\ny\"\r\n\r\n\"b\"c"), "line 4: expected a comma after a closing quote");
    for (unsigned i = 0; i < sizeof wide - 1; i++) wide[i] = ',';
    wide[sizeof wide - 1] = 0;
    assert_string_equal(rows(wide), "line 1: more than 128 columns");
}

static void separators(void **state) {
    (void)state;
    assert_int_equal(csv_separator(SLICE("")), ',');
    assert_int_equal(csv_separator(SLICE("a\nb;c")), ',');
    assert_int_equal(csv_separator(SLICE("a;b,c;d\n,,,,")), ';');
    assert_int_equal(csv_separator(SLICE("\n\r\na\tb")), '\t');
    assert_int_equal(csv_separator(SLICE("\"a;b;c\",d")), ',');
    struct arena arena;
    struct csv c;
    struct csv_row row;
    bool end = false;
    arena_init(&arena, 256, 1 << 16);
    csv_init(&c, SLICE("a\t \tb\n\"x\"y\nz\t1\t2\n\"o\npen\n"), &arena);
    c.separator = '\t';
    assert_int_equal(csv_next(&c, &row, &end, NULL), FAULT_NONE);
    assert_int_equal(row.n, 3); /* a tab is no space here */
    assert_int_equal(row.fields[1].len, 0);
    assert_int_equal(csv_next(&c, &row, &end, NULL), FAULT_BAD_REQUEST);
    csv_skip_line(&c);
    assert_int_equal(csv_next(&c, &row, &end, NULL), FAULT_NONE);
    assert_true(c.line == 3 && slice_is(row.fields[0], "z"));
    assert_int_equal(csv_next(&c, &row, &end, NULL), FAULT_BAD_REQUEST);
    csv_skip_line(&c);
    assert_int_equal(csv_next(&c, &row, &end, NULL), FAULT_NONE);
    assert_true(end);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(separators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
