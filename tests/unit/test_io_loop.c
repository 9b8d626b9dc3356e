#include "test_io_rig.h"

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>

static struct loop *new_loop(void) {
    struct error error = {0};
    struct loop *l = loop_new(&error);
    assert_non_null(l);
    return l;
}

/* timers */

struct alarm {
    struct loop_timer timer;
    struct loop *loop;
    int fired, order;
    int64_t at_us, again_us;
};

static int order;

static void ring(struct loop_timer *t) {
    struct alarm *a = list_item(t, struct alarm, timer);
    a->fired++;
    a->order = ++order;
    a->at_us = loop_now_us(a->loop);
    if (a->again_us > 0) loop_timer_start(a->loop, t, a->again_us);
}

static void advance(struct loop *l, int64_t us) {
    clock_advance(us);
    rig_turn(l);
}

static void timers_fire_in_order(void **state) {
    (void)state;
    struct loop *l = new_loop();
    struct alarm a[4] = {0};
    static const int64_t delay[4] = {3000, 1000, 2000, 1000};
    order = 0;
    for (int i = 0; i < 4; i++) {
        a[i].loop = l;
        a[i].timer.fired = ring;
        loop_timer_start(l, &a[i].timer, delay[i]);
    }
    rig_turn(l);
    assert_int_equal(order, 0);
    advance(l, 999);
    assert_int_equal(order, 0);
    advance(l, 1);
    assert_int_equal(a[1].fired + a[3].fired, 2);
    assert_false(a[1].timer.on);
    advance(l, 5000);
    assert_true(a[2].order < a[0].order);
    assert_int_equal(order, 4);
    loop_free(l);
}

static void timers_move_and_stop(void **state) {
    (void)state;
    struct loop *l = new_loop();
    struct alarm a = {.loop = l, .timer.fired = ring}, b = {.loop = l, .timer.fired = ring};
    loop_timer_start(l, &a.timer, 1000);
    loop_timer_start(l, &b.timer, 9000);
    loop_timer_start(l, &a.timer, 5000); /* later */
    loop_timer_start(l, &b.timer, 2000); /* earlier */
    advance(l, 1500);
    assert_int_equal(a.fired + b.fired, 0);
    advance(l, 500);
    assert_int_equal(b.fired, 1);
    assert_int_equal(a.fired, 0);
    loop_timer_stop(l, &a.timer);
    loop_timer_stop(l, &a.timer);
    advance(l, 10000);
    assert_int_equal(a.fired, 0);
    a.again_us = 100;
    loop_timer_start(l, &a.timer, 0);
    rig_turn(l);
    assert_int_equal(a.fired, 1);
    advance(l, 100);
    assert_int_equal(a.fired, 2);
    loop_timer_stop(l, &a.timer);
    loop_free(l);
}

/* Many timers moved at random behave as a plain table of due times does. */
static void timers_agree_with_a_model(void **state) {
    (void)state;
    enum { N = 300 };
    struct loop *l = new_loop();
    struct alarm *a = mem_new_array(struct alarm, N);
    int64_t due[N];
    uint32_t seed = 12345;
    for (int i = 0; i < N; i++) {
        a[i].loop = l;
        a[i].timer.fired = ring;
        due[i] = -1;
    }
    for (int step = 0; step < 20000; step++) {
        uint32_t i = rig_random(&seed) % N, what = rig_random(&seed) % 8;
        if (what < 5) {
            int64_t delay = rig_random(&seed) % 5000;
            loop_timer_start(l, &a[i].timer, delay);
            due[i] = loop_now_us(l) + delay;
        } else if (what == 5) {
            loop_timer_stop(l, &a[i].timer);
            due[i] = -1;
        } else {
            for (int k = 0; k < N; k++) a[k].fired = 0;
            clock_advance(rig_random(&seed) % 300);
            /* a timer moved to later may take a turn more to be looked at, never a time more */
            rig_turns(l, 2);
            for (int k = 0; k < N; k++) {
                bool expected = due[k] >= 0 && due[k] <= loop_now_us(l);
                assert_int_equal(a[k].fired, expected ? 1 : 0);
                if (expected) due[k] = -1;
                assert_int_equal(a[k].timer.on, due[k] >= 0);
            }
        }
    }
    for (int k = 0; k < N; k++) loop_timer_stop(l, &a[k].timer);
    mem_free(a);
    loop_free(l);
}

/* watches */

struct eye {
    struct loop_watch watch;
    struct loop *loop;
    struct eye *stops;
    int seen;
    unsigned events;
};

static void look(struct loop_watch *w, unsigned events) {
    struct eye *e = list_item(w, struct eye, watch);
    e->seen++;
    e->events = events;
    if (e->stops != NULL) loop_watch_stop(e->loop, &e->stops->watch);
}

