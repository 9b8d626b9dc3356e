/* Thresholds of alert rules: learned from the past, tried on it, put in force by a person. */
#include "control/api.h"

#include "base/clock.h"
#include "control/suggest.h"
#include "incident/calibrate.h"

#include <math.h>
#include <stdio.h>

#define DAY_US 86400000000LL
#define PAST_DAYS 28
enum { CALIBRATE_MEMORY = 32 << 20 };

/* ---- what they are about ---- */

static bool need_policy(struct api_call *c) {
    if (c->policy != NULL) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no configuration, hence no alert rule");
    return false;
}

static const struct alert_rule *rule_of_path(struct api_call *c) {
    struct slice name = api_text(c, "name");
    if (!api_need_registry(c) || !need_policy(c)) return NULL;
    const struct alert_policy *p = &c->policy->alerts;
    const struct alert_rule *r = alert_rule_find(p, name);
    struct suggestion near;
    char text[SUGGESTION_TEXT];
    if (r != NULL) return r;
    suggestion_start(&near, name);
    for (unsigned i = 0; i < p->n_rules; i++) suggestion_offer(&near, arena_text(c->arena, p->rules[i].name));
    api_fail(c, FAULT_NOT_FOUND, "no rule `" SLICE_FMT "` is configured under `alerts`%s", SLICE_ARG(name), suggestion_text(&near, "", text));
    return NULL;
}

/* ---- one threshold ---- */

static const char *force_of(const struct api_call *c, const struct threshold *t, bool *ret_in_force) {
    const struct alert_rule *r = c->policy != NULL ? alert_rule_find(&c->policy->alerts, t->rule) : NULL;
    *ret_in_force = false;
    if (r == NULL) return "its rule is not configured any more";
    if (!digest_eq(&r->digest, &t->of)) return "the rule's condition was changed since: calibrate again";
    if (!r->calibrate) return "the rule says `calibrate: never`";
    *ret_in_force = slice_is(t->state, "accepted");
    return NULL;
}

static struct slice words_of(struct api_call *c, const struct threshold *t) {
    struct json_doc d;
    struct error error;
    if (slice_is_null(t->rationale) || json_read(t->rationale, c->arena, 1, &d, &error) != FAULT_NONE) return SLICE_NULL;
    return json_string(&d, json_get(&d, 0, "words"), c->arena);
}

static void put_threshold(struct api_call *c, const struct threshold *t) {
    struct json_writer *w = &c->json;
    bool in_force;
    const char *why_not = force_of(c, t, &in_force);
    json_object(w);
    json_member_i64(w, "number", t->number);
    json_member_string(w, "rule", t->rule);
    json_member_double(w, "value", t->value);
    json_member_double(w, "clear", t->clear);
    json_member_string(w, "state", t->state);
    json_member_bool(w, "in_force", in_force);
    json_member_text(w, "not_in_force_because", slice_is(t->state, "accepted") || slice_is(t->state, "proposed") ? why_not : NULL);
    json_member_string(w, "words", words_of(c, t));
    json_key(w, "rationale");
    if (slice_is_null(t->rationale)) json_put_null(w);
    else json_put_raw(w, t->rationale);
    json_member_string(w, "by", t->by);
    json_member_string(w, "why", t->why);
    api_put_time(w, "made", t->made_us);
    api_put_time(w, "decided", t->decided_us);
    json_object_end(w);
}

static void put_series(struct json_writer *w, const struct signal_series *s) {
    json_key(w, "series");
    json_object(w);
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if (s->by >> b & 1) json_member_string(w, signal_by_name((enum signal_by)b), s->is[b]);
    json_object_end(w);
}

