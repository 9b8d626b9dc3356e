/* ab.h - two versions side by side until one is shown to be better, or the time or the traffic that was planned is over. Pure.
 *
 * Sequential: it may be looked at every minute (stats/sequence.h). Half of the units each. The canary's guardrails are judged beside the
 * metric, and roll back as in a canary. When it begins it says how many exchanges an arm it takes to see `min_effect` with `power`; when it ends without a winner it says what could have been seen. It never promotes:
 * a person does, with its report. */
#ifndef CHANGE_AB_H
#define CHANGE_AB_H

#include "change/guardrail.h"

struct ab_test {
    struct ab_plan plan;
    int64_t needed_an_arm;       /* -1: not known before there is data */
    struct rollout_plan beside;  /* the canary's, whose interval and guardrails hold here, too; n_steps 0: none */
};
/* NO_DIFFERENCE: smaller than min_effect, shown. UNDECIDED: its time is over, and neither a winner nor that was shown. */
enum ab_verdict { AB_RUNNING, AB_CANDIDATE, AB_CONTROL, AB_NO_DIFFERENCE, AB_UNDECIDED, AB_ERROR };
const char *ab_verdict_name(enum ab_verdict v);
struct ab_report {
    enum ab_verdict verdict;
    struct guard_answer metric;
    double detectable;           /* smallest effect that so much data shows with `power`, as min_effect is given; NAN */
    bool over;                   /* verdict, or its time is over */
    char why[256];
};
/* Exchanges an arm after which one look shows min_effect with `power`; looking earlier too only finds it sooner. `level` and `variance` are
 * of one value of control (of a rate: 1 or 0); min_effect is of a score a difference, else a share of `level`. -1: not known, or a quantile. */
int64_t ab_needed(const struct ab_plan *p, double level, double variance);
void ab_judge(const struct ab_test *t, const struct guard_answer *metric, int64_t ran_us, struct ab_report *ret);
void ab_write(const struct ab_test *t, struct json_writer *w);
enum fault ab_read(struct slice json, struct arena *arena, struct ab_test *ret, struct error *error) MUST_CHECK;
void ab_report_write(const struct ab_report *r, struct json_writer *w); /* members: verdict, over, detectable, why */

#endif
