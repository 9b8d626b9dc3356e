#include "store/rollouts.h"

#include "base/json.h"
#include "base/money.h"
#include "store/changes_store.h"
#include "store/findings.h"

#define POSITION SLICE("rollouts.position")
enum { HISTORY_TEXT = 1 << 20 };

static const char *const stages[] = {
#define STAGE(symbol, name) name,
    ROLLOUT_STAGE_TABLE(STAGE)
#undef STAGE
};
static const char *const states[] = {
#define STATE(symbol, name) name,
    ROLLOUT_STATE_TABLE(STATE)
#undef STATE
};
const char *rollout_stage_name(enum rollout_stage s) { return stages[s]; }
const char *rollout_state_name(enum rollout_state s) { return states[s]; }

static bool index_of(struct slice name, const char *const *names, unsigned n, unsigned *ret) {
    for (unsigned i = 0; i < n; i++)
        if (slice_is(name, names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

bool rollout_stage_from(struct slice name, enum rollout_stage *ret) {
    unsigned i;
    if (!index_of(name, stages, sizeof stages / sizeof *stages, &i)) return false;
    *ret = (enum rollout_stage)i;
    return true;
}

bool rollout_state_from(struct slice name, enum rollout_state *ret) {
    unsigned i;
    if (!index_of(name, states, sizeof states / sizeof *states, &i)) return false;
    *ret = (enum rollout_state)i;
    return true;
}

/* ---- rows ---- */

#define ROLLOUT                                                                                                       \
    "number, kind, name, candidate, control, plan, stage, state, step, epoch, weight_ppm, salt, step_held_us, started_us, ended_us," \
    " started_by, verdict, why, evidence"

static enum fault read_row(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct rollout_row *row = into;
    *row = (struct rollout_row){.number = statement_i64(s, 0),
                                .kind = statement_copy(s, 1, arena),
                                .name = statement_copy(s, 2, arena),
                                .candidate = statement_i64(s, 3),
                                .control = statement_i64(s, 4),
                                .plan = statement_copy(s, 5, arena),
                                .step = (unsigned)statement_i64(s, 8),
                                .epoch = (unsigned)statement_i64(s, 9),
                                .weight_ppm = (uint32_t)statement_i64(s, 10),
                                .salt = (uint64_t)statement_i64(s, 11),
                                .step_held_us = statement_i64(s, 12),
                                .started_us = statement_i64(s, 13),
                                .ended_us = statement_i64(s, 14),
                                .started_by = statement_copy(s, 15, arena),
                                .verdict = statement_copy(s, 16, arena),
                                .why = statement_copy(s, 17, arena),
                                .evidence = statement_copy(s, 18, arena)};
    bool good = rollout_stage_from(statement_bytes(s, 6), &row->stage) && rollout_state_from(statement_bytes(s, 7), &row->state);
    return good ? FAULT_NONE : error_set(error, FAULT_CORRUPT, "registry.db: rollout %lld is damaged", (long long)row->number);
}

enum fault rollouts_list(struct registry *r, struct slice kind, struct slice name, bool under_way, unsigned limit, struct arena *arena,
                         struct rollout_row **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    under_way ? "SELECT " ROLLOUT " FROM rollout WHERE state IN ('progressing', 'paused') AND (?1 IS NULL OR kind = ?1)"
                                                " AND (?2 IS NULL OR name = ?2) ORDER BY number DESC LIMIT ?3"
                                              : "SELECT " ROLLOUT " FROM rollout WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR name = ?2)"
                                                " ORDER BY number DESC LIMIT ?3",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    statement_bind_i64(s, 3, limit == 0 ? -1 : (int64_t)limit);
    return rows_read(s, arena, sizeof **ret, read_row, (void **)ret, ret_n, error);
}

enum fault rollout_find(struct registry *r, struct slice kind, struct slice name, struct arena *arena, struct rollout_row *ret,
                        struct error *error) {
    struct statement *s;
    struct rollout_row *rows;
    unsigned n = 0;
    enum fault fault =
        statement_of(r->db, "SELECT " ROLLOUT " FROM rollout WHERE kind = ?1 AND name = ?2 ORDER BY number DESC LIMIT 1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, kind);
    statement_bind_text(s, 2, name);
    fault = rows_read(s, arena, sizeof *rows, read_row, (void **)&rows, &n, error);
    if (fault != FAULT_NONE) return fault;
    if (n == 0) {
        struct change_subject of = {0};
        fault = changes_subject(r, kind, name, arena, &of, error);
        return fault != FAULT_NONE ? fault : error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has had no rollout: `quarterdeck rollout start " SLICE_FMT "@V` begins one", SLICE_ARG(name), SLICE_ARG(name));
    }
    *ret = rows[0];
    return FAULT_NONE;
}

enum fault rollout_numbered(struct registry *r, struct slice kind, struct slice name, int64_t number, struct arena *arena, struct rollout_row *ret,
                            struct error *error) {
    struct statement *s;
    struct rollout_row *rows;
    unsigned n = 0;
    enum fault fault = statement_of(r->db, "SELECT " ROLLOUT " FROM rollout WHERE number = ?1 AND kind = ?2 AND name = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    statement_bind_text(s, 2, kind);
    statement_bind_text(s, 3, name);
    fault = rows_read(s, arena, sizeof *rows, read_row, (void **)&rows, &n, error);
    if (fault != FAULT_NONE) return fault;
    if (n == 0) return error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no rollout %lld", SLICE_ARG(name), (long long)number);
    *ret = rows[0];
    return FAULT_NONE;
}

/* ---- writing: inside changes_commit ---- */

static enum fault under_way(struct registry *r, const struct rollout_row *row, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool found = false;
    enum fault fault = statement_of(r->db,
                                    "SELECT number, candidate, stage, state, started_by, started_us FROM rollout WHERE kind = ?1 AND name = ?2"
                                    " AND state IN ('progressing', 'paused')",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, row->kind);
    statement_bind_text(s, 2, row->name);
    fault = statement_step(s, &found, error);
    if (fault == FAULT_NONE && found) {
        changes_time(statement_i64(s, 5), at);
        fault = error_set(error, FAULT_CONFLICT, "rollout %lld of " SLICE_FMT "@%lld is under way (" SLICE_FMT ", " SLICE_FMT "), begun by " SLICE_FMT " at %s",
                          (long long)statement_i64(s, 0), SLICE_ARG(row->name), (long long)statement_i64(s, 1), SLICE_ARG(statement_bytes(s, 2)),
                          SLICE_ARG(statement_bytes(s, 3)), SLICE_ARG(statement_bytes(s, 4)), at);
    }
    statement_reset(s);
    return fault;
}

static enum fault begin(struct registry *r, const struct rollout_row *row, struct slice by, int64_t *ret_number, struct error *error) {
    struct statement *s;
    enum fault fault = under_way(r, row, error);
    if (fault == FAULT_NONE)
        fault = statement_of(r->db,
                             "INSERT INTO rollout(kind, name, candidate, control, plan, stage, state, step, epoch, weight_ppm, salt, step_held_us, started_us,"
                             " ended_us, started_by, changed_by, verdict, why, evidence)"
                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
                             &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, row->kind);
    statement_bind_text(s, 2, row->name);
    statement_bind_i64(s, 3, row->candidate);
    statement_bind_i64(s, 4, row->control);
    statement_bind_text(s, 5, row->plan);
    statement_bind_text(s, 6, slice_of(stages[row->stage]));
    statement_bind_text(s, 7, slice_of(states[row->state]));
    statement_bind_i64(s, 8, row->step);
    statement_bind_i64(s, 9, row->epoch);
    statement_bind_i64(s, 10, row->weight_ppm);
    statement_bind_i64(s, 11, (int64_t)row->salt);
    statement_bind_i64(s, 12, row->step_held_us);
    statement_bind_i64(s, 13, row->started_us);
    statement_bind_i64(s, 14, row->ended_us);
    statement_bind_text(s, 15, slice_is_null(row->started_by) ? by : row->started_by);
    statement_bind_text(s, 16, by);
    statement_bind_text(s, 17, row->verdict);
    statement_bind_text(s, 18, row->why);
    statement_bind_text(s, 19, row->evidence);
    fault = statement_run(s, error);
    return fault == FAULT_NONE ? database_number(r->db, "SELECT last_insert_rowid()", ret_number, error) : fault;
}

/* It is over, or was never there. */
static enum fault is_over(struct registry *r, const struct rollout_row *row, struct error *error) {
    struct statement *s;
    char at[CLOCK_TEXT];
    bool found = false;
    enum fault fault = statement_of(r->db, "SELECT state, changed_by, ended_us FROM rollout WHERE number = ?1 AND kind = ?2 AND name = ?3", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, row->number);
    statement_bind_text(s, 2, row->kind);
    statement_bind_text(s, 3, row->name);
    fault = statement_step(s, &found, error);
    if (fault == FAULT_NONE && found) {
        changes_time(statement_i64(s, 2), at);
        fault = error_set(error, FAULT_CONFLICT, "rollout %lld of " SLICE_FMT " is over: " SLICE_FMT " by " SLICE_FMT " at %s", (long long)row->number,
                          SLICE_ARG(row->name), SLICE_ARG(statement_bytes(s, 0)), SLICE_ARG(statement_bytes(s, 1)), at);
    } else if (fault == FAULT_NONE) {
        fault = error_set(error, FAULT_NOT_FOUND, SLICE_FMT " has no rollout %lld", SLICE_ARG(row->name), (long long)row->number);
    }
    statement_reset(s);
    return fault;
}

enum fault rollout_write(struct registry *r, const struct rollout_row *row, struct slice by, int64_t at_us, int64_t *ret_number,
                         struct error *error) {
    struct statement *s;
    if (row->number == 0) return begin(r, row, by, ret_number, error);
    /* what is over stays so, but that what was promoted may be rolled back */
    enum fault fault = statement_of(r->db,
                                    "UPDATE rollout SET stage = ?4, state = ?5, step = ?6, epoch = ?7, weight_ppm = ?8, salt = ?9, step_held_us = ?10,"
                                    " ended_us = ?11, changed_by = ?12, verdict = ?13, why = ?14, evidence = ?15"
                                    " WHERE number = ?1 AND kind = ?2 AND name = ?3"
                                    " AND (state IN ('progressing', 'paused') OR (state = 'promoted' AND ?5 = 'rolled back'))",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, row->number);
    statement_bind_text(s, 2, row->kind);
    statement_bind_text(s, 3, row->name);
    statement_bind_text(s, 4, slice_of(stages[row->stage]));
    statement_bind_text(s, 5, slice_of(states[row->state]));
    statement_bind_i64(s, 6, row->step);
    statement_bind_i64(s, 7, row->epoch);
    statement_bind_i64(s, 8, row->weight_ppm);
    statement_bind_i64(s, 9, (int64_t)row->salt);
    statement_bind_i64(s, 10, row->step_held_us);
    statement_bind_i64(s, 11, !rollout_under_way(row->state) && row->ended_us == 0 ? at_us : row->ended_us);
    statement_bind_text(s, 12, by);
    statement_bind_text(s, 13, row->verdict);
    statement_bind_text(s, 14, row->why);
    statement_bind_text(s, 15, row->evidence);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE && database_changes(r->db) == 0) return is_over(r, row, error);
    if (fault == FAULT_NONE) *ret_number = row->number;
    return fault;
}

/* ---- what happened ---- */

static void put_from(struct json_writer *w, const char *key, const struct json_doc *d, const char *from) {
    uint32_t node = json_get(d, json_get(d, 0, "rollout"), from);
    json_member_raw(w, key, node == JSON_NONE ? SLICE("null") : json_raw(d, node));
}

static enum fault read_event(struct statement *s, struct arena *arena, void *into, struct error *error) {
    static const char *const members[] = {"stage", "state", "step", "weight", "verdict"};
    struct buffer out;
    struct json_writer w;
    struct json_doc d;
    char at[CLOCK_TEXT];
    enum fault fault = json_read(statement_bytes(s, 4), arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault;
    struct slice why = statement_bytes(s, 3);
    buffer_init(&out, HISTORY_TEXT);
    clock_format(statement_i64(s, 0), at);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "at", at);
    json_member_string(&w, "actor", statement_bytes(s, 1));
    json_member_string(&w, "action", statement_bytes(s, 2));
    if (why.len > 0) json_member_string(&w, "why", why);
    else put_from(&w, "why", &d, "why");
    for (unsigned i = 0; i < sizeof members / sizeof *members; i++) put_from(&w, members[i], &d, members[i]);
    json_object_end(&w);
    *(struct slice *)into = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return FAULT_NONE;
}

enum fault rollout_history(struct registry *r, int64_t number, struct arena *arena, struct slice **ret, unsigned *ret_n, struct error *error) {
    struct statement *s;
    /* subjects of the rollout's: "kind:name", or that and "@V" */
    enum fault fault = statement_of(r->db,
                                    "SELECT a.at_us, a.actor, a.action, a.reason, a.detail FROM rollout o JOIN audit a"
                                    " ON a.subject = o.kind || ':' || o.name"
                                    " OR (a.subject > o.kind || ':' || o.name || '@' AND a.subject < o.kind || ':' || o.name || 'A')"
                                    " WHERE o.number = ?1 AND iif(json_valid(a.detail), json_extract(a.detail, '$.rollout.number'), 0) = ?1 ORDER BY a.number",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    return rows_read(s, arena, sizeof **ret, read_event, (void **)ret, ret_n, error);
}

/* ---- sums ---- */

enum fault rollout_sums_find(struct registry *r, int64_t number, struct arena *arena, struct slice *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db, "SELECT body FROM rollout_sums WHERE number = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, number);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE) *ret = row ? statement_copy(s, 0, arena) : SLICE_NULL;
    statement_reset(s);
    return fault == FAULT_NONE && arena_is_full(arena) ? error_set(error, FAULT_TOO_LARGE, "no room for the sums of rollout %lld", (long long)number) : fault;
}

static enum fault keep_one(struct registry *r, const struct rollout_sums *k, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "INSERT OR REPLACE INTO rollout_sums(number, body) VALUES(?1, ?2)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, k->number);
    statement_bind_blob(s, 2, k->body);
    fault = statement_run(s, error);
    if (fault == FAULT_NONE)
        fault = statement_of(r->db,
                             "UPDATE rollout SET step_held_us = ?4 WHERE number = ?1 AND step = ?2 AND epoch = ?3 AND state IN ('progressing', 'paused')",
                             &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, k->number);
    statement_bind_i64(s, 2, k->step);
    statement_bind_i64(s, 3, k->epoch);
    statement_bind_i64(s, 4, k->step_held_us);
    return statement_run(s, error);
}

enum fault rollout_sums_keep(struct registry *r, const struct rollout_sums *sums, unsigned n, struct slice position, struct error *error) {
    enum fault fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) fault = keep_one(r, &sums[i], error);
    if (fault == FAULT_NONE) fault = registry_keep(r, POSITION, position, 0, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

enum fault rollout_position(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) {
    int64_t at_us;
    return registry_kept(r, POSITION, arena, ret, &at_us, error);
}

/* ---- pairs of a shadow ---- */

enum fault shadow_pair_put(struct registry *r, const struct shadow_pair *p, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "INSERT OR IGNORE INTO shadow_pair(rollout, record, at_us, cost_nano, body) VALUES(?1, ?2, ?3, ?4, ?5)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, p->rollout);
    statement_bind_blob(s, 2, p->record);
    statement_bind_i64(s, 3, p->at_us);
    if (money_is_known(p->cost_nano)) statement_bind_i64(s, 4, p->cost_nano);
    statement_bind_text(s, 5, p->body);
    return statement_run(s, error);
}

enum fault shadow_pairs(struct registry *r, int64_t rollout, bool (*each)(void *ctx, const struct shadow_pair *p), void *ctx,
                        struct error *error) {
    struct statement *s;
    bool row = true;
    enum fault fault = statement_of(r->db, "SELECT record, at_us, cost_nano, body FROM shadow_pair WHERE rollout = ?1 ORDER BY record", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, rollout);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct shadow_pair p = {rollout, statement_bytes(s, 0), statement_i64(s, 1), statement_is_null(s, 2) ? MONEY_UNKNOWN : statement_i64(s, 2),
                                statement_bytes(s, 3)};
        if (!each(ctx, &p)) break;
    }
    statement_reset(s);
    return fault;
}
