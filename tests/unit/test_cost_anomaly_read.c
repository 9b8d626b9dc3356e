/* Whole days of a zone, out of the ledger. */
#include "test_cost_rig.h"

#include "base/date.h"
#include "cost/anomaly_read.h"

#define DAY(y, m, d) date_to_days((struct date){y, m, d})

struct context {
    struct rig *rig;
    struct ledger *ledger;
    struct arena arena;
    struct anomaly_days days;
};

/* One request at half past each hour from 31 October to 4 November 2025 (UTC), each of another number of
 * tokens. */
static int setup(void **state) {
    struct context *x = test_calloc(1, sizeof *x);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    x->rig = rig;
    x->ledger = rig_ledger(x->rig);
    arena_init(&x->arena, 64 << 10, 64 << 20);
    struct recorder *recorder = rig_recorder(x->rig);
    for (int64_t h = 0; h < 5 * 24; h++) {
        struct record r;
        rig_record(&r, DAY(2025, 10, 31) * RIG_DAY + h * COST_HOUR + COST_HOUR / 2, (uint64_t)h);
        r.usage.input = 1000 + h;
        rig_append_record(recorder, 0, &r);
    }
    rig_drain(x->ledger, recorder);
    recorder_close(recorder);
    *state = x;
    return 0;
}

static int teardown(void **state) {
    struct context *x = *state;
    void *rig = x->rig;
    ledger_close(x->ledger);
    arena_deinit(&x->arena);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

static void read_days(struct context *x, int64_t from_us, int64_t to_us, const char *zone_text) {
    struct error error = {0};
    const struct zone *zone = NULL;
    struct cell_query q = {.from_us = from_us, .to_us = to_us};
    if (zone_text && zone_load(&x->arena, zone_text, &zone, &error) != FAULT_NONE) fail_msg("%s", error.text);
    if (anomaly_read(x->ledger, &q, zone, &x->arena, &x->days, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}

static void expect_day(const struct context *x, size_t i, int64_t day, int64_t requests, int64_t input) {
    assert_true(i < x->days.n);
    assert_int_equal(x->days.cells[i].day, day);
    assert_int_equal(x->days.cells[i].cell.requests, requests);
    assert_int_equal(x->days.cells[i].cell.input, input);
}

/* 1,000 + h for h of from .. to - 1 */
static int64_t tokens(int64_t from, int64_t to) {
    return (to - from) * 1000 + (from + to - 1) * (to - from) / 2;
}

/* A window that begins and ends inside of days leaves these out. */
static void utc_days(void **state) {
    struct context *x = *state;
    read_days(x, DAY(2025, 10, 31) * RIG_DAY + 1, DAY(2025, 11, 3) * RIG_DAY + 5 * COST_HOUR, NULL);
    assert_int_equal(x->days.first_day, DAY(2025, 11, 1));
    assert_int_equal(x->days.end_day, DAY(2025, 11, 3));
    assert_int_equal(x->days.n, 2);
    expect_day(x, 0, DAY(2025, 11, 1), 24, tokens(24, 48));
    expect_day(x, 1, DAY(2025, 11, 2), 24, tokens(48, 72));
    read_days(x, DAY(2025, 11, 1) * RIG_DAY, DAY(2025, 11, 2) * RIG_DAY, NULL); /* exactly one */
    assert_int_equal(x->days.n, 1);
}

/* New York's clocks went back on 2 November: that day began at 04:00 UTC and had 25 hours. */
static void local_days(void **state) {
    struct context *x = *state;
    read_days(x, DAY(2025, 10, 31) * RIG_DAY, DAY(2025, 11, 5) * RIG_DAY, "America/New_York");
    assert_int_equal(x->days.first_day, DAY(2025, 10, 31));
    assert_int_equal(x->days.end_day, DAY(2025, 11, 4));
    assert_int_equal(x->days.n, 4);
    expect_day(x, 0, DAY(2025, 10, 31), 24, tokens(4, 28));
    expect_day(x, 1, DAY(2025, 11, 1), 24, tokens(28, 52));
    expect_day(x, 2, DAY(2025, 11, 2), 25, tokens(52, 77));
    expect_day(x, 3, DAY(2025, 11, 3), 24, tokens(77, 101));
}

/* An offset of half an hour: its days begin at 18:30 UTC, in the middle of the ledger's hours. */
static void half_hours(void **state) {
    struct context *x = *state;
    read_days(x, DAY(2025, 11, 1) * RIG_DAY, DAY(2025, 11, 3) * RIG_DAY, "Asia/Kolkata");
    assert_int_equal(x->days.n, 1);
    expect_day(x, 0, DAY(2025, 11, 2), 24, tokens(42, 66)); /* from 18:30 itself on */
}

static void bad_windows(void **state) {
    struct context *x = *state;
    struct error error;
    struct cell_query q = {.from_us = DAY(2025, 11, 1) * RIG_DAY + 1,
                           .to_us = DAY(2025, 11, 3) * RIG_DAY - 1};
    assert_int_equal(anomaly_read(x->ledger, &q, NULL, &x->arena, &x->days, &error), FAULT_BAD_REQUEST);
    assert_non_null(strstr(error.text, "found 0"));
    q.from_us -= 1001 * RIG_DAY;
    assert_int_equal(anomaly_read(x->ledger, &q, NULL, &x->arena, &x->days, &error), FAULT_BAD_REQUEST);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(utc_days, setup, teardown),
        cmocka_unit_test_setup_teardown(local_days, setup, teardown),
        cmocka_unit_test_setup_teardown(half_hours, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_windows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
