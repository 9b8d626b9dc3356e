#include "store/database.h"
#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_MS = 10000, STATEMENTS = 160, FILE_MODE = 0600, PRAGMA_TEXT = 200 };

struct statement {
    sqlite3_stmt *handle;
    struct database *db;
    const char *literal;
};

struct database {
    sqlite3 *handle;
    char *path;
    const char *name;
    struct statement statements[STATEMENTS];
    unsigned n_statements;
    dev_t device; /* of the file, when it was opened */
    ino_t inode;
    void (*home)(void *ctx, struct database *db);
    void *home_ctx;
};

static enum fault fault_of(int code) {
    switch (code & 0xff) {
    case SQLITE_FULL: return FAULT_NO_SPACE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return FAULT_CORRUPT;
    case SQLITE_CONSTRAINT: return FAULT_CONFLICT;
    default: return FAULT_IO;
    }
}

/* The write-ahead log's index grows apart from what SQLite tells as "full": there it is an I/O error with the system's word. */
static bool is_full(const struct database *db, int code) {
    int system = db->handle != NULL && (code & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(db->handle) : 0;
    return system == ENOSPC || system == EDQUOT;
}

static enum fault failed(const struct database *db, int code, struct error *error) {
    const char *words = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);
    return error_set(error, is_full(db, code) ? FAULT_NO_SPACE : fault_of(code), "%s: %s", db->name, words);
}

/* ---- connections ---- */

/* A path as part of a URI. */
static char *escaped(const char *path) {
    char *out = mem_alloc(3 * strlen(path) + 1), *at = out;
    for (; *path != 0; path++)
        if (*path == '%' || *path == '?' || *path == '#')
            at += snprintf(at, 4, "%%%02x", (unsigned char)*path);
        else *at++ = *path;
    return out;
}

