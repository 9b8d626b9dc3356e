#include "cost/window.h"

#include "base/date.h"

#define SECOND_US 1000000LL
#define DAY 86400

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

/* First day of the period `steps` after the one that holds `day`. */
static int64_t first_day(enum budget_window kind, int64_t day, int steps) {
    if (kind == BUDGET_WEEK) return day - (date_weekday(day) + 6) % 7 + 7 * steps;
    if (kind == BUDGET_DAY) return day + steps;
    struct date d = date_of_days(day);
    return date_to_days((struct date){d.year, d.month + steps, 1});
}

bool window_at(const struct budget *b, int64_t wall_us, struct window *ret) {
    if (b->window == BUDGET_ONCE) {
        *ret = (struct window){b->from_us, b->to_us};
        return window_holds(ret, wall_us);
    }
    int64_t utc = floor_div(wall_us, SECOND_US);
    int64_t day = floor_div(utc + zone_offset(b->zone, utc), DAY);
    int64_t start = zone_to_utc(b->zone, first_day(b->window, day, 0) * DAY);
    int64_t end = zone_to_utc(b->zone, first_day(b->window, day, 1) * DAY);
    /* clocks set back across midnight show the former date again in a day that has begun */
    while (utc >= end) {
        day = first_day(b->window, day, 1);
        start = end;
        end = zone_to_utc(b->zone, first_day(b->window, day, 1) * DAY);
    }
    *ret = (struct window){start * SECOND_US, end * SECOND_US};
    return true;
}
