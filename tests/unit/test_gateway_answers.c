/* Kept answers: bounded, last used stays, never across applications, whole for as long as they are held. */
#include "base/limits.h"
#include "base/mem.h"
#include "gateway/answers.h"

#include <pthread.h>
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

static bool finds_since(struct answers *a, struct answer_key k, int64_t since_us, const char *expected) {
    const struct answer *found = answers_find(a, &k, since_us);
    if (found && expected) {
        assert_true(slice_is(found->content_type, "application/json"));
        assert_true(slice_is(found->body, expected));
    }
    answers_release(found);
    return found != NULL;
}

static bool finds(struct answers *a, struct answer_key k, const char *expected) {
    return finds_since(a, k, INT64_MIN, expected);
}

static void keep_at(struct answers *a, struct answer_key k, int64_t us, const char *body) {
    struct answer answer = {.content_type = SLICE("application/json"), .body = slice_of(body), .kept_us = us};
    answers_keep(a, &k, &answer);
}

static void keep(struct answers *a, struct answer_key k, const char *body) {
    keep_at(a, k, 0, body);
}

static void same_request_same_answer(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20, 4);
    keep(a, key("app", "q"), "one");
    assert_true(finds(a, key("app", "q"), "one"));
    size_t bytes = answers_bytes(a);
    keep(a, key("app", "q"), "two");
    assert_true(finds(a, key("app", "q"), "two"));
    assert_int_equal(answers_bytes(a), bytes);
    assert_false(finds(a, key("app", "q2"), NULL));
    answers_free(a);
}

static void what_belongs_to_it_comes_back(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20, 4);
    struct answer_key k = key("app", "q");
    struct answer answer = {.content_type = SLICE("text/event-stream"),
                            .body = SLICE("data: x\n\n"),
                            .finish_reason = SLICE("stop"),
                            .cost_nano = 4500,
                            .kept_us = 7};
    answers_keep(a, &k, &answer);
    const struct answer *found = answers_find(a, &k, 0);
    assert_true(slice_is(found->content_type, "text/event-stream") && slice_is(found->body, "data: x\n\n"));
    assert_true(slice_is(found->finish_reason, "stop") && slice_is_null(found->upstream_model));
    assert_int_equal(found->cost_nano, 4500);
    answers_release(found);
    answers_free(a);
}

static void too_old_is_not_found(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20, 4);
    struct answer_key k = key("app", "q");
    keep_at(a, k, 1000, "then");
    assert_true(finds_since(a, k, 1000, "then"));
    assert_false(finds_since(a, k, 1001, NULL));
    assert_true(finds_since(a, k, 999, "then")); /* for whom it is not too old */
    keep_at(a, k, 2000, "now");
    assert_true(finds_since(a, k, 1001, "now"));
    answers_free(a);
}

static void applications_never_share(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20, 1);
    struct answer_key mine = key("mine", "q"), theirs = key("theirs", "q");
    assert_memory_equal(mine.bytes, theirs.bytes, sizeof mine.bytes);
    keep(a, mine, "secret");
    assert_false(finds(a, theirs, NULL));
    keep(a, theirs, "other");
    assert_true(finds(a, mine, "secret"));
    assert_true(finds(a, theirs, "other"));
    answers_free(a);
}

#define BODY 1000 /* an answer with bookkeeping is below 1350 */

static void fill(char body[BODY]) {
    memset(body, 'x', BODY - 1);
    body[BODY - 1] = 0;
}

static struct answer_key numbered(const char *application, int n) {
    char name[16];
    snprintf(name, sizeof name, "q%d", n);
    return key(application, name);
}

static void least_recently_used_goes(void **state) {
    (void)state;
    char body[BODY];
    fill(body);
    struct answers *a = answers_new(5400, 1); /* room for four */
    for (int i = 0; i < 4; i++) keep(a, numbered("app", i), body);
    assert_true(finds(a, numbered("app", 0), body)); /* used: now the newest */
    keep(a, numbered("app", 4), body);
    assert_true(finds(a, numbered("app", 0), body));
    assert_false(finds(a, numbered("app", 1), NULL));
    assert_true(finds(a, numbered("app", 2), body));
    assert_true(answers_bytes(a) <= 5400);
    answers_free(a);
}

