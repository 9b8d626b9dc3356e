/* triggers.h - what the server remembers of running suites by itself: when each trigger last had its turn, and which versions of models have
 * answered. */
#ifndef STORE_TRIGGERS_H
#define STORE_TRIGGERS_H

#include "store/evaluations.h"

struct trigger_state { /* zeroed: never looked at */
    int64_t last_us;   /* schedule: up to when it has had its turns; model-change: of the last change */
    int64_t wanted_us; /* a run is wanted since then, and is not over; 0: none is */
    int64_t run;       /* the last one that it began; 0: none */
    struct slice note; /* why the last turn came to nothing; SLICE_NULL: it did not */
};
/* `what`: "schedule 0 6 * * *", "model-change". Texts in the arena. */
enum fault trigger_find(struct evaluations *e, struct slice suite, struct slice what, struct arena *arena, struct trigger_state *ret,
                        struct error *error) MUST_CHECK;
enum fault trigger_put(struct evaluations *e, struct slice suite, struct slice what, const struct trigger_state *s, struct error *error) MUST_CHECK;

/* Who answered: the model that was asked for, and its target's own word for what it is. */
struct model_answer {
    struct slice model, provider, target, version, fingerprint; /* null counts as "" */
};
enum model_news { MODEL_KNOWN, MODEL_FIRST, MODEL_NEW }; /* FIRST: of this target nothing was known before */
/* Remembers it, and counts `answers` of it (0 or 1: requests of evaluations are no traffic), with the place in the ledger (follow.h) in the same transaction as others of one step: see model_step_begin. */
enum fault model_seen(struct evaluations *e, const struct model_answer *a, unsigned answers, int64_t at_us, enum model_news *ret, struct error *error) MUST_CHECK;

/* The version of the same target that came last before it. FAULT_NOT_FOUND: there was none. */
enum fault model_former(struct evaluations *e, const struct model_answer *a, struct arena *arena, struct slice *ret_version, struct slice *ret_fingerprint,
                        struct error *error) MUST_CHECK;

/* How much of its target's traffic a version has had since it was first seen. FAULT_NOT_FOUND. */
struct model_share {
    int64_t first_us, answers, of; /* answers of the version; of the target, any version */
};
enum fault model_share(struct evaluations *e, const struct model_answer *a, struct model_share *ret, struct error *error) MUST_CHECK;

/* A step: everything between begin and end is kept together with `position`, or not at all. */
enum fault model_step_begin(struct evaluations *e, struct error *error) MUST_CHECK;
enum fault model_step_end(struct evaluations *e, struct slice position, struct error *error) MUST_CHECK;
void model_step_undo(struct evaluations *e);
enum fault model_position(struct evaluations *e, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK; /* SLICE_NULL: never */

#endif
