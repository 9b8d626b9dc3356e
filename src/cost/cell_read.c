#include "cost/cell_read.h"
#include "base/buffer.h"
#include "base/mem.h"
#include "base/table.h"

#include <stdlib.h>

#define FEMTO_PER_NANO 1000000
#define DAY_US 86400000000LL
enum { MODEL_TEXT = 1 << 10 };

/* Names that cells and the ledger share. The model is made of provider and target model. */
static const struct {
    enum cost_dimension cell;
    enum spend_dimension ledger;
} same[] = {
    {COST_BY_APPLICATION, SPEND_BY_APPLICATION},
    {COST_BY_REQUEST_TYPE, SPEND_BY_REQUEST_TYPE},
    {COST_BY_PROMPT, SPEND_BY_PROMPT},
    {COST_BY_SYSTEM_PROMPT, SPEND_BY_SYSTEM_PROMPT},
    {COST_BY_FEATURE, SPEND_BY_FEATURE},
    {COST_BY_TEAM, SPEND_BY_TEAM},
    {COST_BY_KEY, SPEND_BY_KEY},
};
#define WANTED                                                                                               \
    (SPEND_BIT(APPLICATION) | SPEND_BIT(REQUEST_TYPE) | SPEND_BIT(MODEL) | SPEND_BIT(PROVIDER) |             \
     SPEND_BIT(TARGET_MODEL) | SPEND_BIT(PROMPT) | SPEND_BIT(SYSTEM_PROMPT) | SPEND_BIT(FEATURE) |           \
     SPEND_BIT(TEAM) | SPEND_BIT(KEY))

/* What one model was charged in the window, or on one day of it. */
struct charged {
    int64_t nano[CHARGE_METERS], quantity[CHARGE_METERS];
};

struct reading {
    struct arena *arena;
    struct anomaly_cell *cells; /* mem_ */
    size_t n, capacity;
    struct table charged; /* day and model -> struct charged, mem_ */
    struct buffer key;
};

static struct slice model_of(struct arena *arena, const struct spend_group *g) {
    struct slice provider = g->names[SPEND_BY_PROVIDER], model = g->names[SPEND_BY_TARGET_MODEL];
    if (slice_is_null(provider) || slice_is_null(model)) return arena_slice(arena, g->names[SPEND_BY_MODEL]);
    return arena_printf(arena, SLICE_FMT "/" SLICE_FMT, SLICE_ARG(provider), SLICE_ARG(model));
}

static struct charged *charged_of(struct reading *r, const struct anomaly_cell *c) {
    buffer_clear(&r->key);
    buffer_append(&r->key, slice_make((const char *)&c->day, sizeof c->day));
    buffer_append(&r->key, c->cell.by[COST_BY_MODEL]);
    struct charged *found = table_get(&r->charged, buffer_slice(&r->key));
    if (found != NULL) return found;
    found = mem_new(struct charged);
    table_put(&r->charged, buffer_slice(&r->key), found);
    return found;
}

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static bool collect(void *ctx, const struct spend_group *g) {
    struct reading *r = ctx;
    const struct spend_sums *s = &g->sums;
    if (r->n == r->capacity) {
        r->capacity = r->capacity > 0 ? 2 * r->capacity : 64;
        r->cells = mem_resize(r->cells, r->capacity * sizeof *r->cells);
    }
    struct anomaly_cell *c = &r->cells[r->n++];
    *c = (struct anomaly_cell){.day = g->start_us / DAY_US};
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++)
        c->cell.by[same[i].cell] = arena_slice(r->arena, g->names[same[i].ledger]);
    c->cell.by[COST_BY_MODEL] = model_of(r->arena, g);
    c->cell.requests = (int64_t)(s->requests - s->by_status[RECORD_REFUSED]);
    c->cell.cache_hits = (int64_t)s->cache_hits;
    c->cell.unpriced = (int64_t)s->unpriced;
    c->cell.input = s->usage.input - s->unpriced_input; /* unpriced requests are left out of every analysis */
    /* their cached part is not known apart: never more than the input that is left */
    c->cell.cache_read = least(s->usage.cache_read, c->cell.input);
    c->cell.cache_write = least(s->usage.cache_write, c->cell.input - c->cell.cache_read);
    c->cell.output = s->usage.output - s->unpriced_output;
    c->cell.cost_nano = s->cost_nano;
    struct charged *sum = charged_of(r, c);
    for (unsigned m = 0; m < CHARGE_METERS; m++) {
        sum->nano[m] += s->nano[m];
        sum->quantity[m] += s->quantity[m];
    }
    return !arena_is_full(r->arena);
}

