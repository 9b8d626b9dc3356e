/* ledger_store.h - the inside of the ledger: its files by day and what the writer keeps open. Private to
 * store/. */
#ifndef STORE_LEDGER_STORE_H
#define STORE_LEDGER_STORE_H

#include "store/spend_cell.h"
#include "store/ledger.h"
#include "store/idle_days.h"
#include "store/ledger_row.h"
#include "store/rollup.h"
#include "store/sieve.h"

#include <pthread.h>

struct drain;

/* What was drained through this handle: how often a day may have got something, and of each day the last time, so that who follows
 * looks at those days alone. */
enum { BROUGHT_DAYS = 8 };
struct brought {
    pthread_mutex_t lock;
    uint64_t times, forgotten; /* the newest time that made room for another day's */
    struct { int64_t day; uint64_t time; } at[BROUGHT_DAYS];
    unsigned n;
};

struct ledger {
    char *dir;
    int64_t retention_us;
    bool read_only;
    unsigned looked_at_most; /* records for one page; 0: LOOKED_AT_MOST. Tests set it */
    struct drain *drain; /* the writer's; made when first needed */
    struct idle_days *idle, *idle_writing; /* for ledger_open_day; for scores */
    struct brought brought;
    int64_t folded_to;      /* the writer's: days before it have their folds (spend_fold.h) */
};

/* ---- files by day (ledger.c) ---- */
enum ledger_kind { LEDGER_RECORDS, LEDGER_PAYLOADS };
char *ledger_path(const struct ledger *l, enum ledger_kind kind, int64_t day); /* mem_free */
struct days {
    int64_t *at; /* ascending */
    size_t n;
};
enum fault ledger_days(const struct ledger *l, enum ledger_kind kind, struct days *ret,
                       struct error *error) MUST_CHECK;
void days_deinit(struct days *d);
void ledger_delete(struct ledger *l, enum ledger_kind kind, int64_t day);
/* Moves a damaged file aside under a name that tells. */
void ledger_set_aside(const struct ledger *l, enum ledger_kind kind, int64_t day);
/* Deletes whole days of records that ended before now - retention, and what was moved aside of them. */
void ledger_expire(struct ledger *l, int64_t now_us);
/* Deletes payloads of applications by their own retention, and files that are left with none. */
void payload_expire(struct ledger *l, int64_t now_us,
                    int64_t (*retention_of)(void *ctx, struct slice application), void *ctx);

/* ---- one day's records, for writing (ledger_day.c) ---- */
struct span {
    int64_t records, from_us, to_us, skew_from_us, skew_to_us; /* of nothing while records is 0 */
};
enum fault span_load(struct span *s, struct database *db, struct error *error) MUST_CHECK;
/* A record's time as filters and rollups take it: within a day of its id's. */
int64_t ledger_time(const struct record *r);

struct ledger_day {
    int64_t day;
    struct database *db;
    struct names names;
    struct sieve sieve;
    struct rollups rollups;
    struct spend_cells costs;
    struct span span;
    struct buffer arrived; /* of this transaction: places, as varints of what each adds to the one before */
    int64_t arrived_last;
    struct buffer row;
    struct arena scratch;
    bool in_batch;
};
struct ledger_day *ledger_day_open(const struct ledger *l, int64_t day, bool sync_each, enum fault *ret_fault,
                                   struct error *error) MUST_CHECK;
void ledger_day_close(struct ledger_day *d); /* accepts NULL; an open batch is undone */
enum fault ledger_day_begin(struct ledger_day *d, struct error *error) MUST_CHECK;
enum fault ledger_day_insert(struct ledger_day *d, const struct record *r, struct slice bytes, bool *ret_new,
                             struct error *error) MUST_CHECK;
struct note {
    struct slice id;
    const char *kind; /* "lost", "unreadable", "damaged" */
    uint64_t count;
    struct slice detail;
};
enum fault ledger_day_note(struct ledger_day *d, const struct note *n,
                           struct error *error) MUST_CHECK; /* once per id */
/* On failure the day must be closed: what it has in memory is no longer true. */
enum fault ledger_day_commit(struct ledger_day *d, struct error *error) MUST_CHECK;

/* ---- one day's payloads, for writing (payload_day.c) ---- */
enum {
    PAYLOAD_FRAME_MAX = 2 * LIMIT_PAYLOAD + LIMIT_RECORD
}; /* request, reply, and what stands around them */
struct payload_day {
    int64_t day;
    struct database *db;
    struct buffer packed;
    void *compressor;
    bool in_batch;
};
struct payload_day *payload_day_open(const struct ledger *l, int64_t day, bool sync_each,
                                     enum fault *ret_fault, struct error *error) MUST_CHECK;
void payload_day_close(struct payload_day *d);
enum fault payload_day_begin(struct payload_day *d, struct error *error) MUST_CHECK;
enum fault payload_day_insert(struct payload_day *d, const struct payload *p, struct slice bytes,
                              bool *ret_new, struct error *error) MUST_CHECK;
enum fault payload_day_commit(struct payload_day *d, struct error *error) MUST_CHECK;

/* ---- draining (ledger_drain.c) ---- */
enum { DRAIN_FRAMES = 4096 }; /* frames of one transaction */
struct drained {
    unsigned frames;
    uint64_t records, duplicates, payloads, unreadable;
};
/* One batch: read, insert, commit, release; or rewind. FAULT_NONE with 0 frames: there was nothing. */
enum fault drain_batch(struct ledger *l, struct recorder *r, struct drained *ret,
                       struct error *error) MUST_CHECK;
void drain_close_days(struct drain *d); /* accepts NULL */
void drain_free(struct drain *d);       /* accepts NULL */

/* ---- reading ---- */
/* Every record of one day file that matches, by id; inside the caller's read transaction. The filter's cursor and
 * limit do not count. */
enum fault ledger_scan_day(struct database *db, int64_t day, const struct record_filter *f,
                           bool (*each)(void *ctx, const struct record *r), void *ctx,
                           struct error *error) MUST_CHECK;
void ledger_brought(struct ledger *l, int64_t day); /* the writer, behind its commit (follow.c) */
/* Opens one day for reading; *ret is NULL when there is no such file or nothing in it yet. */
enum fault ledger_open_day(const struct ledger *l, enum ledger_kind kind, int64_t day, struct database **ret,
                           struct error *error) MUST_CHECK;

#endif
