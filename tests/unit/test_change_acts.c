/* Rollouts and rollback as acts against a registry: each refusal, each race, and what the row and the versions are afterwards. */
#include "change/ab.h"
#include "change/acts.h"
#include "store/emergency.h"
#include "test_store_changes_rig.h"

#define P(text) "{\"prompt\":\"helpdesk-answer\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]}"
#define MINUTE_US 60000000LL

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
    for (unsigned i = 0; i < CHANGE_CLASSES; i++) w->policy.of[i].gate = false; /* gates and reviews: test_change_review.c */
    w->at = AT;
    *state = w;
    return 0;
}
static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    assert_int_equal(first_bad(w->r), 0);
    registry_close(w->r);
    arena_deinit(&w->arena);
    test_free(w);
    return rig_teardown(&rig);
}

static struct act act_of(struct world *w, const char *who, const char *which) {
    return (struct act){.registry = w->r, .policy = &w->policy, .kind = PROMPT, .name = NAME, .which = which ? slice_of(which) : SLICE_NULL,
                        .who = {.name = slice_of(who), .role = USER_APPROVER}, .why = SLICE("because"), .at_us = w->at++, .arena = &w->arena};
}
static struct act itself(struct world *w) {
    struct act a = act_of(w, "quarterdeck", NULL);
    a.who.automatic = true;
    a.why = SLICE_NULL;
    return a;
}

/* A version that is evaluated, or serves. */
static int64_t put(struct world *w, const char *text, int64_t parent, enum version_state state, enum change_class class) {
    struct change_version v = version_of(text, parent);
    struct change c = change_by("anna", "prompt.apply");
    v.class_computed = v.class_raised = (int)class;
    c.add = &v;
    commit(w->r, &c);
    move(w->r, v.version, VERSION_DRAFT, state);
    return v.version;
}
/* 1 serves, 2 is evaluated. */
static void launch(struct world *w, enum change_class class) {
    put(w, P("1"), 0, VERSION_PRODUCTION, CHANGE_MAJOR);
    put(w, P("2"), 1, VERSION_EVALUATED, class);
}

static enum fault start(struct world *w, const char *who, const char *which) {
    struct act a = act_of(w, who, which);
    return act_start(&a, &w->out, &w->error);
}
static enum fault back(struct world *w, const char *who, const char *to) {
    struct act a = act_of(w, who, to);
    struct emergency_entry e;
    return act_roll_back(&a, 0, &w->out, &e, &w->error);
}
static struct rollout_row row_of(struct world *w) {
    struct rollout_row row = {0};
    assert_int_equal(rollout_find(w->r, PROMPT, NAME, &w->arena, &row, &w->error), FAULT_NONE);
    return row;
}
/* As the thread, or a person, decided on `row`. */
static enum fault step(struct world *w, const struct act *a, const struct rollout_row *row, enum rollout_act what, unsigned to, uint32_t weight) {
    const struct rollout_decision d = {.act = what, .why = SLICE("it was decided"), .step = to, .weight_ppm = weight};
    return act_step(a, row, &d, SLICE("[]"), &w->out, &w->error);
}
static void promote(struct world *w) {
    struct rollout_row row = row_of(w);
    struct act a = act_of(w, "bob", NULL);
    assert_int_equal(step(w, &a, &row, ROLLOUT_PROMOTES, row.step, 1000000), FAULT_NONE);
}
static void begin(struct world *w, const char *which) {
    if (start(w, "anna", which) != FAULT_NONE) fail_msg("%s", w->error.text);
}

static void is(struct world *w, const char *which, enum version_state expected) {
    if (version(w->r, &w->arena, which).state != expected)
        fail_msg("@%s is %s, not %s", which, version_state_name(version(w->r, &w->arena, which).state), version_state_name(expected));
}
static void serves(struct world *w, int64_t expected) { assert_int_equal(subject(w->r, &w->arena).production, expected); }
static void says(const struct world *w, const char *words) {
    if (!slice_contains(w->out.words, slice_of(words))) fail_msg(SLICE_FMT " has not: %s", SLICE_ARG(w->out.words), words);
}
static void refuses(const struct world *w, enum fault fault, enum fault expected, const char *words) {
    assert_int_equal(fault, expected);
    if (!strstr(w->error.text, words)) fail_msg("%s has not: %s", w->error.text, words);
}
/* Refused, and nothing was written. */
#define UNTOUCHED(w, call, expected, words)                                     \
    do {                                                                        \
        uint64_t revision_ = subject((w)->r, &(w)->arena).revision;             \
        refuses(w, call, expected, words);                                      \
        assert_int_equal(subject((w)->r, &(w)->arena).revision, revision_);     \
    } while (0)

