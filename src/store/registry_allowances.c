#include "store/registry_allowances.h"

#include "store/registry_store.h"

static enum fault put(struct registry *r, const struct registry_allowance *a, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "INSERT OR REPLACE INTO allowance(kind, name, body, set_us, set_by, reason)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, a->kind);
    statement_bind_text(s, 2, a->name);
    statement_bind_text(s, 3, a->body);
    statement_bind_i64(s, 4, a->set_us);
    statement_bind_text(s, 5, a->set_by);
    statement_bind_text(s, 6, a->reason);
    return statement_run(s, error);
}

static enum fault take_out(struct registry *r, const struct registry_allowance *a, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "DELETE FROM allowance WHERE kind = ?1 AND name = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, a->kind);
    statement_bind_text(s, 2, a->name);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        return error_set(error, FAULT_NOT_FOUND, "the registry has no " SLICE_FMT " `" SLICE_FMT "`",
                         SLICE_ARG(a->kind), SLICE_ARG(a->name));
    return fault;
}

enum fault registry_allowances_change(struct registry *r, const struct registry_allowance *changes,
                                      const struct audit_entry *entries, unsigned n, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    for (unsigned i = 0; i < n && fault == FAULT_NONE; i++) {
        fault = slice_is_null(changes[i].body) ? take_out(r, &changes[i], error) : put(r, &changes[i], error);
        if (fault == FAULT_NONE) fault = audit_append(r, &entries[i], error);
    }
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

enum fault registry_allowances(struct registry *r, struct arena *arena, struct registry_allowance **ret,
                               unsigned *ret_n, struct error *error) {
    struct statement *s = NULL;
    struct registry_allowance *all = NULL;
    int64_t count = 0;
    unsigned n = 0;
    bool row = false;
    enum fault fault = database_begin_read(r->db, error);
    if (fault == FAULT_NONE) fault = database_number(r->db, "SELECT count(*) FROM allowance", &count, error);
    if (fault == FAULT_NONE) all = arena_new_array(arena, struct registry_allowance, (size_t)count + 1);
    if (all != NULL)
        fault = statement_of(r->db,
                             "SELECT kind, name, body, set_us, set_by, reason FROM allowance"
                             " ORDER BY kind, name",
                             &s, error);
    while (s != NULL && n < count && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        all[n++] = (struct registry_allowance){
            .kind = statement_copy(s, 0, arena),   .name = statement_copy(s, 1, arena),
            .body = statement_copy(s, 2, arena),   .set_us = statement_i64(s, 3),
            .set_by = statement_copy(s, 4, arena), .reason = statement_copy(s, 5, arena)};
    statement_reset(s);
    database_end_read(r->db);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %u budgets, limits and approvals", n);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

/* ===== secrets ===== */

static enum fault find_secret(struct registry *r, const char *name, uint8_t ret[DIGEST_KEY], bool *ret_found,
                              struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "SELECT bytes FROM secret WHERE name = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, slice_of(name));
    fault = statement_step(s, ret_found, error);
    if (fault == FAULT_NONE && *ret_found) {
        struct slice bytes = statement_bytes(s, 0);
        if (bytes.len == DIGEST_KEY) memcpy(ret, bytes.at, DIGEST_KEY);
        else fault = error_set(error, FAULT_CORRUPT, "registry.db: the secret %s is damaged", name);
    }
    statement_reset(s);
    return fault;
}

enum fault registry_secret(struct registry *r, const char *name, uint8_t ret[DIGEST_KEY],
                           struct error *error) {
    uint8_t fresh[DIGEST_KEY];
    struct statement *s;
    bool found = false;
    enum fault fault = find_secret(r, name, ret, &found, error);
    if (fault != FAULT_NONE || found) return fault;
    digest_random(fresh, sizeof fresh);
    /* another process may have been faster: what is there stays, and is read */
    fault = statement_of(r->db, "INSERT OR IGNORE INTO secret(name, bytes) VALUES(?1, ?2)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, slice_of(name));
    statement_bind_blob(s, 2, slice_make((const char *)fresh, sizeof fresh));
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? find_secret(r, name, ret, &found, error) : fault;
}
