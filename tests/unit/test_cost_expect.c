#include "cost/expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct slice A = {"helpdesk", 8}, M = {"chat", 4}, T = {"short", 5};

static void few_answers_say_nothing(void **state) {
    (void)state;
    struct expect *e = expect_new();
    assert_int_equal(expect_output(e, A, M, T), -1);
    for (int i = 0; i < EXPECT_LEAST - 1; i++) expect_learn(e, A, M, T, 50);
    assert_int_equal(expect_output(e, A, M, T), -1);
    expect_learn(e, A, M, T, 50);
    assert_in_range(expect_output(e, A, M, T), 50, 56);
    assert_int_equal(expect_output(e, A, M, SLICE("long")), -1);
    assert_int_equal(expect_output(e, M, A, T), -1);
    expect_free(e);
}

/* Never below the percentile, at most an eighth above it. */
static void bounds_the_percentile(void **state) {
    (void)state;
    for (int64_t top = 1; top < 2000000; top = top * 3 / 2 + 1) {
        struct expect *e = expect_new();
        for (int i = 0; i < 1000; i++) expect_learn(e, A, M, T, i < 980 ? top / 10 : i < 995 ? top : top * 50);
        int64_t found = expect_output(e, A, M, T);
        if (found < top || found > top + top / 8) fail_msg("99th percentile %lld: told %lld", (long long)top, (long long)found);
        expect_free(e);
    }
}

static void old_answers_fade(void **state) {
    (void)state;
    struct expect *e = expect_new();
    for (int i = 0; i < EXPECT_HALVE; i++) expect_learn(e, A, M, T, 4000);
    for (int i = 0; i < 10 * EXPECT_HALVE; i++) expect_learn(e, A, M, T, 40);
    assert_in_range(expect_output(e, A, M, T), 40, 45);
    expect_learn(e, A, M, T, -5); /* a provider's nonsense */
    assert_in_range(expect_output(e, A, M, T), 40, 45);
    expect_learn(e, A, M, T, INT64_MAX);
    expect_free(e);
}

static void a_full_table_stays_unknown(void **state) {
    (void)state;
    struct expect *e = expect_new();
    unsigned known = 0;
    for (int kind = 0; kind < 3 * EXPECT_KINDS; kind++)
        for (int i = 0; i < EXPECT_LEAST; i++) expect_learn(e, A, M, slice_make((const char *)&kind, sizeof kind), 9);
    for (int kind = 0; kind < 3 * EXPECT_KINDS; kind++)
        known += expect_output(e, A, M, slice_make((const char *)&kind, sizeof kind)) >= 9;
    assert_in_range(known, EXPECT_KINDS / 2, EXPECT_KINDS);
    expect_free(e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_answers_say_nothing),
        cmocka_unit_test(bounds_the_percentile),
        cmocka_unit_test(old_answers_fade),
        cmocka_unit_test(a_full_table_stays_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
