/* http_client.c - libcurl's sockets and timer on the loop. See http_client_private.h.
 *
 * libcurl forgets and re-registers a connection's socket around every transfer. The watch does not
 * follow that: a socket nobody waits for stays registered for reading, and goes only when it becomes
 * ready after all (its peer closed it) or when libcurl closes it. So a kept-alive connection costs no
 * epoll_ctl a request. Sockets that libcurl opens behind our back (its resolver's) are followed at once,
 * because they are also closed behind our back. */
#include "io/http_client_private.h"

#include "base/mem.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    /* Of one shard. Past it, libcurl looks for the oldest after each transfer. */
    IDLE_CONNECTIONS = 256,
    RETIRE_US = 10 * 1000 * 1000, /* an idle shard is closed when a peer closes one of its connections */
};

struct client_socket {
    struct loop_watch watch;
    struct http_client *client;
    struct client_shard *shard; /* that waits for it */
    struct list changed;
    unsigned wanted; /* loop events; 0: libcurl waits for nothing */
    bool ours;       /* opened by client_open_socket */
};

/* inside libcurl */

void client_enter(struct http_client *c) {
    c->inside++;
    c->busy++;
}

static void collect_finished(struct client_shard *s) {
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(s->multi, &left)) != NULL) {
        if (m->msg != CURLMSG_DONE) continue;
        struct http_transfer *t = NULL;
        CURLcode code = m->data.result;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        transfer_finish(t, code);
    }
}

void client_leave(struct http_client *c) {
    if (--c->inside == 0) {
        struct list *node;
        while ((node = list_shift(&c->cancelled)) != NULL) transfer_remove(list_item(node, struct http_transfer, link));
    }
    c->busy--;
}

static void run(struct client_shard *s, curl_socket_t fd, int events) {
    int running;
    client_enter(s->client);
    (void)curl_multi_socket_action(s->multi, fd, events, &running);
    client_leave(s->client);
    collect_finished(s);
}

/* sockets */

static void shard_close(struct client_shard *s);

static struct client_socket *socket_of(struct http_client *c, curl_socket_t fd) {
    size_t at = (size_t)fd;
    if (at >= c->sockets_capacity) {
        size_t capacity = c->sockets_capacity == 0 ? 64 : c->sockets_capacity;
        while (capacity <= at) capacity *= 2;
        c->sockets = mem_resize(c->sockets, capacity * sizeof(struct client_socket *));
        memset(c->sockets + c->sockets_capacity, 0, (capacity - c->sockets_capacity) * sizeof(struct client_socket *));
        c->sockets_capacity = capacity;
    }
    return c->sockets[at];
}

static void socket_ready(struct loop_watch *w, unsigned events) {
    struct client_socket *s = list_item(w, struct client_socket, watch);
    struct http_client *c = s->client;
    if (s->wanted == 0) { /* an idle connection was closed by its peer; libcurl finds out when it would use it */
        loop_watch_stop(c->loop, w);
        if (s->shard->n_open == 0 && loop_now_us(c->loop) - s->shard->idle_us > RETIRE_US) shard_close(s->shard);
        return;
    }
    int bits = (events & LOOP_READ ? CURL_CSELECT_IN : 0) | (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    run(s->shard, w->fd, bits);
}

static struct client_socket *socket_new(struct http_client *c, curl_socket_t fd) {
    struct client_socket *s = socket_of(c, fd);
    if (s != NULL) return s;
    s = mem_new(struct client_socket);
    s->client = c;
    s->watch.fd = fd;
    s->watch.ready = socket_ready;
    list_init(&s->changed);
    c->sockets[fd] = s;
    return s;
}

static void follow(struct client_socket *s) {
    struct loop *l = s->client->loop;
    unsigned events = s->wanted != 0 ? s->wanted : LOOP_READ;
    enum fault fault = FAULT_NONE;
    if (s->wanted == 0 && !s->ours) {
        loop_watch_stop(l, &s->watch);
    } else if (s->watch.on) {
        fault = loop_watch_change(l, &s->watch, events);
    } else if (s->wanted != 0) {
        s->watch.events = events;
        fault = loop_watch_start(l, &s->watch, NULL);
    }
    /* Only a lack of memory in the kernel leads here. The transfer then ends by its deadline. */
    if (fault != FAULT_NONE) loop_watch_stop(l, &s->watch);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
    (void)easy, (void)socket_arg;
    struct client_shard *shard = arg;
    struct http_client *c = shard->client;
    struct client_socket *s = socket_new(c, fd);
    s->shard = shard;
    s->wanted = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? LOOP_READ : 0) |
                (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? LOOP_WRITE : 0);
    if (!s->ours) {
        follow(s);
    } else if (list_empty(&s->changed)) {
        list_push(&c->changed, &s->changed);
        client_want_flush(c);
    }
    return 0;
}

curl_socket_t client_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)purpose;
    struct http_client *c = arg;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) return CURL_SOCKET_BAD;
    struct client_socket *s = socket_new(c, fd);
    s->ours = true;
    s->wanted = 0;
    return fd;
}

int client_close_socket(void *arg, curl_socket_t fd) {
    struct http_client *c = arg;
    struct client_socket *s = socket_of(c, fd);
    if (s != NULL) {
        loop_watch_stop(c->loop, &s->watch);
        list_remove(&s->changed);
        s->wanted = 0;
        s->ours = false;
    }
    return close(fd);
}

/* the turn */

void client_kick(struct client_shard *s) {
    if (list_empty(&s->kicked)) list_push(&s->client->kicked, &s->kicked);
    client_want_flush(s->client);
}

