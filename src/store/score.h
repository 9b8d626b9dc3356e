/* score.h - how good an answer was: scores of records, kept in the day file of their record, so that they go when it goes.
 *
 * One score for each record, name and source: giving it again replaces value, time and comment, so that the same twice is
 * once. Written on the control thread or by a command-line verb beside a stopped server. */
#ifndef STORE_SCORE_H
#define STORE_SCORE_H

#include "store/ledger.h"

#define SCORE_PPM 1000000
#define SCORE_SOURCES "eval|feedback|judge|person"

struct score {
    struct record_id record;
    struct slice name;   /* such as "quality"; 1 to 64 bytes */
    struct slice source; /* one of SCORE_SOURCES */
    int32_t value_ppm;   /* 0..10^6 */
    int64_t at_us;       /* wall, when it was given */
    struct slice comment; /* SLICE_NULL: none */
};

/* All or none, but for a failure of the disk between two days' files: then the same again is right. FAULT_NOT_FOUND: the
 * ledger has no such record (yet); *ret_bad is its index. */
enum fault ledger_scores_put(struct ledger *l, const struct score *s, size_t n, size_t *ret_bad, struct error *error) MUST_CHECK;

/* Scores of records whose id is of from <= time < to (0: open), in the order of ids, names, sources. `only`: of this
 * record; NULL: any. `name`: SLICE_NULL is any. `each` returns false to stop; the score is valid inside the call. */
enum fault ledger_scores(struct ledger *l, int64_t from_us, int64_t to_us, const struct record_id *only, struct slice name,
                         bool (*each)(void *ctx, const struct score *s), void *ctx, struct error *error) MUST_CHECK;

/* What users said of records whose id is of from <= time < to: scores of source "feedback", and how many of them are under one half. */
enum fault ledger_feedback(struct ledger *l, int64_t from_us, int64_t to_us, uint64_t *ret_n, uint64_t *ret_negative, struct error *error) MUST_CHECK;

#endif
