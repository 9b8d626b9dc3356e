/* eval_runs.h - the begin and the end of a run, for the API and for whoever runs suites inside the server.
 *
 * eval_begin keeps the exact version of the suite, finds an unfinished run of the same wish whose owner is gone, or adds a new one.
 * eval_conclude makes the summary from the results that are kept, and nothing else. */
#ifndef CONTROL_EVAL_RUNS_H
#define CONTROL_EVAL_RUNS_H

#include "base/buffer.h"
#include "quality/suite.h"
#include "store/runs.h"

enum eval_resume { EVAL_RESUME_AUTO, EVAL_RESUME_NEVER, EVAL_RESUME_THIS };

struct eval_wish {
    struct slice suite;          /* as suite_read reads it; SLICE_NULL: the registered one of these: */
    struct slice suite_name, suite_version; /* version SLICE_NULL: the current one */
    struct slice prompt;         /* canonical JSON, in place of the suite's own; SLICE_NULL */
    struct slice prompt_label;   /* what the run calls it, "helpdesk-answer@3"; SLICE_NULL: its name */
    struct slice model;          /* SLICE_NULL: the suite's or the prompt's */
    struct slice chosen;         /* the filter as typed; SLICE_NULL: all cases */
    int64_t cases;               /* that the filter leaves; 0: all */
    int64_t repeat;              /* 0: the suite's */
    int64_t max_cost_nano;       /* -1: none */
    struct slice trigger, by, owner;
    enum eval_resume resume;
    int64_t number;              /* of EVAL_RESUME_THIS */
};

/* FAULT_CONFIG: *problems (in the arena) has what is wrong with the suite or the prompt. FAULT_CONFLICT: such a run is under way elsewhere, or the named one is
 * over or of another wish. FAULT_NOT_FOUND: no such suite or run. */
enum fault eval_begin(struct evaluations *e, const struct eval_wish *wish, int64_t now_us, struct arena *arena, struct run_row *ret,
                      bool *ret_resumed, struct problems *problems, struct error *error) MUST_CHECK;

/* Ends it. `why` it was stopped early; SLICE_NULL: all was run. *summary, an empty buffer, gets the object {run, suite, suite_version, verdict, ...}
 * that is kept with it. FAULT_CONFLICT: it is over already. */
enum fault eval_conclude(struct evaluations *e, int64_t number, struct slice why, int64_t now_us, struct buffer *summary,
                         struct error *error) MUST_CHECK;

/* The very version of the suite that the run names; FAULT_CORRUPT. It lies in the arena: suite_deinit before that one's end. */
enum fault eval_kept_suite(struct evaluations *e, const struct run_row *row, struct arena *arena, struct suite *ret, struct error *error) MUST_CHECK;
/* Judges that it names and does not declare, as they are registered now. FAULT_CONFIG: there is no such one. */
enum fault eval_lend_judges(struct evaluations *e, struct suite *suite, struct arena *arena, struct error *error) MUST_CHECK;

/* "run-12" or "12". */
bool eval_run_number(struct slice text, int64_t *ret);

#endif
