/* watch_latency.c - see watch_latency.h. */
#include "quality/watch_latency_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "quality/watch_tell.h"
#include "stats/proportion.h"

#include <math.h>
#include <stdio.h>

#define CELL_US 10000000LL
#define LOOKS_A_MONTH 518400.0   /* one each 5 s */
#define LEAST 200.0              /* exchanges of one like: fewer are no baseline */
#define SLOW_MARGIN 0.05         /* 5 % are slow by definition; 10 % is still normal */
#define BLOCK_US 600000000LL
#define SHORT_BLOCK_US 60000000LL
#define GENERATION_US (7 * 86400000000LL)
#define DAY_US 86400000000LL
#define REFUSE_CHANCE 1e-6
#define GAVE_UP_LEAST 3.0
#define GAVE_UP_RATE 0.002       /* of exchanges: held normal */
#define FEW 20.0                 /* exchanges: of fewer a share says little */
#define WELL_US 300000000LL
enum { SERIES = 1000 };

static const struct { const char *name; double share; } quantiles[QUANTILES] = {
    {"p50", 0.5}, {"p90", 0.1}, {"p95", 0.05}, {"p99", 0.01}, {"ttft_p95", 0.05}, {"per_token_p95", 0.05}};
static const char *const contexts[CONTEXTS] = {"<1k", "1k-4k", "4k-16k", "16k-64k", ">=64k", ""};

struct watch_latency *watch_latency_new(void) {
    struct watch_latency *w = mem_new(struct watch_latency);
    table_init(&w->by_name);
    return w;
}

static void like_deinit(struct latency_like *x) {
    histogram_deinit(&x->normal[0]);
    histogram_deinit(&x->normal[1]);
    histogram_deinit(&x->block);
}

void watch_latency_free(struct watch_latency *w) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    if (w == NULL) return;
    while (table_next(&w->by_name, &cursor, &key, &value)) {
        struct latency_series *s = value;
        for (unsigned i = 0; i < CONTEXTS; i++) like_deinit(&s->likes[i]);
        mem_free(s->application);
        mem_free(s->request_type);
        mem_free(s);
    }
    table_deinit(&w->by_name);
    mem_free(w);
}

static char *copy_of(struct slice s) {
    char *text = mem_alloc(s.len + 1);
    if (s.len > 0) memcpy(text, s.at, s.len);
    return text;
}

struct latency_series *latency_series_of(struct watch_latency *w, struct slice application, struct slice type) {
    char key[2 * LIMIT_LABEL + 2];
    int n = snprintf(key, sizeof key, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(application), SLICE_ARG(type));
    if (n < 0 || (size_t)n >= sizeof key) return NULL;
    struct latency_series *s = table_get(&w->by_name, slice_make(key, (size_t)n));
    if (s != NULL || w->by_name.count >= SERIES) return s;
    s = mem_new(struct latency_series);
    s->application = copy_of(application);
    s->request_type = copy_of(type);
    for (unsigned i = 0; i < CONTEXTS; i++) {
        histogram_init(&s->likes[i].normal[0]);
        histogram_init(&s->likes[i].normal[1]);
        histogram_init(&s->likes[i].block);
    }
    table_put(&w->by_name, slice_make(key, (size_t)n), s);
    return s;
}

/* ---- the baseline ---- */

static void empty(struct histogram *h) {
    histogram_deinit(h);
    histogram_init(h);
}

void latency_series_learned(struct latency_series *s) {
    for (unsigned i = 0; i < CONTEXTS; i++) {
        struct histogram h;
        histogram_init(&h);
        histogram_merge(&h, &s->likes[i].normal[0]);
        histogram_merge(&h, &s->likes[i].normal[1]);
        s->likes[i].p95_us = (double)h.count >= LEAST ? (int64_t)histogram_quantile(&h, 0.95) : 0;
        histogram_deinit(&h);
    }
}

static void end_block(struct latency_series *s, int64_t at_us) {
    bool bad = s->block_slow >= 0.25 * s->block_known && watch_tail(s->block_slow, s->block_known, 0.05 + SLOW_MARGIN) <= REFUSE_CHANCE;
    bool lasts = s->refused_us != 0 && at_us - s->refused_us >= DAY_US;
    if (!bad) s->refused_us = 0;
    else if (s->refused_us == 0) s->refused_us = s->block_us;
    if (s->since_us == 0) s->since_us = s->block_us;
    bool new_week = at_us - s->since_us >= GENERATION_US;
    for (unsigned i = 0; i < CONTEXTS; i++) {
        struct latency_like *x = &s->likes[i];
        if (new_week) {
            histogram_deinit(&x->normal[1]);
            x->normal[1] = x->normal[0];
            histogram_init(&x->normal[0]);
        }
        if (!bad || lasts) {
            s->trials += (double)x->block.count;
            histogram_merge(&x->normal[0], &x->block);
        }
        empty(&x->block);
    }
    if (new_week) s->since_us = at_us;
    s->block_known = s->block_slow = 0;
    latency_series_learned(s);
}

