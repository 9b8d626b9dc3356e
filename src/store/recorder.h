/* recorder.h - the flight recorder: where a record is safe the moment it is appended.
 *
 * One lane per loop thread, each a row of memory-mapped segment files `DIR/lane-LL-NNNNNNNN.seg`. A frame
 * is length, checksum, kind, bytes; a lane's owner is its only writer, and recorder_append copies a frame
 * into the map and returns: no lock, no system call but at a segment's end (and msync with SYNC_EACH). The
 * page cache keeps it whatever happens to the process; `sync` says what a power failure may cost.
 *
 * Invariants
 *  1. A frame is readable only once its length word is published, after its bytes.
 *  2. Space is allocated (posix_fallocate) before it is mapped, so a full disk is an error at a segment's
 *     beginning, never a SIGBUS in the middle.
 *  3. A segment is deleted only after everything in it was released by the reader, in order.
 *  4. On open, segments of a former run are replayed from their last released position: what the ledger has
 *     already taken is recognised there by its record id.
 *  5. A frame that cannot be kept is counted (recorder_stats.lost), and the count is itself a frame written
 *     as soon as there is room: a gap is never silent. */
#ifndef STORE_RECORDER_H
#define STORE_RECORDER_H

#include "base/fault.h"
#include "model/record.h"

#include <stdatomic.h>

enum recorder_sync { RECORDER_SYNC_OS, RECORDER_SYNC_INTERVAL, RECORDER_SYNC_EACH };

enum frame_kind {
    FRAME_RECORD = 1,  /* record_encode() */
    FRAME_PAYLOAD = 2, /* payload_encode() */
    FRAME_LOST = 3,    /* struct lost_frame */
};

struct lost_frame {
    uint64_t count;      /* frames that could not be kept before this one */
    struct record_id id; /* of the loss: a replay may tell of it again */
};

struct recorder_options {
    const char *dir; /* made when missing */
    unsigned lanes;
    size_t segment_bytes;
    unsigned max_segments; /* per lane, undrained */
    enum recorder_sync sync;
    int64_t interval_us;
    unsigned slow_lanes; /* the last of the lanes: whoever appends there may wait for memory, so it is not taken beforehand */
};

struct recorder_stats {
    uint64_t appended, drained, lost; /* frames, of this run; lost includes what a former run reported */
    uint64_t damaged;       /* places where bytes of a former run failed their check; the rest was read */
    uint64_t sync_failures; /* msync that failed: what `sync` promises did not hold */
    uint64_t pending_bytes; /* of a former run: whole segments until they are read */
    bool full;              /* at least one lane has no room right now */
};

struct recorder;

/* FAULT_CONFLICT: another process has the folder. */
struct recorder *recorder_open(const struct recorder_options *o, struct error *error) MUST_CHECK;
void recorder_close(struct recorder *r); /* leaves undrained segments for the next start */

/* By the lane's owner only. FAULT_NO_SPACE, or FAULT_TOO_LARGE (no segment is that long): not kept, counted
 * as lost. */
enum fault recorder_append(struct recorder *r, unsigned lane, enum frame_kind kind,
                           struct slice bytes) MUST_CHECK;
size_t recorder_longest(const struct recorder *r); /* bytes of the longest frame that a segment has room for */
bool recorder_is_full(const struct recorder *r, unsigned lane); /* the next append would fail */
void recorder_stats(const struct recorder *r, struct recorder_stats *ret);

/* By one reader thread. Gives up to `max` frames not yet given, all lanes and leftover segments of former
 * runs; the bytes are borrowed from the map until recorder_release, which says that everything given so far
 * is durable elsewhere. recorder_rewind gives them again (after a failed commit). */
unsigned recorder_read(struct recorder *r, unsigned max,
                       void (*each)(void *ctx, enum frame_kind kind, struct slice bytes), void *ctx);
void recorder_release(struct recorder *r);
void recorder_rewind(struct recorder *r);
/* Blocks until something was appended since the last look (seen within 50 ms, at once under load),
 * recorder_wake was called, or the timeout (microseconds). */
void recorder_wait(struct recorder *r, int64_t timeout_us);
void recorder_wake(struct recorder *r);
/* msync of all lanes, from any thread. With SYNC_INTERVAL a thread of the recorder does it every interval. */
void recorder_sync(struct recorder *r);
enum recorder_sync recorder_sync_mode(const struct recorder *r);

#endif
