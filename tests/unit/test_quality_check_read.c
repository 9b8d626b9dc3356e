/* Declarations of checks that a judge, a model, a process or other answers decide. */
#include "quality/check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 64 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static enum fault declare(const char *yaml, struct check *ret, int *line, struct error *error) {
    struct yaml_node *root = NULL;
    struct declared *d = arena_new(&arena, struct declared);
    int at = 0;
    assert_int_equal(yaml_read(slice_of(yaml), &arena, &root, &at, error), FAULT_NONE);
    assert_int_equal(declared_from_yaml(root, &arena, d, error), FAULT_NONE);
    return check_read(d, 0, &arena, ret, line, error);
}

static struct check good(const char *yaml) {
    struct check c;
    struct error error = {.fault = FAULT_NONE};
    if (declare(yaml, &c, NULL, &error) != FAULT_NONE) fail_msg("%s: %s", yaml, error.text);
    return c;
}

static void words_are(const char *yaml, const char *const *want) {
    struct check c = good(yaml);
    unsigned i = 0;
    for (; want[i] != NULL && c.run[i] != NULL; i++)
        if (strcmp(want[i], c.run[i]) != 0) fail_msg("%s: word %u is `%s`", yaml, i, c.run[i]);
    if (want[i] != NULL || c.run[i] != NULL) fail_msg("%s: %u words", yaml, i);
    check_deinit(&c);
}
#define WORDS(yaml, ...) words_are("type: exec\nrun: " yaml, (const char *const[]){__VA_ARGS__, NULL})

static void programs_as_a_shell_parts_them(void **state) {
    (void)state;
    WORDS("./check.py", "./check.py");
    WORDS("  jq   -e\t.ok ", "jq", "-e", ".ok");
    WORDS("|\n  jq\n  -e\n", "jq", "-e");
    WORDS("[jq, -e, 7, true, '', 'a b']", "jq", "-e", "7", "true", "", "a b");
    WORDS("jq '.a | \"b\"' \"x y\"", "jq", ".a | \"b\"", "x y");
    WORDS("sh -c 'echo $HOME; exit'\\''s'", "sh", "-c", "echo $HOME; exit's");
    WORDS("a \"\" '' b\"c d\"e", "a", "", "", "bc de");
    WORDS("a\\ b \"c\\\"d\\n\" 'e\\f'", "a b", "c\"d\\n", "e\\f");
    WORDS("grün 'ä ö'", "grün", "ä ö");
}

