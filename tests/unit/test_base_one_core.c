#include "base/one_core.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct other {
    pthread_barrier_t turn;
    cpu_set_t begun, left;
};

static void *main_of_other(void *ctx) {
    struct other *o = ctx;
    sched_getaffinity(0, sizeof o->begun, &o->begun);
    pthread_barrier_wait(&o->turn);
    pthread_barrier_wait(&o->turn);
    sched_getaffinity(0, sizeof o->left, &o->left);
    return NULL;
}

static void all_threads_stay_and_may_go(void **state) {
    struct other o;
    pthread_t thread;
    cpu_set_t before, now;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    pthread_barrier_init(&o.turn, NULL, 2);
    one_core_leave(); /* nothing was taken */
    one_core_take();
    assert_int_equal(pthread_create(&thread, NULL, main_of_other, &o), 0);
    pthread_barrier_wait(&o.turn);
    sched_getaffinity(0, sizeof now, &now);
    assert_int_equal(CPU_COUNT(&now), 1);
    assert_true(CPU_EQUAL(&now, &o.begun));
    one_core_leave();
    pthread_barrier_wait(&o.turn);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&o.turn);
    sched_getaffinity(0, sizeof now, &now);
    assert_true(CPU_EQUAL(&now, &before));
    assert_true(CPU_EQUAL(&o.left, &before));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_threads_stay_and_may_go)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
