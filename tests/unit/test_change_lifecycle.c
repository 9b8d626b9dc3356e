/* Every state with every action; who is the author; whose approvals count. */
#include "change/lifecycle.h"

#include "change/gate.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Rows: states in their order; columns: actions in theirs. d draft, i in review, e evaluated, s shadow, c canary, p production, j rejected,
 * b rolled back, u superseded, - refused. */
static const char *const table[VERSION_STATES] = {
    /*                      submit approve reject override evaluated start to_canary promote fail abort roll_back restore supersede gate */
    [VERSION_DRAFT]       = "i-------------",
    [VERSION_IN_REVIEW]   = "-ijee--------i",
    [VERSION_EVALUATED]   = "--j--scp-----i",
    [VERSION_SHADOW]      = "------c-bb----",
    [VERSION_CANARY]      = "-------pbb----",
    [VERSION_PRODUCTION]  = "----------b-u-",
    [VERSION_REJECTED]    = "i-------------",
    [VERSION_ROLLED_BACK] = "i----------p--",
    [VERSION_SUPERSEDED]  = "-----------p--",
};

static void test_every_state_and_action(void **state) {
    static const char letters[] = "diescpjbu";
    (void)state;
    assert_int_equal(sizeof letters - 1, VERSION_STATES);
    for (unsigned s = 0; s < VERSION_STATES; s++) {
        assert_int_equal(strlen(table[s]), ACT_COUNT);
        for (unsigned a = 0; a < ACT_COUNT; a++) {
            enum version_state to = VERSION_STATES;
            struct error error = {.fault = FAULT_NONE};
            enum fault fault = lifecycle_next((enum version_state)s, (enum change_action)a, &to, &error);
            char got = fault == FAULT_NONE ? letters[to] : '-';
            if (got != table[s][a])
                fail_msg("%s, %s: %c, not %c", version_state_name((enum version_state)s), change_action_name((enum change_action)a), got, table[s][a]);
            if (fault == FAULT_NONE) continue;
            assert_int_equal(fault, FAULT_CONFLICT);
            assert_int_equal(to, VERSION_STATES); /* untouched */
            assert_non_null(strstr(error.text, version_state_name((enum version_state)s)));
        }
    }
}

static void test_words(void **state) {
    (void)state;
    enum version_state to;
    struct error error;
    assert_int_equal(lifecycle_next(VERSION_DRAFT, ACT_APPROVE, &to, &error), FAULT_CONFLICT);
    assert_string_equal(error.text, "it is a draft and cannot be approved; possible now: submit");
    assert_int_equal(lifecycle_next(VERSION_PRODUCTION, ACT_SUBMIT, &to, &error), FAULT_CONFLICT);
    assert_string_equal(error.text, "it is production and cannot be submitted; possible now: rollback");
}

static struct change_version by(const char *author, const char *applied_by) {
    return (struct change_version){.author = slice_of(author), .applied_by = slice_of(applied_by)};
}

