/* acts.h - what people and the server do to versions: each function is one transition, checked (lifecycle.h), composed into one change and
 * committed (store/changes.h), with who, when, why and evidence in the audit log. The API, the command line beside a stopped server and the
 * server's own thread all come through here; afterwards they have the deployments built anew (wire_change.h).
 *
 * `seen`: the subject's revision as the caller last read it; 0: whatever it is. FAULT_CONFLICT tells what another did meanwhile, or what
 * state forbids it; FAULT_NOT_PERMITTED: who may not, and who may; FAULT_NOT_FOUND. What is already so is FAULT_NONE with ret->already. */
#ifndef CHANGE_ACTS_H
#define CHANGE_ACTS_H

#include "change/lifecycle.h"
#include "change/rollout.h"

struct actor {
    struct slice name;               /* the token's user; "quarterdeck" when it does it by itself */
    enum user_role role;
    bool automatic;                  /* its guardrails; may only make things safer */
};
struct act {
    struct registry *registry;
    const struct change_policy *policy;
    struct slice kind, name;
    struct slice which;              /* NAME@which; SLICE_NULL where the act is about the subject */
    uint64_t seen;
    int64_t serves;                  /* by a rollback that the registry has had no room for yet; 0: what the registry says */
    struct actor who;
    struct slice why;
    int64_t at_us;                   /* wall */
    struct arena *arena;
};
struct act_outcome {
    struct change_subject subject;   /* as it is now */
    struct change_version version;
    struct rollout_row rollout;      /* number 0: none is concerned */
    bool already;                    /* it was so before; nothing was written */
    struct slice words;              /* "helpdesk-answer@3 is in review: 1 approval is needed, not by anna, and the gate runs" */
};

/* ---- review (acts_review.c) ---- */
enum fault act_submit(const struct act *a, int raise_to, struct act_outcome *ret, struct error *error) MUST_CHECK; /* raise_to -1: as computed */
/* The author's and applier's own is refused; the same person's twice counts once. */
enum fault act_approve(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault act_reject(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
/* Past review and gate: an admin, with a reason; a finding stays open until somebody else has looked (act_review_override). */
enum fault act_override(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault act_review_override(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
/* The finding of each override that nobody has looked at yet is opened: what a kill between the override and its finding left out. */
enum fault act_tell_overrides(struct registry *r, int64_t now_us, struct error *error) MUST_CHECK;
/* Its suites are run once more. */
enum fault act_gate_again(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
/* The gate's word (`gate`: gate_write's). Evaluated when the review is complete too; a first version then serves at once. */
enum fault act_gate(const struct act *a, struct slice gate, struct act_outcome *ret, struct error *error) MUST_CHECK;

/* ---- rollouts (acts_rollout.c) ---- */
/* By the way of its class: direct, canary, shadow then canary; of a version that serves already: already. */
enum fault act_start(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
struct ab_test;
enum fault act_start_ab(const struct act *a, const struct ab_test *t, struct act_outcome *ret, struct error *error) MUST_CHECK;
/* Carries out what rollout_decide said, or what a person said; `r` is the row it was decided on: FAULT_CONFLICT when it is another by now. */
enum fault act_step(const struct act *a, const struct rollout_row *r, const struct rollout_decision *d, struct slice evidence,
                    struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault act_pause(const struct act *a, struct slice evidence, struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault act_resume(const struct act *a, struct act_outcome *ret, struct error *error) MUST_CHECK;
enum fault act_abort(const struct act *a, struct slice evidence, struct act_outcome *ret, struct error *error) MUST_CHECK;
/* `which` null: what was in production before. Ends a rollout that is under way. `severity` 1..5, 0: not said; decides who may. On FAULT_NO_SPACE
 * *ret_emergency is what to keep in its place (store/emergency.h). */
struct emergency_entry;
enum fault act_roll_back(const struct act *a, int severity, struct act_outcome *ret, struct emergency_entry *ret_emergency,
                         struct error *error) MUST_CHECK;
enum fault act_label(const struct act *a, struct slice label, struct act_outcome *ret, struct error *error) MUST_CHECK; /* not production */

#endif
