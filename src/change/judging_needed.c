/* judging_needed.c - how long an A/B test takes, before it begins: from what production did lately. See judging.h. */
#include "change/judging.h"

#include "base/limits.h"
#include "store/score.h"

#include <stdio.h>

#define BACK_US (7 * 86400000000LL)
#define HALF_PPM 500000u
#define PAGES 20        /* newest records that are looked through, LIMIT_PAGE each */
#define SCORES 5000     /* scores whose records are looked up */

struct needed {
    struct ledger *ledger;
    struct slice name, version, metric; /* of the prompt; as the guardrail has it */
    struct guardrails *g;
    unsigned looked_up;
    enum fault fault;
    struct error *error;
};

static bool is_ours(const struct needed *n, const struct record *r) {
    return slice_eq(r->prompt_name, n->name) && slice_eq(r->prompt_version, n->version);
}

static bool take_record(void *ctx, const struct record *r) {
    struct needed *n = ctx;
    if (!is_ours(n, r) || slice_is(r->feature, "shadow")) return true;
    struct record of = *r;
    of.arm = ARM_CONTROL;
    guardrails_take(n->g, &of, HALF_PPM);
    return true;
}

static bool take_score(void *ctx, const struct score *s) {
    struct needed *n = ctx;
    struct record r;
    struct arena arena;
    if (n->looked_up++ >= SCORES) return false;
    arena_init(&arena, 8 << 10, 1 << 20);
    enum fault fault = ledger_find(n->ledger, &s->record, &arena, &r, n->error);
    if (fault == FAULT_NONE && is_ours(n, &r))
        guardrails_score(n->g, n->metric, (double)s->value_ppm / SCORE_PPM, ARM_CONTROL, HALF_PPM, guard_unit(&r, STICKY_USER));
    else if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND) n->fault = fault;
    arena_deinit(&arena);
    return n->fault == FAULT_NONE;
}

static enum fault take_records(struct needed *n, int64_t from_us) {
    struct record_filter f = {.from_us = from_us, .status = -1, .limit = LIMIT_PAGE};
    struct arena arena;
    enum fault fault = FAULT_NONE;
    arena_init(&arena, 4 << 10, 16 << 20);
    for (unsigned i = 0; fault == FAULT_NONE && i < PAGES && (i == 0 || !slice_is_null(f.cursor)); i++)
        fault = ledger_list(n->ledger, &f, &arena, take_record, n, &f.cursor, n->error);
    arena_deinit(&arena);
    return fault;
}

enum fault judging_needed(const struct judging_sources *s, struct slice name, int64_t production, const struct ab_plan *p, int64_t now_us,
                          int64_t *ret, struct error *error) {
    char version[24];
    struct guardrail metric = p->metric;
    const struct rollout_plan plan = {.alpha = p->alpha, .guardrails = &metric, .n_guardrails = 1};
    struct slice scores = judging_scores_of(&metric);
    double mean, variance;
    *ret = -1;
    if (!s->ledger || p->metric.kind == GUARD_QUANTILE) return FAULT_NONE;
    snprintf(version, sizeof version, "%lld", (long long)production);
    struct needed n = {.ledger = s->ledger, .name = name, .version = slice_of(version), .metric = metric.metric, .g = guardrails_new(&plan), .error = error};
    enum fault fault = slice_is_null(scores) ? take_records(&n, now_us - BACK_US)
                                             : ledger_scores(s->ledger, now_us - BACK_US, 0, NULL, scores, take_score, &n, error);
    if (fault == FAULT_NONE) fault = n.fault;
    if (fault == FAULT_NONE && guardrails_spread(n.g, 0, &mean, &variance)) *ret = ab_needed(p, mean, variance);
    guardrails_free(n.g);
    return fault;
}
