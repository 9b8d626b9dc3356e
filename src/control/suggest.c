#include "control/suggest.h"

#define LONGEST 48 /* names of ours are shorter; a longer word is no typing mistake */

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Changes, insertions, deletions and swaps of neighbours that make `a` of `b` (optimal string alignment). */
static unsigned distance(struct slice a, struct slice b) {
    unsigned rows[3][LONGEST + 1]; /* the row before the last, the last, this one */
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= b.len; j++) before[j] = last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned changed = a.at[i - 1] != b.at[j - 1];
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + changed);
            bool swapped = i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}

void suggestion_start(struct suggestion *s, struct slice word) {
    *s = (struct suggestion){.word = word, .distance = word.len < 3 ? 2 : (unsigned)word.len / 3 + 1};
    if (word.len == 0 || word.len > LONGEST) s->distance = 0; /* nothing is near */
}

void suggestion_offer(struct suggestion *s, const char *name) {
    struct slice candidate = slice_of(name);
    if (s->distance == 0 || candidate.len > LONGEST) return;
    unsigned d = distance(s->word, candidate);
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
