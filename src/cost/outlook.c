#include "cost/outlook.h"

#include "base/mem.h"
#include "base/table.h"
#include "store/ledger_spend.h"

#include <math.h>

#define HOUR_US 3600000000LL
#define HISTORY_HOURS (28 * 24)
#define AHEAD_HOURS (100 * 24)
enum { MEMORY_SCOPES = 1000 };
#define RECENT_MOST (256u << 20) /* names of six windows; a window has at most LIMIT_SPEND_GROUPS */

/* Hours begin on the UTC grid, as in the ledger; a zone of half hours is off by as much. */
static uint8_t hour_of_week(const struct zone *z, int64_t start_us) {
    int64_t hour =
        (start_us / 1000000 + zone_offset(z, start_us / 1000000)) / 3600; /* local, since a Thursday */
    return (uint8_t)((hour + 3 * 24) % HOURS_OF_WEEK);
}

struct history {
    int64_t from_us;
    double hours[HISTORY_HOURS];
    bool any[HISTORY_HOURS]; /* requests */
    size_t first; /* of the hours: with any */
};

static bool take_hour(void *ctx, const struct spend_group *g) {
    struct history *h = ctx;
    int64_t i = (g->start_us - h->from_us) / HOUR_US;
    if (i < 0 || i >= HISTORY_HOURS || g->sums.requests == 0) return true;
    h->hours[i] = spend_sums_is_known(&g->sums) ? (double)g->sums.cost_nano : NAN;
    h->any[i] = true;
    return true;
}

/* False: the sums of the ledger do not tell this scope apart. */
static bool filter_of(const struct budget_view *v, struct slice only[SPEND_DIMENSIONS]) {
    static const int by[SCOPE_DIMENSIONS] = {
        [SCOPE_BY_APPLICATION] = SPEND_BY_APPLICATION,
        [SCOPE_BY_TEAM] = SPEND_BY_TEAM,
        [SCOPE_BY_USER] = -1,
        [SCOPE_BY_FEATURE] = SPEND_BY_FEATURE,
        [SCOPE_BY_KEY] = SPEND_BY_KEY,
        [SCOPE_BY_MODEL] = SPEND_BY_MODEL,
        [SCOPE_BY_REQUEST_TYPE] = SPEND_BY_REQUEST_TYPE,
        [SCOPE_BY_TAG] = -1,
    };
    const struct scope *s = &v->budget->scope;
    for (unsigned i = 0; i < s->n_terms; i++) {
        if (by[s->terms[i].by] < 0 || v->values[i].len == 0) return false;
        only[by[s->terms[i].by]] = v->values[i];
    }
    return true;
}

/* ---- what was read before ---- */

struct outlook_memory {
    struct table scopes; /* struct history by the names of the scope */
};

struct outlook_memory *outlook_memory_new(void) {
    struct outlook_memory *m = mem_new(struct outlook_memory);
    table_init(&m->scopes);
    return m;
}

static void forget(struct outlook_memory *m) {
    size_t cursor = 0;
    void *one;
    while (table_next(&m->scopes, &cursor, NULL, &one)) mem_free(one);
    table_deinit(&m->scopes);
}

void outlook_memory_free(struct outlook_memory *m) {
    if (m == NULL) return;
    forget(m);
    mem_free(m);
}

static void put_key(struct buffer *key, const struct slice *only) {
    for (unsigned d = 0; d < SPEND_DIMENSIONS; d++) {
        buffer_printf(key, "%zu:", slice_is_null(only[d]) ? (size_t)0 : only[d].len + 1);
        buffer_append(key, only[d]);
    }
}

/* Exchanges that began before yesterday are in the ledger. Where to read on from. */
static int64_t recall(const struct history *kept, struct history *h) {
    int64_t to_us = h->from_us + HISTORY_HOURS * HOUR_US, day_us = to_us - to_us % (24 * HOUR_US), gone = (h->from_us - (kept != NULL ? kept->from_us : 0)) / HOUR_US;
    if (kept == NULL || gone < 0 || kept->from_us + HISTORY_HOURS * HOUR_US < day_us) return h->from_us;
    int64_t from_us = day_us - 24 * HOUR_US;
    size_t known = (size_t)((from_us - h->from_us) / HOUR_US);
    memcpy(h->hours, kept->hours + gone, known * sizeof *h->hours);
    memcpy(h->any, kept->any + gone, known * sizeof *h->any);
    return from_us;
}

