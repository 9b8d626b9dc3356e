/* calibration.h - how far a judge says what people say. Pure: pairs in, calibration out, wherever the labels are from.
 *
 * A judge is as good as its sensitivity (of the answers that people pass, the share it passes) and its specificity (of those that
 * people fail, the share it fails): they do not change with how many answers are good, which agreement and kappa do. What is
 * corrected by them (judged.h) is meant for the check, pass or fail. On a scale of steps the kappa is of the steps, with
 * quadratic weights: a 4 for a 5 is nearly right. */
#ifndef QUALITY_CALIBRATION_H
#define QUALITY_CALIBRATION_H

#include "base/json.h"
#include "quality/summary.h"
#include "stats/agreement.h"

enum calibration_scale { CALIBRATION_PASS, CALIBRATION_1_TO_5, CALIBRATION_PAIR };
const char *calibration_scale_name(enum calibration_scale s);          /* "pass", "1-5", "pairwise" */
unsigned calibration_levels(enum calibration_scale s);                 /* 2, 5, 3 */
const char *calibration_level_name(enum calibration_scale s, unsigned level); /* fail, pass; 1..5; worse, tie, better */
#define CALIBRATION_LEVELS 5

struct calibration_pair {
    uint64_t example;         /* of what was judged: the same one twice counts once, the later */
    uint8_t label, verdict;   /* levels, of a person and of the judge */
    bool should_pass, passes; /* what each of them means for the check */
};

#define CALIBRATION_CONFIDENCE 0.95
#define CALIBRATION_SIDE_LEAST 10 /* labels of answers that pass, and of answers that fail: fewer say too little of that side */

/* UNLIKE: sensitivity + specificity - 1 is under CORRECTED_LEAST; a judge that throws a coin has 0. */
enum calibration_answer { CALIBRATION_GOOD, CALIBRATION_FEW, CALIBRATION_UNLIKE };
const char *calibration_answer_name(enum calibration_answer a); /* "calibrated", "too_few_labels", "too_unlike_people" */

struct calibration {
    enum calibration_scale scale;
    double n;
    double table[CALIBRATION_LEVELS * CALIBRATION_LEVELS]; /* [label * levels + verdict] */
    double both_pass, missed, let_through, both_fail;      /* missed: people pass, the judge fails it; let through: the reverse */
    double agreement, prevalence, judged;                  /* shares: both say the same, people pass, the judge passes */
    struct agreement_kappa kappa;
    double sensitivity, specificity;                       /* NAN: no label of that side */
    struct interval agreement_interval, sensitivity_interval, specificity_interval; /* Clopper and Pearson */
    enum calibration_answer answer;
    double needed; /* FEW: about so many more labels, drawn as these were */
};

/* Is sensitivity + specificity - 1 large enough to correct by, as found and with a label of each kind added to each side? */
bool calibration_tells(double sensitivity, double sensitivity_n, double specificity, double specificity_n);

void calibration_of(const struct calibration_pair *pairs, size_t n, enum calibration_scale scale, struct calibration *ret);
/* Members of an open object: n, agreement, kappa, sensitivity, specificity, ... as docs/evaluation.md has them. */
void calibration_write(const struct calibration *c, struct json_writer *w);

/* Pairs of both, in the order of `example`; of one in both the newer. Room for na + nb in ret. */
size_t calibration_join(const struct calibration_pair *old, size_t n_old, const struct calibration_pair *new, size_t n_new,
                        struct calibration_pair *ret);

/* Does the judge agree with people less than it did? Fisher's exact test, one-sided, twice: the newest labels against all before them, and all
 * since the first labels against these; p is Bonferroni's, twice the smaller. A judge that stays as it is is said to have drifted with a chance
 * of at most CALIBRATION_DRIFT_ALPHA each time that labels are added. */
#define CALIBRATION_DRIFT_ALPHA 0.01
struct calibration_drift {
    bool known;   /* there are labels before these */
    bool drifted; /* p < alpha */
    double p_value;
    double before_n, before_agreement, n, agreement;
};
struct calibration_batch { /* labels of one sitting */
    double agreed, n;
};
/* Oldest first; the last is the newest. */
struct calibration_drift calibration_drift_of(const struct calibration_batch *batches, size_t n);

#endif
