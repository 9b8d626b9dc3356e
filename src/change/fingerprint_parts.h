/* fingerprint_parts.h - what the files of fingerprint.h share: words, and how two lists of them run along each other. */
#ifndef CHANGE_FINGERPRINT_PARTS_H
#define CHANGE_FINGERPRINT_PARTS_H

#include "change/fingerprint.h"

enum word_kind {
    WORD_PLAIN,
    WORD_VALUE, /* a date, an address: equal to every other */
    WORD_GAP,   /* equal to none */
};

struct word {
    uint64_t hash;          /* 0 only of gaps */
    uint32_t from, at, to;  /* bytes of the text: white space, the word, its end */
    uint16_t longest;       /* WORD_GAP: words of its longest value, at most UINT16_MAX */
    uint8_t kind;
    bool breaks;            /* a line or a sentence ends before or with it; of a gap: its values may */
    bool varied;            /* WORD_VALUE: another value was seen, too */
};

struct words {
    struct slice text;
    struct word *at;
    unsigned n;
};
/* `template`: {{name}} is a gap. False: the arena is full. */
bool words_read(struct slice text, bool template, struct arena *arena, struct words *ret) MUST_CHECK;
/* Does the gap take words [from, to) of w? */
bool gap_takes(const struct word *gap, const struct words *w, unsigned from, unsigned to);

/* Where a and b differ: [a_from, a_to) against [b_from, b_to), ascending; between two of them they are equal. */
struct hunk {
    unsigned a_from, a_to, b_from, b_to;
};
struct alignment {
    struct hunk *hunks;
    unsigned n, common;     /* common: words that are equal */
};
/* fingerprint_runs_of, fingerprint_common_most */
enum fault words_runs(const struct words *w, struct arena *arena, struct fingerprint_runs **ret) MUST_CHECK;
unsigned words_common_most(const struct words *w, const struct fingerprint_runs *r);

/* Anchors are runs of three words that each has once (patience diff by shingles), extended to both sides: n log n however much differs. Short
 * runs between long differences are chance, and count as different. */
bool words_align(const struct words *a, const struct words *b, struct arena *arena, struct alignment *ret) MUST_CHECK;

#endif
