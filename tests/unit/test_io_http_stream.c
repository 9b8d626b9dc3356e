#include "test_io_server_rig.h"

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

int main(void) {
    clock_fake(1000000, 1000000);
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests_name("io/http_server: streams, hang-ups, deadlines", tests, NULL, NULL);
}
