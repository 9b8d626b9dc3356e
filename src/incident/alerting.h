/* alerting.h - the life of one alert: a rule and a series, from what was observed to its next state. Pure.
 *
 *   inactive -> pending -> firing -> resolved (-> inactive)          acknowledged: firing, and somebody has it
 *   nodata: there is nothing to judge by; flapping: it changes too often to be told each time
 *
 * Times are the caller's (wall microseconds, never going back: alert_clock). Hysteresis: it fires beyond `threshold` for `for`, and ends once
 * it was not beyond `clear` for `keep_firing_for`. No data neither starts nor ends anything, but where the rule says so. Flapping: of the
 * last 21 evaluations the state changed in more than half, by Nagios' weights; it ends below a quarter; one notice for each. */
#ifndef INCIDENT_ALERTING_H
#define INCIDENT_ALERTING_H

#include "model/alert_policy.h"
#include "model/alert_state.h"

enum alert_observed { OBSERVED_NOT, OBSERVED_BETWEEN, OBSERVED_BEYOND, OBSERVED_NOTHING }; /* BETWEEN clear and threshold */

struct alert_life {              /* what is remembered of one alert between evaluations; zeroed: never seen */
    enum alert_state state;
    int64_t since_us;            /* in this state */
    int64_t beyond_us;           /* pending: since when it has been beyond; 0 */
    int64_t well_us;             /* firing: since when it has been well; 0 */
    int64_t fired_us;            /* when it last began to fire; a firing's identity with rule and series */
    uint32_t changes;            /* of the last 21 evaluations, newest in bit 0: was it beyond */
    unsigned evaluations;        /* up to 21 */
    enum alert_state before;     /* nodata, flapping: what it was */
};
/* What a transition is to people. */
enum alert_told { TELL_NOTHING, TELL_FIRING, TELL_RESOLVED, TELL_FLAPPING, TELL_NODATA };
/* The next state. *ret_told: whether and what receivers hear. A clock that went back counts as one that stood still. */
enum alert_told alert_step(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us);
/* By a person; false: it is not firing. */
bool alert_acknowledge(struct alert_life *life, int64_t now_us);

/* What a value is to a rule whose threshold is `threshold` (the calibrated one where there is one). */
enum alert_observed alert_observe(const struct alert_when *w, double threshold, double clear, double value, double n);

/* ---- muting ---- */
struct alert_identity {          /* of an alert, for silences, inhibitions and groups */
    struct slice rule;
    enum alert_severity severity;
    const struct alert_label *labels; /* the rule's own and the series' dimensions */
    unsigned n_labels;
};
struct silence_matcher { struct slice label, value; bool is_regex, negated; }; /* label "rule" and "severity" too */
bool silence_matches(const struct silence_matcher *m, unsigned n, const struct alert_identity *a);
/* "rule=slow-*" "application!=helpdesk" "model=~gpt.*" */
enum fault silence_matcher_read(struct slice text, struct arena *arena, struct silence_matcher *ret, struct error *error) MUST_CHECK;
/* Is `target` muted by `source`, which fires? */
bool inhibits(const struct alert_inhibition *i, const struct alert_identity *source, const struct alert_identity *target);

/* Alertmanager's fingerprint of sorted labels is its own affair; ours: the first 8 bytes of SHA-256 over rule and series, 16 hex digits. */
void alert_fingerprint(struct slice rule, struct slice series, char out[17]);

#endif
