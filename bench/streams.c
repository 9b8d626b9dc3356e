/* streams.c - many concurrent SSE streams, and how long each token took from the upstream's send to here.
 *
 *   streams PORT STREAMS TOKENS RAMP_MS [KEY [MODEL]]
 *
 * Opens the streams evenly over RAMP_MS, so that their tokens interleave. Only tokens that arrive while all streams
 * are open count for latency; every token counts for delivery and must come in order. Prints one JSON object. */
#include "common.h"

#include <errno.h>
#include <sys/epoll.h>

#define CARRY 2048 /* head of the answer, or the tail of a read that may hold half a token */

struct stream {
    int fd;
    char carry[CARRY];
    size_t carry_len;
    unsigned next; /* number of the token that must come next */
    bool head_seen, done, open;
};

static int epoll;
static unsigned wanted, per_stream, opened, ended, complete, bad_status, out_of_order, broken;
static struct latencies latencies;
static uint64_t received;
static char request[2048];
static size_t request_len;

static void open_stream(struct stream *s, uint16_t port) {
    struct sockaddr_in a = loopback(port);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    no_delay(s->fd);
    if (send(s->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) die("send");
    if (fcntl(s->fd, F_SETFL, O_NONBLOCK) != 0) die("fcntl");
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, s->fd, &e) != 0) die("epoll_ctl");
    s->open = true;
    opened++;
}

static void end_stream(struct stream *s) {
    if (!s->open) return;
    s->open = false;
    close(s->fd);
    ended++;
    if (s->done && s->next == per_stream) complete++;
    else broken++;
}

static void token(struct stream *s, const char *digits, uint64_t now) {
    uint64_t sent = 0;
    unsigned number = 0;
    for (int i = 0; i < TOKEN_DIGITS; i++) sent = sent * 10 + (uint64_t)(digits[i] - '0');
    for (int i = 0; i < TOKEN_SEQUENCE; i++) number = number * 10 + (unsigned)(digits[TOKEN_DIGITS + 1 + i] - '0');
    if (number != s->next) out_of_order++;
    s->next = number + 1;
    received++;
    if (opened == wanted && ended == 0) latencies_add(&latencies, now - sent);
}

/* Takes whole tokens out of the bytes; returns how many bytes at the end may begin another. */
static size_t scan(struct stream *s, const char *at, size_t len, uint64_t now) {
    const char *end = at + len, *p = at;
    if (!s->head_seen) {
        if (len < 12) return len;
        if (memcmp(at + 9, "200", 3) != 0) bad_status++;
        s->head_seen = true;
    }
    for (;;) {
        const char *mark = memmem(p, (size_t)(end - p), TOKEN_MARK, sizeof(TOKEN_MARK) - 1);
        if (!mark) break;
        if ((size_t)(end - mark) < TOKEN_TEXT) return (size_t)(end - mark);
        token(s, mark + sizeof(TOKEN_MARK) - 1, now);
        p = mark + TOKEN_TEXT;
    }
    if (memmem(p, (size_t)(end - p), "data: [DONE]", 12)) s->done = true;
    if (memmem(p, (size_t)(end - p), "\r\n0\r\n\r\n", 7)) {
        end_stream(s);
        return 0;
    }
    size_t rest = (size_t)(end - p);
    return rest < 32 ? rest : 32; /* longer than any mark */
}

static void readable(struct stream *s) {
    static char bytes[CARRY + 65536];
    for (;;) {
        memcpy(bytes, s->carry, s->carry_len);
        ssize_t got = recv(s->fd, bytes + s->carry_len, 65536, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            end_stream(s);
            return;
        }
        size_t len = s->carry_len + (size_t)got, keep = scan(s, bytes, len, now_ns());
        if (!s->open) return;
        if (keep > CARRY) keep = CARRY;
        memcpy(s->carry, bytes + len - keep, keep);
        s->carry_len = keep;
    }
}

static void make_request(const char *key, const char *model) {
    char body[512];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Where is my parcel?\"}]}", model);
    request_len = (size_t)snprintf(request, sizeof request,
                                   "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %s\r\n"
                                   "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                                   key, n, body);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: streams PORT STREAMS TOKENS RAMP_MS [KEY [MODEL]]\n");
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    wanted = (unsigned)strtoul(argv[2], NULL, 10);
    per_stream = (unsigned)strtoul(argv[3], NULL, 10);
    uint64_t gap = strtoul(argv[4], NULL, 10) * 1000000u / wanted;
    make_request(argc > 5 ? argv[5] : "none", argc > 6 ? argv[6] : "bench");
    raise_files();
    latencies_init(&latencies);
    epoll = epoll_create1(0);
    struct stream *streams = calloc(wanted, sizeof *streams);
    struct epoll_event events[1024];
    if (!streams || epoll < 0) die("start");
    uint64_t began = now_ns(), quiet = began;
    while (ended < wanted) {
        uint64_t now = now_ns();
        while (opened < wanted && began + opened * gap <= now) open_stream(&streams[opened], port);
        uint64_t due = began + opened * gap;
        int n = wait_ns(epoll, events, 1024, opened == wanted ? 100000000 : due > now ? (int64_t)(due - now) : 0);
        if (n > 0) quiet = now_ns();
        for (int i = 0; i < n; i++) readable(events[i].data.ptr);
        if (now_ns() - quiet > 10000000000u) break; /* ten seconds of silence: what is missing stays missing */
    }
    printf("{\"streams\":%u,\"complete\":%u,\"broken\":%u,\"bad_status\":%u,\"out_of_order\":%u,\"tokens\":%llu,\"expected\":%llu,"
           "\"seconds\":%.3f,",
           wanted, complete, broken + (wanted - ended), bad_status, out_of_order, (unsigned long long)received,
           (unsigned long long)wanted * per_stream, (double)(now_ns() - began) / 1e9);
    latencies_print(&latencies);
    printf("}\n");
    return 0;
}
