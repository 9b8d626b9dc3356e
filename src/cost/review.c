#include "base/buffer.h"
#include "base/mem.h"
#include "base/table.h"
#include "cost/review_payload.h"

#include <math.h>
#include <stdlib.h>

enum { KEY_TEXT = 64 << 10 };
static const double MONTH_US = 365.25 / 12 * 86400e6;

int64_t review_paid(const struct spend_sums *s) {
    int64_t n = (int64_t)(s->requests - s->by_status[RECORD_REFUSED] - s->cache_hits - s->unpriced);
    return n > 0 ? n : 0;
}

/* ---- rows, one for each combination of the names in `by` ---- */

struct reading {
    struct review_build *b;
    struct review_rows *rows;
    struct table index; /* names -> its place in rows, plus one */
    struct buffer key;
    unsigned by;
};

static struct review_row *row_of(struct reading *r, const struct slice *names) {
    struct review_rows *rows = r->rows;
    buffer_clear(&r->key);
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        if (r->by >> d & 1) {
            uint64_t len = slice_is_null(names[d]) ? UINT64_MAX : names[d].len;
            buffer_append(&r->key, slice_make((const char *)&len, sizeof len));
            buffer_append(&r->key, names[d]);
        }
    size_t place = (size_t)(uintptr_t)table_get(&r->index, buffer_slice(&r->key));
    if (place > 0) return &rows->at[place - 1];
    if (rows->n == rows->capacity) {
        rows->capacity = rows->capacity > 0 ? 2 * rows->capacity : 64;
        rows->at = mem_resize(rows->at, rows->capacity * sizeof *rows->at);
    }
    struct review_row *row = &rows->at[rows->n++];
    *row = (struct review_row){.least_input = INFINITY};
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        if (r->by >> d & 1) row->names[d] = arena_slice(r->b->arena, names[d]);
    table_put(&r->index, buffer_slice(&r->key), (void *)(uintptr_t)rows->n);
    return row;
}

static bool collect(void *ctx, const struct spend_group *g) {
    struct reading *r = ctx;
    spend_sums_merge(&row_of(r, g->names)->sums, &g->sums);
    return !arena_is_full(r->b->arena);
}

/* All input over the whole answers alone: never below the mean of these, so never below the shortest. */
static bool collect_day(void *ctx, const struct spend_group *g) {
    struct reading *r = ctx;
    const struct spend_sums *s = &g->sums;
    /* an answer without a price may have no usage */
    int64_t answers = (int64_t)(s->by_status[RECORD_OK] - s->cache_hits - s->unpriced);
    if (slice_is_null(g->names[SPEND_BY_SYSTEM_PROMPT])) return true;
    struct review_row *row = row_of(r, g->names);
    spend_sums_merge(&row->sums, s);
    if (answers > 0) row->least_input = fmin(row->least_input, (double)s->usage.input / (double)answers);
    return !arena_is_full(r->b->arena);
}

static bool collect_hour(void *ctx, const struct spend_group *g) {
    struct reading *r = ctx;
    struct review *out = r->b->out;
    struct review_row *row = row_of(r, g->names);
    int64_t hour = g->start_us / REVIEW_HOUR_US - out->from_us / REVIEW_HOUR_US;
    spend_sums_merge(&row->sums, &g->sums);
    if (row->hours == NULL) row->hours = mem_new_array(double, r->b->n_hours);
    if (hour >= 0 && (size_t)hour < r->b->n_hours) {
        row->hours[hour] += (double)g->sums.cost_nano;
        r->b->requests_by_hour[hour] += g->sums.requests;
    }
    int64_t start = g->start_us > out->from_us ? g->start_us : out->from_us;
    if (start < out->first_us) out->first_us = start;
    return !arena_is_full(r->b->arena);
}

