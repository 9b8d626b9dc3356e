/* What the report makes of scores: weights, intervals, judges apart, what could not be scored. */
#include "quality/online_report.h"

#include "test_store_rig.h"

#include <math.h>

struct world {
    struct rig *rig;
    struct evaluations *e;
    struct arena arena;
    struct buffer out;
    struct json_doc doc;
    uint64_t next;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    struct error error = {0};
    if (rig_setup((void **)&w->rig) != 0) return -1;
    w->e = evaluations_open(w->rig->dir, &error);
    arena_init(&w->arena, 16 << 10, 16 << 20);
    buffer_init(&w->out, 4 << 20);
    *state = w;
    return w->e != NULL ? 0 : -1;
}
static int teardown(void **state) {
    struct world *w = *state;
    evaluations_close(w->e);
    buffer_deinit(&w->out);
    arena_deinit(&w->arena);
    rig_teardown((void **)&w->rig);
    test_free(w);
    return 0;
}

static void add(struct world *w, const char *type, double chance, enum scored_state kind, enum scored_length length, const char *body) {
    struct error error = {0};
    struct scored s = {.record = rig_id(RIG_START, w->next), .rule = SLICE("r"), .time_us = RIG_START + (int64_t)w->next++, .request_type = slice_of(type),
                       .chance_e15 = (int64_t)(chance * SCORED_CHANCE_ONE + 0.5), .length = length, .state = kind, .body = slice_of(body)};
    struct scored_step k = {.rule = SLICE("r"), .position = SLICE("1:1"), .day = RIG_START / RIG_DAY, .counts = {.matched = 1, .taken = 1}, .taken = &s, .n_taken = 1};
    if (scored_keep(w->e, &k, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static bool calibration(void *ctx, const struct digest *identity, struct judge_calibration *ret) {
    (void)ctx;
    *ret = (struct judge_calibration){.n = 400, .sensitivity = 0.9, .sensitivity_n = 200, .specificity = 0.8, .specificity_n = 200};
    return identity->bytes[0] == 0xaa;
}

static void write_report(struct world *w, enum online_by by) {
    struct json_writer j;
    struct error error = {0};
    struct online_report_query q = {.rule = SLICE("r"), .from_us = RIG_START, .to_us = RIG_START + RIG_DAY, .by = by, .confidence = 0.95, .calibration = calibration};
    buffer_clear(&w->out);
    json_start(&j, &w->out);
    json_object(&j);
    if (online_report_write(w->e, &q, &j, &error) != FAULT_NONE) fail_msg("%s", error.text);
    json_object_end(&j);
    assert_int_equal(json_read(buffer_slice(&w->out), &w->arena, UINT16_MAX, &w->doc, &error), FAULT_NONE);
}

static double number(struct world *w, uint32_t node, const char *key) {
    double n = NAN;
    (void)!json_get_double(&w->doc, json_get(&w->doc, node, key), &n);
    return n;
}
static uint32_t metric(struct world *w, uint32_t node, unsigned i) { return json_item(&w->doc, json_get(&w->doc, node, "metrics"), i); }

#define IS(verdict, score) "[{\"metric\":\"format\",\"type\":\"is-json\",\"verdict\":\"" verdict "\",\"score\":" score "}]"
#define JUDGED(id, score) "[{\"metric\":\"quality\",\"type\":\"judge\",\"verdict\":\"pass\",\"score\":" score ",\"judge\":\"j\",\"scale\":\"1-5\",\"identity\":\"" id "\"}]"
#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* 20 of a type that is scored whole, half of them valid; 20 of one of which each fifth is scored, all valid: of the traffic 20 and 100. */
static void each_record_counts_by_its_chance(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < 20; i++) add(w, "rare", 1, SCORED_DONE, SCORED_LENGTH_UNKNOWN, i % 2 ? IS("pass", "1") : IS("fail", "0"));
    for (unsigned i = 0; i < 20; i++) add(w, "common", 0.2, SCORED_DONE, SCORED_LENGTH_UNKNOWN, IS("pass", "1"));
    write_report(w, ONLINE_BY_REQUEST_TYPE);
    uint32_t m = metric(w, 0, 0);
    assert_true(fabs(number(w, m, "share") - 110.0 / 120) < 1e-9 && number(w, m, "n") == 40);
    assert_true(json_is(&w->doc, json_get(&w->doc, m, "share_of"), "valid"));
    assert_true(fabs(number(w, m, "effective_n") - 120.0 * 120 / (20 + 20 * 25)) < 1e-9);
    uint32_t groups = json_get(&w->doc, 0, "groups");
    assert_true(number(w, metric(w, json_item(&w->doc, groups, 0), 0), "share") == 0.5);
    assert_true(number(w, metric(w, json_item(&w->doc, groups, 1), 0), "share") == 1);
}

static void another_judge_is_another_line(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < 10; i++) add(w, "chat", 1, SCORED_DONE, SCORED_LENGTH_UNKNOWN, i < 6 ? JUDGED(ID_A, "1") : JUDGED(ID_B, "0.5"));
    add(w, "chat", 1, SCORED_DONE, SCORED_LENGTH_UNKNOWN,
        "[{\"metric\":\"quality\",\"type\":\"judge\",\"verdict\":\"error\",\"score\":null,\"judge\":\"j\",\"scale\":\"1-5\",\"identity\":\"" ID_B "\"}]");
    write_report(w, ONLINE_ALL);
    uint32_t a = metric(w, 0, 0), b = metric(w, 0, 1);
    assert_true(number(w, json_get(&w->doc, a, "mean"), "value") == 5 && number(w, a, "share") == 1 && number(w, a, "n") == 6);
    assert_true(number(w, json_get(&w->doc, b, "mean"), "value") == 3 && number(w, b, "share") == 0 && number(w, b, "n") == 4 && number(w, b, "errors") == 1);
    bool yes = false, no = true;
    assert_true(json_get_bool(&w->doc, json_get(&w->doc, json_get(&w->doc, a, "judge"), "calibrated"), &yes) && yes);
    assert_true(json_get_bool(&w->doc, json_get(&w->doc, json_get(&w->doc, b, "judge"), "calibrated"), &no) && !no);
}

/* (passed + specificity - 1) / (sensitivity + specificity - 1), of the traffic: passed is (20 / 1 + 60 / 0.5) / (40 / 1 + 80 / 0.5) = 0.7. */
static void a_judge_is_corrected(void **state) {
    struct world *w = *state;
    static const char fails[] = "[{\"metric\":\"quality\",\"type\":\"judge\",\"verdict\":\"fail\",\"score\":0.25,\"judge\":\"j\",\"scale\":\"1-5\",\"identity\":\"" ID_A "\"}]";
    for (unsigned i = 0; i < 120; i++) {
        bool all = i < 40, passes = all ? i < 20 : i < 100;
        add(w, "chat", all ? 1 : 0.5, SCORED_DONE, SCORED_LENGTH_UNKNOWN, passes ? JUDGED(ID_A, "1") : fails);
    }
    add(w, "chat", 1, SCORED_DONE, SCORED_LENGTH_UNKNOWN, JUDGED(ID_B, "1"));
    write_report(w, ONLINE_ALL);
    uint32_t c = json_get(&w->doc, json_get(&w->doc, metric(w, 0, 0), "judge"), "corrected"), interval = json_get(&w->doc, c, "interval");
    double low = NAN, high = NAN;
    assert_true(fabs(number(w, metric(w, 0, 0), "share") - 0.7) < 1e-9 && fabs(number(w, c, "share") - (0.7 + 0.8 - 1) / (0.9 + 0.8 - 1)) < 1e-9);
    assert_true(json_get_double(&w->doc, json_item(&w->doc, interval, 0), &low) && json_get_double(&w->doc, json_item(&w->doc, interval, 1), &high));
    assert_true(low < 0.65 && high > 0.78 && low > 0.45 && high < 0.95);
    c = json_get(&w->doc, json_get(&w->doc, metric(w, 0, 1), "judge"), "corrected"); /* nobody's labels are of the other */
    assert_true(isnan(number(w, c, "share")) && json_type(&w->doc, json_get(&w->doc, c, "interval")) == JSON_NULL);
}

static void refusals_and_claims_are_rates_of_the_bad(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < 4; i++)
        add(w, "chat", 1, SCORED_DONE, SCORED_LENGTH_UNKNOWN,
            i == 0 ? "[{\"metric\":\"refusal\",\"type\":\"not-is-refusal\",\"verdict\":\"fail\",\"score\":0},"
                     "{\"metric\":\"supported\",\"type\":\"faithful\",\"verdict\":\"fail\",\"score\":0.5,\"judge\":\"j\",\"scale\":\"binary\",\"identity\":\"" ID_A "\"}]"
                   : "[{\"metric\":\"refusal\",\"type\":\"not-is-refusal\",\"verdict\":\"pass\",\"score\":1},"
                     "{\"metric\":\"supported\",\"type\":\"faithful\",\"verdict\":\"pass\",\"score\":1,\"judge\":\"j\",\"scale\":\"binary\",\"identity\":\"" ID_A "\"}]");
    write_report(w, ONLINE_ALL);
    assert_true(number(w, metric(w, 0, 0), "share") == 0.25 && number(w, metric(w, 0, 1), "share") == 0.25);
    assert_true(fabs(number(w, json_get(&w->doc, metric(w, 0, 1), "mean"), "value") - 0.125) < 1e-9);
}