/* ---- start ---- */

static void starts_by_its_class(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MODERATE);
    begin(w, "2");
    says(w, "helpdesk-answer@2 is being rolled out");
    struct rollout_row row = row_of(w);
    assert_int_equal(row.stage, STAGE_CANARY);
    assert_int_equal(row.weight_ppm, 50000);
    assert_int_equal(row.epoch, 1);
    assert_int_equal(row.control, 1);
    is(w, "2", VERSION_CANARY);
    is(w, "1", VERSION_PRODUCTION);
    begin(w, "2");
    assert_true(w->out.already);
    begin(w, "1");
    says(w, "is in production already");
    put(w, P("3"), 1, VERSION_EVALUATED, CHANGE_MINOR);
    UNTOUCHED(w, start(w, "bob", "3"), FAULT_CONFLICT, "helpdesk-answer@2 is being rolled out since");
    assert_non_null(strstr(w->error.text, "by anna): promote or abort it first: `quarterdeck rollout abort helpdesk-answer`"));
}

static void direct_and_shadow(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    serves(w, 2);
    is(w, "1", VERSION_SUPERSEDED);
    assert_int_equal(row_of(w).state, ROLLOUT_PROMOTED);
    put(w, P("3"), 2, VERSION_EVALUATED, CHANGE_MAJOR);
    begin(w, "3");
    is(w, "3", VERSION_SHADOW);
    assert_int_equal(row_of(w).weight_ppm, 0);
    struct act a = itself(w);
    struct rollout_row row = row_of(w);
    assert_int_equal(step(w, &a, &row, ROLLOUT_TO_CANARY, 1, 50000), FAULT_NONE);
    is(w, "3", VERSION_CANARY);
    assert_int_equal(row_of(w).epoch, 1);
    refuses(w, step(w, &a, &row, ROLLOUT_TO_CANARY, 1, 50000), FAULT_CONFLICT, "was changed meanwhile"); /* decided on what was */
    serves(w, 2);
}

static void starts_nothing_unfit(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    put(w, P("3"), 1, VERSION_REJECTED, CHANGE_MINOR);
    UNTOUCHED(w, start(w, "anna", "3"), FAULT_CONFLICT, "it is rejected and cannot be rolled out");
    UNTOUCHED(w, start(w, "anna", "9"), FAULT_NOT_FOUND, "");
    struct act a = act_of(w, "anna", "2");
    a.seen = 1;
    UNTOUCHED(w, act_start(&a, &w->out, &w->error), FAULT_CONFLICT, "not at 1 any more. The last change: bob at");
}

static void ab_is_of_prompts(void **state) {
    struct world *w = *state;
    struct ab_test t = {.plan = w->policy.ab, .needed_an_arm = -1};
    launch(w, CHANGE_MINOR);
    assert_int_equal(guardrail_metric(SLICE("error_rate"), &t.plan.metric, &w->error), FAULT_NONE);
    struct change_version v = version_of("{\"documents\":[]}", 0), u = version_of("{\"documents\":[1]}", 1);
    struct change c = change_by("anna", "knowledge.apply"), d = c, m = c, n = c;
    c.kind = d.kind = m.kind = n.kind = SLICE("knowledge");
    c.add = &v;
    commit(w->r, &c);
    d.add = &u;
    commit(w->r, &d);
    m.moves[m.n_moves++] = (struct change_move){1, VERSION_DRAFT, VERSION_PRODUCTION};
    m.production = 1;
    commit(w->r, &m);
    n.moves[n.n_moves++] = (struct change_move){2, VERSION_DRAFT, VERSION_EVALUATED};
    commit(w->r, &n);
    struct act a = act_of(w, "anna", "2");
    a.kind = SLICE("knowledge");
    refuses(w, act_start_ab(&a, &t, &w->out, &w->error), FAULT_CONFLICT, "a knowledge base is not drawn for an exchange");
    a.kind = PROMPT;
    assert_int_equal(act_start_ab(&a, &t, &w->out, &w->error), FAULT_NONE);
    assert_int_equal(row_of(w).weight_ppm, 500000);
    promote(w);
    serves(w, 2);
}

