/* watching.h - one tick of the watch: every rule is held against its series, alerts take their next state, and what follows is composed:
 * transitions, notices, escalations, actions. All in one look that the store keeps or does not (store/alerts.h); a tick whose look was not kept
 * is taken again from what is kept.
 *
 * It reads signals, open findings, silences and thresholds; it writes nothing by itself and calls nobody. 1,000 rules over 200 series take under
 * a second. What cannot be evaluated (a rule about nothing: an unknown metric of a score, a dimension that never occurs) has no alert and is
 * listed as such. One thread. */
#ifndef INCIDENT_WATCHING_H
#define INCIDENT_WATCHING_H

#include "incident/alerting.h"
#include "incident/anomaly.h"
#include "model/finding.h"
#include "quality/signals.h"
#include "store/alerts.h"

struct watching_sources {        /* of one tick */
    const struct alert_policy *policy;
    const struct policy *names;  /* whose models have targets where (incident/cause.h); NULL: not known */
    struct signals *signals;
    struct anomalies *anomalies; /* NULL: rules with `anomaly` observe nothing */
    const struct finding *findings; /* open ones */
    unsigned n_findings;
    const struct silence *silences;
    unsigned n_silences;
    const struct threshold *thresholds; /* accepted */
    unsigned n_thresholds;
    const struct oncall_override *overrides;
    unsigned n_overrides;
    int64_t now_us;              /* wall */
    int64_t clock_us;            /* alert_clock: what durations are counted by; it never goes back */
    bool complete;               /* false: the ledger is behind, or the watch has just begun: nothing is judged, what is due is done */
};
/* An action that a firing alert wants; whether it may happen is incident/action.h's. It is wanted in each tick until watching_acted. */
struct wanted_action {
    const struct alert_rule *rule;
    int64_t alert;               /* its number */
    int64_t firing;              /* which of its firings: after a restart its actions may have been done already */
    int64_t fired_us;            /* when that began, by the wall as it goes now */
    struct intervention_spec spec; /* the rule's, with what the series fills in */
    struct slice evidence;
};
/* What a rule saw, for `alert rules`; in the order of the policy. Lives until the next tick. */
struct rule_seen {
    const struct alert_rule *rule;
    unsigned series, pending, firing, silent; /* silent: without data, or with too little */
    double worst;                /* value nearest to the threshold, or farthest beyond; NAN */
    double threshold, clear;     /* of all its series; NAN */
    int64_t threshold_number;    /* the accepted one that it is; 0: of the rule */
    char idle[160];              /* why it cannot be evaluated; "": it can */
};
struct watching_result {
    struct alerts_look look;     /* in the arena of the tick */
    struct wanted_action *actions;
    unsigned n_actions;
    struct rule_seen *seen;      /* of each rule */
    unsigned rules, series, firing; /* evaluated; alerts that fire now */
    unsigned states[ALERT_STATES][ALERT_SEVERITIES]; /* alerts */
    unsigned left_out;           /* alerts for which there is no room */
    int64_t next_us;             /* clock_us when a grouping wait, an escalation or a repetition is due; 0: none */
};
struct watching;
struct watching *watching_new(void);
void watching_free(struct watching *w);
enum fault watching_load(struct watching *w, struct registry *r, struct error *error) MUST_CHECK; /* what is kept: at the start, and after a failed commit */
enum fault watching_tick(struct watching *w, const struct watching_sources *s, struct arena *arena, struct watching_result *ret,
                         struct error *error) MUST_CHECK;
void watching_kept(struct watching *w, const struct watching_result *r, const int64_t *numbers); /* the look was committed */
/* Of this alert all that its rule wants was done, or refused for good. */
void watching_acted(struct watching *w, int64_t alert, bool useful);
/* An alert's row changed elsewhere (a person acknowledged): read again before the next tick. Any thread. */
void watching_changed(struct watching *w);
bool watching_is_stale(struct watching *w); /* load before the next tick */

/* The next alert clock: `elapsed_us` (monotonic) later than `clock_us`, drawn towards the wall by at most as much again, so that it never goes back
 * and a step of the wall's neither fires nor resolves anything at once. */
int64_t alert_clock(int64_t clock_us, int64_t elapsed_us, int64_t wall_us);

#endif
