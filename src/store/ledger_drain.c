/* From the flight recorder into the day files: one batch, one transaction a file.
 *
 * Exactly once, whatever happens in between: frames are released only after every file has committed, and
 * what is given again after a failure is recognised by its id and counts nowhere. Frames that nobody can read
 * are kept as notes, so that nothing can stop the drain for ever and nothing is dropped silently. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "store/ledger_store.h"
#include "store/spend_fold.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    DAYS_OPEN = 4, /* today, yesterday around midnight, and late ones */
    ARENA_FIRST = 12 << 20,
    YEAR_9999_DAYS = 2932896,
};
/* Decoded records of one batch; larger than any batch can be. */
#define ARENA_MAX ((size_t)DRAIN_FRAMES * (sizeof(struct record) + 4 * LIMIT_RECORD))

struct item {
    int64_t day, place;
    enum frame_kind kind;
    bool unreadable;
    struct slice bytes;
    struct record *record; /* FRAME_RECORD */
};

struct drain {
    bool sync_each;
    struct ledger_day *days[DAYS_OPEN]; /* most recently used first */
    struct payload_day *payloads[DAYS_OPEN];
    struct item *items;
    unsigned n;
    struct arena arena;
};

static struct drain *drain_new(bool sync_each) {
    struct drain *d = mem_new(struct drain);
    d->sync_each = sync_each;
    d->items = mem_new_array(struct item, DRAIN_FRAMES + 1);
    arena_init(&d->arena, ARENA_FIRST, ARENA_MAX);
    return d;
}

void drain_close_days(struct drain *d) {
    if (d == NULL) return;
    for (int i = 0; i < DAYS_OPEN; i++) {
        ledger_day_close(d->days[i]);
        payload_day_close(d->payloads[i]);
        d->days[i] = NULL;
        d->payloads[i] = NULL;
    }
}

void drain_free(struct drain *d) {
    if (d == NULL) return;
    drain_close_days(d);
    arena_deinit(&d->arena);
    mem_free(d->items);
    mem_free(d);
}

/* ---- collecting ---- */

static void collect_record(struct drain *d, struct item *item) {
    struct record *r = arena_new(&d->arena, struct record);
    item->unreadable = true;
    if (item->bytes.len > LIMIT_RECORD || r == NULL || !record_decode(item->bytes, &d->arena, r)) return;
    if (place_day(&r->id) > YEAR_9999_DAYS) return;
    *item = (struct item){place_day(&r->id), place_of(&r->id), FRAME_RECORD, false, item->bytes, r};
}

static void collect_payload(struct item *item) {
    struct payload p;
    item->unreadable = true;
    if (item->bytes.len > PAYLOAD_FRAME_MAX || !payload_decode(item->bytes, &p) ||
        place_day(&p.id) > YEAR_9999_DAYS)
        return;
    *item = (struct item){place_day(&p.id), place_of(&p.id), FRAME_PAYLOAD, false, item->bytes, NULL};
}

/* Runs inside recorder_read: frames are borrowed from the map until the release. */
static void collect(void *ctx, enum frame_kind kind, struct slice bytes) {
    struct drain *d = ctx;
    struct item *item = &d->items[d->n++];
    *item = (struct item){clock_wall_us() / DAY_US, 0, kind, false, bytes, NULL};
    if (kind == FRAME_RECORD) collect_record(d, item);
    if (kind == FRAME_PAYLOAD) collect_payload(item);
    if (kind == FRAME_LOST) item->unreadable = bytes.len != sizeof(struct lost_frame);
}

/* Rows go in in the order of their places, so that the file grows at its end. */
static int by_day_and_place(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    if (x->day != y->day) return x->day < y->day ? -1 : 1;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    return (x->bytes.at > y->bytes.at) - (x->bytes.at < y->bytes.at);
}

/* ---- days ---- */

static void set_aside(struct ledger *l, enum ledger_kind kind, int64_t day, struct error *error);

static enum fault day_of(struct ledger *l, int64_t day, struct ledger_day **ret, struct error *error) {
    struct drain *d = l->drain;
    struct ledger_day *found = NULL;
    enum fault fault = FAULT_NONE;
    int at = 0;
    while (at < DAYS_OPEN - 1 && d->days[at] != NULL && d->days[at]->day != day) at++;
    if (d->days[at] != NULL && d->days[at]->day == day) {
        found = d->days[at];
    } else {
        found = ledger_day_open(l, day, d->sync_each, &fault, error);
        if (found == NULL) {
            if (fault == FAULT_CORRUPT) set_aside(l, LEDGER_RECORDS, day, error);
            return fault;
        }
        ledger_day_close(d->days[at]); /* the least recently used one, or nothing */
    }
    memmove(d->days + 1, d->days, (size_t)at * sizeof *d->days);
    *ret = d->days[0] = found;
    if (day < l->folded_to) l->folded_to = day; /* what comes late undoes its folds */
    return FAULT_NONE;
}

