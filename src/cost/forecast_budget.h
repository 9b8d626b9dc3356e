/* forecast_budget.h - will a budget hold until its window ends, and whom to tell when.
 *
 * The forecast is stats/forecast.h on the hours of the budget's own scope. Alerts, in this order:
 *   breached   the limit is passed
 *   forecast   P(breach) >= 0.8 and its median is less than 48 h away, or P(breach) >= 0.95; it clears below
 * 0.6 burn       at the pace of both a long window and its twelfth the remaining budget goes at a multiple of
 * the pace that would just last: 14.4 over 1 h (and 5 min), 6 over 6 h (and 30 min), 3 over 24 h (and 2 h),
 * each against the share of spending that the hour-of-week profile expects in it, where there is a profile
 *   plan       spent so far is plan_over above what the profile expects by now of the whole limit
 * Three answers: OUTLOOK_UNKNOWN (under two days of history) is neither good nor bad news. */
#ifndef COST_FORECAST_BUDGET_H
#define COST_FORECAST_BUDGET_H

#include "base/json.h"
#include "base/money.h"
#include "stats/forecast.h"

#define BURN_TIERS 3

struct budget_spend { /* of one window back from now */
    int64_t nano;     /* MONEY_UNKNOWN: not known */
};
struct budget_question {
    int64_t limit_nano,
        spent_nano; /* spent: settled in the window until now; reservations are the caller's to add */
    /* As in stats/forecast.h, in nano-dollars, time zone and daylight saving already in hour_of_week. History
     * may begin before the window; 4 to 8 weeks of it are best. */
    const double *hours;
    size_t n_hours;
    const uint8_t *hour_of_week;
    size_t n_ahead;
    double first_part, last_part;
    size_t n_elapsed; /* of the hours, those of this window: the plan until now (at most n_hours) */
    struct budget_spend burn_long[BURN_TIERS],
        burn_short[BURN_TIERS]; /* last 1, 6, 24 h; last 5, 30, 120 min */
    int64_t burn_minimum_nano;  /* spend in a long window below which its burn says nothing */
    double plan_over;           /* 0.2: "20 % over plan"; NAN: do not ask */
    bool was_alert;             /* the forecast alert stands: hysteresis */
    uint64_t seed;
};

enum outlook {
    OUTLOOK_UNKNOWN,
    OUTLOOK_HOLDS,
    OUTLOOK_PLAN,
    OUTLOOK_BURN,
    OUTLOOK_FORECAST,
    OUTLOOK_BREACHED
};

struct budget_outlook {
    enum outlook alert; /* the gravest that applies */
    bool forecast_alert;     /* was_alert of the next question */
    enum forecast_confidence confidence;
    size_t days;
    int64_t expected_nano, p10_nano, p50_nano, p90_nano; /* at the window's end; MONEY_UNKNOWN: not known */
    double breach;                                       /* NAN: not known */
    double eta_p10, eta_p50, eta_p90;                    /* hours; INFINITY: not in this window */
    double burn[BURN_TIERS]; /* the lower of long and short window; NAN: not known */
    double plan_ratio;       /* spent / planned until now; NAN: no plan yet */
};

void forecast_budget(const struct budget_question *q, struct budget_outlook *ret);
const char *outlook_name(enum outlook a);

/* {alert, confidence, forecast_usd, low_usd, high_usd, breach_probability, eta_hours, ...}: null is not
 * known. */
void budget_outlook_write_json(const struct budget_outlook *o, struct json_writer *w);

#endif
