/* http_respond.c - answers and streams. See http_server_private.h.
 *
 * A stream starts in the daemon: it writes the head and takes the first bytes through read_stream. When
 * it has taken all and asks for more, its connection is suspended and, on a plain HTTP/1.1 connection,
 * the stream turns direct: we frame the chunks and send them ourselves, once a turn, which costs one
 * system call a frame where a resumed connection costs six. At the end the daemon is resumed to write
 * the last chunk, and has its connection back for the next request. */
#include "io/http_server_private.h"

#include <errno.h>
#include <linux/tcp.h>
#include <sys/socket.h>

enum {
    READER_BLOCK = 1024,   /* the daemon's buffer for bodies that are not chunked */
    KEEP_OUT = 16 * 1024,  /* memory an idle stream keeps */
};

static struct request *private_of(struct http_request *pub) { return (struct request *)pub; }

size_t respond_unsent(const struct request *r) { return r->out.len - r->out_at; }

/* passing answers to the daemon */

static bool is_framing(struct slice name) {
    return slice_eq_nocase(name, SLICE("content-length")) || slice_eq_nocase(name, SLICE("transfer-encoding")) ||
           slice_eq_nocase(name, SLICE("connection")) || slice_eq_nocase(name, SLICE("keep-alive"));
}

/* Framing is ours to state. Fields with a line break in them are left out by the daemon. */
static void add_headers(struct request *r, const struct http_header *headers, unsigned n) {
    struct buffer *text = &r->server->scratch;
    bool close = r->server->quiesced;
    for (unsigned i = 0; i < n; i++) {
        if (is_framing(headers[i].name)) {
            close |= slice_eq_nocase(headers[i].value, SLICE("close"));
            continue;
        }
        buffer_clear(text);
        (void)buffer_append(text, headers[i].name);
        (void)buffer_byte(text, '\0');
        (void)buffer_append(text, headers[i].value);
        (void)buffer_byte(text, '\0');
        if (!text->overflow) (void)MHD_add_response_header(r->response, text->at, text->at + headers[i].name.len + 1);
    }
    if (close) (void)MHD_add_response_header(r->response, "Connection", "close");
}

/* The body is in `out`, which stays until the daemon is done. */
static void make_response(struct request *r, int status, const struct http_header *headers, unsigned n) {
    r->status = (unsigned)status;
    r->response = MHD_create_response_from_buffer(r->out.len, r->out.at, MHD_RESPMEM_PERSISTENT);
    add_headers(r, headers, n);
}

/* The daemon (0.9.75) forgets a connection that it closes because of what the reader of a stream said: it
 * stays, closed, until no older one is left. Those with a time limit of their own are looked at in every
 * run, so this one gets one, which will never be reached. */
static void never_forget(struct http_connection *c) {
    (void)MHD_set_connection_option(c->mhd, MHD_CONNECTION_OPTION_TIMEOUT, 24u * 3600);
}

