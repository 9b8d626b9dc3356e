/* How each application is, by domain, and what needs a person. */
#include "control/overview.h"

#include "base/clock.h"
#include "store/scored_sums.h"

#include <math.h>
#include <stdlib.h>

#define SECOND_US 1000000LL
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
enum { TREND_POINTS = 96, TREND_METRICS = 4 };

static const enum series_metric trends[TREND_METRICS] = {SERIES_QUALITY, SERIES_LATENCY_P95, SERIES_COST, SERIES_ERROR_RATE};

struct line {
    struct series_point points[SERIES_STEPS][TREND_METRICS];
};
struct rows {
    struct overview *o;
    struct overview_row *at; /* all together first */
    struct line **lines;     /* of each row */
    unsigned n, n_steps;
    bool left_off;           /* there are more applications */
    int64_t step_us, oldest_us;
    struct table by_name;    /* the row's index */
    struct rollup step;      /* of all, at step_at */
    struct weighted_sums step_scores;
    int64_t step_at;
};

/* ---- reading ---- one look at the rollups and one at the scores, by step and application */

static bool new_row(struct rows *r, struct slice application) {
    static const struct rollup nothing;
    struct overview_row *row = &r->at[r->n];
    struct line *line = r->lines[r->n] = arena_new(r->o->c->arena, struct line);
    if (line == NULL) return false;
    row->application = slice_is_null(application) ? application : arena_slice(r->o->c->arena, application);
    rollup_init(&row->sums);
    for (unsigned i = 0; i < r->n_steps; i++) {
        int64_t start = r->o->from_us + i * r->step_us;
        bool known = start <= r->o->now_us && start + r->step_us > r->oldest_us;
        for (unsigned m = 0; m < TREND_METRICS; m++) line->points[i][m] = known ? series_of_rollup(trends[m], &nothing) : SERIES_UNKNOWN;
    }
    if (!slice_is_null(application)) table_put(&r->by_name, application, (void *)(uintptr_t)r->n);
    r->n++;
    return true;
}

/* 0: there is none. */
static unsigned index_of(const struct rows *r, struct slice application) {
    return slice_is_null(application) ? 0 : (unsigned)(uintptr_t)table_get(&r->by_name, application);
}

static void put_points(struct rows *r, unsigned row, int64_t start_us, const struct rollup *u) {
    int64_t i = (start_us - r->o->from_us) / r->step_us;
    if (i < 0 || i >= r->n_steps) return;
    for (unsigned m = 0; m < TREND_METRICS; m++)
        if (trends[m] != SERIES_QUALITY) r->lines[row]->points[i][m] = series_of_rollup(trends[m], u);
}

static void end_step(struct rows *r) {
    if (r->step.count > 0) put_points(r, 0, r->step_at, &r->step);
    rollup_deinit(&r->step);
    rollup_init(&r->step);
}

static bool add_rollup(void *ctx, const struct rollup *u) {
    struct rows *r = ctx;
    if (u->start_us != r->step_at) end_step(r);
    r->step_at = u->start_us;
    rollup_merge(&r->step, u);
    rollup_merge(&r->at[0].sums, u);
    unsigned row = index_of(r, u->application);
    if (row == 0 && !slice_is_null(u->application) && r->n <= OVERVIEW_ROWS && new_row(r, u->application)) row = r->n - 1;
    if (row == 0) {
        r->left_off |= !slice_is_null(u->application);
        return true;
    }
    rollup_merge(&r->at[row].sums, u);
    put_points(r, row, u->start_us, u);
    return true;
}

static void put_score(struct rows *r, unsigned row, int64_t start_us, const struct weighted_sums *s) {
    int64_t i = (start_us - r->o->from_us) / r->step_us;
    if (i >= 0 && i < r->n_steps) r->lines[row]->points[i][0] = series_of_scores(s);
}

static void end_scores(struct rows *r) {
    if (r->step_scores.n > 0) put_score(r, 0, r->step_at, &r->step_scores);
    r->step_scores = (struct weighted_sums){0};
}

static bool add_scores(void *ctx, const struct scored_sum *s) {
    struct rows *r = ctx;
    if (s->start_us != r->step_at) end_scores(r);
    r->step_at = s->start_us;
    weighted_sums_add(&r->step_scores, &s->sums);
    weighted_sums_add(&r->at[0].scores, &s->sums);
    unsigned row = index_of(r, s->label);
    if (row == 0) return true;
    weighted_sums_add(&r->at[row].scores, &s->sums);
    put_score(r, row, s->start_us, &s->sums);
    return true;
}

