#include "base/mailbox.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/virtual_time.h"

#include <errno.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* The descriptor is readable exactly while the ring is not empty: the post that fills an empty ring writes
 * it, the take that empties the ring reads it. It is made when it is first asked for, so that threads which
 * only wait pay for no system call. */
struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    int fd;       /* -1: not made */
    bool waiting; /* a thread is in mailbox_wait */
    struct virtual_waiter *waiter; /* that thread, while it waits in virtual time */
    size_t capacity, count, first;
    void *ring[];
};

struct mailbox *mailbox_new(size_t capacity) {
    struct mailbox *m = mem_alloc(sizeof *m + capacity * sizeof m->ring[0]);
    pthread_condattr_t attributes;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* the wall clock may jump */
    pthread_cond_init(&m->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    m->fd = -1;
    m->capacity = capacity;
    return m;
}

void mailbox_free(struct mailbox *m) {
    if (m == NULL) return;
    if (m->fd >= 0) close(m->fd);
    pthread_cond_destroy(&m->filled);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static void raise_fd(struct mailbox *m) {
    uint64_t one = 1;
    if (m->fd < 0) return;
    while (write(m->fd, &one, sizeof one) < 0 && errno == EINTR) continue;
}

static void lower_fd(struct mailbox *m) {
    uint64_t n;
    if (m->fd < 0) return;
    while (read(m->fd, &n, sizeof n) < 0 && errno == EINTR) continue;
}

bool mailbox_post(struct mailbox *m, void *item) {
    pthread_mutex_lock(&m->lock);
    bool room = m->count < m->capacity;
    if (room) {
        m->ring[(m->first + m->count) % m->capacity] = item;
        if (m->count++ == 0) raise_fd(m);
        if (m->waiting) pthread_cond_signal(&m->filled);
        if (m->waiter) virtual_waiter_wake(m->waiter);
    }
    pthread_mutex_unlock(&m->lock);
    return room;
}

static void *take_locked(struct mailbox *m) {
    if (m->count == 0) return NULL;
    void *item = m->ring[m->first];
    m->first = (m->first + 1) % m->capacity;
    if (--m->count == 0) lower_fd(m);
    return item;
}

void *mailbox_take(struct mailbox *m) {
    pthread_mutex_lock(&m->lock);
    void *item = take_locked(m);
    pthread_mutex_unlock(&m->lock);
    return item;
}

/* Posts wake under m->lock, which is held while the wait begins. */
static void *wait_virtually(struct mailbox *m, struct virtual_waiter *w, int64_t timeout_us) {
    int64_t due, now = clock_us();
    if (timeout_us < 0 || __builtin_add_overflow(now, timeout_us, &due)) due = INT64_MAX;
    pthread_mutex_lock(&m->lock);
    while (m->count == 0 && now < due && virtual_time_is_on()) {
        m->waiter = w;
        virtual_waiter_begin(w, -1, due);
        pthread_mutex_unlock(&m->lock);
        virtual_waiter_wait(w);
        pthread_mutex_lock(&m->lock);
        m->waiter = NULL;
        now = clock_us();
    }
    void *item = take_locked(m);
    pthread_mutex_unlock(&m->lock);
    if (item == NULL && now < due) return mailbox_wait(m, due == INT64_MAX ? -1 : due - now); /* virtual time has ended */
    return item;
}

void *mailbox_wait(struct mailbox *m, int64_t timeout_us) {
    int64_t until;
    struct virtual_waiter *virtual = virtual_waiter_mine();
    if (virtual != NULL) return wait_virtually(m, virtual, timeout_us);
    if (timeout_us < 0 || __builtin_add_overflow(clock_real_us(), timeout_us, &until)) until = -1;
    struct timespec deadline = {until / 1000000, until % 1000000 * 1000};
    pthread_mutex_lock(&m->lock);
    m->waiting = true;
    int result = 0;
    while (m->count == 0 && result == 0)
        result = until < 0 ? pthread_cond_wait(&m->filled, &m->lock)
                           : pthread_cond_timedwait(&m->filled, &m->lock, &deadline);
    m->waiting = false;
    void *item = take_locked(m);
    pthread_mutex_unlock(&m->lock);
    return item;
}

int mailbox_fd(struct mailbox *m) {
    pthread_mutex_lock(&m->lock);
    if (m->fd < 0) {
        m->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (m->count > 0) raise_fd(m);
    }
    int fd = m->fd;
    pthread_mutex_unlock(&m->lock);
    return fd;
}

/* Nothing to do: taking the last item lowers the descriptor, and one that is left keeps it readable. */
void mailbox_ack(struct mailbox *m) {
    (void)m;
}
