/* expect.h - how long answers are: the 99th percentile of output tokens by application, model and request
 * type, learned from whole answers. What a budget reserves when the request says no max_tokens.
 *
 * Counts stand in bins an eighth of a power of two wide, so the bound that is given is at most 1/8 above the
 * percentile, never below it. Old answers weigh less: all bins of a kind are halved each EXPECT_HALVE
 * answers. Any thread may use it at any time; nobody waits, and an answer that is counted while bins are
 * halved may be lost. Kinds are told apart by a 64-bit hash; when the table is full, further ones stay
 * unknown. */
#ifndef COST_EXPECT_H
#define COST_EXPECT_H

#include "base/slice.h"

#include <stdatomic.h>

#define EXPECT_KINDS 1024
#define EXPECT_LEAST 100 /* answers before anything is said: fewer hold no 99th percentile */
#define EXPECT_HALVE 20000
#define EXPECT_MOST (2 * EXPECT_HALVE) /* below this in all bins of a kind, also while they are being halved */
#define EXPECT_BINS 168 /* up to 2^21 tokens */

struct expect;

struct expect *expect_new(void);
void expect_free(struct expect *e);
void expect_learn(struct expect *e, struct slice application, struct slice model, struct slice request_type,
                  int64_t output_tokens);
/* Tokens; -1: fewer than EXPECT_LEAST answers of this kind were seen. */
int64_t expect_output(const struct expect *e, struct slice application, struct slice model,
                      struct slice request_type);

/* For keeping it: each kind by its hash with its bins; and back, into one that nobody uses yet. False: no such kind (0),
 * more answers in it than are kept, or no room. */
void expect_each(const struct expect *e, void (*each)(void *ctx, uint64_t kind, const unsigned bins[EXPECT_BINS]), void *ctx);
bool expect_restore(struct expect *e, uint64_t kind, const unsigned bins[EXPECT_BINS]);

#endif
