#include "base/json.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every text is read from a heap copy of its exact size, so that the sanitizer sees one byte too far. */
struct fixture {
    struct arena arena;
    struct json_doc doc;
    struct error error;
    char *copy;
};

static int set_up(void **state) {
    struct fixture *f = mem_new(struct fixture);
    arena_init(&f->arena, 4096, 64 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    arena_deinit(&f->arena);
    mem_free(f->copy);
    mem_free(f);
    return 0;
}

static enum fault read_slice(struct fixture *f, struct slice text, unsigned keep) {
    arena_reset(&f->arena);
    mem_free(f->copy);
    f->copy = mem_copy(text.at, text.len);
    f->doc = (struct json_doc){0};
    f->error.text[0] = 0;
    return json_read(slice_make(f->copy, text.len), &f->arena, keep, &f->doc, &f->error);
}

static bool good(struct fixture *f, const char *text) {
    return read_slice(f, slice_of(text), UINT16_MAX) == FAULT_NONE;
}

/* The invariants of a tape: nodes tile, nest and name their bytes. */
static void check_tape(const struct json_doc *d) {
    assert_true(d->count > 0);
    assert_int_equal(d->nodes[0].next, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        const struct json_node *n = &d->nodes[i];
        assert_true(n->next > i && n->next <= d->count && n->len > 0);
        assert_true((size_t)n->start + n->len <= d->text.len);
        if (n->type != JSON_ARRAY && n->type != JSON_OBJECT) assert_int_equal(n->next, i + 1);
        for (uint32_t k = i + 1; k < n->next; k = d->nodes[k].next) {
            assert_int_equal(d->nodes[k].depth, n->depth + 1);
            assert_true(d->nodes[k].start > n->start);
            assert_true(d->nodes[k].start + d->nodes[k].len < n->start + n->len);
        }
    }
}

static void accepts(void **state) {
    struct fixture *f = *state;
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "123456789012345678901234567890",
        "\"\"",
        "[]",
        "{}",
        " \t\r\n[ ] \n",
        "[1,2 , 3]",
        "{\"a\":{},\"\":[]}",
        "[[[]],{\"a\":[{}]}]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\"",
        "\"\\uD83D\\uDE00 \\ud800 \\udc00\\u0000\"",
        "\"\x7F\xC2\x80\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"",
        "{\"a\":1,\"a\":2}",
        "\"12345678\"",
        "\"1234567\"",
        "\"123456789012345\\n\"",
        "[-1.5e300]",
        "\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80 mixed \xE4\xB8\xAD\xE6\x96\x87 text\"",
        "1e999999"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!good(f, texts[i])) fail_msg("%s: %s", texts[i], f->error.text);
        check_tape(&f->doc);
    }
}

static const char *const refused[] = {"",
                                      " ",
                                      "nul",
                                      "nulll",
                                      "True",
                                      "NaN",
                                      "Infinity",
                                      "-",
                                      "+1",
                                      "01",
                                      "-01",
                                      "00",
                                      "1.",
                                      ".1",
                                      "1.e1",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "1_0",
                                      "1 2",
                                      "[",
                                      "]",
                                      "{",
                                      "}",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "[1,,2]",
                                      "[1}",
                                      "{]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:1}",
                                      "{\"a\" 1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":1]",
                                      "{\"a\":1,,\"b\":2}",
                                      "{\"a\"::1}",
                                      "[]]",
                                      "{}}",
                                      "[] x",
                                      "null,",
                                      "\"",
                                      "\"a",
                                      "\"\\",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\u\"",
                                      "\"\\u12\"",
                                      "\"\\u123\"",
                                      "\"\\u123g\"",
                                      "\"\\U0041\"",
                                      "\"\\u 123\"",
                                      "\"\\u+123\"",
                                      "\"a\nb\"",
                                      "\"\t\"",
                                      "\"\x1F\"",
                                      "\"\x80\"",
                                      "\"\xC0\x80\"",
                                      "\"\xED\xA0\x80\"",
                                      "\"\xF4\x90\x80\x80\"",
                                      "\"\xC3\"",
                                      "\"\xE2\x82\"",
                                      "\"\xFF\"",
                                      "\"1234567\xFF\"",
                                      "\"12345678\x01\"",
                                      "\xEF\xBB\xBF{}",
                                      "\xC2\xA0[]",
                                      "[1]\v",
                                      "\f[]",
                                      "// c\n1",
                                      "/**/1",
                                      "[1]//",
                                      "#\n1",
                                      "undefined",
                                      "'a'",
                                      "`a`",
                                      "{\"a\":1;\"b\":2}",
                                      "\\u0022a\""};

