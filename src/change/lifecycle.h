/* lifecycle.h - which state of a version follows which, and who may say so: one table, pure. Whoever changes a state asks here first.
 *
 *   draft -submit-> in review -(approvals and gate)-> evaluated -start-> [shadow ->] canary -promote-> production -> superseded
 *             in review, evaluated -reject-> rejected      shadow, canary -fail, abort-> rolled back
 *             in review, evaluated -gate-> in review
 *             in review -override-> evaluated              production -rollback-> rolled back
 *             rejected, rolled back -submit-> in review    superseded, rolled back -rollback to it-> production */
#ifndef CHANGE_LIFECYCLE_H
#define CHANGE_LIFECYCLE_H

#include "model/change_policy.h"
#include "model/policy.h"
#include "store/rollouts.h"

enum change_action {
    ACT_SUBMIT, ACT_APPROVE, ACT_REJECT, ACT_OVERRIDE, ACT_EVALUATED, ACT_START, ACT_TO_CANARY, ACT_PROMOTE, ACT_FAIL, ACT_ABORT,
    ACT_ROLL_BACK, ACT_RESTORE, ACT_SUPERSEDE, ACT_GATE, ACT_COUNT
};
const char *change_action_name(enum change_action a);

/* FAULT_CONFLICT with words for people: what state it is in, and what can be done. */
enum fault lifecycle_next(enum version_state from, enum change_action a, enum version_state *ret, struct error *error) MUST_CHECK;

/* Is `person` the author: the name, the mail address or its part before the @ of "Anna B <anna@example.org>", without regard to case, or
 * whoever applied it. */
bool lifecycle_is_author(const struct change_version *v, struct slice person);

/* What is still missing before it is evaluated. */
struct review_state {
    unsigned needed, approvals;  /* by different people, none the author */
    bool rejected;
    int gate;                    /* enum gate_of_review */
};
enum gate_of_review { GATE_NOT_ASKED, GATE_WAITING, GATE_RUNNING, GATE_YES, GATE_NO, GATE_UNDECIDED };
/* Approvals in the order in which they were given; those before the last "submit" are of an earlier round. */
void lifecycle_review(const struct change_version *v, const struct change_approval *approvals, unsigned n, const struct class_policy *p,
                      struct review_state *ret);
bool lifecycle_is_evaluated(const struct review_state *s);
/* The class that counts. */
static inline enum change_class lifecycle_class(const struct change_version *v) {
    return (enum change_class)(v->class_raised > v->class_computed ? v->class_raised : v->class_computed);
}
/* First versions go the direct way, whatever their class. */
enum rollout_way lifecycle_way(const struct change_version *v, const struct change_subject *s, const struct change_policy *p);

#endif