enum MHD_Result respond_queue(struct request *r) {
    r->queued = true;
    if (r->streaming && !r->http11) never_forget(r->conn); /* the end of its stream closes the connection */
    r->progress_us = loop_now_us(r->server->loop);
    r->conn->since_us = 0;
    if (r->streaming && respond_unsent(r) > 0) respond_cork(r, true);
    enum MHD_Result result = MHD_queue_response(r->conn->mhd, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return result;
}

void respond_resume(struct request *r) {
    r->suspended = false;
    r->conn->since_us = 0;
    MHD_resume_connection(r->conn->mhd);
    server_want_run(r->server);
}

/* The daemon sends a head of unknown length at once. Corked, it waits for the first frame. The first
 * reply of a connection is not helped: there the daemon sets TCP_NODELAY behind the head, which pushes it. */
void respond_cork(struct request *r, bool on) {
    if (r->server->tls || (on && r->conn->replies == 0)) return;
    int value = on;
    r->corked = on;
    (void)setsockopt(r->conn->watch.fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

/* No (further) answer: the daemon is told to close when it asks for one, and woken so that it asks. */
void respond_drop(struct request *r) {
    r->dropped = true;
    if (r->detached || r->in_owner) return;
    never_forget(r->conn);
    if (r->suspended)
        respond_resume(r);
    else if (r->queued)
        connection_shut(r->conn); /* it may be waiting for a client that does not read */
}

/* The owner concluded a request whose client is gone. */
static void settle(struct request *r) {
    if (!r->detached) {
        respond_drop(r);
        return;
    }
    list_remove(&r->link);
    list_push(&r->server->finished, &r->link);
    server_want_flush(r->server);
}

static bool is_lost(const struct request *r) { return r->gone || r->dropped || r->detached; }

static void pass_on(struct request *r) {
    if (r->in_owner) return; /* queued when the owner returns */
    (void)respond_queue(r);
    respond_resume(r);
}

/* whole answers */

void http_respond(struct http_request *pub, int status, const struct http_header *headers, unsigned n_headers,
                  struct slice body) {
    struct request *r = private_of(pub);
    if (r->concluded || r->streaming) return;
    r->concluded = true;
    if (is_lost(r)) {
        settle(r);
        return;
    }
    (void)buffer_append(&r->out, body);
    make_response(r, status, headers, n_headers);
    pass_on(r);
}

void http_respond_take(struct http_request *pub, int status, const struct http_header *headers, unsigned n_headers,
                       struct buffer *body) {
    struct request *r = private_of(pub);
    if (!r->concluded && !r->streaming && !is_lost(r)) { /* else: http_respond knows what to do */
        struct buffer spare = r->out;
        r->out = *body;
        r->out.max = spare.max;
        size_t max = body->max;
        *body = spare;
        body->max = max;
        buffer_clear(body);
    }
    http_respond(pub, status, headers, n_headers, SLICE_NULL);
    buffer_deinit(body);
}

void respond_refuse(struct request *r, enum fault fault, bool close) {
    struct http_handler *h = &r->server->handler;
    const char *type = NULL;
    r->concluded = true;
    if (h->write_refusal != NULL) type = h->write_refusal(h->ctx, &r->pub, fault, &r->out);
    if (type == NULL) {
        type = "text/plain";
        buffer_clear(&r->out);
        (void)buffer_printf(&r->out, "%s\n", fault_text(fault));
    }
    struct http_header headers[2] = {{SLICE("Content-Type"), slice_of(type)}, {SLICE("Connection"), SLICE("close")}};
    make_response(r, fault_status(fault), headers, close ? 2 : 1);
}

void http_abandon(struct http_request *pub) {
    struct request *r = private_of(pub);
    if (r->concluded) return;
    r->concluded = true;
    if (r->direct && !is_lost(r)) respond_flush(r); /* what was written before goes out if it can */
    settle(r);
}

/* streams */

static void check_drained(struct request *r) {
    if (!r->high || respond_unsent(r) >= LIMIT_UNSENT / 2) return;
    r->high = false;
    struct http_handler *h = &r->server->handler;
    if (h->on_drained != NULL && !r->concluded && !is_lost(r)) h->on_drained(h->ctx, &r->pub);
}

static void sent_bytes(struct request *r, size_t n) {
    r->out_at += n;
    r->progress_us = loop_now_us(r->server->loop);
    if (r->out_at < r->out.len) return;
    buffer_clear(&r->out);
    buffer_shrink(&r->out, KEEP_OUT);
    r->out_at = 0;
}

/* The daemon asks for bytes of a stream. */
static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t max) {
    (void)position;
    struct request *r = cls;
    struct http_server *s = r->server;
    s->activity++;
    if (r->dropped) return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = respond_unsent(r);
    if (n > 0) {
        if (n > max) n = max;
        memcpy(to, r->out.at + r->out_at, n);
        sent_bytes(r, n);
        check_drained(r);
        return (ssize_t)n;
    }
    if (r->ended) return MHD_CONTENT_READER_END_OF_STREAM;
    if (r->corked) respond_cork(r, false);
    r->direct = !s->tls && r->http11;
    r->suspended = true;
    MHD_suspend_connection(r->conn->mhd);
    return 0;
}

static void send_direct(struct request *r) {
    struct http_connection *c = r->conn;
    while (respond_unsent(r) > 0) {
        /* The daemon adds the last chunk within this turn: it belongs in the same segment. */
        int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (r->ended ? MSG_MORE : 0);
        ssize_t n = send(c->watch.fd, r->out.at + r->out_at, respond_unsent(r), flags);
        if (n >= 0) {
            sent_bytes(r, (size_t)n);
        } else if (errno == EAGAIN &&
                   loop_watch_change(r->server->loop, &c->watch, LOOP_HANGUP | LOOP_WRITE) == FAULT_NONE) {
            break;
        } else if (errno != EINTR) {
            c->hung = true;
            connection_gone(c);
            return;
        }
    }
    if (respond_unsent(r) == 0) {
        if (loop_watch_change(r->server->loop, &c->watch, LOOP_HANGUP) != FAULT_NONE) c->watch.events = LOOP_HANGUP;
        if (r->ended && r->suspended) respond_resume(r);
    }
    check_drained(r);
}

void respond_flush(struct request *r) {
    if (is_lost(r) || !r->streaming) return;
    if (r->response != NULL)
        pass_on(r);
    else if (r->direct)
        send_direct(r);
    else if (r->suspended && (respond_unsent(r) > 0 || r->ended))
        respond_resume(r);
}

void respond_ready(struct request *r) {
    if (r->direct && !is_lost(r)) send_direct(r);
}

static void mark_dirty(struct request *r) {
    if (list_empty(&r->link)) list_push(&r->server->dirty, &r->link);
    server_want_flush(r->server);
}

/* A stream that answers HEAD has no body: its head waits for the end, so that the owner need not know. */
void http_stream_begin(struct http_request *pub, int status, const struct http_header *headers, unsigned n_headers) {
    struct request *r = private_of(pub);
    if (r->concluded || r->streaming) return;
    r->streaming = true;
    if (is_lost(r)) return;
    r->status = (unsigned)status;
    if (r->is_head_method)
        r->response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    else
        r->response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, READER_BLOCK, read_stream, r, NULL);
    add_headers(r, headers, n_headers);
    if (!r->is_head_method) mark_dirty(r); /* passed on at the end of the turn, with what was written by then */
}

static void append_frame(struct buffer *out, struct slice bytes) {
    char size[sizeof(size_t) * 2 + 2], *at = size + sizeof size;
    *--at = '\n';
    *--at = '\r';
    for (size_t n = bytes.len; n > 0; n >>= 4) *--at = "0123456789abcdef"[n & 15];
    (void)buffer_append(out, slice_make(at, (size_t)(size + sizeof size - at)));
    (void)buffer_append(out, bytes);
    (void)buffer_append(out, SLICE("\r\n"));
}

void http_stream_write(struct http_request *pub, struct slice bytes) {
    struct request *r = private_of(pub);
    if (!r->streaming || r->ended || is_lost(r) || r->is_head_method || bytes.len == 0) return;
    if (respond_unsent(r) == 0) r->progress_us = loop_now_us(r->server->loop);
    if (r->direct)
        append_frame(&r->out, bytes);
    else
        (void)buffer_append(&r->out, bytes);
    if (respond_unsent(r) > LIMIT_UNSENT) r->high = true;
    mark_dirty(r);
}

size_t http_stream_unsent(const struct http_request *pub) {
    const struct request *r = (const struct request *)pub;
    return r->streaming ? respond_unsent(r) : 0;
}

bool http_request_is_gone(const struct http_request *pub) { return is_lost((const struct request *)pub); }

void http_stream_end(struct http_request *pub) {
    struct request *r = private_of(pub);
    if (r->concluded || !r->streaming) return;
    r->concluded = r->ended = true;
    if (is_lost(r))
        settle(r);
    else if (r->is_head_method)
        pass_on(r);
    else
        mark_dirty(r);
}
