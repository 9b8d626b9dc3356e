/* http_receive.c - connections, heads and bodies. See http_server_private.h.
 *
 * libmicrohttpd 0.9.75 is lenient: it takes a bare LF for a line end, unfolds continued lines, cuts
 * values at a NUL, lets Transfer-Encoding win over Content-Length, and knows only the first of repeated
 * fields. Any of that lets a proxy before us see another request than we do. Since it leaves the head in
 * place and terminates each piece by overwriting its separators, one look at the gaps between the pieces
 * shows whether every byte of the head was read as what it is (check_layout). */
#include "io/http_server_private.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
    SPARE = 256,             /* requests kept for reuse */
    KEEP_BODY = 64 * 1024,   /* buffer memory that a spare request keeps */
    KEEP_OUT = 16 * 1024,
    FIRST_BODY = 1024 * 1024, /* of an announced body: room made before its bytes came */
};

/* requests */

static struct request *request_new(struct http_server *s) {
    struct list *node = list_shift(&s->spare);
    if (node != NULL) {
        s->n_spare--;
        return list_item(node, struct request, link);
    }
    struct request *r = mem_new(struct request);
    list_init(&r->link);
    buffer_init(&r->uri, s->o.max_header + 1);
    buffer_init(&r->body, s->o.max_body);
    buffer_init(&r->out, SIZE_MAX / 2);
    buffer_init(&r->kept, SIZE_MAX / 2);
    return r;
}

void request_free(struct request *r) {
    buffer_deinit(&r->uri);
    buffer_deinit(&r->body);
    buffer_deinit(&r->out);
    buffer_deinit(&r->kept);
    mem_free(r->headers);
    mem_free(r);
}

static void recycle(struct request *r) {
    struct http_server *s = r->server;
    s->open--;
    list_remove(&r->link);
    if (r->response != NULL) MHD_destroy_response(r->response);
    if (s->n_spare >= SPARE) {
        request_free(r);
        return;
    }
    buffer_clear(&r->uri);
    buffer_clear(&r->body);
    buffer_clear(&r->out);
    buffer_shrink(&r->body, KEEP_BODY);
    buffer_shrink(&r->out, KEEP_OUT);
    buffer_deinit(&r->kept);
    struct request clean = {.uri = r->uri, .body = r->body, .out = r->out, .kept = r->kept,
                            .headers = r->headers, .headers_capacity = r->headers_capacity};
    *r = clean;
    list_init(&r->link);
    list_push(&s->spare, &r->link);
    s->n_spare++;
}

/* The daemon is done with it and so is the owner. */
void request_finish(struct request *r) {
    struct http_server *s = r->server;
    if (r->seen && s->handler.on_finished != NULL) s->handler.on_finished(s->handler.ctx, &r->pub, r->sent);
    recycle(r);
}

static char *keep(struct request *r, const char *text, size_t len) {
    char *at = r->kept.at + r->kept.len;
    memcpy(at, text, len);
    at[len] = '\0';
    r->kept.len += len + 1;
    return at;
}

/* The owner goes on reading the head after its connection is gone: take the texts out of the daemon's memory. */
static void keep_head(struct request *r) {
    size_t size = r->pub.method.len + strlen(r->pub.peer) + 2;
    for (unsigned i = 0; i < r->n_headers; i++) size += r->headers[i].name.len + r->headers[i].value.len + 2;
    if (buffer_reserve(&r->kept, size) == NULL) return;
    r->pub.method.at = keep(r, r->pub.method.at, r->pub.method.len);
    r->pub.peer = keep(r, r->pub.peer, strlen(r->pub.peer));
    for (unsigned i = 0; i < r->n_headers; i++) {
        struct http_header *h = &r->headers[i];
        h->name.at = keep(r, h->name.at, h->name.len);
        h->value.at = keep(r, h->value.at, h->value.len);
    }
}

/* the head */