static int on_timer(CURLM *multi, long timeout_ms, void *arg) {
    (void)multi;
    struct client_shard *s = arg;
    if (timeout_ms > 0) {
        loop_timer_start(s->client->loop, &s->timer, timeout_ms * INT64_C(1000));
        return 0;
    }
    loop_timer_stop(s->client->loop, &s->timer);
    if (timeout_ms == 0) client_kick(s); /* at once is the end of this turn */
    return 0;
}

static void timer_fired(struct loop_timer *t) { client_kick(list_item(t, struct client_shard, timer)); }

static void client_flush(void *arg) {
    struct http_client *c = arg;
    struct list *node;
    c->flush_queued = false;
    c->busy++;
    while ((node = list_shift(&c->starting)) != NULL) {
        transfer_add(list_item(node, struct http_transfer, link));
    }
    while ((node = list_shift(&c->resuming)) != NULL) {
        transfer_resume_now(list_item(node, struct http_transfer, link));
    }
    struct list kicked; /* only once each: what they kick again is for the next flush */
    list_init(&kicked);
    while ((node = list_shift(&c->kicked)) != NULL) list_push(&kicked, node);
    while ((node = list_shift(&kicked)) != NULL) run(list_item(node, struct client_shard, kicked), CURL_SOCKET_TIMEOUT, 0);
    while ((node = list_shift(&c->changed)) != NULL) follow(list_item(node, struct client_socket, changed));
    c->busy--;
    if (c->free_wanted && !c->flush_queued) http_client_free(c);
}

void client_want_flush(struct http_client *c) {
    if (c->flush_queued) return;
    c->flush_queued = true;
    loop_defer(c->loop, client_flush, c);
}

/* shards */

static bool shard_open(struct client_shard *s) {
    if (s->multi != NULL) return true;
    struct http_client *c = s->client;
    unsigned before = (unsigned)(s - c->shards) * SHARD_CONNECTIONS, left = c->max_connections - before;
    s->multi = curl_multi_init();
    if (s->multi == NULL) return false;
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)(left < SHARD_CONNECTIONS ? left : SHARD_CONNECTIONS));
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
    return true;
}

/* Closes its idle connections. Nothing may be open in it. */
static void shard_close(struct client_shard *s) {
    if (s->multi == NULL) return;
    curl_multi_cleanup(s->multi); /* closes sockets through client_close_socket */
    s->multi = NULL;
    loop_timer_stop(s->client->loop, &s->timer);
    list_remove(&s->kicked);
}

struct client_shard *client_pick_shard(struct http_client *c) {
    struct client_shard *best = &c->shards[0];
    for (unsigned i = 0; i < c->n_shards; i++) {
        struct client_shard *s = &c->shards[i];
        if (s->n_open < best->n_open) best = s;
        if (s->n_open >= SHARD_CONNECTIONS) continue;
        best = s;
        break;
    }
    return shard_open(best) ? best : NULL;
}

/* birth and end */

struct http_client *http_client_new(struct loop *l, unsigned max_connections_per_host) {
    struct http_client *c = mem_new(struct http_client);
    c->loop = l;
    c->max_connections = max_connections_per_host > 0 ? max_connections_per_host : SHARDS * SHARD_CONNECTIONS;
    c->n_shards = (c->max_connections + SHARD_CONNECTIONS - 1) / SHARD_CONNECTIONS;
    if (c->n_shards > SHARDS) c->n_shards = SHARDS;
    for (unsigned i = 0; i < SHARDS; i++) {
        c->shards[i] = (struct client_shard){.client = c, .timer.fired = timer_fired};
        list_init(&c->shards[i].kicked);
    }
    list_init(&c->kicked);
    list_init(&c->changed);
    list_init(&c->starting);
    list_init(&c->running);
    list_init(&c->resuming);
    list_init(&c->cancelled);
    list_init(&c->routes);
    list_init(&c->origins);
    c->started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; /* counted and thread-safe */
    if (c->started) c->share = curl_share_init();
    if (c->share == NULL) {
        http_client_free(c);
        return NULL;
    }
    (void)curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    (void)curl_share_setopt(c->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    return c;
}

static void drop_all(struct list *transfers) {
    while (!list_empty(transfers)) http_transfer_cancel(list_item(transfers->next, struct http_transfer, link));
}

void http_client_free(struct http_client *c) {
    if (c == NULL) return;
    for (struct list *node = c->origins.next, *next; node != &c->origins; node = next) {
        struct http_origin *o = list_item(node, struct http_origin, link);
        o->n_routes++; /* its last transfer may take its last route along */
        drop_all(&o->waiting);
        next = node->next;
        origin_drop(o);
    }
    drop_all(&c->starting);
    drop_all(&c->resuming);
    drop_all(&c->running);
    if (c->busy > 0 || c->flush_queued) { /* from a callback, or a flush still knows this client */
        c->free_wanted = true;
        client_want_flush(c);
        return;
    }
    c->busy++; /* no freeing from in here */
    while (!list_empty(&c->routes)) {
        struct http_route *r = list_item(c->routes.next, struct http_route, link);
        r->freed = true;
        route_release(r);
    }
    for (unsigned i = 0; i < SHARDS; i++) shard_close(&c->shards[i]);
    if (c->share != NULL) (void)curl_share_cleanup(c->share);
    for (size_t i = 0; i < c->sockets_capacity; i++) {
        if (c->sockets[i] != NULL) loop_watch_stop(c->loop, &c->sockets[i]->watch);
        mem_free(c->sockets[i]);
    }
    if (c->started) curl_global_cleanup();
    mem_free(c->sockets);
    mem_free(c->received);
    mem_free(c);
}
