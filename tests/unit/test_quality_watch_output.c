/* Answers that get worse: found with few values, by every signal; versions; what is well again; and how often it is wrong. */
#include "quality/watch_output.h"
#include "base/clock.h"
#include "stats/random.h"
#include "store/score.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE 60000000LL
#define START (20700 * 86400000000LL)

struct desk {
    struct watch_output *w;
    struct arena arena;
    struct random random;
    struct finding *found;
    struct slice *unsure;
    unsigned n_found, n_unsure;
    int64_t now_us;
    const char *version;
    bool former;
};

static void desk_init(struct desk *d) {
    *d = (struct desk){.w = watch_output_new(), .random = {7}, .now_us = START, .version = "1"};
    arena_init(&d->arena, 1 << 16, 64 << 20);
}
static void desk_deinit(struct desk *d) {
    watch_output_free(d->w);
    arena_deinit(&d->arena);
}
static void look(struct desk *d, double alarms) {
    struct error error;
    arena_reset(&d->arena);
    assert_int_equal(watch_output_look(d->w, NULL, alarms, d->now_us, &d->arena, &d->found, &d->n_found, &d->unsure, &d->n_unsure, &error), FAULT_NONE);
}
static bool chance(struct desk *d, double p) { return random_unit(&d->random) < p; }
/* One scored record: a judge's score, whether its claims are supported. */
static void scored(struct desk *d, double score, bool supported) {
    char body[256];
    (void)snprintf(body, sizeof body, "[{\"metric\":\"q\",\"type\":\"judge\",\"scale\":\"1-5\",\"verdict\":\"pass\",\"score\":%g},"
                                      "{\"metric\":\"f\",\"type\":\"faithful\",\"verdict\":\"%s\",\"score\":%d},{\"metric\":\"x\",\"type\":\"judge\",\"verdict\":\"error\"}]",
                   score, supported ? "pass" : "fail", supported);
    struct scored s = {.application = SLICE("helpdesk"), .request_type = SLICE("chat"), .prompt = SLICE("support"), .version = slice_of(d->version),
                       .time_us = d->now_us, .chance_e15 = SCORED_CHANCE_ONE / 10, .state = SCORED_DONE, .length = SCORED_LENGTH_USUAL, .body = slice_of(body)};
    watch_output_scored(d->w, &s, d->former);
    d->now_us += 10 * MINUTE;
}
static void normal(struct desk *d, int n) {
    for (int i = 0; i < n; i++) {
        scored(d, chance(d, 0.2) ? 0.75 : 1, !chance(d, 0.02));
        look(d, 0.5);
    }
}
static void says(struct slice s, const char *words) {
    if (!slice_contains(s, slice_of(words))) fail_msg("`%s` is not in " SLICE_FMT, words, SLICE_ARG(s));
}

static void unsupported(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    normal(&d, 1200);
    assert_int_equal(d.n_found, 0);
    int n = 0;
    while (d.n_found == 0 && n < 400) {
        scored(&d, 1, !chance(&d, 0.3));
        look(&d, 0.5);
        n++;
    }
    assert_true(n < 80); /* 2 % became 30 % */
    assert_int_equal(d.n_found, 1);
    assert_true(slice_is(d.found[0].key, "[\"output_worse\",\"quality.unsupported_rate\",\"helpdesk\",\"chat\",\"support\",\"1\"]"));
    says(d.found[0].title, "helpdesk/chat, prompt support@1: quality.unsupported_rate is surely worse: ");
    assert_true(slice_is(d.found[0].command, "quarterdeck prompt show support"));
    /* silence is no good news; good answers are */
    d.now_us += 3 * 86400000000LL;
    look(&d, 0.5);
    assert_int_equal(d.n_found, 0);
    assert_int_equal(d.n_unsure, 1);
    normal(&d, 300);
    assert_int_equal(d.n_found + d.n_unsure, 0);
    desk_deinit(&d);
}

/* A score that falls from 0.95 to 0.7; a new version begins with what was normal for the one before. */
static void new_version(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    normal(&d, 1200);
    d.version = "2";
    int n = 0;
    for (; d.n_found == 0 && n < 200; n++) {
        scored(&d, chance(&d, 0.5) ? 0.5 : 0.9, true);
        look(&d, 0.5);
    }
    assert_true(n < 100);
    says(d.found[0].title, "prompt support@2: quality.score is surely worse: ");
    says(d.found[0].evidence, "\"baseline_from\":\"the version before\"");
    desk_deinit(&d);
}

