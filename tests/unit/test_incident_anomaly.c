/* The test `anomaly` over series that were drawn: learned from three weeks, then held against a healthy month, and against things gone wrong. */
#include "incident/anomaly.h"
#include "test_stats_rig.h"


#include <stdio.h>
#include <string.h>

#define MINUTE 60000000LL
#define DAY (1440 * MINUTE)
#define NOW (20000 * DAY)

/* ---- what has been ---- */

enum kind { ERRORS, DAILY_ERRORS, BURSTS, SCORES, SLOW_P99, SPEND, KINDS };
struct world {
    bool too_large; /* the past */
    enum kind kind;
    unsigned series;
    int64_t begins_us, gap_from_us, gap_to_us;
    double share;
};

static uint64_t seed_of(unsigned series, int64_t end_us) { return (uint64_t)end_us * 2654435761u + series * 97; }

static double day_of(int64_t end_us) { return 0.5 + 0.5 * sin(2 * M_PI * (double)(end_us % DAY) / (double)DAY); }

static unsigned drawn(struct random *r, unsigned n, double p) {
    unsigned hits = 0;
    for (unsigned i = 0; i < n; i++) hits += draw(r, p);
    return hits;
}

/* A cell of a series: the same whenever it is asked for. `worse`: what has been planted, 0: nothing. */
static struct signal_value cell_of(const struct world *w, unsigned series, int64_t end_us, double worse) {
    struct random r = {seed_of(series, end_us)}, hour = {seed_of(series, end_us / (60 * MINUTE))};
    (void)random_next(&r);
    (void)random_next(&hour);
    double day = day_of(end_us), slow = draw_normal(&hour);
    unsigned n = 1 + (unsigned)random_below(&r, 20 + (unsigned)(40 * day));
    struct signal_value v = {.n = n, .hits = NAN};
    switch (w->kind) {
    case ERRORS: v.hits = drawn(&r, n, 0.03 + worse); break;
    case DAILY_ERRORS: v.hits = drawn(&r, n, 0.02 + 0.08 * (1 - day) + worse); break;
    case BURSTS: v.hits = drawn(&r, n, fmin(1, 0.03 * exp(0.5 * slow)) + worse); break; /* hours that are worse, and nobody's fault */
    case SCORES: v.value = 1 - (drawn(&r, 10 * n, 0.1 + worse) / (10.0 * n)); return v;
    case SLOW_P99: v.value = (1 + 0.5 * day) * exp(0.25 * draw_normal(&r) + 0.1 * slow) * (1 + worse); return v;
    default: v.value = n * 0.01 * exp(0.1 * draw_normal(&r)) * (1 + worse); return v;
    }
    v.value = v.hits / n;
    return v;
}

static struct signal_series name_of(unsigned series, char name[16]) {
    struct signal_series s = {.by = SIGNAL_BY_BIT(REQUEST_TYPE)};
    snprintf(name, 16, "type-%u", series);
    s.is[SIGNAL_BY_REQUEST_TYPE] = slice_of(name);
    return s;
}

static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct world *w = ctx;
    (void)error;
    if (w->too_large) return FAULT_TOO_LARGE;
    for (int64_t end = q->from_us; end <= q->to_us; end += q->step_us) {
        if (end <= w->begins_us || (end > w->gap_from_us && end <= w->gap_to_us)) continue;
        for (unsigned s = 0; s < w->series; s++) {
            char name[16];
            struct signal_series series = name_of(s, name);
            struct signal_value v = cell_of(w, s, end, 0);
            if (!each(arg, &series, end, &v)) return FAULT_NONE;
        }
    }
    return FAULT_NONE;
}

/* ---- what is now: a chart of the same world ---- */

static const struct world *charted;
static int64_t charted_us;
static double charted_worse;

unsigned signal_view_chart(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series, int64_t step_us,
                           unsigned steps, struct signal_value *ret) {
    unsigned number = 0;
    (void)v, (void)which, (void)of;
    (void)sscanf(series->is[SIGNAL_BY_REQUEST_TYPE].at, "type-%u", &number);
    for (unsigned i = 0; i < steps; i++) ret[i] = cell_of(charted, number, (charted_us / step_us + 1 - (steps - 1 - i)) * step_us, charted_worse);
    return steps;
}

