/* test_io_rig.h - what the tests of io share: a loop run turn by turn, and a bare TCP peer.
 *
 * Everything happens in one thread. The peer's sockets do not block; when it waits for something, the
 * loop is run until it is there. */
#ifndef TEST_IO_RIG_H
#define TEST_IO_RIG_H

#include "base/buffer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS 3000000 /* a wait that takes more turns of the loop has failed */

static inline void rig_stop(void *arg) { loop_stop(arg); }

/* One turn that does not sleep. */
static inline void rig_turn(struct loop *l) {
    loop_defer(l, rig_stop, l);
    loop_run(l);
}

static inline void rig_turns(struct loop *l, int n) {
    while (n-- > 0) rig_turn(l);
}

#define RIG_WAIT(l, condition)                                      \
    do {                                                            \
        int turns_ = 0;                                             \
        while (!(condition)) {                                      \
            if (turns_++ > TURNS) fail_msg("waited for " #condition); \
            rig_turn(l);                                            \
        }                                                           \
    } while (0)

static inline int rig_connect(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static inline void rig_send(int fd, const char *text, size_t len) {
    assert_int_equal(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void rig_say(int fd, const char *text) { rig_send(fd, text, strlen(text)); }

/* Takes what has arrived. False at the end of the stream. */
static inline bool rig_take(int fd, struct buffer *in) {
    char piece[65536];
    for (;;) {
        ssize_t n = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        if (n > 0) {
            assert_true(buffer_append(in, slice_make(piece, (size_t)n)));
            continue;
        }
        return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
}

static inline bool rig_has(struct buffer *in, const char *text) { return slice_contains(buffer_slice(in), slice_of(text)); }

static inline bool rig_took(int fd, struct buffer *in, const char *text) {
    (void)rig_take(fd, in);
    return rig_has(in, text);
}

static inline bool rig_closed(int fd, struct buffer *in) { return !rig_take(fd, in); }

static inline int rig_count(struct buffer *in, const char *text) {
    int n = 0;
    for (const char *at = buffer_text(in); (at = strstr(at, text)) != NULL; at += strlen(text)) n++;
    return n;
}

/* A listener that the test itself serves. */
static inline int rig_listen(uint16_t *ret_port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static inline bool rig_accept(int listener, int *ret_fd) {
    *ret_fd = accept(listener, NULL, NULL);
    return *ret_fd >= 0;
}

/* A small generator of its own, so that a failure can be repeated from its seed. */
static inline uint32_t rig_random(uint32_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#endif
