/* anomaly_learn.c - baselines of the test `anomaly`, from the past (anomaly.h says how). */
#include "incident/anomaly_private.h"

#include "base/mem.h"
#include "stats/proportion.h"
#include "stats/quantile.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MONTH_DAYS 30.0
#define PAST_US (21 * DAY_US)
#define WEEK_US (7 * DAY_US)
#define AGAIN_US (DAY_US)
#define RETRY_US (600 * 1000000LL)
#define LIMIT_PAST_CELLS (1u << 21) /* of all series of a rule: 48 MiB while it is learned */
#define SHARED 200.0             /* values of the whole day that an hour's own are mixed with */
#define WITHIN 0.9               /* CELLS: nine of ten */
#define LEAST_HOUR_CELLS 20
static const double WIDER[] = {1, 1.5, 2, 3, 4, 6};

/* ---- one series ---- */

static unsigned hour_at(int64_t end_us) { return (unsigned)((end_us - 1) / HOUR_US % HOURS); }

/* Days: hours that have data, over 24. */
static double days_of(const struct past_cell *cells, size_t n) {
    unsigned hours = 0;
    for (size_t i = 0; i < n; i++) hours += i == 0 || (cells[i].end_us - 1) / HOUR_US != (cells[i - 1].end_us - 1) / HOUR_US;
    return hours / (double)HOURS;
}

/* Quantile of the cells of an hour and its neighbours; of all of them where these are few. Worse is more, after `sign`. */
static double level_of(const struct past_cell *cells, size_t n, int hour, double sign, double *work) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        int apart = abs((int)hour_at(cells[i].end_us) - hour);
        if (hour < 0 || apart <= 1 || apart == HOURS - 1) work[used++] = sign * cells[i].value;
    }
    if (used < LEAST_HOUR_CELLS && hour >= 0) return level_of(cells, n, -1, sign, work);
    quantile_sort(work, used);
    return sign * quantile_of(work, used, WITHIN);
}

static void learn_levels(const struct past_cell *cells, size_t n, bool more_is_worse, struct anomaly_model *m) {
    double *work = mem_new_array(double, n);
    for (int h = 0; h < HOURS; h++) m->hours[h] = level_of(cells, n, h, more_is_worse ? 1 : -1, work);
    mem_free(work);
}

/* How hours vary beyond chance: Pearson's statistic over its degrees of freedom; at least 1. */
static double dispersion(const struct past_cell *cells, size_t n, const struct signal_info *info, const struct anomaly_model *m, double *ret_units) {
    struct anomaly_count unit = {0, 0};
    double sum = 0, units = 0;
    for (size_t i = 0; i <= n; i++) {
        bool ends = i == n || (i > 0 && (cells[i].end_us - 1) / HOUR_US != (cells[i - 1].end_us - 1) / HOUR_US);
        if (ends && unit.n > 0) {
            double p = m->counts ? m->hours[hour_at(cells[i - 1].end_us)] : 1 - WITHIN;
            p = fmin(fmax(p, 1e-4), 0.9999);
            sum += (unit.hits - p * unit.n) * (unit.hits - p * unit.n) / (unit.n * p * (1 - p));
            units++;
            unit = (struct anomaly_count){0, 0};
        }
        if (i == n) break;
        struct anomaly_count c = anomaly_count(m, info, cells[i].end_us, &(struct signal_value){.value = cells[i].value, .n = cells[i].n});
        unit.n += c.n;
        unit.hits += c.hits;
    }
    *ret_units = units;
    return fmax(1, sum / fmax(1, units - 1));
}

static void learn_shares(const struct past_cell *cells, size_t n, const struct signal_info *info, struct anomaly_model *m) {
    struct anomaly_count hours[HOURS] = {{0, 0}}, all = {0, 0};
    for (size_t i = 0; i < n; i++) {
        struct anomaly_count c = anomaly_count(m, info, cells[i].end_us, &(struct signal_value){.value = cells[i].value, .n = cells[i].n});
        hours[hour_at(cells[i].end_us)].n += c.n;
        hours[hour_at(cells[i].end_us)].hits += c.hits;
        all.n += c.n;
        all.hits += c.hits;
    }
    double p = all.n > 0 ? all.hits / all.n : 0;
    for (unsigned h = 0; h < HOURS; h++) m->hours[h] = (hours[h].hits + SHARED * p) / (hours[h].n + SHARED);
}

/* The limit above what is normal: what is not known of it, what hours vary beyond chance, and a tenth, which nobody is called for. */
static double margin_of(const struct past_cell *cells, size_t n, const struct signal_info *info, const struct anomaly_model *m) {
    struct anomaly_count all = {0, 0};
    double units;
    for (size_t i = 0; i < n; i++) {
        struct anomaly_count c = anomaly_count(m, info, cells[i].end_us, &(struct signal_value){.value = cells[i].value, .n = cells[i].n});
        all.n += c.n;
        all.hits += c.hits;
    }
    double wide = dispersion(cells, n, info, m, &units), p = all.hits / all.n;
    double unknown = proportion_at_most(all.hits / wide, all.n / wide, 0.95) - p;
    double hourly = sqrt(fmax(0, wide - 1) * p * (1 - p) * units / all.n);
    return unknown + 2 * hourly + 0.1 * fmin(p, 1 - p);
}

