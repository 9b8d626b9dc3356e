/* answers.h - complete answers, kept in memory by a question's key: for `degraded: {serve: cache}` and for
 * the exact cache, each with a store of its own. Shared by all loops, thread-safe.
 *
 * Partitioned by application: an answer is found by its own application and by no other, whatever the key's
 * bytes say. Bounded by bytes over all applications: when they do not suffice, the application that holds
 * most gives up its least recently used answers, so none loses any while another holds more. Answers lie in
 * shards, each with a lock that is held for pointer work alone and an equal part of the bound; what was found
 * stays whole for as long as it is held, also when it was replaced or dropped meanwhile. */
#ifndef GATEWAY_ANSWERS_H
#define GATEWAY_ANSWERS_H

#include "base/digest.h"
#include "model/record.h"

struct answers;

#define ANSWER_KEY_BYTES 16
struct answer_key {
    struct slice application; /* borrowed */
    uint8_t bytes[ANSWER_KEY_BYTES];
};

/* What it came from, so that it can be told from others when answers are quarantined (model/intervention.h). */
struct answer_origin {
    struct record_id record;
    int64_t asked_us;                           /* monotonic */
    uint64_t model, served_by, prompt, version; /* answer_name of: what was asked for, the route that answered, the prompt, NAME@V */
};
static inline uint64_t answer_name(struct slice name) { return digest_fast(name, 0); }
static inline uint64_t answer_version(struct slice prompt, struct slice version) { return digest_fast(version, digest_fast(prompt, 1)); }

struct answer {
    struct slice content_type, body;
    struct slice finish_reason, upstream_model; /* the record's; SLICE_NULL: null */
    int64_t cost_nano;                          /* what it cost; MONEY_UNKNOWN: nobody knows */
    int64_t kept_us;                            /* monotonic */
    struct answer_origin from;
    /* of once.h alone */
    struct slice target;                        /* who answered */
    int64_t took_us;
    uint8_t asked[ANSWER_KEY_BYTES];            /* stands for the request */
};

struct answers *answers_new(size_t max_bytes, unsigned shards);
void answers_free(struct answers *a);                    /* nothing may be held */
void answers_bound(struct answers *a, size_t max_bytes); /* a new bound, at once */
size_t answers_bytes(struct answers *a);                 /* held now, bookkeeping included */
/* Key of a request as `degraded` tells them apart: endpoint, client dialect, exact body. */
void answers_key(struct slice application, unsigned endpoint, unsigned dialect, struct slice body,
                 struct answer_key *ret);
/* Copies *answer, in place of what has this key. Nothing is kept without a type or a body, over
 * LIMIT_CACHE_ENTRY, or over one shard's part of the bound. */
void answers_keep(struct answers *a, const struct answer_key *key, const struct answer *answer);
/* The answer of this key when it was kept at `since_us` or later, to be given to answers_release; else NULL.
 */
const struct answer *answers_find(struct answers *a, const struct answer_key *key, int64_t since_us);
void answers_release(const struct answer *answer); /* accepts NULL */

#endif