static void refusals_and_feedback(void **state) {
    (void)state;
    struct desk d;
    struct record r;
    desk_init(&d);
    record_init(&r);
    r.application = SLICE("helpdesk");
    for (int i = 0; i < 3000; i++) {
        bool late = i >= 2500;
        r.time_us = d.now_us += MINUTE;
        record_id_new(&r.id, r.time_us);
        r.finish_reason = chance(&d, late ? 0.2 : 0.01) ? SLICE("refusal") : SLICE("stop");
        watch_output_record(d.w, &r);
        watch_output_score(d.w, &r, &(struct score){.record = r.id, .name = SLICE("thumb"), .source = SLICE("feedback"), .value_ppm = chance(&d, late ? 0.5 : 0.1) ? 0 : SCORE_PPM, .at_us = r.time_us}, false);
        look(&d, 0.5);
        if (i == 2499) assert_int_equal(d.n_found, 0);
    }
    assert_int_equal(d.n_found, 2);
    says(d.found[0].command, "quarterdeck record list --from -1d --application helpdesk");
    desk_deinit(&d);
}

static void kept(void **state) {
    (void)state;
    struct desk d;
    struct buffer b;
    struct json_writer w;
    struct error error;
    desk_init(&d);
    buffer_init(&b, 1 << 20);
    normal(&d, 1200);
    for (int i = 0; i < 100; i++) scored(&d, 1, !chance(&d, 0.3));
    look(&d, 0.5);
    assert_int_equal(d.n_found, 1);
    json_start(&w, &b);
    watch_output_write(d.w, &w);
    watch_output_free(d.w);
    d.w = watch_output_new();
    assert_int_equal(watch_output_read(d.w, buffer_slice(&b), &error), FAULT_NONE);
    look(&d, 0.5);
    assert_int_equal(d.n_found, 1);
    assert_int_equal(watch_output_read(d.w, SLICE("[{\"names\":[\"a\",\"b\",\"c\"]}]"), &error), FAULT_CORRUPT);
    buffer_deinit(&b);
    desk_deinit(&d);
}

static void write(const struct desk *d, struct buffer *b) {
    struct json_writer w;
    buffer_clear(b);
    json_start(&w, b);
    watch_output_write(d->w, &w);
}
/* Its three series had so many values on the first day. */
static void had(const struct desk *d, struct buffer *b, const char *values) {
    unsigned n = 0;
    write(d, b);
    buffer_byte(b, 0);
    for (const char *at = b->at; (at = strstr(at, values)) != NULL; at++) n++;
    assert_int_equal(n, 3);
}

/* What was had before a restart and is read again counts once; what came behind the last keeping counts, and so does what is scored late. */
static void counted_once(void **state) {
    (void)state;
    struct desk d;
    struct buffer b;
    struct error error;
    desk_init(&d);
    buffer_init(&b, 1 << 20);
    for (int i = 0; i < 30; i++) scored(&d, 1, true);
    write(&d, &b);
    watch_output_free(d.w);
    d.w = watch_output_new();
    assert_int_equal(watch_output_read(d.w, buffer_slice(&b), &error), FAULT_NONE);
    d.former = true;
    d.now_us = START;
    for (int i = 0; i < 30; i++) scored(&d, 1, true);
    had(&d, &b, "\"days\":[[20700,30,");
    for (int i = 0; i < 10; i++) scored(&d, 1, true);
    had(&d, &b, "\"days\":[[20700,40,");
    d.former = false;
    d.now_us = START;
    scored(&d, 1, true);
    had(&d, &b, "\"days\":[[20700,41,");
    buffer_deinit(&b);
    desk_deinit(&d);
}

/* 60 months of what is normal, five a month allowed to all series: 300, and a good deal fewer come. */
static void false_alarms(void **state) {
    (void)state;
    unsigned alarms = 0;
    for (int run = 0; run < 20; run++) {
        struct desk d;
        desk_init(&d);
        d.random.state = (uint64_t)run + 1;
        for (int i = 0; i < 3 * 30 * 144; i++) { /* one each ten minutes for three months */
            scored(&d, chance(&d, 0.2) ? 0.75 : 1, !chance(&d, 0.05));
            unsigned before = d.n_found;
            if (i % 6 == 0) look(&d, 5);
            alarms += d.n_found > before ? d.n_found - before : 0;
        }
        desk_deinit(&d);
    }
    if (alarms > 300) fail_msg("%u false alarms", alarms);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(unsupported), cmocka_unit_test(new_version), cmocka_unit_test(refusals_and_feedback), cmocka_unit_test(kept), cmocka_unit_test(counted_once),
                                       cmocka_unit_test(false_alarms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
