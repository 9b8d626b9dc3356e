/* cli_eval_filter.h - which cases of a suite are run. Private to control/.
 *
 *     tag=safety  id=reset-*  failing=run-11  errors=run-11  first=10  sample=50  sample=50:7
 *
 * Several, with & between them or as several options, must all hold; of one kind (tag, id, failing, errors) any of them. `first` and `sample`
 * are taken last, of what is left, in the suite's order; the same seed (1, or behind the colon) draws the same cases. */
#ifndef CONTROL_CLI_EVAL_FILTER_H
#define CONTROL_CLI_EVAL_FILTER_H

#include "quality/suite.h"

/* Marks in `marks` (a byte a case of `suite`) the cases that had such results in a run, by their ids. The exit code, or -1. */
struct eval_filter_runs {
    void *ctx;
    int (*mark)(void *ctx, struct slice run, bool errors, const struct suite *suite, uint8_t *marks);
};

/* *text is canonical for what was typed, in the arena: of the same filter the same. `chosen` has a byte a case. -1: good (*ret_n may be 0); else the
 * exit code, after having said why. */
int eval_filter_read(const char *const *typed, unsigned n, const struct suite *suite, const struct eval_filter_runs *runs, struct arena *arena,
                     uint8_t *chosen, struct slice *ret_text, unsigned *ret_n) MUST_CHECK;

#endif
