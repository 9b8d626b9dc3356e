/* bpe_table.h - the embedded tables of scripts/gen_ranks: classes of characters, ranks of tokens.
 * Private to the bpe_ files. */
#ifndef COST_BPE_TABLE_H
#define COST_BPE_TABLE_H

#include "base/utf8.h"
#include "cost/bpe.h"

/* Unicode's general categories, as far as the patterns tell them apart. One bit each, so that a set is a
 * mask. */
enum bpe_class {
    BPE_UPPER = 1,    /* Lu Lt */
    BPE_LOWER = 2,    /* Ll */
    BPE_LETTER = 4,   /* Lm Lo: letters without case */
    BPE_MARK = 8,     /* M */
    BPE_NUMBER = 16,  /* N */
    BPE_SPACE = 32,   /* JavaScript's \s but for the next */
    BPE_NEWLINE = 64, /* CR LF */
    BPE_OTHER = 128,
};

#define BPE_NO_RANK UINT32_MAX

struct bpe_slot {
    uint32_t place; /* offset of the token's bytes, and above 24 bits their number; 0: empty */
    uint32_t mark;  /* rank, and above 18 bits the low bits of the hash */
};

struct bpe_table {
    const struct bpe_slot *slots;
    const unsigned char *bytes;
    uint32_t n_slots, longest; /* bytes of the longest token */
};

struct bpe_classes {
    const unsigned char *ascii; /* classes of the first 128 code points */
    const unsigned char *stage, *blocks;
};

struct bpe_table bpe_table_of(enum bpe_encoding e);
struct bpe_classes bpe_classes_get(void);

uint64_t bpe_hash(const unsigned char *at, size_t n); /* n > 0; also in scripts/gen_ranks */

/* The rank of exactly these bytes, n > 0, or BPE_NO_RANK. The second knows their hash. */
uint32_t bpe_rank(const struct bpe_table *t, const unsigned char *at, size_t n);
uint32_t bpe_rank_hashed(const struct bpe_table *t, const unsigned char *at, size_t n, uint64_t hash);

/* The class of the character at `at`, and its bytes; a broken sequence is one U+FFFD and sets *broken. */
static inline unsigned bpe_class_at(const struct bpe_classes *c, const unsigned char *at,
                                    const unsigned char *end, unsigned *ret_size, bool *broken) {
    if (*at < 0x80) {
        *ret_size = 1;
        return c->ascii[*at];
    }
    int n = utf8_next((const char *)at, (size_t)(end - at));
    if (n < 0) {
        *broken = true;
        *ret_size = (unsigned)-n;
        return BPE_OTHER;
    }
    uint32_t point = at[0] & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++) point = point << 6 | (at[i] & 0x3Fu);
    *ret_size = (unsigned)n;
    return c->blocks[c->stage[point >> 7] << 7 | (point & 127)];
}

#endif
