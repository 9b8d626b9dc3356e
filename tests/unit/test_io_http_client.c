#include "test_io_rig.h"

#include "io/http_client.h"
#include "io/http_server.h"

#include <pthread.h>

/* Of a throw-away authority for localhost and 127.0.0.1; good for a hundred years. */
static const char tls_cert[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBnDCCAUGgAwIBAgIUFJkItTjZBEi1fl7oDxkuMsM+5KUwCgYIKoZIzj0EAwIw\n"
    "FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTA1MTMxMFoYDzIxMjYxMDI4\n"
    "MDUxMzEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO\n"
    "PQMBBwNCAAS8XyyoNaTJBuobr5HGTggACMj81Cvwfv88hi4cktlf1GKS9CMP06jI\n"
    "ApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBGo28wbTAdBgNVHQ4EFgQUh7h6b9NDmKig\n"
    "fmmC/1E2Ujy2k5YwHwYDVR0jBBgwFoAUh7h6b9NDmKigfmmC/1E2Ujy2k5YwDwYD\n"
    "VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI\n"
    "zj0EAwIDSQAwRgIhANBrVKVwgb+FLHlIIxeYx+hF1Ho9BTK8pUBUxrgq08mhAiEA\n"
    "rEkw/LCX06/L9A+gLaW1FUXZEsySePA4Ck56vkxP85o=\n"
    "-----END CERTIFICATE-----\n";

static const char tls_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfA7W7zZh/DUb7dXS\n"
    "+AH/lglWjMTt7YGVYaZQa9kWn/yhRANCAAS8XyyoNaTJBuobr5HGTggACMj81Cvw\n"
    "fv88hi4cktlf1GKS9CMP06jIApUyH9YF+nhIVBvHdLWLjaRZ1CNcxOBG\n"
    "-----END PRIVATE KEY-----\n";

/* One client, one route, and an upstream that the test itself plays on a bare socket. */
struct rig {
    struct loop *loop;
    struct http_client *client;
    struct http_route *route;
    int listener, up; /* the accepted connection, or -1 */
    uint16_t port;
    struct buffer in; /* what the upstream received */
};

enum act { NOTHING, CANCEL, PAUSE, FREE_CLIENT, START_ANOTHER };

struct call {
    struct rig *rig;
    struct http_transfer *t;
    struct buffer log, body; /* log: H<status> B D<result> */
    enum act in_head, in_body, in_done;
    bool done;
    enum http_result result;
    char detail[256], header[64];
    struct call *next;
};

static struct http_transfer *start(struct rig *r, struct call *c, const char *const *extra, struct slice body);

static void act(struct call *c, struct http_transfer *t, enum act what) {
    if (what == CANCEL) {
        http_transfer_cancel(t);
        c->t = NULL;
    } else if (what == FREE_CLIENT) {
        http_client_free(c->rig->client);
        c->rig->client = NULL;
        c->rig->route = NULL;
    } else if (what == START_ANOTHER) {
        (void)start(c->rig, c->next, NULL, SLICE("next"));
    }
}

static void on_head(void *ctx, struct http_transfer *t, int status) {
    struct call *c = ctx;
    assert_true(buffer_printf(&c->log, "H%d ", status));
    struct slice h = http_transfer_header(t, "X-Thing");
    (void)snprintf(c->header, sizeof c->header, SLICE_FMT, SLICE_ARG(slice_is_null(h) ? SLICE("-") : h));
    act(c, t, c->in_head);
}

static enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct call *c = ctx;
    assert_true(buffer_append(&c->body, bytes));
    if (!slice_ends(buffer_slice(&c->log), SLICE("B "))) assert_true(buffer_append(&c->log, SLICE("B ")));
    act(c, t, c->in_body);
    return c->in_body == PAUSE ? HTTP_PAUSE : HTTP_GO_ON;
}

static void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    struct call *c = ctx;
    c->done = true;
    c->result = result;
    c->t = NULL;
    (void)snprintf(c->detail, sizeof c->detail, "%s", detail);
    assert_true(buffer_printf(&c->log, "D%d", (int)result));
    assert_int_equal(http_transfer_received(t), (int64_t)c->body.len);
    act(c, t, c->in_done);
}

static const struct http_transfer_events events = {on_head, on_body, on_done};

static void call_init(struct call *c, struct rig *r) {
    *c = (struct call){.rig = r};
    buffer_init(&c->log, 1 << 16);
    buffer_init(&c->body, 64 << 20);
}

static void call_deinit(struct call *c) {
    buffer_deinit(&c->log);
    buffer_deinit(&c->body);
}

static struct http_transfer *start(struct rig *r, struct call *c, const char *const *extra, struct slice body) {
    c->t = http_transfer_start(r->route, extra, body, &events, c);
    return c->t;
}

static struct http_route *route_to(struct rig *r, const char *method, const char *path) {
    static const char *const headers[] = {"authorization: Bearer x", "content-type: application/json", NULL};
    char url[128];
    struct error error = {0};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", r->port, path);
    struct http_route_options o = {.url = url, .method = method, .headers = headers, .connect_timeout_us = 5000000};
    struct http_route *route = http_route_new(r->client, &o, &error);
    assert_non_null(route);
    return route;
}

static int setup(void **state) {
    struct rig *r = mem_new(struct rig);
    struct error error = {0};
    buffer_init(&r->in, 64 << 20);
    r->up = -1;
    r->listener = rig_listen(&r->port);
    r->loop = loop_new(&error);
    assert_non_null(r->loop);
    r->client = http_client_new(r->loop, 4);
    assert_non_null(r->client);
    r->route = route_to(r, "POST", "/v1/x?y=1");
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct rig *r = *state;
    http_route_free(r->route);
    http_client_free(r->client);
    loop_free(r->loop);
    if (r->up >= 0) close(r->up);
    close(r->listener);
    buffer_deinit(&r->in);
    mem_free(r);
    return 0;
}

