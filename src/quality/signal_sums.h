/* signal_sums.h - what is summed of exchanges, attempts and scores, and what a signal's value is of such sums. Private to signals.
 *
 * Sums come in three forms: `signal_sums` is a cell that is filling; packed is a cell that is over, in a few bytes; `signal_total` is where
 * cells are added up, wide open so that adding costs no search. All three hold the same numbers: adding is exact, in any order. */
#ifndef QUALITY_SIGNAL_SUMS_H
#define QUALITY_SIGNAL_SUMS_H

#include "base/histogram.h"
#include "model/record.h"
#include "quality/signals.h"

enum signal_family { FAMILY_EXCHANGES, FAMILY_ATTEMPTS, FAMILY_SCORES, FAMILY_READINGS, FAMILIES };
enum signal_family signal_family_of(enum signal s);

enum { /* counts of FAMILY_EXCHANGES */
    SUM_ALL,
    SUM_REFUSED,   /* by us */
    SUM_CANCELLED,
    SUM_ERRORS,    /* and degraded */
    SUM_TRUNCATED,
    SUM_FINISHED,  /* could have been declined by the model */
    SUM_DECLINED,
    SUM_ALIKE,     /* whose like have a baseline */
    SUM_SLOW,
    SUM_ASKED,     /* of a known user, with a known input */
    SUM_ASKED_AGAIN,
    SUM_GAVE_UP,
    SUM_COUNTED,   /* whose output tokens are known */
    SUM_OUTPUT,
    SUM_PRICED,
    SUM_COST,      /* nano-dollars */
    SIGNAL_COUNTS
};
enum { TRIED_ALL, TRIED_JUDGED /* but those whose client left */, TRIED_FAILED, TRIED_LIMITED, TRIED_TIMEOUT, TRIED_TRUNCATED };
enum { SCORED_VALUES };
enum { WEIGHT_ALL, WEIGHT_SQUARES, WEIGHT_SCORE, WEIGHT_GOOD, WEIGHT_FAILED, SIGNAL_WEIGHTS };
enum { TIME_WHOLE, TIME_FIRST, TIME_TOKEN, SIGNAL_TIMES }; /* of attempts: TIME_WHOLE is their first output */

struct signal_sums {
    int64_t counts[SIGNAL_COUNTS];
    double weights[SIGNAL_WEIGHTS];
    struct histogram times[SIGNAL_TIMES];
    int64_t last_us;
};
void signal_sums_init(struct signal_sums *s);
void signal_sums_deinit(struct signal_sums *s);
void signal_sums_clear(struct signal_sums *s); /* keeps its memory */

void signal_sums_merge(struct signal_sums *into, const struct signal_sums *from);

struct signal_marks { /* what only who sees all of them knows of an exchange */
    bool alike, slow, asked, again, gave_up;
};
void signal_sums_exchange(struct signal_sums *s, const struct record *r, const struct signal_marks *m, int64_t at_us);
struct rollup;
void signal_sums_rollup(struct signal_sums *s, const struct rollup *r); /* what it knows: not what is slow, asked again, declined or counted */
void signal_sums_attempt(struct signal_sums *s, const struct record *r, unsigned attempt, int64_t at_us);
void signal_sums_score(struct signal_sums *s, double score, double weight, bool good, bool failed, int64_t at_us);
/* An attempt that is none: it was never sent. */
bool signal_attempt_counts(const struct record *r, unsigned attempt);
enum fault signal_attempt_fault(const struct record *r, unsigned attempt); /* with "its answer broke off" told as FAULT_UP_TRUNCATED */
bool signal_fault_is_theirs(enum fault f);
bool signal_fault_is_limit(enum fault f);
bool signal_fault_is_timeout(enum fault f);
int64_t signal_attempt_first_us(const struct record *r, unsigned attempt); /* from its own start to the first output; -1: none */
bool signal_is_declined(const struct record *r);

/* ---- adding up ---- */
#define SIGNAL_BUCKETS 2048 /* of scale 5 there are 2,017 */
struct signal_spread {
    uint64_t count, zero;
    int64_t min, max;
    int32_t from, to; /* buckets in use */
    uint32_t at[SIGNAL_BUCKETS];
};
struct signal_total {
    int64_t counts[SIGNAL_COUNTS];
    double weights[SIGNAL_WEIGHTS];
    struct signal_spread times[SIGNAL_TIMES];
    int64_t last_us;
    struct histogram scratch;
};
struct signal_total *signal_total_new(void);
void signal_total_free(struct signal_total *t);
void signal_total_clear(struct signal_total *t);
void signal_total_add(struct signal_total *t, enum signal_family f, const struct signal_sums *s);
void signal_total_add_histogram(struct signal_total *t, unsigned time, const struct histogram *h);

struct signal_packed {
    int64_t slot; /* which cell it is, since 1970 */
    uint32_t len;
    uint8_t bytes[];
};
struct signal_packed *signal_pack(const struct signal_total *t, enum signal_family f, int64_t slot); /* mem_free */
void signal_total_add_packed(struct signal_total *t, enum signal_family f, const struct signal_packed *p);

/* Of the signal's own family. */
struct signal_value signal_total_value(struct signal_total *t, enum signal which);

#endif
