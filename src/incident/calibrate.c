/* calibrate.c - the threshold that brings as many false alarms as are wanted (calibrate.h says how). */
#include "incident/calibrate_private.h"

#include "base/mem.h"
#include "stats/quantile.h"
#include "stats/shift.h"
#include "stats/tail.h"

#include <math.h>

#define PEAKS_WANTED 30
#define SHIFT_LEAST_DAYS 8
#define SHIFT_THRESHOLD 365.0    /* days to a false alarm of "the baseline shifted" */
#define CLEAR_BACK 0.2           /* of the way from a threshold to what is usual: where it ends, unless the rule says */

static bool is_below(const struct past_runs *p) { return p->q->rule->when.test == ALERT_BELOW; }

/* All values of windows with enough in them, worst last. Released with mem_free. */
static double *values_of(const struct past_runs *p, size_t *ret_n) {
    double *v = mem_new_array(double, p->windows > 0 ? p->windows : 1), least = (double)p->q->rule->when.min_samples;
    size_t n = 0;
    for (unsigned r = 0; r < p->n; r++)
        for (uint32_t i = 0; i < p->runs[r].n; i++)
            if (p->runs[r].windows[i].n >= least) v[n++] = p->runs[r].windows[i].value;
    quantile_sort(v, n);
    for (size_t i = 0; is_below(p) && i < n / 2; i++) {
        double one = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = one;
    }
    *ret_n = n;
    return v;
}

/* Where the rule ends at the number it begins at, a fifth of the way back to what is usual; else as far as the rule has it. */
double past_runs_clear(const struct alert_rule *r, double threshold, double usual) {
    const struct alert_when *w = &r->when;
    bool keeps = w->clear != w->threshold && w->threshold != 0 && !isnan(w->clear);
    double clear = keeps ? threshold * w->clear / w->threshold : threshold + CLEAR_BACK * (usual - threshold);
    if (w->test == ALERT_BELOW ? clear < threshold : clear > threshold) clear = threshold;
    return clear;
}

/* To three digits, away from what is usual. */
static double rounded(double x, bool below) {
    if (x == 0 || !isfinite(x)) return x;
    double unit = pow(10, floor(log10(fabs(x))) - 2), steps = below ? floor(x / unit + 1e-9) : ceil(x / unit - 1e-9);
    return unit < 1 ? steps / round(1 / unit) : steps * unit;
}

/* ---- by counting ---- */

/* The least extreme of the values at which there are at most `most` alarms. `v`: worst last. */
static double counted_level(const struct past_runs *p, const double *v, size_t n, double usual, double most) {
    size_t low = 0, high = n - 1; /* at the worst value nothing is beyond */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        double level = rounded(v[middle], is_below(p));
        if (past_runs_replay(p, level, past_runs_clear(p->q->rule, level, usual), NULL) <= most) high = middle;
        else low = middle + 1;
    }
    return v[low];
}

/* ---- by peaks ---- */

struct tail_choice { double level; struct past_alarms alarms; };

/* The highest of some levels with enough clusters beyond it; else the one with most. */
static void choose_level(const struct past_runs *p, const double *v, size_t n, double usual, struct tail_choice *ret) {
    static const double at[] = {0.999, 0.997, 0.99, 0.98, 0.97, 0.95, 0.93, 0.9, 0.85, 0.8, 0.7};
    for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
        struct past_alarms alarms = {NULL, 0, 0};
        double level = quantile_of(v, n, at[i]); /* v is in one order or the other: positions are what counts */
        (void)past_runs_replay(p, level, past_runs_clear(p->q->rule, level, usual), &alarms);
        bool better = alarms.n > ret->alarms.n || ret->alarms.at == NULL;
        if (better) {
            mem_free(ret->alarms.at);
            *ret = (struct tail_choice){level, alarms};
        } else mem_free(alarms.at);
        if (ret->alarms.n >= PEAKS_WANTED) break;
    }
}

struct tail_answer { double level, expected, high; bool beyond; unsigned peaks; double from; };