static int compare_slices(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

int review_compare_rows(const void *a, const void *b) {
    const struct review_row *x = a, *y = b;
    for (int d = 0; d < SPEND_DIMENSIONS; d++) {
        int order = compare_slices(x->names[d], y->names[d]);
        if (order == 0)
            order = (int)slice_is_null(y->names[d]) - (int)slice_is_null(x->names[d]); /* null before "" */
        if (order != 0) return order;
    }
    return 0;
}

static enum fault read_rows(struct review_build *b, struct ledger *l, const struct review_query *q,
                            unsigned by, unsigned time, bool (*each)(void *ctx, const struct spend_group *g),
                            struct review_rows *ret, struct error *error) {
    struct reading r = {.b = b, .rows = ret, .by = by};
    struct spend_query query = {.from_us = q->from_us, .to_us = q->to_us, .by = by | time};
    query.only[SPEND_BY_APPLICATION] = q->application;
    table_init(&r.index);
    buffer_init(&r.key, KEY_TEXT);
    enum fault fault = ledger_spend(l, &query, each, &r, NULL, error);
    table_deinit(&r.index);
    buffer_deinit(&r.key);
    if (fault == FAULT_NONE && ret->n > 1) qsort(ret->at, ret->n, sizeof *ret->at, review_compare_rows);
    return fault;
}

static void release(struct review_build *b) {
    for (size_t i = 0; i < b->models.n; i++) mem_free(b->models.at[i].hours);
    mem_free(b->work.at);
    mem_free(b->types.at);
    mem_free(b->features.at);
    mem_free(b->requests_by_hour);
    mem_free(b->prompts.at);
    mem_free(b->models.at);
}

/* ---- rank ---- */

static int by_amount(const void *a, const void *b) {
    const struct review_action *x = a, *y = b;
    if (x->month_nano != y->month_nano) /* MONEY_UNKNOWN is the least of all */
        return x->month_nano > y->month_nano ? -1 : 1;
    if (x->concerns != y->concerns) return x->concerns > y->concerns ? -1 : 1;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int order = compare_slices(x->application, y->application);
    if (order == 0) order = compare_slices(x->request_type, y->request_type);
    if (order == 0) order = compare_slices(x->model, y->model);
    if (order == 0) order = compare_slices(x->target_model, y->target_model);
    return order != 0 ? order : compare_slices(x->system_prompt, y->system_prompt);
}

static int by_missed(const void *a, const void *b) {
    const struct review_prefix *x = a, *y = b;
    if (x->month_nano != y->month_nano) return x->month_nano > y->month_nano ? -1 : 1;
    return (x->missed < y->missed) - (x->missed > y->missed);
}

static void judge(struct review_build *b) {
    struct review *out = b->out;
    double observed = (double)(out->to_us - out->first_us);
    out->verdict = REVIEW_NOT_ENOUGH;
    out->month_nano = MONEY_UNKNOWN;
    if (b->total.requests == 0 || observed < (double)REVIEW_LEAST_US) return;
    b->to_a_month = MONTH_US / observed;
    if (spend_sums_is_known(&b->total)) out->month_nano = llround((double)b->total.cost_nano * b->to_a_month);
    review_find(b);
    if (out->n_prefixes > 1) qsort(out->prefixes, out->n_prefixes, sizeof *out->prefixes, by_missed);
    if (out->n > 1) qsort(out->actions, out->n, sizeof *out->actions, by_amount);
    out->verdict = out->n > 0 ? REVIEW_ACTIONS : REVIEW_NOTHING;
}

/* Actions are found in heap memory that grows; what is answered lives in the arena. */
static enum fault keep(struct review_build *b, struct error *error) {
    struct review_action *found = b->out->actions;
    b->out->actions = arena_new_array(b->arena, struct review_action, b->out->n + 1);
    if (b->out->actions != NULL && b->out->n > 0) memcpy(b->out->actions, found, b->out->n * sizeof *found);
    mem_free(found);
    if (!arena_is_full(b->arena)) return FAULT_NONE;
    return error_set(error, FAULT_TOO_LARGE, "too many combinations of names: take a shorter window");
}

static enum fault read_sums(struct review_build *b, struct ledger *l, const struct review_query *q,
                            struct error *error) {
    b->requests_by_hour = mem_new_array(uint64_t, b->n_hours);
    enum fault fault = read_rows(b, l, q, REVIEW_BY_WORK, 0, collect, &b->work, error);
    if (fault == FAULT_NONE) fault = read_rows(b, l, q, REVIEW_BY_TYPE, 0, collect, &b->types, error);
    if (fault == FAULT_NONE) fault = read_rows(b, l, q, REVIEW_BY_FEATURE, 0, collect, &b->features, error);
    if (fault == FAULT_NONE)
        fault = read_rows(b, l, q, REVIEW_BY_PROMPT, SPEND_BIT(DAY), collect_day, &b->prompts, error);
    if (fault == FAULT_NONE)
        fault = read_rows(b, l, q, SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL), SPEND_BIT(HOUR),
                          collect_hour, &b->models, error);
    for (size_t i = 0; i < b->types.n; i++) spend_sums_merge(&b->total, &b->types.at[i].sums);
    return fault;
}

enum fault review_run(struct ledger *l, const struct policy *policy, const struct review_query *q,
                      struct arena *arena, struct review *ret, struct error *error) {
    struct review out = {q->from_us, q->to_us, .first_us = q->to_us, .has_policy = policy != NULL};
    struct review_build b = {.policy = policy, .registry = q->registry, .arena = arena, .out = &out};
    if (q->from_us <= 0 || q->from_us >= q->to_us || q->to_us - q->from_us > REVIEW_LONGEST_US)
        return error_set(error, FAULT_BAD_REQUEST, "from: expected a window of at most 400 days until `to`");
    b.n_hours = (size_t)((q->to_us - 1) / REVIEW_HOUR_US - q->from_us / REVIEW_HOUR_US + 1);
    enum fault fault = read_sums(&b, l, q, error);
    if (fault == FAULT_NONE && b.total.requests > 0) fault = review_sample(&b, l, q, error);
    if (fault == FAULT_NONE) judge(&b);
    if (fault == FAULT_NONE) fault = keep(&b, error);
    if (fault == FAULT_NONE) *ret = out;
    release(&b);
    return fault;
}
