#include "io/http_call.h"

#include "base/list.h"

#include <stdio.h>

static void on_head(void *ctx, struct http_transfer *t, int status) {
    struct http_call *h = ctx;
    h->transfer = t;
    h->status = status;
    if (h->head != NULL) h->head(h);
}

static enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct http_call *h = ctx;
    (void)t;
    (void)buffer_append(&h->reply, bytes); /* an overflow shows at the end */
    return HTTP_GO_ON;
}

static void over(struct http_call *h, const char *why) {
    loop_timer_stop(h->loop, &h->timer);
    h->transfer = NULL;
    if (why != NULL) {
        h->status = 0;
        (void)snprintf(h->detail, sizeof h->detail, "%s", why);
    }
    h->done(h);
}

static void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    struct http_call *h = ctx;
    (void)t;
    h->result = result;
    if (result != HTTP_OK) over(h, detail != NULL && detail[0] != 0 ? detail : "the connection broke");
    else over(h, h->reply.overflow ? "the reply is over the limit" : NULL);
}

static void timed_out(struct loop_timer *t) {
    struct http_call *h = list_item(t, struct http_call, timer);
    if (h->transfer != NULL) http_transfer_cancel(h->transfer);
    over(h, h->detail[0] != 0 ? h->detail : "no answer in time");
}

void http_call_init(struct http_call *h, struct loop *l, size_t max_reply, void (*head)(struct http_call *h),
                    void (*done)(struct http_call *h)) {
    *h = (struct http_call){.loop = l, .head = head, .done = done};
    h->timer.fired = timed_out;
    buffer_init(&h->reply, max_reply);
}

void http_call_deinit(struct http_call *h) {
    if (h->loop == NULL) return;
    loop_timer_stop(h->loop, &h->timer);
    if (h->transfer != NULL) http_transfer_cancel(h->transfer);
    h->transfer = NULL;
    buffer_deinit(&h->reply);
}

bool http_call_is_open(const struct http_call *h) { return h->transfer != NULL || h->timer.on; }

void http_call_start(struct http_call *h, struct http_route *r, const char *const *headers, struct slice body, int64_t timeout_us) {
    static const struct http_transfer_events events = {on_head, on_body, on_done};
    buffer_clear(&h->reply);
    h->status = 0;
    h->result = HTTP_OK;
    h->detail[0] = 0;
    h->transfer = r != NULL ? http_transfer_start(r, headers, body, &events, h) : NULL;
    if (h->transfer == NULL) {
        (void)snprintf(h->detail, sizeof h->detail, "the request could not be started");
        loop_timer_start(h->loop, &h->timer, 0);
    } else if (timeout_us > 0) {
        loop_timer_start(h->loop, &h->timer, timeout_us);
    }
}
