#include "stats/forecast.h"

#include "base/mem.h"
#include "stats/quantile.h"
#include "stats/random.h"
#include "stats/special.h"

#include <math.h>
#include <stdbool.h>

enum { DAY = 24, WEEK_DAYS = 7, BLOCK_DAYS = 3, LEVEL_MEMORY = 20 };
static const double PRIOR_WEEKS = 2, HALF_LIFE_DAYS = 2;

struct history {
    double profile[HOURS_OF_WEEK];
    double *residuals; /* of days, oldest first */
    size_t n;
    double level, weight; /* weight of a new day in the level */
};

static unsigned day_type(unsigned hour_of_week) {
    return hour_of_week / DAY >= 5; /* Saturday and Sunday */
}

/* Sums over hours of the week, over hours of a working or week-end day, and over all. */
struct sums {
    double of[HOURS_OF_WEEK], n[HOURS_OF_WEEK], type_of[2][DAY], type_n[2][DAY], all, all_n;
};

static void sum_hours(const struct forecast_question *q, struct sums *s) {
    *s = (struct sums){0};
    for (size_t i = 0; i < q->n_hours; i++) {
        unsigned h = q->hour_of_week[i];
        if (isnan(q->hours[i])) continue;
        s->of[h] += q->hours[i];
        s->n[h]++;
        s->type_of[day_type(h)][h % DAY] += q->hours[i];
        s->type_n[day_type(h)][h % DAY]++;
        s->all += q->hours[i];
        s->all_n++;
    }
}

/* The profile's value for an hour, from `n` hours that sum to `amount` less than there are. */
static double profile_at(const struct sums *s, unsigned hour_of_week, double amount, double n) {
    unsigned type = day_type(hour_of_week), hour = hour_of_week % DAY;
    double prior_n = s->type_n[type][hour] - n, all_n = s->all_n - n;
    double prior = prior_n > 0 ? (s->type_of[type][hour] - amount) / prior_n
                   : all_n > 0 ? (s->all - amount) / all_n
                               : 0;
    return (s->of[hour_of_week] - amount + PRIOR_WEEKS * prior) / (s->n[hour_of_week] - n + PRIOR_WEEKS);
}

/* Actual / expected of each day (24 hours, counted back from now), oldest first. `apart`: a day is judged by
 * the profile that the others make, as the days to come will be; by its own it would look better than it is.
 * Days with a quarter or more of their hours unknown, and days on which nothing is expected, are left out.
 * NULL sums: one an hour is expected. */
static size_t day_ratios(const struct forecast_question *q, const struct sums *s, bool apart, double *ret) {
    size_t n = 0;
    for (size_t from = q->n_hours % DAY; from + DAY <= q->n_hours; from += DAY) {
        double actual = 0, expected = 0;
        unsigned known = 0;
        for (size_t i = from; i < from + DAY; i++) {
            if (isnan(q->hours[i])) continue;
            actual += q->hours[i];
            expected += s ? profile_at(s, q->hour_of_week[i], apart ? q->hours[i] : 0, apart) : 1;
            known++;
        }
        if (known * 4 > DAY * 3 && expected > 0) ret[n++] = actual / expected;
    }
    return n;
}

/* Follows the level through days' ratios and leaves in their places what each day was against the level
 * before it. */
static double follow(double *ratios, size_t n, double weight) {
    double first[3] = {1, 1, 1};
    for (size_t i = 0; i < 3 && i < n; i++) first[i] = ratios[i];
    quantile_sort(first, 3);
    double level = first[1];
    for (size_t i = 0; i < n; i++) {
        double ratio = ratios[i];
        ratios[i] = level > 0 ? ratio / level : 1;
        level += weight * (ratio - level);
    }
    return level;
}

static void learn(const struct forecast_question *q, struct history *h) {
    struct sums sums;
    sum_hours(q, &sums);
    for (unsigned i = 0; i < HOURS_OF_WEEK; i++) h->profile[i] = profile_at(&sums, i, 0, 0);
    h->weight = 1 - exp2(-1 / HALF_LIFE_DAYS);
    h->n = day_ratios(q, &sums, false, h->residuals);
    h->level = follow(h->residuals, h->n, h->weight);
    h->n = day_ratios(q, &sums, true, h->residuals);
    (void)follow(h->residuals, h->n, h->weight);
    double mean =
        0; /* the bands' middle is the forecast: chance in the residuals' mean must not move it twice */
    for (size_t i = 0; i < h->n; i++) mean += h->residuals[i] / (double)h->n;
    for (size_t i = 0; i < h->n && mean > 0; i++) h->residuals[i] /= mean;
}

