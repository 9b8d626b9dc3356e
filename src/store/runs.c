#include "store/runs.h"

#include "base/money.h"
#include "store/evaluations_store.h"

#include <stdio.h>

/* ---- rows ---- */

#define ONE(field) ", " #field
#define COLUMNS RUN_TABLE(ONE, ONE, ONE)
#define HOLE(field) ", ?"

static struct slice bytes_of(const struct digest *d) { return slice_make((const char *)d->bytes, sizeof d->bytes); }

static void read_digest(struct statement *s, int column, struct digest *ret) {
    struct slice bytes = statement_bytes(s, column);
    if (bytes.len == sizeof ret->bytes) memcpy(ret->bytes, bytes.at, sizeof ret->bytes);
}

static void read_row(struct statement *s, struct arena *arena, struct run_row *ret) {
    int column = 0;
    *ret = (struct run_row){.number = statement_i64(s, column++)};
#define TEXT(field) ret->field = statement_copy(s, column++, arena);
#define NUMBER(field) ret->field = statement_i64(s, column++);
#define DIGEST(field) read_digest(s, column++, &ret->field);
    RUN_TABLE(TEXT, NUMBER, DIGEST)
#undef TEXT
#undef NUMBER
#undef DIGEST
}

/* The one row of a statement that is bound already. */
static enum fault find_one(struct statement *s, struct arena *arena, struct run_row *ret, const char *what, struct error *error) {
    bool row = false;
    struct run_row found = {0};
    enum fault fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) read_row(s, arena, &found);
    statement_reset(s);
    if (fault != FAULT_NONE) return fault;
    if (!row) return error_set(error, FAULT_NOT_FOUND, "%s", what);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for a run");
    *ret = found;
    return FAULT_NONE;
}

/* ---- runs ---- */

enum fault run_add(struct evaluations *e, struct run_row *r, struct error *error) {
    struct statement *s;
    int at = 1;
    enum fault fault = statement_of(e->db, "INSERT INTO run(number" COLUMNS ") VALUES(NULL" RUN_TABLE(HOLE, HOLE, HOLE) ")", &s, error);
    if (fault != FAULT_NONE) return fault;
#define TEXT(field) statement_bind_text(s, at++, r->field);
#define NUMBER(field) statement_bind_i64(s, at++, r->field);
#define DIGEST(field) statement_bind_blob(s, at++, bytes_of(&r->field));
    RUN_TABLE(TEXT, NUMBER, DIGEST)
#undef TEXT
#undef NUMBER
#undef DIGEST
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(e->db, "SELECT last_insert_rowid()", &r->number, error) : fault;
}

