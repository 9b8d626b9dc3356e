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

struct rows {
    struct overview *o;
    struct overview_row *at; /* all together first */
    unsigned n, left_off;
    struct table by_name;
    struct series_query query;
    struct series_set each, all;
};

/* ---- reading ---- */

static struct overview_row *row_of(struct rows *r, struct slice application) {
    struct overview_row *row = table_get(&r->by_name, application);
    if (row != NULL) return row;
    row = &r->at[r->n++];
    row->application = arena_slice(r->o->c->arena, application);
    rollup_init(&row->sums);
    table_put(&r->by_name, application, row);
    return row;
}

static bool add_rollup(void *ctx, const struct rollup *u) {
    struct rows *r = ctx;
    rollup_merge(&r->at[0].sums, u);
    if (slice_is_null(u->application)) return true;
    if (table_get(&r->by_name, u->application) == NULL && r->n > OVERVIEW_ROWS) {
        r->left_off++;
        return true;
    }
    rollup_merge(&row_of(r, u->application)->sums, u);
    return true;
}

static bool add_scores(void *ctx, const struct scored_sum *s) {
    struct rows *r = ctx;
    weighted_sums_add(&r->at[0].scores, &s->sums);
    struct overview_row *row = slice_is_null(s->label) ? NULL : table_get(&r->by_name, s->label);
    if (row != NULL) weighted_sums_add(&row->scores, &s->sums);
    return true;
}

static bool read_rows(struct rows *r) {
    struct api_call *c = r->o->c;
    struct error error;
    struct slice only = api_text(c, "application");
    struct rollup_query q = {.from_us = r->o->from_us, .to_us = r->o->to_us, .by = BY_APPLICATION, .application = only};
    int64_t hour = r->o->from_us - r->o->from_us % HOUR_US;
    struct scored_sums_query scored = {.from_us = hour, .to_us = r->o->to_us, .by = SCORED_BY_APPLICATION, .application = only};
    if (!slice_is_null(only)) row_of(r, only);
    for (unsigned i = 0; slice_is_null(only) && c->policy != NULL && i < c->policy->n_applications && r->n <= OVERVIEW_ROWS; i++) row_of(r, slice_of(c->policy->applications[i].name));
    return api_check(c, ledger_rollup(c->s->ledger, &q, add_rollup, r, &error), &error) &&
           (c->s->evaluations == NULL || api_check(c, scored_sums(c->s->evaluations, &scored, add_scores, r, &error), &error));
}

/* Whole hours where the window is longer than some: those are read from few rows. */
static bool read_trends(struct rows *r) {
    struct api_call *c = r->o->c;
    struct error error;
    int64_t span = r->o->to_us - r->o->from_us, unit = span > 6 * HOUR_US ? HOUR_US : 5 * 60 * SECOND_US;
    struct series_query *q = &r->query;
    *q = (struct series_query){.from_us = r->o->from_us, .to_us = r->o->to_us, .step_us = (span / TREND_POINTS / unit + 1) * unit, .now_us = r->o->now_us,
                               .by = SERIES_BY_APPLICATION, .application = api_text(c, "application"), .n_asks = TREND_METRICS};
    for (unsigned i = 0; i < TREND_METRICS; i++) q->asks[i] = (struct series_ask){trends[i], slice_of(series_name(trends[i])), SLICE_NULL};
    if (!series_align(q)) {
        api_fail(c, FAULT_BAD_REQUEST, "from: the window is too long");
        return false;
    }
    if (!api_check(c, series_read(c->s->ledger, c->s->evaluations, q, &r->each, &error), &error)) return false;
    if (!slice_is_null(q->application)) return true;
    struct series_query all = *q;
    all.by = SERIES_BY_NOTHING;
    return api_check(c, series_read(c->s->ledger, c->s->evaluations, &all, &r->all, &error), &error);
}

/* ---- writing ---- */

