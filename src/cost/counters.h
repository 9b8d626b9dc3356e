/* counters.h - the table of budgets' and limits' counters: lock-free to find and to add, bounded, emptied by
 * one sweeper.
 *
 * A counter is the head of a larger struct whose sums are its owner's. `hold` is the one that keeps it: the
 * owner's sweep ends a counter by exchanging an idle `hold` for COUNTER_DEAD, after which it is never found
 * again; an owner that changes `hold` by compare-and-exchange and meets COUNTER_DEAD looks the counter up
 * anew. Memory is freed once nobody can be looking (gate.h). Finding and adding happen inside the gate. */
#ifndef COST_COUNTERS_H
#define COST_COUNTERS_H

#include "base/mem.h"
#include "base/slice.h"
#include "cost/gate.h"

#define COUNTER_DEAD INT64_MIN

struct counter_key {
    uint64_t owner;      /* which budget or limit */
    int64_t start_us;    /* of its window; 0 for limits */
    struct slice values; /* of the "*" of its scope (plan.h) */
};

struct counter {
    _Atomic(struct counter *) next;
    uint64_t hash, owner;
    int64_t start_us;
    const char *values;
    uint32_t values_len;
    struct counter *next_dead; /* the sweeper's */
    /* Looking for a counter must not read the line that others are changing, and what changes together shares one: so
     * the owner's sums come right behind. */
    char apart[MEM_LINE - 7 * 8];
    _Atomic int64_t hold;
};
_Static_assert(offsetof(struct counter, hold) == MEM_LINE, "hold begins a cache line");

struct counters;
struct counters *counters_new(struct gate *gate, size_t counter_size, unsigned most);
void counters_free(struct counters *t); /* nobody is inside any more */
struct counter *counters_find(struct counters *t, const struct counter_key *key); /* NULL: none */
/* Found or made, zeroed but for its head; `prepare` (may be NULL) fills a new one before others can see it.
 * NULL: the table is full. */
struct counter *counters_obtain(struct counters *t, const struct counter_key *key,
                                void (*prepare)(struct counter *c, const void *arg), const void *arg);
unsigned counters_count(const struct counters *t);

/* ---- one thread at a time ---- */
/* Calls `ended` on every counter; true (its hold is COUNTER_DEAD now) takes it out. Frees what was taken out
 * earlier. */
void counters_sweep(struct counters *t, bool (*ended)(void *ctx, struct counter *c), void *ctx);
void counters_each(struct counters *t, void (*each)(void *ctx, struct counter *c),
                   void *ctx); /* the living */

#endif
