#include "store/scored_sums.h"

#include "base/buffer.h"
#include "base/mem.h"
#include "base/table.h"
#include "store/evaluations_store.h"

#include <stdlib.h>

enum { LABELS_MAX = 16 << 20, LABEL_TEXT = 4 << 10 };

/* In the order of the table, so that nothing is sorted: what belongs together is summed here, a step at a time. Columns hold "" where a
 * record has none. */
static const char select_hours[] =
    "SELECT start, application, request_type, prompt, version, model, n, w, wy, w2, w2y, w2y2 FROM scored_hour"
    " WHERE metric = ?3 AND start >= ?1 AND start < ?2 AND (?4 IS NULL OR application = ?4) AND (?5 IS NULL OR request_type = ?5)"
    " AND (?6 IS NULL OR model = ?6) AND (?7 IS NULL OR prompt = ?7 OR prompt || '@' || version = ?7) ORDER BY start";
enum { COLUMN_APPLICATION = 1, COLUMN_REQUEST_TYPE, COLUMN_PROMPT, COLUMN_VERSION, COLUMN_MODEL, COLUMN_SUMS };

struct summing {
    const struct scored_sums_query *q;
    struct table by_label;      /* of the step */
    struct scored_sum *sums;
    struct arena texts;
    size_t n, capacity;
    struct buffer label;
};

static struct slice label_of(struct summing *k, struct statement *s) {
    static const int columns[] = {[SCORED_BY_APPLICATION] = COLUMN_APPLICATION, [SCORED_BY_REQUEST_TYPE] = COLUMN_REQUEST_TYPE, [SCORED_BY_PROMPT] = COLUMN_PROMPT, [SCORED_BY_MODEL] = COLUMN_MODEL};
    if (k->q->by == SCORED_BY_NOTHING) return SLICE("");
    struct slice text = statement_bytes(s, columns[k->q->by]);
    if (k->q->by != SCORED_BY_PROMPT) return text;
    buffer_clear(&k->label);
    buffer_append(&k->label, text);
    struct slice version = statement_bytes(s, COLUMN_VERSION);
    if (version.len > 0) buffer_byte(&k->label, '@');
    buffer_append(&k->label, version);
    return buffer_slice(&k->label);
}

static void add_row(struct summing *k, struct statement *s, int64_t step) {
    const struct weighted_sums sums = {statement_f64(s, COLUMN_SUMS),     statement_f64(s, COLUMN_SUMS + 1), statement_f64(s, COLUMN_SUMS + 2),
                                       statement_f64(s, COLUMN_SUMS + 3), statement_f64(s, COLUMN_SUMS + 4), statement_f64(s, COLUMN_SUMS + 5)};
    struct slice label = label_of(k, s);
    size_t at = (size_t)(uintptr_t)table_get(&k->by_label, label); /* from 1 */
    if (at == 0) {
        if (k->n == k->capacity) {
            k->capacity = k->capacity > 0 ? 2 * k->capacity : 64;
            k->sums = mem_resize(k->sums, k->capacity * sizeof *k->sums);
        }
        k->sums[k->n] = (struct scored_sum){step, label.len > 0 ? arena_slice(&k->texts, label) : SLICE_NULL, {0}};
        at = ++k->n;
        table_put(&k->by_label, label, (void *)(uintptr_t)at);
    }
    weighted_sums_add(&k->sums[at - 1].sums, &sums);
}

static int by_label(const void *a, const void *b) {
    struct slice x = ((const struct scored_sum *)a)->label, y = ((const struct scored_sum *)b)->label;
    size_t least = x.len < y.len ? x.len : y.len;
    int order = least > 0 ? memcmp(x.at, y.at, least) : 0;
    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* Gives the step's sums and forgets them. False: `each` has enough. */
static bool give(struct summing *k, bool (*each)(void *ctx, const struct scored_sum *s), void *ctx) {
    bool more = true;
    if (k->n > 1) qsort(k->sums, k->n, sizeof *k->sums, by_label);
    for (size_t i = 0; i < k->n && more; i++) more = each(ctx, &k->sums[i]);
    k->n = 0;
    arena_reset(&k->texts);
    table_deinit(&k->by_label);
    table_init(&k->by_label);
    return more;
}

static enum fault read_hours(struct summing *k, struct statement *s, bool (*each)(void *ctx, const struct scored_sum *s), void *ctx, struct error *error) {
    enum fault fault;
    bool row = false, more = true;
    int64_t now = 0;
    while (more && (fault = statement_step(s, &row, error)) == FAULT_NONE && row) {
        int64_t start = statement_i64(s, 0), step = k->q->step_us > 0 ? start - start % k->q->step_us : 0;
        if (k->n > 0 && step != now) more = give(k, each, ctx);
        now = step;
        if (more) add_row(k, s, step);
    }
    if (more && fault == FAULT_NONE) give(k, each, ctx);
    return fault == FAULT_NONE && arena_is_full(&k->texts) ? error_set(error, FAULT_TOO_LARGE, "no room for the labels of scores") : fault;
}

enum fault scored_sums(struct evaluations *e, const struct scored_sums_query *q, bool (*each)(void *ctx, const struct scored_sum *s), void *ctx,
                       struct error *error) {
    struct statement *s;
    struct summing k = {.q = q};
    enum fault fault = statement_of(e->db, select_hours, &s, error);
    if (fault != FAULT_NONE) return fault;
    statement_bind_i64(s, 1, q->from_us);
    statement_bind_i64(s, 2, q->to_us);
    statement_bind_text(s, 3, slice_is_null(q->metric) ? SLICE("") : q->metric);
    statement_bind_text(s, 4, q->application);
    statement_bind_text(s, 5, q->request_type);
    statement_bind_text(s, 6, q->model);
    statement_bind_text(s, 7, q->prompt);
    table_init(&k.by_label);
    arena_init(&k.texts, 16 << 10, LABELS_MAX);
    buffer_init(&k.label, LABEL_TEXT);
    fault = read_hours(&k, s, each, ctx, error);
    statement_reset(s);
    buffer_deinit(&k.label);
    arena_deinit(&k.texts);
    table_deinit(&k.by_label);
    mem_free(k.sums);
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
