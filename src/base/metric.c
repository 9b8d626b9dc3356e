#include "base/metric.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/table.h"
#include "base/utf8.h"

#include <pthread.h>
#include <stdatomic.h>

enum type { COUNTER, COUNTER_NANO, GAUGE, HISTOGRAM };

static const struct family {
    const char *name;
    enum type type;
    const char *labels, *help;
} families[METRIC_COUNT] = {
#define METRIC(symbol, name, type, labels, help) [METRIC_##symbol] = {name, type, labels, help},
    METRIC_TABLE(METRIC)
#undef METRIC
};

static const struct bound {
    int64_t us;
    const char *text;
} bounds[] = {
    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},    {2500, "0.0025"},
    {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},    {100000, "0.1"},
    {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},   {5000000, "5"},
    {10000000, "10"}, {30000000, "30"}, {60000000, "60"}, {120000000, "120"},
};

enum {
    BOUNDS = sizeof bounds / sizeof *bounds,
    BUCKETS = BOUNDS + 1, /* the last is +Inf */
    KEY_MOST = 1 + METRIC_LABELS * (LIMIT_LABEL + 1),
};

/* Series and cells are only ever added, each published by one release store, and freed with the set: so
 * readers walk without a lock and stop nobody. The set's lock orders those who add. */
struct metric_cell {
    struct metric_cell *_Atomic next; /* the same series in other shards */
    enum type type;
    _Atomic int64_t value;   /* histograms: sum of microseconds */
    _Atomic uint64_t seen[]; /* histograms: BUCKETS counts, not cumulative */
};

struct series {
    struct series *_Atomic next; /* of the same metric, in the order of first use */
    struct metric_cell *_Atomic cells;
    char *labels[METRIC_LABELS]; /* NULL behind the metric's last */
};

struct metric_shard {
    struct metric_set *set;
    struct metric_shard *next;
    struct table cells; /* key to cell; its owner alone reads and writes it */
};

struct metric_set {
    pthread_mutex_t lock;
    struct table series; /* key to series; under the lock */
    struct series *_Atomic first[METRIC_COUNT];
    struct series *last[METRIC_COUNT], *other[METRIC_COUNT];
    unsigned count[METRIC_COUNT];
    struct metric_shard *shards;
};

struct metric_set *metric_set_new(void) {
    struct metric_set *s = mem_new(struct metric_set);
    pthread_mutex_init(&s->lock, NULL);
    table_init(&s->series);
    return s;
}

static void free_series(struct series *series) {
    while (series != NULL) {
        struct series *next = series->next;
        struct metric_cell *cell = series->cells;
        while (cell != NULL) {
            struct metric_cell *after = cell->next;
            mem_free(cell);
            cell = after;
        }
        for (int i = 0; i < METRIC_LABELS; i++) mem_free(series->labels[i]);
        mem_free(series);
        series = next;
    }
}

