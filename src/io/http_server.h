/* http_server.h - an HTTP/1.1 listener on a loop. Knows requests and bytes, nothing of what they mean.
 *
 * The life of a request, always on the loop's thread:
 *   on_head       headers are complete, the body is not read. May refuse at once with http_respond.
 *   on_request    the whole body is here. From now until it CONCLUDES, the owner holds the request.
 *   on_gone       at most once: the client hung up before the answer was out. The owner still concludes.
 *   on_drained    a stream's unsent bytes fell below half of LIMIT_UNSENT after having been above it.
 *   on_finished   last: the request is about to be freed. It comes after the owner concluded and the
 *                 answer's last byte was handed to the kernel (sent = true) or the client was gone (false).
 * The owner concludes exactly once, in any turn: by http_respond, by http_stream_end, or by http_abandon (closes the
 * connection). A request refused in on_head gets only on_finished. Pipelined requests of one
 * connection come one after the other. A client that hangs up is noticed at once, also while the owner waits for
 * something else. One that only closes its sending side counts as gone too, and whoever takes no byte of an answer for
 * idle_timeout_us. All slices of a request stay valid until on_finished, also after on_gone.
 *
 * A client slower than the deadlines (head and body) is answered 408 where it can be, else closed. What two parsers could
 * read differently is answered 400 and closed: both or repeated Content-Length and Transfer-Encoding, folded or NUL-holding
 * fields, bare LF in the head, no or several Host. Replies carry no Date. The library words a few refusals itself, before
 * it shows us the request: 400 for a broken request line, Content-Length or chunk, 414, and 431 far above max_header. */
#ifndef IO_HTTP_SERVER_H
#define IO_HTTP_SERVER_H

#include "base/arena.h"
#include "base/buffer.h"
#include "io/loop.h"

struct http_server;
struct http_connection; /* private */

struct http_header {
    struct slice name, value;
};

struct http_request {
    struct slice method, path; /* path without query, not decoded */
    struct slice query;        /* behind '?', raw; empty without one */
    struct slice body;         /* from on_request on; stable until on_finished */
    int64_t head_us;           /* loop time when the headers were complete */
    int64_t body_us;           /* loop time when the body was complete */
    const char *peer;          /* numeric address of the client */
    void *owner;               /* the owner's own; NULL at first */
};

struct http_handler {
    void *ctx;
    void (*on_head)(void *ctx, struct http_request *r); /* may be NULL */
    void (*on_request)(void *ctx, struct http_request *r);
    void (*on_gone)(void *ctx, struct http_request *r);
    void (*on_drained)(void *ctx, struct http_request *r); /* may be NULL */
    void (*on_finished)(void *ctx, struct http_request *r, bool sent); /* may be NULL */
    /* the body of an answer that the server gives itself (413, 408, ...): fills `out`, returns its content type.
     * NULL: plain text. */
    const char *(*write_refusal)(void *ctx, struct http_request *r, enum fault fault, struct buffer *out);
};

struct http_server_options {
    const char *host;       /* numeric; "" = all */
    uint16_t port;          /* 0 = any; http_server_port tells */
    bool reuse_port;        /* several loops listen on one address */
    size_t max_body;
    size_t max_header;      /* also what an idle connection costs: this and 5 KiB */
    int64_t head_timeout_us, body_timeout_us; /* whole head, whole body */
    int64_t idle_timeout_us;                  /* between requests of one connection; without progress of an answer */
    unsigned max_connections;
    const char *tls_cert_pem, *tls_key_pem;   /* both or neither */
};

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    const struct http_handler *h, struct error *error) MUST_CHECK;
uint16_t http_server_port(const struct http_server *s);
unsigned http_server_connections(const struct http_server *s);
void http_server_quiesce(struct http_server *s); /* stops accepting; open requests go on */
/* Closes what is open. on_gone is delivered at once; on_finished too where the owner has concluded, else when it does. */
void http_server_free(struct http_server *s);

/* Header by lower-case name, SLICE_NULL when absent. Repeated headers: the first. */
struct slice http_request_header(const struct http_request *r, const char *name);
bool http_request_each_header(const struct http_request *r, bool (*each)(void *arg, struct http_header h), void *arg);
/* Decoded query parameter, in `arena`; SLICE_NULL when absent. */
struct slice http_request_query(const struct http_request *r, const char *name, struct arena *arena);

/* A complete answer. `body` and header values are copied (body may be taken instead: see _take). */
void http_respond(struct http_request *r, int status, const struct http_header *headers, unsigned n_headers,
                  struct slice body);
/* The same, but the buffer's memory is handed over: no copy. *body is empty afterwards. */
void http_respond_take(struct http_request *r, int status, const struct http_header *headers, unsigned n_headers,
                       struct buffer *body);

/* A streamed answer (chunked). begin may be followed by writes in the same turn: they leave in one
 * segment with the head. Writes after on_gone are dropped. Writing never fails; the writer stops when
 * http_stream_unsent() passes LIMIT_UNSENT and goes on at on_drained. */
void http_stream_begin(struct http_request *r, int status, const struct http_header *headers, unsigned n_headers);
void http_stream_write(struct http_request *r, struct slice bytes);
size_t http_stream_unsent(const struct http_request *r);
bool http_request_is_gone(const struct http_request *r); /* what is answered from now on goes nowhere */
void http_stream_end(struct http_request *r);

void http_abandon(struct http_request *r); /* no (further) answer: the connection is closed */

#endif
