/* anomaly.c - see anomaly.h. */
#include "incident/anomaly_private.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>

#define LEAST_CELL_US 60000000LL
#define CHART 32                 /* cells that one look can catch up with, with those that scores are waited for */
#define KEY_MAX 4096
#define HEX (2 * DIGEST_BYTES)

struct anomalies *anomalies_new(void) {
    struct anomalies *a = mem_new(struct anomalies);
    table_init(&a->series);
    return a;
}

void anomalies_free(struct anomalies *a) {
    size_t cursor = 0;
    void *value;
    if (a == NULL) return;
    while (table_next(&a->series, &cursor, NULL, &value)) mem_free(value);
    table_deinit(&a->series);
    mem_free(a->rules);
    mem_free(a);
}

int64_t anomaly_cell_us(const struct alert_when *w) {
    int64_t cell = w->window_us / RECENT_CELLS / LEAST_CELL_US * LEAST_CELL_US;
    return cell < LEAST_CELL_US ? LEAST_CELL_US : cell > HOUR_US ? HOUR_US : cell;
}

static struct slice key_of(const struct digest *rule, const struct signal_series *series, struct buffer *b) {
    char hex[HEX + 1];
    digest_hex(rule->bytes, DIGEST_BYTES, hex);
    (void)buffer_append(b, slice_of(hex));
    signal_series_write(series, b);
    return buffer_slice(b);
}

struct anomaly_series *anomaly_series_at(const struct anomalies *a, const struct digest *rule, const struct signal_series *series, bool make) {
    struct buffer b;
    buffer_init(&b, KEY_MAX);
    struct slice key = key_of(rule, series, &b);
    struct anomaly_series *s = b.overflow ? NULL : table_get(&a->series, key);
    if (s == NULL && make && !b.overflow && a->series.count < LIMIT_ANOMALY_SERIES) {
        s = mem_new(struct anomaly_series);
        s->rule = *rule;
        (void)table_put((struct table *)&a->series, key, s);
    }
    buffer_deinit(&b);
    return s;
}

/* ---- one cell ---- */

bool anomaly_is_counts(const struct signal_info *info) {
    return info->shape == SIGNAL_SHARE || (info->shape == SIGNAL_MEAN && slice_is(slice_of(info->unit), "0..1"));
}

static unsigned hour_of(int64_t end_us) {
    return (unsigned)((end_us - 1) / HOUR_US % HOURS);
}

double anomaly_limit(const struct anomaly_model *m, int64_t end_us) {
    double normal = m->counts ? m->hours[hour_of(end_us)] : 0.1;
    return fmin(fmax(normal + m->margin, 1e-4), 0.9999);
}

struct anomaly_count anomaly_count(const struct anomaly_model *m, const struct signal_info *info, int64_t end_us, const struct signal_value *cell) {
    if (!(cell->n >= 1) || isnan(cell->value)) return (struct anomaly_count){0, 0};
    if (!m->counts) {
        double level = m->hours[hour_of(end_us)];
        return (struct anomaly_count){1, info->more_is_worse ? cell->value > level : cell->value < level};
    }
    double n = floor(cell->n), worse = info->more_is_worse ? cell->value : 1 - cell->value;
    return (struct anomaly_count){n, floor(fmin(fmax(worse, 0), 1) * n + 1e-6)}; /* a mean as if of zeros and ones: nothing finds it sooner */
}

/* The limit of the hour is known before its values are: it may differ from value to value. */
bool anomaly_detect(const struct anomaly_model *m, struct detector *d, int64_t end_us, struct anomaly_count c) {
    d->normal = anomaly_limit(m, end_us);
    return detector_take_counts(d, (uint64_t)c.n, (uint64_t)c.hits);
}

static struct anomaly_count recent(const struct anomaly_series *s) {
    struct anomaly_count sum = {0, 0};
    for (unsigned i = 0; i < RECENT_CELLS; i++) {
        sum.n += s->recent_n[i];
        sum.hits += s->recent_hits[i];
    }
    return sum;
}

static void begin_anew(struct anomaly_series *s) {
    detector_begin(&s->detector, 0.5, 0, s->model.threshold);
    s->beyond = false;
}

static void take(struct anomaly_series *s, const struct signal_info *info, int64_t end_us, const struct signal_value *cell) {
    struct anomaly_count c = anomaly_count(&s->model, info, end_us, cell);
    s->last_us = end_us;
    s->at = (s->at + 1) % RECENT_CELLS;
    s->recent_n[s->at] = c.n;
    s->recent_hits[s->at] = c.hits;
    bool alarm = anomaly_detect(&s->model, &s->detector, end_us, c);
    if (!s->beyond) {
        s->beyond = alarm;
        return;
    }
    struct anomaly_count now = recent(s);
    if (now.n > 0 && now.hits <= anomaly_limit(&s->model, end_us) * now.n) begin_anew(s);
}

/* ---- looking ---- */