/* The request line is complete; `uri` is still as it was sent. */
void *receive_uri(void *cls, const char *uri, struct MHD_Connection *mhd) {
    struct http_server *s = cls;
    struct http_connection *c = *(struct http_connection **)(uintptr_t)MHD_get_connection_info(
        mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct request *r = request_new(s);
    s->activity++;
    s->open++;
    r->server = s;
    r->conn = c;
    r->uri_at = uri;
    (void)buffer_append(&r->uri, slice_of(uri)); /* longer than max_header: refused by check_layout */
    r->pub.peer = c->peer;
    c->request = r;
    c->since_us = loop_now_us(s->loop);
    return r;
}

static const bool token[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1, ['&'] = 1, ['\''] = 1, ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,
    ['^'] = 1, ['_'] = 1, ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1, ['4'] = 1,
    ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1,
    ['F'] = 1, ['G'] = 1, ['H'] = 1, ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1,
    ['P'] = 1, ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1, ['Y'] = 1,
    ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1, ['g'] = 1, ['h'] = 1, ['i'] = 1,
    ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1, ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1,
    ['t'] = 1, ['u'] = 1, ['v'] = 1, ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1,
};

static bool is_token(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!token[(unsigned char)s.at[i]]) return false;
    return s.len > 0;
}

static bool is_field_value(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char b = (unsigned char)s.at[i];
        if ((b < ' ' && b != '\t') || b == 0x7F) return false;
    }
    return true;
}

static bool is_target(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ' || s.at[i] == 0x7F) return false;
    return s.len > 0;
}

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len,
                                  const char *value, size_t value_len) {
    (void)kind;
    struct request *r = cls;
    if (r->n_headers == r->headers_capacity) {
        r->headers_capacity = r->headers_capacity == 0 ? 16 : r->headers_capacity * 2;
        r->headers = mem_resize(r->headers, r->headers_capacity * sizeof *r->headers);
    }
    r->headers[r->n_headers++] =
        (struct http_header){slice_make(name, name_len), slice_make(value == NULL ? "" : value, value_len)};
    return MHD_YES;
}

/* Every byte of the head must be a part we know, a separator we expect, or the CRLF between. */
static bool check_layout(struct request *r, struct MHD_Connection *mhd, const char *method, const char *version) {
    struct slice uri = buffer_slice(&r->uri);
    const char *at = method + r->pub.method.len + 1;
    if (!is_token(r->pub.method) || r->uri_at != at || !is_target(uri)) return false;
    at += uri.len + 1;
    if (version != at) return false;
    at += strlen(version) + 2;
    for (unsigned i = 0; i < r->n_headers; i++) {
        struct http_header *h = &r->headers[i];
        if (h->name.at != at || !is_token(h->name) || !is_field_value(h->value)) return false;
        at += h->name.len + 1;
        at += strspn(at, " \t");
        if (h->value.len > 0 && h->value.at != at) return false;
        at += h->value.len + 2;
        h->value = slice_trim(h->value);
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info != NULL && method + info->header_size == at + 2;
}

/* The fields that say where this request ends and the next begins must say one thing. */
static enum fault check_framing(struct request *r) {
    unsigned lengths = 0, encodings = 0, hosts = 0;
    uint64_t length = 0;
    for (unsigned i = 0; i < r->n_headers; i++) {
        struct slice name = r->headers[i].name, value = r->headers[i].value;
        if (name.len == 14 && slice_eq_nocase(name, SLICE("content-length"))) {
            lengths++;
            if (!slice_to_u64(value, &length)) return FAULT_BAD_REQUEST;
        } else if (name.len == 17 && slice_eq_nocase(name, SLICE("transfer-encoding"))) {
            encodings++;
            if (!slice_eq_nocase(value, SLICE("chunked"))) return FAULT_BAD_REQUEST;
        } else if (name.len == 4 && slice_eq_nocase(name, SLICE("host"))) {
            hosts++;
        }
    }
    if (lengths + encodings > 1 || hosts > 1 || (hosts == 0 && r->http11) || (encodings > 0 && !r->http11)) return FAULT_BAD_REQUEST;
    r->chunked = encodings > 0;
    r->has_body = r->chunked || length > 0;
    if (length > r->server->o.max_body) return FAULT_TOO_LARGE;
    if (length > 0) (void)buffer_reserve(&r->body, length < FIRST_BODY ? length : FIRST_BODY);
    return FAULT_NONE;
}

/* "/path?query", also in absolute form ("http://host/path?query"). */
static void split_target(struct request *r) {
    struct slice target = buffer_slice(&r->uri), rest;
    if (target.len > 0 && target.at[0] != '/' && slice_contains(target, SLICE("://"))) {
        const char *authority = (const char *)memmem(target.at, target.len, "://", 3) + 3;
        size_t left = (size_t)(target.at + target.len - authority);
        const char *path = memchr(authority, '/', left);
        target = path == NULL ? SLICE("/") : slice_make(path, (size_t)(target.at + target.len - path));
    }
    (void)slice_cut(target, '?', &r->pub.path, &rest);
    r->pub.query = rest.len > 0 ? rest : SLICE("");
}

static enum fault read_head(struct request *r, struct MHD_Connection *mhd, const char *method, const char *version) {
    r->pub.method = slice_of(method);
    r->pub.head_us = loop_now_us(r->server->loop);
    r->http11 = strcmp(version, "HTTP/1.0") != 0;
    r->is_head_method = slice_is(r->pub.method, "HEAD");
    (void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, add_header, r);
    if (r->uri.overflow) return FAULT_HEADERS_TOO_LARGE;
    split_target(r);
    if (!check_layout(r, mhd, method, version)) return FAULT_BAD_REQUEST;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info->header_size > r->server->o.max_header) return FAULT_HEADERS_TOO_LARGE;
    return check_framing(r);
}

