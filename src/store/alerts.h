/* alerts.h - alerts, their transitions, what receivers are to be told, silences, and learned thresholds: in the registry's database.
 *
 * One look of the watch is one transaction (alerts_commit): new states, their transitions, the notices that follow and the audit entries of
 * what was done by itself, all or nothing. So a kill between a transition and its notice leaves both or neither. A notice is sent
 * once: who delivers it marks it taken (notices_taken) after the receiver said so; a kill between the two sends it again under the same id. */
#ifndef STORE_ALERTS_H
#define STORE_ALERTS_H

#include "model/alert_state.h"
#include "store/registry.h"

#define LIMIT_ALERT_ROWS 20000    /* rows that are not firing make room, the oldest first */
#define LIMIT_NOTICES 5000        /* waiting; more are joined into the last one of their receiver, which then counts them */
#define ALERT_HISTORY_DAYS 400

struct alert_row {
    int64_t number;
    bool added;                   /* it is new: the number comes from alerts_next, so that notices of the same look can name it; 0: the store's choice */
    struct slice rule, series;    /* series: signal_series_write; of a finding {"finding":ID,...} */
    struct slice fingerprint, application;
    enum alert_state state, before; /* before: of nodata and flapping, what it was */
    int severity;                 /* enum alert_severity */
    int64_t since_us, beyond_us, well_us, fired_us, resolved_us;
    uint32_t changes, evaluations;
    int64_t times;                /* how often it has fired */
    double value, n, threshold;   /* at the last transition, or since; NAN */
    struct slice evidence;        /* JSON: what was observed, of how much, against which threshold from where, charts, example records */
    struct slice summary;
    struct slice labels;          /* JSON object, as receivers get them */
    struct slice acknowledged_by, acknowledged_why;
    int64_t acknowledged_us;
    int64_t silence;              /* number of the one that mutes it; 0 */
    struct slice muted_by;        /* rule that inhibits it; SLICE_NULL */
    struct slice escalation;      /* of this firing, under way or over; SLICE_NULL */
    int escalation_step, escalation_round;
    int64_t escalation_due_us;    /* when the next step is taken; 0: none */
    struct slice useful;          /* of the last firing: "acted" (somebody took it up, or an action followed), "ignored", "noise"; SLICE_NULL */
    struct slice owed;            /* status that receivers are still to be told (a notice's); SLICE_NULL: they know all */
    int64_t owed_us, told_us;     /* since when; when they were told last */
    int64_t touched;              /* how often people changed it: a look that was made before their word is not kept */
};
struct alert_transition {
    int64_t alert, at_us;
    enum alert_state from, to;
    struct slice by, why;         /* SLICE_NULL: by itself */
    struct slice evidence;
    struct slice useful;          /* of a firing, read only: what became of it */
};
struct notice {
    int64_t number;
    struct slice id;              /* its name for all time: receivers may drop a second one */
    struct slice receiver, group; /* group: key of what is told together */
    struct slice status;          /* "firing", "resolved", "acknowledged", "flapping", "nodata", "test" */
    struct slice body;            /* JSON: the alerts in it, as they were (incident/notice.h) */
    int64_t made_us, due_us;      /* due: when it may be sent (grouping waits, retries wait) */
    int64_t tries, taken_us, given_up_us;
    struct slice last_error;
    int64_t left_out;             /* transitions that a full queue joined into it */
};
struct alerts_look {
    const struct alert_row *rows; /* as they are now */
    size_t n_rows;
    const struct alert_transition *transitions; /* .alert is an index into rows */
    size_t n_transitions;
    const struct notice *notices;
    size_t n_notices;
    const struct audit_entry *audits;
    size_t n_audits;
    int64_t now_us;
    struct slice memory;          /* the watch's own: position, detectors, baselines; SLICE_NULL: as it was */
};
/* ret_numbers[i]: of rows[i]; 0: there was no room (LIMIT_ALERT_ROWS that may not go), it and its transitions are not kept. FAULT_CONFLICT: a person
 * changed one of the rows since it was read: read again, look again. */
enum fault alerts_commit(struct registry *r, const struct alerts_look *look, int64_t *ret_numbers, struct error *error) MUST_CHECK;
enum fault alerts_memory(struct registry *r, struct arena *arena, struct slice *ret, struct error *error) MUST_CHECK; /* SLICE_NULL: none */

enum fault alerts_next(struct registry *r, int64_t *ret, struct error *error) MUST_CHECK; /* the number that no alert has had yet; who looks is alone */

struct alerts_filter {
    unsigned states;              /* bits 1u << enum alert_state; 0: any */
    struct slice rule, application;
    int64_t number;               /* 0: any */
    int64_t from_us, to_us;       /* in this state since: at or after, before; to_us 0: no end */
    unsigned skip, limit;         /* limit 1..LIMIT_ALERT_ROWS */
};
enum fault alerts_list(struct registry *r, const struct alerts_filter *f, struct arena *arena, struct alert_row **ret, unsigned *ret_n,
                       struct error *error) MUST_CHECK; /* firing ones first by severity, then newest */
enum fault alert_history(struct registry *r, int64_t alert, unsigned limit, struct arena *arena, struct alert_transition **ret,
                         unsigned *ret_n, struct error *error) MUST_CHECK;
