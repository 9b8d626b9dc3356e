/* Each type of check: a declaration in YAML, an answer, and what comes out. */
#include "quality/check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

static const struct template_var vars[] = {{{"city", 4}, {"Bern", 4}}, {{"order.id", 8}, {"A-7", 3}}};
static const struct check_case the_case = {
    .vars = vars, .n_vars = 2, .expected = {"Bern is the capital.", 20}};

static struct check_outcome run(const char *yaml, const struct check_answer *a, const struct check_case *k) {
    struct check c;
    struct check_outcome out = {.score = -1};
    struct error error = {.fault = FAULT_NONE};
    int line = 0;
    if (declare(yaml, &c, &line, &error) != FAULT_NONE) fail_msg("%s: line %d: %s", yaml, line, error.text);
    check_run(&c, a, k, &arena, &out);
    assert_true(out.reason.len > 0 && slice_is_utf8(out.reason));
    assert_true(out.score >= 0 && out.score <= 1);
    check_deinit(&c);
    return out;
}

static struct check_answer answer(const char *text) {
    struct check_answer a;
    check_answer_init(&a);
    a.text = slice_of(text);
    return a;
}

/* P, F or E, and the reason where it is wrong. */
static void expect(int line, const char *yaml, const char *text, char verdict, double score,
                   const char *words) {
    struct check_answer a = answer(text);
    struct check_outcome out = run(yaml, &a, &the_case);
    if ("PFE"[out.verdict] != verdict || fabs(out.score - score) > 1e-9 ||
        (words != NULL && !slice_contains(out.reason, slice_of(words))))
        fail_msg("line %d: %s on `%s`: %c %.9f " SLICE_FMT, line, yaml, text, "PFE"[out.verdict], out.score,
                 SLICE_ARG(out.reason));
    if (verdict == 'E') return;
    char negated[512]; /* the same check turned round */
    const char *type = strstr(yaml, "type: ") + 6;
    (void)snprintf(negated, sizeof negated, "%.*s%s%s", (int)(type - yaml), yaml,
                   strncmp(type, "not-", 4) == 0 ? "" : "not-",
                   strncmp(type, "not-", 4) == 0 ? type + 4 : type);
    out = run(negated, &a, &the_case);
    if ("PFE"[out.verdict] == verdict || fabs(out.score - (1 - score)) > 1e-9)
        fail_msg("line %d: %s on `%s`: %c %.9f " SLICE_FMT, line, negated, text, "PFE"[out.verdict],
                 out.score, SLICE_ARG(out.reason));
}
#define EXPECT(...) expect(__LINE__, __VA_ARGS__)

