#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/reply.h"

static void test_finish_names(void **state) {
    (void)state;
    static const char *const names[] = {NULL,         "stop",    "stop_sequence", "length",
                                        "tool_calls", "refusal", "pause",         "other"};
    assert_null(finish_name(FINISH_UNSET));
    for (unsigned f = FINISH_STOP; f <= FINISH_OTHER; f++)
        assert_string_equal(finish_name((enum finish)f), names[f]);
}

static void test_what_is_output(void **state) {
    (void)state;
    assert_false(event_is_output(EVENT_START));
    assert_true(event_is_output(EVENT_TEXT));
    assert_true(event_is_output(EVENT_TOOL_ARGS));
    assert_false(event_is_output(EVENT_FINISH));
    assert_false(event_is_output(EVENT_PING));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_finish_names),
                                       cmocka_unit_test(test_what_is_output)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
