#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void the_table(void **state) {
    (void)state;
    for (int f = 0; f < FAULT_COUNT; f++) {
        enum fault back = FAULT_COUNT;
        assert_true(fault_from_name(slice_of(fault_name((enum fault)f)), &back));
        assert_int_equal(back, f); /* so names are unique */
        assert_true(fault_text((enum fault)f)[0] != 0);
        assert_true(fault_status((enum fault)f) >= 200 && fault_status((enum fault)f) < 600);
        assert_true(fault_retry((enum fault)f) <= RETRY_LARGER);
    }
    enum fault kept = FAULT_CONFLICT;
    assert_false(fault_from_name(SLICE("nonsense"), &kept));
    assert_false(fault_from_name(SLICE_NULL, &kept));
    assert_int_equal(kept, FAULT_CONFLICT);
    assert_int_equal(FAULT_NONE, 0);
    assert_int_equal(fault_status(FAULT_UP_CONTEXT), 400);
    assert_int_equal(fault_retry(FAULT_UP_CONTEXT), RETRY_LARGER);
    assert_string_equal(fault_name((enum fault)9999), "internal_error");
    assert_string_equal(fault_name((enum fault) - 1), "internal_error");
}

static void messages(void **state) {
    struct error e;
    (void)state;
    assert_int_equal(error_set(NULL, FAULT_IO, "x"), FAULT_IO);
    assert_int_equal(error_set(&e, FAULT_IO, "read %d bytes", 5), FAULT_IO);
    assert_string_equal(e.text, "read 5 bytes");
    error_set(&e, FAULT_IO, "%s: %s", "file.db", e.text); /* its own text as an argument */
    assert_string_equal(e.text, "file.db: read 5 bytes");
    error_set(&e, FAULT_NO_SPACE, "%s", "");
    assert_string_equal(e.text, fault_text(FAULT_NO_SPACE));
    enum fault (*unchecked)(struct error *, enum fault, const char *, ...) = error_set;
    unchecked(&e, FAULT_IO, NULL);
    assert_string_equal(e.text, fault_text(FAULT_IO));
}

static void cut_at_a_character(void **state) {
    struct error e;
    char text[2000];
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        static const char *const characters[] = {"\xC3\xA4", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
        for (size_t c = 0; c < 3; c++) {
            size_t len = shift, size = strlen(characters[c]);
            memset(text, 'x', shift);
            for (; len + size < sizeof text; len += size) memcpy(text + len, characters[c], size);
            text[len] = 0;
            error_set(&e, FAULT_IO, "%s", text);
            assert_true(slice_is_utf8(slice_of(e.text)));
            assert_true(strlen(e.text) > LIMIT_ERROR_TEXT - 1 - size);
        }
    }
    memset(text, 'y', sizeof text);
    text[LIMIT_ERROR_TEXT - 1] = 0; /* fits exactly */
    error_set(&e, FAULT_IO, "%s", text);
    assert_string_equal(e.text, text);
    memset(text, 0x80, sizeof text);
    text[1000] = 0; /* not UTF-8 at all: still ends */
    error_set(&e, FAULT_IO, "%s", text);
    assert_true(strlen(e.text) < LIMIT_ERROR_TEXT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_table), cmocka_unit_test(messages),
                                       cmocka_unit_test(cut_at_a_character)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
