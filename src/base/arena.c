#include "base/arena.h"
#include "base/mem.h"

#include <stdio.h>

/* Bytes of a block at and above `dirty` are still zero from the allocator, so only what a former use
 * may have written is zeroed again. A small block is zeroed as it is used: most end with the greater part of it untouched. */
struct arena_block {
    struct arena_block *older;
    size_t size, used, dirty;
    _Alignas(16) char data[];
};

enum { ALIGN = 16, BLOCK_LEAST = 256, BLOCK_MOST = 1 << 20 };

static size_t round_up(size_t size) {
    return (size + (size == 0) + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

void arena_init(struct arena *a, size_t first_size, size_t max) {
    *a = (struct arena){.first_size = first_size, .max = max};
}

void arena_reset(struct arena *a) {
    struct arena_block *b = a->blocks;
    while (b != NULL && b->older != NULL) {
        struct arena_block *older = b->older;
        mem_free(b);
        b = older;
    }
    if (b != NULL) {
        if (b->dirty < b->used) b->dirty = b->used;
        b->used = 0;
    }
    a->blocks = b;
    a->used = 0;
    a->full = false;
}

void arena_deinit(struct arena *a) {
    arena_reset(a);
    mem_free(a->blocks);
    a->blocks = NULL;
}

static struct arena_block *push_block(struct arena *a, size_t size) {
    struct arena_block *b = size > BLOCK_MOST ? mem_alloc(sizeof *b + size) : mem_resize(NULL, sizeof *b + size);
    b->size = size;
    b->used = 0;
    b->dirty = size > BLOCK_MOST ? 0 : size;
    b->older = a->blocks;
    a->blocks = b;
    return b;
}

/* A block with room for `size` bytes. The first block always has its own size, however large the
 * first allocation is: it is the one that arena_reset keeps. */
static struct arena_block *block_for(struct arena *a, size_t size) {
    struct arena_block *b = a->blocks;
    if (b == NULL) {
        size_t first = a->first_size < BLOCK_LEAST ? BLOCK_LEAST : round_up(a->first_size);
        b = push_block(a, first);
    }
    if (b->size - b->used >= size) return b;
    size_t grown = b->size < BLOCK_MOST / 2 ? b->size * 2 : BLOCK_MOST;
    if (grown > a->max - a->used) grown = a->max - a->used;
    return push_block(a, grown > size ? grown : size);
}

void *arena_alloc(struct arena *a, size_t size) {
    size_t rounded = size < SIZE_MAX - ALIGN ? round_up(size) : SIZE_MAX;
    if (rounded > a->max || a->used > a->max - rounded) {
        a->full = true;
        return NULL;
    }
    struct arena_block *b = block_for(a, rounded);
    char *at = b->data + b->used;
    if (b->used < b->dirty) memset(at, 0, rounded < b->dirty - b->used ? rounded : b->dirty - b->used);
    b->used += rounded;
    a->used += rounded;
    return at;
}

/* The newest block holds nothing else than the allocation that is to grow: let the allocator move the
 * block, which for large ones moves pages, not bytes. */
static void *grow_block(struct arena *a, size_t had, size_t want) {
    struct arena_block *b = mem_resize(a->blocks, sizeof *b + want);
    b->size = b->used = b->dirty = want;
    a->blocks = b;
    a->used += want - had;
    return b->data;
}

void *arena_resize(struct arena *a, void *old, size_t old_size, size_t size) {
    if (old == NULL) return arena_alloc(a, size);
    size_t had = round_up(old_size), want = size < SIZE_MAX - ALIGN ? round_up(size) : SIZE_MAX;
    struct arena_block *b = a->blocks;
    bool newest = b->used >= had && (char *)old == b->data + b->used - had;
    if (!newest && size <= old_size) return old;
    if (newest && want <= a->max && a->used - had <= a->max - want) {
        if (want <= b->size - b->used + had) {
            if (b->dirty < b->used) b->dirty = b->used;
            b->used += want - had;
            a->used += want - had;
            return old;
        }
        if (b->used == had && b->older != NULL) return grow_block(a, had, want);
    }
    void *at = arena_alloc(a, size);
    if (at != NULL) memcpy(at, old, old_size < size ? old_size : size);
    return at;
}

char *arena_text(struct arena *a, struct slice s) {
    char *at = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;
    if (at != NULL && s.len > 0) memcpy(at, s.at, s.len);
    return at;
}

struct slice arena_slice(struct arena *a, struct slice s) {
    if (slice_is_null(s)) return SLICE_NULL;
    char *at = arena_alloc(a, s.len);
    if (at == NULL) return SLICE_NULL;
    if (s.len > 0) memcpy(at, s.at, s.len);
    return slice_make(at, s.len);
}

struct slice arena_printf(struct arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    char *at = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (at != NULL) vsnprintf(at, (size_t)n + 1, format, again);
    va_end(again);
    va_end(args);
    return at == NULL ? SLICE_NULL : slice_make(at, (size_t)n);
}
