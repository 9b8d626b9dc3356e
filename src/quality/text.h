/* text.h - texts as code points: case, words, edit distance. Broken UTF-8 counts as U+FFFD, one for each maximal
 * subpart (as the Unicode standard recommends), so that every function takes any bytes. */
#ifndef QUALITY_TEXT_H
#define QUALITY_TEXT_H

#include "base/arena.h"

/* The first code point of *rest, which must not be empty, and *rest behind it. */
uint32_t text_next(struct slice *rest);
size_t text_length(struct slice s); /* code points */

bool text_is_space(uint32_t c); /* Unicode's White_Space, and U+FEFF, as JavaScript has it */
/* Part of a word: an ASCII letter or digit, or anything above ASCII that is neither space nor in a block of
 * punctuation and symbols. */
bool text_is_word(uint32_t c);
/* Written without spaces between words: a word by itself (kana, ideographs; not Thai, Lao or Khmer). */
bool text_is_ideograph(uint32_t c);

/* In lower case by Unicode 14's simple mappings, code point by code point (so U+0130 and final sigma stay). Borrows
 * `s` when nothing changes; SLICE_NULL when the arena is full. */
struct slice text_lower(struct slice s, struct arena *arena);

/* The first `most` code points, well-formed and on one line (control characters become spaces), with "..." behind when
 * there are more. SLICE_NULL when the arena is full. */
struct slice text_excerpt(struct slice s, size_t most, struct arena *arena);

/* Runs between white space, as text_is_space has it. */
struct slice text_next_run(struct slice *rest); /* SLICE_NULL at the end */
uint64_t text_count_runs(struct slice s);

/* Code points to insert, remove or change to make `a` of `b` (Levenshtein), when at most `most`. TEXT_FARTHER when it
 * is more; TEXT_TOO_LONG when that would take too much memory or work to tell (2^30 steps). */
#define TEXT_FARTHER UINT64_MAX
#define TEXT_TOO_LONG (UINT64_MAX - 1)
uint64_t text_distance(struct slice a, struct slice b, uint64_t most, struct arena *arena);

#endif
