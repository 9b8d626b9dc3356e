#include "store/findings.h"

#include "base/buffer.h"
#include "store/changes_store.h"
#include "store/registry_store.h"

enum { NAMES = 512 };

/* ---- one look ---- */

static enum fault next_look(struct registry *r, int64_t *ret, struct error *error) {
    return database_number(r->db, "SELECT ifnull(max(look), 0) + 1 FROM finding", ret, error);
}

struct former {
    int64_t id; /* 0: none */
    enum finding_state state;
};

static enum fault former_of(struct registry *r, struct slice key, struct former *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT id, state FROM finding WHERE key = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, key);
    fault = statement_step(s, &row, error);
    *ret = (struct former){0};
    if (fault == FAULT_NONE && row) {
        ret->id = statement_i64(s, 0);
        if (!finding_state_from(statement_bytes(s, 1), &ret->state))
            fault = error_set(error, FAULT_CORRUPT, "registry.db: a finding's state is damaged");
    }
    statement_reset(s);
    return fault;
}

/* True when there is room for one more, perhaps since the oldest that is not open went. */
static enum fault make_room(struct registry *r, bool *ret, struct error *error) {
    int64_t n = 0;
    enum fault fault = database_number(r->db, "SELECT count(*) FROM finding", &n, error);
    if (fault == FAULT_NONE && n >= LIMIT_FINDINGS) {
        fault = database_exec(r->db,
                              "DELETE FROM finding WHERE id = (SELECT id FROM finding WHERE state <> 'open'"
                              " ORDER BY last_seen_us LIMIT 1)",
                              error);
        if (fault == FAULT_NONE && database_changes(r->db) > 0) n--;
    }
    *ret = n < LIMIT_FINDINGS;
    return fault;
}

static void bind_texts(struct statement *s, const struct finding *f) {
    statement_bind_text(s, 1, f->key);
    statement_bind_text(s, 2, slice_of(finding_kind_domain(f->kind)));
    statement_bind_text(s, 3, slice_of(finding_kind_name(f->kind)));
    statement_bind_text(s, 4, f->application);
    statement_bind_text(s, 5, f->title);
    statement_bind_text(s, 6, f->evidence);
    statement_bind_text(s, 7, f->command);
}

static enum fault insert(struct registry *r, const struct finding *f, int64_t look, int64_t now_us,
                         struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "INSERT INTO finding(key, domain, kind, application, title, evidence, command,"
                     " state, first_seen_us, last_seen_us, look)"
                     " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?8, ?8, ?9)",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_texts(s, f);
    statement_bind_i64(s, 8, now_us);
    statement_bind_i64(s, 9, look);
    return statement_run(s, error);
}

static enum fault update(struct registry *r, const struct finding *f, bool opens, int64_t look,
                         int64_t now_us, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "UPDATE finding SET domain = ?2, kind = ?3, application = ?4, title = ?5,"
                     " evidence = ?6, command = ?7, last_seen_us = ?8, look = ?9, times = times + ?10,"
                     " state = iif(?10, 'open', state), cleared_us = iif(?10, 0, cleared_us)"
                     " WHERE key = ?1",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    bind_texts(s, f);
    statement_bind_i64(s, 8, now_us);
    statement_bind_i64(s, 9, look);
    statement_bind_i64(s, 10, opens);
    return statement_run(s, error);
}

static enum fault see(struct registry *r, const struct finding *f, int64_t look, int64_t now_us,
                      int64_t *ret_opened, struct findings_change *change, struct error *error) {
    struct former former = {0};
    bool room = true;
    enum fault fault = former_of(r, f->key, &former, error);
    bool opens = former.id == 0 || former.state == FINDING_CLEARED;
    *ret_opened = 0;
    if (fault == FAULT_NONE && former.id != 0) fault = update(r, f, opens, look, now_us, error);
    if (fault == FAULT_NONE && former.id == 0) fault = make_room(r, &room, error);
    if (fault == FAULT_NONE && former.id == 0 && room) {
        fault = insert(r, f, look, now_us, error);
        if (fault == FAULT_NONE) fault = former_of(r, f->key, &former, error);
    }
    if (fault != FAULT_NONE) return fault;
    if (!room) change->left_off++;
    if (room && opens) {
        change->opened++;
        *ret_opened = former.id;
    }
    return FAULT_NONE;
}

static enum fault spare(struct registry *r, struct slice key, int64_t look, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "UPDATE finding SET look = ?1 WHERE key = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, look);
    statement_bind_text(s, 2, key);
    return statement_run(s, error);
}

static enum fault clear_rest(struct registry *r, enum finding_kind kind, struct slice application,
                             int64_t look, int64_t now_us, struct findings_change *change,
                             struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db,
                     "UPDATE finding SET state = 'cleared', cleared_us = ?4 WHERE state = 'open'"
                     " AND kind = ?1 AND (?2 IS NULL OR application = ?2) AND look <> ?3",
                     &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, slice_of(finding_kind_name(kind)));
    statement_bind_text(s, 2, application);
    statement_bind_i64(s, 3, look);
    statement_bind_i64(s, 4, now_us);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE) change->cleared += (unsigned)database_changes(r->db);
    return fault;
}

