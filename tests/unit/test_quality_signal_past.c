/* Values of the past against the same records summed by hand: from rollups, from records, from scores. */
#include "quality/signals.h"

#include "store/score.h"
#include "test_store_rig.h"

#include <math.h>

#define SECOND_US 1000000LL
#define MINUTE_US (60 * SECOND_US)
#define BEGIN_US (RIG_START + 600 * MINUTE_US)
enum { RECORDS = 900, SPAN_MINUTES = 180, GAP_FROM = 60, GAP_TO = 150 /* minutes: a gap longer than an hour */ };

struct world {
    struct rig *rig;
    struct ledger *l;
    struct evaluations *e;
    struct record records[RECORDS];
};

static void make(struct world *w, struct record *r, unsigned i) {
    static const char *const types[] = {"chat", "summary"}, *const providers[] = {"openai", "anthropic"};
    int64_t minute;
    do minute = rig_below(w->rig, SPAN_MINUTES);
    while (minute >= GAP_FROM && minute < GAP_TO);
    rig_record(r, BEGIN_US + minute * MINUTE_US + (int64_t)rig_below(w->rig, 60000) * 1000, i + 1);
    r->request_type = slice_of(types[rig_below(w->rig, 2)]);
    r->status = rig_below(w->rig, 5) == 0 ? RECORD_ERROR : RECORD_OK;
    r->duration_us = (int64_t)rig_below(w->rig, 90000) * 1000;
    r->ttft_us = -1;
    r->cost_nano = rig_below(w->rig, 4) ? (int64_t)rig_below(w->rig, 100000) : MONEY_UNKNOWN;
    r->n_attempts = 1;
    r->attempts[0] = (struct record_attempt){.provider = slice_of(providers[rig_below(w->rig, 2)]), .model = SLICE("large"),
                                             .error = rig_below(w->rig, 3) ? FAULT_NONE : FAULT_UP_SERVER, .ms = (uint32_t)(r->duration_us / 1000)};
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    struct error error = {0};
    if (rig_setup((void **)&w->rig) != 0) return -1;
    w->l = rig_ledger(w->rig);
    w->e = evaluations_open(w->rig->dir, &error);
    struct recorder *recorder = rig_recorder(w->rig);
    for (unsigned i = 0; i < RECORDS; i++) {
        make(w, &w->records[i], i);
        rig_append_record(recorder, 0, &w->records[i]);
    }
    rig_drain(w->l, recorder);
    recorder_close(recorder);
    *state = w;
    return w->e != NULL ? 0 : -1;
}
static int teardown(void **state) {
    struct world *w = *state;
    evaluations_close(w->e);
    ledger_close(w->l);
    rig_teardown((void **)&w->rig);
    test_free(w);
    return 0;
}

struct told {
    struct world *w;
    const struct signal_past *q;
    unsigned n, empty, most;
    int64_t last_end_us;
    void (*brute)(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n);
};

static bool each(void *ctx, const struct signal_series *series, int64_t end_us, const struct signal_value *v) {
    struct told *t = ctx;
    double value = NAN, n = 0;
    struct slice name = series->is[t->q->by == SIGNAL_BY_BIT(PROVIDER) ? SIGNAL_BY_PROVIDER : SIGNAL_BY_REQUEST_TYPE];
    t->brute(t, name, end_us, &value, &n);
    if (v->n != n || (n > 0 && !(fabs(v->value - value) <= 1e-9 * fabs(value))))
        fail_msg("%.*s at %lld: expected %g of %g, found %g of %g", (int)name.len, name.at, (long long)(end_us - BEGIN_US) / MINUTE_US, value, n, v->value, v->n);
    assert_true(end_us >= t->last_end_us);
    t->last_end_us = end_us;
    t->n++;
    t->empty += v->n == 0;
    return t->most == 0 || t->n < t->most;
}

static struct told ask(struct world *w, enum signal which, unsigned by, int64_t window_us, unsigned most,
                       void (*brute)(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n)) {
    struct error error = {0};
    struct signal_past q = {.signal = which, .by = by, .window_us = window_us, .from_us = BEGIN_US, .to_us = BEGIN_US + SPAN_MINUTES * MINUTE_US,
                            .step_us = MINUTE_US};
    struct told t = {.w = w, .q = &q, .most = most, .brute = brute};
    if (signals_past(w->l, w->e, &q, each, &t, &error) != FAULT_NONE) fail_msg("%s", error.text);
    t.q = NULL;
    return t;
}

