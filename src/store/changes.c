/* Reading versions, subjects, approvals and labels. Changing them: changes_commit.c. */
#include "store/changes.h"

#include "base/buffer.h"
#include "base/json.h"
#include "base/money.h"
#include "store/changes_store.h"

#include <stdio.h>

enum { LEAST_HEX = 8, FIRST_ROWS = 8, TOLD = 300 };

#define SUBJECT "kind, name, revision, newest, production, launched, changed_us, changed_by, changed_how"
#define COLUMNS COLUMNS_WITH("body")
#define COLUMNS_WITH(body)                                                                                            \
    "kind, name, version, digest, " body ", human, state, state_by, state_why, state_us, parent, class_computed, class_raised, author," \
    " applied_by, why, ticket, commit_id, owner, created_us, tokens, cost_nano, facts, gate"

static const char *const states[] = {
#define STATE(symbol, name) name,
    VERSION_STATE_TABLE(STATE)
#undef STATE
};
const char *version_state_name(enum version_state s) { return states[s]; }

bool version_state_from(struct slice name, enum version_state *ret) {
    for (unsigned i = 0; i < VERSION_STATES; i++)
        if (slice_is(name, states[i])) {
            *ret = (enum version_state)i;
            return true;
        }
    return false;
}

/* ---- shared ---- */

enum fault rows_read(struct statement *s, struct arena *arena, size_t size, rows_read_one *read, void **ret, unsigned *ret_n,
                     struct error *error) {
    size_t room = FIRST_ROWS, n = 0;
    char *rows = arena_alloc(arena, room * size);
    bool row = true;
    enum fault fault = FAULT_NONE;
    while (fault == FAULT_NONE && rows != NULL && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        if (n == room) {
            rows = arena_resize(arena, rows, room * size, 2 * room * size);
            if (rows == NULL) break;
            room *= 2;
        }
        memset(rows + n * size, 0, size);
        fault = read(s, arena, rows + n++ * size, error);
    }
    statement_reset(s);
    if (fault == FAULT_NONE && (rows == NULL || arena_is_full(arena))) fault = error_set(error, FAULT_TOO_LARGE, "no room for %zu rows of the registry", n + 1);
    if (fault != FAULT_NONE) return fault;
    *ret = rows;
    *ret_n = (unsigned)n;
    return FAULT_NONE;
}

enum fault read_digest(struct statement *s, int column, struct digest *ret, struct error *error) {
    struct slice bytes = statement_bytes(s, column);
    if (bytes.len != DIGEST_BYTES) return error_set(error, FAULT_CORRUPT, "registry.db: a version's digest is damaged");
    memcpy(ret->bytes, bytes.at, DIGEST_BYTES);
    return FAULT_NONE;
}

void changes_time(int64_t wall_us, char out[CLOCK_TEXT]) {
    enum { SECONDS = 19 };
    clock_format(wall_us, out);
    memcpy(out + SECONDS, "Z", sizeof "Z");
}

enum fault changes_no_subject(struct registry *r, struct slice kind, struct slice name, struct error *error) {
    struct statement *s;
    char best[LIMIT_LABEL + 1] = "";
    unsigned nearest = (unsigned)name.len / 3 + 2;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT name FROM change_subject WHERE kind = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    while (statement_step(s, &row, NULL) == FAULT_NONE && row) {
        struct slice other = statement_bytes(s, 0);
        unsigned d = slice_distance(name, other);
        if (d >= nearest || other.len >= sizeof best) continue;
        nearest = d;
        memcpy(best, other.at, other.len);
        best[other.len] = 0;
    }
    statement_reset(s);
    return error_set(error, FAULT_NOT_FOUND, "no %s `" SLICE_FMT "`%s%s%s", slice_is(kind, "knowledge") ? "knowledge base" : "prompt",
                     SLICE_ARG(name), best[0] ? "; did you mean `" : "", best, best[0] ? "`?" : "");
}

/* ---- subjects ---- */

static enum fault read_subject(struct statement *s, struct arena *arena, void *row, struct error *error) {
    struct change_subject *ret = row;
    (void)error;
    *ret = (struct change_subject){.kind = statement_copy(s, 0, arena),
                                   .name = statement_copy(s, 1, arena),
                                   .revision = (uint64_t)statement_i64(s, 2),
                                   .newest = statement_i64(s, 3),
                                   .production = statement_i64(s, 4),
                                   .launched = statement_i64(s, 5),
                                   .changed_us = statement_i64(s, 6),
                                   .changed_by = statement_copy(s, 7, arena),
                                   .changed_how = statement_copy(s, 8, arena)};
    return FAULT_NONE;
}

