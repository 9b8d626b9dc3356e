#include "control/suggest.h"

#define LONGEST 48 /* names of ours are shorter; a longer word is no typing mistake */

void suggestion_start(struct suggestion *s, struct slice word) {
    *s = (struct suggestion){.word = word, .distance = word.len < 3 ? 2 : (unsigned)word.len / 3 + 1};
    if (word.len == 0 || word.len > LONGEST) s->distance = 0; /* nothing is near */
}

void suggestion_offer(struct suggestion *s, const char *name) {
    struct slice candidate = slice_of(name);
    if (s->distance == 0 || candidate.len > LONGEST) return;
    unsigned d = slice_distance(s->word, candidate);
    if (s->word.len >= 2 && d > 1 && slice_starts(candidate, s->word)) d = 1;
    if (d >= s->distance) return;
    s->distance = d;
    s->best = name;
}

const char *suggestion_text(const struct suggestion *s, const char *prefix, char out[SUGGESTION_TEXT]) {
    out[0] = 0;
    if (s->best) snprintf(out, SUGGESTION_TEXT, ", did you mean `%s%s`?", prefix, s->best);
    return out;
}
