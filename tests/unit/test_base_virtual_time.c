/* Virtual time over real threads, timers and sockets: exact times, in order, and nothing in flight is overtaken. */
#include "base/clock.h"
#include "base/list.h"
#include "base/mailbox.h"
#include "base/virtual_time.h"
#include "io/loop.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND 1000000LL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define START (1700006400 * SECOND) /* a past midnight */

static struct loop *new_loop(void) {
    struct error error;
    struct loop *l = loop_new(&error);
    assert_non_null(l);
    return l;
}

static void *run(void *arg) {
    loop_run(arg);
    return NULL;
}

struct birth {
    void *(*body)(void *);
    void *arg;
    atomic_bool takes_part;
};

static void *live(void *arg) {
    struct birth *b = arg;
    void *(*body)(void *) = b->body, *its = b->arg;
    virtual_time_enter();
    atomic_store(&b->takes_part, true);
    return body(its);
}

/* Time waits for its first wait. */
static pthread_t start(void *(*body)(void *), void *arg) {
    struct birth b = {.body = body, .arg = arg};
    pthread_t t;
    assert_int_equal(pthread_create(&t, NULL, live, &b), 0);
    while (!atomic_load(&b.takes_part)) sched_yield();
    return t;
}

/* Waits for a thread that needs time to pass. */
static void finish(pthread_t t) {
    virtual_time_leave();
    pthread_join(t, NULL);
    virtual_time_enter();
}

/* ---- two loops and a thread with a mailbox ---- */

enum { ROUNDS = 24 * 20 };

/* Each hour `first` posts to `second`, which posts a minute later to the mailbox; its thread looks every 25 minutes besides. */
struct relay {
    struct loop *first, *second;
    struct mailbox *box;
    struct loop_timer hourly, minute;
    int sent;
    int64_t at[3 * ROUNDS * 2]; /* wall times of what happened, in order */
    unsigned n, looks;
    int64_t wrong;
};

static void minute_over(struct loop_timer *t) {
    struct relay *r = list_item(t, struct relay, minute);
    r->at[r->n++] = clock_wall_us();
    if (!mailbox_post(r->box, r)) r->wrong++;
}

static void told(void *arg) {
    struct relay *r = arg;
    loop_timer_start(r->second, &r->minute, 60 * SECOND);
}

static void hour_over(struct loop_timer *t) {
    struct relay *r = list_item(t, struct relay, hourly);
    r->at[r->n++] = clock_wall_us();
    if (!loop_post(r->second, told, r)) r->wrong++;
    if (++r->sent < ROUNDS) loop_timer_start(r->first, t, HOUR);
}

static void *read_box(void *arg) {
    struct relay *r = arg;
    for (int got = 0; got < ROUNDS;) {
        int64_t before = clock_us();
        if (mailbox_wait(r->box, 25 * 60 * SECOND) != NULL) {
            r->at[r->n++] = clock_wall_us();
            got++;
        } else {
            r->looks++;
            r->wrong += clock_us() - before != 25 * 60 * SECOND;
        }
    }
    loop_stop(r->first);
    loop_stop(r->second);
    return NULL;
}

static void messages_and_timers_keep_exact_times(void **state) {
    (void)state;
    static struct relay r;
    assert_true(virtual_time_begin(START));
    assert_false(virtual_time_begin(START));
    assert_int_equal(clock_wall_us(), START);
    r = (struct relay){.first = new_loop(), .second = new_loop(), .box = mailbox_new(4), .hourly.fired = hour_over, .minute.fired = minute_over};
    loop_timer_start(r.first, &r.hourly, HOUR);
    pthread_t threads[] = {start(run, r.first), start(run, r.second), start(read_box, &r)};
    for (int i = 0; i < 3; i++) finish(threads[i]);
    assert_int_equal(r.wrong, 0);
    assert_int_equal(r.n, 3 * ROUNDS);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t hour = START + (i + 1) * HOUR, expected[] = {hour, hour + 60 * SECOND, hour + 60 * SECOND};
        for (int k = 0; k < 3; k++) assert_int_equal(r.at[3 * i + k], expected[k]);
    }
    assert_int_equal(r.looks, 2 * ROUNDS); /* of the first 61 minutes, and of each 60 */
    assert_int_equal(clock_wall_us(), START + ROUNDS * HOUR + 60 * SECOND);
    virtual_time_end();
    loop_free(r.first);
    loop_free(r.second);
    mailbox_free(r.box);
}