static enum fault read_history(struct ledger *l, struct outlook_memory *m, const struct slice *only, struct history *h, struct error *error) {
    struct buffer key;
    struct spend_query q = {.to_us = h->from_us + HISTORY_HOURS * HOUR_US, .by = 1u << SPEND_BY_HOUR};
    memcpy(q.only, only, sizeof q.only);
    buffer_init(&key, 64 << 10);
    put_key(&key, only);
    struct history *kept = m != NULL ? table_get(&m->scopes, buffer_slice(&key)) : NULL;
    q.from_us = recall(kept, h);
    enum fault fault = ledger_spend(l, &q, take_hour, h, NULL, error);
    if (fault == FAULT_NONE && m != NULL && !key.overflow) {
        if (kept == NULL && m->scopes.count >= MEMORY_SCOPES) {
            forget(m);
            table_init(&m->scopes);
        }
        if (kept == NULL) (void)table_put(&m->scopes, buffer_slice(&key), kept = mem_new(struct history));
        *kept = *h;
    }
    buffer_deinit(&key);
    h->first = 0;
    while (h->first < HISTORY_HOURS && !h->any[h->first]) h->first++;
    return fault;
}

/* ---- burn ---- */

#define RECENT_NAMES                                                                                           \
    (SPEND_BIT(APPLICATION) | SPEND_BIT(TEAM) | SPEND_BIT(FEATURE) | SPEND_BIT(KEY) | SPEND_BIT(MODEL) |                \
     SPEND_BIT(REQUEST_TYPE))
static const struct {
    int64_t minutes;
    bool is_long;
    unsigned tier;
} recents[] = {{5, false, 0}, {60, true, 0}, {30, false, 1}, {360, true, 1}, {120, false, 2}, {1440, true, 2}};
enum { RECENTS = sizeof recents / sizeof *recents };

struct recent_row {
    struct slice names[SPEND_DIMENSIONS];
    int64_t nano;
    unsigned window; /* of `recents` */
};
struct recent_spend {
    struct arena arena; /* names */
    struct recent_row *rows;
    size_t n, cap;
    unsigned window; /* that is being read */
};

static bool take_recent(void *ctx, const struct spend_group *g) {
    struct recent_spend *r = ctx;
    if (!spend_sums_is_known(&g->sums) || g->sums.cost_nano == 0) return true;
    if (r->n == r->cap) r->rows = mem_resize(r->rows, (r->cap += 64 + r->cap) * sizeof *r->rows);
    struct recent_row *row = &r->rows[r->n++];
    *row = (struct recent_row){.nano = g->sums.cost_nano, .window = r->window};
    for (unsigned d = 0; d < SPEND_DIMENSIONS; d++) row->names[d] = arena_slice(&r->arena, g->names[d]);
    return !arena_is_full(&r->arena);
}

enum fault recent_spend_read(struct ledger *l, int64_t now_us, struct recent_spend **ret, struct error *error) {
    struct recent_spend *r = mem_new(struct recent_spend);
    enum fault fault = FAULT_NONE;
    arena_init(&r->arena, 64 << 10, RECENT_MOST);
    for (r->window = 0; r->window < RECENTS && fault == FAULT_NONE; r->window++) {
        /* to the end of this hour, which nobody has spent in yet: its sum is read, and records at the beginning alone */
        struct spend_query q = {.from_us = now_us - recents[r->window].minutes * 60 * 1000000LL,
                                .to_us = now_us - now_us % HOUR_US + HOUR_US,
                                .by = RECENT_NAMES};
        fault = ledger_spend(l, &q, take_recent, r, NULL, error);
        if (fault == FAULT_NONE && arena_is_full(&r->arena))
            fault = error_set(error, FAULT_TOO_LARGE, "too many combinations of names to know the burn of budgets");
    }
    if (fault == FAULT_NONE) *ret = r;
    else recent_spend_free(r);
    return fault;
}

void recent_spend_free(struct recent_spend *r) {
    if (r == NULL) return;
    mem_free(r->rows);
    arena_deinit(&r->arena);
    mem_free(r);
}

static void fill_burn(const struct recent_spend *r, const struct slice *only, struct budget_question *q) {
    int64_t nano[RECENTS] = {0};
    for (size_t i = 0; i < r->n; i++) {
        bool in = true;
        for (unsigned d = 0; d < SPEND_DIMENSIONS && in; d++)
            in = slice_is_null(only[d]) || slice_eq(only[d], r->rows[i].names[d]);
        if (in) nano[r->rows[i].window] = money_add(nano[r->rows[i].window], r->rows[i].nano);
    }
    for (unsigned i = 0; i < RECENTS; i++)
        (recents[i].is_long ? q->burn_long : q->burn_short)[recents[i].tier].nano = nano[i];
}

