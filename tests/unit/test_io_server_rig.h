/* test_io_server_rig.h - a server whose owner does what the path of a request says, and a log of what it saw. */
#ifndef TEST_IO_SERVER_RIG_H
#define TEST_IO_SERVER_RIG_H

#include "test_io_rig.h"

#include "io/http_server.h"

enum { HEAD_US = 1000000, BODY_US = 30000000, IDLE_US = 5000000, MAX_BODY = 100000, MAX_HEADER = 8192 };

/* What the owner does with a request is said by its path. */
struct site {
    struct loop *loop;
    struct http_server *server;
    struct http_handler handler;
    struct http_request *held; /* the last one that was not answered at once */
    struct buffer log;         /* one letter an event: h r g d f(sent) F(not sent) */
    struct buffer in;          /* what the peer received */
    int peer;
    bool conclude_when_gone;
    int refusals;
};

static inline void mark(struct site *s, char c) { assert_true(buffer_byte(&s->log, c)); }

static inline void on_head(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'h');
    if (slice_is(r->path, "/refuse")) http_respond(r, 401, NULL, 0, SLICE("refused"));
    if (slice_is(r->path, "/abandon-head")) http_abandon(r);
}

static inline bool count_header(void *arg, struct http_header h) {
    (void)h;
    ++*(int *)arg;
    return true;
}

static inline void describe(struct http_request *r) {
    struct buffer out;
    int headers = 0;
    buffer_init(&out, 1 << 20);
    assert_true(http_request_each_header(r, count_header, &headers));
    struct slice x = http_request_header(r, "x-thing");
    assert_true(buffer_printf(&out, "[" SLICE_FMT "][" SLICE_FMT "][" SLICE_FMT "][" SLICE_FMT "][%d][%s]", SLICE_ARG(r->method),
                              SLICE_ARG(r->path), SLICE_ARG(r->query), SLICE_ARG(slice_is_null(x) ? SLICE("-") : x), headers,
                              r->peer));
    struct http_header h[] = {{SLICE("content-type"), SLICE("text/x-test")}, {SLICE("Content-Length"), SLICE("7")}};
    http_respond_take(r, 200, h, 2, &out);
    assert_null(out.at);
}

static inline void on_request(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'r');
    if (slice_is(r->path, "/echo")) {
        http_respond(r, 200, NULL, 0, r->body);
    } else if (slice_is(r->path, "/describe")) {
        describe(r);
    } else if (slice_is(r->path, "/abandon")) {
        http_abandon(r);
    } else if (slice_is(r->path, "/quick-stream")) {
        http_stream_begin(r, 200, NULL, 0);
        http_stream_write(r, SLICE("one"));
        http_stream_write(r, SLICE("two"));
        http_stream_end(r);
    } else {
        s->held = r;
    }
}

static inline void on_gone(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'g');
    if (s->conclude_when_gone) http_abandon(r);
}

static inline void on_drained(void *ctx, struct http_request *r) {
    (void)r;
    mark(ctx, 'd');
}

static inline void on_finished(void *ctx, struct http_request *r, bool sent) {
    struct site *s = ctx;
    if (s->held == r) s->held = NULL;
    mark(s, sent ? 'f' : 'F');
}

static inline const char *write_refusal(void *ctx, struct http_request *r, enum fault fault, struct buffer *out) {
    struct site *s = ctx;
    assert_true(r->method.len > 0);
    s->refusals++;
    assert_true(buffer_printf(out, "{\"fault\":\"%s\"}", fault_name(fault)));
    return "application/json";
}

static inline struct http_server_options options(void) {
    return (struct http_server_options){.host = "127.0.0.1", .max_body = MAX_BODY, .max_header = MAX_HEADER,
                                        .head_timeout_us = HEAD_US, .body_timeout_us = BODY_US,
                                        .idle_timeout_us = IDLE_US, .max_connections = 100};
}

static inline int setup(void **state) {
    struct site *s = mem_new(struct site);
    struct error error = {0};
    struct http_server_options o = options();
    buffer_init(&s->log, 1 << 20);
    buffer_init(&s->in, 64 << 20);
    s->loop = loop_new(&error);
    assert_non_null(s->loop);
    s->handler = (struct http_handler){s, on_head, on_request, on_gone, on_drained, on_finished, write_refusal};
    s->server = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(s->server);
    s->peer = rig_connect(http_server_port(s->server));
    *state = s;
    return 0;
}

static inline int teardown(void **state) {
    struct site *s = *state;
    http_server_free(s->server);
    loop_free(s->loop);
    if (s->peer >= 0) close(s->peer);
    buffer_deinit(&s->log);
    buffer_deinit(&s->in);
    mem_free(s);
    return 0;
}

static inline void expect_log(struct site *s, const char *log) { assert_string_equal(buffer_text(&s->log), log); }

static inline void ask(struct site *s, const char *request, const char *answer) {
    buffer_clear(&s->in);
    rig_say(s->peer, request);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, answer));
}

static inline void hold(struct site *s, const char *path) {
    struct buffer text;
    buffer_init(&text, 4096);
    assert_true(buffer_printf(&text, "POST %s HTTP/1.1\r\nHost: a\r\nX-Thing: kept\r\nContent-Length: 2\r\n\r\nhi", path));
    rig_send(s->peer, text.at, text.len);
    buffer_deinit(&text);
    RIG_WAIT(s->loop, s->held != NULL);
}

static inline void reconnect(struct site *s) {
    close(s->peer);
    buffer_clear(&s->in);
    s->peer = rig_connect(http_server_port(s->server));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