/* ---- random timers ---- */

enum { LOOPS = 3, TIMERS = 40, FIRINGS = 6000 };

static _Atomic int64_t latest; /* over all threads */
static atomic_int early, late;

struct dice_loop {
    struct loop *loop;
    struct loop_timer timers[TIMERS];
    int64_t due[TIMERS];
    uint64_t seed;
    int fired;
};

static int64_t draw(struct dice_loop *d) {
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    int64_t r = (int64_t)(d->seed >> 33);
    return r % 7 == 0 ? r % 1000 : r % (2 * HOUR);
}

static struct dice_loop *owner_of[LOOPS];

static void restart(struct dice_loop *d, int i) {
    int64_t delay = draw(d);
    loop_timer_start(d->loop, &d->timers[i], delay);
    d->due[i] = clock_us() + delay;
}

static void dice_fired(struct loop_timer *t) {
    struct dice_loop *d = NULL;
    for (int k = 0; k < LOOPS; k++)
        if (t >= owner_of[k]->timers && t < owner_of[k]->timers + TIMERS) d = owner_of[k];
    assert_non_null(d);
    int i = (int)(t - d->timers);
    int64_t now = clock_us(), before = atomic_exchange(&latest, now);
    if (now > d->due[i]) atomic_fetch_add(&late, 1);
    if (now < d->due[i] || now < before) atomic_fetch_add(&early, 1);
    restart(d, i);
    restart(d, (i + 1) % TIMERS); /* earlier or later than it was */
    if (++d->fired == FIRINGS) loop_stop(d->loop);
}

static void random_timers_fire_when_they_are_due(void **state) {
    (void)state;
    static struct dice_loop loops[LOOPS];
    pthread_t threads[LOOPS];
    assert_true(virtual_time_begin(START));
    atomic_store(&latest, clock_us());
    for (int k = 0; k < LOOPS; k++) {
        owner_of[k] = &loops[k];
        loops[k] = (struct dice_loop){.loop = new_loop(), .seed = (uint64_t)k + 1};
        for (int i = 0; i < TIMERS; i++) {
            loops[k].timers[i].fired = dice_fired;
            restart(&loops[k], i);
        }
    }
    for (int k = 0; k < LOOPS; k++) threads[k] = start(run, loops[k].loop);
    for (int k = 0; k < LOOPS; k++) finish(threads[k]);
    assert_true(clock_wall_us() > START + DAY);
    virtual_time_end();
    assert_int_equal(atomic_load(&early), 0);
    assert_int_equal(atomic_load(&late), 0);
    for (int k = 0; k < LOOPS; k++) loop_free(loops[k].loop);
}

/* ---- bytes under way ---- */

enum { BOUNCES = 3000, TEMPTATION_US = 7 };

/* Two loops send one byte to and fro over TCP, while another has a timer every few microseconds: as long as the byte is under way, time
 * must not move. Each side rests for a second of virtual time after every hundredth. */
struct side {
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer rest;
    int bounces;
    struct side *other;
    int64_t expected_us; /* when it was sent; of both: side[0]'s */
    int *wrong;
};

static void send_byte(struct side *s) {
    s->other->expected_us = clock_us();
    assert_int_equal(write(s->watch.fd, "x", 1), 1);
}

static void rested(struct loop_timer *t) { send_byte(list_item(t, struct side, rest)); }

static void got_byte(struct loop_watch *w, unsigned events) {
    struct side *s = list_item(w, struct side, watch);
    char c;
    (void)events;
    assert_int_equal(read(w->fd, &c, 1), 1);
    *s->wrong += clock_us() != s->expected_us;
    if (++s->bounces == BOUNCES) {
        loop_stop(s->loop);
        loop_stop(s->other->loop);
    } else if (s->bounces % 100 == 0) {
        loop_timer_start(s->loop, &s->rest, SECOND);
    } else {
        send_byte(s);
    }
}

struct tempter {
    struct loop *loop;
    struct loop_timer timer;
    uint64_t fired;
};

static void tempt(struct loop_timer *t) {
    struct tempter *x = list_item(t, struct tempter, timer);
    x->fired++;
    loop_timer_start(x->loop, t, x->fired % 50 == 0 ? SECOND / 3 : TEMPTATION_US);
}

