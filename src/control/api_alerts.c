/* Alerts, rules and silences: what is wrong now, what to type, and a person's word on it. */
#include "control/api.h"

#include "base/clock.h"
#include "incident/action.h"
#include "incident/notice.h"
#include "incident/oncall.h"
#include "model/quantity.h"
#include "store/alerts.h"

#include <math.h>

enum { CALLED = 64 };
#define HISTORY 50
#define CHANGES 12
#define CHANGES_BEFORE_US 7200000000LL /* before it fired */
#define PRECISION_US (90 * 86400000000LL)
#define SILENCE_MOST_US (90 * 86400000000LL)

/* ---- one alert ---- */

static void put_text(struct json_writer *w, const char *key, struct slice json, const char *otherwise) {
    json_member_raw(w, key, json.len > 0 ? json : slice_of(otherwise));
}

static void put_acknowledged(struct json_writer *w, const struct alert_row *a) {
    json_key(w, "acknowledged");
    if (a->acknowledged_us == 0) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_string(w, "by", a->acknowledged_by);
    json_member_string(w, "why", a->acknowledged_why);
    api_put_time(w, "at", a->acknowledged_us);
    json_object_end(w);
}

static void put_alert(struct api_call *c, const struct alert_row *a) {
    struct json_writer *w = &c->json;
    const struct alert_rule *r = c->policy ? alert_rule_find(&c->policy->alerts, a->rule) : NULL;
    json_member_i64(w, "number", a->number);
    json_member_string(w, "rule", a->rule);
    json_member_text(w, "state", alert_state_name(a->state));
    json_member_text(w, "severity", alert_severity_name((enum alert_severity)a->severity));
    json_member_string(w, "summary", a->summary);
    json_member_string(w, "application", a->application);
    put_text(w, "labels", a->labels, "{}");
    put_text(w, "series", a->series, "{}");
    json_member_string(w, "fingerprint", a->fingerprint);
    api_put_time(w, "since", a->since_us);
    api_put_time(w, "fired", a->fired_us);
    api_put_time(w, "resolved", a->resolved_us);
    json_member_i64(w, "times", a->times);
    json_member_double(w, "value", a->value);
    json_member_double(w, "n", a->n);
    json_member_double(w, "threshold", a->threshold);
    put_acknowledged(w, a);
    json_key(w, "silence");
    if (a->silence > 0) json_put_i64(w, a->silence);
    else json_put_null(w);
    json_member_string(w, "muted_by", a->muted_by);
    api_put_time(w, "told", a->told_us);
    json_member_string(w, "owed", a->owed);
    json_member_string(w, "escalation", a->escalation);
    api_put_time(w, "next_call", a->escalation_due_us);
    json_member_string(w, "useful", a->useful);
    json_member_string(w, "runbook", r != NULL ? r->runbook : SLICE_NULL);
    put_text(w, "evidence", a->evidence, "null");
}

void api_alerts(struct api_call *c) {
    struct alerts_filter f = {.rule = api_text(c, "rule"), .application = api_text(c, "application"), .limit = (unsigned)api_number(c, "limit", 100),
                              .skip = (unsigned)api_number(c, "skip", 0)};
    struct alert_row *all = NULL;
    unsigned n = 0;
    struct error error;
    enum alert_state state;
    struct slice text = api_text(c, "state");
    if (slice_is(text, "active")) f.states = ALERT_ACTIVE;
    else if (alert_state_from(text, &state)) f.states = 1u << state;
    if (!api_need_registry(c) || !api_check(c, alerts_list(c->s->registry, &f, c->arena, &all, &n, &error), &error)) return;
    if (n == 0 && f.application.len > 0 && !api_knows_application(c, f.application)) return;
    json_object(&c->json);
    json_key(&c->json, "alerts");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        put_alert(c, &all[i]);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    json_key(&c->json, "watching");
    json_put_bool(&c->json, c->s->rules_seen != NULL);
    json_object_end(&c->json);
}

/* NULL after having said that there is none. */
static struct alert_row *find(struct api_call *c, int64_t number) {
    struct alerts_filter f = {.number = number, .limit = 1};
    struct alert_row *found = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_need_registry(c) || !api_check(c, alerts_list(c->s->registry, &f, c->arena, &found, &n, &error), &error)) return NULL;
    if (n == 1) return found;
    api_fail(c, FAULT_NOT_FOUND, "there is no alert %lld: see `quarterdeck alert list --all`", (long long)number);
    return NULL;
}

