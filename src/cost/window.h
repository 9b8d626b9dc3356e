/* window.h - the calendar windows of budgets: day, week from Monday, month, each in a named zone; or one
 * period.
 *
 * start <= time < end, in microseconds of the wall clock. A day begins at the first instant that its zone's
 * clocks show its date, so days of 23 and 25 hours, and a midnight that a clock change skips, are right, and
 * windows of one kind follow each other without gap or overlap. */
#ifndef COST_WINDOW_H
#define COST_WINDOW_H

#include "model/policy.h"

struct window {
    int64_t start_us, end_us;
};

static inline bool window_holds(const struct window *w, int64_t wall_us) {
    return wall_us >= w->start_us && wall_us < w->end_us;
}

/* The window of `b` that holds the time. False: BUDGET_ONCE, and the time is outside; *ret is its period then
 * too. */
bool window_at(const struct budget *b, int64_t wall_us, struct window *ret);

#endif
