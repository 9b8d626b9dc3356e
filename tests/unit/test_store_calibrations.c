/* Calibrations on disk: the newest of an identity counts, another identity's never does. */
#include "test_store_rig.h"

#include "store/calibrations.h"

static struct digest identity_of(const char *text) {
    struct digest d;
    digest_sha256(slice_of(text), &d);
    return d;
}

static int64_t add(struct evaluations *e, const char *judge, const char *identity, const char *body) {
    struct error error = {.fault = FAULT_NONE};
    struct calibration_row c = {.judge = slice_of(judge), .identity = identity_of(identity), .at_us = RIG_START, .source = SLICE("l.jsonl"),
                                .body = slice_of(body), .pairs = SLICE("[]")};
    if (calibration_add(e, &c, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return c.number;
}

struct seen {
    unsigned n;
    struct arena arena;
    struct slice body[8];
    bool any_pairs;
};

static bool see(void *ctx, const struct calibration_row *c) {
    struct seen *s = ctx;
    s->any_pairs = s->any_pairs || !slice_is_null(c->pairs);
    s->body[s->n++] = arena_slice(&s->arena, c->body);
    return s->n < 8;
}

static void the_newest_of_an_identity_counts(void **state) {
    struct rig *rig = *state;
    struct error error = {.fault = FAULT_NONE};
    struct evaluations *e = evaluations_open(rig->dir, &error);
    struct calibration_row c = {.number = -1};
    struct digest id = identity_of("one");
    struct seen s = {.n = 0};
    assert_non_null(e);
    arena_init(&s.arena, 4096, 1 << 20);
    assert_int_equal(calibration_find(e, &id, &s.arena, &c, &error), FAULT_NOT_FOUND);
    assert_int_equal(c.number, -1);
    int64_t first = add(e, "str\xc3\xafkt", "one", "{\"a\":1}"), second = add(e, "str\xc3\xafkt", "one", "{\"a\":2}");
    add(e, "str\xc3\xafkt", "two", "{\"a\":3}");
    add(e, "other", "three", "{\"a\":4}");
    assert_true(second > first);
    evaluations_close(e);
    e = evaluations_open(rig->dir, &error); /* as after a restart */
    assert_non_null(e);
    assert_int_equal(calibration_find(e, &id, &s.arena, &c, &error), FAULT_NONE);
    assert_true(c.number == second && slice_is(c.body, "{\"a\":2}") && slice_is(c.judge, "str\xc3\xafkt") && c.at_us == RIG_START);
    assert_true(digest_eq(&c.identity, &id) && slice_is(c.source, "l.jsonl") && slice_is_null(c.by) && slice_is(c.pairs, "[]"));
    id = identity_of("never");
    assert_int_equal(calibration_find(e, &id, &s.arena, &c, &error), FAULT_NOT_FOUND);
    evaluations_close(e);
    arena_deinit(&s.arena);
}

static void they_are_listed(void **state) {
    struct rig *rig = *state;
    struct error error = {.fault = FAULT_NONE};
    struct evaluations *e = evaluations_open(rig->dir, &error);
    struct digest id = identity_of("one");
    struct seen s = {.n = 0};
    assert_non_null(e);
    arena_init(&s.arena, 4096, 1 << 20);
    add(e, "strict", "one", "1");
    add(e, "strict", "one", "2");
    add(e, "strict", "two", "3");
    add(e, "other", "three", "4");
    assert_int_equal(calibration_each(e, &id, see, &s, &error), FAULT_NONE);
    assert_true(s.n == 2 && slice_is(s.body[0], "1") && slice_is(s.body[1], "2") && s.any_pairs);
    s.n = 0;
    s.any_pairs = false;
    assert_int_equal(calibration_list(e, SLICE_NULL, false, see, &s, &error), FAULT_NONE);
    assert_true(s.n == 3 && slice_is(s.body[0], "4") && slice_is(s.body[1], "3") && slice_is(s.body[2], "2") && !s.any_pairs);
    s.n = 0;
    assert_int_equal(calibration_list(e, SLICE("strict"), true, see, &s, &error), FAULT_NONE);
    assert_true(s.n == 3 && slice_is(s.body[0], "3") && slice_is(s.body[2], "1"));
    s.n = 0;
    assert_int_equal(calibration_list(e, SLICE("nobody"), true, see, &s, &error), FAULT_NONE);
    assert_int_equal(s.n, 0);
    evaluations_close(e);
    arena_deinit(&s.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_of_an_identity_counts, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(they_are_listed, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