/* The daemon calls its handler once with the head, then with the body's pieces, then without one. An
 * answer given with the head closes the connection, so without a body it waits for the last call. */
static enum MHD_Result take_head(struct request *r, struct MHD_Connection *mhd, const char *method,
                                 const char *version) {
    struct http_server *s = r->server;
    r->stage = STAGE_BODY;
    r->conn->since_us = r->progress_us = loop_now_us(s->loop);
    enum fault fault = read_head(r, mhd, method, version);
    if (fault != FAULT_NONE) {
        respond_refuse(r, fault, true);
        r->conn->linger = true;
        return respond_queue(r);
    }
    if (s->handler.on_head != NULL) {
        r->seen = r->in_owner = true;
        s->handler.on_head(s->handler.ctx, &r->pub);
        r->in_owner = false;
    }
    if (r->dropped) return MHD_NO;
    if (!r->concluded || !r->has_body) return MHD_YES;
    r->conn->linger = true;
    return respond_queue(r);
}

static enum MHD_Result take_body(struct request *r, const char *upload, size_t *size) {
    struct slice piece = slice_make(upload, *size);
    *size = 0;
    r->progress_us = loop_now_us(r->server->loop);
    if (r->over || buffer_append(&r->body, piece)) return MHD_YES;
    /* A chunked body too long. The daemon takes no answer here, and the client is still sending. */
    r->over = true;
    buffer_clear(&r->body);
    buffer_shrink(&r->body, 0);
    if (r->server->tls) return MHD_YES; /* read to its end, then answered */
    connection_refuse(r->conn, FAULT_TOO_LARGE);
    return MHD_NO;
}

static enum MHD_Result take_request(struct request *r, struct MHD_Connection *mhd) {
    struct http_server *s = r->server;
    if (r->over) respond_refuse(r, FAULT_TOO_LARGE, true);
    if (r->concluded) return respond_queue(r); /* refused in on_head, or just now */
    r->pub.body = buffer_slice(&r->body);
    r->pub.body_us = loop_now_us(s->loop);
    r->stage = STAGE_HELD;
    r->seen = r->in_owner = true;
    s->handler.on_request(s->handler.ctx, &r->pub);
    r->in_owner = false;
    if (r->dropped) return MHD_NO;
    enum MHD_Result result = MHD_YES;
    if (r->response != NULL && !(r->streaming && r->is_head_method && !r->concluded)) {
        result = respond_queue(r);
    } else {
        r->suspended = true;
        MHD_suspend_connection(mhd);
    }
    if (r->conn->hung) connection_gone(r->conn); /* it sent its request and closed in one go */
    return result;
}