/* ---- what to type ---- */

static void put_command(struct json_writer *w, struct slice command, const char *what) {
    if (command.len == 0) return;
    json_object(w);
    json_member_string(w, "command", command);
    json_member_text(w, "what", what);
    json_object_end(w);
}

static struct slice label(const struct json_doc *labels, const char *name, struct arena *arena) {
    return json_string(labels, json_get(labels, 0, name), arena);
}

static void put_actions_to_type(struct api_call *c, const struct alert_row *a, const struct json_doc *labels) {
    const struct alert_rule *r = c->policy ? alert_rule_find(&c->policy->alerts, a->rule) : NULL;
    struct signal_series series = {.by = 0};
    for (unsigned b = 0; b < SIGNAL_BYS; b++) {
        series.is[b] = label(labels, signal_by_name((enum signal_by)b), c->arena);
        if (!slice_is_null(series.is[b])) series.by |= 1u << b;
    }
    for (unsigned i = 0; r != NULL && i < r->n_actions; i++) {
        struct intervention_spec spec = r->actions[i];
        intervention_fill(&spec, &series);
        put_command(&c->json, intervention_command(&spec, c->arena), "what the rule would have done");
    }
}

static void put_commands(struct api_call *c, const struct alert_row *a) {
    struct json_writer *w = &c->json;
    struct json_doc labels = {.count = 0}, evidence = {.count = 0};
    struct error error;
    long long number = (long long)a->number;
    bool open = (ALERT_ACTIVE >> a->state & 1) != 0 || a->state == ALERT_NODATA;
    if (json_read(a->labels.len > 0 ? a->labels : SLICE("{}"), c->arena, 1, &labels, &error) != FAULT_NONE) labels.count = 0;
    if (json_read(a->evidence.len > 0 ? a->evidence : SLICE("{}"), c->arena, UINT16_MAX, &evidence, &error) != FAULT_NONE) evidence.count = 0;
    json_key(w, "commands");
    json_array(w);
    if (open && a->acknowledged_us == 0) put_command(w, arena_printf(c->arena, "quarterdeck alert ack %lld --why \"I have it\"", number), "you have it: nobody else is called");
    if (labels.count > 0 && label(&labels, "provider", c->arena).len > 0)
        put_command(w, arena_printf(c->arena, "quarterdeck provider show " SLICE_FMT, SLICE_ARG(label(&labels, "provider", c->arena))), "is it us or them");
    if (evidence.count > 0) {
        put_command(w, json_string(&evidence, json_get(&evidence, json_get(&evidence, 0, "finding"), "command"), c->arena), "what the watcher says to type");
        struct slice example = json_string(&evidence, json_item(&evidence, json_get(&evidence, 0, "examples"), 0), c->arena);
        if (example.len > 0) put_command(w, arena_printf(c->arena, "quarterdeck record show " SLICE_FMT, SLICE_ARG(example)), "one of the exchanges");
    }
    if (open && labels.count > 0) put_actions_to_type(c, a, &labels);
    if (open)
        put_command(w, arena_printf(c->arena, "quarterdeck alert silence rule=" SLICE_FMT " --for 1h --why \"...\"", SLICE_ARG(a->rule)), "quiet for an hour");
    put_command(w, arena_printf(c->arena, "quarterdeck alert judge %lld noise --why \"...\"", number), "it was of no use (or: acted, ignored): the rule's precision counts it");
    json_array_end(w);
}

/* ---- its history, and what changed before ---- */

static bool put_history(struct api_call *c, const struct alert_row *a) {
    struct alert_transition *all = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_check(c, alert_history(c->s->registry, a->number, HISTORY, c->arena, &all, &n, &error), &error)) return false;
    json_key(&c->json, "history");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        api_put_time(&c->json, "at", all[i].at_us);
        json_member_text(&c->json, "from", alert_state_name(all[i].from));
        json_member_text(&c->json, "to", alert_state_name(all[i].to));
        json_member_string(&c->json, "by", all[i].by);
        json_member_string(&c->json, "why", all[i].why);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    return true;
}

static bool is_a_change(struct slice action) {
    static const char *const others[] = {"alert.", "silence.", "finding.", "notice.", "receiver.", "oncall.", "threshold."};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (slice_starts(action, slice_of(others[i]))) return false;
    return true;
}

