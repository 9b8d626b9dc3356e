/* Alerts in the registry: one look is one transaction, people's words are not overwritten, everything has an end. */
#include "store/alerts.h"

#include "test_store_rig.h"

#include <math.h>

enum { ROOM = 64 << 20 };
#define NOW RIG_START

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    struct error error;
    struct alert_row *rows;
    struct alert_transition *history;
    struct notice *notices;
    unsigned n, n_history, n_notices;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4 << 10, ROOM);
    w->r = registry_open(w->rig->dir, &w->error);
    *state = w;
    return w->r == NULL ? -1 : 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    registry_close(w->r);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

#define ok(w, call)                                                    \
    do {                                                               \
        (w)->error = (struct error){0};                                \
        if ((call) != FAULT_NONE) fail_msg("%s", (w)->error.text);     \
    } while (0)

static struct alert_row firing(const char *rule, const char *series, int64_t at_us) {
    return (struct alert_row){.rule = slice_of(rule),
                              .series = slice_of(series),
                              .fingerprint = SLICE("0011223344556677"),
                              .state = ALERT_FIRING,
                              .severity = 0,
                              .since_us = at_us,
                              .fired_us = at_us,
                              .times = 1,
                              .value = 2.5,
                              .n = 80,
                              .threshold = NAN,
                              .escalation = SLICE("night"),
                              .escalation_due_us = at_us + 60,
                              .owed = SLICE("firing"),
                              .evidence = SLICE("{\"value\":2.5}")};
}

static struct notice notice_of(const char *id, const char *receiver) {
    return (struct notice){.id = slice_of(id), .receiver = slice_of(receiver), .group = slice_of(id), .status = SLICE("firing"), .body = SLICE("{}"), .made_us = NOW, .due_us = NOW};
}

static int64_t fire(struct world *w, const char *rule, const char *series) {
    struct alert_row row = firing(rule, series, NOW);
    struct alert_transition t = {.at_us = NOW, .from = ALERT_PENDING, .to = ALERT_FIRING};
    struct alerts_look look = {.rows = &row, .n_rows = 1, .transitions = &t, .n_transitions = 1, .now_us = NOW};
    int64_t number = 0;
    ok(w, alerts_commit(w->r, &look, &number, &w->error));
    return number;
}

static struct alert_row *only(struct world *w, int64_t number) {
    struct alerts_filter f = {.number = number, .limit = 2};
    ok(w, alerts_list(w->r, &f, &w->arena, &w->rows, &w->n, &w->error));
    assert_int_equal(w->n, 1);
    return w->rows;
}

static void history(struct world *w, int64_t number) {
    ok(w, alert_history(w->r, number, 100, &w->arena, &w->history, &w->n_history, &w->error));
}

static void waiting(struct world *w, int64_t now_us) {
    int64_t next = 0;
    ok(w, notices_due(w->r, now_us, SLICE_NULL, LIMIT_NOTICES, &w->arena, &w->notices, &w->n_notices, &next, &w->error));
}

static struct audit_entry said(const char *action, const char *reason) {
    return (struct audit_entry){.at_us = NOW + 5, .actor = SLICE("anna"), .action = slice_of(action), .subject = SLICE("alert:1"), .reason = slice_of(reason)};
}

