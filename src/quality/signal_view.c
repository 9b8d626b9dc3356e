/* Signals: looking. A view knows which series of the base belong to each of its own; their cells are added up when somebody asks
 * and something has changed since. */
#include "quality/signals_private.h"

#include "base/mem.h"

#include <math.h>

#define HOUR_US 3600000000LL
enum { KEY_MAX = 16 << 10 };

/* ---- what belongs together ---- */

static bool matches(const struct signal_view *v, const struct signal_base *b) {
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if ((v->where.by >> i & 1) && !slice_eq(v->where.is[i], b->is[i])) return false;
    return true;
}

static void seen_key(struct buffer *key, unsigned by, const struct slice is[SIGNAL_BYS], struct slice of) {
    buffer_clear(key);
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if (by >> i & 1) signal_key_put(key, is[i]);
    signal_key_put(key, of);
}

static struct signal_seen *new_seen(const struct signal_view *v, const struct signal_base *b, struct slice key) {
    struct signal_seen *n = mem_new(struct signal_seen);
    char *text = mem_copy(key.at, key.len); /* the series' own names lie in its key */
    n->key = slice_make(text, key.len);
    n->series.by = v->by;
    const char *at = text;
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        if (!(v->by >> i & 1)) continue;
        n->series.is[i] = slice_make(at + sizeof(uint32_t), b->is[i].len);
        at += sizeof(uint32_t) + b->is[i].len;
    }
    n->of = slice_make(at + sizeof(uint32_t), b->of.len);
    return n;
}

static void add_member(struct signal_seen *n, struct signal_base *b) {
    if (n->n == n->capacity) {
        n->capacity = n->capacity > 0 ? 2 * n->capacity : 4;
        n->members = mem_resize(n->members, n->capacity * sizeof(struct signal_base *));
    }
    n->members[n->n++] = b;
}

static void view_add(struct signal_view *v, struct signal_base *b) {
    struct signal_looked *l = &v->looked[b->family];
    struct buffer *key = &v->signals->key;
    if (!matches(v, b)) return;
    seen_key(key, v->by, b->is, b->of);
    struct signal_seen *n = table_get(&l->by_key, buffer_slice(key));
    if (n == NULL) {
        n = new_seen(v, b, buffer_slice(key));
        table_put(&l->by_key, n->key, n);
        if (l->n == l->capacity) {
            l->capacity = l->capacity > 0 ? 2 * l->capacity : 16;
            l->seen = mem_resize(l->seen, l->capacity * sizeof(struct signal_seen *));
        }
        n->at = l->n;
        l->seen[l->n++] = n;
        l->generation = 0;
    }
    add_member(n, b);
}

static void forget(struct signal_looked *l) {
    for (unsigned i = 0; i < l->n; i++) {
        mem_free(l->seen[i]->members);
        mem_free((char *)l->seen[i]->key.at);
        mem_free(l->seen[i]);
    }
    mem_free(l->seen);
    mem_free(l->values);
    table_deinit(&l->by_key);
    l->seen = NULL;
    l->values = NULL;
    l->n = l->capacity = 0;
    l->generation = 0;
}

static void fill(struct signal_view *v) {
    size_t cursor = 0;
    void *value;
    while (table_next(&v->signals->series, &cursor, NULL, &value)) view_add(v, value);
}

void signal_view_free(struct signal_view *v) {
    if (v == NULL) return;
    for (unsigned f = 0; f < FAMILIES; f++) forget(&v->looked[f]);
    mem_free((char *)v->key.at);
    mem_free(v);
}

void signal_views_add(struct signals *s, struct signal_base *b) {
    size_t cursor = 0;
    void *view;
    while (table_next(&s->views, &cursor, NULL, &view)) view_add(view, b);
}

void signal_views_reset(struct signals *s) {
    size_t cursor = 0;
    void *view;
    while (table_next(&s->views, &cursor, NULL, &view)) {
        struct signal_view *v = view;
        for (unsigned f = 0; f < FAMILIES; f++) forget(&v->looked[f]);
        fill(v);
    }
}

struct signal_view *signals_view(struct signals *s, unsigned by, const struct signal_series *where, int64_t window_us) {
    struct signal_series at = {.by = 0};
    if (where != NULL) at = *where;
    if (window_us < SIGNAL_SHORTEST_US) window_us = SIGNAL_SHORTEST_US;
    if (window_us > SIGNAL_LONGEST_US) window_us = SIGNAL_LONGEST_US;
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if ((at.by >> i & 1) && slice_is_null(at.is[i])) at.is[i] = SLICE("");
    struct buffer *key = &s->key;
    seen_key(key, at.by, at.is, slice_make((const char *)&window_us, sizeof window_us));
    buffer_append(key, slice_make((const char *)&by, sizeof by));
    buffer_append(key, slice_make((const char *)&at.by, sizeof at.by));
    struct signal_view *v = table_get(&s->views, buffer_slice(key));
    if (v != NULL) return v;
    v = mem_new(struct signal_view);
    *v = (struct signal_view){.signals = s, .by = by, .window_us = window_us, .where.by = at.by};
    v->key = slice_make(mem_copy(key->at, key->len), key->len);
    const char *text = v->key.at; /* as in new_seen: the names lie in the key */
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        if (!(at.by >> i & 1)) continue;
        v->where.is[i] = slice_make(text + sizeof(uint32_t), at.is[i].len);
        text += sizeof(uint32_t) + at.is[i].len;
    }
    for (unsigned f = 0; f < FAMILIES; f++) table_init(&v->looked[f].by_key);
    table_put(&s->views, v->key, v);
    fill(v);
    return v;
}

