/* budget.h - the counter of one budget, one value of its scope, one window.
 *
 * Two sums: spent, and spent + reserved (the hold). A reservation is admitted by one
 * compare-and-exchange of the second, so that with any number of threads it never passes the limit at
 * admission; nothing waits. A reservation above zero keeps its counter. What is settled may be above what was
 * reserved, when the worst case was not the worst: it is booked all the same, and `spent` may then pass the
 * limit.
 *
 * A cost that is unknown, negative, or above LIMIT_COST_NANO books nothing and is counted as unpriced. */
#ifndef COST_BUDGET_H
#define COST_BUDGET_H

#include "base/money.h"
#include "cost/counters.h"
#include "model/policy.h"

struct budget_counter {
    struct counter head; /* hold: spent + reserved */
    _Atomic int64_t spent;
    _Atomic uint64_t unpriced, refused;
    _Atomic uint32_t told; /* the highest threshold that was told, in millionths of the limit */
    char apart[MEM_LINE - 5 * 8];
    int64_t end_us;  /* of its window */
    int64_t past_us; /* the sweeper's: monotonic time since when the window is over; 0: it is not */
};

enum budget_answer {
    BUDGET_FITS,
    BUDGET_OVER,
    BUDGET_GONE, /* the counter has ended: look it up anew */
};

/* `limit_nano` INT64_MAX: whatever it is. */
enum budget_answer budget_reserve(struct budget_counter *c, int64_t nano, int64_t limit_nano);
void budget_release(struct budget_counter *c, int64_t reserved);
void budget_settle(struct budget_counter *c, int64_t reserved, int64_t cost_nano); /* reserved > 0 */
bool budget_book(struct budget_counter *c,
                 int64_t cost_nano); /* without a reservation; false: the counter has ended */
int64_t budget_left(const struct budget_counter *c,
                    int64_t limit_nano); /* limit - spent - reserved; may be negative */
void budget_sums(const struct budget_counter *c, int64_t *ret_spent, int64_t *ret_reserved);

/* The next threshold of `b` that has been reached and not told; true for one caller each. */
bool budget_crossed(struct budget_counter *c, const struct budget *b, double *ret_share);
/* Ends the counter when nothing is reserved in it. */
bool budget_end(struct budget_counter *c);

#endif
