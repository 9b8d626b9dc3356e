/* judging.c - see judging.h. */
#include "change/judging.h"

#include "base/mem.h"
#include "base/table.h"
#include "change/lifecycle.h"
#include "change/shadow_evidence.h"
#include "store/score.h"

#define DAY_US 86400000000LL
#define MEMORY_MOST 200000 /* records; some 100 bytes each */

enum fault judging_plan(const struct rollout_row *row, struct arena *arena, struct judged_plan *ret, struct error *error) {
    struct judged_plan p = {.is_ab = row->stage == STAGE_AB};
    if (!p.is_ab) {
        enum fault fault = plan_read(row->plan, arena, &p.plan, error);
        if (fault == FAULT_NONE) *ret = p;
        return fault;
    }
    enum fault fault = ab_read(arena_slice(arena, row->plan), arena, &p.test, error);
    struct guardrail *all = arena_new_array(arena, struct guardrail, GUARDRAILS);
    if (fault != FAULT_NONE) return fault;
    if (!all) return error_set(error, FAULT_TOO_LARGE, "no room for the plan of an A/B test");
    p.plan = p.test.beside;
    p.plan.way = ROLLOUT_CANARY;
    p.plan.sticky = STICKY_USER;
    p.plan.n_steps = 0;
    p.plan.alpha = p.test.plan.alpha;
    p.plan.guardrails = all;
    p.plan.n_guardrails = 0;
    all[p.plan.n_guardrails++] = p.test.plan.metric;
    for (unsigned i = 0; i < p.test.beside.n_guardrails && p.plan.n_guardrails < GUARDRAILS; i++)
        if (!slice_eq(p.test.beside.guardrails[i].metric, p.test.plan.metric.metric)) all[p.plan.n_guardrails++] = p.test.beside.guardrails[i];
    *ret = p;
    return FAULT_NONE;
}

/* ---- scores ---- */

struct scored_arm {
    int64_t rollout;
    enum arm arm;
    uint32_t epoch;
    uint64_t unit;
};

struct judging_memory {
    struct table by_id;
    struct arena arena;
};

struct judging_memory *judging_memory_new(void) {
    struct judging_memory *m = mem_new(struct judging_memory);
    table_init(&m->by_id);
    arena_init(&m->arena, 4 << 10, (size_t)MEMORY_MOST * 64);
    return m;
}

void judging_memory_free(struct judging_memory *m) {
    if (!m) return;
    table_deinit(&m->by_id);
    arena_deinit(&m->arena);
    mem_free(m);
}

struct scoring {
    const struct judging_sources *s;
    const struct rollout_row *row;
    const struct judged_plan *plan;
    const struct guardrail *guardrail;
    struct guardrails *g;
    enum fault fault;
    struct error *error;
};

/* False: the record is gone, or the ledger could not be asked. */
static bool arm_of(struct scoring *c, const struct record_id *id, struct scored_arm *ret) {
    struct slice key = slice_make((const char *)id->bytes, sizeof id->bytes);
    const struct scored_arm *known = c->s->memory ? table_get(&c->s->memory->by_id, key) : NULL;
    struct record r;
    struct arena arena;
    if (known) {
        *ret = *known;
        return true;
    }
    arena_init(&arena, 8 << 10, 1 << 20);
    enum fault fault = ledger_find(c->s->ledger, id, &arena, &r, c->error);
    if (fault == FAULT_NONE) *ret = (struct scored_arm){r.rollout, r.arm, r.rollout_step, guard_unit(&r, c->plan->plan.sticky)};
    else if (fault != FAULT_NOT_FOUND) c->fault = fault;
    arena_deinit(&arena);
    if (fault == FAULT_NONE && c->s->memory && c->s->memory->by_id.count < MEMORY_MOST) {
        struct scored_arm *kept = arena_new(&c->s->memory->arena, struct scored_arm);
        if (kept) {
            *kept = *ret;
            (void)table_put(&c->s->memory->by_id, key, kept);
        }
    }
    return fault == FAULT_NONE;
}

static bool take_score(void *ctx, const struct score *s) {
    struct scoring *c = ctx;
    struct scored_arm of;
    if (!arm_of(c, &s->record, &of)) return c->fault == FAULT_NONE;
    if (of.rollout == c->row->number && of.arm != ARM_NONE)
        guardrails_score(c->g, slice_is(c->guardrail->metric, "negative_feedback") ? SLICE("feedback") : c->guardrail->metric, (double)s->value_ppm / SCORE_PPM, of.arm, rollout_weight_of(&c->plan->plan, c->row->stage, of.epoch), of.unit);
    return true;
}

struct slice judging_scores_of(const struct guardrail *g) {
    if (slice_is(g->metric, "negative_feedback")) return SLICE("feedback");
    return slice_starts(g->metric, SLICE("score:")) || slice_starts(g->metric, SLICE("check:")) ? g->name : SLICE_NULL;
}