/* Most looks see nothing and have nothing of theirs to clear: they need not wait for their turn to write, and change nothing that
 * others would read again. */
static enum fault is_idle(struct registry *r, const struct findings_look *look, bool *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    *ret = false;
    if (look->n_seen > 0 || look->n_unsure > 0) return FAULT_NONE;
    bool ours = false;
    enum fault fault = statement_of(r->db, "SELECT kind FROM finding WHERE state = 'open' AND (?1 IS NULL OR application = ?1)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, look->application);
    while (!ours && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        enum finding_kind kind;
        ours = !finding_kind_from(statement_bytes(s, 0), &kind) || (look->kinds >> kind & 1);
    }
    if (fault == FAULT_NONE) *ret = !ours;
    statement_reset(s);
    return fault;
}

enum fault findings_put(struct registry *r, const struct findings_look *look, int64_t now_us,
                        int64_t *ret_ids, struct findings_change *ret, struct error *error) {
    struct findings_change change = {0};
    int64_t number = 0, opened;
    bool idle = false;
    enum fault fault = is_idle(r, look, &idle, error);
    if (idle) *ret = change;
    if (fault != FAULT_NONE || idle) return fault;
    fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = next_look(r, &number, error);
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_seen; i++) {
        fault = see(r, &look->seen[i], number, now_us, &opened, &change, error);
        if (ret_ids != NULL) ret_ids[i] = opened;
    }
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_unsure; i++)
        fault = spare(r, look->unsure[i], number, error);
    for (unsigned k = 0; fault == FAULT_NONE && k < FINDING_KINDS; k++)
        if (look->kinds >> k & 1)
            fault = clear_rest(r, (enum finding_kind)k, look->application, number, now_us, &change, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    else *ret = change;
    return fault;
}

/* ---- a person's word ---- */

enum fault findings_dismiss(struct registry *r, int64_t id, struct slice by, struct slice reason,
                            int64_t now_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        r->db,
        "UPDATE finding SET dismissed_by = iif(state = 'dismissed', dismissed_by, ?2),"
        " reason = iif(state = 'dismissed', reason, ?3),"
        " dismissed_us = iif(state = 'dismissed', dismissed_us, ?4), state = 'dismissed' WHERE id = ?1",
        &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, id);
    statement_bind_text(s, 2, by);
    statement_bind_text(s, 3, reason);
    statement_bind_i64(s, 4, now_us);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0)
        return error_set(error, FAULT_NOT_FOUND, "there is no finding %lld", (long long)id);
    return fault;
}