enum MHD_Result receive_handler(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                                const char *version, const char *upload, size_t *upload_size, void **context) {
    (void)cls, (void)url;
    struct request *r = *context;
    if (r == NULL || r->dropped) return MHD_NO;
    r->server->activity++;
    if (r->stage == STAGE_HEAD) return take_head(r, mhd, method, version);
    if (*upload_size > 0) return take_body(r, upload, upload_size);
    if (r->stage == STAGE_BODY) return take_request(r, mhd);
    return MHD_NO; /* resumed without an answer */
}

void receive_completed(void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code) {
    (void)mhd;
    struct http_server *s = cls;
    struct request *r = *context;
    if (r == NULL) return;
    *context = NULL;
    s->activity++;
    struct http_connection *c = r->conn;
    if (r->corked) respond_cork(r, false);
    r->sent = code == MHD_REQUEST_TERMINATED_COMPLETED_OK && r->queued && r->concluded && !r->dropped;
    r->suspended = false;
    r->detached = true;
    if (r->stage == STAGE_HELD && !r->concluded) {
        keep_head(r);
        if (!r->gone) {
            r->gone = true;
            s->handler.on_gone(s->handler.ctx, &r->pub);
        }
    }
    r->conn = NULL;
    c->request = NULL;
    c->since_us = loop_now_us(s->loop);
    c->replies++;
    if (c->hung) connection_shut(c); /* see server_flush */
    if (r->stage != STAGE_HELD || r->concluded) {
        list_remove(&r->link); /* it may have been put among the finished within on_gone */
        request_finish(r);
    }
}

/* connections */

static void watch_ready(struct loop_watch *w, unsigned events) {
    struct http_connection *c = list_item(w, struct http_connection, watch);
    struct http_server *s = c->server;
    s->busy++;
    if (events & LOOP_HANGUP) {
        c->hung = true;
        connection_gone(c);
        if (list_empty(&c->hung_link)) list_push(&s->hung, &c->hung_link);
        server_want_run(s);
    } else if (c->request != NULL) {
        respond_ready(c->request);
    }
    s->busy--;
}

static void peer_text(const struct sockaddr *a, char out[INET6_ADDRSTRLEN]) {
    out[0] = '\0';
    if (a->sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, out, INET6_ADDRSTRLEN);
    } else if (a->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)a)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            (void)inet_ntop(AF_INET, v6->s6_addr + 12, out, INET6_ADDRSTRLEN);
        else
            (void)inet_ntop(AF_INET6, v6, out, INET6_ADDRSTRLEN);
    }
}

static void connection_closed(struct http_connection *c) {
    struct http_server *s = c->server;
    int unread = 0;
    loop_watch_stop(s->loop, &c->watch);
    if (c->linger || (!c->hung && ioctl(c->watch.fd, FIONREAD, &unread) == 0 && unread > 0))
        linger_start(s, c->watch.fd);
    list_remove(&c->link);
    list_remove(&c->hung_link);
    s->n_connections--;
    mem_free(c);
}

void receive_connection(void *cls, struct MHD_Connection *mhd, void **context,
                        enum MHD_ConnectionNotificationCode code) {
    struct http_server *s = cls;
    s->activity++;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_closed(*context);
        *context = NULL;
        return;
    }
    struct http_connection *c = mem_new(struct http_connection);
    *context = c;
    c->server = s;
    c->mhd = mhd;
    list_init(&c->hung_link);
    c->since_us = loop_now_us(s->loop);
    c->watch = (struct loop_watch){
        .fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        .events = LOOP_HANGUP,
        .ready = watch_ready,
    };
    peer_text(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, c->peer);
    list_push(&s->connections, &c->link);
    s->n_connections++;
    /* Failing costs no more than late news of a hang-up. */
    if (loop_watch_start(s->loop, &c->watch, NULL) != FAULT_NONE) c->watch.on = false;
}

