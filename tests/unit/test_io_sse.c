#include "test_io_rig.h"

#include "io/sse.h"


/* Events as text, one after the other: "name|data|raw-length;" with "-" for "no data". */
static void note(struct buffer *out, struct buffer *raws, const struct sse_event *e) {
    assert_true(buffer_append(out, e->name));
    assert_true(buffer_byte(out, '|'));
    assert_true(buffer_append(out, e->has_data ? e->data : SLICE("-")));
    assert_true(buffer_printf(out, "|%zu;", e->raw.len));
    assert_true(buffer_append(raws, e->raw));
}

/* Feeds `input` in pieces: `step` bytes each, or of random length when step is 0. */
static void read_in_pieces(struct slice input, size_t step, uint32_t *seed, struct buffer *out, struct buffer *raws) {
    struct sse_reader r;
    struct sse_event e;
    sse_reader_init(&r);
    buffer_clear(out);
    buffer_clear(raws);
    for (size_t at = 0; at < input.len;) {
        size_t n = step > 0 ? step : rig_random(seed) % 40;
        if (n > input.len - at) n = input.len - at;
        /* a copy, so that the sanitizer sees a reader that keeps the caller's memory */
        char *piece = mem_copy(input.at + at, n == 0 ? 1 : n);
        assert_int_equal(sse_reader_feed(&r, slice_make(piece, n)), FAULT_NONE);
        mem_free(piece);
        while (sse_reader_next(&r, &e)) note(out, raws, &e);
        at += n;
    }
    while (sse_reader_end(&r, &e)) note(out, raws, &e);
    assert_false(sse_reader_next(&r, &e));
    sse_reader_deinit(&r);
}

static void expect(const char *input, const char *events) {
    struct buffer out, raws;
    buffer_init(&out, 1 << 20);
    buffer_init(&raws, 1 << 20);
    uint32_t seed = 1;
    for (size_t step = 1; step <= strlen(input); step++) {
        read_in_pieces(slice_of(input), step, &seed, &out, &raws);
        assert_string_equal(buffer_text(&out), events);
        assert_string_equal(buffer_text(&raws), input);
    }
    buffer_deinit(&out);
    buffer_deinit(&raws);
}

static void fields(void **state) {
    (void)state;
    expect("data: a\n\n", "|a|9;");
    expect("data:a\n\ndata:  b\n\n", "|a|8;| b|10;");
    expect("event: delta\ndata: {}\nid: 7\nretry: 5\n\n", "delta|{}|38;");
    expect("data: a\ndata: b\ndata:\n\n", "|a\nb\n|23;");
    expect("data\ndata\n\n", "|\n|11;");
    expect("data\n\n", "||6;");
    expect(": ping\n\n", "|-|8;");
    expect("\n\ndata: a\n\n", "|-|1;|-|1;|a|9;");
    expect("datax: a\nDATA: b\n\n", "|-|18;");
    expect("event: a\nevent: b\ndata: c\n\n", "b|c|27;");
    expect("data: a:b: c\n\n", "|a:b: c|14;");
    expect("event\ndata: c\n\n", "|c|15;");
}

static void line_ends(void **state) {
    (void)state;
    expect("data: a\r\n\r\ndata: b\r\n\r\n", "|a|11;|b|11;");
    expect("data: a\r\rdata: b\r\r", "|a|9;|b|9;");
    expect("data: a\r\ndata: b\n\ndata: c\r\r\n", "|a\nb|18;|c|10;");
    expect("data: a\n\r\ndata: b\r\n\n", "|a|10;|b|10;");
    expect("\r\n\r\r", "|-|2;|-|1;|-|1;");
}

static void the_end_completes_an_event(void **state) {
    (void)state;
    expect("data: a\n\ndata: [DONE]", "|a|9;|[DONE]|12;");
    expect("data: a\n", "|a|8;");
    expect("data: a\r", "|a|8;");
    expect("event: x", "x|-|8;");
    expect("", "");
}

static void byte_order_mark(void **state) {
    (void)state;
    expect("\xEF\xBB\xBF" "data: a\n\ndata: b\n\n", "|a|12;|b|9;");
    expect("data: a\n\n\xEF\xBB\xBF" "data: b\n\n", "|a|9;|-|12;");
}

