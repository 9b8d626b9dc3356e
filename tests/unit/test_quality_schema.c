/* What the official suite (test_quality_schema_suite.c) does not say: what is refused and in which words,
 * what a problem is called, and that nothing runs away. With one case of each keyword besides, for where the
 * suite is not installed. */
#include "base/buffer.h"
#include "quality/schema.h"

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

static struct json_doc *read(struct slice text) {
    struct json_doc *d = arena_new(&arena, struct json_doc);
    struct error e = {.fault = FAULT_NONE};
    if (json_read(text, &arena, UINT16_MAX, d, &e) != FAULT_NONE)
        fail_msg("%s: %.*s", e.text, (int)(text.len < 200 ? text.len : 200), text.at);
    return d;
}

static enum schema_verdict check_flags(struct slice schema, struct slice value, unsigned flags,
                                       struct schema_problem *problem) {
    struct schema *s = NULL;
    struct error e = {.fault = FAULT_NONE};
    uint32_t where;
    if (schema_new(read(schema), 0, flags, &s, &where, &e) != FAULT_NONE)
        fail_msg(SLICE_FMT ": %s", SLICE_ARG(schema), e.text);
    enum schema_verdict v = schema_check(s, read(value), 0, &arena, problem);
    schema_free(s);
    return v;
}

static enum schema_verdict check(struct slice schema, struct slice value, struct schema_problem *problem) {
    return check_flags(schema, value, 0, problem);
}

