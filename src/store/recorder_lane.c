/* The owner's side: appending. Nothing here blocks but at a segment's end, and there only when the reader has
 * not laid out a spare in time. */
#include "store/recorder_lane.h"
#include "base/clock.h"

enum { RETRY_US = 100000, WAKE_BYTES = 256 << 10 };

/* Takes one of the lane's max_segments, or makes nothing. */
struct segment *lane_new_segment(struct recorder *r, struct lane *l, struct error *error) {
    if (atomic_fetch_add(&l->segments, 1) >= r->options.max_segments) {
        atomic_fetch_sub(&l->segments, 1);
        (void)error_set(error, FAULT_NO_SPACE, "%u undrained segments is the limit (recorder.max_segments)",
                        r->options.max_segments);
        return NULL;
    }
    struct segment *s = segment_new(r, (unsigned)(l - r->lanes), error);
    if (s == NULL) atomic_fetch_sub(&l->segments, 1);
    atomic_store(&l->failed, s == NULL);
    return s;
}

/* Goes on in a new segment. False: there is none to be had now. */
static bool advance(struct recorder *r, struct lane *l) {
    struct segment *s = atomic_exchange(&l->spare, NULL);
    if (s == NULL) {
        if (atomic_load(&l->failed) && clock_real_us() < l->retry_at) return false;
        s = lane_new_segment(r, l, NULL);
        if (s == NULL && atomic_load(&l->failed)) l->retry_at = clock_real_us() + RETRY_US;
        if (s == NULL) return false;
    }
    struct segment *former = l->active;
    if (l->unreported > 0) {
        s->map->lost_id = l->lost_id;
        atomic_store(&s->map->lost, l->unreported);
        atomic_store(&former->map->lost, 0);
    }
    l->active = s;
    atomic_store_explicit(&former->next, s, memory_order_release);
    recorder_nudge(r); /* once a segment: so that the next spare is laid out well before it is needed */
    return true;
}

static bool put(struct recorder *r, struct lane *l, enum frame_kind kind, struct slice bytes) {
    struct segment *s = l->active;
    uint64_t size = frame_size(bytes.len), at = atomic_load_explicit(&s->written, memory_order_relaxed);
    if (at + size > s->bytes) {
        if (!advance(r, l)) return false;
        s = l->active;
        at = SEGMENT_FIRST;
    }
    struct frame *f = (struct frame *)((char *)s->map + at);
    f->tag = frame_tag(s, kind);
    f->check = frame_check(s, at, kind, bytes);
    if (bytes.len > 0) memcpy(f + 1, bytes.at, bytes.len);
    atomic_store_explicit(&f->length, FRAME_PUBLISHED | (uint32_t)bytes.len, memory_order_release);
    atomic_store_explicit(&s->written, at + size, memory_order_release);
    atomic_store_explicit(&l->room, s->bytes - at - size, memory_order_relaxed);
    uint64_t total = atomic_load_explicit(&l->written_bytes, memory_order_relaxed) + size;
    atomic_store_explicit(&l->written_bytes, total, memory_order_release);
    if (r->options.sync == RECORDER_SYNC_EACH) segment_sync(r, s, at, at + size);

    const struct chain *c = &r->chains[l - r->lanes];
    if (atomic_load_explicit(&r->waiting, memory_order_relaxed) != 0 &&
        total - atomic_load_explicit(&c->released_bytes, memory_order_relaxed) > WAKE_BYTES)
        recorder_nudge(r);
    return true;
}

/* The loss is told under its own id, first, so that a crash between the two steps tells it twice under one id
 * and never not at all. */
void lane_tell_lost(struct recorder *r, struct lane *l) {
    if (l->unreported == 0) return;
    struct lost_frame frame = {l->unreported, l->lost_id};
    if (!put(r, l, FRAME_LOST, slice_make((const char *)&frame, sizeof frame))) return;
    l->unreported = 0;
    atomic_store(&l->active->map->lost, 0);
}

static void count_lost(struct lane *l) {
    if (l->unreported++ == 0) {
        record_id_new(&l->lost_id, clock_wall_us());
        l->active->map->lost_id = l->lost_id;
    }
    atomic_store(&l->active->map->lost, l->unreported);
    atomic_fetch_add_explicit(&l->lost, 1, memory_order_relaxed);
}

size_t recorder_longest(const struct recorder *r) { return (r->options.segment_bytes - SEGMENT_FIRST - sizeof(struct frame)) & ~(size_t)(FRAME_ALIGN - 1); }

enum fault recorder_append(struct recorder *r, unsigned lane, enum frame_kind kind, struct slice bytes) {
    struct lane *l = &r->lanes[lane];
    if (frame_size(bytes.len) > r->options.segment_bytes - SEGMENT_FIRST) {
        count_lost(l);
        return FAULT_TOO_LARGE;
    }
    lane_tell_lost(r, l);
    if (!put(r, l, kind, bytes)) {
        count_lost(l);
        return FAULT_NO_SPACE;
    }
    atomic_fetch_add_explicit(&l->appended, 1, memory_order_relaxed);
    return FAULT_NONE;
}

bool recorder_is_full(const struct recorder *r, unsigned lane) {
    const struct lane *l = &r->lanes[lane];
    if (atomic_load_explicit(&l->room, memory_order_relaxed) >= frame_size(LIMIT_RECORD)) return false;
    if (atomic_load(&l->spare) != NULL) return false;
    return atomic_load(&l->failed) || atomic_load(&l->segments) >= r->options.max_segments;
}
