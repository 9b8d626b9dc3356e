/* fingerprint.h - which system prompts of live traffic are one template, and when has it changed. Pure.
 *
 * A template is a list of words with gaps. Dates, numbers, identifiers, addresses and quoted names are gaps from the start; a place
 * where at least FINGERPRINT_VALUES different texts were seen becomes one. A text of a template it fits belongs to it. One that is alike
 * (share of common words at least FINGERPRINT_ALIKE) and differs outside the gaps is another template that seems to be a
 * change of it, until so many values are seen there that it is a gap. */
#ifndef CHANGE_FINGERPRINT_H
#define CHANGE_FINGERPRINT_H

#include "base/arena.h"
#include "base/json.h"

#define FINGERPRINT_VALUES 4
#define FINGERPRINT_ALIKE 0.6
#define FINGERPRINT_WORDS 8192 /* of a text; what is behind is one word by its hash */

struct fingerprint;              /* in an arena */
enum fault fingerprint_of(struct slice text, struct arena *arena, struct fingerprint **ret) MUST_CHECK;
bool fingerprint_fits(const struct fingerprint *f, struct slice text);
double fingerprint_alike(const struct fingerprint *f, const struct fingerprint *other);
/* The two as one template, when they differ only where values do or by then may: FAULT_CONFLICT otherwise. */
enum fault fingerprint_merge(const struct fingerprint *f, struct slice text, struct arena *arena, struct fingerprint **ret) MUST_CHECK;
void fingerprint_write(const struct fingerprint *f, struct json_writer *w);
enum fault fingerprint_read(struct slice json, struct arena *arena, struct fingerprint **ret, struct error *error) MUST_CHECK;
/* As a prompt's text: gaps are {{gap_1}}, {{gap_2}}, ... of which some value was. */
struct slice fingerprint_template(const struct fingerprint *f, struct arena *arena);
unsigned fingerprint_gaps(const struct fingerprint *f);

#endif
