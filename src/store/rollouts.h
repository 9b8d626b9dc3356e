/* rollouts.h - rollouts of versions and A/B tests: one row each, at most one under way for a subject. Written by changes_commit (changes.h)
 * when its state changes; its sums are written by the analysis, together with how far in the ledger it has come. */
#ifndef STORE_ROLLOUTS_H
#define STORE_ROLLOUTS_H

#include "store/changes.h"

#define ROLLOUT_STAGE_TABLE(STAGE) STAGE(SHADOW, "shadow") STAGE(CANARY, "canary") STAGE(AB, "ab") STAGE(DIRECT, "direct")
enum rollout_stage {
#define STAGE(symbol, name) STAGE_##symbol,
    ROLLOUT_STAGE_TABLE(STAGE)
#undef STAGE
};
#define ROLLOUT_STATE_TABLE(STATE)                                                                            \
    STATE(PROGRESSING, "progressing")                                                                         \
    STATE(PAUSED, "paused")            /* by a person, by a pause without an end, or by a guardrail; arms stay as they are */ \
    STATE(PROMOTED, "promoted")                                                                               \
    STATE(ROLLED_BACK, "rolled back")  /* by its guardrails, or by a person after it was promoted */          \
    STATE(ABORTED, "aborted")          /* by a person */
enum rollout_state {
#define STATE(symbol, name) ROLLOUT_##symbol,
    ROLLOUT_STATE_TABLE(STATE)
#undef STATE
};
const char *rollout_stage_name(enum rollout_stage s);
const char *rollout_state_name(enum rollout_state s);
bool rollout_stage_from(struct slice name, enum rollout_stage *ret);
bool rollout_state_from(struct slice name, enum rollout_state *ret);
#define ROLLOUTS_AT_ONCE 256 /* under way: what the server watches; more are not begun */
static inline bool rollout_under_way(enum rollout_state s) { return s == ROLLOUT_PROGRESSING || s == ROLLOUT_PAUSED; }

struct rollout_row {
    int64_t number;              /* 0: to begin */
    struct slice kind, name;
    int64_t candidate, control;  /* versions */
    struct slice plan;           /* JSON, plan_write; of an A/B test the test's (change/ab.h) */
    enum rollout_stage stage;
    enum rollout_state state;
    unsigned step;               /* index into the plan's steps */
    unsigned epoch;              /* grows with each change of weights: deployed_rollout.step */
    uint32_t weight_ppm;
    uint64_t salt;
    int64_t step_held_us;        /* served time at this step so far (not wall time: clocks step, servers rest) */
    int64_t started_us, ended_us; /* wall; 0 */
    struct slice started_by, verdict, why; /* verdict: "Successful", "Failed", "Inconclusive", "Error"; why of the last change */
    struct slice evidence;       /* JSON: the guardrails as they stood then */
};

/* The newest one of a subject. FAULT_NOT_FOUND. */
enum fault rollout_find(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct rollout_row *ret,
                        struct error *error) MUST_CHECK;
/* One of its rollouts, by number. FAULT_NOT_FOUND. */
enum fault rollout_numbered(struct registry *r, struct slice kind, struct slice name, int64_t number, struct arena *arena, struct rollout_row *ret,
                            struct error *error) MUST_CHECK;
/* Newest first; `under_way`: only these. `kind`, `name` SLICE_NULL: any. */
enum fault rollouts_list(struct registry *r, struct slice kind, struct slice name, bool under_way, unsigned limit, struct arena *arena,
                         struct rollout_row **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* What happened to it, oldest first: {at, actor, action, why, stage, step, weight, verdict}, one JSON object each, from the audit log. */
enum fault rollout_history(struct registry *r, int64_t number, struct arena *arena, struct slice **ret, unsigned *ret_n,
                           struct error *error) MUST_CHECK;

/* The analysis' memory of a rollout, one transaction for all of a look: never twice, never left out (follow.h). */
struct rollout_sums {
    int64_t number;
    unsigned step, epoch;        /* at which it was counted: where somebody has moved it since, step_held_us is not kept */
    int64_t step_held_us;
    struct slice body;           /* guardrails_encode */
};
enum fault rollout_sums_find(struct registry *r, int64_t number, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK; /* SLICE_NULL: none */
enum fault rollout_sums_keep(struct registry *r, const struct rollout_sums *s, unsigned n, struct slice position, struct error *error) MUST_CHECK;
enum fault rollout_position(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK; /* SLICE_NULL: never */

/* Pairs of a shadow: what a user got and what the candidate would have said. */
struct shadow_pair {
    int64_t rollout;
    struct slice record;         /* id of the served exchange */
    int64_t at_us, cost_nano;    /* cost: of the candidate's answer and of judging it */
    struct slice body;           /* JSON (change/shadow.h) */
};
enum fault shadow_pair_put(struct registry *r, const struct shadow_pair *p, struct error *error) MUST_CHECK; /* the same record again: as it was */
enum fault shadow_pairs(struct registry *r, int64_t rollout, bool (*each)(void *ctx, const struct shadow_pair *p), void *ctx,
                        struct error *error) MUST_CHECK;

#endif