/* Prompts, rollouts, models, reloads, actions: the audit log of the time before it fired, newest first. */
static bool put_changes(struct api_call *c, const struct alert_row *a) {
    struct audit_entry *all = NULL;
    unsigned n = 0, put = 0;
    struct error error;
    int64_t at_us = a->fired_us > 0 ? a->fired_us : a->since_us;
    struct audit_filter f = {.from_us = at_us - CHANGES_BEFORE_US, .to_us = at_us + 1};
    if (!api_check(c, registry_audit_find(c->s->registry, &f, LIMIT_PAGE, c->arena, &all, &n, &error), &error)) return false;
    json_key(&c->json, "changes");
    json_array(&c->json);
    for (unsigned i = 0; i < n && put < CHANGES; i++) {
        if (!is_a_change(all[i].action)) continue;
        json_object(&c->json);
        json_member_i64(&c->json, "entry", (int64_t)all[i].number);
        api_put_time(&c->json, "at", all[i].at_us);
        json_member_string(&c->json, "by", all[i].actor);
        json_member_string(&c->json, "action", all[i].action);
        json_member_string(&c->json, "subject", all[i].subject);
        json_member_string(&c->json, "why", all[i].reason);
        json_object_end(&c->json);
        put++;
    }
    json_array_end(&c->json);
    return true;
}

static bool put_actions(struct api_call *c, const struct alert_row *a) {
    struct actions_filter f = {.alert = a->number, .limit = HISTORY};
    struct action_row *all = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_check(c, actions_list(c->s->registry, &f, c->arena, &all, &n, &error), &error)) return false;
    json_key(&c->json, "actions");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) {
        json_object(&c->json);
        json_member_i64(&c->json, "number", all[i].number);
        json_member_text(&c->json, "kind", intervention_name((enum intervention_kind)all[i].kind));
        json_member_text(&c->json, "state", action_state_name(all[i].state));
        api_put_time(&c->json, "at", all[i].at_us);
        json_member_string(&c->json, "why", all[i].why);
        json_member_string(&c->json, "undo", all[i].undo);
        json_object_end(&c->json);
    }
    json_array_end(&c->json);
    return true;
}

static void show(struct api_call *c, const struct alert_row *a) {
    json_object(&c->json);
    put_alert(c, a);
    if (!put_history(c, a) || !put_changes(c, a) || !put_actions(c, a)) return;
    put_commands(c, a);
    json_object_end(&c->json);
}

void api_alert_show(struct api_call *c) {
    struct alert_row *a = find(c, api_number(c, "number", 0));
    if (a != NULL) show(c, a);
}

/* ---- a person's word ---- */

static bool need_reason(struct api_call *c) {
    if (slice_trim(api_text(c, "reason")).len > 0) return true;
    api_fail(c, FAULT_BAD_REQUEST, "reason: expected why, found nothing");
    return false;
}

static struct audit_entry entry_of(struct api_call *c, const char *action, const char *noun, int64_t number) {
    return (struct audit_entry){.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = slice_of(action),
                                .subject = number > 0 ? arena_printf(c->arena, "%s:%lld", noun, (long long)number) : slice_of(noun),
                                .reason = slice_trim(api_text(c, "reason"))};
}

static void changed(struct api_call *c, bool notices) {
    if (c->s->alerts_changed) c->s->alerts_changed(c->s->alert_ctx);
    if (notices && c->s->notices_left) c->s->notices_left(c->s->notify_ctx);
}

/* Whom the rule names, and whoever was called. */
static unsigned told_of(struct api_call *c, const struct alert_row *a, const struct alert_rule *r, int64_t now_us, struct escalation_call *ret) {
    const struct alert_policy *p = &c->policy->alerts;
    const struct escalation *e = escalation_find(p, a->escalation);
    const struct escalation_state at = {.step = a->escalation_step, .round = a->escalation_round};
    struct oncall_override *overrides = NULL;
    struct error error;
    unsigned n = 0, n_overrides = 0;
    for (unsigned i = 0; i < r->n_notify; i++) ret[n++] = (struct escalation_call){.receiver = r->notify[i], .person = SLICE_NULL};
    if (e == NULL || oncall_overrides(c->s->registry, a->fired_us, now_us, c->arena, &overrides, &n_overrides, &error) != FAULT_NONE) return n;
    return n + escalation_called(p, e, overrides, n_overrides, &at, a->fired_us, now_us, ret + n, CALLED);
}

