#include "cost/report.h"
#include "base/clock.h"
#include "base/mem.h"

#include <stdlib.h>

enum { TEXTS_FIRST = 16 << 10, TEXTS_MAX = 512 << 20 };

/* ---- the question ---- */

static int dimension_of(struct slice name) {
    for (int d = 0; d <= SPEND_BY_HOUR; d++)
        if (slice_is(name, spend_dimension_name((enum spend_dimension)d))) return d;
    return -1;
}

bool cost_report_parse_by(struct slice text, struct cost_report_query *ret, struct error *error) {
    struct slice one;
    unsigned n = 0, seen = 0;
    for (bool more = text.len > 0; more;) {
        more = slice_cut(text, ',', &one, &text);
        int d = dimension_of(one);
        if (d < 0 || seen >> d & 1 || n == COST_REPORT_BY) {
            (void)error_set(error, FAULT_BAD_REQUEST,
                            "by: expected up to %d different dimensions, found '%.*s'%s", COST_REPORT_BY,
                            (int)(one.len < 40 ? one.len : 40), one.at ? one.at : "",
                            d < 0           ? ""
                            : seen >> d & 1 ? " twice"
                                            : " in addition");
            return false;
        }
        seen |= 1u << d;
        ret->by[n++] = d;
    }
    ret->n_by = n;
    return true;
}

/* ---- the answer ---- */

struct collecting {
    struct cost_report *report;
    size_t capacity;
};

static bool collect(void *ctx, const struct spend_group *g) {
    struct collecting *c = ctx;
    struct cost_report *r = c->report;
    if (r->n == c->capacity) {
        c->capacity = c->capacity > 0 ? 2 * c->capacity : 64;
        r->rows = mem_resize(r->rows, c->capacity * sizeof *r->rows);
    }
    struct cost_row *row = &r->rows[r->n++];
    for (int i = 0; i < SPEND_DIMENSIONS; i++) row->names[i] = arena_slice(&r->arena, g->names[i]);
    row->start_us = g->start_us;
    row->sums = g->sums;
    spend_sums_merge(&r->total, &g->sums);
    return true;
}

static int compare_names(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n > 0 ? memcmp(a.at, b.at, n) : 0;
    if (order != 0) return order;
    if (slice_is_null(a) != slice_is_null(b)) return slice_is_null(a) ? 1 : -1; /* the nameless come last */
    return (a.len > b.len) - (a.len < b.len);
}

static int by_time_and_cost(const void *a, const void *b) {
    const struct cost_row *x = a, *y = b;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    int64_t p = cost_known(&x->sums), q = cost_known(&y->sums); /* MONEY_UNKNOWN is the least of all */
    if (p != q) return p > q ? -1 : 1;
    for (int i = 0; i < SPEND_DIMENSIONS; i++) {
        int order = compare_names(x->names[i], y->names[i]);
        if (order != 0) return order;
    }
    return 0;
}

static void cut(struct cost_report *r) {
    uint64_t limit = r->query.limit;
    if (limit == 0 || r->n <= limit) return;
    for (size_t i = (size_t)limit; i < r->n; i++) spend_sums_merge(&r->rest, &r->rows[i].sums);
    r->n_rest = r->n - (size_t)limit;
    r->n = (size_t)limit;
}

enum fault cost_report_run(struct ledger *l, const struct cost_report_query *q, struct cost_report *ret,
                           struct error *error) {
    struct collecting c = {.report = ret};
    struct spend_query query = {.from_us = q->from_us, .to_us = q->to_us, .records = q->records};
    *ret = (struct cost_report){.query = *q};
    arena_init(&ret->arena, TEXTS_FIRST, TEXTS_MAX);
    memcpy(query.only, q->only, sizeof query.only);
    for (unsigned i = 0; i < q->n_by; i++) query.by |= 1u << q->by[i];
    enum fault fault = ledger_spend(l, &query, collect, &c, &ret->source, error);
    if (fault == FAULT_NONE && arena_is_full(&ret->arena))
        fault = error_set(error, FAULT_TOO_LARGE, "the report's names do not fit: ask for fewer dimensions");
    if (fault != FAULT_NONE) return fault;
    if (ret->n > 1) qsort(ret->rows, ret->n, sizeof *ret->rows, by_time_and_cost);
    cut(ret);
    return FAULT_NONE;
}

void cost_report_deinit(struct cost_report *r) {
    mem_free(r->rows);
    arena_deinit(&r->arena);
    *r = (struct cost_report){0};
}

/* ---- numbers ---- */

int64_t cost_known(const struct spend_sums *s) {
    return spend_sums_is_known(s) ? s->cost_nano : MONEY_UNKNOWN;
}

int64_t cost_per_request(const struct spend_sums *s) {
    int64_t n = (int64_t)(s->requests - s->by_status[RECORD_REFUSED] - s->unpriced);
    return n > 0 ? (int64_t)(((__int128)s->cost_nano * 2 + n) / (2 * (__int128)n)) : MONEY_UNKNOWN;
}

void cost_start_text(int64_t start_us, bool hour, char out[COST_START_TEXT]) {
    char text[CLOCK_TEXT];
    clock_format(start_us, text); /* "2026-11-21T04:00:00.000000Z" */
    size_t n = hour ? 19 : 10;
    memcpy(out, text, n);
    if (hour) out[n++] = 'Z';
    out[n] = 0;
}
