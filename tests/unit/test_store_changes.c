/* Versions, what serves, and changes that are whole or not at all. */
#include "test_store_changes_rig.h"

static struct arena arena;

static void versions_are_numbered_by_content(void **state) {
    struct registry *r = open_registry(*state);
    struct change_version a = version_of("{\"a\":1}", 0), again = a, b = version_of("{\"b\":1}", 1), *all;
    struct change c = change_by("anna", "prompt.apply");
    bool fresh = false;
    unsigned n;
    a.human = SLICE("v1.0.0");
    a.ticket = SLICE("HD-7");
    a.tokens = 41;
    a.cost_nano = 7;
    c.add = &a;
    assert_int_equal(changes_commit(r, &c, &fresh, NULL), FAULT_NONE);
    assert_true(fresh && a.version == 1 && c.revision == 1);
    again.state = VERSION_PRODUCTION;
    c.add = &again;
    assert_int_equal(changes_commit(r, &c, &fresh, NULL), FAULT_NONE);
    assert_true(!fresh && again.version == 1 && again.state == VERSION_DRAFT && c.revision == 1);
    c.add = &b;
    assert_int_equal(changes_commit(r, &c, &fresh, NULL), FAULT_NONE);
    assert_true(fresh && b.version == 2 && c.revision == 2);

    assert_int_equal(changes_versions(r, PROMPT, NAME, 0, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(all[0].version == 2 && all[0].tokens == -1 && all[0].cost_nano == MONEY_UNKNOWN && slice_is_null(all[0].human));
    assert_true(all[1].version == 1 && all[1].tokens == 41 && all[1].cost_nano == 7 && slice_is(all[1].human, "v1.0.0"));
    assert_true(slice_is(all[1].body, "{\"a\":1}") && slice_is(all[1].ticket, "HD-7") && slice_is(all[1].state_by, "anna"));
    assert_true(digest_eq(&all[1].digest, &a.digest) && slice_is_null(all[1].gate));
    assert_int_equal(changes_versions(r, PROMPT, NAME, 1, &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && all[0].version == 2);
    struct audit_entry *log;
    assert_int_equal(registry_audit_list(r, 0, 10, &arena, &log, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 2); /* what was there already is no event */
    assert_true(slice_is(log[0].subject, "prompt:helpdesk-answer@2"));
    registry_close(r);
}

static void a_human_name_is_one_content(void **state) {
    struct registry *r = open_registry(*state);
    struct change_version a = version_of("{}", 0), b = version_of("[]", 1);
    struct change c = change_by("anna", "prompt.apply");
    a.human = b.human = SLICE("v1");
    c.add = &a;
    commit(r, &c);
    c.add = &b;
    assert_string_equal(refused(r, &c, FAULT_CONFLICT),
                        "helpdesk-answer has other content as `v1` already (version 1, by anna at 2025-11-21T16:00:03Z): give the new content a name of its own");
    assert_int_equal(subject(r, &arena).revision, 1);
    assert_int_equal(subject(r, &arena).newest, 1);
    registry_close(r);
}

static void a_version_has_many_names(void **state) {
    struct registry *r = open_registry(*state);
    struct change_version a = version_of("{}", 0), b = version_of("[]", 1), v;
    struct change c = change_by("anna", "prompt.apply");
    struct error error = {0};
    char hex[2 * DIGEST_BYTES + 1];
    a.human = SLICE("2"); /* a number is a number first */
    b.human = SLICE("v2");
    c.add = &a;
    commit(r, &c);
    c.add = &b;
    commit(r, &c);
    c = change_by("anna", "prompt.label");
    c.label = SLICE("staging");
    c.label_version = 2;
    commit(r, &c);
    digest_hex(a.digest.bytes, DIGEST_BYTES, hex);
    assert_int_equal(version(r, &arena, "2").version, 2);
    assert_int_equal(version(r, &arena, "1").version, 1);
    assert_int_equal(version(r, &arena, "v2").version, 2);
    assert_int_equal(version(r, &arena, "staging").version, 2);
    assert_int_equal(version(r, &arena, hex).version, 1);
    hex[8] = 0;
    assert_int_equal(version(r, &arena, hex).version, 1);
    hex[7] = 0;
    assert_int_equal(changes_version(r, PROMPT, NAME, slice_of(hex), &arena, &v, &error), FAULT_NOT_FOUND);
    assert_int_equal(changes_version(r, PROMPT, NAME, SLICE("v9"), &arena, &v, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "helpdesk-answer has no version `v9`; it has 1 to 2, v2, 2, staging");
    assert_int_equal(changes_version(r, PROMPT, NAME, SLICE(""), &arena, &v, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "helpdesk-answer has no version in production yet; it has 1 to 2, v2, 2, staging");
    assert_int_equal(changes_version(r, PROMPT, SLICE("helpdesk-answers"), SLICE("1"), &arena, &v, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "no prompt `helpdesk-answers`; did you mean `helpdesk-answer`?");
    assert_int_equal(changes_version(r, SLICE("knowledge"), NAME, SLICE("1"), &arena, &v, &error), FAULT_NOT_FOUND);
    assert_string_equal(error.text, "no knowledge base `helpdesk-answer`");
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    assert_int_equal(version(r, &arena, "").version, 1);
    assert_int_equal(version(r, &arena, "production").version, 1);
    c.label_version = 0;
    commit(r, &c);
    assert_int_equal(changes_version(r, PROMPT, NAME, SLICE("staging"), &arena, &v, &error), FAULT_NOT_FOUND);
    registry_close(r);
}

/* ---- two at once ---- */

static void the_second_is_told_what_the_first_did(void **state) {
    struct registry *r = open_registry(*state), *other = open_registry(*state);
    struct change c = change_by("carl", "rollout.promote"), d = change_by("bob", "rollback");
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    add(r, "[]", 1);
    uint64_t seen = subject(other, &arena).revision;
    d.moves[d.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_REJECTED};
    d.how = SLICE("rejected 2");
    d.audit.reason = SLICE("too long");
    d.if_revision = seen;
    commit(r, &d);
    c.if_revision = seen;
    c.moves[c.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_IN_REVIEW};
    assert_string_equal(refused(other, &c, FAULT_CONFLICT),
                        "helpdesk-answer has changed since you read it: rejected 2 by bob at 2025-11-21T16:00:03Z (too long); it is at revision 4, you read 3");
    c.if_revision = 0;
    assert_string_equal(refused(other, &c, FAULT_CONFLICT), "helpdesk-answer@2 is not draft but rejected, since 2025-11-21T16:00:03Z by bob (too long)");
    assert_int_equal(subject(r, &arena).revision, 4);
    assert_true(slice_is(subject(r, &arena).changed_by, "bob") && slice_is(subject(r, &arena).changed_how, "rejected 2"));
    registry_close(other);
    registry_close(r);
}

/* The part of a change that cannot be done takes with it those that could. */
static void a_change_is_whole_or_nothing(void **state) {
    struct registry *r = open_registry(*state);
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    add(r, "[]", 1);
    const uint64_t before = subject(r, &arena).revision;
    for (int part = 0; part < 8; part++) {
        struct change c = change_by("eve", "x");
        struct change_approval approval = {.version = 1, .by = SLICE("eve"), .verdict = SLICE("approve"), .at_us = AT};
        struct rollout_row row = {.candidate = 2, .control = 1, .started_us = AT};
        struct change_version v = version_of("{\"c\":1}", 2);
        c.add = &v;
        c.moves[c.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_CANARY};
        c.label = SLICE("staging");
        c.label_version = 2;
        c.approval = &approval;
        c.raise_version = c.gate_version = 2;
        c.raise_to = 2;
        c.gate = SLICE("{}");
        c.rollout = &row;
        enum fault expected = FAULT_NOT_FOUND;
        switch (part) {
        case 0: c.moves[c.n_moves++] = (struct change_move){9, VERSION_DRAFT, VERSION_CANARY}; break;
        case 1: c.label_version = 9; break;
        case 2: approval.version = 9; break;
        case 3: c.raise_version = 9; break;
        case 4: c.gate_version = 9; break;
        case 5: row.number = 9; break;
        case 6: c.production = 9; break;
        default:
            c.gate = SLICE("{"); /* not JSON */
            expected = FAULT_BAD_JSON;
        }
        refused(r, &c, expected);
        assert_int_equal(v.version, 0);
        assert_int_equal(subject(r, &arena).revision, before);
        assert_int_equal(subject(r, &arena).newest, 2);
        assert_int_equal(version(r, &arena, "2").state, VERSION_DRAFT);
        assert_int_equal(rig_number(*state, "registry.db", "SELECT (SELECT count(*) FROM change_label) + (SELECT count(*) FROM change_approval)"
                                                           " + (SELECT count(*) FROM rollout) + (SELECT count(*) FROM audit)"), 3);
    }
    assert_int_equal(first_bad(r), 0);
    registry_close(r);
}

static void one_version_serves(void **state) {
    struct registry *r = open_registry(*state);
    struct change c = change_by("bob", "rollout.promote");
    add(r, "{}", 0);
    move(r, 1, VERSION_DRAFT, VERSION_PRODUCTION);
    add(r, "[]", 1);
    assert_int_equal(subject(r, &arena).launched, 1);
    c.moves[c.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_PRODUCTION};
    refused(r, &c, FAULT_INTERNAL); /* the former stays in production */
    c.production = 2;
    refused(r, &c, FAULT_INTERNAL);
    c.moves[c.n_moves++] = (struct change_move){1, VERSION_PRODUCTION, VERSION_SUPERSEDED};
    commit(r, &c);
    assert_int_equal(subject(r, &arena).production, 2);
    assert_int_equal(subject(r, &arena).launched, 1);
    registry_close(r);
}

static void a_class_is_never_lowered(void **state) {
    struct registry *r = open_registry(*state);
    struct change_version v = version_of("{}", 0);
    struct change c = change_by("anna", "prompt.apply"), d = change_by("anna", "prompt.submit");
    v.class_computed = v.class_raised = 1;
    c.add = &v;
    commit(r, &c);
    d.raise_version = 1;
    d.raise_to = 0;
    refused(r, &d, FAULT_CONFLICT);
    d.raise_to = 2;
    commit(r, &d);
    assert_int_equal(version(r, &arena, "1").class_raised, 2);
    assert_int_equal(version(r, &arena, "1").class_computed, 1);
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
    const struct CMUnitTest tests[] = {TEST(versions_are_numbered_by_content), TEST(a_human_name_is_one_content), TEST(a_version_has_many_names),
                                       TEST(the_second_is_told_what_the_first_did), TEST(a_change_is_whole_or_nothing), TEST(one_version_serves),
                                       TEST(a_class_is_never_lowered)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
