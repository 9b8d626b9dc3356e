/* Names of what is asked once: one of many that come at the same time runs, and the others hear of it. */
#include "gateway/once.h"

#include "base/digest.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>

#include <cmocka.h>

static struct answer_key name_of(unsigned n) {
    struct answer_key k = {.application = SLICE("app")};
    memset(k.bytes, (int)n, sizeof k.bytes);
    return k;
}

static struct answer answer_of(const uint8_t *asked, int64_t kept_us) {
    struct answer a = {.content_type = SLICE("application/json"), .body = SLICE("{\"a\":1}"), .cost_nano = 7, .target = SLICE("main/gpt"),
                       .took_us = 1234, .kept_us = kept_us};
    memcpy(a.asked, asked, sizeof a.asked);
    return a;
}

static const uint8_t one[ANSWER_KEY_BYTES] = {1}, two[ANSWER_KEY_BYTES] = {2};

static void runs_once(void **state) {
    (void)state;
    struct once *o = once_new();
    struct answer_key n = name_of(5), other = name_of(6);
    const struct answer *a = NULL;
    assert_int_equal(once_begin(o, &n, one, 10, NULL, NULL, &a), ONCE_FIRST);
    assert_int_equal(once_begin(o, &n, one, 10, NULL, NULL, &a), ONCE_UNDER_WAY);
    assert_int_equal(once_begin(o, &n, two, 10, NULL, NULL, &a), ONCE_OTHER_REQUEST);
    assert_int_equal(once_begin(o, &other, two, 10, NULL, NULL, &a), ONCE_FIRST);
    once_end(o, &n, NULL); /* it failed: the next one runs, whatever it asks */
    assert_int_equal(once_begin(o, &n, two, 10, NULL, NULL, &a), ONCE_FIRST);
    struct answer kept = answer_of(two, 10);
    once_end(o, &n, &kept);
    assert_int_equal(once_begin(o, &n, one, 20, NULL, NULL, &a), ONCE_OTHER_REQUEST);
    assert_null(a);
    assert_int_equal(once_begin(o, &n, two, 20, NULL, NULL, &a), ONCE_ANSWERED);
    assert_true(slice_is(a->body, "{\"a\":1}") && slice_is(a->target, "main/gpt"));
    assert_true(a->cost_nano == 7 && a->took_us == 1234);
    answers_release(a);
    a = NULL;
    assert_int_equal(once_begin(o, &n, two, 11 + ONCE_KEPT_US, NULL, NULL, &a), ONCE_FIRST); /* a day later it is forgotten */
    once_free(o); /* with names under way */
}

/* ---- many threads ---- */

#define THREADS 4
#define NAMES 200

struct race {
    struct once *once;
    atomic_uint ran[NAMES], got[NAMES];
};

static void *ask_all(void *arg) {
    struct race *r = arg;
    for (unsigned i = 0; i < NAMES; i++) {
        struct answer_key n = name_of(0);
        memcpy(n.bytes, &i, sizeof i);
        for (enum once_found found = ONCE_UNDER_WAY; found == ONCE_UNDER_WAY;) {
            const struct answer *a = NULL;
            found = once_begin(r->once, &n, one, 10, NULL, NULL, &a);
            if (found == ONCE_FIRST) {
                struct answer kept = answer_of(one, 10);
                atomic_fetch_add(&r->ran[i], 1);
                once_end(r->once, &n, &kept);
            } else if (found == ONCE_ANSWERED) {
                if (slice_is(a->body, "{\"a\":1}")) atomic_fetch_add(&r->got[i], 1);
                answers_release(a);
            }
        }
    }
    return NULL;
}

static void one_of_many_runs(void **state) {
    (void)state;
    static struct race r;
    pthread_t threads[THREADS];
    r.once = once_new();
    for (unsigned i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask_all, &r), 0);
    for (unsigned i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        assert_int_equal(atomic_load(&r.ran[i]), 1);
        assert_int_equal(atomic_load(&r.got[i]), THREADS - 1);
    }
    once_free(r.once);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(runs_once), cmocka_unit_test(one_of_many_runs)};
    if (!digest_start()) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
