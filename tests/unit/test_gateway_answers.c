/* Answers kept for degraded service: bounded, last used stays, never across applications. */
#include "base/limits.h"
#include "base/mem.h"
#include "gateway/answers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct answer_key key(const char *application, const char *body) {
    struct answer_key k;
    answers_key(slice_of(application), 0, 0, slice_of(body), &k);
    return k;
}

static bool finds(struct answers *a, struct answer_key k, const char *expected) {
    struct buffer type, body;
    buffer_init(&type, 1024);
    buffer_init(&body, LIMIT_CACHE_ENTRY);
    bool found = answers_find(a, &k, &type, &body);
    if (found && expected) {
        assert_true(slice_is(buffer_slice(&type), "application/json"));
        assert_true(slice_is(buffer_slice(&body), expected));
    }
    buffer_deinit(&type);
    buffer_deinit(&body);
    return found;
}

static void keep(struct answers *a, struct answer_key k, const char *body) {
    answers_keep(a, &k, SLICE("application/json"), slice_of(body));
}

static void same_request_same_answer(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20);
    keep(a, key("app", "q"), "one");
    assert_true(finds(a, key("app", "q"), "one"));
    keep(a, key("app", "q"), "two");
    assert_true(finds(a, key("app", "q"), "two"));
    assert_false(finds(a, key("app", "q2"), NULL));
    answers_free(a);
}

static void applications_never_share(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20);
    struct answer_key mine = key("mine", "q");
    keep(a, mine, "secret");
    assert_false(finds(a, key("theirs", "q"), NULL));
    struct answer_key forged = mine; /* even with the same hash */
    forged.application = SLICE("theirs");
    assert_false(finds(a, forged, NULL));
    assert_true(finds(a, mine, "secret"));
    answers_free(a);
}

static void least_recently_used_goes(void **state) {
    (void)state;
    char body[1000];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = 0;
    struct answers *a = answers_new(5000); /* room for four */
    char name[4][16];
    for (int i = 0; i < 4; i++) {
        snprintf(name[i], sizeof name[i], "q%d", i);
        keep(a, key("app", name[i]), body);
    }
    assert_true(finds(a, key("app", "q0"), body)); /* used: now the newest */
    keep(a, key("app", "q4"), body);
    assert_true(finds(a, key("app", "q0"), body));
    assert_false(finds(a, key("app", "q1"), NULL));
    answers_free(a);
}

static void too_large_is_not_kept(void **state) {
    (void)state;
    struct answers *a = answers_new(8 << 20);
    char *body = mem_alloc(LIMIT_CACHE_ENTRY + 1);
    memset(body, 'x', LIMIT_CACHE_ENTRY);
    keep(a, key("app", "q"), body);
    assert_false(finds(a, key("app", "q"), NULL));
    keep(a, key("app", "q"), "");
    assert_false(finds(a, key("app", "q"), NULL));
    mem_free(body);
    answers_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_request_same_answer),
        cmocka_unit_test(applications_never_share),
        cmocka_unit_test(least_recently_used_goes),
        cmocka_unit_test(too_large_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
