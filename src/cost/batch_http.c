#include "cost/batch_private.h"

#include "base/clock.h"

#include <stdio.h>

static struct slice header_of(void *ctx, const char *name) { return http_transfer_header(ctx, name); }

static void on_head(void *ctx, struct http_transfer *t, int status) {
    struct batch_http *h = ctx;
    h->status = status;
    h->retry_after_us = dialect_retry_after_us((struct header_source){t, header_of}, clock_wall_us());
    struct slice id = http_transfer_header(t, "x-quarterdeck-id");
    if (id.len == 0) id = http_transfer_header(t, "x-request-id");
    (void)snprintf(h->request_id, sizeof h->request_id, SLICE_FMT, SLICE_ARG(id));
}

static enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct batch_http *h = ctx;
    (void)t;
    (void)buffer_append(&h->reply, bytes); /* an overflow shows at the end */
    return HTTP_GO_ON;
}

static void over(struct batch_http *h, const char *why) {
    loop_timer_stop(h->loop, &h->timer);
    h->transfer = NULL;
    if (why != NULL) {
        h->status = 0;
        (void)snprintf(h->detail, sizeof h->detail, "%s", why);
    }
    h->done(h);
}

static void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    struct batch_http *h = ctx;
    (void)t;
    if (result != HTTP_OK) over(h, detail != NULL && detail[0] != 0 ? detail : "the connection broke");
    else over(h, h->reply.overflow ? "the reply is over the limit" : NULL);
}

static void timed_out(struct loop_timer *t) {
    struct batch_http *h = list_item(t, struct batch_http, timer);
    if (h->transfer != NULL) http_transfer_cancel(h->transfer);
    over(h, h->detail[0] != 0 ? h->detail : "no answer in time");
}

void batch_http_init(struct batch_http *h, struct loop *l, size_t max_reply, void (*done)(struct batch_http *h)) {
    *h = (struct batch_http){.loop = l, .done = done};
    h->timer.fired = timed_out;
    buffer_init(&h->reply, max_reply);
}

void batch_http_deinit(struct batch_http *h) {
    if (h->loop == NULL) return;
    loop_timer_stop(h->loop, &h->timer);
    if (h->transfer != NULL) http_transfer_cancel(h->transfer);
    h->transfer = NULL;
    buffer_deinit(&h->reply);
}

bool batch_http_is_open(const struct batch_http *h) { return h->transfer != NULL || h->timer.on; }

void batch_http_start(struct batch_http *h, struct http_route *r, const char *const *headers, struct slice body, int64_t timeout_us) {
    static const struct http_transfer_events events = {on_head, on_body, on_done};
    buffer_clear(&h->reply);
    h->status = 0;
    h->retry_after_us = -1;
    h->request_id[0] = h->detail[0] = 0;
    h->transfer = r != NULL ? http_transfer_start(r, headers, body, &events, h) : NULL;
    if (h->transfer == NULL) {
        (void)snprintf(h->detail, sizeof h->detail, "the request could not be started");
        loop_timer_start(h->loop, &h->timer, 0);
    } else if (timeout_us > 0) {
        loop_timer_start(h->loop, &h->timer, timeout_us);
    }
}
