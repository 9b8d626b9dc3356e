/* guardrail.h - is the candidate surely worse than the version in production, surely no worse by more than the margin, or is it too early to
 * tell: asked after every look of a rollout, with a promise that holds for all looks together. Pure but for memory.
 *
 * Failed: E(no worse than the margin) >= 1/alpha. Successful: the interval (valid at all looks) ends below the margin, or, of rates, the
 * candidate's rate is shown to be above control's by less than `tolerance`; with at least min_samples. Else Inconclusive; no data is
 * Inconclusive. Error: units do not fall to the arms in the shares they should (a fault of routing or of records): nothing is judged then.
 *
 * A unit is whom the arm is drawn for: a user, a session or a request. Failures are counted once a unit, against all of the current
 * version's traffic (stats/failures.h). Quantiles and means are of equal arms, candidate against CONTROL, and values of one unit that are
 * alike count for less (a design effect over 64 groups of units). Costs and tokens are winsorised at
 * four times the current version's 99.9 % so far. An error is a failure of
 * the provider, a broken-off answer, a fault of ours behind routing; not what the client did, nor what a budget or limit refused. Answers
 * out of the cache are left out. Sets of units are bounded: full, they go on with every second unit, by hash. */
#ifndef CHANGE_GUARDRAIL_H
#define CHANGE_GUARDRAIL_H

#include "model/change_policy.h"
#include "model/deployment.h"
#include "model/record.h"
#include "stats/interval.h"

enum guard_verdict { GUARD_INCONCLUSIVE, GUARD_SUCCESSFUL, GUARD_FAILED, GUARD_ERROR };
const char *guard_verdict_name(enum guard_verdict v); /* "Inconclusive", "Successful", "Failed", "Error" */

struct guard_answer {            /* the members of rollout status' guardrails */
    struct slice metric;         /* the guardrails' */
    enum guard_verdict verdict;
    double effect;               /* ratio, or difference of a score; NAN */
    struct interval interval;
    double evidence, threshold;  /* ln E against "no worse than the margin", and ln(1/alpha) at which it is Failed */
    double alpha, margin;
    uint64_t n_candidate, n_control; /* exchanges, answers or scores that were compared */
    double needed;               /* about so many more exchanges under the rollout, all arms together; INFINITY: no number */
    double candidate, control;   /* rate, quantile (us) or mean (nano-dollars, tokens, 0..1) of each; NAN */
    char why[256];
};

struct guardrails;               /* sums of one rollout */
struct guardrails *guardrails_new(const struct rollout_plan *plan);
void guardrails_free(struct guardrails *g);
/* A record of the rollout, in any order, each once. `weight_ppm`: of the candidate in the record's step. */
void guardrails_take(struct guardrails *g, const struct record *r, uint32_t weight_ppm);
/* A score of a record of the rollout: negative_feedback (`name` "feedback", under 0.5), score:NAME, check:NAME (fails under 0.5); `name` as the
 * metric is written, or NAME alone. `unit`: guard_unit's. */
void guardrails_score(struct guardrails *g, struct slice name, double value, enum arm arm, uint32_t weight_ppm, uint64_t unit);
unsigned guardrails_judge(const struct guardrails *g, struct guard_answer out[GUARDRAILS]); /* how many */
/* Worst of them: Error, Failed (of those whose on_failure is rollback), Inconclusive (and Failed ones that pause), Successful. Those that only
 * notify do not count. */
enum guard_verdict guardrails_verdict(const struct guardrails *g, const struct guard_answer *a, unsigned n, struct slice *ret_why, struct arena *arena);
/* Mean and variance of one value of the CONTROL arm: of failures 1 or 0. False: fewer than 50 values, or a quantile. */
bool guardrails_spread(const struct guardrails *g, unsigned i, double *ret_mean, double *ret_variance);
uint64_t guardrails_candidates(const struct guardrails *g, uint32_t weight_ppm); /* exchanges of the candidate at this weight */
void guardrails_encode(const struct guardrails *g, struct buffer *out);
/* Of the same plan. FAULT_CORRUPT, and then *g is as it was. */
enum fault guardrails_decode(struct slice bytes, struct guardrails *g, struct error *error) MUST_CHECK;
/* What the effect of a metric is: a ratio to control, a difference, or (what a judge preferred) the candidate's share of the decided pairs. */
enum guard_scale { SCALE_RATIO, SCALE_DIFFERENCE, SCALE_SHARE };
enum guard_scale guard_scale_of(struct slice metric);
const char *guard_scale_name(enum guard_scale s); /* "ratio", "difference", "share" */
/* The effect at which it is Failed once the interval is beyond: above it for a ratio, below it otherwise. NAN: it judges nothing. */
double guard_limit(const struct guard_answer *a);
void guardrails_write(const struct guard_answer *a, unsigned n, struct json_writer *w); /* an array */
uint64_t guard_unit(const struct record *r, enum sticky sticky); /* of whom the arm was drawn */

#endif