/* ---- values ---- */

static void window_of(const struct signal_view *v, int64_t *ret_from_us, int64_t *ret_to_us) {
    int64_t now_us = signals_now(v->signals), cell_us = signal_rings[rings_for(v->window_us)].cell_us, whole_us = signal_rings[RING_10S].cell_us;
    *ret_from_us = now_us - now_us % cell_us - v->window_us;
    *ret_from_us -= *ret_from_us % whole_us;
    *ret_to_us = now_us - now_us % whole_us + whole_us; /* with the one that fills */
}

static void take_worst(const struct signal_seen *n, enum signal which, struct signal_value *v) {
    bool more = signal_info(which).more_is_worse;
    for (unsigned i = 0; i < n->n; i++) {
        const struct signal_base *b = n->members[i];
        if (isnan(b->reading)) continue;
        if (v->n == 0 || (more ? b->reading > v->value : b->reading < v->value)) v->value = b->reading;
        if (b->read_us > v->last_us) v->last_us = b->read_us;
        v->n++;
    }
}

static void sum_members(const struct signal_seen *n, int64_t from_us, int64_t to_us, struct signal_total *work) {
    signal_total_clear(work);
    for (unsigned i = 0; i < n->n; i++)
        if (n->members[i]->rings.last_us >= from_us) rings_sum(&n->members[i]->rings, n->members[i]->family, from_us, to_us, work);
}

static void sum_seen(struct signal_view *v, const struct signal_looked *l, struct signal_seen *n, struct signal_value *ret) {
    struct signal_total *work = v->signals->work;
    int64_t from_us, to_us;
    window_of(v, &from_us, &to_us);
    n->last_us = 0;
    for (unsigned i = 0; i < n->n; i++)
        if (n->members[i]->rings.last_us > n->last_us) n->last_us = n->members[i]->rings.last_us;
    bool readings = n->members[0]->family == FAMILY_READINGS;
    if (!readings) sum_members(n, from_us, to_us, work);
    for (unsigned i = 0; i < l->n_wanted; i++) {
        ret[i] = (struct signal_value){.value = NAN, .hits = NAN};
        if (readings) take_worst(n, l->wanted[i], &ret[i]);
        else ret[i] = signal_total_value(work, l->wanted[i]);
    }
}

/* The values of `which`, a row of l->n_wanted for each series; its column. */
static unsigned look(struct signal_view *v, struct signal_looked *l, enum signal which) {
    unsigned column = 0;
    while (column < l->n_wanted && l->wanted[column] != which) column++;
    if (column == l->n_wanted) {
        l->wanted[l->n_wanted++] = which;
        l->generation = 0;
    }
    if (l->generation == v->signals->generation && l->values != NULL) return column;
    l->values = mem_resize(l->values, (l->n + 1) * l->n_wanted * sizeof *l->values);
    for (unsigned i = 0; i < l->n; i++) sum_seen(v, l, l->seen[i], &l->values[i * l->n_wanted]);
    l->generation = v->signals->generation;
    return column;
}

struct slice signal_of_key(enum signal which, struct slice of, struct buffer *room) {
    buffer_clear(room);
    switch (which) {
    case SIGNAL_QUALITY_SCORE:
    case SIGNAL_QUALITY_GOOD: buffer_append(room, slice_is_null(of) ? SLICE("default:quality") : SLICE("metric:")); break;
    case SIGNAL_UNSUPPORTED: buffer_append(room, slice_is_null(of) ? SLICE("default:faithfulness") : SLICE("metric:")); break;
    case SIGNAL_FORMAT_VALID: buffer_append(room, slice_is_null(of) ? SLICE("default:format") : SLICE("metric:")); break;
    case SIGNAL_FEEDBACK_NEGATIVE: buffer_append(room, slice_is_null(of) ? SLICE("default:feedback") : SLICE("feedback:")); break;
    case SIGNAL_LENGTH_UNUSUAL: buffer_append(room, SLICE("default:length")); return buffer_slice(room);
    default:
        if (signal_family_of(which) == FAMILY_READINGS) buffer_append(room, slice_of(signal_info(which).name));
        return buffer_slice(room);
    }
    buffer_append(room, of);
    return buffer_slice(room);
}