static unsigned context_of(int64_t input) {
    struct slice c = signal_context(input);
    for (unsigned i = 0; i < CONTEXTS; i++)
        if (slice_is(c, contexts[i])) return i;
    return CONTEXTS - 1;
}

static void count_budgets(struct latency_series *s, struct latency_cell *c, const struct record *r) {
    int64_t per_token = r->ttft_us >= 0 && r->usage.output > 1 ? (r->duration_us - r->ttft_us) / (r->usage.output - 1) : -1;
    const int64_t values[QUANTILES] = {r->duration_us, r->duration_us, r->duration_us, r->duration_us, r->ttft_us, per_token};
    for (unsigned i = 0; i < QUANTILES; i++) {
        if (s->budgets[i] <= 0 || values[i] < 0) continue;
        c->n[i]++;
        c->over[i] += values[i] > s->budgets[i];
    }
}

static void take(struct watch_latency *w, const struct record *r, bool learned) {
    if (r->status != RECORD_OK || !slice_is_null(r->cache) || r->duration_us < 0) return; /* of those that a provider answered */
    struct latency_series *s = latency_series_of(w, r->application, slice_is_null(r->request_type) ? SLICE("") : r->request_type);
    if (s == NULL) return;
    int64_t at_us = r->time_us + r->duration_us, at = at_us / CELL_US;
    struct latency_like *x = &s->likes[context_of(r->usage.input)];
    if (s->block_us == 0) s->block_us = at_us;
    if (!learned && at_us - s->block_us >= (s->trials < 2000 ? SHORT_BLOCK_US : BLOCK_US)) {
        end_block(s, at_us);
        s->block_us = at_us;
    }
    bool known = x->p95_us > 0, slow = known && r->duration_us > x->p95_us;
    if (!learned) {
        histogram_add(&x->block, r->duration_us);
        s->block_known += known;
        s->block_slow += slow;
        s->fresh += known;
        s->fresh_slow += slow;
    }
    struct latency_cell *c = &s->cells[(uint64_t)at % (WINDOW_CELLS + 2)];
    if (c->at > at) return;
    if (c->at < at) *c = (struct latency_cell){.at = at};
    c->known += known;
    c->slow += slow;
    count_budgets(s, c, r);
}

void watch_latency_record(struct watch_latency *w, const struct record *r) { take(w, r, false); }
void watch_latency_former(struct watch_latency *w, const struct record *r) { take(w, r, true); }

enum fault watch_latency_learn(struct watch_latency *w, struct ledger *l, struct signals *s, int64_t now_us, struct error *error) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    (void)l, (void)now_us, (void)error;
    while (table_next(&w->by_name, &cursor, &key, &value)) {
        const struct latency_series *x = value;
        for (unsigned i = 0; i < CONTEXTS; i++)
            if (x->likes[i].p95_us > 0) signals_slow(s, slice_of(x->application), slice_of(x->request_type), slice_of(contexts[i]), (double)x->likes[i].p95_us / 1e6);
    }
    return FAULT_NONE;
}

/* ---- a look ---- */

struct look { struct watch_latency *w; const struct policy *policy; struct signals *signals; double chance, alarms; int64_t now_us; struct watch_tell tell; };

/* Budgets of the policy in force; where one has changed, its counts begin anew. */
static void follow_budgets(const struct look *l, struct latency_series *s) {
    const struct application *a = table_get(&l->policy->application_by_name, slice_of(s->application));
    const struct latency_budget *b = NULL;
    for (unsigned i = 0; a != NULL && i < a->n_request_types; i++)
        if (slice_is(slice_of(s->request_type), a->request_types[i].request_type)) b = &a->request_types[i].latency;
    const int64_t now[QUANTILES] = {b ? b->p50 : 0, b ? b->p90 : 0, b ? b->p95 : 0, b ? b->p99 : 0, b ? b->ttft_p95 : 0, b ? b->per_token_p95 : 0};
    for (unsigned i = 0; i < QUANTILES; i++) {
        if (now[i] == s->budgets[i]) continue;
        s->budgets[i] = now[i];
        s->over_us[i] = 0;
        for (unsigned k = 0; k < WINDOW_CELLS + 2; k++) s->cells[k].n[i] = s->cells[k].over[i] = 0;
    }
}

