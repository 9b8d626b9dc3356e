#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/call.h"

static void test_endpoint_names(void **state) {
    (void)state;
    enum endpoint back;
    for (unsigned e = 0; e < ENDPOINT_COUNT; e++) {
        assert_true(endpoint_from_name(slice_of(endpoint_name((enum endpoint)e)), &back));
        assert_int_equal(back, e);
    }
    assert_string_equal(endpoint_name(ENDPOINT_COUNT_TOKENS), "count_tokens");
    back = ENDPOINT_MODELS;
    assert_false(endpoint_from_name(SLICE("chats"), &back));
    assert_false(endpoint_from_name(SLICE(""), &back));
    assert_int_equal(back, ENDPOINT_MODELS);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_endpoint_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
