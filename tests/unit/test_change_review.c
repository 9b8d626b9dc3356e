/* From a draft to an evaluated version, against a registry: who may, what is missing, what stays open. */
#include "change/acts.h"
#include "change/gate.h"
#include "store/findings.h"
#include "test_store_changes_rig.h"

#include <math.h>
#include <stdio.h>

#define FIRST "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer politely.\"},{\"role\":\"user\",\"content\":\"{{q}}\"}]}"
#define COMMA "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer, politely.\"},{\"role\":\"user\",\"content\":\"{{q}}\"}]}"
#define OTHER "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer politely!\"},{\"role\":\"user\",\"content\":\"{{q}}\"}]}"
#define MODEL "{\"prompt\":\"helpdesk-answer\",\"model\":\"n\",\"messages\":[{\"role\":\"system\",\"content\":\"Answer, politely.\"},{\"role\":\"user\",\"content\":\"{{q}}\"}]}"

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    struct change_policy policy;
    struct act_outcome out;
    struct error error;
    int64_t at;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (!digest_start() || rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 64 << 10, 64 << 20);
    w->r = open_registry(w->rig);
    change_policy_defaults(&w->arena, &w->policy);
    w->at = AT;
    *state = w;
    return 0;
}
static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    registry_close(w->r);
    arena_deinit(&w->arena);
    test_free(w);
    return rig_teardown(&rig);
}

typedef enum fault act_function(const struct act *a, struct act_outcome *ret, struct error *error);

static struct act act_of(struct world *w, const char *who, enum user_role role, const char *which) {
    return (struct act){.registry = w->r, .policy = &w->policy, .kind = PROMPT, .name = NAME, .which = slice_of(which),
                        .who = {.name = slice_of(who), .role = role}, .why = SLICE("because"), .at_us = w->at++, .arena = &w->arena};
}
static enum fault do_act(struct world *w, act_function *f, const char *who, const char *which) {
    struct act a = act_of(w, who, USER_APPROVER, which);
    w->error = (struct error){.fault = FAULT_NONE};
    return f(&a, &w->out, &w->error);
}
static void good(struct world *w, act_function *f, const char *who, const char *which) {
    if (do_act(w, f, who, which) != FAULT_NONE) fail_msg("%s", w->error.text);
}
static void says(const struct world *w, const char *words) {
    if (!slice_contains(w->out.words, slice_of(words))) fail_msg(SLICE_FMT " has not: %s", SLICE_ARG(w->out.words), words);
}
static enum fault submit(struct world *w, const char *who, const char *which, int raise) {
    struct act a = act_of(w, who, USER_APPROVER, which);
    return act_submit(&a, raise, &w->out, &w->error);
}
static enum fault gate_with(struct world *w, const char *which, enum gate_verdict v, int64_t control, const char *suite) {
    const struct gate_suite one = {.suite = slice_of(suite), .run = 1, .required = v};
    const struct gate g = {.max_drop = NAN, .control = control, .suites = &one, .n = suite ? 1 : 0};
    struct buffer out;
    struct json_writer writer;
    struct act a = act_of(w, "quarterdeck", USER_APPROVER, which);
    a.who.automatic = true;
    a.why = SLICE_NULL;
    buffer_init(&out, 1 << 20);
    json_start(&writer, &out);
    gate_write(&g, "done", v, SLICE("as it is"), 1, 2, &writer);
    enum fault fault = act_gate(&a, buffer_slice(&out), &w->out, &w->error);
    buffer_deinit(&out);
    return fault;
}
static enum fault gate(struct world *w, const char *which, enum gate_verdict v, int64_t control) { return gate_with(w, which, v, control, NULL); }
static int64_t add_as(struct world *w, const char *body, int64_t parent, enum change_class class) {
    struct change_version v = version_of(body, parent);
    struct change c = change_by("ci", "prompt.apply");
    v.author = SLICE("Anna B <anna@example.org>");
    v.applied_by = SLICE("ci");
    v.class_computed = v.class_raised = (int)class;
    c.add = &v;
    commit(w->r, &c);
    return v.version;
}
static enum version_state state_of(struct world *w, const char *which) { return version(w->r, &w->arena, which).state; }

/* 1 in production, as the first is. */
static void launch(struct world *w) {
    add_as(w, FIRST, 0, CHANGE_MAJOR);
    assert_int_equal(submit(w, "anna", "1", -1), FAULT_NONE);
    says(w, "helpdesk-answer@1 is in review as major: 1 approval is needed, not by Anna B <anna@example.org> nor ci, and its gate runs");
    good(w, act_approve, "bob", "1");
    says(w, "no approval is missing, and its gate runs");
    assert_int_equal(gate(w, "1", GATE_SAYS_YES, 0), FAULT_NONE);
    says(w, "helpdesk-answer@1 is in production: it is the first");
}