/* They hear who has it; Alertmanager has no word for that. */
static unsigned acknowledged_notices(struct api_call *c, const struct alert_row *a, int64_t now_us, struct notice **ret) {
    const struct alert_rule *r = c->policy ? alert_rule_find(&c->policy->alerts, a->rule) : NULL;
    struct noticed_alert one = {.alert = a->number, .rule = a->rule, .series = a->series, .fingerprint = a->fingerprint, .summary = a->summary, .labels = a->labels,
                                .evidence = a->evidence, .severity = (enum alert_severity)a->severity, .state = ALERT_ACKNOWLEDGED, .starts_us = a->fired_us,
                                .acknowledged_by = slice_of(c->actor), .runbook = r != NULL ? r->runbook : SLICE_NULL};
    struct notice_alerts n = {.alerts = &one, .n = 1, .status = SLICE("acknowledged"), .group = a->labels, .why = slice_trim(api_text(c, "reason"))};
    struct notice *all = arena_new_array(c->arena, struct notice, ALERT_NOTIFY + CALLED);
    struct escalation_call calls[ALERT_NOTIFY + CALLED];
    struct buffer body;
    char id[NOTICE_ID];
    unsigned count = 0, n_calls = r != NULL ? told_of(c, a, r, now_us, calls) : 0;
    buffer_init(&body, LIMIT_NOTICE_BODY);
    for (unsigned i = 0; all != NULL && i < n_calls; i++) {
        const struct alert_receiver *to = alert_receiver_find(&c->policy->alerts, calls[i].receiver);
        n.called = calls[i].person;
        buffer_clear(&body);
        notice_write(&n, &body);
        if (to == NULL || to->kind == RECEIVER_ALERTMANAGER || body.overflow) continue;
        struct notice *notice = &all[count];
        *notice = (struct notice){.receiver = to->name, .group = a->labels, .status = n.status, .body = arena_slice(c->arena, buffer_slice(&body)), .made_us = now_us, .due_us = now_us};
        notice_id(notice, id);
        notice->id = arena_slice(c->arena, slice_of(id));
        bool twice = false; /* by the rule and by its escalation */
        for (unsigned k = 0; k < count; k++) twice |= slice_eq(all[k].id, notice->id);
        count += !twice;
    }
    buffer_deinit(&body);
    *ret = all;
    return count;
}

void api_alert_acknowledge(struct api_call *c) {
    int64_t number = api_number(c, "number", 0);
    struct alert_row *a = need_reason(c) ? find(c, number) : NULL;
    struct notice *notices;
    struct error error;
    if (a == NULL) return;
    if (a->state != ALERT_ACKNOWLEDGED || !slice_is(a->acknowledged_by, c->actor)) { /* the same again is the same */
        struct audit_entry e = entry_of(c, "alert.acknowledge", "alert", number);
        bool told = a->told_us >= a->fired_us && a->told_us > 0;
        unsigned n = acknowledged_notices(c, a, e.at_us, &notices);
        if (!api_check(c, alert_acknowledged(c->s->registry, number, &e, notices, told ? n : 0, &error), &error)) return;
        changed(c, told);
        a = find(c, number);
    }
    if (a != NULL) show(c, a);
}

void api_alert_judge(struct api_call *c) {
    int64_t number = api_number(c, "number", 0);
    struct error error;
    if (!need_reason(c) || find(c, number) == NULL) return;
    struct audit_entry e = entry_of(c, "alert.judge", "alert", number);
    if (!api_check(c, alert_judged(c->s->registry, number, api_text(c, "useful"), &e, &error), &error)) return;
    changed(c, false);
    struct alert_row *a = find(c, number);
    if (a != NULL) show(c, a);
}

/* ---- rules ---- */

struct views { struct rule_view *all; unsigned n, room; };

static void keep_view(void *arg, const struct rule_view *v) {
    struct views *s = arg;
    if (s->n < s->room) s->all[s->n++] = *v;
}

