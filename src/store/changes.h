/* changes.h - versions of what shapes answers (prompts, knowledge bases), the state of each, and what serves: in the registry's
 * database, beside the audit log.
 *
 * There is one way to change anything: changes_commit, which does all of a change and its audit entries in one transaction or nothing. Each
 * subject has a revision that grows with every change; who says which one it has seen is refused when another was faster, and is told what
 * the other did. So two operators, two threads and a kill at any moment leave exactly one outcome.
 *
 * Which states follow which is not known here (change/lifecycle.h); that a version is in the state that the change expects is checked. */
#ifndef STORE_CHANGES_H
#define STORE_CHANGES_H

#include "store/registry.h"

#define CHANGE_KINDS "prompt|knowledge"

/* STATE(symbol, name): the names are public */
#define VERSION_STATE_TABLE(STATE)                                                                            \
    STATE(DRAFT, "draft")                                                                                     \
    STATE(IN_REVIEW, "in review")                                                                             \
    STATE(EVALUATED, "evaluated")                                                                             \
    STATE(SHADOW, "shadow")                                                                                   \
    STATE(CANARY, "canary")       /* an A/B test too */                                                       \
    STATE(PRODUCTION, "production")                                                                           \
    STATE(REJECTED, "rejected")                                                                               \
    STATE(ROLLED_BACK, "rolled back")                                                                         \
    STATE(SUPERSEDED, "superseded")
enum version_state {
#define STATE(symbol, name) VERSION_##symbol,
    VERSION_STATE_TABLE(STATE)
#undef STATE
        VERSION_STATES
};
const char *version_state_name(enum version_state s);
bool version_state_from(struct slice name, enum version_state *ret);

struct change_version {
    struct slice kind, name;
    int64_t version;             /* 1, 2, ... */
    struct digest digest;        /* of body: its identity */
    struct slice body;           /* canonical JSON */
    struct slice human;          /* "v1.2.3"; SLICE_NULL */
    enum version_state state;
    struct slice state_by, state_why; /* who put it there, and why */
    int64_t state_us;
    int64_t parent;              /* what was in production when it was made, else the newest; 0: it is the first */
    int class_computed, class_raised; /* enum change_class; raised: at least computed */
    struct slice author, applied_by, why, ticket, commit; /* SLICE_NULL: not said. applied_by: the token's user */
    struct slice owner;
    int64_t created_us;
    int64_t tokens;              /* of the messages as they stand; -1: not known */
    int64_t cost_nano;           /* of one call; MONEY_UNKNOWN */
    struct slice facts;          /* JSON object: class_reasons, lint, suites, compared with parent, launched and best */
    struct slice gate;           /* JSON: state, verdict, runs (change/gate.h); SLICE_NULL: none was begun */
};

struct change_subject {
    struct slice kind, name;
    uint64_t revision;
    int64_t newest;
    int64_t production, launched; /* version; 0: none. launched: the first that ever was in production */
    int64_t changed_us;
    struct slice changed_by, changed_how; /* the last change, in words: "rolled back to 3" */
};

struct change_approval {
    int64_t version;
    struct slice by, verdict, why; /* verdict: "approve", "reject", "override" */
    int64_t at_us;
};

/* ---- reading; texts in the arena ---- */
enum fault changes_subjects(struct registry *r, struct slice kind, struct arena *arena, struct change_subject **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;
enum fault changes_subject(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct change_subject *ret,
                           struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
/* Newest first; `limit` 0: all. */
enum fault changes_versions(struct registry *r, struct slice kind, struct slice name, unsigned limit, struct arena *arena,
                            struct change_version **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* The same of all of them, without their bodies (SLICE_NULL): a knowledge base's have many MiB. */
enum fault changes_heads(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                         struct error *error) MUST_CHECK;
/* Of these the newest `limit` (0: all) below version `before` (0: from the newest on). */
enum fault changes_heads_page(struct registry *r, struct slice kind, struct slice name, int64_t before, unsigned limit, struct arena *arena,
                              struct change_version **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Of every subject of a kind what it is about now: its newest version, the one in production and those on their way (in review, evaluated, in a
 * rollout), by name and then newest first; without bodies, facts and gates. */
enum fault changes_current(struct registry *r, struct slice kind, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                           struct error *error) MUST_CHECK;
/* `which`: "" or "production", a number, a human version, 8 or more digits of the digest, a label: the first of these that is one.
 * FAULT_NOT_FOUND with what there is. */
enum fault changes_version(struct registry *r, struct slice kind, struct slice name, struct slice which, struct arena *arena,
                           struct change_version *ret, struct error *error) MUST_CHECK;
enum fault changes_approvals(struct registry *r, struct slice kind, struct slice name, int64_t version, struct arena *arena,
                             struct change_approval **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Versions in these states, of all subjects: what goes on after a restart. `states`: bits. */
enum fault changes_in_states(struct registry *r, unsigned states, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                             struct error *error) MUST_CHECK;
struct change_label { struct slice kind, name, label; int64_t version; };
enum fault changes_labels(struct registry *r, struct arena *arena, struct change_label **ret, unsigned *ret_n, struct error *error) MUST_CHECK;

/* ---- changing ---- */
struct change_move {              /* one version to another state; FAULT_CONFLICT unless it is in `from` */
    int64_t version;
    enum version_state from, to;
};
#define CHANGE_MOVES 4
struct rollout_row;               /* store/rollouts.h */

struct change {                   /* zeroed, but what it is about */
    struct slice kind, name;
    uint64_t if_revision;         /* 0: whatever it is */
    uint64_t revision;            /* filled in: what it is now */
    /* A version to add, or NULL. Its number is filled in; the same digest is the same version, with the state that it has (filled in).
     * A parent of 0 where there are versions is FAULT_CONFLICT: another was faster. */
    struct change_version *add;
    struct change_move moves[CHANGE_MOVES];
    unsigned n_moves;
    int64_t production;           /* serves from now on; 0: as it was */
    struct slice label;           /* to point at label_version (0: nowhere); SLICE_NULL */
    int64_t label_version;
    const struct change_approval *approval;
    int64_t raise_version;        /* its class_raised becomes raise_to */
    int raise_to;
    int64_t gate_version;         /* its gate becomes `gate` */
    struct slice gate;
    int64_t facts_version;        /* its facts and its owner become these: other suites were bound */
    struct slice facts, owner;
    struct rollout_row *rollout;  /* begins (number 0, filled in) or is as this from now on; FAULT_CONFLICT where another is under way */
    struct slice how;             /* in words for others, "rolled back to 3"; SLICE_NULL: the action's name */
    /* actor, action, reason, at_us; subject SLICE_NULL: "kind:name", with "@V" where it is about one version. detail: JSON (evidence), kept as
     * the member "evidence" beside what the change itself is: revision, versions' states, production, label, gate, approval, rollout. */
    struct audit_entry audit;
};
/* *ret_new: `add` was not there. Where `add` was there and nothing else changes, nothing is written. FAULT_CONFLICT says who changed what
 * since; FAULT_NOT_FOUND: no such subject or version; FAULT_NO_SPACE: the disk is full. On a fault nothing was done. */
enum fault changes_commit(struct registry *r, struct change *c, bool *ret_new, struct error *error) MUST_CHECK;

#endif
