/* The reader's side: giving frames, releasing, rewinding, laying out spares.
 *
 * A chain is read from `reading` at `offset`. What was given lies between the released position
 * (chain->oldest, header.released) and there; release moves the one to the other and deletes the segments in
 * between. */
#include "base/clock.h"
#include "store/recorder_lane.h"

#include <unistd.h>

enum { SPARE_RETRY_US = 100000, READY_BYTES = 64 << 10 };

struct given {
    enum frame_kind kind;
    struct slice bytes;
    uint64_t size;
};

/* A whole, published, unharmed frame at `at`? */
static bool frame_at(const struct segment *s, uint64_t at, uint64_t bound, struct given *ret) {
    if (at + sizeof(struct frame) > bound) return false;
    const struct frame *f = (const struct frame *)((const char *)s->map + at);
    uint32_t length = atomic_load_explicit((_Atomic uint32_t *)&f->length, memory_order_acquire);
    uint32_t kind = f->tag ^ (uint32_t)(s->salt >> 32), len = length & ~FRAME_PUBLISHED;
    if ((length & FRAME_PUBLISHED) == 0 || kind < FRAME_RECORD || kind > FRAME_LOST) return false;
    if (at + frame_size(len) > bound) return false;
    struct slice bytes = {(const char *)(f + 1), len};
    if (f->check != frame_check(s, at, (enum frame_kind)kind, bytes)) return false;
    *ret = (struct given){(enum frame_kind)kind, bytes, frame_size(len)};
    return true;
}

/* The next frame of a segment, past damage if need be: then *offset jumps to the first good frame behind it.
 */
static bool next_frame(struct chain *c, uint64_t bound, struct given *ret) {
    const struct segment *s = c->reading;
    if (c->offset + sizeof(struct frame) > bound) return false;
    if (frame_at(s, c->offset, bound, ret)) {
        c->offset += ret->size;
        return true;
    }
    const struct frame *f = (const struct frame *)((const char *)s->map + c->offset);
    bool published = atomic_load((_Atomic uint32_t *)&f->length) != 0;
    uint64_t at = c->offset + FRAME_ALIGN;
    while (at < bound && !frame_at(s, at, bound, ret)) at += FRAME_ALIGN;
    bool found = at < bound;
    if (published || found)
        c->given.damaged++; /* an append that never returned leaves a zero length and nothing behind */
    c->offset = found ? at + ret->size : bound;
    return found;
}

static uint64_t read_from(const struct segment *s) {
    return s->leftover ? atomic_load(&s->map->released) : SEGMENT_FIRST;
}

/* A former run's loss that no frame had told of. */
static bool tell_leftover_loss(struct chain *c, void (*each)(void *, enum frame_kind, struct slice),
                               void *ctx) {
    struct segment *s = c->reading;
    uint64_t lost = atomic_load(&s->map->lost);
    if (!s->leftover || lost == 0 || s->lost_told) return false;
    s->lost_told = true;
    s->lost = (struct lost_frame){lost, s->map->lost_id};
    c->given.lost += lost;
    each(ctx, FRAME_LOST, slice_make((const char *)&s->lost, sizeof s->lost));
    return true;
}

static unsigned chain_read(struct chain *c, unsigned max, void (*each)(void *, enum frame_kind, struct slice),
                           void *ctx) {
    unsigned n = 0;
    while (c->reading != NULL) {
        struct segment *s = c->reading, *next = atomic_load_explicit(&s->next, memory_order_acquire);
        uint64_t bound = atomic_load_explicit(&s->written, memory_order_acquire), before = c->offset;
        struct given g;
        while (n < max && next_frame(c, bound, &g)) {
            c->given.bytes += c->offset - before;
            before = c->offset;
            if (g.kind == FRAME_LOST && s->leftover && g.bytes.len >= sizeof(struct lost_frame)) {
                struct lost_frame lost;
                memcpy(&lost, g.bytes.at, sizeof lost);
                c->given.lost += lost.count;
            }
            each(ctx, g.kind, g.bytes);
            n++;
        }
        if (n >= max) break;
        c->given.bytes += c->offset - before;
        if (tell_leftover_loss(c, each, ctx)) n++;
        if (next == NULL && !s->leftover) break; /* the owner may still write here */
        if (s->leftover) c->given.bytes += bound - c->offset;
        c->reading = next;
        c->offset = next != NULL ? read_from(next) : 0;
    }
    c->given.frames += n;
    return n;
}

