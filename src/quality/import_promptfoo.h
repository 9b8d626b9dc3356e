/* import_promptfoo.h - a promptfoo configuration as suites.
 *
 * A suite for each prompt. Providers become models: those that ask alike (the same parameters) share a suite, whose `model` is the
 * first; the others are a `--model` of the run. Default assertions become the suite's checks; arrays in `vars` a case for each
 * combination, in one cluster. Templates other than {{name}}, code that makes prompts or tests, and whatever else has no
 * counterpart is noted (import.h). docs/evaluation.md lists what comes over and what means something else. */
#ifndef QUALITY_IMPORT_PROMPTFOO_H
#define QUALITY_IMPORT_PROMPTFOO_H

#include "model/problems.h"
#include "quality/import.h"

struct import_suite {
    struct slice name, model;
    struct slice *others; /* models to run it with as well */
    unsigned n_others, n_cases;
    struct slice json;    /* as suite_read takes it */
    struct slice yaml;    /* the same */
};

/* `text` is YAML or JSON. `name` of the suite or, with several, what their names begin with; SLICE_NULL: made of the description, or
 * of the file's name. All of *ret lies in the arena of `m`. FAULT_CONFIG: it cannot be read as a configuration, `problems` say why. */
enum fault import_promptfoo(struct import *m, struct slice text, const char *file, struct slice name, struct import_suite **ret,
                            unsigned *ret_n, struct problems *problems) MUST_CHECK;

#endif
