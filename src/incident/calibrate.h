/* calibrate.h - a rule's threshold from the application's own history, and what a rule would have done: replay. Both through the same
 * evaluation as live (alert_step), over signals_past.
 *
 * Each series is replayed with hysteresis, `for` and `keep_firing_for`; the alarms of a threshold are the firings that it would have told, of all
 * series, spans that people called real (left_out) not counted. By counting where the history would hold at least CALIBRATE_COUNTED of the wanted
 * alarms: the least extreme threshold with no more of them (exact Poisson limits are told). Else by peaks over a threshold (stats/tail.h), of which
 * each firing at a lower level is one cluster and its height the highest level at which it would have fired all the same: the least extreme
 * threshold of which the upper limit of its alarms a month, over days drawn anew, is what is wanted (95 % of the draws; told as 80 %: tails that are fitted
 * to two weeks are surer of themselves than later months bear out). A history shorter than CALIBRATE_LEAST_DAYS of hours with data: no proposal, and how much more is needed. Pure but for `history`. */
#ifndef INCIDENT_CALIBRATE_H
#define INCIDENT_CALIBRATE_H

#include "incident/alerting.h"
#include "incident/history.h"
#include "store/alerts.h"

#define CALIBRATE_LEAST_DAYS 2.0
#define CALIBRATE_COUNTED 5
#define CALIBRATE_SERIES 500          /* further ones are left out, and it is told */

struct calibrate_span { int64_t from_us, to_us; };
struct calibrate_request {
    const struct alert_rule *rule;
    int64_t from_us, to_us;
    double alarms_per_month;     /* all series of the rule together */
    const struct history *history;
    double threshold, clear;     /* in force */
    const struct calibrate_span *left_out; /* incidents: by start */
    unsigned n_left_out;
    unsigned points;             /* of each of the first REPLAY_SHOWN series that a replay is to give out; 0: none */
};
/* The series itself, to be drawn: of each stretch of time its worst value (highest; lowest, of BELOW), and of how many exchanges. */
#define REPLAY_SHOWN 8
struct replayed_series {
    struct signal_series series;
    struct replayed_point { int64_t at_us; double value, n; } *points; /* stretches without data are left out */
    unsigned n;
};
struct replay {                  /* of one threshold over the history */
    double threshold, clear;
    unsigned alarms;
    double days;                 /* with data: hours that have some, over 24 */
    double per_month, low, high; /* alarms; 95 % Poisson interval */
    struct replayed_alarm { struct signal_series series; int64_t from_us, to_us; double worst; } *firings; /* the first REPLAY_FIRINGS */
    unsigned n_firings;
    unsigned series;
    double samples;              /* exchanges, scores behind it */
    struct replayed_series *shown;
    unsigned n_shown;
    int64_t step_us;             /* a stretch */
};
#define REPLAY_FIRINGS 100
struct calibration_proposal {
    bool enough;                 /* false: `words` says what is missing; nothing below is filled in */
    double threshold, clear;
    struct replay now, then;     /* with what is in force, with what is proposed */
    double expected, expected_high; /* alarms a month of what is proposed, and the upper limit: 95 % by counting, 80 % by peaks */
    bool extrapolated;           /* the threshold lies beyond all that was seen */
    bool shifted;                /* the last quarter of the history is not as the rest: a shift of the baseline (stats/shift.h) */
    int64_t shifted_us;          /* since when about */
    struct slice words;          /* "2.84 s: 0.3 alarms a month are expected (at most 1, at 80 %), by its peaks, from 14.0 days, 81,204 exchanges, 3 series" */
    struct slice rationale;      /* JSON, for store/alerts.h */
};
/* FAULT_BAD_REQUEST: not a rule with a number (an anomaly's learns by itself, a finding has none), or one that says `calibrate: never`; times that
 * are none. */
enum fault calibrate(const struct calibrate_request *q, struct arena *arena, struct calibration_proposal *ret, struct error *error) MUST_CHECK;
enum fault calibrate_replay(const struct calibrate_request *q, double threshold, double clear, struct arena *arena, struct replay *ret,
                            struct error *error) MUST_CHECK;
void replay_write(const struct replay *r, struct json_writer *w); /* an object */

/* What of the rule's history was real: firings that people, or an action, took up; those under way end now. */
enum fault calibrate_incidents(struct registry *r, struct slice rule, int64_t from_us, int64_t to_us, struct arena *arena,
                               struct calibrate_span **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* The accepted threshold for this rule as it stands; false: none, and *ret_stale is the one that was accepted for what the rule said before
 * (number 0: none). */
bool calibrate_in_force(const struct threshold *accepted, unsigned n, const struct alert_rule *rule, struct threshold *ret, struct threshold *ret_stale);
/* Has what is usual moved since `since_us`? *ret_since_us 0: no, or it cannot be told yet. Daily medians; false alarms at most one a year of days. */
struct calibrate_shift { int64_t since_us; double before, after; };
enum fault calibrate_shift(const struct calibrate_request *q, int64_t since_us, struct arena *arena, struct calibrate_shift *ret, struct error *error) MUST_CHECK;

/* Of the last 20 firings (that have ended, of the last 90 days) fewer than 20 % were acted on: a proposal in words, for a finding
 * (rule_cries_wolf). Nothing is changed by itself. */
#define WOLF_FIRINGS 20
#define WOLF_ACTED 0.2
#define WOLF_DAYS 90
struct wolf { const struct alert_rule *rule; int64_t fired, acted; struct slice proposal, command; };
enum fault calibrate_wolves(struct registry *r, const struct alert_policy *p, int64_t now_us, struct arena *arena, struct wolf **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;

#endif
