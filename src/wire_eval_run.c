/* One run of a suite inside the server. */
#include "wire_eval.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "control/eval_owner.h"
#include "control/eval_runs.h"
#include "quality/run.h"

#include <stdio.h>

#define TICK_US 200000LL
#define ASK_TICKS 3 /* so seldom is it asked whether anybody waits */
#define TRY_TIMEOUT_US 120000000LL
#define PATIENCE_US 1200000000LL
#define OUTPUT_MOST (1u << 20)
enum { KEEP_AT_ONCE = 64, NAME = 32 };

struct making {
    const struct eval_run_order *o;
    int64_t number;
    char owner[EVAL_OWNER_TEXT];
    struct loop *loop;
    struct run *run;
    struct loop_timer tick;
    unsigned ticks;
    struct run_result results[KEEP_AT_ONCE]; /* not kept yet; bodies in `bodies` */
    struct buffer bodies[KEEP_AT_ONCE];
    unsigned n;
    bool ended;
    char why[LIMIT_ERROR_TEXT];              /* not all was run; "": it was */
    enum fault fault;
    struct error *error;
};

static void keep(struct making *m) {
    if (m->fault == FAULT_NONE)
        m->fault = run_results_add(m->o->evaluations, m->number, slice_of(m->owner), m->results, m->n, clock_wall_us(), m->error);
    m->n = 0;
    if (m->fault != FAULT_NONE) loop_stop(m->loop);
}

static void keep_soon(void *arg) {
    struct making *m = arg;
    if (m->n > 0) keep(m);
}

static void take_result(void *ctx, const struct result *r) {
    struct making *m = ctx;
    struct result kept = *r;
    struct json_writer w;
    struct buffer *body = &m->bodies[m->n];
    if (kept.output.len > OUTPUT_MOST) kept.output.len = OUTPUT_MOST; /* the writer mends a letter that is cut */
    buffer_clear(body);
    json_start(&w, body);
    result_write(&kept, &w);
    m->results[m->n++] = (struct run_result){.case_at = r->case_at, .repeat = r->repeat, .verdict = r->verdict, .body = buffer_slice(body),
                                             .cost_nano = r->judge_cost_nano == 0 ? r->cost_nano : money_add(r->cost_nano, r->judge_cost_nano)};
    if (m->n == KEEP_AT_ONCE) keep(m);
    else if (m->n == 1) loop_defer(m->loop, keep_soon, m); /* what a kill finds here is asked, and paid for, again */
}

static void run_ended(void *ctx, const char *stopped) {
    struct making *m = ctx;
    m->ended = true;
    if (stopped != NULL) (void)snprintf(m->why, sizeof m->why, "%s", stopped);
    loop_stop(m->loop);
}

/* What has come is kept, with a sign of life; has somebody asked it to stop? */
static void on_tick(struct loop_timer *t) {
    struct making *m = (struct making *)((char *)t - offsetof(struct making, tick));
    struct arena arena;
    struct run_row row;
    keep(m);
    arena_init(&arena, 4 << 10, 16 << 20);
    if (m->fault == FAULT_NONE && run_find(m->o->evaluations, m->number, &arena, &row, m->error) == FAULT_NONE && !slice_is_null(row.stop_by))
        run_stop(m->run, "a person stopped it");
    arena_deinit(&arena);
    if (m->o->wanted != NULL && ++m->ticks % ASK_TICKS == 0 && !m->o->wanted(m->o->ctx)) run_stop(m->run, "nobody waits for it any more");
    if (atomic_load(m->o->stop)) loop_stop(m->loop);
    loop_timer_start(m->loop, t, virtual_time_lazily(TICK_US));
}

static bool skip(void *ctx, const struct run_result *r) {
    struct making *m = ctx;
    run_skip(m->run, r->case_at, r->repeat, r->cost_nano);
    return true;
}

/* Of the run, in place of the suite's own. */
static enum fault read_prompt(const struct run_row *row, struct arena *arena, struct prompt *ret, struct error *error) {
    struct declared *d = arena_new(arena, struct declared);
    struct problems problems = {0};
    enum fault fault = d != NULL ? declared_from_json(row->prompt_body, arena, d, error) : error_set(error, FAULT_TOO_LARGE, "no room for a prompt");
    if (fault == FAULT_NONE && prompt_read(d, 0, "prompt", NULL, arena, ret, &problems) != FAULT_NONE)
        fault = error_set(error, FAULT_CORRUPT, "the kept prompt cannot be read: %s", problems.count > 0 ? problems.items[0].text : "");
    return fault;
}

static enum fault engine(struct making *m, const struct suite *suite, const struct prompt *prompt, const struct run_row *row) {
    char name[NAME];
    const struct eval_run_order *o = m->o;
    (void)snprintf(name, sizeof name, "run-%lld", (long long)row->number);
    const struct asker_options asking = {.url = o->url, .who = o->who, .concurrency = o->concurrent, .timeout_us = TRY_TIMEOUT_US, .patience_us = PATIENCE_US};
    const struct run_options what = {.suite = suite, .prompt = prompt, .model = row->model, .repeat = (unsigned)row->repeat, .max_cost_nano = row->max_cost_nano,
                                     .name = slice_of(name), .begun_us = row->started_us};
    const struct run_calls calls = {.ctx = m, .result = take_result, .ended = run_ended};
    m->loop = loop_new(m->error);
    if (m->loop == NULL) return FAULT_IO;
    struct asker *asker = asker_new(m->loop, &asking, m->error);
    struct programs *programs = programs_new(m->loop, ".", o->concurrent);
    m->run = run_new(m->loop, asker, programs, &what, &calls);
    enum fault fault = asker == NULL ? FAULT_IO : run_results_done(o->evaluations, row->number, skip, m, m->error);
    if (fault == FAULT_NONE) {
        m->tick.fired = on_tick;
        loop_timer_start(m->loop, &m->tick, TICK_US);
        run_start(m->run);
        loop_run(m->loop);
        keep(m);
        loop_timer_stop(m->loop, &m->tick);
        fault = m->fault;
    }
    asker_free(asker);
    programs_free(programs);
    run_free(m->run);
    loop_free(m->loop);
    return fault;
}