static bool read_all(struct rows *r) {
    struct api_call *c = r->o->c;
    struct error error;
    struct slice only = api_text(c, "application");
    struct rollup_query q = {.from_us = r->o->from_us, .to_us = r->o->to_us, .step_us = r->step_us, .by = BY_TIME | BY_APPLICATION, .application = only, .without = series_without(SERIES_LATENCY_P95) & series_without(SERIES_TTFT_P95)};
    struct scored_sums_query scored = {.from_us = r->o->from_us - r->o->from_us % HOUR_US, .to_us = r->o->to_us, .step_us = r->step_us > HOUR_US ? r->step_us : HOUR_US,
                                       .by = SCORED_BY_APPLICATION, .application = only};
    bool good = new_row(r, SLICE_NULL) && (slice_is_null(only) || new_row(r, only));
    for (unsigned i = 0; good && slice_is_null(only) && c->policy != NULL && i < c->policy->n_applications && r->n <= OVERVIEW_ROWS; i++)
        good = new_row(r, slice_of(c->policy->applications[i].name));
    if (!good) {
        api_fail(c, FAULT_TOO_LARGE, "no room for the applications");
        return false;
    }
    if (!api_check(c, ledger_rollup(c->s->ledger, &q, add_rollup, r, &error), &error)) return false;
    end_step(r);
    r->step_at = 0;
    if (c->s->evaluations != NULL && !api_check(c, scored_sums(c->s->evaluations, &scored, add_scores, r, &error), &error)) return false;
    end_scores(r);
    return true;
}

/* Whole hours where the window is longer than some: those are read from few rows. */
static bool open_rows(struct rows *r) {
    struct api_call *c = r->o->c;
    struct error error;
    int64_t span = r->o->to_us - r->o->from_us, unit = span > 6 * HOUR_US ? HOUR_US : 5 * 60 * SECOND_US;
    struct series_query q = {.from_us = r->o->from_us, .to_us = r->o->to_us, .step_us = (span / TREND_POINTS / unit + 1) * unit};
    (void)series_align(&q); /* some hundred steps at most */
    r->o->from_us = q.from_us;
    r->o->to_us = q.to_us;
    r->step_us = q.step_us;
    r->n_steps = (unsigned)((q.to_us - q.from_us) / q.step_us);
    r->at = arena_new_array(c->arena, struct overview_row, OVERVIEW_ROWS + 2);
    r->lines = arena_new_array(c->arena, struct line *, OVERVIEW_ROWS + 2);
    table_init(&r->by_name);
    rollup_init(&r->step);
    if (!api_check(c, ledger_oldest(c->s->ledger, &r->oldest_us, &error), &error)) return false;
    if (r->oldest_us == 0) r->oldest_us = INT64_MAX;
    if (r->at == NULL || r->lines == NULL) api_fail(c, FAULT_TOO_LARGE, "no room for the applications");
    return r->at != NULL && r->lines != NULL;
}

/* ---- writing ---- */

static void put_trend(struct rows *r, unsigned row, const char *metric) {
    struct json_writer *w = &r->o->c->json;
    unsigned m = 0;
    while (metric != NULL && m < TREND_METRICS && strcmp(metric, series_name(trends[m])) != 0) m++;
    bool any = metric != NULL && m < TREND_METRICS;
    json_key(w, "trend");
    json_array(w);
    for (unsigned i = 0; any && i < r->n_steps; i++) {
        json_array(w);
        json_put_i64(w, (r->o->from_us + i * r->step_us) / SECOND_US);
        series_put_number(w, r->lines[row]->points[i][m].value, series_unit(trends[m]));
        json_array_end(w);
    }
    json_array_end(w);
    json_member_text(w, "trend_metric", any ? metric : NULL);
}

