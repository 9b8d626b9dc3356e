/* Budgets that come while the server runs: filled before they are in force, exact from the first admission. */
#include "test_cost_governor_rig.h"

#define APPLICATION "applications: {a: }\n"
#define DAILY "  - {name: day, scope: {application: a}, limit_usd: 1000, window: day}\n"
#define USERS(limit) "  - {name: users, scope: {user: \"*\"}, limit_usd: " limit ", window: month}\n"

enum { WRITERS = 4, EXCHANGES = 3000, USERS_N = 5 };
static const char *const names[USERS_N] = {"ann", "bob", "cat", "dan", "eve"};

/* A budget that comes with a reload knows what was spent before it admits the first request. */
static void test_exact_from_the_first(void **state) {
    struct rig r;
    struct reservation open[2];
    (void)state;
    rig_open(&r, APPLICATION);
    assert_int_equal(spend(&r, by("ann", NULL), 70 * CENT), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by("ann", NULL), 20 * CENT, &open[0]), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by("ann", NULL), 20 * CENT, &open[1]), VERDICT_ADMIT);
    struct policy *p = policy_of(APPLICATION "budgets:\n" USERS("1"));
    assert_true(governor_prepare(r.governor, p));
    settle(&r, by("ann", NULL), &open[0], 15 * CENT); /* in the ledger before that is read, and booked live */
    assert_int_equal(spend(&r, by("ann", NULL), 5 * CENT), VERDICT_ADMIT); /* the budget is not in force yet */
    fill(r.governor, r.wall_us, &r.books);
    settle(&r, by("ann", NULL), &open[1], 2 * CENT); /* between the filling and its coming into force */
    governor_sweep(r.governor, r.wall_us, r.mono_us);
    assert_false(governor_install(r.governor, p));
    policy_drop(r.policy);
    r.policy = p;
    assert_int_equal(spend(&r, by("ann", NULL), 9 * CENT), VERDICT_REFUSE); /* 92 of 100 are spent */
    assert_int_equal(r.verdict.fault, FAULT_BUDGET_EXCEEDED);
    assert_int_equal(spend(&r, by("ann", NULL), 8 * CENT), VERDICT_ADMIT);
    check_view(&r, "users", "ann", 100 * CENT, 0);
    rig_close(&r);
}

/* What could not be read cannot be checked: on_error decides. */
static void test_unfilled_follows_on_error(void **state) {
    struct rig r;
    (void)state;
    rig_open(&r, APPLICATION);
    assert_true(rig_reload(&r, APPLICATION "budgets:\n" USERS("1")));
    assert_int_equal(spend(&r, by("ann", NULL), 1 * CENT), VERDICT_REFUSE);
    assert_int_equal(r.verdict.fault, FAULT_OVERLOADED);
    assert_int_equal(spend(&r, by(NULL, NULL), 1 * CENT), VERDICT_ADMIT); /* nobody's budget */
    assert_true(rig_reload(&r, APPLICATION "budgets:\n  - {name: users, scope: {user: \"*\"}, limit_usd: 1, window: month, on_error: allow}\n"));
    assert_int_equal(spend(&r, by("ann", NULL), 1 * CENT), VERDICT_ADMIT);
    rig_close(&r);
}

/* Reloads that bring a budget while others spend: it is filled beside them and exact when it comes into force. */
struct writer {
    struct rig *r;
    unsigned n;
};

static void *spends_and_records(void *arg) {
    struct writer *w = arg;
    struct verdict v;
    for (unsigned i = 0; i < w->n; i++) {
        struct reservation one;
        struct admission_request q = ask(w->r, by(names[i % USERS_N], NULL), 10);
        governor_admit(w->r->governor, &q, &v, &one);
        if (v.outcome == VERDICT_REFUSE) continue;
        pthread_mutex_lock(&w->r->lock); /* a loop's turn: what settles is recorded in it */
        settle(w->r, q.labels, &one, 7);
        pthread_mutex_unlock(&w->r->lock);
    }
    return NULL;
}

static enum fault locked_each(void *ctx, int64_t from_us, void (*take)(void *arg, const struct record *r), void *arg, struct error *error) {
    struct rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    enum fault fault = books_each(&r->books, from_us, take, arg, error);
    pthread_mutex_unlock(&r->lock);
    return fault;
}

static void test_comes_while_others_spend(void **state) {
    (void)state;
    for (unsigned round = 0; round < 5; round++) {
        struct rig r;
        struct writer writers[WRITERS];
        pthread_t threads[WRITERS];
        struct error error = {0};
        int64_t all = 0;
        rig_open(&r, APPLICATION "budgets:\n" DAILY);
        for (unsigned i = 0; i < WRITERS; i++) {
            writers[i] = (struct writer){&r, EXCHANGES};
            assert_int_equal(pthread_create(&threads[i], NULL, spends_and_records, &writers[i]), 0);
        }
        struct policy *p = policy_of(APPLICATION "budgets:\n" DAILY USERS("1000"));
        assert_true(governor_prepare(r.governor, p));
        pthread_mutex_lock(&r.lock); /* every loop has passed */
        pthread_mutex_unlock(&r.lock);
        assert_int_equal(governor_fill(r.governor, r.wall_us, &(struct record_source){&r, locked_each}, &error), FAULT_NONE);
        assert_false(governor_install(r.governor, p));
        for (unsigned i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
        for (unsigned u = 0; u < USERS_N; u++) all += look(&r, "users", names[u]).spent_nano;
        assert_int_equal(all, WRITERS * EXCHANGES * 7);
        check_view(&r, "day", NULL, WRITERS * EXCHANGES * 7, 0);
        policy_drop(p);
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact_from_the_first), cmocka_unit_test(test_unfilled_follows_on_error),
                                       cmocka_unit_test(test_comes_while_others_spend)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
