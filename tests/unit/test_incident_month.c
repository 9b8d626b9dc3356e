/* A month of healthy traffic through signals and rules: no more alarms than were calibrated for; then a slowdown and an outage, and how long they
 * take. Token counts are Azure's trace, stretched over weeks with a daily cycle; the time an answer takes follows its tokens. */
#include "base/digest.h"
#include "incident/anomaly.h"
#include "incident/calibrate.h"
#include "sim/trace.h"
#include "test_stats_rig.h"

#include <stdio.h>

#define MINUTE 60000000LL
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (20000 * DAY)
#define LEARNED (START + 21 * DAY)
#define END (LEARNED + 30 * DAY)
enum { ODD_ERRORS, ODD_TIMES, SLOW, RULES };
static const char *const types[] = {"chat", "document"};
enum { TYPES = 2, MOST = 21 * 1440 + 200 };

struct seen { int64_t end_us; struct signal_value v[TYPES]; };
struct month {
    struct trace trace;
    struct random random;
    struct signals *signals;
    struct alert_rule rules[RULES];
    struct signal_view *cells[RULES], *views[RULES];
    struct seen *past[RULES]; /* of each rule, by its cell; of SLOW by the minute */
    unsigned n[RULES];
    struct anomalies *anomalies;
    double threshold, clear;
    struct alert_life lives[TYPES];
    bool beyond[RULES][TYPES];
    unsigned alarms[RULES];
    double slower, failing;
    uint64_t records;
};

static struct signal_series series_of(unsigned type) {
    struct signal_series s = {.by = SIGNAL_BY_BIT(REQUEST_TYPE)};
    s.is[SIGNAL_BY_REQUEST_TYPE] = slice_of(types[type]);
    return s;
}

/* Twice as many at noon as at night; noon is a quarter slower. */
static void minute_of_traffic(struct month *m, int64_t from_us) {
    double day = 0.5 - 0.5 * cos(2 * M_PI * (double)(from_us % DAY) / (double)DAY), expected = 3 * (0.5 + day), p = exp(-expected), sum = p, u = random_unit(&m->random);
    unsigned n = 0;
    for (; u > sum && n < 50; sum += p) p *= expected / ++n; /* Poisson */
    for (unsigned i = 0; i < n; i++) {
        const struct trace_row *row = &m->trace.rows[random_below(&m->random, m->trace.n)];
        struct record r;
        record_init(&r);
        digest_fast128(slice_make((const char *)&m->records, sizeof m->records), r.id.bytes);
        m->records++;
        r.application = SLICE("helpdesk");
        r.model = SLICE("support-chat");
        r.request_type = slice_of(types[row->input > 1000]);
        r.status = draw(&m->random, 0.01 + 0.01 * day + m->failing) ? RECORD_ERROR : RECORD_OK;
        r.usage.input = row->input;
        r.usage.output = row->output;
        double seconds = (0.3 + 0.012 * (double)row->output + 5e-5 * (double)row->input) * (1 + 0.25 * day) * exp(0.25 * draw_normal(&m->random)) * m->slower;
        r.duration_us = (int64_t)(1e6 * seconds);
        r.time_us = from_us + (int64_t)(random_unit(&m->random) * (double)MINUTE) - r.duration_us;
        signals_record(m->signals, &r);
    }
    signals_at(m->signals, from_us + MINUTE);
}

static void keep(struct month *m, int64_t now_us) {
    for (unsigned k = 0; k < RULES; k++) {
        if (m->n[k] == MOST || now_us % (k == SLOW ? MINUTE : anomaly_cell_us(&m->rules[k].when)) != 0) continue;
        struct seen *s = &m->past[k][m->n[k]++];
        s->end_us = now_us;
        for (unsigned t = 0; t < TYPES; t++) {
            struct signal_series series = series_of(t);
            s->v[t] = signal_view_value(m->cells[k], m->rules[k].when.signal, SLICE_NULL, &series);
        }
    }
}

struct past_of { struct month *m; unsigned rule; };
static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct past_of *p = ctx;
    (void)error;
    for (unsigned i = 0; i < p->m->n[p->rule]; i++) {
        struct seen *s = &p->m->past[p->rule][i];
        if (s->end_us < q->from_us || s->end_us > q->to_us || (s->end_us - q->from_us) % q->step_us != 0) continue;
        for (unsigned t = 0; t < TYPES; t++) {
            struct signal_series series = series_of(t);
            if (!each(arg, &series, s->end_us, &s->v[t])) return FAULT_NONE;
        }
    }
    return FAULT_NONE;
}

static void learn(struct month *m) {
    struct error error;
    struct arena arena;
    struct calibration_proposal c;
    for (unsigned k = 0; k < SLOW; k++) {
        struct past_of p = {m, k};
        assert_int_equal(anomalies_learn(m->anomalies, &m->rules[k], &(struct history){&p, past}, LEARNED, &error), FAULT_NONE);
    }
    struct past_of p = {m, SLOW};
    struct history h = {&p, past};
    struct calibrate_request q = {.rule = &m->rules[SLOW], .from_us = START, .to_us = LEARNED, .alarms_per_month = 2, .history = &h, .threshold = 5, .clear = 5};
    arena_init(&arena, 1 << 16, 16 << 20);
    if (calibrate(&q, &arena, &c, &error) != FAULT_NONE) fail_msg("%s", error.text);
    assert_true(c.enough);
    m->threshold = c.threshold;
    m->clear = c.clear;
    arena_deinit(&arena);
}