/* Of each keyword a value that is valid, one that is not, and what is said of that. */
static void keywords(void **state) {
    (void)state;
    static const struct {
        const char *schema, *valid, *invalid, *words;
    } rows[] = {
        {"{\"type\":\"integer\"}", "1.0", "1.5", "the value: expected integer (type), found 1.5"},
        {"{\"type\":[\"null\",\"boolean\",\"string\"]}", "true", "1",
         "expected string or boolean or null (type)"},
        {"{\"enum\":[1,\"a\",{\"b\":[1.50]}]}", "{\"b\":[15e-1]}", "\"b\"",
         "expected one of [1,\"a\",{\"b\":[1.50]}] (enum), found \"b\""},
        {"{\"const\":{\"a\":1,\"b\":2}}", "{\"b\":2.0,\"a\":1}", "{\"a\":1}",
         "expected {\"a\":1,\"b\":2} (const)"},
        {"{\"minimum\":0.1}", "0.10", "0.09999999999999999999999", "a number of at least 0.1 (minimum)"},
        {"{\"maximum\":9007199254740993}", "9007199254740993", "9007199254740994",
         "at most 9007199254740993 (maximum)"},
        {"{\"exclusiveMinimum\":-5}", "-4.999", "-5.0", "above -5 (exclusiveMinimum)"},
        {"{\"exclusiveMaximum\":1e400}", "9e399", "1e401", "below 1e400 (exclusiveMaximum)"},
        {"{\"multipleOf\":0.01}", "19.99", "19.995", "a multiple of 0.01 (multipleOf), found 19.995"},
        {"{\"multipleOf\":7}", "7000000000000000000000000000000000", "7000000000000000000000000000000001",
         "multipleOf"},
        {"{\"multipleOf\":3}", "1.2e400", "1.1e400", "multipleOf"},
        {"{\"minLength\":2,\"maxLength\":2}", "\"\\ud83d\\ude00é\"", "\"😀\"",
         "at least 2 characters (minLength)"},
        {"{\"maxLength\":1}", "\"é\"", "\"ab\"", "at most 1 characters (maxLength)"},
        {"{\"pattern\":\"^a\"}", "\"abc\"", "\"ba\"", "text that matches `^a` (pattern), found \"ba\""},
        {"{\"minItems\":1}", "[1]", "[]", "at least 1 items, of which there are 0 (minItems)"},
        {"{\"maxItems\":1}", "[1]", "[1,2]", "at most 1 items, of which there are 2 (maxItems)"},
        {"{\"uniqueItems\":true}", "[1,true,\"1\",{\"a\":1,\"b\":2}]",
         "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1.0}]", "[1]: expected items that are all different"},
        {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"number\"}}", "[\"a\",1]",
         "[\"a\",\"b\"]", "[1]: expected number (type)"},
        {"{\"contains\":{\"minimum\":5}}", "[1,5]", "[1]",
         "at least 1 items that the schema of `contains` allows, of which there are 0 (contains)"},
        {"{\"contains\":{},\"minContains\":2,\"maxContains\":3}", "[1,2,3]", "[1,2,3,4]", "(maxContains)"},
        {"{\"properties\":{\"a\":{\"type\":\"null\"}}}", "{\"a\":null,\"b\":1}", "{\"a\":1}",
         "a: expected null (type)"},
        {"{\"patternProperties\":{\"^x\":{\"type\":\"null\"}},\"additionalProperties\":false}",
         "{\"x1\":null}", "{\"y\":1}", "y: expected no member of this name (additionalProperties)"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":\"\"}", "{\"a b\":1}",
         "[\"a b\"]: expected string"},
        {"{\"propertyNames\":{\"maxLength\":2}}", "{\"ab\":1}", "{\"abc\":1}", "(maxLength), found \"abc\""},
        {"{\"required\":[\"\\u0061\",\"b\"]}", "{\"a\":1,\"b\":2}", "{\"a\":1}",
         "expected the member `b` (required)"},
        {"{\"minProperties\":1,\"maxProperties\":1}", "{\"a\":1}", "{}", "(minProperties)"},
        {"{\"dependentRequired\":{\"card\":[\"address\"]}}", "{\"address\":1}", "{\"card\":1}",
         "the member `address` beside `card` (dependentRequired)"},
        {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1,\"b\":1}", "{\"a\":1}",
         "(required)"},
        {"{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", "2", "3", "(maximum)"},
        {"{\"anyOf\":[{\"minimum\":5},{\"type\":\"string\"}]}", "\"\"", "3",
         "a value that one of 2 schemas allows (anyOf), found 3"},
        {"{\"oneOf\":[{\"minimum\":5},{\"maximum\":7}]}", "8", "6", "(more than one does) (oneOf)"},
        {"{\"not\":{\"type\":\"string\"}}", "1", "\"a\"", "(not)"},
        {"{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},\"else\":{\"multipleOf\":2}}", "20", "3",
         "a multiple of 2"},
        {"{\"$ref\":\"#/$defs/a~1b\",\"$defs\":{\"a/b\":{\"type\":\"null\"}}}", "null", "1", "expected null"},
        {"{\"$ref\":\"#n\",\"$defs\":{\"x\":{\"$anchor\":\"n\",\"type\":\"null\"}}}", "null", "1",
         "expected null"},
        {"{\"$id\":\"http://a.example/b/c\",\"$ref\":\"../d\",\"definitions\":{\"x\":{\"$id\":\"/"
         "d\",\"type\":\"null\"}}}",
         "null", "1", "expected null"},
        {"{\"properties\":{\"next\":{\"$ref\":\"#\"}},\"additionalProperties\":false}",
         "{\"next\":{\"next\":{}}}", "{\"next\":{\"nex\":{}}}", "next.nex: expected no member"},
        {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}", "{\"a\":1}",
         "{\"b\":1}", "b: expected no member of this name (unevaluatedProperties)"},
        {"{\"anyOf\":[{\"properties\":{\"a\":{\"type\":\"null\"}}},true],\"unevaluatedProperties\":false}",
         "{\"a\":null}", "{\"a\":1}", "(unevaluatedProperties)"},
        {"{\"prefixItems\":[true],\"contains\":{\"const\":7},\"unevaluatedItems\":false}", "[1,7]", "[1,7,8]",
         "[2]: expected no further item (unevaluatedItems)"},
        {"false", "", "1", "no value at all (false)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct schema_problem p = {.node = JSON_NONE};
        if (*rows[i].valid && check(slice_of(rows[i].schema), slice_of(rows[i].valid), &p) != SCHEMA_VALID)
            fail_msg("%s: %s: " SLICE_FMT, rows[i].schema, rows[i].valid, SLICE_ARG(p.text));
        if (check(slice_of(rows[i].schema), slice_of(rows[i].invalid), &p) != SCHEMA_INVALID ||
            !slice_contains(p.text, slice_of(rows[i].words)))
            fail_msg("%s: %s: " SLICE_FMT, rows[i].schema, rows[i].invalid, SLICE_ARG(p.text));
    }
}

static void refused(void **state) {
    (void)state;
    static const struct {
        const char *schema, *words;
    } rows[] = {
        {"1", "expected a schema: a map, true or false"},
        {"{\"properties\":{\"a\":{\"minimum\":\"1\"}}}", "properties.a.minimum: expected a number"},
        {"{\"type\":\"int\"}",
         "expected null, boolean, object, array, number, integer or string, found \"int\""},
        {"{\"type\":[]}", "at least one type"},
        {"{\"items\":[{}]}", "2020-12 calls it prefixItems"},
        {"{\"additionalItems\":{}}", "found the keyword \"additionalItems\": 2020-12 says `items`"},
        {"{\"dependencies\":{}}", "dependentRequired"},
        {"{\"$dynamicRef\":\"#a\"}", "$dynamicRef"},
        {"{\"$recursiveRef\":\"#\"}", "$recursiveRef"},
        {"{\"$vocabulary\":{}}", "it belongs to meta-schemas"},
        {"{\"requird\":[\"a\"]}", "did you mean `required`?"},
        {"{\"properties\":{\"a\":{\"minLenght\":1}}}",
         "properties.a.minLenght: found the unknown keyword \"minLenght\", did you mean `minLength`?"},
        {"{\"$ref\":\"http://a.example/x\"}", "nothing is fetched"},
        {"{\"$ref\":\"#/$defs/a\"}", "a reference to a part of this document, found `#/$defs/a`"},
        {"{\"$ref\":\"#nope\"}", "a part of this document"},
        {"{\"$ref\":\"#/%zz\"}", "a part of this document"},
        {"{\"$ref\":1}", "a reference as text"},
        {"{\"$ref\":\"#\"}", "comes back to itself"},
        {"{\"allOf\":[{\"$ref\":\"#/$defs/a\"}],\"$defs\":{\"a\":{\"if\":{\"not\":{\"$ref\":\"#\"}}}}}",
         "comes back to itself"},
        {"{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}}}", "comes back to itself"},
        {"{\"$id\":\"#a\"}", "a URI without a fragment"},
        {"{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\"}}}", "`x` a second time"},
        {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\"}}}", "`x` a second time"},
        {"{\"$anchor\":\"1\"}", "a name that begins with a letter"},
        {"{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}",
         "expected https://json-schema.org/draft/2020-12/schema"},
        {"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$ref\":\"#/definitions/"
         "a\",\"minimum\":1,\"definitions\":{\"a\":{}}}",
         "beside $ref, which drafts 6 and 7 ignore"},
        {"{\"multipleOf\":0}", "a number above 0"},
        {"{\"multipleOf\":1.2345678901234567891}", "18 significant digits"},
        {"{\"minLength\":-1}", "a whole number of at least 0"},
        {"{\"uniqueItems\":1}", "true or false"},
        {"{\"pattern\":\"(\"}",
         "pattern: expected a regular expression, but at character 2 of `(`: missing closing parenthesis"},
        {"{\"patternProperties\":{\"[\":{}}}", "expected a regular expression"},
        {"{\"required\":[1]}", "required[0]: expected a name as text"},
        {"{\"dependentRequired\":{\"a\":{}}}", "a list of names"},
        {"{\"allOf\":[]}", "at least one schema"},
        {"{\"properties\":[]}", "a map of schemas"},
        {"{\"enum\":{}}", "a list of values"},
        {"{\"not\":3}", "expected a schema"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct schema *s = NULL;
        struct error e = {.fault = FAULT_NONE};
        uint32_t where = JSON_NONE;
        struct json_doc *d = read(slice_of(rows[i].schema));
        if (schema_new(d, 0, 0, &s, &where, &e) != FAULT_CONFIG || strstr(e.text, rows[i].words) == NULL)
            fail_msg("%s: %s", rows[i].schema, e.text);
        assert_null(s);
        assert_true(where < d->count);
    }
    /* taken: notes of one's own, OpenAPI's example, draft 7 where it means the same */
    struct schema_problem p;
    assert_int_equal(check(SLICE("{\"x-order\":1,\"example\":2,\"nullable\":true,\"format\":\"date\"}"),
                           SLICE("\"no date\""), &p),
                     SCHEMA_VALID);
    assert_int_equal(
        check(SLICE("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"null\"}"),
              SLICE("null"), &p),
        SCHEMA_VALID);
}

static void formats(void **state) {
    (void)state;
    struct schema_problem p;
    struct schema *s = NULL;
    struct error e;
    uint32_t where;
    assert_int_equal(check_flags(SLICE("{\"format\":\"date-time\"}"), SLICE("\"2026-02-28T23:59:60Z\""),
                                 SCHEMA_ASSERT_FORMATS, &p),
                     SCHEMA_VALID);
    assert_int_equal(check_flags(SLICE("{\"format\":\"date-time\"}"), SLICE("\"2026-02-28T23:58:60Z\""),
                                 SCHEMA_ASSERT_FORMATS, &p),
                     SCHEMA_INVALID);
    assert_int_equal(
        check_flags(SLICE("{\"format\":\"email\"}"), SLICE("\"a@[IPv6:::1]\""), SCHEMA_ASSERT_FORMATS, &p),
        SCHEMA_VALID);
    assert_int_equal(
        schema_new(read(SLICE("{\"format\":\"idn-email\"}")), 0, SCHEMA_ASSERT_FORMATS, &s, &where, &e),
        FAULT_CONFIG);
    assert_non_null(strstr(e.text, "formats that can be asserted"));
}

/* 2^40 ways through nested alternatives end with "cannot tell", not with a wait. */
static void never_runs_away(void **state) {
    (void)state;
    struct schema_problem p = {.node = JSON_NONE};
    struct buffer b;
    buffer_init(&b, 1 << 20);
    for (int i = 0; i < 100; i++) buffer_append(&b, SLICE("["));
    for (int i = 0; i < 100; i++) buffer_append(&b, SLICE("]"));
    struct slice schema = SLICE("{\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#\"},\"minItems\":1},"
                                "{\"items\":{\"$ref\":\"#\"},\"minItems\":1}]}");
    assert_int_equal(check(schema, buffer_slice(&b), &p), SCHEMA_GAVE_UP);
    assert_true(slice_contains(p.text, SLICE("too much work")));
    buffer_clear(&b);
    for (int i = 0; i < 1300; i++)
        buffer_printf(&b, "%s\"d%d\":{\"$ref\":\"#/$defs/d%d\"}",
                      i ? "," : "{\"$ref\":\"#/$defs/d0\",\"$defs\":{", i, i + 1);
    buffer_append(&b, SLICE(",\"d1300\":{}}}"));
    assert_int_equal(check(buffer_slice(&b), SLICE("1"), &p), SCHEMA_GAVE_UP);
    assert_true(slice_contains(p.text, SLICE("too deep")));
    struct arena small;
    struct schema *s = NULL;
    struct error e;
    uint32_t where;
    arena_init(&small, 256, 256);
    assert_int_equal(schema_new(read(SLICE("{\"uniqueItems\":true}")), 0, 0, &s, &where, &e), FAULT_NONE);
    assert_int_equal(
        schema_check(s, read(SLICE("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]")), 0, &small, &p),
        SCHEMA_GAVE_UP);
    schema_free(s);
    arena_deinit(&small);
    buffer_deinit(&b);
}

/* 100,000 items and members are no problem, equal or not. */
static void large(void **state) {
    (void)state;
    struct schema_problem p = {.node = JSON_NONE};
    struct buffer b;
    buffer_init(&b, 64 << 20);
    for (int i = 0; i < 100000; i++) buffer_printf(&b, "%s{\"n\":%d}", i ? "," : "[", i);
    buffer_append(&b, SLICE(",{\"n\":77.0}]"));
    assert_int_equal(check(SLICE("{\"uniqueItems\":true}"), buffer_slice(&b), &p), SCHEMA_INVALID);
    buffer_clear(&b);
    for (int i = 0; i < 100000; i++) buffer_printf(&b, "%s\"k%d\":%d", i ? "," : "{\"const\":{", i, i);
    buffer_append(&b, SLICE("}}"));
    struct slice value = slice_make(b.at + 9, b.len - 10);
    assert_int_equal(check(buffer_slice(&b), value, &p), SCHEMA_VALID);
    buffer_deinit(&b);
}

/* A schema may stand within a larger document: its references and its messages are its own. */
static void within(void **state) {
    (void)state;
    struct json_doc *d =
        read(SLICE("{\"checks\":[{\"value\":{\"$ref\":\"#/$defs/"
                   "a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}},{\"value\":{\"items\":{\"type\":0}}}]}"));
    struct schema *s = NULL;
    struct error e;
    uint32_t where = 0, checks = json_get(d, 0, "checks");
    assert_int_equal(schema_new(d, json_get(d, json_item(d, checks, 0), "value"), 0, &s, &where, &e),
                     FAULT_NONE);
    struct schema_problem p;
    assert_int_equal(schema_check(s, read(SLICE("null")), 0, &arena, &p), SCHEMA_VALID);
    schema_free(s);
    assert_int_equal(schema_new(d, json_get(d, json_item(d, checks, 1), "value"), 0, &s, &where, &e),
                     FAULT_CONFIG);
    assert_int_equal(strncmp(e.text, "items.type: expected", 20), 0);
    assert_true(slice_is(json_raw(d, where), "0"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keywords, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(never_runs_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(within, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_schema", tests, NULL, NULL);
}
