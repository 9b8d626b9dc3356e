/* virtual_time.c - see virtual_time.h.
 *
 * Invariants, under `lock`: `busy` counts the members that do not wait. A member leaves the wait only by `rouse`, which counts it
 * busy in the same breath, be it by its own thread (its descriptor became readable), by whoever woke it, or by the clock. A loop's
 * descriptor is emptied by its busy thread alone, so one that is readable stays so until that thread is counted. `advance` is tried
 * whenever `busy` becomes 0. */
#include "base/virtual_time.h"

#include "base/clock.h"
#include "base/list.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RARE_US 1800000000LL /* what comes about less often than this stays as it is */

enum { MEMBERS = 256 }; /* of whom descriptors are looked at together; a server has some 20 threads, more wait in real time */

struct virtual_waiter { /* one for each thread that takes part */
    struct list link;
    int wake_fd, fd;
    int64_t due_us;
    bool member, waiting, told; /* told: wake_fd was written */
};

static atomic_bool on;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list members = {&members, &members};
static unsigned n_members, busy;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;
static bool has_key, looks_twice;
static _Atomic int64_t calm_us; /* monotonic: until then patience is as under virtual time */
static _Thread_local struct virtual_waiter mine = {.wake_fd = -1};

bool virtual_time_is_on(void) { return atomic_load_explicit(&on, memory_order_relaxed); }

/* ---- under lock ---- */

static void rouse(struct virtual_waiter *w) {
    if (!w->waiting) return;
    uint64_t one = 1;
    w->waiting = false;
    busy++;
    if (w == &mine) return;
    w->told = true;
    (void)!write(w->wake_fd, &one, sizeof one);
}

static void flow(int64_t mono_us, int64_t wall_us) {
    clock_flow(mono_us, wall_us);
    atomic_store(&calm_us, mono_us + RARE_US);
    atomic_store(&on, false);
    for (struct list *n = members.next; n != &members; n = n->next) rouse(list_item(n, struct virtual_waiter, link));
}

static bool any_ready(void) {
    struct pollfd fds[MEMBERS];
    nfds_t n = 0;
    for (struct list *l = members.next; l != &members; l = l->next) {
        struct virtual_waiter *w = list_item(l, struct virtual_waiter, link);
        if (w->fd >= 0) fds[n++] = (struct pollfd){.fd = w->fd, .events = POLLIN};
    }
    return n > 0 && poll(fds, n, 0) != 0;
}

static int64_t earliest(void) {
    int64_t due = INT64_MAX;
    for (struct list *n = members.next; n != &members; n = n->next) {
        struct virtual_waiter *w = list_item(n, struct virtual_waiter, link);
        if (w->due_us < due) due = w->due_us;
    }
    return due;
}

/* Nobody is busy. Whoever has a descriptor that is ready will be, by itself. */
static void advance(void) {
    if (any_ready()) return;
    int64_t due = earliest(), now = clock_us(), step = due - now;
    if (due == INT64_MAX) return;
    if (looks_twice && step > VIRTUAL_TIME_GLANCE_US) {
        sched_yield();
        if (any_ready()) return;
    }
    if (step > 0) {
        int64_t wall = clock_wall_us() + step, real = clock_real_wall_us();
        if (wall >= real) {
            flow(now + (real - clock_wall_us()), real);
            return;
        }
        clock_fake(due, wall);
    }
    for (struct list *n = members.next; n != &members; n = n->next) {
        struct virtual_waiter *w = list_item(n, struct virtual_waiter, link);
        if (w->due_us <= due) rouse(w);
    }
}

static void rests(void) {
    if (--busy == 0 && virtual_time_is_on()) advance();
}

static void part(struct virtual_waiter *w) {
    list_remove(&w->link);
    w->member = false;
    n_members--;
    rests();
}

/* ---- who takes part ---- */

static void thread_ends(void *arg) {
    struct virtual_waiter *w = arg;
    pthread_mutex_lock(&lock);
    if (w->member) part(w);
    pthread_mutex_unlock(&lock);
    close(w->wake_fd);
    w->wake_fd = -1;
}

static void make_key(void) { has_key = pthread_key_create(&at_end, thread_ends) == 0; }

/* Before 6.4 Linux may leave packets of loopback sockets to a thread of its own, where later ones deliver them inside the send. */
static bool is_old_kernel(void) {
    struct utsname name;
    int major, minor;
    return uname(&name) != 0 || sscanf(name.release, "%d.%d", &major, &minor) != 2 || major < 6 || (major == 6 && minor < 4);
}

