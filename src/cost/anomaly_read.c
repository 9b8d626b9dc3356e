#include "cost/anomaly_read.h"
#include "base/mem.h"

#define DAY_S 86400
#define SECOND_US 1000000LL

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b != 0 && a < 0);
}

/* The first moment of a local day. */
static int64_t start_of(const struct zone *z, int64_t day) {
    return (z != NULL ? zone_to_utc(z, day * DAY_S) : day * DAY_S) * SECOND_US;
}

static int64_t day_of(const struct zone *z, int64_t at_us) {
    int64_t s = floor_div(at_us, SECOND_US);
    return floor_div(s + (z != NULL ? zone_offset(z, s) : 0), DAY_S);
}

int64_t anomaly_from(const struct zone *zone, int64_t to_us, int days) {
    return start_of(zone, day_of(zone, to_us) - days);
}

static enum fault read_one(struct ledger *l, const struct cell_query *whole, const struct zone *zone,
                           int64_t day, struct arena *arena, struct anomaly_cell **cells, size_t *n,
                           struct error *error) {
    struct cell_query q = *whole;
    struct cost_cell *found;
    size_t n_found;
    q.from_us = start_of(zone, day);
    q.to_us = start_of(zone, day + 1);
    enum fault fault = cell_read(l, &q, arena, &found, &n_found, error);
    if (fault != FAULT_NONE) return fault;
    *cells = mem_resize(*cells, (*n + n_found + 1) * sizeof **cells);
    for (size_t i = 0; i < n_found; i++)
        (*cells)[(*n)++] = (struct anomaly_cell){.day = day, .cell = found[i]};
    return FAULT_NONE;
}

static enum fault read_local(struct ledger *l, const struct cell_query *q, const struct zone *zone,
                             struct arena *arena, struct anomaly_days *days, struct error *error) {
    struct anomaly_cell *cells = NULL;
    enum fault fault = FAULT_NONE;
    for (int64_t day = days->first_day; fault == FAULT_NONE && day < days->end_day; day++)
        fault = read_one(l, q, zone, day, arena, &cells, &days->n, error);
    if (fault == FAULT_NONE) {
        days->cells = arena_new_array(arena, struct anomaly_cell, days->n + 1);
        if (days->cells == NULL)
            fault =
                error_set(error, FAULT_TOO_LARGE, "too many combinations of names: take a shorter window");
        else if (days->n > 0) memcpy(days->cells, cells, days->n * sizeof *cells);
    }
    mem_free(cells);
    return fault;
}

enum fault anomaly_read(struct ledger *l, const struct cell_query *q, const struct zone *zone,
                        struct arena *arena, struct anomaly_days *ret, struct error *error) {
    struct anomaly_days days = {.first_day = day_of(zone, q->from_us), .end_day = day_of(zone, q->to_us)};
    if (start_of(zone, days.first_day) < q->from_us) days.first_day++;
    if (days.first_day >= days.end_day || days.end_day - days.first_day > ANOMALY_DAYS)
        return error_set(error, FAULT_BAD_REQUEST, "from: expected 1 to %d whole days until `to`, found %lld",
                         ANOMALY_DAYS,
                         (long long)(days.end_day > days.first_day ? days.end_day - days.first_day : 0));
    struct cell_query whole = *q;
    whole.from_us = start_of(zone, days.first_day);
    whole.to_us = start_of(zone, days.end_day);
    enum fault fault = zone != NULL ? read_local(l, &whole, zone, arena, &days, error)
                                    : cell_read_days(l, &whole, arena, &days.cells, &days.n, error);
    if (fault == FAULT_NONE) *ret = days;
    return fault;
}

enum fault anomaly_search(struct ledger *l, const struct cell_query *q, const struct zone *zone, const struct anomaly_options *o, struct arena *arena,
                        struct anomaly_days *ret_days, struct anomaly_report *ret, struct error *error) {
    struct cell_query named = *q;
    named.by = SPEND_BIT(APPLICATION) | SPEND_BIT(REQUEST_TYPE) | SPEND_BIT(MODEL) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL);
    bool shifted = false;
    for (;;) {
        enum fault fault = anomaly_read(l, &named, zone, arena, ret_days, error);
        if (fault == FAULT_NONE) fault = anomaly_find(ret_days->cells, ret_days->n, o, arena, ret, error);
        if (fault != FAULT_NONE || shifted) return fault;
        for (size_t i = 0; i < ret->n_types; i++) shifted |= ret->types[i].n_shifts > 0;
        if (!shifted) return FAULT_NONE;
        named.by |= SPEND_BIT(PROMPT) | SPEND_BIT(SYSTEM_PROMPT);
    }
}
