#include "quality/case_file.h"

#include "model/declared.h"
#include "quality/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct read {
    struct arena arena;
    struct buffer json, told;
    struct problems problems;
    enum fault fault;
};

static struct read *read_text(struct slice text, const char *file) {
    struct read *r = test_calloc(1, sizeof *r);
    arena_init(&r->arena, 4096, 64u << 20);
    buffer_init(&r->json, 64u << 20);
    buffer_init(&r->told, 1u << 20);
    buffer_append(&r->json, SLICE("x"));
    r->fault = case_file_read(text, file, &r->arena, &r->json, &r->problems);
    problems_write(&r->problems, &r->told);
    assert_int_equal(*r->json.at, 'x');
    buffer_consume(&r->json, 1);
    return r;
}

static void drop(struct read *r) {
    buffer_deinit(&r->json);
    buffer_deinit(&r->told);
    arena_deinit(&r->arena);
    test_free(r);
}

static void gives(const char *text, const char *file, const char *json) {
    struct read *r = read_text(slice_of(text), file);
    assert_string_equal(buffer_text(&r->told), "");
    assert_string_equal(buffer_text(&r->json), json);
    assert_int_equal(r->fault, FAULT_NONE);
    drop(r);
}

static void tells(const char *text, const char *file, const char *problems) {
    struct read *r = read_text(slice_of(text), file);
    assert_string_equal(buffer_text(&r->told), problems);
    assert_int_equal(r->fault, FAULT_CONFIG);
    assert_int_equal(r->json.len, 0);
    drop(r);
}

static void columns(void **state) {
    (void)state;
    gives("", "c.jsonl", "[]");
    gives("question\n", "c.csv", "[]");
    gives("id,question,input,expected,context,tags,weight,threshold\n"
          "a,\"Why, \"\"oh\"\" why?\",in,out,ctx,\"x, y\\,z,,\",2,0.5\n",
          "c.csv",
          "[\n{\"id\":\"a\",\"vars\":{\"question\":\"Why, \\\"oh\\\" why?\"},\"input\":\"in\",\"expected\":\"out\",\"context\":\"ctx\","
          "\"tags\":[\"x\",\"y,z\"],\"weight\":2,\"threshold\":0.5}]");
    /* empty cells: of variables a text, of a case's own columns nothing; a row of nothing is none */
    gives("id,q,weight\n,,3\n,,\nb,,\n", "c.csv", "[\n{\"vars\":{\"q\":\"\"},\"weight\":3},\n\n{\"id\":\"b\",\"vars\":{\"q\":\"\"}}]");
    /* a byte order mark, other separators, line ends, and breaks in quotes: lines stay the file's */
    gives("\xEF\xBB\xBFq;w\r\n\"a\r\nb\";1\r\nc;2\r\n", "c.csv", "[\n{\"vars\":{\"q\":\"a\\r\\nb\",\"w\":\"1\"}},\n\n{\"vars\":{\"q\":\"c\",\"w\":\"2\"}}]");
    gives("q\tw\na\t\nb, c\td\n", "c.tsv", "[\n{\"vars\":{\"q\":\"a\",\"w\":\"\"}},\n{\"vars\":{\"q\":\"b, c\",\"w\":\"d\"}}]");
    gives("\xC3\xA4\n\xE2\x82\xAC\n", "c.csv", "[\n{\"vars\":{\"\xC3\xA4\":\"\xE2\x82\xAC\"}}]");
}

