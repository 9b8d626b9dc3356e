/* test_quality_gate_rig.h - a gateway that the test plays: an HTTP server on the test's own loop, whose answers a function gives.
 * The clock is the test's, so that no pause is waited for. */
#ifndef TEST_QUALITY_GATE_RIG_H
#define TEST_QUALITY_GATE_RIG_H

#include "test_io_rig.h"

#include "base/digest.h"
#include "base/fault.h"
#include "io/http_server.h"
#include "quality/asker.h"

struct gate_answer {
    int status; /* 0: the connection is closed; -1: none yet, the test concludes it */
    struct http_header headers[8];
    unsigned n_headers;
    char body[4096];
};

struct gate {
    struct loop *loop;
    struct http_server *server;
    struct asker *asker;
    unsigned asked, held;
    struct http_request *holds[8];
    void (*play)(struct gate *g, struct http_request *r, struct gate_answer *ret);
    void *ctx;
};

static inline void gate_header(struct gate_answer *a, const char *name, const char *value) {
    a->headers[a->n_headers++] = (struct http_header){slice_of(name), slice_of(value)};
}

static inline void gate_says(struct gate_answer *a, const char *text, const char *cost) {
    a->status = 200;
    gate_header(a, "x-quarterdeck-id", "01J00000000000000000000000");
    gate_header(a, "x-quarterdeck-model", "main/gpt");
    if (cost != NULL) gate_header(a, "x-quarterdeck-cost-usd", cost);
    (void)snprintf(a->body, sizeof a->body,
                   "{\"id\":\"x\",\"object\":\"chat.completion\",\"model\":\"gpt\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                   "\"content\":%s},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2,\"total_tokens\":5}}", text);
}

static inline void gate_refuses(struct gate_answer *a, int status, const char *code, const char *message) {
    a->status = status;
    (void)snprintf(a->body, sizeof a->body, "{\"error\":{\"code\":\"%s\",\"message\":\"%s\"}}", code, message);
}

static inline void gate_request(void *ctx, struct http_request *r) {
    struct gate *g = ctx;
    struct gate_answer a = {0};
    g->asked++;
    g->play(g, r, &a);
    if (a.status > 0) http_respond(r, a.status, a.headers, a.n_headers, slice_of(a.body));
    else if (a.status == 0) http_abandon(r);
    else g->holds[g->held++] = r;
}

static inline void gate_gone(void *ctx, struct http_request *r) {
    (void)ctx;
    (void)r;
}

static inline void gate_setup(struct gate *g, unsigned concurrency, void (*play)(struct gate *, struct http_request *, struct gate_answer *)) {
    static const char *const who[] = {"authorization: Bearer qd-test", NULL};
    struct http_handler h = {.ctx = g, .on_request = gate_request, .on_gone = gate_gone};
    struct http_server_options o = {.host = "127.0.0.1", .max_body = 64 << 20, .max_header = LIMIT_HEADER_DEFAULT, .head_timeout_us = 1LL << 50,
                                    .body_timeout_us = 1LL << 50, .idle_timeout_us = 1LL << 50, .max_connections = 1000};
    struct error error;
    char url[64];
    assert_true(digest_start());
    clock_fake(1000000, 1790000000000000LL);
    *g = (struct gate){.play = play};
    g->loop = loop_new(&error);
    assert_non_null(g->loop);
    g->server = http_server_new(g->loop, &o, &h, &error);
    assert_non_null(g->server);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/", http_server_port(g->server));
    g->asker = asker_new(g->loop, &(struct asker_options){.url = url, .who = who, .concurrency = concurrency, .patience_us = 100000000}, &error);
    assert_non_null(g->asker);
}

static inline void gate_teardown(struct gate *g) { /* asker NULL: it is freed already */
    asker_free(g->asker);
    for (unsigned i = 0; i < g->held; i++)
        if (g->holds[i] != NULL) http_abandon(g->holds[i]);
    http_server_free(g->server);
    rig_turns(g->loop, 3);
    loop_free(g->loop);
}

#endif