enum fault changes_subjects(struct registry *r, struct slice kind, struct arena *arena, struct change_subject **ret, unsigned *ret_n,
                            struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "SELECT " SUBJECT " FROM change_subject WHERE kind = ?1 ORDER BY name", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    return rows_read(s, arena, sizeof **ret, read_subject, (void **)ret, ret_n, error);
}

enum fault changes_subject(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct change_subject *ret,
                           struct error *error) {
    struct statement *s;
    struct change_subject *rows;
    unsigned n = 0;
    enum fault fault = statement_of(r->db, "SELECT " SUBJECT " FROM change_subject WHERE kind = ?1 AND name = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    fault = rows_read(s, arena, sizeof *rows, read_subject, (void **)&rows, &n, error);
    if (fault == FAULT_NONE && n == 0) return changes_no_subject(r, kind, name, error);
    if (fault == FAULT_NONE) *ret = rows[0];
    return fault;
}

/* ---- versions ---- */

static enum fault read_version(struct statement *s, struct arena *arena, void *row, struct error *error) {
    struct change_version *v = row;
    struct slice *texts[] = {&v->author, &v->applied_by, &v->why, &v->ticket, &v->commit, &v->owner};
    v->kind = statement_copy(s, 0, arena);
    v->name = statement_copy(s, 1, arena);
    v->version = statement_i64(s, 2);
    v->body = statement_copy(s, 4, arena);
    v->human = statement_copy(s, 5, arena);
    if (!version_state_from(statement_bytes(s, 6), &v->state)) return error_set(error, FAULT_CORRUPT, "registry.db: a version's state is damaged");
    v->state_by = statement_copy(s, 7, arena);
    v->state_why = statement_copy(s, 8, arena);
    v->state_us = statement_i64(s, 9);
    v->parent = statement_i64(s, 10);
    v->class_computed = (int)statement_i64(s, 11);
    v->class_raised = (int)statement_i64(s, 12);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++) *texts[i] = statement_copy(s, 13 + i, arena);
    v->created_us = statement_i64(s, 19);
    v->tokens = statement_is_null(s, 20) ? -1 : statement_i64(s, 20);
    v->cost_nano = statement_is_null(s, 21) ? MONEY_UNKNOWN : statement_i64(s, 21);
    v->facts = statement_copy(s, 22, arena);
    v->gate = statement_copy(s, 23, arena);
    return read_digest(s, 3, &v->digest, error);
}

enum fault changes_versions(struct registry *r, struct slice kind, struct slice name, unsigned limit, struct arena *arena,
                            struct change_version **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "SELECT " COLUMNS " FROM change_version WHERE kind = ?1 AND name = ?2 ORDER BY version DESC LIMIT ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, limit == 0 ? -1 : (int64_t)limit);
    return rows_read(s, arena, sizeof **ret, read_version, (void **)ret, ret_n, error);
}

enum fault changes_heads_page(struct registry *r, struct slice kind, struct slice name, int64_t before, unsigned limit, struct arena *arena,
                              struct change_version **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT " COLUMNS_WITH("NULL") " FROM change_version WHERE kind = ?1 AND name = ?2 AND version < ?3"
                                    " ORDER BY version DESC LIMIT ?4",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, before > 0 ? before : INT64_MAX);
    statement_bind_i64(s, 4, limit == 0 ? -1 : (int64_t)limit);
    return rows_read(s, arena, sizeof **ret, read_version, (void **)ret, ret_n, error);
}

enum fault changes_heads(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                         struct error *error) {
    return changes_heads_page(r, kind, name, 0, 0, arena, ret, ret_n, error);
}

#define GLANCE(v)                                                                                                     \
    v "kind, " v "name, " v "version, " v "digest, NULL, " v "human, " v "state, " v "state_by, " v "state_why, " v "state_us, " v "parent, " \
    v "class_computed, " v "class_raised, " v "author, " v "applied_by, " v "why, " v "ticket, " v "commit_id, " v "owner, " v "created_us, "  \
    v "tokens, " v "cost_nano, NULL, NULL"
