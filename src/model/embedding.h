/* embedding.h - a text as a vector, so that two wordings of one question lie close: the hashing trick over
 * words, pairs of words and pieces of words (Weinberger, Dasgupta, Langford, Smola, Attenberg: "Feature
 * Hashing for Large Scale Multitask Learning", ICML 2009).
 *
 * It compares wording, not meaning: "cancel my order" and "call off the purchase" are far apart, and a word
 * that turns a question around moves it little. Whoever serves answers by it needs model/literals.h as well,
 * and a threshold that was measured. Case, punctuation and white space do not count. Pure, in whole numbers
 * only: the same text gives the same vector on every machine. Vectors of two versions cannot be compared. */
#ifndef MODEL_EMBEDDING_H
#define MODEL_EMBEDDING_H

#include "base/slice.h"

#define EMBEDDING_VERSION 2 /* of what is compared how: of model/literals.h too */
#define EMBEDDING_DIMENSION 256
#define EMBEDDING_SAME 1000000 /* the similarity of a text and itself */

struct embedding {
    int8_t at[EMBEDDING_DIMENSION];
    float scale; /* 1 / length of `at` */
    uint32_t words, order; /* of three bytes or more: a sum over them, and one that their order counts in */
};

/* Of well-formed UTF-8. False: there is no word in it. */
bool embedding_of(struct slice text, struct embedding *ret);
/* The cosine in millionths: EMBEDDING_SAME for equal vectors, 0 for unrelated or opposed ones, and for the same words in
 * another order: "does the dog chase the cat" is not what the cat does. */
int32_t embedding_similarity(const struct embedding *a, const struct embedding *b);

/* For one that is compared with thousands: 16 by 8 bits is what a processor multiplies and adds in one step.
 */
struct embedding_probe {
    int16_t at[EMBEDDING_DIMENSION];
    float scale;
};
bool embedding_is_reordered(const struct embedding *a, const struct embedding *b);
void embedding_probe(const struct embedding *e, struct embedding_probe *ret);
float embedding_cosine(const struct embedding_probe *a, const struct embedding *b);

#endif
