#include "test_io_rig.h"

#include "io/http_reply.h"

/* What a reader tells of an input, fed in pieces of `step` bytes: "H<status> " , "B:<body> ", then "E+<left over>",
 * "BAD", or "..." when it wants more. */
static void tell(struct slice input, size_t step, bool head_request, struct buffer *out) {
    struct http_reply r;
    struct buffer body;
    bool over = false, heard = false;
    http_reply_init(&r);
    http_reply_reset(&r, head_request);
    buffer_init(&body, 1 << 20);
    buffer_clear(out);
    for (size_t at = 0; at < input.len && !over; at += step) {
        size_t n = input.len - at < step ? input.len - at : step;
        char *copy = mem_copy(input.at + at, n); /* so that the sanitizer sees who keeps it */
        struct slice in = slice_make(copy, n), piece;
        for (enum http_reply_step told = HTTP_REPLY_HEAD; told != HTTP_REPLY_MORE && !over;) {
            told = http_reply_feed(&r, &in, &piece);
            if (told == HTTP_REPLY_HEAD) assert_true(buffer_printf(out, "H%d ", r.status));
            if (told == HTTP_REPLY_BODY) assert_true(buffer_append(&body, piece));
            heard |= told == HTTP_REPLY_HEAD;
            over = told == HTTP_REPLY_END || told == HTTP_REPLY_BAD;
            assert_int_equal(http_reply_has_head(&r) && told != HTTP_REPLY_BAD, heard && told != HTTP_REPLY_BAD);
        }
        mem_free(copy);
        if (!over) continue;
        if (body.len > 0) assert_true(buffer_printf(out, "B:" SLICE_FMT " ", SLICE_ARG(buffer_slice(&body))));
        if (r.why != NULL) assert_true(buffer_append(out, SLICE("BAD")));
        else assert_true(buffer_printf(out, "E%s%zu", r.keep_alive ? "+" : "-", input.len - at - n + in.len));
    }
    if (!over && body.len > 0) assert_true(buffer_printf(out, "B:" SLICE_FMT " ", SLICE_ARG(buffer_slice(&body))));
    if (!over) assert_true(buffer_append(out, http_reply_ended(&r) ? SLICE("(end)") : SLICE("...")));
    buffer_deinit(&body);
    http_reply_deinit(&r);
}

static void expect(const char *input, const char *told) {
    struct buffer out;
    buffer_init(&out, 1 << 20);
    for (size_t step = 1; step <= strlen(input); step++) {
        tell(slice_of(input), step, false, &out);
        if (strcmp(buffer_text(&out), told) != 0) fail_msg("%s\nin pieces of %zu: %s, expected %s", input, step, buffer_text(&out), told);
    }
    buffer_deinit(&out);
}

#define OK "HTTP/1.1 200 OK\r\n"

static void lengths(void **state) {
    (void)state;
    expect(OK "Content-Length: 5\r\n\r\nhello", "H200 B:hello E+0");
    expect(OK "content-length:5\r\n\r\nhelloHTTP", "H200 B:hello E+4");
    expect(OK "Content-Length: 0\r\n\r\n", "H200 E+0");
    expect(OK "Content-Length: 5\r\n\r\nhel", "H200 B:hel ...");
    expect(OK "Content-Length: 5, 5\r\nContent-Length: 5\r\n\r\nhello", "H200 B:hello E+0");
    expect(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "BAD");
    expect(OK "Content-Length: -5\r\n\r\nhello", "BAD");
    expect(OK "Content-Length: 99999999999999999999\r\n\r\nhello", "BAD");
    expect(OK "Content-Length: five\r\n\r\nhello", "BAD");
    expect("HTTP/1.1 204 No Content\r\n\r\nrest", "H204 E+4");
    expect("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "H304 E+0");
    expect(OK "\r\nto the end", "H200 B:to the end (end)");
    expect("HTTP/1.0 200 OK\n\nto the end", "H200 B:to the end (end)");
}

static void chunks(void **state) {
    (void)state;
    expect(OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "H200 B:hello E+0");
    expect(OK "transfer-encoding: Chunked\r\n\r\n5\nhello\n0\n\n", "H200 B:hello E+0");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n0A;x=\"y\"\r\n0123456789\r\n1 \r\n!\r\n0\r\nx: 1\r\ny: 2\r\n\r\n++", "H200 B:0123456789! E+2");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "H200 B:hel ...");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloo\r\n", "H200 B:hello BAD");
    expect(OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", "H200 BAD");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n\r\n", "H200 BAD");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n-1\r\n", "H200 BAD");
    expect(OK "Transfer-Encoding: chunked\r\n\r\n1000000000000000\r\n", "H200 BAD");
    expect(OK "Transfer-Encoding: gzip, chunked\r\n\r\n", "BAD");
    /* who believes the length reads another body than who believes the chunks: never again on this connection */
    expect(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "H200 B:hello E-0");
}

