/* Scores: once for each record, name and source; gone with their day; what was decided of routing. */
#include "store/registry_tiering.h"
#include "store/ledger_store.h"
#include "store/score.h"
#include "test_store_rig.h"

struct found {
    unsigned n;
    int32_t last_ppm;
    char last[64], comment[64];
};

static bool find(void *ctx, const struct score *s) {
    struct found *f = ctx;
    f->n++;
    f->last_ppm = s->value_ppm;
    snprintf(f->last, sizeof f->last, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(s->name), SLICE_ARG(s->source));
    snprintf(f->comment, sizeof f->comment, SLICE_FMT, SLICE_ARG(s->comment));
    return true;
}

static struct found scores(struct ledger *l, int64_t from, int64_t to, const struct record_id *only, struct slice name) {
    struct found f = {0};
    struct error error = {0};
    if (ledger_scores(l, from, to, only, name, find, &f, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return f;
}

static enum fault put(struct ledger *l, const struct score *s, size_t n) {
    struct error error = {0};
    size_t bad = 99;
    enum fault fault = ledger_scores_put(l, s, n, &bad, &error);
    if (fault == FAULT_NOT_FOUND) assert_int_equal(bad, n - 1); /* in these tests it is the last */
    return fault;
}

static void keep(struct rig *rig, struct ledger *l, int64_t at, uint64_t number) {
    struct recorder *recorder = rig_recorder(rig);
    struct record r;
    rig_record(&r, at, number);
    rig_append_record(recorder, 0, &r);
    rig_drain(l, recorder);
    recorder_close(recorder);
}

static void given_again_it_is_replaced(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    keep(rig, l, RIG_START, 1);
    keep(rig, l, RIG_START + RIG_DAY, 2);
    struct score s = {.record = rig_id(RIG_START, 1), .name = SLICE("quality"), .source = SLICE("eval"), .value_ppm = 400000, .at_us = 5};
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    struct found f = scores(l, 0, 0, &s.record, SLICE_NULL);
    assert_true(f.n == 1 && f.last_ppm == 400000);
    s.value_ppm = 900000;
    s.comment = SLICE("on second thought");
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    f = scores(l, 0, 0, &s.record, SLICE_NULL);
    assert_true(f.n == 1 && f.last_ppm == 900000);
    assert_string_equal(f.comment, "on second thought");
    s.source = SLICE("person");
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    s.record = rig_id(RIG_START + RIG_DAY, 2);
    s.name = SLICE("tone");
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    assert_int_equal(scores(l, 0, 0, NULL, SLICE_NULL).n, 3);
    assert_int_equal(scores(l, 0, 0, NULL, SLICE("quality")).n, 2);
    assert_int_equal(scores(l, RIG_START + 1000000, 0, NULL, SLICE_NULL).n, 1);
    assert_int_equal(scores(l, 0, RIG_START + RIG_DAY, NULL, SLICE_NULL).n, 2);
    s.record = rig_id(RIG_START, 77);
    assert_int_equal(put(l, &s, 1), FAULT_NOT_FOUND);
    s.record = rig_id(RIG_START + 9 * RIG_DAY, 1);
    assert_int_equal(put(l, &s, 1), FAULT_NOT_FOUND);
    struct score list[] = {s, s};
    list[0].record = rig_id(RIG_START, 1);
    list[0].name = SLICE("never");
    assert_int_equal(put(l, list, 2), FAULT_NOT_FOUND); /* all or none */
    assert_int_equal(scores(l, 0, 0, NULL, SLICE("never")).n, 0);
    assert_int_equal(rig_files(rig, "ledger-", ".db"), 2); /* no file is made for what is not there */
    ledger_close(l);
}

/* The writer goes on beside it, and takes the same records once. */
static void the_writer_is_not_disturbed(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    for (uint64_t i = 0; i < 20; i++) {
        keep(rig, l, RIG_START + (int64_t)i * 1000, i);
        struct score s = {.record = rig_id(RIG_START + (int64_t)i * 1000, i), .name = SLICE("q"), .source = SLICE("eval"), .at_us = 1};
        assert_int_equal(put(l, &s, 1), FAULT_NONE);
    }
    assert_int_equal(rig_count(l), 20);
    assert_int_equal(scores(l, 0, 0, NULL, SLICE_NULL).n, 20);
    assert_int_equal(scores(l, RIG_START + 5000, RIG_START + 8000, NULL, SLICE_NULL).n, 3);
    assert_int_equal(scores(l, RIG_START + 5000, RIG_START + 8001, NULL, SLICE_NULL).n, 4);
    assert_int_equal(scores(l, RIG_START + 19000, 0, NULL, SLICE_NULL).n, 1);
    ledger_close(l);
}

static void they_go_with_their_day(void **state) {
    struct rig *rig = *state;
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = rig->dir, .retention_us = RIG_DAY}, NULL);
    struct score s = {.record = rig_id(RIG_START, 1), .name = SLICE("q"), .source = SLICE("eval"), .at_us = 1};
    keep(rig, l, RIG_START, 1);
    assert_int_equal(put(l, &s, 1), FAULT_NONE);
    ledger_expire(l, RIG_START + 3 * RIG_DAY);
    assert_int_equal(scores(l, 0, 0, NULL, SLICE_NULL).n, 0);
    ledger_close(l);
}

static void routing_is_remembered(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    struct arena arena;
    struct registry_tiering t, *all;
    unsigned n;
    struct slice m = SLICE("smart"), by = SLICE("ada");
    arena_init(&arena, 4096, 1 << 20);
    struct registry *r = registry_open(rig->dir, &error);
    assert_int_equal(registry_tiering_find(r, m, &arena, &t, &error), FAULT_NONE);
    assert_true(!t.on && slice_is_null(t.trained) && t.changed_us == 0);
    assert_int_equal(registry_tiering_switch(r, m, true, by, SLICE("why"), 7, &error), FAULT_NONE);
    registry_close(r);
    r = registry_open(rig->dir, &error);
    assert_int_equal(registry_tiering_find(r, m, &arena, &t, &error), FAULT_NONE);
    assert_true(t.on && t.changed_us == 7 && slice_is(t.why, "why") && slice_is(t.changed_by, "ada"));
    assert_int_equal(registry_tiering_train(r, m, SLICE("{}"), by, 8, &error), FAULT_NONE); /* new weights begin in shadow */
    assert_int_equal(registry_tiering_downgrade(r, m, SLICE("{\"answer\":\"within\"}"), by, 9, &error), FAULT_NONE);
    assert_int_equal(registry_tiering_downgrade(r, SLICE("another"), SLICE("{}"), by, 9, &error), FAULT_NONE);
    assert_int_equal(registry_tierings(r, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(all[0].model, "another") && !all[1].on && slice_is(all[1].trained, "{}") && all[1].downgrade_us == 9);
    registry_close(r);
    arena_deinit(&arena);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(given_again_it_is_replaced), TEST(the_writer_is_not_disturbed), TEST(they_go_with_their_day),
                                       TEST(routing_is_remembered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
