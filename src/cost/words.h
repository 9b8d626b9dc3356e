/* words.h - what a text is about, as far as its words tell: for heuristics that compare a text with others.
 *
 * A word is a run of ASCII letters, digits and bytes above 127 (so of any letters of UTF-8), in lower case
 * and cut to WORDS_STEM bytes, so that "refund" and "refunds" are one. Content words are those of at least
 * WORDS_LEAST bytes that are no function words of English. Scripts without spaces between words give runs too
 * long to meet again: on them nothing would ever be found again, so ask words_are_told_apart first. */
#ifndef COST_WORDS_H
#define COST_WORDS_H

#include "base/slice.h"

#define WORDS_LEAST 4
#define WORDS_STEM 6

/* Each content word, borrowed from a scratch that the next one overwrites; false stops. */
void words_each(struct slice text, bool (*each)(void *ctx, struct slice stem), void *ctx);
/* True when less than a twentieth of the text's bytes are in words longer than 40 bytes. */
bool words_are_told_apart(struct slice text);

/* The next instruction of a prompt: a line that is a list item or a heading, or a sentence of any other line.
 * False at the end. *line counts from 1. Start with *rest the whole text and *line 0. */
bool words_instruction(struct slice *rest, struct slice *ret, unsigned *line);

/* The next paragraph: what stands between empty lines. */
bool words_paragraph(struct slice *rest, struct slice *ret);

#endif
