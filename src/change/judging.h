/* judging.h - how a rollout stands: from what was counted of it (store/rollouts.h), the scores of its records and the pairs of its shadow, to
 * what rollout_decide is asked with. For the server's thread and for whoever asks, by the same code. */
#ifndef CHANGE_JUDGING_H
#define CHANGE_JUDGING_H

#include "change/ab.h"
#include "change/rollout.h"
#include "store/ledger.h"

/* The plan of a row; of an A/B test its metric is the first guardrail, and the canary's come after it. Texts in the arena. */
struct judged_plan {
    struct rollout_plan plan;
    bool is_ab;
    struct ab_test test;
};
enum fault judging_plan(const struct rollout_row *row, struct arena *arena, struct judged_plan *ret, struct error *error) MUST_CHECK;

/* Which arm a scored record was of: looked up once each. Bounded: what does not fit is looked up again. */
struct judging_memory;
struct judging_memory *judging_memory_new(void);
void judging_memory_free(struct judging_memory *m);

struct judging_sources {
    struct registry *registry;
    struct ledger *ledger;           /* NULL: no scores are known */
    const struct change_policy *policy;
    struct judging_memory *memory;   /* NULL: none */
};
struct judging {
    struct guard_answer answers[GUARDRAILS];
    unsigned n;
    struct rollout_evidence evidence;
    struct ab_report report;         /* of an A/B test */
    uint64_t pairs;                  /* of the shadow */
    int64_t shadow_cost_nano;        /* of its pairs so far */
};
/* `counted`: guardrails_encode of what was counted so far; SLICE_NULL: nothing was. */
enum fault judging_of(const struct judging_sources *s, const struct rollout_row *row, const struct judged_plan *plan, struct slice counted,
                      struct arena *arena, struct judging *ret, struct error *error) MUST_CHECK;

struct slice judging_scores_of(const struct guardrail *g); /* name of the scores that it is about; SLICE_NULL: it is about records */
/* Exchanges an arm that a test of prompt `name` takes (ab_needed), by what version `production` did in the last seven days; -1: not known. */
enum fault judging_needed(const struct judging_sources *s, struct slice name, int64_t production, const struct ab_plan *p, int64_t now_us,
                          int64_t *ret, struct error *error) MUST_CHECK;

struct rollout_point;
/* How it stands, for store/rollout_points.h; texts in the arena. SLICE_NULL as body: nothing is judged. */
void judging_point(const struct judging *j, const struct rollout_row *row, int64_t at_us, struct arena *arena, struct rollout_point *ret);

#endif
