/* Metrics over time, and by the hour of the day. */
#include "control/api.h"
#include "control/series.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/zone.h"
#include "store/scored_sums.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US 1000000LL
#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
#define HOURS_SPAN (28 * DAY_US)
#define HOURS_DAYS 92 /* longest window of /hours */
enum { LINES = 20, HOURS = 24 };

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

static bool knows(struct api_call *c) {
    struct slice application = api_text(c, "application");
    return slice_is_null(application) || api_knows_application(c, application);
}

static bool no_metric(struct api_call *c, struct slice name) {
    char names[SERIES_NAMES_TEXT];
    series_names(names);
    api_fail(c, FAULT_BAD_REQUEST, "metrics: expected some of %s, quality.METRIC, found \"" SLICE_FMT "\"", names, SLICE_ARG(name));
    return false;
}

/* ---- /series ---- */

static bool read_asks(struct api_call *c, struct series_query *q) {
    struct slice rest = api_text(c, "metrics"), one;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        if (q->n_asks == SERIES_ASKS) {
            api_fail(c, FAULT_BAD_REQUEST, "metrics: expected at most %d, found more", SERIES_ASKS);
            return false;
        }
        if (!series_ask_parse(one, &q->asks[q->n_asks++])) return no_metric(c, one);
    }
    return q->n_asks > 0 || no_metric(c, SLICE(""));
}

static bool read_query(struct api_call *c, struct series_query *q) {
    int64_t step = api_number(c, "step", 0);
    *q = (struct series_query){.now_us = clock_wall_us(), .application = api_text(c, "application"), .request_type = api_text(c, "request_type"),
                               .model = api_text(c, "model"), .provider = api_text(c, "provider"), .prompt = api_text(c, "prompt")};
    if (!need_ledger(c) || !read_asks(c, q) || !knows(c) || !api_window(c, DAY_US, &q->from_us, &q->to_us)) return false;
    if (q->from_us < 0) q->from_us = 0;
    (void)series_by_parse(api_text(c, "by"), &q->by);
    q->step_us = step > 0 ? step : series_choose_step(q);
    if (series_align(q)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "step: expected at most %d steps in the window, found %lld: take a longer step", SERIES_STEPS,
             (long long)((q->to_us - q->from_us) / q->step_us));
    return false;
}

