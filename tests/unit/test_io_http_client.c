#include "test_io_client_rig.h"

/* good replies */

static void sends_and_receives(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    static const char *const extra[] = {"x-request: 1", "x-other: two words", NULL};
    assert_non_null(start(r, &c, extra, SLICE("{\"a\":1}")));
    assert_int_equal(c.log.len, 0);
    receive(r, "{\"a\":1}");
    assert_true(slice_starts(buffer_slice(&r->in), SLICE("POST /v1/x?y=1 HTTP/1.1\r\n")));
    assert_true(rig_has(&r->in, "\r\nauthorization: Bearer x\r\n") && rig_has(&r->in, "\r\nx-request: 1\r\n"));
    assert_true(rig_has(&r->in, "\r\nx-other: two words\r\n") && rig_has(&r->in, "\r\nContent-Length: 7\r\n"));
    assert_int_equal(rig_count(&r->in, "ontent-"), 2);
    assert_false(rig_has(&r->in, "Expect") || rig_has(&r->in, "Accept:") || rig_has(&r->in, "Accept-Encoding") || rig_has(&r->in, "User-Agent"));
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Thing:  some value \r\nContent-Encoding: gzip\r\n\r\nhello");
    RIG_WAIT(r->loop, c.done);
    assert_string_equal(buffer_text(&c.log), "H200 B D0");
    assert_string_equal(buffer_text(&c.body), "hello"); /* not decoded: nobody asked for gzip */
    assert_string_equal(c.header, "some value");
    call_deinit(&c);
}

