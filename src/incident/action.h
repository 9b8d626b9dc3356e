/* action.h - what an alert, or a person, has done to live traffic: checked, granted, done, recorded, and undone. One way for all of them.
 *
 * By itself only what a grant allows: the rule, the kind, the scope, and no more often than it says. What is not granted is a row of its own
 * ("not granted", with the command that a person may type), told in the notice. Each is one row and one audit entry with the finding's
 * evidence (store/actions.h), in force on every loop when the function returns. */
#ifndef INCIDENT_ACTION_H
#define INCIDENT_ACTION_H

#include "change/acts.h"
#include "model/alert_policy.h"
#include "model/policy.h"
#include "store/actions.h"

struct action_services {         /* lent by wire; members may be NULL beside a stopped server */
    void *ctx;
    enum fault (*publish)(void *ctx, struct error *error);              /* what is in force reaches every loop */
    enum fault (*emergency)(void *ctx, const struct emergency_entry *e, struct error *error);
};
struct action_call {
    struct registry *registry;
    const struct policy *policy;
    const struct action_services *services;
    struct intervention_spec spec;
    const struct alert_rule *rule; /* NULL: a person's own */
    int64_t alert;
    struct actor who;
    struct slice why, evidence;
    int64_t at_us;
    struct arena *arena;
};
struct action_outcome {
    struct action_row row;
    bool already;                /* the same is in force */
    struct slice words;          /* "traffic of support-chat goes to openai-eu first; undo: quarterdeck action undo 7" */
};
/* FAULT_BAD_REQUEST: the scope names nothing, or lacks what the kind needs (with the nearest name). A refusal by grant or rate is FAULT_NONE with
 * the row's state saying so. */
enum fault action_take(const struct action_call *c, struct action_outcome *ret, struct error *error) MUST_CHECK;
enum fault action_undo(const struct action_call *c, int64_t number, struct action_outcome *ret, struct error *error) MUST_CHECK;
/* The grant that allows it; NULL: none. */
const struct alert_grant *grant_for(const struct alert_policy *p, const struct alert_rule *rule, const struct intervention_spec *spec);
void intervention_spec_write(const struct intervention_spec *s, struct json_writer *w);
enum fault intervention_spec_read(struct slice json, struct arena *arena, struct intervention_spec *ret, struct error *error) MUST_CHECK;
/* The command that does, and that undoes, the same. */
struct slice intervention_command(const struct intervention_spec *s, struct arena *arena);

#endif