static void texts(void **state) {
    (void)state;
    EXPECT("{type: equals, value: Bern}", "Bern", 'P', 1, NULL);
    EXPECT("{type: equals, value: Bern}", "Bern ", 'F', 0,
           "expected the answer to equal `Bern`, found `Bern `");
    EXPECT("{type: not-equals, value: Bern}", "Bern", 'F', 0,
           "expected the answer not to equal `Bern`, found `Bern`");
    EXPECT("{type: equals, value: 42}", "42", 'P', 1, NULL);
    EXPECT("{type: equals, value: ''}", "", 'P', 1, NULL);
    EXPECT("{type: equals}", "Bern is the capital.", 'P', 1, NULL); /* the case's expected */
    EXPECT("{type: equals, value: 'In {{city}}, {{ order.id }}'}", "In Bern, A-7", 'P', 1, NULL);
    EXPECT("{type: equals, value: '{{town}}'}", "x", 'E', 0, "the case has no variable `town`");
    EXPECT("{type: equals, value: {a: [1, 2.0], b: x}}", " {\"b\":\"\\u0078\",\"a\":[1e0,2]} ", 'P', 1, NULL);
    EXPECT("{type: equals, value: {a: 1}}", "{\"a\":2}", 'F', 0, "equal `{\"a\":1}` as JSON");
    EXPECT("{type: equals, value: [1]}", "not JSON", 'F', 0, NULL);
    EXPECT("{type: iequals, value: STRASSE Ünï}", "strasse ÜNÏ", 'P', 1, NULL);
    EXPECT("{type: contains, value: Bern}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: contains, value: bern}", "It is Bern.", 'F', 0, "contain `bern`");
    EXPECT("{type: icontains, value: ÉCOLE}", "une école", 'P', 1, NULL);
    EXPECT("{type: icontains, value: 'in {{city}}'}", "IN BERN", 'P', 1, NULL);
    EXPECT("{type: icontains, value: ПРИВЕТ}", "ну, привет!", 'P', 1, NULL);
    EXPECT("{type: contains, value: 3.10}", "it costs 3.10", 'P', 1, NULL); /* a number as it was written */
    EXPECT("{type: starts-with, value: It is}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: starts-with, value: is}", "It is Bern.", 'F', 0, NULL);
    EXPECT("{type: contains-any, value: [x, Bern]}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: contains-any, value: [x, y]}", "It is Bern.", 'F', 0,
           "one of 2 texts, found 0 of them, but not `x`");
    EXPECT("{type: contains-all, value: [It, Bern]}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: contains-all, value: [It, Zug]}", "It is Bern.", 'F', 0, "1 of them, but not `Zug`");
    EXPECT("{type: contains-any, value: 'x, \"is, Bern\"'}", "It is, Bern.", 'P', 1,
           NULL); /* a comma in quotes */
    EXPECT("{type: contains-all, value: 'It,Bern'}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: icontains-any, value: [X, BERN]}", "It is Bern.", 'P', 1, NULL);
    EXPECT("{type: icontains-all, value: ['{{city}}', IT]}", "it is bern", 'P', 1, NULL);
}