static void a_look_is_kept_whole_or_not_at_all(void **state) {
    struct world *w = *state;
    struct alert_row row = firing("slow", "{\"model\":\"m\\u00fc\"}", NOW);
    struct alert_transition t = {.at_us = NOW, .from = ALERT_INACTIVE, .to = ALERT_FIRING, .evidence = SLICE("{}")};
    struct notice twice[] = {notice_of("a", "ops"), notice_of("a", "ops")};
    struct alerts_look look = {.rows = &row, .n_rows = 1, .transitions = &t, .n_transitions = 1, .notices = twice, .n_notices = 2, .now_us = NOW, .memory = SLICE("m1")};
    struct slice memory = SLICE_NULL;
    int64_t number = 0;
    assert_int_equal(alerts_commit(w->r, &look, &number, &w->error), FAULT_CONFLICT); /* the same id twice */
    struct alerts_filter all = {.limit = 10};
    ok(w, alerts_list(w->r, &all, &w->arena, &w->rows, &w->n, &w->error));
    assert_int_equal(w->n, 0);
    ok(w, alerts_memory(w->r, &w->arena, &memory, &w->error));
    assert_true(slice_is_null(memory));
    look.n_notices = 1;
    ok(w, alerts_commit(w->r, &look, &number, &w->error));
    struct alert_row *a = only(w, number);
    assert_true(slice_is(a->series, "{\"model\":\"m\\u00fc\"}") && a->state == ALERT_FIRING && a->value == 2.5 && isnan(a->threshold));
    assert_true(slice_is(a->owed, "firing") && slice_is(a->escalation, "night") && a->escalation_due_us == NOW + 60 && a->fired_us == NOW);
    history(w, number);
    assert_true(w->n_history == 1 && w->history[0].from == ALERT_INACTIVE && w->history[0].to == ALERT_FIRING);
    waiting(w, NOW);
    assert_int_equal(w->n_notices, 1);
    ok(w, alerts_memory(w->r, &w->arena, &memory, &w->error));
    assert_true(slice_is(memory, "m1"));
}

static void what_a_person_said_is_not_overwritten(void **state) {
    struct world *w = *state;
    int64_t number = fire(w, "slow", "{}");
    struct alert_row stale = *only(w, number);
    struct audit_entry entry = said("alert.acknowledge", "I have it");
    struct notice told = notice_of("ack", "ops");
    ok(w, alert_acknowledged(w->r, number, &entry, &told, 1, &w->error));
    struct alerts_look look = {.rows = &stale, .n_rows = 1, .now_us = NOW};
    int64_t numbers[1];
    assert_int_equal(alerts_commit(w->r, &look, numbers, &w->error), FAULT_CONFLICT);
    struct alert_row *a = only(w, number);
    assert_true(a->state == ALERT_ACKNOWLEDGED && slice_is(a->acknowledged_by, "anna") && a->acknowledged_us == NOW + 5);
    assert_true(a->escalation_due_us == 0 && slice_is_null(a->owed));
    history(w, number);
    assert_true(w->n_history == 2 && w->history[0].to == ALERT_ACKNOWLEDGED && slice_is(w->history[0].by, "anna"));
    look.rows = a; /* read again, it is kept */
    ok(w, alerts_commit(w->r, &look, numbers, &w->error));
    assert_int_equal(alert_acknowledged(w->r, number, &entry, NULL, 0, &w->error), FAULT_CONFLICT);
    assert_int_equal(alert_acknowledged(w->r, 99, &entry, NULL, 0, &w->error), FAULT_NOT_FOUND);
    struct audit_entry *audits;
    unsigned n = 0;
    ok(w, registry_audit_list(w->r, 0, 10, &w->arena, &audits, &n, &w->error));
    assert_int_equal(n, 1);
}

static void what_became_of_firings_is_counted(void **state) {
    struct world *w = *state;
    int64_t a = fire(w, "wolf", "{\"a\":1}"), b = fire(w, "wolf", "{\"a\":2}"), c = fire(w, "wolf", "{\"a\":3}");
    fire(w, "wolf", "{\"a\":4}");
    struct audit_entry entry = said("alert.judge", "");
    struct alert_precision *of = NULL;
    ok(w, alert_judged(w->r, a, SLICE("noise"), &entry, &w->error));
    ok(w, alert_acknowledged(w->r, b, &entry, NULL, 0, &w->error));
    struct alert_row over = *only(w, c);
    over.state = ALERT_RESOLVED;
    struct alerts_look look = {.rows = &over, .n_rows = 1, .now_us = NOW};
    int64_t number;
    ok(w, alerts_commit(w->r, &look, &number, &w->error));
    ok(w, alerts_precision(w->r, NOW, &w->arena, &of, &w->n, &w->error));
    assert_int_equal(w->n, 1);
    assert_true(of[0].fired == 4 && of[0].noise == 1 && of[0].acted == 1 && of[0].ignored == 1);
    assert_int_equal(alert_judged(w->r, 77, SLICE("noise"), &entry, &w->error), FAULT_NOT_FOUND);
}

