/* similar.h - `similar` with a model: the one call of /v1/embeddings that a check of an answer takes, and what comes of it. Pure.
 *
 * The call asks for the vectors of the answer and of each value. The score is the cosine of the answer's vector and the nearest
 * value's, 0 when that is negative; it is held against the check's threshold. Vectors are read as lists of numbers or as base64 of
 * little-endian float32. Strict: a vector that is missing, told twice, empty, of another length, all zero, or not finite is an error. */
#ifndef QUALITY_SIMILAR_H
#define QUALITY_SIMILAR_H

#include "quality/check.h"

#define SIMILAR_DIMENSIONS 65536 /* of one vector, at most: known models have up to 4,096 */

/* The body of the call. FAULT_CONFIG: the check has no value and the case no `expected`, a variable is missing, or a text is
 * empty, which no provider embeds; *error says so. FAULT_TOO_LARGE: the arena or `out` is full. */
enum fault similar_write_call(const struct check *c, const struct check_answer *a, const struct check_case *k, struct arena *arena,
                              struct buffer *out, struct error *error) MUST_CHECK;

/* The cosine of the first vector and the nearest of the other n_values, clipped to 0..1. FAULT_UP_MALFORMED, FAULT_TOO_LARGE. */
enum fault similar_read(struct slice reply, unsigned n_values, struct arena *arena, double *ret, struct error *error) MUST_CHECK;

/* A reply of status 200 to the check's outcome: CHECK_ERROR when it cannot be read. */
void similar_conclude(const struct check *c, struct slice reply, struct arena *arena, struct check_outcome *ret);

#endif
