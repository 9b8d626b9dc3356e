/* database.h - a thin face over SQLite: the only file that includes sqlite3.h. Private to store/.
 *
 * A connection belongs to one thread at a time. Statements are compiled once per connection and SQL text,
 * found again by the address of the text (always a literal), and live as long as the connection. Use:
 *
 *     struct statement *s;
 *     bool row = false;
 *     enum fault f = statement_of(db, "SELECT a FROM t WHERE b = ?1", &s, error);
 *     if (f != FAULT_NONE) return f;
 *     statement_bind_i64(s, 1, b);
 *     f = statement_step(s, &row, error);
 *     if (f == FAULT_NONE && row) a = statement_i64(s, 0);
 *     statement_reset(s);
 *
 * Every statement_of is paired with statement_reset before the next statement_of of the same text.
 * Faults: NO_SPACE (disk full), CORRUPT, CONFLICT (a constraint), NOT_FOUND (no such file), IO. The error's
 * text begins with the file's name. */
#ifndef STORE_DATABASE_H
#define STORE_DATABASE_H

#include "base/arena.h"
#include "base/fault.h"

struct database;
struct statement;

struct database_options {
    bool read_only;
    bool sync_each; /* a commit is on the disk when it returns; otherwise a power failure may take the last */
    bool erase;     /* deleted content is overwritten and its space can be given back (database_vacuum) */
};

struct database *database_open(const char *path, const struct database_options *o, enum fault *ret_fault,
                               struct error *error) MUST_CHECK;
void database_close(struct database *db);             /* accepts NULL */
/* Closing it hands it to `home` instead, without a transaction; home closes it for good, having set NULL. */
void database_set_home(struct database *db, void (*home)(void *ctx, struct database *db), void *ctx);
void database_cool(struct database *db); /* its pages leave memory; its schema and statements stay */
const char *database_path(const struct database *db);
bool database_is_there(const struct database *db);    /* its name leads to the file that it was opened on */
const char *database_name(const struct database *db); /* the file's name without its folder */

enum fault database_exec(struct database *db, const char *sql, struct error *error) MUST_CHECK;
/* The first row's first column; unchanged when there is no row. The text is a literal, as of statement_of. */
enum fault database_number(struct database *db, const char *literal, int64_t *ret,
                           struct error *error) MUST_CHECK;
int64_t database_changes(const struct database *db);

/* For writing, at once; or one consistent view until database_end_read. After a failed commit the transaction
 * is still open: roll back. Rolling back without a transaction does nothing. */
enum fault database_begin(struct database *db, struct error *error) MUST_CHECK;
enum fault database_begin_read(struct database *db, struct error *error) MUST_CHECK;
enum fault database_commit(struct database *db, struct error *error) MUST_CHECK;
void database_rollback(struct database *db);
bool database_in_transaction(const struct database *db);
static inline void database_end_read(struct database *db) {
    database_rollback(db);
}
/* After deletions with `erase`: gives space back, empties the write-ahead log. Best effort. */
void database_vacuum(struct database *db);

enum fault statement_of(struct database *db, const char *literal, struct statement **ret,
                        struct error *error) MUST_CHECK;
/* Texts and blobs are borrowed until the reset; SLICE_NULL is NULL. */
void statement_bind_i64(struct statement *s, int at, int64_t value);
void statement_bind_f64(struct statement *s, int at, double value); /* NAN is NULL */
void statement_bind_text(struct statement *s, int at, struct slice value);
void statement_bind_blob(struct statement *s, int at, struct slice value);
enum fault statement_step(struct statement *s, bool *ret_row, struct error *error) MUST_CHECK;
enum fault statement_run(struct statement *s, struct error *error) MUST_CHECK; /* a step, then a reset */
void statement_reset(struct statement *s);                                    /* accepts NULL */

/* Columns of the row, from 0. statement_bytes is borrowed until the next step; NULL is SLICE_NULL. */
int64_t statement_i64(struct statement *s, int column);
double statement_f64(struct statement *s, int column); /* NULL is NAN */
bool statement_is_null(struct statement *s, int column);
struct slice statement_bytes(struct statement *s, int column);
struct slice statement_copy(struct statement *s, int column, struct arena *arena);

#endif