static void firing_ones_come_first(void **state) {
    struct world *w = *state;
    struct alert_row rows[3] = {firing("a", "{}", NOW), firing("b", "{}", NOW - 9), firing("c", "{}", NOW - 1)};
    rows[0].state = ALERT_RESOLVED;
    rows[2].severity = 2;
    struct alerts_look look = {.rows = rows, .n_rows = 3, .now_us = NOW};
    int64_t numbers[3];
    ok(w, alerts_commit(w->r, &look, numbers, &w->error));
    struct alerts_filter f = {.limit = 10};
    ok(w, alerts_list(w->r, &f, &w->arena, &w->rows, &w->n, &w->error));
    assert_true(w->n == 3 && slice_is(w->rows[0].rule, "b") && slice_is(w->rows[1].rule, "c") && slice_is(w->rows[2].rule, "a"));
    f.states = ALERT_ACTIVE;
    ok(w, alerts_list(w->r, &f, &w->arena, &w->rows, &w->n, &w->error));
    assert_int_equal(w->n, 2);
    f.rule = SLICE("c"), f.skip = 1;
    ok(w, alerts_list(w->r, &f, &w->arena, &w->rows, &w->n, &w->error));
    assert_int_equal(w->n, 0);
}

static void a_notice_is_sent_tried_again_and_given_up(void **state) {
    struct world *w = *state;
    struct notice three[] = {notice_of("1", "ops"), notice_of("2", "ops"), notice_of("3", "chat")};
    struct alerts_look look = {.notices = three, .n_notices = 3, .now_us = NOW};
    int64_t next = 0, n = 0, oldest = 0;
    ok(w, alerts_commit(w->r, &look, NULL, &w->error));
    waiting(w, NOW);
    assert_int_equal(w->n_notices, 3);
    int64_t first = w->notices[0].number, second = w->notices[1].number;
    ok(w, notice_taken(w->r, first, NOW + 1, &w->error));
    ok(w, notice_taken(w->r, first, NOW + 9, &w->error)); /* twice changes nothing */
    ok(w, notice_failed(w->r, second, SLICE("connection refused"), NOW + 50, false, &w->error));
    ok(w, notices_due(w->r, NOW + 10, SLICE("ops"), 10, &w->arena, &w->notices, &w->n_notices, &next, &w->error));
    assert_true(w->n_notices == 0 && next == NOW + 50);
    ok(w, notices_due(w->r, NOW + 50, SLICE("ops"), 10, &w->arena, &w->notices, &w->n_notices, &next, &w->error));
    assert_true(w->n_notices == 1 && w->notices[0].tries == 1 && slice_is(w->notices[0].last_error, "connection refused"));
    ok(w, notice_failed(w->r, second, SLICE("no"), NOW + 60, true, &w->error));
    ok(w, notices_waiting(w->r, SLICE("ops"), &n, &oldest, &w->error));
    assert_true(n == 0 && oldest == 0);
    ok(w, notices_waiting(w->r, SLICE_NULL, &n, &oldest, &w->error));
    assert_true(n == 1 && oldest == NOW);
    ok(w, notices_list(w->r, SLICE("ops"), 10, &w->arena, &w->notices, &w->n_notices, &w->error));
    assert_true(w->n_notices == 2 && w->notices[0].given_up_us == NOW + 60 && w->notices[1].taken_us == NOW + 1);
}