static void refuses(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (good(f, refused[i])) fail_msg("accepted %s", refused[i]);
        assert_int_equal(f->doc.count, 0); /* outputs untouched */
        assert_true(slice_starts(slice_of(f->error.text), SLICE("line ")));
    }
    /* NUL bytes: before, inside and behind */
    assert_int_equal(read_slice(f, SLICE("\0"), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("[1]\0"), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("\"a\0b\""), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("\"\\\0\""), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("\"\\u00\0\0\""), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("{\"a\"\0:1}"), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE("tru\0"), 9), FAULT_BAD_JSON);
    assert_int_equal(read_slice(f, SLICE_NULL, 9), FAULT_BAD_JSON);
    assert_int_equal(json_read(SLICE("{"), &f->arena, 9, &f->doc, NULL), FAULT_BAD_JSON);
}

static void messages(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "line 1, column 1: expected a value, found the end of the text"},
        {"{\n  \"a\": 1\n  \"b\": 2\n}", "line 3, column 3: expected ',' or '}', found '\"'"},
        {"[1,\r\n 2,\r\n]", "line 3, column 1: expected a value, found ']'"},
        {"[\"\xC3\xA4\xE2\x82\xAC\" x", "line 1, column 7: expected ',' or ']', found 'x'"},
        {"{\"a\":1,}", "line 1, column 8: expected a key in quotes, found '}'"},
        {"{1", "line 1, column 2: expected a key in quotes or '}', found '1'"},
        {"{\"a\" 1}", "line 1, column 6: expected ':' behind a key, found '1'"},
        {"\"a\x01\"", "line 1, column 3: expected no bare control character in a string, found byte 0x01"},
        {"\"a\xFF\"", "line 1, column 3: expected well-formed UTF-8, found byte 0xff"},
        {"\"ab", "line 1, column 4: expected the closing quote of a string, found the end of the text"},
        {"\"\\u12x4\"", "line 1, column 6: expected four hex digits behind \\u, found 'x'"},
        {"01", "line 1, column 2: expected no digit behind a leading zero, found '1'"},
        {"[] []", "line 1, column 4: expected nothing behind the value, found '['"},
        {"\xEF\xBB\xBF{}", "line 1, column 1: expected a value, found a byte order mark"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(good(f, rows[i].text));
        assert_string_equal(f->error.text, rows[i].message);
        assert_int_equal(f->error.fault, FAULT_BAD_JSON);
    }
}

static void cut_at_every_byte(void **state) {
    struct fixture *f = *state;
    struct slice text =
        SLICE("{\"model\":\"gpt \\u00e4\\n\xE2\x82\xAC\xF0\x9F\x98\x80\",\"n\":[-12.5e+3,true,false,null,"
              "{\"deep\":[[]]}],\"long\":\"abcdefghijklmnopqrstuvwxyz\"}");
    assert_int_equal(read_slice(f, text, UINT16_MAX), FAULT_NONE);
    for (size_t n = 0; n < text.len; n++)
        assert_int_equal(read_slice(f, slice_make(text.at, n), 99), FAULT_BAD_JSON);
    for (size_t n = 0; n < text.len; n++) { /* any one byte replaced never misleads the tape */
        char changed[256];
        memcpy(changed, text.at, text.len);
        for (unsigned c = 0; c < 256; c++) {
            changed[n] = (char)c;
            if (read_slice(f, slice_make(changed, text.len), 99) == FAULT_NONE) check_tape(&f->doc);
        }
    }
}