static struct alert_rule rule_of(enum kind kind, double alarms) {
    static const enum signal of[KINDS] = {SIGNAL_ERRORS, SIGNAL_ERRORS, SIGNAL_ERRORS, SIGNAL_QUALITY_SCORE, SIGNAL_LATENCY_P99, SIGNAL_COST_TOTAL};
    struct alert_rule r = {.name = SLICE("odd"),
                           .when = {.test = ALERT_ANOMALY, .signal = of[kind], .by = SIGNAL_BY_BIT(REQUEST_TYPE), .window_us = 30 * MINUTE,
                                    .alarms_per_month = alarms}};
    digest_sha256(slice_of(kind == SPEND ? "spend" : "other"), &r.digest);
    return r;
}

static void learn(struct anomalies *a, const struct alert_rule *r, struct world *w, int64_t now_us) {
    struct history h = {w, past};
    struct error error;
    assert_int_equal(anomalies_learn(a, r, &h, now_us, &error), FAULT_NONE);
}

/* ---- the promise ---- */

/* Alarms of all series over a month that is as the weeks before. */
static unsigned healthy_month(enum kind kind, unsigned n_series, double wanted) {
    struct world w = {.kind = kind, .series = n_series};
    struct alert_rule r = rule_of(kind, wanted);
    struct anomalies *a = anomalies_new();
    unsigned alarms = 0;
    learn(a, &r, &w, NOW);
    for (unsigned s = 0; s < n_series; s++) {
        char name[16];
        struct signal_series series = name_of(s, name);
        enum alert_observed before = OBSERVED_NOT;
        for (int64_t end = NOW + 6 * MINUTE; end <= NOW + 30 * DAY; end += 6 * MINUTE) {
            struct signal_value v = cell_of(&w, s, end, 0);
            struct anomaly_look look = anomaly_take(a, &r, &series, end, &v);
            assert_int_not_equal(look.observed, OBSERVED_NOTHING);
            alarms += look.observed == OBSERVED_BEYOND && before != OBSERVED_BEYOND;
            before = look.observed;
        }
    }
    anomalies_free(a);
    return alarms;
}

static void as_few_alarms_as_promised(void **state) {
    (void)state;
    enum { SERIES = 20 };
    const double wanted[] = {1, 4};
    for (unsigned i = 0; i < COUNT_OF(wanted); i++)
        for (unsigned k = 0; k < KINDS; k++) {
            unsigned alarms = healthy_month((enum kind)k, SERIES, wanted[i]);
            if (alarms > wanted[i] * SERIES) fail_msg("kind %u: %u alarms in %d series of a month, %g promised", k, alarms, SERIES, wanted[i] * SERIES);
        }
}

/* Cells until it is told; 0: not within `most`. */
static unsigned found_after(enum kind kind, unsigned series_number, double worse, unsigned most) {
    struct world w = {.kind = kind, .series = series_number + 1};
    struct alert_rule r = rule_of(kind, 1);
    struct anomalies *a = anomalies_new();
    char name[16];
    struct signal_series series = name_of(series_number, name);
    unsigned found = 0;
    learn(a, &r, &w, NOW);
    for (unsigned i = 1; i <= 240 + most && found == 0; i++) {
        int64_t end = NOW + i * 6 * MINUTE;
        struct signal_value v = cell_of(&w, series_number, end, i > 240 ? worse : 0);
        struct anomaly_look look = anomaly_take(a, &r, &series, end, &v);
        if (look.observed == OBSERVED_BEYOND) found = i > 240 ? i - 240 : most + 1;
    }
    anomalies_free(a);
    return found;
}

static void what_is_wrong_is_found(void **state) {
    (void)state;
    const struct { enum kind kind; double worse; unsigned within; } of[] = {
        {ERRORS, 0.2, 8}, {ERRORS, 0.05, 50}, {DAILY_ERRORS, 0.3, 6}, {BURSTS, 0.3, 8}, {SCORES, 0.2, 8}, {SLOW_P99, 1.5, 12}, {SPEND, 4, 16},
    };
    for (unsigned i = 0; i < COUNT_OF(of); i++)
        for (unsigned s = 0; s < 3; s++) {
            unsigned after = found_after(of[i].kind, s, of[i].worse, of[i].within);
            if (after == 0 || after > of[i].within) fail_msg("case %u, series %u: found after %u cells, %u allowed", i, s, after, of[i].within);
        }
}

/* ---- from a view, over a restart ---- */

