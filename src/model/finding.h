/* finding.h - something a watcher noticed, with its evidence and what to type next.
 *
 * The key is what makes the same thing seen again the same finding: a JSON array that begins with the kind,
 * made by the watcher of what it is about (a budget, its values and its window; a model). Texts are borrowed
 * from whoever made or read the finding. Times are wall microseconds, 0 for never. */
#ifndef MODEL_FINDING_H
#define MODEL_FINDING_H

#include "base/slice.h"

/* KIND(symbol, domain, name, meaning) */
#define FINDING_KIND_TABLE(KIND)                                                                             \
    KIND(COST_ANOMALY, "cost", "cost_anomaly",                                                               \
         "the cost of a request of one kind shifted; traffic does not explain it")                           \
    KIND(BUDGET_THRESHOLD, "cost", "budget_threshold", "a budget reached one of its alert_at, or its limit") \
    KIND(BUDGET_REFUSING, "cost", "budget_refusing", "a budget has refused requests in this window")         \
    KIND(BUDGET_FORECAST, "cost", "budget_forecast",                                                         \
         "a budget will probably be used up before its window ends")                                         \
    KIND(BUDGET_BURN, "cost", "budget_burn", "what is left of a budget is being spent many times too fast")  \
    KIND(OVER_PLAN, "cost", "over_plan", "a budget has spent more than its plan expects by now")             \
    KIND(UNKNOWN_PRICE, "cost", "unknown_price",                                                             \
         "a model without a known price was used: no budget can bound it")                                   \
    KIND(USAGE_MISSING, "cost", "usage_missing",                                                             \
         "a model with a price was used and its tokens were not counted")                                    \
    KIND(DOWNGRADE_POSSIBLE, "cost", "downgrade_possible",                                                   \
         "the cheapest tier of a model was measured: it is surely good enough, and routing is in shadow")    \
    KIND(DOWNGRADE_WORSE, "cost", "downgrade_worse",                                                         \
         "routing of a model is on, and its cheapest tier was measured: it is surely worse than allowed")     \
    KIND(EVAL_FAILED, "quality", "eval_failed", "a run of a suite that the server made shows that a requirement does not hold") \
    KIND(EVAL_WORSE, "quality", "eval_worse",                                                                \
         "a run of a suite that the server made is surely worse than the run that it is held against")        \
    KIND(MODEL_CHANGED, "quality", "model_changed", "a version of a model answered that had not before, and a suite is run because of it") \
    KIND(REVIEW_OVERDUE, "quality", "review_overdue", "answers wait for people, and the time by which they were to be labelled has passed") \
    KIND(ROLLOUT_FAILED, "change", "rollout_failed", "a guardrail of a rollout failed, and its candidate was rolled back") \
    KIND(ROLLOUT_WAITS, "change", "rollout_waits", "a rollout has what it needs, or cannot go on by itself, and waits for a person") \
    KIND(ROLLOUT_ERROR, "change", "rollout_error", "the arms of a rollout do not get the shares that they should: nothing is judged") \
    KIND(CHANGE_OVERRIDE, "change", "change_override", "a version went past its review and gate, and nobody else has looked at it since") \
    KIND(PROMPT_UNREGISTERED, "change", "prompt_unregistered", "an application uses a system prompt that nobody registered, and used another one before") \
    KIND(MODEL_CHANGE_WAITS, "change", "model_change_waits", "a provider's model answers as another version than before, and waits for a person's word") \
    KIND(LATENCY_OVER_BUDGET, "quality", "latency_over_budget", "a quantile of one request type is surely above the budget that is declared for it") \
    KIND(LATENCY_WORSE, "quality", "latency_worse", "requests of one type and size are slower than their like were") \
    KIND(USERS_GAVE_UP, "quality", "users_gave_up", "users asked the same again and again within seconds") \
    KIND(OUTPUT_WORSE, "quality", "output_worse", "answers of one request type or prompt are worse than they were, by one of the signals of quality") \
    KIND(PROVIDER_FAILING, "incidents", "provider_failing", "a provider, or one of its models, fails far more often than it did") \
    KIND(PROVIDER_SLOW, "incidents", "provider_slow", "a provider's first token comes far later than it did") \
    KIND(VENDOR_INCIDENT, "incidents", "vendor_incident", "a vendor's status page tells of an incident") \
    KIND(PRIMARY_RETURNS, "incidents", "primary_returns", "a model's traffic was moved, and its first target comes back in steps") \
    KIND(RULE_CRIES_WOLF, "incidents", "rule_cries_wolf", "hardly any of a rule's alerts were acted on") \
    KIND(BASELINE_SHIFTED, "incidents", "baseline_shifted", "what a calibrated threshold was learned from is not what is normal now") \
    KIND(SELF_RECORDS, "incidents", "self_records", "records were lost, or are late in the ledger") \
    KIND(SELF_ROOM, "incidents", "self_room", "the disk that holds the ledger is filling up") \
    KIND(SELF_CLOCK, "incidents", "self_clock", "the machine's clock stepped") \
    KIND(SELF_POLICY, "incidents", "self_policy", "the configuration file is not what is in force") \
    KIND(SELF_CERTIFICATE, "incidents", "self_certificate", "the server's certificate expires soon") \
    KIND(WATCHER_SILENT, "incidents", "watcher_silent", "a watcher has not run when it should have")

enum finding_kind {
#define KIND(symbol, domain, name, meaning) FINDING_##symbol,
    FINDING_KIND_TABLE(KIND)
#undef KIND
        FINDING_KINDS
};
#define FINDING_BIT(symbol) ((uint64_t)1 << FINDING_##symbol)
const char *finding_kind_name(enum finding_kind k);
const char *finding_kind_domain(enum finding_kind k);
const char *finding_kind_meaning(enum finding_kind k);
bool finding_kind_from(struct slice name, enum finding_kind *ret);

/* STATE(symbol, name): dismissed is a person's word and stays, also when the thing goes away and comes again
 */
#define FINDING_STATE_TABLE(STATE)                                                                           \
    STATE(OPEN, "open")                                                                                      \
    STATE(CLEARED, "cleared")                                                                                \
    STATE(DISMISSED, "dismissed")

enum finding_state {
#define STATE(symbol, name) FINDING_##symbol,
    FINDING_STATE_TABLE(STATE)
#undef STATE
        FINDING_STATES
};
const char *finding_state_name(enum finding_state s);
bool finding_state_from(struct slice name, enum finding_state *ret);

struct finding {
    int64_t id; /* the store gives it */
    enum finding_kind kind;
    struct slice key;
    struct slice application; /* SLICE_NULL: it is not about one */
    struct slice title;       /* one line */
    struct slice
        evidence; /* a JSON object: what was measured, of how much, against which threshold from where */
    struct slice command; /* what to type next */
    /* kept by the store */
    enum finding_state state;
    int64_t first_seen_us, last_seen_us, cleared_us;
    int64_t times; /* how often it has opened */
    struct slice dismissed_by, reason;
    int64_t dismissed_us;
};

#endif
