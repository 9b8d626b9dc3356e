/* calibrate_replay.c - the history of a rule through alert_step. */
#include "incident/calibrate_private.h"

#include "base/mem.h"
#include "base/table.h"
#include "stats/tail.h"

#include <math.h>
#include <stdlib.h>

#define LEAST_STEP_US 60000000LL
#define LIMIT_PAST_WINDOWS (2u << 20) /* 48 MiB while one rule is looked at */
#define LONGEST_US (400 * DAY_US)

/* ---- reading ---- */

static struct past_run *run_of(struct past_runs *p, const struct signal_series *series) {
    struct buffer b;
    buffer_init(&b, 4096);
    signal_series_write(series, &b);
    uintptr_t at = (uintptr_t)table_get(p->names, buffer_slice(&b));
    if (at == 0 && p->n < CALIBRATE_SERIES && !b.overflow) {
        struct past_run run = {.name = arena_slice(p->arena, buffer_slice(&b))};
        if (!slice_is_null(run.name) && signal_series_read(run.name, p->arena, &run.series)) {
            if ((p->n & (p->n - 1)) == 0) p->runs = mem_resize(p->runs, sizeof *p->runs * (p->n == 0 ? 1 : 2 * p->n));
            p->runs[p->n++] = run;
            at = p->n;
            (void)table_put(p->names, run.name, (void *)at);
        }
    }
    buffer_deinit(&b);
    return at == 0 ? NULL : &p->runs[at - 1];
}

static bool keep(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value) {
    struct past_runs *p = arg;
    int64_t at = (end_us - p->from_us) / p->step_us;
    if (isnan(value->value) || at < 0 || at >= p->steps) return true;
    struct past_run *r = run_of(p, series);
    p->full = p->windows >= LIMIT_PAST_WINDOWS;
    p->cut |= r == NULL || p->full;
    if (r == NULL || p->full) return !p->full;
    if (r->n == r->capacity) r->windows = mem_resize(r->windows, sizeof *r->windows * (r->capacity = r->capacity == 0 ? 64 : 2 * r->capacity));
    r->windows[r->n++] = (struct past_window){(uint32_t)at, value->value, value->n};
    p->windows++;
    return true;
}

/* Days: hours in which any series has data, over 24. Samples: of windows that overlap each is its share. */
static void measure(struct past_runs *p) {
    uint32_t per_hour = p->step_us < HOUR_US ? (uint32_t)(HOUR_US / p->step_us) : 1, hours = p->steps / per_hour + 1, seen = 0;
    unsigned char *has = mem_alloc(hours);
    double part = fmin(1, (double)p->step_us / (double)p->q->rule->when.window_us);
    for (unsigned r = 0; r < p->n; r++)
        for (uint32_t i = 0; i < p->runs[r].n; i++) {
            if (!(p->runs[r].windows[i].n > 0)) continue;
            has[p->runs[r].windows[i].at / per_hour] = 1;
            p->samples += p->runs[r].windows[i].n * part;
        }
    for (uint32_t h = 0; h < hours; h++) seen += has[h];
    p->days = (double)seen * (double)per_hour * (double)p->step_us / (double)DAY_US;
    mem_free(has);
}

static enum fault is_calibrated(const struct calibrate_request *q, struct error *error) {
    const struct alert_rule *r = q->rule;
    if (r->when.test == ALERT_ANOMALY)
        return error_set(error, FAULT_BAD_REQUEST, "rule `%.*s` learns what is normal by itself: it has no threshold to calibrate", SLICE_ARG(r->name));
    if (r->when.test == ALERT_FINDING)
        return error_set(error, FAULT_BAD_REQUEST, "rule `%.*s` waits for findings: it has no threshold", SLICE_ARG(r->name));
    if (q->from_us < 0 || q->to_us <= q->from_us) return error_set(error, FAULT_BAD_REQUEST, "expected a time to begin at that is before the one to end at");
    if (q->to_us - q->from_us > LONGEST_US) return error_set(error, FAULT_BAD_REQUEST, "expected at most 400 days of history");
    return FAULT_NONE;
}

/* A tenth of the window; half of what has to last, or spans that last just so long would be missed, as live looks each second. Whole steps in an hour. */
static int64_t step_of(const struct alert_rule *r) {
    int64_t step = r->when.window_us / 10;
    if (r->for_us > 0 && r->for_us / 2 < step) step = r->for_us / 2;
    step = step / LEAST_STEP_US * LEAST_STEP_US;
    step = step < LEAST_STEP_US ? LEAST_STEP_US : step > HOUR_US ? HOUR_US : step;
    while (HOUR_US % step != 0) step -= LEAST_STEP_US;
    return step;
}