enum fault findings_dismiss_audited(struct registry *r, int64_t id, const struct audit_entry *entry, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = findings_dismiss(r, id, entry->actor, entry->reason, entry->at_us, error);
    if (fault == FAULT_NONE) fault = audit_append(r, entry, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

/* ---- reading ---- */

static bool read_one(struct statement *s, struct arena *arena, struct finding *ret) {
    *ret = (struct finding){.id = statement_i64(s, 0), .first_seen_us = statement_i64(s, 8)};
    ret->key = statement_copy(s, 1, arena);
    ret->application = statement_copy(s, 3, arena);
    ret->title = statement_copy(s, 4, arena);
    ret->evidence = statement_copy(s, 5, arena);
    ret->command = statement_copy(s, 6, arena);
    ret->last_seen_us = statement_i64(s, 9);
    ret->cleared_us = statement_i64(s, 10);
    ret->times = statement_i64(s, 11);
    ret->dismissed_by = statement_copy(s, 12, arena);
    ret->reason = statement_copy(s, 13, arena);
    ret->dismissed_us = statement_i64(s, 14);
    return finding_kind_from(statement_bytes(s, 2), &ret->kind) &&
           finding_state_from(statement_bytes(s, 7), &ret->state);
}

/* ",open,cleared," of the bits; SLICE_NULL: any. */
static struct slice names_of(uint64_t bits, unsigned n, const char *(*name)(unsigned i),
                             struct buffer *room) {
    if (bits == 0) return SLICE_NULL;
    buffer_byte(room, ',');
    for (unsigned i = 0; i < n; i++)
        if (bits >> i & 1) buffer_printf(room, "%s,", name(i));
    return buffer_slice(room);
}

static const char *kind_name(unsigned i) {
    return finding_kind_name((enum finding_kind)i);
}

static const char *state_name(unsigned i) {
    return finding_state_name((enum finding_state)i);
}

static const char select_page[] =
    "SELECT id, key, kind, application, title, evidence, command, state, first_seen_us, last_seen_us, "
    "cleared_us, times,"
    " dismissed_by, reason, dismissed_us FROM finding"
    " WHERE (?1 IS NULL OR instr(?1, ',' || kind || ',')) AND (?2 IS NULL OR instr(?2, ',' || state || ','))"
    " AND (?3 IS NULL OR application = ?3) AND (?4 = 0 OR id = ?4)"
    " ORDER BY state <> 'open', last_seen_us DESC, id DESC LIMIT ?5";

enum fault findings_list(struct registry *r, const struct findings_filter *f, struct arena *arena,
                         struct finding **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    struct buffer kinds, states;
    bool row = false;
    unsigned n = 0;
    if (f->limit == 0 || f->limit > LIMIT_PAGE)
        return error_set(error, FAULT_BAD_REQUEST, "expected a limit of 1 to %d, found %u", LIMIT_PAGE,
                         f->limit);
    struct finding *all = arena_new_array(arena, struct finding, f->limit);
    enum fault fault = statement_of(r->db, select_page, &s, error);
    if (fault != FAULT_NONE) return fault;
    buffer_init(&kinds, NAMES);
    buffer_init(&states, NAMES);
    statement_bind_text(s, 1, names_of(f->kinds, FINDING_KINDS, kind_name, &kinds));
    statement_bind_text(s, 2, names_of(f->states, FINDING_STATES, state_name, &states));
    statement_bind_text(s, 3, f->application);
    statement_bind_i64(s, 4, f->id);
    statement_bind_i64(s, 5, f->limit);
    while (all != NULL && n < f->limit && (fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        if (!read_one(s, arena, &all[n++])) {
            fault = error_set(error, FAULT_CORRUPT, "registry.db: finding %lld is damaged",
                              (long long)all[n - 1].id);
            break;
        }
    statement_reset(s);
    buffer_deinit(&kinds);
    buffer_deinit(&states);
    if (fault == FAULT_NONE && arena_is_full(arena))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %u findings", n);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

static enum fault read_open(struct statement *s, struct arena *arena, void *row, struct error *error) {
    return read_one(s, arena, row) ? FAULT_NONE : error_set(error, FAULT_CORRUPT, "registry.db: finding %lld is damaged", (long long)((struct finding *)row)->id);
}

enum fault findings_open(struct registry *r, struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "SELECT id, key, kind, application, title, evidence, command, state, first_seen_us, last_seen_us, cleared_us, times,"
                                    " dismissed_by, reason, dismissed_us FROM finding WHERE state = 'open' ORDER BY id",
                                    &s, error);
    return fault == FAULT_NONE ? rows_read(s, arena, sizeof **ret, read_open, (void **)ret, ret_n, error) : fault;
}

enum fault findings_state(struct registry *r, struct slice key, bool *ret_found, enum finding_state *ret,
                          struct error *error) {
    struct former former = {0};
    enum fault fault = former_of(r, key, &former, error);
    if (fault != FAULT_NONE) return fault;
    *ret_found = former.id != 0;
    *ret = former.state;
    return FAULT_NONE;
}

enum fault findings_count_open(struct registry *r, int64_t ret[FINDING_KINDS], struct error *error) {
    struct statement *s;
    bool row = false;
    enum finding_kind kind;
    int64_t counts[FINDING_KINDS] = {0};
    enum fault fault = statement_of(
        r->db, "SELECT kind, count(*) FROM finding WHERE state = 'open' GROUP BY kind", &s, error);
    if (fault != FAULT_NONE) return fault;
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        if (finding_kind_from(statement_bytes(s, 0), &kind)) counts[kind] = statement_i64(s, 1);
    statement_reset(s);
    if (fault == FAULT_NONE) memcpy(ret, counts, sizeof counts);
    return fault;
}

enum fault findings_prune(struct registry *r, int64_t before_us, struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "DELETE FROM finding WHERE state <> 'open' AND last_seen_us < ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, before_us);
    return statement_run(s, error);
}

/* ---- blobs ---- */

enum fault registry_keep(struct registry *r, struct slice name, struct slice body, int64_t at_us,
                         struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "INSERT OR REPLACE INTO kept(name, at_us, body) VALUES(?1, ?2, ?3)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    statement_bind_i64(s, 2, at_us);
    statement_bind_blob(s, 3, body);
    return statement_run(s, error);
}

enum fault registry_kept(struct registry *r, struct slice name, struct arena *arena, struct slice *ret,
                         int64_t *ret_at_us, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT at_us, body FROM kept WHERE name = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, name);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) {
        *ret_at_us = row ? statement_i64(s, 0) : 0;
        *ret = row ? statement_copy(s, 1, arena) : SLICE_NULL;
        if (arena_is_full(arena))
            fault = error_set(error, FAULT_TOO_LARGE, "what is kept as " SLICE_FMT " is too large",
                              SLICE_ARG(name));
    }
    statement_reset(s);
    return fault;
}
