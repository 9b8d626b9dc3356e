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
#define ACTIONS_IN_FORCE (1u << ACTION_IN_FORCE | 1u << ACTION_RETURNING)
const char *action_state_name(enum action_state s);
bool action_state_from(struct slice name, enum action_state *ret);

struct action_row {
    int64_t number;
    int kind;                     /* enum intervention_kind */
    struct slice scope;           /* JSON of intervention_spec */
    enum action_state state;
    int64_t at_us, until_us, ended_us;
    struct slice rule;            /* whose alert it follows; SLICE_NULL: a person's own */
    int64_t alert, firing;        /* its number; which of its firings, by the alert clock; 0 */
    struct slice by, why, ended_by, ended_why;
    uint32_t share_ppm;           /* fail_over: how much of the primary is back */
    int step;
    int64_t step_us;              /* since when it is at this step, wall */
    struct slice evidence;        /* JSON: of the alert; of each step of coming back */
    struct slice undo;            /* the command */
};
/* number is filled in, and the entry's subject where it is SLICE_NULL ("action:7"). A row that is in force and says no `undo` is undone by
 * `quarterdeck action undo NUMBER`. FAULT_CONFLICT: the same (kind, scope but for per_minute) is in force already, *ret_other its number; or
 * LIMIT_ACTIONS_IN_FORCE are, *ret_other 0. FAULT_NO_SPACE: nothing was kept. */
enum fault action_begin(struct registry *r, struct action_row *a, const struct audit_entry *entry, int64_t *ret_other, struct error *error) MUST_CHECK;
/* state, share, step, step_us, ended_*, evidence become those of `a`; FAULT_CONFLICT unless it is in `from`, FAULT_NOT_FOUND. */
enum fault action_move(struct registry *r, const struct action_row *a, enum action_state from, const struct audit_entry *entry, struct error *error) MUST_CHECK;
struct actions_filter {          /* zeroed: everything */
    unsigned states;             /* bits 1u << enum action_state; 0: any */
    struct slice rule;           /* SLICE_NULL: any */
    int64_t alert, firing, number; /* 0: any */
    unsigned kinds;              /* bits 1u << enum intervention_kind; 0: any */
    int64_t from_us;             /* begun at or after */
    int64_t before;              /* number below; 0: from the newest */
    unsigned limit;              /* 0: all */
};
enum fault actions_list(struct registry *r, const struct actions_filter *f, struct arena *arena, struct action_row **ret, unsigned *ret_n,
                        struct error *error) MUST_CHECK; /* newest first */
/* Rows of this rule and kind in these states since then: for a grant's rate. */
#define ACTIONS_DONE                                                                                                                \
    (1u << ACTION_IN_FORCE | 1u << ACTION_RETURNING | 1u << ACTION_DONE | 1u << ACTION_UNDONE | 1u << ACTION_EXPIRED | 1u << ACTION_RETURNED)
enum fault actions_count(struct registry *r, struct slice rule, int kind, unsigned states, int64_t since_us, int64_t *ret, struct error *error) MUST_CHECK;
/* Forgets those that are not in force and began before. */
enum fault actions_prune(struct registry *r, int64_t before_us, struct error *error) MUST_CHECK;

#endif
