/* calibrate.h - a rule's threshold from the application's own history, and what a rule would have done: replay. Both through the same
 * evaluation as live (alert_step), over signals_past.
 *
 * The value of each series is replayed over the history with hysteresis, `for` and `keep_firing_for`; alarms of a candidate threshold are the
 * firings it would have made, incidents (spans that people or rules marked) left out. The threshold is the least extreme one whose expected alarms a month do
 * not exceed what is wanted: by counting while there are enough (upper Poisson limit told), by peaks over a threshold beyond (stats/tail.h; said
 * so). Shorter than CALIBRATE_LEAST_DAYS of data: no proposal, and how much more is needed. */
#ifndef INCIDENT_CALIBRATE_H
#define INCIDENT_CALIBRATE_H

#include "incident/alerting.h"
#include "quality/signals.h"
#include "store/alerts.h"

#define CALIBRATE_LEAST_DAYS 2.0
#define CALIBRATE_SERIES 500

struct calibrate_request {
    const struct alert_rule *rule;
    int64_t from_us, to_us;
    double alarms_per_month;     /* all series of the rule together */
    struct ledger *ledger;
    struct evaluations *evaluations;
    struct registry *registry;   /* incidents and precision; NULL: none */
};
struct replay {                  /* of one threshold over the history */
    double threshold;
    unsigned alarms;
    double days;                 /* with data */
    double per_month, low, high; /* alarms; 95 % Poisson interval */
    struct replayed_alarm { struct signal_series series; int64_t from_us, to_us; double worst; } *firings; /* the first REPLAY_FIRINGS */
    unsigned n_firings;
};
#define REPLAY_FIRINGS 100
struct calibration_proposal {
    bool enough;                 /* false: `words` says what is missing; nothing below is filled in */
    double threshold, clear;
    struct replay now, then;     /* with what is in force, with what is proposed */
    bool extrapolated;
    double samples;              /* exchanges, scores behind it */
    unsigned series;
    bool shifted;                /* the last quarter of the history is not as the rest: a shift of the baseline (stats/shift.h) */
    struct slice words;          /* "2.84 s: 1 alarm a month is expected (0.2 to 3.1), from 14.0 days, 81,204 exchanges, 3 series" */
    struct slice rationale;      /* JSON, for store/alerts.h */
};
enum fault calibrate(const struct calibrate_request *q, struct arena *arena, struct calibration_proposal *ret, struct error *error) MUST_CHECK;
enum fault calibrate_replay(const struct calibrate_request *q, double threshold, double clear, struct arena *arena, struct replay *ret,
                            struct error *error) MUST_CHECK;
/* Rules of which fewer than 20 % of the last 20 firings were acted on: proposals in words, for findings (rule_cries_wolf). */
struct wolf { struct slice rule; int64_t fired, acted; struct slice proposal; };
enum fault calibrate_wolves(struct registry *r, const struct alert_policy *p, int64_t now_us, struct arena *arena, struct wolf **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;

#endif