static void bounded(void **state) {
    struct world *w = *state;
    char name[32];
    launch(w, CHANGE_MODERATE);
    for (unsigned i = 0; i < ROLLOUTS_AT_ONCE; i++) {
        snprintf(name, sizeof name, "prompt-%u", i);
        struct change_version v = version_of(P("1"), 0);
        struct rollout_row row = {.kind = PROMPT, .name = slice_of(name), .candidate = 1, .plan = SLICE("{}"), .stage = STAGE_CANARY, .state = ROLLOUT_PROGRESSING,
                                  .started_us = AT, .started_by = SLICE("anna"), .verdict = SLICE("Inconclusive"), .why = SLICE("x")};
        struct change c = change_by("anna", "prompt.apply"), r = c;
        c.name = r.name = slice_of(name);
        c.add = &v;
        commit(w->r, &c);
        r.rollout = &row;
        commit(w->r, &r);
    }
    UNTOUCHED(w, start(w, "anna", "2"), FAULT_CONFLICT, "256 rollouts are under way, the most that are watched at once");
    assert_non_null(strstr(w->error.text, "`quarterdeck rollout list --under-way`"));
    w->policy.of[CHANGE_MODERATE].rollout = ROLLOUT_DIRECT; /* needs no watching */
    begin(w, "2");
    serves(w, 2);
}

/* ---- on the way ---- */

