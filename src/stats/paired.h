/* paired.h - is a candidate better than a baseline on the same cases: better, worse, or no evidence.
 *
 * Everything rests on the differences per case, candidate - baseline; two intervals of the two rates side by
 * side would lose what they have in common. All scores 0 or 1, no weights, no clusters: McNemar's exact test
 * with Tango's interval. Else the per-case means' differences: paired bootstrap (BCa), and under
 * PAIRED_BOOTSTRAP_LEAST clusters Student's t. Coverage found in 3,000 simulations at 95 %, BCa and t:
 *   five runs of cases that mostly agree   10 cases .85 .96   30: .92 .95   50: .94 .96   100: .94 .95
 *   a tenth of the cases moves by 0.8      10 cases .63 .64   30: .93 .91   50: .96 .90   100: .96 .94
 * so no method sees from a few cases a change that few cases carry.
 *
 * The verdict is BETTER or WORSE when p <= 1 - confidence, and else NO_EVIDENCE, which is never "equal":
 * beside it stand the smallest difference that so many cases would probably have shown, and how many more
 * would settle a difference as large as the one observed. */
#ifndef STATS_PAIRED_H
#define STATS_PAIRED_H

#include "stats/bootstrap.h"

#define PAIRED_BOOTSTRAP_LEAST 50 /* clusters */

enum paired_method { PAIRED_NONE, PAIRED_MCNEMAR, PAIRED_T, PAIRED_BOOTSTRAP };
enum paired_verdict { PAIRED_NO_EVIDENCE, PAIRED_BETTER, PAIRED_WORSE };

struct paired_question {
    const double *baseline, *candidate; /* mean score of each case, 0..1 (mean_by_case) */
    const double *weight;               /* as in struct sample */
    const uint32_t *cluster;            /* likewise */
    size_t n;                           /* cases that have both */
    double confidence, power;
    unsigned resamples; /* such as BOOTSTRAP_RESAMPLES */
    uint64_t seed;
};

struct paired_result {
    enum paired_method method; /* NONE: refused (scores off 0..1, ...) or no case; all numbers NAN */
    enum paired_verdict verdict;
    double difference, p_value;
    struct interval interval;
    double minimum_detectable;             /* with `power`; NAN: so few cases show none */
    double needed;                         /* more cases; 0: settled; INFINITY: no difference was observed */
    size_t cases, clusters, higher, lower; /* cases on which the candidate's score is higher, is lower */
};

struct paired_result paired_compare(const struct paired_question *q);

/* McNemar's test of b and c discordant pairs: exact (conditional; two-sided min(1, 2 P(X <= min(b, c))) with
 * X of b + c fair coins), and its mid-p version (Fagerland, Lydersen, Laake 2013), less conservative, which
 * at 0.05 errs in up to 0.077 for a given number of discordant pairs (16). No discordant pair: 1. */
struct paired_mcnemar {
    double exact, mid_p;
};
struct paired_mcnemar paired_mcnemar(double b, double c);

/* (b - c) / n: Tango's score interval (1998), from those d at which the score
 *   (b - c - n d) / sqrt(n (2 q + d (1 - d)))
 * with q the share of c that is likeliest given d, is within z. n = 0: -1..1. NAN: b + c > n. */
struct interval paired_tango(double b, double c, double n, double confidence);

#endif
