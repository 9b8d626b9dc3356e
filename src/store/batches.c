#include "store/batches.h"

#include "base/mem.h"
#include "store/database.h"
#include "store/files.h"
#include "store/migrate.h"

#define LINE_BITS 20 /* a line's id is its batch's number and its own: LIMIT_BATCH_LINES is below 2^20 */
_Static_assert(LIMIT_BATCH_LINES < 1 << LINE_BITS, "a line's number has room");

struct batches {
    struct database *db;
    struct blobs *blobs;
};

const char *batch_status_name(enum batch_status s) {
    static const char *const names[] = {
#define STATUS(symbol, name) name,
        BATCH_STATUS_TABLE(STATUS)
#undef STATUS
    };
    return (unsigned)s < BATCH_STATUS_COUNT ? names[s] : "";
}

struct batches *batches_open(const char *data_dir, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (files_make_dir(data_dir, error) != FAULT_NONE) return NULL;
    struct batches *b = mem_new(struct batches);
    char *path = files_path(data_dir, "batches.db"), *files = files_path(data_dir, "files");
    b->db = database_open(path, &(struct database_options){.sync_each = true}, &fault, error);
    if (fault == FAULT_NONE) fault = migrate(b->db, &schema_batches, error);
    if (fault == FAULT_NONE) b->blobs = blobs_open(files, error);
    mem_free(path);
    mem_free(files);
    if (b->blobs != NULL) return b;
    batches_close(b);
    return NULL;
}

void batches_close(struct batches *b) {
    if (b == NULL) return;
    database_close(b->db);
    blobs_close(b->blobs);
    mem_free(b);
}

struct blobs *batches_blobs(struct batches *b) { return b->blobs; }

enum fault batches_begin(struct batches *b, struct error *error) { return database_begin(b->db, error); }

enum fault batches_commit(struct batches *b, struct error *error) {
    enum fault fault = database_commit(b->db, error);
    if (fault != FAULT_NONE) database_rollback(b->db);
    return fault;
}

void batches_rollback(struct batches *b) { database_rollback(b->db); }

/* ---- files ---- */

#define FILE_COLUMNS "number, id, application, filename, purpose, created_us, expires_us, bytes, checksum"

static void read_file(struct statement *s, struct arena *arena, struct batch_file *ret) {
    *ret = (struct batch_file){.number = statement_i64(s, 0),
                               .id = statement_copy(s, 1, arena),
                               .application = statement_copy(s, 2, arena),
                               .filename = statement_copy(s, 3, arena),
                               .purpose = statement_copy(s, 4, arena),
                               .created_us = statement_i64(s, 5),
                               .expires_us = statement_i64(s, 6),
                               .bytes = statement_i64(s, 7),
                               .checksum = (uint64_t)statement_i64(s, 8)};
}