static void connections_and_handles_are_reused(void **state) {
    struct rig *r = *state;
    static const char *const extra[] = {"x-once: 1", NULL};
    for (int i = 0; i < 5; i++) {
        struct call c;
        call_init(&c, r);
        assert_non_null(start(r, &c, i == 2 ? extra : NULL, i == 3 ? SLICE_NULL : SLICE("body")));
        receive(r, i == 3 ? "Content-Length: 0\r\n" : "\r\n\r\nbody");
        assert_int_equal(rig_has(&r->in, "x-once"), i == 2);
        reply(r, i == 4 ? "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
                        : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        RIG_WAIT(r->loop, c.done);
        assert_int_equal(c.result, HTTP_OK);
        if (i == 4) assert_string_equal(buffer_text(&c.log), "H404 B D0");
        if (i == 4) assert_string_equal(buffer_text(&c.body), "abcde");
        call_deinit(&c);
    }
    int second;
    assert_false(rig_accept(r->listener, &second));
}

static void other_methods_and_old_servers(void **state) {
    struct rig *r = *state;
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE"};
    for (int i = 0; i < 4; i++) {
        struct call c;
        call_init(&c, r);
        struct http_route *route = route_to(r, methods[i], "/other");
        c.t = http_transfer_start(route, NULL, SLICE("data"), &events, &c);
        assert_non_null(c.t);
        http_route_free(route); /* the transfer goes on */
        receive(r, i < 2 ? "\r\n\r\n" : "\r\n\r\ndata");
        assert_true(slice_starts(buffer_slice(&r->in), slice_of(methods[i])));
        reply(r, i == 1 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n" : "HTTP/1.0 200 OK\r\n\r\nto the end");
        if (i != 1) {
            RIG_WAIT(r->loop, c.body.len == 10);
            hang_up(r);
        }
        RIG_WAIT(r->loop, c.done);
        assert_string_equal(buffer_text(&c.log), i == 1 ? "H200 D0" : "H200 B D0");
        call_deinit(&c);
    }
}

static void informational_heads_are_skipped(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Thing: early\r\n\r\nHTTP/1.1 201 Created\r\nX-Thing: late\r\n"
             "Content-Length: 0\r\n\r\n");
    RIG_WAIT(r->loop, c.done);
    assert_string_equal(buffer_text(&c.log), "H201 D0");
    assert_string_equal(c.header, "late");
    call_deinit(&c);
}

/* A body in single bytes and one of some megabytes arrive as they were sent. */
static void bodies_of_any_shape(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    static const char slow[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n5\r\n body\r\n0\r\n\r\n";
    for (size_t i = 0; i < sizeof slow - 1; i++) {
        rig_send(r->up, slow + i, 1);
        rig_turn(r->loop);
    }
    RIG_WAIT(r->loop, c.done);
    assert_string_equal(buffer_text(&c.body), "slow body");
    call_deinit(&c);
    call_init(&c, r);
    buffer_clear(&r->in);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n");
    static char piece[40000];
    for (int i = 0; i < 200; i++) {
        memset(piece, 'a' + i % 26, sizeof piece);
        for (size_t at = 0; at < sizeof piece;) {
            ssize_t n = send(r->up, piece + at, sizeof piece - at, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (n > 0) at += (size_t)n;
            rig_turn(r->loop);
        }
    }
    RIG_WAIT(r->loop, c.done);
    assert_int_equal(c.body.len, 8000000);
    for (size_t i = 0; i < c.body.len; i += 997) assert_int_equal(c.body.at[i], 'a' + (int)(i / 40000 % 26));
    call_deinit(&c);
}

/* failures */

static void failures_have_names(void **state) {
    struct rig *r = *state;
    static const struct {
        const char *reply; /* then the upstream hangs up */
        const char *log;
        enum http_result result;
    } cases[] = {
        {"", "D3", HTTP_RESET},
        {"HTTP/1.1 200", "D3", HTTP_RESET},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "D3", HTTP_RESET},
        {"HTTP/1.1 100 Continue\r\n\r\n", "D3", HTTP_RESET},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "H200 D4", HTTP_CUT},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", "H200 B D4", HTTP_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "H200 B D4", HTTP_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "H200 B D4", HTTP_CUT},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n", "H200 B D5", HTTP_BAD},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n", "H200 B D5", HTTP_BAD},
        {"SSH-2.0-OpenSSH\r\n", "D5", HTTP_BAD},
        {"HTTP/1.1 20x OK\r\n\r\n", "D5", HTTP_BAD},
        {"garbage garbage garbage garbage garbage\r\n\r\n", "D5", HTTP_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct call c;
        call_init(&c, r);
        assert_non_null(start(r, &c, NULL, SLICE("x")));
        receive(r, "\r\n\r\nx");
        rig_say(r->up, cases[i].reply);
        rig_turns(r->loop, 3);
        hang_up(r);
        RIG_WAIT(r->loop, c.done);
        if (strcmp(buffer_text(&c.log), cases[i].log) != 0)
            fail_msg("case %zu: %s, expected %s (%s)", i, buffer_text(&c.log), cases[i].log, c.detail);
        assert_int_equal(c.result, cases[i].result);
        assert_true(strlen(c.detail) > 0);
        call_deinit(&c);
    }
}

static void a_reset_is_told_from_an_end(void **state) {
    struct rig *r = *state;
    for (int with_head = 0; with_head < 2; with_head++) {
        struct call c;
        struct linger hard = {1, 0};
        call_init(&c, r);
        assert_non_null(start(r, &c, NULL, SLICE("x")));
        receive(r, "\r\n\r\nx");
        if (with_head) {
            rig_say(r->up, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
            RIG_WAIT(r->loop, c.body.len == 2);
        }
        (void)setsockopt(r->up, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        hang_up(r);
        RIG_WAIT(r->loop, c.done);
        assert_int_equal(c.result, with_head ? HTTP_CUT : HTTP_RESET);
        call_deinit(&c);
    }
}

static void nobody_listens(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    close(r->listener);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    assert_false(c.done); /* never from inside start */
    RIG_WAIT(r->loop, c.done);
    assert_int_equal(c.result, HTTP_CONNECT_FAILED);
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    call_deinit(&c);
}

static void stop_when_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    struct call *c = ctx;
    on_done(ctx, t, result, detail);
    loop_stop(c->rig->loop);
}

/* An upstream that accepts and never says a word of TLS: the time limit covers the handshake. */
static void connecting_has_a_time_limit(void **state) {
    struct rig *r = *state;
    struct call c;
    struct error error = {0};
    char url[64];
    call_init(&c, r);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", r->port);
    struct http_route_options o = {.url = url, .method = "GET", .connect_timeout_us = 50000};
    struct http_route *route = http_route_new(r->client, &o, &error);
    assert_non_null(route);
    struct http_transfer_events e = {on_head, on_body, stop_when_done};
    c.t = http_transfer_start(route, NULL, SLICE_NULL, &e, &c);
    assert_non_null(c.t);
    loop_run(r->loop);
    assert_int_equal(c.result, HTTP_CONNECT_TIMEOUT);
    http_route_free(route);
    call_deinit(&c);
}

static void bad_routes_and_headers_are_refused(void **state) {
    struct rig *r = *state;
    struct error error = {0};
    static const char *const broken[] = {"a: b\r\nc: d", NULL};
    static const char *const urls[] = {"ftp://host/", "not a url", "http://", "file:///etc/passwd"};
    for (int i = 0; i < 4; i++) {
        struct http_route_options o = {.url = urls[i], .method = "GET", .connect_timeout_us = 1000000};
        assert_null(http_route_new(r->client, &o, &error));
        assert_int_equal(error.fault, FAULT_CONFIG);
    }
    struct http_route_options o = {.url = "http://127.0.0.1/", .method = "GET", .headers = broken, .connect_timeout_us = 1000000};
    assert_null(http_route_new(r->client, &o, &error));
    struct call c;
    call_init(&c, r);
    assert_null(http_transfer_start(r->route, broken, SLICE("x"), &events, &c));
    call_deinit(&c);
}

/* An idle connection that its peer closed costs nothing but a new connection. */
static void a_stale_connection_is_replaced(void **state) {
    struct rig *r = *state;
    for (int i = 0; i < 4; i++) {
        struct call c;
        call_init(&c, r);
        assert_non_null(start(r, &c, NULL, SLICE("x")));
        receive(r, "\r\n\r\nx");
        reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        RIG_WAIT(r->loop, c.done);
        assert_int_equal(c.result, HTTP_OK);
        if (i % 2 == 0) rig_turns(r->loop, 2);
        hang_up(r);
        if (i < 2) rig_turns(r->loop, 2); /* the loop hears of it, or does not */
        call_deinit(&c);
    }
}

/* The peer closes while the request is on its way: it is sent again on a new connection. */
static void a_connection_that_closes_under_the_request(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_WAIT(r->loop, c.done);
    call_deinit(&c);
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("y")));
    receive(r, "\r\n\r\ny");
    hang_up(r);
    receive(r, "\r\n\r\ny");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_WAIT(r->loop, c.done);
    assert_int_equal(c.result, HTTP_OK);
    call_deinit(&c);
}

