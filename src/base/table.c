#include "base/table.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <xxhash.h>

/* Open addressing with linear probing; a removal shifts the run behind it back, so there are no
 * tombstones. `capacity` is 0 or a power of two and at most three quarters full. */
struct table_slot {
    char *key; /* NULL: free */
    size_t len;
    uint64_t hash;
    void *value;
};

enum { FIRST_CAPACITY = 16 };

void table_init(struct table *t) {
    *t = (struct table){0};
    while (getrandom(&t->seed, sizeof t->seed, 0) != (ssize_t)sizeof t->seed)
        if (errno != EINTR) abort(); /* a guessable seed would let keys be chosen to collide */
}

void table_deinit(struct table *t) {
    if (t == NULL) return;
    for (size_t i = 0; i < t->capacity; i++) mem_free(t->slots[i].key);
    mem_free(t->slots);
    *t = (struct table){.seed = t->seed};
}

static uint64_t hash_of(const struct table *t, struct slice key) {
    return XXH3_64bits_withSeed(key.len > 0 ? key.at : "", key.len, t->seed);
}

/* The slot that holds `key`, or the free slot where it would go. */
static struct table_slot *find(const struct table *t, struct slice key, uint64_t hash) {
    size_t mask = t->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct table_slot *s = &t->slots[i];
        if (s->key == NULL) return s;
        if (s->hash == hash && slice_eq(slice_make(s->key, s->len), key)) return s;
    }
}

static void grow(struct table *t) {
    struct table_slot *old = t->slots;
    size_t old_capacity = t->capacity;
    t->capacity = old_capacity > 0 ? old_capacity * 2 : FIRST_CAPACITY;
    t->slots = mem_new_array(struct table_slot, t->capacity);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].key != NULL) *find(t, slice_make(old[i].key, old[i].len), old[i].hash) = old[i];
    mem_free(old);
}

void *table_get(const struct table *t, struct slice key) {
    if (t->count == 0) return NULL;
    struct table_slot *s = find(t, key, hash_of(t, key));
    return s->key != NULL ? s->value : NULL;
}

void *table_put(struct table *t, struct slice key, void *value) {
    if (t->count + 1 > t->capacity - t->capacity / 4) grow(t);
    uint64_t hash = hash_of(t, key);
    struct table_slot *s = find(t, key, hash);
    void *former = s->key != NULL ? s->value : NULL;
    if (s->key == NULL) {
        *s = (struct table_slot){mem_copy(key.at, key.len), key.len, hash, NULL};
        t->count++;
    }
    s->value = value;
    return former;
}

void *table_remove(struct table *t, struct slice key) {
    if (t->count == 0) return NULL;
    struct table_slot *s = find(t, key, hash_of(t, key));
    if (s->key == NULL) return NULL;
    void *former = s->value;
    mem_free(s->key);
    size_t mask = t->capacity - 1, hole = (size_t)(s - t->slots);
    for (size_t i = (hole + 1) & mask; t->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = t->slots[i].hash & mask;
        /* may move back only when the hole is not before its home in the probe order */
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        t->slots[hole] = t->slots[i];
        hole = i;
    }
    t->slots[hole] = (struct table_slot){0};
    t->count--;
    return former;
}

bool table_next(const struct table *t, size_t *cursor, struct slice *ret_key, void **ret_value) {
    for (size_t i = *cursor; i < t->capacity; i++) {
        const struct table_slot *s = &t->slots[i];
        if (s->key == NULL) continue;
        if (ret_key != NULL) *ret_key = slice_make(s->key, s->len);
        if (ret_value != NULL) *ret_value = s->value;
        *cursor = i + 1;
        return true;
    }
    *cursor = t->capacity;
    return false;
}
