/* ping.c - one request after the other on one kept connection: latency at concurrency 1.
 *
 *   ping REQUESTS BLOCK KEY MODEL PORT...
 *
 * Several targets take turns of BLOCK requests, so that whatever else the machine does falls on all of
 * them alike. The first tenth warms up and is not counted. Prints a JSON array, one object a target. */
#include "common.h"

#define TARGETS 8

struct target {
    int fd;
    uint16_t port;
    struct latencies latencies;
};

static char request[4096], answer[65536];
static size_t request_len;

static void make_request(const char *key, const char *model) {
    char body[1024];
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are the help desk of a parcel service. Be "
                     "brief and friendly.\"},{\"role\":\"user\",\"content\":\"Where is my parcel? It should have been here on "
                     "Monday.\"}],\"temperature\":0.2,\"max_tokens\":200}",
                     model);
    request_len = (size_t)snprintf(request, sizeof request,
                                   "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer %s\r\n"
                                   "content-type: application/json\r\ncontent-length: %d\r\n\r\n%s",
                                   key, n, body);
}

static void open_target(struct target *t) {
    struct sockaddr_in a = loopback(t->port);
    t->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (t->fd < 0 || connect(t->fd, (struct sockaddr *)&a, sizeof a) != 0) die("connect");
    no_delay(t->fd);
}

/* Reads one answer with a content-length; exits on anything else. */
static void read_answer(const struct target *t) {
    size_t len = 0, total = 0;
    while (total == 0 || len < total) {
        ssize_t got = recv(t->fd, answer + len, sizeof answer - 1 - len, 0);
        if (got <= 0) die("recv");
        len += (size_t)got;
        answer[len] = 0;
        char *end = total ? NULL : strstr(answer, "\r\n\r\n");
        if (!end) continue;
        char *length = strcasestr(answer, "content-length:");
        if (memcmp(answer + 9, "200", 3) != 0 || !length) {
            fprintf(stderr, "ping: port %u answered:\n%s\n", t->port, answer);
            exit(3);
        }
        total = (size_t)(end - answer) + 4 + strtoul(length + 15, NULL, 10);
    }
}

static void one(struct target *t, bool counted) {
    uint64_t began = now_ns();
    if (send(t->fd, request, request_len, MSG_NOSIGNAL) != (ssize_t)request_len) die("send");
    read_answer(t);
    if (counted) latencies_add(&t->latencies, now_ns() - began);
}

int main(int argc, char **argv) {
    struct target targets[TARGETS] = {0};
    int n = argc - 5;
    if (n < 1 || n > TARGETS) {
        fprintf(stderr, "usage: ping REQUESTS BLOCK KEY MODEL PORT...\n");
        return 2;
    }
    unsigned long requests = strtoul(argv[1], NULL, 10), block = strtoul(argv[2], NULL, 10);
    make_request(argv[3], argv[4]);
    for (int i = 0; i < n; i++) {
        targets[i].port = (uint16_t)strtoul(argv[5 + i], NULL, 10);
        latencies_init(&targets[i].latencies);
        open_target(&targets[i]);
    }
    for (unsigned long done = 0; done < requests; done += block)
        for (int i = 0; i < n; i++)
            for (unsigned long k = 0; k < block; k++) one(&targets[i], done >= requests / 10);
    for (int i = 0; i < n; i++) {
        printf("%s{\"port\":%u,", i ? "," : "[", targets[i].port);
        latencies_print(&targets[i].latencies);
        printf("}");
    }
    printf("]\n");
    return 0;
}
