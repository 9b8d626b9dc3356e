/* The engine of quality/run.h on a loop of this process: results to the server, progress, signals. */
#include "control/cli_eval_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "control/cli_eval_send.h"
#include "quality/run.h"

#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define TICK_US 200000LL
#define OUTPUT_MOST (1u << 20) /* of one answer that is kept; checks saw all of it */

struct engine {
    struct eval_job *j;
    struct loop *loop;
    struct asker *asker;
    struct programs *programs;
    struct run *run;
    struct eval_sender *sender;
    struct eval_progress progress;
    struct loop_watch signals;
    struct loop_timer tick;
    struct buffer json;          /* of one result */
    unsigned n_signals;
    bool lost;                   /* the server is away, or will not have it */
    char why[EVAL_STOPPED_TEXT]; /* not all was run; "" else */
};

static void give_up(struct engine *e, const char *why) {
    snprintf(e->why, sizeof e->why, "%s", why);
    e->lost = true;
    loop_stop(e->loop);
}

/* ---- what the run says ---- */

static void take_result(void *ctx, const struct result *r) {
    struct engine *e = ctx;
    struct result kept = *r;
    struct json_writer w;
    if (kept.output.len > OUTPUT_MOST) kept.output.len = utf8_cut(kept.output, OUTPUT_MOST);
    buffer_clear(&e->json);
    json_start(&w, &e->json);
    result_write(&kept, &w);
    eval_sender_add(e->sender, buffer_slice(&e->json));
    buffer_shrink(&e->json, 64 << 10);
    e->progress.done++;
    e->progress.failed += r->verdict == CHECK_FAIL;
    e->progress.errors += r->verdict == CHECK_ERROR;
    if (money_is_known(r->cost_nano)) e->progress.cost_nano += r->cost_nano;
    if (money_is_known(r->judge_cost_nano)) e->progress.cost_nano += r->judge_cost_nano;
    if (!e->progress.terminal) eval_progress_show(&e->progress);
}

static void run_ended(void *ctx, const char *stopped) {
    struct engine *e = ctx;
    if (stopped) snprintf(e->why, sizeof e->why, "%s", stopped);
    loop_stop(e->loop);
}

/* ---- what else happens ---- */

static void server_said(void *ctx, enum eval_word word, const char *text) {
    struct engine *e = ctx;
    if (word != EVAL_STOP) {
        give_up(e, text);
        return;
    }
    run_stop(e->run, text);
}

static void on_signal(struct loop_watch *w, unsigned events) {
    struct engine *e = (struct engine *)((char *)w - offsetof(struct engine, signals));
    struct signalfd_siginfo info;
    (void)events;
    while (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info) e->n_signals++;
    if (e->n_signals > 1) {
        give_up(e, "interrupted");
        return;
    }
    eval_progress_end(&e->progress);
    fprintf(stderr, "stopping: what is under way is finished, and the result is of what was run (again: at once)\n");
    run_stop(e->run, "stopped by a signal");
}

static void on_tick(struct loop_timer *t) {
    struct engine *e = (struct engine *)((char *)t - offsetof(struct engine, tick));
    if (e->progress.terminal) eval_progress_show(&e->progress);
    if (e->j->private_server && !private_server_lives(e->j->private_server)) give_up(e, "the server that was started for this run has ended");
    loop_timer_start(e->loop, &e->tick, TICK_US);
}

/* ---- what a former life has done ---- */

static bool compares_repeats(const struct suite *s) {
    for (unsigned c = 0; c < s->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(s, &s->cases[c]); i++)
            if (check_by(suite_check_at(s, &s->cases[c], i)) == CHECK_BY_REPEATS) return true;
    return false;
}

static bool lend_answer(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct engine *e = ctx;
    (void)d;
    (void)node;
    run_skip_answer(e->run, r->case_at, r->repeat, r->output);
    return true;
}

