/* gate.h - does a version pass its suites: each bound suite is run with the candidate and with the version in production, and the gate
 * says yes, no, or not enough evidence. Pure: whoever runs the suites fills this in.
 *
 * yes: every suite's own requirements are met, none is surely worse than production (quality/compare.h), none passes less often than pass_rate,
 * and where max_drop is set it is shown that no more is lost. no: a requirement is surely not met, or a suite is surely worse, or below pass_rate. Everything else is not enough evidence, and
 * not a pass: no suite bound, a suite that is gone, errors, a budget that ended the run, an interval that spans the bar. */
#ifndef CHANGE_GATE_H
#define CHANGE_GATE_H

#include "base/json.h"
#include "base/arena.h"
#include "model/change_policy.h"

enum gate_verdict { GATE_SAYS_NO, GATE_SAYS_NOTHING, GATE_SAYS_YES };
const char *gate_verdict_name(enum gate_verdict v); /* "no", "not enough evidence", "yes" */

struct gate_suite {
    struct slice suite;
    int64_t version;             /* of the suite */
    int64_t run, control_run;    /* numbers; 0: none. control_run 0: nothing is in production */
    enum gate_verdict required;  /* of the candidate's run */
    int compared;                /* compare_write's: -1 worse, 0 no evidence, 1 better */
    double rate, control_rate;   /* pass rates; NAN: not known */
    double lost_at_most;         /* upper bound of the pass rate lost against production; NAN: not known */
    struct slice why;            /* a sentence */
};
struct gate {
    const struct gate_suite *suites;
    unsigned n;
    double pass_rate;            /* least one of each suite, as a plain number; 0: not asked */
    double max_drop;             /* NAN: not asked */
    int64_t control;             /* version that it was compared with; 0: nothing was in production */
    struct slice problem;        /* why nothing could be run at all; SLICE_NULL */
};
enum gate_verdict gate_decide(const struct gate *g, struct arena *arena, struct slice *ret_why);
/* {state: waiting|running|done, verdict, why, control, max_drop, suites: [{suite, version, run, control_run, required, pass_rate,
 * control_pass_rate, compared, lost_at_most, why}], begun, ended}: change_version.gate. */
void gate_write(const struct gate *g, const char *state, enum gate_verdict v, struct slice why, int64_t begun_us, int64_t ended_us, struct json_writer *w);

enum { GATE_SUITES = 64 };
/* The suites that a version is bound to, by its facts and by its class; each once. */
unsigned gate_suites(struct slice facts, const struct class_policy *p, struct arena *arena, struct slice names[GATE_SUITES]);
/* Is what a gate said (`gate`: gate_write's) still about this: the same version in production, and all suites that are bound now? Else *ret_why. */
bool gate_stands(struct slice gate, int64_t production, struct slice facts, const struct class_policy *p, struct arena *arena, struct slice *ret_why);

#endif
