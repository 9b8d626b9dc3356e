/* Findings: told once, kept, cleared, dismissed, bounded. */
#include "store/findings.h"

#include "test_store_rig.h"

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    int64_t ids[8];
    struct findings_change change;
    struct finding *all;
    unsigned n;
};

static void open_it(struct world *w) {
    struct error error = {0};
    w->r = registry_open(w->rig->dir, &error);
    if (w->r == NULL) fail_msg("%s", error.text);
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4 << 10, 64 << 20);
    open_it(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    registry_close(w->r);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static struct finding price(const char *key, const char *application) {
    return (struct finding){.kind = FINDING_UNKNOWN_PRICE,
                            .key = slice_of(key),
                            .application = slice_of(application),
                            .title = SLICE("no price"),
                            .evidence = SLICE("{}"),
                            .command = SLICE("quarterdeck model price x")};
}

static void put(struct world *w, struct findings_look look, int64_t now_us) {
    struct error error = {0};
    if (findings_put(w->r, &look, now_us, w->ids, &w->change, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}

/* Looks at all prices (of one application), sees these. */
static void look(struct world *w, const struct finding *seen, size_t n, const char *application,
                 int64_t now_us) {
    put(w,
        (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE),
                               .application = slice_of(application),
                               .seen = seen,
                               .n_seen = n},
        now_us);
}

static void list(struct world *w, struct findings_filter f) {
    struct error error = {0};
    if (f.limit == 0) f.limit = 100;
    if (findings_list(w->r, &f, &w->arena, &w->all, &w->n, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static enum finding_state state_of(struct world *w, const char *key) {
    struct error error = {0};
    bool found = false;
    enum finding_state state = FINDING_OPEN;
    assert_int_equal(findings_state(w->r, slice_of(key), &found, &state, &error), FAULT_NONE);
    assert_true(found);
    return state;
}

static void the_same_thing_is_the_same_finding(void **state) {
    struct world *w = *state;
    struct finding f[] = {price("[\"a\"]", "support"), price("[\"b\"]", NULL)};
    look(w, f, 2, NULL, 1000);
    assert_int_equal(w->change.opened, 2);
    int64_t a = w->ids[0], b = w->ids[1];
    assert_true(a != 0 && b != 0 && a != b);
    f[0].title = SLICE("worse");
    look(w, f, 2, NULL, 2000);
    assert_int_equal(w->change.opened, 0);
    assert_true(w->ids[0] == 0 && w->ids[1] == 0);
    registry_close(w->r); /* over a restart */
    open_it(w);
    look(w, f, 2, NULL, 3000);
    assert_int_equal(w->change.opened, 0);
    list(w, (struct findings_filter){.application = SLICE("support")});
    assert_int_equal(w->n, 1);
    assert_int_equal(w->all[0].id, a);
    assert_true(slice_is(w->all[0].title, "worse") && slice_is(w->all[0].key, "[\"a\"]"));
    assert_int_equal(w->all[0].first_seen_us, 1000);
    assert_int_equal(w->all[0].last_seen_us, 3000);
    assert_int_equal(w->all[0].times, 1);
    assert_int_equal(w->all[0].kind, FINDING_UNKNOWN_PRICE);
    list(w, (struct findings_filter){.id = b});
    assert_int_equal(w->n, 1);
    assert_true(slice_is_null(w->all[0].application));
}

static void what_is_gone_is_cleared_and_may_come_again(void **state) {
    struct world *w = *state;
    struct finding f = price("[\"a\"]", "support");
    look(w, &f, 1, NULL, 1000);
    int64_t id = w->ids[0];
    look(w, NULL, 0, NULL, 2000);
    assert_int_equal(w->change.cleared, 1);
    look(w, NULL, 0, NULL, 3000);
    assert_int_equal(w->change.cleared, 0);
    list(w, (struct findings_filter){.states = 1u << FINDING_CLEARED});
    assert_int_equal(w->n, 1);
    assert_int_equal(w->all[0].cleared_us, 2000);
    look(w, &f, 1, NULL, 500); /* and the clock went back */
    assert_int_equal(w->change.opened, 1);
    assert_int_equal(w->ids[0], id);
    list(w, (struct findings_filter){.states = 1u << FINDING_OPEN});
    assert_int_equal(w->n, 1);
    assert_int_equal(w->all[0].times, 2);
    assert_int_equal(w->all[0].cleared_us, 0);
    look(w, NULL, 0, NULL, 400); /* what clears goes by looks, not by times */
    assert_int_equal(w->change.cleared, 1);
}

/* Only what was looked for, of whom it was looked for, and not what nobody can tell. */
static void clearing_has_bounds(void **state) {
    struct world *w = *state;
    struct finding f[] = {price("a", "support"), price("b", "search"), price("c", "support"),
                          price("d", "support")};
    f[3].kind = FINDING_OVER_PLAN;
    struct slice unsure[] = {SLICE("c")};
    put(w, (struct findings_look){.seen = f, .n_seen = 4}, 1000);
    put(w,
        (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE),
                               .application = SLICE("support"),
                               .unsure = unsure,
                               .n_unsure = 1},
        2000);
    assert_int_equal(w->change.cleared, 1);
    assert_int_equal(state_of(w, "a"), FINDING_CLEARED);
    assert_int_equal(state_of(w, "b"), FINDING_OPEN);
    assert_int_equal(state_of(w, "c"), FINDING_OPEN);
    assert_int_equal(state_of(w, "d"), FINDING_OPEN);
    int64_t open[FINDING_KINDS];
    assert_int_equal(findings_count_open(w->r, open, NULL), FAULT_NONE);
    assert_int_equal(open[FINDING_UNKNOWN_PRICE], 2);
    assert_int_equal(open[FINDING_OVER_PLAN], 1);
    list(w, (struct findings_filter){.kinds = FINDING_BIT(OVER_PLAN) | FINDING_BIT(COST_ANOMALY)});
    assert_int_equal(w->n, 1);
    list(w, (struct findings_filter){.limit = 2});
    assert_int_equal(w->n, 2);
}

static void dismissed_is_for_good(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct finding f = price("a", "support");
    look(w, &f, 1, NULL, 1000);
    int64_t id = w->ids[0];
    assert_int_equal(findings_dismiss(w->r, id, SLICE("ann"), SLICE("it is free"), 1500, &error), FAULT_NONE);
    assert_int_equal(findings_dismiss(w->r, id, SLICE("eve"), SLICE("mine"), 1600, &error), FAULT_NONE);
    look(w, &f, 1, NULL, 2000);
    look(w, NULL, 0, NULL, 3000);
    look(w, &f, 1, NULL, 4000);
    assert_int_equal(w->change.opened, 0);
    list(w, (struct findings_filter){.id = id});
    assert_int_equal(w->all[0].state, FINDING_DISMISSED);
    assert_true(slice_is(w->all[0].dismissed_by, "ann") && slice_is(w->all[0].reason, "it is free"));
    assert_int_equal(w->all[0].dismissed_us, 1500);
    assert_int_equal(w->all[0].last_seen_us, 4000);
    assert_int_equal(findings_dismiss(w->r, id + 1, SLICE("ann"), SLICE("x"), 1, &error), FAULT_NOT_FOUND);
}

static void put_many(struct world *w, unsigned from, unsigned n, int64_t now_us) {
    struct finding *f = test_calloc(n, sizeof *f);
    char(*keys)[16] = test_calloc(n, 16);
    int64_t *ids = test_calloc(n, sizeof *ids);
    for (unsigned i = 0; i < n; i++) {
        snprintf(keys[i], 16, "%u", from + i);
        f[i] = price(keys[i], NULL);
    }
    struct findings_look all = {.seen = f, .n_seen = n};
    assert_int_equal(findings_put(w->r, &all, now_us, ids, &w->change, NULL), FAULT_NONE);
    test_free(ids);
    test_free(keys);
    test_free(f);
}

/* Open ones are never dropped for new ones; what is not open makes room, oldest first. */
static void there_is_an_end_to_it(void **state) {
    struct world *w = *state;
    put_many(w, 0, LIMIT_FINDINGS, 1000);
    assert_int_equal(w->change.opened, LIMIT_FINDINGS);
    struct finding more = price("more", NULL);
    put(w, (struct findings_look){.seen = &more, .n_seen = 1}, 2000);
    assert_int_equal(w->change.left_off, 1);
    assert_int_equal(w->ids[0], 0);
    assert_int_equal(findings_dismiss(w->r, 3, SLICE("ann"), SLICE("x"), 2500, NULL), FAULT_NONE);
    put(w, (struct findings_look){.seen = &more, .n_seen = 1}, 3000);
    assert_int_equal(w->change.left_off, 0);
    assert_int_equal(w->change.opened, 1);
    list(w, (struct findings_filter){.id = 3});
    assert_int_equal(w->n, 0);
    assert_int_equal(findings_prune(w->r, 1 << 20, NULL), FAULT_NONE); /* all are open */
    list(w, (struct findings_filter){0});
    assert_int_equal(w->n, 100);
    put(w, (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE)}, 4000);
    assert_int_equal(w->change.cleared, LIMIT_FINDINGS);
    assert_int_equal(findings_prune(w->r, 3000, NULL), FAULT_NONE);
    list(w, (struct findings_filter){0});
    assert_int_equal(w->n, 1);
}

/* Two connections at once, as the scheduler's and the control thread's. */
static void two_may_write(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct registry *other = registry_open(w->rig->dir, &error);
    struct finding f = price("a", "support");
    assert_non_null(other);
    look(w, &f, 1, NULL, 1000);
    assert_int_equal(findings_dismiss(other, w->ids[0], SLICE("ann"), SLICE("x"), 1, &error), FAULT_NONE);
    struct audit_entry e = {.actor = SLICE("ann"), .action = SLICE("finding.dismiss")};
    assert_int_equal(registry_audit(other, &e, &error), FAULT_NONE);
    assert_int_equal(state_of(w, "a"), FINDING_DISMISSED);
    look(w, NULL, 0, NULL, 2000);
    registry_close(other);
}

static void change_registry(struct world *w, const char *sql) {
    enum fault fault = FAULT_NONE;
    struct database *db = database_open(rig_path(w->rig, "registry.db"), &(struct database_options){0}, &fault, NULL);
    assert_non_null(db);
    assert_int_equal(database_exec(db, sql, NULL), FAULT_NONE);
    database_close(db);
}

static void check_audited(struct world *w, enum finding_state state, unsigned entries) {
    struct audit_entry *all;
    unsigned n = 0;
    assert_int_equal(state_of(w, "a"), state);
    assert_int_equal(registry_audit_list(w->r, 0, 100, &w->arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, entries);
}

/* What cannot be audited is not done, and what cannot be done is not audited. */
static void dismissed_and_audited(void **state) {
    struct world *w = *state;
    struct finding f = price("a", "support");
    struct error error = {0};
    struct audit_entry e = {.at_us = 1500, .actor = SLICE("ann"), .action = SLICE("finding.dismiss"), .reason = SLICE("it is free")};
    look(w, &f, 1, NULL, 1000);
    int64_t id = w->ids[0];
    change_registry(w, "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'full'); END");
    assert_int_not_equal(findings_dismiss_audited(w->r, id, &e, &error), FAULT_NONE);
    check_audited(w, FINDING_OPEN, 0);
    change_registry(w, "DROP TRIGGER full; CREATE TRIGGER full BEFORE UPDATE ON finding BEGIN SELECT RAISE(ABORT, 'full'); END");
    assert_int_not_equal(findings_dismiss_audited(w->r, id, &e, &error), FAULT_NONE);
    check_audited(w, FINDING_OPEN, 0);
    change_registry(w, "DROP TRIGGER full");
    assert_int_equal(findings_dismiss_audited(w->r, id + 1, &e, &error), FAULT_NOT_FOUND);
    check_audited(w, FINDING_OPEN, 0);
    assert_int_equal(findings_dismiss_audited(w->r, id, &e, &error), FAULT_NONE);
    check_audited(w, FINDING_DISMISSED, 1);
}

static void damage_is_said(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct finding f = price("a", "support");
    enum fault fault = FAULT_NONE;
    look(w, &f, 1, NULL, 1000);
    registry_close(w->r);
    struct database *db =
        database_open(rig_path(w->rig, "registry.db"), &(struct database_options){0}, &fault, &error);
    assert_int_equal(database_exec(db, "UPDATE finding SET state = 'ajar'", &error), FAULT_NONE);
    database_close(db);
    open_it(w);
    struct findings_filter any = {.limit = 10};
    assert_int_equal(findings_list(w->r, &any, &w->arena, &w->all, &w->n, &error), FAULT_CORRUPT);
    assert_int_equal(
        findings_put(w->r, &(struct findings_look){.seen = &f, .n_seen = 1}, 1, NULL, &w->change, &error),
        FAULT_CORRUPT);
    any.limit = 0;
    assert_int_equal(findings_list(w->r, &any, &w->arena, &w->all, &w->n, &error), FAULT_BAD_REQUEST);
}

static void blobs(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct slice body = SLICE("x");
    int64_t at_us = 7;
    assert_int_equal(registry_kept(w->r, SLICE("n"), &w->arena, &body, &at_us, &error), FAULT_NONE);
    assert_true(slice_is_null(body) && at_us == 0);
    assert_int_equal(registry_keep(w->r, SLICE("n"), slice_make("a\0b", 3), 5, &error), FAULT_NONE);
    assert_int_equal(registry_keep(w->r, SLICE("n"), slice_make("c\0d", 3), 6, &error), FAULT_NONE);
    assert_int_equal(registry_kept(w->r, SLICE("n"), &w->arena, &body, &at_us, &error), FAULT_NONE);
    assert_true(slice_eq(body, slice_make("c\0d", 3)) && at_us == 6);
}

/* Others read again what changed: a look that finds nothing and has nothing of its own to clear changes nothing. */
static void a_look_with_nothing_to_say_writes_nothing(void **state) {
    struct world *w = *state;
    struct registry *other = registry_open(w->rig->dir, NULL);
    const struct finding one = price("price:a", "a");
    int64_t before = 0, now = 0;
    assert_non_null(other);
    put(w, (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE), .application = SLICE_NULL, .seen = &one, .n_seen = 1}, 1);
    assert_int_equal(registry_version(other, &before, NULL), FAULT_NONE);
    put(w, (struct findings_look){.kinds = FINDING_BIT(COST_ANOMALY), .application = SLICE_NULL}, 2);
    put(w, (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE), .application = SLICE("b")}, 3);
    assert_int_equal(registry_version(other, &now, NULL), FAULT_NONE);
    assert_int_equal(now, before);
    put(w, (struct findings_look){.kinds = FINDING_BIT(UNKNOWN_PRICE), .application = SLICE("a")}, 4);
    assert_int_equal(w->change.cleared, 1);
    assert_int_equal(registry_version(other, &now, NULL), FAULT_NONE);
    assert_int_not_equal(now, before);
    registry_close(other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_look_with_nothing_to_say_writes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_thing_is_the_same_finding, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_gone_is_cleared_and_may_come_again, setup, teardown),
        cmocka_unit_test_setup_teardown(clearing_has_bounds, setup, teardown),
        cmocka_unit_test_setup_teardown(dismissed_is_for_good, setup, teardown),
        cmocka_unit_test_setup_teardown(there_is_an_end_to_it, setup, teardown),
        cmocka_unit_test_setup_teardown(dismissed_and_audited, setup, teardown),
        cmocka_unit_test_setup_teardown(two_may_write, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(blobs, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
