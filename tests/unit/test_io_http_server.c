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

static void mark(struct site *s, char c) { assert_true(buffer_byte(&s->log, c)); }

static void on_head(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'h');
    if (slice_is(r->path, "/refuse")) http_respond(r, 401, NULL, 0, SLICE("refused"));
    if (slice_is(r->path, "/abandon-head")) http_abandon(r);
}

static bool count_header(void *arg, struct http_header h) {
    (void)h;
    ++*(int *)arg;
    return true;
}

static void describe(struct http_request *r) {
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

static void on_request(void *ctx, struct http_request *r) {
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

static void on_gone(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'g');
    if (s->conclude_when_gone) http_abandon(r);
}

static void on_drained(void *ctx, struct http_request *r) {
    (void)r;
    mark(ctx, 'd');
}

static void on_finished(void *ctx, struct http_request *r, bool sent) {
    struct site *s = ctx;
    if (s->held == r) s->held = NULL;
    mark(s, sent ? 'f' : 'F');
}

static const char *write_refusal(void *ctx, struct http_request *r, enum fault fault, struct buffer *out) {
    struct site *s = ctx;
    assert_true(r->method.len > 0);
    s->refusals++;
    assert_true(buffer_printf(out, "{\"fault\":\"%s\"}", fault_name(fault)));
    return "application/json";
}

static struct http_server_options options(void) {
    return (struct http_server_options){.host = "127.0.0.1", .max_body = MAX_BODY, .max_header = MAX_HEADER,
                                        .head_timeout_us = HEAD_US, .body_timeout_us = BODY_US,
                                        .idle_timeout_us = IDLE_US, .max_connections = 100};
}

static int setup(void **state) {
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

static int teardown(void **state) {
    struct site *s = *state;
    http_server_free(s->server);
    loop_free(s->loop);
    if (s->peer >= 0) close(s->peer);
    buffer_deinit(&s->log);
    buffer_deinit(&s->in);
    mem_free(s);
    return 0;
}

static void expect_log(struct site *s, const char *log) { assert_string_equal(buffer_text(&s->log), log); }

static void ask(struct site *s, const char *request, const char *answer) {
    buffer_clear(&s->in);
    rig_say(s->peer, request);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, answer));
}

static void hold(struct site *s, const char *path) {
    struct buffer text;
    buffer_init(&text, 4096);
    assert_true(buffer_printf(&text, "POST %s HTTP/1.1\r\nHost: a\r\nX-Thing: kept\r\nContent-Length: 2\r\n\r\nhi", path));
    rig_send(s->peer, text.at, text.len);
    buffer_deinit(&text);
    RIG_WAIT(s->loop, s->held != NULL);
}

static void reconnect(struct site *s) {
    close(s->peer);
    buffer_clear(&s->in);
    s->peer = rig_connect(http_server_port(s->server));
}

/* whole answers */

static void answers_and_keeps_the_connection(void **state) {
    struct site *s = *state;
    ask(s, "GET /describe?a=b&c=%20d HTTP/1.1\r\nHost: a\r\nX-Thing:  some value \r\n\r\n",
        "[GET][/describe][a=b&c=%20d][some value][2][127.0.0.1]");
    assert_true(rig_has(&s->in, "HTTP/1.1 200 OK\r\n"));
    assert_true(rig_has(&s->in, "content-type: text/x-test\r\n"));
    assert_int_equal(rig_count(&s->in, "ontent-"), 2); /* the caller's Content-Length was left out */
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "\r\n\r\nhello");
    ask(s, "GET /a%2Fb HTTP/1.1\r\nHost: a\r\n\r\n", "");
    RIG_WAIT(s->loop, s->held != NULL);
    assert_true(slice_is(s->held->path, "/a%2Fb"));
    http_respond(s->held, 204, NULL, 0, SLICE_NULL);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "204 No Content"));
    assert_int_equal(http_server_connections(s->server), 1);
    expect_log(s, "hrfhrfhrf");
}