static enum fault conclude(struct making *m, struct arena *arena, struct run_row *ret) {
    struct buffer summary;
    struct evaluations *e = m->o->evaluations;
    buffer_init(&summary, 16 << 20);
    enum fault fault = eval_conclude(e, m->number, m->why[0] != 0 ? slice_of(m->why) : SLICE_NULL, clock_wall_us(), &summary, m->error);
    buffer_deinit(&summary);
    return fault == FAULT_NONE ? run_find(e, m->number, arena, ret, m->error) : fault;
}

/* The newest of ours that was cut short; 0: none. */
struct former {
    const struct eval_run_order *o;
    int64_t number, started_us;
};
static bool look_for_former(void *ctx, const struct run_row *r) {
    struct former *f = ctx;
    if (r->state != RUN_RUNNING || !slice_is(r->trigger, f->o->trigger) || !slice_is(r->by, "scheduler")) return true;
    if (!slice_is_null(f->o->label) && !slice_eq(r->prompt, f->o->label)) return true;
    f->number = r->number;
    f->started_us = r->started_us;
    return false;
}

/* What it has stays as it is; without an end it would be told as under way for ever. */
static void give_up(struct making *m, int64_t number) {
    struct buffer summary;
    struct error error;
    buffer_init(&summary, 16 << 20);
    (void)!eval_conclude(m->o->evaluations, number, SLICE("it was cut short, and another began in its place"), clock_wall_us(), &summary, &error);
    buffer_deinit(&summary);
}

static enum fault begin(struct making *m, struct arena *arena, struct run_row *ret, struct problems *problems) {
    const struct eval_run_order *o = m->o;
    struct former former = {.o = o};
    bool resumed;
    struct arena rows;
    arena_init(&rows, 64 << 10, 16 << 20);
    enum fault fault = run_list(o->evaluations, o->suite, INT64_MAX, &rows, look_for_former, &former, m->error);
    arena_deinit(&rows);
    if (fault != FAULT_NONE) return fault;
    bool go_on = former.number != 0 && former.started_us >= o->since_us;
    if (former.number != 0 && !go_on) give_up(m, former.number);
    struct eval_wish wish = {.suite_name = o->suite, .prompt = o->prompt, .prompt_label = o->label, .model = o->model, .max_cost_nano = o->max_cost_nano, .trigger = slice_of(o->trigger), .by = SLICE("scheduler"),
                             .owner = slice_of(m->owner), .resume = go_on ? EVAL_RESUME_THIS : EVAL_RESUME_NEVER,
                             .number = go_on ? former.number : 0};
    fault = eval_begin(o->evaluations, &wish, clock_wall_us(), arena, ret, &resumed, problems, m->error);
    if (fault != FAULT_CONFLICT || !go_on) return fault;
    give_up(m, former.number);
    wish.resume = EVAL_RESUME_NEVER; /* of another version of the suite */
    return eval_begin(o->evaluations, &wish, clock_wall_us(), arena, ret, &resumed, problems, m->error);
}

enum fault eval_run_make(const struct eval_run_order *o, struct arena *arena, struct run_row *ret, struct error *error) {
    struct making *m = mem_new(struct making);
    struct suite suite = {.n_cases = 0};
    struct problems problems = {0};
    struct prompt prompt;
    struct run_row row;
    bool over = false;
    m->o = o;
    m->error = error;
    eval_owner_self(m->owner);
    for (unsigned i = 0; i < KEEP_AT_ONCE; i++) buffer_init(&m->bodies[i], 2 * (size_t)LIMIT_REPLY_BODY);
    enum fault fault = begin(m, arena, &row, &problems);
    if (fault == FAULT_CONFIG && problems.count > 0) error_set(error, fault, "%s", problems.items[0].text);
    bool own = fault != FAULT_NONE || slice_is_null(row.prompt_body);
    if (fault == FAULT_NONE) fault = eval_kept_suite(o->evaluations, &row, arena, &suite, error);
    if (fault == FAULT_NONE && !own) fault = read_prompt(&row, arena, &prompt, error);
    if (fault == FAULT_NONE) {
        m->number = row.number;
        fault = eval_lend_judges(o->evaluations, &suite, arena, error);
        over = fault == FAULT_CONFIG; /* nobody can judge it: nothing is asked, and the run says why */
        if (over) (void)snprintf(m->why, sizeof m->why, "%s", error->text);
    }
    if (fault == FAULT_NONE) {
        fault = engine(m, &suite, own ? NULL : &prompt, &row);
        over = m->ended;
    } else if (over) fault = FAULT_NONE;
    if (fault == FAULT_NONE) fault = over ? conclude(m, arena, ret) : error_set(error, FAULT_SHUTTING_DOWN, "the server is stopping");
    suite_deinit(&suite);
    for (unsigned i = 0; i < KEEP_AT_ONCE; i++) buffer_deinit(&m->bodies[i]);
    mem_free(m);
    return fault;
}