static char *repeat(const char *head, const char *tail, size_t n) {
    size_t a = strlen(head), b = strlen(tail);
    char *text = mem_alloc(n * (a + b) + 1);
    for (size_t i = 0; i < n; i++) memcpy(text + i * a, head, a);
    for (size_t i = 0; i < n; i++) memcpy(text + n * a + i * b, tail, b);
    return text;
}

static void nesting(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *head, *tail;
        size_t n;
        bool good;
    } rows[] = {{"[", "]", LIMIT_JSON_DEPTH, true},
                {"[", "]", LIMIT_JSON_DEPTH + 1, false},
                {"[", "]", 10000, false},
                {"[", "", 10000, false},
                {"{\"a\":", "}", 10000, false},
                {"[{\"a\":", "}]", LIMIT_JSON_DEPTH, false},
                {"]", "[", 10000, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = repeat(rows[i].head, rows[i].tail, rows[i].n);
        assert_int_equal(good(f, text), rows[i].good);
        if (rows[i].good) check_tape(&f->doc);
        assert_int_equal(read_slice(f, slice_of(text), 0) == FAULT_NONE,
                         rows[i].good); /* limits hold unkept */
        mem_free(text);
    }
}

static void number_sizes(void **state) {
    struct fixture *f = *state;
    char text[1000];
    for (size_t digits = 398; digits < 403; digits++) {
        memset(text, '7', sizeof text);
        text[digits] = 0;
        assert_int_equal(good(f, text), digits <= LIMIT_JSON_NUMBER);
        double d = 1;
        if (digits <= LIMIT_JSON_NUMBER) assert_false(json_get_double(&f->doc, 0, &d)); /* over 10^308 */
        assert_true(d == 1);
        text[1] = '.';
        text[digits + 1] = 0;
        text[digits] = '7';
        memset(text + 2, '0', 300);
        assert_int_equal(good(f, text), digits <= LIMIT_JSON_NUMBER); /* the point is no digit */
        if (digits <= LIMIT_JSON_NUMBER) assert_true(json_get_double(&f->doc, 0, &d) && d == 7);
    }
    memset(text, '0', sizeof text);
    memcpy(text, "1e", 2);
    text[402] = 0;
    assert_false(good(f, text)); /* the exponent's digits count as well */
    text[401] = 0;
    assert_true(good(f, text));
    int64_t n;
    assert_true(json_get_i64(&f->doc, 0, &n) && n == 1);
}

static void numbers(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        bool whole;
        int64_t n;
        double d;
    } rows[] = {{"0", true, 0, 0},
                {"-0", true, 0, -0.0},
                {"1.0", true, 1, 1},
                {"1e3", true, 1000, 1000},
                {"1500e-2", true, 15, 15},
                {"1.5", false, 0, 1.5},
                {"-9223372036854775808", true, INT64_MIN, -9223372036854775808.0},
                {"9223372036854775807", true, INT64_MAX, 9223372036854775807.0},
                {"9223372036854775808", false, 0, 9223372036854775808.0},
                {"9007199254740993", true, 9007199254740993, 9007199254740992.0},
                {"1e-400", false, 0, 0},
                {"2.2250738585072014e-308", false, 0, 2.2250738585072014e-308}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t n = 77;
        double d = 77;
        assert_true(good(f, rows[i].text));
        assert_int_equal(json_get_i64(&f->doc, 0, &n), rows[i].whole);
        assert_int_equal(n, rows[i].whole ? rows[i].n : 77);
        assert_true(json_get_double(&f->doc, 0, &d) && d == rows[i].d);
    }
    bool b = true;
    int64_t n = 7;
    double d = 7;
    assert_true(good(f, "[\"1\",null,true,false]"));
    for (uint32_t i = 1; i < 5; i++)
        assert_false(json_get_i64(&f->doc, i, &n) || json_get_double(&f->doc, i, &d));
    assert_false(json_get_bool(&f->doc, 1, &b) || json_get_bool(&f->doc, 2, &b));
    assert_true(n == 7 && d == 7 && b);
    assert_true(json_get_bool(&f->doc, 3, &b) && b && json_get_bool(&f->doc, 4, &b) && !b);
}

