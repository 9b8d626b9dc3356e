/* Rollouts: one under way, what happened to them from the audit log, and the analysis' memory. */
#include "test_store_changes_rig.h"

static struct arena arena;

static struct rollout_row row_of(int64_t candidate) {
    return (struct rollout_row){.candidate = candidate, .control = 1, .plan = SLICE("{\"way\":\"canary\"}"), .stage = STAGE_CANARY, .weight_ppm = 50000,
                                .salt = 0xfedcba9876543210ull, .started_us = AT, .started_by = SLICE("anna"), .why = SLICE("slow answers")};
}

/* Version 1 serves, 2 and 3 are drafts. */
static struct registry *three_versions(const struct rig *rig) {
    struct registry *r = open_registry(rig);
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    add(r, "[]", 1);
    add(r, "[1]", 1);
    return r;
}

static void start(struct registry *r, struct rollout_row *row) {
    struct change c = change_by("anna", "rollout.start");
    c.audit.reason = SLICE("slow answers");
    c.rollout = row;
    c.moves[c.n_moves++] = (struct change_move){row->candidate, VERSION_DRAFT, VERSION_CANARY};
    commit(r, &c);
}

static void one_is_under_way(void **state) {
    struct registry *r = three_versions(*state);
    struct rollout_row row = row_of(2), other = row_of(3), found, *all;
    struct change c = change_by("bob", "rollout.start");
    struct error error = {0};
    unsigned n;
    assert_int_equal(rollout_find(r, PROMPT, NAME, &arena, &found, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "helpdesk-answer has had no rollout: `quarterdeck rollout start helpdesk-answer@V` begins one");
    assert_int_equal(rollout_find(r, PROMPT, SLICE("helpdesk-answe"), &arena, &found, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "no prompt `helpdesk-answe`; did you mean `helpdesk-answer`?");
    start(r, &row);
    assert_int_equal(row.number, 1);
    c.rollout = &other;
    assert_string_equal(refused(r, &c, FAULT_CONFLICT),
                        "rollout 1 of helpdesk-answer@2 is under way (canary, progressing), begun by anna at 2025-11-21T16:00:03Z");
    assert_int_equal(other.number, 0);
    assert_int_equal(rollout_find(r, PROMPT, NAME, &arena, &found, &error), FAULT_NONE);
    assert_true(found.number == 1 && found.candidate == 2 && found.control == 1 && found.salt == row.salt && found.weight_ppm == 50000 &&
                found.stage == STAGE_CANARY && found.state == ROLLOUT_PROGRESSING && slice_is(found.plan, "{\"way\":\"canary\"}") &&
                slice_is_null(found.verdict) && found.ended_us == 0);

    found.state = ROLLOUT_ABORTED;
    c.rollout = &found;
    c.moves[c.n_moves++] = (struct change_move){2, VERSION_CANARY, VERSION_ROLLED_BACK};
    commit(r, &c);
    c.n_moves = 0;
    found.state = ROLLOUT_PROGRESSING;
    assert_string_equal(refused(r, &c, FAULT_CONFLICT), "rollout 1 of helpdesk-answer is over: aborted by bob at 2025-11-21T16:00:03Z");
    found.state = ROLLOUT_ROLLED_BACK;
    refused(r, &c, FAULT_CONFLICT);
    start(r, &other);
    assert_int_equal(other.number, 2);
    assert_int_equal(rollouts_list(r, SLICE_NULL, SLICE_NULL, false, 0, &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 2 && all[0].number == 2 && all[1].state == ROLLOUT_ABORTED && all[1].ended_us == AT);
    assert_int_equal(rollouts_list(r, PROMPT, NAME, true, 0, &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && all[0].number == 2);
    assert_int_equal(rollouts_list(r, SLICE("knowledge"), SLICE_NULL, false, 9, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 0);
    registry_close(r);
}

static void what_was_promoted_may_be_rolled_back(void **state) {
    struct registry *r = three_versions(*state);
    struct rollout_row row = row_of(2);
    struct change c = change_by("anna", "rollout.promote");
    start(r, &row);
    row.state = ROLLOUT_PROMOTED;
    c.rollout = &row;
    commit(r, &c);
    row.state = ROLLOUT_PAUSED;
    refused(r, &c, FAULT_CONFLICT);
    row.state = ROLLOUT_ROLLED_BACK;
    commit(r, &c);
    refused(r, &c, FAULT_CONFLICT);
    registry_close(r);
}

/* ---- the log tells it ---- */

static void the_log_tells_what_happened(void **state) {
    struct registry *r = three_versions(*state);
    struct rollout_row row = row_of(2);
    struct change c = change_by("quarterdeck", "rollout.rollback"), other = {.kind = PROMPT, .name = SLICE("helpdesk-answer-b")};
    struct slice *events;
    unsigned n;
    struct change_version v = version_of("{\"b\":1}", 0); /* a name that begins alike, with a rollout of its own */
    struct rollout_row another = row_of(1);
    other.audit = (struct audit_entry){.actor = SLICE("eve"), .action = SLICE("x"), .at_us = AT};
    other.add = &v;
    other.rollout = &another;
    commit(r, &other);
    start(r, &row);
    assert_true(another.number == 1 && row.number == 2);
    row.state = ROLLOUT_ROLLED_BACK;
    row.weight_ppm = 0;
    row.step = 1;
    row.epoch = 1;
    row.verdict = SLICE("Failed");
    row.why = SLICE("error_rate 6 % against 2 %");
    row.evidence = SLICE("[{\"metric\":\"error_rate\"}]");
    c.rollout = &row;
    c.moves[c.n_moves++] = (struct change_move){2, VERSION_CANARY, VERSION_ROLLED_BACK};
    commit(r, &c);
    assert_int_equal(rollout_history(r, 2, &arena, &events, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(events[0], "{\"at\":\"2025-11-21T16:00:03.000000Z\",\"actor\":\"anna\",\"action\":\"rollout.start\",\"why\":\"slow answers\","
                                    "\"stage\":\"canary\",\"state\":\"progressing\",\"step\":0,\"weight\":5,\"verdict\":null}"));
    assert_true(slice_is(events[1], "{\"at\":\"2025-11-21T16:00:03.000000Z\",\"actor\":\"quarterdeck\",\"action\":\"rollout.rollback\","
                                    "\"why\":\"error_rate 6 % against 2 %\",\"stage\":\"canary\",\"state\":\"rolled back\",\"step\":1,\"weight\":0,"
                                    "\"verdict\":\"Failed\"}"));
    assert_int_equal(rollout_history(r, 9, &arena, &events, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 0);

    struct audit_entry *log;
    assert_int_equal(registry_audit_list(r, 0, 1, &arena, &log, &n, NULL), FAULT_NONE);
    assert_true(slice_is(log[0].subject, "prompt:helpdesk-answer@2"));
    assert_true(slice_is(log[0].detail, "{\"states\":[{\"version\":2,\"from\":\"canary\",\"to\":\"rolled back\"}],\"rollout\":{\"number\":2,\"candidate\":2,"
                                        "\"control\":1,\"stage\":\"canary\",\"state\":\"rolled back\",\"step\":1,\"epoch\":1,\"weight\":0,\"verdict\":\"Failed\","
                                        "\"why\":\"error_rate 6 % against 2 %\"},\"revision\":6,\"evidence\":[{\"metric\":\"error_rate\"}]}"));
    registry_close(r);
}

/* ---- sums ---- */

static void sums_are_kept_with_their_place(void **state) {
    struct registry *r = three_versions(*state);
    struct rollout_row row = row_of(2), found;
    struct slice body, position;
    start(r, &row);
    assert_int_equal(rollout_position(r, &arena, &position, NULL), FAULT_NONE);
    assert_int_equal(rollout_sums_find(r, 1, &arena, &body, NULL), FAULT_NONE);
    assert_true(slice_is_null(position) && slice_is_null(body));
    struct rollout_sums sums = {.number = 1, .step = 0, .epoch = 0, .step_held_us = 77, .body = SLICE("s1")};
    assert_int_equal(rollout_sums_keep(r, &sums, 1, SLICE("20778:3"), NULL), FAULT_NONE);
    assert_int_equal(rollout_find(r, PROMPT, NAME, &arena, &found, NULL), FAULT_NONE);
    assert_int_equal(found.step_held_us, 77);

    struct change c = change_by("anna", "rollout.promote"); /* a person was faster than the look */
    found.step = 2;
    found.epoch = 1;
    found.step_held_us = 0;
    c.rollout = &found;
    commit(r, &c);
    sums.step_held_us = 99;
    sums.body = SLICE("s2");
    assert_int_equal(rollout_sums_keep(r, &sums, 1, SLICE("20778:4"), NULL), FAULT_NONE);
    assert_int_equal(rollout_find(r, PROMPT, NAME, &arena, &found, NULL), FAULT_NONE);
    assert_int_equal(found.step_held_us, 0);
    assert_int_equal(rollout_sums_find(r, 1, &arena, &body, NULL), FAULT_NONE);
    assert_int_equal(rollout_position(r, &arena, &position, NULL), FAULT_NONE);
    assert_true(slice_is(body, "s2") && slice_is(position, "20778:4"));
    registry_close(r);
}

static bool count_pair(void *ctx, const struct shadow_pair *p) {
    unsigned *n = ctx;
    assert_true(slice_is(p->body, *n == 0 ? "{\"a\":1}" : "{\"b\":1}") && p->cost_nano == (*n == 0 ? 5 : MONEY_UNKNOWN));
    return ++*n < 2;
}

static void pairs_are_kept_once(void **state) {
    struct registry *r = three_versions(*state);
    struct shadow_pair pairs[] = {{1, SLICE("0123456789abcdef"), AT, 5, SLICE("{\"a\":1}")},
                                  {1, SLICE("1123456789abcdef"), AT, MONEY_UNKNOWN, SLICE("{\"b\":1}")},
                                  {1, SLICE("0123456789abcdef"), AT, 9, SLICE("{\"again\":1}")},
                                  {2, SLICE("0123456789abcdef"), AT, 9, SLICE("{\"other\":1}")}};
    unsigned n = 0;
    for (unsigned i = 0; i < 4; i++) assert_int_equal(shadow_pair_put(r, &pairs[i], NULL), FAULT_NONE);
    assert_int_equal(shadow_pairs(r, 1, count_pair, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 2);
    registry_close(r);
}

/* ---- what may be served ---- */

static void what_serves_is_read_at_once(void **state) {
    struct registry *r = open_registry(*state);
    struct change_servable *all;
    struct slice body;
    struct error error = {0};
    unsigned n;
    char text[32];
    for (int i = 0; i < 30; i++) {
        snprintf(text, sizeof text, "[%d]", i);
        add(r, text, i);
        if (i == 1) move(r, 2, VERSION_DRAFT, VERSION_PRODUCTION);
    }
    struct change_version v = version_of("{\"z\":1}", 0);
    struct change c = change_by("anna", "prompt.label"), z = change_by("anna", "prompt.apply");
    z.name = SLICE("a-name-before");
    z.add = &v;
    v.human = SLICE("v9");
    commit(r, &z);
    c.label = SLICE("staging");
    c.label_version = 3;
    commit(r, &c);
    struct rollout_row row = row_of(4);
    row.control = 2;
    start(r, &row);
    assert_int_equal(changes_view(r, &error), FAULT_NONE);
    assert_int_equal(changes_servable(r, PROMPT, SLICE_NULL, 20, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 1 + 20 + 3);
    assert_true(slice_is(all[0].name, "a-name-before") && slice_is(all[0].human, "v9") && digest_eq(&all[0].digest, &v.digest));
    for (unsigned i = 0; i < 20; i++) assert_int_equal(all[1 + i].version, 30 - i);
    assert_true(all[21].version == 4 && all[22].version == 3 && all[23].version == 2 && slice_eq(all[23].name, NAME));
    assert_int_equal(changes_body(r, PROMPT, NAME, 2, &arena, &body, NULL), FAULT_NONE);
    assert_true(slice_is(body, "[1]"));
    assert_int_equal(changes_body(r, PROMPT, NAME, 31, &arena, &body, &error), FAULT_NOT_FOUND);
    changes_view_end(r);
    assert_int_equal(changes_servable(r, PROMPT, NAME, 40, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 30);
    assert_int_equal(changes_servable(r, SLICE("knowledge"), SLICE_NULL, 20, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 0);
    registry_close(r);
}

/* One moment, though another connection commits in between. */
static void a_view_is_of_one_moment(void **state) {
    struct registry *r = three_versions(*state), *other = open_registry(*state);
    struct error error = {0};
    assert_int_equal(changes_view(r, &error), FAULT_NONE);
    assert_int_equal(subject(r, &arena).newest, 3);
    add(other, "[2]", 1);
    assert_int_equal(subject(r, &arena).newest, 3);
    assert_int_equal(version(r, &arena, "").version, 1);
    changes_view_end(r);
    assert_int_equal(subject(r, &arena).newest, 4);
    registry_close(other);
    registry_close(r);
}

static int setup(void **state) {
    arena_init(&arena, 4096, 8 << 20);
    return rig_setup(state);
}
static int teardown(void **state) {
    arena_deinit(&arena);
    return rig_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(one_is_under_way), TEST(what_was_promoted_may_be_rolled_back), TEST(the_log_tells_what_happened),
                                       TEST(sums_are_kept_with_their_place), TEST(pairs_are_kept_once), TEST(what_serves_is_read_at_once),
                                       TEST(a_view_is_of_one_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