enum fault run_find(struct evaluations *e, int64_t number, struct arena *arena, struct run_row *ret, struct error *error) {
    struct statement *s;
    char what[64];
    enum fault fault = statement_of(e->db, "SELECT number" COLUMNS " FROM run WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    snprintf(what, sizeof what, "there is no run-%lld", (long long)number);
    return find_one(s, arena, ret, what, error);
}

enum fault run_find_unended(struct evaluations *e, const struct digest *wanted, struct arena *arena, struct run_row *ret,
                            struct error *error) {
    struct statement *s;
    enum fault fault =
        statement_of(e->db, "SELECT number" COLUMNS " FROM run WHERE wanted = ?1 AND state = ?2 ORDER BY number DESC LIMIT 1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, 1, bytes_of(wanted));
    statement_bind_i64(s, 2, RUN_RUNNING);
    return find_one(s, arena, ret, "no such run is under way", error);
}

enum fault run_list(struct evaluations *e, struct slice suite, int64_t before, struct arena *arena,
                    bool (*each)(void *ctx, const struct run_row *r), void *ctx, struct error *error) {
    struct statement *s;
    struct run_row one;
    bool row = false;
    enum fault fault = statement_of(
        e->db, "SELECT number" COLUMNS " FROM run WHERE (?1 IS NULL OR suite = ?1) AND number < ?2 ORDER BY number DESC", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, suite);
    statement_bind_i64(s, 2, before);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        read_row(s, arena, &one);
        if (arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for a run");
        if (fault != FAULT_NONE || !each(ctx, &one)) break;
    }
    statement_reset(s);
    return fault;
}

/* Why a change met no running run. */
static enum fault not_running(struct evaluations *e, int64_t number, struct slice owner, struct error *error) {
    struct statement *s;
    bool row = false, over = false;
    enum fault fault = statement_of(e->db, "SELECT state, owner FROM run WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && !row) fault = error_set(error, FAULT_NOT_FOUND, "there is no run-%lld", (long long)number);
    if (fault == FAULT_NONE) over = statement_i64(s, 0) != RUN_RUNNING;
    if (fault == FAULT_NONE && over) fault = error_set(error, FAULT_CONFLICT, "run-%lld is over", (long long)number);
    if (fault == FAULT_NONE && !slice_is_null(owner) && !slice_eq(owner, statement_bytes(s, 1)))
        fault = error_set(error, FAULT_CONFLICT, "run-%lld was taken over by another process (%.*s)", (long long)number,
                          SLICE_ARG(statement_bytes(s, 1)));
    statement_reset(s);
    return fault;
}

static enum fault run_changed(struct evaluations *e, int64_t number, struct slice owner, struct statement *s, struct error *error) {
    enum fault fault = statement_run(s, error);
    if (fault != FAULT_NONE || database_changes(e->db) > 0) return fault;
    fault = not_running(e, number, owner, error);
    return fault != FAULT_NONE ? fault : error_set(error, FAULT_CONFLICT, "run-%lld was changed meanwhile", (long long)number);
}

enum fault run_own(struct evaluations *e, int64_t number, struct slice owner, int64_t seen_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "UPDATE run SET owner = ?2, seen_us = ?3 WHERE number = ?1 AND state = 0", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, owner);
    statement_bind_i64(s, 3, seen_us);
    return run_changed(e, number, SLICE_NULL, s, error);
}

enum fault run_ask_to_stop(struct evaluations *e, int64_t number, struct slice by, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "UPDATE run SET stop_by = ifnull(stop_by, ?2) WHERE number = ?1 AND state = 0", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, by);
    return run_changed(e, number, SLICE_NULL, s, error);
}

enum fault run_end(struct evaluations *e, int64_t number, enum run_state state, struct slice verdict, struct slice summary, int64_t at_us,
                   struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        e->db, "UPDATE run SET state = ?2, verdict = ?3, summary = ?4, ended_us = ?5, owner = NULL WHERE number = ?1 AND state = 0", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, state);
    statement_bind_text(s, 3, verdict);
    statement_bind_text(s, 4, summary);
    statement_bind_i64(s, 5, at_us);
    return run_changed(e, number, SLICE_NULL, s, error);
}

/* ---- results ---- */

static enum fault add_one(struct evaluations *e, int64_t number, const struct run_result *r, int64_t *done, int64_t *cost,
                          struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        e->db, "INSERT OR IGNORE INTO result(run, case_at, repeat, verdict, cost_nano, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, r->case_at);
    statement_bind_i64(s, 3, r->repeat);
    statement_bind_i64(s, 4, r->verdict);
    statement_bind_i64(s, 5, r->cost_nano);
    statement_bind_blob(s, 6, r->body);
    fault = statement_run(s, error);
    if (fault != FAULT_NONE || database_changes(e->db) == 0) return fault;
    *done += 1;
    if (money_is_known(r->cost_nano)) *cost = money_add(*cost, r->cost_nano);
    return FAULT_NONE;
}

static enum fault count_up(struct evaluations *e, int64_t number, struct slice owner, int64_t done, int64_t cost, int64_t seen_us,
                           struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "UPDATE run SET done = done + ?2, cost_nano = cost_nano + ?3, seen_us = max(seen_us, ?4)"
                                    " WHERE number = ?1 AND state = 0 AND (?5 IS NULL OR owner = ?5)",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, done);
    statement_bind_i64(s, 3, money_is_known(cost) ? cost : 0);
    statement_bind_i64(s, 4, seen_us);
    statement_bind_text(s, 5, owner);
    return run_changed(e, number, owner, s, error);
}

