/* Bounds, the unit, and the three answers of a calibration; labelled pairs from files. */
#include "base/digest.h"
#include "base/money.h"
#include "cost/cache_pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int start(void **state) {
    (void)state;
    arena_init(&arena, 1 << 16, 256 << 20);
    return digest_start() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void near(double found, double want) {
    if (!(found > want - 1e-9 && found < want + 1e-9)) fail_msg("%.12f, not %.12f", found, want);
}

/* the p at which as many right ones or more, or as few or fewer, have a chance of 0.05: solved from the
 * binomial sums */
static void bounds_are_exact(void **state) {
    (void)state;
    near(cache_lower_bound(0, 10, 0.95), 0);
    near(cache_lower_bound(10, 10, 0.95), 0.741134449106948);
    near(cache_lower_bound(9, 10, 0.95), 0.605836697563);
    near(cache_upper_bound(9, 10, 0.95), 0.994883803179219);
    near(cache_upper_bound(10, 10, 0.95), 1);
    near(cache_upper_bound(0, 10, 0.95), 0.258865550893052);
    near(cache_lower_bound(0, 0, 0.95), 0);
    near(cache_upper_bound(0, 0, 0.95), 1);
    assert_true(cache_lower_bound(299, 299, 0.95) >= 0.99);
    assert_true(cache_lower_bound(298, 298, 0.95) < 0.99);
}

/* `n` pairs of questions of their own, of which the last `wrong` are wrong. */
static struct cache_pair *apart(unsigned n, unsigned wrong, int32_t similarity) {
    struct cache_pair *pairs = arena_new_array(&arena, struct cache_pair, n + 1);
    for (unsigned i = 0; i < n; i++)
        pairs[i] =
            (struct cache_pair){.a = 2 * i, .b = 2 * i + 1, .similarity = similarity, .right = i + wrong < n};
    return pairs;
}

static struct cache_calibration run(const struct cache_pair *pairs, unsigned n, int32_t threshold) {
    struct cache_calibration c;
    struct error error = {0};
    struct cache_calibration_input in = {.pairs = pairs,
                                         .n_pairs = n,
                                         .n_questions = 2 * n + 2,
                                         .precision = 0.99,
                                         .confidence = 0.95,
                                         .threshold = threshold};
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_NONE);
    return c;
}

static void a_named_threshold_has_the_whole_confidence(void **state) {
    (void)state;
    struct cache_calibration c = run(apart(299, 0, 930000), 299, 930000);
    assert_int_equal(c.verdict, CACHE_VERIFIED);
    assert_int_equal(c.row->threshold, 930000);
    assert_int_equal(c.row->n, 299);
    assert_int_equal(c.least, 299);
    c = run(apart(298, 0, 930000), 298, 930000);
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH);
    assert_int_equal(c.more, 1);
    c = run(apart(299, 1, 930000), 299, 930000);
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH);
    assert_int_equal(c.more, 473 - 299); /* one wrong: 473 pairs are needed */
    c = run(apart(299, 20, 930000), 299, 930000);
    assert_int_equal(c.verdict, CACHE_REFUSED);
    c = run(apart(299, 0, 929999), 299, 930000); /* none reaches it */
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH);
    assert_int_equal(c.more, 299);
}

static void thresholds_that_are_looked_at_share_it(void **state) {
    (void)state;
    struct cache_calibration c = run(apart(299, 0, 930000), 299, 0);
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH); /* 0.70 to 0.90: five tests, each at 0.99 */
    near(c.confidence, 0.99);
    assert_int_equal(c.least, 459);
    assert_int_equal(c.more, 459 - 299);
    c = run(apart(459, 0, 930000), 459, 0);
    assert_int_equal(c.verdict, CACHE_VERIFIED);
    assert_int_equal(c.row->threshold, 700000); /* the lowest that holds */
    assert_false(c.rows[0].tested);             /* 0.95: none */
}

static void the_lowest_that_holds(void **state) {
    (void)state;
    struct cache_pair *pairs = arena_new_array(&arena, struct cache_pair, 2000);
    struct cache_pair *good = apart(1000, 0, 860000), *bad = apart(1000, 100, 810000);
    for (unsigned i = 0; i < 1000; i++) {
        pairs[i] = good[i];
        pairs[1000 + i] = bad[i];
        pairs[1000 + i].a += 2000, pairs[1000 + i].b += 2000;
    }
    struct cache_calibration c = run(pairs, 2000, 0);
    assert_int_equal(c.verdict, CACHE_VERIFIED);
    assert_int_equal(c.row->threshold, 850000);
    assert_int_equal(run(pairs, 2000, 800000).verdict, CACHE_REFUSED);
    assert_int_equal(run(bad, 1000, 0).verdict, CACHE_REFUSED);
}

static void a_question_is_in_one_pair(void **state) {
    (void)state;
    struct cache_pair *pairs = apart(1000, 0, 930000);
    for (unsigned i = 0; i < 1000; i++) pairs[i].a = 7; /* one question, lying close to a thousand */
    struct cache_calibration c = run(pairs, 1000, 930000);
    assert_int_equal(c.row->n, 1);
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH);
}