static void put_shown(struct json_writer *w, const struct replay *r) {
    json_member_double(w, "step_s", (double)r->step_us / 1e6);
    json_key(w, "values");
    json_array(w);
    for (unsigned i = 0; i < r->n_shown; i++) {
        json_object(w);
        put_series(w, &r->shown[i].series);
        json_key(w, "points");
        json_array(w);
        for (unsigned k = 0; k < r->shown[i].n; k++) {
            json_array(w);
            json_put_i64(w, r->shown[i].points[k].at_us / 1000000);
            json_put_double(w, r->shown[i].points[k].value);
            json_put_i64(w, (int64_t)llround(r->shown[i].points[k].n));
            json_array_end(w);
        }
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_replay(struct json_writer *w, const char *key, const struct replay *r) {
    json_key(w, key);
    if (r == NULL) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_double(w, "threshold", r->threshold);
    json_member_double(w, "clear", r->clear);
    json_member_i64(w, "alarms", r->alarms);
    json_member_double(w, "days", r->days);
    json_member_double(w, "alarms_per_month", r->per_month);
    json_member_double(w, "low", r->low);
    json_member_double(w, "high", r->high);
    json_member_i64(w, "series", r->series);
    json_member_double(w, "samples", round(r->samples));
    json_key(w, "firings");
    json_array(w);
    for (unsigned i = 0; i < r->n_firings; i++) {
        const struct replayed_alarm *a = &r->firings[i];
        json_object(w);
        put_series(w, &a->series);
        api_put_time(w, "from", a->from_us);
        api_put_time(w, "to", a->to_us);
        json_member_double(w, "worst", a->worst);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

/* ---- calibrate, replay ---- */

struct calibrating {
    struct calibrate_request q;
    struct history_ledger ledger;
    struct history history;
    struct arena arena;
    struct threshold in_force, stale;
    bool has_threshold;
};

static bool begin(struct api_call *c, const struct alert_rule *r, struct calibrating *ret) {
    struct threshold *accepted;
    struct calibrate_span *spans;
    unsigned n = 0, n_spans = 0;
    struct error error;
    int64_t from, to;
    if (c->s->ledger == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no ledger to learn from");
        return false;
    }
    if (!api_window(c, PAST_DAYS * DAY_US, &from, &to)) return false;
    if (c->s->writer) ledger_writer_drain(c->s->writer);
    ret->ledger = (struct history_ledger){c->s->ledger, c->s->evaluations};
    ret->history = history_of(&ret->ledger);
    arena_init(&ret->arena, 64 << 10, CALIBRATE_MEMORY);
    if (!api_check(c, thresholds_list(c->s->registry, r->name, SLICE("accepted"), &ret->arena, &accepted, &n, &error), &error) ||
        !api_check(c, calibrate_incidents(c->s->registry, r->name, from, to, &ret->arena, &spans, &n_spans, &error), &error)) {
        arena_deinit(&ret->arena);
        return false;
    }
    ret->has_threshold = calibrate_in_force(accepted, n, r, &ret->in_force, &ret->stale);
    ret->q = (struct calibrate_request){.rule = r, .from_us = from, .to_us = to, .history = &ret->history, .left_out = spans, .n_left_out = n_spans,
                                        .threshold = ret->has_threshold ? ret->in_force.value : r->when.threshold,
                                        .clear = ret->has_threshold ? ret->in_force.clear : r->when.clear};
    return true;
}

static bool read_alarms(struct api_call *c, const struct alert_rule *r, double *ret) {
    struct slice text = api_text(c, "alarms_per_month");
    *ret = r->when.alarms_per_month > 0 ? r->when.alarms_per_month : 1;
    if (slice_is_null(text) || (slice_to_double(text, ret) && *ret > 0 && *ret <= 1e6)) return true;
    api_fail(c, FAULT_BAD_REQUEST, "alarms_per_month: expected a number above 0, found `" SLICE_FMT "`", SLICE_ARG(text));
    return false;
}

static bool keep(struct api_call *c, const struct alert_rule *r, const struct calibration_proposal *p, struct threshold *ret) {
    struct error error;
    int64_t now_us = clock_wall_us();
    struct audit_entry e = {.at_us = now_us, .actor = slice_of(c->actor), .action = SLICE("threshold.propose"),
                            .subject = arena_printf(c->arena, "alert-rule/" SLICE_FMT, SLICE_ARG(r->name)), .reason = api_text(c, "reason"),
                            .detail = arena_printf(c->arena, "{\"value\":%.17g,\"clear\":%.17g}", p->threshold, p->clear)};
    *ret = (struct threshold){.rule = r->name, .of = r->digest, .value = p->threshold, .clear = p->clear, .rationale = p->rationale,
                              .by = slice_of(c->actor), .why = api_text(c, "reason"), .made_us = now_us};
    return api_check(c, threshold_put(c->s->registry, ret, &e, &error), &error);
}

void api_alert_rule_calibrate(struct api_call *c) {
    const struct alert_rule *r = rule_of_path(c);
    struct calibrating g;
    struct calibration_proposal p;
    struct threshold t;
    struct error error;
    double alarms;
    if (r == NULL || !read_alarms(c, r, &alarms) || !begin(c, r, &g)) return;
    g.q.alarms_per_month = alarms;
    if (api_check(c, calibrate(&g.q, &g.arena, &p, &error), &error) && (!p.enough || keep(c, r, &p, &t))) {
        struct json_writer *w = &c->json;
        json_object(w);
        json_member_string(w, "rule", r->name);
        json_member_bool(w, "enough", p.enough);
        json_member_string(w, "words", p.words);
        json_key(w, "threshold");
        if (p.enough) put_threshold(c, &t);
        else json_put_null(w);
        put_replay(w, "now", p.enough ? &p.now : NULL);
        put_replay(w, "then", p.enough ? &p.then : NULL);
        json_member_text(w, "command", p.enough ? arena_text(c->arena, arena_printf(c->arena, "quarterdeck alert accept %lld", (long long)t.number)) : NULL);
        json_object_end(w);
    }
    arena_deinit(&g.arena);
}

void api_alert_rule_replay(struct api_call *c) {
    const struct alert_rule *r = rule_of_path(c);
    struct calibrating g;
    struct replay replay;
    struct error error;
    const char *expected;
    if (r == NULL || !begin(c, r, &g)) return;
    g.q.points = (unsigned)api_number(c, "points", 0);
    struct signal_info info = signal_info(r->when.signal);
    struct slice at = api_text(c, "threshold");
    double threshold = g.q.threshold, clear = g.q.clear;
    const char *origin = g.has_threshold ? "calibrated" : "configured";
    if (!slice_is_null(at) && !alert_value_read(at, &info, &threshold, &expected)) {
        api_fail(c, FAULT_BAD_REQUEST, "threshold: expected %s, found `" SLICE_FMT "`", expected, SLICE_ARG(at));
    } else {
        if (!slice_is_null(at)) {
            clear = g.q.threshold != 0 ? threshold * g.q.clear / g.q.threshold : threshold;
            origin = "asked for";
        }
        if (api_check(c, calibrate_replay(&g.q, threshold, clear, &g.arena, &replay, &error), &error)) {
            json_object(&c->json);
            json_member_string(&c->json, "rule", r->name);
            json_member_text(&c->json, "threshold_is", origin);
            put_replay(&c->json, "replay", &replay);
            json_member_text(&c->json, "metric", info.name);
            json_member_text(&c->json, "unit", info.unit);
            put_shown(&c->json, &replay);
            json_object_end(&c->json);
        }
    }
    arena_deinit(&g.arena);
}

/* ---- list, accept, refuse ---- */

void api_thresholds(struct api_call *c) {
    struct threshold *all = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, thresholds_list(c->s->registry, api_text(c, "rule"), api_text(c, "state"), c->arena, &all, &n, &error), &error))
        return;
    json_object(&c->json);
    json_key(&c->json, "thresholds");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_threshold(c, &all[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* NULL after having said that there is none. */
static const struct threshold *threshold_of_path(struct api_call *c) {
    int64_t number = api_number(c, "number", 0);
    struct threshold *all = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, thresholds_list(c->s->registry, SLICE_NULL, SLICE_NULL, c->arena, &all, &n, &error), &error)) return NULL;
    for (unsigned i = 0; i < n; i++)
        if (all[i].number == number) return &all[i];
    api_fail(c, FAULT_NOT_FOUND, "there is no threshold %lld", (long long)number);
    return NULL;
}

static void decide(struct api_call *c, bool accept) {
    const struct threshold *t = threshold_of_path(c);
    struct error error;
    bool in_force;
    if (t == NULL) return;
    const char *why_not = force_of(c, t, &in_force);
    if (accept && c->policy != NULL && why_not != NULL && slice_is(t->state, "proposed")) {
        api_fail(c, FAULT_CONFLICT, "threshold %lld cannot be accepted: %s", (long long)t->number, why_not);
        return;
    }
    struct audit_entry e = {.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = accept ? SLICE("threshold.accept") : SLICE("threshold.refuse"),
                            .subject = arena_printf(c->arena, "alert-rule/" SLICE_FMT, SLICE_ARG(t->rule)), .reason = api_text(c, "reason"),
                            .detail = arena_printf(c->arena, "{\"threshold\":%lld,\"value\":%.17g,\"clear\":%.17g}", (long long)t->number, t->value, t->clear)};
    if (!api_check(c, threshold_decide(c->s->registry, t->number, accept, &e, &error), &error)) return;
    t = threshold_of_path(c);
    if (t != NULL) put_threshold(c, t);
}

void api_threshold_accept(struct api_call *c) { decide(c, true); }
void api_threshold_refuse(struct api_call *c) { decide(c, false); }