static void a_full_outbox_counts_what_it_joins(void **state) {
    struct world *w = *state;
    enum { MORE = LIMIT_NOTICES + 40 };
    struct notice *all = test_calloc(MORE + 1, sizeof *all);
    char(*ids)[12] = test_calloc(MORE + 1, sizeof *ids);
    for (int i = 0; i < MORE; i++) {
        snprintf(ids[i], sizeof ids[i], "%d", i);
        all[i] = notice_of(ids[i], "ops");
    }
    all[MORE] = notice_of("other", "chat");
    struct alerts_look look = {.notices = all, .n_notices = MORE + 1, .now_us = NOW};
    ok(w, alerts_commit(w->r, &look, NULL, &w->error));
    ok(w, notices_list(w->r, SLICE_NULL, MORE + 1, &w->arena, &w->notices, &w->n_notices, &w->error));
    assert_int_equal(w->n_notices, LIMIT_NOTICES + 1); /* who had nothing waiting hears one */
    assert_true(slice_is(w->notices[0].receiver, "chat") && w->notices[1].left_out == 40);
    test_free(all);
    test_free(ids);
}

static void rows_make_room_and_firing_ones_stay(void **state) {
    struct world *w = *state;
    enum { N = LIMIT_ALERT_ROWS };
    struct alert_row *rows = test_calloc(N, sizeof *rows);
    char(*series)[24] = test_calloc(N, sizeof *series);
    int64_t *numbers = test_calloc(N, sizeof *numbers), number = -1;
    for (int i = 0; i < N; i++) {
        snprintf(series[i], sizeof series[i], "{\"i\":%d}", i);
        rows[i] = firing("storm", series[i], NOW + i);
    }
    struct alerts_look look = {.rows = rows, .n_rows = N, .now_us = NOW};
    ok(w, alerts_commit(w->r, &look, numbers, &w->error));
    struct alert_row one = firing("late", "{}", NOW);
    struct alert_transition t = {.at_us = NOW, .from = ALERT_INACTIVE, .to = ALERT_FIRING};
    struct alerts_look more = {.rows = &one, .n_rows = 1, .transitions = &t, .n_transitions = 1, .now_us = NOW};
    ok(w, alerts_commit(w->r, &more, &number, &w->error));
    assert_int_equal(number, 0); /* all fire: no room, and that is said */
    struct alert_row over = *only(w, numbers[7]);
    over.state = ALERT_RESOLVED, over.owed = SLICE_NULL;
    struct alerts_look end = {.rows = &over, .n_rows = 1, .now_us = NOW};
    ok(w, alerts_commit(w->r, &end, &number, &w->error));
    ok(w, alerts_commit(w->r, &more, &number, &w->error));
    assert_true(number > 0);
    struct alerts_filter f = {.number = numbers[7], .limit = 1};
    ok(w, alerts_list(w->r, &f, &w->arena, &w->rows, &w->n, &w->error));
    assert_int_equal(w->n, 0);
    test_free(rows), test_free(series), test_free(numbers);
}

static void old_things_go(void **state) {
    struct world *w = *state;
    int64_t stays = fire(w, "a", "{}"), goes = fire(w, "b", "{}");
    struct alert_row over = *only(w, goes);
    over.state = ALERT_RESOLVED, over.owed = SLICE_NULL;
    struct notice two[] = {notice_of("1", "ops"), notice_of("2", "ops")};
    struct alerts_look look = {.rows = &over, .n_rows = 1, .notices = two, .n_notices = 2, .now_us = NOW};
    int64_t number;
    ok(w, alerts_commit(w->r, &look, &number, &w->error));
    waiting(w, NOW);
    ok(w, notice_taken(w->r, w->notices[0].number, NOW, &w->error));
    ok(w, alerts_prune(w->r, NOW + 1, &w->error));
    struct alerts_filter all = {.limit = 10};
    ok(w, alerts_list(w->r, &all, &w->arena, &w->rows, &w->n, &w->error));
    assert_true(w->n == 1 && w->rows[0].number == stays);
    ok(w, notices_list(w->r, SLICE_NULL, 10, &w->arena, &w->notices, &w->n_notices, &w->error));
    assert_int_equal(w->n_notices, 1);
    history(w, stays);
    assert_int_equal(w->n_history, 0);
}

