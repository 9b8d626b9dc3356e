/* route_seen.h - what routing by difficulty chose, or would have chosen, on recorded traffic, and the money in it. */
#ifndef COST_ROUTE_SEEN_H
#define COST_ROUTE_SEEN_H

#include "model/tiers.h"
#include "store/ledger.h"

struct route_seen {
    uint64_t records;                /* whole answers of providers to this model, with a choice */
    uint64_t chosen[LIMIT_TARGETS];  /* of them, by tier */
    uint64_t other;                  /* chose a tier that the model has no longer */
    uint64_t applied;                /* routing was on */
    uint64_t agreed;                 /* the chosen tier is the one that answered */
    int64_t cost_nano;               /* of those with a price */
    uint64_t unpriced;
    /* Answered by a more capable tier than the one chosen: what the same tokens cost more than at the chosen tier's first
     * target. Another tokenizer counts differently. */
    int64_t would_save_nano;
    uint64_t would_save_records;
};

/* `m` has tiers. Records of from <= time < to. */
enum fault route_seen_read(struct ledger *l, const struct model_route *m, int64_t from_us, int64_t to_us, struct route_seen *ret,
                           struct error *error) MUST_CHECK;

/* The tier whose target answered; -1: none of them. */
int route_tier_of(const struct model_route *m, const struct record *r);

/* All records that match, page by page, oldest first. `each` as of ledger_list; the filter's cursor and limit do not count. */
enum fault route_each_record(struct ledger *l, const struct record_filter *f, bool (*each)(void *ctx, const struct record *r),
                             void *ctx, struct error *error) MUST_CHECK;

#endif