static void test_first_serves_at_once(void **state) {
    struct world *w = *state;
    launch(w);
    assert_int_equal(state_of(w, "1"), VERSION_PRODUCTION);
    assert_int_equal(subject(w->r, &w->arena).production, 1);
    assert_int_equal(subject(w->r, &w->arena).launched, 1);
    assert_int_equal(first_bad(w->r), 0);
}

static void test_author_is_refused(void **state) {
    struct world *w = *state;
    static const char *const same[] = {"anna", "Anna B <anna@example.org>", "ANNA@example.org", "ci"};
    add_as(w, FIRST, 0, CHANGE_MAJOR);
    assert_int_equal(do_act(w, act_approve, "bob", "1"), FAULT_CONFLICT); /* a draft */
    assert_int_equal(submit(w, "anna", "1", -1), FAULT_NONE);
    uint64_t revision = subject(w->r, &w->arena).revision;
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(do_act(w, act_approve, same[i], "1"), FAULT_NOT_PERMITTED);
        assert_non_null(strstr(w->error.text, "review refused to the author"));
        assert_non_null(strstr(w->error.text, "Anybody else with the role approver or admin"));
    }
    assert_int_equal(subject(w->r, &w->arena).revision, revision); /* nothing was written */
    good(w, act_approve, "bob", "1");
    assert_false(w->out.already);
    good(w, act_approve, "Bob", "1");
    assert_true(w->out.already);
}

static void test_three_values_of_a_gate(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, COMMA, 1, CHANGE_MINOR);
    assert_int_equal(submit(w, "anna", "2", -1), FAULT_NONE);
    says(w, "no approval is missing, and its gate runs");
    assert_int_equal(gate(w, "2", GATE_SAYS_NOTHING, 1), FAULT_NONE);
    says(w, "its gate has not enough evidence, which is no pass");
    assert_int_equal(state_of(w, "2"), VERSION_IN_REVIEW);
    good(w, act_gate_again, "anna", "2");
    says(w, "its gate runs");
    good(w, act_gate_again, "anna", "2");
    assert_true(w->out.already);
    assert_int_equal(gate(w, "2", GATE_SAYS_NO, 1), FAULT_NONE);
    assert_int_equal(state_of(w, "2"), VERSION_IN_REVIEW);
    good(w, act_gate_again, "anna", "2");
    assert_int_equal(gate(w, "2", GATE_SAYS_YES, 1), FAULT_NONE);
    says(w, "helpdesk-answer@2 is evaluated");
    assert_int_equal(subject(w->r, &w->arena).production, 1);
    assert_int_equal(gate(w, "2", GATE_SAYS_NO, 1), FAULT_CONFLICT); /* it came too late */
    good(w, act_reject, "carol", "2");
    assert_int_equal(state_of(w, "2"), VERSION_REJECTED);
    good(w, act_reject, "carol", "2");
    assert_true(w->out.already);
    assert_int_equal(submit(w, "anna", "2", -1), FAULT_NONE); /* another round: the gate of the former does not count */
    assert_int_equal(state_of(w, "2"), VERSION_IN_REVIEW);
    says(w, "its gate runs");
}

static void test_class_is_raised_never_lowered(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, COMMA, 1, CHANGE_MODERATE);
    assert_int_equal(submit(w, "anna", "2", CHANGE_MINOR), FAULT_CONFLICT);
    assert_non_null(strstr(w->error.text, "is moderate: a person may raise its class, never lower it"));
    assert_int_equal(submit(w, "anna", "2", CHANGE_MODERATE), FAULT_NONE);
    assert_int_equal(submit(w, "anna", "2", -1), FAULT_NONE);
    assert_true(w->out.already);
    assert_int_equal(submit(w, "bob", "2", CHANGE_MAJOR), FAULT_NONE); /* while it is in review, too */
    assert_false(w->out.already);
    assert_int_equal(lifecycle_class(&w->out.version), CHANGE_MAJOR);
    assert_int_equal(w->out.version.class_computed, CHANGE_MODERATE);
    assert_int_equal(submit(w, "bob", "2", CHANGE_MODERATE), FAULT_CONFLICT);
}