static const char current[] = "SELECT " GLANCE("v.") " FROM change_subject s JOIN change_version v ON v.kind = s.kind AND v.name = s.name"
                              " AND v.version IN (s.newest, s.production) WHERE s.kind = ?1"
                              " UNION SELECT " GLANCE("") " FROM change_version WHERE kind = ?1"
                              " AND state IN ('in review', 'evaluated', 'shadow', 'canary') ORDER BY 2, 3 DESC";

enum fault changes_current(struct registry *r, struct slice kind, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                           struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, current, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    return rows_read(s, arena, sizeof **ret, read_version, (void **)ret, ret_n, error);
}

static const char versions_in_states[] = "SELECT " COLUMNS " FROM change_version WHERE state IN (SELECT value FROM json_each(?1))"
                                         " ORDER BY kind, name, version";

enum fault changes_in_states(struct registry *r, unsigned wanted, struct arena *arena, struct change_version **ret, unsigned *ret_n,
                             struct error *error) {
    struct statement *s;
    struct buffer names;
    struct json_writer w;
    buffer_init(&names, TOLD);
    json_start(&w, &names);
    json_array(&w);
    for (unsigned i = 0; i < VERSION_STATES; i++)
        if (wanted >> i & 1) json_put_text(&w, states[i]);
    json_array_end(&w);
    enum fault fault = statement_of(r->db, versions_in_states, &s, error);
    if (fault == FAULT_NONE) {
        statement_bind_text(s, 1, buffer_slice(&names));
        fault = rows_read(s, arena, sizeof **ret, read_version, (void **)ret, ret_n, error);
    }
    buffer_deinit(&names);
    return fault;
}

/* ---- one version, by whatever it is called ---- */

static bool is_hex(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= '0' && s.at[i] <= '9') || ((s.at[i] | 32) >= 'a' && (s.at[i] | 32) <= 'f'))) return false;
    return s.len >= LEAST_HEX && s.len <= 2 * (size_t)DIGEST_BYTES;
}

/* In this order (changes.h). */
#define OF " FROM change_version WHERE kind = ?1 AND name = ?2 AND "
static const char by_number[] = "SELECT " COLUMNS OF "version = CAST(?3 AS INTEGER)";
static const char by_human[] = "SELECT " COLUMNS OF "human = ?3";
static const char by_digest[] = "SELECT " COLUMNS OF "substr(lower(hex(digest)), 1, length(?3)) = lower(?3) ORDER BY version LIMIT 2";
static const char by_label[] = "SELECT " COLUMNS OF "version = (SELECT version FROM change_label WHERE kind = ?1 AND name = ?2 AND label = ?3)";

static enum fault find_by(struct registry *r, const char *sql, const struct change_subject *of, struct slice which, struct arena *arena,
                          struct change_version *ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    struct change_version *rows;
    enum fault fault = statement_of(r->db, sql, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, of->kind);
    statement_bind_text(s, 2, of->name);
    statement_bind_text(s, 3, which);
    fault = rows_read(s, arena, sizeof *rows, read_version, (void **)&rows, ret_n, error);
    if (fault == FAULT_NONE && *ret_n > 0) *ret = rows[0];
    return fault;
}

/* "; it has 1 to 4, v1.0.0, v1.1.0, staging": what could have been meant. */
static void tell_versions(struct registry *r, const struct change_subject *of, struct buffer *out) {
    struct statement *s;
    bool row = false;
    buffer_printf(out, "it has %s%lld", of->newest > 1 ? "1 to " : "version ", (long long)of->newest);
    if (statement_of(r->db,
                     "SELECT human FROM (SELECT human FROM change_version WHERE kind = ?1 AND name = ?2 AND human IS NOT NULL"
                     " ORDER BY version DESC LIMIT 4) UNION ALL SELECT label FROM change_label WHERE kind = ?1 AND name = ?2",
                     &s, NULL) != FAULT_NONE)
        return;
    statement_bind_text(s, 1, of->kind);
    statement_bind_text(s, 2, of->name);
    while (out->len < TOLD && statement_step(s, &row, NULL) == FAULT_NONE && row)
        buffer_printf(out, ", " SLICE_FMT, SLICE_ARG(statement_bytes(s, 0)));
    statement_reset(s);
}

