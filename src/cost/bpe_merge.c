/* Parts and a tournament.
 *
 * A part is a run of bytes that is one token so far; it is known by its first byte. rank[at] is the rank of
 * the part at `at` joined with the one behind it, BPE_NO_RANK where no part begins or the join is no token.
 * Above these ranks stand the minima of each sixteen, and of each sixteen minima, up to one row of at most
 * sixteen: the leftmost lowest rank is found, and a changed one made known, in a step a level. So a piece of
 * n bytes costs n log n whatever it holds, and one of sixteen bytes or less is a plain array. */
#include "cost/bpe_merge.h"

enum { FAN = 16, LEVELS = 8 }; /* 16^8 positions: more than a size in 32 bits */

struct merge {
    const struct bpe_table *table;
    const unsigned char *piece;
    size_t n;
    uint32_t *level[LEVELS]; /* [0] is rank */
    unsigned top;
    uint8_t *size;   /* of the part that begins here */
    uint8_t *before; /* of the part that ends before here; a token has at most 255 bytes */
};

static size_t padded(size_t n) {
    return (n + FAN - 1) / FAN * FAN;
}

size_t bpe_merge_size(size_t n) {
    size_t numbers = padded(n);
    for (size_t row = numbers / FAN; row > 1; row = padded(row) / FAN) numbers += padded(row);
    return numbers * sizeof(uint32_t) + 2 * (n + 1);
}

/* With U+FEFF at the front of well-formed text, gpt-tokenizer looks up what is behind it. */
static uint32_t rank_behind_mark(const struct merge *m, const unsigned char *at, size_t n) {
    if (n < 3 || memcmp(at, "\xEF\xBB\xBF", 3) != 0 || !slice_is_utf8(slice_make((const char *)at, n)))
        return bpe_rank(m->table, at, n);
    return n == 3 ? BPE_NO_RANK : bpe_rank(m->table, at + 3, n - 3);
}

static uint32_t rank_of_pair(const struct merge *m, size_t at) {
    size_t second = at + m->size[at];
    if (second >= m->n) return BPE_NO_RANK;
    size_t n = (size_t)m->size[at] + m->size[second];
    if (m->piece[at] == 0xEF) return rank_behind_mark(m, m->piece + at, n);
    return bpe_rank(m->table, m->piece + at, n);
}

static uint32_t lowest(const uint32_t *sixteen) {
    uint32_t low = sixteen[0];
    for (unsigned i = 1; i < FAN; i++) low = sixteen[i] < low ? sixteen[i] : low;
    return low;
}

static void set_rank(struct merge *m, size_t at, uint32_t rank) {
    m->level[0][at] = rank;
    for (unsigned l = 0; l < m->top; l++) {
        at /= FAN;
        uint32_t low = lowest(m->level[l] + at * FAN);
        if (m->level[l + 1][at] == low) return;
        m->level[l + 1][at] = low;
    }
}

/* False when no pair is a token. */
static bool find_lowest(const struct merge *m, size_t *ret_at) {
    uint32_t low = lowest(m->level[m->top]);
    size_t at = 0;
    if (low == BPE_NO_RANK) return false;
    for (unsigned l = m->top + 1; l-- > 0;) {
        at *= FAN;
        while (m->level[l][at] != low) at++;
    }
    *ret_at = at;
    return true;
}

static void start(struct merge *m, void *scratch) {
    uint32_t *numbers = scratch;
    size_t row = padded(m->n);
    m->level[0] = numbers;
    numbers += row;
    for (m->top = 0; row > FAN;) {
        row = padded(row / FAN);
        m->level[++m->top] = numbers;
        numbers += row;
    }
    m->size = (uint8_t *)numbers;
    m->before = m->size + m->n + 1;
    memset(m->size, 1, 2 * (m->n + 1));
    memset(m->level[0], 0xFF, (size_t)((char *)numbers - (char *)m->level[0]));
    for (size_t i = 0; i + 1 < m->n; i++) m->level[0][i] = rank_of_pair(m, i);
    row = padded(m->n);
    for (unsigned l = 0; l < m->top; l++) {
        for (size_t i = 0; i < row / FAN; i++) m->level[l + 1][i] = lowest(m->level[l] + i * FAN);
        row = padded(row / FAN);
    }
}

size_t bpe_merge(const struct bpe_table *t, const unsigned char *piece, size_t n, void *scratch) {
    struct merge m = {.table = t, .piece = piece, .n = n};
    size_t parts = n, at;
    start(&m, scratch);
    for (; find_lowest(&m, &at); parts--) {
        size_t second = at + m.size[at], end = second + m.size[second];
        m.size[at] = m.before[end] = (uint8_t)(end - at);
        set_rank(&m, second, BPE_NO_RANK);
        set_rank(&m, at, rank_of_pair(&m, at));
        if (at > 0) {
            size_t first = at - m.before[at];
            set_rank(&m, first, rank_of_pair(&m, first));
        }
    }
    return parts;
}