static void random_input(struct buffer *out, uint32_t *seed) {
    static const char *const pieces[] = {"data: ", "data:", "data", "event: e", "event:", ":", "id: 1", "x", " ", "\xEF\xBB\xBF",
                                         "\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "hello world", "{\"a\":1}", "\t"};
    unsigned n = rig_random(seed) % 60;
    buffer_clear(out);
    for (unsigned i = 0; i < n; i++)
        assert_true(buffer_append(out, slice_of(pieces[rig_random(seed) % (sizeof pieces / sizeof *pieces)])));
}

static void any_split_gives_the_same_events(void **state) {
    (void)state;
    struct buffer input, whole, out, raws;
    buffer_init(&input, 1 << 20);
    buffer_init(&whole, 1 << 20);
    buffer_init(&out, 1 << 20);
    buffer_init(&raws, 1 << 20);
    uint32_t seed = 4711;
    for (int round = 0; round < 3000; round++) {
        random_input(&input, &seed);
        read_in_pieces(buffer_slice(&input), input.len + 1, &seed, &whole, &raws);
        assert_true(slice_eq(buffer_slice(&raws), buffer_slice(&input)));
        for (int k = 0; k < 6; k++) {
            read_in_pieces(buffer_slice(&input), k < 3 ? (size_t)k + 1 : 0, &seed, &out, &raws);
            assert_string_equal(buffer_text(&out), buffer_text(&whole));
            assert_true(slice_eq(buffer_slice(&raws), buffer_slice(&input)));
        }
    }
    buffer_deinit(&input);
    buffer_deinit(&whole);
    buffer_deinit(&out);
    buffer_deinit(&raws);
}

/* An event of LIMIT_SSE_EVENT bytes passes, one byte more does not, in any split. */
static enum fault feed_event(size_t size, size_t step) {
    struct sse_reader r;
    struct sse_event e;
    char *text = mem_alloc(size);
    memset(text, 'x', size);
    memcpy(text, "data: ", 6);
    text[size - 2] = text[size - 1] = '\n';
    enum fault fault = FAULT_NONE;
    bool got = false;
    sse_reader_init(&r);
    for (size_t at = 0; at < size && fault == FAULT_NONE; at += step) {
        fault = sse_reader_feed(&r, slice_make(text + at, size - at < step ? size - at : step));
        if (fault == FAULT_NONE && sse_reader_next(&r, &e)) got = e.raw.len == size && e.data.len == size - 8;
    }
    assert_true(got == (fault == FAULT_NONE));
    sse_reader_deinit(&r);
    mem_free(text);
    return fault;
}

static void an_event_has_a_limit(void **state) {
    (void)state;
    static const size_t steps[] = {1000, 16384, LIMIT_SSE_EVENT, 8 << 20};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_int_equal(feed_event(LIMIT_SSE_EVENT, steps[i]), FAULT_NONE);
        assert_int_equal(feed_event(LIMIT_SSE_EVENT + 1, steps[i]), FAULT_UP_TOO_LARGE);
        assert_int_equal(feed_event(3 * LIMIT_SSE_EVENT, steps[i]), FAULT_UP_TOO_LARGE);
    }
}

/* Many small events in one feed that is larger than an event may be. */
static void a_feed_may_be_larger_than_an_event(void **state) {
    (void)state;
    struct buffer input;
    struct sse_reader r;
    struct sse_event e;
    buffer_init(&input, 16 << 20);
    for (int i = 0; i < 300000; i++) assert_true(buffer_append(&input, SLICE("data: abc\n\n")));
    sse_reader_init(&r);
    assert_int_equal(sse_reader_feed(&r, buffer_slice(&input)), FAULT_NONE);
    int n = 0;
    while (sse_reader_next(&r, &e)) n += slice_is(e.data, "abc");
    assert_int_equal(n, 300000);
    assert_false(sse_reader_end(&r, &e));
    sse_reader_reset(&r);
    assert_int_equal(sse_reader_feed(&r, SLICE("\xEF\xBB\xBF" "data: z\n\n")), FAULT_NONE);
    assert_true(sse_reader_next(&r, &e) && slice_is(e.data, "z"));
    sse_reader_deinit(&r);
    buffer_deinit(&input);
}

static void writes(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 1 << 16);
    sse_write(&out, SLICE(""), SLICE("a"));
    sse_write(&out, SLICE("delta"), SLICE("a\nb\r\nc\rd"));
    sse_write(&out, SLICE_NULL, SLICE_NULL);
    sse_write(&out, SLICE(""), SLICE("a\n"));
    assert_string_equal(buffer_text(&out),
                        "data: a\n\nevent: delta\ndata: a\ndata: b\ndata: c\ndata: d\n\ndata: \n\ndata: a\ndata: \n\n");
    struct sse_reader r;
    struct sse_event e;
    sse_reader_init(&r);
    assert_int_equal(sse_reader_feed(&r, buffer_slice(&out)), FAULT_NONE);
    assert_true(sse_reader_next(&r, &e) && slice_is(e.data, "a"));
    assert_true(sse_reader_next(&r, &e) && slice_is(e.data, "a\nb\nc\nd") && slice_is(e.name, "delta"));
    assert_true(sse_reader_next(&r, &e) && slice_is(e.data, "") && e.has_data);
    assert_true(sse_reader_next(&r, &e) && slice_is(e.data, "a\n"));
    sse_reader_deinit(&r);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(the_end_completes_an_event),
        cmocka_unit_test(byte_order_mark),
        cmocka_unit_test(any_split_gives_the_same_events),
        cmocka_unit_test(an_event_has_a_limit),
        cmocka_unit_test(a_feed_may_be_larger_than_an_event),
        cmocka_unit_test(writes),
    };
    return cmocka_run_group_tests_name("io/sse", tests, NULL, NULL);
}
