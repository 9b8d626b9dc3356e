/* test_sim_rig.h - a simulator and a client on one loop, under a clock that the test steps: simulated minutes
 * pass in no time. */
#ifndef TEST_SIM_RIG_H
#define TEST_SIM_RIG_H

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "io/http_client.h"
#include "sim/simulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RIG_START 1000000000LL         /* monotonic */
#define RIG_WALL 1795000000000000LL    /* 2026-11-18 */
#define RIG_PATIENCE (150LL * 1000000) /* a reply that takes longer, in simulated time, never comes */

struct sim_rig {
    struct loop *loop;
    struct simulator *simulator;
    struct http_client *client;
    struct arena arena;
};

struct sim_reply {
    int status;
    bool done;
    enum http_result result;
    struct buffer body;
    char header[128]; /* the value of want_header */
    const char *want_header;
    unsigned pieces;                    /* calls of on_body */
    int64_t head_us, first_us, done_us; /* after the start */
    int64_t start_us;
    struct http_transfer *transfer;
};

static inline void rig_open(struct sim_rig *r, const char *script, double speed) {
    struct error error = {0};
    *r = (struct sim_rig){0};
    clock_fake(RIG_START, RIG_WALL);
    assert_true(digest_start());
    r->loop = loop_new(&error);
    assert_non_null(r->loop);
    struct simulator_options o = {.host = "127.0.0.1", .seed = 7, .speed = speed, .script_name = "test"};
    if (script != NULL) o.script = slice_of(script);
    r->simulator = simulator_new(r->loop, &o, &error);
    if (r->simulator == NULL) fail_msg("%s", error.text);
    r->client = http_client_new(r->loop, 100);
    arena_init(&r->arena, 4096, 256 << 20);
}

static inline void rig_close(struct sim_rig *r) {
    http_client_free(r->client);
    simulator_free(r->simulator);
    loop_free(r->loop);
    arena_deinit(&r->arena);
}

static inline void rig_stop(void *arg) {
    loop_stop(arg);
}

/* One turn of the loop, and a millisecond. */
static inline void rig_turn(struct sim_rig *r) {
    loop_defer(r->loop, rig_stop, r->loop);
    loop_run(r->loop);
    clock_advance(1000);
}

static inline void rig_on_head(void *ctx, struct http_transfer *t, int status) {
    struct sim_reply *reply = ctx;
    reply->status = status;
    reply->head_us = clock_us() - reply->start_us;
    struct slice value =
        reply->want_header != NULL ? http_transfer_header(t, reply->want_header) : SLICE_NULL;
    (void)snprintf(reply->header, sizeof reply->header, SLICE_FMT,
                   SLICE_ARG(slice_is_null(value) ? SLICE("-") : value));
}

static inline enum http_flow rig_on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct sim_reply *reply = ctx;
    (void)t;
    if (reply->body.len == 0) reply->first_us = clock_us() - reply->start_us;
    reply->pieces++;
    assert_true(buffer_append(&reply->body, bytes));
    return HTTP_GO_ON;
}

static inline void rig_on_done(void *ctx, struct http_transfer *t, enum http_result result,
                               const char *detail) {
    struct sim_reply *reply = ctx;
    (void)t;
    (void)detail;
    reply->done = true;
    reply->result = result;
    reply->done_us = clock_us() - reply->start_us;
}

/* Starts a request; `header` (may be NULL) goes with it. The body must stay. */
static inline void rig_start(struct sim_rig *r, const char *method, const char *path, const char *header,
                             const char *body, struct sim_reply *reply) {
    static const struct http_transfer_events events = {rig_on_head, rig_on_body, rig_on_done};
    const char *headers[] = {"content-type: application/json", header, NULL};
    const char *want = reply->want_header;
    struct error error = {0};
    *reply = (struct sim_reply){.want_header = want, .start_us = clock_us()};
    buffer_init(&reply->body, 256 << 20);
    struct http_route_options o = {
        .url = arena_printf(&r->arena, "http://127.0.0.1:%u%s", simulator_port(r->simulator), path).at,
        .method = method,
        .headers = headers,
        .connect_timeout_us = 5000000,
    };
    struct http_route *route = http_route_new(r->client, &o, &error);
    assert_non_null(route);
    reply->transfer = http_transfer_start(route, NULL, slice_of(body), &events, reply);
    assert_non_null(reply->transfer);
    http_route_free(route);
}

/* False: no end within RIG_PATIENCE. */
static inline bool rig_finish(struct sim_rig *r, struct sim_reply *reply) {
    int64_t end = clock_us() + RIG_PATIENCE;
    while (!reply->done && clock_us() < end) rig_turn(r);
    return reply->done;
}

static inline void rig_post(struct sim_rig *r, const char *path, const char *body, struct sim_reply *reply) {
    rig_start(r, "POST", path, NULL, body, reply);
    assert_true(rig_finish(r, reply));
}

static inline void rig_get(struct sim_rig *r, const char *path, struct sim_reply *reply) {
    rig_start(r, "GET", path, NULL, "", reply);
    assert_true(rig_finish(r, reply));
}

static inline void reply_deinit(struct sim_reply *reply) {
    buffer_deinit(&reply->body);
}

/* The node at "choices.0.message.content". */
static inline uint32_t node_at(const struct json_doc *d, const char *path) {
    struct slice rest = slice_of(path), head;
    uint32_t node = 0;
    while (rest.len > 0) {
        uint64_t index;
        slice_cut(rest, '.', &head, &rest);
        node =
            slice_to_u64(head, &index) ? json_item(d, node, (uint32_t)index) : json_get_slice(d, node, head);
    }
    return node;
}

static inline void read_doc(struct sim_rig *r, struct slice text, struct json_doc *ret) {
    struct error error = {0};
    if (json_read(text, &r->arena, UINT16_MAX, ret, &error) != FAULT_NONE)
        fail_msg("%s in " SLICE_FMT, error.text, SLICE_ARG(text));
}

static inline void assert_text_at(const struct json_doc *d, const char *path, const char *want) {
    if (json_is(d, node_at(d, path), want)) return;
    fail_msg("%s: expected \"%s\", found " SLICE_FMT, path, want, SLICE_ARG(json_raw(d, node_at(d, path))));
}

static inline int64_t number_at(const struct json_doc *d, const char *path) {
    int64_t n = -1;
    json_get_i64(d, node_at(d, path), &n);
    return n;
}

#endif
