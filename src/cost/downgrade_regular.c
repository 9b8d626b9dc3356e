#include "cost/downgrade_regular.h"

#include "base/digest.h"

#include <stdio.h>

#define ROOM (64u << 20) /* the sample's bodies and both answers to each */

bool downgrade_is_due(const struct downgrade_memory *m, int64_t every_us, int64_t now_us) {
    int64_t apart = now_us > m->done_us ? now_us - m->done_us : m->done_us - now_us;
    return m->begun_us > 0 || apart >= every_us;
}

/* ---- one test ---- */

struct asking {
    const struct downgrade_world *w;
    const struct downgrade_setting *setting;
    struct downgrade_ask *ask;
    struct arena *arena;
    int64_t before_nano, dearest_nano; /* spent before this pair; by one pair at most, so far */
    char why_ended[80];                /* "": the sample ended */
};

static bool is_stopped(const struct downgrade_ask *a) { return a->stop != NULL && atomic_load(a->stop); }

static enum fault send(void *ctx, const struct downgrade_case *c, struct arena *arena, struct slice *ret, struct error *error) {
    struct asking *g = ctx;
    return g->w->send != NULL ? g->w->send(g->ask, c, arena, ret, error) : downgrade_ask_send(g->ask, c, arena, ret, error);
}

static enum fault score(void *ctx, const struct downgrade_case *c, struct slice answer, double *ret_before, double *ret_after,
                        struct error *error) {
    struct asking *g = ctx;
    return g->w->score != NULL ? g->w->score(g->ask, c, answer, ret_before, ret_after, error)
                               : downgrade_ask_score(g->ask, c, answer, ret_before, ret_after, error);
}

/* No pair that may go beyond the cap, by the dearest so far; none when it is not known what was spent. */
static bool more(void *ctx) {
    struct asking *g = ctx;
    int64_t last = g->ask->spent_nano - g->before_nano, cap = g->setting->max_cost_nano;
    if (last > g->dearest_nano) g->dearest_nano = last;
    g->before_nano = g->ask->spent_nano;
    if (is_stopped(g->ask)) return false;
    if (g->ask->unpriced > 0)
        (void)snprintf(g->why_ended, sizeof g->why_ended, "an answer's cost is unknown: max_cost_usd could not hold");
    else if (g->ask->spent_nano >= cap || g->dearest_nano > cap - g->ask->spent_nano)
        (void)snprintf(g->why_ended, sizeof g->why_ended, "the next pair might have passed max_cost_usd");
    return g->why_ended[0] == 0;
}

static void look_up(void *ctx, struct downgrade_pair *pairs, size_t n) {
    struct asking *g = ctx;
    if (g->w->look_up != NULL && !is_stopped(g->ask)) g->w->look_up(g->w->ctx, g->ask, pairs, n, g->arena);
}

static int64_t seed_of(const char *run) { return (int64_t)(digest_fast(slice_of(run), 1) >> 1); }

/* What ended it early is said with its answer. */
static void say_why(struct downgrade_result *r, const struct asking *g) {
    size_t at = strlen(r->why);
    if (g->why_ended[0] != 0) (void)snprintf(r->why + at, sizeof r->why - at, "; ended after %zu pairs: %s", r->n, g->why_ended);
}

static enum fault test(const struct downgrade_world *w, const struct model_route *m, struct downgrade_ask *a,
                       const struct downgrade_case *cases, size_t n, struct arena *arena, struct error *error) {
    const struct downgrade_setting *s = &m->tiering->downgrade;
    struct asking g = {.w = w, .setting = s, .ask = a, .arena = arena, .before_nano = a->spent_nano};
    const struct downgrade_calls calls = {.ctx = &g, .send = send, .score = score, .look_up = look_up, .more = more};
    struct downgrade_result r;
    enum fault fault = downgrade_run(cases, n, s->most_loss, (uint64_t)seed_of(a->run), &calls, arena, &r, error);
    if (fault == FAULT_NONE && is_stopped(a)) fault = error_set(error, FAULT_SHUTTING_DOWN, "the downgrade test was stopped");
    if (fault != FAULT_NONE) return fault;
    say_why(&r, &g);
    return w->keep(w->ctx, m, a, &r, seed_of(a->run), error);
}

/* ---- one look ---- */

static enum fault done(const struct downgrade_world *w, const struct model_route *m, enum downgrade_step step, enum downgrade_step *ret,
                       struct error *error) {
    const struct downgrade_memory memory = {.done_us = w->now_us(w->ctx)};
    *ret = step;
    return w->remember(w->ctx, m->name, &memory, error);
}

enum fault downgrade_regular(const struct downgrade_world *w, const struct model_route *m, struct downgrade_ask *a,
                             enum downgrade_step *ret, struct error *error) {
    const struct downgrade_setting *s = &m->tiering->downgrade;
    struct downgrade_memory memory = {0};
    struct downgrade_case *cases = NULL;
    struct arena arena;
    size_t n = 0;
    bool kept = false;
    enum fault fault = w->recall(w->ctx, m->name, &memory, error);
    *ret = DOWNGRADE_NOT_DUE;
    if (fault != FAULT_NONE || !downgrade_is_due(&memory, s->every_us, w->now_us(w->ctx))) return fault;
    if (memory.begun_us > 0) {
        (void)snprintf(a->run, sizeof a->run, "%s", memory.run);
        fault = w->resume(w->ctx, m, &memory, &a->spent_nano, &kept, error);
        if (fault != FAULT_NONE) return fault;
        if (kept) return done(w, m, DOWNGRADE_DONE, ret, error);
        if (memory.tries >= DOWNGRADE_TRIES) return done(w, m, DOWNGRADE_GIVEN_UP, ret, error);
    } else {
        downgrade_ask_new_run(a);
        memory.begun_us = w->now_us(w->ctx);
        (void)snprintf(memory.run, sizeof memory.run, "%s", a->run);
    }
    arena_init(&arena, 64 << 10, ROOM);
    fault = w->draw(w->ctx, m, s->sample, seed_of(a->run), &arena, &cases, &n, error);
    if (fault == FAULT_NONE && n < DOWNGRADE_LEAST) {
        *ret = DOWNGRADE_TOO_FEW;
        goto out;
    }
    memory.tries++;
    if (fault == FAULT_NONE) fault = w->remember(w->ctx, m->name, &memory, error); /* before anything is spent */
    if (fault == FAULT_NONE) fault = test(w, m, a, cases, n, &arena, error);
    if (fault == FAULT_NONE) fault = done(w, m, DOWNGRADE_DONE, ret, error);
out:
    arena_deinit(&arena);
    return fault;
}
