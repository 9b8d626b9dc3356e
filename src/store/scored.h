/* scored.h - scores of production records: what a rule (quality/scoring.h) has taken, what it found, and how far it has come.
 *
 * A record is first taken (WAITING), in one transaction with the position of the rule in the ledger (follow.h) and the counts: so
 * each is decided about once, whatever is killed in between. What was found is written later, over the same row. No text of
 * the application's users is in here: reasons are the comments of scores (score.h), which go when the record goes. */
#ifndef STORE_SCORED_H
#define STORE_SCORED_H

#include "store/evaluations.h"
#include "model/record.h"

enum scored_state { SCORED_WAITING, SCORED_DONE, SCORED_UNREADABLE }; /* UNREADABLE: there is no payload to score */
enum scored_length { SCORED_LENGTH_UNKNOWN, SCORED_LENGTH_USUAL, SCORED_LENGTH_SHORT, SCORED_LENGTH_LONG };

#define SCORED_TABLE(TEXT, NUMBER)                                                                            \
    TEXT(rule)                                                                                                \
    NUMBER(definition)    /* of the rule's exact version (definitions.h) */                                   \
    NUMBER(time_us)       /* the record's */                                                                  \
    TEXT(application)                                                                                         \
    TEXT(request_type)                                                                                        \
    TEXT(prompt)                                                                                              \
    TEXT(version)                                                                                             \
    TEXT(model)           /* that answered, as its provider names it */                                       \
    NUMBER(chance_e15)    /* with which it was taken, in 10^-15 */                                            \
    NUMBER(length)        /* enum scored_length */                                                            \
    NUMBER(state)         /* enum scored_state */                                                             \
    NUMBER(tries)         /* at finding what is to be found */                                                \
    TEXT(body)            /* JSON: [{metric, type, verdict, score, judge, identity}]; null while WAITING */

struct scored {
    struct record_id record;
#define TEXT(field) struct slice field;
#define NUMBER(field) int64_t field;
    SCORED_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
};
#define SCORED_CHANCE_ONE 1000000000000000LL

struct scored_counts { /* records */
    int64_t matched, taken, over; /* over: at_most was used up, so nothing is known of them */
};
struct scored_rule { /* zeroed: it has not begun */
    struct slice position;        /* follow_format */
    int64_t window, used;         /* at_most: which hour or day, and how many it has taken */
    bool paused;
    int64_t changed_us;           /* paused or resumed; 0: never */
    struct slice by, why;
};
struct scored_histogram {
    struct slice request_type;
    int64_t day;                  /* since 1970 */
    struct slice bytes;           /* histogram_encode of output tokens */
};
struct scored_step {
    struct slice rule, position;
    int64_t window, used, day;    /* `day`: on which the counts are booked */
    struct scored_counts counts;  /* to add */
    const struct scored *taken;
    size_t n_taken;
    const struct scored_histogram *histograms; /* whole, in place of what was there */
    size_t n_histograms;
};

enum fault scored_rule_find(struct evaluations *e, struct slice rule, struct arena *arena, struct scored_rule *ret,
                            struct error *error) MUST_CHECK;
enum fault scored_rule_pause(struct evaluations *e, struct slice rule, bool paused, struct slice by, struct slice why, int64_t at_us,
                             struct error *error) MUST_CHECK;
/* All of it or nothing. A row that is there already stays as it is. */
enum fault scored_keep(struct evaluations *e, const struct scored_step *s, struct error *error) MUST_CHECK;
/* Of WAITING rows of the rule the oldest by time, at most `limit`; in the arena. */
enum fault scored_waiting(struct evaluations *e, struct slice rule, unsigned limit, struct arena *arena, struct scored **ret, unsigned *ret_n,
                          struct error *error) MUST_CHECK;
/* Sets state, tries and body of (rule, record). */
enum fault scored_conclude(struct evaluations *e, const struct scored *s, struct error *error) MUST_CHECK;

/* Rows of from <= time < to, by time; `rule` SLICE_NULL: of any. `each` returns false to stop; the row is valid inside the call. */
enum fault scored_each(struct evaluations *e, struct slice rule, int64_t from_us, int64_t to_us,
                       bool (*each)(void *ctx, const struct scored *s), void *ctx, struct error *error) MUST_CHECK;
/* Of the days that lie in the window, even in part. */
enum fault scored_count(struct evaluations *e, struct slice rule, int64_t from_us, int64_t to_us, struct scored_counts *ret,
                        struct error *error) MUST_CHECK;
enum fault scored_count_waiting(struct evaluations *e, struct slice rule, int64_t *ret, struct error *error) MUST_CHECK;
enum fault scored_histograms(struct evaluations *e, struct slice rule, int64_t from_day,
                             void (*each)(void *ctx, const struct scored_histogram *h), void *ctx, struct error *error) MUST_CHECK;
/* Forgets what is older. */
enum fault scored_prune(struct evaluations *e, int64_t before_us, struct error *error) MUST_CHECK;

#endif
