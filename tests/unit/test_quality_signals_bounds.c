/* Signals where something is odd: clocks that go back, labels without end, what comes too late, readings, charts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "quality/signals_private.h"
#include "store/score.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US 1000000LL
#define START_US (490000 * 3600 * SECOND_US)

static void book(struct signals *s, const char *type, int64_t ended_us) {
    struct record r;
    record_init(&r);
    record_id_new(&r.id, ended_us);
    r.application = SLICE("helpdesk");
    r.request_type = slice_of(type);
    r.duration_us = SECOND_US;
    r.time_us = ended_us - SECOND_US;
    signals_record(s, &r);
}

static double requests(struct signals *s, int64_t window_us) {
    struct signal_view *v = signals_view(s, SIGNAL_BY_BIT(APPLICATION), NULL, window_us);
    struct signal_series of = {.by = SIGNAL_BY_BIT(APPLICATION), .is[SIGNAL_BY_APPLICATION] = SLICE("helpdesk")};
    return signal_view_value(v, SIGNAL_REQUESTS, SLICE_NULL, &of).value;
}

static void a_clock_that_goes_back(void **state) {
    (void)state;
    struct signals *s = signals_new();
    int64_t day_us = 86400 * SECOND_US;
    for (int i = 0; i < 60; i++) book(s, "chat", START_US + i * SECOND_US);
    signals_at(s, START_US + 60 * SECOND_US);
    assert_true(requests(s, 300 * SECOND_US) == 60);
    book(s, "chat", START_US + day_us); /* for a moment it was tomorrow */
    signals_at(s, START_US + day_us + SECOND_US);
    assert_true(requests(s, 300 * SECOND_US) == 1);
    signals_at(s, START_US + 70 * SECOND_US); /* put right: tomorrow was not, and what comes counts at once */
    for (int i = 60; i < 90; i++) book(s, "chat", START_US + i * SECOND_US);
    signals_at(s, START_US + 90 * SECOND_US);
    assert_true(requests(s, 60 * SECOND_US) >= 30);
    assert_true(requests(s, 10 * SECOND_US) == 10);
    signals_free(s);
}

static void what_is_silent_is_let_go(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    book(s, "chat", START_US);
    signals_at(s, START_US + SECOND_US);
    assert_true(requests(s, 7 * 86400 * SECOND_US) == 1);
    for (int day = 1; day <= 7; day++) signals_at(s, START_US + day * 86400 * SECOND_US);
    assert_true(requests(s, 7 * 86400 * SECOND_US) == 1); /* a week later it is still in the week */
    signals_at(s, START_US + 9 * 86400 * SECOND_US);
    signals_stats(s, &stats);
    assert_int_equal(stats.series, 0);
    assert_true(isnan(requests(s, 7 * 86400 * SECOND_US)));
    signals_free(s);
}

static void what_comes_too_late_counts_nowhere(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    book(s, "chat", START_US);
    book(s, "chat", START_US + 9 * 86400 * SECOND_US);
    book(s, "chat", START_US + SECOND_US);             /* nine days late */
    book(s, "chat", START_US + 9 * 86400 * SECOND_US - 7200 * SECOND_US); /* two hours: the minute is kept, the ten seconds are not */
    signals_at(s, START_US + 9 * 86400 * SECOND_US + SECOND_US);
    signals_stats(s, &stats);
    assert_int_equal(stats.late, 1);
    assert_true(requests(s, 600 * SECOND_US) == 1);
    assert_true(requests(s, 3 * 3600 * SECOND_US) == 2);
    signals_free(s);
}

static bool count_each(void *ctx, const struct signal_series *series, const struct signal_value *value) {
    double *sums = ctx;
    sums[slice_is(series->is[SIGNAL_BY_REQUEST_TYPE], "(other)")] += value->value;
    return true;
}

