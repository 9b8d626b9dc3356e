/* Runs and their results: the first answer counts, counts are exact, what is over stays as it is. */
#include "store/runs.h"

#include "base/money.h"
#include "store/evaluations.h"

#include "test_store_rig.h"

struct world {
    struct rig *rig;
    struct evaluations *e;
    struct arena arena;
    struct error error;
};

static void reopen(struct world *w) {
    evaluations_close(w->e);
    w->e = evaluations_open(w->rig->dir, &w->error);
    if (w->e == NULL) fail_msg("%s", w->error.text);
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4 << 10, 1 << 20);
    reopen(w);
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    evaluations_close(w->e);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static struct digest digest_named(const char *name) {
    struct digest d;
    digest_sha256(slice_of(name), &d);
    return d;
}

static void good(struct world *w, enum fault fault) {
    if (fault != FAULT_NONE) fail_msg("%s", w->error.text);
}

static int64_t add(struct world *w, const char *suite, const char *wanted) {
    struct run_row r = {.suite = slice_of(suite), .definition = 4, .suite_version = 2, .suite_digest = digest_named(suite),
                        .prompt = SLICE("antwört"), .wanted = digest_named(wanted), .repeat = 3, .max_cost_nano = -1, .trigger = SLICE("person"),
                        .by = SLICE("ann"), .owner = SLICE("here 7 1"), .started_us = 10, .seen_us = 10, .planned = 6};
    good(w, run_add(w->e, &r, &w->error));
    return r.number;
}

static struct run_row find(struct world *w, int64_t number) {
    struct run_row r;
    good(w, run_find(w->e, number, &w->arena, &r, &w->error));
    return r;
}

static struct run_result result(unsigned case_at, unsigned repeat, unsigned verdict, int64_t cost, const char *body) {
    return (struct run_result){case_at, repeat, verdict, cost, slice_of(body)};
}

static bool count(void *ctx, const struct run_result *r) {
    int64_t *n = ctx;
    n[0]++;
    n[1] = n[1] * 100 + r->case_at * 10 + r->repeat;
    return true;
}

static bool first_only(void *ctx, const struct run_result *r) {
    *(struct run_result *)ctx = *r;
    return false;
}

static void test_row(void **state) {
    struct world *w = *state;
    int64_t number = add(w, "größe", "a");
    reopen(w);
    struct run_row r = find(w, number);
    assert_true(slice_is(r.suite, "größe") && slice_is(r.prompt, "antwört") && slice_is_null(r.model) && slice_is_null(r.summary));
    assert_true(r.definition == 4 && r.suite_version == 2 && r.repeat == 3 && r.planned == 6 && r.max_cost_nano == -1 && r.done == 0);
    struct digest wanted = digest_named("a");
    assert_true(digest_eq(&r.wanted, &wanted) && r.state == RUN_RUNNING);
    assert_int_equal(run_find(w->e, 99, &w->arena, &r, &w->error), FAULT_NOT_FOUND);
    assert_non_null(strstr(w->error.text, "run-99"));
}

/* What is sent again after a crash changes nothing: neither the answer, nor counts, nor cost. */
static void test_results_twice(void **state) {
    struct world *w = *state;
    int64_t number = add(w, "s", "a");
    struct run_result some[] = {result(0, 0, 0, 5, "{\"first\":1}"), result(1, 2, 1, MONEY_UNKNOWN, "{}"), result(0, 1, 2, 7, "{}")};
    good(w, run_results_add(w->e, number, SLICE("here 7 1"), some, 3, 20, &w->error));
    some[0] = result(0, 0, 1, 999, "{\"second\":1}");
    good(w, run_results_add(w->e, number, SLICE("here 7 1"), some, 3, 15, &w->error));
    reopen(w);
    struct run_row r = find(w, number);
    assert_true(r.done == 3 && r.cost_nano == 12 && r.seen_us == 20);
    struct run_result first;
    good(w, run_results(w->e, number, -1, -1, -1, &w->arena, first_only, &first, &w->error));
    assert_true(first.verdict == 0 && first.cost_nano == 5 && slice_is(first.body, "{\"first\":1}"));
    int64_t seen[2] = {0, 0};
    good(w, run_results(w->e, number, -1, -1, -1, NULL, count, seen, &w->error));
    assert_true(seen[0] == 3 && seen[1] == 112); /* (0, 0), (0, 1), (1, 2) */
    memset(seen, 0, sizeof seen);
    good(w, run_results(w->e, number, 0, 0, -1, NULL, count, seen, &w->error));
    assert_true(seen[0] == 2 && seen[1] == 112);
    memset(seen, 0, sizeof seen);
    good(w, run_results(w->e, number, -1, -1, 1, NULL, count, seen, &w->error));
    assert_true(seen[0] == 1 && seen[1] == 12);
    memset(seen, 0, sizeof seen);
    good(w, run_results_done(w->e, number, count, seen, &w->error));
    assert_true(seen[0] == 3);
}

