/* Thresholds from drawn histories: what is proposed is tried on later months that were drawn the same way. */
#include "incident/calibrate.h"
#include "test_stats_rig.h"

#include <stdio.h>
#include <string.h>

#define MINUTE 60000000LL
#define DAY (1440 * MINUTE)
#define EPOCH (20000 * DAY)

struct world {
    enum { LATENCY, QUALITY, FLAT, BURST } kind;
    unsigned series;
    uint64_t seed;
    int64_t gap_from_us, gap_to_us, shift_us, outage_from_us, outage_to_us;
};

/* Latency with a daily cycle and hours that hang together; seconds. */
static double value_of(const struct world *w, unsigned series, int64_t end_us) {
    struct random now = {w->seed * 1315423911u + (uint64_t)(end_us / MINUTE) * 2654435761u + series},
                  hour = {w->seed * 97 + (uint64_t)(end_us / (60 * MINUTE)) * 2654435761u + series};
    (void)random_next(&now);
    (void)random_next(&hour);
    double day = sin(2 * M_PI * (double)(end_us % DAY) / (double)DAY);
    double noise = 0.2 * draw_normal(&now) + 0.15 * draw_normal(&hour) + 0.2 * day;
    if (w->outage_from_us <= end_us && end_us <= w->outage_to_us) return 20;
    if (w->shift_us > 0 && end_us >= w->shift_us) noise += 0.5;
    if (w->kind == FLAT) return 0;
    if (w->kind == BURST) return end_us / MINUTE % 240 == 0 ? 9 : 1; /* one minute, again and again */
    return w->kind == QUALITY ? 1 - 0.1 * exp(noise) : exp(noise);
}

static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct world *w = ctx;
    (void)error;
    static const char *const names[] = {"chat", "summary", "search"};
    for (int64_t end = q->from_us; end <= q->to_us; end += q->step_us)
        for (unsigned s = 0; s < w->series; s++) {
            struct signal_series series = {.by = SIGNAL_BY_BIT(REQUEST_TYPE)};
            char more[16];
            snprintf(more, sizeof more, "more-%u", s);
            series.is[SIGNAL_BY_REQUEST_TYPE] = slice_of(s < 3 ? names[s] : more);
            bool gap = end > w->gap_from_us && end <= w->gap_to_us;
            struct signal_value v = {.value = gap ? NAN : value_of(w, s, end), .n = gap ? 0 : 50, .hits = NAN};
            if (!each(arg, &series, end, &v)) return FAULT_NONE;
        }
    return FAULT_NONE;
}

static struct alert_rule rule_of(enum alert_test test) {
    struct alert_rule r = {.name = SLICE("slow"), .calibrate = true,
                           .when = {.test = test, .signal = test == ALERT_BELOW ? SIGNAL_QUALITY_SCORE : SIGNAL_LATENCY_P99,
                                    .by = SIGNAL_BY_BIT(REQUEST_TYPE), .window_us = 5 * MINUTE, .threshold = 2, .clear = 2}};
    if (test == ALERT_BELOW) r.when.threshold = r.when.clear = 0.8;
    return r;
}

struct rig { struct arena arena; struct history history; struct alert_rule rule; struct world world; struct calibrate_request q; };

static void rig(struct rig *g, enum alert_test test, double days, double wanted) {
    *g = (struct rig){.rule = rule_of(test), .world = {.kind = test == ALERT_BELOW ? QUALITY : LATENCY, .series = 2, .seed = 5}};
    arena_init(&g->arena, 64 << 10, 16 << 20);
    g->history = (struct history){&g->world, past};
    g->q = (struct calibrate_request){.rule = &g->rule, .from_us = EPOCH, .to_us = EPOCH + (int64_t)(days * (double)DAY), .alarms_per_month = wanted,
                                      .history = &g->history, .threshold = g->rule.when.threshold, .clear = g->rule.when.clear};
}