static void labels_without_end(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    char type[32];
    for (int i = 0; i < 3 * LIMIT_SIGNAL_SERIES; i++) {
        snprintf(type, sizeof type, "type-%d", i);
        book(s, type, START_US + i * 1000);
    }
    book(s, "type-7", START_US + 60 * SECOND_US); /* who was there first stays */
    signals_at(s, START_US + 61 * SECOND_US);
    signals_stats(s, &stats);
    assert_true(stats.series <= LIMIT_SIGNAL_SERIES && stats.series > 400);
    double sums[2] = {0, 0};
    signal_view_each(signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, 900 * SECOND_US), SIGNAL_REQUESTS, SLICE_NULL, count_each, sums);
    assert_true(sums[0] + sums[1] == 3 * LIMIT_SIGNAL_SERIES + 1); /* none is lost */
    assert_true(sums[0] == stats.series);
    assert_true(requests(s, 900 * SECOND_US) == 3 * LIMIT_SIGNAL_SERIES + 1);
    signals_free(s);
}

static void names_of_scores_without_end(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    struct signal_series none = {.by = 0};
    struct record r;
    char name[32];
    record_init(&r);
    r.application = SLICE("helpdesk");
    for (int i = 0; i < 2 * LIMIT_SIGNAL_SERIES; i++) { /* an application names its feedback as it likes */
        snprintf(name, sizeof name, "name-%d", i);
        struct score given = {.name = slice_of(name), .source = SLICE("feedback"), .value_ppm = i % 2 ? SCORE_PPM : 0, .at_us = START_US + i * 1000};
        signals_score(s, &r, &given);
    }
    signals_at(s, START_US + 10 * SECOND_US);
    signals_stats(s, &stats);
    assert_true(stats.series <= LIMIT_SIGNAL_SERIES);
    struct signal_view *all = signals_view(s, 0, NULL, 300 * SECOND_US);
    assert_true(signal_view_value(all, SIGNAL_FEEDBACK_NEGATIVE, SLICE_NULL, &none).n == 2 * LIMIT_SIGNAL_SERIES); /* none is lost */
    assert_true(signal_view_value(all, SIGNAL_FEEDBACK_NEGATIVE, SLICE("name-7"), &none).n == 1);
    signals_free(s);
}

/* 40 types, of which each asks more than the one before, over a day and with little room. */
static void what_takes_too_much_is_told_apart_less(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    struct signal_series last = {.by = SIGNAL_BY_BIT(REQUEST_TYPE), .is[SIGNAL_BY_REQUEST_TYPE] = SLICE("type-39")},
                         other = {.by = SIGNAL_BY_BIT(REQUEST_TYPE), .is[SIGNAL_BY_REQUEST_TYPE] = SLICE("(other)")}, none = {.by = 0};
    struct signal_view *by_type = signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, 25 * 3600 * SECOND_US), *all = signals_view(s, 0, NULL, 25 * 3600 * SECOND_US);
    char type[32];
    double booked = 0, of_last = 0;
    s->most_bytes = 512 << 10;
    for (int minute = 0; minute < 24 * 60; minute++) {
        int64_t now_us = START_US + minute * 60 * SECOND_US;
        for (int i = 0; i < 40; i++) {
            if (minute % (40 - i) != 0) continue;
            snprintf(type, sizeof type, "type-%d", i);
            book(s, type, now_us + i * SECOND_US);
            booked++;
            of_last += i == 39;
        }
        signals_at(s, now_us + 59 * SECOND_US);
    }
    signals_stats(s, &stats);
    assert_true(stats.folded > 5 && stats.series > 1);
    assert_true(stats.bytes - STORMS_KEPT * 48ul < 640 << 10);
    assert_true(signal_view_value(all, SIGNAL_REQUESTS, SLICE_NULL, &none).value == booked); /* none is lost, */
    assert_true(signal_view_value(all, SIGNAL_LATENCY_P50, SLICE_NULL, &none).n == booked);
    assert_true(signal_view_value(by_type, SIGNAL_REQUESTS, SLICE_NULL, &last).value == of_last); /* the busiest stays */
    assert_true(signal_view_value(by_type, SIGNAL_REQUESTS, SLICE_NULL, &other).value > 100);
    signals_free(s);
}