static int open_file(struct database *db, int flags, bool immutable) {
    if (!immutable) return sqlite3_open_v2(db->path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    char *path = escaped(db->path), *uri = sqlite3_mprintf("file:%s?immutable=1", path);
    int code = sqlite3_open_v2(uri, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, NULL);
    sqlite3_free(uri);
    mem_free(path);
    return code;
}

/* SQLite opens lazily: the first read tells. */
static int probe(struct database *db) {
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    return sqlite3_exec(db->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

static bool has_log(const struct database *db) {
    size_t size = strlen(db->path) + sizeof "-wal";
    char *log = mem_alloc(size);
    snprintf(log, size, "%s-wal", db->path);
    bool has = access(log, F_OK) == 0;
    mem_free(log);
    return has;
}

/* Opened for writing where that is allowed, and then held to reading: a connection that may not write leaves
 * its -wal and -shm files behind. */
static int open_read_only(struct database *db) {
    int code = open_file(db, SQLITE_OPEN_READWRITE, false);
    if (code == SQLITE_OK) code = probe(db);
    if (code == SQLITE_OK) return sqlite3_exec(db->handle, "PRAGMA query_only=ON", NULL, NULL, NULL);
    if ((code & 0xff) != SQLITE_CANTOPEN || has_log(db)) return code;
    /* a folder we may not write to, and nobody writing: the file alone is the whole truth */
    sqlite3_close_v2(db->handle);
    db->handle = NULL;
    code = open_file(db, SQLITE_OPEN_READONLY, true);
    return code == SQLITE_OK ? probe(db) : code;
}

static int open_for_writing(struct database *db, const struct database_options *o) {
    char pragmas[PRAGMA_TEXT];
    /* SQLite would make it readable by all. Without a descriptor: to close one lets go of all locks that this process has on the file
     * (POSIX), and the next one to leave would take itself for the last and remove the log that the others write. */
    (void)mknod(db->path, S_IFREG | FILE_MODE, 0);
    int code = open_file(db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, false);
    if (code != SQLITE_OK) return code;
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    snprintf(pragmas, sizeof pragmas,
             "%s PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA wal_autocheckpoint=4000;"
             "PRAGMA journal_size_limit=33554432; PRAGMA foreign_keys=ON;",
             o->erase ? "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA secure_delete=ON;" : "",
             o->sync_each ? "FULL" : "NORMAL");
    /* The change to WAL does not wait for another who is just opening or closing the file: SQLite says busy at once. */
    for (int waited = 0; (code = sqlite3_exec(db->handle, pragmas, NULL, NULL, NULL)) == SQLITE_BUSY && waited < BUSY_MS; waited += 10)
        sqlite3_sleep(10);
    return code == SQLITE_OK ? probe(db) : code;
}

/* A dozen connections are open in a server, most of them idle. SQLite would give each room for 20 pages when it first writes. */
static void take_pages_as_needed(void) { sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0); }

/* 0, 0: there is none. */
static void identify(const char *path, dev_t *ret_device, ino_t *ret_inode) {
    struct stat st;
    bool there = stat(path, &st) == 0;
    *ret_device = there ? st.st_dev : 0;
    *ret_inode = there ? st.st_ino : 0;
}

bool database_is_there(const struct database *db) {
    dev_t device;
    ino_t inode;
    identify(db->path, &device, &inode);
    return inode != 0 && device == db->device && inode == db->inode;
}

struct database *database_open(const char *path, const struct database_options *o, enum fault *ret_fault,
                               struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct database *db = mem_new(struct database);
    (void)pthread_once(&once, take_pages_as_needed);
    db->path = mem_text(path);
    const char *slash = strrchr(db->path, '/');
    db->name = slash != NULL ? slash + 1 : db->path;
    int code = SQLITE_OK;
    if (o->read_only && access(path, F_OK) != 0) {
        *ret_fault = error_set(error, FAULT_NOT_FOUND, "%s does not exist", path);
        goto fail;
    }
    code = o->read_only ? open_read_only(db) : open_for_writing(db, o);
    if (code != SQLITE_OK) {
        *ret_fault = failed(db, code, error);
        goto fail;
    }
    identify(db->path, &db->device, &db->inode);
    return db;
fail:
    database_close(db);
    return NULL;
}

void database_cool(struct database *db) { (void)sqlite3_db_release_memory(db->handle); }

void database_set_home(struct database *db, void (*home)(void *ctx, struct database *db), void *ctx) {
    db->home = home;
    db->home_ctx = ctx;
}

const char *database_path(const struct database *db) {
    return db->path;
}

void database_close(struct database *db) {
    if (db == NULL) return;
    if (db->home != NULL) {
        database_rollback(db);
        db->home(db->home_ctx, db);
        return;
    }
    for (unsigned i = 0; i < db->n_statements; i++) sqlite3_finalize(db->statements[i].handle);
    sqlite3_close_v2(db->handle);
    mem_free(db->path);
    mem_free(db);
}

const char *database_name(const struct database *db) {
    return db->name;
}

enum fault database_exec(struct database *db, const char *sql, struct error *error) {
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? FAULT_NONE : failed(db, code, error);
}

enum fault database_number(struct database *db, const char *literal, int64_t *ret, struct error *error) {
    struct statement *s = NULL;
    bool row = false;
    enum fault fault = statement_of(db, literal, &s, error);
    if (fault != FAULT_NONE || s == NULL) return fault;
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) *ret = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault database_begin(struct database *db, struct error *error) {
    return database_exec(db, "BEGIN IMMEDIATE", error);
}
enum fault database_begin_read(struct database *db, struct error *error) {
    return database_exec(db, "BEGIN", error);
}
enum fault database_commit(struct database *db, struct error *error) {
    return database_exec(db, "COMMIT", error);
}

void database_rollback(struct database *db) {
    for (unsigned i = 0; i < db->n_statements; i++) statement_reset(&db->statements[i]);
    if (!sqlite3_get_autocommit(db->handle)) sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

bool database_in_transaction(const struct database *db) {
    return !sqlite3_get_autocommit(db->handle);
}

void database_vacuum(struct database *db) {
    sqlite3_exec(db->handle, "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);", NULL, NULL, NULL);
}

int64_t database_changes(const struct database *db) {
    return sqlite3_changes64(db->handle);
}

/* ---- statements ---- */

enum fault statement_of(struct database *db, const char *literal, struct statement **ret,
                        struct error *error) {
    for (unsigned i = 0; i < db->n_statements; i++)
        if (db->statements[i].literal == literal) {
            *ret = &db->statements[i];
            return FAULT_NONE;
        }
    if (db->n_statements == STATEMENTS)
        return error_set(error, FAULT_INTERNAL, "%s: more than %d statements", db->name, STATEMENTS);
    struct statement s = {NULL, db, literal};
    int code = sqlite3_prepare_v3(db->handle, literal, -1, SQLITE_PREPARE_PERSISTENT, &s.handle, NULL);
    if (code != SQLITE_OK) return failed(db, code, error);
    db->statements[db->n_statements] = s;
    *ret = &db->statements[db->n_statements++];
    return FAULT_NONE;
}

void statement_bind_i64(struct statement *s, int at, int64_t value) {
    sqlite3_bind_int64(s->handle, at, value);
}

void statement_bind_f64(struct statement *s, int at, double value) {
    if (isnan(value)) sqlite3_bind_null(s->handle, at);
    else sqlite3_bind_double(s->handle, at, value);
}

void statement_bind_text(struct statement *s, int at, struct slice value) {
    if (slice_is_null(value)) sqlite3_bind_null(s->handle, at);
    else sqlite3_bind_text64(s->handle, at, value.at, value.len, SQLITE_STATIC, SQLITE_UTF8);
}

void statement_bind_blob(struct statement *s, int at, struct slice value) {
    if (slice_is_null(value)) sqlite3_bind_null(s->handle, at);
    else if (value.len == 0) sqlite3_bind_zeroblob(s->handle, at, 0);
    else sqlite3_bind_blob64(s->handle, at, value.at, value.len, SQLITE_STATIC);
}

enum fault statement_step(struct statement *s, bool *ret_row, struct error *error) {
    int code = sqlite3_step(s->handle);
    if (code != SQLITE_ROW && code != SQLITE_DONE) return failed(s->db, code, error);
    *ret_row = code == SQLITE_ROW;
    return FAULT_NONE;
}

enum fault statement_run(struct statement *s, struct error *error) {
    bool row;
    enum fault fault = statement_step(s, &row, error);
    statement_reset(s);
    return fault;
}

void statement_reset(struct statement *s) {
    if (s == NULL) return;
    sqlite3_reset(s->handle);
    sqlite3_clear_bindings(s->handle);
}

int64_t statement_i64(struct statement *s, int column) {
    return sqlite3_column_int64(s->handle, column);
}
double statement_f64(struct statement *s, int column) {
    return statement_is_null(s, column) ? NAN : sqlite3_column_double(s->handle, column);
}
bool statement_is_null(struct statement *s, int column) {
    return sqlite3_column_type(s->handle, column) == SQLITE_NULL;
}

struct slice statement_bytes(struct statement *s, int column) {
    if (statement_is_null(s, column)) return SLICE_NULL;
    const char *at = sqlite3_column_blob(s->handle, column);
    return slice_make(at != NULL ? at : "", (size_t)sqlite3_column_bytes(s->handle, column));
}

struct slice statement_copy(struct statement *s, int column, struct arena *arena) {
    return arena_slice(arena, statement_bytes(s, column));
}
