/* forecast.h - what will have been spent by the end of a period, and how sure that is.
 *
 * spent so far + sum over the remaining hours of (hour-of-week profile x level). Amounts are in the caller's
 * unit. profile  mean of each hour of the week, drawn towards the mean of that hour over all working days (or
 * week-end days) by the weight of two weeks, so that one odd Tuesday does not become a habit level
 * exponentially weighted mean, half-life 2 days, of each day's actual / profile; starts from the median of
 *            the first three days
 *   bands    bootstrap in blocks of 3 days of the daily residual ratios (a day against the profile of the
 * other days and the level before it), which move the remaining days one by one and the level once a path
 * Under 7 days of history: linear, with Student's t over the days there are (wide), and confidence LOW. Under
 * 2 days: NONE, and every estimate is NAN - but for what is certain already (spent > limit). */
#ifndef STATS_FORECAST_H
#define STATS_FORECAST_H

#include <stddef.h>
#include <stdint.h>

#define HOURS_OF_WEEK 168
#define FORECAST_PATHS 1000

enum forecast_confidence { FORECAST_NONE, FORECAST_LOW, FORECAST_SEASONAL };

struct forecast_question {
    const double
        *hours; /* spent in each whole hour before now, oldest first; NAN: not known. Zero is known */
    size_t n_hours;
    const uint8_t
        *hour_of_week; /* n_hours + n_ahead of 0..167, Monday 00 is 0, in the budget's own time zone */
    size_t n_ahead;    /* hours from now to the end, begun ones included */
    double first_part; /* of the first hour ahead still to come, 0..1 */
    double last_part;  /* of the last hour ahead that belongs to the period, 0..1 (with n_ahead 1: the
                        * part of the hour that is still to come and belongs is first_part * last_part) */
    double spent;      /* in the period until now */
    double limit;      /* NAN: none */
    uint64_t seed;
};

struct forecast {
    enum forecast_confidence confidence;
    size_t days;                      /* of history that were used */
    double level;                     /* 1: as the profile; NAN but for SEASONAL */
    double expected;                  /* at the end of the period */
    double p10, p50, p90;             /* of the amount at the end */
    double breach;                    /* P(amount at the end > limit); NAN: not known, or no limit */
    double eta_p10, eta_p50, eta_p90; /* hours from now to the breach; INFINITY: not in this period */
    double ahead_share; /* expected part still to come of history's mean week, for plans: weight of the
                         * remaining hours in hours; n_ahead when there is no profile */
};

void forecast_run(const struct forecast_question *q, struct forecast *ret);

/* How often the remaining budget would be spent at the pace of a window: (spend / weight) / (left /
 * weight_left). Weights are hours, or the expected share of them. INFINITY when nothing is left; 0 for a
 * window without spend. */
double forecast_burn(double spend, double weight, double left, double weight_left);

/* The burn at which `share` (0..1) of a period's budget is gone after `window` hours: share * period /
 * window. */
double forecast_burn_factor(double share, double window_hours, double period_hours);

#endif