static void looking_up(void **state) {
    struct fixture *f = *state;
    const struct json_doc *d = &f->doc;
    int64_t n;
    assert_true(
        good(f, "{\"a\":1,\"b\":{\"c\":[10,[20],30]},\"a\":2,\"\\u0061\":3,\"x\\ny\":4,\"\":5,\"ab\":6}"));
    assert_true(json_get_i64(d, json_get(d, 0, "a"), &n) && n == 3); /* the last, escapes resolved */
    assert_int_equal(json_count_key(d, 0, "a"), 3);
    assert_int_equal(json_count_key(d, 0, "zz"), 0);
    assert_true(json_get_i64(d, json_get(d, 0, "x\ny"), &n) && n == 4);
    assert_true(json_get_i64(d, json_get(d, 0, ""), &n) && n == 5);
    assert_true(json_get_i64(d, json_get_slice(d, 0, SLICE("ab")), &n) && n == 6);
    assert_int_equal(json_get(d, 0, "c"), JSON_NONE); /* not from a deeper object */
    assert_int_equal(json_size(d, 0), 7);
    uint32_t list = json_get(d, json_get(d, 0, "b"), "c");
    assert_int_equal(json_size(d, list), 3);
    assert_true(json_get_i64(d, json_item(d, list, 2), &n) && n == 30);
    assert_int_equal(json_item(d, list, 3), JSON_NONE);
    assert_true(slice_is(json_raw(d, json_item(d, list, 1)), "[20]"));
    assert_true(slice_is(json_raw(d, json_get(d, 0, "b")), "{\"c\":[10,[20],30]}"));
    assert_int_equal(json_get(d, list, "a"), JSON_NONE); /* an array has no keys */
    assert_int_equal(json_item(d, 0, 0), JSON_NONE);
}

static void absent(void **state) {
    struct fixture *f = *state;
    struct json_doc empty = {0};
    const struct json_doc *docs[] = {&empty, &f->doc};
    int64_t n = 7;
    double x = 7;
    bool b = true;
    assert_true(good(f, "[]"));
    for (int i = 0; i < 2; i++) {
        const struct json_doc *d = docs[i];
        uint32_t cursor = JSON_NONE, key = 7, value = 7;
        assert_int_equal(json_type(d, JSON_NONE), JSON_ABSENT);
        assert_int_equal(json_type(d, 1000), JSON_ABSENT);
        assert_int_equal(json_get(d, json_get(d, JSON_NONE, "a"), "b"), JSON_NONE);
        assert_int_equal(json_count_key(d, JSON_NONE, "a"), 0);
        assert_false(json_each_member(d, JSON_NONE, &cursor, &key, &value));
        assert_false(json_each_item(d, JSON_NONE, &cursor, &value));
        assert_int_equal(json_size(d, JSON_NONE), 0);
        assert_int_equal(json_item(d, JSON_NONE, 0), JSON_NONE);
        assert_true(slice_is_null(json_raw(d, JSON_NONE)));
        assert_true(slice_is_null(json_string(d, JSON_NONE, &f->arena)));
        assert_true(slice_is_null(json_path(d, JSON_NONE, &f->arena)));
        assert_false(json_is(d, JSON_NONE, ""));
        assert_false(json_get_i64(d, JSON_NONE, &n) || json_get_double(d, JSON_NONE, &x) ||
                     json_get_bool(d, JSON_NONE, &b));
    }
}

