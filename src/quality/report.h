/* report.h - a run's results as a file for people or other programs: what was asked, the verdict and why, then every result.
 *
 *   .json         everything, one object         .jsonl      one result a line
 *   .html         one file, nothing fetched, no script: verdict, why, requirements, tags, failures, errors
 *   .junit.xml    (and .xml) a testcase a case, and one a requirement        .md   fits a job summary or a comment on a pull request
 *
 * Results are streamed, never held all at once. The file appears whole or not at all: it is written beside its name and then
 * renamed; a full disk is FAULT_NO_SPACE and leaves what was there. */
#ifndef QUALITY_REPORT_H
#define QUALITY_REPORT_H

#include "quality/result.h"
#include "quality/suite.h"

struct report {
    const struct suite *suite;
    struct slice run;            /* "run-12" */
    int64_t suite_version;       /* 0: not kept by a server */
    struct slice prompt, model;  /* SLICE_NULL: the suite's own */
    int64_t started_us, ended_us; /* wall; 0: not known */
    const struct json_doc *summary; /* an object with the members of summary_write */
    /* All results by case, then repeat; asked for twice at most. `give` returns false to stop. What a result holds is valid inside. */
    enum fault (*each)(void *ctx, bool (*give)(void *to, const struct result *r), void *to, struct error *error);
    void *ctx;
};

/* Before a run is paid for: FAULT_BAD_REQUEST unless the name ends in one of the above. */
enum fault report_check(const char *path, struct error *error) MUST_CHECK;
enum fault report_write(const struct report *r, const char *path, struct error *error) MUST_CHECK;

#endif
