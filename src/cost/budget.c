#include "cost/budget.h"

#include <math.h>

/* hold - spent is what is reserved, plus what is just being settled; it is never below either sum's true
 * value, because `hold` is changed first. It is zero exactly when nobody is between reserving and having
 * settled. */

enum budget_answer budget_reserve(struct budget_counter *c, int64_t nano, int64_t limit_nano) {
    int64_t held = atomic_load_explicit(&c->head.hold, memory_order_relaxed), sum;
    do {
        if (held == COUNTER_DEAD) return BUDGET_GONE;
        if (__builtin_add_overflow(held, nano, &sum) || sum > limit_nano) return BUDGET_OVER;
    } while (!atomic_compare_exchange_weak(&c->head.hold, &held, sum));
    return BUDGET_FITS;
}

void budget_release(struct budget_counter *c, int64_t reserved) {
    atomic_fetch_sub(&c->head.hold, reserved);
}

static bool is_bookable(struct budget_counter *c, int64_t cost_nano) {
    if (cost_nano >= 0 && cost_nano <= LIMIT_COST_NANO) return true; /* MONEY_UNKNOWN is negative */
    atomic_fetch_add_explicit(&c->unpriced, 1, memory_order_relaxed);
    return false;
}

void budget_settle(struct budget_counter *c, int64_t reserved, int64_t cost_nano) {
    int64_t cost = is_bookable(c, cost_nano) ? cost_nano : 0;
    if (cost > 0) {
        if (cost != reserved) atomic_fetch_add(&c->head.hold, cost - reserved);
        atomic_fetch_add(&c->spent, cost);
    } else {
        atomic_fetch_sub(&c->head.hold, reserved);
    }
}

bool budget_book(struct budget_counter *c, int64_t cost_nano) {
    int64_t held = atomic_load(&c->head.hold), sum;
    if (held == COUNTER_DEAD) return false;
    if (!is_bookable(c, cost_nano)) return true;
    do {
        if (held == COUNTER_DEAD) return false;
        if (__builtin_add_overflow(held, cost_nano, &sum)) sum = INT64_MAX;
    } while (!atomic_compare_exchange_weak(&c->head.hold, &held, sum));
    atomic_fetch_add(&c->spent, cost_nano);
    return true;
}

int64_t budget_left(const struct budget_counter *c, int64_t limit_nano) {
    return limit_nano - atomic_load(&c->head.hold);
}

void budget_sums(const struct budget_counter *c, int64_t *ret_spent, int64_t *ret_reserved) {
    int64_t spent = atomic_load(&c->spent), reserved = atomic_load(&c->head.hold) - spent;
    *ret_spent = spent;
    *ret_reserved = reserved > 0 ? reserved : 0;
}

bool budget_crossed(struct budget_counter *c, const struct budget *b, double *ret_share) {
    int64_t spent = atomic_load(&c->spent);
    uint32_t told = atomic_load_explicit(&c->told, memory_order_relaxed);
    for (unsigned i = 0; i < b->n_alerts; i++) {
        /* as rounded to a whole nano-dollar; ascending, so nothing later is reached either */
        if (b->alert_at[i] * (double)b->limit_nano >= (double)spent + 0.5 || spent == 0) return false;
        uint32_t this_one = (uint32_t)lround(b->alert_at[i] * 1e6);
        if (this_one <= told) continue;
        if (atomic_compare_exchange_strong(&c->told, &told, this_one)) {
            *ret_share = b->alert_at[i];
            return true;
        }
    }
    return false;
}

bool budget_end(struct budget_counter *c) {
    int64_t held = atomic_load(&c->head.hold);
    return held == atomic_load(&c->spent) &&
           atomic_compare_exchange_strong(&c->head.hold, &held, COUNTER_DEAD);
}
