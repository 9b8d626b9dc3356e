#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void alignment_and_zero(void **state) {
    struct arena a;
    (void)state;
    arena_init(&a, 1000, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 300; n++) {
            unsigned char *p = arena_alloc(&a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++) assert_int_equal(p[i], 0);
            memset(p, 0xAA, n); /* the next round must not see it */
        }
        arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    arena_deinit(&a);
    arena_deinit(&a); /* twice is harmless */
}

static void first_block_is_kept(void **state) {
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 24);
    void *first = arena_alloc(&a, 100);
    arena_alloc(&a, 1 << 20);
    arena_alloc(&a, 5000);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 100), first);
    arena_deinit(&a);

    /* a large first allocation must not become the block that is kept */
    arena_init(&a, 4096, 1 << 24);
    void *large = arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    void *small = arena_alloc(&a, 16);
    assert_non_null(large);
    assert_non_null(small);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 16), small);
    arena_deinit(&a);
}

static void the_maximum(void **state) {
    struct arena a;
    (void)state;
    arena_init(&a, 64, 1024);
    assert_non_null(arena_alloc(&a, 1024)); /* exactly */
    assert_false(arena_is_full(&a));
    assert_null(arena_alloc(&a, 1));
    assert_true(arena_is_full(&a));
    arena_reset(&a);
    assert_false(arena_is_full(&a));
    assert_null(arena_alloc(&a, 1025));
    assert_true(arena_is_full(&a));
    arena_reset(&a);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 15));
    assert_null(arena_alloc(&a, SIZE_MAX - 16));
    assert_null(arena_alloc(&a, SIZE_MAX / 2));
    assert_int_equal(a.used, 0);
    arena_deinit(&a);

    arena_init(&a, 1 << 20, 0); /* no room at all */
    assert_null(arena_alloc(&a, 0));
    assert_true(slice_is_null(arena_slice(&a, SLICE("x"))));
    assert_null(arena_text(&a, SLICE("x")));
    assert_true(slice_is_null(arena_printf(&a, "x")));
    assert_true(arena_is_full(&a));
    arena_deinit(&a);
}

static void texts(void **state) {
    struct arena a;
    (void)state;
    arena_init(&a, 256, 1 << 20);
    assert_true(slice_is_null(arena_slice(&a, SLICE_NULL)));
    assert_false(arena_is_full(&a));
    assert_false(slice_is_null(arena_slice(&a, SLICE("")))); /* empty is not absent */
    assert_string_equal(arena_text(&a, slice_make("abcdef", 3)), "abc");
    assert_string_equal(arena_text(&a, SLICE_NULL), "");
    struct slice s = arena_printf(&a, "%s %d", "n", 42);
    assert_true(slice_is(s, "n 42"));
    assert_int_equal(s.at[s.len], 0);
    s = arena_printf(&a, "%5000d", 1);
    assert_int_equal(s.len, 5000);
    s = arena_printf(&a, "%s", "");
    assert_true(s.at != NULL && s.len == 0);
    arena_deinit(&a);
}

static void resizing(void **state) {
    struct arena a;
    (void)state;
    arena_init(&a, 4096, 1 << 20);
    char *p = arena_resize(&a, NULL, 0, 100);
    memset(p, 'a', 100);
    assert_ptr_equal(arena_resize(&a, p, 100, 1000), p); /* newest: in place */
    assert_int_equal(a.used, 1008);
    assert_ptr_equal(arena_resize(&a, p, 1000, 10), p);
    assert_int_equal(a.used, 16);
    unsigned char *q = arena_alloc(&a, 2000); /* what was given back is zero again */
    for (int i = 0; i < 2000; i++) assert_int_equal(q[i], 0);
    char *moved = arena_resize(&a, p, 10, 50); /* no longer the newest */
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "aaaaaaaaaa", 10);
    assert_ptr_equal(arena_resize(&a, p, 10, 5), p);

    char *big = arena_alloc(&a, 100000); /* alone in its block: it may move, the content stays */
    memset(big, 'b', 100000);
    size_t used = a.used;
    big = arena_resize(&a, big, 100000, 900000);
    assert_non_null(big);
    assert_int_equal(a.used, used + 800000);
    for (int i = 0; i < 100000; i++) assert_int_equal(big[i], 'b');
    assert_null(arena_resize(&a, big, 900000, 2 << 20));
    assert_true(arena_is_full(&a));
    assert_int_equal(big[99999], 'b');
    assert_null(arena_resize(&a, big, 900000, SIZE_MAX));
    assert_ptr_equal(arena_resize(&a, big, 900000, 0), big);
    unsigned char *r = arena_alloc(&a, 700000);
    for (int i = 0; i < 700000; i++) assert_int_equal(r[i], 0);
    arena_reset(&a);
    q = arena_alloc(&a, 4000);
    for (int i = 0; i < 4000; i++) assert_int_equal(q[i], 0);
    arena_deinit(&a);
}

/* Many random steps against remembered contents: nothing overlaps, nothing is lost, the count is right. */
static void random_steps(void **state) {
    enum { MOST = 400 };
    struct {
        unsigned char *at;
        size_t len;
        unsigned char fill;
    } held[MOST];
    (void)state;
    srand(7);
    for (int round = 0; round < 50; round++) {
        struct arena a;
        size_t n = 0;
        arena_init(&a, (size_t)(rand() % 3000), 200000);
        while (n < MOST) {
            size_t len = (size_t)(rand() % (rand() % 20 == 0 ? 20000 : 200));
            unsigned char *p = arena_alloc(&a, len);
            if (p == NULL) break;
            for (size_t i = 0; i < len; i++) assert_int_equal(p[i], 0);
            if (rand() % 4 == 0) {
                size_t grown = (size_t)(rand() % 5000);
                unsigned char *again = arena_resize(&a, p, len, grown);
                if (again == NULL) break;
                p = again;
                len = grown;
            }
            held[n].at = p;
            held[n].len = len;
            held[n].fill = (unsigned char)(rand() % 255 + 1);
            memset(p, held[n].fill, len);
            n++;
        }
        assert_true(a.used <= a.max);
        for (size_t k = 0; k < n; k++)
            for (size_t i = 0; i < held[k].len; i++) assert_int_equal(held[k].at[i], held[k].fill);
        arena_deinit(&a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alignment_and_zero), cmocka_unit_test(first_block_is_kept),
        cmocka_unit_test(the_maximum),        cmocka_unit_test(texts),
        cmocka_unit_test(resizing),           cmocka_unit_test(random_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
