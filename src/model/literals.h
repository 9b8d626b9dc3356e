/* literals.h - what two questions must have in common, letter by letter and in this order, before their
 * wording may be compared at all: for a wrong answer from a cache is worse than none.
 *
 * - every word with anything but letters in it: numbers, with their separators, signs, brackets and units, amounts,
 * dates, URLs, e-mail addresses, paths, names_like_this, hyphen-words, code; and the words before and behind a number;
 * - names: words with a capital letter ("Paris", "EUR", "iPhone"), but for I and, at a sentence's beginning, the common
 * words that begin one;
 * - what stands in quotation marks or backticks;
 * - negations (not, n't, never, without, ...; also of other European languages, Turkish and Indonesian), prepositions
 * (from, to, in, of, ...) and number words (one, twenty, half, ...), each with the word behind it, articles and
 * pronouns passed over; words that turn a question around (before, after, enable, disable, ...), and such as are turned
 * around by how they begin or end (un-, dis-, -less, -est, ...). All of them in lower case;
 * - a word that is said twice in a row, and one of more than 22 bytes;
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
