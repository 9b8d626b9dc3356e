/* wire_cost.c - see wire_cost.h. */
#include "wire_cost.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "cost/expect.h"
#include "cost/learned.h"
#include "cost/token_count.h"
#include "store/findings.h"
#include "wire_process.h"

struct cost_wire {
    struct governor *governor;
    struct expect *expect, *inputs; /* answers; inputs of calls that go on from what a provider keeps */
    struct token_calibration calibration;
    struct token_counter *counters; /* one a lane, by its thread only */
    unsigned n_lanes;
    int64_t learned_until_us; /* what was recorded until then is in `expect` already */
    atomic_bool stopping;
    void (*crossed)(void *ctx);
    void *crossed_ctx;
};

/* ---- alerts ---- */

static void alerted(void *ctx, const struct budget_alert *a) {
    struct cost_wire *c = ctx;
    if (!a->replayed && c->crossed != NULL) c->crossed(c->crossed_ctx); /* a former one is seen by the first look of the watch */
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
    int64_t after_us;
};

static bool take_one(void *ctx, const struct record *r) {
    struct taking *t = ctx;
    t->take(t->arg, r);
    if (r->time_us > t->after_us && r->status == RECORD_OK && r->cache.len == 0 && !r->usage.estimated)
        expect_learn(t->expect, r->application, r->model, r->request_type, r->usage.output);
    return true;
}

struct books {
    struct ledger *ledger;
    struct expect *expect;
    int64_t learned_until_us;
    const atomic_bool *stopping;
};

static enum fault each_record(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg, struct error *error) {
    struct books *b = ctx;
    struct taking t = {take, arg, b->expect, b->learned_until_us};
    struct record_filter f = {.from_us = from_us, .status = -1, .limit = LIMIT_PAGE, .oldest_first = true};
    struct arena arena;
    enum fault fault;
    char cursor[256];
    arena_init(&arena, 64 << 10, 64 << 20);
    do {
        struct slice next = SLICE_NULL;
        if (atomic_load(b->stopping) || process_is_asked_to_stop()) {
            fault = error_set(error, FAULT_SHUTTING_DOWN, "the server is asked to stop");
            break;
        }
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
    struct books books = {l, c->expect, c->learned_until_us, &c->stopping};
    ledger_writer_drain(w);
    enum fault fault = governor_fill(c->governor, clock_wall_us(), &(struct record_source){&books, each_record}, error);
    if (fault == FAULT_NONE) c->learned_until_us = INT64_MAX; /* from here on each answer is learned from as it comes */
    return fault;
}

void cost_wire_stop(struct cost_wire *c) {
    if (c != NULL) atomic_store(&c->stopping, true);
}

/* ---- what was learned ---- */

#define LEARNED SLICE("cost.learned")

void cost_wire_restore(struct cost_wire *c, struct registry *r) {
    struct arena arena;
    struct slice bytes = SLICE_NULL;
    struct error error = {.fault = FAULT_NONE};
    int64_t at_us = 0;
    arena_init(&arena, 64 << 10, 2 * LEARNED_MOST);
    enum fault fault = registry_kept(r, LEARNED, &arena, &bytes, &at_us, &error);
    bool any = !slice_is_null(bytes);
    if (fault == FAULT_NONE && any && at_us < clock_wall_us() - LEARNED_OLDEST_US)
        fault = error_set(&error, FAULT_CORRUPT, "it is over 90 days old");
    if (fault == FAULT_NONE && any) fault = learned_decode(bytes, &c->calibration, c->expect, &error);
    if (fault == FAULT_NONE && any) c->learned_until_us = at_us;
    if (fault != FAULT_NONE)
        log_event(LOG_WARN, "what was learned of tokens and lengths of answers is not used; it is learned anew", "why", error.text, NULL);
    arena_deinit(&arena);
}

enum fault cost_wire_save(struct cost_wire *c, struct registry *r, struct error *error) {
    struct buffer bytes;
    int64_t now_us = clock_wall_us(); /* before it is read: what comes meanwhile is learned twice rather than not */
    buffer_init(&bytes, LEARNED_MOST);
    enum fault fault = learned_encode(&c->calibration, c->expect, &bytes)
                           ? registry_keep(r, LEARNED, buffer_slice(&bytes), now_us, error)
                           : error_set(error, FAULT_TOO_LARGE, "what was learned has over %u bytes", LEARNED_MOST);
    buffer_deinit(&bytes);
    return fault;
}

void cost_wire_on_threshold(struct cost_wire *c, void (*crossed)(void *ctx), void *ctx) {
    c->crossed = crossed;
    c->crossed_ctx = ctx;
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