static enum fault no_version(struct registry *r, const struct change_subject *of, struct slice which, struct error *error) {
    struct buffer told;
    buffer_init(&told, LIMIT_ERROR_TEXT + TOLD);
    tell_versions(r, of, &told);
    enum fault fault = which.len == 0 || slice_is(which, "production")
                           ? error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no version in production yet; %s", SLICE_ARG(of->name), buffer_text(&told))
                           : error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no version `" SLICE_FMT "`; %s", SLICE_ARG(of->name),
                                       SLICE_ARG(which), buffer_text(&told));
    buffer_deinit(&told);
    return fault;
}

static enum fault find(struct registry *r, const struct change_subject *of, struct slice which, struct arena *arena, struct change_version *ret,
                       struct error *error) {
    uint64_t number;
    unsigned n = 0;
    enum fault fault = FAULT_NONE;
    if (which.len == 0 || slice_is(which, "production")) {
        char text[24];
        if (of->production == 0) return no_version(r, of, which, error);
        snprintf(text, sizeof text, "%lld", (long long)of->production);
        fault = find_by(r, by_number, of, slice_of(text), arena, ret, &n, error);
        return fault == FAULT_NONE && n == 0 ? no_version(r, of, which, error) : fault;
    }
    if (slice_to_u64(which, &number)) fault = find_by(r, by_number, of, which, arena, ret, &n, error);
    if (fault == FAULT_NONE && n == 0) fault = find_by(r, by_human, of, which, arena, ret, &n, error);
    if (fault == FAULT_NONE && n == 0 && is_hex(which)) fault = find_by(r, by_digest, of, which, arena, ret, &n, error);
    if (fault == FAULT_NONE && n == 2)
        return error_set(error, FAULT_BAD_REQUEST, "more than one version of " SLICE_FMT " begins with " SLICE_FMT ": give more digits",
                         SLICE_ARG(of->name), SLICE_ARG(which));
    if (fault == FAULT_NONE && n == 0) fault = find_by(r, by_label, of, which, arena, ret, &n, error);
    return fault == FAULT_NONE && n == 0 ? no_version(r, of, which, error) : fault;
}

enum fault changes_version(struct registry *r, struct slice kind, struct slice name, struct slice which, struct arena *arena,
                           struct change_version *ret, struct error *error) {
    struct change_subject of = {0};
    struct change_version v = {0};
    bool inside = database_in_transaction(r->db);
    enum fault fault = inside ? FAULT_NONE : database_begin_read(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = changes_subject(r, kind, name, arena, &of, error);
    if (fault == FAULT_NONE) fault = find(r, &of, which, arena, &v, error);
    if (!inside) database_end_read(r->db);
    if (fault == FAULT_NONE) *ret = v;
    return fault;
}

/* ---- approvals and labels ---- */

static enum fault read_approval(struct statement *s, struct arena *arena, void *row, struct error *error) {
    (void)error;
    *(struct change_approval *)row = (struct change_approval){statement_i64(s, 0), statement_copy(s, 1, arena), statement_copy(s, 2, arena),
                                                              statement_copy(s, 3, arena), statement_i64(s, 4)};
    return FAULT_NONE;
}

enum fault changes_approvals(struct registry *r, struct slice kind, struct slice name, int64_t version, struct arena *arena,
                             struct change_approval **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT version, by, verdict, why, at_us FROM change_approval WHERE kind = ?1 AND name = ?2 AND version = ?3"
                                    " ORDER BY number",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, version);
    return rows_read(s, arena, sizeof **ret, read_approval, (void **)ret, ret_n, error);
}

static enum fault read_label(struct statement *s, struct arena *arena, void *row, struct error *error) {
    (void)error;
    *(struct change_label *)row =
        (struct change_label){statement_copy(s, 0, arena), statement_copy(s, 1, arena), statement_copy(s, 2, arena), statement_i64(s, 3)};
    return FAULT_NONE;
}

enum fault changes_labels(struct registry *r, struct arena *arena, struct change_label **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "SELECT kind, name, label, version FROM change_label ORDER BY kind, name, label", &s, error);
    if (fault != FAULT_NONE) return fault;
    return rows_read(s, arena, sizeof **ret, read_label, (void **)ret, ret_n, error);
}