static void put_line(struct json_writer *w, const struct series_query *q, const struct series_set *s, const struct series_line *line, unsigned ask) {
    const char *unit = series_unit(q->asks[ask].metric);
    json_object(w);
    json_member_string(w, "metric", q->asks[ask].name);
    json_member_text(w, "unit", unit);
    json_member_string(w, "label", line->label);
    json_key(w, "points");
    json_array(w);
    for (unsigned i = 0; i < s->n_steps; i++) {
        json_array(w);
        json_put_i64(w, (q->from_us + i * q->step_us) / SECOND_US);
        series_put_point(w, &line->points[ask * s->n_steps + i], unit);
        json_array_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

void api_series(struct api_call *c) {
    struct series_query q;
    struct series_set s;
    struct error error;
    struct json_writer *w = &c->json;
    if (!read_query(c, &q) || !api_check(c, series_read(c->s->ledger, c->s->evaluations, &q, &s, &error), &error)) return;
    unsigned limit = (unsigned)api_number(c, "limit", LINES), shown = s.n_lines < limit ? s.n_lines : limit;
    json_object(w);
    api_put_time(w, "from", q.from_us);
    api_put_time(w, "to", q.to_us);
    json_member_i64(w, "step_s", q.step_us / SECOND_US);
    json_member_bool(w, "step_chosen", slice_is_null(api_text(c, "step")));
    json_member_string(w, "by", q.by == SERIES_BY_NOTHING ? SLICE_NULL : api_text(c, "by"));
    json_key(w, "series");
    json_array(w);
    for (unsigned i = 0; i < shown; i++)
        for (unsigned a = 0; a < q.n_asks; a++) put_line(w, &q, &s, s.lines[i], a);
    json_array_end(w);
    json_member_i64(w, "left_off", s.n_lines - shown);
    json_object_end(w);
    series_free(&s);
}

/* ---- /hours ---- the same hour of many days, by the clocks of a zone */

struct cell {
    struct rollup sums;
    struct weighted_sums scores;
    bool any;
};
struct hours {
    struct api_call *c;
    const struct zone *zone;
    struct series_ask ask;
    int64_t first_day;
    struct cell *cells; /* [day * 24 + hour], then 24 of all days */
    int64_t n_days;
};

/* Of an hour in UTC: where clocks were put back two of them are one cell, where forward one cell is none. */
static struct cell *cell_at(struct hours *h, int64_t start_us, unsigned *ret_hour) {
    int64_t local = start_us / SECOND_US + zone_offset(h->zone, start_us / SECOND_US), day = local / 86400 - h->first_day;
    *ret_hour = (unsigned)(local % 86400 / 3600);
    return day >= 0 && day < h->n_days ? &h->cells[day * HOURS + *ret_hour] : NULL;
}

static bool add_rollup(void *ctx, const struct rollup *r) {
    struct hours *h = ctx;
    unsigned hour;
    struct cell *cell = cell_at(h, r->start_us, &hour);
    if (cell == NULL) return true;
    cell->any = true;
    rollup_merge(&cell->sums, r);
    rollup_merge(&h->cells[h->n_days * HOURS + hour].sums, r);
    return true;
}

static bool add_scores(void *ctx, const struct scored_sum *s) {
    struct hours *h = ctx;
    unsigned hour;
    struct cell *cell = cell_at(h, s->start_us, &hour);
    if (cell == NULL) return true;
    cell->any = true;
    weighted_sums_add(&cell->scores, &s->sums);
    weighted_sums_add(&h->cells[h->n_days * HOURS + hour].scores, &s->sums);
    return true;
}

static enum fault read_hours(struct hours *h, int64_t from_us, int64_t to_us, struct error *error) {
    struct api_call *c = h->c;
    struct rollup_query q = {.from_us = from_us, .to_us = to_us, .step_us = HOUR_US, .by = BY_TIME, .application = api_text(c, "application"),
                             .request_type = api_text(c, "request_type"), .without = series_without(h->ask.metric)};
    struct scored_sums_query scored = {.from_us = from_us, .to_us = to_us, .step_us = HOUR_US, .metric = h->ask.of, .application = q.application, .request_type = q.request_type};
    if (h->ask.metric != SERIES_QUALITY) return ledger_rollup(c->s->ledger, &q, add_rollup, h, error);
    return c->s->evaluations != NULL ? scored_sums(c->s->evaluations, &scored, add_scores, h, error) : FAULT_NONE;
}

static struct series_point point_of(const struct hours *h, const struct cell *cell) {
    return h->ask.metric == SERIES_QUALITY ? series_of_scores(&cell->scores) : series_of_rollup(h->ask.metric, &cell->sums);
}

static void put_cells(struct hours *h) {
    struct json_writer *w = &h->c->json;
    const char *unit = series_unit(h->ask.metric);
    char day[32];
    json_key(w, "cells");
    json_array(w);
    for (int64_t i = 0; i < h->n_days * HOURS; i++) {
        if (!h->cells[i].any) continue;
        struct date date = date_of_days(h->first_day + i / HOURS);
        struct series_point p = point_of(h, &h->cells[i]);
        snprintf(day, sizeof day, "%04lld-%02d-%02d", (long long)date.year, date.month, date.day);
        json_array(w);
        json_put_text(w, day);
        json_put_i64(w, i % HOURS);
        series_put_number(w, p.value, unit);
        series_put_number(w, p.n, "count");
        json_array_end(w);
    }
    json_array_end(w);
    json_key(w, "by_hour");
    json_array(w);
    for (unsigned i = 0; i < HOURS; i++) {
        struct series_point p = point_of(h, &h->cells[h->n_days * HOURS + i]);
        json_array(w);
        json_put_i64(w, i);
        series_put_point(w, &p, unit);
        json_array_end(w);
    }
    json_array_end(w);
}

static bool open_hours(struct api_call *c, struct hours *h, int64_t *ret_from, int64_t *ret_to) {
    struct slice zone = api_text(c, "timezone"), metric = api_text(c, "metric");
    struct error error;
    if (!need_ledger(c) || !knows(c) || !api_window(c, HOURS_SPAN, ret_from, ret_to)) return false;
    if (!series_ask_parse(metric, &h->ask)) return no_metric(c, metric);
    if (zone_load(c->arena, arena_text(c->arena, slice_is_null(zone) ? SLICE("UTC") : zone), &h->zone, &error) != FAULT_NONE) {
        api_fail(c, FAULT_BAD_REQUEST, "timezone: %s", error.text);
        return false;
    }
    if (*ret_from < 0) *ret_from = 0;
    *ret_from -= *ret_from % HOUR_US;
    *ret_to += (HOUR_US - *ret_to % HOUR_US) % HOUR_US;
    if (*ret_to - *ret_from > HOURS_DAYS * DAY_US) {
        api_fail(c, FAULT_BAD_REQUEST, "from: expected a window of at most %d days, found %lld", HOURS_DAYS, (long long)((*ret_to - *ret_from) / DAY_US));
        return false;
    }
    int64_t first = *ret_from / SECOND_US, last = *ret_to / SECOND_US;
    h->first_day = (first + zone_offset(h->zone, first)) / 86400;
    h->n_days = (last + zone_offset(h->zone, last)) / 86400 - h->first_day + 1;
    h->cells = arena_new_array(c->arena, struct cell, (size_t)(h->n_days + 1) * HOURS);
    if (h->cells == NULL) api_fail(c, FAULT_TOO_LARGE, "no room for %lld days", (long long)h->n_days);
    return h->cells != NULL;
}

void api_hours(struct api_call *c) {
    struct hours h = {.c = c};
    struct error error;
    int64_t from, to;
    if (!open_hours(c, &h, &from, &to)) return;
    size_t n = (size_t)(h.n_days + 1) * HOURS;
    for (size_t i = 0; i < n; i++) rollup_init(&h.cells[i].sums);
    if (api_check(c, read_hours(&h, from, to, &error), &error)) {
        json_object(&c->json);
        api_put_time(&c->json, "from", from);
        api_put_time(&c->json, "to", to);
        json_member_string(&c->json, "metric", h.ask.name);
        json_member_text(&c->json, "unit", series_unit(h.ask.metric));
        json_member_text(&c->json, "timezone", zone_name(h.zone));
        put_cells(&h);
        json_object_end(&c->json);
    }
    for (size_t i = 0; i < n; i++) rollup_deinit(&h.cells[i].sums);
}
