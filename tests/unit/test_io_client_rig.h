/* test_io_client_rig.h - a client, and an upstream that the test itself plays on a bare socket. */
#ifndef TEST_IO_CLIENT_RIG_H
#define TEST_IO_CLIENT_RIG_H

#include "test_io_rig.h"

#include "io/http_client.h"

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

static inline struct http_transfer *start(struct rig *r, struct call *c, const char *const *extra, struct slice body);

static inline void act(struct call *c, struct http_transfer *t, enum act what) {
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

static inline void on_head(void *ctx, struct http_transfer *t, int status) {
    struct call *c = ctx;
    assert_true(buffer_printf(&c->log, "H%d ", status));
    struct slice h = http_transfer_header(t, "X-Thing");
    (void)snprintf(c->header, sizeof c->header, SLICE_FMT, SLICE_ARG(slice_is_null(h) ? SLICE("-") : h));
    act(c, t, c->in_head);
}

static inline enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct call *c = ctx;
    assert_true(buffer_append(&c->body, bytes));
    if (!slice_ends(buffer_slice(&c->log), SLICE("B "))) assert_true(buffer_append(&c->log, SLICE("B ")));
    act(c, t, c->in_body);
    return c->in_body == PAUSE ? HTTP_PAUSE : HTTP_GO_ON;
}

static inline void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
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

static inline void call_init(struct call *c, struct rig *r) {
    *c = (struct call){.rig = r};
    buffer_init(&c->log, 1 << 16);
    buffer_init(&c->body, 64 << 20);
}

static inline void call_deinit(struct call *c) {
    buffer_deinit(&c->log);
    buffer_deinit(&c->body);
}

static inline struct http_transfer *start(struct rig *r, struct call *c, const char *const *extra, struct slice body) {
    c->t = http_transfer_start(r->route, extra, body, &events, c);
    return c->t;
}

static inline struct http_route *route_to(struct rig *r, const char *method, const char *path) {
    static const char *const headers[] = {"authorization: Bearer x", "content-type: application/json", NULL};
    char url[128];
    struct error error = {0};
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", r->port, path);
    struct http_route_options o = {.url = url, .method = method, .headers = headers, .connect_timeout_us = 5000000};
    struct http_route *route = http_route_new(r->client, &o, &error);
    assert_non_null(route);
    return route;
}

static inline int setup(void **state) {
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

static inline int teardown(void **state) {
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
static inline void receive(struct rig *r, const char *until) {
    if (r->up < 0) RIG_WAIT(r->loop, rig_accept(r->listener, &r->up));
    RIG_WAIT(r->loop, rig_took(r->up, &r->in, until));
}

static inline void hang_up(struct rig *r) {
    close(r->up);
    r->up = -1;
    buffer_clear(&r->in);
}

static inline void reply(struct rig *r, const char *text) {
    buffer_clear(&r->in);
    rig_say(r->up, text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
