#include "cost/forecast_budget.h"

#include <math.h>

static const double ALERT_SOON = 0.8, ALERT_SOON_HOURS = 48, ALERT_SURE = 0.95, CLEAR = 0.6;
static const struct {
    double factor, long_hours, short_hours;
} tiers[BURN_TIERS] = {{14.4, 1, 1.0 / 12}, {6, 6, 0.5}, {3, 24, 2}};

static int64_t to_nano(double amount) {
    return fabs(amount) < 9.2e18 ? llround(amount) : MONEY_UNKNOWN; /* NAN is not less either */
}

/* Hours of mean spending that the profile expects in the hour before now number `back` (0 is the last), from
 * weeks before it; 1 where there is no such hour. */
static double expected_weight(const struct budget_question *q, size_t back, double mean) {
    double sum = 0, n = 0;
    if (back >= q->n_hours) return 1;
    for (size_t i = q->n_hours - 1 - back; i >= HOURS_OF_WEEK;) {
        i -= HOURS_OF_WEEK;
        if (isnan(q->hours[i])) continue;
        sum += q->hours[i];
        n++;
    }
    return n > 0 && mean > 0 ? sum / n / mean : 1;
}

static double mean_hour(const struct budget_question *q) {
    double sum = 0, n = 0;
    for (size_t i = 0; i < q->n_hours; i++) {
        if (isnan(q->hours[i])) continue;
        sum += q->hours[i];
        n++;
    }
    return n > 0 ? sum / n : 0;
}

/* Of the last `hours`; a part of an hour counts as part of the last one. */
static double window_weight(const struct budget_question *q, double hours, double mean) {
    double weight = 0;
    size_t whole = (size_t)hours;
    for (size_t back = 0; back < whole; back++) weight += expected_weight(q, back, mean);
    if (hours > (double)whole) weight += (hours - (double)whole) * expected_weight(q, whole, mean);
    return weight;
}

static double burn_of(const struct budget_question *q, struct budget_spend spend, double hours, double ahead,
                      bool seasonal) {
    if (!money_is_known(spend.nano)) return NAN;
    double weight = seasonal ? window_weight(q, hours, mean_hour(q)) : hours;
    weight = fmax(weight, hours / 4); /* a night on which nothing is expected is no reason to cry at a cent */
    return forecast_burn((double)spend.nano, weight, (double)(q->limit_nano - q->spent_nano), ahead);
}

static bool find_burn(const struct budget_question *q, double ahead, bool seasonal,
                      struct budget_outlook *ret) {
    bool burning = false;
    for (unsigned i = 0; i < BURN_TIERS; i++) {
        double slow = burn_of(q, q->burn_long[i], tiers[i].long_hours, ahead, seasonal);
        double fast = burn_of(q, q->burn_short[i], tiers[i].short_hours, ahead, seasonal);
        ret->burn[i] = isnan(slow) || isnan(fast) ? NAN : fmin(slow, fast);
        if (ret->burn[i] > tiers[i].factor && q->burn_long[i].nano >= q->burn_minimum_nano) burning = true;
    }
    return burning;
}

/* Spent against limit * (expected weight until now / of the whole window). */
static double plan_ratio(const struct budget_question *q, double ahead, bool seasonal) {
    double elapsed = (double)q->n_elapsed, whole;
    if (seasonal) elapsed = window_weight(q, (double)q->n_elapsed, mean_hour(q));
    whole = elapsed + ahead;
    if (elapsed <= 0 || whole <= 0 || q->limit_nano <= 0) return NAN;
    return (double)q->spent_nano / ((double)q->limit_nano * elapsed / whole);
}

static bool forecast_alert(const struct forecast *f, bool was_alert) {
    if (isnan(f->breach)) return was_alert; /* nothing learned */
    if (f->breach >= ALERT_SURE || (f->breach >= ALERT_SOON && f->eta_p50 < ALERT_SOON_HOURS)) return true;
    return was_alert && f->breach >= CLEAR;
}

void forecast_budget(const struct budget_question *q, struct budget_outlook *ret) {
    struct forecast_question fq = {.hours = q->hours,
                                   .n_hours = q->n_hours,
                                   .hour_of_week = q->hour_of_week,
                                   .n_ahead = q->n_ahead,
                                   .first_part = q->first_part,
                                   .last_part = q->last_part,
                                   .spent = (double)q->spent_nano,
                                   .limit = (double)q->limit_nano,
                                   .seed = q->seed};
    struct forecast f;
    forecast_run(&fq, &f);
    bool seasonal = f.confidence == FORECAST_SEASONAL;
    *ret = (struct budget_outlook){.forecast_alert = forecast_alert(&f, q->was_alert),
                                   .confidence = f.confidence,
                                   .days = f.days,
                                   .expected_nano = to_nano(f.expected),
                                   .p10_nano = to_nano(f.p10),
                                   .p50_nano = to_nano(f.p50),
                                   .p90_nano = to_nano(f.p90),
                                   .breach = f.breach,
                                   .eta_p10 = f.eta_p10,
                                   .eta_p50 = f.eta_p50,
                                   .eta_p90 = f.eta_p90,
                                   .plan_ratio = plan_ratio(q, f.ahead_share, seasonal)};
    bool burning = find_burn(q, f.ahead_share, seasonal, ret);
    if (q->spent_nano > q->limit_nano) ret->alert = OUTLOOK_BREACHED;
    else if (ret->forecast_alert) ret->alert = OUTLOOK_FORECAST;
    else if (burning) ret->alert = OUTLOOK_BURN;
    else if (ret->plan_ratio >= 1 + q->plan_over) ret->alert = OUTLOOK_PLAN;
    else ret->alert = f.confidence == FORECAST_NONE ? OUTLOOK_UNKNOWN : OUTLOOK_HOLDS;
}

const char *outlook_name(enum outlook a) {
    static const char *const names[] = {"not_enough_data", "holds",    "over_plan",
                                        "burn_rate",       "forecast", "breached"};
    return names[a];
}

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

void budget_outlook_write_json(const struct budget_outlook *o, struct json_writer *w) {
    static const char *const confidences[] = {"none", "low", "seasonal"};
    json_object(w);
    json_member_text(w, "alert", outlook_name(o->alert));
    json_member_text(w, "confidence", confidences[o->confidence]);
    json_member_i64(w, "history_days", (int64_t)o->days);
    put_usd(w, "forecast_usd", o->expected_nano);
    put_usd(w, "low_usd", o->p10_nano);
    put_usd(w, "median_usd", o->p50_nano);
    put_usd(w, "high_usd", o->p90_nano);
    json_member_double(w, "breach_probability", o->breach);
    json_member_double(w, "eta_hours", o->eta_p50);
    json_member_double(w, "eta_hours_early", o->eta_p10);
    json_member_double(w, "eta_hours_late", o->eta_p90);
    json_key(w, "burn");
    json_array(w);
    for (unsigned i = 0; i < BURN_TIERS; i++) {
        json_object(w);
        json_member_double(w, "hours", tiers[i].long_hours);
        json_member_double(w, "factor", o->burn[i]);
        json_member_double(w, "alert_above", tiers[i].factor);
        json_object_end(w);
    }
    json_array_end(w);
    json_member_double(w, "spent_of_plan", o->plan_ratio);
    json_object_end(w);
}