/* 3 changes a comma of 2, which changed the model: as long as 1 serves, 3 is a change of the model. */
static void test_class_against_what_serves(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, MODEL, 1, CHANGE_MAJOR);
    add_as(w, COMMA, 1, CHANGE_MINOR);
    assert_int_equal(submit(w, "anna", "3", -1), FAULT_NONE);
    assert_int_equal(lifecycle_class(&w->out.version), CHANGE_MINOR);
    struct change c = change_by("carol", "rollout.promote"); /* meanwhile 2 goes into production */
    c.moves[c.n_moves++] = (struct change_move){1, VERSION_PRODUCTION, VERSION_SUPERSEDED};
    c.moves[c.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_PRODUCTION};
    c.production = 2;
    commit(w->r, &c);
    assert_int_equal(gate(w, "3", GATE_SAYS_YES, 1), FAULT_NONE);
    assert_int_equal(lifecycle_class(&w->out.version), CHANGE_MAJOR);
    assert_int_equal(w->out.version.state, VERSION_IN_REVIEW);
    says(w, "in review as major: 1 approval is needed, not by Anna B <anna@example.org> nor ci, and its gate runs");
    good(w, act_approve, "bob", "3");
    assert_int_equal(gate(w, "3", GATE_SAYS_YES, 1), FAULT_NONE); /* held against 1, which serves no more */
    says(w, "its gate runs");
    assert_int_equal(gate(w, "3", GATE_SAYS_YES, 2), FAULT_NONE);
    assert_int_equal(state_of(w, "3"), VERSION_EVALUATED);
}

static unsigned open_findings(struct world *w) {
    int64_t open[FINDING_KINDS];
    assert_int_equal(findings_count_open(w->r, open, NULL), FAULT_NONE);
    return (unsigned)open[FINDING_CHANGE_OVERRIDE];
}

static void test_override(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, MODEL, 1, CHANGE_MAJOR);
    struct act a = act_of(w, "dora", USER_ADMIN, "2");
    assert_int_equal(act_override(&a, &w->out, &w->error), FAULT_CONFLICT); /* a draft */
    assert_int_equal(submit(w, "anna", "2", -1), FAULT_NONE);
    assert_int_equal(do_act(w, act_override, "eve", "2"), FAULT_NOT_PERMITTED); /* an editor */
    a.why = SLICE(" ");
    assert_int_equal(act_override(&a, &w->out, &w->error), FAULT_BAD_REQUEST);
    a.why = SLICE("the vendor's model is gone in an hour");
    assert_int_equal(open_findings(w), 0);
    assert_int_equal(act_override(&a, &w->out, &w->error), FAULT_NONE);
    assert_int_equal(state_of(w, "2"), VERSION_EVALUATED);
    says(w, "quarterdeck prompt review-override 'helpdesk-answer@2'");
    assert_int_equal(open_findings(w), 1);
    assert_int_equal(do_act(w, act_review_override, "Dora", "2"), FAULT_NOT_PERMITTED);
    assert_int_equal(do_act(w, act_review_override, "anna", "2"), FAULT_NOT_PERMITTED);
    assert_int_equal(act_tell_overrides(w->r, w->at, &w->error), FAULT_NONE); /* after a restart: the same one */
    assert_int_equal(open_findings(w), 1);
    good(w, act_review_override, "bob", "2");
    assert_int_equal(open_findings(w), 0);
    good(w, act_review_override, "bob", "2");
    assert_true(w->out.already);
    assert_int_equal(first_bad(w->r), 0);
}

static void refuses(struct world *w, const char *which, const char *words) {
    assert_int_equal(do_act(w, act_start, "anna", which), FAULT_CONFLICT);
    if (strstr(w->error.text, words) == NULL) fail_msg("%s has not: %s", w->error.text, words);
}

