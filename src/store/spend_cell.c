/* The writer's sums of money of one day file. */
#include "store/spend_cell.h"
#include "base/mem.h"
#include "store/spend_fold.h"
#include "store/varint.h"

#include <stdlib.h>

enum {
    ROWS_KEPT = 1024, /* some 12 KB each */
    KEY_TEXT = 8 << 10,
    ROW_TEXT = 64 << 10, /* CELLS_PER_ROW cells of some 40 numbers at most */
};
#define FOLD_FIRST SPEND_BIT(SYSTEM_PROMPT)
#define FOLD_NEVER (SPEND_BIT(APPLICATION) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL))
#define FOLD_ALL (((1u << SPEND_TEXTS) - 1) & ~FOLD_NEVER)

struct spend_row {
    int64_t id;
    uint64_t batch; /* the batch that changed it last */
    struct spend_sums cells[CELLS_PER_ROW];
};

/* One combination of dimensions, and the row it was added to last. */
struct spend_label {
    int64_t number, hour;
    uint64_t generation; /* `row` is valid while it is that of the cells */
    struct spend_row *row;
};

/* ---- dimensions ---- */

/* What was folded, then every text with its length + 1, or 0. */
static void put_key(struct buffer *key, unsigned folded, const struct slice texts[SPEND_TEXTS]) {
    buffer_clear(key);
    varint_put(key, folded);
    for (int i = 0; i < SPEND_TEXTS; i++) {
        varint_put(key, slice_is_null(texts[i]) ? 0 : texts[i].len + 1);
        buffer_append(key, texts[i]);
    }
}

static struct spend_label *remember(struct spend_cells *c, struct slice key, int64_t number) {
    struct spend_label *label = mem_new(struct spend_label);
    label->number = number;
    if ((c->n_labels & (c->n_labels - 1)) == 0)
        c->labels = mem_resize(c->labels, (c->n_labels > 0 ? 2 * c->n_labels : 1) * sizeof *c->labels);
    c->labels[c->n_labels++] = label;
    if (number >= c->next) c->next = number + 1;
    table_put(&c->dimensions, key, label);
    return label;
}

enum fault spend_cells_load(struct spend_cells *c, struct database *db, struct error *error) {
    struct statement *s = NULL;
    bool row = false;
    *c = (struct spend_cells){.batch = 1, .generation = 1};
    table_init(&c->dimensions);
    table_init(&c->rows);
    buffer_init(&c->key, KEY_TEXT);
    buffer_init(&c->prompt, KEY_TEXT);
    enum fault fault =
        statement_of(db,
                     "SELECT id, folded, application, request_type, model, provider, target_model,"
                     " prompt, feature, team, key, system_prompt FROM spend_dimension",
                     &s, error);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct slice texts[SPEND_TEXTS];
        for (int i = 0; i < SPEND_TEXTS; i++) texts[i] = statement_bytes(s, i + 2);
        put_key(&c->key, (unsigned)statement_i64(s, 1), texts);
        remember(c, buffer_slice(&c->key), statement_i64(s, 0));
    }
    statement_reset(s);
    return fault == FAULT_NONE ? spend_is_folded(db, &c->folded, error) : fault;
}

static enum fault insert_label(struct spend_cells *c, struct database *db, unsigned folded,
                               const struct slice texts[SPEND_TEXTS], struct spend_label **ret,
                               struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(db,
                     "INSERT INTO spend_dimension(id, folded, application, request_type, model,"
                     " provider, target_model, prompt, feature, team, key, system_prompt)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, c->next);
    statement_bind_i64(s, 2, folded);
    for (int i = 0; i < SPEND_TEXTS - 1; i++) statement_bind_text(s, i + 3, texts[i]);
    statement_bind_blob(s, SPEND_TEXTS + 2, texts[SPEND_TEXTS - 1]);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) *ret = remember(c, buffer_slice(&c->key), c->next);
    return fault;
}

static enum fault label_of(struct spend_cells *c, struct database *db, const struct record *r,
                           struct spend_label **ret, struct error *error) {
    struct slice texts[SPEND_TEXTS];
    unsigned folded = 0;
    spend_texts(r, &c->prompt, texts);
    put_key(&c->key, 0, texts);
    struct spend_label *label = table_get(&c->dimensions, buffer_slice(&c->key));
    if (label == NULL && c->dimensions.count >= LIMIT_SPEND_CELLS / 2) {
        folded = c->dimensions.count >= LIMIT_SPEND_CELLS ? FOLD_ALL : FOLD_FIRST;
        for (int i = 0; i < SPEND_TEXTS; i++)
            if (folded >> i & 1) texts[i] = SLICE_NULL;
        put_key(&c->key, folded, texts);
        label = table_get(&c->dimensions, buffer_slice(&c->key));
    }
    if (label == NULL) return insert_label(c, db, folded, texts, ret, error);
    *ret = label;
    return FAULT_NONE;
}

