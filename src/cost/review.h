/* review.h - what would lower the cost: concrete actions, ranked by USD a month, each with its evidence and
 * what to type.
 *
 * From the ledger's sums (store/ledger_spend.h), the policy's prices and settings, and a bounded sample of records and
 * of captured payloads (cost/review_sample.h). An amount is one of three: computed; a bound (`at_most`); or unknown
 * (MONEY_UNKNOWN), and `why` says so. Amounts are scaled from what was observed, from the first hour with a request to
 * the window's end, to a month of 365.25 / 12 days.
 *
 * - cache_prefix: with REVIEW_ASKED_LEAST captured exchanges of a system prompt, the prefix that all of them share, in
 *   tokens, times the requests that came within five minutes of another, less what the cache gave, times the rate of
 *   input less that of cache_read; less what writing it to the cache costs. Else at most: no prefix is longer than the
 *   least daily mean of input tokens an answer. Below REVIEW_PREFIX_LEAST tokens: no action.
 * - shorten_prompt: at most: the tokens of instructions that no sampled question or answer meets (a heuristic:
 *   cost/words.h), times the requests, at the mean price of an input token.
 * - fewer_chunks: at most: the tokens of retrieved paragraphs behind the first so many that hold 95 % of those that
 *   answers use (the same heuristic), likewise.
 * - cap_output: what of the output is beyond the 99th percentile of the sampled answers.
 * - exact_cache: the cost of captured exchanges in a row that ask again what was asked within the hour.
 * - cheaper_target: the recorded cost less what the same tokens cost at the model's cheapest other target, in
 *   the tier of the mean request. Tokens are as the present target counts them. Quality is not known; of a model with
 *   tiers it is the cheapest one's first target, with what the kept downgrade test measured, and none when that is worse.
 * - lost_spend: the cost of requests without a whole answer. At most, for clients may leave.
 * - steady_load, unpriced: unknown.
 * Known amounts below REVIEW_LEAST_SHARE of the spend are left off, and counted. */
#ifndef COST_REVIEW_H
#define COST_REVIEW_H

#include "base/json.h"
#include "model/policy.h"
#include "store/ledger_spend.h"
#include "store/registry.h"

/* ACTION(symbol, name, words) */
#define REVIEW_TABLE(ACTION)                                                                                 \
    ACTION(CACHE_PREFIX, "cache_prefix", "let the provider cache this prefix")                               \
    ACTION(SHORTEN_PROMPT, "shorten_prompt", "shorten this prompt")                                          \
    ACTION(FEWER_CHUNKS, "fewer_chunks", "retrieve fewer chunks for this feature")                           \
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

#define REVIEW_FACTS 10
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
    struct slice application, request_type, feature, model, provider, target_model,
        system_prompt;  /* SLICE_NULL: none */
    int64_t month_nano; /* to be saved; MONEY_UNKNOWN */
    bool at_most;       /* month_nano is an upper bound */
    double concerns;    /* nano-dollars a month that it is about: ranks unknown amounts */
    struct slice why;   /* the evidence in words, with what it does not show */
    struct slice act;   /* a command, or a line of the configuration */
    struct review_fact facts[REVIEW_FACTS];
    unsigned n_facts;
};

/* The cacheable prefix of one system prompt, and what of it is missed: also where it is no action. */
#define REVIEW_PREFIXES 50
struct review_prefix {
    struct slice application, request_type, model, provider, target_model, system_prompt;
    int64_t requests, input, cache_read; /* tokens */
    int64_t tokens;                      /* of the prefix; at most, unless measured */
    size_t exchanges;                    /* that it was measured on; 0: it was not */
    double warm;                         /* part of the requests within five minutes of another; NAN: not known */
    int64_t missed;                      /* tokens; at most, unless measured */
    int64_t month_nano;                  /* MONEY_UNKNOWN: no price */
};

enum review_verdict { REVIEW_NOTHING, REVIEW_ACTIONS, REVIEW_NOT_ENOUGH };

struct review_query {
    int64_t from_us, to_us;
    struct slice application; /* SLICE_NULL: all */
    struct registry *registry; /* of downgrade tests; NULL: none is known */
};
struct review {
    int64_t from_us, to_us, first_us; /* first_us: begin of the first hour with a request; to_us: none */
    enum review_verdict verdict;
    int64_t month_nano;            /* spend; MONEY_UNKNOWN: no price is known, or not enough was observed */
    struct review_action *actions; /* known amounts first, the largest first; then by what they concern */
    size_t n, n_left_off;
    struct review_prefix *prefixes; /* the most missed first */
    size_t n_prefixes;
    size_t n_sampled, n_exchanges; /* records, and payloads that were read */
    bool has_policy; /* false: nothing that needs prices or settings was looked at */
};

/* `policy` may be NULL. Everything in *ret lives in `arena`. FAULT_BAD_REQUEST: a window that is open,
 * empty or beyond REVIEW_LONGEST_US; FAULT_TOO_LARGE: the arena is full; otherwise as ledger_spend. */
enum fault review_run(struct ledger *l, const struct policy *policy, const struct review_query *q,
                      struct arena *arena, struct review *ret, struct error *error) MUST_CHECK;

/* {from, to, first, verdict, spend_usd_month, actions: [...], left_off, not_answered: [{question, why}]} */
void review_write_json(const struct review *r, struct json_writer *w);

#endif
