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
    int64_t (*serves)(void *ctx, struct slice kind, struct slice name); /* by a rollback that the registry has had no room for yet; 0: none */
};
struct action_call {
    struct registry *registry;
    const struct policy *policy;
    const struct action_services *services;
    struct intervention_spec spec;
    const struct alert_rule *rule; /* NULL: a person's own */
    int64_t alert;               /* its number; 0 */
    int64_t firing;              /* which of its firings, by the alert clock: what was done or refused for it is not done again; 0 */
    int64_t fired_us;            /* when that began, by the wall clock: what a person undid since is not done again */
    struct actor who;            /* automatic where a rule wants it */
    struct slice why, evidence;  /* evidence: JSON or SLICE_NULL */
    int64_t at_us;
    struct arena *arena;
};
struct action_outcome {
    struct action_row row;       /* number 0: the registry has had no room for it (a rollback alone goes on without) */
    bool already;                /* the same is in force, was done for this firing, or a person undid it since: nothing was written */
    bool published;              /* it is in force on every loop; false too where nothing had to be */
    struct slice words;          /* "traffic of support-chat goes past openai/gpt first. To undo: `quarterdeck action undo 7`" */
};
/* A person's: FAULT_BAD_REQUEST: the scope names nothing, or lacks what the kind needs (with the nearest name); FAULT_NOT_FOUND, FAULT_CONFLICT,
 * FAULT_NOT_PERMITTED as change/acts.h says; FAULT_NO_SPACE: the disk is full and it was not done (a rollback is, all the same). A rule's:
 * what keeps it from being done (no grant, too often, a scope that names nothing) is FAULT_NONE with a row whose state says so; other faults may be
 * tried again. */
enum fault action_take(const struct action_call *c, struct action_outcome *ret, struct error *error) MUST_CHECK;
/* By a person. What has ended already is FAULT_NONE with `already`; FAULT_CONFLICT: it was one step (the command that undoes it is in the words),
 * or nothing was done. `policy`, `spec`, `rule` and `alert` are not read. */
enum fault action_undo(const struct action_call *c, int64_t number, struct action_outcome *ret, struct error *error) MUST_CHECK;
/* Ends those whose time has come. *ret_n: how many; publish. */
enum fault action_expire(struct registry *r, int64_t now_us, struct arena *arena, unsigned *ret_n, struct error *error) MUST_CHECK;

/* The grant that allows it; NULL: none. Of several the first that is no dry run. */
const struct alert_grant *grant_for(const struct alert_policy *p, const struct alert_rule *rule, const struct intervention_spec *spec);
/* Is everything there that the kind needs and nothing else, and does it all name something? The primary that `from` leaves open is filled in. */
enum fault intervention_check(const struct policy *p, struct registry *r, struct intervention_spec *s, struct arena *arena, struct error *error) MUST_CHECK;
/* An object with the members of the scope, and per_minute: its identity in the registry. */
void intervention_spec_write(const struct intervention_spec *s, struct json_writer *w);
/* The kind is the caller's. */
enum fault intervention_spec_read(struct slice json, struct arena *arena, struct intervention_spec *ret, struct error *error) MUST_CHECK;
/* "support-chat", "key ci of helpdesk": what it is done to, in words. */
struct slice intervention_about(const struct intervention_spec *s, struct arena *arena);
/* The command by which a person does the same: "quarterdeck action take fail_over --model support-chat". */
struct slice intervention_command(const struct intervention_spec *s, struct arena *arena);
/* {"alert": EVIDENCE, "relapses": N, "coming_back": [...]} of a fail-over: what its coming back rests on. */
struct slice action_return_evidence(struct slice before, unsigned relapses, struct slice step, struct arena *arena);
unsigned action_relapses(struct slice evidence, struct arena *arena);

#endif
