/* What is in force on the loops: found by kind, ended by its time; and the throttle that all of them share. */
#include "model/deployment.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)

/* Asked each `step_us` for `us`: how many are let through. */
static int let_through(struct throttle *t, int64_t per_minute, int64_t from_us, int64_t us, int64_t step_us) {
    int n = 0;
    int64_t wait;
    for (int64_t at = from_us; at < from_us + us; at += step_us) n += throttle_admit(t, per_minute, at, &wait);
    return n;
}

static void a_throttle_lets_its_rate_through(void **state) {
    (void)state;
    static const int64_t rates[] = {1, 7, 60, 600, 60000};
    for (unsigned i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct throttle *t = throttle_new();
        int first = let_through(t, rates[i], 5 * SECOND, MINUTE, 100), later = let_through(t, rates[i], 5 * SECOND + MINUTE, 10 * MINUTE, 1000);
        assert_true(first >= rates[i] && (double)first <= 1.1 * (double)rates[i] + 1);
        assert_in_range(later, 10 * rates[i] - 1, 10 * rates[i] + 1); /* what came at once is not given twice */
        throttle_drop(t);
    }
}

static void a_throttle_says_when(void **state) {
    (void)state;
    struct throttle *t = throttle_new();
    int64_t wait = -1;
    assert_true(throttle_admit(t, 1, 100, &wait));
    assert_false(throttle_admit(t, 1, 200, &wait));
    int64_t at = 200 + wait;
    assert_false(throttle_admit(t, 1, at - 1, &wait)); /* refusals do not count */
    assert_true(throttle_admit(t, 1, at, &wait));
    assert_false(throttle_admit(t, 0, at + 100 * MINUTE, &wait));
    assert_true(wait > 0);
    throttle_drop(t);
    throttle_drop(NULL);
}

static void *ask_often(void *arg) {
    int64_t wait;
    uintptr_t n = 0;
    for (int i = 0; i < 100000; i++) n += throttle_admit(arg, 6000, 7 * SECOND, &wait);
    return (void *)n; // NOLINT(performance-no-int-to-ptr)
}

static void loops_share_a_throttle(void **state) {
    (void)state;
    struct throttle *t = throttle_new();
    pthread_t threads[4];
    uintptr_t sum = 0;
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, ask_often, t), 0);
    for (int i = 0; i < 4; i++) {
        void *n;
        pthread_join(threads[i], &n);
        sum += (uintptr_t)n;
    }
    assert_int_equal(sum, 601); /* a tenth of a minute's, and one */
    throttle_drop(t);
}

static struct deployments *in_force(const struct intervention *all, unsigned n) {
    struct deployments *d = deployments_new();
    d->interventions = arena_new_array(&d->arena, struct intervention, n);
    memcpy(d->interventions, all, n * sizeof *all);
    d->n_interventions = n;
    deployments_arrange(d);
    return d;
}

static void by_kind_and_number(void **state) {
    (void)state;
    struct throttle *shared = throttle_new();
    struct intervention all[] = {{.number = 9, .spec.kind = INTERVENTION_PAUSE_BATCH},
                                 {.number = 4, .spec.kind = INTERVENTION_FAIL_OVER},
                                 {.number = 7, .spec.kind = INTERVENTION_THROTTLE, .throttle = shared},
                                 {.number = 2, .spec.kind = INTERVENTION_FAIL_OVER},
                                 {.number = 3, .spec.kind = INTERVENTION_FAIL_OVER}};
    struct deployments *d = in_force(all, 5);
    unsigned n, sum = 0;
    for (unsigned k = 0; k < INTERVENTION_KINDS; k++) {
        const struct intervention *i = deployments_of_kind(d, (enum intervention_kind)k, &n);
        for (unsigned at = 0; at < n; at++) assert_int_equal(i[at].spec.kind, k);
        for (unsigned at = 1; at < n; at++) assert_true(i[at - 1].number < i[at].number);
        sum += n;
    }
    assert_int_equal(sum, 5);
    assert_int_equal(deployments_of_kind(d, INTERVENTION_FAIL_OVER, &n)->number, 2);
    assert_int_equal(n, 3);
    (void)throttle_hold(shared); /* as the next snapshot does */
    deployments_drop(d);
    int64_t wait;
    assert_true(throttle_admit(shared, 1, 1, &wait));
    throttle_drop(shared);
    d = deployments_new();
    (void)deployments_of_kind(d, INTERVENTION_FREEZE, &n);
    assert_int_equal(n, 0);
    deployments_drop(d);
}

static void batches_wait(void **state) {
    (void)state;
    struct intervention all[] = {{.number = 1, .spec = {.kind = INTERVENTION_PAUSE_BATCH, .application = SLICE("app")}, .until_us = 100},
                                 {.number = 2, .spec = {.kind = INTERVENTION_PAUSE_BATCH, .application = SLICE("app"), .batch = SLICE("b1")}},
                                 {.number = 3, .spec = {.kind = INTERVENTION_FREEZE, .application = SLICE("other"), .key = SLICE("k")}}};
    struct deployments *d = in_force(all, 3);
    assert_true(deployments_pause(d, SLICE("app"), SLICE("b2"), 99));
    assert_false(deployments_pause(d, SLICE("app"), SLICE("b2"), 100));
    assert_true(deployments_pause(d, SLICE("app"), SLICE("b1"), 100));
    assert_false(deployments_pause(d, SLICE("other"), SLICE("b1"), 50));
    assert_false(deployments_pause(NULL, SLICE("app"), SLICE("b1"), 50));
    deployments_drop(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_throttle_lets_its_rate_through),
        cmocka_unit_test(a_throttle_says_when),
        cmocka_unit_test(loops_share_a_throttle),
        cmocka_unit_test(by_kind_and_number),
        cmocka_unit_test(batches_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