static void silences_thresholds_and_overrides(void **state) {
    struct world *w = *state;
    struct audit_entry entry = said("silence.add", "maintenance");
    struct silence s = {.matchers = SLICE("[\"rule=slow-*\"]"), .from_us = NOW, .to_us = NOW + 100, .by = SLICE("anna"), .why = SLICE("w"), .made_us = NOW}, *silences;
    unsigned n = 0;
    ok(w, silence_add(w->r, &s, &entry, &w->error));
    ok(w, silences_list(w->r, true, NOW + 99, &w->arena, &silences, &n, &w->error));
    assert_true(n == 1 && silences[0].number == s.number && slice_is(silences[0].matchers, "[\"rule=slow-*\"]"));
    ok(w, silences_list(w->r, true, NOW + 100, &w->arena, &silences, &n, &w->error));
    assert_int_equal(n, 0);
    ok(w, silence_end(w->r, s.number, NOW + 9, &entry, &w->error));
    assert_int_equal(silence_end(w->r, s.number, NOW + 9, &entry, &w->error), FAULT_CONFLICT);
    assert_int_equal(silence_end(w->r, 55, NOW + 9, &entry, &w->error), FAULT_NOT_FOUND);

    struct threshold first = {.rule = SLICE("slow"), .value = 2.5, .clear = 2, .made_us = NOW}, second = first, *thresholds;
    ok(w, threshold_put(w->r, &first, &entry, &w->error));
    ok(w, threshold_decide(w->r, first.number, true, &entry, &w->error));
    assert_int_equal(threshold_decide(w->r, first.number, false, &entry, &w->error), FAULT_CONFLICT);
    second.value = 3;
    ok(w, threshold_put(w->r, &second, &entry, &w->error));
    ok(w, thresholds_list(w->r, SLICE("slow"), SLICE("accepted"), &w->arena, &thresholds, &n, &w->error));
    assert_true(n == 1 && thresholds[0].value == 2.5); /* until a person accepts the new one */
    ok(w, threshold_decide(w->r, second.number, true, &entry, &w->error));
    ok(w, thresholds_list(w->r, SLICE_NULL, SLICE("accepted"), &w->arena, &thresholds, &n, &w->error));
    assert_true(n == 1 && thresholds[0].value == 3 && thresholds[0].number == second.number);

    struct oncall_override o = {.schedule = SLICE("primary"), .person = SLICE("zoë"), .from_us = NOW, .to_us = NOW + 10, .made_us = NOW}, *overrides;
    ok(w, oncall_override_add(w->r, &o, &entry, &w->error));
    ok(w, oncall_overrides(w->r, NOW + 9, NOW + 20, &w->arena, &overrides, &n, &w->error));
    assert_true(n == 1 && slice_is(overrides[0].person, "zoë"));
    ok(w, oncall_override_remove(w->r, o.number, &entry, &w->error));
    assert_int_equal(oncall_override_remove(w->r, o.number, &entry, &w->error), FAULT_CONFLICT);
    ok(w, oncall_overrides(w->r, NOW, NOW + 20, &w->arena, &overrides, &n, &w->error));
    assert_int_equal(n, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_look_is_kept_whole_or_not_at_all, setup, teardown),
        cmocka_unit_test_setup_teardown(what_a_person_said_is_not_overwritten, setup, teardown),
        cmocka_unit_test_setup_teardown(what_became_of_firings_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(firing_ones_come_first, setup, teardown),
        cmocka_unit_test_setup_teardown(a_notice_is_sent_tried_again_and_given_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_outbox_counts_what_it_joins, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_make_room_and_firing_ones_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(old_things_go, setup, teardown),
        cmocka_unit_test_setup_teardown(silences_thresholds_and_overrides, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