/* ---- the question ---- */

static void ask(const struct slice *only, const struct budget_view *v, const struct history *h, int64_t hour_us,
                int64_t now_us, const struct outlook_watch *w, struct budget_outlook *ret) {
    uint8_t hours_of_week[HISTORY_HOURS + AHEAD_HOURS];
    int64_t end_us = v->window.end_us, ahead = (end_us - hour_us + HOUR_US - 1) / HOUR_US;
    size_t first = h->first, n = HISTORY_HOURS - first;
    for (size_t i = 0; i < n + (size_t)ahead; i++)
        hours_of_week[i] = hour_of_week(v->budget->zone, h->from_us + (int64_t)(first + i) * HOUR_US);
    int64_t elapsed = (hour_us - v->window.start_us) / HOUR_US;
    struct budget_question q = {
        .limit_nano = v->budget->limit_nano,
        .spent_nano = v->spent_nano,
        .hours = h->hours + first,
        .n_hours = n,
        .hour_of_week = hours_of_week,
        .n_ahead = (size_t)ahead,
        .first_part = 1 - (double)(now_us - hour_us) / HOUR_US,
        .last_part = 1 - (double)(hour_us + ahead * HOUR_US - end_us) / HOUR_US,
        .n_elapsed = elapsed < 0           ? 0
                     : (size_t)elapsed < n ? (size_t)elapsed
                                           : n,
        .burn_minimum_nano = (int64_t)((double)v->budget->limit_nano * BURN_LEAST),
        .plan_over = w != NULL ? w->plan_over : 0.2,
        .was_alert = w != NULL && w->was_alert,
        .seed = 1,
    };
    for (int i = 0; i < BURN_TIERS; i++) q.burn_long[i].nano = q.burn_short[i].nano = MONEY_UNKNOWN;
    if (w != NULL && w->recent != NULL) fill_burn(w->recent, only, &q);
    forecast_budget(&q, ret);
}

static enum fault outlook(struct ledger *l, struct outlook_memory *memory, const struct budget_view *v, int64_t now_us,
                          const struct outlook_watch *w, struct budget_outlook *ret, struct error *error) {
    int64_t hour_us = now_us - now_us % HOUR_US;
    struct history h = {.from_us = hour_us - HISTORY_HOURS * HOUR_US};
    struct slice only[SPEND_DIMENSIONS] = {SLICE_NULL};
    bool near = v->window.end_us > now_us && v->window.end_us - hour_us < AHEAD_HOURS * HOUR_US;
    if (l != NULL && near && filter_of(v, only)) {
        enum fault fault = read_history(l, memory, only, &h, error);
        if (fault != FAULT_NONE) return fault;
    } else {
        near = false;
    }
    if (near) {
        ask(only, v, &h, hour_us, now_us, w, ret);
        return FAULT_NONE;
    }
    *ret = (struct budget_outlook){.alert = v->spent_nano > v->budget->limit_nano ? OUTLOOK_BREACHED
                                                                                  : OUTLOOK_UNKNOWN,
                                   .expected_nano = MONEY_UNKNOWN,
                                   .p10_nano = MONEY_UNKNOWN,
                                   .p50_nano = MONEY_UNKNOWN,
                                   .p90_nano = MONEY_UNKNOWN,
                                   .breach = v->spent_nano > v->budget->limit_nano ? 1 : NAN,
                                   .eta_p10 = INFINITY,
                                   .eta_p50 = INFINITY,
                                   .eta_p90 = INFINITY,
                                   .plan_ratio = NAN};
    for (int i = 0; i < BURN_TIERS; i++) ret->burn[i] = NAN;
    return FAULT_NONE;
}

enum fault outlook_of_budget(struct ledger *l, struct outlook_memory *memory, const struct budget_view *v, int64_t now_us,
                             struct budget_outlook *ret, struct error *error) {
    return outlook(l, memory, v, now_us, NULL, ret, error);
}

enum fault outlook_watch_budget(struct ledger *l, const struct budget_view *v, int64_t now_us,
                                const struct outlook_watch *w, struct budget_outlook *ret, struct error *error) {
    return outlook(l, w->memory, v, now_us, w, ret, error);
}