static void put_precision(struct json_writer *w, const struct alert_precision *p) {
    json_key(w, "precision");
    if (p == NULL) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_i64(w, "fired", p->fired);
    json_member_i64(w, "acted", p->acted);
    json_member_i64(w, "ignored", p->ignored);
    json_member_i64(w, "noise", p->noise);
    json_object_end(w);
}

/* All of its series have less in the window than the rule wants: that is not good news. */
static bool says_nothing(const struct alert_rule *r, const struct rule_view *v) {
    return r->when.test != ALERT_FINDING && v->series > 0 && v->silent >= v->series;
}

static const char *rule_state(const struct alert_rule *r, const struct rule_view *v) {
    if (v == NULL) return "not watched";
    if (v->firing > 0) return "firing";
    if (v->pending > 0) return "pending";
    return v->idle[0] != 0 || says_nothing(r, v) ? "idle" : "well";
}

static void put_rule(struct api_call *c, const struct alert_rule *r, const struct rule_view *v, const struct alert_precision *p) {
    struct json_writer *w = &c->json;
    struct buffer words;
    buffer_init(&words, 8 << 10);
    alert_when_words(&r->when, &words);
    bool number = r->when.test == ALERT_ABOVE || r->when.test == ALERT_BELOW;
    json_object(w);
    json_member_string(w, "name", r->name);
    json_member_string(w, "condition", buffer_slice(&words));
    json_member_double(w, "for_s", (double)r->for_us / 1e6);
    json_member_double(w, "keep_firing_for_s", (double)r->keep_us / 1e6);
    json_member_text(w, "severity", alert_severity_name(r->severity));
    json_member_text(w, "state", rule_state(r, v));
    json_member_text(w, "idle", v != NULL && v->idle[0] != 0 ? v->idle : v != NULL && says_nothing(r, v) ? "too little in the window to judge by" : NULL);
    json_member_bool(w, "calibrates", number && r->calibrate);
    json_member_i64(w, "series", v != NULL ? v->series : 0);
    json_member_i64(w, "firing", v != NULL ? v->firing : 0);
    json_member_i64(w, "pending", v != NULL ? v->pending : 0);
    json_member_i64(w, "without_data", v != NULL ? v->silent : 0);
    json_member_text(w, "metric", r->when.test != ALERT_FINDING ? signal_info(r->when.signal).name : NULL);
    json_member_double(w, "worst", v != NULL ? v->worst : NAN);
    json_member_double(w, "threshold", v != NULL ? v->threshold : number ? r->when.threshold : NAN);
    json_member_double(w, "clear", v != NULL ? v->clear : number ? r->when.clear : NAN);
    json_member_text(w, "threshold_from", r->when.test == ALERT_FINDING ? "finding" : r->when.test == ALERT_ANOMALY ? "baseline" : v != NULL && v->threshold_number > 0 ? "calibrated" : r->calibrate ? "rule" : "promise");
    json_key(w, "threshold_number");
    if (v != NULL && v->threshold_number > 0) json_put_i64(w, v->threshold_number);
    else json_put_null(w);
    json_key(w, "notify");
    json_array(w);
    for (unsigned i = 0; i < r->n_notify; i++) json_put_string(w, r->notify[i]);
    json_array_end(w);
    json_member_string(w, "runbook", r->runbook);
    put_precision(w, p);
    json_object_end(w);
    buffer_deinit(&words);
}

