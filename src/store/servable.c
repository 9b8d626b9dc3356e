#include "store/servable.h"

#include "store/changes_store.h"

static enum fault read_row(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct change_servable *row = into;
    row->name = statement_copy(s, 0, arena);
    row->version = statement_i64(s, 1);
    row->human = statement_copy(s, 3, arena);
    return read_digest(s, 2, &row->digest, error);
}

enum fault changes_view(struct registry *r, struct error *error) { return database_begin_read(r->db, error); }
void changes_view_end(struct registry *r) { database_end_read(r->db); }

/* The index change_version_served holds all that is read. Older versions that serve are few: each query begins with what points at them
 * (CROSS keeps the order; the planner knows no sizes and begins with the versions otherwise). */
#define ROW "SELECT v.name, v.version, v.digest, v.human FROM "
#define VERSION_OF_SUBJECT " CROSS JOIN change_version v INDEXED BY change_version_served ON v.kind = s.kind AND v.name = s.name AND "
#define SUBJECT_OF(x) " CROSS JOIN change_subject s ON s.kind = " x ".kind AND s.name = " x ".name"
#define NEWEST(wanted) ROW "change_subject s" VERSION_OF_SUBJECT "v.version > s.newest - ?3 WHERE s.kind = ?1" wanted " ORDER BY s.name, v.version DESC"
#define OLDER(wanted)                                                                                                 \
    ROW "change_subject s" VERSION_OF_SUBJECT "v.version = s.production WHERE s.kind = ?1 AND s.production <= s.newest - ?3" wanted " UNION " \
    ROW "change_label l" SUBJECT_OF("l") VERSION_OF_SUBJECT "v.version = l.version WHERE s.kind = ?1 AND l.version <= s.newest - ?3" wanted " UNION " \
    ROW "rollout o" SUBJECT_OF("o") VERSION_OF_SUBJECT "v.version IN (o.candidate, o.control)" \
    " WHERE o.state IN ('progressing', 'paused') AND s.kind = ?1 AND v.version <= s.newest - ?3" wanted " ORDER BY 1, 2 DESC"
#define OF_ALL ""
#define OF_ONE " AND s.name = ?2"
static const char *const newest_of[] = {NEWEST(OF_ALL), NEWEST(OF_ONE)};
static const char *const older_of[] = {OLDER(OF_ALL), OLDER(OF_ONE)};

static enum fault select(struct registry *r, const char *sql, struct slice kind, struct slice name, unsigned newest, struct arena *arena,
                         struct change_servable **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, sql, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    if (!slice_is_null(name)) statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, newest);
    return rows_read(s, arena, sizeof **ret, read_row, (void **)ret, ret_n, error);
}

static int by_name(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int d = memcmp(a.at, b.at, n);
    return d != 0 ? d : (a.len > b.len) - (a.len < b.len);
}

/* Both are by name; what is older comes behind the newest of its name. */
static void merge(const struct change_servable *a, unsigned n_a, const struct change_servable *b, unsigned n_b, struct change_servable *out) {
    unsigned i = 0, j = 0;
    for (unsigned n = 0; n < n_a + n_b; n++)
        out[n] = j == n_b || (i < n_a && by_name(a[i].name, b[j].name) <= 0) ? a[i++] : b[j++];
}

enum fault changes_servable(struct registry *r, struct slice kind, struct slice name, unsigned newest, struct arena *arena,
                            struct change_servable **ret, unsigned *ret_n, struct error *error) {
    struct change_servable *rows = NULL, *old = NULL, *all;
    unsigned n = 0, n_old = 0;
    enum fault fault = select(r, newest_of[!slice_is_null(name)], kind, name, newest, arena, &rows, &n, error);
    if (fault == FAULT_NONE) fault = select(r, older_of[!slice_is_null(name)], kind, name, newest, arena, &old, &n_old, error);
    if (fault != FAULT_NONE) return fault;
    if (n_old > 0) {
        all = arena_new_array(arena, struct change_servable, n + n_old);
        if (all == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for %u versions", n + n_old);
        merge(rows, n, old, n_old, all);
        rows = all;
    }
    *ret = rows;
    *ret_n = n + n_old;
    return FAULT_NONE;
}

enum fault changes_body(struct registry *r, struct slice kind, struct slice name, int64_t version, struct arena *arena, struct slice *ret,
                        struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT body FROM change_version WHERE kind = ?1 AND name = ?2 AND version = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, version);
    fault = statement_step(s, &row, error);
    struct slice body = fault == FAULT_NONE && row ? statement_copy(s, 0, arena) : SLICE_NULL;
    statement_reset(s);
    if (fault == FAULT_NONE && !row)
        return error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no version %lld", SLICE_ARG(name), (long long)version);
    if (fault == FAULT_NONE && slice_is_null(body))
        return error_set(error, FAULT_TOO_LARGE, "no room for " SLICE_FMT "@%lld", SLICE_ARG(name), (long long)version);
    if (fault == FAULT_NONE) *ret = body;
    return fault;
}
