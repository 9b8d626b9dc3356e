/* BLEU against the vectors that sacreBLEU tests itself with (test/test_bleu.py), ROUGE against the
 * definition. */
#include "quality/overlap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void near(double found, double expected, double within) {
    if (!(fabs(found - expected) <= within)) fail_msg("expected %.12f, found %.12f", expected, found);
}

/* One answer and up to two references. */
static double sentence(const char *answer, const char *first, const char *second) {
    struct arena arena;
    struct bleu b = {.length = 0};
    struct slice refs[] = {slice_of(first), slice_of(second)};
    arena_init(&arena, 4096, 1 << 20);
    assert_true(bleu_add(&b, slice_of(answer), refs, second ? 2 : 1, &arena));
    arena_deinit(&arena);
    return bleu_score(&b, true);
}

/* sacreBLEU's README: the corpus of three sentences with two references each is 48.530827. */
static void corpus(void **state) {
    (void)state;
    static const char *const answers[] = {"The dog bit the man.", "It wasn't surprising.",
                                          "The man had just bitten him."};
    static const char *const refs[][2] = {{"The dog bit the man.", "The dog had bit the man."},
                                          {"It was not unexpected.", "No one was surprised."},
                                          {"The man bit him first.", "The man had bitten the dog."}};
    struct arena arena;
    struct bleu b = {.length = 0};
    arena_init(&arena, 4096, 1 << 20);
    for (int i = 0; i < 3; i++) {
        struct slice two[] = {slice_of(refs[i][0]), slice_of(refs[i][1])};
        assert_true(bleu_add(&b, slice_of(answers[i]), two, 2, &arena));
    }
    arena_deinit(&arena);
    near(bleu_score(&b, false), 0.48530827, 5e-9);
    struct bleu nothing = {.length = 0, .reference_length = 9};
    near(bleu_score(&nothing, false), 0, 0);
}

static void sentences(void **state) {
    (void)state;
    near(sentence("test", "a test", NULL), 0.3678794411714425, 1e-12); /* their effective order cases */
    near(sentence("a test", "a test", NULL), 1, 1e-12);
    near(sentence("this is a test", "this is a test", NULL), 1, 1e-12);
    /* their statistics case: 4 2 1 0 of 6 5 4 3, 6 words against 8 */
    near(sentence("am I am a character sequence", "I am a symbol string sequence a a", NULL),
         exp(1 - 8.0 / 6) * pow(4.0 / 6 * 2 / 5 * 1 / 4 * 1 / 6, 0.25), 1e-12);
    near(sentence("a b c d", "a b c", "a b c d e"), 1, 1e-12); /* of two as close the shorter: no penalty */
    near(sentence("a b c d", "a b c d e", "a b c"), 1, 1e-12);
    near(sentence("", "a test", NULL), 0, 0);
    near(sentence("other", "a test", NULL), 0, 0);
    /* their scoring case */
    struct bleu b = {.matched = {9, 7, 5, 3}, .total = {10, 8, 6, 4}, .length = 11, .reference_length = 11};
    near(bleu_score(&b, false), 0.8375922397, 5e-11);
    struct bleu none = {.matched = {6, 5, 4, 0}, .total = {6, 5, 4, 3}, .length = 6, .reference_length = 6};
    near(bleu_score(&none, false), pow(1.0 / 6, 0.25),
         1e-12); /* exponential smoothing, not theirs for `floor` */
}

/* 13a: signs are parted, points and commas but between digits, a hyphen behind a digit; case is kept. */
static void tokens(void **state) {
    (void)state;
    near(sentence("It costs 3.50, (really) & more.", "It costs 3.50 , ( really ) &amp; more .", NULL), 1,
         1e-12);
    near(sentence("5-year plan a b c", "5 - year plan a b c", NULL), 1, 1e-12);
    near(sentence("a well-known fact of life", "a well - known fact of life", NULL) < 1, 1, 0);
    near(sentence("one two three Four", "one two three four", NULL) < 1, 1, 0);
    near(sentence("mind-\nful of the gap here", "mindful of the gap here", NULL), 1, 1e-12);
    near(sentence("and so on... yes", "and so on . . . yes", NULL), 1, 1e-12);
}

static void rouge(void **state) {
    (void)state;
    struct arena arena;
    struct rouge r;
    arena_init(&arena, 4096, 1 << 20);
    /* Lin 2004, section 3: "police killed the gunman" as reference; bigrams of two answers */
    assert_true(rouge_n(SLICE("police kill the gunman"), SLICE("police killed the gunman"), 1, &arena, &r));
    near(r.recall, 0.75, 0);
    assert_true(rouge_n(SLICE("the gunman police killed"), SLICE("police killed the gunman"), 2, &arena, &r));
    near(r.recall, 2.0 / 3, 1e-15);
    /* clipped: "the" seven times against two */
    assert_true(
        rouge_n(SLICE("the the the the the the the"), SLICE("The cat is on the mat."), 1, &arena, &r));
    near(r.precision, 2.0 / 7, 1e-15);
    near(r.recall, 2.0 / 6, 1e-15);
    near(r.f1, 2 * (2.0 / 7) * (2.0 / 6) / (2.0 / 7 + 2.0 / 6), 1e-15);
    assert_true(rouge_n(SLICE("ÉCOLE, Straße!"), SLICE("école straße"), 2, &arena, &r));
    near(r.f1, 1, 0);
    assert_true(rouge_n(SLICE("東京の塔"), SLICE("東京タワー"), 1, &arena, &r)); /* 2 of 4, and of 5 */
    near(r.precision, 0.5, 0);
    near(r.recall, 0.4, 1e-15);
    assert_true(rouge_n(SLICE("one"), SLICE("one"), 2, &arena, &r)); /* no bigram at all */
    near(r.f1, 0, 0);
    assert_true(rouge_n(SLICE(""), SLICE(""), 1, &arena, &r));
    near(r.f1, 0, 0);
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corpus),
        cmocka_unit_test(sentences),
        cmocka_unit_test(tokens),
        cmocka_unit_test(rouge),
    };
    return cmocka_run_group_tests_name("quality_overlap", tests, NULL, NULL);
}