static void put_numbers(struct json_writer *w, const struct overview_verdict *v) {
    json_key(w, "numbers");
    json_array(w);
    for (unsigned i = 0; i < v->n_numbers; i++) {
        const struct overview_number *n = &v->numbers[i];
        json_object(w);
        json_member_text(w, "label", n->label);
        json_key(w, "value");
        series_put_number(w, n->point.value, n->unit);
        json_member_text(w, "unit", n->unit);
        json_key(w, "n");
        series_put_number(w, n->point.n, "count");
        json_key(w, "low");
        series_put_number(w, n->point.low, n->unit);
        json_key(w, "high");
        series_put_number(w, n->point.high, n->unit);
        json_member_string(w, "window", n->window);
        json_member_string(w, "note", n->note);
        json_object_end(w);
    }
    json_array_end(w);
}

/* The worst first, of these what waits longest. */
static int by_need(const void *a, const void *b) {
    const struct overview_fact *x = *(const struct overview_fact *const *)a, *y = *(const struct overview_fact *const *)b;
    if (x->severity != y->severity) return x->severity < y->severity ? 1 : -1;
    return (x->since_us > y->since_us) - (x->since_us < y->since_us);
}

static void put_needs(struct rows *r, struct slice application, enum overview_domain d) {
    struct json_writer *w = &r->o->c->json;
    const struct overview_fact *needs[OVERVIEW_FACTS];
    unsigned n = 0;
    for (unsigned i = 0; i < r->o->n_facts; i++)
        if (r->o->facts[i].domain == d && r->o->facts[i].needs_person && overview_is_about(r->o, &r->o->facts[i], application)) needs[n++] = &r->o->facts[i];
    if (n > 1) qsort(needs, n, sizeof *needs, by_need);
    json_key(w, "needs");
    json_array(w);
    for (unsigned i = 0; i < n && i < OVERVIEW_NEEDS; i++) {
        json_object(w);
        json_member_string(w, "about", needs[i]->about);
        json_member_string(w, "title", needs[i]->title);
        json_member_string(w, "href", needs[i]->href);
        json_member_string(w, "command", needs[i]->command);
        api_put_time(w, "since", needs[i]->since_us);
        json_member_text(w, "severity", timeline_severity_name(needs[i]->severity));
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_row(struct rows *r, unsigned index) {
    struct json_writer *w = &r->o->c->json;
    const struct overview_row *row = &r->at[index];
    json_object(w);
    json_member_string(w, "application", row->application);
    json_member_i64(w, "requests", (int64_t)row->sums.count);
    json_key(w, "domains");
    json_array(w);
    for (enum overview_domain d = OVERVIEW_QUALITY; d < OVERVIEW_DOMAINS; d++) {
        struct overview_verdict v;
        overview_judge(r->o, row, d, &v);
        json_object(w);
        json_member_text(w, "domain", overview_domain_name(d));
        json_member_text(w, "state", v.state);
        json_member_string(w, "headline", v.headline);
        put_numbers(w, &v);
        put_trend(r, index, v.trend);
        put_needs(r, row->application, d);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static void put_rows(struct rows *r) {
    struct json_writer *w = &r->o->c->json;
    bool one = !slice_is_null(api_text(r->o->c, "application"));
    unsigned order[OVERVIEW_ROWS + 2], n = r->n;
    for (unsigned i = 0; i < n; i++) { /* by exchanges; the first stays */
        unsigned at = i;
        for (; at > 1 && r->at[order[at - 1]].sums.count < r->at[i].sums.count; at--) order[at] = order[at - 1];
        order[at] = i;
    }
    json_object(w);
    api_put_time(w, "from", r->o->from_us);
    api_put_time(w, "to", r->o->to_us);
    json_key(w, "applications");
    json_array(w);
    for (unsigned i = one ? 1 : 0; i < n; i++) put_row(r, order[i]);
    json_array_end(w);
    json_member_bool(w, "left_off", r->left_off);
    json_object_end(w);
}

void api_overview(struct api_call *c) {
    struct overview o = {.c = c, .now_us = clock_wall_us()};
    struct rows r = {.o = &o};
    struct slice only = api_text(c, "application");
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!api_need_registry(c) || (!slice_is_null(only) && !api_knows_application(c, only)) || !api_window(c, DAY_US, &o.from_us, &o.to_us)) return;
    if (o.from_us < 0) o.from_us = 0;
    if (open_rows(&r) && overview_collect(&o) && read_all(&r)) put_rows(&r);
    for (unsigned i = 0; i < r.n; i++) rollup_deinit(&r.at[i].sums);
    rollup_deinit(&r.step);
    table_deinit(&r.by_name);
    overview_deinit(&o);
}
