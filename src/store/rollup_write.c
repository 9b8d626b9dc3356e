/* The writer's rollups of one day file. */
#include "base/mem.h"
#include "store/rollup.h"
#include "store/varint.h"

#include <stdlib.h>

enum {
    CELLS_KEPT = 8192,        /* some 2 KB each with their histograms */
    DIMENSION_TEXT = 8 << 10, /* the labels with their lengths */
    BODY_MAX = 1 << 20,
};

enum unit { UNIT_MINUTE, UNIT_HOUR, UNIT_DAY, UNITS };
static const int64_t unit_us[UNITS] = {MINUTE_US, HOUR_US, 24 * HOUR_US};
#define SELECT_DAY "SELECT body FROM view_day WHERE start = ?1 AND dimension = ?2 AND view = ?3"
#define REPLACE_DAY "REPLACE INTO view_day(start, dimension, body, view) VALUES(?1, ?2, ?3, ?4)"

struct cell_key {
    int64_t start, dimension, unit, view; /* all of one size: the key is hashed as bytes */
};
struct rollup_cell {
    struct cell_key key;
    struct rollup sums;
    uint64_t batch; /* the batch that changed it last */
};

/* ---- dimensions ---- */

static void remember(struct rollups *r, unsigned view, struct slice key, int64_t id) {
    table_put(&r->dimensions, key, (void *)(intptr_t)id);
    r->n_dimensions[view]++;
    if (id >= r->next_dimension) r->next_dimension = id + 1;
}

/* What the view does not tell apart counts as null. */
static struct slice put_key(struct buffer *key, unsigned view, const struct slice *texts) {
    buffer_clear(key);
    varint_put(key, view);
    for (int i = 0; i < ROLLUP_TEXTS; i++) {
        struct slice text = rollup_views[view].by & rollup_bits[i] ? texts[i] : SLICE_NULL;
        varint_put(key, slice_is_null(text) ? 0 : text.len + 1);
        buffer_append(key, text);
    }
    return buffer_slice(key);
}

enum fault rollups_load(struct rollups *r, struct database *db, struct error *error) {
    *r = (struct rollups){.next_dimension = 1, .batch = 1};
    table_init(&r->dimensions);
    table_init(&r->cells);
    struct statement *s = NULL;
    bool row = false;
    buffer_init(&r->key, DIMENSION_TEXT);
    buffer_init(&r->prompt, DIMENSION_TEXT);
    enum fault fault = statement_of(
        db, "SELECT id, view, application, request_type, model, prompt, feature, team, provider FROM dimension", &s, error);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct slice texts[ROLLUP_TEXTS];
        int64_t view = statement_i64(s, 1);
        if (view < 0 || view >= ROLLUP_VIEWS) continue;
        for (int i = 0; i < ROLLUP_TEXTS; i++) texts[i] = statement_bytes(s, i + 2);
        remember(r, (unsigned)view, put_key(&r->key, (unsigned)view, texts), statement_i64(s, 0));
    }
    statement_reset(s);
    return fault;
}

static enum fault insert_dimension(struct rollups *r, struct database *db, unsigned view, const struct slice *texts,
                                   struct slice key, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(db,
                     "INSERT INTO dimension(id, view, application, request_type, model, prompt, feature, team, provider)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, r->next_dimension);
    statement_bind_i64(s, 2, view);
    for (int i = 0; i < ROLLUP_TEXTS; i++)
        statement_bind_text(s, i + 3, rollup_views[view].by & rollup_bits[i] ? texts[i] : SLICE_NULL);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) remember(r, view, key, r->next_dimension);
    return fault;
}

/* *ret_other: there was no room for it. */
static enum fault dimension_of(struct rollups *r, struct database *db, unsigned view, const struct slice *texts, int64_t *ret,
                               bool *ret_other, struct error *error) {
    struct slice other[ROLLUP_TEXTS], key = put_key(&r->key, view, texts);
    enum fault fault = FAULT_NONE;
    void *id = table_get(&r->dimensions, key);
    *ret_other = id == NULL && r->n_dimensions[view] >= LIMIT_DIMENSIONS;
    if (*ret_other) {
        other[0] = texts[0];
        for (int i = 1; i < ROLLUP_TEXTS; i++) other[i] = ROLLUP_OTHER;
        texts = other;
        key = put_key(&r->key, view, texts);
        id = table_get(&r->dimensions, key);
    }
    if (id == NULL) {
        fault = insert_dimension(r, db, view, texts, key, error);
        if (fault == FAULT_NONE) id = table_get(&r->dimensions, key);
    }
    if (fault == FAULT_NONE) *ret = (int64_t)(intptr_t)id;
    return fault;
}