/* By a person (the entry's actor, reason and time), with its audit entry and its notices; it ends its escalation. FAULT_CONFLICT: it is not firing (any
 * more). */
enum fault alert_acknowledged(struct registry *r, int64_t alert, const struct audit_entry *entry, const struct notice *notices, size_t n_notices,
                              struct error *error) MUST_CHECK;
enum fault alert_judged(struct registry *r, int64_t alert, struct slice useful, const struct audit_entry *entry, struct error *error) MUST_CHECK;
/* Of each rule since `from`: fired, acted on, ignored, noise. */
/* ignored: said so, or over without a word of anybody's. What is left of `fired` is still under way. */
struct alert_precision { struct slice rule; int64_t fired, acted, ignored, noise; };
enum fault alerts_precision(struct registry *r, int64_t from_us, struct arena *arena, struct alert_precision **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;
enum fault alerts_prune(struct registry *r, int64_t before_us, struct error *error) MUST_CHECK;

/* An id of receiver, group, body, the time it was made, and (of one that has none yet) whatever number the maker counts it by. */
#define NOTICE_ID 33
void notice_id(const struct notice *n, char out[NOTICE_ID]);

/* ---- notices; the thread that delivers ---- */
/* Of each group of a receiver's the oldest one, where that is due: nobody hears of an end before its begin. */
enum fault notices_due(struct registry *r, int64_t now_us, struct slice receiver, unsigned limit, struct arena *arena, struct notice **ret,
                       unsigned *ret_n, int64_t *ret_next_us, struct error *error) MUST_CHECK; /* oldest first; next: when another is due, 0 none */
enum fault notice_taken(struct registry *r, int64_t number, int64_t now_us, struct error *error) MUST_CHECK;
/* again_us: when it is tried again, or, given up, now. */
enum fault notice_failed(struct registry *r, int64_t number, struct slice why, int64_t again_us, bool give_up, struct error *error) MUST_CHECK;
enum fault notices_list(struct registry *r, struct slice receiver, unsigned limit, struct arena *arena, struct notice **ret, unsigned *ret_n,
                        struct error *error) MUST_CHECK; /* newest first: the log of deliveries */
/* Receivers for which any wait, by name. */
struct notice_queue { struct slice receiver; int64_t waiting, oldest_us, newest_us; }; /* made */
enum fault notices_queues(struct registry *r, struct arena *arena, struct notice_queue **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
enum fault notices_waiting(struct registry *r, struct slice receiver, int64_t *ret_n, int64_t *ret_oldest_us, struct error *error) MUST_CHECK;

/* ---- silences ---- */
struct silence {
    int64_t number;
    struct slice matchers;        /* JSON: ["rule=slow-*", "application=helpdesk"] */
    int64_t from_us, to_us;
    struct slice by, why;
    int64_t made_us, ended_us;    /* ended before its time; 0 */
};
enum fault silence_add(struct registry *r, struct silence *s, const struct audit_entry *entry, struct error *error) MUST_CHECK;
enum fault silence_end(struct registry *r, int64_t number, int64_t now_us, const struct audit_entry *entry, struct error *error) MUST_CHECK;
/* Newest first; in_force: those that have not ended (they may begin later). */
enum fault silences_list(struct registry *r, bool in_force, int64_t now_us, struct arena *arena, struct silence **ret, unsigned *ret_n,
                         struct error *error) MUST_CHECK;

/* ---- thresholds ---- */
#define THRESHOLD_STATES "proposed|accepted|refused|replaced"
struct threshold {
    int64_t number;
    struct slice rule;
    struct digest of;             /* the rule's `when` */
    struct slice series;          /* SLICE_NULL: of all its series; else of this one */
    double value, clear;
    struct slice rationale;       /* JSON: data, method, n, expected alarms, interval, what it would have done */
    struct slice state, by, why;
    int64_t made_us, decided_us;
};
/* Proposed; one that was proposed before, of the same rule and series, is replaced. */
enum fault threshold_put(struct registry *r, struct threshold *t, const struct audit_entry *entry, struct error *error) MUST_CHECK;
enum fault threshold_decide(struct registry *r, int64_t number, bool accept, const struct audit_entry *entry, struct error *error) MUST_CHECK; /* FAULT_CONFLICT */
enum fault thresholds_list(struct registry *r, struct slice rule, struct slice state, struct arena *arena, struct threshold **ret, unsigned *ret_n,
                           struct error *error) MUST_CHECK;

/* ---- who is on call ---- */
struct oncall_override { int64_t number; struct slice schedule, person, by, why; int64_t from_us, to_us, made_us; bool removed; };
enum fault oncall_override_add(struct registry *r, struct oncall_override *o, const struct audit_entry *entry, struct error *error) MUST_CHECK;
enum fault oncall_override_remove(struct registry *r, int64_t number, const struct audit_entry *entry, struct error *error) MUST_CHECK;
/* That lie in from <= time < to and were not removed, in the order in which they were made. */
enum fault oncall_overrides(struct registry *r, int64_t from_us, int64_t to_us, struct arena *arena, struct oncall_override **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;

#endif
