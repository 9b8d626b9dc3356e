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
    bool ok;                     /* a whole answer */
    struct slice text;           /* not kept: only what is measured of it */
    int64_t output_tokens, latency_us, ttft_us, cost_nano; /* -1, MONEY_UNKNOWN */
    unsigned tool_calls;
    bool is_json, refusal;
};
struct shadow_measure {
    struct shadow_side served, candidate;
    int judged;                  /* 1 candidate better, 0 tie, -1 served better, -2 not judged, or the orders disagreed */
};
void shadow_pair_write(const struct shadow_measure *m, struct json_writer *w);  /* no text of a user in it */
enum fault shadow_pair_read(struct slice json, struct arena *arena, struct shadow_measure *ret, struct error *error) MUST_CHECK;

struct shadow_sums;
struct shadow_sums *shadow_sums_new(const struct rollout_plan *plan);
void shadow_sums_free(struct shadow_sums *s);
void shadow_sums_take(struct shadow_sums *s, const struct shadow_measure *m);
/* Paired: errors, refusals and lost JSON by the sequential test of discordant pairs, cost and latency by their ratio, the judge's wins by
 * rate_sequence. Shaped like guardrails. */
unsigned shadow_sums_judge(const struct shadow_sums *s, struct guard_answer out[GUARDRAILS]);
uint64_t shadow_sums_pairs(const struct shadow_sums *s);

#endif
