/* http_call.h - one request on a loop and its whole reply, for whoever waits for an answer and does not relay it.
 *
 * Embedded in its owner. `done` is called once for each start, in a later turn: status 0 and `detail` say that no whole
 * reply came. It may start the same call again. */
#ifndef IO_HTTP_CALL_H
#define IO_HTTP_CALL_H

#include "io/http_client.h"

struct http_call {
    struct loop *loop;
    struct http_transfer *transfer; /* NULL: none is open */
    struct loop_timer timer;
    struct buffer reply;
    int status;                     /* 0: no reply came */
    char detail[LIMIT_ERROR_TEXT];  /* without a reply: why */
    enum http_result result;        /* the same in a word; HTTP_OK: it took too long, or was over the limit (reply.overflow) */
    void (*head)(struct http_call *h); /* status and headers (http_transfer_header of `transfer`) are here; NULL: not asked for */
    void (*done)(struct http_call *h);
};

void http_call_init(struct http_call *h, struct loop *l, size_t max_reply, void (*head)(struct http_call *h),
                    void (*done)(struct http_call *h));
void http_call_deinit(struct http_call *h); /* cancels; accepts one that is all zero */
/* As of http_transfer_start; status 0 after `timeout_us` (0: none). `body` must stay until done. A NULL route fails, later. */
void http_call_start(struct http_call *h, struct http_route *r, const char *const *headers, struct slice body, int64_t timeout_us);
bool http_call_is_open(const struct http_call *h);

#endif
