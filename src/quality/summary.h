/* summary.h - what a run's results say: the pass rate and how sure it is, each requirement's answer, and the verdict in three values. Pure.
 *
 * The rate is the weighted mean over cases of each case's share of passed runs (stats/rate.h); errors are left out of it and counted.
 * A requirement with a confidence is held against the one-sided limit of that confidence: passed when the lower limit reaches the
 * bound, failed when the upper one does not, else not enough evidence. Without a confidence the plain number is compared.
 * Without one it is a demand on these very cases, so a case that has no answer yet, or errors only, is counted both ways: the answer is
 * given when it is the same.
 * The run's verdict: inconclusive when more than max_errors of the runs ended in an error; failed when one requirement failed; else
 * inconclusive when one is, when the run was stopped early, or when there is no case; else passed.
 *
 * Rates that a judge decided are told twice: as it said, and as people would have said, by what is known of the judge
 * (summary_judge.c has the formula and when it refuses); a judge without a calibration is marked. A requirement with a confidence
 * uses the corrected rate where there is one; a plain one counts what was said of these cases. */
#ifndef QUALITY_SUMMARY_H
#define QUALITY_SUMMARY_H

#include "quality/result.h"
#include "quality/suite.h"

enum summary_verdict { SUMMARY_PASSED, SUMMARY_FAILED, SUMMARY_INCONCLUSIVE };
const char *summary_verdict_name(enum summary_verdict v);

/* What people's labels say of a judge (a row of store/evaluations.h, kind calibration). */
struct judge_calibration {
    struct slice judge;          /* name */
    struct digest identity;      /* judge_identity */
    double n;                    /* labels; fewer than JUDGE_LABELS_LEAST do not calibrate */
    double sensitivity, sensitivity_n, specificity, specificity_n;
    double kappa;
    int64_t at_us;
};
#define JUDGE_LABELS_LEAST 30

struct summary;
/* `repeat` and `planned` of the run, not the suite's. The suite must outlive it. */
struct summary *summary_new(const struct suite *s, unsigned repeat, size_t planned);
void summary_free(struct summary *s);
/* In any order; the same case and repeat again replaces the first. */
void summary_add(struct summary *s, const struct result *r);
void summary_calibration(struct summary *s, const struct judge_calibration *c);
/* Why not all that was planned was run (a cost cap, a person); NULL: it was. */
void summary_stopped(struct summary *s, const char *why);
/* Live numbers: results, failures, errors, cost of exchanges and judges. */
struct summary_counts {
    size_t done, passed, failed, errors;
    int64_t cost_nano, judge_cost_nano; /* sums of what is known */
    size_t unpriced;
};
struct summary_counts summary_counts(const struct summary *s);
/* Members of an object that is open: verdict, why (texts), pass_rate, interval, cases, runs, errors, cost_usd, by_tag,
 * requirements, needed_cases, judges, corrected, refusals, score, metrics, repeats (pass@k, pass^k), latency_ms, cost: docs/evaluation.md. */
enum summary_verdict summary_write(struct summary *s, struct json_writer *w);

/* "80", "99.5": never rounded up to 100 nor down to 0, and not onto `apart` (NAN: none) unless equal. */
void summary_percent(struct buffer *out, double x, double apart);

#endif
