/* upstream.c - the cheapest possible provider: one thread, epoll, keep-alive.
 *
 *   upstream PORT [TOKENS] [TOKENS_A_SECOND]
 *
 * Answers any POST with one fixed chat completion; with "stream":true in its body, with TOKENS timed SSE
 * chunks, each holding the moment it was sent (common.h). PORT 0 is any; the port is printed. It trusts
 * its clients: heads and bodies together fit in REQUEST_MAX. */
#include "common.h"

#include <errno.h>
#include <sys/epoll.h>

#define REQUEST_MAX (64 * 1024)
#define UNSENT_MAX (64 * 1024)

static const char answer_body[] =
    "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"bench-1\","
    "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Your parcel left our warehouse this "
    "morning and should reach you tomorrow before noon.\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
    "\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":16,\"total_tokens\":58,\"prompt_tokens_details\":"
    "{\"cached_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"system_fingerprint\":\"fp_bench\"}";
static const char stream_head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
#define CHUNK_START                                                                                           \
    "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"bench-1\","  \
    "\"system_fingerprint\":\"fp_bench\",\"choices\":["
static const char token_start[] = CHUNK_START "{\"index\":0,\"delta\":{" TOKEN_MARK;
static const char token_end[] = " \"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char finish[] = CHUNK_START "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n";
static const char usage_start[] = CHUNK_START "],\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":";
static const char done[] = "data: [DONE]\n\n";

struct connection {
    int fd;
    char in[REQUEST_MAX];
    size_t in_len;
    char *out; /* unsent bytes of a stream, when the reader is slow */
    size_t out_len;
    bool streaming, want_usage, open, waits_to_write;
    unsigned token;
    uint64_t due;
    struct connection *next; /* in the queue of streams, by due time */
};

static int epoll;
static unsigned tokens = 200;
static uint64_t interval = 50000000;
static struct connection *queue_first, *queue_last;
static char answer[2048];
static size_t answer_len;

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, operation, c->fd, &e) != 0) die("epoll_ctl");
}

static void hang_up(struct connection *c) {
    if (!c->open) return;
    c->open = false;
    close(c->fd);
    if (!c->streaming) { /* else the queue still holds it and frees it */
        free(c->out);
        free(c);
    }
}

static void send_bytes(struct connection *c, const char *at, size_t len) {
    ssize_t sent = c->out_len ? 0 : send(c->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return; /* epoll tells of the end */
    if (sent < 0) sent = 0;
    if ((size_t)sent == len) return;
    if (!c->out) c->out = malloc(UNSENT_MAX);
    if (!c->out || c->out_len + len - (size_t)sent > UNSENT_MAX) {
        fprintf(stderr, "upstream: a reader is %zu bytes behind\n", c->out_len);
        exit(3);
    }
    memcpy(c->out + c->out_len, at + sent, len - (size_t)sent);
    c->out_len += len - (size_t)sent;
    if (!c->waits_to_write) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    c->waits_to_write = true;
}

static void flush(struct connection *c) {
    ssize_t sent = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    memmove(c->out, c->out + sent, c->out_len - (size_t)sent);
    c->out_len -= (size_t)sent;
    if (c->out_len == 0) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        c->waits_to_write = false;
    }
}

static size_t chunk(char *to, const char *body, size_t len) {
    size_t n = (size_t)snprintf(to, 16, "%zx\r\n", len);
    memcpy(to + n, body, len);
    memcpy(to + n + len, "\r\n", 2);
    return n + len + 2;
}

static void queue_put(struct connection *c) {
    c->next = NULL;
    if (queue_last) queue_last->next = c;
    else queue_first = c;
    queue_last = c;
}

static void send_token(struct connection *c) {
    char body[512], framed[600];
    size_t n = sizeof token_start - 1;
    memcpy(body, token_start, n);
    n += (size_t)snprintf(body + n, 64, "%0*llus%0*u", TOKEN_DIGITS, (unsigned long long)now_ns(), TOKEN_SEQUENCE, c->token);
    memcpy(body + n, token_end, sizeof token_end - 1);
    n += sizeof token_end - 1;
    send_bytes(c, framed, chunk(framed, body, n));
    c->token++;
}

