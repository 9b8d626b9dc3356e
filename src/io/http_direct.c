/* http_direct.c - transfers on plain connections to an origin, framed by http_reply.h. See
 * http_client_private.h.
 *
 * libcurl makes the connection (names, addresses, time limit) and is done; from then on a request is one send
 * and a reply as many receives as it has arrivals, into one buffer for all. Invariants:
 * - a connection's socket is watched for reading from birth to end, but while its transfer is paused;
 * - a connection is idle (in its origin's list) or has a transfer (t->connection == the connection), never
 * both;
 * - origin->n_open counts connections and connects under way; beyond max_connections transfers wait in order;
 * - an origin lives while it has routes, a route while it has transfers. */
#include "io/http_client_private.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    IDLE_MAX = 512, /* idle connections of an origin; the oldest goes */
    IDLE_US =
        118 * 1000 * 1000, /* older ones are not trusted: most servers and middleboxes forget at 120 s */
    RESEND_US =
        1000 *
        1000, /* a close that crosses the request comes within a round trip; later, it was being worked on */
    KEEP_REQUEST = 1024, /* bytes of request head that a spare transfer keeps */
};

struct http_connection {
    struct loop_watch watch;
    struct list link; /* of its origin, when idle */
    struct http_origin *origin;
    struct http_transfer *transfer; /* NULL: idle */
    int64_t idle_us;
    bool used; /* has carried a whole reply */
};

/* origins */

struct http_origin *origin_hold(struct http_client *c, struct slice name) {
    for (struct list *node = c->origins.next; node != &c->origins; node = node->next) {
        struct http_origin *o = list_item(node, struct http_origin, link);
        if (!slice_is(name, o->name)) continue;
        o->n_routes++;
        return o;
    }
    struct http_origin *o = mem_new(struct http_origin);
    o->client = c;
    o->n_routes = 1;
    o->name = mem_alloc(name.len + 1);
    memcpy(o->name, name.at, name.len);
    list_init(&o->idle);
    list_init(&o->waiting);
    list_push(&c->origins, &o->link);
    return o;
}

static void connection_close(struct http_connection *k) {
    struct http_origin *o = k->origin;
    loop_watch_stop(o->client->loop, &k->watch);
    close(k->watch.fd);
    if (k->transfer == NULL) o->n_idle--;
    list_remove(&k->link);
    mem_free(k);
    o->n_open--;
}

void origin_drop(struct http_origin *o) {
    if (o == NULL || --o->n_routes > 0) return;
    while (!list_empty(&o->idle)) connection_close(list_item(o->idle.next, struct http_connection, link));
    list_remove(&o->link);
    mem_free(o->name);
    mem_free(o);
}

/* sending */

static void watch_for(struct http_connection *k, unsigned events) {
    /* Only a lack of memory in the kernel leads to a fault here. The transfer then ends by its deadline. */
    (void)!loop_watch_change(k->origin->client->loop, &k->watch, events);
}

static bool all_sent(const struct http_transfer *t) {
    return t->sent == t->request.len + t->body.len;
}

