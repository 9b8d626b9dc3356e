/* admission.h - what the gateway asks about an exchange's money and rate before it is sent, what it is told,
 * and what it says at the end. Plain values: the gateway and the governor (cost/governor.h) share a floor and
 * do not know each other; `admission_calls` is how the one reaches the other.
 *
 * One exchange: one admit; then, if it was not refused, exactly one settle or release of its reservation, on
 * the same or another thread. Money is nano-dollars, MONEY_UNKNOWN when there is no price. */
#ifndef MODEL_ADMISSION_H
#define MODEL_ADMISSION_H

#include "base/money.h"
#include "model/policy.h"
#include "model/record.h"

/* What budgets and limits are told apart by. Borrowed; SLICE_NULL or empty: none. */
struct admission_labels {
    struct slice application, team, user, feature, key, model, request_type;
    struct slice tags; /* "k=v,k=v" */
};
/* A record's own; its user and tags are null where payloads.capture is none. */
struct admission_labels admission_labels_of(const struct record *r);

/* What a request may take of budgets and limits. */
enum spending {
    SPEND_NOW,
    SPEND_IDLE,  /* of limits only what is idle: as long as half of it is left to others */
    SPEND_BATCH, /* nothing of limits: the provider counts it apart */
    SPEND_AGAIN, /* it is under way already (a restart): reserved without being judged */
};

struct admission_request {
    struct admission_labels labels;
    const struct application *application;
    int64_t wall_us; /* the record's time_us: what decides its window */
    int64_t mono_us;
    int64_t worst_cost_nano; /* MONEY_UNKNOWN: unpriced */
    int64_t tokens;          /* input and output, by estimate */
    int64_t approved_nano;   /* x-quarterdeck-approve-cost; -1: not given */
    enum spending spending;
};

/* Output tokens that a call may use at most: what it says, else what is expected of its kind (-1: unknown), else the
 * target's most, else 4,096; within what is allowed; for each answer that it asks for. */
int64_t admission_most_output(const struct call *call, int64_t expected, const struct target *t, const struct request_policy *asked);

/* Our count of a call's input. */
struct input_count {
    int64_t tokens; /* -1: not counted */
    int64_t plain;  /* before the learned factor */
    bool whole;     /* nothing was sampled or guessed: comparable with a provider's count */
    bool goes_on;   /* it goes on from a conversation that the provider keeps: more is read than was counted */
};

enum verdict_outcome {
    VERDICT_ADMIT,
    VERDICT_DEGRADE, /* admitted, but a budget of mode `degrade` is used up: send it to the cheapest allowed
                        target */
    VERDICT_REFUSE,
};

/* One rate limit for the client's headers. */
struct rate_state {
    int64_t limit;     /* a minute; -1: none applies */
    int64_t remaining; /* that could be used now */
    int64_t reset_us;  /* until all of it is there again */
};

struct verdict {
    enum verdict_outcome outcome;
    enum fault
        fault; /* REFUSE: budget_exceeded, rate_limited, approval_required, unknown_price, overloaded */
    int64_t retry_after_us;             /* -1: waiting does not help, or nothing is known */
    int64_t estimate_nano;              /* the worst case that was judged */
    struct rate_state requests, tokens; /* of the limits that apply, the one nearest its end */
    char text[LIMIT_ERROR_TEXT];        /* REFUSE, DEGRADE: which budget or limit, and its numbers */
};

/* What an exchange holds. The exchange keeps it; only the governor looks inside. Zeroed: nothing is held. */
struct hold {
    void *counter;
    int64_t amount;            /* nano-dollars, or tokens */
    int64_t tokens_per_minute; /* a limit's; -1: it has none */
    uint16_t rule;
    bool is_limit;
};
struct reservation {
    struct hold holds[LIMIT_HOLDS];
    unsigned n;
    uint64_t plan; /* the budgets in force when it was made; 0: these holds are not all that must be booked */
};

/* How it ended. */
struct settlement {
    struct admission_labels labels;
    struct record_id id;
    int64_t wall_us;   /* the record's time_us */
    int64_t cost_nano; /* the record's */
    int64_t tokens;    /* input and output as counted; -1: unknown, the estimate stands */
};

struct admission_calls {
    void *ctx;
    void (*admit)(void *ctx, const struct admission_request *q, struct verdict *ret_verdict,
                  struct reservation *ret);
    /* Before the record is given to the recorder. */
    void (*settle)(void *ctx, struct reservation *r, const struct settlement *s);
    /* Nothing was used. Its request stays counted by rate limits. */
    void (*release)(void *ctx, struct reservation *r);
};

/* What is known of tokens before a provider has counted them. Any member may be NULL: then bytes are all there is. */
struct token_calls {
    void *ctx;
    /* Input tokens of a call for a target; `lane` is the calling loop's. */
    void (*count_input)(void *ctx, unsigned lane, const struct target *t, const struct call *call, struct input_count *ret);
    /* Output tokens that one answer in a hundred of this kind passes; -1: not known yet. */
    int64_t (*expect_output)(void *ctx, const struct record *asked);
    /* All input tokens that one in a hundred of this kind passes which go on from a conversation the provider keeps; -1:
     * not known yet. */
    int64_t (*expect_input)(void *ctx, const struct record *asked);
    /* What a whole answer was, for those above. */
    void (*learn)(void *ctx, const struct target *t, const struct input_count *counted, const struct record *r);
};

#endif
