/* limit.h - the counter of one rate limit and one value of its scope: requests and tokens a minute, requests
 * at once.
 *
 * The rates are token buckets, refilled continuously, that hold what the rate gives in `burst` and begin
 * full. Each is one number, the time at which it will be full again (the generic cell rate algorithm, ITU-T
 * I.371), changed by one compare-and-exchange: nothing waits. A count is exact to 1/1024 us of its rate.
 * Requests and tokens are the limit's whatever the answer; only a request that was refused gives back what it
 * took. */
#ifndef COST_LIMIT_H
#define COST_LIMIT_H

#include "cost/counters.h"
#include "model/admission.h"

struct limit_counter {
    struct counter head;                        /* hold: requests under way */
    _Atomic int64_t requests_full, tokens_full; /* monotonic, in 1/1024 us */
};

enum limit_answer { LIMIT_FITS, LIMIT_REQUESTS, LIMIT_TOKENS, LIMIT_CONCURRENT, LIMIT_GONE };

/* `tokens`: by estimate. `idle`: only while half of each is left to others (a bucket that is full gives to any request that
 * it can hold). Takes from all three or from none. *ret_wait_us: when to ask again; -1 for tokens
 * that not even a full bucket holds, and for LIMIT_CONCURRENT, where nobody knows. */
enum limit_answer limit_take(struct limit_counter *c, const struct rate_limit *l, int64_t tokens, bool idle,
                             int64_t now_us, int64_t *ret_wait_us);
void limit_give_back(struct limit_counter *c, const struct rate_limit *l,
                     int64_t tokens); /* as if never taken */
/* The request is over. `counted`: what it used; -1: what was taken stands. */
void limit_finish(struct limit_counter *c, int64_t tokens_per_minute, int64_t taken, int64_t counted);

struct rate_state limit_requests(const struct limit_counter *c, const struct rate_limit *l, int64_t now_us);
struct rate_state limit_tokens(const struct limit_counter *c, const struct rate_limit *l, int64_t now_us);
/* Ends the counter when it is as a new one would be. */
bool limit_end(struct limit_counter *c, int64_t now_us);

#endif