/* Heights of what fired, and the day of each. */
static void heights(const struct past_runs *p, const struct past_alarms *alarms, double sign, struct tail_peaks *t, double *peaks, unsigned *day) {
    for (unsigned i = 0; i < alarms->n; i++) {
        const struct past_alarm *a = &alarms->at[i];
        if (isnan(a->height)) continue;
        day[t->n] = (unsigned)((a->from_us - p->from_us) / DAY_US);
        peaks[t->n++] = fmax(sign * a->height, t->level);
    }
}

static struct tail_answer tail_answer_of(const struct past_runs *p, const double *v, size_t n, double usual, double wanted) {
    struct tail_choice c = {v[n - 1], {NULL, 0, 0}};
    struct tail_answer a = {.level = v[n - 1], .expected = NAN, .high = NAN};
    double sign = is_below(p) ? -1 : 1;
    choose_level(p, v, n, usual, &c);
    double *peaks = mem_new_array(double, c.alarms.n + 1), most = -INFINITY;
    unsigned *day = mem_new_array(unsigned, c.alarms.n + 1), days = (unsigned)((int64_t)p->steps * p->step_us / DAY_US) + 1;
    struct tail_draws *draws = mem_new(struct tail_draws);
    struct tail_peaks t = {.peaks = peaks, .level = sign * c.level, .exposure = p->days};
    heights(p, &c.alarms, sign, &t, peaks, day);
    if (tail_draw(&t, day, days, draws)) {
        a.level = rounded(sign * tail_drawn_level(draws, wanted / MONTH_DAYS), is_below(p));
        a.expected = MONTH_DAYS * tail_drawn_rate(draws, sign * a.level, &a.high);
        for (size_t i = 0; i < t.n; i++) most = fmax(most, peaks[i]);
        a.beyond = sign * a.level > most;
    } else {
        struct tail_fit f = tail_fit(&t);
        double level = tail_level(&t, &f, wanted / MONTH_DAYS, &a.beyond);
        a.level = rounded(isinf(level) ? v[n - 1] : sign * level, is_below(p)); /* no peaks at all: what was seen at most */
        a.expected = MONTH_DAYS * tail_rate(&t, &f, fmax(sign * a.level, t.level), &a.high);
    }
    a.high *= MONTH_DAYS;
    a.peaks = (unsigned)t.n;
    a.from = c.level;
    mem_free(draws);
    mem_free(day);
    mem_free(peaks);
    mem_free(c.alarms.at);
    return a;
}

/* ---- has it shifted ---- */

/* Medians of the day, over all series; of a gap, or of part of a day, there is none: another hour is no shift. */
static size_t daily_medians(const struct past_runs *p, double *y, int64_t *at) {
    uint32_t per_day = (uint32_t)(DAY_US / p->step_us), days = p->steps / per_day + 1, *next = mem_new_array(uint32_t, p->n + 1);
    double *v = mem_new_array(double, p->windows + 1);
    size_t n = 0;
    for (uint32_t d = 0; d < days; d++) {
        size_t used = 0;
        for (unsigned r = 0; r < p->n; r++)
            for (; next[r] < p->runs[r].n && p->runs[r].windows[next[r]].at / per_day == d; next[r]++)
                if (p->runs[r].windows[next[r]].n > 0) v[used++] = p->runs[r].windows[next[r]].value;
        if (used < per_day / 4) continue;
        quantile_sort(v, used);
        at[n] = p->from_us + (int64_t)d * DAY_US;
        y[n++] = quantile_of(v, used, 0.5);
    }
    mem_free(v);
    mem_free(next);
    return n;
}

/* Of their logarithms, where all are positive and no shares: what is usual varies in proportion. */
void past_runs_shift(const struct past_runs *p, int64_t from_us, struct calibrate_shift *ret) {
    uint32_t days = p->steps / (uint32_t)(DAY_US / p->step_us) + 1;
    double *y = mem_new_array(double, days);
    int64_t *at = mem_new_array(int64_t, days);
    size_t n = daily_medians(p, y, at);
    bool positive = signal_info(p->q->rule->when.signal).shape != SIGNAL_SHARE;
    for (size_t i = 0; i < n; i++) positive = positive && y[i] > 0;
    for (size_t i = 0; i < n && positive; i++) y[i] = log(y[i]);
    *ret = (struct calibrate_shift){0, NAN, NAN};
    if (n >= SHIFT_LEAST_DAYS) {
        struct shift_result s = shift_find(&(struct shift_series){.y = y, .n = n}, SHIFT_THRESHOLD);
        if (s.found && at[s.first] >= from_us) *ret = (struct calibrate_shift){at[s.first], positive ? exp(s.before) : s.before, positive ? exp(s.after) : s.after};
    }
    mem_free(at);
    mem_free(y);
}

