/* calibrate_private.h - the history of one rule, read once and replayed many times. */
#ifndef INCIDENT_CALIBRATE_PRIVATE_H
#define INCIDENT_CALIBRATE_PRIVATE_H

#include "incident/calibrate.h"

#define DAY_US 86400000000LL
#define HOUR_US 3600000000LL
#define MONTH_DAYS 30.0

struct past_window { uint32_t at; double value, n; }; /* ends at from + at * step */
struct past_run {                /* one series */
    struct slice name;           /* its JSON */
    struct signal_series series;
    struct past_window *windows;
    uint32_t n, capacity;
};
struct table;
struct past_runs {
    const struct calibrate_request *q;
    int64_t from_us, step_us;
    uint32_t steps;
    struct past_run *runs;
    unsigned n;
    size_t windows;
    bool cut;                    /* more series than are read; or more windows, though steps are an hour */
    bool full;                   /* no room for more windows: it has to be read in larger steps */
    double days, samples;
    struct arena *arena;
    struct table *names;
};
enum fault past_runs_read(const struct calibrate_request *q, struct arena *arena, struct past_runs *ret, struct error *error) MUST_CHECK;
void past_runs_deinit(struct past_runs *p);

/* Each alarm: index of the run, when it began and ended, and the highest level at which it would have fired all the same (lowest, of BELOW). */
struct past_alarm { unsigned run; int64_t from_us, to_us; double height; };
struct past_alarms { struct past_alarm *at; unsigned n, capacity; };
/* `alarms` NULL: they are only counted. */
unsigned past_runs_replay(const struct past_runs *p, double threshold, double clear, struct past_alarms *alarms);
double past_runs_clear(const struct alert_rule *r, double threshold, double usual); /* that goes with a threshold */
void past_runs_replayed(const struct past_runs *p, double threshold, double clear, struct replay *ret);

/* In the history that was read; not before `from_us`. */
void past_runs_shift(const struct past_runs *p, int64_t from_us, struct calibrate_shift *ret);
void calibrate_tell(const struct calibrate_request *q, const struct past_runs *p, struct calibration_proposal *ret, bool by_tail, unsigned peaks,
                    double level);

#endif