static void test_author(void **state) {
    (void)state;
    static const struct { const char *author, *applied_by, *person; bool is; } rows[] = {
        {"Anna B <anna@example.org>", "ci", "anna@example.org", true},
        {"Anna B <anna@example.org>", "ci", "ANNA", true},
        {"Anna B <anna@example.org>", "ci", "anna b", true},
        {"Anna B <anna@example.org>", "ci", " Anna B <anna@example.org> ", true},
        {"Anna B <anna@example.org>", "ci", "Anna B <anna@home.example>", true}, /* the same name: in doubt the same */
        {"Anna B <anna@example.org>", "ci", "ci", true},
        {"Anna B <anna@example.org>", "ci", "bob", false},
        {"Anna B <anna@example.org>", "ci", "ann", false},
        {"Anna B <anna@example.org>", "ci", "anna@other.example", false},
        {"anna", "anna", "anna@example.org", true},
        {"anna@example.org", NULL, "anna", true},
        {"anna", "bob", "Bob", true},
        {NULL, NULL, "anna", false},
        {NULL, NULL, "", false},
        {"", "", "", false},
        {"<>", "x", "<>", true},
        {"\xc3\x84nne <ae@example.org>", "x", "\xc3\x84nne", true},
        {"a<b", "x", "a", false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct change_version v = by(rows[i].author, rows[i].applied_by);
        if (lifecycle_is_author(&v, slice_of(rows[i].person)) != rows[i].is) fail_msg("row %u: %s", i, rows[i].person);
    }
}

static struct review_state review(struct change_version *v, const char *const said[][2], unsigned n, unsigned reviewers, bool gate) {
    struct change_approval approvals[8];
    struct review_state s;
    const struct class_policy p = {.reviewers = reviewers, .gate = gate};
    for (unsigned i = 0; i < n; i++) approvals[i] = (struct change_approval){.by = slice_of(said[i][0]), .verdict = slice_of(said[i][1])};
    lifecycle_review(v, approvals, n, &p, &s);
    return s;
}

static void test_review(void **state) {
    (void)state;
    struct change_version v = by("anna", "ci");
    static const char *const both[][2] = {{"anna", "submit"}, {"anna", "approve"}, {"bob", "approve"}, {"Bob <bob@example.org>", "approve"}, {"carol", "approve"}};
    static const char *const again[][2] = {{"anna", "submit"}, {"bob", "approve"}, {"carol", "reject"}, {"anna", "submit"}};
    assert_int_equal(review(&v, both, 2, 1, false).approvals, 0);  /* the author's own counts nothing, should it ever stand there */
    assert_int_equal(review(&v, both, 4, 1, false).approvals, 1);  /* the same person twice is one */
    assert_int_equal(review(&v, both, 5, 2, false).approvals, 2);
    struct review_state s = review(&v, both, 5, 2, false);
    assert_true(lifecycle_is_evaluated(&s));
    s = review(&v, both, 4, 2, false);
    assert_false(lifecycle_is_evaluated(&s));
    s = review(&v, again, 3, 1, false);
    assert_true(s.rejected && !lifecycle_is_evaluated(&s));
    s = review(&v, again, 4, 1, false); /* another round: neither the rejection nor the approval counts */
    assert_true(!s.rejected && s.approvals == 0);
    static const struct { const char *gate; int is; bool passes; } gates[] = {
        {NULL, GATE_WAITING, false},
        {"{\"state\":\"waiting\"}", GATE_WAITING, false},
        {"{\"state\":\"running\",\"verdict\":\"yes\"}", GATE_RUNNING, false},
        {"{\"state\":\"done\",\"verdict\":\"yes\"}", GATE_YES, true},
        {"{\"state\":\"done\",\"verdict\":\"no\"}", GATE_NO, false},
        {"{\"state\":\"done\",\"verdict\":\"not enough evidence\"}", GATE_UNDECIDED, false},
        {"{\"state\":\"done\"}", GATE_UNDECIDED, false},
        {"damaged", GATE_WAITING, false},
    };
    for (unsigned i = 0; i < sizeof gates / sizeof *gates; i++) {
        v.gate = slice_of(gates[i].gate);
        s = review(&v, both, 5, 1, true);
        assert_int_equal(s.gate, gates[i].is);
        assert_int_equal(lifecycle_is_evaluated(&s), gates[i].passes);
        s = review(&v, both, 5, 1, false);
        assert_true(s.gate == GATE_NOT_ASKED && lifecycle_is_evaluated(&s));
    }
}

static void test_way(void **state) {
    (void)state;
    struct change_policy p = {.of = {{.rollout = ROLLOUT_DIRECT}, {.rollout = ROLLOUT_CANARY}, {.rollout = ROLLOUT_SHADOW_THEN_CANARY}}};
    struct change_version v = {.version = 2, .class_computed = CHANGE_MODERATE, .class_raised = CHANGE_MODERATE};
    struct change_subject s = {.production = 1};
    assert_int_equal(lifecycle_way(&v, &s, &p), ROLLOUT_CANARY);
    v.class_raised = CHANGE_MAJOR;
    assert_int_equal(lifecycle_way(&v, &s, &p), ROLLOUT_SHADOW_THEN_CANARY);
    s.production = 0;
    assert_int_equal(lifecycle_way(&v, &s, &p), ROLLOUT_DIRECT);
}

/* ---- gates ---- */

static enum gate_verdict decide(const struct gate_suite *suites, unsigned n, double max_drop, struct arena *arena, struct slice *why) {
    const struct gate g = {.suites = suites, .n = n, .max_drop = max_drop};
    return gate_decide(&g, arena, why);
}

static void test_gate(void **state) {
    (void)state;
    struct arena arena;
    struct slice why;
    arena_init(&arena, 4096, 1 << 20);
    struct gate_suite good = {.suite = SLICE("core"), .run = 3, .control_run = 2, .required = GATE_SAYS_YES, .compared = 0, .lost_at_most = 0.03, .why = SLICE("38 of 40 passed")};
    struct gate_suite bad = good, worse = good, unknown = good, first = good, errors = good;
    bad.required = GATE_SAYS_NO;
    worse.compared = -1;
    worse.why = SLICE("surely worse");
    unknown.required = GATE_SAYS_NOTHING;
    unknown.why = SLICE("it is gone");
    first.control_run = 0;
    first.lost_at_most = NAN;
    errors.lost_at_most = NAN;
    assert_int_equal(decide(NULL, 0, NAN, &arena, &why), GATE_SAYS_NOTHING);
    assert_true(slice_contains(why, SLICE("no suite is bound")));
    assert_int_equal(decide(&good, 1, NAN, &arena, &why), GATE_SAYS_YES);
    assert_int_equal(decide(&good, 1, 0.05, &arena, &why), GATE_SAYS_YES);
    assert_int_equal(decide(&good, 1, 0.03, &arena, &why), GATE_SAYS_YES); /* the bar itself is enough */
    assert_int_equal(decide(&good, 1, 0.02, &arena, &why), GATE_SAYS_NOTHING);
    assert_true(slice_contains(why, SLICE("up to 3.0 points")) && slice_contains(why, SLICE("max_drop is 2.0")));
    assert_int_equal(decide(&errors, 1, 0.02, &arena, &why), GATE_SAYS_NOTHING);
    assert_int_equal(decide(&errors, 1, NAN, &arena, &why), GATE_SAYS_YES);
    assert_int_equal(decide(&first, 1, 0.02, &arena, &why), GATE_SAYS_YES); /* nothing to lose against */
    assert_int_equal(decide((struct gate_suite[]){good, bad, unknown}, 3, NAN, &arena, &why), GATE_SAYS_NO);
    assert_int_equal(decide((struct gate_suite[]){good, unknown}, 2, NAN, &arena, &why), GATE_SAYS_NOTHING);
    assert_true(slice_is(why, "suite core: it is gone"));
    assert_int_equal(decide((struct gate_suite[]){unknown, worse, bad}, 3, NAN, &arena, &why), GATE_SAYS_NO);
    assert_true(slice_is(why, "suite core: surely worse. suite core: 38 of 40 passed"));
    struct gate asks = {.suites = &good, .n = 1, .max_drop = NAN, .pass_rate = 0.95}; /* of its class */
    good.rate = 0.95;
    assert_int_equal(gate_decide(&asks, &arena, &why), GATE_SAYS_YES);
    good.rate = 0.94;
    assert_int_equal(gate_decide(&asks, &arena, &why), GATE_SAYS_NO);
    assert_true(slice_contains(why, SLICE("94.0 % passed, and its class asks for 95.0 %")));
    good.run = 0; /* nothing was run: no requirement can be met */
    assert_int_equal(decide(&good, 1, NAN, &arena, &why), GATE_SAYS_NOTHING);
    const struct gate g = {.suites = &bad, .n = 1, .max_drop = NAN, .problem = SLICE("no key")};
    assert_int_equal(gate_decide(&g, &arena, &why), GATE_SAYS_NOTHING);
    assert_true(slice_is(why, "no key"));
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_state_and_action), cmocka_unit_test(test_words), cmocka_unit_test(test_author),
        cmocka_unit_test(test_review),                 cmocka_unit_test(test_way),   cmocka_unit_test(test_gate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
