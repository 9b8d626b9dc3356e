/* Signals: the past. What happened then is played back into signals of its own, and views look at each end: so a value of the past is what the
 * watch would have seen. Where rollups know all that is asked for, a minute of them stands for its records. */
#include "quality/signals_private.h"

#include "base/mem.h"
#include "store/ledger.h"
#include "store/score.h"

#include <math.h>
#include <stdlib.h>

#define MINUTE_US 60000000LL
#define HOUR_US 3600000000LL
#define ROLLUPS_AT_ONCE_US (6 * HOUR_US)
enum { MOST_FEEDBACK = 1000000, PAGE_FIRST = 1 << 20, PAGE_MAX = 64 << 20 };
#define LONGEST_EXCHANGE_US HOUR_US
#define LATEST_FEEDBACK_US (7 * 24 * HOUR_US) /* behind its record */

#define OF_ROLLUPS                                                                                                                \
    (SIGNAL_BY_BIT(APPLICATION) | SIGNAL_BY_BIT(REQUEST_TYPE) | SIGNAL_BY_BIT(MODEL) | SIGNAL_BY_BIT(PROMPT) | SIGNAL_BY_BIT(FEATURE) | \
     SIGNAL_BY_BIT(TEAM))

/* A record that has been read, until the time that it ended has come. */
struct waiting {
    int64_t at_us;
    struct slice bytes;
};
struct past {
    const struct signal_past *q;
    struct ledger *ledger;
    struct signals *signals;
    struct signal_view *view;
    bool (*each)(void *ctx, const struct signal_series *series, int64_t end_us, const struct signal_value *value);
    void *ctx;
    int64_t end_us;              /* the next to be looked at */
    bool stopped;
    enum fault fault;
    struct error *error;
    struct waiting *heap;        /* by at_us, least first */
    size_t n, capacity;
    struct buffer bytes;
    struct arena arena;
    void (*take)(struct past *p, const struct record *r, int64_t at_us);
    unsigned n_records;          /* of this pass */
    struct table like;           /* of the first pass: application, request type, context -> struct histogram */
};

/* ---- looking ---- */

static bool tell(void *ctx, const struct signal_series *series, const struct signal_value *value) {
    struct past *p = ctx;
    p->stopped = !p->each(p->ctx, series, p->end_us, value);
    return !p->stopped;
}

/* All that happened before `at_us` has come. */
static void reach(struct past *p, int64_t at_us) {
    for (; p->end_us <= at_us && p->end_us <= p->q->to_us && !p->stopped; p->end_us += p->q->step_us) {
        signals_at(p->signals, p->end_us);
        signal_view_each(p->view, p->q->signal, p->q->of, tell, p);
    }
}

/* ---- rollups ---- */

static void play_rollup(struct past *p, const struct rollup *r) {
    reach(p, r->start_us);
    signals_rollup(p->signals, r);
}

static bool each_rollup(void *ctx, const struct rollup *r) {
    struct past *p = ctx;
    play_rollup(p, r);
    return !p->stopped;
}

static bool rollups_know(const struct signal_past *q) {
    if (((q->by | q->where.by) & ~OF_ROLLUPS) != 0 || q->window_us % MINUTE_US != 0 || q->step_us % MINUTE_US != 0) return false;
    switch (q->signal) {
    case SIGNAL_REQUESTS:
    case SIGNAL_ERRORS:
    case SIGNAL_REFUSED:
    case SIGNAL_TRUNCATED:
    case SIGNAL_COST_PER_REQUEST:
    case SIGNAL_COST_TOTAL:
    case SIGNAL_LATENCY_P50:
    case SIGNAL_LATENCY_P90:
    case SIGNAL_LATENCY_P95:
    case SIGNAL_LATENCY_P99:
    case SIGNAL_TTFT_P50:
    case SIGNAL_TTFT_P90:
    case SIGNAL_TTFT_P95:
    case SIGNAL_TTFT_P99:
    case SIGNAL_PER_TOKEN_P50:
    case SIGNAL_PER_TOKEN_P95:
    case SIGNAL_PER_TOKEN_P99: return true;
    default: return false;
    }
}

/* The histogram that the signal is read off: all but it can be left out. */
static unsigned without(enum signal s) {
    switch (s) {
    case SIGNAL_LATENCY_P50:
    case SIGNAL_LATENCY_P90:
    case SIGNAL_LATENCY_P95:
    case SIGNAL_LATENCY_P99: return ROLLUP_WITHOUT_ALL & ~(1u << ROLLUP_DURATION);
    case SIGNAL_TTFT_P50:
    case SIGNAL_TTFT_P90:
    case SIGNAL_TTFT_P95:
    case SIGNAL_TTFT_P99: return ROLLUP_WITHOUT_ALL & ~(1u << ROLLUP_FIRST_TOKEN);
    case SIGNAL_PER_TOKEN_P50:
    case SIGNAL_PER_TOKEN_P95:
    case SIGNAL_PER_TOKEN_P99: return ROLLUP_WITHOUT_ALL & ~(1u << ROLLUP_PER_TOKEN);
    default: return ROLLUP_WITHOUT_ALL;
    }
}

