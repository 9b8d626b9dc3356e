/* arena.h - memory with one lifetime: many small allocations, one release.
 *
 * An arena is born with a maximum. Past it, arena_alloc returns NULL and arena_is_full() stays true
 * until reset, so that a parser may check once at its end. Memory is zeroed and aligned to 16 bytes.
 * arena_reset keeps the first block for reuse, so a pooled exchange allocates nothing in steady state.
 * Not thread-safe: an arena belongs to one thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

#include <stdarg.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t first_size;          /* size of the first block, made on first use */
    size_t used;                /* bytes handed out since the last reset */
    size_t max;
    bool full;
};

void arena_init(struct arena *a, size_t first_size, size_t max);
void arena_reset(struct arena *a);
void arena_deinit(struct arena *a);
static inline bool arena_is_full(const struct arena *a) { return a->full; }

void *arena_alloc(struct arena *a, size_t size);                     /* NULL when full */
char *arena_text(struct arena *a, struct slice s);                   /* NUL-terminated copy; NULL when full */
struct slice arena_slice(struct arena *a, struct slice s);           /* copy; SLICE_NULL for SLICE_NULL or full */
struct slice arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for `size` bytes at the former or another address, with the content; in place (and what shrinks is
 * given back) when `old` is the newest allocation. The grown part is not zeroed. NULL when full: `old` stays. */
void *arena_resize(struct arena *a, void *old, size_t old_size, size_t size);

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
