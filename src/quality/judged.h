/* judged.h - a pass rate that a judge gave, as people would have given it: by what their labels say of the judge. Pure.
 *
 * Rogan and Gladen's correction (stats/corrected.h). It holds where the judge errs on these answers as it did on the labelled ones, and says why when it
 * can say nothing. */
#ifndef QUALITY_JUDGED_H
#define QUALITY_JUDGED_H

#include "quality/summary.h"
#include "stats/interval.h"

enum judged_why {
    JUDGED_CORRECTED,
    JUDGED_UNCALIBRATED, /* nobody's labels are of this judge, or its model, rubric or scale has changed since */
    JUDGED_FEW,          /* fewer than JUDGE_LABELS_LEAST labels, or than CALIBRATION_SIDE_LEAST of a side */
    JUDGED_UNLIKE,       /* it hardly tells what people pass from what they fail */
    JUDGED_ELSEWHERE,    /* a judge as good as that does not give such a rate: the labels are of other answers than these */
    JUDGED_NO_DATA,
};
const char *judged_why_text(enum judged_why why); /* words for a report */

struct judged_rate {
    enum judged_why why;
    struct estimate estimate; /* NAN unless CORRECTED; two-sided */
};

/* How far labels say that it can be trusted: CORRECTED (calibrated), UNCALIBRATED, FEW or UNLIKE. `c` NULL: none are known. */
enum judged_why judged_trust(const struct judge_calibration *c);

/* rate: the judge's share of passed, of `effective` independent answers (stats/rate.h has it). `c` NULL: none is known. */
struct judged_rate judged_rate_of(double rate, double effective, const struct judge_calibration *c, double confidence);

#endif
