/* answers.h - complete answers kept for `degraded: {serve: cache}`: the same request of the same
 * application gets the last good answer when every target fails.
 *
 * Bounded (LIMIT_CACHE_BYTES, oldest use goes first), shared by all loops, thread-safe. Nothing is ever
 * shared between applications: each entry keeps its application's name and is found by no other,
 * whatever the hash says. */
#ifndef GATEWAY_ANSWERS_H
#define GATEWAY_ANSWERS_H

#include "base/buffer.h"

struct answers;

struct answer_key {
    struct slice application;
    uint8_t bytes[16];
};

struct answers *answers_new(size_t max_bytes);
void answers_free(struct answers *a);
/* Key of a request: application (borrowed), endpoint, client dialect, exact body. */
void answers_key(struct slice application, unsigned endpoint, unsigned dialect, struct slice body, struct answer_key *ret);
void answers_keep(struct answers *a, const struct answer_key *key, struct slice content_type, struct slice body);
bool answers_find(struct answers *a, const struct answer_key *key, struct buffer *ret_content_type, struct buffer *ret_body);

#endif