/* Room for the views' ids of this one of the first view. */
static int64_t *views_of(struct rollups *r, int64_t id) {
    if (id >= r->views_capacity) {
        int64_t capacity = 2 * id + 64;
        r->views = mem_resize(r->views, (size_t)capacity * sizeof *r->views);
        memset(r->views + r->views_capacity, 0, (size_t)(capacity - r->views_capacity) * sizeof *r->views);
        r->views_capacity = capacity;
    }
    return r->views[id];
}

/* The record's dimension in each view. */
static enum fault dimensions_of(struct rollups *r, struct database *db, const struct slice *texts, int64_t ret[ROLLUP_VIEWS],
                                struct error *error) {
    bool other = false, view_other;
    enum fault fault = dimension_of(r, db, 0, texts, &ret[0], &other, error);
    if (fault != FAULT_NONE) return fault;
    int64_t *known = views_of(r, ret[0]);
    if (!other && known[0] != 0) {
        memcpy(ret, known, ROLLUP_VIEWS * sizeof *ret);
        return FAULT_NONE;
    }
    for (unsigned view = 1; view < ROLLUP_VIEWS && fault == FAULT_NONE; view++)
        fault = dimension_of(r, db, view, texts, &ret[view], &view_other, error);
    if (fault == FAULT_NONE && !other) memcpy(known, ret, ROLLUP_VIEWS * sizeof *ret);
    return fault;
}

/* ---- cells ---- */

static void free_cell(struct rollup_cell *c) {
    if (c == NULL) return;
    rollup_deinit(&c->sums);
    mem_free(c);
}

static void drop_cells(struct rollups *r) {
    size_t cursor = 0;
    void *cell;
    while (table_next(&r->cells, &cursor, NULL, &cell)) free_cell(cell);
    table_deinit(&r->cells);
    table_init(&r->cells);
    r->n_changed = 0;
}

void rollups_deinit(struct rollups *r) {
    drop_cells(r);
    table_deinit(&r->cells);
    table_deinit(&r->dimensions);
    mem_free(r->changed);
    mem_free(r->views);
    buffer_deinit(&r->key);
    buffer_deinit(&r->prompt);
    *r = (struct rollups){0};
}

/* By unit, and whether it is of a view: where all dimensions have a table of their own, ?3 is 0. */
static const char *const select_cell[UNITS][2] = {
    {"SELECT body FROM rollup_minute WHERE start = ?1 AND dimension = ?2 AND ?3 = 0", "SELECT body FROM view_minute WHERE start = ?1 AND dimension = ?2 AND view = ?3"},
    {"SELECT body FROM rollup_hour WHERE start = ?1 AND dimension = ?2 AND ?3 = 0", "SELECT body FROM view_hour WHERE start = ?1 AND dimension = ?2 AND view = ?3"},
    {SELECT_DAY, SELECT_DAY},
};
static const char *const replace_cell[UNITS][2] = {
    {"REPLACE INTO rollup_minute(start, dimension, body) VALUES(?1, ?2, ?3)", "REPLACE INTO view_minute(start, dimension, body, view) VALUES(?1, ?2, ?3, ?4)"},
    {"REPLACE INTO rollup_hour(start, dimension, body) VALUES(?1, ?2, ?3)", "REPLACE INTO view_hour(start, dimension, body, view) VALUES(?1, ?2, ?3, ?4)"},
    {REPLACE_DAY, REPLACE_DAY},
};

