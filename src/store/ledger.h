/* ledger.h - records, rollups and payloads in SQLite, one file a day (UTC): `DIR/ledger-YYYY-MM-DD.db`,
 * and `DIR/payload-YYYY-MM-DD.db` for captured payloads. Retention deletes files.
 *
 * One thread (ledger_writer) drains the flight recorder in batches, one transaction each: inserts are
 * idempotent by record id, rollups are updated in the same transaction and only by records that were new.
 * Reading opens its own connections and may be done from any thread. A record's day is that of its id; its
 * time is taken as within 24 hours of its id's. A day file that turns out damaged while it is written is
 * renamed to *.damaged-<time>, said so in last_error and in a note in the file that takes its place, and the
 * writer goes on.
 *
 * Power failure: with RECORDER_SYNC_OS frames are released at commit, and commits of the last seconds may be
 * gone; with INTERVAL and EACH every commit is synced before its frames are released. */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include "base/arena.h"
#include "base/histogram.h"
#include "model/record.h"
#include "store/recorder.h"

struct ledger;

struct ledger_options {
    const char *dir;      /* data_dir */
    int64_t retention_us; /* records; 0: for ever */
    bool read_only;       /* command-line verbs beside a running server */
};

struct ledger *ledger_open(const struct ledger_options *o, struct error *error) MUST_CHECK;
void ledger_close(struct ledger *l);

/* ---- writing ---- */
struct ledger_writer;
struct ledger_writer_stats {
    uint64_t records, duplicates, payloads;
    uint64_t damaged;  /* frames that failed their check, or could not be decoded (kept as notes) */
    uint64_t failures; /* batches that failed and were tried again */
    char last_error[LIMIT_ERROR_TEXT];
};
/* Starts the writer's thread. Payload retention by application: `retention_of` (microseconds, 0 for ever) is
 * called on that thread; NULL keeps all. */
struct ledger_writer *ledger_writer_start(struct ledger *l, struct recorder *r,
                                          int64_t (*retention_of)(void *ctx, struct slice application),
                                          void *ctx, struct error *error) MUST_CHECK;
/* Blocks until everything appended before the call is in the ledger, or failed twice. */
void ledger_writer_drain(struct ledger_writer *w);
void ledger_writer_stop(struct ledger_writer *w); /* drains, joins, frees */
void ledger_writer_stats(struct ledger_writer *w, struct ledger_writer_stats *ret);
/* What the writer does when it has nothing else to do: sums up one day that was over an hour ago for those who read weeks (spend_fold.h). Not beside
 * a writer. False: there is none left, or it failed. */
bool ledger_fold(struct ledger *l, int64_t now_us);
/* One batch by hand, for tests and benchmarks: frames taken. */
unsigned ledger_drain_once(struct ledger *l, struct recorder *r, struct error *error);

/* ---- payloads ---- request and reply bodies as one FRAME_PAYLOAD */
struct payload {
    struct record_id id;
    struct slice application;
    struct slice request, reply; /* SLICE_NULL: not captured */
    bool request_cut, reply_cut; /* longer than LIMIT_PAYLOAD */
    struct slice asked;          /* where the request names a prompt, as its client wrote it, with the variables; SLICE_NULL: it names none, or there was no room */
};
bool payload_encode(const struct payload *p, struct buffer *out) MUST_CHECK;
bool payload_decode(struct slice bytes, struct payload *ret) MUST_CHECK; /* borrows */

/* ---- reading ---- */
struct record_filter {
    int64_t from_us, to_us; /* from <= time < to; 0: open */
    struct slice application, model, user, session, request_type, key, provider; /* SLICE_NULL: any */
    struct slice tag;                                                            /* "k=v" or "k" */
    struct slice prompt; /* "name" or "name@version"; SLICE_NULL: any */
    enum arm arm;        /* ARM_NONE: any */
    int status;          /* enum record_status, -1 any */
    struct slice cursor; /* from the page before */
    unsigned limit;      /* 1..LIMIT_PAGE */
    bool oldest_first;
};
/* Newest first, by id: to the millisecond of its time, within one in an order that never changes. `each`
 * returns false to stop; the record is valid inside the call. *ret_cursor (in `arena`) is SLICE_NULL at the
 * end. Where few of very many records match, a page may be short, or empty, with a cursor: so many were looked at. FAULT_BAD_REQUEST: a cursor that no page gave, or a limit out of bounds. No record at all is an empty
 * page. */