static enum fault payload_day_of(struct ledger *l, int64_t day, struct payload_day **ret,
                                 struct error *error) {
    struct drain *d = l->drain;
    struct payload_day *found = NULL;
    enum fault fault = FAULT_NONE;
    int at = 0;
    while (at < DAYS_OPEN - 1 && d->payloads[at] != NULL && d->payloads[at]->day != day) at++;
    if (d->payloads[at] != NULL && d->payloads[at]->day == day) {
        found = d->payloads[at];
    } else {
        found = payload_day_open(l, day, d->sync_each, &fault, error);
        if (found == NULL) {
            if (fault == FAULT_CORRUPT) set_aside(l, LEDGER_PAYLOADS, day, error);
            return fault;
        }
        payload_day_close(d->payloads[at]);
    }
    memmove(d->payloads + 1, d->payloads, (size_t)at * sizeof *d->payloads);
    *ret = d->payloads[0] = found;
    return FAULT_NONE;
}

/* A damaged file is moved aside under a telling name, the error says so, and so does a note in the file that
 * takes its place. The batch then fails once and succeeds when it is tried again. */
static void set_aside(struct ledger *l, enum ledger_kind kind, int64_t day, struct error *error) {
    struct ledger_day *fresh;
    struct digest id;
    struct error cause = {FAULT_CORRUPT, "damaged"};
    if (error != NULL) cause = *error;
    drain_close_days(l->drain);
    ledger_set_aside(l, kind, day);
    (void)error_set(error, FAULT_CORRUPT, "%s; the file was moved aside as *.damaged-* and a new one begun",
                    cause.text);
    digest_sha256(slice_of(cause.text), &id);
    struct note note = {slice_make((const char *)id.bytes, sizeof(struct record_id)), "damaged", 1,
                        slice_of(cause.text)};
    if (kind != LEDGER_RECORDS || day_of(l, day, &fresh, NULL) != FAULT_NONE) return;
    bool kept = ledger_day_begin(fresh, NULL) == FAULT_NONE &&
                ledger_day_note(fresh, &note, NULL) == FAULT_NONE &&
                ledger_day_commit(fresh, NULL) == FAULT_NONE;
    if (!kept) drain_close_days(l->drain);
}

/* ---- one batch ---- */

static enum fault insert_note(struct ledger_day *day, const struct item *item, struct drained *done,
                              struct error *error) {
    struct note note = {.kind = "unreadable", .count = 1, .detail = item->bytes};
    struct lost_frame lost;
    uint8_t id[sizeof(struct record_id)];
    if (item->kind == FRAME_LOST && !item->unreadable) {
        memcpy(&lost, item->bytes.at, sizeof lost);
        note = (struct note){.kind = "lost", .count = lost.count};
        memcpy(id, lost.id.bytes, sizeof id);
    } else {
        digest_fast128(item->bytes, id);
        done->unreadable++;
    }
    note.id = slice_make((const char *)id, sizeof id);
    return ledger_day_note(day, &note, error);
}

static enum fault insert_payload(struct ledger *l, const struct item *item, struct drained *done,
                                 struct error *error) {
    struct payload_day *day = NULL;
    struct payload p = {0};
    bool new = false;
    enum fault fault = payload_day_of(l, item->day, &day, error);
    if (fault == FAULT_NONE && day != NULL && !day->in_batch) fault = payload_day_begin(day, error);
    if (fault == FAULT_NONE && !payload_decode(item->bytes, &p))
        fault = error_set(error, FAULT_INTERNAL, NULL);
    if (fault == FAULT_NONE) fault = payload_day_insert(day, &p, item->bytes, &new, error);
    if (new) done->payloads++;
    return fault;
}

static enum fault insert_item(struct ledger *l, const struct item *item, struct drained *done,
                              struct error *error) {
    struct ledger_day *day = NULL;
    bool new = false;
    if (item->kind == FRAME_PAYLOAD && !item->unreadable) return insert_payload(l, item, done, error);
    enum fault fault = day_of(l, item->day, &day, error);
    if (fault == FAULT_NONE && day != NULL && !day->in_batch) fault = ledger_day_begin(day, error);
    if (fault != FAULT_NONE) return fault;
    if (item->kind != FRAME_RECORD || item->unreadable) return insert_note(day, item, done, error);
    fault = ledger_day_insert(day, item->record, item->bytes, &new, error);
    if (fault != FAULT_NONE) return fault;
    if (new) done->records++;
    else done->duplicates++;
    return FAULT_NONE;
}

