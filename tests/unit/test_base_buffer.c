#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void appending(void **state) {
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 20);
    assert_string_equal(buffer_text(&b), "");
    assert_true(buffer_append(&b, SLICE_NULL));
    assert_true(buffer_append(&b, SLICE("ab")) && buffer_byte(&b, 'c') && buffer_byte(&b, 0));
    assert_true(buffer_u64(&b, 0) && buffer_u64(&b, UINT64_MAX));
    assert_true(buffer_i64(&b, INT64_MIN) && buffer_i64(&b, INT64_MAX) && buffer_i64(&b, -1));
    assert_true(buffer_printf(&b, "%s-%0500d", "x", 1));
    struct slice s = buffer_slice(&b);
    assert_true(slice_starts(s, SLICE("abc\0"
                                      "018446744073709551615-92233720368547758089223372036854775807-1x-0")));
    assert_int_equal(s.len, 4 + 1 + 20 + 20 + 19 + 2 + 2 + 500);
    assert_int_equal(buffer_text(&b)[b.len], 0);
    buffer_deinit(&b);
    buffer_deinit(&b);
    buffer_deinit(NULL);
}

static void the_maximum(void **state) {
    struct buffer b;
    (void)state;
    for (int how = 0; how < 4; how++) {
        buffer_init(&b, 10);
        assert_true(buffer_append(&b, SLICE("12345678")));
        if (how == 0) assert_false(buffer_append(&b, SLICE("abc")));
        if (how == 1) assert_false(buffer_printf(&b, "abc"));
        if (how == 2) assert_false(buffer_u64(&b, 100));
        if (how == 3) assert_null(buffer_reserve(&b, 3));
        assert_true(b.overflow);
        assert_true(slice_is(buffer_slice(&b), "12345678")); /* whole or not at all */
        assert_true(buffer_append(&b, SLICE("90")));         /* exactly full */
        assert_true(b.overflow);                             /* it stays */
        assert_string_equal(buffer_text(&b), "1234567890");  /* the NUL does not count */
        assert_false(buffer_byte(&b, 'x'));
        assert_int_equal(b.len, 10);
        buffer_clear(&b);
        assert_false(b.overflow);
        assert_true(buffer_printf(&b, "%d", 1234567890));
        assert_false(buffer_byte(&b, 'x'));
        buffer_deinit(&b);
    }
    buffer_init(&b, 0);
    assert_false(buffer_byte(&b, 'x'));
    assert_true(buffer_append(&b, SLICE("")));
    assert_string_equal(buffer_text(&b), "");
    assert_false(buffer_byte(&b, 'x'));
    assert_true(buffer_printf(&b, "%s", ""));
    assert_false(buffer_printf(&b, "%s", "x"));
    assert_int_equal(b.len, 0);
    assert_null(buffer_reserve(&b, SIZE_MAX));
    buffer_deinit(&b);
}

static void reserving_and_consuming(void **state) {
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 16);
    char *p = buffer_reserve(&b, 1000);
    assert_non_null(p);
    memcpy(p, "hello world", 11);
    b.len += 11;
    buffer_consume(&b, 0);
    buffer_consume(&b, 6);
    assert_string_equal(buffer_text(&b), "world");
    buffer_consume(&b, 100);
    assert_int_equal(b.len, 0);
    buffer_append(&b, SLICE("again"));
    assert_string_equal(buffer_text(&b), "again");
    assert_non_null(buffer_reserve(&b, 0));
    buffer_deinit(&b);
}

static void shrinking(void **state) {
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 20);
    assert_non_null(buffer_reserve(&b, 500000));
    buffer_append(&b, SLICE("keep"));
    buffer_shrink(&b, 3); /* would cut content: nothing */
    assert_true(b.cap >= 500000);
    buffer_shrink(&b, 1024);
    assert_int_equal(b.cap, 1024);
    assert_string_equal(buffer_text(&b), "keep");
    buffer_shrink(&b, 4096);
    assert_int_equal(b.cap, 1024);
    buffer_clear(&b);
    buffer_shrink(&b, 0);
    assert_int_equal(b.cap, 0);
    assert_null(b.at);
    buffer_append(&b, SLICE("x"));
    assert_string_equal(buffer_text(&b), "x");
    buffer_deinit(&b);
}

static void random_steps(void **state) {
    (void)state;
    srand(3);
    for (int round = 0; round < 200; round++) {
        struct buffer b;
        char model[3000];
        size_t len = 0, max = (size_t)(rand() % 2000);
        bool over = false;
        buffer_init(&b, max);
        for (int step = 0; step < 100; step++) {
            char text[64];
            size_t n = (size_t)(rand() % 60);
            for (size_t i = 0; i < n; i++) text[i] = (char)('a' + rand() % 26);
            text[n] = 0;
            char one = n > 0 ? text[0] : 'z';
            bool fits = len + n <= max, did = true;
            switch (rand() % 6) {
            case 0: did = buffer_append(&b, slice_make(text, n)); break;
            case 1: did = buffer_printf(&b, "%s", text); break;
            case 2:
                n = 1;
                fits = len + n <= max;
                text[0] = one;
                did = buffer_byte(&b, one);
                break;
            case 3:
                buffer_consume(&b, n);
                n = n < len ? n : len;
                memmove(model, model + n, len - n);
                len -= n;
                continue;
            case 4: buffer_shrink(&b, (size_t)(rand() % 3000)); continue;
            default: {
                const char *view = buffer_text(&b);
                assert_int_equal(strlen(view), len);
                continue;
            }
            }
            assert_int_equal(did, fits);
            over = over || !fits;
            if (fits) memcpy(model + len, text, n), len += n;
            assert_int_equal(b.overflow, over);
            assert_true(slice_eq(buffer_slice(&b), slice_make(model, len)));
        }
        buffer_deinit(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending),
        cmocka_unit_test(the_maximum),
        cmocka_unit_test(reserving_and_consuming),
        cmocka_unit_test(shrinking),
        cmocka_unit_test(random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
