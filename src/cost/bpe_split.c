#include "cost/bpe_split.h"

enum {
    LETTERS = BPE_UPPER | BPE_LOWER | BPE_LETTER, /* \p{L} */
    HEAD = BPE_UPPER | BPE_LETTER | BPE_MARK,     /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
    TAIL = BPE_LOWER | BPE_LETTER | BPE_MARK,     /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
    WHITE = BPE_SPACE | BPE_NEWLINE,              /* \s */
    SIGNS = BPE_MARK | BPE_OTHER,                 /* [^\s\p{L}\p{N}] */
    PREFIX = BPE_SPACE | SIGNS,                   /* [^\r\n\p{L}\p{N}] */
};

typedef const unsigned char *position;

/* Class of the character at `at`, 0 at the text's end. */
static inline unsigned class_at(struct bpe_split *s, position at, position *ret_next) {
    unsigned size;
    if (at == s->end) return 0;
    unsigned class = bpe_class_at(&s->classes, at, s->end, &size, &s->broken);
    *ret_next = at + size;
    return class;
}

/* Behind the longest run of characters of `set`. */
static inline position run(struct bpe_split *s, position at, unsigned set) {
    position next = at;
    while (class_at(s, at, &next) & set) at = next;
    return at;
}

/* (?:'(?:[sS]|[dD]|[mM]|[tT]|[lL][lL]|[vV][eE]|[rR][eE]))? */
static inline position contraction(const struct bpe_split *s, position at) {
    if (s->end - at < 2 || *at != '\'') return at;
    switch (at[1] | 0x20) {
    case 's':
    case 'd':
    case 'm':
    case 't': return at + 2;
    case 'l': return s->end - at > 2 && (at[2] | 0x20) == 'l' ? at + 3 : at;
    case 'v':
    case 'r': return s->end - at > 2 && (at[2] | 0x20) == 'e' ? at + 3 : at;
    default: return at;
    }
}

/* HEAD*TAIL+, or NULL. Where no lower case follows the run of HEAD, the run gives back characters until its
 * last one is in TAIL too, and that is where the match ends. */
static inline position lower_word(struct bpe_split *s, position at) {
    position head = run(s, at, HEAD), tail = run(s, head, TAIL);
    if (tail != head) return tail;
    while (head > at) {
        position last = head, next;
        do last--;
        while ((*last & 0xC0) == 0x80); /* a run of HEAD is well-formed */
        if (class_at(s, last, &next) & TAIL) return head;
        head = last;
    }
    return NULL;
}

/* HEAD+TAIL*, or NULL. */
static inline position upper_word(struct bpe_split *s, position at) {
    position head = run(s, at, HEAD);
    return head == at ? NULL : run(s, head, TAIL);
}

/* PREFIX?HEAD*TAIL+ or else PREFIX?HEAD+TAIL*, each with and then without the prefix, and a contraction. */
static inline position word(struct bpe_split *s, position at, unsigned class, position next) {
    position end = NULL;
    if (class & PREFIX) end = lower_word(s, next);
    if (!end && class & (HEAD | TAIL)) end = lower_word(s, at);
    if (!end && class & PREFIX) end = upper_word(s, next);
    if (!end && class & HEAD) end = upper_word(s, at);
    return end ? contraction(s, end) : NULL;
}

/* \p{N}{1,3}, `at` being behind the first */
static inline position number(struct bpe_split *s, position at) {
    position next;
    for (int i = 1; i < 3 && class_at(s, at, &next) & BPE_NUMBER; i++) at = next;
    return at;
}

/*  ?[^\s\p{L}\p{N}]+ with what may follow: [\r\n]*, with a slash for o200k. Or NULL. */
static inline position signs(struct bpe_split *s, position at, bool with_slash) {
    position begin = *at == ' ' ? at + 1 : at, end = run(s, begin, SIGNS);
    if (end == begin) return NULL;
    while (end != s->end && (*end == '\r' || *end == '\n' || (with_slash && *end == '/'))) end++;
    return end;
}

/* o200k: \s*[\r\n]+|\s+(?!\S)|\s+   cl100k, `whole_end`: \s+$|\s*[\r\n]|\s+(?!\S)|\s */
static position white(struct bpe_split *s, position at, bool whole_end) {
    position end = at, next, last = at, newline = NULL;
    for (unsigned class; (class = class_at(s, end, &next)) & WHITE; end = next) {
        last = end;
        if (class == BPE_NEWLINE) newline = next;
    }
    if (whole_end && end == s->end) return end;
    if (newline) return newline;
    return end == s->end || last == at ? end : last;
}

const unsigned char *bpe_split_o200k(struct bpe_split *s, const unsigned char *at) {
    position next = at, end;
    unsigned class = class_at(s, at, &next);
    if (!(class & (BPE_NEWLINE | BPE_NUMBER)) && (end = word(s, at, class, next))) return end;
    if (class & BPE_NUMBER) return number(s, next);
    if ((class & SIGNS || *at == ' ') && (end = signs(s, at, true))) return end;
    return white(s, at, false);
}

/* '(?:[sS]|...)|PREFIX?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|white space; marks are no letters here */
const unsigned char *bpe_split_cl100k(struct bpe_split *s, const unsigned char *at) {
    position next = at, end = contraction(s, at);
    if (end != at) return end;
    unsigned class = class_at(s, at, &next);
    if (class & LETTERS) return run(s, next, LETTERS);
    if (class & PREFIX && (end = run(s, next, LETTERS)) != next) return end;
    if (class & BPE_NUMBER) return number(s, next);
    if ((class & SIGNS || *at == ' ') && (end = signs(s, at, false))) return end;
    return white(s, at, true);
}