static struct slice only(const struct signal_series *where, enum signal_by b) {
    return (where->by >> b & 1) && where->is[b].len > 0 ? where->is[b] : SLICE_NULL;
}

static enum fault play_rollups(struct past *p, int64_t from_us) {
    static const enum rollup_dimension as[SIGNAL_BYS] = {[SIGNAL_BY_APPLICATION] = BY_APPLICATION, [SIGNAL_BY_REQUEST_TYPE] = BY_REQUEST_TYPE,
                                                         [SIGNAL_BY_MODEL] = BY_MODEL,             [SIGNAL_BY_PROMPT] = BY_PROMPT,
                                                         [SIGNAL_BY_FEATURE] = BY_FEATURE,         [SIGNAL_BY_TEAM] = BY_TEAM};
    const struct signal_past *q = p->q;
    struct rollup_query ask = {.step_us = MINUTE_US, .by = BY_TIME, .application = only(&q->where, SIGNAL_BY_APPLICATION),
                               .request_type = only(&q->where, SIGNAL_BY_REQUEST_TYPE), .model = only(&q->where, SIGNAL_BY_MODEL), .without = without(q->signal)};
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if ((q->by | q->where.by) >> b & 1) ask.by |= as[b];
    enum fault fault = FAULT_NONE;
    int64_t span_us = ROLLUPS_AT_ONCE_US;
    while (from_us < q->to_us && fault == FAULT_NONE && !p->stopped) {
        ask.from_us = from_us;
        ask.to_us = from_us + span_us < q->to_us ? from_us + span_us : q->to_us;
        fault = ledger_rollup(p->ledger, &ask, each_rollup, p, p->error);
        if (fault == FAULT_TOO_LARGE && span_us > 2 * MINUTE_US) { /* nothing was told of them */
            span_us = span_us / 2 / MINUTE_US * MINUTE_US;
            fault = FAULT_NONE;
            continue;
        }
        from_us = ask.to_us;
    }
    return fault;
}

/* ---- records, in the order in which they ended ---- */

static void heap_push(struct past *p, int64_t at_us, struct slice bytes) {
    if (p->n == p->capacity) {
        p->capacity = p->capacity > 0 ? 2 * p->capacity : 256;
        p->heap = mem_resize(p->heap, p->capacity * sizeof *p->heap);
    }
    size_t i = p->n++;
    for (; i > 0 && p->heap[(i - 1) / 2].at_us > at_us; i = (i - 1) / 2) p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = (struct waiting){at_us, slice_make(mem_copy(bytes.at, bytes.len), bytes.len)};
}

static struct waiting heap_pop(struct past *p) {
    struct waiting first = p->heap[0], last = p->heap[--p->n];
    size_t i = 0;
    for (size_t k = 1; k < p->n; i = k, k = 2 * i + 1) {
        if (k + 1 < p->n && p->heap[k + 1].at_us < p->heap[k].at_us) k++;
        if (p->heap[k].at_us >= last.at_us) break;
        p->heap[i] = p->heap[k];
    }
    if (p->n > 0) p->heap[i] = last;
    return first;
}

/* Those that had ended by then. */
static void play_until(struct past *p, int64_t until_us) {
    while (p->n > 0 && p->heap[0].at_us <= until_us && !p->stopped) {
        struct waiting w = heap_pop(p);
        struct record r;
        arena_reset(&p->arena);
        if (record_decode(w.bytes, &p->arena, &r)) p->take(p, &r, w.at_us);
        mem_free((char *)w.bytes.at);
    }
}

static bool each_record(void *ctx, const struct record *r) {
    struct past *p = ctx;
    int64_t at_us = r->time_us + (r->duration_us > 0 ? r->duration_us : 0);
    if (p->n_records++ == p->q->most_records) return false;
    play_until(p, record_id_time_us(&r->id) - 1000); /* whoever comes later began later */
    buffer_clear(&p->bytes);
    if (!p->stopped && record_encode(r, &p->bytes)) heap_push(p, at_us, buffer_slice(&p->bytes));
    return !p->stopped;
}

static void play_record(struct past *p, const struct record *r, int64_t at_us) {
    reach(p, at_us);
    signals_record(p->signals, r);
}

