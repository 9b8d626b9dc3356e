#include "cost/explain.h"

#include "base/buffer.h"
#include "base/mem.h"
#include "base/money.h"
#include "base/table.h"
#include "stats/adtributor.h"
#include "stats/shapley.h"

#include <math.h>
#include <stdlib.h>

enum { KEY_TEXT = 4096 };

struct window {
    const struct cost_cell *cells;
    size_t n;
};

/* Names to places in an array: the key is every name with its length, null apart from empty. */
struct index {
    struct table places;
    struct buffer key;
    size_t n;
};

static void index_init(struct index *x) {
    *x = (struct index){0};
    table_init(&x->places);
    buffer_init(&x->key, KEY_TEXT);
}

static void index_deinit(struct index *x) {
    table_deinit(&x->places);
    buffer_deinit(&x->key);
}

static size_t index_place(struct index *x, const struct cost_cell *c, const enum cost_dimension *by,
                          unsigned n) {
    buffer_clear(&x->key);
    for (unsigned i = 0; i < n; i++) {
        struct slice name = c->by[by[i]];
        size_t len = slice_is_null(name) ? SIZE_MAX : name.len;
        (void)buffer_append(&x->key, slice_make((const char *)&len, sizeof len));
        (void)buffer_append(&x->key, name);
    }
    void *found = table_get(&x->places, buffer_slice(&x->key));
    if (found) return (size_t)found - 1;
    (void)table_put(&x->places, buffer_slice(&x->key), (void *)++x->n);
    return x->n - 1;
}

/* ---- sums ---- */

static enum fault check_cell(const struct cost_cell *c, struct error *error) {
    const int64_t counts[] = {c->requests,   c->cache_hits,  c->unpriced, c->input,
                              c->cache_read, c->cache_write, c->output,   c->cost_nano};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++)
        if (counts[i] < 0) return error_set(error, FAULT_BAD_REQUEST, "a cell's sum is negative");
    if (c->cost_nano > 0 && c->requests <= c->unpriced)
        return error_set(error, FAULT_BAD_REQUEST, "a cell has a cost but no priced request");
    return FAULT_NONE;
}

static enum fault sum_window(struct window w, int64_t *ret_nano, int64_t *ret_unpriced, struct error *error) {
    int64_t nano = 0, unpriced = 0;
    for (size_t i = 0; i < w.n; i++) {
        enum fault f = check_cell(&w.cells[i], error);
        if (f) return f;
        nano = money_add(nano, w.cells[i].cost_nano);
        unpriced += w.cells[i].unpriced;
    }
    if (!money_is_known(nano))
        return error_set(error, FAULT_TOO_LARGE, "the costs sum to more than int64 holds");
    *ret_nano = nano;
    *ret_unpriced = unpriced;
    return FAULT_NONE;
}

/* ---- why ---- */

static int by_size(const void *left, const void *right) {
    const struct explain_contribution *a = left, *b = right;
    uint64_t x = a->nano < 0 ? -(uint64_t)a->nano : (uint64_t)a->nano;
    uint64_t y = b->nano < 0 ? -(uint64_t)b->nano : (uint64_t)b->nano;
    if (x != y) return x > y ? -1 : 1;
    return (int)a->factor - (int)b->factor;
}

static void find_why(const struct window windows[2], struct explain_result *ret) {
    static const enum cost_dimension by[] = {COST_BY_MODEL, COST_BY_REQUEST_TYPE};
    struct factor_cell *cells = mem_new_array(struct factor_cell, windows[0].n + windows[1].n + 1);
    struct index index;
    double share[COST_FACTORS];
    int64_t whole[COST_FACTORS];
    index_init(&index);
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < windows[side].n; i++) {
            size_t known = index.n, place = index_place(&index, &windows[side].cells[i], by, 2);
            if (place == known) {
                factor_side_init(&cells[place].before);
                factor_side_init(&cells[place].after);
            }
            factor_side_add(side ? &cells[place].after : &cells[place].before, &windows[side].cells[i]);
        }
    factors_share(cells, index.n, false, share);
    shapley_round(COST_FACTORS, share, ret->after_nano - ret->before_nano, whole);
    for (unsigned f = 0; f < COST_FACTORS; f++)
        ret->contributions[f] = (struct explain_contribution){(enum cost_factor)f, whole[f]};
    qsort(ret->contributions, COST_FACTORS, sizeof *ret->contributions, by_size);
    index_deinit(&index);
    mem_free(cells);
}

/* ---- where ---- */

struct place {
    struct slice value;
    int64_t nano[2];
};
struct dimension {
    enum cost_dimension by;
    struct place *places;
    struct adtributor_element *elements;
    size_t n;
    struct adtributor_result result;
};

/* Only cells with `only` as their `only_by` count; NULL: all. */
static bool is_inside(const struct cost_cell *c, const struct explain_where *only) {
    if (!only) return true;
    struct slice name = c->by[only->dimension];
    return slice_is_null(name) == slice_is_null(only->value) && slice_eq(name, only->value);
}

