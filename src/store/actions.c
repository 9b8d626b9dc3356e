/* actions.c - see actions.h. */
#include "store/actions.h"

#include "model/intervention.h"
#include "store/changes_store.h"

#include <stdio.h>

static const char *const states[] = {
#define STATE(symbol, name) name,
    ACTION_STATE_TABLE(STATE)
#undef STATE
};

const char *action_state_name(enum action_state s) { return states[s]; }

bool action_state_from(struct slice name, enum action_state *ret) {
    for (unsigned i = 0; i < ACTION_STATES; i++)
        if (slice_is(name, states[i])) {
            *ret = (enum action_state)i;
            return true;
        }
    return false;
}

static bool is_in_force(enum action_state s) { return ACTIONS_IN_FORCE >> s & 1; }
static struct slice kind_of(int kind) { return slice_of(intervention_name((enum intervention_kind)kind)); }

/* ---- reading ---- */

#define COLUMNS                                                                                                                \
    "number, kind, scope, state, at_us, until_us, ended_us, rule, alert, by, why, ended_by, ended_why, share_ppm, step, step_us, evidence," \
    " CASE WHEN undo IS NULL AND state IN ('in force', 'returning') THEN 'quarterdeck action undo ' || number ELSE undo END, firing"

static enum fault read_row(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct action_row *a = into;
    enum intervention_kind kind;
    *a = (struct action_row){.number = statement_i64(s, 0),
                             .scope = statement_copy(s, 2, arena),
                             .at_us = statement_i64(s, 4),
                             .until_us = statement_i64(s, 5),
                             .ended_us = statement_i64(s, 6),
                             .rule = statement_copy(s, 7, arena),
                             .alert = statement_i64(s, 8),
                             .by = statement_copy(s, 9, arena),
                             .why = statement_copy(s, 10, arena),
                             .ended_by = statement_copy(s, 11, arena),
                             .ended_why = statement_copy(s, 12, arena),
                             .share_ppm = (uint32_t)statement_i64(s, 13),
                             .step = (int)statement_i64(s, 14),
                             .step_us = statement_i64(s, 15),
                             .evidence = statement_copy(s, 16, arena),
                             .undo = statement_copy(s, 17, arena),
                             .firing = statement_i64(s, 18)};
    if (!intervention_from(statement_bytes(s, 1), &kind) || !action_state_from(statement_bytes(s, 3), &a->state))
        return error_set(error, FAULT_CORRUPT, "action %lld has a kind or a state that is not known", (long long)a->number);
    a->kind = (int)kind;
    return FAULT_NONE;
}

/* Bits of states as "|in force|done|", for instr(). */
#define NAMES_TEXT 256
static struct slice names_of(unsigned bits, const char *(*name)(unsigned i), unsigned n, char out[NAMES_TEXT]) {
    size_t len = 0;
    if (bits == 0) return SLICE_NULL;
    out[len++] = '|';
    for (unsigned i = 0; i < n; i++)
        if (bits >> i & 1) len += (size_t)snprintf(out + len, NAMES_TEXT - len, "%s|", name(i));
    return slice_make(out, len);
}
static const char *state_at(unsigned i) { return states[i]; }
static const char *kind_at(unsigned i) { return intervention_name((enum intervention_kind)i); }

#define FILTER                                                                                                                 \
    " (?1 IS NULL OR instr(?1, '|' || state || '|') > 0) AND (?2 IS NULL OR rule = ?2) AND (?3 = 0 OR alert = ?3)"               \
    " AND (?4 = 0 OR number = ?4) AND (?5 IS NULL OR instr(?5, '|' || kind || '|') > 0) AND at_us >= ?6 AND (?7 = 0 OR number < ?7)" \
    " AND (?9 = 0 OR firing = ?9) ORDER BY number DESC LIMIT ?8"
#define SELECT "SELECT " COLUMNS " FROM action WHERE"

