/* The writer's rollups of one day file. */
#include "base/mem.h"
#include "store/rollup.h"
#include "store/varint.h"

#include <stdlib.h>

enum {
    CELLS_KEPT = 8192,        /* some 2 KB each with their histograms */
    DIMENSION_TEXT = 8 << 10, /* six labels with their lengths */
    BODY_MAX = 1 << 20,
    N_DIMENSIONS = 6
};

enum unit { UNIT_MINUTE, UNIT_HOUR, UNITS };
static const int64_t unit_us[UNITS] = {MINUTE_US, HOUR_US};

struct cell_key {
    int64_t start, dimension, unit; /* all of one size: the key is hashed as bytes */
};
struct rollup_cell {
    struct cell_key key;
    struct rollup sums;
    uint64_t batch; /* the batch that changed it last */
};

/* ---- dimensions ---- */

static void remember(struct rollups *r, struct slice key, int64_t id) {
    table_put(&r->dimensions, key, (void *)(intptr_t)id);
    if (id >= r->next_dimension) r->next_dimension = id + 1;
}

static void put_key(struct buffer *key, const struct slice *texts) {
    for (int i = 0; i < N_DIMENSIONS; i++) {
        varint_put(key, slice_is_null(texts[i]) ? 0 : texts[i].len + 1);
        buffer_append(key, texts[i]);
    }
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
        db, "SELECT id, application, request_type, model, prompt, feature, team FROM dimension", &s, error);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct slice texts[N_DIMENSIONS];
        for (int i = 0; i < N_DIMENSIONS; i++) texts[i] = statement_bytes(s, i + 1);
        buffer_clear(&r->key);
        put_key(&r->key, texts);
        remember(r, buffer_slice(&r->key), statement_i64(s, 0));
    }
    statement_reset(s);
    return fault;
}

static enum fault insert_dimension(struct rollups *r, struct database *db, const struct slice *texts,
                                   struct slice key, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(db,
                     "INSERT INTO dimension(id, application, request_type, model, prompt, feature, team)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, r->next_dimension);
    for (int i = 0; i < N_DIMENSIONS; i++) statement_bind_text(s, i + 2, texts[i]);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) remember(r, key, r->next_dimension);
    return fault;
}

static enum fault dimension_of(struct rollups *r, struct database *db, struct slice *texts, int64_t *ret,
                               struct error *error) {
    struct buffer *key = &r->key;
    enum fault fault = FAULT_NONE;
    buffer_clear(key);
    put_key(key, texts);
    void *id = table_get(&r->dimensions, buffer_slice(key));
    if (id == NULL && r->dimensions.count >= LIMIT_DIMENSIONS) {
        for (int i = 1; i < N_DIMENSIONS; i++) texts[i] = ROLLUP_OTHER;
        buffer_clear(key);
        put_key(key, texts);
        id = table_get(&r->dimensions, buffer_slice(key));
    }
    if (id == NULL) {
        fault = insert_dimension(r, db, texts, buffer_slice(key), error);
        if (fault == FAULT_NONE) id = table_get(&r->dimensions, buffer_slice(key));
    }
    if (fault == FAULT_NONE) *ret = (int64_t)(intptr_t)id;
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
    buffer_deinit(&r->key);
    buffer_deinit(&r->prompt);
    *r = (struct rollups){0};
}

static enum fault load_cell(struct database *db, struct rollup_cell *c, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault =
        c->key.unit == UNIT_MINUTE
            ? statement_of(db, "SELECT body FROM rollup_minute WHERE start = ?1 AND dimension = ?2", &s,
                           error)
            : statement_of(db, "SELECT body FROM rollup_hour WHERE start = ?1 AND dimension = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, c->key.start);
    statement_bind_i64(s, 2, c->key.dimension);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row && !rollup_decode(statement_bytes(s, 0), &c->sums))
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
    struct cell_key key = {0};
    struct slice texts[N_DIMENSIONS] = {record->application, record->request_type,
                                        record->model,       rollup_prompt(record, &r->prompt),
                                        record->feature,     record->team};
    enum fault fault = dimension_of(r, db, texts, &key.dimension, error);
    for (int unit = 0; unit < UNITS && fault == FAULT_NONE; unit++) {
        struct rollup_cell *c;
        key.unit = unit;
        key.start = time_us - time_us % unit_us[unit];
        fault = cell_of(r, db, &key, &c, error);
        if (fault == FAULT_NONE) rollup_add(&c->sums, record);
    }
    return fault;
}

static int by_key(const void *a, const void *b) {
    const struct cell_key *x = &(*(struct rollup_cell *const *)a)->key,
                          *y = &(*(struct rollup_cell *const *)b)->key;
    if (x->unit != y->unit) return x->unit < y->unit ? -1 : 1;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return x->dimension < y->dimension ? -1 : x->dimension > y->dimension;
}

static enum fault save_cell(struct database *db, const struct rollup_cell *c, struct buffer *body,
                            struct error *error) {
    struct statement *s;
    enum fault fault =
        c->key.unit == UNIT_MINUTE
            ? statement_of(db, "REPLACE INTO rollup_minute(start, dimension, body) VALUES(?1, ?2, ?3)", &s,
                           error)
            : statement_of(db, "REPLACE INTO rollup_hour(start, dimension, body) VALUES(?1, ?2, ?3)", &s,
                           error);
    if (fault != FAULT_NONE) return fault;
    buffer_clear(body);
    rollup_encode(&c->sums, body);
    statement_bind_i64(s, 1, c->key.start);
    statement_bind_i64(s, 2, c->key.dimension);
    statement_bind_blob(s, 3, buffer_slice(body));
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
