/* The registry's file and its keys. The audit log is in audit.c. */
#include "store/registry.h"
#include "base/mem.h"
#include "store/files.h"
#include "store/migrate.h"
#include "store/registry_store.h"

struct registry *registry_open(const char *data_dir, struct error *error) {
    enum fault fault = FAULT_NONE;
    if (files_make_dir(data_dir, error) != FAULT_NONE) return NULL;
    struct registry *r = mem_new(struct registry);
    char *path = files_path(data_dir, "registry.db");
    r->db = database_open(path, &(struct database_options){.sync_each = true}, &fault, error);
    if (fault == FAULT_NONE) fault = migrate(r->db, &schema_registry, error);
    mem_free(path);
    if (fault == FAULT_NONE) return r;
    registry_close(r);
    return NULL;
}

enum fault registry_version(struct registry *r, int64_t *ret, struct error *error) {
    return database_number(r->db, "PRAGMA data_version", ret, error);
}

void registry_close(struct registry *r) {
    if (r == NULL) return;
    database_close(r->db);
    mem_free(r);
}

enum fault registry_key_add(struct registry *r, const struct registry_key *key, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "INSERT INTO key(application, name, digest, hint, created_us, created_by, revoked_us)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, key->application);
    statement_bind_text(s, 2, key->name);
    statement_bind_blob(s, 3, slice_make((const char *)key->digest.bytes, sizeof key->digest.bytes));
    statement_bind_text(s, 4, key->hint);
    statement_bind_i64(s, 5, key->created_us);
    statement_bind_text(s, 6, key->created_by);
    statement_bind_i64(s, 7, key->revoked_us);
    fault = statement_run(s, error);
    if (fault == FAULT_CONFLICT && (slice_is_null(key->application) || slice_is_null(key->name)))
        return error_set(error, FAULT_BAD_REQUEST, "a key needs an application and a name");
    if (fault == FAULT_CONFLICT)
        return error_set(error, FAULT_CONFLICT,
                         "application " SLICE_FMT " has a key named " SLICE_FMT ", or this very key exists",
                         SLICE_ARG(key->application), SLICE_ARG(key->name));
    return fault;
}

enum fault registry_key_revoke(struct registry *r, struct slice application, struct slice name,
                               struct slice by, int64_t at_us, struct error *error) {
    struct statement *s;
    /* a second revocation succeeds and leaves the time and the name of the first */
    enum fault fault = statement_of(r->db,
                                    "UPDATE key SET revoked_us = iif(revoked_us = 0, ?3, revoked_us),"
                                    " revoked_by = iif(revoked_us = 0, ?4, revoked_by)"
                                    " WHERE application = ?1 AND name = ?2",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, application);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, at_us);
    statement_bind_text(s, 4, by);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        return error_set(error, FAULT_NOT_FOUND, "application " SLICE_FMT " has no key named " SLICE_FMT,
                         SLICE_ARG(application), SLICE_ARG(name));
    return fault;
}

static enum fault read_keys(struct statement *s, struct arena *arena, struct registry_key *keys, unsigned max,
                            unsigned *ret_n, struct error *error) {
    unsigned n = 0;
    bool row = false;
    enum fault fault = FAULT_NONE;
    while (n < max && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct registry_key *k = &keys[n++];
        struct slice digest = statement_bytes(s, 2);
        if (digest.len != sizeof k->digest.bytes)
            return error_set(error, FAULT_CORRUPT, "registry.db: a key's digest is damaged");
        memcpy(k->digest.bytes, digest.at, digest.len);
        k->application = statement_copy(s, 0, arena);
        k->name = statement_copy(s, 1, arena);
        k->hint = statement_copy(s, 3, arena);
        k->created_us = statement_i64(s, 4);
        k->created_by = statement_copy(s, 5, arena);
        k->revoked_us = statement_i64(s, 6);
    }
    *ret_n = n;
    return fault;
}

enum fault registry_keys(struct registry *r, struct arena *arena, struct registry_key **ret, unsigned *ret_n,
                         struct error *error) {
    struct statement *s = NULL;
    struct registry_key *keys = NULL;
    int64_t count = 0;
    unsigned n = 0;
    enum fault fault = database_begin_read(r->db, error);
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT count(*) FROM key", &count, error);
    if (fault == FAULT_NONE) keys = arena_new_array(arena, struct registry_key, (size_t)count + 1);
    if (fault == FAULT_NONE && keys != NULL)
        fault =
            statement_of(r->db,
                         "SELECT application, name, digest, hint, created_us, created_by, revoked_us FROM key"
                         " ORDER BY application, name",
                         &s, error);
    if (s != NULL) fault = read_keys(s, arena, keys, (unsigned)count, &n, error);
    database_end_read(r->db);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %u keys", n);
    if (fault != FAULT_NONE) return fault;
    *ret = keys;
    *ret_n = n;
    return FAULT_NONE;
}