static enum fault read_at(int64_t step_us, const struct calibrate_request *q, struct arena *arena, struct past_runs *ret, struct error *error) {
    const struct alert_when *w = &q->rule->when;
    struct table names;
    struct past_runs p = {.q = q, .step_us = step_us, .arena = arena, .names = &names};
    p.from_us = q->from_us / HOUR_US * HOUR_US;
    p.steps = (uint32_t)((q->to_us - p.from_us) / p.step_us) + 1;
    struct signal_past past = {w->signal, w->of, w->by, w->where, w->window_us, p.from_us, q->to_us, p.step_us};
    table_init(&names);
    enum fault fault = q->history->past(q->history->ctx, &past, keep, &p, error);
    table_deinit(&names);
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "too many series to look at");
    if (fault == FAULT_NONE) *ret = p;
    else past_runs_deinit(&p);
    return fault;
}

/* Many series over weeks are too many windows: then larger steps over all of the history rather than a part of it. */
enum fault past_runs_read(const struct calibrate_request *q, struct arena *arena, struct past_runs *ret, struct error *error) {
    struct past_runs p = {.n = 0};
    enum fault fault = is_calibrated(q, error);
    for (int64_t step_us = fault == FAULT_NONE ? step_of(q->rule) : HOUR_US + 1; fault == FAULT_NONE; step_us *= 2) {
        while (HOUR_US % step_us != 0) step_us += LEAST_STEP_US;
        fault = read_at(step_us, q, arena, &p, error);
        if (fault != FAULT_NONE || !p.full || step_us >= HOUR_US) break;
        past_runs_deinit(&p);
    }
    if (fault != FAULT_NONE) return fault;
    measure(&p);
    *ret = p;
    return FAULT_NONE;
}

void past_runs_deinit(struct past_runs *p) {
    for (unsigned i = 0; i < p->n; i++) mem_free(p->runs[i].windows);
    mem_free(p->runs);
    p->runs = NULL;
    p->n = 0;
}

/* ---- replay ---- */

static bool is_left_out(const struct calibrate_request *q, int64_t from_us, int64_t to_us) {
    for (unsigned i = 0; i < q->n_left_out; i++)
        if (from_us <= q->left_out[i].to_us && to_us >= q->left_out[i].from_us) return true;
    return false;
}

/* The worst level that all windows of the last `for` were beyond. */
static double height_at(const struct past_runs *p, const struct past_run *r, uint32_t i) {
    const struct alert_rule *rule = p->q->rule;
    uint32_t back = (uint32_t)((rule->for_us + p->step_us - 1) / p->step_us);
    bool below = rule->when.test == ALERT_BELOW;
    double height = r->windows[i].value;
    for (uint32_t k = i; k > 0 && r->windows[i].at - r->windows[k - 1].at <= back; k--)
        height = below ? fmax(height, r->windows[k - 1].value) : fmin(height, r->windows[k - 1].value);
    return height;
}

static void add(struct past_alarms *a, struct past_alarm alarm) {
    if (a->n == a->capacity) a->at = mem_resize(a->at, sizeof *a->at * (a->capacity = a->capacity == 0 ? 16 : 2 * a->capacity));
    a->at[a->n++] = alarm;
}

struct replaying { const struct past_runs *p; unsigned run, n; struct past_alarms *alarms; struct past_alarm open; bool is_open; };

static void end(struct replaying *s, int64_t at_us) {
    if (!s->is_open) return;
    s->is_open = false;
    s->open.to_us = at_us;
    if (is_left_out(s->p->q, s->open.from_us, at_us)) return;
    s->n++;
    if (s->alarms != NULL) add(s->alarms, s->open);
}

static void step(struct replaying *s, struct alert_life *life, enum alert_observed seen, uint32_t i, int64_t at_us, bool is_window) {
    const struct past_run *r = &s->p->runs[s->run];
    bool below = s->p->q->rule->when.test == ALERT_BELOW;
    enum alert_told told = alert_step(s->p->q->rule, life, seen, at_us);
    if (told == TELL_RESOLVED) end(s, at_us);
    if ((told == TELL_FIRING || told == TELL_FLAPPING) && !s->is_open) {
        s->is_open = true;
        s->open = (struct past_alarm){s->run, at_us, at_us, is_window ? r->windows[i].value : NAN};
        if (is_window) s->open.height = height_at(s->p, r, i);
    } else if (s->is_open && is_window && s->alarms != NULL) {
        double height = height_at(s->p, r, i);
        s->open.height = below ? fmin(s->open.height, height) : fmax(s->open.height, height);
    }
}

