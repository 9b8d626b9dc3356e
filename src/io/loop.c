/* loop.c - epoll, a heap of timers, and two queues: deferred work and posts from other threads.
 *
 * A turn: wait; read the clock; run posts; deliver events; fire timers; run deferred work.
 *
 * Invariants: heap[1..timers] is a min-heap by sorted_us and heap[t->slot] == t; sorted_us <= due_us for
 * every timer in it, so a timer is looked at no later than it is due. `batch` holds the events of this
 * turn only, and stopping a watch takes its undelivered event out: its memory may be freed at once. */
#include "io/loop.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/virtual_time.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    BATCH = 256,          /* events taken from the kernel at a time */
    DEFER_ROUNDS = 4,     /* deferred work that defers again: rounds in one turn */
    LAST_ROUNDS = 1000,     /* the same when the loop ends */
    LONGEST_WAIT_MS = 60 * 1000,
};

struct job {
    void (*run)(void *arg);
    void *arg;
};

struct jobs {
    struct job *at;
    size_t count, capacity;
};

struct loop {
    int epoll_fd, event_fd;
    int64_t now_us;
    struct epoll_event batch[BATCH];
    int batch_count, batch_next;
    struct loop_timer **heap; /* heap[0] is unused */
    uint32_t timers, heap_capacity;
    struct jobs deferred, running; /* two, so that a round may defer the next one */
    pthread_mutex_t lock;          /* posted, closed */
    struct jobs posted, taken;
    bool closed;
    atomic_bool stop;
};

static void jobs_add(struct jobs *j, void (*run)(void *), void *arg) {
    if (j->count == j->capacity) {
        j->capacity = j->capacity == 0 ? 64 : j->capacity * 2;
        j->at = mem_resize(j->at, j->capacity * sizeof *j->at);
    }
    j->at[j->count++] = (struct job){run, arg};
}

static void jobs_run(struct jobs *j) {
    for (size_t i = 0; i < j->count; i++) j->at[i].run(j->at[i].arg);
    j->count = 0;
}

static void jobs_swap(struct jobs *a, struct jobs *b) {
    struct jobs t = *a;
    *a = *b;
    *b = t;
}

struct loop *loop_new(struct error *error) {
    struct loop *l = mem_new(struct loop);
    l->event_fd = -1;
    pthread_mutex_init(&l->lock, NULL);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll_fd < 0) goto fail;
    l->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->event_fd < 0) goto fail;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}; /* NULL: the eventfd */
    if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->event_fd, &e) != 0) goto fail;
    l->now_us = clock_us();
    return l;
fail:
    (void)error_set(error, FAULT_IO, "cannot make an event loop: %s", strerror(errno));
    loop_free(l);
    return NULL;
}

static void run_deferred(struct loop *l) {
    for (int round = 0; round < DEFER_ROUNDS && l->deferred.count > 0; round++) {
        jobs_swap(&l->deferred, &l->running);
        jobs_run(&l->running);
    }
}

void loop_free(struct loop *l) {
    if (l == NULL) return;
    for (int i = 0; i < LAST_ROUNDS && l->deferred.count > 0; i++)
        run_deferred(l); /* deferred work releases memory: it is owed its run */
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    if (l->event_fd >= 0) close(l->event_fd);
    pthread_mutex_destroy(&l->lock);
    mem_free(l->heap);
    mem_free(l->deferred.at);
    mem_free(l->running.at);
    mem_free(l->posted.at);
    mem_free(l->taken.at);
    mem_free(l);
}

int64_t loop_now_us(const struct loop *l) { return l->now_us; }

/* watches */

static uint32_t epoll_bits(unsigned events) {
    uint32_t bits = 0;
    if (events & LOOP_READ) bits |= EPOLLIN;
    if (events & LOOP_WRITE) bits |= EPOLLOUT;
    if (events & LOOP_HANGUP) bits |= EPOLLRDHUP;
    /* A lone hang-up stays true until the descriptor is closed: once is enough. */
    if (events == LOOP_HANGUP) bits |= EPOLLET;
    return bits;
}

