/* happenings.h - what happened in a window, over all of its kind: for one list of it (control/timeline.h). Newest first; texts in the arena. */
#ifndef STORE_HAPPENINGS_H
#define STORE_HAPPENINGS_H

#include "model/finding.h"
#include "store/alerts.h"
#include "store/changes.h"
#include "store/runs.h"

struct firing_seen {
    int64_t alert, at_us, until_us; /* until 0: it has not ended */
    int severity;                   /* enum alert_severity */
    struct slice rule, application, summary; /* as the alert stands now */
    struct slice state;             /* "firing", "resolved"; of a firing that is over "resolved" */
};
/* Firings of any rule that began in from <= time < to. `application`: of it, and of none. SLICE_NULL: any. */
enum fault happened_firings(struct registry *r, struct slice application, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena,
                            struct firing_seen **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Findings that were first seen in it: id, kind, application, title, state, first_seen_us, cleared_us. */
enum fault happened_findings(struct registry *r, struct slice application, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena,
                             struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
struct run_seen {
    int64_t number, started_us, ended_us;
    enum run_state state;
    struct slice suite, trigger, by, verdict;
};
/* Runs of suites that began in it. */
enum fault happened_runs(struct evaluations *e, int64_t from_us, int64_t to_us, unsigned limit, struct arena *arena, struct run_seen **ret,
                         unsigned *ret_n, struct error *error) MUST_CHECK;
struct version_waiting {
    struct slice kind, name, author;
    int64_t version, since_us;
    enum version_state state;
};
/* Versions in these states (bits), of all subjects, without their bodies; the longest in it first. */
enum fault versions_waiting(struct registry *r, unsigned states, unsigned limit, struct arena *arena, struct version_waiting **ret, unsigned *ret_n,
                            struct error *error) MUST_CHECK;
/* How many subjects of the kind there are, and how many have a version in production. */
enum fault subjects_count(struct registry *r, struct slice kind, int64_t *ret_n, int64_t *ret_production, struct error *error) MUST_CHECK;
/* The class that a version counts as (enum change_class); -1: there is no such version. */
enum fault version_class(struct registry *r, struct slice kind, struct slice name, int64_t version, int *ret, struct error *error) MUST_CHECK;

#endif
