/* prose.h - plausible English from dice, coming back to the words of the question. */
#ifndef SIM_PROSE_H
#define SIM_PROSE_H

#include "base/buffer.h"
#include "sim/bounds.h"
#include "sim/dice.h"

/* The words of a question worth repeating; slices of it. */
struct echo {
    struct slice words[SIM_ECHO];
    unsigned n;
};
void echo_of(struct slice question, struct echo *ret);

/* Sentences of at least `tokens` tokens (token.h), ending with the sentence that reaches them; with `exact`,
 * cut to that many. `worse` (0..1) is the share of sentences that are of no use to anybody. */
void prose_write(struct dice *d, const struct echo *echo, uint64_t tokens, bool exact, double worse,
                 struct buffer *out);
/* A few words, for string values: 1..3 of the question's or the vocabulary's. */
void prose_phrase(struct dice *d, const struct echo *echo, struct buffer *out);
struct slice prose_noun(struct dice *d);

#endif