static void strings(void **state) {
    struct fixture *f = *state;
    const struct json_doc *d = &f->doc;
    static const struct {
        const char *text;
        struct slice value;
    } rows[] = {
        {"\"\"", {"", 0}},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", {"\"\\/\b\f\n\r\t", 8}},
        {"\"a\\u0000b\"", {"a\0b", 3}},
        {"\"\\u00E4\\u20ac\\uFFFF\"", {"\xC3\xA4\xE2\x82\xAC\xEF\xBF\xBF", 8}},
        {"\"\\uD83D\\uDE00\"", {"\xF0\x9F\x98\x80", 4}},
        {"\"\\uDBFF\\uDFFF\"", {"\xF4\x8F\xBF\xBF", 4}},
        {"\"\\uD83D\"", {"\xEF\xBF\xBD", 3}},
        {"\"\\uD83Dx\"", {"\xEF\xBF\xBDx", 4}},
        {"\"\\uDE00\\uD83D\"", {"\xEF\xBF\xBD\xEF\xBF\xBD", 6}},
        {"\"\\uD83D\\uD83D\\uDE00\"", {"\xEF\xBF\xBD\xF0\x9F\x98\x80", 7}},
        {"\"\\uD83D\\n\"", {"\xEF\xBF\xBD\n", 4}},
        {"\"\\uD83D\\u0041\"",
         {"\xEF\xBF\xBD"
          "A",
          4}},
        {"\"plain \\u0041 tail\"", {"plain A tail", 12}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(good(f, rows[i].text));
        struct slice s = json_string(d, 0, &f->arena);
        assert_true(s.at != NULL && slice_eq(s, rows[i].value));
        if (memchr(rows[i].value.at, 0, rows[i].value.len) == NULL)
            assert_true(rows[i].value.len != strlen(rows[i].value.at) || json_is(d, 0, rows[i].value.at));
        assert_false(json_is(d, 0, "something else") || json_is(d, 0, "plain A tai") ||
                     json_is(d, 0, "plain A tail "));
    }
    assert_true(good(f, "\"borrowed\""));
    assert_ptr_equal(json_string(d, 0, &f->arena).at, f->copy + 1);
    assert_true(good(f, "[1,null]"));
    assert_true(slice_is_null(json_string(d, 1, &f->arena)));

    struct arena tiny; /* no room to decode */
    assert_true(good(f, "\"\\n012345678901234567890\""));
    arena_init(&tiny, 16, 16);
    assert_true(slice_is_null(json_string(d, 0, &tiny)));
    assert_true(arena_is_full(&tiny));
    arena_deinit(&tiny);
}

static void kept_depth(void **state) {
    struct fixture *f = *state;
    const struct json_doc *d = &f->doc;
    struct slice text = SLICE("{\"a\":[1,[2],{\"b\":3}],\"u\":{\"n\":[]}}");
    static const uint32_t counts[] = {1, 5, 10, 13, 13};
    for (unsigned keep = 0; keep < 5; keep++) {
        assert_int_equal(read_slice(f, text, keep), FAULT_NONE);
        assert_int_equal(d->count, counts[keep]);
        check_tape(d);
        assert_int_equal(d->nodes[0].len, text.len);
    }
    assert_int_equal(read_slice(f, text, 1), FAULT_NONE);
    assert_int_equal(json_type(d, json_get(d, 0, "a")), JSON_ARRAY);
    assert_int_equal(json_size(d, json_get(d, 0, "a")), 0);
    assert_true(slice_is(json_raw(d, json_get(d, 0, "u")), "{\"n\":[]}"));
    assert_int_equal(read_slice(f, SLICE("[[[1,]]]"), 0), FAULT_BAD_JSON); /* validated all the same */
}

