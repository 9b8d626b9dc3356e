/* http_server.c - the listener, when the daemon is run, and the deadlines. See http_server_private.h. */
#include "io/http_server_private.h"

#include "base/mem.h"
#include "base/virtual_time.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,             /* connections the kernel keeps while a turn runs */
    RUNS = 4,                   /* runs of the daemon in one turn: an answer takes three */
    FRUITLESS = 1024,           /* runs without any effect until they are spaced out; a long head takes some 100 */
    SPACED_US = 10 * 1000,
    STUCK_US = 5 * 1000 * 1000,
    LINGER_US = 2 * 1000 * 1000,
    SCAN_MIN_US = 10 * 1000,
    SCAN_MAX_US = 1000 * 1000,
};

/* runs */

static void destroy(struct http_server *s);

static bool daemon_is_busy(const struct http_server *s) {
    MHD_UNSIGNED_LONG_LONG timeout;
    return MHD_get_timeout(s->daemon, &timeout) == MHD_YES && timeout == 0;
}

/* Runs the daemon until it has nothing more to do at once: it sends an answer in one run, ends it in the
 * next, and in a third goes back to waiting for the client. */
static void server_run(struct http_server *s) {
    bool more = true;
    s->in_run = true;
    s->busy++;
    for (int i = 0; i < RUNS && more; i++) {
        s->run_wanted = false;
        MHD_run(s->daemon);
        more = daemon_is_busy(s) || s->run_wanted;
    }
    s->busy--;
    s->in_run = false;
    if (!more) {
        s->fruitless = 0;
        s->unsettled_us = 0;
        return;
    }
    if (s->unsettled_us == 0) s->unsettled_us = loop_now_us(s->loop);
    /* A connection whose buffer is full of an endless chunk extension keeps the daemon "busy" for ever
     * without reading. check_connection ends it; until then it must not cost a core. */
    s->fruitless = s->activity == s->activity_seen ? s->fruitless + 1 : 0;
    s->activity_seen = s->activity;
    loop_timer_start(s->loop, &s->again, s->fruitless < FRUITLESS ? 0 : SPACED_US);
}

static void server_flush(void *arg) {
    struct http_server *s = arg;
    s->flush_queued = false;
    struct list *node;
    s->busy++;
    while ((node = list_shift(&s->dirty)) != NULL) respond_flush(list_item(node, struct request, link));
    if (s->run_wanted && s->daemon != NULL) server_run(s);
    while ((node = list_shift(&s->hung)) != NULL) {
        /* The daemon overlooks an end of stream that came right behind other bytes. It had its chance to
         * read those: what it waits for now will not come. */
        struct http_connection *c = list_item(node, struct http_connection, hung_link);
        if (c->request == NULL || c->request->stage != STAGE_HELD) connection_shut(c);
    }
    while ((node = list_shift(&s->finished)) != NULL) request_finish(list_item(node, struct request, link));
    s->busy--;
    if (s->free_wanted) {
        s->free_wanted = false;
        http_server_free(s);
    } else if (s->daemon == NULL && s->open == 0 && !s->flush_queued) {
        destroy(s);
    }
}

void server_want_flush(struct http_server *s) {
    if (s->flush_queued) return;
    s->flush_queued = true;
    loop_defer(s->loop, server_flush, s);
}

void server_want_run(struct http_server *s) {
    s->run_wanted = true;
    if (!s->in_run) server_want_flush(s);
}

static void daemon_ready(struct loop_watch *w, unsigned events) {
    (void)events;
    server_want_run(list_item(w, struct http_server, epoll_watch));
}

static void again_fired(struct loop_timer *t) { server_want_run(list_item(t, struct http_server, again)); }

/* deadlines */