/* Each by the index that serves it: what is in force is read whenever something is published. */
static enum fault select_of(struct registry *r, const struct actions_filter *f, struct statement **ret, struct error *error) {
    if (f->number != 0) return statement_of(r->db, SELECT " number = ?4 AND" FILTER, ret, error);
    if (f->states != 0 && (f->states & ~ACTIONS_IN_FORCE) == 0) return statement_of(r->db, SELECT " state IN ('in force', 'returning') AND" FILTER, ret, error);
    if (f->alert != 0) return statement_of(r->db, SELECT " alert = ?3 AND" FILTER, ret, error);
    return statement_of(r->db, SELECT FILTER, ret, error);
}

enum fault actions_list(struct registry *r, const struct actions_filter *f, struct arena *arena, struct action_row **ret, unsigned *ret_n,
                        struct error *error) {
    struct statement *s;
    char of_states[NAMES_TEXT], of_kinds[NAMES_TEXT];
    enum fault fault = select_of(r, f, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, names_of(f->states, state_at, ACTION_STATES, of_states));
    statement_bind_text(s, 2, f->rule);
    statement_bind_i64(s, 3, f->alert);
    statement_bind_i64(s, 4, f->number);
    statement_bind_text(s, 5, names_of(f->kinds, kind_at, INTERVENTION_KINDS, of_kinds));
    statement_bind_i64(s, 6, f->from_us);
    statement_bind_i64(s, 7, f->before);
    statement_bind_i64(s, 8, f->limit > 0 ? (int64_t)f->limit : -1);
    statement_bind_i64(s, 9, f->firing);
    return rows_read(s, arena, sizeof **ret, read_row, (void **)ret, ret_n, error);
}

enum fault actions_count(struct registry *r, struct slice rule, int kind, unsigned of, int64_t since_us, int64_t *ret, struct error *error) {
    struct statement *s;
    char of_states[NAMES_TEXT];
    bool row = false;
    enum fault fault = statement_of(r->db,
                                    "SELECT count(*) FROM action WHERE rule = ?1 AND kind = ?2 AND at_us >= ?3 AND instr(?4, '|' || state || '|') > 0",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_text(s, 2, kind_of(kind));
    statement_bind_i64(s, 3, since_us);
    statement_bind_text(s, 4, names_of(of, state_at, ACTION_STATES, of_states));
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) *ret = row ? statement_i64(s, 0) : 0;
    statement_reset(s);
    return fault;
}

/* ---- writing ---- */

/* How much of a throttle is no part of what it is about: two for one key are one too many. */
#define ABOUT(scope) "json_remove(" scope ", '$.per_minute')"

static enum fault is_room(struct registry *r, const struct action_row *a, int64_t *ret_other, struct error *error) {
    struct statement *s;
    bool row = false;
    int64_t other = 0, n = 0;
    enum fault fault = statement_of(r->db,
                                    "SELECT count(*), max(CASE WHEN kind = ?1 AND " ABOUT("scope") " = " ABOUT("?2") " THEN number END)"
                                    " FROM action WHERE state IN ('in force', 'returning')",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind_of(a->kind));
    statement_bind_text(s, 2, a->scope);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) n = statement_i64(s, 0), other = statement_i64(s, 1);
    statement_reset(s);
    if (fault != FAULT_NONE) return fault;
    *ret_other = other;
    if (other != 0) return error_set(error, FAULT_CONFLICT, "action %lld is the same and in force: `quarterdeck action undo %lld` ends it", (long long)other, (long long)other);
    if (n >= LIMIT_ACTIONS_IN_FORCE)
        return error_set(error, FAULT_CONFLICT, "%lld actions are in force, the most that the loops hold: undo some first (`quarterdeck action list --in-force`)", (long long)n);
    return FAULT_NONE;
}