static int64_t rate(const struct charged *c, enum charge_meter m) {
    if (c->quantity[m] <= 0) return COST_RATE_NONE;
    __int128 femto = (__int128)c->nano[m] * FEMTO_PER_NANO / c->quantity[m];
    return femto > INT64_MAX ? COST_RATE_NONE : (int64_t)femto;
}

static void put_rates(struct reading *r) {
    for (size_t i = 0; i < r->n; i++) {
        const struct charged *c = charged_of(r, &r->cells[i]);
        r->cells[i].cell.rates = (struct cost_rates){rate(c, CHARGE_INPUT), rate(c, CHARGE_CACHE_READ),
                                                     rate(c, CHARGE_CACHE_WRITE), rate(c, CHARGE_OUTPUT)};
    }
}

/* In the order of their names, so that equal questions have equal answers. */
static int by_names(const void *a, const void *b) {
    const struct anomaly_cell *x = a, *y = b;
    if (x->day != y->day) return x->day < y->day ? -1 : 1;
    for (int d = 0; d < COST_DIMENSIONS; d++) {
        struct slice p = x->cell.by[d], q = y->cell.by[d];
        size_t n = p.len < q.len ? p.len : q.len;
        int order = n > 0 ? memcmp(p.at, q.at, n) : 0;
        if (order != 0) return order;
        if (slice_is_null(p) != slice_is_null(q)) return slice_is_null(p) ? 1 : -1;
        if (p.len != q.len) return p.len < q.len ? -1 : 1;
    }
    return 0;
}

static enum fault no_room(struct error *error) {
    return error_set(error, FAULT_TOO_LARGE, "too many combinations of names: take a shorter window");
}

static enum fault read_all(struct ledger *l, const struct cell_query *q, unsigned time, struct reading *r,
                           struct error *error) {
    struct spend_query query = {.from_us = q->from_us, .to_us = q->to_us, .by = (q->by ? q->by : WANTED) | time};
    memcpy(query.only, q->only, sizeof query.only);
    table_init(&r->charged);
    buffer_init(&r->key, MODEL_TEXT);
    enum fault fault = ledger_spend(l, &query, collect, r, NULL, error);
    if (fault == FAULT_NONE && arena_is_full(r->arena)) fault = no_room(error);
    if (fault == FAULT_NONE) put_rates(r);
    if (fault == FAULT_NONE && r->n > 1) qsort(r->cells, r->n, sizeof *r->cells, by_names);
    return fault;
}

static void release(struct reading *r) {
    size_t cursor = 0;
    void *charged;
    while (table_next(&r->charged, &cursor, NULL, &charged)) mem_free(charged);
    table_deinit(&r->charged);
    buffer_deinit(&r->key);
    mem_free(r->cells);
}

enum fault cell_read_days(struct ledger *l, const struct cell_query *q, struct arena *arena,
                          struct anomaly_cell **ret, size_t *ret_n, struct error *error) {
    struct reading r = {.arena = arena};
    enum fault fault = read_all(l, q, SPEND_BIT(DAY), &r, error);
    struct anomaly_cell *cells = arena_new_array(arena, struct anomaly_cell, r.n + 1);
    if (fault == FAULT_NONE && cells == NULL) fault = no_room(error);
    if (fault == FAULT_NONE) {
        if (r.n > 0) memcpy(cells, r.cells, r.n * sizeof *cells);
        *ret = cells;
        *ret_n = r.n;
    }
    release(&r);
    return fault;
}

enum fault cell_read(struct ledger *l, const struct cell_query *q, struct arena *arena,
                     struct cost_cell **ret, size_t *ret_n, struct error *error) {
    struct reading r = {.arena = arena};
    enum fault fault = read_all(l, q, 0, &r, error);
    struct cost_cell *cells = arena_new_array(arena, struct cost_cell, r.n + 1);
    if (fault == FAULT_NONE && cells == NULL) fault = no_room(error);
    if (fault == FAULT_NONE) {
        for (size_t i = 0; i < r.n; i++) cells[i] = r.cells[i].cell;
        *ret = cells;
        *ret_n = r.n;
    }
    release(&r);
    return fault;
}
