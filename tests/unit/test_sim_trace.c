#include "sim/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void azure_excerpt(void **state) {
    (void)state;
    static char text[65536];
    struct error error = {0};
    struct trace t;
    FILE *file = fopen("tests/data/azure_trace_excerpt.csv", "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    assert_int_equal(trace_read(slice_make(text, n), "excerpt", &t, &error), FAULT_NONE);
    assert_int_equal(t.n, 200);
    assert_int_equal(t.input, 180695);
    assert_int_equal(t.output, 47050);
    assert_int_equal(t.rows[0].at_us, 0);
    assert_int_equal(t.rows[0].input, 374);
    assert_int_equal(t.rows[0].output, 44);
    assert_int_equal(t.rows[1].at_us, 4314579); /* 50.9951690 - 46.6805900 */
    assert_int_equal(t.rows[199].at_us, 61263537);
    trace_deinit(&t);
    trace_deinit(NULL);
}

static enum fault read_text(const char *text, struct trace *t, struct error *e) {
    return trace_read(slice_of(text), "t.csv", t, e);
}

static void forms(void **state) {
    (void)state;
    struct trace t;
    struct error e;
    /* out of order, over midnight, without a title, CRLF, comments, no last line end */
    assert_int_equal(read_text("# c\r\n2026-01-02 00:00:01,3,4\r\n\r\n2026-01-01 23:59:59.5,1,2", &t, &e),
                     FAULT_NONE);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.rows[0].input, 1);
    assert_int_equal(t.rows[1].at_us, 1500000);
    trace_deinit(&t);
}

static void mistakes(void **state) {
    (void)state;
    static const char *const wrong[] = {
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01 00:00:00,1\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01 00:00:00,1,x\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-13-01 00:00:00,1,2\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n-1h,1,2\n",
        "2026-01-01 00:00:00,1,2\nTIMESTAMP,ContextTokens,GeneratedTokens\n",
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2026-01-01 00:00:00,1,99999999999\n",
    };
    struct trace t = {.n = 77};
    struct error e;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(wrong[i], &t, &e), FAULT_BAD_REQUEST);
        assert_true(slice_starts(slice_of(e.text), SLICE("t.csv:2: expected")));
    }
    assert_int_equal(read_text("", &t, &e), FAULT_BAD_REQUEST);
    assert_string_equal(e.text, "t.csv: no rows");
    assert_int_equal(t.n, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(azure_excerpt),
        cmocka_unit_test(forms),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
