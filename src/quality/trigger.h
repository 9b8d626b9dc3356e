/* trigger.h - when a suite's schedule has its turn, and how many turns a month has. Pure.
 *
 * A turn that was missed (the server was down, a run took long) is made up for once, however many were missed. A trigger that is seen for the
 * first time has had its turns: it waits for the next. */
#ifndef QUALITY_TRIGGER_H
#define QUALITY_TRIGGER_H

#include "base/cron.h"

/* *last_us: up to when turns were had (0: never looked at); moved to now when it is due, or first seen, or
 * more than an hour ahead of the clock (less than that, it waits: a clock that is set right does not make a turn come twice). */
bool trigger_is_due(const struct cron *c, const struct zone *z, int64_t *last_us, int64_t now_us);
int64_t trigger_next_us(const struct cron *c, const struct zone *z, int64_t last_us, int64_t now_us); /* CRON_NEVER */
/* Turns in the 30 days from now; at most 43,200. */
unsigned trigger_turns_a_month(const struct cron *c, const struct zone *z, int64_t now_us);

#endif