static void connect_pair(int fds[2]) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&a, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[0], (struct sockaddr *)&a, len), 0);
    fds[1] = accept(listener, NULL, NULL);
    assert_true(fds[1] >= 0);
    close(listener);
}

static void bytes_under_way_hold_time(void **state) {
    (void)state;
    static struct side sides[2];
    int fds[2], wrong[2] = {0, 0};
    struct error error;
    connect_pair(fds);
    assert_true(virtual_time_begin(START));
    for (int i = 0; i < 2; i++) {
        sides[i] = (struct side){.loop = new_loop(), .other = &sides[1 - i], .rest.fired = rested, .wrong = &wrong[i],
                                 .watch = {.fd = fds[i], .events = LOOP_READ, .ready = got_byte}};
        assert_int_equal(loop_watch_start(sides[i].loop, &sides[i].watch, &error), FAULT_NONE);
    }
    struct tempter x = {.loop = new_loop(), .timer.fired = tempt};
    loop_timer_start(x.loop, &x.timer, TEMPTATION_US);
    loop_timer_start(sides[0].loop, &sides[0].rest, SECOND);
    pthread_t threads[] = {start(run, sides[0].loop), start(run, sides[1].loop), start(run, x.loop)};
    finish(threads[0]);
    finish(threads[1]);
    loop_stop(x.loop);
    finish(threads[2]);
    virtual_time_end();
    assert_int_equal(wrong[0] + wrong[1], 0);
    assert_true(x.fired > 100);
    for (int i = 0; i < 2; i++) {
        loop_free(sides[i].loop);
        close(fds[i]);
    }
    loop_free(x.loop);
}

/* ---- holding, and the end ---- */

static void *sleep_a_day(void *arg) {
    struct mailbox *box = arg;
    assert_null(mailbox_wait(box, DAY));
    return NULL;
}

static void who_is_busy_holds_time(void **state) {
    (void)state;
    struct mailbox *box = mailbox_new(1);
    assert_true(virtual_time_begin(START));
    pthread_t t = start(sleep_a_day, box);
    for (int i = 0; i < 1000; i++) {
        sched_yield();
        assert_int_equal(clock_wall_us(), START);
    }
    finish(t);
    assert_int_equal(clock_wall_us(), START + DAY);
    assert_int_equal(virtual_time_lazily(2 * DAY), 2 * DAY);
    assert_int_equal(virtual_time_lazily(1), 300 * SECOND);
    virtual_time_end();
    virtual_time_end();
    assert_int_equal(virtual_time_lazily(1), 1);
    assert_true(clock_wall_us() >= START + DAY && clock_wall_us() < START + 2 * DAY); /* on from there */
    mailbox_free(box);
}

static void *wait_for_item(void *arg) {
    return mailbox_wait(arg, -1);
}

static void never(struct loop_timer *t) {
    (void)t;
    fail();
}

/* It ends under a wait that then goes on in real time, and by itself when it meets the real clock. */
static void the_end_wakes_nobody_for_nothing(void **state) {
    (void)state;
    struct mailbox *box = mailbox_new(1);
    int64_t real = clock_real_wall_us();
    assert_true(virtual_time_begin(real - HOUR));
    pthread_t t = start(wait_for_item, box);
    struct loop *beyond = new_loop();
    struct loop_timer tomorrow = {.fired = never};
    loop_timer_start(beyond, &tomorrow, DAY); /* past the present: it is the end */
    pthread_t l = start(run, beyond);
    int64_t mono = clock_us();
    virtual_time_leave();
    while (virtual_time_is_on()) sched_yield();
    assert_true(clock_us() >= mono + HOUR);
    assert_true(clock_wall_us() >= real && clock_wall_us() - clock_real_wall_us() <= 0);
    int item;
    assert_true(mailbox_post(box, &item));
    void *got = NULL;
    pthread_join(t, &got);
    assert_ptr_equal(got, &item);
    loop_stop(beyond);
    pthread_join(l, NULL);
    loop_free(beyond);
    mailbox_free(box);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_and_timers_keep_exact_times),
        cmocka_unit_test(random_timers_fire_when_they_are_due),
        cmocka_unit_test(bytes_under_way_hold_time),
        cmocka_unit_test(who_is_busy_holds_time),
        cmocka_unit_test(the_end_wakes_nobody_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