static void promptfoo_columns(void **state) {
    (void)state;
    gives("q,__description,__prefix,__suffix,__threshold,__metadata:area,__metadata:tags[]\n"
          "a,Resets the password!,P,S,0.8,account,\"x\\,y, z\"\n"
          "b,resets the PASSWORD,,,,,\n",
          "c.csv",
          "[\n{\"id\":\"resets-the-password\",\"vars\":{\"q\":\"a\",\"__prefix\":\"P\",\"__suffix\":\"S\"},"
          "\"tags\":[\"area=account\",\"tags=x,y\",\"tags=z\"],\"threshold\":0.8},\n"
          "{\"id\":\"resets-the-password-2\",\"vars\":{\"q\":\"b\",\"__prefix\":\"\",\"__suffix\":\"\"}}]");
    gives("__expected,__expected2,__metric,__config:__expected2:threshold\n"
          "icontains:reset link,levenshtein(3):yes,form,\n"
          "42,similar:a,,0.9\n",
          "c.csv",
          "[\n{\"checks\":[{\"type\":\"icontains\",\"value\":\"reset link\",\"metric\":\"form\"},"
          "{\"type\":\"levenshtein\",\"value\":\"yes\",\"threshold\":3,\"metric\":\"form\"}]},\n"
          "{\"checks\":[{\"type\":\"equals\",\"value\":\"42\"},"
          "{\"type\":\"similar\",\"value\":\"a\",\"model\":\"text-embedding-3-large\",\"threshold\":0.9}]}]");
}