static enum fault play_records(struct past *p, int64_t from_us, void (*take)(struct past *p, const struct record *r, int64_t at_us)) {
    const struct signal_past *q = p->q;
    struct arena page;
    struct slice cursor = SLICE_NULL;
    struct record_filter f = {.from_us = from_us > LONGEST_EXCHANGE_US ? from_us - LONGEST_EXCHANGE_US : 0, .to_us = q->to_us, .status = -1, .limit = LIMIT_PAGE,
                              .oldest_first = true, .application = only(&q->where, SIGNAL_BY_APPLICATION),
                              .request_type = only(&q->where, SIGNAL_BY_REQUEST_TYPE), .model = only(&q->where, SIGNAL_BY_MODEL)};
    enum fault fault = FAULT_NONE;
    char text[256];
    p->take = take;
    p->n_records = 0;
    arena_init(&page, PAGE_FIRST, PAGE_MAX);
    do {
        if (cursor.len >= sizeof text) break;
        if (cursor.len > 0) memcpy(text, cursor.at, cursor.len);
        f.cursor = cursor.len > 0 ? slice_make(text, cursor.len) : SLICE_NULL;
        arena_reset(&page);
        cursor = SLICE_NULL;
        fault = ledger_list(p->ledger, &f, &page, each_record, p, &cursor, p->error);
    } while (fault == FAULT_NONE && !p->stopped && p->n_records <= q->most_records && !slice_is_null(cursor));
    if (fault == FAULT_NONE && p->n_records > q->most_records)
        fault = error_set(p->error, FAULT_TOO_LARGE, "the past of %s is read exchange by exchange, and there are more than %u: ask for a shorter time",
                          signal_info(q->signal).name, q->most_records);
    if (fault == FAULT_NONE) play_until(p, INT64_MAX);
    arena_deinit(&page);
    return fault;
}

/* What is slow among its like, in this very history: the first pass. */
static void take_like(struct past *p, const struct record *r, int64_t at_us) {
    (void)at_us;
    if (r->status == RECORD_REFUSED || r->duration_us < 0) return;
    struct slice context = signal_context(r->usage.input);
    buffer_clear(&p->bytes);
    signal_key_put(&p->bytes, slice_is_null(r->application) ? SLICE("") : r->application);
    signal_key_put(&p->bytes, slice_is_null(r->request_type) ? SLICE("") : r->request_type);
    signal_key_put(&p->bytes, context);
    struct histogram *h = table_get(&p->like, buffer_slice(&p->bytes));
    if (h == NULL) {
        h = mem_new(struct histogram);
        histogram_init(h);
        table_put(&p->like, buffer_slice(&p->bytes), h);
    }
    histogram_add(h, r->duration_us);
}

static struct slice take_text(struct slice *key) {
    uint32_t len;
    memcpy(&len, key->at, sizeof len);
    struct slice text = slice_make(key->at + sizeof len, len);
    *key = slice_make(text.at + len, key->len - sizeof len - len);
    return text;
}

static enum fault learn_like(struct past *p, int64_t from_us) {
    enum fault fault = play_records(p, from_us, take_like);
    size_t cursor = 0;
    struct slice key;
    void *value;
    while (table_next(&p->like, &cursor, &key, &value)) {
        struct slice application = take_text(&key), type = take_text(&key), context = take_text(&key);
        signals_slow(p->signals, application, type, context, histogram_quantile(value, 0.95) * 1e-6);
    }
    return fault;
}

/* ---- scores ---- */

static bool each_scored(void *ctx, const struct scored *row) {
    struct past *p = ctx;
    reach(p, row->time_us);
    signals_scored(p->signals, row);
    return !p->stopped;
}

struct given {
    struct record_id record;
    int64_t at_us;
    int32_t value_ppm;
    bool feedback;
    char name[65];
};
struct all_given {
    struct given *at;
    size_t n, capacity;
    int64_t from_us, to_us;
};

static bool each_score(void *ctx, const struct score *s) {
    struct all_given *g = ctx;
    bool feedback = slice_is(s->source, "feedback");
    if ((!feedback && !slice_is(s->source, "person")) || s->at_us < g->from_us || s->at_us >= g->to_us || s->name.len >= sizeof g->at->name) return true;
    if (g->n == g->capacity) {
        g->capacity = g->capacity > 0 ? 2 * g->capacity : 1024;
        g->at = mem_resize(g->at, g->capacity * sizeof *g->at);
    }
    struct given *one = &g->at[g->n++];
    *one = (struct given){.record = s->record, .at_us = s->at_us, .value_ppm = s->value_ppm, .feedback = feedback};
    memcpy(one->name, s->name.at, s->name.len);
    return g->n < MOST_FEEDBACK;
}

static int by_time(const void *a, const void *b) {
    int64_t x = ((const struct given *)a)->at_us, y = ((const struct given *)b)->at_us;
    return x < y ? -1 : x > y;
}

