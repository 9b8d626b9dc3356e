#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/usage.h"

static void test_null_is_not_zero(void **state) {
    (void)state;
    struct usage u;
    usage_init(&u);
    assert_true(usage_is_null(&u));
    assert_false(u.estimated);
    u.output_audio = 0;
    assert_false(usage_is_null(&u));
}

static void test_updates_set_and_nulls_leave(void **state) {
    (void)state;
    struct usage u, later;
    usage_init(&u);
    usage_init(&later);
    u.input = 10, u.output = 1;
    later.output = 0, later.cache_read = 4;
    usage_update(&u, &later);
    assert_int_equal(u.input, 10);
    assert_int_equal(u.output, 0);
    assert_int_equal(u.cache_read, 4);
    assert_int_equal(u.reasoning, USAGE_NULL);
}

static void test_estimated_until_all_are_replaced(void **state) {
    (void)state;
    struct usage u, later;
    usage_init(&u);
    usage_init(&later);
    u.input = 10, u.output = 1, u.estimated = true;
    later.output = 2;
    usage_update(&u, &later);
    assert_true(u.estimated); /* input is still ours */
    later.input = 11;
    usage_update(&u, &later);
    assert_false(u.estimated);
    later.estimated = true;
    usage_update(&u, &later);
    assert_true(u.estimated);
}

static void test_the_table_is_whole(void **state) {
    (void)state;
    int n = 0;
#define USAGE(field) n++;
    USAGE_TABLE(USAGE)
#undef USAGE
    assert_int_equal(n, USAGE_FIELDS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_not_zero),
        cmocka_unit_test(test_updates_set_and_nulls_leave),
        cmocka_unit_test(test_estimated_until_all_are_replaced),
        cmocka_unit_test(test_the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
