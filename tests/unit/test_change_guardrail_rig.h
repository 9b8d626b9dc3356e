/* test_change_guardrail_rig.h - a rollout in miniature: records of units whose arm is drawn as the gateway draws it. */
#ifndef TEST_CHANGE_GUARDRAIL_RIG_H
#define TEST_CHANGE_GUARDRAIL_RIG_H

#include "base/mem.h"
#include "change/guardrail_private.h"
#include "test_stats_rig.h"

#include <stdio.h>

struct rig {
    struct guardrail rails[GUARDRAILS];
    struct rollout_plan plan;
    struct guardrails *g;
    struct random random;
};

static inline struct guardrail rail_of(const char *metric, enum guard_kind kind, double margin) {
    struct guardrail r = {.metric = slice_of(metric), .kind = kind, .margin = margin, .alpha = NAN, .tolerance = 0.01, .quantile = 0.95};
    struct slice head, tail;
    if (slice_cut(r.metric, ':', &head, &tail)) r.name = tail;
    return r;
}

static inline void rig_open(struct rig *r, const struct guardrail *rails, unsigned n, enum sticky sticky, uint64_t seed) {
    *r = (struct rig){.random = {seed}};
    for (unsigned i = 0; i < n; i++) r->rails[i] = rails[i];
    r->plan = (struct rollout_plan){.guardrails = r->rails, .n_guardrails = n, .alpha = 0.01, .min_samples = 200, .sticky = sticky};
    r->g = guardrails_new(&r->plan);
}

static inline void rig_close(struct rig *r) { guardrails_free(r->g); }

static inline enum arm arm_at(double u, uint32_t weight_ppm) {
    double w = weight_ppm / 1e6;
    return u < w ? ARM_CANDIDATE : u < w + fmin(w, 1 - w) ? ARM_CONTROL : ARM_REST;
}

/* A good answer of a unit of its own. */
static inline struct record record_at(struct rig *r, uint32_t weight_ppm) {
    struct record x;
    record_init(&x);
    for (int i = 0; i < 16; i += 8) {
        uint64_t bits = random_next(&r->random);
        memcpy(x.id.bytes + i, &bits, 8);
    }
    x.application = SLICE("app");
    x.status = RECORD_OK;
    x.arm = arm_at(random_unit(&r->random), weight_ppm);
    x.duration_us = 1000000;
    x.cost_nano = 1000000;
    return x;
}

static inline struct guard_answer answer_of(const struct rig *r, unsigned i) {
    struct guard_answer a[GUARDRAILS];
    assert_int_equal(guardrails_judge(r->g, a), r->plan.n_guardrails);
    return a[i];
}

#endif
