#include "store/recorder.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/recorder_lane.h"

#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_SLICE_US = 50000, SEGMENT_MIN = 4096, SEGMENTS_MIN = 2 };

/* ---- waking ---- */

static void futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t us) {
    struct timespec t = {us / 1000000, us % 1000000 * 1000};
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, &t, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void recorder_nudge(struct recorder *r) {
    if (atomic_exchange(&r->waiting, 0) != 0) futex_wake(&r->waiting);
}

void recorder_wake(struct recorder *r) {
    atomic_store(&r->woken, true);
    recorder_nudge(r);
}

uint64_t recorder_written(const struct recorder *r) {
    uint64_t total = 0;
    for (unsigned i = 0; i < r->options.lanes; i++)
        total += atomic_load_explicit(&r->lanes[i].written_bytes, memory_order_acquire);
    return total;
}

/* The reader looks every WAIT_SLICE_US by itself, so that an append need not wake it. */
void recorder_wait(struct recorder *r, int64_t timeout_us) {
    int64_t deadline = clock_real_us() + timeout_us;
    for (;;) {
        chain_make_spares(r);
        if (atomic_exchange(&r->woken, false)) return;
        uint64_t written = recorder_written(r);
        if (written != r->mark) {
            r->mark = written;
            return;
        }
        int64_t left = deadline - clock_real_us();
        if (left <= 0) return;
        atomic_store(&r->waiting, 1);
        if (!atomic_load(&r->woken)) futex_wait(&r->waiting, 1, left < WAIT_SLICE_US ? left : WAIT_SLICE_US);
        atomic_store(&r->waiting, 0);
    }
}

/* ---- syncing ---- */

/* The unsynced segments of a chain, oldest first, with a reference each: the reader may delete them
 * meanwhile. */
static unsigned hold_unsynced(struct recorder *r, struct chain *c, struct segment **ret, unsigned max) {
    unsigned n = 0;
    pthread_mutex_lock(&r->lock);
    for (struct segment *s = c->oldest; s != NULL && n < max; s = atomic_load(&s->next))
        if (s->synced < atomic_load(&s->written)) {
            s->references++;
            ret[n++] = s;
        }
    pthread_mutex_unlock(&r->lock);
    return n;
}

void recorder_sync(struct recorder *r) {
    enum { AT_ONCE = 64 };
    struct segment *held[AT_ONCE];
    unsigned n;
    pthread_mutex_lock(&r->sync_lock);
    for (unsigned i = 0; i < r->options.lanes; i++)
        do {
            n = hold_unsynced(r, &r->chains[i], held, AT_ONCE);
            for (unsigned k = 0; k < n; k++) {
                uint64_t to = atomic_load(&held[k]->written);
                segment_sync(r, held[k], held[k]->synced, to);
                held[k]->synced = to;
                segment_drop(r, held[k]);
            }
        } while (n == AT_ONCE);
    pthread_mutex_unlock(&r->sync_lock);
}

static void *sync_forever(void *ctx) {
    struct recorder *r = ctx;
    while (!atomic_load(&r->stopping)) {
        futex_wait(&r->stopping, 0, r->options.interval_us);
        recorder_sync(r);
    }
    return NULL;
}

/* ---- opening ---- */

struct found {
    struct recorder *r;
    unsigned lane;
    uint64_t number;
    char *path;
};
struct finds {
    const char *dir;
    struct found *at;
    size_t n;
};

static void find(void *ctx, const char *name) {
    struct finds *f = ctx;
    unsigned lane;
    unsigned long long number;
    int end = 0;
    if (sscanf(name, "lane-%u-%llu.seg%n", &lane, &number, &end) != 2 || end == 0 || name[end] != 0) return;
    f->at = mem_resize(f->at, (f->n + 1) * sizeof *f->at);
    f->at[f->n++] = (struct found){NULL, lane, number, files_path(f->dir, name)};
}

static int by_lane_and_number(const void *a, const void *b) {
    const struct found *x = a, *y = b;
    if (x->lane != y->lane) return x->lane < y->lane ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* A segment nobody can read is kept beside the others for whoever wants to look at it. */
static void set_aside(struct recorder *r, const char *path) {
    size_t size = strlen(path) + sizeof ".damaged";
    char *aside = mem_alloc(size);
    snprintf(aside, size, "%s.damaged", path);
    rename(path, aside);
    mem_free(aside);
    atomic_fetch_add(&r->damaged, 1);
}

/* Chains up what a former run left, whatever its number of lanes was. */
static enum fault open_leftovers(struct recorder *r, struct error *error) {
    struct finds finds = {.dir = r->dir};
    struct chain *c = &r->chains[r->options.lanes];
    struct segment *last = NULL;
    enum fault fault = files_list(r->dir, "lane-", find, &finds, error);
    if (finds.n > 0) qsort(finds.at, finds.n, sizeof *finds.at, by_lane_and_number);
    for (size_t i = 0; i < finds.n; i++) {
        struct segment *s = NULL;
        if (finds.at[i].number >= r->next_number) r->next_number = finds.at[i].number + 1;
        if (fault == FAULT_NONE) fault = segment_open(finds.at[i].path, &s, error);
        if (fault == FAULT_CORRUPT) set_aside(r, finds.at[i].path);
        if (fault == FAULT_CORRUPT || fault == FAULT_NOT_FOUND) fault = FAULT_NONE;
        mem_free(finds.at[i].path);
        if (s == NULL) continue;
        if (last != NULL) atomic_store(&last->next, s);
        else c->oldest = c->reading = s;
        last = s;
        c->total_bytes += atomic_load(&s->written) - s->map->released;
        if (s->cut_short) atomic_fetch_add(&r->damaged, 1);
    }
    mem_free(finds.at);
    if (c->oldest != NULL) c->offset = c->oldest->map->released;
    return fault;
}

static bool open_lanes(struct recorder *r, struct error *error) {
    for (unsigned i = 0; i < r->options.lanes; i++) {
        struct lane *l = &r->lanes[i];
        struct chain *c = &r->chains[i];
        struct segment *s = lane_new_segment(r, l, error);
        if (s == NULL) return false;
        l->active = c->oldest = c->reading = s;
        c->offset = SEGMENT_FIRST;
        c->lane = l;
        atomic_store(&l->room, s->bytes - SEGMENT_FIRST);
    }
    return true;
}

struct recorder *recorder_open(const struct recorder_options *o, struct error *error) {
    if (o->lanes == 0 || o->segment_bytes < SEGMENT_MIN || o->segment_bytes >= FRAME_PUBLISHED) {
        (void)error_set(error, FAULT_CONFIG,
                        "expected at least one lane and segments of %d bytes to 2 GiB, found %u and %zu",
                        SEGMENT_MIN, o->lanes, o->segment_bytes);
        return NULL;
    }
    struct recorder *r = mem_new(struct recorder);
    r->options = *o;
    r->options.segment_bytes &= ~(size_t)(FRAME_ALIGN - 1);
    if (r->options.max_segments < SEGMENTS_MIN)
        r->options.max_segments = SEGMENTS_MIN; /* one fills while one drains */
    r->dir = mem_text(o->dir);
    r->lock_fd = -1;
    r->next_number = 1;
    pthread_mutex_init(&r->lock, NULL);
    pthread_mutex_init(&r->sync_lock, NULL);
    r->lanes = mem_new_array(struct lane, o->lanes);
    r->chains = mem_new_array(struct chain, o->lanes + 1);
    if (files_make_dir(r->dir, error) != FAULT_NONE) goto fail;
    if (files_lock(r->dir, "recorder.lock", &r->lock_fd, error) != FAULT_NONE) goto fail;
    if (open_leftovers(r, error) != FAULT_NONE) goto fail;
    if (!open_lanes(r, error)) goto fail;
    if (o->sync != RECORDER_SYNC_INTERVAL || o->interval_us <= 0) return r;
    r->has_syncer = pthread_create(&r->syncer, NULL, sync_forever, r) == 0;
    if (r->has_syncer) return r;
    (void)error_set(error, FAULT_INTERNAL, "cannot start the thread that syncs the flight recorder");
fail:
    recorder_close(r);
    return NULL;
}

/* A live segment with nothing in it that was not released leaves no file behind. */
static void close_segment(struct recorder *r, struct segment *s) {
    if (s == NULL) return;
    if (!s->leftover && atomic_load(&s->map->released) == atomic_load(&s->written) &&
        atomic_load(&s->map->lost) == 0)
        unlink(s->path);
    segment_drop(r, s);
}

void recorder_close(struct recorder *r) {
    if (r == NULL) return;
    if (r->has_syncer) {
        atomic_store(&r->stopping, 1);
        futex_wake(&r->stopping);
        pthread_join(r->syncer, NULL);
    }
    for (unsigned i = 0; i < r->options.lanes; i++) {
        struct lane *l = &r->lanes[i];
        if (l->active != NULL) lane_tell_lost(r, l);
        close_segment(r, atomic_load(&l->spare));
    }
    if (r->options.sync != RECORDER_SYNC_OS) recorder_sync(r);
    for (unsigned i = 0; i <= r->options.lanes; i++)
        for (struct segment *s = r->chains[i].oldest, *next; s != NULL; s = next) {
            next = atomic_load(&s->next);
            close_segment(r, s);
        }
    if (r->lock_fd >= 0) close(r->lock_fd);
    pthread_mutex_destroy(&r->lock);
    pthread_mutex_destroy(&r->sync_lock);
    mem_free(r->lanes);
    mem_free(r->chains);
    mem_free(r->dir);
    mem_free(r);
}

/* ---- stats ---- */

void recorder_stats(const struct recorder *r, struct recorder_stats *ret) {
    struct recorder_stats s = {.drained = atomic_load(&r->drained),
                               .damaged = atomic_load(&r->damaged),
                               .sync_failures = atomic_load(&r->sync_failures),
                               .lost = atomic_load(&r->lost_before)};
    for (unsigned i = 0; i <= r->options.lanes; i++) {
        const struct chain *c = &r->chains[i];
        uint64_t released = atomic_load(&c->released_bytes);
        uint64_t total = atomic_load(c->lane != NULL ? &c->lane->written_bytes : &c->total_bytes);
        if (total > released) s.pending_bytes += total - released;
    }
    for (unsigned i = 0; i < r->options.lanes; i++) {
        s.appended += atomic_load(&r->lanes[i].appended);
        s.lost += atomic_load(&r->lanes[i].lost);
        s.full |= recorder_is_full(r, i);
    }
    *ret = s;
}

enum recorder_sync recorder_sync_mode(const struct recorder *r) {
    return r->options.sync;
}