unsigned recorder_read(struct recorder *r, unsigned max,
                       void (*each)(void *ctx, enum frame_kind kind, struct slice bytes), void *ctx) {
    unsigned n = 0, chains = r->options.lanes + 1;
    uint64_t written = recorder_written(r);
    n += chain_read(&r->chains[chains - 1], max, each, ctx); /* leftovers are older */
    for (unsigned i = 0; i < r->options.lanes && n < max; i++)
        n += chain_read(&r->chains[(r->first + i) % r->options.lanes], max - n, each, ctx);
    r->first++;
    if (n < max) r->mark = written;
    return n;
}

static void delete_oldest(struct recorder *r, struct chain *c) {
    struct segment *s = c->oldest;
    pthread_mutex_lock(&r->lock);
    c->oldest = atomic_load(&s->next);
    pthread_mutex_unlock(&r->lock);
    unlink(s->path);
    segment_drop(r, s);
    if (c->lane != NULL) atomic_fetch_sub(&c->lane->segments, 1);
}

void recorder_release(struct recorder *r) {
    for (unsigned i = 0; i <= r->options.lanes; i++) {
        struct chain *c = &r->chains[i];
        while (c->oldest != c->reading) delete_oldest(r, c);
        if (c->reading != NULL)
            atomic_store_explicit(&c->reading->map->released, c->offset, memory_order_release);
        atomic_fetch_add(&c->released_bytes, c->given.bytes);
        atomic_fetch_add(&r->drained, c->given.frames);
        atomic_fetch_add(&r->damaged, c->given.damaged);
        atomic_fetch_add(&r->lost_before, c->given.lost);
        c->given = (struct tally){0};
    }
    chain_make_spares(r);
}

void recorder_rewind(struct recorder *r) {
    for (unsigned i = 0; i <= r->options.lanes; i++) {
        struct chain *c = &r->chains[i];
        for (struct segment *s = c->oldest; s != NULL; s = atomic_load(&s->next)) s->lost_told = false;
        c->reading = c->oldest;
        c->offset = c->oldest != NULL ? atomic_load(&c->oldest->map->released) : 0;
        c->given = (struct tally){0};
    }
}

static void make_ready(const struct recorder *r, unsigned lane, struct segment *s) {
    if (lane + r->options.slow_lanes < r->options.lanes && !s->ready) segment_make_ready(s);
}

/* A spare for every lane that has less than half of its segment left. The first segment of a lane is faulted in with its first
 * traffic: a program that idles stays small. */
void chain_make_spares(struct recorder *r) {
    if (r->spares_at > 0 && clock_real_us() < r->spares_at) return;
    r->spares_at = 0;
    for (unsigned i = 0; i < r->options.lanes; i++) {
        struct lane *l = &r->lanes[i];
        struct segment *now = r->chains[i].reading;
        if (now != NULL && atomic_load_explicit(&now->written, memory_order_relaxed) > READY_BYTES) make_ready(r, i, now);
        if (atomic_load_explicit(&l->room, memory_order_relaxed) > r->options.segment_bytes / 2) continue;
        if (atomic_load(&l->spare) != NULL || atomic_load(&l->segments) >= r->options.max_segments) continue;
        struct segment *s = lane_new_segment(r, l, NULL);
        if (s != NULL) make_ready(r, i, s);
        if (s != NULL) atomic_store(&l->spare, s);
        else r->spares_at = clock_real_us() + SPARE_RETRY_US;
    }
}
