/* power.h - how many cases a comparison needs, and the smallest difference that so many can show.
 *
 * Two-sided tests of size `alpha` with chance `power` to see a true difference, by normal approximation.
 * Cases come as real numbers: round up. The inverse (..._effect) is the minimum detectable effect: it goes
 * beside every comparison, because "no evidence" from few cases is no evidence of no difference. NAN:
 * refused, or (an effect) that not even the largest there can be would be seen. */
#ifndef STATS_POWER_H
#define STATS_POWER_H

struct power_level {
    double alpha; /* 0..1, such as 0.05 */
    double power; /* 0.5..1, such as 0.8 */
};

/* Scores of the same cases under two versions (Miller 2024, arXiv 2411.00640):
 *   n = (z_(alpha/2) + z_power)^2 (between + within_a / runs_a + within_b / runs_b) / difference^2 */
struct power_paired {
    double between;            /* variance over cases of the true difference per case */
    double within_a, within_b; /* mean variance of one run within a case */
    double runs_a, runs_b;     /* of each case, >= 1: they help only until within / runs << between */
};

/* From an earlier comparison: the variance over cases of candidate - baseline, and mean_within_case of both.
 * What the runs' own chance does not explain is between, at least 0. */
struct power_paired power_paired_from(double variance, double within_a, double within_b, double runs_a,
                                      double runs_b);

double power_paired_cases(const struct power_paired *p, double difference, struct power_level level);
double power_paired_effect(const struct power_paired *p, double cases, struct power_level level);

/* Pass or fail, one run each (McNemar's test; Connor 1987):
 *   n = (z_(alpha/2) sqrt(psi) + z_power sqrt(psi - d^2))^2 / d^2
 * with psi the share of `discordant` cases, on which the versions differ. |d| <= psi, or NAN. The exact
 * test's power there is a little lower: .76 to .79 for .80, with 30 to 1,000 pairs, 5 to 40 % discordant. */
double power_mcnemar_pairs(double discordant, double difference, struct power_level level);

/* Where all discordant cases would have to go one way and the share is still smaller than such an effect, the
 * share is taken to be the effect. */
double power_mcnemar_effect(double discordant, double pairs, struct power_level level);

/* Two unpaired rates, cases of each arm (Fleiss, Levin, Paik 2003, ch. 4, without continuity correction; as
 * R's power.prop.test), with p their mean:
 *   n = (z_(alpha/2) sqrt(2 p (1 - p)) + z_power sqrt(a (1 - a) + b (1 - b)))^2 / (a - b)^2 */
double power_rates_cases(double rate_a, double rate_b, struct power_level level);

#endif
