/* wire_cost.c - see wire_cost.h. */
#include "wire_cost.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cost/expect.h"
#include "cost/token_count.h"

#include <stdio.h>

struct cost_wire {
    struct governor *governor;
    struct expect *expect, *inputs; /* answers; inputs of calls that go on from what a provider keeps */
    struct token_calibration calibration;
    struct token_counter *counters; /* one a lane, by its thread only */
    unsigned n_lanes;
};

/* ---- alerts ---- */

static void alerted(void *ctx, const struct budget_alert *a) {
    (void)ctx;
    if (a->replayed) return; /* a former process told of it */
    char spent[MONEY_TEXT], limit[MONEY_TEXT], share[16];
    struct buffer who;
    buffer_init(&who, SCOPE_DIMENSIONS * (2 * LIMIT_LABEL + 2));
    const struct scope *s = &a->view.budget->scope;
    for (unsigned i = 0; i < s->n_terms; i++)
        (void)buffer_printf(&who, "%s%s=" SLICE_FMT, i > 0 ? "," : "", scope_dimension_name(s->terms[i].by), SLICE_ARG(a->view.values[i]));
    money_format(a->view.spent_nano, spent);
    money_format(a->view.budget->limit_nano, limit);
    (void)snprintf(share, sizeof share, "%.0f%%", a->share * 100);
    log_event(LOG_WARN, "a budget reached a threshold", "budget", a->view.budget->name, "scope", buffer_text(&who), "threshold", share,
              "spent_usd", spent, "limit_usd", limit, NULL);
    buffer_deinit(&who);
}

/* ---- tokens ---- */

static void count_input(void *ctx, unsigned lane, const struct target *t, const struct call *call, struct input_count *ret) {
    struct cost_wire *c = ctx;
    struct token_count n = token_count_call(&c->counters[lane], slice_of(t->provider->name), slice_of(t->model), call);
    *ret = (struct input_count){.tokens = n.tokens, .plain = n.plain, .whole = n.whole};
}

static int64_t expected(void *ctx, const struct record *asked) {
    struct cost_wire *c = ctx;
    return expect_output(c->expect, asked->application, asked->model, asked->request_type);
}

static int64_t expected_input(void *ctx, const struct record *asked) {
    struct cost_wire *c = ctx;
    return expect_output(c->inputs, asked->application, asked->model, asked->request_type);
}

static void learn(void *ctx, const struct target *t, const struct input_count *counted, const struct record *r) {
    struct cost_wire *c = ctx;
    if (r->cache.len > 0 || r->usage.estimated) return;
    expect_learn(c->expect, r->application, r->model, r->request_type, r->usage.output);
    if (counted->goes_on) expect_learn(c->inputs, r->application, r->model, r->request_type, r->usage.input);
    else if (counted->tokens >= 0 && counted->whole && r->n_attempts > 0)
        (void)token_calibration_update(&c->calibration, slice_of(t->model), counted->plain, r->usage.input);
}

void cost_wire_sinks(struct cost_wire *c, struct gateway_sinks *sinks) {
    sinks->admission = governor_calls(c->governor);
    sinks->tokens = (struct token_calls){.ctx = c, .count_input = count_input, .expect_output = expected, .expect_input = expected_input, .learn = learn};
}

/* ---- the books ---- */

struct taking {
    void (*take)(void *arg, const struct record *r);
    void *arg;
    struct expect *expect;
};

static bool take_one(void *ctx, const struct record *r) {
    struct taking *t = ctx;
    t->take(t->arg, r);
    if (r->status == RECORD_OK && r->cache.len == 0 && !r->usage.estimated)
        expect_learn(t->expect, r->application, r->model, r->request_type, r->usage.output);
    return true;
}

struct books {
    struct ledger *ledger;
    struct expect *expect;
};

static enum fault each_record(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg, struct error *error) {
    struct books *b = ctx;
    struct taking t = {take, arg, b->expect};
    struct record_filter f = {.from_us = from_us, .status = -1, .limit = LIMIT_PAGE, .oldest_first = true};
    struct arena arena;
    enum fault fault;
    char cursor[256];
    arena_init(&arena, 64 << 10, 64 << 20);
    do {
        struct slice next = SLICE_NULL;
        fault = ledger_list(b->ledger, &f, &arena, take_one, &t, &next, error);
        size_t n = next.len < sizeof cursor ? next.len : 0;
        memcpy(cursor, next.at ? next.at : "", n);
        f.cursor = n > 0 ? slice_make(cursor, n) : SLICE_NULL;
        arena_reset(&arena);
    } while (fault == FAULT_NONE && f.cursor.len > 0);
    arena_deinit(&arena);
    return fault;
}

bool cost_wire_prepare(struct cost_wire *c, struct policy *p) { return governor_prepare(c->governor, p); }

bool cost_wire_install(struct cost_wire *c, struct policy *p) { return governor_install(c->governor, p); }

enum fault cost_wire_fill(struct cost_wire *c, struct ledger *l, struct ledger_writer *w, struct error *error) {
    struct books books = {l, c->expect};
    ledger_writer_drain(w);
    return governor_fill(c->governor, clock_wall_us(), &(struct record_source){&books, each_record}, error);
}

void cost_wire_sweep(struct cost_wire *c) { governor_sweep(c->governor, clock_wall_us(), clock_us()); }

void cost_wire_each_budget(struct cost_wire *c, void (*each)(void *arg, const struct budget_view *v), void *arg) {
    governor_each_budget(c->governor, clock_wall_us(), each, arg);
}

/* ---- birth and end ---- */

struct cost_wire *cost_wire_new(unsigned n_lanes) {
    struct cost_wire *c = mem_new(struct cost_wire);
    c->governor = governor_new(&(struct governor_events){.ctx = c, .alert = alerted});
    c->expect = expect_new();
    c->inputs = expect_new();
    token_calibration_init(&c->calibration);
    c->n_lanes = n_lanes;
    c->counters = mem_new_array(struct token_counter, n_lanes);
    for (unsigned i = 0; i < n_lanes; i++) token_counter_init(&c->counters[i], BPE_LONGEST_LOOP, TOKEN_WHOLE_LOOP, &c->calibration);
    return c;
}

void cost_wire_free(struct cost_wire *c) {
    if (c == NULL) return;
    for (unsigned i = 0; i < c->n_lanes; i++) token_counter_deinit(&c->counters[i]);
    mem_free(c->counters);
    expect_free(c->expect);
    expect_free(c->inputs);
    governor_free(c->governor);
    mem_free(c);
}