/* One that keeps asking new questions pushes out its own answers, not those of who holds less. */
static void the_largest_gives_way(void **state) {
    (void)state;
    char body[BODY];
    fill(body);
    struct answers *a = answers_new(8100, 1); /* room for six */
    keep(a, numbered("small", 0), body);
    keep(a, numbered("small", 1), body);
    for (int i = 0; i < 100; i++) keep(a, numbered("large", i), body);
    assert_true(finds(a, numbered("small", 0), body));
    assert_true(finds(a, numbered("small", 1), body));
    assert_true(finds(a, numbered("large", 99), body));
    assert_false(finds(a, numbered("large", 95), NULL));
    for (int i = 0; i < 3; i++) keep(a, numbered("new", i), body); /* and gets its share when it needs one */
    assert_true(finds(a, numbered("new", 1), body) && finds(a, numbered("new", 2), body));
    assert_true(finds(a, numbered("small", 0), body) && finds(a, numbered("small", 1), body));
    assert_true(answers_bytes(a) <= 8100);
    answers_free(a);
}

static void too_large_is_not_kept(void **state) {
    (void)state;
    struct answers *a = answers_new(8 << 20, 1);
    char *body = mem_alloc(LIMIT_CACHE_ENTRY + 1);
    memset(body, 'x', LIMIT_CACHE_ENTRY);
    keep(a, key("app", "q"), body);
    assert_false(finds(a, key("app", "q"), NULL));
    keep(a, key("app", "q"), "");
    assert_false(finds(a, key("app", "q"), NULL));
    body[LIMIT_CACHE_ENTRY / 2] = 0;
    answers_bound(a, 100 << 10); /* over all that there is room for */
    keep(a, key("app", "q"), "short");
    keep(a, key("app", "q2"), body);
    assert_false(finds(a, key("app", "q2"), NULL));
    assert_true(finds(a, key("app", "q"), "short"));
    mem_free(body);
    answers_free(a);
}

static void a_new_bound_holds_at_once(void **state) {
    (void)state;
    char body[BODY];
    fill(body);
    struct answers *a = answers_new(1 << 20, 4);
    for (int i = 0; i < 100; i++) keep(a, numbered("app", i), body);
    assert_true(answers_bytes(a) > 100 * BODY);
    answers_bound(a, 20000);
    assert_in_range(answers_bytes(a), 1, 20000);
    answers_bound(a, 0);
    assert_int_equal(answers_bytes(a), 0);
    answers_free(a);
}

static void what_is_held_stays(void **state) {
    (void)state;
    struct answers *a = answers_new(1 << 20, 1);
    struct answer_key k = key("app", "q");
    keep(a, k, "one");
    const struct answer *held = answers_find(a, &k, 0);
    keep(a, k, "two");
    assert_true(slice_is(held->body, "one"));
    answers_bound(a, 0);
    assert_true(slice_is(held->body, "one"));
    answers_release(held);
    answers_free(a);
}

/* ---- several threads; run under the thread sanitizer ---- */

enum { THREADS = 4, ROUNDS = 4000, QUESTIONS = 40 };

struct worker {
    struct answers *answers;
    const char *application;
    unsigned seed, found, broken;
};

/* Every byte of an answer says whose it is and to which question. */
static void *work(void *arg) {
    struct worker *w = arg;
    for (int i = 0; i < ROUNDS; i++) {
        char body[600];
        int q = rand_r(&w->seed) % QUESTIONS;
        struct answer_key k = numbered(w->application, q);
        char mark = (char)(w->application[0] + q);
        const struct answer *a = answers_find(w->answers, &k, 0);
        for (size_t at = 0; a && at < a->body.len; at++) w->broken += a->body.at[at] != mark;
        w->found += a != NULL;
        answers_release(a);
        if (a && i % 3) continue;
        size_t len = 1 + (size_t)rand_r(&w->seed) % (sizeof body - 1);
        memset(body, mark, len);
        struct answer answer = {.content_type = SLICE("t"), .body = slice_make(body, len)};
        answers_keep(w->answers, &k, &answer);
        if (i % 512 == 0) answers_bound(w->answers, i % 1024 ? 20000 : 40000);
    }
    return NULL;
}

static void threads_do_not_mix(void **state) {
    (void)state;
    static const char *const applications[THREADS] = {"A", "A", "a", "a"};
    struct answers *a = answers_new(40000, 4);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.answers = a, .application = applications[i], .seed = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(workers[i].broken, 0);
        assert_true(workers[i].found > 0);
    }
    assert_true(answers_bytes(a) <= 40000);
    answers_bound(a, 0);
    assert_int_equal(answers_bytes(a), 0);
    answers_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_request_same_answer), cmocka_unit_test(what_belongs_to_it_comes_back),
        cmocka_unit_test(too_old_is_not_found),     cmocka_unit_test(applications_never_share),
        cmocka_unit_test(least_recently_used_goes), cmocka_unit_test(the_largest_gives_way),
        cmocka_unit_test(too_large_is_not_kept),    cmocka_unit_test(a_new_bound_holds_at_once),
        cmocka_unit_test(what_is_held_stays),       cmocka_unit_test(threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
