/* alert_policy.h - `alerts`, `grants`, `receivers` and `oncall` of quarterdeck.yaml as the policy holds them.
 *
 *     alerts:
 *       - name: slow-chat
 *         when: {metric: latency.p99, by: [request_type], where: {application: helpdesk}, window: 5m, above: 2s, clear: 1.6s, min_samples: 50}
 *         for: 1m
 *         keep_firing_for: 5m
 *         severity: critical
 *         notify: [ops]
 *         actions: [{fail_over: {model: support-chat}}]
 *         runbook: slow-provider
 *       - {name: odd-chat, when: {metric: latency.slow_share, by: [request_type], anomaly: {alarms_per_month: 1}}, severity: warning, notify: [ops]}
 *       - {name: rollouts, when: {finding: [rollout_failed, model_change_waits]}, severity: error, notify: [ops]}
 *     grants: [{rule: slow-chat, action: fail_over, scope: {model: support-chat}, at_most: 4/h}]
 *     receivers: {ops: {webhook: {url: "http://127.0.0.1:9999/hook", secret: "${HOOK_SECRET}"}}}
 *     oncall: {people: ..., schedules: ..., escalations: ...}
 *
 * Texts are slices in the policy's arena. Immutable. Read by alert_policy_read; every problem is told, with the nearest valid name. */
#ifndef MODEL_ALERT_POLICY_H
#define MODEL_ALERT_POLICY_H

#include "base/digest.h"
#include "base/zone.h"
#include "model/finding.h"
#include "model/intervention.h"
#include "model/reader.h"
#include "model/signal.h"

enum alert_severity { ALERT_CRITICAL, ALERT_ERROR, ALERT_WARNING, ALERT_INFO, ALERT_SEVERITIES };
const char *alert_severity_name(enum alert_severity s); /* "critical", "error", "warning", "info": PagerDuty's own words */
bool alert_severity_from(struct slice name, enum alert_severity *ret);

struct alert_label { struct slice name, value; };
#define ALERT_LABELS 16
#define ALERT_NOTIFY 8
#define ALERT_ACTIONS 4
#define LIMIT_ALERT_RULES 5000

enum alert_test { ALERT_ABOVE, ALERT_BELOW, ALERT_ANOMALY, ALERT_FINDING };
enum alert_no_data { NO_DATA_STATE, NO_DATA_FIRES, NO_DATA_OK }; /* a state of its own that notifies nobody; as if it held; as if it did not */

struct alert_when {
    enum alert_test test;
    enum signal signal;
    struct slice of;             /* of a score: which metric; SLICE_NULL: the signal's own */
    struct signal_series where;  /* of each dimension in where.by what it must be */
    unsigned by;                 /* bits of enum signal_by */
    int64_t window_us;           /* 10 s .. 7 d */
    double threshold;            /* ABOVE, BELOW; in the signal's unit */
    double clear;                /* hysteresis: firing ends when the value is not beyond this; equals threshold unless given */
    int64_t min_samples;         /* fewer in the window: no data */
    double alarms_per_month;     /* ANOMALY: false ones, per series; and what calibration aims at for ABOVE and BELOW (1) */
    uint64_t findings;           /* FINDING: bits of enum finding_kind */
};

struct alert_rule {
    struct slice name;
    struct alert_when when;
    struct digest digest;        /* of `when`: a calibrated threshold holds for this alone */
    int64_t for_us, keep_us;
    enum alert_severity severity;
    struct alert_label labels[ALERT_LABELS];
    unsigned n_labels;
    struct slice notify[ALERT_NOTIFY]; /* receivers and escalations */
    unsigned n_notify;
    struct intervention_spec actions[ALERT_ACTIONS];
    unsigned n_actions;
    struct slice runbook;        /* SLICE_NULL: none */
    struct slice summary;        /* what a person reads first; SLICE_NULL: made from the condition */
    enum alert_no_data no_data;
    bool calibrate;              /* false (`calibrate: never`): the number is a promise to somebody, not a guess */
    int line;
};

/* What may happen without a person: no grant, no automatic action. */
struct alert_grant {
    struct slice rule;           /* SLICE_NULL: any */
    enum intervention_kind action;
    struct signal_series scope;  /* SLICE_NULL members and absent ones: any */
    struct slice key;            /* of throttle and freeze: SLICE_NULL any */
    int64_t at_most, per_us;     /* 4/h, 10/d */
    bool dry_run;                /* it is only said what would have been done */
};