/* A yes is about one version in production and the suites that were bound: not about what came later. */
static void test_a_gate_of_something_else(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, COMMA, 1, CHANGE_MINOR);
    add_as(w, OTHER, 1, CHANGE_MINOR);
    for (int i = 2; i <= 3; i++) {
        const char *which = i == 2 ? "2" : "3";
        assert_int_equal(submit(w, "anna", which, -1), FAULT_NONE);
        assert_int_equal(gate(w, which, GATE_SAYS_YES, 1), FAULT_NONE);
        assert_int_equal(state_of(w, which), VERSION_EVALUATED);
    }
    struct change c = change_by("anna", "prompt.bind");
    c.facts_version = 2;
    c.facts = SLICE("{\"suites\":[\"b\"]}");
    commit(w->r, &c);
    refuses(w, "2", "the suite b was bound since it was asked. `quarterdeck prompt gate helpdesk-answer@2 --why TEXT`");
    good(w, act_gate_again, "anna", "2");
    assert_int_equal(state_of(w, "2"), VERSION_IN_REVIEW);
    good(w, act_gate_again, "anna", "2");
    assert_true(w->out.already);
    assert_int_equal(gate(w, "2", GATE_SAYS_YES, 1), FAULT_NONE); /* one that ran meanwhile, without b */
    says(w, "its gate runs");
    assert_int_equal(gate_with(w, "2", GATE_SAYS_YES, 1, "b"), FAULT_NONE);
    good(w, act_start, "anna", "2");
    assert_int_equal(state_of(w, "2"), VERSION_PRODUCTION);
    refuses(w, "3", "another version went into production since it was asked");
    good(w, act_gate_again, "anna", "3");
    struct act a = act_of(w, "dora", USER_ADMIN, "3");
    assert_int_equal(act_override(&a, &w->out, &w->error), FAULT_NONE); /* whatever a gate says */
    good(w, act_start, "anna", "3");
    assert_int_equal(state_of(w, "3"), VERSION_PRODUCTION);
}

/* Two versions beside each other get the same requests. */
static void test_variables_beside_each_other(void **state) {
#define VARIABLES(v) "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"{{q}}\"}],\"variables\":" v "}"
    static const struct { const char *variables, *refused, *told; enum change_class class; } rows[] = {
        {VARIABLES("{\"q\":{\"required\":true},\"tone\":{\"required\":true}}"), "@2 requires the variable `tone`, and @1, which serves, refuses it", NULL, CHANGE_MAJOR},
        {VARIABLES("{}"), "@3 refuses the variable `q`, and @1, which serves, requires it", NULL, CHANGE_MAJOR},
        {VARIABLES("{\"q\":{\"required\":true},\"tone\":{\"required\":true,\"max_chars\":9}}"), NULL, "It requires `tone`: clients that do not send it are refused", CHANGE_MINOR},
        {VARIABLES("{\"q\":{\"required\":true},\"tone\":{\"default\":\"kind\"}}"), NULL, "is in production", CHANGE_MINOR},
        {VARIABLES("{\"q\":{\"required\":true},\"tone\":{\"required\":true,\"max_chars\":8}}"), NULL, "It requires `tone`: clients", CHANGE_MAJOR},
    };
    struct world *w = *state;
    for (int i = 0; i < CHANGE_CLASSES; i++) w->policy.of[i].gate = false, w->policy.of[i].reviewers = 0;
    add_as(w, VARIABLES("{\"q\":{\"required\":true}}"), 0, CHANGE_MAJOR);
    assert_int_equal(submit(w, "anna", "1", -1), FAULT_NONE);
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        char which[8];
        snprintf(which, sizeof which, "%lld", (long long)add_as(w, rows[i].variables, subject(w->r, &w->arena).production, rows[i].class));
        assert_int_equal(submit(w, "anna", which, -1), FAULT_NONE);
        if (rows[i].refused != NULL) refuses(w, which, rows[i].refused);
        else good(w, act_start, "anna", which);
        if (rows[i].told != NULL) says(w, rows[i].told);
    }
}

static void test_two_at_once(void **state) {
    struct world *w = *state;
    launch(w);
    add_as(w, MODEL, 1, CHANGE_MAJOR);
    assert_int_equal(submit(w, "anna", "2", -1), FAULT_NONE);
    struct act a = act_of(w, "bob", USER_APPROVER, "2");
    a.seen = w->out.subject.revision;
    good(w, act_reject, "carol", "2");
    assert_int_equal(act_approve(&a, &w->out, &w->error), FAULT_CONFLICT);
    assert_non_null(strstr(w->error.text, "carol"));
    assert_non_null(strstr(w->error.text, "rejected @2"));
    a.which = SLICE("7");
    a.seen = 0;
    assert_int_equal(act_approve(&a, &w->out, &w->error), FAULT_NOT_FOUND);
    a.name = SLICE("helpdesk-anser");
    assert_int_equal(act_approve(&a, &w->out, &w->error), FAULT_NOT_FOUND);
    assert_non_null(strstr(w->error.text, "helpdesk-answer"));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_first_serves_at_once), T(test_author_is_refused), T(test_three_values_of_a_gate), T(test_class_is_raised_never_lowered),
        T(test_class_against_what_serves), T(test_override), T(test_a_gate_of_something_else), T(test_variables_beside_each_other), T(test_two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