void api_alert_rules(struct api_call *c) {
    struct alert_precision *precision = NULL;
    unsigned n = 0, rules = c->policy ? c->policy->alerts.n_rules : 0;
    struct error error;
    struct views views = {.room = rules, .all = arena_new_array(c->arena, struct rule_view, rules + 1)};
    if (!api_need_registry(c)) return;
    if (views.all != NULL && c->s->rules_seen != NULL) c->s->rules_seen(c->s->alert_ctx, keep_view, &views);
    if (!api_check(c, alerts_precision(c->s->registry, clock_wall_us() - PRECISION_US, c->arena, &precision, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "rules");
    json_array(&c->json);
    for (unsigned i = 0; i < rules; i++) {
        const struct alert_rule *r = &c->policy->alerts.rules[i];
        const struct rule_view *view = NULL;
        const struct alert_precision *p = NULL;
        for (unsigned k = 0; k < views.n && view == NULL; k++) /* mostly at the same place */
            if (slice_is(r->name, views.all[(i + k) % views.n].name)) view = &views.all[(i + k) % views.n];
        for (unsigned k = 0; k < n && p == NULL; k++)
            if (slice_eq(precision[k].rule, r->name)) p = &precision[k];
        put_rule(c, r, view, p);
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- silences ---- */

static void put_silence(struct json_writer *w, const struct silence *s, int64_t now_us) {
    json_object(w);
    json_member_i64(w, "number", s->number);
    json_member_raw(w, "matchers", s->matchers);
    json_member_text(w, "state", s->ended_us > 0 ? "ended" : s->to_us <= now_us ? "over" : s->from_us > now_us ? "waiting" : "in force");
    api_put_time(w, "from", s->from_us);
    api_put_time(w, "to", s->to_us);
    json_member_string(w, "by", s->by);
    json_member_string(w, "why", s->why);
    api_put_time(w, "made", s->made_us);
    api_put_time(w, "ended", s->ended_us);
    json_object_end(w);
}

void api_silences(struct api_call *c) {
    struct silence *all = NULL;
    unsigned n = 0;
    struct error error;
    int64_t now_us = clock_wall_us();
    bool any = api_has_choice(c, "all", "true", false);
    if (!api_need_registry(c) || !api_check(c, silences_list(c->s->registry, !any, now_us, c->arena, &all, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "silences");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_silence(&c->json, &all[i], now_us);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* One matcher a line, into a JSON array; each is read, so that a silence that cannot be read is never kept. */
static bool read_matchers(struct api_call *c, struct slice lines, struct slice *ret) {
    struct silence_matcher *read;
    struct buffer b;
    struct json_writer w;
    struct slice line;
    struct error error;
    unsigned n = 0;
    buffer_init(&b, 64 << 10);
    json_start(&w, &b);
    json_array(&w);
    while (lines.len > 0) {
        (void)slice_cut(lines, '\n', &line, &lines);
        if (slice_trim(line).len > 0) json_put_string(&w, slice_trim(line));
    }
    json_array_end(&w);
    *ret = arena_slice(c->arena, buffer_slice(&b));
    buffer_deinit(&b);
    if (!api_check(c, silence_matchers_read(*ret, c->arena, &read, &n, &error), &error)) return false;
    silence_matchers_free(read, n);
    return true;
}

void api_silence_add(struct api_call *c) {
    int64_t lasts_us = 0, now_us = clock_wall_us(), from_us = api_number(c, "from", now_us);
    struct silence s = {.from_us = from_us, .by = slice_of(c->actor), .why = slice_trim(api_text(c, "reason")), .made_us = now_us};
    struct error error;
    if (!api_need_registry(c) || !need_reason(c) || !read_matchers(c, api_text(c, "matchers"), &s.matchers)) return;
    if (!duration_parse(api_text(c, "lasts"), &lasts_us) || lasts_us <= 0 || lasts_us > SILENCE_MOST_US) {
        api_fail(c, FAULT_BAD_REQUEST, "lasts: expected a time such as 30m, 2h or 1d, at most 90d, found \"" SLICE_FMT "\"", SLICE_ARG(api_text(c, "lasts")));
        return;
    }
    s.to_us = from_us + lasts_us;
    struct audit_entry e = entry_of(c, "silence.add", "silence", 0);
    struct buffer detail;
    struct json_writer w;
    buffer_init(&detail, 64 << 10);
    json_start(&w, &detail);
    json_object(&w);
    json_member_raw(&w, "matchers", s.matchers);
    api_put_time(&w, "from", s.from_us);
    api_put_time(&w, "to", s.to_us);
    json_object_end(&w);
    e.detail = arena_slice(c->arena, buffer_slice(&detail));
    buffer_deinit(&detail);
    if (!api_check(c, silence_add(c->s->registry, &s, &e, &error), &error)) return;
    changed(c, false);
    put_silence(&c->json, &s, now_us);
}

void api_silence_end(struct api_call *c) {
    int64_t number = api_number(c, "number", 0);
    struct error error;
    if (!api_need_registry(c) || !need_reason(c)) return;
    struct audit_entry e = entry_of(c, "silence.end", "silence", number);
    if (!api_check(c, silence_end(c->s->registry, number, e.at_us, &e, &error), &error)) return;
    changed(c, false);
    json_object(&c->json);
    json_member_i64(&c->json, "number", number);
    json_member_text(&c->json, "state", "ended");
    json_object_end(&c->json);
}
