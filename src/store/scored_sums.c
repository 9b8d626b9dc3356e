#include "store/scored_sums.h"

#include "store/evaluations_store.h"

/* Of each row the label that is asked for (?4); columns hold "" where a record has none. */
#define LABEL                                                                                                              \
    " CASE ?4 WHEN 1 THEN application WHEN 2 THEN request_type"                                                           \
    " WHEN 3 THEN CASE WHEN version = '' THEN prompt ELSE prompt || '@' || version END WHEN 4 THEN model ELSE '' END"
static const char select_sums[] =
    "SELECT CASE ?3 WHEN 0 THEN 0 ELSE start - start % ?3 END AS step," LABEL
    " AS label, sum(n), sum(w), sum(wy), sum(w2), sum(w2y), sum(w2y2) FROM scored_hour"
    " WHERE start >= ?1 AND start < ?2 AND metric = ?5 AND (?6 IS NULL OR application = ?6) AND (?7 IS NULL OR request_type = ?7)"
    " AND (?8 IS NULL OR model = ?8) AND (?9 IS NULL OR prompt = ?9 OR prompt || '@' || version = ?9) GROUP BY step, label ORDER BY step, label";

static struct slice label_of(struct statement *s, int column) {
    struct slice text = statement_bytes(s, column);
    return text.len > 0 ? text : SLICE_NULL;
}

enum fault scored_sums(struct evaluations *e, const struct scored_sums_query *q, bool (*each)(void *ctx, const struct scored_sum *s), void *ctx,
                       struct error *error) {
    struct statement *s;
    bool row = false, more = true;
    enum fault fault = statement_of(e->db, select_sums, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, q->from_us);
    statement_bind_i64(s, 2, q->to_us);
    statement_bind_i64(s, 3, q->step_us);
    statement_bind_i64(s, 4, q->by);
    statement_bind_text(s, 5, slice_is_null(q->metric) ? SLICE("") : q->metric);
    statement_bind_text(s, 6, q->application);
    statement_bind_text(s, 7, q->request_type);
    statement_bind_text(s, 8, q->model);
    statement_bind_text(s, 9, q->prompt);
    while (more && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        struct scored_sum sum = {statement_i64(s, 0), label_of(s, 1),
                                 {statement_f64(s, 2), statement_f64(s, 3), statement_f64(s, 4), statement_f64(s, 5), statement_f64(s, 6), statement_f64(s, 7)}};
        more = each(ctx, &sum);
    }
    statement_reset(s);
    return fault;
}

enum fault scored_metrics(struct evaluations *e, struct slice application, int64_t from_us, int64_t to_us, struct arena *arena, struct slice *ret,
                          unsigned most, unsigned *ret_n, struct error *error) {
    struct statement *s;
    bool row = false;
    unsigned n = 0;
    enum fault fault = statement_of(e->db,
                                    "SELECT DISTINCT metric FROM scored_hour WHERE start >= ?1 AND start < ?2 AND metric <> ''"
                                    " AND (?3 IS NULL OR application = ?3) ORDER BY metric LIMIT ?4",
                                    &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, from_us);
    statement_bind_i64(s, 2, to_us);
    statement_bind_text(s, 3, application);
    statement_bind_i64(s, 4, most);
    while (n < most && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) ret[n++] = statement_copy(s, 0, arena);
    statement_reset(s);
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for names of metrics");
    if (fault == FAULT_NONE) *ret_n = n;
    return fault;
}
