#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void everything(void **state) {
    struct buffer b;
    struct json_writer w;
    (void)state;
    buffer_init(&b, 1 << 16);
    json_start(&w, &b);
    json_object(&w);
    json_member_string(&w, "s", SLICE("x"));
    json_member_string(&w, "none", SLICE_NULL);
    json_member_string(&w, "empty", SLICE(""));
    json_member_text(&w, "t", "y");
    json_member_text(&w, "nt", NULL);
    json_member_i64(&w, "i", INT64_MIN);
    json_member_double(&w, "d", 0.1);
    json_member_bool(&w, "b", true);
    json_member_raw(&w, "r", SLICE("[1, 2]"));
    json_member_raw(&w, "nr", SLICE_NULL);
    json_key(&w, "a");
    json_array(&w);
    json_array(&w);
    json_array_end(&w);
    json_object(&w);
    json_object_end(&w);
    json_put_u64(&w, UINT64_MAX);
    json_put_bool(&w, false);
    json_put_null(&w);
    json_put_string(&w, SLICE_NULL);
    json_array_end(&w);
    json_key_slice(&w, SLICE("k\"\n"));
    json_put_i64(&w, 1);
    json_object_end(&w);
    assert_string_equal(
        buffer_text(&b),
        "{\"s\":\"x\",\"none\":null,\"empty\":\"\",\"t\":\"y\",\"nt\":null,\"i\":-9223372036854775808,"
        "\"d\":0.1,\"b\":true,\"r\":[1, 2],\"nr\":null,\"a\":[[],{},18446744073709551615,false,null,"
        "\"\"],\"k\\\"\\n\":1}");
    buffer_deinit(&b);
}

static void escaped(const char *from, size_t len, const char *want) {
    struct buffer b;
    buffer_init(&b, 1 << 16);
    json_escape(&b, slice_make(from, len));
    assert_string_equal(buffer_text(&b), want);
    buffer_deinit(&b);
}

