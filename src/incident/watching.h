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
#include "model/finding.h"
#include "quality/signals.h"
#include "store/alerts.h"

struct watching_sources {        /* of one tick */
    const struct alert_policy *policy;
    struct signals *signals;
    const struct finding *findings; /* open ones */
    unsigned n_findings;
    const struct silence *silences;
    unsigned n_silences;
    const struct threshold *thresholds; /* accepted */
    unsigned n_thresholds;
    const struct oncall_override *overrides;
    unsigned n_overrides;
    int64_t now_us;              /* wall */
    bool complete;               /* false: the ledger is behind, or the watch has just begun: silence proves nothing */
};
/* An action that a firing alert wants; whether it may happen is incident/action.h's. */
struct wanted_action {
    const struct alert_rule *rule;
    int64_t alert;               /* index into look.rows */
    struct intervention_spec spec; /* the rule's, with what the series fills in */
    struct slice evidence;
};
struct watching_result {
    struct alerts_look look;     /* in the arena of the tick */
    struct wanted_action *actions;
    unsigned n_actions;
    unsigned rules, series, firing; /* evaluated; alerts that fire now */
    const char *const *idle;     /* rules about nothing, with why, NULL-terminated */
    int64_t next_us;             /* when a grouping wait, an escalation or a silence ends; 0: none */
};
struct watching;
struct watching *watching_new(void);
void watching_free(struct watching *w);
enum fault watching_load(struct watching *w, struct registry *r, struct error *error) MUST_CHECK; /* what is kept: at the start, and after a failed commit */
enum fault watching_tick(struct watching *w, const struct watching_sources *s, struct arena *arena, struct watching_result *ret,
                         struct error *error) MUST_CHECK;
void watching_kept(struct watching *w, const struct watching_result *r, const int64_t *numbers); /* the look was committed */
/* An alert's row changed elsewhere (a person acknowledged): read again before the next tick. Any thread. */
void watching_changed(struct watching *w);

#endif
