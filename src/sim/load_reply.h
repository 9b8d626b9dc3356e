/* load_reply.h - what a client makes of one answer: when the first token came, what was used, whether it is
 * whole.
 *
 * Written apart from dialect/, as is the simulator: the load test would not see the gateway's mistakes with
 * the gateway's eyes. */
#ifndef SIM_LOAD_REPLY_H
#define SIM_LOAD_REPLY_H

#include "base/arena.h"
#include "io/sse.h"

struct load_reply {
    bool anthropic, stream;
    int status;
    int64_t first_us, last_us; /* of pieces of output; 0: none */
    uint64_t pieces;
    int64_t input, output; /* tokens as reported; -1: not reported */
    bool finished, ended;  /* a finish reason, the terminal event */
    bool failed;
    char error[48]; /* "http_429 rate_limit_exceeded", "truncated", ... */
    struct sse_reader sse;
    struct buffer body; /* answers that are no stream */
};

void load_reply_init(struct load_reply *r, bool anthropic, bool stream);
void load_reply_deinit(struct load_reply *r);
void load_reply_head(struct load_reply *r, int status, bool is_event_stream);
/* `scratch` is reset. */
void load_reply_feed(struct load_reply *r, struct slice bytes, int64_t now_us, struct arena *scratch);
void load_reply_end(struct load_reply *r, int64_t now_us,
                    struct arena *scratch); /* the answer is complete: sets failed and error */
void load_reply_fail(struct load_reply *r, const char *error);

#endif
