/* shadow_evidence.h - what the pairs of a rollout's shadow, as they are kept, say of it: for the rollout's decision and for its status. */
#ifndef CHANGE_SHADOW_EVIDENCE_H
#define CHANGE_SHADOW_EVIDENCE_H

#include "change/shadow.h"
#include "store/rollouts.h"

struct shadow_evidence {
    struct guard_answer answers[GUARDRAILS]; /* of rollout status' guardrails */
    unsigned n;
    uint64_t pairs, unpriced;    /* unpriced: of unknown cost, so that `spent` is less than what was spent */
    int64_t spent_nano;
    bool done, worse;            /* rollout_evidence.shadow_done, shadow_worse; done only when not worse */
    bool budget_ended;           /* spent, and not done: it holds */
    char why[320];               /* what it waits for, or what was wrong */
};
/* Reads all of them: FAULT_CORRUPT when one cannot be read, and what the store says. `rollout`: its number. */
enum fault shadow_evidence_read(struct registry *r, int64_t rollout, const struct rollout_plan *plan, struct shadow_evidence *ret,
                                struct error *error) MUST_CHECK;

#endif
