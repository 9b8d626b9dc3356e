/* What is remembered of triggers and of versions of models. */
#include "store/triggers.h"

#include "test_store_rig.h"

static struct evaluations *open_it(const struct rig *rig) {
    struct error error = {0};
    struct evaluations *e = evaluations_open(rig->dir, &error);
    if (e == NULL) fail_msg("%s", error.text);
    return e;
}

static enum model_news see(struct evaluations *e, const char *target, const char *version, const char *fingerprint) {
    enum model_news news;
    struct error error = {0};
    struct model_answer a = {SLICE("chat"), SLICE("openai"), slice_of(target), slice_of(version), slice_of(fingerprint)};
    if (model_seen(e, &a, 1, 5, &news, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return news;
}

static void the_first_sight_is_no_change(void **state) {
    struct evaluations *e = open_it(*state);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-1", NULL), MODEL_FIRST);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-1", NULL), MODEL_KNOWN);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", NULL), MODEL_NEW);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-1", NULL), MODEL_KNOWN); /* back again: it was here before */
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", "fp_1"), MODEL_NEW);
    assert_int_equal(see(e, "mini", "mini-1", "fp_1"), MODEL_FIRST); /* another target */
    evaluations_close(e);
    e = open_it(*state);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", NULL), MODEL_KNOWN);
    evaluations_close(e);
}

static struct model_share share(struct evaluations *e, const char *version) {
    struct model_share s = {0};
    const struct model_answer a = {SLICE("chat"), SLICE("openai"), SLICE("gpt-4o"), slice_of(version), SLICE_NULL};
    assert_int_equal(model_share(e, &a, &s, NULL), FAULT_NONE);
    return s;
}

/* Of what came since a version was first seen, not of all time; other targets and evaluations do not count. */
static void a_share_of_traffic(void **state) {
    struct evaluations *e = open_it(*state);
    enum model_news news;
    const struct model_answer own = {SLICE("chat"), SLICE("openai"), SLICE("gpt-4o"), SLICE("gpt-4o-2"), SLICE_NULL};
    struct model_share s;
    for (unsigned i = 0; i < 100; i++) see(e, "gpt-4o", "gpt-4o-1", NULL);
    for (unsigned i = 0; i < 3; i++) see(e, "gpt-4o", "gpt-4o-2", NULL);
    for (unsigned i = 0; i < 9; i++) see(e, "gpt-4o", "gpt-4o-1", NULL);
    for (unsigned i = 0; i < 50; i++) see(e, "mini", "gpt-4o-1", NULL);
    for (unsigned i = 0; i < 30; i++) assert_int_equal(model_seen(e, &own, 0, 9, &news, NULL), FAULT_NONE);
    s = share(e, "gpt-4o-2");
    assert_true(s.first_us == 5 && s.answers == 3 && s.of == 12);
    s = share(e, "gpt-4o-1");
    assert_true(s.answers == 109 && s.of == 112);
    assert_int_equal(model_share(e, &(struct model_answer){.target = SLICE("never")}, &s, NULL), FAULT_NOT_FOUND);
    evaluations_close(e);
}

/* A step that is not kept has not happened: the version is new when it is met again. */
static void a_step_is_kept_whole(void **state) {
    struct evaluations *e = open_it(*state);
    struct arena arena;
    struct slice position;
    arena_init(&arena, 256, 1 << 10);
    see(e, "gpt-4o", "gpt-4o-1", NULL);
    assert_int_equal(model_step_begin(e, NULL), FAULT_NONE);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", NULL), MODEL_NEW);
    assert_int_equal(trigger_put(e, SLICE("s"), SLICE("model-change"), &(struct trigger_state){.wanted_us = 7}, NULL), FAULT_NONE);
    model_step_undo(e);
    struct trigger_state t;
    assert_int_equal(trigger_find(e, SLICE("s"), SLICE("model-change"), &arena, &t, NULL), FAULT_NONE);
    assert_int_equal(t.wanted_us, 0);
    assert_int_equal(model_step_begin(e, NULL), FAULT_NONE);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", NULL), MODEL_NEW);
    assert_int_equal(model_step_end(e, SLICE("1:2"), NULL), FAULT_NONE);
    assert_int_equal(see(e, "gpt-4o", "gpt-4o-2", NULL), MODEL_KNOWN);
    assert_int_equal(model_position(e, &arena, &position, NULL), FAULT_NONE);
    assert_true(slice_is(position, "1:2"));
    arena_deinit(&arena);
    evaluations_close(e);
}

static void turns_are_remembered(void **state) {
    struct evaluations *e = open_it(*state);
    struct arena arena;
    struct trigger_state t;
    arena_init(&arena, 256, 1 << 10);
    assert_int_equal(trigger_find(e, SLICE("s"), SLICE("schedule 0 6 * * * UTC"), &arena, &t, NULL), FAULT_NONE);
    assert_true(t.last_us == 0 && t.run == 0 && slice_is_null(t.note));
    t = (struct trigger_state){5, 6, 12, SLICE("no such key")};
    assert_int_equal(trigger_put(e, SLICE("s"), SLICE("schedule 0 6 * * * UTC"), &t, NULL), FAULT_NONE);
    evaluations_close(e);
    e = open_it(*state);
    assert_int_equal(trigger_find(e, SLICE("s"), SLICE("schedule 0 6 * * * UTC"), &arena, &t, NULL), FAULT_NONE);
    assert_true(t.last_us == 5 && t.wanted_us == 6 && t.run == 12 && slice_is(t.note, "no such key"));
    arena_deinit(&arena);
    evaluations_close(e);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_sight_is_no_change, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_share_of_traffic, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_step_is_kept_whole, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(turns_are_remembered, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