enum fault batches_file_add(struct batches *b, const struct batch_file *f, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(b->db,
                                    "INSERT INTO file(id, application, filename, purpose, created_us, expires_us, bytes, checksum)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, f->id);
    statement_bind_text(s, 2, f->application);
    statement_bind_text(s, 3, f->filename);
    statement_bind_text(s, 4, f->purpose);
    statement_bind_i64(s, 5, f->created_us);
    statement_bind_i64(s, 6, f->expires_us);
    statement_bind_i64(s, 7, f->bytes);
    statement_bind_i64(s, 8, (int64_t)f->checksum);
    return statement_run(s, error);
}

enum fault batches_file_find(struct batches *b, struct slice application, struct slice id, struct arena *arena,
                             struct batch_file *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db, "SELECT " FILE_COLUMNS " FROM file WHERE id = ?2 AND application = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_text(s, 2, id);
    fault = statement_step(s, &row, error);
    if (row) read_file(s, arena, ret);
    statement_reset(s);
    if (fault == FAULT_NONE && !row) return error_set(error, FAULT_NOT_FOUND, "no such file: " SLICE_FMT, SLICE_ARG(id));
    return fault;
}

enum fault batches_file_list(struct batches *b, struct slice application, struct slice purpose, int64_t before, struct arena *arena,
                             bool (*each)(void *ctx, const struct batch_file *f), void *ctx, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db,
                                    "SELECT " FILE_COLUMNS " FROM file WHERE application = ?1 AND number < ?2"
                                    " AND (?3 IS NULL OR purpose = ?3) ORDER BY number DESC",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_i64(s, 2, before);
    statement_bind_text(s, 3, purpose);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct batch_file f;
        read_file(s, arena, &f);
        if (!each(ctx, &f)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault batches_file_remove(struct batches *b, struct slice id, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(b->db, "DELETE FROM file WHERE id = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, id);
    fault = statement_run(s, error);
    if (fault != FAULT_NONE || database_changes(b->db) == 0) return fault;
    char name[64];
    size_t n = id.len < sizeof name ? id.len : sizeof name - 1;
    memcpy(name, id.at, n);
    name[n] = 0;
    blob_remove(b->blobs, name);
    return FAULT_NONE;
}

enum fault batches_file_totals(struct batches *b, struct slice application, int64_t *ret_bytes_of_all, int64_t *ret_files,
                               struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = database_number(b->db, "SELECT coalesce(sum(bytes), 0) FROM file", ret_bytes_of_all, error);
    if (fault == FAULT_NONE) fault = statement_of(b->db, "SELECT count(*) FROM file WHERE application = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    fault = statement_step(s, &row, error);
    if (row) *ret_files = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault batches_file_expired(struct batches *b, int64_t now_us, struct arena *arena, struct slice *ret_id, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db,
                                    "SELECT id FROM file WHERE expires_us <= ?1 AND id NOT IN"
                                    " (SELECT input_file FROM batch WHERE status < ?2) LIMIT 1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, now_us);
    statement_bind_i64(s, 2, BATCH_COMPLETED);
    fault = statement_step(s, &row, error);
    if (row) *ret_id = statement_copy(s, 0, arena);
    statement_reset(s);
    return fault == FAULT_NONE && !row ? FAULT_NOT_FOUND : fault;
}

static bool has_row(void *ctx, struct slice name) {
    struct batches *b = ctx;
    struct statement *s;
    bool row = true; /* when in doubt it stays */
    if (statement_of(b->db, "SELECT 1 FROM file WHERE id = ?1", &s, NULL) != FAULT_NONE) return true;
    statement_bind_text(s, 1, name);
    if (statement_step(s, &row, NULL) != FAULT_NONE) row = true;
    statement_reset(s);
    return row;
}

void batches_sweep(struct batches *b) { blobs_sweep(b->blobs, has_row, b); }

/* ---- batches ---- */

#define NAME(field) ", " #field
#define MARK(field) ", ?"
#define BATCH_COLUMNS "number" BATCH_TABLE(NAME, NAME)

enum fault batches_save(struct batches *b, struct batch *row, struct error *error) {
    struct statement *s;
    int at = 1;
    enum fault fault =
        statement_of(b->db, "REPLACE INTO batch(" BATCH_COLUMNS ") VALUES(nullif(?, 0)" BATCH_TABLE(MARK, MARK) ")", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, at++, row->number);
#define TEXT(field) statement_bind_text(s, at++, row->field);
#define NUMBER(field) statement_bind_i64(s, at++, row->field);
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && row->number == 0) fault = database_number(b->db, "SELECT last_insert_rowid()", &row->number, error);
    return fault;
}

static void read_batch(struct statement *s, struct arena *arena, struct batch *ret) {
    int at = 0;
    ret->number = statement_i64(s, at++);
#define TEXT(field) ret->field = statement_copy(s, at++, arena);
#define NUMBER(field) ret->field = statement_i64(s, at++);
    BATCH_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
}

enum fault batches_find(struct batches *b, struct slice application, struct slice id, struct arena *arena, struct batch *ret,
                        struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(
        b->db, "SELECT " BATCH_COLUMNS " FROM batch WHERE id = ?2 AND (?1 IS NULL OR application = ?1)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_text(s, 2, id);
    fault = statement_step(s, &row, error);
    if (row) read_batch(s, arena, ret);
    statement_reset(s);
    if (fault == FAULT_NONE && !row) return error_set(error, FAULT_NOT_FOUND, "no such batch: " SLICE_FMT, SLICE_ARG(id));
    return fault;
}

enum fault batches_list(struct batches *b, struct slice application, bool unfinished, int64_t before, struct arena *arena,
                        bool (*each)(void *ctx, const struct batch *row), void *ctx, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db,
                                    "SELECT " BATCH_COLUMNS " FROM batch WHERE number < ?2 AND (?1 IS NULL OR application = ?1)"
                                    " AND status < ?3 ORDER BY number DESC",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_i64(s, 2, before);
    statement_bind_i64(s, 3, unfinished ? BATCH_COMPLETED : BATCH_STATUS_COUNT);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct batch one;
        read_batch(s, arena, &one);
        if (!each(ctx, &one)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault batches_count(struct batches *b, struct slice application, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db, "SELECT count(*) FROM batch WHERE application = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    fault = statement_step(s, &row, error);
    if (row) *ret = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault batches_uses(struct batches *b, struct slice file, int64_t *ret_unfinished, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db, "SELECT count(*) FROM batch WHERE input_file = ?1 AND status < ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, file);
    statement_bind_i64(s, 2, BATCH_COMPLETED);
    fault = statement_step(s, &row, error);
    if (row) *ret_unfinished = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault batches_forget(struct batches *b, int64_t before_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(b->db, "DELETE FROM batch WHERE status >= ?1 AND ended_us < ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, BATCH_COMPLETED);
    statement_bind_i64(s, 2, before_us);
    return statement_run(s, error);
}

/* ---- lines ---- */

static int64_t line_id(int64_t batch, int64_t line) { return batch << LINE_BITS | line; }

enum fault batches_line_add(struct batches *b, int64_t batch, const struct batch_line *l, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(b->db, "INSERT INTO line(id, at, len, custom_id) VALUES(?1, ?2, ?3, ?4)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, line_id(batch, l->line));
    statement_bind_i64(s, 2, l->at);
    statement_bind_i64(s, 3, l->len);
    statement_bind_text(s, 4, l->custom_id);
    return statement_run(s, error);
}

enum fault batches_line_result(struct batches *b, int64_t batch, int64_t line, enum batch_line_state state, struct slice result,
                               struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(b->db, "UPDATE line SET state = ?2, result = ?3 WHERE id = ?1 AND state = 0", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, line_id(batch, line));
    statement_bind_i64(s, 2, state);
    statement_bind_text(s, 3, result);
    return statement_run(s, error);
}

enum fault batches_lines(struct batches *b, int64_t batch, int64_t after, bool pending, struct arena *arena,
                         bool (*each)(void *ctx, const struct batch_line *l), void *ctx, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db,
                                    "SELECT id, at, len, custom_id, state, result FROM line WHERE id > ?1 AND id < ?2"
                                    " AND (?3 = 0 OR state = 0) ORDER BY id",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, line_id(batch, after));
    statement_bind_i64(s, 2, line_id(batch + 1, 0));
    statement_bind_i64(s, 3, pending);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct batch_line l = {.line = statement_i64(s, 0) & ((1 << LINE_BITS) - 1),
                               .at = statement_i64(s, 1),
                               .len = statement_i64(s, 2),
                               .custom_id = statement_copy(s, 3, arena),
                               .state = statement_i64(s, 4),
                               .result = statement_bytes(s, 5)};
        if (!each(ctx, &l)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault batches_lines_count(struct batches *b, int64_t batch, enum batch_line_state state, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(b->db, "SELECT count(*) FROM line WHERE id > ?1 AND id < ?2 AND state = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, line_id(batch, 0));
    statement_bind_i64(s, 2, line_id(batch + 1, 0));
    statement_bind_i64(s, 3, state);
    fault = statement_step(s, &row, error);
    if (row) *ret = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault batches_lines_drop(struct batches *b, int64_t batch, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(b->db, "DELETE FROM line WHERE id > ?1 AND id < ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, line_id(batch, 0));
    statement_bind_i64(s, 2, line_id(batch + 1, 0));
    return statement_run(s, error);
}
