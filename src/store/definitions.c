/* See definitions.h. */
#include "store/definitions.h"

#include "store/evaluations_store.h"

#define COLUMNS "number, kind, name, version, digest, body, registered, at_us, by, why, ticket, removed_us"
/* The newest registered one: at_us grows within a name, whatever the clock does. */
#define IS_CURRENT " registered = 1 AND removed_us = 0"

enum { LEAST_HEX = 8 };

static enum fault read_row(struct statement *s, struct arena *arena, bool with_body, struct definition *ret, struct error *error) {
    struct slice digest = statement_bytes(s, 4);
    *ret = (struct definition){.number = statement_i64(s, 0),
                               .kind = statement_copy(s, 1, arena),
                               .name = statement_copy(s, 2, arena),
                               .version = statement_i64(s, 3),
                               .registered = statement_i64(s, 6) != 0,
                               .at_us = statement_i64(s, 7),
                               .by = statement_copy(s, 8, arena),
                               .why = statement_copy(s, 9, arena),
                               .ticket = statement_copy(s, 10, arena),
                               .removed_us = statement_i64(s, 11)};
    ret->body = with_body ? statement_copy(s, 5, arena) : statement_bytes(s, 5);
    if (digest.len != DIGEST_BYTES) return error_set(error, FAULT_CORRUPT, "evaluations.db: a definition's digest is damaged");
    memcpy(ret->digest.bytes, digest.at, DIGEST_BYTES);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for a definition of %zu bytes", ret->body.len);
    return FAULT_NONE;
}

/* ---- adding ---- */

struct former {
    int64_t number, version; /* 0: none */
    bool current;
};

static enum fault former_of(struct evaluations *e, const struct definition *d, struct former *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    *ret = (struct former){0};
    enum fault fault = statement_of(e->db,
                                    "SELECT number, version, number = (SELECT number FROM definition WHERE kind = ?1 AND name = ?2 AND" IS_CURRENT
                                    " ORDER BY at_us DESC LIMIT 1) FROM definition WHERE kind = ?1 AND name = ?2 AND digest = ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, d->kind);
    statement_bind_text(s, 2, d->name);
    statement_bind_blob(s, 3, slice_make((const char *)d->digest.bytes, DIGEST_BYTES));
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) *ret = (struct former){statement_i64(s, 0), statement_i64(s, 1), statement_i64(s, 2) == 1};
    statement_reset(s);
    return fault;
}

static enum fault last_of(struct evaluations *e, const struct definition *d, int64_t *ret_version, int64_t *ret_at_us, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT ifnull(max(version), 0), ifnull(max(at_us), 0) FROM definition WHERE kind = ?1 AND name = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, d->kind);
    statement_bind_text(s, 2, d->name);
    fault = statement_step(s, &row, error);
    *ret_version = statement_i64(s, 0);
    *ret_at_us = statement_i64(s, 1);
    statement_reset(s);
    return fault;
}

static void bind_origin(struct statement *s, const struct definition *d) {
    statement_bind_i64(s, 1, d->at_us);
    statement_bind_text(s, 2, d->by);
    statement_bind_text(s, 3, d->why);
    statement_bind_text(s, 4, d->ticket);
}

static enum fault insert(struct evaluations *e, const struct definition *d, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO definition(at_us, by, why, ticket, kind, name, version, digest, body, registered)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_origin(s, d);
    statement_bind_text(s, 5, d->kind);
    statement_bind_text(s, 6, d->name);
    statement_bind_i64(s, 7, d->version);
    statement_bind_blob(s, 8, slice_make((const char *)d->digest.bytes, DIGEST_BYTES));
    statement_bind_text(s, 9, d->body);
    statement_bind_i64(s, 10, d->registered);
    return statement_run(s, error);
}

static enum fault make_current(struct evaluations *e, const struct definition *d, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        e->db, "UPDATE definition SET at_us = ?1, by = ?2, why = ?3, ticket = ?4, registered = 1, removed_us = 0 WHERE number = ?5", &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_origin(s, d);
    statement_bind_i64(s, 5, d->number);
    return statement_run(s, error);
}

static enum fault put(struct evaluations *e, struct definition *d, bool *ret_new, struct error *error) {
    struct former former;
    int64_t version = 0, at_us = 0;
    enum fault fault = former_of(e, d, &former, error);
    if (fault == FAULT_NONE) fault = last_of(e, d, &version, &at_us, error);
    if (fault != FAULT_NONE) return fault;
    if (d->at_us <= at_us) d->at_us = at_us + 1;
    *ret_new = former.number == 0;
    d->number = former.number;
    d->version = former.number != 0 ? former.version : version + 1;
    if (former.number != 0) return d->registered && !former.current ? make_current(e, d, error) : FAULT_NONE;
    fault = insert(e, d, error);
    if (fault == FAULT_NONE) fault = former_of(e, d, &former, error);
    if (fault == FAULT_NONE) d->number = former.number;
    return fault;
}