/* Forms of one cell, and the check that each is. */
static void short_forms(void **state) {
    (void)state;
    static const char *const forms[][2] = {
        {"not-contains:a: b", "{\"type\":\"not-contains\",\"value\":\"a: b\"}"},
        {"contains-any:a, b", "{\"type\":\"contains-any\",\"value\":\"a, b\"}"},
        {"is-json", "{\"type\":\"is-json\"}"},
        {"rouge-n(0.5):hello", "{\"type\":\"rouge-n\",\"value\":\"hello\",\"threshold\":0.5}"},
        {"rouge-n:hello", "{\"type\":\"rouge-n\",\"value\":\"hello\",\"threshold\":0.75}"},
        {"similar:hello", "{\"type\":\"similar\",\"value\":\"hello\",\"model\":\"text-embedding-3-large\",\"threshold\":0.8}"},
        {"latency(500)", "{\"type\":\"latency\",\"threshold\":500}"},
        {"grade: is polite", "{\"type\":\"judge\",\"rubric\":\"is polite\"}"},
        {"llm-rubric:is polite", "{\"type\":\"judge\",\"rubric\":\"is polite\"}"},
        {"fn:output.length > 3", "{\"type\":\"javascript\",\"value\":\"output.length > 3\"}"},
        {"eval:output", "{\"type\":\"javascript\",\"value\":\"output\"}"},
        {"python:len(output)", "{\"type\":\"python\",\"value\":\"len(output)\"}"},
        {"is-refusal", "{\"type\":\"is-refusal\"}"},
        {"word-count:5", "{\"type\":\"word-count\",\"value\":\"5\"}"},
        {"note: not a type", "{\"type\":\"equals\",\"value\":\"note: not a type\"}"},
        {"{{answer}}", "{\"type\":\"equals\",\"value\":\"{{answer}}\"}"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[256], json[512];
        snprintf(text, sizeof text, "__expected\n\"%s\"\n", forms[i][0]);
        snprintf(json, sizeof json, "[\n{\"checks\":[%s]}]", forms[i][1]);
        gives(text, "c.csv", json);
    }
}

static void bad_rows(void **state) {
    (void)state;
    tells("a,b\n1\n1,2\n1,2,3\n", "c.csv",
          "c.csv:2: expected 2 fields as in the first row, found 1\n"
          "c.csv:4: expected 2 fields as in the first row, found 3\n");
    tells("a,b\n\"x\"y,2\n1,2\n\"x\n", "c.csv",
          "c.csv:2: expected a comma after a closing quote\n"
          "c.csv:4: a quote opens and does not close\n");
    tells("id,weight,threshold\na,heavy,1\nb,1,-1\n", "c.csv",
          "c.csv:2: `weight`: expected a number of at least 0, found `heavy`\n"
          "c.csv:3: `threshold`: expected a number of at least 0, found `-1`\n");
    tells("a,,a,__expcted,__providerOutput,_expected\n1,1,1,1,1,1\n", "c.csv",
          "c.csv:1: column 2 has no name\n"
          "c.csv:1: columns 1 and 3 are both named `a`\n"
          "c.csv:1: unknown column `__expcted`; did you mean `__expected`?\n"
          "c.csv:1: `__providerOutput` has no counterpart: a run asks the model\n"
          "c.csv:1: unknown column `_expected`; did you mean `__expected`?\n");
    tells("__expected,__expected1\nregex:(,meteor:x\n", "c.csv",
          "c.csv:2: `__expected`: regex: `value` of regex: expected a regular expression, but at character 2 of `(`: missing closing parenthesis\n"
          "c.csv:2: `__expected1`: meteor: there is no such check; similar is near\n");
    tells("", "c.csv", "c.csv:1: expected a first row that names the columns\n");
    tells("a\n\xFF\n", "c.csv", "c.csv:1: expected UTF-8\n");
}

static void json_lines(void **state) {
    (void)state;
    gives("{\"id\":\"a\",\"vars\":{\"q\":\"x\"},\"checks\":[{\"type\":\"is-json\"}]}\n\n{\"id\":\"b\"}\r\n", "c.jsonl",
          "[{\"id\":\"a\",\"vars\":{\"q\":\"x\"},\"checks\":[{\"type\":\"is-json\"}]},\n\n{\"id\":\"b\"}]");
    /* what is no case's own is a variable, unless there are `vars` or it is no scalar */
    gives("{\"q\":\"x\",\"n\":1.50,\"expected\":\"y\",\"cheks\":[1]}", "c.ndjson",
          "[{\"expected\":\"y\",\"cheks\":[1],\"vars\":{\"q\":\"x\",\"n\":1.50}}]");
    gives("{\"q\":\"x\",\"vars\":{}}", "c.jsonl", "[{\"q\":\"x\",\"vars\":{}}]");
    gives("\n[\n {\"id\":\n\"a\"},\n {\"id\":\"b\"}]", "cases", "[\n\n{\"id\":\"a\"},\n\n{\"id\":\"b\"}]");
    tells("{\"id\":1\n[]\n{}\nprose\n", "c.jsonl",
          "c.jsonl:1: expected a case as JSON on one line: column 8: expected ',' or '}', found the end of the text\n"
          "c.jsonl:2: expected a case: an object\n"
          "c.jsonl:4: expected a case as JSON on one line: column 1: expected a value, found 'p'\n");
}

/* The lines of the array's document are the file's. */
static void lines(void **state) {
    (void)state;
    struct read *r = read_text(SLICE("q,__expected\n\"a\nb\",x\nc,y\n"), "c.csv");
    struct declared d;
    assert_int_equal(declared_from_json(buffer_slice(&r->json), &r->arena, &d, NULL), FAULT_NONE);
    assert_int_equal(declared_line(&d, json_item(&d.doc, 0, 0)), 2);
    assert_int_equal(declared_line(&d, json_item(&d.doc, 0, 1)), 4);
    drop(r);
}

static void many(void **state) {
    (void)state;
    struct buffer text;
    buffer_init(&text, 64u << 20);
    buffer_append(&text, SLICE("q,__expected\n"));
    for (int i = 0; i < 10000; i++) buffer_printf(&text, "question %d,contains:%d\n", i, i);
    struct read *r = read_text(buffer_slice(&text), "c.csv");
    struct json_doc d;
    assert_int_equal(r->fault, FAULT_NONE);
    assert_int_equal(json_read(buffer_slice(&r->json), &r->arena, UINT16_MAX, &d, NULL), FAULT_NONE);
    assert_int_equal(json_size(&d, 0), 10000);
    drop(r);
    buffer_clear(&text);
    for (int i = 0; i <= LIMIT_SUITE_CASES; i++) buffer_append(&text, SLICE("{}\n"));
    r = read_text(buffer_slice(&text), "c.jsonl");
    assert_int_equal(r->fault, FAULT_TOO_LARGE);
    assert_string_equal(buffer_text(&r->told), "c.jsonl:100001: more than 100000 cases\n");
    drop(r);
    buffer_deinit(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns), cmocka_unit_test(promptfoo_columns), cmocka_unit_test(short_forms), cmocka_unit_test(bad_rows),
        cmocka_unit_test(json_lines), cmocka_unit_test(lines), cmocka_unit_test(many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
