/* Likeness: by the built-in embedding, by a model's embeddings, and of the answers to one case. */
#include "quality/consistent.h"
#include "quality/similar.h"

#include "base/digest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 256 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct check declare(const char *json) {
    struct declared *d = arena_new(&arena, struct declared);
    struct check c;
    struct error error;
    assert_int_equal(declared_from_json(slice_of(json), &arena, d, &error), FAULT_NONE);
    if (check_read(d, 0, &arena, &c, NULL, &error) != FAULT_NONE) fail_msg("%s: %s", json, error.text);
    return c;
}

static const struct template_var vars[] = {{{"city", 4}, {"Bern", 4}}};
static const struct check_case the_case = {.vars = vars, .n_vars = 1, .expected = {"Bern is the capital of Switzerland", 34}};

static struct check_outcome by_answer(const char *json, const char *text, const struct check_case *k) {
    struct check c = declare(json);
    struct check_answer a;
    struct check_outcome out;
    check_answer_init(&a);
    a.text = slice_of(text);
    check_run(&c, &a, k, &arena, &out);
    return out;
}

static void by_wording(void **state) {
    static const struct check_case empty = {.n_vars = 0};
    const char *plain = "{\"type\": \"similar\"}", *two = "{\"type\": \"similar\", \"value\": [\"wholly unrelated\", \"the capital is {{city}}\"]}";
    (void)state;
    assert_int_equal(by_answer(plain, "bern is the capital of switzerland!", &the_case).verdict, CHECK_PASS);
    assert_true(by_answer(plain, "bern is the capital of switzerland!", &the_case).score > 0.9999);
    struct check_outcome near = by_answer(plain, "The capital of Switzerland: Bern", &the_case), far = by_answer(plain, "Goats eat grass", &the_case);
    assert_true(near.score > 0.6 && near.score < 1 && far.score < 0.3);
    assert_int_equal(far.verdict, CHECK_FAIL);
    assert_true(slice_contains(far.reason, SLICE("expected the answer to have a similarity of wording of at least 0.75, found 0.")));
    assert_int_equal(by_answer(two, "the capital is Bern", &the_case).verdict, CHECK_PASS); /* the best of them */
    assert_int_equal(by_answer("{\"type\": \"not-similar\"}", "Goats eat grass", &the_case).verdict, CHECK_PASS);
    assert_int_equal(by_answer(plain, "", &the_case).verdict, CHECK_FAIL);
    assert_true(by_answer(plain, "", &the_case).score == 0);
    assert_int_equal(by_answer(plain, NULL, &the_case).verdict, CHECK_FAIL);
    assert_int_equal(by_answer(plain, "x", &empty).verdict, CHECK_ERROR);
    assert_int_equal(by_answer(plain, "\xFF x", &the_case).verdict, CHECK_ERROR);
    assert_int_equal(by_answer("{\"type\": \"similar\", \"value\": \"!!\"}", "x", &the_case).verdict, CHECK_ERROR);
    assert_int_equal(by_answer("{\"type\": \"similar\", \"model\": \"m\"}", "x", &the_case).verdict, CHECK_ERROR);
}

static void the_call(void **state) {
    static const struct check_case empty = {.n_vars = 0};
    struct check c = declare("{\"type\": \"similar\", \"model\": \"small\", \"value\": [\"in {{city}}\", \"\xC3\xA4\"]}"), plain = declare("{\"type\": \"similar\", \"model\": \"m\"}");
    struct check_answer a;
    struct buffer out;
    struct error error;
    (void)state;
    check_answer_init(&a);
    buffer_init(&out, 1000);
    assert_int_equal(similar_write_call(&c, &a, &the_case, &arena, &out, &error), FAULT_CONFIG);
    assert_string_equal(error.text, "the answer has no text to embed");
    a.text = SLICE("say \"hi\"");
    assert_int_equal(similar_write_call(&c, &a, &the_case, &arena, &out, &error), FAULT_NONE);
    assert_string_equal(buffer_text(&out), "{\"model\":\"small\",\"input\":[\"say \\\"hi\\\"\",\"in Bern\",\"\xC3\xA4\"]}");
    buffer_clear(&out);
    assert_int_equal(similar_write_call(&plain, &a, &the_case, &arena, &out, &error), FAULT_NONE);
    assert_string_equal(buffer_text(&out), "{\"model\":\"m\",\"input\":[\"say \\\"hi\\\"\",\"Bern is the capital of Switzerland\"]}");
    assert_int_equal(similar_write_call(&plain, &a, &empty, &arena, &out, &error), FAULT_CONFIG);
    assert_string_equal(error.text, "the check has no value, and the case no `expected`");
    assert_int_equal(similar_write_call(&c, &a, &empty, &arena, &out, &error), FAULT_CONFIG);
    assert_string_equal(error.text, "the case has no variable `city`");
    buffer_deinit(&out);
    buffer_init(&out, 10);
    assert_int_equal(similar_write_call(&plain, &a, &the_case, &arena, &out, &error), FAULT_TOO_LARGE);
    buffer_deinit(&out);
}

