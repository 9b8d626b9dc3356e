#include "store/spend_fold.h"

#include "base/mem.h"

enum { ROW_TEXT = 64 << 10 };
#define ROW_MASK ((1LL << SPEND_ROW_BITS) - 1)

const int64_t spend_fold_hours[SPEND_FOLDS] = {[SPEND_FOLD_FEW] = 1, [SPEND_FOLD_QUARTER] = 6, [SPEND_FOLD_DAY] = 24};

/* What is added up of one kind: the sums of a time, by dimension. */
struct fold {
    int64_t begin; /* hours since 1970 */
    bool any;
    struct spend_sums *sums;
};

struct folding {
    struct database *db;
    int64_t *few; /* dimension -> the first with the same names in SPEND_FEW */
    int64_t n;    /* dimensions, up to a whole row */
    struct fold folds[SPEND_FOLDS];
    struct spend_sums cells[CELLS_PER_ROW]; /* of the row that is read */
    struct buffer body;
};

enum fault spend_is_folded(struct database *db, bool *ret, struct error *error) {
    int64_t version = 0, folded = 0;
    enum fault fault = database_number(db, "PRAGMA user_version", &version, error);
    if (fault == FAULT_NONE && version >= SPEND_FOLD_SCHEMA) fault = database_number(db, "SELECT folded FROM spend_state", &folded, error);
    *ret = folded != 0;
    return fault;
}

enum fault spend_unfold(struct database *db, struct error *error) {
    return database_exec(db, "DELETE FROM spend_fold; UPDATE spend_state SET folded = 0; UPDATE spend_dimension SET few = 0 WHERE few = 1", error);
}

static enum fault load_few(struct folding *f, struct error *error) {
    struct statement *s;
    bool row = false;
    int64_t last = 0;
    enum fault fault = database_number(f->db, "SELECT max(id) FROM spend_dimension", &last, error);
    if (fault == FAULT_NONE)
        fault = statement_of(f->db, "SELECT id, min(id) OVER (PARTITION BY folded, application, request_type, model, provider, target_model) FROM spend_dimension", &s, error);
    if (fault != FAULT_NONE) return fault;
    f->n = (last / CELLS_PER_ROW + 1) * CELLS_PER_ROW;
    f->few = mem_new_array(int64_t, (size_t)f->n);
    for (unsigned i = 0; i < SPEND_FOLDS; i++) f->folds[i].sums = mem_new_array(struct spend_sums, (size_t)f->n);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        if (statement_i64(s, 0) >= 0 && statement_i64(s, 0) < f->n) f->few[statement_i64(s, 0)] = statement_i64(s, 1);
    statement_reset(s);
    return fault;
}

/* Writes what was added up of a kind, and begins anew at `begin`. */
static enum fault flush(struct folding *f, enum spend_fold kind, int64_t begin, struct error *error) {
    struct fold *fold = &f->folds[kind];
    struct statement *s;
    enum fault fault = statement_of(f->db, "INSERT INTO spend_fold(id, body) VALUES(?1, ?2)", &s, error);
    for (int64_t at = 0; fold->any && at < f->n && fault == FAULT_NONE; at += CELLS_PER_ROW) {
        bool any = false;
        for (unsigned i = 0; i < CELLS_PER_ROW; i++) any |= fold->sums[at + i].requests > 0;
        if (!any) continue;
        buffer_clear(&f->body);
        spend_row_encode(fold->sums + at, &f->body);
        statement_bind_i64(s, 1, spend_fold_id(kind, fold->begin, at));
        statement_bind_blob(s, 2, buffer_slice(&f->body));
        fault = statement_run(s, error);
        memset(fold->sums + at, 0, CELLS_PER_ROW * sizeof *fold->sums);
    }
    fold->begin = begin;
    fold->any = false;
    return fault;
}

static struct spend_sums *cell_of(void *ctx, unsigned place) { return &((struct folding *)ctx)->cells[place]; }

static enum fault add_row(struct folding *f, int64_t id, struct slice body, struct error *error) {
    int64_t hour = id >> SPEND_ROW_BITS, first = (id & ROW_MASK) * CELLS_PER_ROW;
    enum fault fault = FAULT_NONE;
    memset(f->cells, 0, sizeof f->cells);
    if (first >= f->n || !spend_row_decode(body, cell_of, f)) return error_set(error, FAULT_CORRUPT, "%s: a sum of costs cannot be read", database_name(f->db));
    for (unsigned kind = 0; kind < SPEND_FOLDS && fault == FAULT_NONE; kind++) {
        struct fold *fold = &f->folds[kind];
        int64_t begin = hour - hour % spend_fold_hours[kind];
        if (fold->begin != begin) fault = flush(f, (enum spend_fold)kind, begin, error);
        for (unsigned i = 0; i < CELLS_PER_ROW; i++)
            if (f->cells[i].requests > 0) spend_sums_merge(&fold->sums[kind == SPEND_FOLD_FEW ? f->few[first + i] : first + i], &f->cells[i]);
        fold->any = true;
    }
    return fault;
}

static enum fault mark_few(struct database *db, int64_t id, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(db, "UPDATE spend_dimension SET few = 1 WHERE id = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, id);
    return statement_run(s, error);
}

static enum fault fold_all(struct folding *f, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = spend_unfold(f->db, error);
    if (fault == FAULT_NONE) fault = load_few(f, error);
    if (fault == FAULT_NONE) fault = statement_of(f->db, "SELECT id, body FROM spend_hour ORDER BY id", &s, error);
    if (fault != FAULT_NONE) return fault;
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        if ((fault = add_row(f, statement_i64(s, 0), statement_bytes(s, 1), error)) != FAULT_NONE) break;
    statement_reset(s);
    for (unsigned kind = 0; kind < SPEND_FOLDS && fault == FAULT_NONE; kind++) fault = flush(f, (enum spend_fold)kind, 0, error);
    for (int64_t i = 0; i < f->n && fault == FAULT_NONE; i++)
        if (f->few[i] == i) fault = mark_few(f->db, i, error);
    if (fault == FAULT_NONE) fault = database_exec(f->db, "UPDATE spend_state SET folded = 1", error);
    return fault;
}

enum fault spend_fold(struct database *db, struct error *error) {
    struct folding *f = mem_new(struct folding);
    f->db = db;
    buffer_init(&f->body, ROW_TEXT);
    enum fault fault = database_begin(db, error);
    if (fault == FAULT_NONE) {
        fault = fold_all(f, error);
        if (fault == FAULT_NONE) fault = database_commit(db, error);
        if (fault != FAULT_NONE) database_rollback(db);
    }
    for (unsigned i = 0; i < SPEND_FOLDS; i++) mem_free(f->folds[i].sums);
    mem_free(f->few);
    buffer_deinit(&f->body);
    mem_free(f);
    return fault;
}
