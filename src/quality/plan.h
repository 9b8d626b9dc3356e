/* plan.h - how many cases a suite needs, before it is written and paid for. Pure.
 *
 * A rate: so many cases that one of `expected` is shown to be at least `at_least`, with chance `power`. With nothing failing it takes at
 * least log(1 - confidence) / log(at_least) of them; no number of repeats replaces these.
 * A difference: so many that a change of `difference` between two versions on the same cases is seen with chance `power`.
 *
 * How much repeats of a case help depends on how much they resemble each other, which only a run tells: correlation, 1 - within /
 * (p (1 - p)), 1 where a case always passes or always fails. Without a run both ends are given: `cases` is safe (repeats do not help),
 * `cases_at_best` holds when repeats of a case are as different as cases. Of a difference, the true one is taken to come from
 * cases that flip, all one way: a variance of d (1 - d) over cases; what goes both ways takes more. */
#ifndef QUALITY_PLAN_H
#define QUALITY_PLAN_H

#include <stdbool.h>

struct plan_question {
    double expected, at_least; /* 0..1; expected over at_least, or under it: so many that "no" is shown */
    double confidence, power;
    double difference;         /* NAN: not asked */
    unsigned repeat;           /* runs of each case */
    bool these_cases;          /* the suite is all there is (stats/rate.h): each run counts as a case does */
    double within;             /* mean variance of the runs of a case (mean_within_case); NAN: no run says */
};

struct plan { /* cases, rounded up; NAN: refused; INFINITY: none would do */
    double cases, cases_at_best;
    double fewest;             /* even if none fails; 0 where `expected` is under `at_least` */
    double correlation;        /* NAN: not known */
    double difference_cases, difference_at_best; /* NAN: not asked */
};
struct plan plan_suite(const struct plan_question *q);
/* The smallest difference that so many cases show with chance `power`. NAN: none. */
double plan_detectable(const struct plan_question *q, double cases);

#endif
