/* online.h - scoring production traffic by a rule: taking records as they come, and finding out how good they are.
 *
 * online_take decides about what has come into the ledger since the last time; online_score works off what was taken: checks of the
 * answer at once, judges by asking (as the rule's key, feature eval-judge). Both may be killed anywhere and called again: a record is decided
 * about once, concluded once, and a judge's question has a name of its own, so that the gateway answers it again without paying.
 *
 * Lengths: an answer is short or long when at most ONLINE_LENGTH_TAIL of the answers of its request type, of the ONLINE_LENGTH_DAYS days
 * before its own, were as short or as long, itself counted: a rank, so that of ordinary answers at most twice that share are called
 * unusual, whatever their distribution. With fewer than 2 / ONLINE_LENGTH_TAIL of them nothing is said.
 *
 * One thread; blocking. */
#ifndef QUALITY_ONLINE_H
#define QUALITY_ONLINE_H

#include "quality/scoring.h"
#include "store/follow.h"
#include "store/ledger.h"
#include "store/scored.h"

#include <stdatomic.h>

#define ONLINE_LENGTH_TAIL 0.005
#define ONLINE_LENGTH_DAYS 14
#define ONLINE_LENGTH_LEAST 400
#define ONLINE_TYPES 200 /* request types of one rule whose lengths are told apart; labels are the client's */
#define ONLINE_AT_ONCE 8 /* records whose judges are asked together */
#define ONLINE_TRIES 3   /* at asking judges, then what they said stays an error */

/* How judges are asked: chat completions, many at once. */
struct online_question {
    struct slice body;
    const char *once;    /* names the request for all time */
    const char *record;  /* that it is about */
    struct arena *arena; /* for the answer */
    struct slice answer; /* its text, when why.fault is NONE */
    struct error why;    /* else; kept as the check's reason once no more is tried. FAULT_BUDGET_EXCEEDED counts as no try */
};
struct online_ask {
    void *ctx;
    /* Fills answer or why of each. FAULT_SHUTTING_DOWN: give up now. */
    enum fault (*ask)(void *ctx, const struct scoring *s, struct online_question *const *q, size_t n, struct error *error);
};

struct online_taken {
    int64_t records;            /* of any application that came by */
    struct scored_counts counts;
};
/* All that has come. The first time of a rule it begins with what comes from then on; while it is paused what comes is passed by. *f is
 * the rule's, for the handle `l`, zeroed at first: where it stands is kept, and what it knows of the handle saves looking. */
enum fault online_take(struct ledger *l, struct evaluations *e, const struct scoring *s, int64_t definition, int64_t now_us, struct follow *f,
                       const atomic_bool *stop, struct online_taken *ret, struct error *error) MUST_CHECK;

struct online_scored {
    unsigned done, unreadable, again; /* again: judges could not be asked now */
    bool budget;                      /* since the key's budget is used up */
};
/* The oldest that wait, at most `limit`, ONLINE_AT_ONCE at a time; it ends when of these none could be judged. */
enum fault online_score(struct ledger *l, struct evaluations *e, const struct scoring *s, const struct online_ask *ask, unsigned limit,
                        int64_t now_us, const atomic_bool *stop, struct online_scored *ret, struct error *error) MUST_CHECK;

#endif