static void answers_later_and_in_order(void **state) {
    struct site *s = *state;
    hold(s, "/later");
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nsecondGET /describe HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_turns(s->loop, 10);
    expect_log(s, "hr"); /* pipelined bytes are neither a hang-up nor the next request yet */
    assert_true(slice_is(s->held->body, "hi"));
    http_respond(s->held, 201, NULL, 0, SLICE("first"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "[GET][/describe]"));
    const char *text = buffer_text(&s->in);
    assert_true(strstr(text, "first") < strstr(text, "second"));
    assert_true(strstr(text, "second") < strstr(text, "[GET]"));
    RIG_WAIT(s->loop, rig_count(&s->log, "f") == 3);
    expect_log(s, "hrfhrfhrf");
}

static void bodies_arrive_whole(void **state) {
    struct site *s = *state;
    struct buffer body;
    buffer_init(&body, MAX_BODY);
    while (body.len < MAX_BODY) assert_true(buffer_byte(&body, (char)('a' + body.len % 26)));
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    rig_send(s->peer, body.at, body.len);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "\r\n\r\n") && s->in.len > MAX_BODY);
    assert_true(slice_ends(buffer_slice(&s->in), buffer_slice(&body)));
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
           "5;ext=1\r\nhello\r\n1\r\n \r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
        "\r\n\r\nhello 0123456789");
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "Content-Length: 0\r\n\r\n");
    buffer_deinit(&body);
}

/* A request cut at any place is the same request. */
static void any_split_is_the_same_request(void **state) {
    struct site *s = *state;
    static const char text[] = "POST /echo?x=1 HTTP/1.1\r\nHost: a\r\nX-Thing: v\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    uint32_t seed = 99;
    for (int round = 0; round < 60; round++) {
        buffer_clear(&s->in);
        for (size_t at = 0, n; at < sizeof text - 1; at += n) {
            n = 1 + rig_random(&seed) % (round < 5 ? 1 : 60);
            if (n > sizeof text - 1 - at) n = sizeof text - 1 - at;
            rig_send(s->peer, text + at, n);
            rig_turn(s->loop);
        }
        RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "\r\n\r\nhello world"));
    }
    assert_int_equal(http_server_connections(s->server), 1);
}

static void reads_head_query_and_target(void **state) {
    struct site *s = *state;
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    rig_say(s->peer, "PATCH http://host:1/deep/path?name=a%20b+c&empty=&flag&bad=%zz&x=%4 HTTP/1.1\r\nHost: a\r\n"
                     "X-Two: 1\r\nx-two: 2\r\nX-Empty:\r\n\r\n");
    RIG_WAIT(s->loop, s->held != NULL);
    struct http_request *r = s->held;
    assert_true(slice_is(r->method, "PATCH"));
    assert_true(slice_is(r->path, "/deep/path"));
    assert_true(slice_is(http_request_query(r, "name", &arena), "a b c"));
    assert_true(slice_is(http_request_query(r, "empty", &arena), ""));
    assert_true(slice_is(http_request_query(r, "flag", &arena), ""));
    assert_true(slice_is(http_request_query(r, "bad", &arena), "%zz"));
    assert_true(slice_is(http_request_query(r, "x", &arena), "%4"));
    assert_true(slice_is_null(http_request_query(r, "absent", &arena)));
    assert_true(slice_is(http_request_header(r, "x-two"), "1"));
    struct slice empty = http_request_header(r, "x-empty");
    assert_true(empty.len == 0 && !slice_is_null(empty));
    assert_true(slice_is_null(http_request_header(r, "x-absent")));
    http_respond(r, 200, NULL, 0, SLICE_NULL);
    arena_deinit(&arena);
}