static const struct series_point *trend_of(const struct rows *r, struct slice application, const char *metric) {
    const struct series_set *s = slice_is_null(application) ? &r->all : &r->each;
    for (unsigned m = 0; metric != NULL && m < TREND_METRICS; m++) {
        if (strcmp(metric, series_name(trends[m])) != 0) continue;
        for (unsigned i = 0; i < s->n_lines; i++)
            if (slice_is_null(application) || (!slice_is_null(s->lines[i]->label) && slice_eq(s->lines[i]->label, application))) return &s->lines[i]->points[m * s->n_steps];
    }
    return NULL;
}

static void put_trend(struct rows *r, struct slice application, const char *metric) {
    struct json_writer *w = &r->o->c->json;
    const struct series_point *p = trend_of(r, application, metric);
    unsigned n = (unsigned)((r->query.to_us - r->query.from_us) / r->query.step_us);
    json_key(w, "trend");
    json_array(w);
    for (unsigned i = 0; p != NULL && i < n; i++) {
        json_array(w);
        json_put_i64(w, (r->query.from_us + i * r->query.step_us) / SECOND_US);
        series_put_number(w, p[i].value, strcmp(metric, series_name(SERIES_LATENCY_P95)) == 0 ? "ms" : "");
        json_array_end(w);
    }
    json_array_end(w);
    json_member_text(w, "trend_metric", p != NULL ? metric : NULL);
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
        json_member_string(w, "title", needs[i]->title);
        json_member_string(w, "href", needs[i]->href);
        json_member_string(w, "command", needs[i]->command);
        api_put_time(w, "since", needs[i]->since_us);
        json_member_text(w, "severity", timeline_severity_name(needs[i]->severity));
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_row(struct rows *r, const struct overview_row *row) {
    struct json_writer *w = &r->o->c->json;
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
        put_trend(r, row->application, v.trend);
        put_needs(r, row->application, d);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

static int by_requests(const void *a, const void *b) {
    const struct overview_row *x = a, *y = b;
    return x->sums.count != y->sums.count ? (x->sums.count < y->sums.count ? 1 : -1) : 0;
}

static void put_rows(struct rows *r) {
    struct json_writer *w = &r->o->c->json;
    bool one = !slice_is_null(api_text(r->o->c, "application"));
    if (r->n > 2) qsort(r->at + 1, r->n - 1, sizeof *r->at, by_requests); /* by_name holds no more */
    json_object(w);
    api_put_time(w, "from", r->o->from_us);
    api_put_time(w, "to", r->o->to_us);
    json_key(w, "applications");
    json_array(w);
    for (unsigned i = one ? 1 : 0; i < r->n; i++) put_row(r, &r->at[i]);
    json_array_end(w);
    json_member_i64(w, "left_off", r->left_off);
    json_object_end(w);
}

void api_overview(struct api_call *c) {
    struct overview o = {.c = c, .now_us = clock_wall_us()};
    struct rows r = {.o = &o, .n = 1};
    struct slice only = api_text(c, "application");
    if (!c->s->ledger) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
        return;
    }
    if (!api_need_registry(c) || (!slice_is_null(only) && !api_knows_application(c, only)) || !api_window(c, DAY_US, &o.from_us, &o.to_us)) return;
    if (o.from_us < 0) o.from_us = 0;
    r.at = arena_new_array(c->arena, struct overview_row, OVERVIEW_ROWS + 2);
    if (r.at == NULL) {
        api_fail(c, FAULT_TOO_LARGE, "no room for the applications");
        return;
    }
    table_init(&r.by_name);
    rollup_init(&r.at[0].sums);
    if (overview_collect(&o) && read_rows(&r) && read_trends(&r)) put_rows(&r);
    for (unsigned i = 0; i < r.n; i++) rollup_deinit(&r.at[i].sums);
    series_free(&r.each);
    series_free(&r.all);
    table_deinit(&r.by_name);
    overview_deinit(&o);
}