static void readings_and_their_worst(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signal_series of = {.by = SIGNAL_BY_BIT(WATCHER), .is[SIGNAL_BY_WATCHER] = SLICE("pace")}, none = {.by = 0};
    struct signal_view *all = signals_view(s, 0, NULL, 60 * SECOND_US), *each = signals_view(s, SIGNAL_BY_BIT(WATCHER), NULL, 60 * SECOND_US);
    signals_at(s, START_US);
    signals_read(s, SIGNAL_WATCH_SILENT, &of, 3);
    of.is[SIGNAL_BY_WATCHER] = SLICE("cost");
    signals_read(s, SIGNAL_WATCH_SILENT, &of, 8);
    signals_read(s, SIGNAL_DISK_FREE, NULL, 1e9);
    assert_true(signal_view_value(all, SIGNAL_WATCH_SILENT, SLICE_NULL, &none).value == 8);
    assert_true(signal_view_value(all, SIGNAL_WATCH_SILENT, SLICE_NULL, &none).n == 2);
    assert_true(signal_view_value(each, SIGNAL_WATCH_SILENT, SLICE_NULL, &of).value == 8);
    signals_read(s, SIGNAL_WATCH_SILENT, &of, 1); /* replaced */
    assert_true(signal_view_value(all, SIGNAL_WATCH_SILENT, SLICE_NULL, &none).value == 3);
    signals_read(s, SIGNAL_WATCH_SILENT, &of, NAN); /* forgotten */
    assert_true(isnan(signal_view_value(each, SIGNAL_WATCH_SILENT, SLICE_NULL, &of).value));
    assert_true(signal_view_value(all, SIGNAL_DISK_FREE, SLICE_NULL, &none).value == 1e9);
    assert_true(isnan(signal_view_value(all, SIGNAL_RECORDER_LAG, SLICE_NULL, &none).value));
    signals_free(s);
}

static void a_chart_is_made_of_the_same(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signal_value points[6];
    struct signal_series of = {.by = SIGNAL_BY_BIT(REQUEST_TYPE), .is[SIGNAL_BY_REQUEST_TYPE] = SLICE("chat")};
    for (int minute = 0; minute < 6; minute++)
        for (int i = 0; i < minute; i++) book(s, "chat", START_US + minute * 60 * SECOND_US + i * 9 * SECOND_US);
    signals_at(s, START_US + 359 * SECOND_US);
    struct signal_view *v = signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, 60 * SECOND_US);
    assert_int_equal(signal_view_chart(v, SIGNAL_REQUESTS, SLICE_NULL, &of, 60 * SECOND_US, 6, points), 6);
    for (int minute = 0; minute < 6; minute++) assert_true(points[minute].value == minute);
    of.is[SIGNAL_BY_REQUEST_TYPE] = SLICE("nobody asks this");
    (void)signal_view_chart(v, SIGNAL_REQUESTS, SLICE_NULL, &of, 60 * SECOND_US, 6, points);
    assert_true(isnan(points[5].value) && points[5].n == 0);
    signals_free(s);
}

static void slow_among_its_like(void **state) {
    (void)state;
    struct signals *s = signals_new();
    struct signal_series of = {.by = SIGNAL_BY_BIT(REQUEST_TYPE), .is[SIGNAL_BY_REQUEST_TYPE] = SLICE("chat")};
    struct signal_view *v = signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, 60 * SECOND_US);
    book(s, "chat", START_US); /* there is no baseline yet */
    signals_slow(s, SLICE("helpdesk"), SLICE("chat"), SLICE(""), 0.9);
    book(s, "chat", START_US + 1);
    signals_slow(s, SLICE("helpdesk"), SLICE("chat"), SLICE(""), 1.1);
    book(s, "chat", START_US + 2);
    signals_at(s, START_US + SECOND_US);
    struct signal_value slow = signal_view_value(v, SIGNAL_LATENCY_SLOW, SLICE_NULL, &of);
    assert_true(slow.n == 2 && slow.hits == 1);
    signals_free(s);
}

static int start(void **state) {
    (void)state;
    return digest_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_that_goes_back),   cmocka_unit_test(what_is_silent_is_let_go), cmocka_unit_test(what_comes_too_late_counts_nowhere),
        cmocka_unit_test(labels_without_end),       cmocka_unit_test(readings_and_their_worst), cmocka_unit_test(a_chart_is_made_of_the_same),
        cmocka_unit_test(slow_among_its_like),      cmocka_unit_test(names_of_scores_without_end),
        cmocka_unit_test(what_takes_too_much_is_told_apart_less),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
