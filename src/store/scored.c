#include "store/scored.h"

#include "store/evaluations_store.h"

#define DAY_US 86400000000LL

#define TEXT(field) ", " #field
#define NUMBER(field) ", " #field
#define COLUMNS "record" SCORED_TABLE(TEXT, NUMBER)
static const char select_waiting[] = "SELECT " COLUMNS " FROM scored WHERE state = 0 AND rule = ?1 ORDER BY time_us, record LIMIT ?2";
static const char select_window[] = "SELECT " COLUMNS " FROM scored WHERE rule = ?1 AND time_us >= ?2 AND time_us < ?3 ORDER BY time_us, record";
static const char select_any[] = "SELECT " COLUMNS " FROM scored WHERE ?1 IS NULL AND time_us >= ?2 AND time_us < ?3 ORDER BY time_us, record";
static const char insert_one[] = "INSERT OR IGNORE INTO scored(" COLUMNS ")"
                                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
#undef TEXT
#undef NUMBER

static struct slice id_of(const struct scored *s) { return slice_make((const char *)s->record.bytes, sizeof s->record.bytes); }

/* ---- the rule ---- */

enum fault scored_rule_find(struct evaluations *e, struct slice rule, struct arena *arena, struct scored_rule *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    *ret = (struct scored_rule){0};
    enum fault fault =
        statement_of(e->db, "SELECT position, window, used, paused, changed_us, by, why FROM scoring_rule WHERE rule = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row)
        *ret = (struct scored_rule){statement_copy(s, 0, arena), statement_i64(s, 1), statement_i64(s, 2), statement_i64(s, 3) != 0,
                                    statement_i64(s, 4), statement_copy(s, 5, arena), statement_copy(s, 6, arena)};
    statement_reset(s);
    return fault;
}

enum fault scored_rule_pause(struct evaluations *e, struct slice rule, bool paused, struct slice by, struct slice why, int64_t at_us,
                             struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO scoring_rule(rule, paused, by, why, changed_us) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(rule) DO UPDATE"
                                    " SET paused = ?2, by = ?3, why = ?4, changed_us = ?5",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, paused);
    statement_bind_text(s, 3, by);
    statement_bind_text(s, 4, why);
    statement_bind_i64(s, 5, at_us);
    return statement_run(s, error);
}

/* ---- a step ---- */

static enum fault put_position(struct evaluations *e, const struct scored_step *k, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO scoring_rule(rule, position, window, used) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(rule) DO UPDATE"
                                    " SET position = ?2, window = ?3, used = ?4",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->rule);
    statement_bind_text(s, 2, k->position);
    statement_bind_i64(s, 3, k->window);
    statement_bind_i64(s, 4, k->used);
    return statement_run(s, error);
}

static enum fault put_counts(struct evaluations *e, const struct scored_step *k, struct error *error) {
    struct statement *s;
    if (k->counts.matched == 0) return FAULT_NONE;
    enum fault fault = statement_of(e->db,
                                    "INSERT INTO scored_count(rule, day, matched, taken, over) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(rule, day)"
                                    " DO UPDATE SET matched = matched + ?3, taken = taken + ?4, over = over + ?5",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, k->rule);
    statement_bind_i64(s, 2, k->day);
    statement_bind_i64(s, 3, k->counts.matched);
    statement_bind_i64(s, 4, k->counts.taken);
    statement_bind_i64(s, 5, k->counts.over);
    return statement_run(s, error);
}

static enum fault put_histogram(struct evaluations *e, struct slice rule, const struct scored_histogram *h, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "REPLACE INTO scored_length(rule, request_type, day, histogram) VALUES(?1, ?2, ?3, ?4)", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_text(s, 2, h->request_type);
    statement_bind_i64(s, 3, h->day);
    statement_bind_blob(s, 4, h->bytes);
    return statement_run(s, error);
}