/* All of them, each time: a score may come late, and be changed. */
static enum fault take_scores(const struct judging_sources *s, const struct rollout_row *row, const struct judged_plan *plan, struct guardrails *g,
                              struct error *error) {
    struct scoring c = {.s = s, .row = row, .plan = plan, .g = g, .error = error};
    for (unsigned i = 0; s->ledger && i < plan->plan.n_guardrails; i++) {
        struct slice name = judging_scores_of(&plan->plan.guardrails[i]);
        c.guardrail = &plan->plan.guardrails[i];
        if (slice_is_null(name)) continue;
        enum fault fault = ledger_scores(s->ledger, row->started_us - DAY_US, 0, NULL, name, take_score, &c, error);
        if (fault != FAULT_NONE || c.fault != FAULT_NONE) return fault != FAULT_NONE ? fault : c.fault;
    }
    return FAULT_NONE;
}

/* ---- the shadow ---- */

static enum fault judge_shadow(const struct judging_sources *s, const struct rollout_row *row, const struct judged_plan *plan, struct arena *arena,
                               struct judging *j, struct error *error) {
    struct shadow_evidence *e = arena_new(arena, struct shadow_evidence);
    if (!e) return error_set(error, FAULT_TOO_LARGE, "no room to judge a shadow");
    enum fault fault = shadow_evidence_read(s->registry, row->number, &plan->plan, e, error);
    if (fault != FAULT_NONE) return fault;
    memcpy(j->answers, e->answers, sizeof j->answers);
    j->n = e->n;
    j->pairs = e->pairs;
    j->shadow_cost_nano = e->spent_nano;
    j->evidence = (struct rollout_evidence){.verdict = e->worse ? GUARD_FAILED : GUARD_INCONCLUSIVE, .why = slice_of(e->why), .candidates = e->pairs,
                                            .shadow_done = e->done, .shadow_worse = e->worse, .budget_ended = e->budget_ended,
                                            .person_promotes = j->evidence.person_promotes};
    return FAULT_NONE;
}

/* ---- a canary and an A/B test ---- */

static void find_pause(const struct judged_plan *plan, struct judging *j, struct arena *arena) {
    for (unsigned i = 0; i < j->n; i++)
        for (unsigned k = 0; k < plan->plan.n_guardrails && j->answers[i].verdict == GUARD_FAILED; k++)
            if (plan->plan.guardrails[k].on_failure == GUARD_PAUSE && slice_eq(plan->plan.guardrails[k].metric, j->answers[i].metric) &&
                slice_is_null(j->evidence.pause_why))
                j->evidence.pause_why = arena_slice(arena, slice_of(j->answers[i].why));
}

static enum fault judge_arms(const struct judging_sources *s, const struct rollout_row *row, const struct judged_plan *plan, struct slice counted,
                             struct arena *arena, struct judging *j, struct error *error) {
    struct guardrails *g = guardrails_new(&plan->plan);
    enum fault fault = slice_is_null(counted) ? FAULT_NONE : guardrails_decode(counted, g, error);
    if (fault == FAULT_NONE) fault = take_scores(s, row, plan, g, error);
    if (fault == FAULT_NONE) {
        j->n = guardrails_judge(g, j->answers);
        for (unsigned i = 0; i < j->n; i++) j->answers[i].metric = arena_slice(arena, j->answers[i].metric); /* it was g's */
        j->evidence.verdict = guardrails_verdict(g, j->answers, j->n, &j->evidence.why, arena);
        j->evidence.candidates = guardrails_candidates(g, row->weight_ppm);
        find_pause(plan, j, arena);
        if (plan->is_ab && j->n > 0) {
            ab_judge(&plan->test, &j->answers[0], row->step_held_us, &j->report);
            bool by_guardrail = j->evidence.verdict == GUARD_FAILED && j->answers[0].verdict != GUARD_FAILED;
            if (!by_guardrail) j->evidence.why = arena_slice(arena, slice_of(j->report.why));
        }
    }
    guardrails_free(g);
    return fault;
}

enum fault judging_of(const struct judging_sources *s, const struct rollout_row *row, const struct judged_plan *plan, struct slice counted,
                      struct arena *arena, struct judging *ret, struct error *error) {
    struct judging *j = arena_new(arena, struct judging);
    struct change_version v;
    if (!j) return error_set(error, FAULT_TOO_LARGE, "no room to judge a rollout");
    enum fault fault = changes_version(s->registry, row->kind, row->name, arena_printf(arena, "%lld", (long long)row->candidate), arena, &v, error);
    if (fault != FAULT_NONE) return fault;
    j->evidence.person_promotes = s->policy->of[lifecycle_class(&v)].person_promotes;
    fault = row->stage == STAGE_SHADOW ? judge_shadow(s, row, plan, arena, j, error) : judge_arms(s, row, plan, counted, arena, j, error);
    if (fault != FAULT_NONE) return fault;
    *ret = *j; /* texts in *j are the arena's */
    return FAULT_NONE;
}