enum fault definition_put(struct evaluations *e, struct definition *d, bool *ret_new, struct error *error) {
    struct definition copy = *d;
    bool fresh = false;
    enum fault fault = database_begin(e->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = put(e, &copy, &fresh, error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) {
        database_rollback(e->db);
        return fault;
    }
    *d = copy;
    *ret_new = fresh;
    return FAULT_NONE;
}

/* ---- finding ---- */

static bool is_hex(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || ((s.at[i] | 32) >= 'a' && (s.at[i] | 32) <= 'f'))) return false;
    return s.len >= LEAST_HEX && s.len <= 2 * (size_t)DIGEST_BYTES;
}

static enum fault not_found(struct evaluations *e, struct slice kind, struct slice name, struct slice which, struct error *error) {
    struct statement *s;
    char best[LIMIT_LABEL + 1] = "";
    unsigned nearest = (unsigned)name.len / 3 + 2;
    bool row = false, known = false;
    enum fault fault = statement_of(e->db, "SELECT DISTINCT name FROM definition WHERE kind = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    while (statement_step(s, &row, NULL) == FAULT_NONE && row) {
        struct slice other = statement_bytes(s, 0);
        unsigned d = slice_distance(name, other);
        known = known || slice_eq(name, other);
        if (d == 0 || d >= nearest || other.len >= sizeof best) continue;
        nearest = d;
        memcpy(best, other.at, other.len);
        best[other.len] = 0;
    }
    statement_reset(s);
    if (known)
        return error_set(error, FAULT_NOT_FOUND, which.len > 0 ? "the " SLICE_FMT " `" SLICE_FMT "` has no version " SLICE_FMT : "the " SLICE_FMT " `" SLICE_FMT "` is not registered now" SLICE_FMT,
                         SLICE_ARG(kind), SLICE_ARG(name), SLICE_ARG(which));
    return error_set(error, FAULT_NOT_FOUND, "no " SLICE_FMT " `" SLICE_FMT "`%s%s%s", SLICE_ARG(kind), SLICE_ARG(name), best[0] ? "; did you mean `" : "", best,
                     best[0] ? "`?" : "");
}

enum fault definition_find(struct evaluations *e, struct slice kind, struct slice name, struct slice which, struct arena *arena,
                           struct definition *ret, struct error *error) {
    static const char *const by[] = {
        "SELECT " COLUMNS " FROM definition WHERE kind = ?1 AND name = ?2 AND ?3 IS ?3 AND" IS_CURRENT " ORDER BY at_us DESC LIMIT 1",
        "SELECT " COLUMNS " FROM definition WHERE kind = ?1 AND name = ?2 AND version = CAST(?3 AS INTEGER)",
        "SELECT " COLUMNS " FROM definition WHERE kind = ?1 AND name = ?2 AND substr(lower(hex(digest)), 1, length(?3)) = lower(?3) ORDER BY number DESC LIMIT 1",
    };
    struct statement *s;
    struct definition d;
    bool row = false;
    uint64_t version;
    int how = which.len == 0 ? 0 : is_hex(which) ? 2 : slice_to_u64(which, &version) ? 1 : -1;
    if (how < 0)
        return error_set(error, FAULT_BAD_REQUEST, "version: expected a number, or %d digits or more of a digest, found \"" SLICE_FMT "\"", LEAST_HEX, SLICE_ARG(which));
    enum fault fault = statement_of(e->db, by[how], &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_text(s, 3, which);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) fault = read_row(s, arena, true, &d, error);
    statement_reset(s);
    if (fault == FAULT_NONE && !row) return not_found(e, kind, name, which, error);
    if (fault == FAULT_NONE) *ret = d;
    return fault;
}

enum fault definition_list(struct evaluations *e, struct slice kind, struct slice name, struct arena *arena,
                           bool (*each)(void *ctx, const struct definition *d), void *ctx, struct error *error) {
    static const char *const of[] = {
        "SELECT " COLUMNS " FROM definition d WHERE kind = ?1 AND ?2 IS ?2 AND" IS_CURRENT
        " AND at_us = (SELECT max(at_us) FROM definition WHERE kind = d.kind AND name = d.name AND" IS_CURRENT ") ORDER BY name",
        "SELECT " COLUMNS " FROM definition WHERE kind = ?1 AND name = ?2 ORDER BY version DESC",
    };
    struct statement *s;
    struct definition d;
    bool row = true;
    enum fault fault = statement_of(e->db, of[name.len > 0], &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    while (fault == FAULT_NONE && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        fault = read_row(s, arena, false, &d, error);
        if (fault == FAULT_NONE && !each(ctx, &d)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault definition_remove(struct evaluations *e, struct slice kind, struct slice name, int64_t at_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "UPDATE definition SET removed_us = ?3 WHERE kind = ?1 AND name = ?2 AND" IS_CURRENT, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, at_us > 0 ? at_us : 1);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(e->db) == 0) return not_found(e, kind, name, SLICE_NULL, error);
    return fault;
}
