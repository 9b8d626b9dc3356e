#include "base/mem.h"
#include "cost/budget.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define THREADS 8

static void check_sums(const struct budget_counter *c, int64_t spent, int64_t reserved) {
    int64_t s, r;
    budget_sums(c, &s, &r);
    assert_int_equal(s, spent);
    assert_int_equal(r, reserved);
}

static void test_life(void **state) {
    struct budget_counter c = {0};
    (void)state;
    assert_int_equal(budget_reserve(&c, 60, 100), BUDGET_FITS);
    assert_int_equal(budget_reserve(&c, 41, 100), BUDGET_OVER);
    assert_int_equal(budget_reserve(&c, 40, 100), BUDGET_FITS);
    check_sums(&c, 0, 100);
    assert_int_equal(budget_left(&c, 100), 0);
    budget_settle(&c, 60, 10);
    check_sums(&c, 10, 40);
    budget_release(&c, 40);
    check_sums(&c, 10, 0);
    assert_int_equal(budget_reserve(&c, 90, 100), BUDGET_FITS);
    budget_settle(&c, 90, 90); /* as reserved */
    check_sums(&c, 100, 0);
    assert_int_equal(budget_reserve(&c, 0, 100), BUDGET_FITS); /* free of charge */
    assert_int_equal(budget_reserve(&c, 1, 100), BUDGET_OVER);
    assert_int_equal(budget_reserve(&c, 1, INT64_MAX), BUDGET_FITS);
    budget_settle(&c, 1, 500); /* the worst case was not the worst */
    check_sums(&c, 600, 0);
    assert_int_equal(budget_left(&c, 100), -500);
}

static void test_unknown_is_not_zero(void **state) {
    static const int64_t unknown[] = {MONEY_UNKNOWN, -1, LIMIT_COST_NANO + 1, INT64_MAX};
    struct budget_counter c = {0};
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(budget_reserve(&c, 50, 100), BUDGET_FITS);
        budget_settle(&c, 50, unknown[i]);
        assert_true(budget_book(&c, unknown[i]));
        check_sums(&c, 0, 0);
        assert_int_equal(atomic_load(&c.unpriced), 2 * (i + 1));
    }
    assert_int_equal(budget_reserve(&c, 50, 100), BUDGET_FITS);
    budget_settle(&c, 50, 0);
    assert_true(budget_book(&c, 0));
    assert_int_equal(atomic_load(&c.unpriced), 8);
    check_sums(&c, 0, 0);
}

static void test_overflow(void **state) {
    struct budget_counter c = {0};
    (void)state;
    assert_int_equal(budget_reserve(&c, INT64_MAX - 5, INT64_MAX), BUDGET_FITS);
    assert_int_equal(budget_reserve(&c, 6, INT64_MAX), BUDGET_OVER);
    check_sums(&c, 0, INT64_MAX - 5);
}

static void test_end(void **state) {
    struct budget_counter c = {0};
    (void)state;
    assert_int_equal(budget_reserve(&c, 10, 100), BUDGET_FITS);
    assert_false(budget_end(&c)); /* something is reserved */
    budget_settle(&c, 10, 5);
    assert_true(budget_end(&c));
    assert_false(budget_end(&c) && atomic_load(&c.head.hold) != COUNTER_DEAD);
    assert_int_equal(budget_reserve(&c, 10, 100), BUDGET_GONE);
    assert_false(budget_book(&c, 10));
    assert_false(budget_book(&c, MONEY_UNKNOWN));
}

static void test_thresholds(void **state) {
    struct budget b = {.limit_nano = 1000, .alert_at = {0.5, 0.8, 1.2}, .n_alerts = 3};
    struct budget_counter c = {0};
    double share = 0;
    (void)state;
    assert_false(budget_crossed(&c, &b, &share));
    assert_true(budget_book(&c, 499));
    assert_false(budget_crossed(&c, &b, &share));
    assert_true(budget_book(&c, 1));
    assert_true(budget_crossed(&c, &b, &share));
    assert_true(share == 0.5);
    assert_false(budget_crossed(&c, &b, &share));
    assert_true(budget_book(&c, 1000)); /* past two at once: both, in order */
    assert_true(budget_crossed(&c, &b, &share) && share == 0.8);
    assert_true(budget_crossed(&c, &b, &share) && share == 1.2);
    assert_false(budget_crossed(&c, &b, &share));
    b.limit_nano = 1; /* a reload lowers the limit: told is told */
    assert_false(budget_crossed(&c, &b, &share));
    b.limit_nano = 0; /* and nothing spent is nothing reached */
    c = (struct budget_counter){0};
    assert_false(budget_crossed(&c, &b, &share));
}