/* A reply that the client takes is not measured against a clock; one that it does not take is. */
static void check_sending(struct http_connection *c, int64_t now) {
    const struct http_server *s = c->server;
    struct request *r = c->request;
    if (r->direct) {
        if (respond_unsent(r) > 0 && now - r->progress_us > s->o.idle_timeout_us) connection_gone(c);
        return;
    }
    if (!r->queued || r->suspended) return;
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (getsockopt(c->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) return;
    if (c->since_us == 0 || info.tcpi_bytes_acked != c->acked) {
        c->acked = info.tcpi_bytes_acked;
        c->since_us = now;
    } else if (now - c->since_us > s->o.idle_timeout_us) {
        connection_gone(c);
        connection_shut(c);
    }
}

/* See server_run. From outside such a connection looks like one that sends nothing. */
static bool is_stuck(const struct http_server *s, const struct request *r, int64_t now) {
    return r->chunked && s->unsettled_us != 0 && now - s->unsettled_us > STUCK_US && now - r->progress_us > STUCK_US;
}

static void check_connection(struct http_connection *c, int64_t now) {
    const struct http_server_options *o = &c->server->o;
    struct request *r = c->request;
    int64_t waited = now - c->since_us;
    if (r == NULL) {
        if (waited > (c->replies == 0 ? o->head_timeout_us : o->idle_timeout_us)) connection_shut(c);
    } else if (r->queued || r->streaming || r->stage == STAGE_HELD) {
        check_sending(c, now);
    } else if (waited > (r->stage == STAGE_HEAD ? o->head_timeout_us : o->body_timeout_us)) {
        connection_refuse(c, FAULT_CLIENT_TIMEOUT);
    } else if (is_stuck(c->server, r, now)) {
        connection_refuse(c, FAULT_BAD_REQUEST);
    }
}

static int64_t scan_period_us(const struct http_server *s) {
    int64_t shortest = s->o.head_timeout_us;
    if (s->o.body_timeout_us < shortest) shortest = s->o.body_timeout_us;
    if (s->o.idle_timeout_us < shortest) shortest = s->o.idle_timeout_us;
    shortest /= 4;
    return shortest < SCAN_MIN_US ? SCAN_MIN_US : shortest > SCAN_MAX_US ? SCAN_MAX_US : shortest;
}

static void janitor_fired(struct loop_timer *t) {
    struct http_server *s = list_item(t, struct http_server, janitor);
    int64_t now = loop_now_us(s->loop);
    s->busy++; /* nothing in here frees a connection: closing one is the daemon's work, in its next run */
    for (struct list *n = s->connections.next; n != &s->connections; n = n->next)
        check_connection(list_item(n, struct http_connection, link), now);
    s->busy--;
    linger_expire(s, now - LINGER_US);
    loop_timer_start(s->loop, &s->janitor, virtual_time_lazily(scan_period_us(s)));
}

/* birth */

static bool fill_address(const char *host, uint16_t port, struct sockaddr_storage *ret, socklen_t *ret_len) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    memset(ret, 0, sizeof *ret);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *ret_len = sizeof *v4;
        return true;
    }
    if (host[0] != '\0' && inet_pton(AF_INET6, host, &v6->sin6_addr) != 1) return false;
    v6->sin6_family = AF_INET6; /* "" is in6addr_any, which is all zeros */
    v6->sin6_port = htons(port);
    *ret_len = sizeof *v6;
    return true;
}

static int listen_on(const struct sockaddr_storage *address, socklen_t len, bool reuse_port) {
    int on = 1, off = 0, unsent = LIMIT_UNSENT;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    /* Accepted sockets inherit both: frames leave at once, and a client that does not read holds no more
     * in the kernel than it may hold in here. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    if (address->ss_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if ((!reuse_port || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static enum fault open_listener(struct http_server *s, const struct http_server_options *o, struct error *error) {
    struct sockaddr_storage address;
    socklen_t len;
    const char *host = o->host == NULL ? "" : o->host;
    if (!fill_address(host, o->port, &address, &len))
        return error_set(error, FAULT_CONFIG, "expected a numeric address to listen on, found \"%s\"", host);
    s->listen_fd = listen_on(&address, len, o->reuse_port);
    if (s->listen_fd < 0 && host[0] == '\0' && errno == EAFNOSUPPORT) { /* a system without IPv6 */
        (void)fill_address("0.0.0.0", o->port, &address, &len);
        s->listen_fd = listen_on(&address, len, o->reuse_port);
    }
    if (s->listen_fd < 0)
        return error_set(error, FAULT_IO, "cannot listen on %s port %u: %s", host, o->port, strerror(errno));
    len = sizeof address;
    if (getsockname(s->listen_fd, (struct sockaddr *)&address, &len) != 0)
        return error_set(error, FAULT_IO, "cannot read the listener's port: %s", strerror(errno));
    /* the port stands at one place in both families */
    s->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return FAULT_NONE;
}

/* The daemon explains a failed start only here. Later messages tell of broken requests: not our log. */
static void daemon_message(void *arg, const char *format, va_list args) {
    struct http_server *s = arg;
    if (s->daemon != NULL || s->scratch.len > 0) return;
    char *room = buffer_reserve(&s->scratch, LIMIT_ERROR_TEXT);
    if (room == NULL) return;
    int n = vsnprintf(room, LIMIT_ERROR_TEXT, format, args);
    if (n > 0) s->scratch.len += n < (int)LIMIT_ERROR_TEXT ? (size_t)n : LIMIT_ERROR_TEXT - 1;
}

/* Keeps the URI as it was sent: the caller decodes what it uses. */
static size_t leave_escaped(void *arg, struct MHD_Connection *mhd, char *text) {
    (void)arg, (void)mhd;
    return strlen(text);
}