static struct calibration_proposal proposed(struct rig *g) {
    struct calibration_proposal p;
    struct error error;
    if (calibrate(&g->q, &g->arena, &p, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return p;
}

/* Alarms a month of a threshold in `months` other months. */
static double later(struct rig *g, double threshold, double clear, unsigned months) {
    struct calibrate_request q = g->q;
    struct replay r;
    struct error error;
    q.from_us = EPOCH + 400 * DAY;
    double alarms = 0;
    for (unsigned m = 0; m < months; m++, q.from_us += 30 * DAY) {
        q.to_us = q.from_us + 30 * DAY - 1;
        assert_int_equal(calibrate_replay(&q, threshold, clear, &g->arena, &r, &error), FAULT_NONE);
        near(r.days, 30, 0.1);
        alarms += r.alarms;
    }
    return alarms / months;
}

static void by_counting(void **state) {
    (void)state;
    for (unsigned test = ALERT_ABOVE; test <= ALERT_BELOW; test++) {
        struct rig g;
        rig(&g, (enum alert_test)test, 60, 10);
        struct calibration_proposal p = proposed(&g);
        assert_true(p.enough && p.then.alarms <= 20 && p.then.alarms >= 15 && !p.extrapolated);
        near(p.then.days, 60, 0.1);
        near(p.then.per_month, p.then.alarms / (p.then.days / 30), 1e-9);
        assert_true(p.then.low < p.then.per_month && p.then.per_month < p.then.high);
        assert_true(test == ALERT_BELOW ? p.clear > p.threshold : p.clear < p.threshold);
        double found = later(&g, p.threshold, p.clear, 6);
        if (!(found > 4 && found < 18)) fail_msg("%g alarms a month later, 10 wanted", found);
        assert_true(test == ALERT_BELOW ? p.now.threshold == 0.8 : p.now.threshold == 2);
        assert_int_equal(p.now.n_firings, p.now.alarms < REPLAY_FIRINGS ? p.now.alarms : REPLAY_FIRINGS);
        for (unsigned i = 0; i < p.then.n_firings; i++) {
            const struct replayed_alarm *a = &p.then.firings[i];
            assert_true(a->from_us <= a->to_us && (i == 0 || a->from_us >= p.then.firings[i - 1].from_us));
            assert_true(test == ALERT_BELOW ? a->worst < p.threshold : a->worst > p.threshold);
        }
        arena_deinit(&g.arena);
    }
}

/* Fewer than can be counted: the tail of two weeks, tried on ten months, many times over. */
static void by_peaks(void **state) {
    (void)state;
    double sum = 0;
    unsigned runs = 0, extrapolated = 0;
    for (uint64_t seed = 1; seed <= 6; seed++)
        for (unsigned test = ALERT_ABOVE; test <= ALERT_BELOW; test++) {
            struct rig g;
            rig(&g, (enum alert_test)test, 14, 1);
            g.world.seed = seed * 7 + test;
            struct calibration_proposal p = proposed(&g);
            assert_true(p.enough && p.then.alarms <= 3);
            assert_true(p.expected_high > 0.85 && p.expected_high <= 1 && p.expected < 0.7 && p.expected > 0.05);
            sum += later(&g, p.threshold, p.clear, 4);
            runs++;
            extrapolated += p.extrapolated;
            arena_deinit(&g.arena);
        }
    if (!(sum / runs > 0.1 && sum / runs <= 1)) fail_msg("%g alarms a month on average, at most 1 wanted", sum / runs);
    assert_true(extrapolated > 0);
}

static void for_a_while(void **state) {
    (void)state;
    struct rig g;
    struct replay r;
    struct error error;
    rig(&g, ALERT_ABOVE, 10, 1);
    g.world.kind = BURST;
    g.world.series = 1;
    assert_int_equal(calibrate_replay(&g.q, 5, 5, &g.arena, &r, &error), FAULT_NONE);
    assert_true(r.alarms >= 60 && r.alarms <= 61); /* six a day; told one by one */
    g.rule.for_us = 3 * MINUTE;
    assert_int_equal(calibrate_replay(&g.q, 5, 5, &g.arena, &r, &error), FAULT_NONE);
    assert_int_equal(r.alarms, 0);
    g.rule.for_us = 0;
    g.rule.keep_us = 300 * MINUTE; /* never ends */
    assert_int_equal(calibrate_replay(&g.q, 5, 5, &g.arena, &r, &error), FAULT_NONE);
    assert_int_equal(r.alarms, 1);
    arena_deinit(&g.arena);
}

/* What does not last as long as `for` does not count as a peak either. */
static void peaks_that_last(void **state) {
    (void)state;
    double sum = 0, alone = 0, lasting = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct rig g;
        rig(&g, ALERT_ABOVE, 14, 1);
        g.world.seed = seed;
        alone += proposed(&g).threshold;
        g.rule.for_us = 5 * MINUTE;
        struct calibration_proposal p = proposed(&g);
        lasting += p.threshold;
        sum += later(&g, p.threshold, p.clear, 4);
        arena_deinit(&g.arena);
    }
    assert_true(lasting < 0.9 * alone); /* of six seeds */
    if (!(sum / 6 > 0.1 && sum / 6 <= 1)) fail_msg("%g alarms a month, at most 1 wanted", sum / 6);
}

static void incidents_and_gaps(void **state) {
    (void)state;
    struct rig g;
    rig(&g, ALERT_ABOVE, 14, 1);
    double without = proposed(&g).threshold;
    g.world.outage_from_us = EPOCH + 5 * DAY;
    g.world.outage_to_us = EPOCH + 5 * DAY + 90 * MINUTE;
    double with = proposed(&g).threshold;
    assert_true(with > 1.5 * without); /* nobody said that it was one */
    struct calibrate_span outage = {g.world.outage_from_us - MINUTE, g.world.outage_to_us + MINUTE};
    g.q.left_out = &outage;
    g.q.n_left_out = 1;
    struct calibration_proposal p = proposed(&g);
    near(p.threshold, without, 0.15 * without);
    assert_non_null(strstr(arena_text(&g.arena, p.rationale), "\"incidents_left_out\":1"));
    g.world.gap_from_us = EPOCH + 3 * DAY;
    g.world.gap_to_us = EPOCH + 13 * DAY;
    p = proposed(&g);
    near(p.then.days, 4, 0.1);
    g.world.gap_to_us = EPOCH + 16 * DAY;
    g.world.gap_from_us = EPOCH + DAY;
    p = proposed(&g);
    assert_false(p.enough);
    assert_non_null(strstr(arena_text(&g.arena, p.words), "1.0 days with data, and at least 2 are needed: ask again in 1.0 days"));
    g.world.gap_from_us = 0;
    p = proposed(&g);
    assert_true(!p.enough && strstr(arena_text(&g.arena, p.words), "no data") != NULL);
    arena_deinit(&g.arena);
}

static void what_it_says(void **state) {
    (void)state;
    struct rig g;
    rig(&g, ALERT_ABOVE, 14, 1);
    struct calibration_proposal p = proposed(&g);
    const char *words = arena_text(&g.arena, p.words), *rationale = arena_text(&g.arena, p.rationale);
    assert_non_null(strstr(words, " s: "));
    assert_non_null(strstr(words, " alarms a month are expected (at most "));
    assert_non_null(strstr(words, "by its peaks, from 14.0 days, "));
    assert_non_null(strstr(words, " exchanges, 2 series"));
    assert_false(p.shifted);
    struct json_doc d;
    struct error error;
    double number;
    assert_int_equal(json_read(slice_of(rationale), &g.arena, UINT16_MAX, &d, &error), FAULT_NONE);
    assert_true(json_get_double(&d, json_get(&d, json_get(&d, 0, "then"), "threshold"), &number) && number == p.threshold);
    assert_true(json_get_double(&d, json_get(&d, 0, "wanted_per_month"), &number) && number == 1);
    near(p.then.samples, 14 * 288 * 2 * 50, 2000); /* windows that overlap count in part */
    g.world.shift_us = EPOCH + 12 * DAY;
    p = proposed(&g);
    assert_true(p.shifted && llabs(p.shifted_us - g.world.shift_us) <= DAY);
    assert_non_null(strstr(arena_text(&g.arena, p.words), "calibrate again with --from that day"));
    g.world.shift_us = 0;
    g.world.kind = FLAT;
    p = proposed(&g);
    assert_true(!p.enough && strstr(arena_text(&g.arena, p.words), "always 0") != NULL);
    arena_deinit(&g.arena);
}

/* Sixty series of four weeks by the minute are more than is held: all of the weeks are read in larger steps. */
static void more_than_fits(void **state) {
    struct rig g;
    struct replay r;
    struct error error;
    (void)state;
    rig(&g, ALERT_ABOVE, 28, 1);
    g.rule.when.window_us = 10 * MINUTE;
    g.world.kind = FLAT;
    g.world.series = 60;
    assert_int_equal(calibrate_replay(&g.q, 2, 2, &g.arena, &r, &error), FAULT_NONE);
    assert_true(r.days > 27.9);
    assert_int_equal(r.alarms, 0);
    arena_deinit(&g.arena);
}

static void refused(void **state) {
    (void)state;
    struct rig g;
    struct calibration_proposal p;
    struct error error;
    rig(&g, ALERT_ABOVE, 14, 0);
    assert_int_equal(calibrate(&g.q, &g.arena, &p, &error), FAULT_BAD_REQUEST);
    g.q.alarms_per_month = 1;
    g.rule.calibrate = false;
    assert_int_equal(calibrate(&g.q, &g.arena, &p, &error), FAULT_BAD_REQUEST);
    assert_non_null(strstr(error.text, "calibrate: never"));
    g.rule.calibrate = true;
    for (unsigned test = ALERT_ANOMALY; test <= ALERT_FINDING; test++) {
        g.rule.when.test = (enum alert_test)test;
        assert_int_equal(calibrate(&g.q, &g.arena, &p, &error), FAULT_BAD_REQUEST);
    }
    g.rule.when.test = ALERT_ABOVE;
    g.q.to_us = g.q.from_us;
    assert_int_equal(calibrate(&g.q, &g.arena, &p, &error), FAULT_BAD_REQUEST);
    g.q.to_us = g.q.from_us + 5000 * DAY;
    assert_int_equal(calibrate(&g.q, &g.arena, &p, &error), FAULT_BAD_REQUEST);
    arena_deinit(&g.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_counting),        cmocka_unit_test(by_peaks),     cmocka_unit_test(for_a_while),
        cmocka_unit_test(peaks_that_last),    cmocka_unit_test(incidents_and_gaps), cmocka_unit_test(what_it_says), cmocka_unit_test(refused),
        cmocka_unit_test(more_than_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