static void the_reply(void **state) {
    static const struct {
        const char *reply;
        unsigned values;
        double score; /* < 0: an error with these words */
        const char *words;
    } rows[] = {
        {"{\"data\":[{\"index\":0,\"embedding\":[3,4]},{\"index\":1,\"embedding\":[3,4]}]}", 1, 1, NULL},
        {"{\"data\":[{\"index\":1,\"embedding\":[0.5,0]},{\"index\":0,\"embedding\":[3,4]}]}", 1, 0.6, NULL},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,0]},{\"index\":1,\"embedding\":[0,1]},{\"index\":2,\"embedding\":[8,6]}]}", 2, 0.8, NULL},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,0]},{\"index\":1,\"embedding\":[-1,0]}]}", 1, 0, NULL},
        {"{\"data\":[{\"index\":0,\"embedding\":[1e300,1e300]},{\"index\":1,\"embedding\":[1e-300,1e-300]}]}", 1, 1, NULL},
        {"{\"data\":[{\"index\":0,\"embedding\":\"AABAQAAAgEA=\"},{\"index\":1,\"embedding\":[0.5,0]}]}", 1, 0.6, NULL}, /* 3, 4 */
        {"{\"data\":[{\"index\":0,\"embedding\":\"AAAAPwAAAAA=\"},{\"index\":1,\"embedding\":\"AABAQAAAgEA=\"}]}", 1, 0.6, NULL},
        {"nonsense", 1, -1, "the embeddings are not JSON"},
        {"{}", 1, -1, "expected `data` with 2 embeddings, found 0"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]}]}", 1, -1, "expected `data` with 2 embeddings, found 1"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}", 1, -1, "the embedding of text 0 came twice"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":2,\"embedding\":[1]}]}", 1, -1, "an `index` of 0 to 1"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"embedding\":[1]}]}", 1, -1, "an `index` of 0 to 1"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":1,\"embedding\":[1,2]}]}", 1, -1, "text 1 has another length than the first"},
        {"{\"data\":[{\"index\":0,\"embedding\":[0,0]},{\"index\":1,\"embedding\":[1,2]}]}", 1, -1, "text 0 is zero or not finite"},
        {"{\"data\":[{\"index\":0,\"embedding\":[]},{\"index\":1,\"embedding\":[]}]}", 1, -1, "text 0 is empty"},
        {"{\"data\":[{\"index\":0,\"embedding\":[1,\"2\"]},{\"index\":1,\"embedding\":[1,2]}]}", 1, -1, "holds what is no number"},
        {"{\"data\":[{\"index\":0,\"embedding\":\"AABAQA\"},{\"index\":1,\"embedding\":[1]}]}", 1, -1, "not base64 of float32"},
        {"{\"data\":[{\"index\":0,\"embedding\":\"AABA\"},{\"index\":1,\"embedding\":[1]}]}", 1, -1, "not base64 of float32"},
        {"{\"data\":[{\"index\":0,\"embedding\":\"AADAfw==\"},{\"index\":1,\"embedding\":[1]}]}", 1, -1, "text 0 is zero or not finite"}, /* NaN */
        {"{\"data\":[{\"index\":0,\"embedding\":null},{\"index\":1,\"embedding\":[1]}]}", 1, -1, "neither a list of numbers nor base64"},
    };
    (void)state;
    assert_true(digest_start());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error error = {.fault = FAULT_NONE};
        double score = -1;
        enum fault f = similar_read(slice_of(rows[i].reply), rows[i].values, &arena, &score, &error);
        if ((f == FAULT_NONE) != (rows[i].score >= 0) || (f == FAULT_NONE && fabs(score - rows[i].score) > 1e-12) ||
            (f != FAULT_NONE && (f != FAULT_UP_MALFORMED || strstr(error.text, rows[i].words) == NULL)))
            fail_msg("%s: %g %s", rows[i].reply, score, error.text);
    }
}