static void search(const struct window windows[2], enum cost_dimension by, const struct explain_where *only,
                   struct dimension *ret) {
    struct index index;
    index_init(&index);
    *ret = (struct dimension){.by = by};
    ret->places = mem_new_array(struct place, windows[0].n + windows[1].n + 1);
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < windows[side].n; i++) {
            const struct cost_cell *c = &windows[side].cells[i];
            if (!is_inside(c, only)) continue;
            struct place *p = &ret->places[index_place(&index, c, &by, 1)];
            p->value = c->by[by];
            p->nano[side] += c->cost_nano;
        }
    ret->n = index.n;
    index_deinit(&index);
    ret->elements = mem_new_array(struct adtributor_element, ret->n + 1);
    for (size_t i = 0; i < ret->n; i++)
        ret->elements[i] = (struct adtributor_element){.forecast = (double)ret->places[i].nano[0],
                                                       .actual = (double)ret->places[i].nano[1]};
    if (ret->n >= 2)
        ret->result = adtributor_dimension(ret->elements, ret->n, ADTRIBUTOR_MIN_EACH, ADTRIBUTOR_MIN_ALL);
}

static int by_surprise(const void *left, const void *right) {
    const struct dimension *a = left, *b = right;
    if (a->result.surprise != b->result.surprise) return a->result.surprise > b->result.surprise ? -1 : 1;
    return (int)a->by - (int)b->by;
}

static void keep(const struct dimension *d, bool inside, struct explain_result *ret) {
    for (size_t i = 0; i < d->result.n && ret->n_where < EXPLAIN_WHERE; i++) {
        const struct adtributor_element *e = &d->elements[i];
        const struct place *p = &d->places[e->index];
        ret->where[ret->n_where++] = (struct explain_where){
            d->by, p->value, p->nano[1] - p->nano[0], e->explanatory, e->surprise, inside};
    }
}

/* The best dimensions, and the best one inside the first value found. */
static void find_where(const struct window windows[2], const struct explain_where *only,
                       struct explain_result *ret) {
    struct dimension found[COST_DIMENSIONS];
    unsigned most = only ? 1 : EXPLAIN_DIMENSIONS;
    for (unsigned d = 0; d < COST_DIMENSIONS; d++) search(windows, (enum cost_dimension)d, only, &found[d]);
    qsort(found, COST_DIMENSIONS, sizeof *found, by_surprise);
    for (unsigned d = 0; d < most; d++) keep(&found[d], only != NULL, ret);
    for (unsigned d = 0; d < COST_DIMENSIONS; d++) {
        mem_free(found[d].places);
        mem_free(found[d].elements);
    }
}

enum fault explain_cost(const struct cost_cell *before, size_t n_before, const struct cost_cell *after,
                        size_t n_after, struct explain_result *ret, struct error *error) {
    const struct window windows[2] = {{before, n_before}, {after, n_after}};
    struct explain_result r = {0};
    enum fault f = sum_window(windows[0], &r.before_nano, &r.unpriced_before, error);
    if (!f) f = sum_window(windows[1], &r.after_nano, &r.unpriced_after, error);
    if (f) return f;
    find_why(windows, &r);
    double larger = fmax((double)r.before_nano, (double)r.after_nano);
    r.too_small_to_place = fabs((double)r.after_nano - (double)r.before_nano) <= EXPLAIN_MIN_CHANGE * larger;
    if (!r.too_small_to_place) find_where(windows, NULL, &r);
    if (r.n_where > 0) find_where(windows, &r.where[0], &r);
    *ret = r;
    return FAULT_NONE;
}

/* ---- JSON ---- */

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

static void put_where(struct json_writer *w, const struct explain_result *r, const struct explain_where *e) {
    json_object(w);
    json_member_text(w, "dimension", cost_dimension_name(e->dimension));
    json_member_string(w, "value", e->value);
    put_usd(w, "usd", e->nano);
    json_member_double(w, "share", e->share);
    json_member_double(w, "surprise", e->surprise);
    if (e->inside) {
        json_key(w, "inside");
        json_object(w);
        json_member_text(w, "dimension", cost_dimension_name(r->where[0].dimension));
        json_member_string(w, "value", r->where[0].value);
        json_object_end(w);
    }
    json_object_end(w);
}

static const char *why_nowhere(const struct explain_result *r) {
    if (r->before_nano == 0 && r->after_nano == 0)
        return "nothing was spent in either window: are the times and the filters as meant?";
    if (r->too_small_to_place) return "the change is too small to say where it took place";
    return "no name tells it apart: of each dimension there is one value, or all moved alike";
}

void explain_write_json(const struct explain_result *r, struct json_writer *w) {
    json_object(w);
    put_usd(w, "before_usd", r->before_nano);
    put_usd(w, "after_usd", r->after_nano);
    json_key(w, "contributions");
    json_array(w);
    for (unsigned i = 0; i < COST_FACTORS; i++) {
        json_object(w);
        json_member_text(w, "factor", cost_factor_name(r->contributions[i].factor));
        put_usd(w, "usd", r->contributions[i].nano);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "where");
    json_array(w);
    for (unsigned i = 0; i < r->n_where; i++) put_where(w, r, &r->where[i]);
    json_array_end(w);
    if (r->n_where == 0) json_member_text(w, "where_note", why_nowhere(r));
    json_member_i64(w, "unpriced_before", r->unpriced_before);
    json_member_i64(w, "unpriced_after", r->unpriced_after);
    json_object_end(w);
}
