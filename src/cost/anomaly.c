#include "cost/anomaly.h"

#include "base/mem.h"
#include "base/money.h"
#include "base/table.h"
#include "stats/shift.h"

#include <math.h>
#include <stdlib.h>

enum { WEEK = 7, LABEL_BEFORE = 7, LABEL_AFTER = 3 };
static const double DETECTABLE_ENOUGH = 0.5, LABEL_GROWTH = 0.2, DAYS_A_MONTH = 365.25 / 12;

/* Cells of one request type, by day. */
struct group {
    const struct anomaly_cell **cells;
    size_t n;
};
struct day {
    int64_t day;
    size_t from, to; /* in the group's cells */
    double requests, cost;
};
struct series {
    struct day *days; /* that count */
    size_t n;
    double *y, *weight;
    unsigned char *season;
};

/* ---- order ---- */

static int compare_names(struct slice a, struct slice b) {
    if (slice_is_null(a) != slice_is_null(b)) return slice_is_null(a) ? -1 : 1;
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static int compare_types(const struct anomaly_cell *a, const struct anomaly_cell *b) {
    int order = compare_names(a->cell.by[COST_BY_APPLICATION], b->cell.by[COST_BY_APPLICATION]);
    return order ? order : compare_names(a->cell.by[COST_BY_REQUEST_TYPE], b->cell.by[COST_BY_REQUEST_TYPE]);
}

static int by_type_and_day(const void *left, const void *right) {
    const struct anomaly_cell *a = *(const struct anomaly_cell *const *)left;
    const struct anomaly_cell *b = *(const struct anomaly_cell *const *)right;
    int order = compare_types(a, b);
    if (order) return order;
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    return a < b ? -1 : a > b; /* as given */
}

static int by_value(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

/* ---- the daily series ---- */

static void series_init(struct series *s, size_t days) {
    *s = (struct series){.days = mem_new_array(struct day, days + 1),
                         .y = mem_new_array(double, days + 1),
                         .weight = mem_new_array(double, days + 1),
                         .season = mem_new_array(unsigned char, days + 1)};
}

static void series_deinit(struct series *s) {
    mem_free(s->days);
    mem_free(s->y);
    mem_free(s->weight);
    mem_free(s->season);
}

static double median_requests(const struct series *s) {
    double *values = mem_new_array(double, s->n + 1);
    for (size_t i = 0; i < s->n; i++) values[i] = s->days[i].requests;
    qsort(values, s->n, sizeof *values, by_value);
    double median = values[s->n / 2];
    mem_free(values);
    return median;
}

static unsigned char weekday(int64_t day) { /* each its own number; which is which does not matter */
    return (unsigned char)((day % WEEK + WEEK) % WEEK);
}

static void make_series(const struct group *g, int64_t min_requests, struct series *s) {
    for (size_t i = 0, next; i < g->n; i = next) {
        struct day d = {.day = g->cells[i]->day, .from = i};
        for (next = i; next < g->n && g->cells[next]->day == d.day; next++) {
            const struct cost_cell *c = &g->cells[next]->cell;
            if (c->requests <= c->unpriced) continue;
            d.requests += (double)(c->requests - c->unpriced);
            d.cost += (double)c->cost_nano;
        }
        d.to = next;
        if (d.requests >= (double)min_requests && d.cost > 0)
            s->days[s->n++] = d; /* a free day has no logarithm */
    }
    double median = s->n ? median_requests(s) : 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct day *d = &s->days[i];
        s->y[i] = log(d->cost / d->requests);
        s->weight[i] = 2 * d->requests / (d->requests + median);
        s->season[i] = weekday(d->day);
    }
}

/* ---- which meter, and what came with it ---- */

static bool same_cell(const struct cost_cell *a, const struct cost_cell *b) {
    return slice_is_null(a->by[COST_BY_MODEL]) == slice_is_null(b->by[COST_BY_MODEL]) &&
           slice_eq(a->by[COST_BY_MODEL], b->by[COST_BY_MODEL]);
}

/* Sums days from..to of the series into cells of a model each; only weekdays in `wanted`. */
static void sum_days(const struct group *g, const struct series *s, size_t from, size_t to, unsigned wanted,
                     bool after, struct factor_cell *cells, const struct cost_cell **names, size_t *n) {
    for (size_t i = from; i < to; i++) {
        if (!(wanted >> s->season[i] & 1)) continue;
        for (size_t j = s->days[i].from; j < s->days[i].to; j++) {
            const struct cost_cell *c = &g->cells[j]->cell;
            size_t at = 0;
            while (at < *n && !same_cell(names[at], c)) at++;
            if (at == *n) {
                names[(*n)++] = c;
                factor_side_init(&cells[at].before);
                factor_side_init(&cells[at].after);
            }
            factor_side_add(after ? &cells[at].after : &cells[at].before, c);
        }
    }
}

static unsigned weekdays_in(const struct series *s, size_t from, size_t to) {
    unsigned set = 0;
    for (size_t i = from; i < to; i++) set |= 1u << s->season[i];
    return set;
}

static void measure(const struct group *g, const struct series *s, size_t from, size_t first, size_t to,
                    struct anomaly_shift *ret) {
    size_t most = s->days[to - 1].to - s->days[from].from, n = 0;
    struct factor_cell *cells = mem_new_array(struct factor_cell, most + 1);
    const struct cost_cell **names = mem_new_array(const struct cost_cell *, most + 1);
    unsigned wanted = weekdays_in(s, first, to);
    if (!(weekdays_in(s, from, first) & wanted)) wanted = (1u << WEEK) - 1;
    sum_days(g, s, from, first, wanted, false, cells, names, &n);
    sum_days(g, s, first, to, wanted, true, cells, names, &n);
    double requests[2] = {0}, cost[2] = {0};
    for (size_t i = 0; i < n; i++) {
        requests[0] += cells[i].before.requests;
        requests[1] += cells[i].after.requests;
        cost[0] += cells[i].before.cost;
        cost[1] += cells[i].after.cost;
    }
    factors_share(cells, n, true, ret->contributions);
    ret->before_nano = cost[0] / requests[0];
    ret->after_nano = cost[1] / requests[1];
    double month = (ret->after_nano - ret->before_nano) * requests[1] / (double)(to - first) * DAYS_A_MONTH;
    ret->month_nano = fabs(month) < 9e18 ? llround(month) : MONEY_UNKNOWN;
    mem_free(cells);
    mem_free(names);
}

/* Requests by name, before and after. */
struct tally {
    struct slice value;
    double requests[2];
};

static void count_names(const struct group *g, const struct series *s, size_t from, size_t to,
                        enum cost_dimension by, unsigned side, struct table *places, struct tally *tallies,
                        double *ret_all) {
    for (size_t j = from < to ? s->days[from].from : 0; from < to && j < s->days[to - 1].to; j++) {
        const struct cost_cell *c = &g->cells[j]->cell;
        *ret_all += (double)c->requests;
        if (slice_is_null(c->by[by])) continue;
        size_t place = (size_t)table_get(places, c->by[by]);
        if (place == 0) {
            place = places->count + 1;
            (void)table_put(places, c->by[by], (void *)place);
            tallies[place - 1].value = c->by[by];
        }
        tallies[place - 1].requests[side] += (double)c->requests;
    }
}

static struct anomaly_label find_label(const struct group *g, const struct series *s, size_t from,
                                       size_t first, size_t to, enum cost_dimension by) {
    struct anomaly_label best = {0};
    struct table places;
    double all[2] = {0};
    if (first - from > LABEL_BEFORE) from = first - LABEL_BEFORE;
    if (to - first > LABEL_AFTER) to = first + LABEL_AFTER;
    struct tally *tallies = mem_new_array(struct tally, s->days[to - 1].to - s->days[from].from + 1);
    table_init(&places);
    count_names(g, s, from, first, by, 0, &places, tallies, &all[0]);
    count_names(g, s, first, to, by, 1, &places, tallies, &all[1]);
    for (size_t i = 0; i < places.count; i++) {
        struct anomaly_label l = {tallies[i].value, tallies[i].requests[0] / all[0],
                                  tallies[i].requests[1] / all[1]};
        double growth = l.share_after - l.share_before;
        if (growth >= LABEL_GROWTH && growth > best.share_after - best.share_before) best = l;
    }
    table_deinit(&places);
    mem_free(tallies);
    return best;
}

/* The factor that did most of the move, in its direction. */
static enum anomaly_meter find_meter(const struct anomaly_shift *s) {
    double direction = s->after_nano >= s->before_nano ? 1 : -1;
    enum cost_factor most = COST_FACTOR_MIX;
    for (unsigned f = COST_FACTOR_MIX; f < COST_FACTORS; f++)
        if (direction * s->contributions[f] > direction * s->contributions[most]) most = (enum cost_factor)f;
    switch (most) {
    case COST_FACTOR_INPUT_TOKENS:
        return slice_is_null(s->prompt.value) && slice_is_null(s->system_prompt.value) ? ANOMALY_CONTEXT
                                                                                       : ANOMALY_PROMPT;
    case COST_FACTOR_OUTPUT_TOKENS: return ANOMALY_ANSWERS;
    case COST_FACTOR_CACHED_SHARE: return ANOMALY_CACHE;
    case COST_FACTOR_PRICE: return ANOMALY_PRICE;
    default: return ANOMALY_MODEL;
    }
}

static void describe(const struct group *g, const struct series *s, size_t from, size_t first, size_t to,
                     struct anomaly_shift *ret) {
    measure(g, s, from, first, to, ret);
    ret->prompt = find_label(g, s, from, first, to, COST_BY_PROMPT);
    ret->system_prompt = find_label(g, s, from, first, to, COST_BY_SYSTEM_PROMPT);
    ret->model = find_label(g, s, from, first, to, COST_BY_MODEL);
    ret->meter = find_meter(ret);
}

/* ---- a request type ---- */

static struct shift_series slice_of_series(const struct series *s, size_t from, size_t to) {
    return (struct shift_series){s->y + from, s->weight + from, s->season + from, to - from};
}

static struct shift_result shift_from(const struct series *s, size_t from, double threshold) {
    struct shift_series rest = slice_of_series(s, from, s->n);
    return shift_find(&rest, threshold);
}

/* Each shift begins the series in which the next one is looked for. */
static enum fault walk(const struct group *g, const struct series *s, const struct anomaly_options *o,
                       struct arena *arena, struct anomaly_type *t, struct error *error) {
    t->shifts = arena_new_array(arena, struct anomaly_shift, s->n + 1);
    if (!t->shifts)
        return error_set(error, FAULT_TOO_LARGE, "the findings need more memory than they may have");
    size_t from = 0;
    struct shift_result now = shift_from(s, 0, t->threshold);
    while (now.found) {
        size_t first = from + now.first;
        struct shift_result next = shift_from(s, first, t->threshold);
        struct anomaly_shift *found = &t->shifts[t->n_shifts];
        *found = (struct anomaly_shift){.first_day = s->days[first].day,
                                        .alarm_day = s->days[from + now.alarm].day,
                                        .statistic = now.statistic};
        describe(g, s, from, first, next.found ? first + next.first : s->n, found);
        if (fabs(log(found->after_nano / found->before_nano)) >= log1p(o->min_effect)) t->n_shifts++;
        from = first;
        now = next;
    }
    t->statistic = now.statistic;
    struct shift_series last = slice_of_series(s, from, s->n);
    t->detectable = expm1(shift_detectable(&last, WEEK, t->threshold) * now.deviation);
    if (t->n_shifts) t->verdict = ANOMALY_SHIFTED;
    else t->verdict = t->detectable <= DETECTABLE_ENOUGH ? ANOMALY_NONE : ANOMALY_NOT_ENOUGH;
    return FAULT_NONE;
}

static enum fault watch(const struct group *g, const struct anomaly_options *o, size_t types,
                        struct arena *arena, struct anomaly_type *t, struct error *error) {
    struct series s;
    series_init(&s, g->n);
    make_series(g, o->min_requests, &s);
    *t = (struct anomaly_type){.application = g->cells[0]->cell.by[COST_BY_APPLICATION],
                               .request_type = g->cells[0]->cell.by[COST_BY_REQUEST_TYPE],
                               .threshold = o->false_alarm_days * (double)types,
                               .days = s.n};
    for (size_t i = 0; i < g->n; i++) t->unpriced += g->cells[i]->cell.unpriced;
    for (size_t i = 0; i < s.n; i++) t->requests += (int64_t)s.days[i].requests;
    enum fault f = walk(g, &s, o, arena, t, error);
    series_deinit(&s);
    return f;
}

static size_t type_end(const struct anomaly_cell *const *sorted, size_t from, size_t n) {
    size_t to = from;
    while (to < n && compare_types(sorted[from], sorted[to]) == 0) to++;
    return to;
}

enum fault anomaly_find(const struct anomaly_cell *cells, size_t n, const struct anomaly_options *options,
                        struct arena *arena, struct anomaly_report *ret, struct error *error) {
    if (!(options->false_alarm_days >= 1) || !(options->min_effect >= 0) || options->min_requests < 1)
        return error_set(error, FAULT_BAD_REQUEST,
                         "expected false_alarm_days >= 1, min_effect >= 0 and min_requests >= 1");
    struct anomaly_report r = {.options = *options};
    const struct anomaly_cell **sorted = mem_new_array(const struct anomaly_cell *, n + 1);
    for (size_t i = 0; i < n; i++) sorted[i] = &cells[i];
    qsort(sorted, n, sizeof *sorted, by_type_and_day);
    for (size_t i = 0; i < n; i = type_end(sorted, i, n)) r.n_types++;
    enum fault f = FAULT_NONE;
    r.types = arena_new_array(arena, struct anomaly_type, r.n_types + 1);
    if (!r.types) f = error_set(error, FAULT_TOO_LARGE, "the findings need more memory than they may have");
    size_t at = 0;
    for (size_t i = 0, to; !f && i < n; i = to) {
        to = type_end(sorted, i, n);
        struct group g = {sorted + i, to - i};
        f = watch(&g, options, r.n_types, arena, &r.types[at++], error);
    }
    mem_free(sorted);
    if (!f) *ret = r;
    return f;
}