static void old_clients(void **state) {
    struct site *s = *state;
    ask(s, "POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "\r\n\r\nhi");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    ask(s, "GET /describe HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "[GET]");
    ask(s, "GET /quick-stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "onetwo");
    assert_false(rig_has(&s->in, "chunked"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in)); /* its end is the only mark of the body's end */
}

static void closes_when_asked(void **state) {
    struct site *s = *state;
    ask(s, "GET /describe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "[GET]");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    hold(s, "/x");
    struct http_header h = {SLICE("Connection"), SLICE("close")};
    http_respond(s->held, 200, &h, 1, SLICE("bye"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "Connection: close\r\n") && rig_has(&s->in, "bye"));
    RIG_WAIT(s->loop, http_server_connections(s->server) == 0);
}

static void abandons(void **state) {
    struct site *s = *state;
    rig_say(s->peer, "GET /abandon HTTP/1.1\r\nHost: a\r\n\r\n");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    rig_say(s->peer, "GET /abandon-head HTTP/1.1\r\nHost: a\r\n\r\n");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    hold(s, "/x");
    http_abandon(s->held);
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_int_equal(s->in.len, 0);
    expect_log(s, "hrFhFhrF");
}

/* refusals */

static void refuses_in_on_head(void **state) {
    struct site *s = *state;
    ask(s, "GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n", "refused");
    ask(s, "GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n", "refused"); /* without a body the connection stays */
    expect_log(s, "hfhf");
    ask(s, "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\nunsent", "refused");
    assert_true(rig_has(&s->in, "401 Unauthorized"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    expect_log(s, "hfhfhf");
    reconnect(s);
    ask(s, "POST /refuse HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", "refused");
    assert_false(rig_has(&s->in, "100 Continue"));
}

static void bodies_have_a_limit(void **state) {
    struct site *s = *state;
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100001\r\n\r\n", "{\"fault\":\"request_too_large\"}");
    assert_true(rig_has(&s->in, "HTTP/1.1 413 ") && rig_has(&s->in, "application/json"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999999\r\n\r\n", "HTTP/1.1 413 ");
    reconnect(s);
    buffer_clear(&s->log);
    /* a chunked one says nothing beforehand; the client goes on sending and still gets its answer */
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    char piece[6 + 0x4000 + 2];
    memset(piece, 'x', sizeof piece);
    memcpy(piece, "4000\r\n", 6);
    memcpy(piece + sizeof piece - 2, "\r\n", 2);
    for (int i = 0; i < 12; i++) {
        rig_send(s->peer, piece, sizeof piece);
        rig_turns(s->loop, 4);
    }
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "{\"fault\":\"request_too_large\"}"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    expect_log(s, "hF");
}

static void expect_100_continue(void **state) {
    struct site *s = *state;
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n");
    ask(s, "hello", "\r\n\r\nhello");
    ask(s, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n", "HTTP/1.1 413 ");
    assert_false(rig_has(&s->in, "100 Continue"));
}

static void heads_have_a_limit(void **state) {
    struct site *s = *state;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    static const size_t sizes[] = {MAX_HEADER - 200, MAX_HEADER + 1, 200000};
    for (int i = 0; i < 3; i++) {
        reconnect(s);
        buffer_clear(&text);
        assert_true(buffer_append(&text, SLICE("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: ")));
        for (size_t n = 0; n < sizes[i]; n++) assert_true(buffer_byte(&text, 'x'));
        assert_true(buffer_append(&text, SLICE("\r\n\r\n")));
        (void)send(s->peer, text.at, text.len, MSG_NOSIGNAL);
                RIG_WAIT(s->loop, rig_took(s->peer, &s->in, i == 0 ? "[GET]" : "HTTP/1.1 431 "));
        /* slightly too large: our answer. Far too large: the library's own */
        if (i == 1) assert_true(rig_has(&s->in, "{\"fault\":\"headers_too_large\"}"));
    }
    reconnect(s);
    rig_say(s->peer, "GET /");
    for (size_t n = 0; n < 20; n++) (void)send(s->peer, text.at + 100, 1000, MSG_NOSIGNAL);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "HTTP/1.1 414 "));
    buffer_deinit(&text);
}

#define TEXT(literal) {literal, sizeof(literal) - 1}

/* What another parser may read differently is refused, and the connection with it. */
static void ambiguous_requests_are_refused(void **state) {
    struct site *s = *state;
    static const struct slice bad[] = {
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\nabc"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
        TEXT("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\r\n folded\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\r\n\tfolded\r\nX-More: b\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\n X-Thing: a\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\nHost: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\nX-Thing: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\r\n\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\rX-More: b\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\0b\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Th\0ng: a\r\n\r\n"),
        TEXT("GET /desc\0ribe HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX-Thing: a\x01\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nX Thing: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1\r\n\r\n"),
        TEXT("GET  /describe HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe  HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("GET /desc\tribe HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("G(T /describe HTTP/1.1\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe HTTP/1.1x\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe HTTP/2.0\r\nHost: a\r\n\r\n"),
        TEXT("GET /describe http/1.1\r\nHost: a\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reconnect(s);
        buffer_clear(&s->log);
        rig_send(s->peer, bad[i].at, bad[i].len);
        RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
        if (rig_has(&s->log, "r")) fail_msg("request %zu was taken: %s", i, bad[i].at);
        /* a space in the URI is closed without a word */
        bool refused = s->in.len == 0 || rig_has(&s->in, "HTTP/1.1 400 ") || rig_has(&s->in, "HTTP/1.1 505 ");
        /* the library writes its own head twice when it cannot read a Content-Length */
        if (!refused || rig_count(&s->in, "HTTP/1.1 ") > 2) fail_msg("request %zu: %s", i, buffer_text(&s->in));
    }
}

/* hang-ups */

static void a_hang_up_is_noticed(void **state) {
    struct site *s = *state;
    hold(s, "/wait");
    close(s->peer);
    s->peer = -1;
    RIG_WAIT(s->loop, rig_has(&s->log, "g"));
    expect_log(s, "hrg");
    assert_non_null(s->held);
    RIG_WAIT(s->loop, http_server_connections(s->server) == 0);
    /* the request is still the owner's, head and body too */
    assert_true(slice_is(http_request_header(s->held, "x-thing"), "kept"));
    assert_true(slice_is(s->held->method, "POST") && slice_is(s->held->path, "/wait") && slice_is(s->held->body, "hi"));
    assert_string_equal(s->held->peer, "127.0.0.1");
    http_respond(s->held, 200, NULL, 0, SLICE("nobody reads this"));
    RIG_WAIT(s->loop, s->held == NULL);
    expect_log(s, "hrgF");
}

static void the_owner_may_conclude_within_on_gone(void **state) {
    struct site *s = *state;
    s->conclude_when_gone = true;
    hold(s, "/wait");
    struct linger hard = {1, 0};
    (void)setsockopt(s->peer, SOL_SOCKET, SO_LINGER, &hard, sizeof hard); /* closing resets */
    close(s->peer);
    s->peer = rig_connect(http_server_port(s->server));
    RIG_WAIT(s->loop, rig_has(&s->log, "F"));
    expect_log(s, "hrgF");
    hold(s, "/stream");
    http_stream_begin(s->held, 200, NULL, 0);
    http_stream_write(s->held, SLICE("abc"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "abc"));
    close(s->peer);
    s->peer = -1;
    RIG_WAIT(s->loop, rig_count(&s->log, "F") == 2);
    expect_log(s, "hrgFhrgF");
}

/* Whoever closes its sending side after the request counts as gone, at once or later. */
static void a_half_closed_client_is_gone(void **state) {
    struct site *s = *state;
    rig_say(s->peer, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    shutdown(s->peer, SHUT_WR);
    RIG_WAIT(s->loop, rig_has(&s->log, "g"));
    expect_log(s, "hrg");
    http_abandon(s->held);
    RIG_WAIT(s->loop, s->held == NULL);
    reconnect(s);
    buffer_clear(&s->log);
    rig_say(s->peer, "GET /describe HTTP/1.1\r\nHost: a\r\n\r\n"); /* answered in the same turn: it is served */
    shutdown(s->peer, SHUT_WR);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "[GET]"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
}

static void a_client_may_leave_inside_its_request(void **state) {
    struct site *s = *state;
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Le");
    rig_turns(s->loop, 3);
    reconnect(s);
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf");
    RIG_WAIT(s->loop, rig_has(&s->log, "h"));
    reconnect(s);
    RIG_WAIT(s->loop, rig_has(&s->log, "F"));
    RIG_WAIT(s->loop, http_server_connections(s->server) == 1);
    expect_log(s, "hF");
}

/* streams */

static void streams_frames(void **state) {
    struct site *s = *state;
    hold(s, "/stream");
    struct http_header h = {SLICE("content-type"), SLICE("text/event-stream")};
    http_stream_begin(s->held, 200, &h, 1);
    http_stream_write(s->held, SLICE("first"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "5\r\nfirst\r\n"));
    assert_true(rig_has(&s->in, "content-type: text/event-stream\r\n") && rig_has(&s->in, "ransfer-Encoding: chunked\r\n"));
    buffer_clear(&s->in);
    http_stream_write(s->held, SLICE("second"));
    http_stream_write(s->held, SLICE(""));
    http_stream_write(s->held, SLICE("a frame of more than sixteen bytes"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "bytes\r\n"));
    assert_string_equal(buffer_text(&s->in), "6\r\nsecond\r\n22\r\na frame of more than sixteen bytes\r\n");
    buffer_clear(&s->in);
    http_stream_write(s->held, SLICE("last"));
    http_stream_end(s->held);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "0\r\n\r\n"));
    assert_string_equal(buffer_text(&s->in), "4\r\nlast\r\n0\r\n\r\n");
    expect_log(s, "hrf");
    ask(s, "GET /describe HTTP/1.1\r\nHost: a\r\n\r\n", "[GET]"); /* the connection lives on */
    ask(s, "GET /quick-stream HTTP/1.1\r\nHost: a\r\n\r\n", "6\r\nonetwo\r\n0\r\n\r\n");
    ask(s, "GET /quick-stream HTTP/1.1\r\nHost: a\r\n\r\nGET /describe HTTP/1.1\r\nHost: a\r\n\r\n", "[GET]");
    assert_int_equal(http_server_connections(s->server), 1);
}

static void streams_may_be_empty_or_wait(void **state) {
    struct site *s = *state;
    for (int waits = 0; waits < 2; waits++) {
        hold(s, "/stream");
        http_stream_begin(s->held, 200, NULL, 0);
        if (waits) RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "chunked\r\n\r\n")); /* the head does not wait */
        if (waits) rig_turns(s->loop, 5);
        http_stream_end(s->held);
        RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "\r\n\r\n0\r\n\r\n"));
        buffer_clear(&s->in);
    }
    expect_log(s, "hrfhrf");
}

static void a_stream_may_be_cut(void **state) {
    struct site *s = *state;
    int older = rig_connect(http_server_port(s->server)); /* the library closes its oldest connection in other ways */
    rig_turns(s->loop, 3);
    reconnect(s);
    hold(s, "/stream");
    http_stream_begin(s->held, 200, NULL, 0);
    http_abandon(s->held); /* before anything left */
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    reconnect(s);
    hold(s, "/stream");
    http_stream_begin(s->held, 200, NULL, 0);
    http_stream_write(s->held, SLICE("one"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "one"));
    http_stream_write(s->held, SLICE("two"));
    http_abandon(s->held);
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "3\r\ntwo\r\n"));
    assert_false(rig_has(&s->in, "0\r\n\r\n")); /* so that the client knows */
    expect_log(s, "hrFhrF");
    reconnect(s);
    ask(s, "GET /quick-stream HTTP/1.0\r\n\r\n", "onetwo");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    RIG_WAIT(s->loop, http_server_connections(s->server) == 1);
    close(older);
}