struct draw {
    struct random random;
    size_t at;
    unsigned left;
};

/* The next day's residual: blocks of consecutive days keep the memory that days have of each other. */
static double draw_day(struct draw *d, const struct history *h) {
    if (d->left == 0) {
        d->at = random_below(&d->random, h->n);
        d->left = BLOCK_DAYS;
    }
    d->left--;
    return h->residuals[d->at++ % h->n];
}

static double part_of(const struct forecast_question *q, size_t hour) {
    return (hour == 0 ? q->first_part : 1) * (hour + 1 == q->n_ahead ? q->last_part : 1);
}

/* What the remaining hours spend at level 1, and whole days of them: the same for all paths. */
struct ahead { double *hours, *days; };

static struct ahead look_ahead(const struct forecast_question *q, const struct history *h) {
    struct ahead a = {mem_new_array(double, q->n_ahead + 1), mem_new_array(double, q->n_ahead / DAY + 1)};
    for (size_t i = 0; i < q->n_ahead; i++) {
        a.hours[i] = h->profile[q->hour_of_week[q->n_hours + i]] * part_of(q, i);
        a.days[i / DAY] += a.hours[i];
    }
    return a;
}

/* Hours until `left` is spent, within the day that begins at hour `first` and spends `times` as much as at level 1. */
static double within_day(const struct forecast_question *q, const struct ahead *a, size_t first, double times, double left) {
    double passed = first == 0 ? 0 : q->first_part + (double)(first - 1);
    for (size_t i = first; i < q->n_ahead && i < first + DAY; i++) {
        double more = a->hours[i] * times;
        if (more > left) return passed + part_of(q, i) * fmax(0, left) / more;
        left -= more;
        passed += part_of(q, i);
    }
    return passed; /* by a rounding error */
}

/* Spends along the remaining days; *ret_eta: hours until the limit is passed. */
static double walk(const struct forecast_question *q, const struct history *h, const struct ahead *a, struct draw *d,
                   double *ret_eta) {
    double level = h->level, error = 0, weight = 1, amount = q->spent;
    for (unsigned i = 0; i < LEVEL_MEMORY; i++) { /* what other days would have made of the level */
        double w = i + 1 == LEVEL_MEMORY ? weight : weight * h->weight;
        error += w * draw_day(d, h);
        weight -= w;
    }
    level *= error;
    *ret_eta = amount > q->limit ? 0 : INFINITY;
    for (size_t i = 0; i < q->n_ahead; i += DAY) {
        double times = level * draw_day(d, h), more = a->days[i / DAY] * times;
        if (isinf(*ret_eta) && amount + more > q->limit) *ret_eta = within_day(q, a, i, times, q->limit - amount);
        amount += more;
    }
    return amount;
}

static void seasonal(const struct forecast_question *q, const struct history *h, struct forecast *ret) {
    double ends[FORECAST_PATHS], etas[FORECAST_PATHS], mean = 0, ahead = 0;
    struct draw d = {.random = {q->seed}};
    struct ahead a = look_ahead(q, h);
    unsigned breaches = 0;
    for (unsigned i = 0; i < FORECAST_PATHS; i++) {
        d.left = 0;
        ends[i] = walk(q, h, &a, &d, &etas[i]);
        breaches += ends[i] > q->limit;
    }
    quantile_sort(ends, FORECAST_PATHS);
    quantile_sort(etas, FORECAST_PATHS);
    for (unsigned i = 0; i < HOURS_OF_WEEK; i++) mean += h->profile[i] / HOURS_OF_WEEK;
    for (size_t i = 0; i < q->n_ahead; i++) ahead += a.hours[i];
    mem_free(a.hours);
    mem_free(a.days);
    ret->confidence = FORECAST_SEASONAL;
    ret->level = h->level;
    ret->expected = q->spent + ahead * h->level;
    ret->p10 = quantile_of(ends, FORECAST_PATHS, 0.1);
    ret->p50 = quantile_of(ends, FORECAST_PATHS, 0.5);
    ret->p90 = quantile_of(ends, FORECAST_PATHS, 0.9);
    ret->breach = isnan(q->limit) ? NAN : breaches / (double)FORECAST_PATHS;
    ret->eta_p10 = quantile_of(etas, FORECAST_PATHS, 0.1);
    ret->eta_p50 = quantile_of(etas, FORECAST_PATHS, 0.5);
    ret->eta_p90 = quantile_of(etas, FORECAST_PATHS, 0.9);
    if (mean > 0) ret->ahead_share = ahead / mean;
}