static struct anomaly_look nothing(struct anomalies *a, const struct alert_rule *r, const struct anomaly_series *s) {
    double days = s != NULL ? s->model.days : 0;
    bool too_much = false;
    for (unsigned i = 0; i < a->n_rules && s == NULL; i++) {
        if (!digest_eq(&a->rules[i].rule, &r->digest)) continue;
        days = fmin(a->rules[i].days, ANOMALY_LEAST_DAYS);
        too_much = a->rules[i].too_much;
    }
    if (too_much) snprintf(a->why, sizeof a->why, "no baseline: the past of this signal is too many exchanges to be read one by one");
    else if (s == NULL && a->series.count >= LIMIT_ANOMALY_SERIES) snprintf(a->why, sizeof a->why, "no baseline: %d series have one, and no more can", LIMIT_ANOMALY_SERIES);
    else if (s == NULL) snprintf(a->why, sizeof a->why, "no baseline yet: this series was not there when the past was read");
    else snprintf(a->why, sizeof a->why, "no baseline yet: %.1f days of %.0f", days, ANOMALY_LEAST_DAYS);
    return (struct anomaly_look){OBSERVED_NOTHING, NAN, 0, NAN, NAN, NAN, NAN, a->why};
}

static struct anomaly_look seen(struct anomalies *a, const struct alert_rule *r, const struct anomaly_series *s) {
    if (s == NULL || !s->model.known) return nothing(a, r, s);
    struct anomaly_count c = recent(s);
    struct anomaly_look look = {s->beyond ? OBSERVED_BEYOND : OBSERVED_NOT, c.hits / c.n, c.n, anomaly_limit(&s->model, s->last_us), NAN,
                                detector_statistic(&s->detector), s->model.threshold, NULL};
    if (!s->model.counts) look.level = s->model.hours[hour_of(s->last_us)];
    if (c.n > 0) return look;
    look.observed = OBSERVED_NOTHING;
    look.value = NAN;
    look.why = "no data in the last five cells";
    return look;
}

struct anomaly_look anomaly_take(struct anomalies *a, const struct alert_rule *r, const struct signal_series *series, int64_t end_us,
                                 const struct signal_value *cell) {
    struct signal_info info = signal_info(r->when.signal);
    struct anomaly_series *s = anomaly_series_at(a, &r->digest, series, false);
    if (s != NULL && s->model.known && end_us > s->last_us) take(s, &info, end_us, cell);
    return seen(a, r, s);
}

/* How long what belongs to a cell is waited for. Feedback counts when it is given. */
static int64_t late_us(const struct alert_rule *r) {
    return signal_info(r->when.signal).source == SIGNAL_OF_SCORES && r->when.signal != SIGNAL_FEEDBACK_NEGATIVE ? ANOMALY_SCORES_LATE_US : 0;
}

struct anomaly_look anomaly_look(struct anomalies *a, const struct alert_rule *r, struct signal_view *v, const struct signal_series *series,
                                 int64_t now_us) {
    struct signal_info info = signal_info(r->when.signal);
    struct anomaly_series *s = anomaly_series_at(a, &r->digest, series, false);
    int64_t step = anomaly_cell_us(&r->when), newest_us = now_us / step * step, end_us = (now_us - late_us(r)) / step * step;
    struct signal_value cells[CHART];
    if (s == NULL || !s->model.known) return seen(a, r, s);
    if (s->last_us > newest_us) s->last_us = end_us; /* the clock went back: its cells were taken */
    if (s->last_us >= end_us) return seen(a, r, s);
    unsigned n = signal_view_chart(v, r->when.signal, r->when.of, series, step, CHART, cells);
    for (unsigned i = 0; i + 1 < n; i++) { /* the newest is filling */
        int64_t end = newest_us - (int64_t)(n - 2 - i) * step;
        if (end > s->last_us && end <= end_us) take(s, &info, end, &cells[i]);
    }
    s->last_us = end_us;
    return seen(a, r, s);
}

void anomaly_evidence(const struct anomalies *a, const struct alert_rule *r, const struct signal_series *series, struct json_writer *w) {
    const struct anomaly_series *s = anomaly_series_at(a, &r->digest, series, false);
    if (s == NULL || !s->model.known) return;
    const struct anomaly_model *m = &s->model;
    double limit = anomaly_limit(m, s->last_us), twice = detector_delay(&s->detector, fmin(2 * limit, (1 + limit) / 2));
    json_member_text(w, "method", m->counts ? "e-detector over values" : "e-detector over cells");
    json_member_double(w, "statistic", detector_statistic(&s->detector));
    json_member_double(w, "statistic_threshold", m->threshold);
    json_member_double(w, "estimate", detector_estimate(&s->detector));
    json_member_double(w, "limit", limit);
    json_member_double(w, "level", m->counts ? NAN : m->hours[hour_of(s->last_us)]);
    json_member_double(w, "cell_s", (double)anomaly_cell_us(&r->when) / 1e6);
    json_member_double(w, "baseline_days", m->days);
    json_member_double(w, "baseline_values", m->values);
    json_member_double(w, "baseline_alarms", m->past_alarms);
    json_member_double(w, "widened", m->widened);
    json_member_double(w, "alarms_per_month", r->when.alarms_per_month);
    json_member_double(w, "twice_the_limit_found_after", twice);
}