void signal_view_each(struct signal_view *v, enum signal which, struct slice of,
                      bool (*each)(void *ctx, const struct signal_series *series, const struct signal_value *value), void *ctx) {
    struct signal_looked *l = &v->looked[signal_family_of(which)];
    unsigned column = look(v, l, which);
    int64_t from_us, to_us;
    window_of(v, &from_us, &to_us);
    struct buffer room;
    buffer_init(&room, KEY_MAX);
    struct slice key = signal_of_key(which, of, &room);
    for (unsigned i = 0; i < l->n; i++) {
        const struct signal_seen *n = l->seen[i];
        if (n->last_us < from_us - HOUR_US || !slice_eq(n->of, key)) continue;
        struct signal_value value = l->values[i * l->n_wanted + column]; /* whoever is called may ask for more */
        if (!each(ctx, &n->series, &value)) break;
    }
    buffer_deinit(&room);
}

static struct signal_seen *seen_of(struct signal_view *v, struct signal_looked *l, enum signal which, struct slice of,
                                   const struct signal_series *series) {
    struct slice is[SIGNAL_BYS];
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is[i] = (series->by >> i & 1) && !slice_is_null(series->is[i]) ? series->is[i] : SLICE("");
    seen_key(&v->signals->key, v->by, is, signal_of_key(which, of, &v->signals->of));
    return table_get(&l->by_key, buffer_slice(&v->signals->key));
}

struct signal_value signal_view_value(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series) {
    struct signal_looked *l = &v->looked[signal_family_of(which)];
    struct signal_value none = {.value = NAN, .hits = NAN};
    unsigned column = look(v, l, which);
    const struct signal_seen *n = seen_of(v, l, which, of, series);
    return n == NULL ? none : l->values[n->at * l->n_wanted + column];
}

unsigned signal_view_chart(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series, int64_t step_us,
                           unsigned steps, struct signal_value *ret) {
    struct signal_looked *l = &v->looked[signal_family_of(which)];
    struct signal_total *work = v->signals->work;
    const struct signal_seen *n = seen_of(v, l, which, of, series);
    int64_t least_us = signal_rings[RING_10S].cell_us, now_us = signals_now(v->signals);
    step_us = step_us < least_us ? least_us : step_us / least_us * least_us;
    int64_t to_us = now_us - now_us % step_us + step_us;
    for (unsigned i = 0; i < steps; i++) {
        int64_t end_us = to_us - (int64_t)(steps - 1 - i) * step_us;
        ret[i] = (struct signal_value){.value = NAN, .hits = NAN};
        if (n == NULL) continue;
        if (n->members[0]->family == FAMILY_READINGS) {
            if (i + 1 == steps) take_worst(n, which, &ret[i]);
            continue;
        }
        sum_members(n, end_us - step_us, end_us, work);
        ret[i] = signal_total_value(work, which);
    }
    return steps;
}

/* Of all members the newest, or where a signal is about the worst, the worst. */
static void put_example(struct signal_examples *best, bool worst, unsigned limit, const struct signal_examples *from, unsigned i) {
    unsigned at = limit;
    for (unsigned k = 0; k < limit && best->at_us[k] > 0; k++) /* one exchange may be among several members */
        if (memcmp(&best->id[k], &from->id[i], sizeof best->id[k]) == 0) return;
    while (at > 0 && (best->at_us[at - 1] == 0 || (worst ? from->worse[i] > best->worse[at - 1] : from->at_us[i] > best->at_us[at - 1]))) at--;
    if (at == limit) return;
    for (unsigned k = limit - 1; k > at; k--) {
        best->id[k] = best->id[k - 1];
        best->at_us[k] = best->at_us[k - 1];
        best->worse[k] = best->worse[k - 1];
    }
    best->id[at] = from->id[i];
    best->at_us[at] = from->at_us[i];
    best->worse[at] = from->worse[i];
}

unsigned signal_view_examples(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series, unsigned limit,
                              struct record_id *ret) {
    struct signal_looked *l = &v->looked[signal_family_of(which)];
    const struct signal_seen *s = seen_of(v, l, which, of, series);
    enum signal_example kind = signal_example_of(which);
    struct signal_examples best = {.at_us = {0}};
    unsigned n = 0;
    int64_t from_us, to_us;
    window_of(v, &from_us, &to_us);
    if (limit > EXAMPLES_KEPT) limit = EXAMPLES_KEPT;
    for (unsigned m = 0; s != NULL && limit > 0 && m < s->n; m++) {
        const struct signal_examples *e = s->members[m]->examples[kind];
        for (unsigned i = 0; e != NULL && i < EXAMPLES_KEPT; i++)
            if (e->at_us[i] >= from_us && e->at_us[i] > 0) put_example(&best, kind >= EXAMPLE_LONGEST, limit, e, i);
    }
    while (n < limit && best.at_us[n] > 0) {
        ret[n] = best.id[n];
        n++;
    }
    return n;
}
