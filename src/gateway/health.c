#include "gateway/health.h"

#include "base/clock.h"
#include "base/mem.h"

#include <pthread.h>

#define SLOTS 10 /* the window is counted in tenths */

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct health {
    pthread_mutex_t lock;
    enum breaker_state state;
    int64_t open_until_us;
    struct {
        int64_t begun_us; /* not its number: models with windows of their own may share a target */
        uint32_t ok, failed;
    } slots[SLOTS];
};

struct health_table {
    pthread_mutex_t lock;
    struct table by_key;
};

struct health_table *health_table_new(void) {
    struct health_table *t = mem_new(struct health_table);
    pthread_mutex_init(&t->lock, NULL);
    table_init(&t->by_key);
    return t;
}

void health_table_free(struct health_table *t) {
    if (!t) return;
    size_t cursor = 0;
    struct slice key;
    void *value;
    while (table_next(&t->by_key, &cursor, &key, &value)) {
        pthread_mutex_destroy(&((struct health *)value)->lock);
        mem_free(value);
    }
    table_deinit(&t->by_key);
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

struct health *health_of(struct health_table *t, const char *key) {
    pthread_mutex_lock(&t->lock);
    struct health *h = table_get(&t->by_key, slice_of(key));
    if (!h) {
        h = mem_new(struct health);
        pthread_mutex_init(&h->lock, NULL);
        table_put(&t->by_key, slice_of(key), h);
    }
    pthread_mutex_unlock(&t->lock);
    return h;
}

static int64_t slot_width(const struct model_route *m) {
    int64_t width = m->breaker.window / SLOTS;
    return width > 0 ? width : 1;
}

static void count(struct health *h, const struct model_route *m, bool ok, int64_t now_us) {
    int64_t epoch = now_us / slot_width(m), begun = epoch * slot_width(m);
    unsigned i = (unsigned)(epoch % SLOTS);
    if (h->slots[i].begun_us != begun) {
        h->slots[i].begun_us = begun;
        h->slots[i].ok = h->slots[i].failed = 0;
    }
    if (ok)
        h->slots[i].ok++;
    else
        h->slots[i].failed++;
}

static void sums(const struct health *h, const struct model_route *m, int64_t now_us, uint64_t *ok, uint64_t *failed) {
    int64_t oldest = (now_us / slot_width(m) - SLOTS + 1) * slot_width(m);
    *ok = *failed = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        if (h->slots[i].begun_us < oldest) continue;
        *ok += h->slots[i].ok;
        *failed += h->slots[i].failed;
    }
}

static void forget(struct health *h) {
    for (unsigned i = 0; i < SLOTS; i++) h->slots[i].ok = h->slots[i].failed = 0;
}

enum admission health_admit(struct health *h, const struct model_route *m, int64_t now_us) {
    if (m->breaker.failure_rate <= 0) return ADMIT_YES;
    enum admission a = ADMIT_YES;
    pthread_mutex_lock(&h->lock);
    if (h->state == BREAKER_HALF_OPEN)
        a = ADMIT_NO;
    else if (h->state == BREAKER_OPEN) {
        a = now_us >= h->open_until_us ? ADMIT_PROBE : ADMIT_NO;
        if (a == ADMIT_PROBE) h->state = BREAKER_HALF_OPEN;
    }
    pthread_mutex_unlock(&h->lock);
    return a;
}

bool health_report(struct health *h, const struct model_route *m, bool ok, enum admission admission, int64_t now_us,
                   bool *ret_opened) {
    bool closed = false;
    *ret_opened = false;
    pthread_mutex_lock(&h->lock);
    if (admission == ADMIT_PROBE) {
        h->state = ok ? BREAKER_CLOSED : BREAKER_OPEN;
        if (ok) {
            forget(h);
            closed = true;
        } else {
            h->open_until_us = now_us + m->breaker.open_for;
        }
    } else if (h->state == BREAKER_CLOSED) {
        /* late results of requests sent before it opened say nothing new */
        count(h, m, ok, now_us);
        uint64_t good, bad;
        sums(h, m, now_us, &good, &bad);
        if (!ok && m->breaker.failure_rate > 0 && good + bad >= m->breaker.min_requests &&
            (double)bad >= m->breaker.failure_rate * (double)(good + bad)) {
            h->state = BREAKER_OPEN;
            h->open_until_us = now_us + m->breaker.open_for;
            *ret_opened = true;
        }
    }
    pthread_mutex_unlock(&h->lock);
    return closed;
}

void health_withdraw(struct health *h, enum admission admission) {
    if (admission != ADMIT_PROBE) return;
    pthread_mutex_lock(&h->lock);
    if (h->state == BREAKER_HALF_OPEN) h->state = BREAKER_OPEN; /* open_until has passed: the next one probes */
    pthread_mutex_unlock(&h->lock);
}

int64_t health_opens_in_us(struct health *h, int64_t now_us) {
    pthread_mutex_lock(&h->lock);
    int64_t in = h->state == BREAKER_OPEN && h->open_until_us > now_us ? h->open_until_us - now_us : 0;
    pthread_mutex_unlock(&h->lock);
    return in;
}

void health_view(struct health *h, const struct model_route *m, int64_t now_us, struct health_view *ret) {
    static const char *const names[] = {"closed", "open", "half-open"};
    pthread_mutex_lock(&h->lock);
    uint64_t ok, failed;
    sums(h, m, now_us, &ok, &failed);
    ret->state = names[h->state];
    ret->requests = ok + failed;
    ret->failure_rate = ok + failed ? (double)failed / (double)(ok + failed) : -1;
    ret->opens_again_us = h->state == BREAKER_OPEN ? clock_wall_us() + (h->open_until_us - now_us) : 0;
    pthread_mutex_unlock(&h->lock);
}
