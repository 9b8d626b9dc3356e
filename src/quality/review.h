/* review.h - people look at answers: who gets which, in which order, and how far they agree. Pure.
 *
 * Each item goes to `per_item` of the reviewers, each reviewer to an equal share of the items (one more or less), in an order of
 * their own. Of two answers (pairwise) one is shown first at random; nobody is told whose answer it is, what a judge said, or what
 * another reviewer said. A label is a whole number: binary 0 fail, 1 pass; 1-5 itself; pairwise -1 the baseline is better, 0 as
 * good, 1 the candidate is better. */
#ifndef QUALITY_REVIEW_H
#define QUALITY_REVIEW_H

#include "base/arena.h"
#include "base/fault.h"
#include "stats/krippendorff.h"

enum review_scale { REVIEW_BINARY, REVIEW_1_TO_5, REVIEW_PAIRWISE };
const char *review_scale_name(enum review_scale s); /* "binary", "1-5", "pairwise" */
bool review_scale_from(struct slice name, enum review_scale *ret);

/* What a person types: pass, fail; 1 to 5; first, second, tie (as shown: `flipped` turns it). */
bool review_label_read(enum review_scale s, bool flipped, struct slice word, int32_t *ret);
const char *review_label_name(enum review_scale s, int32_t label); /* "pass", "4", "baseline", "tie", "candidate" */
const char *review_label_words(enum review_scale s);               /* "pass or fail", for messages */

struct review_assignment {
    uint32_t item, reviewer, position; /* position: in this reviewer's order, from 0 */
    bool flipped;                      /* the second answer is shown first */
};
/* n_items * per_item of them, by reviewer and position. 1 <= per_item <= n_reviewers. The same seed gives the same. NULL: arena full. */
struct review_assignment *review_assign(uint32_t n_items, uint32_t n_reviewers, uint32_t per_item, uint64_t seed, struct arena *arena);

/* `wanted` of n, each set of so many as likely as any other, in order. wanted <= n. NULL: arena full. */
uint32_t *review_draw(uint32_t n, uint32_t wanted, uint64_t seed, struct arena *arena);

/* labels[reviewer * n_items + item]; REVIEW_NONE: none. */
#define REVIEW_NONE INT32_MIN
struct review_agreement {
    size_t items;      /* with two labels or more */
    size_t agreed;     /* of them: all the same */
    struct krippendorff alpha; /* nominal for binary, ordinal otherwise; 95 %, bootstrap of items */
};
/* FAULT_TOO_LARGE: no room. */
enum fault review_agree(const int32_t *labels, size_t n_reviewers, size_t n_items, enum review_scale s, uint64_t seed,
                        struct arena *arena, struct review_agreement *ret) MUST_CHECK;

/* What is known of one item from its labels (n of `expected` that are to come). */
enum review_state { REVIEW_WAITING, REVIEW_SETTLED, REVIEW_DISPUTED };
enum review_state review_settle(const int32_t *labels, size_t n, size_t expected, int32_t *ret);

#endif
