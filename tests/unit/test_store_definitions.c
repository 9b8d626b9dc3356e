/* Definitions: one content is one version, the newest registered one is what a name means, nothing is forgotten. */
#include "store/definitions.h"

#include "test_store_rig.h"

struct world {
    struct rig *rig;
    struct evaluations *e;
    struct arena arena;
    int64_t versions[16];
    unsigned n;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    struct error error = {0};
    void *rig = NULL;
    if (rig_setup(&rig) != 0 || !digest_start()) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4 << 10, 64 << 20);
    w->e = evaluations_open(w->rig->dir, &error);
    if (w->e == NULL) fail_msg("%s", error.text);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    evaluations_close(w->e);
    arena_deinit(&w->arena);
    test_free(w);
    return rig_teardown(&rig);
}

static int64_t put(struct world *w, const char *name, const char *body, bool registered, int64_t at_us, bool is_new) {
    struct definition d = {.kind = SLICE("suite"), .name = slice_of(name), .body = slice_of(body), .registered = registered, .at_us = at_us, .by = SLICE("ann")};
    struct error error = {0};
    bool fresh = !is_new;
    digest_sha256(d.body, &d.digest);
    if (definition_put(w->e, &d, &fresh, &error) != FAULT_NONE) fail_msg("%s", error.text);
    assert_int_equal(fresh, is_new);
    assert_true(d.number > 0);
    return d.version;
}

static struct definition find(struct world *w, const char *name, const char *which, enum fault expected) {
    struct definition d = {0};
    struct error error = {0};
    enum fault fault = definition_find(w->e, SLICE("suite"), slice_of(name), slice_of(which), &w->arena, &d, &error);
    if (fault != expected) fail_msg("%s: %s", fault_name(fault), error.text);
    return d;
}

static bool note(void *ctx, const struct definition *d) {
    struct world *w = ctx;
    assert_true(d->body.len > 0);
    w->versions[w->n++] = d->version;
    return w->n < 16;
}

static unsigned list(struct world *w, const char *name) {
    w->n = 0;
    assert_int_equal(definition_list(w->e, SLICE("suite"), slice_of(name), &w->arena, note, w, NULL), FAULT_NONE);
    return w->n;
}

static void test_versions(void **state) {
    struct world *w = *state;
    assert_int_equal(put(w, "a", "one", true, 1000, true), 1);
    assert_int_equal(put(w, "a", "one", true, 2000, false), 1);
    assert_int_equal(find(w, "a", "", FAULT_NONE).at_us, 1000); /* as it was */
    assert_int_equal(put(w, "a", "two", true, 500, true), 2);   /* the clock went back */
    assert_int_equal(find(w, "a", "", FAULT_NONE).version, 2);
    assert_int_equal(put(w, "a", "three", false, 3000, true), 3); /* only run */
    assert_int_equal(find(w, "a", "", FAULT_NONE).version, 2);
    assert_false(find(w, "a", "3", FAULT_NONE).registered);
    assert_int_equal(put(w, "a", "one", true, 4000, false), 1); /* back to the first */
    struct definition d = find(w, "a", "", FAULT_NONE);
    assert_true(d.version == 1 && d.at_us == 4000 && slice_is(d.body, "one") && slice_is(d.by, "ann") && d.why.at == NULL);
    assert_int_equal(put(w, "a", "three", true, 5000, false), 3); /* what was only run is registered */
    assert_int_equal(find(w, "a", "", FAULT_NONE).version, 3);
    assert_int_equal(put(w, "a", "three", false, 6000, false), 3); /* and stays so when it is run again */
    assert_true(find(w, "a", "", FAULT_NONE).registered);
    assert_int_equal(list(w, "a"), 3);
    assert_true(w->versions[0] == 3 && w->versions[2] == 1);
    put(w, "b", "one", true, 1, true);
    put(w, "c", "one", false, 1, true);
    assert_int_equal(list(w, NULL), 2);
}

static void test_find(void **state) {
    struct world *w = *state;
    char hex[2 * DIGEST_BYTES + 1];
    struct error error = {0};
    struct definition d;
    put(w, "helpdesk-core", "one", true, 1, true);
    digest_hex(find(w, "helpdesk-core", "", FAULT_NONE).digest.bytes, DIGEST_BYTES, hex);
    find(w, "helpdesk-core", hex, FAULT_NONE);
    hex[8] = 0;
    find(w, "helpdesk-core", hex, FAULT_NONE);
    hex[7] = 0;
    find(w, "helpdesk-core", "7", FAULT_NOT_FOUND);
    find(w, "helpdesk-core", "x", FAULT_BAD_REQUEST);
    find(w, "helpdesk-core", "ffffffff", FAULT_NOT_FOUND);
    assert_int_equal(definition_find(w->e, SLICE("suite"), SLICE("helpdesk-cor"), SLICE_NULL, &w->arena, &d, &error), FAULT_NOT_FOUND);
    assert_non_null(strstr(error.text, "did you mean `helpdesk-core`?"));
    assert_int_equal(definition_find(w->e, SLICE("judge"), SLICE("helpdesk-core"), SLICE_NULL, &w->arena, &d, &error), FAULT_NOT_FOUND);
}

static void test_remove(void **state) {
    struct world *w = *state;
    struct error error = {0};
    put(w, "a", "one", true, 1, true);
    put(w, "a", "two", true, 2, true);
    assert_int_equal(definition_remove(w->e, SLICE("suite"), SLICE("a"), 9, &error), FAULT_NONE);
    find(w, "a", "", FAULT_NOT_FOUND);
    assert_int_equal(find(w, "a", "2", FAULT_NONE).removed_us, 9);
    assert_int_equal(list(w, NULL), 0);
    assert_int_equal(definition_remove(w->e, SLICE("suite"), SLICE("a"), 10, &error), FAULT_NOT_FOUND);
    assert_int_equal(put(w, "a", "two", true, 3, false), 2);
    assert_int_equal(find(w, "a", "", FAULT_NONE).version, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_find, setup, teardown),
        cmocka_unit_test_setup_teardown(test_remove, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
