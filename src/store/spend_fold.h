/* spend_fold.h - the sums of money of a day that is over once more: by longer times, and by few dimensions. Private to store/.
 *
 * A month by the hour and by every dimension is a million sums; nearly all that is asked of it needs the day's, or is about a few dimensions.
 * They are made of spend_hour when nothing is expected for the day any more (ledger_fold), and taken away by a record that comes late, until
 * the next time. Rows are as spend_hour's (spend_cell.h); a cell of SPEND_FOLD_FEW is that of the first dimension whose names in SPEND_FEW are
 * these, and of which the same was folded: spend_dimension.few is 1 in it. */
#ifndef STORE_SPEND_FOLD_H
#define STORE_SPEND_FOLD_H

#include "store/spend_cell.h"

#define SPEND_FOLD_SCHEMA 7 /* of day files that may have them; spend_state.folded: they do */
#define SPEND_FEW (SPEND_BIT(APPLICATION) | SPEND_BIT(REQUEST_TYPE) | SPEND_BIT(MODEL) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL))

enum spend_fold {
    SPEND_FOLD_FEW,     /* by the hour and SPEND_FEW */
    SPEND_FOLD_QUARTER, /* six hours, by all dimensions: days of most zones are made of them and of hours */
    SPEND_FOLD_DAY,
    SPEND_FOLDS
};
extern const int64_t spend_fold_hours[SPEND_FOLDS];

/* spend_fold.id: the kind of fold above the id of a row of spend_hour, whose hours (70 million until the year 9999) take 32 bits */
enum { SPEND_FOLD_BITS = 56 };
static inline int64_t spend_fold_id(enum spend_fold fold, int64_t hour, int64_t dimension) {
    return (int64_t)fold << SPEND_FOLD_BITS | spend_row_id(hour, dimension);
}
static inline int64_t spend_fold_hour(int64_t id) { /* of either */
    return (id & ((1LL << SPEND_FOLD_BITS) - 1)) >> SPEND_ROW_BITS;
}

enum fault spend_is_folded(struct database *db, bool *ret, struct error *error) MUST_CHECK; /* of any version */
enum fault spend_fold(struct database *db, struct error *error) MUST_CHECK;   /* a transaction of its own */
enum fault spend_unfold(struct database *db, struct error *error) MUST_CHECK; /* inside one */

#endif
