/* The semantic cache's wordings: the nearest of a class, bounded, never across applications. */
#include "base/limits.h"
#include "gateway/alike.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct answer_key key(const char *application, const char *text) {
    struct answer_key k;
    answers_key(slice_of(application), 0, 0, slice_of(text), &k);
    return k;
}

static struct embedding wording(const char *text) {
    struct embedding e;
    assert_true(embedding_of(slice_of(text), &e));
    return e;
}

static void keep_at(struct alike *a, struct answer_key class, const char *text, int64_t us) {
    struct embedding e = wording(text);
    struct answer_key answer = key("", text);
    alike_keep(a, &class, &e, &answer, us);
}

/* The kept text whose answer is found; NULL: none. */
static bool finds(struct alike *a, struct answer_key class, const char *text, int64_t since, int32_t least,
                  const char *expected) {
    struct embedding e = wording(text);
    struct answer_key found, want = key("", expected ? expected : "");
    int32_t similarity = -7;
    bool any = alike_find(a, &class, &e, since, least, &found, &similarity);
    if (!any) return expected == NULL && similarity == -7;
    assert_true(similarity >= least);
    assert_true(slice_eq(found.application, class.application));
    return expected && memcmp(found.bytes, want.bytes, sizeof want.bytes) == 0;
}

#define RESET "How do I reset my password?"
#define RESET_2 "How can I reset my password"
#define RESET_3 "reset of a password"

static void the_nearest_that_reaches(void **state) {
    (void)state;
    struct alike *a = alike_new(1 << 20, 4);
    assert_true(finds(a, key("app", "c"), RESET, 0, 0, NULL));
    keep_at(a, key("app", "c"), RESET_3, 5);
    keep_at(a, key("app", "c"), RESET, 5);
    keep_at(a, key("app", "c"), "Where is my card?", 5);
    assert_true(finds(a, key("app", "c"), RESET_2, 0, 850000, RESET));
    assert_true(finds(a, key("app", "c"), RESET_2, 0, 881605, RESET));
    assert_true(finds(a, key("app", "c"), RESET_2, 0, 881606, NULL));
    assert_true(finds(a, key("app", "other class"), RESET, 0, 0, NULL));
    assert_true(finds(a, key("other", "c"), RESET, 0, 0, NULL));
    alike_free(a);
}

static void what_is_too_old_stands_in_nobodys_way(void **state) {
    (void)state;
    struct alike *a = alike_new(1 << 20, 1);
    keep_at(a, key("app", "c"), RESET, 10);
    keep_at(a, key("app", "c"), RESET_3, 20);
    assert_true(finds(a, key("app", "c"), RESET_2, 11, 1, RESET_3));
    assert_true(finds(a, key("app", "c"), RESET_2, 21, 1, NULL));
    keep_at(a, key("app", "c"), RESET, 30); /* again: in its place */
    assert_true(finds(a, key("app", "c"), RESET_2, 21, 1, RESET));
    alike_free(a);
}

static void what_is_forgotten_is_gone(void **state) {
    (void)state;
    struct alike *a = alike_new(1 << 20, 1);
    struct answer_key class = key("app", "c"), answer = key("", RESET), unknown = key("", "unknown");
    alike_forget(a, &class, &answer);
    keep_at(a, class, RESET, 10);
    keep_at(a, class, RESET_3, 10);
    alike_forget(a, &class, &unknown);
    alike_forget(a, &class, &answer);
    assert_true(finds(a, class, RESET, 0, 1, RESET_3));
    alike_free(a);
}

static void a_class_is_bounded(void **state) {
    (void)state;
    struct alike *a = alike_new(8 << 20, 1);
    char text[64];
    for (int i = 0; i <= LIMIT_CACHE_ALIKE; i++) {
        snprintf(text, sizeof text, "question %d", i);
        keep_at(a, key("app", "c"), text, 1000 + i);
    }
    size_t bytes = alike_bytes(a);
    assert_true(finds(a, key("app", "c"), "question 0", 0, EMBEDDING_SAME, NULL)); /* the oldest */
    assert_true(finds(a, key("app", "c"), "question 1", 0, EMBEDDING_SAME, "question 1"));
    assert_true(finds(a, key("app", "c"), "question 2048", 0, EMBEDDING_SAME, "question 2048"));
    keep_at(a, key("app", "c"), "one more", 5000);
    assert_int_equal(alike_bytes(a), bytes);
    alike_free(a);
}

static void who_holds_most_gives_up(void **state) {
    (void)state;
    struct alike *a = alike_new(16 << 10, 1);
    char name[32];
    keep_at(a, key("small", "c"), RESET, 1);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "class %d", i);
        keep_at(a, key("large", name), RESET, 1);
        assert_true(alike_bytes(a) <= 16 << 10);
        assert_true(finds(a, key("large", "class 0"), RESET, 0, 1, RESET)); /* used all the time */
    }
    assert_true(finds(a, key("small", "c"), RESET, 0, 1, RESET));
    assert_true(finds(a, key("large", "class 1"), RESET, 0, 1, NULL));
    assert_true(finds(a, key("large", "class 199"), RESET, 0, 1, RESET));
    alike_bound(a, 0);
    assert_int_equal(alike_bytes(a), 0);
    assert_true(finds(a, key("small", "c"), RESET, 0, 1, NULL));
    keep_at(a, key("small", "c"), RESET, 1); /* larger than the bound: not kept, and nothing lost */
    assert_int_equal(alike_bytes(a), 0);
    alike_free(a);
}

struct party {
    struct alike *a;
    int number;
};

static void *take_part(void *arg) {
    struct party *p = arg;
    char text[64], class[8];
    for (int i = 0; i < 3000; i++) {
        struct embedding e;
        struct answer_key found, in;
        int32_t similarity;
        snprintf(text, sizeof text, "question %d of them", (i * 7 + p->number) % 40);
        snprintf(class, sizeof class, "%d", i % 5);
        in = key(i % 3 ? "one" : "other", class);
        if (!embedding_of(slice_of(text), &e)) continue;
        if (i % 4 == 0) keep_at(p->a, in, text, i);
        if (alike_find(p->a, &in, &e, i - 500, 900000, &found, &similarity) && i % 11 == 0)
            alike_forget(p->a, &in, &found);
        if (i % 500 == 0) alike_bound(p->a, i % 1000 ? 16 << 10 : 64 << 10);
    }
    return NULL;
}

static void loops_do_not_disturb_each_other(void **state) {
    (void)state;
    struct alike *a = alike_new(64 << 10, 2);
    struct party parties[4];
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        parties[i] = (struct party){a, i};
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, &parties[i]), 0);
    }
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    alike_bound(a, 0);
    assert_int_equal(alike_bytes(a), 0); /* every byte was accounted for */
    alike_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_that_reaches),  cmocka_unit_test(what_is_too_old_stands_in_nobodys_way),
        cmocka_unit_test(what_is_forgotten_is_gone), cmocka_unit_test(a_class_is_bounded),
        cmocka_unit_test(who_holds_most_gives_up),   cmocka_unit_test(loops_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
