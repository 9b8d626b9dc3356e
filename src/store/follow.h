/* follow.h - records in the order in which they came into the ledger, from a place that whoever follows keeps.
 *
 * Ids sort by when an exchange began, and a long one comes late: who reads by id must either wait for the longest or miss it. The
 * day files tell the transactions that brought their records; a follower remembers the last one that it has had of each day. What it
 * does with a step and that memory must be made durable together: then nothing is met twice and nothing is left out, whatever happens in between.
 *
 * A follower is of one handle; over its text (follow_format) it may go to another one, as after a restart.
 * Of files that an older program wrote nothing is told. One that was damaged and replaced begins anew. */
#ifndef STORE_FOLLOW_H
#define STORE_FOLLOW_H

#include "store/ledger.h"

#define FOLLOW_DAYS 4 /* a record's id is of the day its exchange began; older days than these get no more */

struct follow { /* zeroed: before everything */
    struct {
        int64_t day, batch; /* since 1970; the last transaction had */
    } at[FOLLOW_DAYS];      /* ascending */
    unsigned n;
    uint64_t drained; /* how often the handle had drained to a day when nothing more was found: only days of later times are looked at again */
};

/* Behind all that is there now; *f is zeroed, or as it was given last: then it takes a look at what came since alone. */
enum fault ledger_follow_end(struct ledger *l, struct follow *f, struct error *error) MUST_CHECK;
/* A few transactions' records of one day, fewer than 4,096 + 256, and *f moves behind them; *ret_any false: there is none. Records that retention has taken
 * are passed over. On a failure *f stays, though `each` may have been called. */
enum fault ledger_follow(struct ledger *l, struct follow *f, void (*each)(void *ctx, const struct record *r), void *ctx, bool *ret_any,
                         struct error *error) MUST_CHECK;

bool ledger_follow_is_due(struct ledger *l, const struct follow *f); /* false: the handle drained nothing since it had all */

#define FOLLOW_TEXT 192
void follow_format(const struct follow *f, char out[FOLLOW_TEXT]); /* "20778:12,20779:400" */
bool follow_parse(struct slice text, struct follow *ret) MUST_CHECK;
/* The same into *f, zeroed or of this handle, which stays as it is, with what it knows of the handle, when that is where it stands. */
bool follow_resume(struct slice text, struct follow *f) MUST_CHECK;

#endif