static enum fault load_cell(struct database *db, struct rollup_cell *c, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(db, select_cell[c->key.unit][c->key.view > 0], &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, c->key.start);
    statement_bind_i64(s, 2, c->key.dimension);
    statement_bind_i64(s, 3, c->key.view);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row && !rollup_decode(statement_bytes(s, 0), 0, &c->sums))
        fault = error_set(error, FAULT_CORRUPT, "%s: a rollup cannot be read", database_name(db));
    statement_reset(s);
    return fault;
}

static enum fault cell_of(struct rollups *r, struct database *db, const struct cell_key *key,
                          struct rollup_cell **ret, struct error *error) {
    struct slice bytes = {(const char *)key, sizeof *key};
    struct rollup_cell *c = table_get(&r->cells, bytes);
    if (c == NULL) {
        c = mem_new(struct rollup_cell);
        c->key = *key;
        rollup_init(&c->sums);
        enum fault fault = load_cell(db, c, error);
        if (fault != FAULT_NONE) {
            free_cell(c);
            return fault;
        }
        table_put(&r->cells, bytes, c);
    }
    if (c->batch != r->batch) {
        if (r->n_changed == r->changed_capacity) {
            r->changed_capacity = r->changed_capacity > 0 ? 2 * r->changed_capacity : 64;
            r->changed = mem_resize(r->changed, r->changed_capacity * sizeof(struct rollup_cell *));
        }
        r->changed[r->n_changed++] = c;
        c->batch = r->batch;
    }
    *ret = c;
    return FAULT_NONE;
}

enum fault rollups_add(struct rollups *r, struct database *db, const struct record *record, int64_t time_us,
                       struct error *error) {
    struct slice texts[ROLLUP_TEXTS] = {record->application, record->request_type, record->model, rollup_prompt(record, &r->prompt),
                                        record->feature,     record->team,         record->provider};
    int64_t dimensions[ROLLUP_VIEWS];
    enum fault fault = dimensions_of(r, db, texts, dimensions, error);
    for (unsigned i = 0; i < ROLLUP_VIEWS * UNITS && fault == FAULT_NONE; i++) {
        struct rollup_cell *c;
        unsigned view = i / UNITS, unit = i % UNITS;
        if (unit == UNIT_MINUTE && !rollup_views[view].minutes) continue;
        struct cell_key key = {time_us - time_us % unit_us[unit], dimensions[view], unit, view};
        fault = cell_of(r, db, &key, &c, error);
        if (fault == FAULT_NONE) rollup_add(&c->sums, record);
    }
    return fault;
}

static int by_key(const void *a, const void *b) {
    const struct cell_key *x = &(*(struct rollup_cell *const *)a)->key,
                          *y = &(*(struct rollup_cell *const *)b)->key;
    if (x->unit != y->unit) return x->unit < y->unit ? -1 : 1;
    if (x->view != y->view) return x->view < y->view ? -1 : 1;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return x->dimension < y->dimension ? -1 : x->dimension > y->dimension;
}

static enum fault save_cell(struct database *db, const struct rollup_cell *c, struct buffer *body,
                            struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(db, replace_cell[c->key.unit][c->key.view > 0], &s, error);
    if (fault != FAULT_NONE) return fault;
    buffer_clear(body);
    rollup_encode(&c->sums, body);
    statement_bind_i64(s, 1, c->key.start);
    statement_bind_i64(s, 2, c->key.dimension);
    statement_bind_blob(s, 3, buffer_slice(body));
    if (c->key.view > 0 || c->key.unit == UNIT_DAY) statement_bind_i64(s, 4, c->key.view);
    return statement_run(s, error);
}

enum fault rollups_save(struct rollups *r, struct database *db, struct error *error) {
    struct buffer body;
    enum fault fault = FAULT_NONE;
    buffer_init(&body, BODY_MAX);
    if (r->n_changed > 1) qsort(r->changed, r->n_changed, sizeof *r->changed, by_key);
    for (size_t i = 0; i < r->n_changed && fault == FAULT_NONE; i++)
        fault = save_cell(db, r->changed[i], &body, error);
    if (fault == FAULT_NONE) {
        r->n_changed = 0;
        r->batch++;
        if (r->cells.count > CELLS_KEPT) drop_cells(r);
    }
    buffer_deinit(&body);
    return fault;
}
