/* cache_answer.h - the text of a captured reply, whole or stream. */
#ifndef COST_CACHE_ANSWER_H
#define COST_CACHE_ANSWER_H

#include "dialect/dialect.h"

/* SLICE_NULL: it has none, or calls tools, or could not be read. */
struct slice cache_answer_text(const struct dialect *d, enum endpoint e, bool stream, struct slice body,
                               struct arena *arena);

#endif