static unsigned alarms_of(const struct past_cell *cells, size_t n, const struct signal_info *info, const struct anomaly_model *m) {
    struct detector d;
    unsigned alarms = 0;
    detector_begin(&d, 0.5, 0, m->threshold);
    for (size_t i = 0; i < n; i++) {
        struct signal_value v = {.value = cells[i].value, .n = cells[i].n};
        if (!anomaly_detect(m, &d, cells[i].end_us, anomaly_count(m, info, cells[i].end_us, &v))) continue;
        alarms++;
        detector_begin(&d, 0.5, 0, m->threshold);
    }
    return alarms;
}

bool anomaly_model_learn(const struct alert_when *w, const struct past_cell *cells, size_t n, struct anomaly_model *ret, double *ret_days) {
    struct signal_info info = signal_info(w->signal);
    struct anomaly_model m = {.counts = anomaly_is_counts(&info), .widened = 1, .days = days_of(cells, n)};
    *ret_days = m.days;
    if (m.days < ANOMALY_LEAST_DAYS || n < ANOMALY_LEAST_CELLS) return false;
    if (m.counts) learn_shares(cells, n, &info, &m);
    else learn_levels(cells, n, info.more_is_worse, &m);
    for (size_t i = 0; i < n; i++) m.values += m.counts ? floor(cells[i].n) : 1;
    if (!(m.values >= ANOMALY_LEAST_CELLS)) return false;
    double span = fmax(m.days, (double)(cells[n - 1].end_us - cells[0].end_us) / (double)DAY_US), wanted = w->alarms_per_month > 0 ? w->alarms_per_month : 1;
    m.per_month = m.values / span * MONTH_DAYS;
    m.threshold = detector_threshold(m.per_month, wanted);
    double margin = margin_of(cells, n, &info, &m);
    for (unsigned i = 0; i < sizeof WIDER / sizeof *WIDER; i++) {
        m.widened = WIDER[i];
        m.margin = margin * WIDER[i];
        m.past_alarms = alarms_of(cells, n, &info, &m);
        if (m.past_alarms <= wanted * span / MONTH_DAYS) break;
    }
    m.known = true;
    *ret = m;
    return true;
}

/* ---- a rule ---- */

struct past_series {
    struct slice name;           /* its JSON */
    struct past_cell *cells;
    size_t n, capacity;
};
struct past_reading {
    struct arena arena;
    struct table names;
    struct past_series *series;
    unsigned n;
    size_t cells;
};

static struct past_series *series_of(struct past_reading *p, const struct signal_series *series) {
    struct buffer b;
    buffer_init(&b, 4096);
    signal_series_write(series, &b);
    uintptr_t at = (uintptr_t)table_get(&p->names, buffer_slice(&b));
    if (at == 0 && p->n < LIMIT_ANOMALY_SERIES) {
        struct slice name = arena_slice(&p->arena, buffer_slice(&b));
        if (!slice_is_null(name)) {
            if ((p->n & (p->n - 1)) == 0) p->series = mem_resize(p->series, sizeof *p->series * (p->n == 0 ? 1 : 2 * p->n));
            p->series[p->n++] = (struct past_series){.name = name};
            at = p->n;
            (void)table_put(&p->names, name, (void *)at);
        }
    }
    buffer_deinit(&b);
    return at == 0 ? NULL : &p->series[at - 1];
}

static bool keep_cell(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value) {
    struct past_reading *p = arg;
    if (!(value->n >= 1) || isnan(value->value)) return true;
    struct past_series *s = series_of(p, series);
    if (s == NULL) return true;
    if (s->n == s->capacity) s->cells = mem_resize(s->cells, sizeof *s->cells * (s->capacity = s->capacity == 0 ? 64 : 2 * s->capacity));
    s->cells[s->n++] = (struct past_cell){end_us, value->value, value->n};
    return ++p->cells < LIMIT_PAST_CELLS;
}

/* Up to a week ago, where that is enough: what is wrong for some days is not what is normal. */
static bool learn_series(const struct alert_when *w, const struct past_series *s, int64_t now_us, struct anomaly_model *m, double *ret_days) {
    size_t older = 0;
    while (older < s->n && s->cells[older].end_us <= now_us - WEEK_US) older++;
    return (older > 0 && anomaly_model_learn(w, s->cells, older, m, ret_days)) || anomaly_model_learn(w, s->cells, s->n, m, ret_days);
}