static void send_end(struct connection *c) {
    char framed[2048];
    size_t n = chunk(framed, finish, sizeof finish - 1);
    if (c->want_usage) {
        char body[512];
        int len = snprintf(body, sizeof body, "%s%u,\"total_tokens\":%u}}\n\n", usage_start, tokens, tokens + 42);
        n += chunk(framed + n, body, (size_t)len);
    }
    n += chunk(framed + n, done, sizeof done - 1);
    memcpy(framed + n, "0\r\n\r\n", 5);
    send_bytes(c, framed, n + 5);
}

/* Sends what is due; returns nanoseconds until more is, or -1. */
static int64_t run_queue(void) {
    uint64_t now = now_ns();
    while (queue_first && queue_first->due <= now) {
        struct connection *c = queue_first;
        queue_first = c->next;
        if (!queue_first) queue_last = NULL;
        if (!c->open) {
            free(c->out);
            free(c);
            continue;
        }
        if (c->token < tokens) {
            send_token(c);
            c->due += interval;
            if (c->due < now) c->due = now; /* fell behind: later, not in bursts */
            queue_put(c);
        } else {
            c->streaming = false;
            send_end(c);
        }
    }
    if (!queue_first) return -1;
    return (int64_t)(queue_first->due - now);
}

/* Answers one whole request at the start of `in`; returns its length, 0 when it is not whole. */
static size_t answer_one(struct connection *c) {
    char *end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->in) + 4, body = 0;
    *end = 0;
    char *length = strcasestr(c->in, "\ncontent-length:");
    if (length) body = strtoul(length + 16, NULL, 10);
    *end = '\r';
    if (head + body > REQUEST_MAX) {
        fprintf(stderr, "upstream: a request of %zu bytes\n", head + body);
        exit(3);
    }
    if (c->in_len < head + body) return 0;
    if (memmem(c->in + head, body, "\"stream\":true", 13)) {
        c->want_usage = memmem(c->in + head, body, "\"include_usage\":true", 20) != NULL;
        c->streaming = true;
        c->token = 0;
        c->due = now_ns() + interval;
        send_bytes(c, stream_head, sizeof stream_head - 1);
        queue_put(c);
    } else {
        send_bytes(c, answer, answer_len);
    }
    return head + body;
}

static void readable(struct connection *c) {
    ssize_t got = recv(c->fd, c->in + c->in_len, REQUEST_MAX - c->in_len, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        hang_up(c);
        return;
    }
    if (got < 0) return;
    c->in_len += (size_t)got;
    for (size_t used; c->in_len > 0 && !c->streaming && (used = answer_one(c)) > 0;) {
        memmove(c->in, c->in + used, c->in_len - used);
        c->in_len -= used;
    }
}

static void accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
        if (fd < 0) return;
        struct connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        no_delay(fd);
        c->fd = fd;
        c->open = true;
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

int main(int argc, char **argv) {
    struct sockaddr_in address = loopback(argc > 1 ? (uint16_t)strtoul(argv[1], NULL, 10) : 0);
    if (argc > 2) tokens = (unsigned)strtoul(argv[2], NULL, 10);
    if (argc > 3) interval = (uint64_t)(1e9 / strtod(argv[3], NULL));
    raise_files();
    answer_len = (size_t)snprintf(answer, sizeof answer,
                                  "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                                  sizeof answer_body - 1, answer_body);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0) die("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size) != 0) die("getsockname");
    printf("upstream ready on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll = epoll_create1(0);
    struct epoll_event add = {.events = EPOLLIN, .data.ptr = NULL}, events[512];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &add) != 0) die("epoll");
    for (;;) {
        int n = wait_ns(epoll, events, 512, run_queue());
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT) flush(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) readable(c);
        }
    }
}