static void beyond_and_back(void **state) {
    (void)state;
    struct world w = {.kind = ERRORS, .series = 2};
    struct alert_rule r = rule_of(ERRORS, 1);
    struct anomalies *a = anomalies_new(), *again = anomalies_new();
    char name[16];
    struct signal_series series = name_of(1, name);
    learn(a, &r, &w, NOW);
    charted = &w;
    charted_worse = 0;
    for (charted_us = NOW + MINUTE; charted_us < NOW + 120 * MINUTE; charted_us += MINUTE)
        assert_int_not_equal(anomaly_look(a, &r, NULL, &series, charted_us).observed, OBSERVED_BEYOND);
    charted_worse = 0.4;
    struct anomaly_look look = {.observed = OBSERVED_NOT};
    for (; look.observed != OBSERVED_BEYOND && charted_us < NOW + 150 * MINUTE; charted_us += MINUTE) look = anomaly_look(a, &r, NULL, &series, charted_us);
    assert_int_equal(look.observed, OBSERVED_BEYOND);
    assert_true(look.statistic >= look.threshold && look.value > look.limit && look.limit > 0.03 && look.limit < 0.06 && isnan(look.level));
    struct buffer kept;
    struct json_writer writer;
    struct error error;
    buffer_init(&kept, 1 << 20);
    json_start(&writer, &kept);
    anomalies_write(a, &writer);
    assert_int_equal(anomalies_read(again, buffer_slice(&kept), &error), FAULT_NONE);
    for (int64_t until = charted_us + 30 * MINUTE; charted_us < until; charted_us += MINUTE)
        assert_int_equal(anomaly_look(a, &r, NULL, &series, charted_us).observed, OBSERVED_BEYOND);
    look = anomaly_look(again, &r, NULL, &series, charted_us);
    assert_true(look.observed == OBSERVED_BEYOND && look.statistic >= look.threshold);
    charted_worse = 0;
    for (int64_t until = charted_us + 36 * MINUTE; charted_us < until; charted_us += MINUTE) look = anomaly_look(again, &r, NULL, &series, charted_us);
    assert_true(look.observed == OBSERVED_NOT && look.statistic < look.threshold);
    buffer_clear(&kept);
    json_start(&writer, &kept);
    json_object(&writer);
    anomaly_evidence(again, &r, &series, &writer);
    json_object_end(&writer);
    assert_non_null(strstr(buffer_text(&kept), "\"alarms_per_month\":1,"));
    assert_non_null(strstr(buffer_text(&kept), "\"baseline_days\":14"));
    look = anomaly_look(again, &r, NULL, &series, charted_us - DAY); /* the clock went back: nothing is taken twice */
    assert_int_equal(look.observed, OBSERVED_NOT);
    buffer_deinit(&kept);
    anomalies_free(a);
    anomalies_free(again);
}

/* Scores come behind their exchanges: their cells are taken when they have had time to. */
static void scores_are_waited_for(void **state) {
    (void)state;
    const enum kind kinds[] = {ERRORS, SCORES};
    for (unsigned k = 0; k < COUNT_OF(kinds); k++) {
        struct world w = {.kind = kinds[k], .series = 1};
        struct alert_rule r = rule_of(kinds[k], 1);
        struct anomalies *a = anomalies_new();
        char name[16];
        struct signal_series series = name_of(0, name);
        learn(a, &r, &w, NOW);
        charted = &w;
        charted_worse = 0;
        unsigned first = 0;
        for (unsigned minute = 1; minute <= 30 && first == 0; minute++) {
            charted_us = NOW + minute * MINUTE;
            if (anomaly_look(a, &r, NULL, &series, charted_us).n > 0) first = minute;
        }
        assert_int_equal(first, kinds[k] == SCORES ? 16 : 6);
        near(anomaly_look(a, &r, NULL, &series, charted_us).n, cell_of(&w, 0, NOW + 6 * MINUTE, 0).n, 0); /* the first cell, and no other */
        anomalies_free(a);
    }
}

