/* shadow.h - what the candidate would have said to real requests, beside what was served: one pair each, and what the pairs say. Pure.
 *
 * Nobody is served by it. The candidate's tool calls are recorded and answered by nobody. A pairwise judge sees both answers without
 * knowing which is which, in both orders (quality/judge.h). */
#ifndef CHANGE_SHADOW_H
#define CHANGE_SHADOW_H

#include "base/arena.h"
#include "base/json.h"
#include "change/guardrail.h"

struct shadow_side {
    bool ok;                     /* a whole answer; of one that is not, nothing below counts */
    int64_t output_tokens, latency_us, ttft_us, cost_nano; /* -1, MONEY_UNKNOWN */
    int64_t length;              /* of the text, in bytes */
    unsigned tool_calls;
    bool is_json, refusal;
    enum shadow_checks { SHADOW_UNCHECKED, SHADOW_PASSES, SHADOW_FAILS } checks; /* of the candidate's suites, those of every case: FAILS when one does */
};
struct shadow_measure {
    struct shadow_side served, candidate;
    int judged;                  /* 1 candidate better, 0 tie, -1 served better, SHADOW_NOT_JUDGED */
    int64_t judge_nano;          /* what judging cost; 0: nobody was asked */
};
#define SHADOW_NOT_JUDGED (-2) /* or the judge could not be asked */
/* Both orders' verdicts (0, 0.5, 1 as quality/judge.h has them): orders that disagree are a tie. */
int shadow_judged(double one_order, double other_order);
void shadow_pair_write(const struct shadow_measure *m, struct json_writer *w);  /* a value; no text of a user in it */
enum fault shadow_pair_read(struct slice json, struct arena *arena, struct shadow_measure *ret, struct error *error) MUST_CHECK;

struct shadow_sums;
struct shadow_sums *shadow_sums_new(const struct rollout_plan *plan); /* the plan outlives it */
void shadow_sums_free(struct shadow_sums *s);
void shadow_sums_take(struct shadow_sums *s, const struct shadow_measure *m);
uint64_t shadow_sums_pairs(const struct shadow_sums *s);

/* Shaped like guardrails; alpha is the plan's, in equal parts among those that may fail. Of pairs that are looked at as they come:
 *   error_rate, refusal_rate, format_failure (JSON was served, and the candidate's is none): stats/pairs.h, with the margin of the
 *     plan's guardrail, else SHADOW_MARGIN
 *   check_failure (only one side fails a check that its suites have for every case): likewise, where there are such checks
 *   latency, cost_per_request, output_tokens: the geometric mean of the pairs' ratios, with the margin of the plan's guardrail of latency
 *     (any quantile), cost_per_request, output_tokens; without one they are shown and judge nothing
 *   judge: of the pairs that the judge did not call a tie, the share that the candidate won; no worse: above 1/2 - SHADOW_LOST
 *   tool_calls: how many more, shown only */
#define SHADOW_MARGIN 1.5
#define SHADOW_LOST 0.05
unsigned shadow_sums_judge(const struct shadow_sums *s, struct guard_answer out[GUARDRAILS]);
/* Surely worse by one whose failure rolls back (of the plan's own, as they say; of the others always). *ret_why: which. */
bool shadow_sums_worse(const struct shadow_sums *s, const struct guard_answer *a, unsigned n, const struct guard_answer **ret_why);

#endif
