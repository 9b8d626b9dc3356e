/* cache_pairs.h - questions as the semantic cache compares them, and labelled pairs of them from a file.
 *
 * A file is CSV whose first row names the columns question_a, question_b and same (others are passed over),
 * or one JSON object of these members a line. `same` is 1, true or yes when the answer to one is right for
 * the other, else 0, false or no. Pairs of one question with itself (but for white space around it) are left
 * out: the exact cache has those. */
#ifndef COST_CACHE_PAIRS_H
#define COST_CACHE_PAIRS_H

#include "base/buffer.h"
#include "cost/cache_calibration.h"
#include "model/embedding.h"

#define CACHE_PAIRS_BYTES (8u << 20) /* of a file: some 60,000 pairs of short questions */
#define CACHE_PAIRS_MOST 100000

struct cache_question {
    bool can_match; /* short enough, and with words in it */
    struct embedding at;
    uint8_t literals[16]; /* a digest of them */
};
/* `room` is scratch of the caller's. */
void cache_question_of(struct slice text, struct buffer *room, struct cache_question *ret);
int32_t cache_question_similarity(const struct cache_question *a,
                                  const struct cache_question *b); /* -1: never */

struct cache_pairs {
    struct cache_pair *pairs;
    size_t n;
    uint32_t n_questions;
    size_t same;  /* left out: one question twice */
    size_t apart; /* of n: their literals differ, so the cache keeps them apart */
};

/* FAULT_BAD_REQUEST names the line and what was expected. Everything lives in `arena`. */
enum fault cache_pairs_read(struct slice text, struct arena *arena, struct cache_pairs *ret,
                            struct error *error) MUST_CHECK;

#endif