static void test_over(void **state) {
    struct world *w = *state;
    int64_t number = add(w, "s", "a");
    struct run_result one = result(0, 0, 0, 5, "{}");
    good(w, run_end(w->e, number, RUN_FINISHED, SLICE("passed"), SLICE("{\"verdict\":\"passed\"}"), 30, &w->error));
    assert_int_equal(run_results_add(w->e, number, SLICE_NULL, &one, 1, 40, &w->error), FAULT_CONFLICT);
    assert_int_equal(run_end(w->e, number, RUN_STOPPED, SLICE("failed"), SLICE("{}"), 50, &w->error), FAULT_CONFLICT);
    assert_int_equal(run_own(w->e, number, SLICE("x"), 50, &w->error), FAULT_CONFLICT);
    assert_int_equal(run_ask_to_stop(w->e, number, SLICE("x"), &w->error), FAULT_CONFLICT);
    assert_int_equal(run_results_add(w->e, 77, SLICE_NULL, &one, 1, 40, &w->error), FAULT_NOT_FOUND);
    int64_t seen[2] = {0, 0};
    good(w, run_results_done(w->e, number, count, seen, &w->error));
    assert_int_equal(seen[0], 0); /* the transaction that met its end left nothing */
    struct run_row r = find(w, number);
    assert_true(r.done == 0 && r.ended_us == 30 && slice_is(r.verdict, "passed") && slice_is_null(r.owner));
}

static void test_owner(void **state) {
    struct world *w = *state;
    int64_t older = add(w, "s", "a"), newer = add(w, "s", "a");
    (void)add(w, "s", "b");
    struct digest wanted = digest_named("a");
    struct run_row r;
    good(w, run_find_unended(w->e, &wanted, &w->arena, &r, &w->error));
    assert_int_equal(r.number, newer);
    good(w, run_own(w->e, newer, SLICE("there 8 2"), 60, &w->error));
    struct run_result one = result(0, 0, 0, 5, "{}");
    assert_int_equal(run_results_add(w->e, newer, SLICE("here 7 1"), &one, 1, 70, &w->error), FAULT_CONFLICT);
    assert_non_null(strstr(w->error.text, "there 8 2"));
    good(w, run_results_add(w->e, newer, SLICE("there 8 2"), NULL, 0, 80, &w->error));
    good(w, run_ask_to_stop(w->e, newer, SLICE("ann"), &w->error));
    good(w, run_ask_to_stop(w->e, newer, SLICE("bob"), &w->error));
    r = find(w, newer);
    assert_true(r.seen_us == 80 && r.done == 0 && slice_is(r.stop_by, "ann"));
    good(w, run_end(w->e, newer, RUN_STOPPED, SLICE("inconclusive"), SLICE("{}"), 90, &w->error));
    good(w, run_find_unended(w->e, &wanted, &w->arena, &r, &w->error));
    assert_int_equal(r.number, older);
}

static bool note_number(void *ctx, const struct run_row *r) {
    int64_t *at = ctx;
    at[0] = at[0] * 10 + r->number;
    return true;
}

static void test_list(void **state) {
    struct world *w = *state;
    int64_t reference = -1;
    for (unsigned i = 0; i < 4; i++) (void)add(w, i % 2 ? "odd" : "even", "a");
    int64_t all = 0, odd = 0, before = 0;
    good(w, run_list(w->e, SLICE_NULL, INT64_MAX, &w->arena, note_number, &all, &w->error));
    good(w, run_list(w->e, SLICE("odd"), INT64_MAX, &w->arena, note_number, &odd, &w->error));
    good(w, run_list(w->e, SLICE_NULL, 3, &w->arena, note_number, &before, &w->error));
    assert_true(all == 4321 && odd == 42 && before == 21);
    good(w, run_reference(w->e, SLICE("odd"), &reference, &w->error));
    assert_int_equal(reference, 0);
    good(w, run_set_reference(w->e, SLICE("odd"), 2, 5, &w->error));
    good(w, run_set_reference(w->e, SLICE("odd"), 4, 6, &w->error));
    good(w, run_reference(w->e, SLICE("odd"), &reference, &w->error));
    assert_int_equal(reference, 4);
}

static bool count_one(void *ctx, const struct run_result *r) {
    (void)r;
    ++*(unsigned *)ctx;
    return true;
}
static unsigned results_of(struct world *w, int64_t number) {
    unsigned n = 0;
    good(w, run_results_done(w->e, number, count_one, &n, &w->error));
    return n;
}

/* Results of old runs go; the runs, and the results of a reference, stay. */
static void old_results_go(void **state) {
    struct world *w = *state;
    struct run_row row;
    int64_t runs[4];
    const struct run_result r = {.case_at = 0, .repeat = 0, .body = SLICE("{}")};
    for (unsigned i = 0; i < 4; i++) {
        runs[i] = add(w, "s", "w");
        good(w, run_results_add(w->e, runs[i], SLICE_NULL, &r, 1, 10, &w->error));
        if (i != 3) good(w, run_end(w->e, runs[i], RUN_FINISHED, SLICE("passed"), SLICE("{}"), 100 + i * 100, &w->error));
    }
    good(w, run_set_reference(w->e, SLICE("s"), runs[0], 1, &w->error));
    good(w, run_results_prune(w->e, 10, &w->error)); /* the last is under way */
    for (unsigned i = 0; i < 4; i++) assert_int_equal(results_of(w, runs[i]), 1);
    good(w, run_results_prune(w->e, 300, &w->error));
    assert_true(results_of(w, runs[0]) == 1 && results_of(w, runs[1]) == 0 && results_of(w, runs[2]) == 1 && results_of(w, runs[3]) == 0);
    good(w, run_find(w->e, runs[1], &w->arena, &row, &w->error));
    assert_true(slice_is(row.verdict, "passed") && slice_is(row.summary, "{}"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_row, setup, teardown),
        cmocka_unit_test_setup_teardown(test_results_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(old_results_go, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