static void patterns(void **state) {
    (void)state;
    EXPECT("{type: regex, value: '^\\d{4}-\\d\\d$'}", "2026-11", 'P', 1, NULL);
    EXPECT("{type: regex, value: '^\\d{4}-\\d\\d$'}", "2026-11\n", 'F', 0,
           NULL); /* $ is the very end, as in JavaScript */
    EXPECT("{type: regex, value: 'b.t'}", "a bit", 'P', 1, NULL);
    EXPECT("{type: regex, value: '(?i)BERN'}", "bern", 'P', 1, NULL);
    EXPECT("{type: regex, value: '(a+)+$'}",
           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", 'E', 0, "too many steps");
    EXPECT("{type: regex, value: x}", "\xFF", 'E', 0, "not well-formed UTF-8");
}

static void json(void **state) {
    (void)state;
    EXPECT("{type: is-json}", " [1, {\"a\": null}]\n", 'P', 1, NULL);
    EXPECT("{type: is-json}", "```json\n{}\n```", 'F', 0,
           "expected the answer to be JSON, found ````json {} ````: line 1");
    EXPECT("{type: is-json, value: {type: object, required: [name]}}", "{\"name\": 1}", 'P', 1, NULL);
    EXPECT("{type: is-json, value: {type: object, required: [name]}}", "{}", 'F', 0,
           "the value: expected the member `name` (required), found {}");
    EXPECT("{type: is-json, value: {properties: {a: {items: {minimum: 0}}}}}", "{\"a\": [1, -1]}", 'F', 0,
           "a[1]: expected a number of at least 0 (minimum), found -1");
    EXPECT("{type: is-json, schema: {type: array}}", "{}", 'F', 0, NULL);
    EXPECT("{type: is-json, value: '{\"type\": \"integer\"}'}", "1.0", 'P', 1, NULL);
    EXPECT("{type: is-json, value: {format: date}, formats: assert}", "\"2026-02-30\"", 'F', 0,
           "the format date");
    EXPECT("{type: is-json, value: {format: date}}", "\"2026-02-30\"", 'P', 1, NULL);
    EXPECT("{type: is-json, value: {pattern: '(a+)+$'}}",
           "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"", 'E', 0, "too many steps");
    EXPECT("{type: contains-json}", "Here: {\"a\": 1} and more", 'P', 1, NULL);
    EXPECT("{type: contains-json}", "no {braces} and a note [1]", 'F', 0, "none in");
    EXPECT("{type: contains-json, value: {type: array}}", "Here:\n```json\n[1, 2]\n```", 'P', 1, NULL);
    EXPECT("{type: contains-json, value: {required: [b]}}", "{\"a\": 1} or {\"b\": \"}\"}", 'P', 1,
           NULL); /* any of them */
    EXPECT("{type: contains-json, value: {required: [c]}}", "{\"a\": 1} or {\"b\": 2}", 'F', 0,
           "2 of which none is valid");
    EXPECT("{type: contains-json}", "{ not {\"a\": 1} }", 'P', 1, NULL);
}

static void measures(void **state) {
    (void)state;
    EXPECT("{type: levenshtein, value: kitten, threshold: 3}", "sitting", 'P', 1, "found 3");
    EXPECT("{type: levenshtein, value: kitten, threshold: 2}", "sitting", 'F', 0, "more than 2");
    EXPECT("{type: levenshtein, value: äöü, threshold: 1}", "äöu", 'P', 1,
           "found 1");                                               /* code points, not bytes */
    EXPECT("{type: levenshtein, value: abcdef}", "a", 'P', 1, NULL); /* 5 unless declared */
    EXPECT("{type: rouge-n, value: 'the cat sat on the mat', n: 2, threshold: 0.4}", "The cat on the mat!",
           'P', 2 * 3.0 / 9, "ROUGE-2 F1 of at least 0.4, found 0.6667");
    EXPECT("{type: rouge-n, value: 'the cat sat on the mat', measure: recall}", "The cat on the mat!", 'P',
           5.0 / 6, NULL);
    EXPECT("{type: rouge-n, value: 'the cat sat on the mat', measure: precision}", "The cat on the mat!", 'P',
           1, NULL);
    EXPECT("{type: rouge-n}", "Zug", 'F', 0, NULL);
    EXPECT("{type: bleu, value: [Other words., Bern is the capital.]}", "Bern is the capital.", 'P', 1, NULL);
    EXPECT("{type: bleu}", "Zug", 'F', 0, NULL);
    EXPECT("{type: word-count, max: 3}", "one two\nthree", 'P', 1, NULL);
    EXPECT("{type: word-count, max: 3}", "one two three four", 'F', 0, "at most 3 words, found 4");
    EXPECT("{type: word-count, value: {min: 2, max: 3}}", "one", 'F', 0, "2 to 3 words, found 1");
    EXPECT("{type: word-count, value: 2}", "one\xC2\xA0two", 'P', 1, NULL);
    EXPECT("{type: word-count, value: 0}", " ", 'P', 1, NULL);
    EXPECT("{type: is-refusal}", "I’m sorry, but I can’t help with that.", 'P', 1, "i can't help with that");
    EXPECT("{type: is-refusal}", "Sure: first, open the settings.", 'F', 0, NULL);
    EXPECT("{type: is-refusal}", " \n", 'P', 1, "no text at all");
    EXPECT("{type: contains, value: x, threshold: 0}", "y", 'P', 0, NULL); /* a score of 0 is enough */
}

static void facts(void **state) {
    (void)state;
    struct check_answer a = answer("x");
    assert_int_equal(run("{type: latency, threshold: 100}", &a, &the_case).verdict, CHECK_ERROR);
    assert_int_equal(run("{type: not-latency, threshold: 100}", &a, &the_case).verdict, CHECK_ERROR);
    assert_int_equal(run("{type: cost, threshold: 0.001}", &a, &the_case).verdict, CHECK_ERROR);
    assert_int_equal(run("{type: cost}", &a, &the_case).verdict, CHECK_PASS);
    assert_int_equal(run("{type: finish-reason, value: stop}", &a, &the_case).verdict, CHECK_ERROR);
    a.latency_us = 100000;
    a.cost_nano = 1000001;
    a.finish = FINISH_STOP;
    a.finish_raw = SLICE("end_turn");
    assert_int_equal(run("{type: latency, threshold: 100}", &a, &the_case).verdict, CHECK_PASS);
    assert_int_equal(run("{type: latency, threshold: 99.9}", &a, &the_case).verdict, CHECK_FAIL);
    assert_int_equal(run("{type: cost, threshold: 0.001}", &a, &the_case).verdict, CHECK_FAIL);
    assert_int_equal(run("{type: cost, threshold: 0.001001}", &a, &the_case).verdict, CHECK_PASS);
    assert_int_equal(run("{type: finish-reason, value: STOP}", &a, &the_case).verdict, CHECK_PASS);
    assert_int_equal(run("{type: finish-reason, value: [length, end_turn]}", &a, &the_case).verdict,
                     CHECK_PASS);
    assert_int_equal(run("{type: finish-reason, value: length}", &a, &the_case).verdict, CHECK_FAIL);
    a.refused = true;
    assert_int_equal(run("{type: is-refusal}", &a, &the_case).verdict, CHECK_PASS);
    struct check_case bare = {.expected = SLICE_NULL};
    assert_int_equal(run("{type: contains}", &a, &bare).verdict, CHECK_ERROR);
}

static void tool_calls(void **state) {
    (void)state;
    struct check_tool_call calls[] = {
        {SLICE("refund"), SLICE("{\"order\": 7, \"to\": {\"iban\": \"x\", \"name\": \"y\"}}")},
        {SLICE("lookup"), SLICE("")},
        {SLICE("refund"), SLICE("{\"order\": ")}};
    struct check_answer a = answer(NULL);
    assert_int_equal(run("{type: tool-call, name: refund}", &a, &the_case).verdict, CHECK_FAIL);
    assert_int_equal(run("{type: not-tool-call, name: refund}", &a, &the_case).verdict, CHECK_PASS);
    a.calls = calls;
    a.n_calls = 2;
    static const struct {
        const char *yaml;
        enum check_verdict verdict;
        const char *words;
    } rows[] = {
        {"{type: tool-call, name: refund}", CHECK_PASS, NULL},
        {"{type: tool-call, name: lookup, arguments: {}}", CHECK_PASS, NULL},
        {"{type: tool-call, name: cancel}", CHECK_FAIL,
         "call `cancel` at least 1 times, found calls of refund, lookup"},
        {"{type: tool-call, name: refund, max: 0}", CHECK_FAIL, "0 times"},
        {"{type: tool-call, name: cancel, max: 0}", CHECK_PASS, NULL},
        {"{type: tool-call, name: refund, min: 2}", CHECK_FAIL, "found 1"},
        {"{type: tool-call, name: refund, arguments: {order: 7}}", CHECK_FAIL, "the arguments `{"},
        {"{type: tool-call, name: refund, arguments: {order: 7.0, to: {name: y}}, mode: partial}", CHECK_PASS,
         NULL},
        {"{type: tool-call, name: refund, arguments: {order: 8}, mode: partial}", CHECK_FAIL, NULL},
        {"{type: tool-call, name: refund, schema: {properties: {order: {type: integer}}}}", CHECK_PASS, NULL},
        {"{type: tool-call, name: refund, schema: {properties: {order: {type: string}}}}", CHECK_FAIL,
         "order: expected string"},
        {"{type: tool-call-f1, value: [refund, lookup]}", CHECK_PASS, NULL},
        {"{type: tool-call-f1, value: [refund, lookup, cancel]}", CHECK_FAIL, "0.8000"},
        {"{type: tool-call-f1, value: [refund, lookup, cancel], threshold: 0.8}", CHECK_PASS, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct check_outcome out = run(rows[i].yaml, &a, &the_case);
        if (out.verdict != rows[i].verdict ||
            (rows[i].words && !slice_contains(out.reason, slice_of(rows[i].words))))
            fail_msg("%s: %d " SLICE_FMT, rows[i].yaml, out.verdict, SLICE_ARG(out.reason));
    }
    a.n_calls = 3;
    struct check_outcome out = run("{type: tool-call, name: refund, schema: {}, min: 2}", &a, &the_case);
    assert_int_equal(out.verdict, CHECK_FAIL);
    assert_true(slice_contains(out.reason, SLICE("arguments that are not JSON")));
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *yaml;
        int line;
        const char *words;
    } rows[] = {
        {"type: containz\nvalue: x", 1, "unknown type of check \"containz\", did you mean `contains`?"},
        {"type: not-is-jsn", 1, "did you mean `not-is-json`?"},
        {"type: zzzzzzzz", 1, "unknown type of check \"zzzzzzzz\""},
        {"value: x", 1, "expected a check with a `type`"},
        {"- a", 1, "expected a check: a map with a `type`"},
        {"type: contains\nvalu: x", 2, "contains has no parameter \"valu\", did you mean `value`?"},
        {"type: contains\nvalue: x\nmin: 1", 3, "contains has no parameter \"min\""},
        {"type: contains\nvalue: ''", 2, "a text that is not empty, found \"\""},
        {"type: contains\nvalue: [a]", 2, "expected a text"},
        {"type: contains-any", 1, "needs a `value`"},
        {"type: contains-any\nvalue: []", 2, "at least one text"},
        {"type: contains-any\nvalue:\n- a\n- {b: c}", 4, "texts that are not empty"},
        {"type: contains\nvalue: '{{ name | upper }}'", 2,
         "the name of a variable within {{ }}, found `name | upper`"},
        {"type: contains\nvalue: '{% if x %}'", 2, "the only template syntax"},
        {"type: regex\nvalue: 'a(b'", 2, "at character 4 of `a(b`: missing closing parenthesis"},
        {"type: regex", 1, "needs a `value`: a regular expression"},
        {"type: is-json\nvalue:\n  type: object\n  properties:\n    a: {typ: string}", 5,
         "the schema of is-json: properties.a.typ: found the unknown keyword \"typ\", did you mean `type`?"},
        {"type: is-json\nvalue:\n  pattern: '['", 3, "pattern: expected a regular expression"},
        {"type: is-json\nvalue: '{\"type\": 1}'", 2, "type: expected null, boolean"},
        {"type: is-json\nvalue: 'type: object'", 2, "a text that is not JSON"},
        {"type: is-json\nvalue: 7", 2, "expected a schema: a map, true or false"},
        {"type: is-json\nvalue: {}\nschema: {}", 3, "expected one of them"},
        {"type: is-json\nvalue: {}\nformats: yes", 3, "expected annotate or assert, found \"yes\""},
        {"type: is-json\nformats: assert", 2, "`formats` but no schema"},
        {"type: contains\nvalue: x\nweight: -1", 3,
         "`weight` of contains: expected a number of at least 0, found -1"},
        {"type: contains\nvalue: x\nthreshold: 2", 3, "expected a score from 0 to 1, found 2"},
        {"type: latency", 1, "latency needs a `threshold` in milliseconds"},
        {"type: word-count", 1, "needs min, max or a number"},
        {"type: word-count\nmin: 3\nmax: 2", 3, "found min 3 and max 2"},
        {"type: word-count\nvalue: {mini: 3}", 2, "expected min and max"},
        {"type: word-count\nvalue: many", 2, "expected a whole number, or min and max"},
        {"type: rouge-n\nn: 10", 2, "expected a whole number from 1 to 9, found 10"},
        {"type: rouge-n\nmeasure: f2", 2, "expected f1, precision or recall"},
        {"type: tool-call", 1, "needs the `name` of a tool"},
        {"type: tool-call\nname: x\narguments: [1]", 3, "the call's arguments, as a map"},
        {"type: tool-call\nname: x\nmode: partial", 3, "a `mode` but no `arguments`"},
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
}

/* The same declarations as JSON text: lines are counted, nothing else differs. */
static void as_json(void **state) {
    (void)state;
    struct declared d;
    struct check c;
    struct error error = {.fault = FAULT_NONE};
    int line = 0;
    const char *text =
        "[\n{\"type\": \"icontains\", \"value\": \"a\", \"weight\": 0, \"metric\": \"tone\"},\n"
        "{\"type\": \"regex\",\n\"value\": \"(\"}]";
    assert_int_equal(declared_from_json(slice_of(text), &arena, &d, &error), FAULT_NONE);
    assert_int_equal(check_read(&d, json_item(&d.doc, 0, 0), &arena, &c, &line, &error), FAULT_NONE);
    assert_int_equal(c.line, 2);
    assert_true(c.weight == 0 && slice_is(c.metric, "tone") && slice_is(check_name(&c, &arena), "icontains"));
    check_deinit(&c);
    check_deinit(&c);
    assert_int_equal(check_read(&d, json_item(&d.doc, 0, 1), &arena, &c, &line, &error), FAULT_CONFIG);
    assert_int_equal(line, 4);
}

static void replies(void **state) {
    (void)state;
    struct part parts[] = {{.type = PART_THINKING, .text = SLICE("hm")},
                           {.type = PART_TEXT, .text = SLICE("a ")},
                           {.type = PART_TOOL_CALL, .name = SLICE("t"), .arguments = SLICE("{}")},
                           {.type = PART_TEXT, .text = SLICE("b")}};
    struct reply r = {
        .parts = parts, .n_parts = 4, .finish = FINISH_TOOL_CALLS, .finish_raw = SLICE("tool_use")};
    struct check_answer a;
    usage_init(&r.usage);
    check_answer_init(&a);
    a.latency_us = 5;
    assert_true(check_answer_of(&r, &arena, &a));
    assert_true(slice_is(a.text, "a b") && a.n_calls == 1 && slice_is(a.calls[0].name, "t") && !a.refused &&
                a.latency_us == 5);
    parts[3].type = PART_REFUSAL;
    assert_true(check_answer_of(&r, &arena, &a) && a.refused);
    r.n_parts = 1;
    assert_true(check_answer_of(&r, &arena, &a) && slice_is_null(a.text) && a.n_calls == 0);
}

/* A full arena is an error of the check, in words, whatever the type. */
static void no_memory(void **state) {
    (void)state;
    static const char *const yaml[] = {
        "{type: icontains, value: Ä}", "{type: is-json, value: {uniqueItems: true}}",
        "{type: contains-json}",       "{type: bleu, value: a}",
        "{type: rouge-n, value: a}",   "{type: levenshtein, value: a, threshold: 9}",
        "{type: equals, value: [1]}",  "{type: is-refusal}"};
    for (size_t i = 0; i < sizeof yaml / sizeof *yaml; i++) {
        struct check c;
        struct error error;
        int line;
        assert_int_equal(declare(yaml[i], &c, &line, &error), FAULT_NONE);
        for (size_t max = 16; max < 2048; max += 16) {
            struct arena small;
            struct check_outcome out;
            struct check_answer a = answer("[\"Ä\", {\"a\": \"\\u0062\"}, [1, 2, 3], 4, 5, \"Ä Ö Ü\"]");
            arena_init(&small, 256, max);
            check_run(&c, &a, &the_case, &small, &out);
            if (arena_is_full(&small)) assert_int_equal(out.verdict, CHECK_ERROR);
            assert_true(out.reason.len > 0);
            arena_deinit(&small);
        }
        check_deinit(&c);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(patterns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(measures, set_up, tear_down),
        cmocka_unit_test_setup_teardown(facts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tool_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(as_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(replies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_check", tests, NULL, NULL);
}
