/* users.c - see users.h. */
#include "store/users.h"

#include "base/clock.h"
#include "base/password.h"
#include "store/changes_store.h"
#include "store/sessions.h"

#include <stdio.h>

bool user_name_is_good(struct slice name) {
    static const char *const ours[] = {"local", "nobody", "quarterdeck"};
    for (size_t i = 0; i < name.len; i++) {
        char a = name.at[i];
        bool plain = (a >= 'a' && a <= 'z') || (a >= '0' && a <= '9');
        if (!plain && (i == 0 || (a != '-' && a != '_' && a != '.' && a != '@' && a != '+'))) return false;
    }
    for (unsigned i = 0; i < sizeof ours / sizeof *ours; i++)
        if (slice_is(name, ours[i])) return false;
    return name.len > 0 && name.len <= LIMIT_USER_NAME;
}

/* ---- reading ---- */

enum fault users_any(struct registry *r, bool *ret, struct error *error) {
    int64_t any = 0;
    enum fault fault = database_number(r->db, "SELECT EXISTS(SELECT 1 FROM user)", &any, error);
    if (fault == FAULT_NONE) *ret = any != 0;
    return fault;
}

#define COLUMNS "name, role, enabled, made_us, password_us, signed_in_us, made_by, password"

static enum fault read_user(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct user *u = into;
    *u = (struct user){.name = statement_copy(s, 0, arena),
                       .enabled = statement_i64(s, 2) != 0,
                       .made_us = statement_i64(s, 3),
                       .password_us = statement_i64(s, 4),
                       .signed_in_us = statement_i64(s, 5),
                       .made_by = statement_copy(s, 6, arena),
                       .hash = statement_copy(s, 7, arena),
                       .sessions = (unsigned)statement_i64(s, 8)};
    if (!user_role_from(statement_bytes(s, 1), &u->role))
        return error_set(error, FAULT_CORRUPT, "the user " SLICE_FMT " has a role that is not known", SLICE_ARG(u->name));
    return FAULT_NONE;
}

enum fault users_list(struct registry *r, int64_t now_us, struct arena *arena, struct user **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT " COLUMNS ", (SELECT count(*) FROM session WHERE user = name AND made_us > ?1 AND seen_us > ?2)"
                                    " FROM user ORDER BY name",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, now_us - SESSION_LIFE_US);
    statement_bind_i64(s, 2, now_us - SESSION_IDLE_US);
    return rows_read(s, arena, sizeof **ret, read_user, (void **)ret, ret_n, error);
}

static enum fault not_there(struct slice name, struct error *error) {
    return error_set(error, FAULT_NOT_FOUND, "there is no user `" SLICE_FMT "`: `quarterdeck user list` shows all", SLICE_ARG(name));
}