static void put_about(struct json_writer *w, const struct latency_series *s) {
    json_member_text(w, "application", s->application);
    json_member_text(w, "request_type", s->request_type);
}
static void put_test(struct json_writer *w, const char *is, double statistic, double threshold) {
    json_member_text(w, "statistic_is", is);
    json_member_double(w, "statistic", statistic);
    json_member_double(w, "threshold", threshold);
    json_member_text(w, "threshold_from", "the false alarms a month that alerts may make, divided among watchers, series and looks");
}

/* The last half an hour of `which`, and some exchanges. */
static void put_past(const struct look *l, struct json_writer *w, const struct latency_series *s, enum signal which) {
    struct signal_series series = {.by = SIGNAL_BY_BIT(APPLICATION) | SIGNAL_BY_BIT(REQUEST_TYPE)};
    struct signal_value values[30];
    struct record_id ids[5];
    char id[RECORD_ID_TEXT];
    series.is[SIGNAL_BY_APPLICATION] = slice_of(s->application);
    series.is[SIGNAL_BY_REQUEST_TYPE] = slice_of(s->request_type);
    struct signal_view *v = signals_view(l->signals, series.by, NULL, 300000000);
    unsigned n = signal_view_chart(v, which, SLICE_NULL, &series, 60000000, 30, values);
    json_member_text(w, "chart_of", signal_info(which).name);
    json_key(w, "chart");
    json_array(w);
    for (unsigned i = 0; i < n; i++) json_put_double(w, values[i].value);
    json_array_end(w);
    n = signal_view_examples(v, SIGNAL_LATENCY_SLOW, SLICE_NULL, &series, 5, ids);
    json_key(w, "examples");
    json_array(w);
    for (unsigned i = 0; i < n; i++) {
        record_id_format(&ids[i], id);
        json_put_text(w, id);
    }
    json_array_end(w);
}

static struct slice command_of(struct look *l, const struct latency_series *s) {
    struct buffer *b = watch_tell_text(&l->tell);
    buffer_append(b, SLICE("quarterdeck record latency --from -1h"));
    watch_tell_option(b, "application", slice_of(s->application));
    if (s->request_type[0] != 0) watch_tell_option(b, "request-type", slice_of(s->request_type));
    return watch_tell_take(&l->tell);
}
static struct buffer *title_of(struct look *l, const struct latency_series *s) {
    struct buffer *b = watch_tell_text(&l->tell);
    buffer_printf(b, "%s%s%s: ", s->application, s->request_type[0] != 0 ? "/" : "", s->request_type);
    return b;
}

/* The clock stepped back: what was booked in a future that is none would stand in the way of what comes. */
static void forget_future(const struct look *l, struct latency_series *s) {
    for (unsigned i = 0; i < WINDOW_CELLS + 2; i++)
        if (s->cells[i].at > l->now_us / CELL_US + 1) s->cells[i] = (struct latency_cell){.at = 0};
}

static bool is_lately(const struct look *l, const struct latency_cell *c) { return c->at <= l->now_us / CELL_US && c->at + WINDOW_CELLS >= l->now_us / CELL_US; }