enum fault calibrate_shift(const struct calibrate_request *q, int64_t since_us, struct arena *arena, struct calibrate_shift *ret, struct error *error) {
    struct past_runs p;
    enum fault fault = past_runs_read(q, arena, &p, error);
    if (fault != FAULT_NONE) return fault;
    past_runs_shift(&p, since_us, ret);
    past_runs_deinit(&p);
    return FAULT_NONE;
}

/* ---- together ---- */

static struct slice lacking(const struct past_runs *p, struct arena *arena) {
    if (p->windows == 0) return arena_printf(arena, "no data: nothing in this time that the rule is about. Ask again once there are %.0f days of it", CALIBRATE_LEAST_DAYS);
    return arena_printf(arena, "%.1f days with data, and at least %.0f are needed: ask again in %.1f days", p->days, CALIBRATE_LEAST_DAYS,
                        CALIBRATE_LEAST_DAYS - p->days);
}

static void propose(const struct calibrate_request *q, const struct past_runs *p, const double *v, size_t n, struct calibration_proposal *ret) {
    double usual = v[(n - 1) / 2], allowed = q->alarms_per_month * p->days / MONTH_DAYS, months = p->days / MONTH_DAYS;
    struct tail_answer tail = {.peaks = 0, .from = NAN};
    bool by_tail = allowed < CALIBRATE_COUNTED;
    if (by_tail) {
        tail = tail_answer_of(p, v, n, usual, q->alarms_per_month);
        ret->threshold = tail.level;
    } else ret->threshold = rounded(counted_level(p, v, n, usual, allowed), is_below(p));
    ret->clear = past_runs_clear(q->rule, ret->threshold, usual);
    past_runs_replayed(p, ret->threshold, ret->clear, &ret->then);
    past_runs_replayed(p, q->threshold, q->clear, &ret->now);
    ret->extrapolated = tail.beyond;
    ret->expected = by_tail ? tail.expected : ret->then.per_month;
    ret->expected_high = by_tail ? tail.high : poisson_upper(ret->then.alarms, 0.95) / months;
    struct calibrate_shift shift;
    past_runs_shift(p, q->to_us - (q->to_us - q->from_us) / 4 - DAY_US, &shift);
    ret->shifted = shift.since_us != 0;
    ret->shifted_us = shift.since_us;
    ret->enough = true;
    calibrate_tell(q, p, ret, by_tail, tail.peaks, tail.from);
}

enum fault calibrate(const struct calibrate_request *q, struct arena *arena, struct calibration_proposal *ret, struct error *error) {
    struct calibration_proposal proposal = {.enough = false, .expected = NAN, .expected_high = NAN};
    struct past_runs p;
    size_t n;
    if (!q->rule->calibrate)
        return error_set(error, FAULT_BAD_REQUEST, "rule `%.*s` says `calibrate: never`: its number is a promise, not a guess", SLICE_ARG(q->rule->name));
    if (!(q->alarms_per_month > 0) || q->alarms_per_month > 1e6)
        return error_set(error, FAULT_BAD_REQUEST, "expected alarms a month above 0");
    enum fault fault = past_runs_read(q, arena, &p, error);
    if (fault != FAULT_NONE) return fault;
    double *v = values_of(&p, &n);
    if (p.days < CALIBRATE_LEAST_DAYS || n == 0) proposal.words = lacking(&p, arena);
    else if (v[0] == v[n - 1])
        proposal.words = arena_printf(arena, "in %.1f days the value was always %.6g: nothing can be learned of how high it gets by chance", p.days, v[0]);
    else propose(q, &p, v, n, &proposal);
    mem_free(v);
    past_runs_deinit(&p);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "too many alarms to tell");
    *ret = proposal;
    return FAULT_NONE;
}
