/* downgrade_regular.h - the downgrade test that the server makes by itself (models.*.downgrade_test): when it is due, what it
 * may cost, and what is remembered, so that a restart neither repeats nor skips one.
 *
 * Remembered by model, in the registry: when the last one was done, and, of one that has begun and not ended, its run and how
 * often it was begun. Such a one is begun anew under the same run, with what its records say it has cost already;
 * after DOWNGRADE_TRIES it is given up until the next is due. Due is once `every` lies between the last and now, on the wall
 * clock, in either direction: a clock that was far ahead and was set right holds nothing up.
 *
 * Fewer captured exchanges than an answer takes (DOWNGRADE_LEAST): nothing is asked, nothing remembered, and it is looked for
 * again by whoever asks. One thread at a time. */
#ifndef COST_DOWNGRADE_REGULAR_H
#define COST_DOWNGRADE_REGULAR_H

#include "cost/downgrade_ask.h"
#include "model/tiers.h"

#define DOWNGRADE_TRIES 3
#define DOWNGRADE_ACTOR "scheduler"

struct downgrade_memory {
    int64_t done_us;  /* wall; 0: never */
    int64_t begun_us; /* 0: none is under way */
    unsigned tries;
    char run[DOWNGRADE_RUN_TEXT];
};
bool downgrade_is_due(const struct downgrade_memory *m, int64_t every_us, int64_t now_us);

/* What the test needs of the world. */
struct downgrade_world {
    void *ctx;
    int64_t (*now_us)(void *ctx); /* wall */
    enum fault (*recall)(void *ctx, const char *model, struct downgrade_memory *ret, struct error *error); /* zeroed: none */
    enum fault (*remember)(void *ctx, const char *model, const struct downgrade_memory *m, struct error *error);
    enum fault (*draw)(void *ctx, const struct model_route *m, size_t want, int64_t seed, struct arena *arena,
                       struct downgrade_case **ret, size_t *ret_n, struct error *error);
    /* What the records of this run have cost; true in *ret_kept: its result is kept already. */
    enum fault (*resume)(void *ctx, const struct model_route *m, const struct downgrade_memory *of, int64_t *ret_spent_nano, bool *ret_kept,
                         struct error *error);
    /* The requests; NULL: downgrade_ask_send and _score. */
    enum fault (*send)(struct downgrade_ask *a, const struct downgrade_case *c, struct arena *arena, struct slice *ret, struct error *error);
    enum fault (*score)(struct downgrade_ask *a, const struct downgrade_case *c, struct slice answer, double *ret_before, double *ret_after,
                        struct error *error);
    void (*look_up)(void *ctx, const struct downgrade_ask *a, struct downgrade_pair *pairs, size_t n, struct arena *arena);
    /* Result and scores, for good. */
    enum fault (*keep)(void *ctx, const struct model_route *m, const struct downgrade_ask *a, const struct downgrade_result *r,
                       int64_t seed, struct error *error);
};

enum downgrade_step { DOWNGRADE_NOT_DUE, DOWNGRADE_TOO_FEW, DOWNGRADE_DONE, DOWNGRADE_GIVEN_UP };

/* One look at one model that has a downgrade.every_us; `a` says who asks, and where, and when to stop. FAULT_SHUTTING_DOWN: it
 * was stopped, and goes on at the next start. Another fault: it could not; begun anew at the next look. */
enum fault downgrade_regular(const struct downgrade_world *w, const struct model_route *m, struct downgrade_ask *a,
                             enum downgrade_step *ret, struct error *error) MUST_CHECK;

#endif