static void the_conclusion(void **state) {
    struct check c = declare("{\"type\": \"similar\", \"model\": \"small\"}"), not = declare("{\"type\": \"not-similar\", \"model\": \"small\", \"threshold\": 0.6}");
    struct slice reply = SLICE("{\"data\":[{\"index\":1,\"embedding\":[0.5,0]},{\"index\":0,\"embedding\":[3,4]}]}");
    struct check_outcome out;
    (void)state;
    similar_conclude(&c, reply, &arena, &out);
    assert_int_equal(out.verdict, CHECK_FAIL);
    assert_true(slice_is(out.reason, "expected the answer to have a cosine of at least 0.75 by the embeddings of small, found 0.6000"));
    similar_conclude(&not, reply, &arena, &out);
    assert_true(out.verdict == CHECK_FAIL && fabs(out.score - 0.4) < 1e-12);
    similar_conclude(&not, SLICE("{\"data\":[]}"), &arena, &out);
    assert_true(out.verdict == CHECK_ERROR && slice_contains(out.reason, SLICE("found 0")));
}

/* ---- consistent ---- */

static void agree(int line, const char *a, const char *b, double low, double high) {
    struct slice answers[] = {slice_of(a), slice_of(b)};
    double scores[2] = {-1, -1};
    assert_true(consistent_scores(answers, 2, &arena, scores));
    if (!(scores[0] >= low && scores[0] <= high) || scores[0] != scores[1]) fail_msg("line %d: %g %g", line, scores[0], scores[1]);
}
#define AGREE(...) agree(__LINE__, __VA_ARGS__)

static void two_answers(void **state) {
    (void)state;
    AGREE("Yes, in Bern.", "  yes,  in\nBERN. ", 1, 1);
    AGREE("{\"a\": 1, \"b\": [2.0]}", "{\"b\":[2],\"a\":1e0}", 1, 1);
    AGREE("{\"a\": 1}", "{\"a\": 2}", 0, 0);
    AGREE("42", "42.0", 1, 1);
    AGREE("it takes 3 days", "it takes 4 days", 0, 0);          /* a number differs */
    AGREE("you can return it", "you cannot return it", 0, 0);   /* a negation */
    AGREE("please reset your password by the link", "please reset your password by this link", 0.5, 0.9999);
    AGREE("goats eat grass", "parcels arrive late", 0, 0.3);
    AGREE("", "", 1, 1);
    AGREE("", "x", 0, 0);
    AGREE("!!", "??", 0, 0);
    AGREE("\xFF same", "\xFF same", 1, 1);
    AGREE("gr\xC3\xBCn", "GR\xC3\x9CN", 1, 1);
}

static void several_answers(void **state) {
    const struct slice answers[] = {SLICE("Bern"), SLICE("bern"), SLICE_NULL, SLICE("{\"x\": 7}"), SLICE("BERN ")}, alone[] = {SLICE("Bern"), SLICE_NULL};
    double scores[5], one[2];
    (void)state;
    assert_true(consistent_scores(answers, 5, &arena, scores));
    for (unsigned i = 0; i < 5; i++)
        if (i == 2 ? !isnan(scores[i]) : fabs(scores[i] - (i == 3 ? 0 : 2.0 / 3)) > 1e-12) fail_msg("%u: %g", i, scores[i]);
    assert_true(consistent_scores(alone, 2, &arena, one));
    assert_true(isnan(one[0]) && isnan(one[1]));
    assert_true(consistent_scores(NULL, 0, &arena, NULL));
}

static void large_and_many(void **state) {
    enum { MANY = 1000, SIZE = 1 << 20 };
    static struct slice answers[MANY];
    static double scores[MANY];
    char *large = test_malloc(SIZE);
    struct arena small;
    (void)state;
    for (unsigned i = 0; i < MANY; i++) answers[i] = i % 2 ? SLICE("{\"city\": \"Bern\"}") : SLICE("{ \"city\": \"Bern\" }");
    assert_true(consistent_scores(answers, MANY, &arena, scores));
    for (unsigned i = 0; i < MANY; i++) assert_true(fabs(scores[i] - 1) < 1e-9 && scores[i] <= 1);
    for (unsigned i = 0; i < SIZE; i++) large[i] = i % 7 ? 'a' : ' ';
    answers[0] = answers[1] = slice_make(large, SIZE);
    assert_true(consistent_scores(answers, 2, &arena, scores));
    assert_true(scores[0] == 1);
    arena_init(&small, 16, 64);
    scores[0] = 7;
    assert_false(consistent_scores(answers, 3, &small, scores));
    assert_true(scores[0] == 7); /* untouched */
    arena_deinit(&small);
    test_free(large);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_wording, set_up, tear_down),      cmocka_unit_test_setup_teardown(the_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_reply, set_up, tear_down),       cmocka_unit_test_setup_teardown(the_conclusion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_answers, set_up, tear_down),     cmocka_unit_test_setup_teardown(several_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_and_many, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_similar", tests, NULL, NULL);
}