/* ---- kept ---- */

static void write_series(const struct anomaly_series *s, struct slice key, struct json_writer *w) {
    const struct anomaly_model *m = &s->model;
    json_object(w);
    json_member_string(w, "of", key);
    json_member_i64(w, "learned_us", s->learned_us);
    json_member_bool(w, "known", m->known);
    json_member_double(w, "days", m->days);
    if (m->known) {
        json_member_bool(w, "counts", m->counts);
        json_key(w, "hours");
        json_array(w);
        for (unsigned i = 0; i < HOURS; i++) json_put_double(w, m->hours[i]);
        json_array_end(w);
        json_member_double(w, "margin", m->margin);
        json_member_double(w, "widened", m->widened);
        json_member_double(w, "values", m->values);
        json_member_double(w, "per_month", m->per_month);
        json_member_i64(w, "past_alarms", m->past_alarms);
        json_member_double(w, "threshold", m->threshold);
        json_member_bool(w, "beyond", s->beyond);
        json_member_i64(w, "last_us", s->last_us);
        json_key(w, "r");
        json_array(w);
        for (unsigned i = 0; i < DETECT_BETS; i++) json_put_double(w, s->detector.r[i]);
        json_array_end(w);
        json_member_i64(w, "n", (int64_t)s->detector.n);
        json_member_i64(w, "since", (int64_t)s->detector.since);
        json_member_double(w, "sum_since", s->detector.sum_since);
        json_member_double(w, "log_since", s->detector.log_since);
    }
    json_object_end(w);
}

void anomalies_write(const struct anomalies *a, struct json_writer *w) {
    size_t cursor = 0;
    struct slice key;
    void *s;
    json_object(w);
    json_key(w, "series");
    json_array(w);
    while (table_next(&a->series, &cursor, &key, &s)) write_series(s, key, w);
    json_array_end(w);
    json_object_end(w);
}

static bool numbers(const struct json_doc *d, uint32_t array, double *ret, unsigned n) {
    uint32_t cursor = JSON_NONE, item;
    unsigned i = 0;
    while (json_each_item(d, array, &cursor, &item))
        if (i == n || !json_get_double(d, item, &ret[i++])) return false;
    return i == n;
}

static bool number(const struct json_doc *d, uint32_t at, const char *key, double *ret) {
    return json_get_double(d, json_get(d, at, key), ret) && isfinite(*ret);
}

static bool whole(const struct json_doc *d, uint32_t at, const char *key, int64_t *ret) {
    return json_get_i64(d, json_get(d, at, key), ret) && *ret >= 0;
}

static bool read_detector(const struct json_doc *d, uint32_t at, struct anomaly_series *s) {
    int64_t n, since;
    begin_anew(s);
    if (!numbers(d, json_get(d, at, "r"), s->detector.r, DETECT_BETS) || !whole(d, at, "n", &n) || !whole(d, at, "since", &since) ||
        !number(d, at, "sum_since", &s->detector.sum_since) || !number(d, at, "log_since", &s->detector.log_since))
        return false;
    s->detector.n = (uint64_t)n;
    s->detector.since = (uint64_t)since;
    return json_get_bool(d, json_get(d, at, "beyond"), &s->beyond) && whole(d, at, "last_us", &s->last_us);
}

static bool read_series(const struct json_doc *d, uint32_t at, struct anomaly_series *s) {
    struct anomaly_model *m = &s->model;
    int64_t alarms;
    if (!whole(d, at, "learned_us", &s->learned_us) || !json_get_bool(d, json_get(d, at, "known"), &m->known) || !number(d, at, "days", &m->days))
        return false;
    if (!m->known) return true;
    if (!json_get_bool(d, json_get(d, at, "counts"), &m->counts) || !numbers(d, json_get(d, at, "hours"), m->hours, HOURS) ||
        !number(d, at, "margin", &m->margin) || !number(d, at, "widened", &m->widened) || !number(d, at, "values", &m->values) ||
        !number(d, at, "per_month", &m->per_month) || !whole(d, at, "past_alarms", &alarms) || !number(d, at, "threshold", &m->threshold))
        return false;
    m->past_alarms = (unsigned)alarms;
    return read_detector(d, at, s);
}

enum fault anomalies_read(struct anomalies *a, struct slice json, struct error *error) {
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 64 << 10, 64 << 20);
    enum fault fault = json_read(json, &arena, UINT16_MAX, &d, error);
    while (fault == FAULT_NONE && json_each_item(&d, json_get(&d, 0, "series"), &cursor, &item)) {
        struct slice key = json_string(&d, json_get(&d, item, "of"), &arena);
        struct anomaly_series *s = mem_new(struct anomaly_series);
        bool good = key.len > HEX && digest_from_hex((struct slice){key.at, HEX}, s->rule.bytes, DIGEST_BYTES) && read_series(&d, item, s) &&
                    a->series.count < LIMIT_ANOMALY_SERIES;
        mem_free(good ? table_put(&a->series, key, s) : s); /* what is damaged is learned again */
    }
    arena_deinit(&arena);
    return fault;
}
