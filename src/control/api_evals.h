/* api_evals.h - what the handlers of runs share. Private to control/. */
#ifndef CONTROL_API_EVALS_H
#define CONTROL_API_EVALS_H

#include "control/api.h"
#include "store/runs.h"

#define EVAL_RESULTS_MOST 1000 /* of one request or page */

/* The number of the path's `run`; false after having answered. Needs evaluations. */
bool api_eval_number(struct api_call *c, int64_t *ret);
bool api_eval_find(struct api_call *c, struct run_row *ret);
/* Members of an object that is open. `brief`: of the summary only the rate. */
void api_eval_put(struct api_call *c, const struct run_row *r, bool brief);

#endif
