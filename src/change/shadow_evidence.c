#include "change/shadow_evidence.h"

#include "base/money.h"

#include <stdio.h>

struct summing {
    struct shadow_sums *sums;
    struct shadow_evidence *e;
    struct arena arena;
    enum fault fault;
    struct error *error;
};

static bool take(void *ctx, const struct shadow_pair *p) {
    struct summing *s = ctx;
    struct shadow_measure m;
    arena_reset(&s->arena);
    s->fault = shadow_pair_read(p->body, &s->arena, &m, s->error);
    if (s->fault != FAULT_NONE) return false;
    shadow_sums_take(s->sums, &m);
    if (money_is_known(p->cost_nano)) s->e->spent_nano = money_add(s->e->spent_nano, p->cost_nano);
    else s->e->unpriced++;
    return true;
}

static void say(struct shadow_evidence *e, const struct rollout_plan *plan, const struct guard_answer *worse) {
    char spent[MONEY_TEXT], most[MONEY_TEXT];
    unsigned long long pairs = e->pairs, wanted = (unsigned long long)plan->shadow.min_samples;
    money_format(e->spent_nano, spent);
    money_format(plan->shadow.max_cost_nano, most);
    if (worse != NULL) (void)snprintf(e->why, sizeof e->why, SLICE_FMT " is worse: %.200s", SLICE_ARG(worse->metric), worse->why);
    else if (e->done) (void)snprintf(e->why, sizeof e->why, "%llu pairs, and the candidate is not surely worse in any", pairs);
    else if (e->budget_ended)
        (void)snprintf(e->why, sizeof e->why, "the shadow's budget is over: %s of %s USD after %llu of %llu pairs; raise rollouts.shadow.max_cost_usd "
                                              "for the next one, and abort or promote this one", spent, most, pairs, wanted);
    else (void)snprintf(e->why, sizeof e->why, "%llu more pairs of %llu", wanted - pairs, wanted);
}

enum fault shadow_evidence_read(struct registry *r, int64_t rollout, const struct rollout_plan *plan, struct shadow_evidence *ret,
                                struct error *error) {
    const struct guard_answer *worse = NULL;
    *ret = (struct shadow_evidence){.n = 0};
    struct summing s = {.sums = shadow_sums_new(plan), .e = ret, .error = error};
    arena_init(&s.arena, 8 << 10, 1 << 20);
    enum fault fault = shadow_pairs(r, rollout, take, &s, error);
    if (fault == FAULT_NONE) fault = s.fault;
    ret->pairs = shadow_sums_pairs(s.sums);
    ret->n = shadow_sums_judge(s.sums, ret->answers);
    ret->worse = shadow_sums_worse(s.sums, ret->answers, ret->n, &worse);
    ret->done = !ret->worse && ret->pairs >= (uint64_t)plan->shadow.min_samples;
    ret->budget_ended = !ret->worse && !ret->done && plan->shadow.max_cost_nano >= 0 && ret->spent_nano >= plan->shadow.max_cost_nano;
    say(ret, plan, worse);
    arena_deinit(&s.arena);
    shadow_sums_free(s.sums);
    return fault;
}