/* Head, its table of fields and the answer's head share one pool. It is wiped after each request, so it
 * costs time (some 25 ns a KiB) as well as memory, on idle connections too. A head of more fields than
 * the rest holds is refused by the daemon. */
static size_t pool_size(size_t max_header) { return max_header + 4096; }

static enum fault start_daemon(struct http_server *s, const struct http_server_options *o, struct error *error) {
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->tls_cert_pem},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->tls_key_pem},
        {MHD_OPTION_END, 0, NULL},
    };
    s->tls = o->tls_cert_pem != NULL;
    if (s->tls) flags |= MHD_USE_TLS;
    s->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, receive_handler, s, MHD_OPTION_EXTERNAL_LOGGER, daemon_message, s,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_CONNECTION_LIMIT, o->max_connections,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool_size(o->max_header), MHD_OPTION_STRICT_FOR_CLIENT, 0,
        MHD_OPTION_URI_LOG_CALLBACK, receive_uri, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, receive_completed, s, MHD_OPTION_NOTIFY_CONNECTION, receive_connection, s,
        MHD_OPTION_ARRAY, s->tls ? tls : tls + 2, MHD_OPTION_END);
    if (s->daemon != NULL) return FAULT_NONE;
    return error_set(error, s->tls ? FAULT_CONFIG : FAULT_IO, "cannot start the HTTP server: " SLICE_FMT,
                     SLICE_ARG(slice_trim(buffer_slice(&s->scratch))));
}

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    const struct http_handler *h, struct error *error) {
    struct http_server *s = mem_new(struct http_server);
    *s = (struct http_server){.loop = l, .handler = *h, .o = *o, .listen_fd = -1};
    s->o.host = s->o.tls_cert_pem = s->o.tls_key_pem = NULL;
    list_init(&s->connections);
    list_init(&s->hung);
    list_init(&s->lingering);
    list_init(&s->dirty);
    list_init(&s->finished);
    list_init(&s->spare);
    buffer_init(&s->scratch, LIMIT_HEADER_DEFAULT);
    s->again.fired = again_fired;
    s->janitor.fired = janitor_fired;
    if (open_listener(s, o, error) != FAULT_NONE || start_daemon(s, o, error) != FAULT_NONE) goto fail;
    int epoll_fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    s->epoll_watch = (struct loop_watch){.fd = epoll_fd, .events = LOOP_READ, .ready = daemon_ready};
    if (loop_watch_start(l, &s->epoll_watch, error) != FAULT_NONE) goto fail;
    loop_timer_start(l, &s->janitor, scan_period_us(s));
    return s;
fail:
    http_server_free(s);
    return NULL;
}

uint16_t http_server_port(const struct http_server *s) { return s->port; }
unsigned http_server_connections(const struct http_server *s) { return s->n_connections; }

/* end */

void http_server_quiesce(struct http_server *s) {
    if (s->quiesced || s->daemon == NULL) return;
    s->quiesced = true;
    (void)MHD_quiesce_daemon(s->daemon);
    close(s->listen_fd);
    s->listen_fd = -1;
    /* An idle connection's next request would find nobody. */
    for (struct list *n = s->connections.next; n != &s->connections; n = n->next) {
        struct http_connection *c = list_item(n, struct http_connection, link);
        if (c->request == NULL) connection_shut(c);
    }
}

static void destroy(struct http_server *s) {
    struct list *node;
    while ((node = list_shift(&s->spare)) != NULL) request_free(list_item(node, struct request, link));
    if (s->listen_fd >= 0) close(s->listen_fd);
    buffer_deinit(&s->scratch);
    mem_free(s);
}

/* Requests that are still held after on_gone outlive the daemon; the last one takes the server with it. */
void http_server_free(struct http_server *s) {
    if (s == NULL) return;
    if (s->busy > 0) { /* called from one of our callbacks */
        s->free_wanted = true;
        server_want_flush(s);
        return;
    }
    if (s->daemon != NULL) {
        http_server_quiesce(s);
        loop_watch_stop(s->loop, &s->epoll_watch);
        loop_timer_stop(s->loop, &s->again);
        loop_timer_stop(s->loop, &s->janitor);
        s->busy++;
        for (struct list *n = s->connections.next; n != &s->connections; n = n->next) {
            struct http_connection *c = list_item(n, struct http_connection, link);
            connection_gone(c);
            if (c->request != NULL) respond_drop(c->request); /* the daemon must find nothing suspended */
        }
        MHD_stop_daemon(s->daemon);
        s->daemon = NULL;
        linger_expire(s, INT64_MAX);
        s->busy--;
    }
    if (s->flush_queued)
        return; /* the flush is the last one to know this server */
    if (s->open == 0)
        destroy(s);
}
