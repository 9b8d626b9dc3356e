#include "test_io_server_rig.h"

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
    };
    return cmocka_run_group_tests_name("io/http_server", tests, NULL, NULL);
}
