/* http_linger.c - reads for a while what a client still sends after its connection was closed.
 *
 * Closing a socket with unread bytes makes the kernel reset it, and a reset throws away what the client
 * has not read: the 413 it should see. So a duplicate of the socket is kept, its sending side already
 * shut, and read until the client closes or two seconds are over. */
#include "io/http_server_private.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MOST = 256,   /* at a time; past it, connections are closed the hard way */
    READS = 16,   /* in one turn */
    PIECE = 16 * 1024,
};

struct lingering {
    struct list link;
    struct http_server *server;
    struct loop_watch watch;
    int64_t since_us;
};

static void end(struct lingering *g) {
    loop_watch_stop(g->server->loop, &g->watch);
    close(g->watch.fd);
    list_remove(&g->link);
    g->server->n_lingering--;
    mem_free(g);
}

static void ready(struct loop_watch *w, unsigned events) {
    (void)events;
    char piece[PIECE];
    for (int i = 0; i < READS; i++) {
        ssize_t n = recv(w->fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n > 0) continue;
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) end(list_item(w, struct lingering, watch));
        return;
    }
}

void linger_start(struct http_server *s, int fd) {
    if (s->n_lingering >= MOST) return;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0) return;
    struct lingering *g = mem_new(struct lingering);
    g->server = s;
    g->watch = (struct loop_watch){.fd = copy, .events = LOOP_READ, .ready = ready};
    g->since_us = loop_now_us(s->loop);
    list_push(&s->lingering, &g->link);
    s->n_lingering++;
    (void)shutdown(copy, SHUT_WR);
    if (loop_watch_start(s->loop, &g->watch, NULL) != FAULT_NONE) end(g);
}

void linger_expire(struct http_server *s, int64_t before_us) {
    while (!list_empty(&s->lingering)) { /* oldest first */
        struct lingering *g = list_item(s->lingering.next, struct lingering, link);
        if (g->since_us > before_us) return;
        end(g);
    }
}