static void head_gets_no_body(void **state) {
    struct site *s = *state;
    ask(s, "HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n");
    rig_say(s->peer, "HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    RIG_WAIT(s->loop, s->held != NULL);
    buffer_clear(&s->in);
    http_stream_begin(s->held, 200, NULL, 0);
    http_stream_write(s->held, SLICE("not this"));
    rig_turns(s->loop, 5);
    http_stream_end(s->held);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "\r\n\r\n"));
    ask(s, "HEAD /quick-stream HTTP/1.1\r\nHost: a\r\n\r\nGET /describe HTTP/1.1\r\nHost: a\r\n\r\n", "[GET]");
    assert_false(rig_has(&s->in, "one"));
    assert_true(slice_starts(buffer_slice(&s->in), SLICE("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n")));
    RIG_WAIT(s->loop, rig_count(&s->log, "f") == 4);
    expect_log(s, "hrfhrfhrfhrf");
}

/* Writes until the kernel takes no more and the stream is above its mark. */
static size_t overfill(struct site *s, struct slice piece) {
    size_t written = 0;
    while (http_stream_unsent(s->held) <= LIMIT_UNSENT) {
        http_stream_write(s->held, piece);
        written += piece.len;
        rig_turn(s->loop);
        assert_true(written < (64u << 20));
    }
    return written;
}

