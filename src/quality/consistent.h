/* consistent.h - do the answers to one case agree? For checks of type `consistent`, once all repeats are there. Pure.
 *
 * The agreement of two answers is 1 when they are equal but for case and white space, or equal as JSON; else the similarity of their
 * wording (model/embedding.h), 0 when their literals (numbers, names, negations: model/literals.h) differ. An answer's score is its mean
 * agreement with the others: a case asked once has no others, and is CHECK_ERROR. */
#ifndef QUALITY_CONSISTENT_H
#define QUALITY_CONSISTENT_H

#include "quality/check.h"

/* scores[i] of answers[i], 0..1; SLICE_NULL answers take no part and get NAN, and so does an answer without another. False: the arena
 * is full, or an answer too large; the scores are untouched. */
bool consistent_scores(const struct slice *answers, unsigned n, struct arena *arena, double *scores) MUST_CHECK;

#endif