/* What is normal at night is not at noon. */
static void by_the_hour(void **state) {
    (void)state;
    struct world w = {.kind = DAILY_ERRORS, .series = 1};
    struct alert_rule r = rule_of(DAILY_ERRORS, 1);
    struct anomalies *a = anomalies_new();
    char name[16];
    struct signal_series series = name_of(0, name);
    double limits[2];
    learn(a, &r, &w, NOW);
    for (unsigned i = 0; i < 2; i++) { /* the sine of the day is highest at 6 h, lowest at 18 h */
        int64_t end = NOW + (i == 0 ? 6 : 18) * 60 * MINUTE;
        struct signal_value v = cell_of(&w, 0, end, 0);
        limits[i] = anomaly_take(a, &r, &series, end, &v).limit;
    }
    near(limits[1] - limits[0], 0.08, 0.015);
    anomalies_free(a);
}

static void without_a_baseline(void **state) {
    (void)state;
    struct world w = {.kind = ERRORS, .series = 1, .begins_us = NOW - 26 * 60 * MINUTE};
    struct alert_rule r = rule_of(ERRORS, 1), other = rule_of(SPEND, 1);
    struct alert_rule rules[] = {r, other};
    struct alert_policy p = {.rules = rules, .n_rules = 2}, fewer = {.rules = &rules[1], .n_rules = 1};
    struct anomalies *a = anomalies_new();
    char name[16];
    struct signal_series series = name_of(0, name);
    assert_ptr_equal(anomalies_due(a, &p, NOW), &rules[0]);
    learn(a, &r, &w, NOW);
    assert_ptr_equal(anomalies_due(a, &p, NOW), &rules[1]);
    learn(a, &other, &w, NOW);
    assert_null(anomalies_due(a, &p, NOW + MINUTE));
    assert_ptr_equal(anomalies_due(a, &p, NOW + 10 * MINUTE), &rules[0]);
    struct anomaly_look look = anomaly_look(a, &r, NULL, &series, NOW + MINUTE);
    assert_int_equal(look.observed, OBSERVED_NOTHING);
    assert_string_equal(look.why, "no baseline yet: 1.0 days of 2");
    struct signal_series unseen = name_of(7, name);
    assert_string_equal(anomaly_look(a, &r, NULL, &unseen, NOW + MINUTE).why, "no baseline yet: this series was not there when the past was read");
    w.too_large = true;
    learn(a, &r, &w, NOW + 10 * MINUTE);
    assert_string_equal(anomaly_look(a, &r, NULL, &unseen, NOW + MINUTE).why, "no baseline: the past of this signal is too many exchanges to be read one by one");
    assert_ptr_not_equal(anomalies_due(a, &p, NOW + 21 * MINUTE), &rules[0]); /* that is not tried every ten minutes */
    w.too_large = false;
    w.begins_us = 0;
    learn(a, &r, &w, NOW + 10 * MINUTE);
    assert_ptr_equal(anomalies_due(a, &p, NOW + 11 * MINUTE), &rules[1]);
    series = name_of(0, name);
    charted = &w;
    charted_us = NOW + 60 * MINUTE;
    assert_int_equal(anomaly_look(a, &r, NULL, &series, charted_us).observed, OBSERVED_NOT);
    w.begins_us = NOW; /* the past is gone: what was learned of it stays */
    learn(a, &r, &w, NOW + DAY);
    charted_us += DAY;
    assert_int_equal(anomaly_look(a, &r, NULL, &series, charted_us).observed, OBSERVED_NOT);
    assert_ptr_equal(anomalies_due(a, &fewer, NOW + 2 * DAY), &rules[1]); /* the rule is gone, and all that was learned for it */
    assert_int_equal(anomaly_look(a, &r, NULL, &series, charted_us).observed, OBSERVED_NOTHING);
    anomalies_free(a);
}

static void damaged_memory(void **state) {
    (void)state;
    struct anomalies *a = anomalies_new();
    struct error error;
    assert_int_not_equal(anomalies_read(a, SLICE("{\"series\":["), &error), FAULT_NONE);
    assert_int_equal(anomalies_read(a, SLICE("{\"series\":[{\"of\":\"zz\"},{},7,{\"of\":null}]}"), &error), FAULT_NONE);
    assert_int_equal(anomalies_read(a, SLICE("[]"), &error), FAULT_NONE);
    anomalies_free(a);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_few_alarms_as_promised), cmocka_unit_test(what_is_wrong_is_found), cmocka_unit_test(beyond_and_back),
        cmocka_unit_test(by_the_hour),               cmocka_unit_test(scores_are_waited_for),
        cmocka_unit_test(without_a_baseline),        cmocka_unit_test(damaged_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