static void a_slow_client_holds_a_stream_back(void **state) {
    struct site *s = *state;
    static char piece[32768];
    memset(piece, 'x', sizeof piece);
    hold(s, "/stream");
    http_stream_begin(s->held, 200, NULL, 0);
    size_t written = overfill(s, slice_make(piece, sizeof piece));
    expect_log(s, "hr");
    RIG_WAIT(s->loop, (rig_take(s->peer, &s->in), rig_has(&s->log, "d")));
    assert_true(http_stream_unsent(s->held) < LIMIT_UNSENT / 2);
    http_stream_end(s->held);
    RIG_WAIT(s->loop, (rig_take(s->peer, &s->in), rig_has(&s->log, "f")));
    (void)rig_take(s->peer, &s->in);
    size_t received = 0;
    for (size_t i = 0; i < s->in.len; i++) received += s->in.at[i] == 'x';
    assert_int_equal(received, written);
    assert_true(slice_ends(buffer_slice(&s->in), SLICE("\r\n0\r\n\r\n")));
    expect_log(s, "hrdf");
}

static void a_client_that_reads_nothing_is_let_go(void **state) {
    struct site *s = *state;
    static char piece[32768];
    hold(s, "/stream");
    http_stream_begin(s->held, 200, NULL, 0);
    (void)overfill(s, slice_make(piece, sizeof piece));
    for (int i = 0; i < 20 && !rig_has(&s->log, "g"); i++) {
        clock_advance(IDLE_US / 4);
        rig_turns(s->loop, 5);
    }
    expect_log(s, "hrg");
    http_stream_end(s->held);
    RIG_WAIT(s->loop, s->held == NULL);
    expect_log(s, "hrgF");
    /* the same with a whole answer, which the library sends */
    reconnect(s);
    buffer_clear(&s->log);
    hold(s, "/whole");
    struct buffer body;
    buffer_init(&body, 32u << 20);
    assert_non_null(buffer_reserve(&body, 32u << 20));
    memset(body.at, 'x', 32u << 20);
    body.len = 32u << 20;
    http_respond_take(s->held, 200, NULL, 0, &body);
    for (int i = 0; i < 20 && !rig_has(&s->log, "F"); i++) {
        clock_advance(IDLE_US / 4);
        rig_turns(s->loop, 5);
    }
    expect_log(s, "hrF");
}

