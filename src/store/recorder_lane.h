/* recorder_lane.h - the inside of the flight recorder: segments, lanes, chains. Private to recorder*.c.
 *
 * Who touches what
 *   owner   (the lane's loop thread)  struct lane's first part; appends to `active`, links a new segment
 * behind it reader  (one thread)              struct chain: oldest..reading..; deletes what was released;
 * makes spares syncer  (recorder_sync)           walks from chain->oldest under `lock`, holding references A
 * segment's `next` is set once, by the owner, after its last frame: it also says "sealed". */
#ifndef STORE_RECORDER_LANE_H
#define STORE_RECORDER_LANE_H

#include "store/recorder.h"

#include <pthread.h>
#include <stdatomic.h>

/* On disk: a header, then from SEGMENT_FIRST frames at multiples of FRAME_ALIGN. */
#define SEGMENT_MAGIC "QDFLIGHT"
enum { SEGMENT_VERSION = 1, SEGMENT_FIRST = 128, FRAME_ALIGN = 8 };

struct segment_header {
    char magic[8];
    uint32_t version, lane;
    uint64_t number, bytes;
    struct record_id id; /* its random part salts the frames: bytes of other segments never pass for ours */
    uint64_t check;      /* over all of the above */
    _Atomic uint64_t released;
    _Atomic uint64_t lost;    /* frames lost and not yet told by a FRAME_LOST */
    struct record_id lost_id; /* the identity of that loss, so that it is told once */
};
_Static_assert(sizeof(struct segment_header) <= SEGMENT_FIRST, "the header has its room");

/* `length` is 0 until all else is in place, then PUBLISHED | number of bytes. */
struct frame {
    _Atomic uint32_t length;
    uint32_t tag; /* salt ^ kind: where a search after damage may find a frame's beginning */
    uint64_t check;
};
#define FRAME_PUBLISHED 0x80000000u
_Static_assert(sizeof(struct frame) == 16, "frames are laid out as written");

struct segment {
    struct segment_header *map;
    size_t bytes;
    char *path;
    uint64_t salt;
    bool leftover;  /* of a former run: nobody writes to it */
    bool cut_short; /* the file has lost its end */
    bool ready;     /* reader: all of its pages are faulted in */
    _Atomic(struct segment *) next;
    _Atomic uint64_t written; /* end of the last published frame */
    unsigned references;      /* under recorder.lock */
    uint64_t synced;          /* under recorder.sync_lock */
    bool lost_told;           /* reader: leftover's header.lost was given */
    struct lost_frame lost;
};

struct lane {
    /* owner's */
    struct segment *active;
    uint64_t unreported; /* lost, not yet told by a frame */
    struct record_id lost_id;
    int64_t retry_at;
    /* shared */
    _Atomic uint64_t appended, lost, written_bytes;
    _Atomic uint64_t room; /* bytes left in `active` */
    _Atomic(struct segment *) spare;
    _Atomic unsigned segments; /* files of this run, the spare included */
    atomic_bool failed;        /* the last attempt to make a segment failed */
    char apart[64];            /* lanes do not share cache lines */
};

/* What was given since the last release; a rewind forgets it. */
struct tally {
    uint64_t frames, bytes, damaged, lost;
};

struct chain {
    struct segment *oldest;  /* under recorder.lock */
    struct segment *reading; /* NULL: leftovers are all given */
    uint64_t offset;
    struct lane *lane; /* NULL: the leftovers */
    struct tally given;
    _Atomic uint64_t total_bytes; /* leftovers only */
    _Atomic uint64_t released_bytes;
};

struct recorder {
    struct recorder_options options;
    char *dir;
    int lock_fd;
    struct lane *lanes;   /* options.lanes */
    struct chain *chains; /* one a lane, then the leftovers */
    unsigned first;       /* chain to read first next time */
    _Atomic uint64_t next_number;
    _Atomic uint64_t drained, damaged, lost_before, sync_failures;
    uint64_t mark;            /* reader: bytes ever appended when it last looked */
    int64_t spares_at;        /* reader: when to try again to lay out spares after a failure */
    _Atomic uint32_t waiting; /* futex: 1 while the reader sleeps */
    atomic_bool woken;
    pthread_mutex_t lock, sync_lock;
    pthread_t syncer;
    bool has_syncer;
    _Atomic uint32_t stopping; /* futex */
};

/* segment.c */
struct segment *segment_new(struct recorder *r, unsigned lane, struct error *error) MUST_CHECK;
/* Faults its pages in, so that no append has to. */
void segment_make_ready(struct segment *s);
/* FAULT_CORRUPT: the header is damaged. FAULT_NOT_FOUND: it never held a frame and is gone. */
enum fault segment_open(const char *path, struct segment **ret, struct error *error) MUST_CHECK;
void segment_drop(struct recorder *r, struct segment *s); /* one reference; accepts NULL */
void segment_sync(struct recorder *r, struct segment *s, uint64_t from, uint64_t to);
uint64_t frame_check(const struct segment *s, uint64_t offset, enum frame_kind kind, struct slice bytes);
static inline uint32_t frame_tag(const struct segment *s, enum frame_kind kind) {
    return (uint32_t)(s->salt >> 32) ^ (uint32_t)kind;
}
static inline uint64_t frame_size(size_t len) {
    return sizeof(struct frame) + (((uint64_t)len + FRAME_ALIGN - 1) & ~(uint64_t)(FRAME_ALIGN - 1));
}

/* recorder_lane.c */
struct segment *lane_new_segment(struct recorder *r, struct lane *l, struct error *error) MUST_CHECK;
void lane_tell_lost(struct recorder *r, struct lane *l); /* owner: a FRAME_LOST, when there is a loss */

/* recorder_read.c */
void chain_make_spares(struct recorder *r);

/* recorder.c */
uint64_t recorder_written(const struct recorder *r);
void recorder_nudge(struct recorder *r); /* wakes a sleeping reader */

#endif