static void watches_tell_what_holds(void **state) {
    (void)state;
    struct loop *l = new_loop();
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    struct eye e = {.loop = l, .watch = {.fd = pair[0], .events = LOOP_READ, .ready = look}};
    assert_int_equal(loop_watch_start(l, &e.watch, NULL), FAULT_NONE);
    rig_turn(l);
    assert_int_equal(e.seen, 0);
    rig_say(pair[1], "x");
    rig_turns(l, 2);
    assert_int_equal(e.seen, 2); /* level-triggered */
    assert_int_equal(e.events, LOOP_READ);
    assert_int_equal(loop_watch_change(l, &e.watch, LOOP_WRITE), FAULT_NONE);
    rig_turn(l);
    assert_int_equal(e.events, LOOP_WRITE);
    assert_int_equal(loop_watch_change(l, &e.watch, LOOP_HANGUP), FAULT_NONE);
    e.seen = 0;
    rig_turns(l, 2);
    assert_int_equal(e.seen, 0); /* data is no hang-up */
    close(pair[1]);
    rig_turns(l, 3);
    assert_int_equal(e.seen, 1); /* once */
    assert_int_equal(e.events, LOOP_HANGUP);
    loop_watch_stop(l, &e.watch);
    loop_watch_stop(l, &e.watch);
    close(pair[0]);
    struct error error = {0};
    e.watch.fd = -1;
    assert_int_equal(loop_watch_start(l, &e.watch, &error), FAULT_IO);
    assert_true(strlen(error.text) > 0);
    loop_free(l);
}

/* Each of two ready watches stops the other: only one may be called. */
static void a_stopped_watch_is_silent(void **state) {
    (void)state;
    struct loop *l = new_loop();
    int a[2], b[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, a), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, b), 0);
    struct eye x = {.loop = l, .watch = {.fd = a[0], .events = LOOP_READ, .ready = look}};
    struct eye y = {.loop = l, .watch = {.fd = b[0], .events = LOOP_READ, .ready = look}};
    x.stops = &y;
    y.stops = &x;
    assert_int_equal(loop_watch_start(l, &x.watch, NULL), FAULT_NONE);
    assert_int_equal(loop_watch_start(l, &y.watch, NULL), FAULT_NONE);
    rig_say(a[1], "x");
    rig_say(b[1], "x");
    rig_turn(l);
    assert_int_equal(x.seen + y.seen, 1);
    loop_watch_stop(l, &x.watch);
    loop_watch_stop(l, &y.watch);
    for (int i = 0; i < 2; i++) close(a[i]), close(b[i]);
    loop_free(l);
}

/* deferred and posted work */

struct chain {
    struct loop *loop;
    int left, done;
};

static void defer_next(void *arg) {
    struct chain *c = arg;
    c->done++;
    if (--c->left > 0) loop_defer(c->loop, defer_next, c);
}

static void deferred_work_ends_the_turn(void **state) {
    (void)state;
    struct loop *l = new_loop();
    struct chain short_one = {l, 3, 0}, long_one = {l, 1000, 0};
    loop_defer(l, defer_next, &short_one);
    loop_defer(l, defer_next, &long_one);
    rig_turn(l);
    assert_int_equal(short_one.done, 3);
    assert_in_range(long_one.done, 3, 999); /* it may not hold the turn */
    loop_free(l);                           /* owes deferred work its run */
    assert_int_equal(long_one.done, 1000);
}

enum { THREADS = 4, POSTS = 5000 };

struct crowd {
    struct loop *loop;
    atomic_int refused;
    int done;
};

static void count(void *arg) {
    struct crowd *c = arg;
    if (++c->done == THREADS * POSTS) loop_stop(c->loop);
}

static void *post_many(void *arg) {
    struct crowd *c = arg;
    for (int i = 0; i < POSTS; i++)
        if (!loop_post(c->loop, count, c)) atomic_fetch_add(&c->refused, 1);
    return NULL;
}

static void posts_from_threads_all_run(void **state) {
    (void)state;
    struct crowd c = {.loop = new_loop()};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, post_many, &c), 0);
    loop_run(c.loop);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(c.refused, 0);
    assert_int_equal(c.done, THREADS * POSTS);
    assert_false(loop_post(c.loop, count, &c)); /* the loop is stopped */
    loop_free(c.loop);
}

static void *stop_it(void *arg) {
    loop_stop(arg);
    return NULL;
}

static void stop_wakes_a_sleeping_loop(void **state) {
    (void)state;
    struct loop *l = new_loop();
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, stop_it, l), 0);
    loop_run(l); /* no timer, no watch: only the stop ends it */
    pthread_join(t, NULL);
    loop_free(l);
}

int main(void) {
    clock_fake(1000000, 1000000);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),      cmocka_unit_test(timers_move_and_stop),
        cmocka_unit_test(timers_agree_with_a_model), cmocka_unit_test(watches_tell_what_holds),
        cmocka_unit_test(a_stopped_watch_is_silent), cmocka_unit_test(deferred_work_ends_the_turn),
        cmocka_unit_test(posts_from_threads_all_run), cmocka_unit_test(stop_wakes_a_sleeping_loop),
    };
    return cmocka_run_group_tests_name("io/loop", tests, NULL, NULL);
}