/* deadlines */

static void pass(struct site *s, int64_t us) {
    for (int i = 0; i < 10; i++) {
        clock_advance(us / 10);
        rig_turns(s->loop, 2);
    }
}

static void slow_clients_are_cut_off(void **state) {
    struct site *s = *state;
    pass(s, HEAD_US * 3 / 2); /* not a word */
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_int_equal(s->in.len, 0);
    reconnect(s);
    rig_turns(s->loop, 3);
    static const char head[] = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\nX-Thing: zzzzzzzzzzzzzzzzzzzzzzzzz";
    for (size_t i = 0; i < sizeof head - 1 && rig_take(s->peer, &s->in); i++) { /* a byte at a time, for ever */
        (void)send(s->peer, head + i, 1, MSG_NOSIGNAL);
        clock_advance(HEAD_US / 20);
        rig_turns(s->loop, 2);
    }
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "HTTP/1.1 408 "));
    reconnect(s);
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nslow");
    rig_turns(s->loop, 5);
    pass(s, BODY_US * 3 / 2);
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "HTTP/1.1 408 ") && rig_has(&s->in, "{\"fault\":\"request_timeout\"}"));
    expect_log(s, "hF");
}

static void idle_connections_are_closed(void **state) {
    struct site *s = *state;
    ask(s, "GET /describe HTTP/1.1\r\nHost: a\r\n\r\n", "[GET]");
    pass(s, HEAD_US * 2);
    ask(s, "GET /describe HTTP/1.1\r\nHost: a\r\n\r\n", "[GET]"); /* between requests only the idle time counts */
    hold(s, "/wait");
    pass(s, IDLE_US * 10); /* a held request has no deadline here */
    expect_log(s, "hrfhrfhr");
    http_respond(s->held, 200, NULL, 0, SLICE("done"));
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "done"));
    pass(s, IDLE_US * 3 / 2);
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
}