static void members(void **state) {
    (void)state;
    struct check c = good("{type: exec, run: x}");
    assert_int_equal(c.timeout_us, 10000000);
    assert_true(isnan(c.threshold) && check_by(&c) == CHECK_BY_PROGRAM);
    c = good("{type: not-exec, run: [x], timeout: 1m30s, threshold: 0.5, weight: 2, metric: m}");
    assert_true(c.timeout_us == 90000000 && c.negated && c.threshold == 0.5 && c.weight == 2 && slice_is(c.metric, "m"));
    c = good("{type: python, value: 'len(output)', timeout: 10m}");
    assert_true(c.timeout_us == 600000000 && c.n_texts == 1 && slice_is(c.texts[0].text, "len(output)") && !c.texts[0].is_template);
    c = good("type: javascript\nvalue: |\n  const a = {{}: 1}; // {{\n  return `{{${a} }}`\n"); /* no variable's name in them */
    assert_int_equal(check_by(&c), CHECK_BY_PROGRAM);
    c = good("{type: javascript, value: true}");
    assert_true(slice_is(c.texts[0].text, "true"));
    c = good("{type: similar, value: [a, '{{x}}'], model: small}");
    assert_true(check_by(&c) == CHECK_BY_EMBED && slice_is(c.model, "small") && c.n_texts == 2 && c.texts[1].is_template && c.threshold == 0.75);
    c = good("{type: similar}");
    assert_true(check_by(&c) == CHECK_BY_ANSWER && slice_is_null(c.model) && c.n_texts == 0);
    c = good("{type: judge}");
    assert_true(check_by(&c) == CHECK_BY_JUDGE && slice_is_null(c.rubric) && slice_is_null(c.judge));
    c = good("{type: judge, rubric: 'names {{city}}', judge: j, threshold: 0.7}");
    assert_true(slice_is(c.rubric, "names {{city}}") && slice_is(c.judge, "j") && c.threshold == 0.7);
    c = good("{type: faithful, judge: j}");
    assert_true(slice_is(c.judge, "j") && c.threshold == 1);
    c = good("{type: not-relevant}");
    assert_true(c.negated && check_by(&c) == CHECK_BY_JUDGE);
    c = good("{type: consistent}");
    assert_true(check_by(&c) == CHECK_BY_REPEATS && c.threshold == 0.8);
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *yaml;
        int line;
        const char *words;
    } rows[] = {
        {"type: exec", 1, "exec needs `run`: a program and its arguments, as a text or a list"},
        {"type: exec\nvalue: x", 2, "exec has no parameter \"value\""},
        {"type: exec\nrunn: x", 2, "exec has no parameter \"runn\", did you mean `run`?"},
        {"type: exec\nrun: ''", 2, "`run` of exec: expected a program and its arguments: a text that is parted at blanks, or a list, found \"\""},
        {"type: exec\nrun: '  '", 2, "expected a program and its arguments"},
        {"type: exec\nrun: \"''\"", 2, "expected a program and its arguments"},
        {"type: exec\nrun: []", 2, "expected a program and its arguments"},
        {"type: exec\nrun: {a: b}", 2, "found {\"a\":\"b\"}"},
        {"type: exec\nrun: [a, [b]]", 2, "expected a program and its arguments"},
        {"type: exec\nrun: ['', a]", 2, "expected a program and its arguments"},
        {"type: exec\nrun: a 'b", 2, "a quote or backslash stands open in \"a 'b\""},
        {"type: exec\nrun: a \\", 2, "a quote or backslash stands open"},
        {"type: exec\nrun: 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3", 2, "expected at most 32 words"},
        {"type: exec\nrun: [a, '{{x}}']", 2, "takes no {{name}}: the program gets `vars` on its standard input"},
        {"type: exec\nrun: a\ntimeout: 0", 3, "`timeout` of exec: expected a duration such as 10s, at most 10m, found 0"},
        {"type: exec\nrun: a\ntimeout: 10", 3, "found 10"},
        {"type: exec\nrun: a\ntimeout: 0s", 3, "found \"0s\""},
        {"type: exec\nrun: a\ntimeout: 601s", 3, "found \"601s\""},
        {"type: python\nvalue: x\ntimeout: soon", 3, "`timeout` of python"},
        {"type: javascript", 1, "javascript needs a `value`: an expression or a function body, as text"},
        {"type: python\nvalue: ' '", 2, "python needs a `value`"},
        {"type: python\nvalue: [a]", 2, "python needs a `value`"},
        {"type: python\nvalue: x\nrun: y", 3, "python has no parameter \"run\""},
        {"type: javascript\nvalue: 'output.includes(\"{{ city }}\")'", 2,
         "`value` of javascript: expected code without {{ city }}, which is in `context.vars`"},
        {"type: python\nvalue: '\"{{a b}}\" + \"{{city}}\" in output'", 2, "without {{city}}, which is in `context.vars` as context[\"vars\"][...]"},
        {"type: javscript\nvalue: x", 1, "did you mean `javascript`?"},
        {"type: similar\nmodel: ''", 2, "`model` of similar: expected the name of a model, found \"\""},
        {"type: similar\nmodel: [a]", 2, "expected the name of a model"},
        {"type: similar\nvalue: []", 2, "at least one text"},
        {"type: similar\njudge: x", 2, "similar has no parameter \"judge\""},
        {"type: judge\nrubric: 7", 2, "`rubric` of judge: expected what the judge is to look for, as text, found 7"},
        {"type: judge\nrubric: '{{ a | upper }}'", 2, "`rubric` of judge: expected the name of a variable within {{ }}"},
        {"type: judge\nrubic: x", 2, "did you mean `rubric`?"},
        {"type: judge\njudge: ' '", 2, "`judge` of judge: expected the name of a judge"},
        {"type: judge\nthreshold: 2", 2, "expected a score from 0 to 1, found 2"},
        {"type: faithful\nrubric: x", 2, "faithful has no parameter \"rubric\""},
        {"type: consistant", 1, "did you mean `consistent`?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct check c = {.type = CHECK_TYPE_COUNT};
        struct error error = {.fault = FAULT_NONE};
        int line = 0;
        enum fault f = declare(rows[i].yaml, &c, &line, &error);
        if (f != FAULT_CONFIG || line != rows[i].line || strstr(error.text, rows[i].words) == NULL)
            fail_msg("%s: line %d: %s", rows[i].yaml, line, error.text);
        assert_int_equal(c.type, CHECK_TYPE_COUNT); /* untouched */
    }
    struct declared d; /* no word of C's can hold this */
    struct check c;
    assert_int_equal(declared_from_json(SLICE("{\"type\": \"exec\", \"run\": [\"a\", \"b\\u0000\"]}"), &arena, &d, NULL), FAULT_NONE);
    assert_int_equal(check_read(&d, 0, &arena, &c, NULL, NULL), FAULT_CONFIG);
}

/* However little memory there is: told, and no worse. */
static void no_memory(void **state) {
    static const char *const texts[] = {"{\"type\": \"exec\", \"run\": \"a 'b c' d\\u0065\"}", "{\"type\": \"python\", \"value\": \"\\u0065\"}",
                                        "{\"type\": \"judge\", \"rubric\": \"\\u0065{{x}}\", \"judge\": \"\\u0065\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct declared d;
        struct error error;
        assert_int_equal(declared_from_json(slice_of(texts[i]), &arena, &d, &error), FAULT_NONE);
        for (size_t max = 0; max < 1024; max += 8) {
            struct arena small;
            struct check c;
            arena_init(&small, 64, max);
            error.text[0] = 0;
            if (check_read(&d, 0, &small, &c, NULL, &error) == FAULT_NONE) check_deinit(&c);
            else assert_true(error.text[0] != 0);
            arena_deinit(&small);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(programs_as_a_shell_parts_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_check_read", tests, NULL, NULL);
}
