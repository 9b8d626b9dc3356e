/* literals.h - what two questions must have in common, letter by letter and in this order, before their
 * wording may be compared at all: for a wrong answer from a cache is worse than none.
 *
 * - every word with anything but letters in it: numbers, with their separators, signs and units, amounts,
 * dates, URLs, e-mail addresses, paths, names_like_this, code;
 * - names: words with a capital letter behind a sentence's beginning ("Paris", "EUR", "iPhone"), but for I;
 * - what stands in quotation marks or backticks;
 * - negations (not, n't, never, without, ...; also of de, fr, es, it, pt, nl, sv, da, no, pl, ru) and
 * directions (from, than, ...), each with the word behind it, articles passed over; number words (one,
 * twenty, half, ...); and words that turn a question around (before, after, enable, disable, ...). All of
 * them in lower case;
 * - every word of a script whose negations are not known here (model/words.h).
 *
 * The lists are short and cannot be complete: what they miss is the threshold's to keep apart, which is why
 * that has to be measured. Pure. */
#ifndef MODEL_LITERALS_H
#define MODEL_LITERALS_H

#include "base/buffer.h"

/* Onto `out`, each with its kind and length, so that two lists are equal only when their literals are.
 * `text` is well-formed UTF-8. */
void literals_of(struct slice text, struct buffer *out);

#endif