/* A chunk extension without end fills the library's buffer and makes it ask to be run again for ever. */
static void an_endless_chunk_extension_costs_nothing(void **state) {
    struct site *s = *state;
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;");
    static char ext[4096];
    memset(ext, 'x', sizeof ext);
    for (int i = 0; i < 16; i++) {
        (void)send(s->peer, ext, sizeof ext, MSG_NOSIGNAL | MSG_DONTWAIT);
        rig_turns(s->loop, 3);
    }
    rig_turns(s->loop, 2000);
    pass(s, 12000000); /* it ends before the body's deadline */
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "HTTP/1.1 400 "));
}

/* ends */

static void quiesce_lets_open_requests_finish(void **state) {
    struct site *s = *state;
    int idle = rig_connect(http_server_port(s->server));
    hold(s, "/wait");
    RIG_WAIT(s->loop, http_server_connections(s->server) == 2);
    http_server_quiesce(s->server);
    http_server_quiesce(s->server);
    struct buffer none;
    buffer_init(&none, 100);
    RIG_WAIT(s->loop, rig_closed(idle, &none));
    close(idle);
    http_respond(s->held, 200, NULL, 0, SLICE("done"));
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_true(rig_has(&s->in, "done") && rig_has(&s->in, "Connection: close"));
    expect_log(s, "hrf");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(http_server_port(s->server)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_not_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    close(fd);
}

static void freeing_tells_the_owners(void **state) {
    struct site *s = *state;
    int peers[3];
    struct http_request *held[3];
    for (int i = 0; i < 3; i++) {
        int keep = s->peer;
        s->held = NULL;
        s->peer = peers[i] = rig_connect(http_server_port(s->server));
        hold(s, "/wait");
        held[i] = s->held;
        s->peer = keep;
    }
    http_stream_begin(held[1], 200, NULL, 0);
    http_stream_write(held[1], SLICE("abc"));
    rig_turns(s->loop, 5);
    rig_say(s->peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhal");
    RIG_WAIT(s->loop, rig_count(&s->log, "h") == 4);
    buffer_clear(&s->log);
    http_server_free(s->server);
    s->server = NULL;
    assert_int_equal(rig_count(&s->log, "g"), 3);
    assert_int_equal(rig_count(&s->log, "F"), 1); /* the one that was still being read */
    rig_turns(s->loop, 3);
    http_respond(held[0], 200, NULL, 0, SLICE("x"));
    http_stream_end(held[1]);
    rig_turns(s->loop, 3);
    assert_int_equal(rig_count(&s->log, "F"), 3);
    http_abandon(held[2]); /* the last one takes the server with it, when the loop ends at the latest */
    for (int i = 0; i < 3; i++) close(peers[i]);
}

static void free_from_a_callback(void *ctx, struct http_request *r) {
    struct site *s = ctx;
    mark(s, 'r');
    http_server_free(s->server);
    s->server = NULL;
    http_respond(r, 200, NULL, 0, SLICE("last words"));
}

static void a_callback_may_free_the_server(void **state) {
    struct site *s = *state;
    struct error error = {0};
    http_server_free(s->server);
    s->handler.on_request = free_from_a_callback;
    struct http_server_options o = options();
    s->server = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(s->server);
    reconnect(s);
    rig_say(s->peer, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    RIG_WAIT(s->loop, rig_closed(s->peer, &s->in));
    assert_null(s->server);
    assert_true(rig_has(&s->log, "f") || rig_has(&s->log, "F"));
}

static void says_why_it_cannot_listen(void **state) {
    struct site *s = *state;
    struct error error = {0};
    struct http_server_options o = options();
    o.host = "not-an-address";
    assert_null(http_server_new(s->loop, &o, &s->handler, &error));
    assert_int_equal(error.fault, FAULT_CONFIG);
    o.host = "127.0.0.1";
    o.port = http_server_port(s->server);
    assert_null(http_server_new(s->loop, &o, &s->handler, &error));
    assert_int_equal(error.fault, FAULT_IO);
    o.port = 0;
    o.tls_cert_pem = o.tls_key_pem = "not a certificate";
    assert_null(http_server_new(s->loop, &o, &s->handler, &error));
    assert_int_equal(error.fault, FAULT_CONFIG);
    assert_true(strlen(error.text) > 0);
    o.tls_cert_pem = o.tls_key_pem = NULL;
    o.reuse_port = true;
    struct http_server *one = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(one);
    o.port = http_server_port(one);
    struct http_server *two = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(two);
    http_server_free(one);
    http_server_free(two);
    o.reuse_port = false;
    o.host = "";
    o.port = 0;
    struct http_server *any = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(any);
    int fd = rig_connect(http_server_port(any));
    struct buffer in;
    buffer_init(&in, 10000);
    rig_say(fd, "GET /describe HTTP/1.1\r\nHost: a\r\n\r\n");
    RIG_WAIT(s->loop, rig_took(fd, &in, "[127.0.0.1]")); /* not ::ffff:127.0.0.1 */
    close(fd);
    buffer_deinit(&in);
    http_server_free(any);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    clock_fake(1000000, 1000000);
    const struct CMUnitTest tests[] = {
        TEST(answers_and_keeps_the_connection),
        TEST(answers_later_and_in_order),
        TEST(bodies_arrive_whole),
        TEST(any_split_is_the_same_request),
        TEST(reads_head_query_and_target),
        TEST(old_clients),
        TEST(closes_when_asked),
        TEST(abandons),
        TEST(refuses_in_on_head),
        TEST(bodies_have_a_limit),
        TEST(expect_100_continue),
        TEST(heads_have_a_limit),
        TEST(ambiguous_requests_are_refused),
        TEST(a_hang_up_is_noticed),
        TEST(the_owner_may_conclude_within_on_gone),
        TEST(a_half_closed_client_is_gone),
        TEST(a_client_may_leave_inside_its_request),
        TEST(streams_frames),
        TEST(streams_may_be_empty_or_wait),
        TEST(a_stream_may_be_cut),
        TEST(head_gets_no_body),
        TEST(a_slow_client_holds_a_stream_back),
        TEST(a_client_that_reads_nothing_is_let_go),
        TEST(slow_clients_are_cut_off),
        TEST(idle_connections_are_closed),
        TEST(an_endless_chunk_extension_costs_nothing),
        TEST(quiesce_lets_open_requests_finish),
        TEST(freeing_tells_the_owners),
        TEST(a_callback_may_free_the_server),
        TEST(says_why_it_cannot_listen),
    };
    return cmocka_run_group_tests_name("io/http_server", tests, NULL, NULL);
}