static unsigned loop_bits(uint32_t bits, unsigned wanted) {
    unsigned events = 0;
    if (bits & EPOLLIN) events |= LOOP_READ;
    if (bits & EPOLLOUT) events |= LOOP_WRITE;
    if (bits & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) events |= LOOP_HANGUP;
    /* Who did not ask for hang-ups learns of them by reading or writing. */
    if ((events & LOOP_HANGUP) && !(wanted & LOOP_HANGUP)) events |= wanted & (LOOP_READ | LOOP_WRITE);
    return events;
}

static enum fault control(struct loop *l, struct loop_watch *w, int operation, struct error *error) {
    struct epoll_event e = {.events = epoll_bits(w->events), .data.ptr = w};
    if (epoll_ctl(l->epoll_fd, operation, w->fd, &e) == 0) return FAULT_NONE;
    return error_set(error, FAULT_IO, "cannot watch descriptor %d: %s", w->fd, strerror(errno));
}

enum fault loop_watch_start(struct loop *l, struct loop_watch *w, struct error *error) {
    enum fault f = control(l, w, EPOLL_CTL_ADD, error);
    w->on = f == FAULT_NONE;
    return f;
}

enum fault loop_watch_change(struct loop *l, struct loop_watch *w, unsigned events) {
    if (w->events == events) return FAULT_NONE;
    w->events = events;
    return control(l, w, EPOLL_CTL_MOD, NULL);
}

void loop_watch_stop(struct loop *l, struct loop_watch *w) {
    if (!w->on) return;
    w->on = false;
    struct epoll_event e = {0};
    (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, &e); /* fails only when the kernel forgot it already */
    for (int i = l->batch_next; i < l->batch_count; i++)
        if (l->batch[i].data.ptr == w) l->batch[i].events = 0;
}

static void run_posted(struct loop *l) {
    uint64_t count;
    (void)!read(l->event_fd, &count, sizeof count);
    pthread_mutex_lock(&l->lock);
    jobs_swap(&l->posted, &l->taken);
    pthread_mutex_unlock(&l->lock);
    jobs_run(&l->taken);
}

static void deliver(struct loop *l) {
    for (l->batch_next = 0; l->batch_next < l->batch_count;) {
        struct epoll_event e = l->batch[l->batch_next++];
        struct loop_watch *w = e.data.ptr;
        if (e.events == 0) continue; /* its watch was stopped meanwhile */
        if (w == NULL) {
            run_posted(l);
            continue;
        }
        unsigned events = loop_bits(e.events, w->events);
        if (events != 0) w->ready(w, events);
    }
    l->batch_count = l->batch_next = 0;
}

/* timers */

static void place(struct loop *l, struct loop_timer *t, uint32_t slot) {
    l->heap[slot] = t;
    t->slot = slot;
}

static void sift_up(struct loop *l, struct loop_timer *t, uint32_t slot) {
    for (; slot > 1 && l->heap[slot / 2]->sorted_us > t->sorted_us; slot /= 2) place(l, l->heap[slot / 2], slot);
    place(l, t, slot);
}

static void sift_down(struct loop *l, struct loop_timer *t, uint32_t slot) {
    for (uint32_t child; (child = slot * 2) <= l->timers; slot = child) {
        if (child < l->timers && l->heap[child + 1]->sorted_us < l->heap[child]->sorted_us) child++;
        if (l->heap[child]->sorted_us >= t->sorted_us) break;
        place(l, l->heap[child], slot);
    }
    place(l, t, slot);
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_us) {
    t->due_us = l->now_us + (delay_us > 0 ? delay_us : 0);
    t->on = true;
    if (t->slot != 0) {
        if (t->due_us >= t->sorted_us) return; /* later: re-sorted when its old time comes */
        t->sorted_us = t->due_us;
        sift_up(l, t, t->slot);
        return;
    }
    if (l->timers + 1 >= l->heap_capacity) {
        l->heap_capacity = l->heap_capacity == 0 ? 64 : l->heap_capacity * 2;
        l->heap = mem_resize(l->heap, l->heap_capacity * sizeof(struct loop_timer *));
    }
    t->sorted_us = t->due_us;
    sift_up(l, t, ++l->timers);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t) {
    t->on = false;
    uint32_t slot = t->slot;
    if (slot == 0) return;
    t->slot = 0;
    struct loop_timer *last = l->heap[l->timers--];
    if (last == t) return;
    if (slot > 1 && l->heap[slot / 2]->sorted_us > last->sorted_us)
        sift_up(l, last, slot);
    else
        sift_down(l, last, slot);
}