static unsigned replay_run(const struct past_runs *p, unsigned run, double threshold, double clear, struct past_alarms *alarms) {
    const struct past_run *r = &p->runs[run];
    const struct alert_when *w = &p->q->rule->when;
    struct replaying s = {.p = p, .run = run, .alarms = alarms};
    struct alert_life life = {0};
    int64_t at_us = p->from_us;
    for (uint32_t i = 0; i < r->n; i++) {
        if (i > 0 && r->windows[i].at > r->windows[i - 1].at + 1) step(&s, &life, OBSERVED_NOTHING, i, at_us + p->step_us, false);
        at_us = p->from_us + (int64_t)r->windows[i].at * p->step_us;
        step(&s, &life, alert_observe(w, threshold, clear, r->windows[i].value, r->windows[i].n), i, at_us, true);
    }
    end(&s, at_us);
    return s.n;
}

unsigned past_runs_replay(const struct past_runs *p, double threshold, double clear, struct past_alarms *alarms) {
    unsigned n = 0;
    for (unsigned run = 0; run < p->n; run++) n += replay_run(p, run, threshold, clear, alarms);
    return n;
}

static int by_time(const void *a, const void *b) {
    const struct past_alarm *x = a, *y = b;
    return x->from_us != y->from_us ? (x->from_us > y->from_us) - (x->from_us < y->from_us) : (x->run > y->run) - (x->run < y->run);
}

void past_runs_replayed(const struct past_runs *p, double threshold, double clear, struct replay *ret) {
    struct past_alarms alarms = {NULL, 0, 0};
    double months = p->days / MONTH_DAYS;
    unsigned n = past_runs_replay(p, threshold, clear, &alarms);
    *ret = (struct replay){.threshold = threshold, .clear = clear, .alarms = n, .days = p->days, .series = p->n, .samples = p->samples,
                           .per_month = NAN, .low = NAN, .high = NAN};
    if (months > 0) {
        ret->per_month = n / months;
        ret->low = poisson_lower(n, 0.975) / months;
        ret->high = poisson_upper(n, 0.975) / months;
    }
    if (n > 0) qsort(alarms.at, n, sizeof *alarms.at, by_time);
    ret->firings = arena_new_array(p->arena, struct replayed_alarm, n < REPLAY_FIRINGS ? n : REPLAY_FIRINGS);
    for (unsigned i = 0; i < n && i < REPLAY_FIRINGS && ret->firings != NULL; i++)
        ret->firings[ret->n_firings++] =
            (struct replayed_alarm){p->runs[alarms.at[i].run].series, alarms.at[i].from_us, alarms.at[i].to_us, alarms.at[i].height};
    mem_free(alarms.at);
}

/* Windows with too little in them say nothing, live and here. */
static void show_run(const struct past_runs *p, const struct past_run *r, uint32_t stretch, struct replayed_series *ret) {
    bool below = p->q->rule->when.test == ALERT_BELOW;
    double least = (double)p->q->rule->when.min_samples;
    uint32_t last = UINT32_MAX;
    *ret = (struct replayed_series){.series = r->series, .points = arena_new_array(p->arena, struct replayed_point, p->q->points + 1)};
    for (uint32_t i = 0; i < r->n && ret->points != NULL; i++) {
        const struct past_window *w = &r->windows[i];
        if (w->n < least) continue;
        struct replayed_point *at = ret->n > 0 ? &ret->points[ret->n - 1] : NULL;
        if (w->at / stretch != last) {
            if (ret->n == p->q->points + 1) return;
            last = w->at / stretch;
            ret->points[ret->n++] = (struct replayed_point){p->from_us + (int64_t)last * stretch * p->step_us, w->value, w->n};
        } else if (at != NULL && (below ? w->value < at->value : w->value > at->value)) {
            at->value = w->value;
            at->n = w->n;
        }
    }
}

static void show(const struct past_runs *p, struct replay *ret) {
    uint32_t stretch = p->q->points > 0 ? (p->steps + p->q->points - 1) / p->q->points : 0;
    if (stretch == 0) return;
    ret->step_us = (int64_t)stretch * p->step_us;
    ret->shown = arena_new_array(p->arena, struct replayed_series, REPLAY_SHOWN);
    for (unsigned i = 0; i < p->n && i < REPLAY_SHOWN && ret->shown != NULL; i++) show_run(p, &p->runs[i], stretch, &ret->shown[ret->n_shown++]);
}

enum fault calibrate_replay(const struct calibrate_request *q, double threshold, double clear, struct arena *arena, struct replay *ret,
                            struct error *error) {
    struct past_runs p;
    enum fault fault = past_runs_read(q, arena, &p, error);
    if (fault != FAULT_NONE) return fault;
    past_runs_replayed(&p, threshold, clear, ret);
    show(&p, ret);
    past_runs_deinit(&p);
    return arena_is_full(arena) ? error_set(error, FAULT_TOO_LARGE, "too many alarms to tell") : FAULT_NONE;
}
