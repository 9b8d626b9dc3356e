#include "quality/judged.h"

#include "quality/calibration.h"
#include "stats/corrected.h"

#include <math.h>

const char *judged_why_text(enum judged_why why) {
    static const char *const texts[] = {
        "corrected by what people's labels say of the judge",
        "the judge is uncalibrated: no labels of people are known for this model, rubric and scale",
        "the judge is uncalibrated: too few labels of people are known for it",
        "the judge is uncalibrated: too unlike people, sensitivity + specificity - 1 is under 0.2",
        "the judge's rate does not fit its calibration: the labels are of other answers than these",
        "nothing was judged",
    };
    return texts[why];
}

static struct judged_rate cannot(enum judged_why why) {
    return (struct judged_rate){why, {NAN, NAN, NAN, {NAN, NAN}, 0, 0}};
}

enum judged_why judged_trust(const struct judge_calibration *c) {
    if (c == NULL || !(c->n > 0)) return JUDGED_UNCALIBRATED;
    if (!(c->n >= JUDGE_LABELS_LEAST && c->sensitivity_n >= CALIBRATION_SIDE_LEAST && c->specificity_n >= CALIBRATION_SIDE_LEAST)) return JUDGED_FEW;
    return calibration_tells(c->sensitivity, c->sensitivity_n, c->specificity, c->specificity_n) ? JUDGED_CORRECTED : JUDGED_UNLIKE;
}

struct judged_rate judged_rate_of(double rate, double effective, const struct judge_calibration *c, double confidence) {
    if (!(effective > 0) || !(rate >= 0 && rate <= 1)) return cannot(JUDGED_NO_DATA);
    enum judged_why why = judged_trust(c);
    if (why != JUDGED_CORRECTED) return cannot(why);
    struct judged_rate r = {.why = JUDGED_CORRECTED};
    r.estimate = corrected_rate((struct corrected_part){rate, effective}, (struct corrected_part){c->specificity, c->specificity_n},
                                (struct corrected_part){c->sensitivity, c->sensitivity_n}, confidence);
    return isnan(r.estimate.value) ? cannot(JUDGED_ELSEWHERE) : r;
}
