/* Cost: whether it shifted, and what would lower it. */
#include "control/api.h"

#include "base/clock.h"
#include "cost/anomaly_read.h"
#include "cost/review.h"

#define DAY_US (86400 * 1000000LL)
#define WATCH_DAYS 60
#define REVIEW_SPAN (30 * DAY_US)

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

/* ---- anomalies ---- */

/* NULL in *ret: UTC. */
static bool zone_of(struct api_call *c, const struct zone **ret) {
    struct slice name = api_text(c, "timezone");
    struct error error;
    *ret = NULL;
    if (slice_is_null(name) || slice_is(name, "UTC")) return true;
    const char *text = arena_text(c->arena, name), *near;
    if (text && zone_load(c->arena, text, ret, &error) == FAULT_NONE) return true;
    near = text ? zone_nearest(c->arena, text) : NULL;
    api_fail(c, FAULT_BAD_REQUEST, "timezone: no zone `%.80s` in the system's database%s%s%s",
             text ? text : "", near ? "; did you mean `" : "", near ? near : "", near ? "`?" : "");
    return false;
}

static void put_day(struct json_writer *w, const char *key, int64_t day) {
    char text[CLOCK_TEXT];
    clock_format(day * DAY_US, text);
    json_member_string(w, key, slice_make(text, 10));
}

static void put_anomalies(struct json_writer *w, const struct anomaly_days *days, const struct zone *zone,
                          const struct anomaly_report *r) {
    int64_t findings = 0;
    for (size_t i = 0; i < r->n_types; i++) findings += (int64_t)r->types[i].n_shifts;
    json_object(w);
    put_day(w, "first_day", days->first_day);
    put_day(w, "last_day", days->end_day - 1);
    json_member_text(w, "timezone", zone ? zone_name(zone) : "UTC");
    json_member_i64(w, "findings", findings);
    json_member_double(w, "false_alarm_days", r->options.false_alarm_days);
    json_key(w, "types");
    anomaly_write_json(r, w);
    json_object_end(w);
}

void api_cost_anomalies(struct api_call *c) {
    struct cell_query q = {0};
    struct anomaly_days days = {0};
    struct anomaly_report report;
    struct error error;
    const struct zone *zone;
    q.only[SPEND_BY_APPLICATION] = api_text(c, "application");
    if (!need_ledger(c) || !zone_of(c, &zone) || !api_window(c, WATCH_DAYS * DAY_US, &q.from_us, &q.to_us))
        return;
    if (slice_is_null(api_text(c, "from"))) q.from_us = anomaly_from(zone, q.to_us, WATCH_DAYS);
    enum fault fault = anomaly_search(c->s->ledger, &q, zone, &ANOMALY_DEFAULTS, c->arena, &days, &report, &error);
    if (api_check(c, fault, &error)) put_anomalies(&c->json, &days, zone, &report);
}

/* ---- review ---- */

void api_cost_review(struct api_call *c) {
    struct review_query q = {.application = api_text(c, "application"), .registry = c->s->registry};
    struct review review;
    struct error error;
    if (!need_ledger(c) || !api_window(c, REVIEW_SPAN, &q.from_us, &q.to_us)) return;
    if (api_check(c, review_run(c->s->ledger, c->policy, &q, c->arena, &review, &error), &error))
        review_write_json(&review, &c->json);
}
