/* rate.h - a suite's pass rate over cases that were run several times, and whether it is at least what was
 * asked: yes, no, or not enough evidence.
 *
 * The rate is the mean over cases of each case's share of passed runs. Of what, there are two questions.
 *
 * RATE_CASES_LIKE_THESE: the suite is a sample of what users will ask. Runs of a case resemble each other, so
 * that all runs together are worth `effective` independent trials, by Korn and Graubard 1998:
 *   effective = runs / deff * (t(runs - 1) / t(C - 1))^2,  deff = SE^2 / (p (1 - p) / (runs - 1)), at least 1
 * with SE of stats/mean.h over C clusters; no fewer than `units`, the independent cases (or families), and no
 * more than the runs. Clopper and Pearson's limits of (rate * effective, effective) follow. When all pass, SE
 * says nothing and effective is units: of ten cases that passed 100 times each the data is ten. And since no
 * data can say more for the rate than all-pass does, no lower limit is above that of `units` passes of
 * `units` (nor an upper one below that of none): a case that always fails may be among those that were not
 * drawn. Repeats do not replace cases: 0.90 at 95 % takes 29 of them.
 *
 * RATE_THESE_CASES: the suite is all that is asked (a fixed list that must work); chance is in the runs
 * alone, which are independent, and effective is their number. Clopper and Pearson's limits hold for a sum of
 * trials with different rates as well (Hoeffding 1956). It says nothing about any other case.
 *
 * For one run a case both are Clopper and Pearson's interval itself. */
#ifndef STATS_RATE_H
#define STATS_RATE_H

#include "stats/mean.h"

enum rate_scope { RATE_CASES_LIKE_THESE, RATE_THESE_CASES };

struct rate {
    double value;
    double runs, effective, design_effect; /* design_effect: runs / effective */
    double units;                          /* Kish's effective number of what is drawn: clusters, or runs */
    struct interval interval;              /* two-sided */
    size_t cases, clusters;
};

/* cases->value: each case's share of passed runs, runs[i] >= 1 how many it had (mean_by_case gives both);
 * NULL: one each. The scale is taken to be 0..1. No cases: value NAN, interval 0..1. Refused, all NAN: what
 * mean_estimate refuses, runs that are not finite or under 1. */
struct rate rate_of_cases(const struct sample *cases, const double *runs, enum rate_scope scope,
                          double confidence);

enum rate_answer { RATE_UNDECIDED, RATE_YES, RATE_NO };

struct rate_gate {
    enum rate_answer answer;
    double low,
        high; /* one-sided limits, each at the gate's confidence: YES: low >= asked, NO: high < asked */
    double
        needed; /* more cases; 0: settled; INFINITY: none would, or more than RATE_MOST runs; NAN: no data */
};

#define RATE_MOST 1e6

/* Is the rate at least `asked` (0..1)? A wrong YES, and a wrong NO, each have a chance of at most
 * 1 - confidence. No data is never a YES. asked = 1 is answered NO by any failure and YES by nothing: no
 * number of passes proves that none will fail; whoever means "all of these must pass" compares r->value
 * with 1.
 *
 * needed: so many more cases like these, run as often, that, should runs go on passing at the observed rate,
 * the answer is there with chance `power`. Exact binomial tails; about right, since they are a saw in n. */
struct rate_gate rate_at_least(const struct rate *r, double asked, double confidence, double power);

/* The same of independent trials: how many more after k of n. With n = 0 use rate_plan. */
double rate_needed(double k, double n, double asked, double confidence, double power);

/* Trials from which a true rate of `expected` is told from `asked` with chance `power`: the size of a new
 * suite (of cases; repeats of a case count as stats/proportion.h's design effect has it). */
double rate_plan(double expected, double asked, double confidence, double power);

#endif
