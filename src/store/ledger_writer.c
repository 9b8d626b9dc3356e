/* The thread that drains. It sleeps on the recorder, tries again after failures with growing pauses, and
 * looks after retention once an hour. */
#include "base/clock.h"
#include "base/mem.h"
#include "store/ledger_store.h"

#include <pthread.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* A loop thread that wakes goes first: what is drained can wait, and still gets a quarter of a contended processor. */
enum { NICE = 5 };
enum { IDLE_US = 1000000, PAUSE_FIRST_US = 50000, PAUSE_MAX_US = 5000000 };

struct ledger_writer {
    struct ledger *ledger;
    struct recorder *recorder;
    int64_t (*retention_of)(void *ctx, struct slice application);
    void *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t settled;
    /* under lock */
    bool stopping;
    uint64_t asked, answered; /* drains */
    struct ledger_writer_stats stats;
    /* the thread's own */
    int64_t expired_at;
    int64_t pause_us;
    unsigned failed; /* in a row */
};

static uint64_t asked(struct ledger_writer *w, bool *ret_stopping) {
    pthread_mutex_lock(&w->lock);
    uint64_t n = w->asked;
    *ret_stopping = w->stopping;
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void answer(struct ledger_writer *w, uint64_t ticket) {
    pthread_mutex_lock(&w->lock);
    w->answered = ticket;
    pthread_cond_broadcast(&w->settled);
    pthread_mutex_unlock(&w->lock);
}

static void count(struct ledger_writer *w, const struct drained *done, enum fault fault,
                  const struct error *error) {
    pthread_mutex_lock(&w->lock);
    if (fault == FAULT_NONE) {
        w->stats.records += done->records;
        w->stats.duplicates += done->duplicates;
        w->stats.payloads += done->payloads;
        w->stats.damaged += done->unreadable;
    } else {
        w->stats.failures++;
        memcpy(w->stats.last_error, error->text, sizeof w->stats.last_error);
    }
    pthread_mutex_unlock(&w->lock);
}

static void expire(struct ledger_writer *w) {
    int64_t now = clock_us();
    if (w->expired_at != 0 && now - w->expired_at < HOUR_US) return;
    w->expired_at = now;
    ledger_expire(w->ledger, clock_wall_us());
    payload_expire(w->ledger, clock_wall_us(), w->retention_of, w->ctx);
}

/* After a failure: nothing is lost, the frames wait in the recorder. */
static void pause_after_failure(struct ledger_writer *w, uint64_t ticket) {
    bool stopping;
    w->pause_us = w->pause_us == 0 ? PAUSE_FIRST_US : w->pause_us * 2;
    if (w->pause_us > PAUSE_MAX_US) w->pause_us = PAUSE_MAX_US;
    int64_t until = clock_real_us() + w->pause_us;
    for (int64_t left = w->pause_us; left > 0; left = until - clock_real_us()) {
        if (asked(w, &stopping) != ticket || stopping) return;
        recorder_wait(w->recorder, left);
    }
}

/* One batch. True: go on at once. */
static bool turn(struct ledger_writer *w) {
    struct drained done = {0};
    struct error error = {0};
    bool stopping;
    uint64_t ticket = asked(w, &stopping);
    enum fault fault = drain_batch(w->ledger, w->recorder, &done, &error);
    if (fault != FAULT_NONE || done.frames > 0) count(w, &done, fault, &error);
    if (fault == FAULT_NONE) {
        w->pause_us = 0;
        w->failed = 0;
        if (done.frames >= DRAIN_FRAMES) return true;
        answer(w, ticket);
        return false;
    }
    if (w->failed++ == 0) return true; /* a damaged file was set aside, say: the second try tells */
    answer(w, ticket);
    if (!stopping) pause_after_failure(w, ticket);
    return !stopping;
}

static void *run(void *ctx) {
    struct ledger_writer *w = ctx;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread alone (Linux) */
    for (;;) {
        bool stopping;
        expire(w);
        if (turn(w)) continue;
        if (asked(w, &stopping) != w->answered) continue;
        if (stopping) return NULL;
        if (ledger_fold(w->ledger, clock_wall_us())) continue;
        recorder_wait(w->recorder, IDLE_US);
    }
}

struct ledger_writer *ledger_writer_start(struct ledger *l, struct recorder *r,
                                          int64_t (*retention_of)(void *ctx, struct slice application),
                                          void *ctx, struct error *error) {
    struct ledger_writer *w = mem_new(struct ledger_writer);
    w->ledger = l;
    w->recorder = r;
    w->retention_of = retention_of;
    w->ctx = ctx;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->settled, NULL);
    int code = pthread_create(&w->thread, NULL, run, w);
    if (code == 0) return w;
    (void)error_set(error, FAULT_INTERNAL, "cannot start the ledger writer: %s", strerror(code));
    mem_free(w);
    return NULL;
}

void ledger_writer_drain(struct ledger_writer *w) {
    pthread_mutex_lock(&w->lock);
    uint64_t ticket = ++w->asked;
    recorder_wake(w->recorder);
    while (w->answered < ticket) pthread_cond_wait(&w->settled, &w->lock);
    pthread_mutex_unlock(&w->lock);
}

void ledger_writer_stop(struct ledger_writer *w) {
    if (w == NULL) return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    w->asked++;
    pthread_mutex_unlock(&w->lock);
    recorder_wake(w->recorder);
    pthread_join(w->thread, NULL);
    drain_close_days(w->ledger->drain);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->settled);
    mem_free(w);
}

void ledger_writer_stats(struct ledger_writer *w, struct ledger_writer_stats *ret) {
    struct recorder_stats r;
    recorder_stats(w->recorder, &r);
    pthread_mutex_lock(&w->lock);
    *ret = w->stats;
    pthread_mutex_unlock(&w->lock);
    ret->damaged += r.damaged;
}
