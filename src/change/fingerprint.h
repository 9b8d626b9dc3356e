/* fingerprint.h - which system prompts of live traffic are one template, and when has it changed. Pure.
 *
 * A template is a list of words with gaps. White space is no word. Dates, times, long numbers, identifiers and addresses are values from
 * the start: any one is as good as another in its place. Short numbers ("3 sentences") and quoted words are not: they may be an
 * instruction. A place where at least FINGERPRINT_VALUES different texts were seen becomes a gap; where little else is common
 * (retrieved documents in a short prompt), FINGERPRINT_VALUES_LOOSE. A gap that only ever held words of one line and sentence does not
 * take a line or sentence more; one that held more takes anything.
 *
 * A text that fits a template belongs to it. One that is alike (share of common words at least FINGERPRINT_ALIKE) and differs outside the gaps
 * is another template that seems to be a change of it, until so many values are seen there that it is a gap. */
#ifndef CHANGE_FINGERPRINT_H
#define CHANGE_FINGERPRINT_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/json.h"

#define FINGERPRINT_VALUES 4
#define FINGERPRINT_VALUES_LOOSE 12
#define FINGERPRINT_ALIKE 0.6
#define FINGERPRINT_LOOSE 16   /* common words, in runs of 3 and more, from which on two may still be of one template */
#define FINGERPRINT_WORDS 8192 /* of a text; what is behind is one word by its hash */
#define FINGERPRINT_PLACES 32  /* where values were seen, and too few of them yet; the oldest is forgotten */

struct fingerprint;            /* in an arena, with a copy of its text */
/* FAULT_TOO_LARGE: the arena is full. Here and below. */
enum fault fingerprint_of(struct slice text, struct arena *arena, struct fingerprint **ret) MUST_CHECK;
/* Of a text with {{name}} (model/template.h), each of which takes anything. */
enum fault fingerprint_of_template(struct slice text, struct arena *arena, struct fingerprint **ret) MUST_CHECK;
enum fault fingerprint_copy(const struct fingerprint *f, struct arena *arena, struct fingerprint **ret) MUST_CHECK;

/* `scratch` is for the work alone. */
bool fingerprint_fits(const struct fingerprint *f, struct slice text, struct arena *scratch);
/* The same of a text that was read, and remembers which values vary (*ret_news: one of which that was not known). */
bool fingerprint_take(struct fingerprint *f, struct fingerprint *text, struct arena *scratch, bool *ret_news) MUST_CHECK;
/* Does every text of `other` fit `f`? */
bool fingerprint_covers(const struct fingerprint *f, const struct fingerprint *other, struct arena *scratch);
/* Common words among the words of both outside gaps, 0..1 (Dice); *ret_common (may be NULL): how many. */
double fingerprint_alike(const struct fingerprint *f, const struct fingerprint *other, struct arena *scratch, unsigned *ret_common);

/* How many words fingerprint_alike can find common at most, for a look at `f` alone: those in runs of three that the other has, too. */
struct fingerprint_runs;
enum fault fingerprint_runs_of(const struct fingerprint *other, struct arena *arena, struct fingerprint_runs **ret) MUST_CHECK;
unsigned fingerprint_common_most(const struct fingerprint *f, const struct fingerprint_runs *other);

/* `text` is met, which is alike: *ret is `f` with what was learned of it. *ret_other is NULL when it fits that (it is of this template),
 * else the text's own template, which has the gaps of `f` where they agree. */
enum fault fingerprint_meet(const struct fingerprint *f, struct slice text, struct arena *arena, struct arena *scratch, struct fingerprint **ret,
                            struct fingerprint **ret_other) MUST_CHECK;

void fingerprint_write(const struct fingerprint *f, struct json_writer *w);
enum fault fingerprint_read(struct slice json, struct arena *arena, struct fingerprint **ret, struct error *error) MUST_CHECK;
/* As a prompt's text: gaps, and values of which several were seen, are {{gap_1}}, {{gap_2}}, ... SLICE_NULL: the arena is full. What looks
 * like a variable in the text itself is cut in two ("{ {"), for nobody filled it in. */
struct slice fingerprint_template(const struct fingerprint *f, struct arena *arena);
unsigned fingerprint_gaps(const struct fingerprint *f);
unsigned fingerprint_words(const struct fingerprint *f); /* outside gaps */

#endif
