/* alerting.h - the life of one alert: a rule and a series, from what was observed to its next state. Pure.
 *
 *   inactive -> pending -> firing -> resolved                        acknowledged: firing, and somebody has it
 *   nodata: there is nothing to judge by; flapping: it changes too often to be told each time
 *
 * Times are the caller's (wall microseconds, never going back: alert_clock). Hysteresis: it fires beyond `threshold` for `for`, and ends once
 * it was not beyond `clear` for `keep_firing_for`. No data neither starts nor ends anything, but where the rule says so, and its time does not
 * count. Flapping: of the last 20 periods it began or ceased to fire in more than half, by Nagios' weights (0.75 the oldest to 1.25 the newest); it
 * ends below a quarter; one notice for each. A period is half of what one turn takes at least (alert_period), at least one evaluation. */
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
    uint32_t changes;            /* of the last 20 periods, newest in bit 0: did it begin or cease to fire */
    unsigned evaluations;        /* up to 20: periods that were seen */
    enum alert_state before;     /* nodata: what it was; flapping: what it would be; acknowledged: FLAPPING where it was that */
    int64_t period_us;           /* when the newest period began; 0: anew */
};
#define ALERT_PERIODS 20
/* What a transition is to people. */
enum alert_told { TELL_NOTHING, TELL_FIRING, TELL_RESOLVED, TELL_FLAPPING, TELL_NODATA };
/* The next state. *ret_told: whether and what receivers hear. A clock that went back counts as one that stood still. */
enum alert_told alert_step(const struct alert_rule *r, struct alert_life *life, enum alert_observed seen, int64_t now_us);
/* By a person; false: it is not firing. */
bool alert_acknowledge(struct alert_life *life, int64_t now_us);
/* Does it fire, heard of now or not? */
bool alert_fires(const struct alert_life *life);
int64_t alert_period(const struct alert_rule *r);  /* (for + keep_firing_for + window / 5) / 2 */
double alert_flapping(uint32_t changes);           /* 0..1, weighted */

/* What a value is to a rule whose threshold is `threshold` (the calibrated one where there is one). */
enum alert_observed alert_observe(const struct alert_when *w, double threshold, double clear, double value, double n);

/* ---- muting ---- */
struct alert_identity {          /* of an alert, for silences, inhibitions and groups */
    struct slice rule;
    enum alert_severity severity;
    const struct alert_label *labels; /* the rule's own and the series' dimensions */
    unsigned n_labels;
};
struct pattern;
struct silence_matcher {
    struct slice label, value;   /* label "rule" ("alertname") and "severity" too; a label that is not there is "" */
    bool is_regex, negated;      /* else "*" in value is any run of characters */
    struct pattern *pattern;     /* of a regex, anchored at both ends; silence_matchers_free */
};
bool silence_matches(const struct silence_matcher *m, unsigned n, const struct alert_identity *a);
/* "rule=slow-*" "application!=helpdesk" "model=~gpt.*" */
enum fault silence_matcher_read(struct slice text, struct arena *arena, struct silence_matcher *ret, struct error *error) MUST_CHECK;
/* ["rule=slow-*", ...] as a silence keeps them. */
#define SILENCE_MATCHERS 16
enum fault silence_matchers_read(struct slice json, struct arena *arena, struct silence_matcher **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
void silence_matchers_free(struct silence_matcher *m, unsigned n); /* what they hold */
/* Is `target` muted by `source`, which fires? Never by itself. */
bool inhibits(const struct alert_inhibition *i, const struct alert_identity *source, const struct alert_identity *target);

/* Alertmanager's fingerprint of sorted labels is its own affair; ours: the first 8 bytes of SHA-256 over rule and series, 16 hex digits. */
void alert_fingerprint(struct slice rule, struct slice series, char out[17]);

#endif
