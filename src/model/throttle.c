/* throttle.c - how many requests a throttled key may send: see intervention.h. */
#include "base/mem.h"
#include "model/intervention.h"

#define MINUTE_US 60000000LL
#define AT_ONCE_US (MINUTE_US / 10)

struct throttle *throttle_new(void) {
    struct throttle *t = mem_new(struct throttle);
    atomic_init(&t->references, 1);
    atomic_init(&t->tat_us, INT64_MIN);
    return t;
}

struct throttle *throttle_hold(struct throttle *t) {
    atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
    return t;
}

void throttle_drop(struct throttle *t) {
    if (t && atomic_fetch_sub_explicit(&t->references, 1, memory_order_acq_rel) == 1) mem_free(t);
}

bool throttle_admit(struct throttle *t, int64_t per_minute, int64_t now_us, int64_t *ret_wait_us) {
    int64_t tat = atomic_load_explicit(&t->tat_us, memory_order_relaxed), next;
    if (per_minute < 1) {
        *ret_wait_us = MINUTE_US;
        return false;
    }
    do {
        int64_t due = tat > now_us ? tat : now_us;
        if (due - now_us > AT_ONCE_US) {
            *ret_wait_us = due - now_us - AT_ONCE_US;
            return false;
        }
        next = due + MINUTE_US / per_minute;
    } while (!atomic_compare_exchange_weak_explicit(&t->tat_us, &tat, next, memory_order_relaxed, memory_order_relaxed));
    return true;
}
