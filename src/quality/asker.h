/* asker.h - requests through the gateway, many at once: the exchanges of an evaluation and of its judges.
 *
 * They are exchanges as any application's: with its key, in its budgets, recorded. Each has a name that is its own in all
 * time (`once`), sent as x-quarterdeck-once: when the asker is killed and asks again, the gateway gives the answer that it
 * already has, or is still waiting for, and nothing is paid for twice.
 *
 * What may pass is tried again with growing pauses (1 s doubled up to 30 s, at least what retry-after says), while `patience_us` lasts: no
 * connection, no answer in time, 408, 409 with retry-after (the first one is still under way), 429, 503, and of what the gateway could
 * not get from any provider (no_target_available; it has tried again itself) rate limits. Other failures of providers are tried
 * ASK_TRIES times; overload, targets that all rest and a stand-in for an answer (x-quarterdeck-degraded, which ends as a 503)
 * ASK_TRIES_RESTING times. Not again: budget_exceeded, provider_quota, a reply over the limit, all other answers; they are the asker's
 * caller's to judge. A pause holds its place among those under way, so that a rate limit slows the asker down. On its loop's thread. */
#ifndef QUALITY_ASKER_H
#define QUALITY_ASKER_H

#include "io/http_call.h"

#define ASK_TRIES 3
#define ASK_TRIES_RESTING 5
#define ASK_HEADERS 4

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
    const char *const *more;     /* headers of this request alone, at most ASK_HEADERS, NULL-terminated; NULL: none */
    const char *once;            /* unique name of this request, printable ASCII; NULL: none */
    bool may_cache;              /* an earlier answer to the same question will do (x-quarterdeck-cache: no-store is not sent) */
    /* In a later turn; it may send again, this one too, but not free the asker. status 0: no answer; `detail`. */
    void (*done)(struct ask *a);
    /* the answer, valid inside done */
    int status;
    struct slice reply;
    const char *detail;
    struct slice record, target;  /* x-quarterdeck-id, x-quarterdeck-model; empty: not said */
    int64_t cost_nano;            /* MONEY_UNKNOWN: not said. Of an answer of an earlier life: what was paid then */
    int64_t latency_us;           /* of the try that answered; of an answer of an earlier life: of that one. -1: unknown */
    unsigned tries;
    bool in_vain;                 /* it might pass, but not within its tries */
    bool cut_short;               /* it would have been tried again but for asker_no_more */
    bool unreachable;             /* status 0: the gateway itself was not reached, or broke the connection, for all of `patience_us` */
    /* private */
    struct asker_call *call;
};

struct asker *asker_new(struct loop *l, const struct asker_options *o, struct error *error) MUST_CHECK;
void asker_free(struct asker *a);                 /* gives up what is under way: no done follows */
void asker_send(struct asker *a, struct ask *q);  /* waits its turn when `concurrency` are under way */
void asker_hurry(struct asker *a, bool on); /* failures of providers are tried once */
void asker_no_more(struct asker *a);        /* what failed and waits for another try ends now; what the gateway is working on does not */
unsigned asker_room(const struct asker *a);       /* how many more would start at once */

#endif
