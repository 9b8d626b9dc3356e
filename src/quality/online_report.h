/* online_report.h - what the scores of production traffic say: each metric's estimate for all traffic that a rule is about, with its interval.
 *
 * Each scored record counts 1 / its chance, so that what is told is the traffic and not the sample. Shares are stats/rate.h's with these
 * weights, means stats/weighted.h's; both are about what makes the records (is the service good?), not about these very ones. Records
 * that could not be scored are counted and told: should they differ from the others, so does the truth.
 *
 * What a judge decided is told as it says, and as people would have said, where their labels are enough to say that (judged.h).
 *
 * Verdicts of another judge (another model, rubric, scale) are another line: they are never mixed. */
#ifndef QUALITY_ONLINE_REPORT_H
#define QUALITY_ONLINE_REPORT_H

#include "base/json.h"
#include "quality/summary.h"
#include "store/scored.h"

enum online_by { ONLINE_ALL, ONLINE_BY_REQUEST_TYPE, ONLINE_BY_PROMPT, ONLINE_BY_MODEL };

struct online_report_query {
    struct slice rule;
    int64_t from_us, to_us;
    enum online_by by;   /* a list of groups beside the whole */
    double confidence;
    /* What people's labels say of the judge with this identity; false: nothing. NULL: nothing is known of any. */
    bool (*calibration)(void *ctx, const struct digest *identity, struct judge_calibration *ret);
    void *ctx;
};

#define ONLINE_REPORT_ROWS 1000000
#define ONLINE_REPORT_GROUPS 200 /* more are told as "(other)" */

/* Members of an open object: records, length, metrics, groups. FAULT_TOO_LARGE: more rows than ONLINE_REPORT_ROWS. */
enum fault online_report_write(struct evaluations *e, const struct online_report_query *q, struct json_writer *w, struct error *error) MUST_CHECK;

#endif
