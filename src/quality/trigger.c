#include "quality/trigger.h"

#define SECOND_US 1000000LL
#define MONTH_S (30 * 86400LL)
#define SET_BACK_US (3600 * SECOND_US) /* what clocks are corrected by */

int64_t trigger_next_us(const struct cron *c, const struct zone *z, int64_t last_us, int64_t now_us) {
    int64_t from_us = last_us == 0 || last_us > now_us ? now_us : last_us;
    int64_t next = cron_next(c, z, from_us / SECOND_US);
    return next == CRON_NEVER ? CRON_NEVER : next * SECOND_US;
}

bool trigger_is_due(const struct cron *c, const struct zone *z, int64_t *last_us, int64_t now_us) {
    bool known = *last_us != 0 && *last_us <= now_us, set_back = *last_us > now_us && *last_us - now_us <= SET_BACK_US;
    if (set_back) return false; /* its turns up to then were had */
    bool due = known && trigger_next_us(c, z, *last_us, now_us) <= now_us;
    if (due || !known) *last_us = now_us;
    return due;
}

unsigned trigger_turns_a_month(const struct cron *c, const struct zone *z, int64_t now_us) {
    unsigned n = 0;
    int64_t from = now_us / SECOND_US;
    for (int64_t at = cron_next(c, z, from); at != CRON_NEVER && at <= from + MONTH_S; at = cron_next(c, z, at)) n++;
    return n;
}