static void heads(void **state) {
    (void)state;
    expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n", "H429 E+0");
    expect("HTTP/1.1 100 Continue\r\n\r\n", "...");
    expect("HTTP/1.1 101 Switching Protocols\r\n\r\n", "BAD");
    expect("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "H200 E+0");
    expect(OK "Connection: close\r\nContent-Length: 0\r\n\r\n", "H200 E-0");
    expect(OK "Connection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", "H200 E-0");
    expect("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "H200 E-0");
    expect("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", "H200 E+0");
    expect("HTTP/1.1 20x OK\r\n\r\n", "BAD");
    expect("HTTP/2 200\r\n\r\n", "BAD");
    expect("SSH-2.0-OpenSSH\r\n", "BAD");
    expect("HTTP/1.1 2000 OK\r\n\r\n", "BAD");
}

static void a_request_for_the_head_has_no_body(void **state) {
    (void)state;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    tell(SLICE(OK "Content-Length: 5\r\n\r\n"), 7, true, &out);
    assert_string_equal(buffer_text(&out), "H200 E+0");
    buffer_deinit(&out);
}

static void headers_are_found(void **state) {
    (void)state;
    struct http_reply r;
    struct slice in = SLICE(OK "Retry-After:  3 \r\nX-Long: one\r\n\ttwo\r\nretry-after: 4\r\nno colon\r\nX-Last: z\r\ncontent-length: 0\r\n\r\n"), piece;
    http_reply_init(&r);
    assert_int_equal(http_reply_feed(&r, &in, &piece), HTTP_REPLY_HEAD);
    assert_true(slice_is(http_reply_header(&r, "retry-after"), "3"));
    assert_true(slice_is(http_reply_header(&r, "x-long"), "one  \ttwo"));
    assert_true(slice_is(http_reply_header(&r, "X-LAST"), "z"));
    assert_true(slice_is_null(http_reply_header(&r, "no colon")));
    assert_int_equal(http_reply_feed(&r, &in, &piece), HTTP_REPLY_END);
    http_reply_reset(&r, false); /* and once more on the same reader */
    in = SLICE(OK "content-length: 1\r\n\r\nx");
    assert_int_equal(http_reply_feed(&r, &in, &piece), HTTP_REPLY_HEAD);
    assert_true(slice_is_null(http_reply_header(&r, "retry-after")));
    http_reply_deinit(&r);
}

static void heads_and_trailers_are_bounded(void **state) {
    (void)state;
    static const char *const starts[] = {OK, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n", OK "Transfer-Encoding: chunked\r\n\r\n1;"};
    for (int i = 0; i < 3; i++) {
        struct http_reply r;
        struct slice piece, in = slice_of(starts[i]);
        size_t fed = 0;
        enum http_reply_step step = HTTP_REPLY_MORE;
        http_reply_init(&r);
        while (in.len > 0) (void)http_reply_feed(&r, &in, &piece);
        for (; fed < 4 * HTTP_REPLY_HEAD_MAX && step != HTTP_REPLY_BAD; fed += 8) {
            in = SLICE("x: aaaaa");
            step = http_reply_feed(&r, &in, &piece);
        }
        assert_int_equal(step, HTTP_REPLY_BAD);
        assert_true(fed <= HTTP_REPLY_HEAD_MAX + 64);
        assert_int_equal(http_reply_feed(&r, &in, &piece), in.len > 0 ? HTTP_REPLY_BAD : HTTP_REPLY_MORE);
        http_reply_deinit(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lengths),
        cmocka_unit_test(chunks),
        cmocka_unit_test(heads),
        cmocka_unit_test(a_request_for_the_head_has_no_body),
        cmocka_unit_test(headers_are_found),
        cmocka_unit_test(heads_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
