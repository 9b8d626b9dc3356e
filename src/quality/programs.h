/* programs.h - checks that a process decides: exec (a process a check), javascript and python (one long-lived node or python3).
 *
 * A process gets one JSON object, {output, expected, context, vars, case, tool_calls, finish_reason, latency_ms, cost_usd}, unknown
 * members null, and says true or false, a number (0..1), or {pass, score, reason}. A number passes when it is above 0 or, where the
 * check has one, at least the threshold; {pass: true} must reach the threshold too; a score without pass needs a threshold.
 * Anything else, another exit status, and no word within the check's timeout (then it and its children are killed) is CHECK_ERROR.
 *
 * Code of javascript and python is an expression, or a function body with `return`, of `output` (a text) and `context` (that object,
 * with `test`); or a module with a default export, or with get_assert(output, context). It is compiled once for each text. Checks of one
 * language run one after the other; one that does not end takes its process with it, and the next has a new one.
 *
 * On its loop's thread, which outlives the processes; nothing blocks. */
#ifndef QUALITY_PROGRAMS_H
#define QUALITY_PROGRAMS_H

#include "io/loop.h"
#include "quality/check.h"

struct programs;
struct program_check { /* embedded in its owner, which keeps check, answer and case until done */
    const struct check *check;
    const struct check_answer *answer;
    const struct check_case *about;
    struct slice case_id;
    struct arena *arena;              /* of the outcome's reason */
    struct check_outcome outcome;     /* from done on */
    void (*done)(struct program_check *p); /* in a later turn */
    struct program_work *work;        /* private */
};

/* `dir`: where programs run and relative ones are looked for (the suite's folder). `at_once`: processes. */
struct programs *programs_new(struct loop *l, const char *dir, unsigned at_once);
void programs_free(struct programs *p); /* kills what runs; no done follows. Not from within done */
void programs_start(struct programs *p, struct program_check *c);

#endif