/* Rollups: by the minute in which it began. */
static void brute_errors(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    double hits = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct record *r = &t->w->records[i];
        if (r->time_us < end_us - t->q->window_us || r->time_us >= end_us || !slice_eq(r->request_type, name)) continue;
        hits += r->status == RECORD_ERROR;
        (*ret_n)++;
    }
    *ret_value = hits / *ret_n;
}

static void brute_p95(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    struct histogram h;
    histogram_init(&h);
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct record *r = &t->w->records[i];
        if (r->time_us >= end_us - t->q->window_us && r->time_us < end_us && slice_eq(r->request_type, name)) histogram_add(&h, r->duration_us);
    }
    *ret_value = histogram_quantile(&h, 0.95) * 1e-6;
    *ret_n = (double)h.count;
    histogram_deinit(&h);
}

/* Records: by when it ended. */
static void brute_provider(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    double hits = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct record *r = &t->w->records[i];
        int64_t at_us = r->time_us + r->duration_us;
        if (at_us < end_us - t->q->window_us || at_us >= end_us || !slice_eq(r->attempts[0].provider, name)) continue;
        hits += r->attempts[0].error != FAULT_NONE;
        (*ret_n)++;
    }
    *ret_value = hits / *ret_n;
}

static void from_rollups(void **state) {
    struct world *w = *state;
    struct told t = ask(w, SIGNAL_ERRORS, SIGNAL_BY_BIT(REQUEST_TYPE), 5 * MINUTE_US, 0, brute_errors);
    assert_true(t.n >= 2 * (SPAN_MINUTES - GAP_TO + GAP_FROM) && t.n < 2 * SPAN_MINUTES); /* the gap is one: more than an hour of it is no value */
    assert_true(t.empty > 100);
    (void)ask(w, SIGNAL_LATENCY_P95, SIGNAL_BY_BIT(REQUEST_TYPE), 15 * MINUTE_US, 0, brute_p95);
    t = ask(w, SIGNAL_ERRORS, SIGNAL_BY_BIT(REQUEST_TYPE), 5 * MINUTE_US, 3, brute_errors);
    assert_int_equal(t.n, 3);
}

static void from_records(void **state) {
    struct world *w = *state;
    struct told t = ask(w, SIGNAL_PROVIDER_ERRORS, SIGNAL_BY_BIT(PROVIDER), 5 * MINUTE_US, 0, brute_provider);
    assert_true(t.n > 2 * (SPAN_MINUTES - GAP_TO + GAP_FROM));
    (void)ask(w, SIGNAL_PROVIDER_ERRORS, SIGNAL_BY_BIT(PROVIDER), 30 * SECOND_US, 0, brute_provider);
}

static void any_slow(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    double hits = 0, n = 0;
    struct histogram like;
    histogram_init(&like);
    for (unsigned i = 0; i < RECORDS; i++) /* all inputs are of one size */
        if (slice_eq(t->w->records[i].request_type, name)) histogram_add(&like, t->w->records[i].duration_us);
    double p95_us = histogram_quantile(&like, 0.95);
    histogram_deinit(&like);
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct record *r = &t->w->records[i];
        int64_t at_us = r->time_us + r->duration_us;
        if (at_us < end_us - t->q->window_us || at_us >= end_us || !slice_eq(r->request_type, name)) continue;
        hits += (double)r->duration_us > p95_us;
        n++;
    }
    *ret_value = hits / n;
    *ret_n = n;
}

static void slow_is_slow_among_its_like(void **state) {
    (void)ask(*state, SIGNAL_LATENCY_SLOW, SIGNAL_BY_BIT(REQUEST_TYPE), 15 * MINUTE_US, 0, any_slow);
}

/* Every third record was scored, every second of these taken with chance 1/4. */
static double chance_of(unsigned i) { return i % 2 ? 0.25 : 1; }
static double score_of(unsigned i) { return (double)(i % 5) / 4; }

static void keep_scores(struct world *w) {
    struct error error = {0};
    for (unsigned i = 0; i < RECORDS; i += 3) {
        const struct record *r = &w->records[i];
        char body[200];
        snprintf(body, sizeof body, "[{\"metric\":\"tone\",\"type\":\"judge\",\"scale\":\"1-5\",\"verdict\":\"%s\",\"score\":%g}]", i % 5 > 2 ? "pass" : "fail", score_of(i));
        struct scored s = {.record = r->id, .rule = SLICE("r"), .time_us = r->time_us, .application = r->application, .request_type = r->request_type,
                           .chance_e15 = (int64_t)(chance_of(i) * SCORED_CHANCE_ONE), .state = SCORED_DONE, .body = slice_of(body)};
        struct scored_step k = {.rule = SLICE("r"), .position = SLICE("1:1"), .day = RIG_START / RIG_DAY, .taken = &s, .n_taken = 1};
        if (scored_keep(w->e, &k, &error) != FAULT_NONE) fail_msg("%s", error.text);
    }
}