static enum fault insert(struct registry *r, const struct action_row *a, int64_t *ret_number, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO action(kind, scope, state, at_us, until_us, ended_us, rule, alert, by, why, ended_by, ended_why,"
                                    " share_ppm, step, step_us, evidence, undo, firing)"
                                    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind_of(a->kind));
    statement_bind_text(s, 2, a->scope);
    statement_bind_text(s, 3, slice_of(states[a->state]));
    statement_bind_i64(s, 4, a->at_us);
    statement_bind_i64(s, 5, a->until_us);
    statement_bind_i64(s, 6, a->ended_us);
    statement_bind_text(s, 7, a->rule);
    statement_bind_i64(s, 8, a->alert);
    statement_bind_text(s, 9, a->by);
    statement_bind_text(s, 10, a->why);
    statement_bind_text(s, 11, a->ended_by);
    statement_bind_text(s, 12, a->ended_why);
    statement_bind_i64(s, 13, a->share_ppm);
    statement_bind_i64(s, 14, a->step);
    statement_bind_i64(s, 15, a->step_us);
    statement_bind_text(s, 16, a->evidence);
    statement_bind_text(s, 17, a->undo);
    statement_bind_i64(s, 18, a->firing);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(r->db, "SELECT last_insert_rowid()", ret_number, error) : fault;
}

static enum fault audit(struct registry *r, const struct audit_entry *entry, int64_t number, struct error *error) {
    char subject[32];
    struct audit_entry e = *entry;
    snprintf(subject, sizeof subject, "action:%lld", (long long)number);
    if (slice_is_null(e.subject)) e.subject = slice_of(subject);
    return audit_append(r, &e, error);
}

enum fault action_begin(struct registry *r, struct action_row *a, const struct audit_entry *entry, int64_t *ret_other, struct error *error) {
    int64_t number = 0, other = 0;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    if (is_in_force(a->state)) fault = is_room(r, a, &other, error);
    if (fault == FAULT_NONE) fault = insert(r, a, &number, error);
    if (fault == FAULT_NONE) fault = audit(r, entry, number, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) {
        database_rollback(r->db);
        if (fault == FAULT_CONFLICT) *ret_other = other;
        return fault;
    }
    a->number = number;
    return FAULT_NONE;
}

static enum fault moved_meanwhile(struct registry *r, const struct action_row *a, enum action_state from, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT state, ended_by, ended_us, ended_why FROM action WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, a->number);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && !row) fault = error_set(error, FAULT_NOT_FOUND, "no action %lld", (long long)a->number);
    else if (fault == FAULT_NONE) {
        struct slice why = statement_bytes(s, 3), by = statement_bytes(s, 1);
        changes_time(statement_i64(s, 2), at);
        fault = error_set(error, FAULT_CONFLICT, "action %lld is not %s but " SLICE_FMT "%s" SLICE_FMT "%s%s%s" SLICE_FMT "%s", (long long)a->number, states[from],
                          SLICE_ARG(statement_bytes(s, 0)), by.len > 0 ? ", by " : "", SLICE_ARG(by), by.len > 0 ? " at " : "", by.len > 0 ? at : "",
                          why.len > 0 ? " (" : "", SLICE_ARG(why), why.len > 0 ? ")" : "");
    }
    statement_reset(s);
    return fault;
}

static enum fault update(struct registry *r, const struct action_row *a, enum action_state from, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE action SET state = ?3, share_ppm = ?4, step = ?5, step_us = ?6, ended_us = ?7, ended_by = ?8,"
                                    " ended_why = ?9, evidence = ?10 WHERE number = ?1 AND state = ?2",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, a->number);
    statement_bind_text(s, 2, slice_of(states[from]));
    statement_bind_text(s, 3, slice_of(states[a->state]));
    statement_bind_i64(s, 4, a->share_ppm);
    statement_bind_i64(s, 5, a->step);
    statement_bind_i64(s, 6, a->step_us);
    statement_bind_i64(s, 7, a->ended_us);
    statement_bind_text(s, 8, a->ended_by);
    statement_bind_text(s, 9, a->ended_why);
    statement_bind_text(s, 10, a->evidence);
    fault = statement_run(s, error);
    return fault == FAULT_NONE && database_changes(r->db) == 0 ? moved_meanwhile(r, a, from, error) : fault;
}

enum fault action_move(struct registry *r, const struct action_row *a, enum action_state from, const struct audit_entry *entry, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = update(r, a, from, error);
    if (fault == FAULT_NONE) fault = audit(r, entry, a->number, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

enum fault actions_prune(struct registry *r, int64_t before_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "DELETE FROM action WHERE at_us < ?1 AND state NOT IN ('in force', 'returning')", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, before_us);
    return statement_run(s, error);
}