static void look_at_budget(struct look *l, struct latency_series *s, unsigned q) {
    double n = 0, over = 0;
    for (unsigned i = 0; i < WINDOW_CELLS + 2; i++)
        if (is_lately(l, &s->cells[i])) {
            n += s->cells[i].n[q];
            over += s->cells[i].over[q];
        }
    const struct slice parts[] = {slice_of(s->application), slice_of(s->request_type), slice_of(quantiles[q].name)};
    struct finding f = {.kind = FINDING_LATENCY_OVER_BUDGET, .application = parts[0]};
    double chance = n > 0 ? watch_tail(over, n, quantiles[q].share) : 1;
    if (s->over_us[q] == 0 && chance <= l->chance) s->over_us[q] = l->now_us;
    else if (s->over_us[q] != 0 && n > 0 && over <= quantiles[q].share * n) s->over_us[q] = 0;
    if (s->over_us[q] == 0) return;
    f.key = watch_tell_key(&l->tell, f.kind, parts, 3);
    if (n == 0) {
        watch_tell_unsure(&l->tell, f.key);
        return;
    }
    struct json_writer *w = watch_tell_json(&l->tell);
    json_object(w);
    put_about(w, s);
    json_member_text(w, "quantile", quantiles[q].name);
    json_member_double(w, "budget_s", (double)s->budgets[q] / 1e6);
    json_member_double(w, "n", n);
    json_member_double(w, "slower", over);
    struct interval share = proportion_exact(over, n, 0.95);
    json_member_double(w, "share_low", share.low);
    json_member_double(w, "share_high", share.high);
    json_member_double(w, "allowed", quantiles[q].share);
    put_test(w, "chance of so many above the budget, were the quantile just at it: exact binomial tail", chance, l->chance);
    put_past(l, w, s, q == 4 ? SIGNAL_TTFT_P95 : q == 5 ? SIGNAL_PER_TOKEN_P95 : q == 0 ? SIGNAL_LATENCY_P50 : q == 1 ? SIGNAL_LATENCY_P90 : q == 2 ? SIGNAL_LATENCY_P95 : SIGNAL_LATENCY_P99);
    json_object_end(w);
    f.evidence = watch_tell_take(&l->tell);
    struct buffer *b = title_of(l, s);
    buffer_printf(b, "%s is surely above its budget of ", quantiles[q].name);
    watch_tell_time(b, (double)s->budgets[q] / 1e6);
    buffer_printf(b, ": %.0f of %.0f in the last 5 min took longer, ", over, n);
    watch_tell_share(b, quantiles[q].share);
    buffer_append(b, SLICE(" may"));
    f.title = watch_tell_take(&l->tell);
    f.command = command_of(l, s);
    watch_tell_finding(&l->tell, &f);
}

/* A finding that is open for weeks says what was since it began: the last minutes, mostly nothing, are in its evidence. */
static struct slice title_of_rise(struct look *l, const struct latency_series *s, double slow, double known) {
    struct buffer *b = title_of(l, s);
    bool fresh = l->now_us - s->worse_us < WELL_US || s->worse_known < known;
    watch_tell_share(b, fresh ? slow / known : s->worse_slow / s->worse_known);
    if (fresh) buffer_printf(b, " of %.0f in the last 5 min", known);
    if (!fresh) {
        buffer_printf(b, " of %.0f since ", s->worse_known);
        watch_tell_clock(b, s->worse_us);
    }
    buffer_append(b, SLICE(" were slower than 95 % of their like were; 5 % is normal"));
    return watch_tell_take(&l->tell);
}

static void begin_worse(struct latency_series *s, int64_t now_us) {
    s->worse_us = s->week_us = now_us;
    s->worse_known = s->worse_slow = s->week_known = s->week_slow = 0;
}

/* Enough in five minutes, or in a week of whatever little there is, and no more of them slow than is normal. */
static bool is_well_again(const struct look *l, struct latency_series *s, double slow, double known) {
    bool a_week = l->now_us - s->week_us >= GENERATION_US;
    double most = 0.05 + SLOW_MARGIN;
    if (known >= FEW && slow <= most * known && l->now_us - s->worse_us >= WELL_US) return true;
    if (a_week && s->week_known >= FEW && s->week_slow <= most * s->week_known) return true;
    if (a_week) {
        s->week_us = l->now_us;
        s->week_known = s->week_slow = 0;
    }
    return false;
}

static void look_at_rise(struct look *l, struct latency_series *s) {
    const struct slice parts[] = {slice_of(s->application), slice_of(s->request_type)};
    struct finding f = {.kind = FINDING_LATENCY_WORSE, .application = parts[0]};
    double span = (double)(l->now_us - s->since_us), month = s->trials * (double)WATCH_MONTH_US / (span > 60e6 ? span : 60e6);
    double known = 0, slow = 0;
    if (!s->ready && s->fresh > 0) detector_begin(&s->rise, 0.05, SLOW_MARGIN, detector_threshold(month, l->alarms));
    s->ready |= s->fresh > 0;
    bool found = s->fresh > 0 && detector_take_counts(&s->rise, s->fresh, s->fresh_slow);
    if (found && s->worse_us == 0) begin_worse(s, l->now_us);
    s->worse_known += (double)s->fresh;
    s->worse_slow += (double)s->fresh_slow;
    s->week_known += (double)s->fresh;
    s->week_slow += (double)s->fresh_slow;
    s->fresh = s->fresh_slow = 0;
    if (s->worse_us == 0) return;
    for (unsigned i = 0; i < WINDOW_CELLS + 2; i++)
        if (is_lately(l, &s->cells[i])) {
            known += s->cells[i].known;
            slow += s->cells[i].slow;
        }
    if (is_well_again(l, s, slow, known)) {
        s->worse_us = 0;
        s->ready = false;        /* begun anew with the traffic that there is now */
        return;
    }
    f.key = watch_tell_key(&l->tell, f.kind, parts, 2);
    if (known == 0) {
        watch_tell_unsure(&l->tell, f.key);
        return;
    }
    struct json_writer *w = watch_tell_json(&l->tell);
    json_object(w);
    put_about(w, s);
    json_member_double(w, "n", known);
    json_member_double(w, "slow", slow);
    json_member_double(w, "n_since", s->worse_known);
    json_member_double(w, "slow_since", s->worse_slow);
    json_member_double(w, "held_normal", 0.05 + SLOW_MARGIN);
    put_test(w, "e-detector of the share that is slower than 95 % of their like (request type and input size) were", detector_statistic(&s->rise), s->rise.threshold);
    put_past(l, w, s, SIGNAL_LATENCY_SLOW);
    json_object_end(w);
    f.evidence = watch_tell_take(&l->tell);
    f.title = title_of_rise(l, s, slow, known);
    f.command = command_of(l, s);
    watch_tell_finding(&l->tell, &f);
}

