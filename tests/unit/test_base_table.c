#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void basics(void **state) {
    struct table t;
    int a, b;
    (void)state;
    table_init(&t);
    assert_null(table_get(&t, SLICE("x")));
    assert_null(table_remove(&t, SLICE("x")));
    assert_null(table_put(&t, SLICE("x"), &a));
    assert_ptr_equal(table_put(&t, SLICE("x"), &b), &a);
    assert_int_equal(t.count, 1);
    assert_null(table_put(&t, SLICE_NULL, &a)); /* the empty key is a key */
    assert_ptr_equal(table_get(&t, SLICE("")), &a);
    assert_null(table_put(&t, SLICE("a\0b"), &b));
    assert_null(table_get(&t, SLICE("a\0c")));
    assert_null(table_get(&t, SLICE("a")));
    assert_ptr_equal(table_get(&t, SLICE("a\0b")), &b);
    assert_null(table_put(&t, SLICE("null value"), NULL));
    assert_int_equal(t.count, 4);
    char key[] = "copied";
    table_put(&t, slice_of(key), &a);
    key[0] = 'X';
    assert_ptr_equal(table_get(&t, SLICE("copied")), &a);
    table_deinit(&t);
    assert_null(table_get(&t, SLICE("x"))); /* empty and usable again */
    table_put(&t, SLICE("x"), &a);
    assert_ptr_equal(table_get(&t, SLICE("x")), &a);
    table_deinit(&t);
    table_deinit(NULL);
}

/* Random puts, removes and looks against an array, which also runs the shifting back over the table's end. */
static void against_an_array(void **state) {
    enum { KEYS = 500, STEPS = 200000 };
    static void *model[KEYS];
    struct table t;
    size_t count = 0;
    (void)state;
    srand(11);
    table_init(&t);
    for (int step = 0; step < STEPS; step++) {
        int k = rand() % (step % 20000 < 10000 ? KEYS : 40);
        char key[16];
        struct slice s = slice_make(key, (size_t)snprintf(key, sizeof key, "k%d", k));
        void *value = &model[rand() % KEYS];
        switch (rand() % 3) {
        case 0:
            count += model[k] == NULL;
            assert_ptr_equal(table_put(&t, s, value), model[k]);
            model[k] = value;
            break;
        case 1:
            count -= model[k] != NULL;
            assert_ptr_equal(table_remove(&t, s), model[k]);
            model[k] = NULL;
            break;
        default: assert_ptr_equal(table_get(&t, s), model[k]);
        }
        assert_int_equal(t.count, count);
        if (step % 1000 != 0) continue;
        size_t cursor = 0, walked = 0;
        struct slice name;
        void *found;
        while (table_next(&t, &cursor, &name, &found)) {
            walked++;
            uint64_t k_found;
            assert_true(slice_to_u64(slice_make(name.at + 1, name.len - 1), &k_found) && k_found < KEYS);
            assert_ptr_equal(found, model[k_found]);
        }
        assert_int_equal(walked, count);
        assert_false(table_next(&t, &cursor, &name, &found));
        for (int i = 0; i < KEYS; i++) {
            s.len = (size_t)snprintf(key, sizeof key, "k%d", i);
            assert_ptr_equal(table_get(&t, s), model[i]);
        }
    }
    table_deinit(&t);
}

static void large_and_seeded(void **state) {
    struct table t, other;
    static char values[100000];
    (void)state;
    table_init(&t);
    table_init(&other);
    assert_int_not_equal(t.seed, other.seed);
    for (uint32_t i = 0; i < 100000; i++) table_put(&t, slice_make((char *)&i, sizeof i), values + i);
    assert_int_equal(t.count, 100000);
    assert_true(t.count <= t.capacity / 4 * 3);
    for (uint32_t i = 0; i < 100000; i++)
        assert_ptr_equal(table_get(&t, slice_make((char *)&i, sizeof i)), values + i);
    for (uint32_t i = 0; i < 100000; i += 2)
        assert_ptr_equal(table_remove(&t, slice_make((char *)&i, sizeof i)), values + i);
    for (uint32_t i = 0; i < 100000; i++)
        assert_ptr_equal(table_get(&t, slice_make((char *)&i, sizeof i)), i % 2 ? values + i : NULL);
    table_deinit(&t);
    table_deinit(&other);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(basics), cmocka_unit_test(against_an_array),
                                       cmocka_unit_test(large_and_seeded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
