#include "cost/bpe.h"

#include "base/mem.h"
#include "cost/bpe_merge.h"
#include "cost/bpe_split.h"

enum { SMALL = 256, REPAIRED = 3 /* bytes of U+FFFD */, MEMOS = 1024 /* an encoding: 16 KiB */ };

/* A piece of at most 15 bytes, and the tokens it came to. Direct-mapped: the newest of a place stays. */
struct bpe_memo {
    unsigned char text[15];
    unsigned char size_tokens; /* four bits each */
};

struct counter {
    struct bpe_table table;
    struct bpe_split split;
    struct bpe_work *work;
    enum bpe_encoding encoding;
    bool cut;
};

const char *bpe_name(enum bpe_encoding e) {
    static const char *const names[BPE_ENCODINGS] = {
        [BPE_O200K] = "o200k_base", [BPE_CL100K] = "cl100k_base"};
    return names[e];
}

void bpe_work_init(struct bpe_work *w, size_t longest) {
    *w = (struct bpe_work){.longest = longest < SMALL ? SMALL : longest};
}

void bpe_work_deinit(struct bpe_work *w) {
    if (!w) return;
    mem_free(w->memo);
    mem_free(w->merge);
    mem_free(w->repair);
    *w = (struct bpe_work){.longest = w->longest};
}

/* At least `size` bytes; what was there is lost. */
static unsigned char *room(unsigned char **at, size_t *have, size_t size) {
    if (*have < size) {
        mem_free(*at);
        *at = mem_alloc(size);
        *have = size;
    }
    return *at;
}

static size_t merged(struct counter *c, const unsigned char *at, size_t n) {
    uint32_t small[SMALL * 2];
    if (n <= SMALL) return bpe_merge(&c->table, at, n, small);
    return bpe_merge(&c->table, at, n, room(&c->work->merge, &c->work->merge_size, bpe_merge_size(n)));
}

static uint64_t count_short(struct counter *c, const unsigned char *at, size_t n, uint64_t hash) {
    if (!c->work->memo) c->work->memo = mem_new_array(struct bpe_memo, BPE_ENCODINGS * MEMOS);
    struct bpe_memo *memo = &c->work->memo[(size_t)c->encoding * MEMOS + hash % MEMOS];
    if ((memo->size_tokens & 15) == n && memcmp(memo->text, at, n) == 0) return memo->size_tokens >> 4;
    size_t tokens = merged(c, at, n);
    memcpy(memo->text, at, n);
    memo->size_tokens = (unsigned char)(n | tokens << 4);
    return tokens;
}

static uint64_t count_piece(struct counter *c, const unsigned char *at, size_t n) {
    uint64_t tokens = 0, hash = n > c->table.longest ? 0 : bpe_hash(at, n);
    if (bpe_rank_hashed(&c->table, at, n, hash) != BPE_NO_RANK) return 1;
    if (n <= sizeof((struct bpe_memo *)0)->text) return count_short(c, at, n, hash);
    for (; n > c->work->longest; at += c->work->longest, n -= c->work->longest) {
        tokens += merged(c, at, c->work->longest);
        c->cut = true;
    }
    return tokens + merged(c, at, n);
}

/* A piece with broken UTF-8, as JavaScript decodes it. */
static uint64_t count_repaired(struct counter *c, const unsigned char *at, const unsigned char *end) {
    size_t longest = c->work->longest, n = 0;
    size_t most = (size_t)(end - at) * REPAIRED < longest ? (size_t)(end - at) * REPAIRED : longest;
    unsigned char *out = room(&c->work->repair, &c->work->repair_size, most + 4);
    uint64_t tokens = 0;
    while (at < end) {
        int size = utf8_next((const char *)at, (size_t)(end - at));
        if (n + (size < 0 ? REPAIRED : (size_t)size) > longest) {
            tokens += count_piece(c, out, n);
            c->cut = true;
            n = 0;
        }
        if (size < 0) {
            memcpy(out + n, "\xEF\xBF\xBD", REPAIRED);
            n += REPAIRED;
            size = -size;
        } else {
            memcpy(out + n, at, (size_t)size);
            n += (size_t)size;
        }
        at += size;
    }
    return tokens + count_piece(c, out, n);
}

uint64_t bpe_count(enum bpe_encoding e, struct slice text, struct bpe_work *w, bool *ret_exact) {
    const unsigned char *at = (const unsigned char *)text.at, *end = at + text.len;
    struct counter c = {.table = bpe_table_of(e), .work = w, .encoding = e};
    uint64_t tokens = 0;
    c.split = (struct bpe_split){.classes = bpe_classes_get(), .end = end};
    while (at != end) {
        const unsigned char *next =
            e == BPE_O200K ? bpe_split_o200k(&c.split, at) : bpe_split_cl100k(&c.split, at);
        if (c.split.broken && !slice_is_utf8(slice_make((const char *)at, (size_t)(next - at))))
            tokens += count_repaired(&c, at, next);
        else tokens += count_piece(&c, at, (size_t)(next - at));
        at = next;
    }
    if (c.cut) *ret_exact = false;
    return tokens;
}
