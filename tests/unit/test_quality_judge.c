/* Judges: how they are declared, and what makes two of them the same. */
#include "quality/judge.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct problems problems;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 16 << 20);
    problems = (struct problems){.count = 0};
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static enum fault declare(const char *yaml, struct judge *ret) {
    struct yaml_node *root = NULL;
    struct declared *d = arena_new(&arena, struct declared);
    int at = 0;
    assert_int_equal(yaml_read(slice_of(yaml), &arena, &root, &at, NULL), FAULT_NONE);
    assert_int_equal(declared_from_yaml(root, &arena, d, NULL), FAULT_NONE);
    return judge_read(d, 0, SLICE("strict"), "suite.yaml", &arena, ret, &problems);
}

static struct judge good(const char *yaml) {
    struct judge j = {.line = -1};
    if (declare(yaml, &j) != FAULT_NONE) fail_msg("%s: %s", yaml, problems.items[0].text);
    return j;
}

static struct slice written(const struct judge *j) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    judge_write(j, &w);
    struct slice s = arena_slice(&arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

static void what_is_not_declared_has_a_default(void **state) {
    (void)state;
    struct judge j = good("model: large");
    assert_true(slice_is(j.name, "strict") && j.n_models == 1 && slice_is(j.models[0], "large"));
    assert_true(j.scale == JUDGE_BINARY && j.temperature == 0 && j.max_tokens == 2048 && slice_is_null(j.rubric) && j.line == 1);
}

static void all_of_it_is_read_and_written(void **state) {
    (void)state;
    struct judge j = good("judge: strict\nmodels: [a, \"b\xc3\xa9\"]\nscale: 1-5\nrubric: \"polite to {{name}}\"\ntemperature: null\nmax_tokens: null\n");
    assert_true(j.n_models == 2 && j.scale == JUDGE_1_TO_5 && slice_is(j.rubric, "polite to {{name}}"));
    assert_true(isnan(j.temperature) && j.max_tokens == -1);
    struct slice once = written(&j);
    struct judge again = good(arena_text(&arena, once));
    assert_true(slice_eq(once, written(&again)));
    j = good("{model: m, temperature: 0.3, max_tokens: 100, scale: pairwise}");
    again = good(arena_text(&arena, written(&j)));
    assert_true(again.temperature == 0.3 && again.max_tokens == 100 && again.scale == JUDGE_PAIRWISE && slice_is_null(again.rubric));
}

static void every_mistake_is_told_with_its_line(void **state) {
    static const struct {
        const char *yaml;
        int line;
        const char *says;
    } bad[] = {
        {"scale: binary", 1, "judges.strict: expected `model` or `models`, found neither"},
        {"model: a\nmodels: [b]", 1, "found both"},
        {"model: a\nmodle: b", 2, "unknown key \"modle\", did you mean `model`?"},
        {"model: a\nwhatever: b", 2, "unknown key \"whatever\""},
        {"model: 7", 1, "expected the name of a model, found 7"},
        {"models: []", 1, "expected a list of models, found []"},
        {"models: [a,b,c,d,e,f,g,h,i,j]", 1, "at most 9 models"},
        {"model: a\nscale: 1-10", 2, "expected binary, 1-5 or pairwise, found \"1-10\""},
        {"model: a\nrubric: \" \"", 2, "as text"},
        {"model: a\nrubric: \"{{ x | upper }}\"", 2, "the name of a variable"},
        {"model: a\ntemperature: 2.5", 2, "a number from 0 to 2, or null, found 2.5"},
        {"model: a\ntemperature: hot", 2, "found \"hot\""},
        {"model: a\nmax_tokens: 3", 2, "at least 16"},
        {"judge: other\nmodel: a", 1, "expected its own name, found \"other\""},
        {"[a]", 1, "expected a judge: a map with a `model`, found [\"a\"]"},
    };
    struct judge j;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        problems = (struct problems){.count = 0};
        assert_int_equal(declare(bad[i].yaml, &j), FAULT_CONFIG);
        if (problems.count != 1 || problems.items[0].line != bad[i].line || strstr(problems.items[0].text, bad[i].says) == NULL)
            fail_msg("%s: %u problems, line %d: %s", bad[i].yaml, problems.count, problems.items[0].line, problems.items[0].text);
    }
    assert_int_equal(declare("{model: '', scale: x, temperature: 9}", &j), FAULT_CONFIG);
    assert_int_equal(problems.count, 4);
}

static struct digest identity(const char *yaml, const struct check *c) {
    struct judge j = good(yaml);
    struct digest d;
    judge_identity(&j, c, &d);
    return d;
}

static void a_change_makes_another_judge(void **state) {
    static const char *const others[] = {"{model: b, scale: 1-5, rubric: polite}",  "{model: a, scale: binary, rubric: polite}",
                                         "{model: a, scale: 1-5, rubric: rude}",    "{model: a, scale: 1-5, rubric: polite, temperature: 1}",
                                         "{models: [a, a], scale: 1-5, rubric: polite}", "{model: a, scale: 1-5}",
                                         "{model: a, scale: 1-5, rubric: polite, temperature: null}"};
    static const char this[] = "{model: a, scale: 1-5, rubric: polite}";
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    struct digest one = identity(this, &c), two;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        two = identity(others[i], &c);
        assert_false(digest_eq(&one, &two));
    }
    const struct check changed[] = {{.type = CHECK_TYPE_JUDGE, .threshold = NAN, .rubric = SLICE("other")},
                                    {.type = CHECK_TYPE_RELEVANT, .threshold = NAN},
                                    {.type = CHECK_TYPE_FAITHFUL, .threshold = 1},
                                    {.type = CHECK_TYPE_JUDGE, .threshold = NAN, .negated = true},
                                    {.type = CHECK_TYPE_JUDGE, .threshold = 0.8}};
    for (size_t i = 0; i < sizeof changed / sizeof *changed; i++) {
        two = identity(this, &changed[i]);
        assert_false(digest_eq(&one, &two));
    }
}

static void what_does_not_matter_leaves_it_the_same(void **state) {
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN};
    struct digest one = identity("{model: a, scale: 1-5, rubric: polite}", &c), two;
    (void)state;
    two = identity("{max_tokens: 99, rubric: polite, models: [a], scale: 1-5, temperature: -0.0}", &c);
    assert_true(digest_eq(&one, &two));
    c.threshold = 0.7; /* on the scale of 1 to 5 this is 4, as without one */
    two = identity("{model: a, scale: 1-5, rubric: polite}", &c);
    assert_true(digest_eq(&one, &two));
    c.rubric = SLICE("polite"); /* the check's own, with the same words */
    two = identity("{model: a, scale: 1-5, rubric: rude}", &c);
    assert_true(digest_eq(&one, &two));
    c.type = CHECK_TYPE_FAITHFUL; /* counts claims, whatever the scale and rubric */
    one = identity("{model: a, scale: 1-5, rubric: polite}", &c);
    two = identity("{model: a}", &c);
    assert_true(digest_eq(&one, &two));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_not_declared_has_a_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_of_it_is_read_and_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_mistake_is_told_with_its_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_makes_another_judge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_matter_leaves_it_the_same, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
