/* question.h - a request's body as a question: what of it decides the answer, and the wording of its last
 * message.
 *
 * The members of the outermost object may come in any order with any white space between them, and those that
 * only say whose request it is may be left out; all other bytes count. Pure functions over a call whose head
 * has been read. */
#ifndef DIALECT_QUESTION_H
#define DIALECT_QUESTION_H

#include "dialect/dialect.h"

/* The text of the last message, where it alone can be worded otherwise: a chat or a Responses request without
 * images and without state at the provider, whose last message is a user's and has one text and nothing else.
 * The JSON string's node; JSON_NONE: there is no such text. */
uint32_t question_wording(const struct call *call);

/* Onto `out`, so that two bodies with the same bytes here are the same question. `without` (JSON_NONE:
 * nothing) is left out of it; `with_caller` keeps the members that say whose request it is. */
void question_write(const struct dialect *client, const struct call *call, bool with_caller, uint32_t without,
                    struct buffer *out);

/* With its length in front, so that no two lists of texts look alike. */
void question_put(struct buffer *out, struct slice s);

/* What a Responses request refers to may have changed since, or its answer may only say that it was begun. */
bool question_has_state(const struct call *call);

#endif