static void memory(void **state) {
    struct fixture *f = *state;
    char *text = mem_alloc(200003), *at = text;
    *at++ = '[';
    for (int i = 0; i < 100000; i++) *at++ = '1', *at++ = ',';
    at[-1] = ']';
    struct slice s = slice_make(text, (size_t)(at - text));
    assert_int_equal(read_slice(f, s, 9), FAULT_NONE); /* grows several times */
    assert_int_equal(f->doc.count, 100001);
    check_tape(&f->doc);
    assert_true(f->arena.used < 100001 * sizeof(struct json_node) * 3 / 2 + 64); /* the rest was given back */

    struct arena small;
    for (size_t max = 0; max < 2000; max += 16) {
        struct json_doc doc = {0};
        arena_init(&small, 128, max);
        enum fault fault = json_read(slice_make(text, 100), &small, 9, &doc, &f->error);
        assert_int_equal(fault, FAULT_BAD_JSON + (max < 51 * 16) * (FAULT_TOO_LARGE - FAULT_BAD_JSON));
        arena_deinit(&small);
    }
    arena_init(&small, 64, 100000 * 16);
    struct json_doc doc = {0};
    assert_int_equal(json_read(s, &small, 9, &doc, &f->error), FAULT_TOO_LARGE);
    assert_int_equal(doc.count, 0);
    arena_deinit(&small);
    mem_free(text);
}

static void too_many_values(void **state) {
    (void)state;
    size_t items = LIMIT_JSON_NODES; /* and the array itself: one too many */
    char *text = mem_alloc(items * 2 + 1);
    struct arena arena;
    struct json_doc doc = {0};
    struct error error;
    for (size_t i = 0; i < items; i++) memcpy(text + 1 + 2 * i, "1,", 2);
    text[0] = '[';
    text[items * 2] = ']';
    arena_init(&arena, 4096, 200 << 20);
    assert_int_equal(json_read(slice_make(text, items * 2 + 1), &arena, 9, &doc, &error), FAULT_TOO_LARGE);
    assert_string_equal(error.text, "expected at most 4194304 JSON values, found more");
    arena_reset(&arena);
    assert_int_equal(json_read(slice_make(text, items * 2 + 1), &arena, 0, &doc, &error), FAULT_NONE);
    arena_reset(&arena);
    text[items * 2 - 2] = ']';
    assert_int_equal(json_read(slice_make(text, items * 2 - 1), &arena, 9, &doc, &error), FAULT_NONE);
    assert_int_equal(doc.count, LIMIT_JSON_NODES);
    arena_deinit(&arena);
    mem_free(text);
}

static void paths(void **state) {
    struct fixture *f = *state;
    const struct json_doc *d = &f->doc;
    assert_true(good(f, "{\"messages\":[{},[],{\"content\":[1,{\"type\":\"x\"}],\"a "
                        "b\":{\"9\":0},\"\\\"\":1}],\"max-n\":2}"));
    uint32_t message = json_item(d, json_get(d, 0, "messages"), 2), content = json_get(d, message, "content");
    assert_true(slice_is(json_path(d, message, &f->arena), "messages[2]"));
    assert_true(slice_is(json_path(d, content, &f->arena), "messages[2].content"));
    assert_true(slice_is(json_path(d, content - 1, &f->arena), "messages[2].content")); /* the key */
    assert_true(slice_is(json_path(d, json_get(d, json_item(d, content, 1), "type"), &f->arena),
                         "messages[2].content[1].type"));
    assert_true(slice_is(json_path(d, json_get(d, json_get(d, message, "a b"), "9"), &f->arena),
                         "messages[2][\"a b\"][\"9\"]"));
    assert_true(slice_is(json_path(d, json_get(d, message, "\""), &f->arena), "messages[2][\"\\\"\"]"));
    assert_true(slice_is(json_path(d, json_get(d, 0, "max-n"), &f->arena), "max-n"));
    struct slice root = json_path(d, 0, &f->arena);
    assert_true(root.at != NULL && root.len == 0);
    assert_true(good(f, "[[5]]"));
    assert_true(slice_is(json_path(d, 2, &f->arena), "[0][0]"));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(accepts),    TEST(refuses),
        TEST(messages),   TEST(cut_at_every_byte),
        TEST(nesting),    TEST(number_sizes),
        TEST(numbers),    TEST(looking_up),
        TEST(absent),     TEST(strings),
        TEST(kept_depth), TEST(memory),
        TEST(paths),      cmocka_unit_test(too_many_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
