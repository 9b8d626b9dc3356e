/* change_policy.h - what a change has to pass before it serves everybody, by its class, and how it is tried on traffic.
 *
 *     change_policy:
 *       moderate: {reviewers: 1, gate: required, rollout: canary, promote: auto}
 *     rollouts:
 *       canary:
 *         sticky: user
 *         steps: [{setWeight: 5}, {pause: {duration: 24h}}, {setWeight: 25}, {pause: {duration: 24h}}, {setWeight: 100}]
 *         analysis: {interval: 1m, alpha: 0.01, min_samples: 200, guardrails: [{metric: error_rate, margin: 1.5}]}
 *       shadow: {share: 10%, min_samples: 100, max_cost_usd: 10, judge: support-judge}
 *       ab: {metric: "score:helpful", min_effect: 0.05, alpha: 0.05, power: 0.8, longest: 14d}
 *
 * Part of quarterdeck.yaml. What it does not say is as in data/change/defaults.yaml, which is in the program and read by the same
 * reader. A rollout keeps the plan with which it began (plan_write), whatever the file says later. Texts are the arena's. */
#ifndef MODEL_CHANGE_POLICY_H
#define MODEL_CHANGE_POLICY_H

#include "model/reader.h"

enum change_class { CHANGE_MINOR, CHANGE_MODERATE, CHANGE_MAJOR, CHANGE_CLASSES };
const char *change_class_name(enum change_class c); /* "minor", "moderate", "major" */
bool change_class_from(struct slice name, enum change_class *ret);

enum rollout_way { ROLLOUT_DIRECT, ROLLOUT_CANARY, ROLLOUT_SHADOW_THEN_CANARY };

struct class_policy {
    unsigned reviewers;          /* approvals by others than the author */
    bool gate;                   /* "required" or "none" */
    double pass_rate;            /* that each suite of the gate must have at least, as a plain number; 0: only what the suites require */
    double max_drop;             /* of the pass rate: the gate also wants it shown that no more is lost; NAN: not asked for */
    enum rollout_way rollout;
    bool person_promotes;        /* promote: person; the last step waits for somebody */
    struct slice *suites;        /* beside those that the version is bound to */
    unsigned n_suites;
};

enum guard_kind {
    GUARD_FAILURES, /* error_rate, refusal_rate, negative_feedback, check:NAME (share that fails): less is better; margin is a ratio */
    GUARD_QUANTILE, /* latency_p95, first_token_p95, per_token_p95 (any of p1..p99): margin is a ratio */
    GUARD_MEAN,     /* cost_per_request, output_tokens: margin is a ratio */
    GUARD_SCORE,    /* score:NAME, mean of 0..1, more is better: margin is what may be lost, 0.05 */
};
enum guard_action { GUARD_ROLLBACK, GUARD_PAUSE, GUARD_NOTIFY };
#define GUARDRAILS 16 /* most of one rollout */

struct guardrail {
    struct slice metric;         /* as written */
    enum guard_kind kind;
    struct slice name;           /* behind the colon */
    double quantile;             /* 0.95 */
    double margin;               /* what still counts as no worse */
    double alpha;                /* chance of a false failure in the whole rollout; not given: analysis.alpha / number of guardrails */
    double tolerance;            /* GUARD_FAILURES: a rate that is shown to be above control's by less than this is good too (0.01) */
    enum guard_action on_failure;
};

struct rollout_step {
    enum { STEP_WEIGHT, STEP_PAUSE } kind;
    uint32_t weight_ppm;
    int64_t duration_us;         /* of a pause; -1: until somebody promotes */
};
#define ROLLOUT_STEPS 32

enum sticky { STICKY_USER, STICKY_SESSION, STICKY_REQUEST }; /* user: else its session, else the request */

struct rollout_plan {
    enum rollout_way way;
    struct rollout_step *steps;
    unsigned n_steps;
    enum sticky sticky;
    int64_t interval_us;         /* between two looks */
    double alpha;
    int64_t min_samples;         /* of the candidate at each weight */
    struct guardrail *guardrails;
    unsigned n_guardrails;
    struct {
        uint32_t share_ppm;
        int64_t min_samples, max_cost_nano; /* -1: only budgets bound it */
        struct slice judge;      /* a registered pairwise judge; SLICE_NULL: none */
    } shadow;
};

struct ab_plan {
    struct guardrail metric;
    double min_effect, alpha, power;
    int64_t longest_us;
};

#define SEVERITIES 5 /* SEV-1 .. SEV-5 */
struct change_policy {
    struct class_policy of[CHANGE_CLASSES];
    struct rollout_plan canary;  /* and its shadow stage */
    struct ab_plan ab;
    int rollback[SEVERITIES];    /* enum user_role: the least that may roll back on its own word; [4] where no severity is said */
    struct {
        bool hold;               /* on_model_change: {hold: MODEL}; else observe */
        struct slice to;         /* model that answers meanwhile */
    } model_change;
    struct {
        struct slice application, key; /* who asks in gates for suites without a run_as of their own; SLICE_NULL: nobody */
    } run_as;
};

/* The maps `change_policy` and `rollouts` of a file (JSON_NONE: not given) over the defaults. Every problem is told. */
enum fault change_policy_read(struct reader *r, uint32_t policy, uint32_t rollouts, struct change_policy *ret) MUST_CHECK;
/* The defaults alone, in `arena`; they are tested to be sound. */
void change_policy_defaults(struct arena *arena, struct change_policy *ret);

void plan_write(const struct rollout_plan *p, struct json_writer *w);                        /* a value */
enum fault plan_read(struct slice json, struct arena *arena, struct rollout_plan *ret, struct error *error) MUST_CHECK;
/* "error_rate" and so on to kind, name and quantile. FAULT_CONFIG: words with the nearest name. */
enum fault guardrail_metric(struct slice text, struct guardrail *ret, struct error *error) MUST_CHECK;

#endif
