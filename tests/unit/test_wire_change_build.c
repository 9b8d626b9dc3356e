/* From actions in force, as the registry has them, to what the loops hold. */
#include "test_store_changes_rig.h"

#include "base/clock.h"
#include "store/actions.h"
#include "wire_change_parts.h"

static int64_t begin(struct registry *r, enum intervention_kind kind, const char *scope, enum action_state state, int64_t until_us) {
    struct error error = {0};
    struct action_row a = {.kind = (int)kind, .scope = slice_of(scope), .state = state, .at_us = AT, .until_us = until_us, .share_ppm = 10000,
                           .by = SLICE("anna"), .why = SLICE("a test")};
    const struct audit_entry entry = {.actor = SLICE("anna"), .action = SLICE("action.take"), .at_us = AT};
    int64_t other;
    if (action_begin(r, &a, &entry, &other, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return a.number;
}

static void undo(struct registry *r, int64_t number) {
    struct error error = {0};
    const struct action_row a = {.number = number, .state = ACTION_UNDONE, .ended_us = AT + 1, .ended_by = SLICE("bob")};
    const struct audit_entry entry = {.actor = SLICE("bob"), .action = SLICE("action.undo"), .at_us = AT + 1};
    if (action_move(r, &a, ACTION_IN_FORCE, &entry, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static struct deployments *build(struct registry *r, const struct deployments *before) {
    struct error error = {0};
    struct deployments *d;
    if (change_build(r, NULL, 0, before, &d, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return d;
}

static void what_is_in_force_is_held(void **state) {
    struct registry *r = open_registry(*state);
    struct deployments *d = build(r, NULL);
    unsigned n;
    int64_t wait, hour = clock_wall_us() + 3600 * 1000000LL;
    assert_int_equal(d->n_interventions, 0);
    deployments_drop(d);
    int64_t over = begin(r, INTERVENTION_FAIL_OVER, "{\"model\":\"chat\",\"from\":\"eu/a\",\"to\":\"us\"}", ACTION_RETURNING, hour);
    int64_t slow = begin(r, INTERVENTION_THROTTLE, "{\"application\":\"app\",\"key\":\"ci\",\"per_minute\":1}", ACTION_IN_FORCE, 0);
    begin(r, INTERVENTION_ROLL_BACK, "{\"prompt\":\"p\"}", ACTION_DONE, 0);
    begin(r, INTERVENTION_FREEZE, "{\"application\":\"app\",\"key\":\"a\"}", ACTION_WOULD, 0);
    begin(r, INTERVENTION_FREEZE, "{\"application\":\"app\",\"key\":\"b\"}", ACTION_NOT_GRANTED, 0);
    begin(r, INTERVENTION_FREEZE, "{\"application\":\"app\",\"key\":\"c\"}", ACTION_IN_FORCE, AT + 1); /* its time was over while nobody looked */
    begin(r, INTERVENTION_DEGRADE, "{}", ACTION_IN_FORCE, 0);          /* of no model: not of all */
    d = build(r, NULL);
    assert_int_equal(d->n_interventions, 2);
    const struct intervention *i = deployments_of_kind(d, INTERVENTION_FAIL_OVER, &n);
    assert_int_equal(n, 1);
    assert_int_equal(i->number, over);
    assert_true(slice_is(i->spec.from, "eu/a") && slice_is(i->spec.to, "us") && slice_is(i->spec.model, "chat"));
    assert_int_equal(i->share_ppm, 10000);
    assert_true(i->since_us < clock_us()); /* long ago, by the clock that is not set */
    int64_t since_us = i->since_us;
    assert_int_equal(i->until_us, hour);
    i = deployments_of_kind(d, INTERVENTION_THROTTLE, &n);
    assert_int_equal(i->spec.per_minute, 1);
    assert_true(throttle_admit(i->throttle, 1, 5, &wait));
    struct deployments *next = build(r, d); /* something was published: the throttle goes on counting */
    deployments_drop(d);
    assert_int_equal(deployments_of_kind(next, INTERVENTION_FAIL_OVER, &n)->since_us, since_us);
    i = deployments_of_kind(next, INTERVENTION_THROTTLE, &n);
    assert_false(throttle_admit(i->throttle, 1, 6, &wait));
    undo(r, slow);
    d = build(r, next);
    deployments_drop(next);
    assert_int_equal(d->n_interventions, 1);
    begin(r, INTERVENTION_THROTTLE, "{\"application\":\"app\",\"key\":\"ci\",\"per_minute\":1}", ACTION_IN_FORCE, 0);
    next = build(r, d); /* another action: another throttle */
    deployments_drop(d);
    assert_true(throttle_admit(deployments_of_kind(next, INTERVENTION_THROTTLE, &n)->throttle, 1, 7, &wait));
    deployments_drop(next);
    registry_close(r);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(what_is_in_force_is_held, rig_setup, rig_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
