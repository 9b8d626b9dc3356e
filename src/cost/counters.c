#include "cost/counters.h"

#include "base/digest.h"
#include "base/mem.h"

enum { MEAN_CHAIN = 2 }; /* counters of one bucket when the table is full */

struct counters {
    struct gate *gate;
    size_t size;
    unsigned most, mask;
    uint64_t seed; /* against values chosen to share a bucket */
    atomic_uint count;
    _Atomic(struct counter *) *buckets;
    struct counter *waiting, *dead; /* unlinked: those that `wait` is for, and later ones */
    struct gate_wait wait;
};

struct counters *counters_new(struct gate *gate, size_t counter_size, unsigned most) {
    struct counters *t = mem_new(struct counters);
    unsigned buckets = 1;
    while (buckets < most / MEAN_CHAIN) buckets *= 2;
    t->gate = gate;
    t->size = counter_size;
    t->most = most;
    t->mask = buckets - 1;
    digest_random(&t->seed, sizeof t->seed);
    t->buckets = mem_alloc(sizeof t->buckets[0] * buckets);
    return t;
}

static void free_dead(struct counter *c) {
    while (c != NULL) {
        struct counter *next = c->next_dead;
        mem_free(c);
        c = next;
    }
}

void counters_free(struct counters *t) {
    if (t == NULL) return;
    for (unsigned i = 0; i <= t->mask; i++)
        for (struct counter *c = atomic_load(&t->buckets[i]), *next; c != NULL; c = next) {
            next = atomic_load(&c->next);
            mem_free(c);
        }
    free_dead(t->waiting);
    free_dead(t->dead);
    mem_free(t->buckets);
    mem_free(t);
}

static uint64_t hash_of(const struct counters *t, const struct counter_key *k) {
    uint64_t seed =
        t->seed ^ (k->owner * 0x9E3779B97F4A7C15u) ^ ((uint64_t)k->start_us * 0xC2B2AE3D27D4EB4Fu);
    uint64_t hash = k->values.len > 0 ? digest_fast(k->values, seed) : seed * 0x9FB21C651E98DF25u;
    return hash ^ hash >> 32;
}

static struct counter *walk(const struct counters *t, const struct counter_key *k, uint64_t hash) {
    struct counter *c = atomic_load(&t->buckets[hash & t->mask]);
    for (; c != NULL; c = atomic_load(&c->next)) {
        if (c->hash != hash || c->owner != k->owner || c->start_us != k->start_us ||
            !slice_eq(slice_make(c->values, c->values_len), k->values))
            continue;
        __builtin_prefetch(&c->hold, 1); /* for writing at once: else the line comes twice */
        if (atomic_load_explicit(&c->hold, memory_order_relaxed) != COUNTER_DEAD) return c;
    }
    return NULL;
}

struct counter *counters_find(struct counters *t, const struct counter_key *key) {
    return walk(t, key, hash_of(t, key));
}

static struct counter *make(const struct counters *t, const struct counter_key *k, uint64_t hash) {
    struct counter *c = mem_alloc_lines(t->size + k->values.len);
    char *values = (char *)c + t->size;
    if (k->values.len > 0) memcpy(values, k->values.at, k->values.len);
    c->hash = hash;
    c->owner = k->owner;
    c->start_us = k->start_us;
    c->values = values;
    c->values_len = (uint32_t)k->values.len;
    return c;
}

struct counter *counters_obtain(struct counters *t, const struct counter_key *k,
                                void (*prepare)(struct counter *c, const void *arg), const void *arg) {
    uint64_t hash = hash_of(t, k);
    _Atomic(struct counter *) *bucket = &t->buckets[hash & t->mask];
    struct counter *fresh = NULL;
    for (;;) {
        struct counter *first = atomic_load(bucket), *found = walk(t, k, hash);
        if (found != NULL) {
            if (fresh != NULL) atomic_fetch_sub(&t->count, 1);
            mem_free(fresh);
            return found;
        }
        if (fresh == NULL) {
            if (atomic_fetch_add(&t->count, 1) >= t->most) {
                atomic_fetch_sub(&t->count, 1);
                return NULL;
            }
            fresh = make(t, k, hash);
            if (prepare != NULL) prepare(fresh, arg);
        }
        /* `first` was read before the walk: had someone added the same key since, the exchange fails */
        atomic_store(&fresh->next, first);
        if (atomic_compare_exchange_strong(bucket, &first, fresh)) return fresh;
    }
}

unsigned counters_count(const struct counters *t) {
    return atomic_load(&t->count);
}

/* Others only ever add at the front; what is behind it changes by our hand alone. */
static void take_out(struct counters *t, _Atomic(struct counter *) *bucket, struct counter *c) {
    struct counter *next = atomic_load(&c->next), *before = c;
    if (!atomic_compare_exchange_strong(bucket, &before, next)) {
        while (atomic_load(&before->next) != c) before = atomic_load(&before->next);
        atomic_store(&before->next, next);
    }
    c->next_dead = t->dead;
    t->dead = c;
    atomic_fetch_sub(&t->count, 1);
}

void counters_sweep(struct counters *t, bool (*ended)(void *ctx, struct counter *c), void *ctx) {
    for (unsigned i = 0; i <= t->mask; i++)
        for (struct counter *c = atomic_load(&t->buckets[i]), *next; c != NULL; c = next) {
            next = atomic_load(&c->next);
            if (ended(ctx, c)) take_out(t, &t->buckets[i], c);
        }
    if (t->waiting != NULL && gate_passed(t->gate, &t->wait)) {
        free_dead(t->waiting);
        t->waiting = NULL;
    }
    if (t->waiting == NULL && t->dead != NULL) {
        t->waiting = t->dead;
        t->dead = NULL;
        t->wait = (struct gate_wait){0};
        (void)gate_passed(t->gate, &t->wait);
    }
}

void counters_each(struct counters *t, void (*each)(void *ctx, struct counter *c), void *ctx) {
    if (counters_count(t) == 0) return; /* without budgets of values there are many empty buckets */
    for (unsigned i = 0; i <= t->mask; i++)
        for (struct counter *c = atomic_load(&t->buckets[i]); c != NULL; c = atomic_load(&c->next))
            if (atomic_load(&c->hold) != COUNTER_DEAD) each(ctx, c);
}
