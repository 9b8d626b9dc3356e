/* What calibrations have verified, in the registry. */
#include "store/registry_cache.h"
#include "test_store_rig.h"

static struct registry *open_registry(const struct rig *rig) {
    struct error error = {0};
    struct registry *r = registry_open(rig->dir, &error);
    if (r == NULL) fail_msg("%s", error.text);
    return r;
}

static void the_last_one_stays(void **state) {
    struct registry *r = open_registry(*state);
    struct cache_verification v = {.application = SLICE("b"),
                                   .threshold = 930000,
                                   .precision = 990000,
                                   .confidence = 950000,
                                   .bound = 991234,
                                   .n = 400,
                                   .right = 399,
                                   .method = SLICE("labelled pairs"),
                                   .embedding = 1,
                                   .at_us = 77,
                                   .by = SLICE("ann")},
                              *all;
    struct arena arena;
    unsigned n = 9;
    arena_init(&arena, 1024, 64 << 10);
    assert_int_equal(registry_cache_verifications(r, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 0);
    assert_int_equal(registry_cache_verify(r, &v, NULL), FAULT_NONE);
    v.threshold = 900000;
    assert_int_equal(registry_cache_verify(r, &v, NULL), FAULT_NONE);
    v.application = SLICE("a");
    assert_int_equal(registry_cache_verify(r, &v, NULL), FAULT_NONE);
    registry_close(r);
    r = open_registry(*state);
    assert_int_equal(registry_cache_verifications(r, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(all[0].application, "a") && slice_is(all[1].application, "b"));
    assert_int_equal(all[1].threshold, 900000);
    assert_int_equal(all[1].precision, 990000);
    assert_int_equal(all[1].confidence, 950000);
    assert_int_equal(all[1].bound, 991234);
    assert_int_equal(all[1].n, 400);
    assert_int_equal(all[1].right, 399);
    assert_int_equal(all[1].embedding, 1);
    assert_int_equal(all[1].at_us, 77);
    assert_true(slice_is(all[1].method, "labelled pairs") && slice_is(all[1].by, "ann"));
    assert_int_equal(registry_cache_withdraw(r, SLICE("a"), NULL), FAULT_NONE);
    assert_int_equal(registry_cache_withdraw(r, SLICE("a"), NULL), FAULT_NOT_FOUND);
    assert_int_equal(registry_cache_verifications(r, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    arena_deinit(&arena);
    registry_close(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_last_one_stays, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