static void escaping(void **state) {
    (void)state;
    escaped("", 0, "");
    escaped(NULL, 0, "");
    escaped("a\0\x01\x1F\b\f\n\r\t\"\\/\x7F", 13, "a\\u0000\\u0001\\u001f\\b\\f\\n\\r\\t\\\"\\\\/\x7F");
    escaped("\xC3\xA4 \xF0\x9F\x98\x80", 7, "\xC3\xA4 \xF0\x9F\x98\x80");
    /* broken UTF-8, one replacement for each maximal part, as in the Unicode standard's example */
    escaped("\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", 13,
            "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\xEF\xBF\xBD"
            "c\xEF\xBF\xBD\xEF\xBF\xBD"
            "d");
    escaped("\xED\xA0\x80", 3, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
    escaped("1234567\xE2\x82", 9, "1234567\xEF\xBF\xBD");
    escaped("12345678\"", 9, "12345678\\\"");
}

static void doubles(void **state) {
    (void)state;
    static const struct {
        double n;
        const char *text;
    } rows[] = {{0, "0"},
                {-0.0, "-0"},
                {1, "1"},
                {0.1, "0.1"},
                {1.0 / 3, "0.3333333333333333"},
                {1e21, "1e+21"},
                {5e-324, "4.94065645841247e-324"},
                {NAN, "null"},
                {INFINITY, "null"},
                {-INFINITY, "null"},
                {100, "100"},
                {0.1 + 0.2, "0.30000000000000004"},
                {1.7976931348623157e308, "1.7976931348623157e+308"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer b;
        struct json_writer w;
        buffer_init(&b, 100);
        json_start(&w, &b);
        json_put_double(&w, rows[i].n);
        assert_string_equal(buffer_text(&b), rows[i].text);
        buffer_deinit(&b);
    }
}

static void too_deep(void **state) {
    struct buffer b;
    struct json_writer w;
    (void)state;
    buffer_init(&b, 1 << 16);
    json_start(&w, &b);
    for (int i = 0; i < 63; i++) json_array(&w), json_put_i64(&w, i);
    assert_false(b.overflow);
    for (int i = 0; i < 63; i++) json_array_end(&w), w.depth > 0 ? json_put_null(&w) : (void)0;
    struct arena a;
    struct json_doc d;
    struct error e;
    arena_init(&a, 4096, 1 << 20);
    assert_int_equal(json_read(buffer_slice(&b), &a, UINT16_MAX, &d, &e), FAULT_NONE);
    arena_deinit(&a);
    buffer_clear(&b);
    json_start(&w, &b);
    for (int i = 0; i < 200; i++) json_array(&w), json_put_i64(&w, i);
    for (int i = 0; i < 300; i++) json_array_end(&w);
    assert_true(b.overflow); /* said, and nothing worse */
    buffer_deinit(&b);
}

static void full_buffer(void **state) {
    struct buffer b;
    struct json_writer w;
    (void)state;
    buffer_init(&b, 10);
    json_start(&w, &b);
    json_object(&w);
    json_member_text(&w, "key", "far too long");
    json_object_end(&w);
    assert_true(b.overflow);
    buffer_deinit(&b);
}

/* ---- property: a random tree is written, read, and found equal. The tree is never stored: writing and
 * checking draw the same numbers from the same seed. ---- */

static uint64_t draw(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static struct slice draw_text(uint64_t *seed, char out[200]) {
    static const char *const pieces[] = {"\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "\x1F",
                                         "\x7F",
                                         "/",
                                         "\xC3\xA4",
                                         "\xE4\xB8\xAD",
                                         "\xF0\x9F\x98\x80",
                                         "\xEF\xBF\xBD",
                                         "\xE2\x80\xA8",
                                         " ",
                                         "u0041"};
    size_t len = 0, n = draw(seed) % 40;
    for (size_t i = 0; i < n; i++) {
        uint64_t r = draw(seed);
        if (r % 4 != 0) {
            out[len++] = (char)('a' + r / 4 % 26);
        } else if (r / 4 % 20 == 0) {
            out[len++] = 0;
        } else {
            const char *piece = pieces[r / 4 % (sizeof pieces / sizeof *pieces)];
            memcpy(out + len, piece, strlen(piece));
            len += strlen(piece);
        }
    }
    return slice_make(out, len);
}

static int64_t draw_integer(uint64_t *seed) {
    uint64_t bits = draw(seed);
    return (int64_t)bits >> draw(seed) % 64;
}

static double draw_double(uint64_t *seed) {
    double d;
    do {
        uint64_t bits = draw(seed);
        memcpy(&d, &bits, sizeof d);
    } while (!isfinite(d));
    return d;
}

static void write_random(struct json_writer *w, uint64_t *seed, unsigned depth) {
    char text[200];
    switch (draw(seed) % (depth < 8 ? 9 : 7)) {
    case 0: json_put_null(w); break;
    case 1: json_put_bool(w, draw(seed) & 1); break;
    case 2: json_put_i64(w, draw_integer(seed)); break;
    case 3: json_put_double(w, draw_double(seed)); break;
    case 4:
    case 5:
    case 6: json_put_string(w, draw_text(seed, text)); break;
    case 7:
        json_array(w);
        for (uint64_t n = draw(seed) % 6; n > 0; n--) write_random(w, seed, depth + 1);
        json_array_end(w);
        break;
    default:
        json_object(w);
        for (uint64_t n = draw(seed) % 6; n > 0; n--) {
            json_key_slice(w, draw_text(seed, text));
            write_random(w, seed, depth + 1);
        }
        json_object_end(w);
    }
}

static void check_random(const struct json_doc *d, uint32_t node, uint64_t *seed, unsigned depth,
                         struct arena *a) {
    char text[200];
    bool b;
    int64_t n;
    double x, want;
    uint32_t cursor = JSON_NONE, key, child;
    assert_int_equal(d->nodes[node].depth, depth);
    switch (draw(seed) % (depth < 8 ? 9 : 7)) {
    case 0: assert_int_equal(json_type(d, node), JSON_NULL); break;
    case 1: assert_true(json_get_bool(d, node, &b) && b == (draw(seed) & 1)); break;
    case 2: assert_true(json_get_i64(d, node, &n) && n == draw_integer(seed)); break;
    case 3:
        want = draw_double(seed);
        assert_true(json_get_double(d, node, &x));
        assert_memory_equal(&x, &want, sizeof x);
        break;
    case 4:
    case 5:
    case 6: assert_true(slice_eq(json_string(d, node, a), draw_text(seed, text))); break;
    case 7:
        assert_int_equal(json_type(d, node), JSON_ARRAY);
        for (uint64_t k = draw(seed) % 6; k > 0; k--) {
            assert_true(json_each_item(d, node, &cursor, &child));
            check_random(d, child, seed, depth + 1, a);
        }
        assert_false(json_each_item(d, node, &cursor, &child));
        break;
    default:
        assert_int_equal(json_type(d, node), JSON_OBJECT);
        for (uint64_t k = draw(seed) % 6; k > 0; k--) {
            assert_true(json_each_member(d, node, &cursor, &key, &child));
            assert_true(slice_eq(json_string(d, key, a), draw_text(seed, text)));
            check_random(d, child, seed, depth + 1, a);
        }
        assert_false(json_each_member(d, node, &cursor, &key, &child));
    }
}

static void round_trip(void **state) {
    struct buffer b, again;
    struct arena a;
    (void)state;
    buffer_init(&b, 64 << 20);
    buffer_init(&again, 64 << 20);
    arena_init(&a, 4096, 64 << 20);
    for (uint64_t seed = 1; seed <= 3000; seed++) {
        struct json_writer w;
        struct json_doc d;
        struct error e = {0};
        uint64_t s = seed;
        buffer_clear(&b);
        json_start(&w, &b);
        write_random(&w, &s, 0);
        assert_int_equal(w.depth, 0);
        arena_reset(&a);
        if (json_read(buffer_slice(&b), &a, UINT16_MAX, &d, &e) != FAULT_NONE)
            fail_msg("seed %llu: %s: %s", (unsigned long long)seed, e.text, buffer_text(&b));
        s = seed;
        check_random(&d, 0, &s, 0, &a);
        assert_true(slice_eq(json_raw(&d, 0), buffer_slice(&b)));
    }
    arena_deinit(&a);
    buffer_deinit(&again);
    buffer_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything),  cmocka_unit_test(escaping),
                                       cmocka_unit_test(doubles),     cmocka_unit_test(too_deep),
                                       cmocka_unit_test(full_buffer), cmocka_unit_test(round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
