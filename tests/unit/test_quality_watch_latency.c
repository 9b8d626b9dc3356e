/* Slow for anybody: budgets, what few exchanges prove, long documents, what is well again, users who gave up; and how often it is wrong. */
#include "quality/watch_latency.h"
#include "base/clock.h"
#include "stats/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define START (1795300000000000LL / (600 * SECOND) * (600 * SECOND))

struct desk {
    struct watch_latency *w;
    struct signals *signals;
    struct policy *p;
    struct application application;
    struct request_policy types[1];
    struct arena arena;
    struct random random;
    struct finding *found;
    struct slice *unsure;
    unsigned n_found, n_unsure;
    int64_t now_us;
};

static void desk_init(struct desk *d) {
    *d = (struct desk){.w = watch_latency_new(), .signals = signals_new(), .p = policy_new(), .random = {3}, .now_us = START};
    d->types[0] = (struct request_policy){.request_type = "chat"};
    d->application = (struct application){.name = "helpdesk", .request_types = d->types, .n_request_types = 1};
    table_put(&d->p->application_by_name, SLICE("helpdesk"), &d->application);
    arena_init(&d->arena, 1 << 16, 64 << 20);
}
static void desk_deinit(struct desk *d) {
    watch_latency_free(d->w);
    signals_free(d->signals);
    policy_drop(d->p);
    arena_deinit(&d->arena);
}
static void ask(struct desk *d, double seconds, int64_t input) {
    struct record r;
    record_init(&r);
    record_id_new(&r.id, d->now_us);
    r.application = SLICE("helpdesk");
    r.request_type = SLICE("chat");
    r.time_us = d->now_us;
    r.duration_us = (int64_t)(seconds * 1e6);
    r.ttft_us = r.duration_us / 4;
    r.usage.input = input;
    r.usage.output = 101;
    r.stream = true;
    watch_latency_record(d->w, &r);
    signals_record(d->signals, &r);
}
static void look(struct desk *d, double alarms) {
    struct error error;
    arena_reset(&d->arena);
    signals_at(d->signals, d->now_us);
    assert_int_equal(watch_latency_look(d->w, d->p, d->signals, alarms, d->now_us, &d->arena, &d->found, &d->n_found, &d->unsure, &d->n_unsure, &error), FAULT_NONE);
}
static double lognormal(struct desk *d, double median, double sigma) {
    double u = random_unit(&d->random), v = random_unit(&d->random);
    return median * exp(sigma * sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}
/* Chats of about 0.8 s, and one of eight a long document of about 6 s. */
static void normal(struct desk *d, int n, double alarms) {
    for (int i = 0; i < n; i++, d->now_us += SECOND) {
        bool is_long = random_below(&d->random, 8) == 0;
        ask(d, lognormal(d, is_long ? 6 : 0.8, 0.4), is_long ? 30000 : 300);
        if (i % 5 == 0) look(d, alarms);
    }
}
static void says(struct slice s, const char *words) {
    if (!slice_contains(s, slice_of(words))) fail_msg("`%s` is not in " SLICE_FMT, words, SLICE_ARG(s));
}

static void budget(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    d.types[0].latency.p95 = 2 * SECOND;
    look(&d, 0.25);
    for (int i = 0; i < 5; i++) ask(&d, i == 0 ? 3 : 0.5, 300); /* the first is what makes the series: its budget is known from the next look on */
    look(&d, 0.25);
    for (int i = 0; i < 3; i++, d.now_us += SECOND) ask(&d, 0.5, 300), ask(&d, 3, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 0);          /* half of six is 50 %, and proves nothing yet */
    for (int i = 0; i < 40; i++, d.now_us += SECOND) ask(&d, i % 2 == 0 ? 3 : 0.5, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    assert_true(slice_is(d.found[0].key, "[\"latency_over_budget\",\"helpdesk\",\"chat\",\"p95\"]"));
    says(d.found[0].title, "helpdesk/chat: p95 is surely above its budget of 2.0 s: ");
    says(d.found[0].title, ", 5.0 % may");
    assert_true(slice_is(d.found[0].command, "quarterdeck record latency --from -1h --application helpdesk --request-type chat"));
    d.now_us += 600 * SECOND;
    look(&d, 0.25);
    assert_int_equal(d.n_found, 0);
    assert_int_equal(d.n_unsure, 1);
    for (int i = 0; i < 40; i++, d.now_us += SECOND) ask(&d, 0.5, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found + d.n_unsure, 0);
    d.types[0].latency.p95 = SECOND / 10;    /* a new budget counts what comes from then on */
    look(&d, 0.25);
    assert_int_equal(d.n_found, 0);
    desk_deinit(&d);
}

/* A tiny budget is told as it is; what was booked before the clock stepped back by a day counts no more, and stands in nobody's way. */
static void clock_steps(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    d.types[0].latency.p50 = 1;
    d.now_us = START + 86400 * SECOND;
    ask(&d, 0.5, 300);
    look(&d, 0.25);
    for (int i = 0; i < 400; i++, d.now_us += SECOND) ask(&d, 0.5, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    says(d.found[0].title, "p50 is surely above its budget of 1 us: ");
    d.now_us = START;
    look(&d, 0.25);
    assert_int_equal(d.n_found, 0);
    assert_int_equal(d.n_unsure, 1);
    for (int i = 0; i < 40; i++, d.now_us += SECOND) ask(&d, 0.5, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    says(d.found[0].title, "40 of 40 in the last 5 min");
    desk_deinit(&d);
}

static void like_with_like(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    normal(&d, 3600, 0.25);
    assert_int_equal(d.n_found, 0);
    for (int i = 0; i < 600; i++, d.now_us += SECOND) { /* long documents alone */
        ask(&d, lognormal(&d, 6, 0.4), 30000);
        if (i % 5 == 0) look(&d, 0.25);
        assert_int_equal(d.n_found, 0);
    }
    int64_t begun = d.now_us;
    for (int i = 0; d.n_found == 0 && i < 600; i++, d.now_us += SECOND) { /* chats that take twice as long, hidden among them */
        bool is_long = i % 2 == 0;
        ask(&d, lognormal(&d, is_long ? 6 : 1.6, 0.4), is_long ? 30000 : 300);
        look(&d, 0.25);
    }
    assert_int_equal(d.n_found, 1);
    assert_int_equal(d.found[0].kind, FINDING_LATENCY_WORSE);
    assert_true(d.now_us - begun < 5 * 60 * SECOND);
    says(d.found[0].title, "were slower than 95 % of their like were; 5 % is normal");
    d.now_us += 400 * SECOND; /* few ask, and are quick: it is open, and says what was since it began */
    ask(&d, 0.5, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    says(d.found[0].title, " since 20");
    says(d.found[0].title, " UTC were slower than 95 % of their like were; 5 % is normal");
    normal(&d, 900, 0.25);
    assert_int_equal(d.n_found, 0);
    desk_deinit(&d);
}

/* So little is asked that no five minutes tell: a week of it does. */
static void little_traffic(void **state) {
    (void)state;
    struct desk d;
    desk_init(&d);
    normal(&d, 3600, 0.25);
    for (int i = 0; d.n_found == 0 && i < 600; i++, d.now_us += SECOND) {
        ask(&d, lognormal(&d, 1.6, 0.4), 300);
        look(&d, 0.25);
    }
    assert_int_equal(d.n_found, 1);
    for (int i = 0; i < 8 * 144; i++, d.now_us += 600 * SECOND) {
        ask(&d, lognormal(&d, 0, 0.4), 300);
        look(&d, 0.25);
        if (i == 5 * 144) assert_int_equal(d.n_found, 1);
    }
    assert_int_equal(d.n_found, 0);
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
    normal(&d, 3600, 0.25);
    json_start(&w, &b);
    watch_latency_write(d.w, &w);
    watch_latency_free(d.w);
    d.w = watch_latency_new();
    assert_int_equal(watch_latency_read(d.w, buffer_slice(&b), &error), FAULT_NONE);
    assert_int_equal(watch_latency_learn(d.w, NULL, d.signals, d.now_us, &error), FAULT_NONE);
    for (int i = 0; d.n_found == 0 && i < 300; i++, d.now_us += SECOND) {
        ask(&d, 3, 300);
        look(&d, 0.25);
    }
    assert_int_equal(d.n_found, 1);
    struct signal_view *v = signals_view(d.signals, 0, NULL, 60 * SECOND);
    assert_true(signal_view_value(v, SIGNAL_LATENCY_SLOW, SLICE_NULL, &(struct signal_series){.by = 0}).value > 0.9); /* what is slow was told to signals */
    assert_int_equal(watch_latency_read(d.w, SLICE("[{\"application\":\"a\",\"request_type\":\"b\",\"normal\":[]}]"), &error), FAULT_CORRUPT);
    buffer_deinit(&b);
    desk_deinit(&d);
}

/* What was above its budget is so behind a restart, whether the last minutes are read again or not. */
static void kept_over_budget(void **state) {
    (void)state;
    struct desk d;
    struct buffer b;
    struct json_writer w;
    struct error error;
    struct record r;
    desk_init(&d);
    buffer_init(&b, 1 << 20);
    d.types[0].latency.p95 = 2 * SECOND;
    ask(&d, 3, 300);
    look(&d, 0.25);
    for (int i = 0; i < 40; i++, d.now_us += SECOND) ask(&d, 3, 300);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    json_start(&w, &b);
    watch_latency_write(d.w, &w);
    watch_latency_free(d.w);
    d.w = watch_latency_new();
    assert_int_equal(watch_latency_read(d.w, buffer_slice(&b), &error), FAULT_NONE);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 0);
    assert_int_equal(d.n_unsure, 1);
    record_init(&r);
    r.application = SLICE("helpdesk");
    r.request_type = SLICE("chat");
    r.time_us = d.now_us - 10 * SECOND;
    r.duration_us = 3 * SECOND;
    for (int i = 0; i < 5; i++) watch_latency_former(d.w, &r);
    look(&d, 0.25);
    assert_int_equal(d.n_found, 1);
    says(d.found[0].title, "5 of 5 in the last 5 min");
    buffer_deinit(&b);
    desk_deinit(&d);
}

/* A day of what is normal with 300 a month allowed: ten, and fewer come. */
static void false_alarms(void **state) {
    (void)state;
    struct desk d;
    unsigned alarms = 0, before = 0;
    desk_init(&d);
    d.types[0].latency.p95 = 6800000; /* 4.7 % take longer: it just holds */
    for (int i = 0; i < 86400 / 5; i++) {
        normal(&d, 5, 300);
        alarms += d.n_found > before ? d.n_found - before : 0;
        before = d.n_found;
    }
    if (alarms > 10) fail_msg("%u false alarms", alarms);
    desk_deinit(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(budget), cmocka_unit_test(clock_steps), cmocka_unit_test(like_with_like), cmocka_unit_test(little_traffic), cmocka_unit_test(kept), cmocka_unit_test(kept_over_budget), cmocka_unit_test(false_alarms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
