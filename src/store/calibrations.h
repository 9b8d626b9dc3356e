/* calibrations.h - what people's labels say of judges, by the judge's identity (quality/judge.h). Each sitting of labelling is a row. */
#ifndef STORE_CALIBRATIONS_H
#define STORE_CALIBRATIONS_H

#include "store/evaluations.h"

struct calibration_row {
    int64_t number;
    struct slice judge;      /* name */
    struct digest identity;
    int64_t at_us;
    struct slice by, source; /* "labels.jsonl", "review-3" */
    struct slice body;       /* JSON: the judge, its numbers as of this sitting (control/judge_book.h) */
    struct slice pairs;      /* JSON: each label with its verdict */
};
enum fault calibration_add(struct evaluations *e, struct calibration_row *c, struct error *error) MUST_CHECK; /* sets number */
/* The newest of this identity. FAULT_NOT_FOUND: there is none; another identity's does not count. */
enum fault calibration_find(struct evaluations *e, const struct digest *identity, struct arena *arena, struct calibration_row *ret,
                            struct error *error) MUST_CHECK;
/* All of one identity, oldest first. A row is valid inside the call; `each` returns false to stop. */
enum fault calibration_each(struct evaluations *e, const struct digest *identity, bool (*each)(void *ctx, const struct calibration_row *c),
                            void *ctx, struct error *error) MUST_CHECK;
/* The newest of each identity, or (all) every one, newest first; judge SLICE_NULL: any. Without `pairs`. */
enum fault calibration_list(struct evaluations *e, struct slice judge, bool all, bool (*each)(void *ctx, const struct calibration_row *c),
                            void *ctx, struct error *error) MUST_CHECK;

#endif
