/* The embedding: what does not count, what does, and that it is the same everywhere. */
#include "model/embedding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static int32_t alike(const char *a, const char *b) {
    struct embedding x, y;
    assert_true(embedding_of(slice_of(a), &x));
    assert_true(embedding_of(slice_of(b), &y));
    assert_int_equal(embedding_similarity(&x, &y), embedding_similarity(&y, &x));
    return embedding_similarity(&x, &y);
}

static void case_punctuation_and_space_do_not_count(void **state) {
    (void)state;
    assert_int_equal(alike("Where is my card?", "where   is my CARD"), EMBEDDING_SAME);
    assert_int_equal(alike("Don't stop", "dont stop"), EMBEDDING_SAME);
    assert_int_equal(alike("top-up", "Top up!"), EMBEDDING_SAME);
    assert_int_equal(alike("ÄRGER ŽENA ΩΣΑ ЖИЗНЬ Ёж", "ärger žena ωσα жизнь ёж"), EMBEDDING_SAME);
}

static void wording_counts(void **state) {
    (void)state;
    int32_t near = alike("How do I reset my password?", "How can I reset my password");
    int32_t far = alike("How do I reset my password?", "Which countries do you deliver to?");
    assert_in_range(near, 850000, 950000);
    assert_in_range(far, 0, 300000);
    assert_true(alike("misspelled pasword", "misspelled password") >
                alike("misspelled pasword", "misspelled letter"));
}

/* One is not the other with some noise; short words may stand anywhere. */
static void the_same_words_in_another_order_are_not_alike(void **state) {
    (void)state;
    assert_int_equal(alike("does the dog chase the cat", "does the cat chase the dog"), 0);
    assert_int_equal(alike("convert euros to dollars", "convert dollars to euros"), 0);
    assert_true(alike("where is my card", "where my is card") > 600000);
    assert_true(alike("does the dog chase the cat", "does the dog now chase the cat") > 700000);
}

/* A stored calibration is of these very numbers: whoever changes them changes EMBEDDING_VERSION. */
static void the_numbers_are_those_of_version_2(void **state) {
    (void)state;
    assert_int_equal(EMBEDDING_VERSION, 2);
    assert_int_equal(alike("How do I reset my password?", "How can I reset my password"), 881605);
    assert_int_equal(alike("costs 5 dollars", "costs 7 dollars"), 860240);
}

static void without_a_word_there_is_none(void **state) {
    struct embedding e;
    (void)state;
    assert_false(embedding_of(SLICE(""), &e));
    assert_false(embedding_of(SLICE(" ?!… — ' "), &e));
    assert_true(embedding_of(SLICE("如何取消订单"), &e));
    assert_true(embedding_of(SLICE("7"), &e));
}

static void any_bytes_are_survived(void **state) {
    struct embedding e, f;
    char bytes[300];
    (void)state;
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 37 + 128);
    for (size_t n = 1; n <= sizeof bytes; n++) (void)embedding_of(slice_make(bytes, n), &e);
    memset(bytes, 'x', sizeof bytes); /* one word, over any length */
    assert_true(embedding_of(slice_make(bytes, sizeof bytes), &e));
    assert_true(embedding_of(slice_make(bytes, sizeof bytes - 100), &f));
    assert_int_equal(embedding_similarity(&e, &f), EMBEDDING_SAME);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(case_punctuation_and_space_do_not_count),
        cmocka_unit_test(wording_counts),
        cmocka_unit_test(the_same_words_in_another_order_are_not_alike),
        cmocka_unit_test(the_numbers_are_those_of_version_2),
        cmocka_unit_test(without_a_word_there_is_none),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