/* flow */

static void pausing_stops_the_flow(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    c.in_body = PAUSE;
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n");
    RIG_WAIT(r->loop, c.body.len > 0);
    rig_say(r->up, "5\r\nthree\r\n0\r\n\r\n");
    rig_turns(r->loop, 20);
    assert_string_equal(buffer_text(&c.body), "one");
    http_transfer_resume(c.t);
    assert_string_equal(buffer_text(&c.body), "one"); /* never from inside */
    RIG_WAIT(r->loop, c.body.len > 3);
    rig_turns(r->loop, 20);
    assert_false(c.done);
    c.in_body = NOTHING;
    http_transfer_resume(c.t);
    http_transfer_resume(c.t);
    RIG_WAIT(r->loop, c.done);
    assert_string_equal(buffer_text(&c.body), "onetwothree");
    assert_int_equal(c.result, HTTP_OK);
    call_deinit(&c);
}

/* A paused transfer takes no more than some buffers from its upstream. */
static void pausing_holds_the_upstream_back(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    c.in_body = PAUSE;
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n");
    static char piece[65536];
    size_t sent = 0;
    for (int idle = 0; idle < 50;) {
        ssize_t n = send(r->up, piece, sizeof piece, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0) sent += (size_t)n;
        idle = n > 0 ? 0 : idle + 1;
        rig_turn(r->loop);
    }
    assert_true(sent < 50000000);
    assert_true(c.body.len <= 65536);
    c.in_body = NOTHING;
    http_transfer_resume(c.t);
    while (!c.done) {
        size_t n = sizeof piece < 50000000 - sent ? sizeof piece : 50000000 - sent;
        ssize_t k = n == 0 ? 0 : send(r->up, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (k > 0) sent += (size_t)k;
        rig_turn(r->loop);
    }
    assert_int_equal(c.result, HTTP_OK);
    assert_int_equal(c.body.len, 50000000);
    call_deinit(&c);
}

static void cancelling_closes_at_once(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    http_transfer_cancel(c.t); /* before it has a connection */
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx"); /* while waiting */
    http_transfer_cancel(c.t);
    RIG_WAIT(r->loop, rig_closed(r->up, &r->in));
    hang_up(r);
    for (int where = 0; where < 3; where++) {
        c.in_head = where == 0 ? CANCEL : NOTHING;
        c.in_body = where == 1 ? CANCEL : where == 2 ? PAUSE : NOTHING;
        assert_non_null(start(r, &c, NULL, SLICE("x")));
        receive(r, "\r\n\r\nx");
        reply(r, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n");
        if (where == 2) {
            RIG_WAIT(r->loop, c.body.len > 3);
            http_transfer_cancel(c.t); /* paused, with bytes held back */
        }
        RIG_WAIT(r->loop, rig_closed(r->up, &r->in));
        hang_up(r);
        rig_turns(r->loop, 5);
    }
    assert_false(c.done);
    assert_string_equal(buffer_text(&c.log), "H200 H200 B H200 B ");
    buffer_clear(&c.body);
    c.in_body = NOTHING;
    c.in_done = CANCEL; /* too late, and harmless */
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    RIG_WAIT(r->loop, c.done);
    call_deinit(&c);
}

static void callbacks_may_start_transfers(void **state) {
    struct rig *r = *state;
    struct call first, second, third;
    call_init(&first, r);
    call_init(&second, r);
    call_init(&third, r);
    first.in_head = START_ANOTHER;
    first.next = &second;
    second.in_done = START_ANOTHER;
    second.next = &third;
    assert_non_null(start(r, &first, NULL, SLICE("first")));
    receive(r, "\r\n\r\nfirst");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
    RIG_WAIT(r->loop, first.done);
    for (struct call *c = &second; c != NULL; c = c == &second ? &third : NULL) {
        int fd;
        if (rig_accept(r->listener, &fd)) {
            close(r->up);
            r->up = fd;
        }
        receive(r, "\r\n\r\nnext");
        reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
        RIG_WAIT(r->loop, c->done);
        assert_int_equal(c->result, HTTP_OK);
    }
    call_deinit(&first);
    call_deinit(&second);
    call_deinit(&third);
}

static void connections_to_a_host_are_bounded(void **state) {
    struct rig *r = *state;
    enum { N = 10 };
    struct call c[N];
    int fds[N], open = 0, answered = 0;
    struct buffer in;
    buffer_init(&in, 1 << 20);
    for (int i = 0; i < N; i++) {
        call_init(&c[i], r);
        assert_non_null(start(r, &c[i], NULL, SLICE("x")));
    }
    for (int turns = 0; answered < N; turns++) {
        assert_true(turns < TURNS);
        rig_turn(r->loop);
        if (open < N && rig_accept(r->listener, &fds[open])) open++;
        for (int i = 0; i < open; i++) {
            buffer_clear(&in);
            if (rig_took(fds[i], &in, "\r\n\r\nx")) rig_say(fds[i], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        }
        answered = 0;
        for (int i = 0; i < N; i++) answered += c[i].done;
    }
    assert_in_range(open, 1, 4);
    for (int i = 0; i < N; i++) {
        assert_int_equal(c[i].result, HTTP_OK);
        call_deinit(&c[i]);
    }
    for (int i = 0; i < open; i++) close(fds[i]);
    buffer_deinit(&in);
}

static void freeing_cancels(void **state) {
    struct rig *r = *state;
    struct call c[3];
    for (int i = 0; i < 3; i++) {
        call_init(&c[i], r);
        assert_non_null(start(r, &c[i], NULL, SLICE("x")));
    }
    rig_turns(r->loop, 5);
    http_client_free(r->client);
    rig_turns(r->loop, 5);
    for (int i = 0; i < 3; i++) assert_int_equal(c[i].log.len, 0);
    r->client = http_client_new(r->loop, 4);
    r->route = route_to(r, "POST", "/");
    int fd;
    while (rig_accept(r->listener, &fd)) close(fd);
    for (int where = 0; where < 3; where++) { /* from inside each callback */
        buffer_clear(&c[0].log);
        buffer_clear(&c[0].body);
        c[0].in_head = where == 0 ? FREE_CLIENT : NOTHING;
        c[0].in_body = where == 1 ? FREE_CLIENT : NOTHING;
        c[0].in_done = where == 2 ? FREE_CLIENT : NOTHING;
        assert_non_null(start(r, &c[0], NULL, SLICE("x")));
        receive(r, "\r\n\r\nx");
        reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        RIG_WAIT(r->loop, r->client == NULL);
        RIG_WAIT(r->loop, rig_closed(r->up, &r->in));
        assert_string_equal(buffer_text(&c[0].log), where == 0 ? "H200 " : where == 1 ? "H200 B " : "H200 B D0");
        hang_up(r);
        r->client = http_client_new(r->loop, 4);
        r->route = route_to(r, "POST", "/");
    }
    for (int i = 0; i < 3; i++) call_deinit(&c[i]);
}

static void a_huge_head_is_refused(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\n");
    static char line[1100];
    memset(line, 'a', sizeof line);
    memcpy(line, "x-a: ", 5);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    for (int i = 0; i < 400 && !c.done; i++) {
        (void)send(r->up, line, sizeof line, MSG_NOSIGNAL);
        rig_turn(r->loop);
    }
    RIG_WAIT(r->loop, c.done);
    assert_string_equal(buffer_text(&c.log), "D5");
    call_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(sends_and_receives),
        TEST(connections_and_handles_are_reused),
        TEST(other_methods_and_old_servers),
        TEST(informational_heads_are_skipped),
        TEST(bodies_of_any_shape),
        TEST(failures_have_names),
        TEST(a_reset_is_told_from_an_end),
        TEST(nobody_listens),
        TEST(connecting_has_a_time_limit),
        TEST(bad_routes_and_headers_are_refused),
        TEST(a_stale_connection_is_replaced),
        TEST(a_connection_that_closes_under_the_request),
        TEST(pausing_stops_the_flow),
        TEST(pausing_holds_the_upstream_back),
        TEST(cancelling_closes_at_once),
        TEST(callbacks_may_start_transfers),
        TEST(connections_to_a_host_are_bounded),
        TEST(freeing_cancels),
        TEST(a_huge_head_is_refused),
    };
    return cmocka_run_group_tests_name("io/http_client", tests, NULL, NULL);
}