static enum fault play_feedback(struct past *p, int64_t from_us) {
    struct all_given g = {.from_us = from_us, .to_us = p->q->to_us};
    enum fault fault = ledger_scores(p->ledger, from_us > LATEST_FEEDBACK_US ? from_us - LATEST_FEEDBACK_US : 0, p->q->to_us, NULL, p->q->of,
                                     each_score, &g, p->error);
    if (fault == FAULT_NONE && g.n >= MOST_FEEDBACK)
        fault = error_set(p->error, FAULT_TOO_LARGE, "more than %d scores: ask for a shorter time", MOST_FEEDBACK);
    if (g.n > 1) qsort(g.at, g.n, sizeof *g.at, by_time);
    for (size_t i = 0; i < g.n && fault == FAULT_NONE && !p->stopped; i++) {
        struct record r;
        arena_reset(&p->arena);
        fault = ledger_find(p->ledger, &g.at[i].record, &p->arena, &r, p->error);
        if (fault == FAULT_NOT_FOUND) { /* retention was faster */
            fault = FAULT_NONE;
            continue;
        }
        if (fault != FAULT_NONE) break;
        struct score s = {.record = r.id, .name = slice_of(g.at[i].name), .source = g.at[i].feedback ? SLICE("feedback") : SLICE("person"),
                          .value_ppm = g.at[i].value_ppm, .at_us = g.at[i].at_us};
        reach(p, s.at_us);
        signals_score(p->signals, &r, &s);
    }
    mem_free(g.at);
    return fault;
}

/* ---- all ---- */

static enum fault play(struct past *p, struct evaluations *e, int64_t from_us) {
    const struct signal_past *q = p->q;
    enum fault fault = FAULT_NONE;
    switch (signal_family_of(q->signal)) {
    case FAMILY_READINGS:
        return error_set(p->error, FAULT_NOT_FOUND, "%s is a reading of the moment: its past is not kept", signal_info(q->signal).name);
    case FAMILY_SCORES:
        if (q->signal == SIGNAL_FEEDBACK_NEGATIVE) return play_feedback(p, from_us);
        return e != NULL ? scored_each(e, SLICE_NULL, from_us, q->to_us, each_scored, p, p->error) : FAULT_NONE;
    default: break;
    }
    if (rollups_know(q)) return play_rollups(p, from_us);
    if (q->signal == SIGNAL_LATENCY_SLOW) fault = learn_like(p, from_us);
    return fault == FAULT_NONE && !p->stopped ? play_records(p, from_us, play_record) : fault;
}

static void deinit(struct past *p) {
    size_t cursor = 0;
    void *value;
    while (p->n > 0) mem_free((char *)heap_pop(p).bytes.at);
    while (table_next(&p->like, &cursor, NULL, &value)) {
        histogram_deinit(value);
        mem_free(value);
    }
    table_deinit(&p->like);
    mem_free(p->heap);
    buffer_deinit(&p->bytes);
    arena_deinit(&p->arena);
    signals_free(p->signals);
}

enum fault signals_past(struct ledger *l, struct evaluations *e, const struct signal_past *q,
                        bool (*each)(void *ctx, const struct signal_series *series, int64_t end_us, const struct signal_value *value),
                        void *ctx, struct error *error) {
    struct signal_past whole = *q; /* minutes are what rollups have */
    struct past p = {.q = &whole, .ledger = l, .each = each, .ctx = ctx, .error = error};
    whole.from_us = (q->from_us + MINUTE_US - 1) / MINUTE_US * MINUTE_US;
    if (q->step_us < MINUTE_US || q->window_us < SIGNAL_SHORTEST_US || q->window_us > SIGNAL_LONGEST_US || q->from_us <= 0 || q->to_us < q->from_us)
        return error_set(error, FAULT_BAD_REQUEST, "expected a window of 10 s to 7 days, steps of at least 60 s, and a time that does not end before it begins");
    if (whole.most_records == 0) whole.most_records = SIGNAL_PAST_RECORDS;
    p.end_us = whole.from_us;
    p.signals = signals_new();
    p.view = signals_view(p.signals, q->by, &q->where, q->window_us);
    table_init(&p.like);
    buffer_init(&p.bytes, LIMIT_RECORD);
    arena_init(&p.arena, 16 << 10, 1 << 20);
    int64_t cell_us = signal_rings[rings_for(q->window_us)].cell_us, from_us = whole.from_us - q->window_us - cell_us;
    enum fault fault = play(&p, e, from_us > 0 ? from_us / MINUTE_US * MINUTE_US : 0);
    if (fault == FAULT_NONE) reach(&p, whole.to_us);
    deinit(&p);
    return fault;
}
