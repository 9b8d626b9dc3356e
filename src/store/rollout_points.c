#include "store/rollout_points.h"

#include "store/changes_store.h"

#define LEAST_BUCKET_US 1000000LL

struct last {
    bool any;
    int64_t first_us, at_us, n;
    bool alike;
};

static enum fault find_last(struct registry *r, int64_t rollout, const struct rollout_point *p, struct last *ret, struct error *error) {
    struct statement *s;
    bool row = false;
    enum fault fault = statement_of(r->db,
                                    "SELECT at_us, stage, step, weight_ppm, mark, (SELECT min(at_us) FROM rollout_point WHERE rollout = ?1),"
                                    " (SELECT count(*) FROM rollout_point WHERE rollout = ?1)"
                                    " FROM rollout_point WHERE rollout = ?1 ORDER BY number DESC LIMIT 1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, rollout);
    fault = statement_step(s, &row, error);
    *ret = (struct last){.any = row};
    if (fault == FAULT_NONE && row) {
        ret->at_us = statement_i64(s, 0);
        ret->alike = slice_is(statement_bytes(s, 1), rollout_stage_name(p->stage)) && statement_i64(s, 2) == (int64_t)p->step &&
                     statement_i64(s, 3) == (int64_t)p->weight_ppm && slice_eq(statement_bytes(s, 4), p->mark);
        ret->first_us = statement_i64(s, 5);
        ret->n = statement_i64(s, 6);
    }
    statement_reset(s);
    return fault;
}

/* The width at which POINTS_KEPT of them hold all that is between `first` and `now`. */
static int64_t bucket_of(int64_t first_us, int64_t now_us) {
    int64_t width = LEAST_BUCKET_US;
    while (now_us - first_us > width * POINTS_KEPT) width *= 2;
    return width;
}

static enum fault add(struct registry *r, int64_t rollout, const struct rollout_point *p, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db,
                                    "INSERT INTO rollout_point(rollout, number, at_us, stage, step, weight_ppm, mark, body)"
                                    " SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM rollout_point WHERE rollout = ?1",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, rollout);
    statement_bind_i64(s, 2, p->at_us);
    statement_bind_text(s, 3, slice_of(rollout_stage_name(p->stage)));
    statement_bind_i64(s, 4, p->step);
    statement_bind_i64(s, 5, p->weight_ppm);
    statement_bind_text(s, 6, p->mark);
    statement_bind_text(s, 7, p->body);
    return statement_run(s, error);
}

static enum fault run_with(struct registry *r, const char *sql, int64_t a, int64_t b, int64_t c, struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, sql, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, a);
    statement_bind_i64(s, 2, b);
    statement_bind_i64(s, 3, c);
    return statement_run(s, error);
}

/* The last of each bucket stays: it is judged by the most. */
static const char thin[] = "DELETE FROM rollout_point WHERE rollout = ?1 AND number NOT IN"
                           " (SELECT max(number) FROM rollout_point WHERE rollout = ?1 GROUP BY (at_us - ?2) / ?3)";
static const char forget[] = "DELETE FROM rollout_point WHERE rollout <= ?1 - ?2 + 0 * ?3";

enum fault rollout_point_put(struct registry *r, int64_t rollout, const struct rollout_point *p, struct error *error) {
    struct last last;
    enum fault fault = find_last(r, rollout, p, &last, error);
    if (fault != FAULT_NONE) return fault;
    int64_t width = last.any ? bucket_of(last.first_us, p->at_us) : LEAST_BUCKET_US, since = p->at_us - last.at_us;
    if (last.any && last.alike && since > -width && since < width) return FAULT_NONE;
    fault = database_begin(r->db, error);
    if (fault != FAULT_NONE) return fault;
    fault = add(r, rollout, p, error);
    while (fault == FAULT_NONE && last.n + 1 > 2 * POINTS_KEPT && width < INT64_MAX / 4) { /* also of those that differ, and of a clock that steps */
        fault = run_with(r, thin, rollout, last.first_us, width, error);
        if (fault == FAULT_NONE) fault = find_last(r, rollout, p, &last, error);
        width *= 2;
    }
    if (fault == FAULT_NONE) fault = run_with(r, forget, rollout, POINTS_ROLLOUTS, 0, error);
    if (fault == FAULT_NONE) fault = database_commit(r->db, error);
    if (fault != FAULT_NONE) database_rollback(r->db);
    return fault;
}

static enum fault read_point(struct statement *s, struct arena *arena, void *into, struct error *error) {
    struct rollout_point *p = into;
    *p = (struct rollout_point){.at_us = statement_i64(s, 0), .step = (unsigned)statement_i64(s, 2), .weight_ppm = (uint32_t)statement_i64(s, 3),
                                .mark = statement_copy(s, 4, arena), .body = statement_copy(s, 5, arena)};
    if (rollout_stage_from(statement_bytes(s, 1), &p->stage)) return FAULT_NONE;
    return error_set(error, FAULT_CORRUPT, "registry.db: the stage of a rollout's point is damaged");
}

enum fault rollout_points(struct registry *r, int64_t rollout, struct arena *arena, struct rollout_point **ret, unsigned *ret_n,
                          struct error *error) {
    struct statement *s;
    enum fault fault = statement_of(r->db, "SELECT at_us, stage, step, weight_ppm, mark, body FROM rollout_point WHERE rollout = ?1 ORDER BY number", &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, rollout);
    return rows_read(s, arena, sizeof **ret, read_point, (void **)ret, ret_n, error);
}
