/* JSON as values, JSON within a text, and declarations in YAML with their lines. */
#include "model/declared.h"
#include "quality/json_find.h"
#include "quality/json_value.h"

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

static struct json_doc *read(const char *text) {
    struct json_doc *d = arena_new(&arena, struct json_doc);
    assert_int_equal(json_read(slice_of(text), &arena, UINT16_MAX, d, NULL), FAULT_NONE);
    return d;
}

/* In ascending order; those on one line are equal. */
static void numbers(void **state) {
    (void)state;
    static const char *const order[][4] = {
        {"-1e1000000000000000000000"},
        {"-12.5", "-125e-1", "-0.0125E3", "-12.50"},
        {"-0.1"},
        {"0", "-0", "0.0", "0e99"},
        {"1e-1000000000000000000000"},
        {"0.1", "1e-1", "0.10", "100e-3"},
        {"0.1000000000000000055511151231257827"},
        {"1", "1.0", "10e-1", "0.001e3"},
        {"9007199254740992"},
        {"9007199254740993", "9007199254740993.0"},
        {"123456789012345678901234567890", "1.2345678901234567890123456789e29"},
        {"123456789012345678901234567891"},
        {"1e400"},
    };
    enum { N = sizeof order / sizeof *order };
    for (size_t i = 0; i < N * 4; i++)
        for (size_t j = 0; j < N * 4; j++) {
            const char *a = order[i / 4][i % 4], *b = order[j / 4][j % 4];
            if (a == NULL || b == NULL) continue;
            struct json_number x = json_number_read(slice_of(a)), y = json_number_read(slice_of(b));
            int want = i / 4 < j / 4 ? -1 : i / 4 > j / 4, found = json_number_compare(&x, &y);
            if (found != want) fail_msg("%s against %s: %d", a, b, found);
            const struct json_doc *p = read(a), *q = read(b);
            if ((json_value_hash(p, 0, &arena) == json_value_hash(q, 0, &arena)) != (want == 0))
                fail_msg("hash of %s and %s", a, b);
            assert_int_equal(json_value_equal(p, 0, q, 0, &arena), want == 0);
        }
}

static void multiples(void **state) {
    (void)state;
    static const struct {
        const char *number, *divisor;
        bool is;
    } rows[] = {
        {"0", "7", true},
        {"21", "7", true},
        {"-21", "7", true},
        {"22", "7", false},
        {"0.3", "0.1", true},
        {"0.35", "0.1", false},
        {"4.02", "0.01", true},
        {"1e3", "250", true},
        {"1e300", "7", false},
        {"1e300", "8", true},
        {"2.5", "0.5", true},
        {"1", "3e-1", false},
        {"1.5", "3e-1", true},
        {"1e-9", "1", false},
        {"5", "1e-400", true},
        {"3e17", "999999999999999999", false},
        {"1999999999999999998", "999999999999999999", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct json_divisor d;
        struct json_number n = json_number_read(slice_of(rows[i].number));
        assert_true(json_divisor_read(slice_of(rows[i].divisor), &d));
        if (json_number_is_multiple(&n, &d) != rows[i].is)
            fail_msg("%s by %s", rows[i].number, rows[i].divisor);
    }
    struct json_divisor d;
    assert_false(json_divisor_read(SLICE("0"), &d));
    assert_false(json_divisor_read(SLICE("-1"), &d));
    assert_false(json_divisor_read(SLICE("1234567890123456789"), &d));
}

static void equality(void **state) {
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[true]}", "{\"b\":[true],\"a\":1e0}", true},
        {"{\"a\":1}", "{\"a\":1,\"b\":2}", false},
        {"{\"\\u0061\":\"\\ud83d\\ude00\"}", "{\"a\":\"😀\"}", true},
        {"[1,2]", "[2,1]", false},
        {"[1,2]", "[1,2,3]", false},
        {"[]", "{}", false},
        {"\"1\"", "1", false},
        {"false", "null", false},
        {"{\"a\":1,\"a\":2}", "{\"a\":2}", true}, /* the last one counts */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct json_doc *a = read(rows[i].a), *b = read(rows[i].b);
        if (json_value_equal(a, 0, b, 0, &arena) != rows[i].equal)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        if (rows[i].equal && i < 8)
            assert_int_equal(json_value_hash(a, 0, &arena), json_value_hash(b, 0, &arena));
    }
    assert_true(json_value_within(read("{\"a\":{\"b\":1}}"), 0, read("{\"a\":{\"b\":1.0,\"c\":2},\"d\":3}"),
                                  0, &arena));
    assert_false(json_value_within(read("{\"a\":[1]}"), 0, read("{\"a\":[1,2]}"), 0, &arena));
    assert_false(json_value_within(read("{\"e\":null}"), 0, read("{}"), 0, &arena));
}

