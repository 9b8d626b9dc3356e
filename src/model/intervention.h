/* intervention.h - what the watch may do to live traffic: the kinds of actions, one of them as it is declared, and those in force as every
 * loop holds them (part of struct deployments, so that one is in force without a reload, and a restart finds it again).
 *
 * Each only makes things safer and has an undo. Rollbacks and aborts change what serves (change/acts.h) and are not held here. */
#ifndef MODEL_INTERVENTION_H
#define MODEL_INTERVENTION_H

#include "base/slice.h"

#include <stdatomic.h>

/* KIND(symbol, name, needs (words of its scope), meaning) */
#define INTERVENTION_TABLE(KIND)                                                                                              \
    KIND(ROLL_BACK, "roll_back", "prompt", "the version before serves production again")                                     \
    KIND(ABORT, "abort_rollout", "prompt", "the candidate of a rollout gets no more traffic")                                 \
    KIND(FAIL_OVER, "fail_over", "model", "the model's first target (or `from`) is asked last; it comes back in steps")       \
    KIND(OPEN_BREAKER, "open_breaker", "provider", "nothing is sent to this provider (or its `upstream_model`)")              \
    KIND(CLOSE_BREAKER, "close_breaker", "provider", "requests are sent again though its breaker is open")                    \
    KIND(THROTTLE, "throttle_key", "key", "an application's key may send `per_minute` requests")                              \
    KIND(FREEZE, "freeze_key", "key", "an application's key may send none")                                                   \
    KIND(ROUTE_DOWN, "route_down", "model", "a model with tiers answers from its cheapest one (or `tier`)")                   \
    KIND(DEGRADE, "serve_degraded", "model", "the model's stand-in is served; no provider is asked")                          \
    KIND(QUARANTINE, "quarantine", "application", "answers that were kept until now (of `model`, `prompt`, or one `record`) are not given again") \
    KIND(PAUSE_BATCH, "pause_batch", "application", "lines of its batches (or of one `batch`) wait")

enum intervention_kind {
#define KIND(symbol, name, needs, meaning) INTERVENTION_##symbol,
    INTERVENTION_TABLE(KIND)
#undef KIND
        INTERVENTION_KINDS
};
const char *intervention_name(enum intervention_kind k);
bool intervention_from(struct slice name, enum intervention_kind *ret);

/* What it is done to. A member that the kind does not know is SLICE_NULL; in a rule one that is not given is filled in from the series that
 * fires (model, provider, application, prompt). */
#define INTERVENTION_SCOPE(TEXT)                                                                                              \
    TEXT(application) TEXT(model) TEXT(provider) TEXT(upstream_model) TEXT(prompt) TEXT(key) TEXT(from) TEXT(to) TEXT(tier)   \
    TEXT(record) TEXT(batch)
struct intervention_spec {
    enum intervention_kind kind;
#define TEXT(field) struct slice field;
    INTERVENTION_SCOPE(TEXT)
#undef TEXT
    int64_t per_minute;          /* throttle_key; -1 */
    int64_t lasts_us;            /* it ends by itself; 0: until it is undone */
    bool dry_run;
};


/* The members of a scope, and which of them a kind knows and cannot do without. */
enum intervention_member {
#define TEXT(field) INTERVENTION_MEMBER_##field,
    INTERVENTION_SCOPE(TEXT)
#undef TEXT
        INTERVENTION_MEMBERS
};
const char *intervention_member_name(enum intervention_member m);
struct slice *intervention_member(struct intervention_spec *s, enum intervention_member m);
bool intervention_knows(enum intervention_kind k, enum intervention_member m);
bool intervention_needs(enum intervention_kind k, enum intervention_member m);
/* What a rule's action does not say and its kind knows, from the series that fires: application, model, provider, upstream_model, prompt (of
 * NAME@V the name). Texts are borrowed. What the series does not tell stays SLICE_NULL. */
struct signal_series;
void intervention_fill(struct intervention_spec *s, const struct signal_series *from);

/* One in force. */
struct intervention {
    int64_t number;              /* of the registry's row (store/actions.h) */
    struct intervention_spec spec; /* texts in the arena of deployments */
    uint32_t share_ppm;          /* FAIL_OVER: of exchanges that ask the primary first again, as it comes back: 0, 10000, 100000, 500000 */
    int64_t since_us;            /* monotonic, so that no step of the clock lets one out; when it came into force: QUARANTINE is about what was asked before */
    int64_t until_us;            /* wall; 0: no end */
    struct throttle *throttle;   /* THROTTLE; shared by all loops and by all snapshots with this number; never NULL there */
};
struct throttle {                /* GCRA (ITU-T I.371): the theoretical arrival time of the next request */
    atomic_uint references;
    _Atomic int64_t tat_us;      /* monotonic */
};

/* It has not ended by itself. */
static inline bool intervention_holds(const struct intervention *i, int64_t wall_us) { return i->until_us == 0 || wall_us < i->until_us; }
/* Members of a scope that are not given hold for any. */
static inline bool intervention_covers(struct slice given, struct slice what) { return given.len == 0 || slice_eq(given, what); }

struct throttle *throttle_new(void); /* one reference */
struct throttle *throttle_hold(struct throttle *t);
void throttle_drop(struct throttle *t); /* accepts NULL */
/* One request now? As many may come at once as in a tenth of a minute, and one; so at most 1.1 per_minute + 1 in any minute. False: not
 * before *ret_wait_us, and it does not count. per_minute below 1: none. Any thread. */
bool throttle_admit(struct throttle *t, int64_t per_minute, int64_t now_us, int64_t *ret_wait_us);

#endif