static void watch(struct month *m, int64_t now_us) {
    for (unsigned t = 0; t < TYPES; t++) {
        struct signal_series series = series_of(t);
        for (unsigned k = 0; k < SLOW; k++) {
            bool is = anomaly_look(m->anomalies, &m->rules[k], m->views[k], &series, now_us).observed == OBSERVED_BEYOND;
            m->alarms[k] += is && !m->beyond[k][t];
            m->beyond[k][t] = is;
        }
        const struct alert_rule *r = &m->rules[SLOW];
        struct signal_value v = signal_view_value(m->views[SLOW], r->when.signal, SLICE_NULL, &series);
        enum alert_told told = alert_step(r, &m->lives[t], alert_observe(&r->when, m->threshold, m->clear, v.value, v.n), now_us);
        m->alarms[SLOW] += told == TELL_FIRING || told == TELL_FLAPPING;
        m->beyond[SLOW][t] = alert_fires(&m->lives[t]);
    }
}

static void begin(struct month *m) {
    static char text[65536];
    struct error error;
    FILE *file = fopen("tests/data/azure_trace_excerpt.csv", "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    *m = (struct month){.random = {77}, .slower = 1, .signals = signals_new(), .anomalies = anomalies_new()};
    assert_int_equal(trace_read(slice_make(text, n), "excerpt", &m->trace, &error), FAULT_NONE);
    static const enum signal of[RULES] = {SIGNAL_ERRORS, SIGNAL_LATENCY_P95, SIGNAL_LATENCY_P95};
    static const int64_t windows[RULES] = {10 * MINUTE, 30 * MINUTE, 10 * MINUTE};
    for (unsigned k = 0; k < RULES; k++) {
        m->rules[k] = (struct alert_rule){.name = slice_of(k == 0 ? "odd-errors" : k == 1 ? "odd-times" : "slow"), .calibrate = true,
                                          .when = {.test = k == SLOW ? ALERT_ABOVE : ALERT_ANOMALY, .signal = of[k], .by = SIGNAL_BY_BIT(REQUEST_TYPE),
                                                   .window_us = windows[k], .threshold = 5, .clear = 5, .alarms_per_month = 1}};
        if (k == SLOW) m->rules[k].when.min_samples = 10;
        digest_sha256(m->rules[k].name, &m->rules[k].digest);
        m->past[k] = test_calloc(MOST, sizeof *m->past[k]);
        m->views[k] = signals_view(m->signals, SIGNAL_BY_BIT(REQUEST_TYPE), &(struct signal_series){.by = 0}, windows[k]);
        m->cells[k] = signals_view(m->signals, SIGNAL_BY_BIT(REQUEST_TYPE), &(struct signal_series){.by = 0},
                                   k == SLOW ? windows[k] : anomaly_cell_us(&m->rules[k].when));
    }
}

static unsigned minutes_until(struct month *m, int64_t *now_us, unsigned rule, unsigned type, unsigned most) {
    for (unsigned i = 1; i <= most; i++) {
        minute_of_traffic(m, *now_us);
        watch(m, *now_us += MINUTE);
        if (m->beyond[rule][type]) return i;
    }
    fail_msg("rule %u: not found within %u minutes", rule, most);
    return 0;
}

static void a_healthy_month(void **state) {
    (void)state;
    struct month m;
    begin(&m);
    int64_t now = START;
    for (; now < LEARNED; keep(&m, now)) {
        minute_of_traffic(&m, now);
        now += MINUTE;
    }
    learn(&m);
    while (now < END) {
        minute_of_traffic(&m, now);
        watch(&m, now += MINUTE);
    }
    print_message("%llu exchanges; alarms in a healthy month: errors %u, times %u (2 allowed, two series of one a month), slow above %.3g s %u (2 wanted)\n",
                  (unsigned long long)m.records, m.alarms[ODD_ERRORS], m.alarms[ODD_TIMES], m.threshold, m.alarms[SLOW]);
    assert_true(m.alarms[ODD_ERRORS] <= 2 && m.alarms[ODD_TIMES] <= 2);
    assert_true(m.alarms[SLOW] <= 6); /* 2 are expected: 7 or more have a chance of 0.5 % */
    now += 9 * HOUR; /* in the morning */
    signals_at(m.signals, now);
    for (unsigned i = 0; i < 60; i++) {
        minute_of_traffic(&m, now);
        watch(&m, now += MINUTE);
    }
    m.slower = 3;
    unsigned slow = minutes_until(&m, &now, SLOW, 0, 15), times = minutes_until(&m, &now, ODD_TIMES, 0, 60) + slow;
    m.slower = 1;
    m.failing = 0.3;
    unsigned errors = minutes_until(&m, &now, ODD_ERRORS, 0, 15);
    print_message("three times slower: told after %u min by the threshold, %u min by what is normal; 30 %% errors after %u min\n", slow, times, errors);
    for (unsigned k = 0; k < RULES; k++) test_free(m.past[k]);
    anomalies_free(m.anomalies);
    signals_free(m.signals);
    trace_deinit(&m.trace);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_healthy_month)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