static void two_at_once(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MODERATE);
    begin(w, "2");
    const struct rollout_row seen = row_of(w);
    struct act bob = act_of(w, "bob", NULL), thread = itself(w);
    assert_int_equal(act_abort(&bob, SLICE_NULL, &w->out, &w->error), FAULT_NONE);
    is(w, "2", VERSION_ROLLED_BACK);
    UNTOUCHED(w, step(w, &thread, &seen, ROLLOUT_GOES_ON, 3, 250000), FAULT_CONFLICT, "The last change: bob at 2025-11-21"); /* aborted meanwhile */
    UNTOUCHED(w, step(w, &thread, &seen, ROLLOUT_PROMOTES, 4, 1000000), FAULT_CONFLICT, "aborted the rollout of @2");
    UNTOUCHED(w, step(w, &thread, &seen, ROLLOUT_ROLLS_BACK, 0, 0), FAULT_CONFLICT, "changed meanwhile");
    struct act late = act_of(w, "carol", NULL);
    assert_int_equal(act_abort(&late, SLICE_NULL, &w->out, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    says(w, "it is over already: aborted at 2025-11-21");
    UNTOUCHED(w, act_pause(&late, SLICE_NULL, &w->out, &w->error), FAULT_CONFLICT, "is over: aborted at");
    UNTOUCHED(w, act_resume(&late, &w->out, &w->error), FAULT_CONFLICT, "The last change: bob at");
    late.seen = subject(w->r, &w->arena).revision - 1;
    UNTOUCHED(w, act_abort(&late, SLICE_NULL, &w->out, &w->error), FAULT_CONFLICT, "is at revision");
    serves(w, 1);
}

static void pause_and_resume(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MODERATE);
    struct act a = act_of(w, "bob", NULL), thread = itself(w);
    UNTOUCHED(w, act_pause(&a, SLICE_NULL, &w->out, &w->error), FAULT_CONFLICT, "no rollout of helpdesk-answer is under way");
    begin(w, "2");
    assert_int_equal(act_resume(&a, &w->out, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    const struct rollout_row before = row_of(w);
    assert_int_equal(act_pause(&a, SLICE_NULL, &w->out, &w->error), FAULT_NONE);
    assert_int_equal(row_of(w).state, ROLLOUT_PAUSED);
    assert_int_equal(row_of(w).weight_ppm, 50000); /* arms stay */
    UNTOUCHED(w, step(w, &thread, &before, ROLLOUT_GOES_ON, 3, 250000), FAULT_CONFLICT, "paused the rollout of @2");
    assert_int_equal(act_pause(&a, SLICE_NULL, &w->out, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    assert_int_equal(act_resume(&a, &w->out, &w->error), FAULT_NONE);
    struct rollout_row row = row_of(w);
    row.step_held_us = MINUTE_US;
    assert_int_equal(step(w, &thread, &row, ROLLOUT_GOES_ON, 3, 250000), FAULT_NONE);
    row = row_of(w);
    assert_int_equal(row.epoch, 2);
    assert_int_equal(row.step_held_us, 0);
    assert_int_equal(step(w, &thread, &row, ROLLOUT_ROLLS_BACK, 0, 0), FAULT_NONE);
    assert_int_equal(row_of(w).state, ROLLOUT_ROLLED_BACK);
    assert_int_equal(row_of(w).weight_ppm, 0);
    is(w, "2", VERSION_ROLLED_BACK);
    serves(w, 1);
}

static void endless_pause_ends_by_promotion(void **state) {
    struct world *w = *state;
    struct rollout_step steps[] = {{STEP_WEIGHT, 50000, 0}, {STEP_PAUSE, 0, -1}, {STEP_WEIGHT, 1000000, 0}};
    w->policy.canary.steps = steps;
    w->policy.canary.n_steps = 3;
    launch(w, CHANGE_MODERATE);
    begin(w, "2");
    struct rollout_row row = row_of(w);
    struct act thread = itself(w), a = act_of(w, "bob", NULL);
    assert_int_equal(step(w, &thread, &row, ROLLOUT_PAUSES, row.step, row.weight_ppm), FAULT_NONE);
    UNTOUCHED(w, act_resume(&a, &w->out, &w->error), FAULT_CONFLICT, "`quarterdeck rollout promote helpdesk-answer`");
    promote(w);
    serves(w, 2);
    is(w, "1", VERSION_SUPERSEDED);
    UNTOUCHED(w, act_abort(&a, SLICE_NULL, &w->out, &w->error), FAULT_CONFLICT, "`quarterdeck rollback helpdesk-answer` takes it back");
}

/* ---- back ---- */

static void back_and_forth(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MODERATE);
    UNTOUCHED(w, back(w, "anna", NULL), FAULT_CONFLICT, "nothing is known to have been in production before helpdesk-answer@1");
    begin(w, "2");
    promote(w);
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    says(w, "helpdesk-answer@1 serves, in place of @2. To undo: `quarterdeck rollback helpdesk-answer --to 2`");
    serves(w, 1);
    is(w, "2", VERSION_ROLLED_BACK);
    is(w, "1", VERSION_PRODUCTION);
    assert_int_equal(row_of(w).state, ROLLOUT_ROLLED_BACK);
    assert_int_equal(back(w, "bob", NULL), FAULT_NONE); /* at the same time */
    assert_true(w->out.already);
    says(w, "@1 serves already, @2 was taken back. The last change: anna at");
    assert_int_equal(back(w, "bob", "2"), FAULT_NONE);
    serves(w, 2);
    assert_int_equal(back(w, "bob", "2"), FAULT_NONE);
    assert_true(w->out.already);
    UNTOUCHED(w, back(w, "bob", "7"), FAULT_NOT_FOUND, "");
}

/* Somebody's other change of the prompt is no rollback. */
static void an_apply_does_not_hide_what_serves(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    put(w, P("3"), 2, VERSION_EVALUATED, CHANGE_MODERATE);
    begin(w, "3");
    struct act a = act_of(w, "bob", NULL);
    assert_int_equal(act_abort(&a, SLICE_NULL, &w->out, &w->error), FAULT_NONE);
    w->at += 20 * MINUTE_US;
    struct change_version v = version_of(P("4"), 2);
    struct change c = change_by("carol", "prompt.apply");
    c.audit.at_us = w->at;
    c.add = &v;
    commit(w->r, &c);
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    assert_false(w->out.already);
    serves(w, 1);
}

/* 2 is taken back, put back, and taken back again by two at once. */
static void two_go_back_once(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    put(w, P("3"), 2, VERSION_EVALUATED, CHANGE_MINOR);
    begin(w, "3");
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    serves(w, 2);
    w->at += 20 * MINUTE_US;
    assert_int_equal(back(w, "anna", "3"), FAULT_NONE);
    w->at += MINUTE_US;
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    assert_false(w->out.already);
    assert_int_equal(back(w, "bob", NULL), FAULT_NONE);
    assert_true(w->out.already);
    says(w, "Further back: `quarterdeck rollback helpdesk-answer --to 1`");
    serves(w, 2);
}

static void back_ends_a_rollout(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    put(w, P("3"), 2, VERSION_EVALUATED, CHANGE_MODERATE);
    begin(w, "3");
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    says(w, "helpdesk-answer@2 serves everybody, as it did beside the rollout of @3, which is aborted. Was @2 wrong too: `quarterdeck rollback helpdesk-answer --to 1`");
    serves(w, 2);
    is(w, "3", VERSION_ROLLED_BACK);
    assert_int_equal(back(w, "anna", NULL), FAULT_NONE);
    assert_true(w->out.already);
    says(w, "Further back: `quarterdeck rollback helpdesk-answer --to 1`");
    assert_int_equal(back(w, "anna", "1"), FAULT_NONE);
    serves(w, 1);
    is(w, "2", VERSION_ROLLED_BACK);
}

static void back_past_a_rollout(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    put(w, P("3"), 2, VERSION_EVALUATED, CHANGE_MAJOR);
    begin(w, "3");
    const struct rollout_row seen = row_of(w);
    assert_int_equal(back(w, "anna", "1"), FAULT_NONE);
    says(w, "@1 serves, in place of @2; the rollout of @3 is aborted");
    serves(w, 1);
    is(w, "2", VERSION_ROLLED_BACK);
    is(w, "3", VERSION_ROLLED_BACK);
    struct act thread = itself(w);
    UNTOUCHED(w, step(w, &thread, &seen, ROLLOUT_TO_CANARY, 1, 50000), FAULT_CONFLICT, "rolled back from @2 to @1");
}

/* What never served everybody does not get there past its rollout. */
static void back_to_what_served_alone(void **state) {
    struct world *w = *state;
    launch(w, CHANGE_MODERATE);
    UNTOUCHED(w, back(w, "anna", "2"), FAULT_CONFLICT, "it is evaluated and cannot be rolled back to");
    begin(w, "2");
    UNTOUCHED(w, back(w, "anna", "2"), FAULT_CONFLICT, "it is canary and cannot be rolled back to");
    struct rollout_row row = row_of(w);
    struct act thread = itself(w);
    assert_int_equal(step(w, &thread, &row, ROLLOUT_ROLLS_BACK, 0, 0), FAULT_NONE);
    UNTOUCHED(w, back(w, "anna", "2"), FAULT_CONFLICT, "helpdesk-answer@2 was never in production");
    serves(w, 1);
}

static void who_may(void **state) {
    struct world *w = *state;
    struct emergency_entry e;
    launch(w, CHANGE_MINOR);
    begin(w, "2");
    w->policy.rollback[3] = USER_ADMIN;
    struct act a = act_of(w, "anna", NULL);
    UNTOUCHED(w, act_roll_back(&a, 4, &w->out, &e, &w->error), FAULT_NOT_PERMITTED, "a rollback with SEV-4 needs the role admin (change_policy.rollback); anna has the role approver");
    a.seen = 1;
    UNTOUCHED(w, act_roll_back(&a, 2, &w->out, &e, &w->error), FAULT_CONFLICT, "The last change: anna at");
    a.seen = 0;
    a.serves = 1; /* in force by the emergency file */
    assert_int_equal(act_roll_back(&a, 1, &w->out, &e, &w->error), FAULT_NONE);
    assert_true(w->out.already);
    says(w, "@1 serves already, by a rollback that waits for room on the disk");
    a.serves = 0;
    assert_int_equal(act_roll_back(&a, 1, &w->out, &e, &w->error), FAULT_NONE);
    serves(w, 1);
}

static void nothing_serves_yet(void **state) {
    struct world *w = *state;
    put(w, P("1"), 0, VERSION_EVALUATED, CHANGE_MAJOR);
    UNTOUCHED(w, back(w, "anna", NULL), FAULT_CONFLICT, "nothing of helpdesk-answer is in production");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(starts_by_its_class), T(direct_and_shadow), T(starts_nothing_unfit), T(ab_is_of_prompts), T(bounded),
        T(two_at_once), T(pause_and_resume), T(endless_pause_ends_by_promotion),
        T(back_and_forth), T(an_apply_does_not_hide_what_serves), T(two_go_back_once), T(back_ends_a_rollout), T(back_past_a_rollout), T(back_to_what_served_alone), T(who_may),
        T(nothing_serves_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