static void adopt(struct anomaly_series *s, const struct anomaly_model *m, int64_t now_us) {
    if (s->model.known && (!m->known || s->beyond)) return; /* a baseline is not lost to a gap, nor to what is being told as abnormal */
    bool first = !s->model.known;
    s->model = *m;
    s->learned_us = now_us;
    if (first) detector_begin(&s->detector, 0.5, 0, m->threshold);
    else s->detector.threshold = m->threshold;
    if (first) s->last_us = now_us;
}

static bool is_same(const struct digest *a, const struct digest *b) { return memcmp(a, b, sizeof *a) == 0; } /* no secret */

static struct anomaly_rule *rule_at(struct anomalies *a, const struct digest *rule) {
    for (unsigned i = 0; i < a->n_rules; i++)
        if (is_same(&a->rules[i].rule, rule)) return &a->rules[i];
    return NULL;
}

enum fault anomalies_learn(struct anomalies *a, const struct alert_rule *r, const struct history *past, int64_t now_us, struct error *error) {
    const struct alert_when *w = &r->when;
    int64_t step = anomaly_cell_us(w), to = (now_us - HOUR_US) / step * step;
    struct signal_past q = {w->signal, w->of, w->by, w->where, step, (to - PAST_US) / step * step, to, step};
    struct past_reading p = {.n = 0};
    struct anomaly_rule *rule = rule_at(a, &r->digest);
    if (rule != NULL) rule->tried_us = now_us;
    arena_init(&p.arena, 4096, 8 << 20);
    table_init(&p.names);
    enum fault fault = past->past(past->ctx, &q, keep_cell, &p, error);
    if (rule != NULL) rule->too_much = fault == FAULT_TOO_LARGE;
    bool skip = fault == FAULT_TOO_LARGE; /* said of the rule: the watcher itself is well */
    if (skip) fault = FAULT_NONE;
    for (unsigned i = 0; i < p.n; i++) {
        struct signal_series series;
        struct anomaly_model m = {.known = false};
        if (!skip && fault == FAULT_NONE && signal_series_read(p.series[i].name, &p.arena, &series)) {
            bool known = learn_series(w, &p.series[i], now_us, &m, &m.days);
            struct anomaly_series *s = anomaly_series_at(a, &r->digest, &series, true);
            if (s != NULL) adopt(s, &m, now_us);
            if (rule != NULL) {
                rule->known = rule->known || known;
                rule->days = fmax(rule->days, m.days);
            }
        }
        mem_free(p.series[i].cells);
    }
    mem_free(p.series);
    table_deinit(&p.names);
    arena_deinit(&p.arena);
    return fault;
}

/* ---- whose turn ---- */

static bool is_watched(const struct alert_policy *p, const struct digest *rule) {
    for (unsigned i = 0; i < p->n_rules; i++)
        if (p->rules[i].when.test == ALERT_ANOMALY && is_same(&p->rules[i].digest, rule)) return true;
    return false;
}

static void forget(struct anomalies *a, const struct alert_policy *p) {
    unsigned kept = 0;
    if (a->policy == p) return;
    a->policy = p;
    for (unsigned i = 0; i < a->n_rules; i++) {
        if (is_watched(p, &a->rules[i].rule)) {
            a->rules[kept++] = a->rules[i];
            continue;
        }
        size_t cursor = 0;
        struct slice key;
        void *value;
        while (table_next(&a->series, &cursor, &key, &value)) {
            if (!is_same(&((struct anomaly_series *)value)->rule, &a->rules[i].rule)) continue;
            mem_free(table_remove(&a->series, key));
            cursor = 0; /* removing ends a walk */
        }
    }
    a->n_rules = kept;
}

static struct anomaly_rule *rule_add(struct anomalies *a, const struct digest *rule) {
    struct anomaly_rule added = {.rule = *rule};
    size_t cursor = 0;
    void *value;
    while (table_next(&a->series, &cursor, NULL, &value)) { /* as kept */
        const struct anomaly_series *s = value;
        if (!is_same(&s->rule, rule) || !s->model.known) continue;
        added.known = true;
        if (s->learned_us > added.tried_us) added.tried_us = s->learned_us;
    }
    a->rules = mem_resize(a->rules, sizeof *a->rules * (a->n_rules + 1));
    a->rules[a->n_rules] = added;
    return &a->rules[a->n_rules++];
}

const struct alert_rule *anomalies_due(struct anomalies *a, const struct alert_policy *p, int64_t now_us) {
    forget(a, p);
    for (unsigned i = 0; i < p->n_rules; i++) {
        if (p->rules[i].when.test != ALERT_ANOMALY) continue;
        struct anomaly_rule *rule = rule_at(a, &p->rules[i].digest);
        if (rule == NULL) rule = rule_add(a, &p->rules[i].digest);
        int64_t ago = now_us - rule->tried_us;
        if (rule->tried_us == 0 || ago < 0 || ago >= (rule->known || rule->too_much ? AGAIN_US : RETRY_US)) return &p->rules[i];
    }
    return NULL;
}
