#include "cost/expect.h"

#include "base/digest.h"
#include "base/mem.h"

#define PROBES 16
#define FINE 8 /* bins a power of two */

struct kind {
    _Atomic uint64_t hash; /* 0: free */
    atomic_uint n;
    atomic_uint bins[EXPECT_BINS];
};

struct expect {
    atomic_uintptr_t
        blocks[EXPECT_KINDS / 16]; /* of 16 kinds, made on first use: an idle server holds none */
};

struct expect *expect_new(void) {
    return mem_new(struct expect);
}

void expect_free(struct expect *e) {
    if (e == NULL) return;
    for (unsigned i = 0; i < EXPECT_KINDS / 16; i++) mem_free((void *)atomic_load(&e->blocks[i]));
    mem_free(e);
}

static uint64_t hash_of(struct slice application, struct slice model, struct slice request_type) {
    uint64_t h = digest_fast(request_type, digest_fast(model, digest_fast(application, 1)));
    return h != 0 ? h : 1;
}

/* Tokens below FINE have a bin each; from there on, FINE bins a power of two. */
static unsigned bin_of(uint64_t tokens) {
    if (tokens < FINE) return (unsigned)tokens;
    unsigned power = 63 - (unsigned)__builtin_clzll(tokens);
    unsigned bin = (power - 2) * FINE + (unsigned)(tokens >> (power - 3) & (FINE - 1));
    return bin < EXPECT_BINS ? bin : EXPECT_BINS - 1;
}

static int64_t top_of(unsigned bin) {
    if (bin < FINE) return bin;
    unsigned power = bin / FINE + 2;
    return (int64_t)((FINE + bin % FINE + 1) << (power - 3)) - 1;
}

static struct kind *block_at(struct expect *e, uint64_t hash, bool make) {
    atomic_uintptr_t *slot = &e->blocks[hash % (EXPECT_KINDS / 16)];
    uintptr_t at = atomic_load_explicit(slot, memory_order_acquire);
    if (at != 0 || !make) return (struct kind *)at;
    struct kind *fresh = mem_new_array(struct kind, PROBES);
    if (atomic_compare_exchange_strong(slot, &at, (uintptr_t)fresh)) return fresh;
    mem_free(fresh);
    return (struct kind *)at;
}

static struct kind *find(struct expect *e, uint64_t hash, bool make) {
    struct kind *block = block_at(e, hash, make);
    for (unsigned i = 0; block != NULL && i < PROBES; i++) {
        uint64_t there = atomic_load(&block[i].hash);
        if (there == 0 && make && atomic_compare_exchange_strong(&block[i].hash, &there, hash)) there = hash;
        if (there == hash) return &block[i];
        if (there == 0) return NULL;
    }
    return NULL;
}

void expect_learn(struct expect *e, struct slice application, struct slice model, struct slice request_type,
                  int64_t output_tokens) {
    if (output_tokens < 0) return;
    struct kind *k = find(e, hash_of(application, model, request_type), true);
    if (k == NULL) return;
    atomic_fetch_add(&k->bins[bin_of((uint64_t)output_tokens)], 1);
    if (atomic_fetch_add(&k->n, 1) + 1 != EXPECT_HALVE) return;
    unsigned n = 0;
    for (unsigned i = 0; i < EXPECT_BINS; i++) {
        unsigned half = atomic_load(&k->bins[i]) / 2;
        atomic_store(&k->bins[i], half);
        n += half;
    }
    atomic_store(&k->n, n);
}

int64_t expect_output(const struct expect *e, struct slice application, struct slice model,
                      struct slice request_type) {
    struct kind *k = find((struct expect *)(uintptr_t)e, hash_of(application, model, request_type), false);
    if (k == NULL || atomic_load(&k->n) < EXPECT_LEAST) return -1;
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < EXPECT_BINS; i++) total += atomic_load(&k->bins[i]);
    for (unsigned i = 0; i < EXPECT_BINS; i++) {
        seen += atomic_load(&k->bins[i]);
        if (seen * 100 >= total * 99) return top_of(i);
    }
    return top_of(EXPECT_BINS - 1);
}

void expect_each(const struct expect *e, void (*each)(void *ctx, uint64_t kind, const unsigned bins[EXPECT_BINS]), void *ctx) {
    for (unsigned i = 0; i < EXPECT_KINDS; i++) {
        const struct kind *block = (const struct kind *)atomic_load(&e->blocks[i / PROBES]);
        uint64_t hash = block != NULL ? atomic_load(&block[i % PROBES].hash) : 0;
        unsigned bins[EXPECT_BINS];
        if (hash == 0) continue;
        for (unsigned b = 0; b < EXPECT_BINS; b++) bins[b] = atomic_load(&block[i % PROBES].bins[b]);
        each(ctx, hash, bins);
    }
}

bool expect_restore(struct expect *e, uint64_t kind, const unsigned bins[EXPECT_BINS]) {
    uint64_t n = 0;
    for (unsigned b = 0; b < EXPECT_BINS; b++) n += bins[b];
    if (kind == 0 || n >= EXPECT_MOST) return false;
    struct kind *k = find(e, kind, true);
    for (unsigned b = 0; k != NULL && b < EXPECT_BINS; b++) atomic_store(&k->bins[b], bins[b]);
    if (k != NULL) atomic_store(&k->n, (unsigned)(n < EXPECT_HALVE ? n : EXPECT_HALVE - 1)); /* else it were never halved again */
    return k != NULL;
}