/* Hours until `rate` an hour has spent what is left, if that is before the end. */
static double linear_eta(double left, double rate, double hours) {
    if (left < 0) return 0;
    return rate > 0 && left / rate < hours ? left / rate : INFINITY;
}

static void linear(const struct forecast_question *q, double mean, double variance, size_t days,
                   struct forecast *ret) {
    double hours = ret->ahead_share, ahead = hours / DAY, df = (double)days - 1;
    double sd = sqrt(variance * (ahead + ahead * ahead / (double)days));
    double t = special_t_quantile(0.9, df);
    ret->confidence = FORECAST_LOW;
    ret->expected = ret->p50 = q->spent + mean * ahead;
    ret->p10 = fmax(q->spent, ret->expected - t * sd);
    ret->p90 = ret->expected + t * sd;
    if (isnan(q->limit)) return;
    ret->breach = sd > 0 ? special_t_cdf((ret->expected - q->limit) / sd, df) : ret->expected > q->limit;
    double left = q->limit - q->spent, per_hour = hours > 0 ? 1 / hours : 0;
    ret->eta_p10 = linear_eta(left, (ret->p90 - q->spent) * per_hour, hours);
    ret->eta_p50 = linear_eta(left, (ret->p50 - q->spent) * per_hour, hours);
    ret->eta_p90 = linear_eta(left, (ret->p10 - q->spent) * per_hour, hours);
}

/* Mean and variance of the days there are. */
static void short_history(const struct forecast_question *q, struct forecast *ret) {
    double days[WEEK_DAYS + 1], mean = 0, variance = 0;
    size_t n = day_ratios(q, NULL, false, days);
    ret->days = n;
    if (n < 2) return;
    for (size_t i = 0; i < n; i++) mean += days[i] * DAY / (double)n;
    for (size_t i = 0; i < n; i++) {
        double off = days[i] * DAY - mean;
        variance += off * off / (double)(n - 1);
    }
    linear(q, mean, variance, n, ret);
}

void forecast_run(const struct forecast_question *q, struct forecast *ret) {
    *ret = (struct forecast){.level = NAN,
                             .expected = NAN,
                             .p10 = NAN,
                             .p50 = NAN,
                             .p90 = NAN,
                             .breach = NAN,
                             .eta_p10 = INFINITY,
                             .eta_p50 = INFINITY,
                             .eta_p90 = INFINITY};
    for (size_t i = 0; i < q->n_ahead; i++) ret->ahead_share += part_of(q, i);
    if (q->n_hours >= HOURS_OF_WEEK) {
        struct history h = {.residuals = mem_new_array(double, q->n_hours / DAY)};
        learn(q, &h);
        if (h.n >= WEEK_DAYS) {
            ret->days = h.n;
            seasonal(q, &h, ret);
        }
        mem_free(h.residuals);
    }
    if (ret->confidence == FORECAST_NONE) {
        struct forecast_question recent = *q;
        size_t keep = (size_t)HOURS_OF_WEEK, drop = q->n_hours > keep ? q->n_hours - keep : 0;
        recent.hours += drop;
        recent.hour_of_week += drop;
        recent.n_hours -= drop;
        short_history(&recent, ret);
    }
    if (q->spent > q->limit) {
        ret->breach = 1;
        ret->eta_p10 = ret->eta_p50 = ret->eta_p90 = 0;
    }
}

double forecast_burn(double spend, double weight, double left, double weight_left) {
    if (spend <= 0 || weight <= 0) return 0;
    if (left <= 0 || weight_left <= 0) return left <= 0 ? INFINITY : 0;
    return (spend / weight) / (left / weight_left);
}

double forecast_burn_factor(double share, double window_hours, double period_hours) {
    return share * period_hours / window_hours;
}