/* Waits until the upstream has the request whose end is `until`, on a new connection if there is none. */
static void receive(struct rig *r, const char *until) {
    if (r->up < 0) RIG_WAIT(r->loop, rig_accept(r->listener, &r->up));
    RIG_WAIT(r->loop, rig_took(r->up, &r->in, until));
}

static void hang_up(struct rig *r) {
    close(r->up);
    r->up = -1;
    buffer_clear(&r->in);
}

static void reply(struct rig *r, const char *text) {
    buffer_clear(&r->in);
    rig_say(r->up, text);
}

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

/* The peer closes while the request is on its way: libcurl sends it again on a new connection. */
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
    http_transfer_cancel(c.t); /* before libcurl has it */
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

/* against our own server, over TLS, and blocking */

static void echo(void *ctx, struct http_request *q) {
    (void)ctx;
    if (slice_is(q->path, "/silent")) return;
    http_respond(q, slice_is(q->path, "/teapot") ? 418 : 200, NULL, 0, q->body.len > 0 ? q->body : SLICE("none"));
}

static void let_go(void *ctx, struct http_request *q) {
    (void)ctx;
    http_abandon(q);
}

static struct http_server *serve(struct loop *l, bool tls) {
    struct error error = {0};
    struct http_handler h = {.on_request = echo, .on_gone = let_go};
    struct http_server_options o = {.host = "127.0.0.1", .max_body = 10 << 20, .max_header = 8192, .head_timeout_us = 10000000,
                                    .body_timeout_us = 10000000, .idle_timeout_us = 10000000, .max_connections = 100};
    if (tls) o.tls_cert_pem = tls_cert, o.tls_key_pem = tls_key;
    struct http_server *s = http_server_new(l, &o, &h, &error);
    if (s == NULL) fail_msg("%s", error.text);
    return s;
}

static void speaks_tls(void **state) {
    struct rig *r = *state;
    struct error error = {0};
    struct http_server *s = serve(r->loop, true);
    char path[] = "/tmp/test_io_XXXXXX", url[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, tls_cert, sizeof tls_cert - 1), (ssize_t)sizeof tls_cert - 1);
    close(fd);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/x", http_server_port(s));
    struct buffer big;
    buffer_init(&big, 2 << 20);
    while (big.len < 1000000) assert_true(buffer_append(&big, SLICE("0123456789")));
    for (int trusted = 1; trusted >= 0; trusted--) {
        struct http_route_options o = {.url = url, .method = "POST", .connect_timeout_us = 5000000, .http2 = true,
                                       .ca_file = trusted ? path : NULL};
        struct http_route *route = http_route_new(r->client, &o, &error);
        assert_non_null(route);
        for (int i = 0; i < 3; i++) {
            struct call c;
            call_init(&c, r);
            c.t = http_transfer_start(route, NULL, i == 1 ? buffer_slice(&big) : SLICE("hi"), &events, &c);
            assert_non_null(c.t);
            RIG_WAIT(r->loop, c.done);
            assert_int_equal(c.result, trusted ? HTTP_OK : HTTP_CONNECT_FAILED);
            if (trusted) assert_true(slice_eq(buffer_slice(&c.body), i == 1 ? buffer_slice(&big) : SLICE("hi")));
            call_deinit(&c);
        }
        http_route_free(route);
    }
    unlink(path);
    buffer_deinit(&big);
    http_server_free(s);
}

static void *run_loop(void *arg) {
    loop_run(arg);
    return NULL;
}

static void fetches(void **state) {
    struct rig *r = *state;
    struct http_server *s = serve(r->loop, false);
    struct error error = {0};
    struct buffer body;
    char url[64];
    int status = -1;
    pthread_t thread;
    static const char *const headers[] = {"x-a: b", NULL};
    buffer_init(&body, 1000);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, r->loop), 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/teapot", http_server_port(s));
    assert_int_equal(http_fetch("POST", url, headers, SLICE("body"), 5000000, &status, &body, &error), FAULT_NONE);
    assert_int_equal(status, 418);
    assert_string_equal(buffer_text(&body), "body");
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 5000000, &status, &body, &error), FAULT_NONE);
    assert_string_equal(buffer_text(&body), "bodynone"); /* appended */
    status = -1;
    struct buffer small;
    buffer_init(&small, 3);
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 5000000, &status, &small, &error), FAULT_UP_TOO_LARGE);
    assert_int_equal(small.len, 0);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/silent", http_server_port(s));
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 30000, &status, &body, &error), FAULT_UP_TIMEOUT);
    assert_int_equal(http_fetch("GET", "gopher://x/", NULL, SLICE_NULL, 30000, &status, &body, &error), FAULT_BAD_REQUEST);
    loop_stop(r->loop);
    pthread_join(thread, NULL);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", r->port);
    close(r->listener);
    assert_int_equal(http_fetch("GET", url, NULL, SLICE_NULL, 1000000, &status, &body, &error), FAULT_UP_CONNECT);
    assert_int_equal(status, -1);
    r->listener = socket(AF_INET, SOCK_STREAM, 0);
    http_server_free(s);
    buffer_deinit(&small);
    buffer_deinit(&body);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
        TEST(speaks_tls),
        TEST(fetches),
    };
    return cmocka_run_group_tests_name("io/http_client", tests, NULL, NULL);
}