/* Ends the connection from outside the daemon: it finds the socket hung up and cleans up. */
void connection_shut(struct http_connection *c) {
    if (c->shut) return;
    c->shut = true;
    (void)shutdown(c->watch.fd, SHUT_RDWR);
}

/* The client hung up, or takes nothing any more. A request that is being read, and an answer that is
 * already the daemon's, end through the daemon. */
void connection_gone(struct http_connection *c) {
    struct request *r = c->request;
    if (r == NULL || r->stage != STAGE_HELD) return;
    struct http_server *s = c->server;
    if (!r->concluded && !r->gone) {
        r->gone = true;
        s->handler.on_gone(s->handler.ctx, &r->pub);
    }
    if (r->gone || (r->streaming && (r->suspended || r->direct))) respond_drop(r);
}

/* An answer that the daemon cannot give, because it is waiting for the body: written past it. Nothing of
 * this request was answered yet, so the client reads it as the answer. */
void connection_refuse(struct http_connection *c, enum fault fault) {
    struct http_server *s = c->server;
    struct request *r = c->request;
    if (!s->tls && r != NULL) {
        struct buffer body, text;
        buffer_init(&body, LIMIT_ERROR_BODY);
        buffer_init(&text, LIMIT_ERROR_BODY + 1024);
        const char *type = s->handler.write_refusal == NULL || r->stage == STAGE_HEAD
                               ? NULL
                               : s->handler.write_refusal(s->handler.ctx, &r->pub, fault, &body);
        if (type == NULL) {
            type = "text/plain";
            (void)buffer_printf(&body, "%s\n", fault_text(fault));
        }
        (void)buffer_printf(&text, "HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                            fault_status(fault), MHD_get_reason_phrase_for((unsigned)fault_status(fault)), type, body.len);
        (void)buffer_append(&text, buffer_slice(&body));
        (void)!send(c->watch.fd, text.at, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        buffer_deinit(&body);
        buffer_deinit(&text);
    }
    if (r != NULL) r->dropped = true;
    c->linger = true;
    /* After take_body the daemon closes at once; from the janitor it has to be woken. */
    if (fault != FAULT_TOO_LARGE) connection_shut(c);
}

/* what the owner reads */

struct slice http_request_header(const struct http_request *pub, const char *name) {
    const struct request *r = (const struct request *)pub;
    struct slice wanted = slice_of(name);
    for (unsigned i = 0; i < r->n_headers; i++)
        if (r->headers[i].name.len == wanted.len && slice_eq_nocase(r->headers[i].name, wanted))
            return r->headers[i].value;
    return SLICE_NULL;
}

bool http_request_each_header(const struct http_request *pub, bool (*each)(void *arg, struct http_header h), void *arg) {
    const struct request *r = (const struct request *)pub;
    for (unsigned i = 0; i < r->n_headers; i++)
        if (!each(arg, r->headers[i])) return false;
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A '%' without two digits behind it stands for itself. */
static struct slice decode(struct slice s, struct arena *arena) {
    char *out = arena_text(arena, s);
    if (out == NULL) return SLICE_NULL;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        int high, low;
        if (s.at[i] == '%' && i + 2 < s.len && (high = hex_digit(s.at[i + 1])) >= 0 &&
            (low = hex_digit(s.at[i + 2])) >= 0) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.at[i] == '+' ? ' ' : s.at[i];
        }
    }
    out[n] = '\0';
    return slice_make(out, n);
}

struct slice http_request_query(const struct http_request *r, const char *name, struct arena *arena) {
    struct slice rest = r->query, wanted = slice_of(name);
    while (rest.len > 0) {
        struct slice pair, key, value;
        (void)slice_cut(rest, '&', &pair, &rest);
        (void)slice_cut(pair, '=', &key, &value);
        if (slice_eq(key, wanted)) return decode(value, arena);
    }
    return SLICE_NULL;
}