enum receiver_kind { RECEIVER_WEBHOOK, RECEIVER_SLACK, RECEIVER_PAGERDUTY, RECEIVER_ALERTMANAGER, RECEIVER_EMAIL, RECEIVER_KINDS };
const char *receiver_kind_name(enum receiver_kind k); /* "webhook", "slack", "pagerduty", "alertmanager", "email" */
struct alert_receiver {
    struct slice name;
    enum receiver_kind kind;
    struct slice url;            /* NUL-terminated. pagerduty: events API unless given; email: smtp://HOST:PORT or smtps:// */
    struct slice secret;         /* webhook: HMAC key; pagerduty: routing key; email: password. SLICE_NULL */
    struct slice user, from, to; /* email */
    struct slice channel;        /* slack */
    struct slice proxy, ca_file;
    bool send_resolved;          /* true */
    int64_t timeout_us;          /* 10 s */
    int64_t give_up_us;          /* 24 h: retried until then */
};

/* How transitions are put together: one notification for all of a group that change within `wait`. */
struct alert_grouping {
    unsigned by;                 /* bits of enum signal_by; the rule is always part of it */
    int64_t wait_us;             /* 5 s; critical ones do not wait */
    int64_t repeat_us;           /* 4 h: told again while it fires and nobody acknowledged; 0: never */
};

/* What an alert is about, in the order of causes: one that fires mutes those further down that it explains (incident/cause.h), unless `inhibit`
 * is given without the word `causes`. */
enum alert_about { ABOUT_PROVIDER, ABOUT_ERRORS, ABOUT_LATENCY, ABOUT_MONEY, ABOUT_ELSE };
enum alert_about alert_about_signal(enum signal s);
enum alert_about alert_about_finding(enum finding_kind k);

/* While one of `source` fires, alerts of `target` whose `equal` labels are the same are muted. */
struct alert_inhibition {
    struct slice source, target; /* rules' names; "*" at the end is any rest */
    unsigned equal;              /* bits of enum signal_by that both have to have */
};

/* ---- who is called ---- */
struct oncall_person { struct slice name, receiver; struct slice email; };
struct oncall_rotation {
    struct slice *people;        /* in turn */
    unsigned n_people;
    int64_t starts_s;            /* of the first turn, local, as zone.h counts: turns keep the local hour over clock changes */
    int64_t turn_s;              /* of local time; from an hour */
    unsigned weekdays;           /* bits, 1 Monday; 0: every day */
    int from_minute, to_minute;  /* of the local day; 0..1440; from >= to: over midnight, into the day after */
};
struct oncall_schedule {
    struct slice name;
    const struct zone *zone;
    struct slice zone_name;
    struct oncall_rotation *rotations; /* the first that covers a time has it */
    unsigned n_rotations;
};
struct escalation_step {
    enum { ESCALATE_RECEIVER, ESCALATE_SCHEDULE, ESCALATE_PERSON } kind;
    struct slice name;
    int64_t wait_us;             /* before the next step */
};
struct escalation {
    struct slice name;
    struct escalation_step *steps;
    unsigned n_steps;
    unsigned repeat;             /* times that it begins anew; 0..5 */
};

struct alert_policy {
    struct alert_rule *rules;
    unsigned n_rules;
    struct alert_grant *grants;
    unsigned n_grants;
    struct alert_receiver *receivers;
    unsigned n_receivers;
    struct alert_grouping grouping;
    struct alert_inhibition *inhibitions;
    unsigned n_inhibitions;
    bool causes;                 /* causes mute what they explain; true unless `inhibit` says otherwise */
    struct oncall_person *people;
    unsigned n_people;
    struct oncall_schedule *schedules;
    unsigned n_schedules;
    struct escalation *escalations;
    unsigned n_escalations;
    double wanted_alarms;        /* a month, of all watchers without a rule's own number, together (1) */
};

/* The members of the root map; JSON_NONE: not given. `names`: to look up applications, models and keys in (NULL: not at all). */
struct policy;
struct alert_places { uint32_t alerts, grants, receivers, oncall, inhibit, grouping; };
/* What holds where nothing is declared; also what alert_policy_read begins with. */
void alert_policy_defaults(struct alert_policy *ret);
enum fault alert_policy_read(struct reader *r, const struct alert_places *at, const struct policy *names, struct alert_policy *ret) MUST_CHECK;
const struct alert_rule *alert_rule_find(const struct alert_policy *p, struct slice name);      /* NULL */
const struct alert_receiver *alert_receiver_find(const struct alert_policy *p, struct slice name);
const struct escalation *escalation_find(const struct alert_policy *p, struct slice name);
const struct oncall_schedule *schedule_find(const struct alert_policy *p, struct slice name);
const struct oncall_person *person_find(const struct alert_policy *p, struct slice name);
/* A value in the signal's unit, as rules write it; false: *ret_expected says what it should be ("a time such as 2s ..."). */
bool alert_value_read(struct slice text, const struct signal_info *of, double *ret, const char **ret_expected);
void alert_value_write(const struct signal_info *of, double value, struct buffer *out); /* "2.84 s", "5 %", "$1.5" */
/* "latency.p99 by request_type over 5m above 2 s" */
void alert_when_words(const struct alert_when *w, struct buffer *out);

#endif