enum fault users_find(struct registry *r, struct slice name, struct arena *arena, struct user *ret, struct error *error) {
    struct statement *s;
    struct user *found;
    unsigned n;
    enum fault fault = statement_of(r->db, "SELECT " COLUMNS ", 0 FROM user WHERE name = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    fault = rows_read(s, arena, sizeof *found, read_user, (void **)&found, &n, error);
    if (fault != FAULT_NONE) return fault;
    if (n == 0) return not_there(name, error);
    *ret = found[0];
    return FAULT_NONE;
}

/* ---- writing ---- */

/* At the end of each change, inside its transaction. */
static enum fault leaves_an_admin(struct registry *r, struct error *error) {
    int64_t admins = 0;
    enum fault fault = database_number(r->db, "SELECT count(*) FROM user WHERE role = 'admin' AND enabled", &admins, error);
    if (fault != FAULT_NONE || admins > 0) return fault;
    return error_set(error, FAULT_CONFLICT, "no admin could sign in then: make another user an admin first (`quarterdeck user add NAME --role admin`)");
}

static enum fault finish(struct registry *r, enum fault fault, const struct audit_entry *entry, struct error *error) {
    if (fault == FAULT_NONE) fault = leaves_an_admin(r, error);
    if (fault == FAULT_NONE) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

static enum fault is_room(struct registry *r, bool first, struct error *error) {
    int64_t n = 0;
    enum fault fault = database_number(r->db, "SELECT count(*) FROM user", &n, error);
    if (fault != FAULT_NONE) return fault;
    if (first && n > 0) return error_set(error, FAULT_CONFLICT, "there is a user already: sign in, or ask an admin");
    if (n >= LIMIT_USERS) return error_set(error, FAULT_CONFLICT, "there are %lld users, the most there may be: remove some first", (long long)n);
    return FAULT_NONE;
}

static enum fault insert(struct registry *r, const struct user *u, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO user(name, role, password, enabled, made_us, made_by, password_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?5)"
                                    " ON CONFLICT DO NOTHING",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, u->name);
    statement_bind_text(s, 2, slice_of(user_role_name(u->role)));
    statement_bind_text(s, 3, u->hash);
    statement_bind_i64(s, 4, u->enabled);
    statement_bind_i64(s, 5, u->made_us);
    statement_bind_text(s, 6, u->made_by);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        return error_set(error, FAULT_CONFLICT, "there is a user `" SLICE_FMT "` already", SLICE_ARG(u->name));
    return fault;
}

enum fault users_put(struct registry *r, const struct user *u, bool first, const struct audit_entry *entry, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = is_room(r, first, error);
    if (fault == FAULT_NONE) fault = insert(r, u, error);
    return finish(r, fault, entry, error);
}

enum fault users_add(struct registry *r, struct slice name, enum user_role role, struct slice password, struct slice by, struct error *error) {
    char hash[PASSWORD_HASH], subject[LIMIT_USER_NAME + 8], detail[32];
    if (!user_name_is_good(name) || !password_is_long_enough(password)) return error_set(error, FAULT_BAD_REQUEST, "expected a user's name and a password of 12 characters");
    if (!password_hash(password, hash)) return error_set(error, FAULT_OVERLOADED, "there is no memory to hash a password");
    snprintf(subject, sizeof subject, "user:" SLICE_FMT, SLICE_ARG(name));
    snprintf(detail, sizeof detail, "{\"role\":\"%s\"}", user_role_name(role));
    struct user u = {.name = name, .role = role, .enabled = true, .made_us = clock_wall_us(), .made_by = by, .hash = slice_of(hash)};
    struct audit_entry entry = {.at_us = u.made_us, .actor = by, .action = SLICE("user.add"), .subject = slice_of(subject), .detail = slice_of(detail)};
    return users_put(r, &u, false, &entry, error);
}

/* ---- changes ---- */

static enum fault take_out(struct registry *r, struct slice name, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "DELETE FROM user WHERE name = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    return statement_run(s, error);
}

static enum fault update(struct registry *r, struct slice name, const struct user_change *c, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE user SET role = coalesce(?2, role), enabled = CASE ?3 WHEN -1 THEN enabled ELSE ?3 END, password = coalesce(?4, password),"
                                    " password_us = CASE WHEN ?4 IS NULL THEN password_us ELSE ?5 END WHERE name = ?1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    statement_bind_text(s, 2, c->role ? slice_of(user_role_name(*c->role)) : SLICE_NULL);
    statement_bind_i64(s, 3, c->enabled ? *c->enabled : -1);
    statement_bind_text(s, 4, c->hash);
    statement_bind_i64(s, 5, c->at_us);
    return statement_run(s, error);
}

static enum fault end_sessions(struct registry *r, struct slice name, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "DELETE FROM session WHERE user = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    return statement_run(s, error);
}

enum fault users_change(struct registry *r, struct slice name, const struct user_change *c, const struct audit_entry *entry, struct error *error) {
    struct arena arena;
    struct user before = {.role = USER_VIEWER};
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    arena_init(&arena, 1024, 64 << 10);
    fault = users_find(r, name, &arena, &before, error);
    bool less = c->remove || !slice_is_null(c->hash) || (c->enabled && !*c->enabled) || (c->role && *c->role < before.role);
    if (fault == FAULT_NONE) fault = c->remove ? take_out(r, name, error) : update(r, name, c, error);
    if (fault == FAULT_NONE && less) fault = end_sessions(r, name, error);
    arena_deinit(&arena);
    return finish(r, fault, entry, error);
}