enum fault run_results_add(struct evaluations *e, int64_t number, struct slice owner, const struct run_result *results, size_t n,
                           int64_t seen_us, struct error *error) {
    int64_t done = 0, cost = 0;
    enum fault fault = database_begin(e->db, error);
    for (size_t i = 0; fault == FAULT_NONE && i < n; i++) fault = add_one(e, number, &results[i], &done, &cost, error);
    if (fault == FAULT_NONE) fault = count_up(e, number, owner, done, cost, seen_us, error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

static enum fault walk(struct statement *s, bool with_body, struct arena *arena, bool (*each)(void *ctx, const struct run_result *r), void *ctx,
                       struct error *error) {
    bool row = false;
    enum fault fault;
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct run_result one = {.case_at = (unsigned)statement_i64(s, 0), .repeat = (unsigned)statement_i64(s, 1),
                                 .verdict = (unsigned)statement_i64(s, 2), .cost_nano = statement_i64(s, 3)};
        if (with_body) one.body = arena ? statement_copy(s, 4, arena) : statement_bytes(s, 4);
        if (arena && arena_is_full(arena)) {
            fault = error_set(error, FAULT_TOO_LARGE, "no room for so many results");
            break;
        }
        if (!each(ctx, &one)) break;
    }
    statement_reset(s);
    return fault;
}

enum fault run_results(struct evaluations *e, int64_t number, int64_t after_case, int64_t after_repeat, int verdict, struct arena *arena,
                       bool (*each)(void *ctx, const struct run_result *r), void *ctx, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "SELECT case_at, repeat, verdict, cost_nano, body FROM result WHERE run = ?1"
                                    " AND (case_at, repeat) > (?2, ?3) AND (?4 < 0 OR verdict = ?4) ORDER BY case_at, repeat",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_i64(s, 2, after_case);
    statement_bind_i64(s, 3, after_repeat);
    statement_bind_i64(s, 4, verdict);
    return walk(s, true, arena, each, ctx, error);
}

enum fault run_results_done(struct evaluations *e, int64_t number, bool (*each)(void *ctx, const struct run_result *r), void *ctx,
                            struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(
        e->db, "SELECT case_at, repeat, verdict, cost_nano FROM result WHERE run = ?1 ORDER BY case_at, repeat", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    return walk(s, false, NULL, each, ctx, error);
}

/* The first run whose results are too old; *ret 0: none. */
static enum fault find_old(struct evaluations *e, int64_t after, int64_t before_us, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    *ret = 0;
    enum fault fault = statement_of(e->db,
                                    "SELECT number FROM run WHERE number > ?1 AND max(ifnull(ended_us, 0), seen_us) < ?2"
                                    " AND number NOT IN (SELECT run FROM reference) AND EXISTS(SELECT 1 FROM result WHERE run = number)"
                                    " ORDER BY number LIMIT 1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, after);
    statement_bind_i64(s, 2, before_us);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) *ret = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

/* A run at a time: others write in between. */
enum fault run_results_prune(struct evaluations *e, int64_t before_us, struct error *error) {
    struct statement *s;
    int64_t number = 0;
    enum fault fault = find_old(e, 0, before_us, &number, error);
    while (fault == FAULT_NONE && number != 0) {
        fault = statement_of(e->db, "DELETE FROM result WHERE run = ?1", &s, error);
        if (fault != FAULT_NONE) return fault;
        statement_bind_i64(s, 1, number);
        fault = statement_run(s, error);
        if (fault == FAULT_NONE) fault = find_old(e, number, before_us, &number, error);
    }
    return fault;
}

/* ---- the reference ---- */

enum fault run_reference(struct evaluations *e, struct slice suite, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT run FROM reference WHERE suite = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, suite);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) *ret = row ? statement_i64(s, 0) : 0;
    statement_reset(s);
    return fault;
}

enum fault run_set_reference(struct evaluations *e, struct slice suite, int64_t number, int64_t at_us, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "INSERT OR REPLACE INTO reference(suite, run, at_us) VALUES(?1, ?2, ?3)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, suite);
    statement_bind_i64(s, 2, number);
    statement_bind_i64(s, 3, at_us);
    return statement_run(s, error);
}
