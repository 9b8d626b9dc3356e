#include "cost/limit.h"

#define UNIT 1024 /* of a microsecond */
#define MINUTE (60000000LL * UNIT)

static int64_t largest(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* a * b / c, downwards; the 128-bit division is several times slower, and hardly ever needed. */
static int64_t scale(int64_t a, int64_t b, int64_t c) {
    const int64_t most = INT64_MAX / 4; /* room for sums with times */
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product / c < most ? product / c : most;
    __int128 quotient = (__int128)a * b / c;
    return quotient < most ? (int64_t)quotient : most;
}

/* How long the rate takes to give `n`; rounded down, so that the burst holds its last request. */
static int64_t span_of(int64_t n, int64_t per_minute) {
    return scale(n, MINUTE, per_minute);
}

/* The burst, or one request where that takes longer: without a division as a rule. */
static int64_t room_of(const struct rate_limit *l, int64_t per_minute) {
    int64_t burst = l->burst_us * UNIT, given;
    bool holds_one = __builtin_mul_overflow(burst, per_minute, &given) ? burst > 0 : given >= MINUTE;
    return holds_one ? burst : largest(burst, span_of(1, per_minute));
}

/* What may lack when work that can wait has taken its part: half; but a full bucket gives to whoever fits in at all. */
static int64_t room_for(int64_t room, int64_t span, bool idle) {
    if (!idle) return room;
    int64_t half = largest(room / 2, span);
    return half < room ? half : room;
}

/* Before `full`, the bucket lacks what the rate gives until then. */
static bool take(_Atomic int64_t *full, int64_t span, int64_t whole, bool idle, int64_t now_us, int64_t *ret_wait_us) {
    int64_t room = room_for(whole, span, idle), now = now_us * UNIT, was = atomic_load_explicit(full, memory_order_relaxed), then;
    do {
        then = largest(was, now) + span;
        if (then - now > room) {
            *ret_wait_us = span > room ? -1 : (then - now - room + UNIT - 1) / UNIT;
            return false;
        }
    } while (!atomic_compare_exchange_weak(full, &was, then));
    return true;
}

static enum limit_answer enter(struct limit_counter *c, const struct rate_limit *l, bool idle) {
    int64_t open = atomic_load_explicit(&c->head.hold, memory_order_relaxed);
    int64_t most = idle && l->concurrent > 1 ? l->concurrent / 2 : l->concurrent;
    do {
        if (open == COUNTER_DEAD) return LIMIT_GONE;
        if (most >= 0 && open >= most) return LIMIT_CONCURRENT;
    } while (!atomic_compare_exchange_weak(&c->head.hold, &open, open + 1));
    return LIMIT_FITS;
}

enum limit_answer limit_take(struct limit_counter *c, const struct rate_limit *l, int64_t tokens, bool idle,
                             int64_t now_us, int64_t *ret_wait_us) {
    int64_t requests = l->requests_per_minute, rate = l->tokens_per_minute;
    enum limit_answer answer = enter(c, l, idle);
    *ret_wait_us = -1;
    if (answer != LIMIT_FITS) return answer;
    if (requests > 0 &&
        !take(&c->requests_full, span_of(1, requests), room_of(l, requests), idle, now_us, ret_wait_us)) {
        atomic_fetch_sub(&c->head.hold, 1);
        return LIMIT_REQUESTS;
    }
    if (rate > 0 && !take(&c->tokens_full, span_of(tokens, rate), room_of(l, rate), idle, now_us, ret_wait_us)) {
        if (requests > 0) atomic_fetch_sub(&c->requests_full, span_of(1, requests));
        atomic_fetch_sub(&c->head.hold, 1);
        return LIMIT_TOKENS;
    }
    return LIMIT_FITS;
}

void limit_give_back(struct limit_counter *c, const struct rate_limit *l, int64_t tokens) {
    if (l->requests_per_minute > 0) atomic_fetch_sub(&c->requests_full, span_of(1, l->requests_per_minute));
    limit_finish(c, l->tokens_per_minute, tokens, 0);
}

void limit_finish(struct limit_counter *c, int64_t tokens_per_minute, int64_t taken, int64_t counted) {
    if (counted > LIMIT_COUNTED_TOKENS) counted = LIMIT_COUNTED_TOKENS;
    if (tokens_per_minute > 0 && counted >= 0 && counted != taken)
        atomic_fetch_add(&c->tokens_full,
                         span_of(counted, tokens_per_minute) - span_of(taken, tokens_per_minute));
    atomic_fetch_sub(&c->head.hold, 1); /* last: until now the counter is kept */
}

static struct rate_state state_of(const _Atomic int64_t *full, const struct rate_limit *l, int64_t per_minute,
                                  int64_t now_us) {
    if (per_minute < 0) return (struct rate_state){.limit = -1};
    int64_t now = now_us * UNIT, lacking = largest(atomic_load(full) - now, 0),
            left = largest(room_of(l, per_minute) - lacking, 0);
    return (struct rate_state){per_minute, scale(left, per_minute, MINUTE), (lacking + UNIT - 1) / UNIT};
}

struct rate_state limit_requests(const struct limit_counter *c, const struct rate_limit *l, int64_t now_us) {
    return state_of(&c->requests_full, l, l->requests_per_minute, now_us);
}

struct rate_state limit_tokens(const struct limit_counter *c, const struct rate_limit *l, int64_t now_us) {
    return state_of(&c->tokens_full, l, l->tokens_per_minute, now_us);
}

bool limit_end(struct limit_counter *c, int64_t now_us) {
    int64_t open = 0, now = now_us * UNIT;
    return atomic_load(&c->requests_full) <= now && atomic_load(&c->tokens_full) <= now &&
           atomic_compare_exchange_strong(&c->head.hold, &open, COUNTER_DEAD);
}