static void finds(const char *text, bool lists, const char *want) {
    struct json_finder f;
    struct json_doc d;
    char out[512] = "";
    json_finder_init(&f, slice_of(text), lists);
    while (json_find(&f, &arena, &d) == JSON_FOUND)
        (void)snprintf(out + strlen(out), sizeof out - strlen(out), "%s" SLICE_FMT, *out ? "|" : "",
                       SLICE_ARG(d.text));
    if (strcmp(out, want) != 0) fail_msg("%s: found %s", text, out);
}

static void within_text(void **state) {
    (void)state;
    finds("", true, "");
    finds("a {\"b\": 1} c {} d", false, "{\"b\": 1}|{}");
    finds("```json\n{\"b\": \"}{\"}\n```", false, "{\"b\": \"}{\"}");
    finds("see [1] and {\"a\":[2]}", false, "{\"a\":[2]}");
    finds("see [1] and {\"a\":[2]}", true, "[1]|{\"a\":[2]}");
    finds("{a} {\"x\":{\"y\":1}} }", false, "{\"x\":{\"y\":1}}");
    finds("{ \"open\": {\"in\": 1}", false, "{\"in\": 1}");
    finds("{\"a\": 'x'} {\"a\": 1,}", false, "");
}

static void hostile_text(void **state) {
    (void)state;
    size_t n = 4 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) text[i] = i % 200 == 0 ? '{' : ' ';
    struct json_finder f;
    struct json_doc d;
    json_finder_init(&f, slice_make(text, n), true);
    enum json_found found;
    while ((found = json_find(&f, &arena, &d)) == JSON_FOUND) {
    }
    assert_int_equal(found, JSON_FOUND_TOO_MUCH);
    memset(text, '[', n); /* too deep to be read at all, and soon told */
    json_finder_init(&f, slice_make(text, 1 << 18), true);
    assert_int_equal(json_find(&f, &arena, &d), JSON_FOUND_END);
    free(text);
}

static void declarations(void **state) {
    (void)state;
    const char *yaml = "a: 1\nb:\n  - yes\n  - \"1\"\n  - ~\n  - 0x10\n  - 1.50\n  - .5\n  - -3e2\nc: {d: "
                       "true, e: 'x\ty'}\nf:\n";
    struct yaml_node *root;
    struct declared d;
    int line;
    assert_int_equal(yaml_read(slice_of(yaml), &arena, &root, &line, NULL), FAULT_NONE);
    assert_int_equal(declared_from_yaml(root, &arena, &d, NULL), FAULT_NONE);
    assert_true(slice_is(json_raw(&d.doc, 0), "{\"a\":1,\"b\":[\"yes\",\"1\",null,\"0x10\",1.50,\".5\",-3e2],"
                                              "\"c\":{\"d\":true,\"e\":\"x\\ty\"},\"f\":null}"));
    uint32_t b = json_get(&d.doc, 0, "b"), c = json_get(&d.doc, 0, "c");
    assert_int_equal(declared_line(&d, 0), 1);
    assert_int_equal(declared_line(&d, b - 1), 2); /* the key, and what it names */
    assert_int_equal(declared_line(&d, b), 3);
    assert_int_equal(declared_line(&d, json_item(&d.doc, b, 0)), 3);
    assert_int_equal(declared_line(&d, json_item(&d.doc, b, 6)), 9);
    assert_int_equal(declared_line(&d, json_get(&d.doc, c, "e")), 10);
    assert_int_equal(declared_line(&d, json_get(&d.doc, c, "e") - 1), 10);
    assert_int_equal(declared_line(&d, JSON_NONE), 0);
    assert_int_equal(declared_from_yaml(NULL, &arena, &d, NULL), FAULT_NONE);
    assert_int_equal(json_type(&d.doc, 0), JSON_NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(multiples, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equality, set_up, tear_down),
        cmocka_unit_test_setup_teardown(within_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(declarations, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("quality_json", tests, NULL, NULL);
}
