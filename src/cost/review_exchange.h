/* review_exchange.h - one captured exchange as the review reads it: what came before what, and who said it.
 */
#ifndef COST_REVIEW_EXCHANGE_H
#define COST_REVIEW_EXCHANGE_H

#include "base/arena.h"
#include "base/buffer.h"
#include "dialect/dialect.h"

#define REVIEW_CHUNKS 64        /* of one request; later ones are not looked at */
#define REVIEW_CHUNK_LEAST 200u /* bytes: a shorter paragraph is no retrieved text */

struct review_exchange {
    struct slice
        prefix; /* tools, then all messages in order with their roles: what a provider caches the start of */
    struct slice system;   /* SLICE_NULL: none */
    struct slice question; /* what users and tools said */
    struct slice answer;   /* text, refusals, arguments of tool calls; SLICE_NULL: not captured whole */
    struct slice chunks[REVIEW_CHUNKS]; /* paragraphs of the newest user's turn and of tool results */
    unsigned n_chunks;
    uint8_t question_key[16]; /* of the request as the exact cache tells questions apart, but for what it
                                 knows beside the body: equal keys are equal questions, or nearly */
};

/* Everything in *ret lives in `arena` or is borrowed from the bodies. False: the request cannot be read (cut,
 * no JSON of this dialect). */
bool review_exchange_read(enum dialect_id dialect, enum endpoint endpoint, struct slice request,
                          struct slice reply, struct arena *arena, struct review_exchange *ret);

#endif