/* ---- rows ---- */

static void drop_rows(struct spend_cells *c) {
    size_t cursor = 0;
    void *row;
    while (table_next(&c->rows, &cursor, NULL, &row)) mem_free(row);
    table_deinit(&c->rows);
    table_init(&c->rows);
    c->n_changed = 0;
    c->generation++;
}

void spend_cells_deinit(struct spend_cells *c) {
    drop_rows(c);
    for (size_t i = 0; i < c->n_labels; i++) mem_free(c->labels[i]);
    mem_free(c->labels);
    mem_free(c->changed);
    table_deinit(&c->rows);
    table_deinit(&c->dimensions);
    buffer_deinit(&c->key);
    buffer_deinit(&c->prompt);
    *c = (struct spend_cells){0};
}

static struct spend_sums *cell_of_row(void *ctx, unsigned place) {
    return &((struct spend_row *)ctx)->cells[place];
}

static enum fault load_row(struct spend_row *row, struct database *db, struct error *error) {
    struct statement *s;
    bool found = false;
    enum fault fault = statement_of(db, "SELECT body FROM spend_hour WHERE id = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, row->id);
    fault = statement_step(s, &found, error);
    if (fault == FAULT_NONE && found && !spend_row_decode(statement_bytes(s, 0), cell_of_row, row))
        fault = error_set(error, FAULT_CORRUPT, "%s: a sum of costs cannot be read", database_name(db));
    statement_reset(s);
    return fault;
}

static enum fault row_of(struct spend_cells *c, struct database *db, int64_t id, struct spend_row **ret,
                         struct error *error) {
    struct slice key = {(const char *)&id, sizeof id};
    struct spend_row *row = table_get(&c->rows, key);
    if (row == NULL) {
        row = mem_new(struct spend_row);
        row->id = id;
        enum fault fault = load_row(row, db, error);
        if (fault != FAULT_NONE) {
            mem_free(row);
            return fault;
        }
        table_put(&c->rows, key, row);
    }
    *ret = row;
    return FAULT_NONE;
}

static void mark_changed(struct spend_cells *c, struct spend_row *row) {
    if (row->batch == c->batch) return;
    if (c->n_changed == c->changed_capacity) {
        c->changed_capacity = c->changed_capacity > 0 ? 2 * c->changed_capacity : 64;
        c->changed = mem_resize(c->changed, c->changed_capacity * sizeof *c->changed);
    }
    c->changed[c->n_changed++] = row;
    row->batch = c->batch;
}

enum fault spend_cells_add(struct spend_cells *c, struct database *db, const struct record *r,
                           int64_t time_us, struct error *error) {
    struct spend_label *label;
    int64_t hour = spend_hour_of(time_us);
    enum fault fault = label_of(c, db, r, &label, error);
    if (fault != FAULT_NONE) return fault;
    if (label->generation != c->generation || label->hour != hour) {
        fault = row_of(c, db, spend_row_id(hour, label->number), &label->row, error);
        if (fault != FAULT_NONE) return fault;
        label->generation = c->generation;
        label->hour = hour;
    }
    mark_changed(c, label->row);
    spend_sums_add(&label->row->cells[label->number % CELLS_PER_ROW], r);
    return FAULT_NONE;
}

static int by_id(const void *a, const void *b) {
    int64_t x = (*(struct spend_row *const *)a)->id, y = (*(struct spend_row *const *)b)->id;
    return x < y ? -1 : x > y;
}

enum fault spend_cells_save(struct spend_cells *c, struct database *db, struct error *error) {
    struct statement *s;
    struct buffer body;
    enum fault fault = statement_of(db, "REPLACE INTO spend_hour(id, body) VALUES(?1, ?2)", &s, error);
    if (fault == FAULT_NONE && c->folded && c->n_changed > 0) {
        fault = spend_unfold(db, error);
        c->folded = false;
    }
    if (fault != FAULT_NONE) return fault;
    buffer_init(&body, ROW_TEXT);
    if (c->n_changed > 1) qsort(c->changed, c->n_changed, sizeof *c->changed, by_id);
    for (size_t i = 0; i < c->n_changed && fault == FAULT_NONE; i++) {
        buffer_clear(&body);
        spend_row_encode(c->changed[i]->cells, &body);
        statement_bind_i64(s, 1, c->changed[i]->id);
        statement_bind_blob(s, 2, buffer_slice(&body));
        fault = statement_run(s, error);
    }
    if (fault == FAULT_NONE) {
        c->n_changed = 0;
        c->batch++;
        if (c->rows.count > ROWS_KEPT) drop_rows(c);
    }
    buffer_deinit(&body);
    return fault;
}
