/* Following the ledger: each record once, in the order in which they came, late ones too, over restarts. */
#include "store/follow.h"

#include "store/ledger_store.h"
#include "test_store_rig.h"

struct met {
    uint64_t numbers[4096];
    unsigned n;
};

static void meet(void *ctx, const struct record *r) {
    struct met *m = ctx;
    m->numbers[m->n++] = (uint64_t)r->id.bytes[14] << 8 | r->id.bytes[15];
}

static void keep(struct rig *rig, struct ledger *l, int64_t at, const uint64_t *numbers, unsigned n) {
    struct recorder *recorder = rig_recorder(rig);
    for (unsigned i = 0; i < n; i++) {
        struct record r;
        rig_record(&r, at, numbers[i]);
        rig_append_record(recorder, 0, &r);
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
}
#define KEEP(at, ...) keep(rig, l, at, (const uint64_t[]){__VA_ARGS__}, sizeof((const uint64_t[]){__VA_ARGS__}) / 8)

/* All that is there, through the text of the position each time, as after a restart. */
static struct met *all(struct ledger *l, struct follow *f) {
    static struct met met;
    struct error error = {0};
    bool any = true;
    met.n = 0;
    while (any) {
        char text[FOLLOW_TEXT];
        follow_format(f, text);
        assert_true(follow_parse(slice_of(text), f));
        if (ledger_follow(l, f, meet, &met, &any, &error) != FAULT_NONE) fail_msg("%s", error.text);
    }
    return &met;
}

static void each_once_in_the_order_of_coming(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct follow f = {0};
    assert_int_equal(all(l, &f)->n, 0);
    KEEP(RIG_START + 5000000, 1, 2, 3);
    assert_int_equal(all(l, &f)->n, 3);
    assert_int_equal(all(l, &f)->n, 0);
    KEEP(RIG_START + 9000000, 4);
    KEEP(RIG_START, 5, 6); /* began earlier, came later */
    KEEP(RIG_START + RIG_DAY, 7);
    struct met *m = all(l, &f);
    assert_int_equal(m->n, 4);
    assert_true(m->numbers[0] == 4 && m->numbers[1] + m->numbers[2] == 11 && m->numbers[3] == 7);
    KEEP(RIG_START + 1, 8); /* yesterday's, when today has begun */
    KEEP(RIG_START + RIG_DAY + 1, 9);
    KEEP(RIG_START + 5000000, 1); /* given again: it is no new one */
    m = all(l, &f);
    assert_true(m->n == 2 && m->numbers[0] == 8 && m->numbers[1] == 9);
    ledger_close(l);
}

static void from_the_end(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct follow f = {0};
    KEEP(RIG_START, 1, 2);
    KEEP(RIG_START + RIG_DAY, 3);
    assert_int_equal(ledger_follow_end(l, &f, NULL), FAULT_NONE);
    assert_int_equal(all(l, &f)->n, 0);
    KEEP(RIG_START, 4);
    KEEP(RIG_START + 2 * RIG_DAY, 5);
    assert_int_equal(all(l, &f)->n, 2);
    assert_int_equal(ledger_follow_end(l, &f, NULL), FAULT_NONE);
    KEEP(RIG_START, 6);
    assert_int_equal(ledger_follow_end(l, &f, NULL), FAULT_NONE); /* goes on from where it was */
    assert_int_equal(all(l, &f)->n, 0);
    KEEP(RIG_START + RIG_DAY, 7);
    assert_int_equal(all(l, &f)->n, 1);
    ledger_close(l);
}

/* On the handle that drains, only days that got something are looked at; more of them than it remembers are all looked at. */
static unsigned rest(struct ledger *l, struct follow *f) {
    struct met met = {.n = 0};
    bool any = true;
    while (any) assert_int_equal(ledger_follow(l, f, meet, &met, &any, NULL), FAULT_NONE);
    return met.n;
}

static void from_where_it_was(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct follow f = {0}, idle = {0};
    KEEP(RIG_START, 1);
    assert_int_equal(rest(l, &f), 1);
    assert_int_equal(rest(l, &idle), 1);
    assert_int_equal(rest(l, &f), 0);
    KEEP(RIG_START + RIG_DAY, 2);
    KEEP(RIG_START, 3);
    KEEP(RIG_START + RIG_DAY, 4);
    assert_int_equal(rest(l, &f), 3);
    for (uint64_t d = 0; d < 2 * BROUGHT_DAYS; d++) {
        KEEP(RIG_START + (int64_t)d * RIG_DAY, d + 5);
        if (d % 3 == 0) assert_int_equal(rest(l, &f), d == 0 ? 1 : 3);
    }
    assert_int_equal(rest(l, &f), 0);
    assert_int_equal(rest(l, &idle), 3 + 2 * BROUGHT_DAYS);
    ledger_close(l);
}

/* More days than are remembered, met in one go. */
static void many_days(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct follow f = {0};
    for (uint64_t d = 0; d < 9; d++) KEEP(RIG_START + (int64_t)d * RIG_DAY, d + 1);
    assert_int_equal(all(l, &f)->n, 9);
    assert_int_equal(f.n, FOLLOW_DAYS);
    KEEP(RIG_START + 8 * RIG_DAY, 20);
    assert_int_equal(all(l, &f)->n, 1);
    ledger_close(l);
}

static void a_replaced_file_begins_anew(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct follow f = {0};
    for (uint64_t i = 1; i < 5; i++) KEEP(RIG_START, i);
    assert_int_equal(all(l, &f)->n, 4);
    ledger_close(l);
    l = rig_ledger(rig);
    ledger_set_aside(l, LEDGER_RECORDS, RIG_START / RIG_DAY);
    KEEP(RIG_START, 6);
    assert_int_equal(all(l, &f)->n, 1);
    ledger_close(l);
}

static void a_position_that_is_none(void **state) {
    (void)state;
    struct follow f = {.n = 0};
    static const char *const bad[] = {"x", "1", "1:", ":1", "1:2,3", "1:1,2:1,3:1,4:1,5:1"};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(follow_parse(slice_of(bad[i]), &f));
    assert_true(follow_parse(SLICE(""), &f) && f.n == 0);
    assert_true(follow_parse(SLICE("7:1,3:2"), &f) && f.n == 2 && f.at[0].day == 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_once_in_the_order_of_coming, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(from_the_end, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(from_where_it_was, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(many_days, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_replaced_file_begins_anew, rig_setup, rig_teardown),
        cmocka_unit_test(a_position_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