static void what_is_not_scored_is_told(void **state) {
    struct world *w = *state;
    add(w, "chat", 1, SCORED_UNREADABLE, SCORED_LENGTH_LONG, NULL);
    add(w, "chat", 1, SCORED_WAITING, SCORED_LENGTH_USUAL, NULL);
    write_report(w, ONLINE_ALL);
    uint32_t r = json_get(&w->doc, 0, "records"), l = json_get(&w->doc, 0, "length");
    assert_true(number(w, r, "taken") == 2 && number(w, r, "scored") == 0 && number(w, r, "not_scorable") == 1 && number(w, r, "waiting") == 1);
    assert_true(number(w, l, "n") == 2 && number(w, l, "long") == 1 && number(w, l, "expected_at_most") == 0.01);
}

static void unusual_lengths_need_evidence(void **state) {
    struct world *w = *state;
    for (unsigned i = 0; i < 200; i++) add(w, "chat", 1, SCORED_DONE, i < 2 ? SCORED_LENGTH_LONG : SCORED_LENGTH_USUAL, "[]");
    write_report(w, ONLINE_ALL);
    assert_true(json_is(&w->doc, json_get(&w->doc, json_get(&w->doc, 0, "length"), "verdict"), "no_evidence"));
    for (unsigned i = 0; i < 20; i++) add(w, "chat", 1, SCORED_DONE, SCORED_LENGTH_LONG, "[]");
    write_report(w, ONLINE_ALL);
    assert_true(json_is(&w->doc, json_get(&w->doc, json_get(&w->doc, 0, "length"), "verdict"), "more_than_expected"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_record_counts_by_its_chance, setup, teardown),
        cmocka_unit_test_setup_teardown(another_judge_is_another_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_judge_is_corrected, setup, teardown),
        cmocka_unit_test_setup_teardown(refusals_and_claims_are_rates_of_the_bad, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_scored_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(unusual_lengths_need_evidence, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