/* ===== threads ===== */

struct crowd {
    struct budget_counter *c;
    const struct budget *b;
    pthread_barrier_t *start;
    uint64_t seed;
    int64_t limit, spent;
    unsigned admitted, alerts;
    bool exceeded;
};

static void run(void *(*work)(void *), struct crowd *crowd, unsigned n) {
    pthread_t threads[64];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        crowd[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, work, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < n; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&start);
}

static void *reserve_25(void *arg) {
    struct crowd *m = arg;
    pthread_barrier_wait(m->start);
    for (unsigned i = 0; i < 25; i++) m->admitted += budget_reserve(m->c, 20, m->limit) == BUDGET_FITS;
    return NULL;
}

static void test_200_for_50(void **state) {
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        struct budget_counter c = {0};
        struct crowd crowd[THREADS] = {{0}};
        unsigned admitted = 0;
        for (unsigned i = 0; i < THREADS; i++)
            crowd[i] = (struct crowd){.c = &c, .limit = 1000 + (int64_t)round % 20};
        run(reserve_25, crowd, THREADS);
        for (unsigned i = 0; i < THREADS; i++) admitted += crowd[i].admitted;
        assert_int_equal(admitted, 50);
        check_sums(&c, 0, 1000);
    }
}

static uint64_t next(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* Up to eight reservations open a thread; costs up to what was reserved. */
static void *interleave(void *arg) {
    struct crowd *m = arg;
    int64_t open[8];
    unsigned n = 0;
    pthread_barrier_wait(m->start);
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t dice = next(&m->seed);
        if (n < 8 && dice % 3 == 0) {
            int64_t nano = 1 + (int64_t)(dice >> 8) % 1000;
            if (budget_reserve(m->c, nano, m->limit) == BUDGET_FITS) open[n++] = nano;
        } else if (n > 0 && dice % 3 == 1) {
            int64_t cost = (int64_t)(dice >> 8) % 64 % (open[n - 1] + 1);
            budget_settle(m->c, open[--n], cost);
            m->spent += cost;
            double share;
            while (budget_crossed(m->c, m->b, &share)) m->alerts++;
        } else if (n > 0) {
            budget_release(m->c, open[--n]);
        }
        m->exceeded = m->exceeded || budget_left(m->c, m->limit) < 0;
    }
    while (n > 0) budget_release(m->c, open[--n]);
    return NULL;
}

static void test_interleavings(void **state) {
    const struct budget b = {.limit_nano = 400000, .alert_at = {0.1, 0.2, 0.5}, .n_alerts = 3};
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct budget_counter c = {0};
        struct crowd crowd[THREADS] = {{0}};
        int64_t spent = 0;
        unsigned alerts = 0;
        for (unsigned i = 0; i < THREADS; i++)
            crowd[i] = (struct crowd){.c = &c, .b = &b, .seed = seed * 1000 + i, .limit = b.limit_nano};
        run(interleave, crowd, THREADS);
        for (unsigned i = 0; i < THREADS; i++) {
            assert_false(crowd[i].exceeded);
            spent += crowd[i].spent;
            alerts += crowd[i].alerts;
        }
        check_sums(&c, spent, 0);
        assert_true(spent > b.limit_nano / 2); /* else the test shows little */
        assert_int_equal(alerts, 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),         cmocka_unit_test(test_unknown_is_not_zero),
        cmocka_unit_test(test_overflow),     cmocka_unit_test(test_end),
        cmocka_unit_test(test_thresholds),   cmocka_unit_test(test_200_for_50),
        cmocka_unit_test(test_interleavings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
