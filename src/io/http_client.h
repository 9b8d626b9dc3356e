/* http_client.h - HTTP requests to upstreams on a loop: pooled connections, TLS, HTTP/1.1 and 2.
 *
 * A route is one prepared upstream endpoint: URL, fixed headers and connection options are set once on
 * the handles of its pool. A transfer is one request on a route. For each started transfer, on the
 * loop's thread and never from inside http_transfer_start:
 *   on_head   status and headers are here (not for 1xx)
 *   on_body   zero or more times; return HTTP_PAUSE to take no more until http_transfer_resume: the bytes
 *             given are consumed all the same
 *   on_done   exactly once, unless http_transfer_cancel came first; the transfer is invalid afterwards
 * A kept-alive connection that its peer closes before it answered, within a second of
 * the request, is replaced, and the request sent again, once.
 * Cancel is allowed at any time, inside the callbacks too; it closes the connection (HTTP/1) or resets
 * the stream (HTTP/2) at once and no callback follows. */
#ifndef IO_HTTP_CLIENT_H
#define IO_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/buffer.h"
#include "io/loop.h"

#include <stdatomic.h>

struct http_client;
struct http_route;
struct http_transfer;

enum http_result {
    HTTP_OK,             /* the message is complete */
    HTTP_CONNECT_FAILED, /* no name, refused, TLS failure: nothing was sent */
    HTTP_CONNECT_TIMEOUT,
    HTTP_RESET,          /* closed or reset before the head was complete */
    HTTP_CUT,            /* closed or reset inside the body */
    HTTP_BAD,            /* not HTTP, or broken chunking */
};

enum http_flow { HTTP_GO_ON, HTTP_PAUSE };

struct http_transfer_events {
    void (*on_head)(void *ctx, struct http_transfer *t, int status);
    enum http_flow (*on_body)(void *ctx, struct http_transfer *t, struct slice bytes);
    void (*on_done)(void *ctx, struct http_transfer *t, enum http_result result, const char *detail);
};

struct http_route_options {
    const char *url;
    const char *method;             /* "POST", "GET" */
    const char *const *headers;     /* "name: value" texts, NULL-terminated; copied */
    int64_t connect_timeout_us;
    const char *proxy;              /* NULL: none; the environment is not read */
    const char *ca_file;            /* NULL: the system's */
    bool http2;                     /* offer HTTP/2 by ALPN on https (default true in settings) */
};

struct http_client *http_client_new(struct loop *l, unsigned max_connections_per_host); /* 0: 4,096 */
void http_client_free(struct http_client *c);             /* cancels what is open; routes are gone with it */

struct http_route *http_route_new(struct http_client *c, const struct http_route_options *o, struct error *error) MUST_CHECK;
void http_route_free(struct http_route *r);               /* its open transfers go on; memory goes with the last */

/* `extra` are headers of this request alone ("name: value" texts, NULL-terminated, copied; NULL: none).
 * `body` must stay until on_done or cancel. NULL when no handle can be made. */
struct http_transfer *http_transfer_start(struct http_route *r, const char *const *extra, struct slice body,
                                          const struct http_transfer_events *events, void *ctx) MUST_CHECK;
struct slice http_transfer_header(struct http_transfer *t, const char *name); /* from on_head on; SLICE_NULL: absent; valid until the next call */
int64_t http_transfer_received(const struct http_transfer *t);                /* body bytes so far */
void http_transfer_resume(struct http_transfer *t);
void http_transfer_cancel(struct http_transfer *t);

/* One blocking request for command-line verbs and job threads; never on a loop thread. The reply body
 * goes to *ret_body (which has its maximum). */
enum fault http_fetch(const char *method, const char *url, const char *const *headers, struct slice body,
                      int64_t timeout_us, int *ret_status, struct buffer *ret_body, struct error *error) MUST_CHECK;
/* The same; *stop true, from any thread: it is given up within about a second, FAULT_SHUTTING_DOWN. */
struct http_fetch_watch {
    const atomic_bool *stop; /* NULL: none */
    const char *header;      /* of the answer, whose value goes to `value`, "" when it is absent; NULL: none */
    char *value;
    size_t size;
};
enum fault http_fetch_watched(const char *method, const char *url, const char *const *headers, struct slice body,
                              int64_t timeout_us, const struct http_fetch_watch *w, int *ret_status,
                              struct buffer *ret_body, struct error *error) MUST_CHECK;

#endif
