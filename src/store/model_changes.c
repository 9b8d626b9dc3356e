/* Versions of providers' models (live_prompts.h). */
#include "store/changes_store.h"
#include "store/live_prompts.h"

#define COLUMNS "number, model, provider, target, before, after, seen_us, answers, state, held_to, runs, decided_by, why, decided_us"

static enum fault read_row(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct model_change *c = into;
    (void)error;
    *c = (struct model_change){.number = statement_i64(s, 0),
                               .model = statement_copy(s, 1, arena),
                               .provider = statement_copy(s, 2, arena),
                               .target = statement_copy(s, 3, arena),
                               .before = statement_copy(s, 4, arena),
                               .after = statement_copy(s, 5, arena),
                               .seen_us = statement_i64(s, 6),
                               .answers = statement_i64(s, 7),
                               .state = statement_copy(s, 8, arena),
                               .held_to = statement_copy(s, 9, arena),
                               .runs = statement_copy(s, 10, arena),
                               .decided_by = statement_copy(s, 11, arena),
                               .why = statement_copy(s, 12, arena),
                               .decided_us = statement_i64(s, 13)};
    c->was = c->state;
    return FAULT_NONE;
}

enum fault model_changes(struct registry *r, struct slice state, struct arena *arena, struct model_change **ret, unsigned *ret_n,
                         struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(r->db, "SELECT " COLUMNS " FROM model_change WHERE ?1 IS NULL OR state = ?1 ORDER BY number DESC", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, state);
    return rows_read(s, arena, sizeof **ret, read_row, (void **)ret, ret_n, error);
}

static enum fault find_open(struct registry *r, const struct model_change *c, int64_t *ret_number, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db,
                                    "SELECT number FROM model_change WHERE state IN ('open', 'held') AND model = ?1 AND provider = ?2 AND target = ?3"
                                    " AND after IS ?4",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, c->model);
    statement_bind_text(s, 2, c->provider);
    statement_bind_text(s, 3, c->target);
    statement_bind_text(s, 4, c->after);
    fault = statement_step(s, &row, error);
    *ret_number = fault == FAULT_NONE && row ? statement_i64(s, 0) : 0;
    statement_reset(s);
    return fault;
}

static void bind_decision(struct statement *s, const struct model_change *c) {
    statement_bind_i64(s, 7, c->answers);
    statement_bind_text(s, 8, c->state);
    statement_bind_text(s, 9, c->held_to);
    statement_bind_text(s, 10, c->runs);
    statement_bind_text(s, 11, c->decided_by);
    statement_bind_text(s, 12, c->why);
    statement_bind_i64(s, 13, c->decided_us);
}

static enum fault open_one(struct registry *r, const struct model_change *c, int64_t *ret_number, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO model_change(model, provider, target, before, after, seen_us, answers, state, held_to, runs, decided_by, why,"
                                    " decided_us) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, c->model);
    statement_bind_text(s, 2, c->provider);
    statement_bind_text(s, 3, c->target);
    statement_bind_text(s, 4, c->before);
    statement_bind_text(s, 5, c->after);
    statement_bind_i64(s, 6, c->seen_us);
    bind_decision(s, c);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(r->db, "SELECT last_insert_rowid()", ret_number, error) : fault;
}

static enum fault decided_meanwhile(struct registry *r, const struct model_change *c, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT state, decided_by, decided_us, why FROM model_change WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, c->number);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) {
        struct slice why = statement_bytes(s, 3);
        changes_time(statement_i64(s, 2), at);
        fault = error_set(error, FAULT_CONFLICT, "model change %lld is not " SLICE_FMT " any more but " SLICE_FMT ", by " SLICE_FMT " at %s%s" SLICE_FMT "%s",
                          (long long)c->number, SLICE_ARG(c->was), SLICE_ARG(statement_bytes(s, 0)), SLICE_ARG(statement_bytes(s, 1)), at,
                          why.len > 0 ? " (" : "", SLICE_ARG(why), why.len > 0 ? ")" : "");
    } else if (fault == FAULT_NONE) {
        fault = error_set(error, FAULT_NOT_FOUND, "no model change %lld", (long long)c->number);
    }
    statement_reset(s);
    return fault;
}

static enum fault change_one(struct registry *r, const struct model_change *c, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "UPDATE model_change SET answers = ?7, state = ?8, held_to = ?9, runs = ?10, decided_by = ?11, why = ?12,"
                                    " decided_us = ?13 WHERE number = ?1 AND (?2 IS NULL OR state = ?2)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, c->number);
    statement_bind_text(s, 2, c->was);
    bind_decision(s, c);
    fault = statement_run(s, error);
    return fault == FAULT_NONE && database_changes(r->db) == 0 ? decided_meanwhile(r, c, error) : fault;
}

enum fault model_change_put(struct registry *r, struct model_change *c, const struct audit_entry *audit, struct error *error) {
    int64_t number = c->number, open = 0;
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    if (number == 0) fault = find_open(r, c, &open, error);
    if (fault == FAULT_NONE && number == 0 && open == 0) fault = open_one(r, c, &number, error);
    else if (fault == FAULT_NONE && number != 0) fault = change_one(r, c, error);
    if (fault == FAULT_NONE && audit != NULL && open == 0) fault = audit_append(r, audit, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    else c->number = open != 0 ? open : number;
    return fault;
}