void metric_set_free(struct metric_set *s) {
    if (s == NULL) return;
    for (int m = 0; m < METRIC_COUNT; m++) free_series(s->first[m]);
    while (s->shards != NULL) {
        struct metric_shard *next = s->shards->next;
        table_deinit(&s->shards->cells);
        mem_free(s->shards);
        s->shards = next;
    }
    table_deinit(&s->series);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

struct metric_shard *metric_shard_new(struct metric_set *s) {
    struct metric_shard *shard = mem_new(struct metric_shard);
    shard->set = s;
    table_init(&shard->cells);
    pthread_mutex_lock(&s->lock);
    shard->next = s->shards;
    s->shards = shard;
    pthread_mutex_unlock(&s->lock);
    return shard;
}

/* ---- finding and making ---- */

static int label_count(enum metric m) {
    int n = families[m].labels[0] != 0;
    for (const char *p = families[m].labels; *p != 0; p++) n += *p == ',';
    return n;
}

static struct slice label_value(const char *const labels[METRIC_LABELS], int i) {
    struct slice value = slice_of(labels != NULL && i < METRIC_LABELS && labels[i] != NULL ? labels[i] : "");
    value.len = utf8_cut(value, LIMIT_LABEL);
    return value;
}

/* The metric's number, then each label's value with a NUL behind it. */
static struct slice make_key(enum metric m, const char *const labels[METRIC_LABELS], char out[KEY_MOST]) {
    size_t len = 0;
    out[len++] = (char)m;
    for (int i = 0, n = label_count(m); i < n; i++) {
        struct slice value = label_value(labels, i);
        memcpy(out + len, value.at, value.len);
        len += value.len;
        out[len++] = 0;
    }
    return slice_make(out, len);
}

static struct series *new_series(struct metric_set *s, enum metric m,
                                 const char *const labels[METRIC_LABELS]) {
    struct series *series = mem_new(struct series);
    for (int i = 0, n = label_count(m); i < n; i++) {
        struct slice value = label_value(labels, i);
        series->labels[i] = mem_alloc(value.len + 1);
        memcpy(series->labels[i], value.at, value.len);
    }
    struct series *_Atomic *link = s->last[m] != NULL ? &s->last[m]->next : &s->first[m];
    atomic_store_explicit(link, series, memory_order_release);
    s->last[m] = series;
    s->count[m]++;
    return series;
}

/* The series of `key`, or the one of "other" labels when the metric has no room for another. */
static struct series *series_of(struct metric_set *s, enum metric m, const char *const labels[METRIC_LABELS],
                                struct slice key, bool *ret_own) {
    static const char *const other[METRIC_LABELS] = {"other", "other", "other"};
    struct series *series = table_get(&s->series, key);
    *ret_own = true;
    if (series != NULL) return series;
    if (s->count[m] < LIMIT_METRIC_SERIES) {
        series = new_series(s, m, labels);
        table_put(&s->series, key, series);
        return series;
    }
    *ret_own = false;
    if (s->other[m] == NULL) s->other[m] = new_series(s, m, other);
    return s->other[m];
}

static struct metric_cell *new_cell(struct series *series, enum type type) {
    size_t buckets = type == HISTOGRAM ? BUCKETS : 0;
    struct metric_cell *cell = mem_alloc(sizeof *cell + buckets * sizeof cell->seen[0]);
    cell->type = type;
    atomic_store_explicit(&cell->next, atomic_load_explicit(&series->cells, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&series->cells, cell, memory_order_release);
    return cell;
}

struct metric_cell *metric_cell(struct metric_shard *s, enum metric m,
                                const char *const labels[METRIC_LABELS]) {
    char text[KEY_MOST], *other_text = (char[2]){(char)m, 'o'};
    struct slice key = make_key(m, labels, text);
    struct metric_cell *cell = table_get(&s->cells, key);
    if (cell != NULL) return cell;
    bool own;
    pthread_mutex_lock(&s->set->lock);
    struct series *series = series_of(s->set, m, labels, key, &own);
    if (!own) { /* one key for all of them, or the table would grow without end; no real key ends so */
        key = slice_make(other_text, 2);
        cell = table_get(&s->cells, key);
    }
    if (cell == NULL) {
        cell = new_cell(series, families[m].type);
        table_put(&s->cells, key, cell);
    }
    pthread_mutex_unlock(&s->set->lock);
    return cell;
}

/* ---- writing cells: one writer, so a load and a store are enough ---- */

static void add(_Atomic int64_t *to, int64_t n) {
    uint64_t sum = (uint64_t)atomic_load_explicit(to, memory_order_relaxed) + (uint64_t)n;
    atomic_store_explicit(to, (int64_t)sum, memory_order_relaxed);
}

void metric_add(struct metric_cell *c, int64_t n) {
    if (n < 0 && c->type != GAUGE) return; /* a counter that falls reads as a restart */
    add(&c->value, n);
}

void metric_set(struct metric_cell *c, int64_t n) {
    atomic_store_explicit(&c->value, n, memory_order_relaxed);
}

void metric_observe_us(struct metric_cell *c, int64_t us) {
    if (c->type != HISTOGRAM) return;
    if (us < 0) us = 0;
    size_t i = 0;
    while (i < BOUNDS && us > bounds[i].us) i++;
    uint64_t seen = atomic_load_explicit(&c->seen[i], memory_order_relaxed);
    atomic_store_explicit(&c->seen[i], seen + 1, memory_order_relaxed);
    add(&c->value, us);
}

/* ---- reading ---- */

struct totals {
    int64_t value;
    uint64_t seen[BUCKETS];
};

static void sum_cells(struct series *series, enum type type, struct totals *t) {
    *t = (struct totals){0};
    struct metric_cell *c =
        series != NULL ? atomic_load_explicit(&series->cells, memory_order_acquire) : NULL;
    for (; c != NULL; c = atomic_load_explicit(&c->next, memory_order_relaxed)) {
        uint64_t n = (uint64_t)atomic_load_explicit(&c->value, memory_order_relaxed);
        t->value = (int64_t)((uint64_t)t->value + n);
        for (int i = 0; type == HISTOGRAM && i < BUCKETS; i++)
            t->seen[i] += atomic_load_explicit(&c->seen[i], memory_order_relaxed);
    }
}

static void write_label_value(struct buffer *out, const char *value) {
    struct slice s = slice_of(value);
    for (size_t i = 0; i < s.len;) {
        int n = utf8_next(s.at + i, s.len - i);
        if (n < 0) buffer_append(out, SLICE("\xEF\xBF\xBD"));
        else if (s.at[i] == '\n') buffer_append(out, SLICE("\\n"));
        else if (s.at[i] == '\\' || s.at[i] == '"') buffer_printf(out, "\\%c", s.at[i]);
        else buffer_append(out, slice_make(s.at + i, (size_t)n));
        i += (size_t)(n < 0 ? -n : n);
    }
}

/* name_suffix{label="value",le="bound"} and the blank before the number */
static void write_name(struct buffer *out, const struct family *f, const struct series *series,
                       const char *suffix, const char *bound) {
    const char *name = f->labels, *before = "{";
    buffer_printf(out, "%s%s", f->name, suffix);
    for (int i = 0; series != NULL && i < METRIC_LABELS && series->labels[i] != NULL; i++) {
        size_t len = strcspn(name, ",");
        buffer_printf(out, "%s%.*s=\"", before, (int)len, name);
        write_label_value(out, series->labels[i]);
        buffer_byte(out, '"');
        name += len + (name[len] == ',');
        before = ",";
    }
    if (bound != NULL) {
        buffer_printf(out, "%sle=\"%s\"", before, bound);
        before = ",";
    }
    buffer_append(out, *before == ',' ? SLICE("} ") : SLICE(" "));
}

static void write_decimal(struct buffer *out, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    buffer_printf(out, "%s\n", text);
}

static void write_histogram(struct buffer *out, const struct family *f, const struct series *series,
                            const struct totals *t) {
    uint64_t below = 0;
    for (int i = 0; i < BUCKETS; i++) {
        below += t->seen[i];
        write_name(out, f, series, "_bucket", i < BOUNDS ? bounds[i].text : "+Inf");
        buffer_printf(out, "%llu\n", (unsigned long long)below);
    }
    write_name(out, f, series, "_sum", NULL);
    buffer_printf(out, "%lld.%06lld\n", (long long)(t->value / 1000000), (long long)(t->value % 1000000));
    write_name(out, f, series, "_count", NULL);
    buffer_printf(out, "%llu\n", (unsigned long long)below);
}

static void write_series(struct buffer *out, const struct family *f, struct series *series) {
    struct totals t;
    sum_cells(series, f->type, &t);
    if (f->type == HISTOGRAM) {
        write_histogram(out, f, series, &t);
        return;
    }
    write_name(out, f, series, "", NULL);
    if (f->type == COUNTER_NANO) write_decimal(out, t.value);
    else buffer_printf(out, "%lld\n", (long long)t.value);
}

void metric_write(struct metric_set *s, struct buffer *out) {
    static const char *const type_names[] = {"counter", "counter", "gauge", "histogram"};
    for (int m = 0; m < METRIC_COUNT; m++) {
        const struct family *f = &families[m];
        struct series *series = atomic_load_explicit(&s->first[m], memory_order_acquire);
        buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name, type_names[f->type]);
        /* what has no labels shows its zero before its first use */
        if (series == NULL && f->labels[0] == 0) write_series(out, f, NULL);
        for (; series != NULL; series = atomic_load_explicit(&series->next, memory_order_acquire))
            write_series(out, f, series);
    }
}