enum fault ledger_list(struct ledger *l, const struct record_filter *f, struct arena *arena,
                       bool (*each)(void *ctx, const struct record *r), void *ctx, struct slice *ret_cursor,
                       struct error *error) MUST_CHECK;
enum fault ledger_find(struct ledger *l, const struct record_id *id, struct arena *arena, struct record *ret,
                       struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
enum fault ledger_payload(struct ledger *l, const struct record_id *id, struct arena *arena,
                          struct payload *ret, struct error *error) MUST_CHECK;
/* Of these records, in order of id, all payloads that are kept and can be read: one call of `each` a payload, valid
 * inside it; false stops. */
enum fault ledger_payloads(struct ledger *l, const struct record_id *ids, size_t n,
                           bool (*each)(void *ctx, size_t i, const struct payload *p), void *ctx,
                           struct error *error) MUST_CHECK;
enum fault ledger_count(struct ledger *l, const struct record_filter *f, uint64_t *ret,
                        struct error *error) MUST_CHECK;

/* Rollups: per minute and per hour by application, request type, model, prompt version, feature, team, provider. */
enum rollup_histogram { ROLLUP_DURATION, ROLLUP_FIRST_TOKEN, ROLLUP_PER_TOKEN, ROLLUP_HISTOGRAMS };
/* duration (of all but refused ones) and first token in microseconds; per token: (duration - first token) /
 * (output tokens - 1), in microseconds */

enum rollup_dimension {
    BY_APPLICATION = 1,
    BY_REQUEST_TYPE = 2,
    BY_MODEL = 4,
    BY_PROMPT = 8,
    BY_FEATURE = 16,
    BY_TEAM = 32,
    BY_TIME = 64,
    BY_PROVIDER = 128 /* who answered; null: nobody, or the day was begun by a program that did not keep it */
};

struct rollup {
    int64_t start_us; /* BY_TIME: the bucket's start */
    /* SLICE_NULL: not asked for, or null. prompt: name@version */
    struct slice application, request_type, model, prompt, feature, team, provider;
    uint64_t count, by_status[RECORD_STATUS_COUNT];
    int64_t cost_nano; /* of the priced ones */
    uint64_t unpriced;
    int64_t input, cache_read, cache_write, output, reasoning; /* tokens */
    struct histogram histograms[ROLLUP_HISTOGRAMS];
    /* Not known of `plain` exchanges, which an older program summed: */
    uint64_t plain, cache_hits;
    int64_t saved_nano;  /* what kept answers had cost that were given instead of asking anybody */
    double cost_square;  /* nano-dollars squared, of the priced ones */
};
/* Sums without names: `into` keeps its own. */
void rollup_init(struct rollup *r);
void rollup_deinit(struct rollup *r);
void rollup_merge(struct rollup *into, const struct rollup *from);
struct rollup_query {
    int64_t from_us, to_us, step_us; /* step: 60 s or 3600 s multiples, with BY_TIME */
    unsigned by;                     /* bits of enum rollup_dimension */
    struct slice application, request_type, model, provider;
    struct slice prompt; /* name@version, or a name: all of its versions */
    unsigned without;    /* histograms that nobody looks at, bits 1u << enum rollup_histogram: they are left empty, which is quicker */
};
#define ROLLUP_WITHOUT_ALL ((1u << ROLLUP_HISTOGRAMS) - 1)
/* One call of `each` a group, in order of time then names. The rollup is valid inside the call. Times are
 * widened to whole minutes. Beyond 10,000 combinations of dimensions in a day, further ones are summed under
 * their application as "(other)". FAULT_TOO_LARGE: more than 100,000 groups at a time. */
enum fault ledger_rollup(struct ledger *l, const struct rollup_query *q,
                         bool (*each)(void *ctx, const struct rollup *r), void *ctx,
                         struct error *error) MUST_CHECK;
/* Which names came together in the days of the window: the names of `by`, the same ones again for each day and more; no sums. */
enum fault ledger_labels(struct ledger *l, int64_t from_us, int64_t to_us, unsigned by, bool (*each)(void *ctx, const struct rollup *r), void *ctx,
                         struct error *error) MUST_CHECK;
/* Begin of the oldest day that there are records of: before it nothing is known. 0: there is none. */
enum fault ledger_oldest(struct ledger *l, int64_t *ret_us, struct error *error) MUST_CHECK;

#endif