static void brute_good(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    double all = 0, squares = 0, good = 0;
    for (unsigned i = 0; i < RECORDS; i += 3) {
        const struct record *r = &t->w->records[i];
        double weight = 1 / chance_of(i);
        if (r->time_us < end_us - t->q->window_us || r->time_us >= end_us || !slice_eq(r->request_type, name)) continue;
        all += weight;
        squares += weight * weight;
        good += score_of(i) >= 0.75 ? weight : 0;
    }
    *ret_value = good / all;
    *ret_n = all > 0 ? all * all / squares : 0;
}

static void from_scores(void **state) {
    struct world *w = *state;
    keep_scores(w);
    struct told t = ask(w, SIGNAL_QUALITY_GOOD, SIGNAL_BY_BIT(REQUEST_TYPE), 10 * MINUTE_US, 0, brute_good);
    assert_true(t.n > 2 * (SPAN_MINUTES - GAP_TO + GAP_FROM));
}

static void brute_negative(struct told *t, struct slice name, int64_t end_us, double *ret_value, double *ret_n) {
    double hits = 0;
    for (unsigned i = 0; i < RECORDS; i += 10) {
        int64_t at_us = t->w->records[i].time_us + 7 * MINUTE_US;
        if (at_us < end_us - t->q->window_us || at_us >= end_us || !slice_eq(t->w->records[i].request_type, name)) continue;
        hits += i % 20 == 0;
        (*ret_n)++;
    }
    *ret_value = hits / *ret_n;
}

static void feedback_counts_when_it_was_given(void **state) {
    struct world *w = *state;
    struct error error = {0};
    size_t bad;
    for (unsigned i = 0; i < RECORDS; i += 10) {
        struct score s = {.record = w->records[i].id, .name = SLICE("helpful"), .source = SLICE("feedback"), .value_ppm = i % 20 ? 900000 : 100000,
                          .at_us = w->records[i].time_us + 7 * MINUTE_US};
        if (ledger_scores_put(w->l, &s, 1, &bad, &error) != FAULT_NONE) fail_msg("%s", error.text);
    }
    struct told t = ask(w, SIGNAL_FEEDBACK_NEGATIVE, SIGNAL_BY_BIT(REQUEST_TYPE), 15 * MINUTE_US, 0, brute_negative);
    assert_true(t.n > 2 * (SPAN_MINUTES - GAP_TO + GAP_FROM) - 40);
}

static void what_cannot_be_told_is_said(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct signal_past q = {.signal = SIGNAL_RECORDER_LAG, .window_us = MINUTE_US, .from_us = BEGIN_US, .to_us = BEGIN_US + MINUTE_US, .step_us = MINUTE_US};
    assert_int_equal(signals_past(w->l, w->e, &q, each, NULL, &error), FAULT_NOT_FOUND);
    q.signal = SIGNAL_REQUESTS;
    q.step_us = SECOND_US;
    assert_int_equal(signals_past(w->l, w->e, &q, each, NULL, &error), FAULT_BAD_REQUEST);
}

static bool take_any(void *ctx, const struct signal_series *series, int64_t end_us, const struct signal_value *v) {
    (void)ctx, (void)series, (void)end_us, (void)v;
    return true;
}

static void more_than_can_be_waited_for_is_said(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct signal_past q = {.signal = SIGNAL_PROVIDER_ERRORS, .window_us = MINUTE_US, .from_us = BEGIN_US, .to_us = BEGIN_US + SPAN_MINUTES * MINUTE_US, .step_us = MINUTE_US,
                            .most_records = RECORDS - 1};
    assert_int_equal(signals_past(w->l, w->e, &q, take_any, NULL, &error), FAULT_TOO_LARGE);
    q.most_records = RECORDS;
    assert_int_equal(signals_past(w->l, w->e, &q, take_any, NULL, &error), FAULT_NONE);
    q.signal = SIGNAL_ERRORS; /* rollups know it */
    q.most_records = 1;
    assert_int_equal(signals_past(w->l, w->e, &q, take_any, NULL, &error), FAULT_NONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_rollups, setup, teardown),
        cmocka_unit_test_setup_teardown(from_records, setup, teardown),
        cmocka_unit_test_setup_teardown(more_than_can_be_waited_for_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_is_slow_among_its_like, setup, teardown),
        cmocka_unit_test_setup_teardown(from_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(feedback_counts_when_it_was_given, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_told_is_said, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
