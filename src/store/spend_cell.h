/* spend_cell.h - the writer's sums of money: by hour and by every dimension of ledger_spend.h but the user.
 * Private to store/.
 *
 * Apart from the rollups, as those hold histograms, by minute: split by provider, key and system prompt too
 * they would grow with the traffic. A row of spend_hour is CELLS_PER_ROW neighbouring dimensions of one hour,
 * so that a commit writes few rows. As with rollups, after a rollback everything in memory is thrown away.
 *
 * Clients choose labels, so there may be too many combinations. From half of LIMIT_SPEND_CELLS in a day on
 * the system prompt of new ones is folded (it may hold a date or a name), from LIMIT_SPEND_CELLS on all but
 * application, provider and target model. What is folded is marked, and readers who ask for it go to the
 * records. */
#ifndef STORE_SPEND_CELL_H
#define STORE_SPEND_CELL_H

#include "base/buffer.h"
#include "base/table.h"
#include "store/database.h"
#include "store/ledger_spend.h"

#define LIMIT_SPEND_CELLS 10000
enum { SPEND_TEXTS = SPEND_BY_USER, CELLS_PER_ROW = 32, SPEND_ROW_BITS = 24 };
#define SPEND_HOUR_US 3600000000LL

/* spend_hour.id: the hour since 1970, then the dimension's number / CELLS_PER_ROW. */
static inline int64_t spend_row_id(int64_t hour, int64_t dimension) {
    return hour << SPEND_ROW_BITS | dimension / CELLS_PER_ROW;
}
static inline int64_t spend_hour_of(int64_t time_us) {
    return time_us > 0 ? time_us / SPEND_HOUR_US : 0;
}

/* The texts of a record in the order of enum spend_dimension. The system prompt is its 16 bytes, borrowed
 * from `r`; `room` holds the prompt's text when one must be made. */
void spend_texts(const struct record *r, struct buffer *room, struct slice ret[SPEND_TEXTS]);

/* A row's body: version, then for each cell in it its place in the row and its sums. */
void spend_row_encode(const struct spend_sums cells[CELLS_PER_ROW], struct buffer *out);
/* Calls `sums_of` for each cell and adds to what it returns; NULL: the cell is passed over. */
bool spend_row_decode(struct slice body, struct spend_sums *(*sums_of)(void *ctx, unsigned place),
                      void *ctx) MUST_CHECK;

struct spend_row;
struct spend_cells {
    struct table dimensions; /* key -> struct spend_label */
    struct spend_label **labels;
    size_t n_labels;
    int64_t next;
    struct table rows; /* id -> struct spend_row */
    struct spend_row **changed;
    size_t n_changed, changed_capacity;
    uint64_t batch, generation;
    bool folded; /* the file has folds (spend_fold.h), which are right until something is added */
    struct buffer key, prompt;
};
enum fault spend_cells_load(struct spend_cells *c, struct database *db, struct error *error) MUST_CHECK;
void spend_cells_deinit(struct spend_cells *c);
enum fault spend_cells_add(struct spend_cells *c, struct database *db, const struct record *r,
                           int64_t time_us, struct error *error) MUST_CHECK;
enum fault spend_cells_save(struct spend_cells *c, struct database *db, struct error *error) MUST_CHECK;

#endif
