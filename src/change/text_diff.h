/* text_diff.h - what differs between two texts, by words within lines: Myers (1986), O(ND), bounded: texts that differ more than
 * `TEXT_DIFF_MOST` words are told as replaced whole. Pure. */
#ifndef CHANGE_TEXT_DIFF_H
#define CHANGE_TEXT_DIFF_H

#include "base/arena.h"
#include "base/json.h"

#define TEXT_DIFF_MOST 4000
enum text_diff_kind { TEXT_SAME, TEXT_REMOVED, TEXT_ADDED };
struct text_piece {
    enum text_diff_kind kind;
    struct slice text;           /* in the one text or the other */
};
enum fault text_diff(struct slice before, struct slice after, struct arena *arena, struct text_piece **ret, unsigned *ret_n) MUST_CHECK;
double text_same(const struct text_piece *p, unsigned n);        /* share of words that both have, 0..1 */
bool text_differs_only_in_form(struct slice before, struct slice after); /* white space, punctuation, case of markup, list bullets */
void text_diff_write(const struct text_piece *p, unsigned n, struct json_writer *w); /* [{"op": "same|add|remove", "text"}] */
/* As unified lines for people: "- old", "+ new", two lines of context. */
void text_diff_lines(struct slice before, struct slice after, struct arena *arena, struct buffer *out);

#endif
