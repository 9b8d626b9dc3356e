/* sessions.c - see sessions.h. */
#include "store/sessions.h"

#include "store/changes_store.h"

int64_t session_ends_us(const struct session *s) {
    int64_t idle = s->seen_us + SESSION_IDLE_US, life = s->made_us + SESSION_LIFE_US;
    return idle < life ? idle : life;
}

static struct slice bytes_of(const struct digest *d) { return slice_make((const char *)d->bytes, sizeof d->bytes); }

/* ---- a new one ---- */

/* Those that are over, and the oldest of this user or token that are too many. */
static enum fault prune(struct registry *r, const struct session *s, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db,
                                    "DELETE FROM session WHERE made_us <= ?1 OR seen_us <= ?2 OR digest IN (SELECT digest FROM session WHERE user IS ?3 AND token IS ?4"
                                    " ORDER BY made_us DESC, digest LIMIT -1 OFFSET ?5)",
                                    &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(q, 1, s->made_us - SESSION_LIFE_US);
    statement_bind_i64(q, 2, s->made_us - SESSION_IDLE_US);
    statement_bind_text(q, 3, s->user);
    statement_bind_blob(q, 4, slice_is_null(s->user) ? bytes_of(&s->token) : SLICE_NULL);
    statement_bind_i64(q, 5, LIMIT_SESSIONS - 1);
    return statement_run(q, error);
}

static enum fault insert(struct registry *r, const struct session *s, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db, "INSERT INTO session(digest, user, token, role, made_us, seen_us, network, agent) VALUES(?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, bytes_of(&s->digest));
    statement_bind_text(q, 2, s->user);
    statement_bind_blob(q, 3, slice_is_null(s->user) ? bytes_of(&s->token) : SLICE_NULL);
    statement_bind_text(q, 4, slice_of(user_role_name(s->role)));
    statement_bind_i64(q, 5, s->made_us);
    statement_bind_text(q, 6, s->network);
    statement_bind_text(q, 7, s->agent);
    return statement_run(q, error);
}

