#include "cost/bpe_table.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "scripts/gen_ranks writes little-endian tables");

/* The head of the file; offsets are from its beginning. */
struct bpe_file {
    uint32_t magic, format;
    uint32_t stage, blocks;
    struct {
        uint32_t slots, n_slots, bytes, longest;
    } encodings[BPE_ENCODINGS];
};

extern const char embed_build_tokens_ranks_bin[];

struct bpe_table bpe_table_of(enum bpe_encoding e) {
    const char *file = embed_build_tokens_ranks_bin;
    const struct bpe_file *head = (const void *)file;
    return (struct bpe_table){
        .slots = (const void *)(file + head->encodings[e].slots),
        .bytes = (const void *)(file + head->encodings[e].bytes),
        .n_slots = head->encodings[e].n_slots,
        .longest = head->encodings[e].longest,
    };
}

struct bpe_classes bpe_classes_get(void) {
    const char *file = embed_build_tokens_ranks_bin;
    const struct bpe_file *head = (const void *)file;
    struct bpe_classes c = {.stage = (const void *)(file + head->stage),
                            .blocks = (const void *)(file + head->blocks)};
    c.ascii = c.blocks + ((size_t)c.stage[0] << 7);
    return c;
}

static inline uint64_t load64(const unsigned char *at) {
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint64_t load32(const unsigned char *at) {
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* Collisions cannot be made to hurt: the table is fixed, and its longest run of full slots is short. */
static inline uint64_t hash_of(const unsigned char *at, size_t n) {
    const uint64_t k0 = 0x9e3779b97f4a7c15u, k1 = 0xbf58476d1ce4e5b9u, k2 = 0x94d049bb133111ebu;
    uint64_t first, last = 0, h;
    if (n >= 8) {
        first = load64(at);
        last = load64(at + n - 8);
        for (size_t i = 8; i + 8 < n; i += 8) {
            first = (first ^ load64(at + i)) * k0;
            first ^= first >> 31;
        }
    } else if (n >= 4) {
        first = load32(at);
        last = load32(at + n - 4);
    } else {
        first = at[0] | (uint64_t)at[n >> 1] << 8 | (uint64_t)at[n - 1] << 16;
    }
    h = (first ^ n * k0) * k1;
    h ^= h >> 29;
    h = (h + last) * k2;
    return h ^ h >> 32;
}

uint64_t bpe_hash(const unsigned char *at, size_t n) {
    return hash_of(at, n);
}

static inline uint32_t find(const struct bpe_table *t, const unsigned char *at, size_t n, uint64_t h) {
    uint32_t i = (uint32_t)((h >> 32) * t->n_slots >> 32), mark = (uint32_t)(h & 0x3FFF);
    for (; t->slots[i].place != 0; i = i + 1 < t->n_slots ? i + 1 : 0) {
        struct bpe_slot s = t->slots[i];
        if (s.mark >> 18 == mark && s.place >> 24 == n && memcmp(t->bytes + (s.place & 0xFFFFFF), at, n) == 0)
            return s.mark & 0x3FFFF;
    }
    return BPE_NO_RANK;
}

uint32_t bpe_rank_hashed(const struct bpe_table *t, const unsigned char *at, size_t n, uint64_t hash) {
    return n > t->longest ? BPE_NO_RANK : find(t, at, n, hash);
}

uint32_t bpe_rank(const struct bpe_table *t, const unsigned char *at, size_t n) {
    return n > t->longest ? BPE_NO_RANK : find(t, at, n, hash_of(at, n));
}
