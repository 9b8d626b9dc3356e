/* review.h - what would lower the cost: concrete actions, ranked by USD a month, each with its evidence and
 * what to type.
 *
 * Everything comes from the ledger's sums (store/ledger_spend.h) and the policy's prices and settings; no
 * record and no message is read. An amount is one of three: computed; a bound (`at_most`); or unknown
 * (MONEY_UNKNOWN) where the sums cannot say, and `why` says so. Amounts are scaled from what was observed, from
 * the first hour with a request to the window's end, to a month of 365.25 / 12 days.
 *
 * - cache_prefix: a prefix that all requests of a system prompt share is no longer than the shortest of them,
 *   hence than the least daily mean of input tokens an answer. At most: that, times the requests, less what
 *   was read from or written to the cache already, times the rate of input less that of cache_read. Below
 *   REVIEW_PREFIX_LEAST tokens: no action. History that grows by turns may be cached beyond it.
 * - cheaper_target: the recorded cost less what the same tokens cost at the model's cheapest other target, in
 *   the tier of the mean request. Tokens are as the present target counts them. Quality is not known.
 * - lost_spend: the cost of requests without a whole answer. At most, for clients may leave.
 * - cap_output, exact_cache, steady_load: unknown. Lengths, repeats and discounts are in no sum.
 * - unpriced: unknown.
 * Known amounts below REVIEW_LEAST_SHARE of the spend are left off, and counted. */
#ifndef COST_REVIEW_H
#define COST_REVIEW_H

#include "base/json.h"
#include "model/policy.h"
#include "store/ledger_spend.h"

/* ACTION(symbol, name, words) */
#define REVIEW_TABLE(ACTION)                                                                                 \
    ACTION(CACHE_PREFIX, "cache_prefix", "let the provider cache this prefix")                               \
    ACTION(CHEAPER_TARGET, "cheaper_target", "move this request type to the model's cheaper target")         \
    ACTION(LOST_SPEND, "lost_spend", "stop paying for answers that nobody got whole")                        \
    ACTION(CAP_OUTPUT, "cap_output", "cap this output")                                                      \
    ACTION(EXACT_CACHE, "exact_cache", "try the exact cache on this request type")                           \
    ACTION(STEADY_LOAD, "steady_load", "ask for a commitment on this steady load")                           \
    ACTION(UNPRICED, "unpriced", "give this model a price")

enum review_kind {
#define ACTION(symbol, name, words) REVIEW_##symbol,
    REVIEW_TABLE(ACTION)
#undef ACTION
        REVIEW_KINDS
};
const char *review_kind_name(enum review_kind k);
const char *review_kind_words(enum review_kind k);

#define REVIEW_FACTS 8
#define REVIEW_LEAST_SHARE 0.01  /* of the spend: smaller amounts are left off */
#define REVIEW_WORTH_SHARE 0.05  /* of the spend that an unknown amount must concern */
#define REVIEW_PREFIX_LEAST 1024 /* tokens; the shortest that OpenAI and Anthropic document (2025) */
#define REVIEW_LEAST_US (24 * 3600 * 1000000LL)         /* observed; a month made of less is a guess */
#define REVIEW_STEADY_HOURS (7 * 24)                    /* observed, before a load is called steady */
#define REVIEW_LONGEST_US (400 * 24 * 3600 * 1000000LL) /* window */

struct review_fact {
    const char *name;
    double value;
};
struct review_action {
    enum review_kind kind;
    struct slice application, request_type, model, provider, target_model,
        system_prompt;  /* SLICE_NULL: none */
    int64_t month_nano; /* to be saved; MONEY_UNKNOWN */
    bool at_most;       /* month_nano is an upper bound */
    double concerns;    /* nano-dollars a month that it is about: ranks unknown amounts */
    struct slice why;   /* the evidence in words, with what it does not show */
    struct slice act;   /* a command, or a line of the configuration */
    struct review_fact facts[REVIEW_FACTS];
    unsigned n_facts;
};

enum review_verdict { REVIEW_NOTHING, REVIEW_ACTIONS, REVIEW_NOT_ENOUGH };

struct review_query {
    int64_t from_us, to_us;
    struct slice application; /* SLICE_NULL: all */
};
struct review {
    int64_t from_us, to_us, first_us; /* first_us: begin of the first hour with a request; to_us: none */
    enum review_verdict verdict;
    int64_t month_nano;            /* spend; MONEY_UNKNOWN: no price is known, or not enough was observed */
    struct review_action *actions; /* known amounts first, the largest first; then by what they concern */
    size_t n, n_left_off;
    bool has_policy; /* false: nothing that needs prices or settings was looked at */
};

/* `policy` may be NULL. Everything in *ret lives in `arena`. FAULT_BAD_REQUEST: a window that is open,
 * empty or beyond REVIEW_LONGEST_US; FAULT_TOO_LARGE: the arena is full; otherwise as ledger_spend. */
enum fault review_run(struct ledger *l, const struct policy *policy, const struct review_query *q,
                      struct arena *arena, struct review *ret, struct error *error) MUST_CHECK;

/* {from, to, first, verdict, spend_usd_month, actions: [...], left_off, not_answered: [{question, why}]} */
void review_write_json(const struct review *r, struct json_writer *w);

#endif
