/* ledger_spend.h - what was spent, by any dimensions, exact to the nano-dollar for any window.
 *
 * Whole hours are read from sums that the writer keeps (spend_cell.h), what is left of a window at its ends
 * from the records themselves; so a report over a month touches at most two hours of records. A window is
 * also read from records, with the same result and more slowly: when users are asked for (there may be as
 * many as records), or what no sum knows (`records`); in a day whose labels were too many to be summed apart, for the labels concerned; in a
 * day file that an older program began. Times are the records', as everywhere in the ledger. Days and hours
 * are UTC. */
#ifndef STORE_LEDGER_SPEND_H
#define STORE_LEDGER_SPEND_H

#include "store/ledger.h"

/* DIMENSION(symbol, name). Those before USER are in the sums; the order of these is that of the day files. */
#define SPEND_DIMENSION_TABLE(DIMENSION)                                                                     \
    DIMENSION(APPLICATION, "application")                                                                    \
    DIMENSION(REQUEST_TYPE, "request_type")                                                                  \
    DIMENSION(MODEL, "model")               /* what was asked for */                                         \
    DIMENSION(PROVIDER, "provider")         /* who answered; null: nobody */                                 \
    DIMENSION(TARGET_MODEL, "target_model") /* its name at the provider */                                   \
    DIMENSION(PROMPT, "prompt")             /* name@version */                                               \
    DIMENSION(FEATURE, "feature")                                                                            \
    DIMENSION(TEAM, "team")                                                                                  \
    DIMENSION(KEY, "key")                                                                                    \
    DIMENSION(SYSTEM_PROMPT, "system_prompt") /* 32 hex digits */                                            \
    DIMENSION(USER, "user")

enum spend_dimension {
#define DIMENSION(symbol, name) SPEND_BY_##symbol,
    SPEND_DIMENSION_TABLE(DIMENSION)
#undef DIMENSION
        SPEND_DIMENSIONS,
    SPEND_BY_DAY = SPEND_DIMENSIONS, /* only for grouping */
    SPEND_BY_HOUR
};
#define SPEND_BIT(symbol) (1u << SPEND_BY_##symbol)
const char *spend_dimension_name(enum spend_dimension d); /* also "day" and "hour" */

struct spend_sums {
    uint64_t requests, by_status[RECORD_STATUS_COUNT];
    uint64_t cache_hits; /* answered from our own cache: no tokens of theirs are below */
    uint64_t unpriced;   /* requests whose cost is unknown and not in any sum of money */
    int64_t cost_nano;   /* of the priced ones, however they ended */
    int64_t saved_nano;  /* what kept answers had cost that were given instead of asking anybody */
    int64_t history_saved; /* tokens, by estimate, of messages that were not sent on */
    int64_t lost_nano;   /* the part of it whose request gave no whole answer (any status but ok) */
    struct usage usage;  /* tokens as providers counted them; 0 where nothing was reported */
    int64_t unpriced_input, unpriced_output; /* tokens in it without a price */
    /* By meter; nano[CHARGE_METERS]: cost that was recorded without meters, for that many requests. */
    int64_t nano[CHARGE_METERS + 1], quantity[CHARGE_METERS + 1];
};
void spend_sums_init(struct spend_sums *s); /* zeros */
void spend_sums_add(struct spend_sums *s, const struct record *r);
void spend_sums_merge(struct spend_sums *into, const struct spend_sums *from);
/* False when requests were made and none has a known cost: then it is unknown, not zero. */
static inline bool spend_sums_is_known(const struct spend_sums *s) {
    return s->requests == 0 || s->unpriced < s->requests;
}

struct spend_query {
    int64_t from_us, to_us;              /* from <= time < to; 0: open */
    unsigned by;                         /* bits 1u << enum spend_dimension */
    struct slice only[SPEND_DIMENSIONS]; /* SLICE_NULL: any; prompt: a name stands for all of its versions */
    const struct record_filter *records; /* its session, tag, status and arm; NULL: any */
};

struct spend_group {
    struct slice names[SPEND_DIMENSIONS]; /* SLICE_NULL: not asked for, or the records have none */
    int64_t start_us;                     /* of the hour, or the day; 0: neither was asked for */
    struct spend_sums sums;
};
struct spend_source {
    uint64_t cells, records; /* how many sums and single records were read */
};

/* One call of `each` a group, in no order; the group is valid inside the call, and `each` returns false to
 * stop. FAULT_TOO_LARGE: more than LIMIT_SPEND_GROUPS groups. `ret_source` may be NULL. */
#define LIMIT_SPEND_GROUPS 200000 /* some 100 MB; a million users are a question for an export */
enum fault ledger_spend(struct ledger *l, const struct spend_query *q,
                        bool (*each)(void *ctx, const struct spend_group *g), void *ctx,
                        struct spend_source *ret_source, struct error *error) MUST_CHECK;

#endif
