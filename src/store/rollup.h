/* rollup.h - sums of records by minute, by hour, by day and by dimensions. Private to store/; readers use
 * ledger_rollup.
 *
 * The writer keeps the rows it is adding to in memory, reads a row from the file once, and writes what
 * changed before each commit. After a rollback everything in memory is thrown away: the file is right. */
#ifndef STORE_ROLLUP_H
#define STORE_ROLLUP_H

#include "base/buffer.h"
#include "base/table.h"
#include "store/database.h"
#include "store/ledger.h"

#define MINUTE_US 60000000LL
#define HOUR_US 3600000000LL
/* Sums are kept by all dimensions, and once more by a few of them (views), so that weeks of an application are read from as many
 * rows as they have hours. The first is everything; a view is right in files that it was kept in from the first record on. */
#define ROLLUP_VIEWS 5
struct rollup_view {
    unsigned by; /* bits of enum rollup_dimension */
    bool minutes; /* kept by the minute too */
};
extern const struct rollup_view rollup_views[ROLLUP_VIEWS];
#define ROLLUP_VIEW_SCHEMA 5 /* of day files that have them */
#define ROLLUP_DAY_SCHEMA 6  /* and sums by the day */
#define ROLLUP_TEXTS 7
extern const unsigned rollup_bits[ROLLUP_TEXTS]; /* of the names of a dimension, in their order in the file */

/* Combinations of dimensions in a day and view; a client may send any label. Records of further ones are summed under
 * their application with "(other)" in the other dimensions. */
#define LIMIT_DIMENSIONS 10000
#define ROLLUP_OTHER SLICE("(other)")

/* Sums without their names: `rollup` names are SLICE_NULL in here. */
void rollup_add(struct rollup *r, const struct record *record);
void rollup_encode(const struct rollup *r, struct buffer *out);
/* Adds, but not to histograms in `without`; on false *into may hold a part. */
bool rollup_decode(struct slice bytes, unsigned without, struct rollup *into) MUST_CHECK;

struct rollup_cell;
struct rollups {
    struct table dimensions; /* view and texts -> id */
    int64_t next_dimension;
    unsigned n_dimensions[ROLLUP_VIEWS];
    int64_t (*views)[ROLLUP_VIEWS]; /* by the id in the first view: the ids in all; 0: not looked up yet */
    int64_t views_capacity;
    struct table cells; /* unit, start, dimension -> struct rollup_cell */
    struct rollup_cell **changed;
    size_t n_changed, changed_capacity;
    uint64_t batch;
    struct buffer key, prompt; /* scratch: nothing is allocated for a record */
};
enum fault rollups_load(struct rollups *r, struct database *db, struct error *error) MUST_CHECK;
void rollups_deinit(struct rollups *r);
/* `time_us`: the record's, held near its id's. */
enum fault rollups_add(struct rollups *r, struct database *db, const struct record *record, int64_t time_us,
                       struct error *error) MUST_CHECK;
enum fault rollups_save(struct rollups *r, struct database *db,
                        struct error *error) MUST_CHECK; /* before each commit */

/* "name@version", "name", or null. `room` holds the text when one must be made. */
struct slice rollup_prompt(const struct record *r, struct buffer *room);
/* Of "name@7" the name alone stands for all of its versions. `wanted` SLICE_NULL: any. */
static inline bool rollup_is_prompt(struct slice wanted, struct slice text) {
    if (slice_is_null(wanted)) return true;
    return !slice_is_null(text) && (slice_eq(wanted, text) || (slice_starts(text, wanted) && text.at[wanted.len] == '@'));
}

#endif
