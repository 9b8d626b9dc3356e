/* refusal.h - does a text decline what was asked? By phrases, without a model.
 *
 * A sentence of the first 600 bytes that, behind apologies and the like, says that the writer cannot or will not, and
 * then names an act of answering ("I'm sorry, but I can't help with that"; "as an AI, I won't write ..."), or one of
 * a few set phrases ("goes against my guidelines"). English foremost; German, French, Spanish, Italian, Portuguese
 * and Dutch modestly; case, typographic apostrophes and white space do not matter. The tables are in refusal.c.
 *
 * It will be wrong at times: a help that begins with a limit ("I can't give legal advice, but ...") counts as a refusal;
 * one in other words ("this topic is off limits for me"), or below the first 600 bytes, does not. On 160 sentences of our
 * own (tests/data/refusals.tsv; test_quality_refusal.c holds the counts): of 20 refusals that were written after the
 * phrases it found 13 (Wilson 95 %: 43 to 82 %) and called none of 20 others one (0 to 16 %); of 18 refusals chosen
 * to be hard it found none, and called 7 of 30 misleading others one. Where it matters, use a judge. */
#ifndef QUALITY_REFUSAL_H
#define QUALITY_REFUSAL_H

#include "base/arena.h"

enum refusal { REFUSAL_NO, REFUSAL_YES, REFUSAL_NO_MEMORY };

/* *ret_phrase, when yes, is the sentence from where it declines, in lower case; in the arena. */
enum refusal refusal_find(struct slice text, struct arena *arena, struct slice *ret_phrase);

#endif
