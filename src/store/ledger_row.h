/* ledger_row.h - how a record lies in a day file. Private to store/.
 *
 * A row is record_encode() of the record with its recurring texts replaced by short tokens that stand for
 * rows of the day's `name` table. Which fields may be replaced is one list; a field that is not on it is kept
 * as it is, so that a new field of struct record needs nothing here. */
#ifndef STORE_LEDGER_ROW_H
#define STORE_LEDGER_ROW_H

#include "base/table.h"
#include "model/record.h"
#include "store/database.h"

/* ---- place: a record's row number in its day, in the order of ids ----
 * Milliseconds of the day, then the first PLACE_BITS of the id's random part. Two ids that want one place are
 * told apart by the id in the row: the second one goes to the next free place, and a search goes on until a
 * gap. */
enum { PLACE_BITS = 22, ID_TIME_BYTES = 6 };
#define DAY_US 86400000000LL
#define DAY_MS 86400000LL
int64_t place_day(const struct record_id *id); /* days since 1970-01-01 */
int64_t place_of(const struct record_id *id);
static inline int64_t place_us(int64_t day, int64_t place) {
    return day * DAY_US + (place >> PLACE_BITS) * 1000;
}
/* The first place of a moment, held within the day. */
int64_t place_at(int64_t day, int64_t wall_us);

/* ---- names, the writer's side ---- */
struct names {
    struct table by_text;
    int64_t next;
    struct names_row **rows; /* all, to release them */
    size_t n_rows;
    unsigned *by_field; /* names that a field has brought */
};
/* A field that brings more texts than this in a day is no label: the rest is kept in the rows. */
#define LIMIT_NAMES_PER_FIELD 1024

enum fault names_load(struct names *n, struct database *db, struct error *error) MUST_CHECK;
void names_deinit(struct names *n);

/* Appends the row of `r` to `out`; `bytes` are its record_encode bytes, kept as they are where tokens cannot
 * be used. */
enum fault row_encode(struct names *n, struct database *db, const struct record *r, struct slice bytes,
                      struct buffer *out, struct error *error) MUST_CHECK;

/* ---- names, the readers' side ---- */
struct name_list {
    struct arena *arena;
    struct slice *at; /* by id */
    size_t n;
};
enum fault name_list_load(struct name_list *n, struct database *db, struct arena *arena,
                          struct error *error) MUST_CHECK;
bool row_decode(const struct name_list *n, struct slice row, struct arena *arena,
                struct record *ret) MUST_CHECK;
/* The id alone. */
bool row_id(struct slice row, struct arena *scratch, struct record_id *ret) MUST_CHECK;

#endif