static void send_request(struct http_connection *k) {
    struct http_transfer *t = k->transfer;
    while (!all_sent(t)) {
        size_t head = t->sent < t->request.len ? t->request.len - t->sent : 0;
        size_t body = t->sent < t->request.len ? 0 : t->sent - t->request.len;
        struct iovec parts[2] = {{t->request.at + t->sent, head},
                                 {(char *)(uintptr_t)t->body.at + body, t->body.len - body}};
        if (head == 0) parts[0] = parts[1];
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = head > 0 && t->body.len > 0 ? 2 : 1};
        ssize_t n = sendmsg(k->watch.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        t->sent += (size_t)n;
    }
    /* A peer that stopped listening may have said why: reading tells. */
    bool blocked = !all_sent(t) && (errno == EAGAIN || errno == EWOULDBLOCK);
    watch_for(k, blocked ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void place(struct list *where, struct http_transfer *t) {
    list_remove(&t->link);
    list_push(where, &t->link);
}

static void attach(struct http_connection *k, struct http_transfer *t) {
    k->transfer = t;
    t->connection = k;
    t->sent = 0;
    t->attached_us = loop_now_us(k->origin->client->loop);
    place(&t->route->client->running, t);
    send_request(k);
}

/* connecting */

static void direct_ready(struct loop_watch *w, unsigned events);

/* By libcurl; direct_connected hears of the end. */
static void open_connection(struct http_transfer *t) {
    place(&t->route->client->running, t);
    t->route->origin->n_open++;
    t->connecting = true;
    t->easy = curl_easy_init();
    if (t->easy != NULL) {
        transfer_set_connection(t);
        curl_easy_setopt(t->easy, CURLOPT_CONNECT_ONLY, 1L);
        curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    transfer_give(t);
}

static void stop_connecting(struct http_transfer *t) {
    if (!t->connecting) return;
    t->connecting = false;
    t->route->origin->n_open--;
    transfer_take_out(t);
    curl_easy_cleanup(t->easy);
    t->easy = NULL;
}

/* One that waits takes what became free, at the end of this turn: this may be inside its owner's call. */
void direct_wake(struct http_origin *o) {
    struct list *node = list_shift(&o->waiting);
    if (node == NULL) return;
    list_push(&o->client->starting, node);
    client_want_flush(o->client);
}

static void connect_failed(struct http_transfer *t, enum http_result result, const char *detail) {
    direct_wake(t->route->origin);
    transfer_end(t, result, detail);
}

void direct_connected(struct http_transfer *t, CURLcode code) {
    struct http_origin *o = t->route->origin;
    curl_socket_t theirs = CURL_SOCKET_BAD;
    int fd = -1;
    if (code == CURLE_OK && curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &theirs) == CURLE_OK &&
        theirs != CURL_SOCKET_BAD)
        fd = fcntl(theirs, F_DUPFD_CLOEXEC, 0); /* libcurl closes its own */
    const char *why = code == CURLE_OK       ? strerror(errno)
                      : t->detail[0] != '\0' ? t->detail
                                             : curl_easy_strerror(code);
    stop_connecting(t);
    if (fd < 0) {
        connect_failed(t, code == CURLE_OPERATION_TIMEDOUT ? HTTP_CONNECT_TIMEOUT : HTTP_CONNECT_FAILED, why);
        return;
    }
    struct http_connection *k = mem_new(struct http_connection);
    k->origin = o;
    k->transfer = t;
    k->watch = (struct loop_watch){.fd = fd, .events = LOOP_READ, .ready = direct_ready};
    list_init(&k->link);
    o->n_open++;
    if (loop_watch_start(o->client->loop, &k->watch, NULL) == FAULT_NONE) {
        attach(k, t);
    } else {
        connection_close(k);
        connect_failed(t, HTTP_CONNECT_FAILED, "the kernel watches no more descriptors");
    }
}

/* What an upstream says out of turn must not become the answer to whoever comes next; nor is a closed one of
 * use. */
static bool is_silent(const struct http_connection *k) {
    char byte;
    return recv(k->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK);
}

static struct http_connection *idle_connection(struct http_origin *o) {
    int64_t now = loop_now_us(o->client->loop);
    while (!list_empty(&o->idle)) { /* newest first */
        struct http_connection *k = list_item(o->idle.next, struct http_connection, link);
        if (now - k->idle_us > IDLE_US || !is_silent(k)) {
            connection_close(k);
            continue;
        }
        list_remove(&k->link);
        o->n_idle--;
        return k;
    }
    return NULL;
}

void direct_add(struct http_transfer *t) {
    struct http_origin *o = t->route->origin;
    bool turn = t->waited || list_empty(&o->waiting);
    struct http_connection *k = turn ? idle_connection(o) : NULL;
    if (k != NULL) {
        attach(k, t);
    } else if (turn && o->n_open < o->client->max_connections) {
        open_connection(t);
    } else if (t->waited) {
        list_unshift(&o->waiting, &t->link);
    } else {
        t->waited = true;
        list_push(&o->waiting, &t->link);
    }
}

/* receiving */

static void finish(struct http_transfer *t, bool reusable, enum http_result result, const char *detail) {
    struct http_connection *k = t->connection;
    struct http_origin *o = k->origin;
    t->connection = NULL;
    if (reusable) {
        k->transfer = NULL;
        k->used = true;
        k->idle_us = loop_now_us(o->client->loop);
        list_unshift(&o->idle, &k->link);
        if (++o->n_idle > IDLE_MAX) connection_close(list_item(o->idle.prev, struct http_connection, link));
    } else {
        connection_close(k);
    }
    direct_wake(o);
    transfer_end(t, result, detail);
}

static void hold_back(struct http_transfer *t, struct slice rest) {
    t->paused = true;
    (void)buffer_append(&t->held, rest);
    watch_for(t->connection, LOOP_HANGUP);
}

/* Tells of one step; false when there is no more to tell now. */
static bool tell(struct http_transfer *t, enum http_reply_step step, struct slice piece, struct slice rest) {
    if (step == HTTP_REPLY_HEAD) {
        t->head_done = true;
        t->status = t->reply.status;
        t->events.on_head(t->ctx, t, t->status);
        return !t->cancelled;
    }
    if (step != HTTP_REPLY_BODY) return false;
    t->received += (int64_t)piece.len;
    enum http_flow flow = t->events.on_body(t->ctx, t, piece);
    if (t->cancelled) return false;
    if (flow == HTTP_PAUSE) hold_back(t, rest);
    return flow != HTTP_PAUSE;
}

static void take(struct http_transfer *t, struct slice in) {
    struct http_client *c = t->route->client;
    struct slice piece;
    enum http_reply_step step;
    client_enter(c);
    do {
        step = http_reply_feed(&t->reply, &in, &piece);
    } while (tell(t, step, piece, in));
    if (t->cancelled) step = HTTP_REPLY_MORE;
    if (step == HTTP_REPLY_END)
        finish(t, t->reply.keep_alive && all_sent(t) && in.len == 0, HTTP_OK, "complete");
    if (step == HTTP_REPLY_BAD) finish(t, false, HTTP_BAD, t->reply.why);
    client_leave(c); /* removes what was cancelled */
}

/* The peer closed or reset. A kept-alive connection that does so before a word of reply may simply have
 * been closed while the request was on its way: once, that is tried again on a new one. */
static void lost(struct http_connection *k, bool in_order, const char *detail) {
    struct http_transfer *t = k->transfer;
    struct http_client *c = t->route->client;
    client_enter(c);
    if (k->used && !t->answered && loop_now_us(c->loop) - t->attached_us < RESEND_US) {
        t->connection = NULL;
        connection_close(k);
        open_connection(t);
    } else if (in_order && http_reply_ended(&t->reply)) {
        finish(t, false, HTTP_OK, "complete");
    } else {
        finish(t, false, t->head_done ? HTTP_CUT : HTTP_RESET, detail);
    }
    client_leave(c);
}

static void receive(struct http_connection *k) {
    struct http_client *c = k->origin->client;
    if (c->received == NULL) c->received = mem_alloc(HTTP_RECEIVE);
    ssize_t n = recv(k->watch.fd, c->received, HTTP_RECEIVE, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (n <= 0) {
        lost(k, n == 0, n == 0 ? "the peer closed the connection" : strerror(errno));
        return;
    }
    k->transfer->answered = true;
    take(k->transfer, slice_make(c->received, (size_t)n));
}

static void direct_ready(struct loop_watch *w, unsigned events) {
    struct http_connection *k = list_item(w, struct http_connection, watch);
    if (k->transfer == NULL) { /* closed by its peer, or talking out of turn */
        connection_close(k);
        return;
    }
    if (k->transfer->paused) return; /* a hang-up: reading tells of it, when its turn comes */
    if (events & LOOP_WRITE) send_request(k);
    if (events & LOOP_READ) receive(k);
}

/* from the owner */

void direct_resume(struct http_transfer *t) {
    struct http_connection *k = t->connection;
    if (k == NULL || !t->paused) return;
    struct buffer held = t->held;
    buffer_init(&t->held, HTTP_RECEIVE);
    t->paused = false;
    watch_for(k, all_sent(t) ? LOOP_READ : LOOP_READ | LOOP_WRITE);
    take(t, buffer_slice(&held));
    buffer_deinit(&held);
}

/* A cancelled transfer leaves: its connection closes. */
void direct_remove(struct http_transfer *t) {
    struct http_origin *o = t->route->origin;
    if (t->connection != NULL) {
        connection_close(t->connection);
        t->connection = NULL;
    } else {
        stop_connecting(t);
    }
    direct_wake(o);
}

void direct_reset(struct http_transfer *t) {
    http_reply_reset(&t->reply, t->route->reads_head);
    buffer_clear(&t->request);
    buffer_shrink(&t->request, KEEP_REQUEST);
    buffer_deinit(&t->held);
    buffer_init(&t->held, HTTP_RECEIVE);
    t->paused = t->answered = t->waited = t->connecting = false;
    t->sent = 0;
}