static void look_at_users(struct look *l, struct latency_series *s) {
    struct signal_series series = {.by = SIGNAL_BY_BIT(APPLICATION) | SIGNAL_BY_BIT(REQUEST_TYPE)};
    const struct slice parts[] = {slice_of(s->application), slice_of(s->request_type)};
    series.is[SIGNAL_BY_APPLICATION] = parts[0];
    series.is[SIGNAL_BY_REQUEST_TYPE] = parts[1];
    struct signal_view *v = signals_view(l->signals, series.by, NULL, 600000000);
    struct signal_value gave = signal_view_value(v, SIGNAL_GAVE_UP, SLICE_NULL, &series), all = signal_view_value(v, SIGNAL_REQUESTS, SLICE_NULL, &series);
    double chance = gave.value >= GAVE_UP_LEAST && all.value >= gave.value ? watch_tail(gave.value, all.value, GAVE_UP_RATE) : 1;
    if (!(chance <= l->chance)) return;
    struct finding f = {.kind = FINDING_USERS_GAVE_UP, .application = parts[0]};
    f.key = watch_tell_key(&l->tell, f.kind, parts, 2);
    struct json_writer *w = watch_tell_json(&l->tell);
    json_object(w);
    put_about(w, s);
    json_member_double(w, "users", gave.value);
    json_member_double(w, "requests", all.value);
    json_member_double(w, "held_normal", GAVE_UP_RATE);
    put_test(w, "chance of so many, were one in 500 exchanges such a user's: exact binomial tail", chance, l->chance);
    put_past(l, w, s, SIGNAL_RETRIES);
    json_object_end(w);
    f.evidence = watch_tell_take(&l->tell);
    struct buffer *b = title_of(l, s);
    buffer_printf(b, "%.0f users asked the same three times within a minute, in the last 10 min of %.0f exchanges", gave.value, all.value);
    f.title = watch_tell_take(&l->tell);
    f.command = command_of(l, s);
    watch_tell_finding(&l->tell, &f);
}

enum fault watch_latency_look(struct watch_latency *w, const struct policy *p, struct signals *s, double alarms_per_month, int64_t now_us,
                              struct arena *arena, struct finding **ret, unsigned *ret_n, struct slice **ret_unsure, unsigned *ret_n_unsure,
                              struct error *error) {
    struct look l = {.w = w, .policy = p, .signals = s, .now_us = now_us};
    size_t cursor = 0;
    struct slice key;
    void *value;
    double series = w->by_name.count > 0 ? (double)w->by_name.count : 1;
    l.alarms = alarms_per_month / 3 / series;  /* budgets, baseline, users */
    l.chance = l.alarms / QUANTILES / LOOKS_A_MONTH;
    watch_tell_begin(&l.tell, arena);
    while (table_next(&w->by_name, &cursor, &key, &value)) {
        struct latency_series *x = value;
        follow_budgets(&l, x);
        forget_future(&l, x);
        for (unsigned q = 0; q < QUANTILES; q++)
            if (x->budgets[q] > 0) look_at_budget(&l, x, q);
        look_at_rise(&l, x);
        look_at_users(&l, x);
    }
    enum fault fault = watch_tell_done(&l.tell, error);
    *ret = l.tell.seen;
    *ret_n = l.tell.n_seen;
    *ret_unsure = l.tell.unsure;
    *ret_n_unsure = l.tell.n_unsure;
    watch_tell_end(&l.tell);
    return fault;
}