static bool make(void) {
    if (mine.wake_fd >= 0) return true;
    if (pthread_once(&once, make_key) != 0 || !has_key) return false;
    mine.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return mine.wake_fd >= 0 && pthread_setspecific(at_end, &mine) == 0;
}

static void join_locked(void) {
    if (mine.member || n_members == MEMBERS) return;
    mine.waiting = false;
    mine.fd = -1;
    mine.due_us = INT64_MAX;
    mine.member = true;
    list_push(&members, &mine.link);
    n_members++;
    busy++;
}

struct virtual_waiter *virtual_waiter_mine(void) {
    if (!virtual_time_is_on() || (!mine.member && !make())) return NULL;
    if (mine.member) return &mine;
    pthread_mutex_lock(&lock);
    if (virtual_time_is_on()) join_locked();
    pthread_mutex_unlock(&lock);
    return mine.member ? &mine : NULL;
}

void virtual_time_enter(void) { (void)virtual_waiter_mine(); }

bool virtual_time_leave(void) {
    if (!mine.member) return false;
    pthread_mutex_lock(&lock);
    part(&mine);
    pthread_mutex_unlock(&lock);
    return true;
}

bool virtual_time_begin(int64_t wall_us) {
    pthread_mutex_lock(&lock);
    bool good = !virtual_time_is_on() && make();
    if (good) {
        looks_twice = is_old_kernel();
        clock_fake(clock_us(), wall_us);
        atomic_store(&on, true);
        join_locked();
    }
    pthread_mutex_unlock(&lock);
    return good;
}

void virtual_time_end(void) {
    pthread_mutex_lock(&lock);
    if (virtual_time_is_on()) flow(clock_us(), clock_wall_us());
    pthread_mutex_unlock(&lock);
}

int64_t virtual_time_lazily(int64_t delay_us) {
    if (!virtual_time_is_on() || delay_us >= VIRTUAL_TIME_LAZY_US) return delay_us;
    int64_t now = clock_wall_us(), wait = VIRTUAL_TIME_LAZY_US - now % VIRTUAL_TIME_LAZY_US, left = clock_real_wall_us() - now;
    if (wait > left) wait = left;
    return wait > delay_us ? wait : delay_us;
}

static int64_t stretched(int64_t cadence_us) {
    if (cadence_us >= RARE_US) return cadence_us;
    if (cadence_us >= VIRTUAL_TIME_LAZY_US) return RARE_US;
    return 3 * cadence_us > VIRTUAL_TIME_LAZY_US ? 3 * cadence_us : VIRTUAL_TIME_LAZY_US;
}

int64_t virtual_time_cadence(int64_t cadence_us) { return virtual_time_is_on() ? stretched(cadence_us) : cadence_us; }

int64_t virtual_time_patience(int64_t cadence_us) {
    return virtual_time_is_on() || clock_us() < atomic_load(&calm_us) ? stretched(cadence_us) : cadence_us;
}

/* ---- waiting ---- */

void virtual_waiter_begin(struct virtual_waiter *w, int fd, int64_t due_us) {
    pthread_mutex_lock(&lock);
    w->fd = fd;
    w->due_us = due_us;
    w->waiting = virtual_time_is_on();
    if (w->waiting) rests();
    pthread_mutex_unlock(&lock);
}

void virtual_waiter_wait(struct virtual_waiter *w) {
    pthread_mutex_lock(&lock);
    struct pollfd fds[2] = {{.fd = w->wake_fd, .events = POLLIN}, {.fd = w->fd, .events = POLLIN}};
    bool waiting = w->waiting;
    pthread_mutex_unlock(&lock);
    if (waiting)
        while (poll(fds, w->fd >= 0 ? 2 : 1, -1) < 0 && errno == EINTR) continue;
    pthread_mutex_lock(&lock);
    rouse(w); /* its descriptor is readable */
    w->due_us = INT64_MAX;
    w->fd = -1;
    uint64_t n;
    if (w->told) (void)!read(w->wake_fd, &n, sizeof n);
    w->told = false;
    pthread_mutex_unlock(&lock);
}

void virtual_waiter_wake(struct virtual_waiter *w) {
    pthread_mutex_lock(&lock);
    rouse(w);
    pthread_mutex_unlock(&lock);
}
