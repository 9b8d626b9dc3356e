/* import_assert.h - promptfoo's assertions as checks of ours.
 *
 * Names and scores of check_table.h are promptfoo's where it has them; what is called otherwise, means something else or has no
 * counterpart stands in one table in import_assert.c. What is written has been read by check_read: a suite takes it as it is. */
#ifndef QUALITY_IMPORT_ASSERT_H
#define QUALITY_IMPORT_ASSERT_H

#include "model/declared.h"
#include "quality/import.h"

struct promptfoo;
struct import_assert {
    const struct declared *d;
    uint32_t node;
    const char *file;
    struct slice where;   /* of notes */
    struct promptfoo *p;  /* the configuration: for files and $ref; NULL: none may be named */
    struct slice grader;  /* the provider that grades unless the assertion says another; SLICE_NULL: promptfoo's own choice */
    struct slice metric;  /* of the set it stands in; SLICE_NULL */
    bool in_set;
    double scale_weight;  /* weights are times this (of a set) */
};

/* Writes the assertion as no, one or (a set) several items of the array that is open in `w`, and notes the rest. */
void import_assert(struct import *m, const struct import_assert *a, struct json_writer *w);
/* The same for the short form: "not-icontains:as an AI", "similar(0.8):x", "grade:polite", "42" (equals). `metric` and `threshold`
 * (NAN: none) as its columns in a CSV declare them. `line` is where it stands. */
void import_assert_short(struct import *m, struct slice text, struct slice metric, double threshold, const char *file, int line,
                         struct slice where, struct json_writer *w);

#endif
