/* suggest.h - "did you mean": the nearest of some known names to a mistyped one.
 *
 * Start with the word as typed, offer every known name, read `best`: NULL when nothing is near enough. Near is
 * at most a third of the word's letters changed, swapped, added or left out, or the word begins the name. */
#ifndef CONTROL_SUGGEST_H
#define CONTROL_SUGGEST_H

#include "base/slice.h"

#include <stdio.h>

struct suggestion {
    struct slice word;
    const char *best; /* one of those offered */
    unsigned distance;
};

void suggestion_start(struct suggestion *s, struct slice word);
void suggestion_offer(struct suggestion *s, const char *name);

/* ", did you mean `NAME`?" or "". */
#define SUGGESTION_TEXT 96
const char *suggestion_text(const struct suggestion *s, const char *prefix, char out[SUGGESTION_TEXT]);

#endif