static int skip_done(struct engine *e) {
    const struct json_doc *d = &e->j->begun.doc;
    uint32_t at = JSON_NONE, item;
    int64_t case_at, repeat, cost;
    while (json_each_item(d, cli_at(&e->j->begun, 0, "results"), &at, &item)) {
        if (!json_get_i64(d, json_item(d, item, 0), &case_at) || !json_get_i64(d, json_item(d, item, 1), &repeat)) continue;
        if (!json_get_i64(d, json_item(d, item, 2), &cost)) cost = MONEY_UNKNOWN;
        run_skip(e->run, (unsigned)case_at, (unsigned)repeat, cost);
        if (money_is_known(cost)) e->progress.cost_nano += cost;
        e->progress.failed += json_is(d, json_item(d, item, 3), "fail");
        e->progress.errors += json_is(d, json_item(d, item, 3), "error");
        e->progress.earlier++;
    }
    return e->progress.earlier > 0 && compares_repeats(&e->j->suite) ? cli_eval_results(e->j->client, e->j->run, NULL, 100, lend_answer, e) : -1;
}

/* ---- up, and down ---- */

static const char *folder_of(struct eval_job *j) {
    const char *slash = strrchr(j->o.suite, '/');
    if (!slash) return ".";
    return arena_text(&j->arena, slice_make(j->o.suite, slash == j->o.suite ? 1 : (size_t)(slash - j->o.suite)));
}

static int build(struct engine *e, struct error *error) {
    struct eval_job *j = e->j;
    const struct eval_order *o = &j->o;
    const char *who[] = {arena_text(&j->arena, arena_printf(&j->arena, "authorization: Bearer %s", o->key)), NULL};
    struct asker_options asking = {.url = j->gateway, .who = who, .concurrency = (unsigned)o->concurrency, .timeout_us = o->timeout_us,
                                   .patience_us = o->patience_us > 10 * o->timeout_us ? o->patience_us : 10 * o->timeout_us};
    struct run_options what = {.suite = &j->suite, .prompt = o->prompt ? &j->prompt : NULL, .model = slice_of(o->model), .repeat = j->repeat,
                               .max_cost_nano = o->max_cost_nano, .name = slice_of(j->run), .begun_us = j->begun_us, .chosen = j->chosen};
    const struct run_calls calls = {.ctx = e, .result = take_result, .ended = run_ended};
    e->loop = loop_new(error);
    if (!e->loop || loop_watch_interrupts(e->loop, &e->signals, on_signal, error) != FAULT_NONE) return 3;
    e->asker = asker_new(e->loop, &asking, error);
    if (!e->asker) return 3;
    e->programs = programs_new(e->loop, folder_of(j), (unsigned)sysconf(_SC_NPROCESSORS_ONLN));
    e->run = run_new(e->loop, e->asker, e->programs, &what, &calls);
    e->sender = eval_sender_start(&(struct eval_sender_options){.server = j->server, .run = j->run, .owner = j->owner, .patience_us = o->patience_us,
                                                                .loop = e->loop, .said = server_said, .ctx = e},
                                  error);
    return e->sender ? -1 : 3;
}

static void take_down(struct engine *e) {
    asker_free(e->asker);
    programs_free(e->programs);
    run_free(e->run);
    eval_sender_free(e->sender);
    if (e->loop && e->signals.ready) {
        loop_timer_stop(e->loop, &e->tick);
        loop_watch_stop(e->loop, &e->signals);
        close(e->signals.fd);
    }
    if (e->loop) loop_free(e->loop);
    buffer_deinit(&e->json);
}

static int run_it(struct engine *e) {
    struct error error = {.fault = FAULT_NONE};
    int code = build(e, &error);
    if (code >= 0) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return code;
    }
    code = skip_done(e);
    if (code >= 0) return code;
    e->progress.started_us = clock_us();
    e->tick.fired = on_tick;
    loop_timer_start(e->loop, &e->tick, TICK_US);
    run_start(e->run);
    loop_run(e->loop);
    eval_progress_end(&e->progress);
    if (!e->lost && !eval_sender_finish(e->sender, &error)) give_up(e, error.text);
    if (!e->lost && !run_is_cut_off(e->run)) return -1;
    fprintf(stderr, "quarterdeck: %s could not go on: %s\nwhat it has is kept; to go on: %s\n", e->j->run, e->why, e->j->o.again);
    return 3;
}

int eval_run_engine(struct eval_job *j, char ret_stopped[EVAL_STOPPED_TEXT]) {
    struct engine e = {.j = j, .progress = {.run = j->run, .planned = j->planned, .terminal = isatty(STDERR_FILENO) == 1}};
    buffer_init(&e.json, 2 * (size_t)LIMIT_REPLY_BODY);
    int code = run_it(&e);
    snprintf(ret_stopped, EVAL_STOPPED_TEXT, "%s", e.why);
    take_down(&e);
    return code;
}
