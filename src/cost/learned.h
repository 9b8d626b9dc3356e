/* learned.h - what token counting and expected output have learned, as bytes that outlive the process.
 *
 * One line of text ("quarterdeck learned 1 " and the XXH3-64 of what follows, in hex), then JSON: the
 * calibration's models and the bins of expected output, each by its hash. Decoding takes all of it or
 * nothing: other versions, bytes that fail the check, and values that learning could not have left (a factor
 * out of bounds, a bin out of range, more rows than there is room for) are FAULT_CORRUPT, and nothing has
 * changed. */
#ifndef COST_LEARNED_H
#define COST_LEARNED_H

#include "base/buffer.h"
#include "base/fault.h"
#include "cost/calibration.h"
#include "cost/expect.h"

#define LEARNED_MOST (8u << 20) /* bytes: 1,024 kinds with all bins taken are 3 MB */
#define LEARNED_OLDEST_US                                                                                    \
    (90 * 86400 * 1000000LL) /* older is forgotten: models and prompts have changed since */

/* While others learn: what they add meanwhile may be in it or not. False: `out` is full. */
bool learned_encode(const struct token_calibration *c, const struct expect *e, struct buffer *out) MUST_CHECK;
/* Into fresh ones that nobody uses yet. */
enum fault learned_decode(struct slice bytes, struct token_calibration *c, struct expect *e,
                          struct error *error) MUST_CHECK;

#endif