static void hits_and_money_are_of_the_traffic(void **state) {
    (void)state;
    const struct cache_asked asked[] = {{-1, 100}, {760000, 30}, {910000, 50}, {990000, MONEY_UNKNOWN}};
    struct cache_calibration_input in = {.asked = asked, .n_asked = 4, .precision = 0.9, .confidence = 0.9};
    struct cache_calibration c;
    struct error error;
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_NONE);
    assert_int_equal(c.verdict, CACHE_NOT_ENOUGH);
    assert_int_equal(c.rows[0].threshold, 950000);
    assert_int_equal(c.rows[0].hits, 1);
    assert_int_equal(c.rows[0].saved_nano, 0);
    assert_int_equal(c.rows[1].hits, 2);
    assert_int_equal(c.rows[c.n_rows - 1].hits, 3);
    assert_int_equal(c.rows[c.n_rows - 1].saved_nano, 80);
}

static void options_have_bounds(void **state) {
    struct cache_calibration c;
    struct error error;
    struct cache_calibration_input in = {.precision = 1, .confidence = 0.95};
    (void)state;
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_BAD_REQUEST);
    in = (struct cache_calibration_input){.precision = 0.9, .confidence = 0.4};
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_BAD_REQUEST);
    in = (struct cache_calibration_input){.precision = 0.9, .confidence = 0.9, .threshold = 400000};
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_BAD_REQUEST);
}

/* ---- files ---- */

static struct cache_pairs read_pairs(const char *text) {
    struct cache_pairs p = {0};
    struct error error = {0};
    if (cache_pairs_read(slice_of(text), &arena, &p, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return p;
}

static void complains(const char *text, const char *want) {
    struct cache_pairs p;
    struct error error = {0};
    assert_int_equal(cache_pairs_read(slice_of(text), &arena, &p, &error), FAULT_BAD_REQUEST);
    if (!strstr(error.text, want)) fail_msg("%s", error.text);
}

static void pairs_of_csv_and_json_lines(void **state) {
    (void)state;
    struct cache_pairs p =
        read_pairs("id,same,question_b,question_a\r\n1,yes,b c,\"a, b\"\r\n2,0,b c,x 5\r\n3,1,x 5,x 5 \r\n");
    assert_int_equal(p.n, 2);
    assert_int_equal(p.n_questions, 3);
    assert_int_equal(p.same, 1);
    assert_int_equal(p.apart, 1);
    assert_true(p.pairs[0].right && !p.pairs[1].right);
    assert_int_equal(p.pairs[0].b, p.pairs[1].b);
    assert_int_equal(p.pairs[1].similarity, -1);
    p = read_pairs("{\"question_a\":\"a\\tb\",\"question_b\":\"b\",\"same\":true}\n\n "
                   "{\"question_a\":\"c\",\"question_b\":\"b\",\"same\":0}");
    assert_int_equal(p.n, 2);
    assert_true(p.pairs[0].right && !p.pairs[1].right);
}

static void mistakes_name_their_line(void **state) {
    (void)state;
    complains("", "no pairs");
    complains("question_a,question_b\n", "`same` is missing");
    complains("question_a,question_b,same\na,b,1\na,b,maybe\n", "line 3: same");
    complains("question_a,question_b,same\na,b\n", "line 2");
    complains("question_a,question_b,same\na,,1\n", "line 2: a question is missing");
    complains("{\"question_a\":\"a\",\"question_b\":\"b\",\"same\":1}\n{\n",
              "line 2: expected a JSON object");
    complains("{\"question_a\":\"a\",\"question_b\":7,\"same\":1}\n", "line 1: a question is missing");
    complains("{\"question_a\":\"a\",\"question_b\":\"b\"}\n", "line 1: same");
}

/* 300 pairs of Banking77 that are 0.8 alike or more: 0.99 is not reached, and 0.85 is. */
static void banking77_is_told_as_it_is(void **state) {
    static char text[1 << 16];
    struct cache_calibration c;
    struct error error = {0};
    (void)state;
    FILE *f = fopen("tests/data/banking77_pairs.csv", "r");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    struct cache_pairs p = read_pairs(strchr(text, '\n') + 1); /* behind the licence */
    assert_int_equal(p.n, 300);
    assert_int_equal(p.apart, 103); /* alike, but never served for each other */
    struct cache_calibration_input in = {.pairs = p.pairs,
                                         .n_pairs = p.n,
                                         .n_questions = p.n_questions,
                                         .precision = 0.99,
                                         .confidence = 0.95,
                                         .threshold = 800000};
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_NONE);
    assert_int_equal(c.verdict, CACHE_REFUSED);
    in.precision = 0.85;
    assert_int_equal(cache_calibrate(&in, &arena, &c, &error), FAULT_NONE);
    assert_int_equal(c.verdict, CACHE_VERIFIED);
    assert_in_range(c.row->n, 150, 197);
    assert_true(c.row->right < c.row->n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_are_exact),
        cmocka_unit_test(a_named_threshold_has_the_whole_confidence),
        cmocka_unit_test(thresholds_that_are_looked_at_share_it),
        cmocka_unit_test(the_lowest_that_holds),
        cmocka_unit_test(a_question_is_in_one_pair),
        cmocka_unit_test(hits_and_money_are_of_the_traffic),
        cmocka_unit_test(options_have_bounds),
        cmocka_unit_test(pairs_of_csv_and_json_lines),
        cmocka_unit_test(mistakes_name_their_line),
        cmocka_unit_test(banking77_is_told_as_it_is),
    };
    return cmocka_run_group_tests(tests, start, end);
}
