/* actions.h - what the watch or a person did to live traffic (model/intervention.h): one row each, in the registry's database, with its audit entry in
 * the same transaction. Rows in force are what the loops hold; undoing one ends it. */
#ifndef STORE_ACTIONS_H
#define STORE_ACTIONS_H

#include "store/registry.h"

#define LIMIT_ACTIONS_IN_FORCE 200

/* STATE(symbol, name) */
#define ACTION_STATE_TABLE(STATE)                                                                                         \
    STATE(IN_FORCE, "in force")    /* the loops hold it */                                                                \
    STATE(RETURNING, "returning")  /* a fail-over whose primary comes back in steps */                                    \
    STATE(DONE, "done")            /* it was one step, and is history: a rollback, an abort */                            \
    STATE(UNDONE, "undone") STATE(EXPIRED, "expired") STATE(RETURNED, "returned")                                         \
    STATE(WOULD, "would")          /* dry run: nothing was done */                                                        \
    STATE(NOT_GRANTED, "not granted") STATE(TOO_OFTEN, "too often") STATE(FAILED, "failed")
enum action_state {
#define STATE(symbol, name) ACTION_##symbol,
    ACTION_STATE_TABLE(STATE)
#undef STATE
        ACTION_STATES
};
const char *action_state_name(enum action_state s);
bool action_state_from(struct slice name, enum action_state *ret);

struct action_row {
    int64_t number;
    int kind;                     /* enum intervention_kind */
    struct slice scope;           /* JSON of intervention_spec */
    enum action_state state;
    int64_t at_us, until_us, ended_us;
    struct slice rule;            /* whose alert it follows; SLICE_NULL: a person's own */
    int64_t alert;                /* 0 */
    struct slice by, why, ended_by, ended_why;
    uint32_t share_ppm;           /* fail_over: how much of the primary is back */
    int step;
    int64_t step_us;              /* since when it is at this step, wall */
    struct slice evidence;        /* JSON: of the alert; of each step of coming back */
    struct slice undo;            /* the command */
};
/* number is filled in. FAULT_CONFLICT: the same (kind, scope) is in force already, ret_other its number. */
enum fault action_begin(struct registry *r, struct action_row *a, const struct audit_entry *entry, int64_t *ret_other, struct error *error) MUST_CHECK;
/* state, share, step, step_us, ended_*, evidence become those of `a`; FAULT_CONFLICT unless it is in `from`. */
enum fault action_move(struct registry *r, const struct action_row *a, enum action_state from, const struct audit_entry *entry, struct error *error) MUST_CHECK;
struct actions_filter { unsigned states; struct slice rule; int64_t alert, number, from_us, before; unsigned limit; };
enum fault actions_list(struct registry *r, const struct actions_filter *f, struct arena *arena, struct action_row **ret, unsigned *ret_n,
                        struct error *error) MUST_CHECK; /* newest first */
/* That were done by themselves for this rule and kind since then: for a grant's rate. */
enum fault actions_count(struct registry *r, struct slice rule, int kind, int64_t since_us, int64_t *ret, struct error *error) MUST_CHECK;

#endif
