/* A run against a gateway that the test plays. */
#ifndef TEST_QUALITY_RUN_RIG_H
#define TEST_QUALITY_RUN_RIG_H

#include "test_quality_gate_rig.h"

#include "base/money.h"
#include "quality/run.h"

#define MOST 320

struct kept {
    unsigned case_at, repeat, n_checks;
    enum check_verdict verdict, checks[8];
    double scores[8];
    bool refused;
    int64_t cost, judge_cost, input;
    char output[64], error[300], calls[200], reasons[4][200], record[64], target[64], finish[32];
};

struct world {
    struct gate g;
    struct arena arena;
    struct suite suite;
    struct run_options o;
    struct programs *programs;
    struct run *run;
    struct kept kept[MOST];
    unsigned n_kept, ended;
    char stopped[LIMIT_ERROR_TEXT];
    unsigned seen[MOST]; /* by case_at * repeat + repeat: how often asked */
};

static inline void copy(char *out, size_t size, struct slice s) { (void)snprintf(out, size, SLICE_FMT, SLICE_ARG(s)); }

static inline void on_result(void *ctx, const struct result *r) {
    struct world *w = ctx;
    assert_true(w->n_kept < MOST);
    struct kept *k = &w->kept[w->n_kept++];
    *k = (struct kept){.case_at = r->case_at, .repeat = r->repeat, .verdict = r->verdict, .refused = r->refused, .cost = r->cost_nano,
                       .judge_cost = r->judge_cost_nano, .input = r->input_tokens, .n_checks = r->n_checks};
    assert_true(slice_eq(r->case_id, w->suite.cases[r->case_at].id));
    copy(k->output, sizeof k->output, r->output);
    copy(k->error, sizeof k->error, r->error);
    copy(k->calls, sizeof k->calls, r->calls);
    copy(k->record, sizeof k->record, r->record);
    copy(k->target, sizeof k->target, r->target);
    copy(k->finish, sizeof k->finish, r->finish);
    for (unsigned i = 0; i < r->n_checks && i < 8; i++) {
        k->checks[i] = r->checks[i].verdict;
        k->scores[i] = r->checks[i].score;
        if (i < 4) copy(k->reasons[i], sizeof k->reasons[i], r->checks[i].reason);
    }
}

static inline void on_ended(void *ctx, const char *stopped) {
    struct world *w = ctx;
    w->ended++;
    (void)snprintf(w->stopped, sizeof w->stopped, "%s", stopped != NULL ? stopped : "");
}

static inline void setup(struct world *w, const char *yaml, unsigned concurrency, void (*play)(struct gate *, struct http_request *, struct gate_answer *)) {
    struct problems problems = {0};
    *w = (struct world){.ended = 0};
    gate_setup(&w->g, concurrency, play);
    w->g.ctx = w;
    arena_init(&w->arena, 64 << 10, 64 << 20);
    if (suite_read(slice_of(yaml), "s.yaml", NULL, &w->arena, &w->suite, &problems) != FAULT_NONE) fail_msg("%s", problems.items[0].text);
    w->programs = programs_new(w->g.loop, "/", 1);
    w->o = (struct run_options){.suite = &w->suite, .repeat = w->suite.repeat, .max_cost_nano = -1, .name = SLICE("run-7"), .begun_us = 99};
}

static inline void make(struct world *w) {
    w->run = run_new(w->g.loop, w->g.asker, w->programs, &w->o, &(struct run_calls){w, on_result, on_ended});
}

/* To the end; pauses pass when nothing else moves. */
static inline void finish(struct world *w) {
    for (int turns = 0; w->ended == 0; turns++) {
        if (turns > 100000) fail_msg("the run does not end");
        rig_turn(w->g.loop);
        if (turns % 300 == 299) clock_advance(1000000);
    }
    rig_turns(w->g.loop, 20);
    assert_int_equal(w->ended, 1);
}

static inline void go(struct world *w) {
    make(w);
    run_start(w->run);
    finish(w);
}

static inline void teardown(struct world *w) {
    struct gate *g = &w->g;
    asker_free(g->asker);
    g->asker = NULL;
    programs_free(w->programs);
    run_free(w->run);
    suite_deinit(&w->suite);
    arena_deinit(&w->arena);
    gate_teardown(g);
}

static inline struct kept *of(struct world *w, unsigned case_at, unsigned repeat) {
    struct kept *found = NULL;
    for (unsigned i = 0; i < w->n_kept; i++) {
        if (w->kept[i].case_at != case_at || w->kept[i].repeat != repeat) continue;
        assert_null(found); /* one result each */
        found = &w->kept[i];
    }
    if (found == NULL) fail_msg("no result of case %u, repeat %u", case_at, repeat);
    return found;
}

#endif
