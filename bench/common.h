/* common.h - the few things that the benchmark programs share. Loopback only, one thread each. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* A token of the benchmark is this mark, 19 digits of CLOCK_MONOTONIC in ns, 's', and its number in 6 digits. */
#define TOKEN_MARK "\"content\":\"t"
#define TOKEN_DIGITS 19
#define TOKEN_SEQUENCE 6
#define TOKEN_TEXT (sizeof(TOKEN_MARK) - 1 + TOKEN_DIGITS + 1 + TOKEN_SEQUENCE)

static inline uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* epoll_wait to the nanosecond, so that what is due goes out when it is due and not in bursts of a millisecond. */
static inline int wait_ns(int epoll, struct epoll_event *events, int n, int64_t ns) {
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    return epoll_pwait2(epoll, events, n, ns < 0 ? NULL : &t, NULL);
}

static inline void die(const char *what) {
    perror(what);
    exit(3);
}

static inline void raise_files(void) {
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &r);
    }
}

static inline struct sockaddr_in loopback(uint16_t port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

static inline void no_delay(int fd) {
    int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

/* Latencies in microseconds: one bin each up to a second, which is more than any of them should be. */
#define BINS 1000001
struct latencies {
    uint32_t *bins;
    uint64_t count, sum;
    uint32_t max;
};

static inline void latencies_init(struct latencies *l) {
    *l = (struct latencies){.bins = calloc(BINS, sizeof *l->bins)};
    if (!l->bins) die("calloc");
}

static inline void latencies_add(struct latencies *l, uint64_t ns) {
    uint64_t us = ns / 1000;
    uint32_t bin = us >= BINS ? BINS - 1 : (uint32_t)us;
    l->bins[bin]++;
    l->count++;
    l->sum += us;
    if (bin > l->max) l->max = bin;
}

static inline uint32_t latencies_at(const struct latencies *l, double q) {
    uint64_t rank = (uint64_t)(q * (double)l->count), seen = 0;
    for (uint32_t i = 0; i < BINS; i++) {
        seen += l->bins[i];
        if (seen > rank) return i;
    }
    return l->max;
}

static inline void latencies_print(const struct latencies *l) {
    printf("\"n\":%llu,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u", (unsigned long long)l->count,
           latencies_at(l, 0.5), latencies_at(l, 0.9), latencies_at(l, 0.99), latencies_at(l, 0.999), l->max);
}

#endif