/* Commits what is open, before an older file would have to make room and at the end. */
static enum fault commit_days(struct drain *d, int64_t *ret_failed, enum ledger_kind *ret_kind,
                              struct error *error) {
    enum fault fault = FAULT_NONE;
    for (int i = 0; i < DAYS_OPEN && fault == FAULT_NONE; i++) {
        struct ledger_day *day = d->days[i];
        struct payload_day *payloads = d->payloads[i];
        if (day != NULL && day->in_batch) {
            *ret_failed = day->day, *ret_kind = LEDGER_RECORDS;
            fault = ledger_day_commit(day, error);
        }
        if (fault == FAULT_NONE && payloads != NULL && payloads->in_batch) {
            *ret_failed = payloads->day, *ret_kind = LEDGER_PAYLOADS;
            fault = payload_day_commit(payloads, error);
        }
    }
    return fault;
}

static enum fault insert_all(struct ledger *l, struct drained *done, struct error *error) {
    struct drain *d = l->drain;
    enum fault fault = FAULT_NONE;
    enum ledger_kind kind = LEDGER_RECORDS;
    int64_t day = 0;
    for (unsigned i = 0; i < d->n && fault == FAULT_NONE; i++) {
        if (i > 0 && d->items[i].day != d->items[i - 1].day) fault = commit_days(d, &day, &kind, error);
        if (fault != FAULT_NONE) break;
        day = d->items[i].day;
        kind =
            d->items[i].kind == FRAME_PAYLOAD && !d->items[i].unreadable ? LEDGER_PAYLOADS : LEDGER_RECORDS;
        fault = insert_item(l, &d->items[i], done, error);
    }
    if (fault == FAULT_NONE) fault = commit_days(d, &day, &kind, error);
    /* opening has set a damaged file aside already; here it shows while it is written */
    bool open = false;
    for (int i = 0; i < DAYS_OPEN; i++)
        open |= kind == LEDGER_RECORDS
                    ? d->days[i] != NULL && d->days[i]->day == day && d->days[i]->in_batch
                    : d->payloads[i] != NULL && d->payloads[i]->day == day && d->payloads[i]->in_batch;
    if (fault == FAULT_CORRUPT && open) set_aside(l, kind, day, error);
    return fault;
}

enum fault drain_batch(struct ledger *l, struct recorder *r, struct drained *ret, struct error *error) {
    struct drained done = {0};
    struct error own = {0};
    if (l->read_only) return error_set(error, FAULT_INTERNAL, "the ledger was opened for reading only");
    if (l->drain == NULL) l->drain = drain_new(recorder_sync_mode(r) != RECORDER_SYNC_OS);
    struct drain *d = l->drain;
    d->n = 0;
    arena_reset(&d->arena);
    done.frames = recorder_read(r, DRAIN_FRAMES, collect, d);
    if (d->n > 1) qsort(d->items, d->n, sizeof *d->items, by_day_and_place);
    enum fault fault = insert_all(l, &done, &own);
    for (unsigned i = 0; i < d->n; i++) /* failed or not: some may have been committed */
        if (i == 0 || d->items[i].day != d->items[i - 1].day) ledger_brought(l, d->items[i].day);
    if (fault == FAULT_NONE) {
        recorder_release(r);
        *ret = done;
        return FAULT_NONE;
    }
    drain_close_days(d); /* what they hold in memory was undone in the files */
    recorder_rewind(r);
    return error_set(error, fault, "%s", own.text);
}

/* ---- days that are over ---- */

static bool fold_day(struct ledger *l, int64_t day) {
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    bool folded = false;
    struct database *db = NULL;
    if (ledger_open_day(l, LEDGER_RECORDS, day, &db, &error) == FAULT_NONE && db != NULL) fault = spend_is_folded(db, &folded, &error);
    database_close(db);
    if (folded || fault != FAULT_NONE) return false;
    drain_close_days(l->drain); /* they would not know of it */
    struct ledger_day *d = ledger_day_open(l, day, false, &fault, &error);
    if (d != NULL) fault = spend_fold(d->db, &error);
    ledger_day_close(d);
    return fault == FAULT_NONE;
}

bool ledger_fold(struct ledger *l, int64_t now_us) {
    struct days days = {0};
    int64_t end = (now_us - HOUR_US) / DAY_US; /* first that is not over for an hour */
    bool folded = false;
    if (l->read_only || l->folded_to >= end || ledger_days(l, LEDGER_RECORDS, &days, NULL) != FAULT_NONE) return false;
    for (size_t i = 0; i < days.n && !folded; i++) {
        if (days.at[i] < l->folded_to || days.at[i] >= end) continue;
        folded = fold_day(l, days.at[i]);
        l->folded_to = days.at[i] + 1;
    }
    if (!folded) l->folded_to = end;
    days_deinit(&days);
    return folded;
}

unsigned ledger_drain_once(struct ledger *l, struct recorder *r, struct error *error) {
    struct drained done = {0};
    return drain_batch(l, r, &done, error) == FAULT_NONE ? done.frames : 0;
}