static enum fault note(struct registry *r, const struct session *s, struct error *error) {
    struct statement *q;
    if (slice_is_null(s->user)) return FAULT_NONE;
    enum fault fault = statement_of(r->db, "UPDATE user SET signed_in_us = ?2 WHERE name = ?1 AND enabled AND password = ?3", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(q, 1, s->user);
    statement_bind_i64(q, 2, s->made_us);
    statement_bind_text(q, 3, s->hash);
    fault = statement_run(q, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0) return error_set(error, FAULT_NOT_FOUND, "there is no such user");
    return fault;
}

enum fault sessions_begin(struct registry *r, const struct session *s, const struct audit_entry *entry, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = prune(r, s, error);
    if (fault == FAULT_NONE) fault = note(r, s, error);
    if (fault == FAULT_NONE) fault = insert(r, s, error);
    if (fault == FAULT_NONE) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

/* ---- one that is there ---- */

static enum fault read_session(struct statement *q, struct arena *arena, void *into, struct error *error) {
    struct session *s = into;
    struct slice token = statement_bytes(q, 1);
    *s = (struct session){.user = statement_copy(q, 0, arena), .made_us = statement_i64(q, 3), .seen_us = statement_i64(q, 4)};
    bool known = user_role_from(statement_bytes(q, 2), &s->role);
    if (token.len == sizeof s->token.bytes) memcpy(s->token.bytes, token.at, token.len);
    if (!known || (slice_is_null(s->user) && token.len != sizeof s->token.bytes)) return error_set(error, FAULT_CORRUPT, "registry.db: a session is damaged");
    return FAULT_NONE;
}

enum fault sessions_find(struct registry *r, const struct digest *digest, int64_t now_us, struct arena *arena, struct session *ret, bool *ret_found,
                         struct error *error) {
    struct statement *q;
    struct session *found;
    unsigned n;
    enum fault fault = statement_of(r->db,
                                    "SELECT s.user, s.token, coalesce(u.role, s.role), s.made_us, s.seen_us FROM session s LEFT JOIN user u ON u.name = s.user"
                                    " WHERE s.digest = ?1 AND s.made_us > ?2 AND s.seen_us > ?3 AND s.made_us <= ?4 AND (s.user IS NULL OR u.enabled)",
                                    &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, bytes_of(digest));
    statement_bind_i64(q, 2, now_us - SESSION_LIFE_US);
    statement_bind_i64(q, 3, now_us - SESSION_IDLE_US);
    statement_bind_i64(q, 4, now_us + SESSION_SLACK_US);
    fault = rows_read(q, arena, sizeof *found, read_session, (void **)&found, &n, error);
    if (fault != FAULT_NONE) return fault;
    *ret_found = n > 0;
    if (n > 0) *ret = found[0], ret->digest = *digest;
    return FAULT_NONE;
}

enum fault sessions_touch(struct registry *r, const struct digest *digest, int64_t now_us, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db, "UPDATE session SET seen_us = ?2 WHERE digest = ?1", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, bytes_of(digest));
    statement_bind_i64(q, 2, now_us);
    return statement_run(q, error);
}

enum fault sessions_end(struct registry *r, const struct digest *digest, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db, "DELETE FROM session WHERE digest = ?1", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(q, 1, bytes_of(digest));
    return statement_run(q, error);
}

/* ---- all of somebody ---- */

static enum fault read_listed(struct statement *q, struct arena *arena, void *into, struct error *error) {
    struct session *s = into;
    struct slice digest = statement_bytes(q, 5);
    enum fault fault = read_session(q, arena, s, error);
    if (fault == FAULT_NONE && digest.len != sizeof s->digest.bytes) fault = error_set(error, FAULT_CORRUPT, "registry.db: a session is damaged");
    if (fault != FAULT_NONE) return fault;
    memcpy(s->digest.bytes, digest.at, digest.len);
    s->network = statement_copy(q, 6, arena);
    s->agent = statement_copy(q, 7, arena);
    return FAULT_NONE;
}

enum fault sessions_list(struct registry *r, const struct session *whose, int64_t now_us, struct arena *arena, struct session **ret, unsigned *ret_n,
                         struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db,
                                    "SELECT user, token, role, made_us, seen_us, digest, network, agent FROM session WHERE user IS ?1 AND token IS ?2 AND made_us > ?3"
                                    " AND seen_us > ?4 AND made_us <= ?5 ORDER BY seen_us DESC, made_us DESC, digest LIMIT ?6",
                                    &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(q, 1, whose->user);
    statement_bind_blob(q, 2, slice_is_null(whose->user) ? bytes_of(&whose->token) : SLICE_NULL);
    statement_bind_i64(q, 3, now_us - SESSION_LIFE_US);
    statement_bind_i64(q, 4, now_us - SESSION_IDLE_US);
    statement_bind_i64(q, 5, now_us + SESSION_SLACK_US);
    statement_bind_i64(q, 6, LIMIT_SESSIONS);
    return rows_read(q, arena, sizeof **ret, read_listed, (void **)ret, ret_n, error);
}

static enum fault delete_those(struct registry *r, const struct session *whose, const struct digest *only, const struct digest *keep, struct error *error) {
    struct statement *q;
    enum fault fault = statement_of(r->db, "DELETE FROM session WHERE user IS ?1 AND token IS ?2 AND (?3 IS NULL OR digest = ?3) AND (?4 IS NULL OR digest != ?4)", &q, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(q, 1, whose->user);
    statement_bind_blob(q, 2, slice_is_null(whose->user) ? bytes_of(&whose->token) : SLICE_NULL);
    statement_bind_blob(q, 3, only != NULL ? bytes_of(only) : SLICE_NULL);
    statement_bind_blob(q, 4, keep != NULL ? bytes_of(keep) : SLICE_NULL);
    return statement_run(q, error);
}

enum fault sessions_end_those(struct registry *r, const struct session *whose, const struct digest *only, const struct digest *keep,
                              const struct audit_entry *entry, unsigned *ret_n, struct error *error) {
    unsigned n = 0;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = delete_those(r, whose, only, keep, error);
    if (fault == FAULT_NONE) n = (unsigned)database_changes(r->db);
    if (fault == FAULT_NONE && n > 0) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    else *ret_n = n;
    return fault;
}
