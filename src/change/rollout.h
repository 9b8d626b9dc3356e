/* rollout.h - what a rollout does next: pure, so that every state can be walked by a test. Whoever calls it carries the answer out with one
 * changes_commit (store/changes.h), so that a kill leaves it before or after, never between.
 *
 * Automation only makes things safer by itself: a Failed guardrail rolls back in every state, also while paused or while it waits for a
 * person. Going on needs the step's time (served time, not wall time), min_samples, and no Failed; the last step needs
 * Successful, or a person who was told what is not known. Nothing comes of no traffic: it holds and says what it waits for. */
#ifndef CHANGE_ROLLOUT_H
#define CHANGE_ROLLOUT_H

#include "change/guardrail.h"
#include "store/rollouts.h"

struct rollout_evidence {
    enum guard_verdict verdict;
    struct slice why;            /* of the verdict */
    uint64_t candidates;         /* exchanges at this weight */
    bool shadow_done, shadow_worse; /* stage SHADOW: enough pairs; surely worse (change/shadow.h) */
    bool budget_ended;           /* the shadow's */
    bool person_promotes;        /* the class wants a person for the last step */
    struct slice pause_why;      /* a guardrail whose on_failure is pause is Failed; SLICE_NULL: none is */
};
enum rollout_act { ROLLOUT_WAITS, ROLLOUT_GOES_ON, ROLLOUT_TO_CANARY, ROLLOUT_PAUSES, ROLLOUT_PROMOTES, ROLLOUT_ROLLS_BACK };
struct rollout_decision {
    enum rollout_act act;
    struct slice why;            /* for status and audit: "84 more exchanges of the candidate at 5 %", "19 h 4 min of 24 h at 5 %" */
    unsigned step;               /* GOES_ON: to this step, */
    uint32_t weight_ppm;         /* with this weight */
    int64_t needed;              /* exchanges; 0: does not wait for any */
    bool for_person;             /* WAITS: time and traffic alone do not take it further */
};
/* The first step's weight, and the index of the step it stands in: a weight that a pause follows stands in the pause. 100 % is the end of
 * the steps: production. An A/B test has no steps and one weight, a half. */
void rollout_begin(const struct rollout_plan *p, enum rollout_stage stage, unsigned *ret_step, uint32_t *ret_weight_ppm);
void rollout_decide(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e, struct arena *arena,
                    struct rollout_decision *ret);
/* Weights change one step after the other, and each change is an epoch (store/rollouts.h): 0 is what was before the first. */
uint32_t rollout_weight_of(const struct rollout_plan *p, enum rollout_stage stage, unsigned epoch);
/* A person says: promote (the next step now; from the last one: production). FAULT_CONFLICT with why not: Failed, Error, fewer than
 * min_samples. Inconclusive is a person's to accept. */
enum fault rollout_promote(const struct rollout_plan *p, const struct rollout_row *r, const struct rollout_evidence *e,
                           struct rollout_decision *ret, struct error *error) MUST_CHECK;

#endif