static void fire_timers(struct loop *l) {
    /* The budget keeps timers that start each other without delay from holding the turn. */
    for (uint32_t budget = l->timers; budget > 0 && l->timers > 0 && l->heap[1]->sorted_us <= l->now_us; budget--) {
        struct loop_timer *t = l->heap[1];
        if (t->due_us > l->now_us) { /* it was moved to later */
            t->sorted_us = t->due_us;
            sift_down(l, t, 1);
            continue;
        }
        loop_timer_stop(l, t);
        t->fired(t);
    }
}

/* The first that is due, once those that were moved to later stand where they belong. */
static int64_t first_due_us(struct loop *l) {
    while (l->timers > 0 && l->heap[1]->due_us > l->heap[1]->sorted_us) {
        l->heap[1]->sorted_us = l->heap[1]->due_us;
        sift_down(l, l->heap[1], 1);
    }
    return l->timers > 0 ? l->heap[1]->sorted_us : INT64_MAX;
}

static int wait_ms(const struct loop *l) {
    if (l->deferred.count > 0) return 0;
    if (l->timers == 0) return -1;
    int64_t us = l->heap[1]->sorted_us - clock_us();
    if (us <= 0) return 0;
    return us > LONGEST_WAIT_MS * INT64_C(1000) ? LONGEST_WAIT_MS : (int)((us + 999) / 1000);
}

/* Events are taken by this thread while it is busy, never by the wait itself: what is ready is seen by virtual time. */
static int wait_virtually(struct loop *l, struct virtual_waiter *w) {
    int n = epoll_wait(l->epoll_fd, l->batch, BATCH, 0);
    if (n != 0 || l->deferred.count > 0) return n;
    int64_t due_us = first_due_us(l);
    if (due_us <= clock_us()) return 0;
    virtual_waiter_begin(w, l->epoll_fd, due_us);
    virtual_waiter_wait(w);
    return epoll_wait(l->epoll_fd, l->batch, BATCH, 0);
}

static int wait_for_events(struct loop *l) {
    struct virtual_waiter *virtual = virtual_waiter_mine();
    return virtual != NULL ? wait_virtually(l, virtual) : epoll_wait(l->epoll_fd, l->batch, BATCH, wait_ms(l));
}

/* running */

void loop_defer(struct loop *l, void (*run)(void *arg), void *arg) { jobs_add(&l->deferred, run, arg); }

static void wake(struct loop *l) {
    int saved = errno; /* a signal handler must not change it */
    uint64_t one = 1;
    (void)!write(l->event_fd, &one, sizeof one);
    errno = saved;
}

bool loop_post(struct loop *l, void (*run)(void *arg), void *arg) {
    pthread_mutex_lock(&l->lock);
    bool open = !l->closed, first = l->posted.count == 0;
    if (open) jobs_add(&l->posted, run, arg);
    pthread_mutex_unlock(&l->lock);
    if (open && first) wake(l);
    return open;
}

void loop_stop(struct loop *l) {
    atomic_store(&l->stop, true);
    wake(l);
}

void loop_run(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    l->closed = false;
    pthread_mutex_unlock(&l->lock);
    while (!atomic_load(&l->stop)) {
        int n = wait_for_events(l);
        l->now_us = clock_us();
        l->batch_count = n > 0 ? n : 0; /* EINTR: a turn without events */
        deliver(l);
        fire_timers(l);
        run_deferred(l);
    }
    pthread_mutex_lock(&l->lock);
    l->closed = true;
    pthread_mutex_unlock(&l->lock);
    run_posted(l); /* what was accepted is run */
    run_deferred(l);
    atomic_store(&l->stop, false);
}

enum fault loop_watch_interrupts(struct loop *l, struct loop_watch *w, void (*ready)(struct loop_watch *w, unsigned events),
                                 struct error *error) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return error_set(error, FAULT_IO, "signalfd: %s", strerror(errno));
    *w = (struct loop_watch){.fd = fd, .events = LOOP_READ, .ready = ready};
    return loop_watch_start(l, w, error);
}