static enum fault put_one(struct evaluations *e, const struct scored *one, struct error *error) {
    struct statement *s;
    int at = 1;
    enum fault fault = statement_of(e->db, insert_one, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_blob(s, at, id_of(one));
#define TEXT(field) statement_bind_text(s, ++at, one->field);
#define NUMBER(field) statement_bind_i64(s, ++at, one->field);
    SCORED_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    return statement_run(s, error);
}

enum fault scored_keep(struct evaluations *e, const struct scored_step *k, struct error *error) {
    enum fault fault = database_begin(e->db, error);
    if (fault == FAULT_NONE) fault = put_position(e, k, error);
    if (fault == FAULT_NONE) fault = put_counts(e, k, error);
    for (size_t i = 0; i < k->n_taken && fault == FAULT_NONE; i++) fault = put_one(e, &k->taken[i], error);
    for (size_t i = 0; i < k->n_histograms && fault == FAULT_NONE; i++) fault = put_histogram(e, k->rule, &k->histograms[i], error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

/* ---- rows ---- */

static enum fault read_row(struct statement *s, struct arena *arena, struct scored *ret, struct error *error) {
    struct slice id = statement_bytes(s, 0);
    int at = 0;
    if (id.len != sizeof ret->record.bytes) return error_set(error, FAULT_CORRUPT, "evaluations.db: a scored record cannot be read");
    memcpy(ret->record.bytes, id.at, sizeof ret->record.bytes);
#define TEXT(field) ret->field = statement_copy(s, ++at, arena);
#define NUMBER(field) ret->field = statement_i64(s, ++at);
    SCORED_TABLE(TEXT, NUMBER)
#undef TEXT
#undef NUMBER
    return arena_is_full(arena) ? error_set(error, FAULT_TOO_LARGE, "no room for a scored record") : FAULT_NONE;
}

enum fault scored_waiting(struct evaluations *e, struct slice rule, unsigned limit, struct arena *arena, struct scored **ret, unsigned *ret_n,
                          struct error *error) {
    struct statement *s;
    struct scored *all = arena_new_array(arena, struct scored, limit);
    unsigned n = 0;
    bool row = false;
    if (all == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for scored records");
    enum fault fault = statement_of(e->db, select_waiting, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, limit);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row && n < limit)
        if ((fault = read_row(s, arena, &all[n++], error)) != FAULT_NONE) break;
    statement_reset(s);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

/* Scores by the hour (scored_sums.h): of one that waits and will not. */
static const char insert_sums[] =
    "WITH c AS (SELECT json_extract(value, '$.metric') AS metric, json_extract(value, '$.score') AS y FROM json_each(CASE WHEN json_valid(?3) THEN ?3 ELSE '[]' END)"
    " WHERE json_extract(value, '$.verdict') <> 'error' AND json_type(value, '$.score') IN ('integer', 'real')),"
    " m AS (SELECT metric, y FROM c WHERE metric IS NOT NULL UNION ALL SELECT '', avg(y) FROM c HAVING count(*) > 0)"
    " INSERT INTO scored_hour SELECT s.time_us - s.time_us % 3600000000, m.metric, ifnull(s.application, ''), ifnull(s.request_type, ''),"
    " ifnull(s.prompt, ''), ifnull(s.version, ''), ifnull(s.model, ''), count(*), sum(w), sum(w * y), sum(w * w), sum(w * w * y), sum(w * w * y * y)"
    " FROM (SELECT *, 1e15 / chance_e15 AS w FROM scored WHERE rule = ?1 AND record = ?2 AND state = 0) s, m WHERE true GROUP BY m.metric"
    " ON CONFLICT(metric, start, application, request_type, prompt, version, model) DO UPDATE SET n = n + excluded.n, w = w + excluded.w,"
    " wy = wy + excluded.wy, w2 = w2 + excluded.w2, w2y = w2y + excluded.w2y, w2y2 = w2y2 + excluded.w2y2";

static enum fault add_to_sums(struct evaluations *e, const struct scored *one, struct error *error) {
    struct statement *s;
    if (one->state != SCORED_DONE || slice_is_null(one->body)) return FAULT_NONE;
    enum fault fault = statement_of(e->db, insert_sums, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, one->rule);
    statement_bind_blob(s, 2, id_of(one));
    statement_bind_text(s, 3, one->body);
    return statement_run(s, error);
}

static enum fault set_conclusion(struct evaluations *e, const struct scored *one, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(e->db, "UPDATE scored SET state = ?3, tries = ?4, body = ?5 WHERE rule = ?1 AND record = ?2", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, one->rule);
    statement_bind_blob(s, 2, id_of(one));
    statement_bind_i64(s, 3, one->state);
    statement_bind_i64(s, 4, one->tries);
    statement_bind_text(s, 5, one->body);
    return statement_run(s, error);
}

enum fault scored_conclude(struct evaluations *e, const struct scored *one, struct error *error) {
    enum fault fault = database_begin(e->db, error);
    if (fault == FAULT_NONE) fault = add_to_sums(e, one, error);
    if (fault == FAULT_NONE) fault = set_conclusion(e, one, error);
    if (fault == FAULT_NONE) fault = database_commit(e->db, error);
    if (fault != FAULT_NONE) database_rollback(e->db);
    return fault;
}

enum fault scored_each(struct evaluations *e, struct slice rule, int64_t from_us, int64_t to_us, bool (*each)(void *ctx, const struct scored *s),
                       void *ctx, struct error *error) {
    struct statement *s;
    struct arena arena;
    bool row = false, more = true;
    enum fault fault = statement_of(e->db, slice_is_null(rule) ? select_any : select_window, &s, error);
    if (fault != FAULT_NONE) return fault;
    arena_init(&arena, 16 << 10, 1 << 20);
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, from_us);
    statement_bind_i64(s, 3, to_us);
    while (more && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct scored one;
        arena_reset(&arena);
        if ((fault = read_row(s, &arena, &one, error)) != FAULT_NONE) break;
        more = each(ctx, &one);
    }
    statement_reset(s);
    arena_deinit(&arena);
    return fault;
}

enum fault scored_count(struct evaluations *e, struct slice rule, int64_t from_us, int64_t to_us, struct scored_counts *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(
        e->db, "SELECT ifnull(sum(matched), 0), ifnull(sum(taken), 0), ifnull(sum(over), 0) FROM scored_count WHERE rule = ?1 AND day >= ?2 AND day < ?3",
        &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, from_us / DAY_US);
    statement_bind_i64(s, 3, (to_us + DAY_US - 1) / DAY_US);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) *ret = (struct scored_counts){statement_i64(s, 0), statement_i64(s, 1), statement_i64(s, 2)};
    statement_reset(s);
    return fault;
}

enum fault scored_count_waiting(struct evaluations *e, struct slice rule, int64_t *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(e->db, "SELECT count(*) FROM scored WHERE state = 0 AND rule = ?1", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    fault = statement_step(s, &row, error);
    if (fault == FAULT_NONE && row) *ret = statement_i64(s, 0);
    statement_reset(s);
    return fault;
}

enum fault scored_histograms(struct evaluations *e, struct slice rule, int64_t from_day, void (*each)(void *ctx, const struct scored_histogram *h),
                             void *ctx, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault =
        statement_of(e->db, "SELECT request_type, day, histogram FROM scored_length WHERE rule = ?1 AND day >= ?2 ORDER BY request_type, day", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_text(s, 1, rule);
    statement_bind_i64(s, 2, from_day);
    while ((fault = statement_step(s, &row, error)) == FAULT_NONE && row)
        each(ctx, &(struct scored_histogram){statement_bytes(s, 0), statement_i64(s, 1), statement_bytes(s, 2)});
    statement_reset(s);
    return fault;
}

static enum fault forget(struct statement *s, enum fault fault, int64_t before, struct error *error) {
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, before);
    return statement_run(s, error);
}

enum fault scored_prune(struct evaluations *e, int64_t before_us, struct error *error) {
    struct statement *s = NULL;
    enum fault fault = statement_of(e->db, "DELETE FROM scored WHERE time_us < ?1", &s, error);
    fault = forget(s, fault, before_us, error);
    if (fault == FAULT_NONE) fault = statement_of(e->db, "DELETE FROM scored_count WHERE day < ?1", &s, error);
    fault = forget(s, fault, before_us / DAY_US, error);
    if (fault == FAULT_NONE) fault = statement_of(e->db, "DELETE FROM scored_length WHERE day < ?1", &s, error);
    fault = forget(s, fault, before_us / DAY_US, error);
    if (fault == FAULT_NONE) fault = statement_of(e->db, "DELETE FROM scored_hour WHERE start < ?1", &s, error);
    return forget(s, fault, before_us, error);
}
