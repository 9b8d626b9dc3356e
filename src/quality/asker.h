/* asker.h - requests through the gateway, many at once: the exchanges of an evaluation and of its judges.
 *
 * They are exchanges as any application's: with its key, in its budgets, recorded. Each has a name that is its own in all
 * time (`once`), sent as x-quarterdeck-once: when the asker is killed and asks again, the gateway gives the answer that it
 * already has, or is still waiting for, and nothing is paid for twice. What may pass (429, 503, a broken connection, 409 of an answer
 * still under way) is tried again with growing pauses, up to `patience_us`; other answers are the asker's caller's to judge.
 * On its loop's thread. */
#ifndef QUALITY_ASKER_H
#define QUALITY_ASKER_H

#include "io/http_call.h"

struct asker;
struct asker_options {
    const char *url;             /* of the gateway, without a path */
    const char *const *who;      /* headers that say whose key it is, NULL-terminated */
    unsigned concurrency;        /* requests under way */
    int64_t timeout_us;          /* of one try */
    int64_t patience_us;         /* of all tries of one request */
};

struct ask { /* embedded in its owner, which keeps body and texts until done */
    const char *path;            /* "/v1/chat/completions", "/v1/embeddings" */
    struct slice body;
    const char *feature;         /* label; "eval", "eval-judge" */
    const char *request_type;    /* NULL: none */
    const char *tags;            /* "eval-run=run-12,eval-case=reset-password"; NULL */
    const char *once;            /* unique name of this request, printable ASCII; NULL: none */
    /* In a later turn. status 0: no answer; `detail`. */
    void (*done)(struct ask *a);
    /* the answer, valid inside done */
    int status;
    struct slice reply;
    const char *detail;
    struct slice record, target;  /* x-quarterdeck-id, x-quarterdeck-model; empty: not said */
    int64_t cost_nano;            /* MONEY_UNKNOWN: not said; 0 for an answer that was replayed and paid before: see paid_nano */
    int64_t latency_us;           /* of the try that answered */
    unsigned tries;
    /* private */
    struct asker_call *call;
};

struct asker *asker_new(struct loop *l, const struct asker_options *o, struct error *error) MUST_CHECK;
void asker_free(struct asker *a);                 /* gives up what is under way: no done follows */
void asker_send(struct asker *a, struct ask *q);  /* waits its turn when `concurrency` are under way */
unsigned asker_room(const struct asker *a);       /* how many more would start at once */

#endif
