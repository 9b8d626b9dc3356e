/* weighted.h - means of a population of which each member was scored with a known chance.
 *
 * Online scoring samples: every record with a rate, request types at rates of their own, all that meet some
 * condition. A mean over what happened to be scored would describe the rule, not the traffic; each value
 * counts 1 / pi, pi the probability with which its record was taken. Records are taken independently of each
 * other (Poisson sampling; Horvitz and Thompson 1952; Sarndal, Swensson, Wretman 1992):
 *   total         t = sum y / pi                    V = sum (1 - pi) y^2 / pi^2
 *   mean (Hajek)  m = (sum y / pi) / (sum 1 / pi)   V = n/(n-1) sum (1 - pi) (y - m)^2 / pi^2 / (sum 1/pi)^2
 * V is about these very records: at pi = 1 nothing was left to chance. About what made them (is the service
 * worse than last week?) the records are themselves a sample and the factor 1 - pi goes: WEIGHTED_PROCESS. */
#ifndef STATS_WEIGHTED_H
#define STATS_WEIGHTED_H

#include "stats/mean.h"

enum weighted_about { WEIGHTED_RECORDS, WEIGHTED_PROCESS };

struct weighted_sample {
    const double *value;
    const double *probability; /* 0 < pi <= 1 */
    size_t n;
    double least, most; /* the scale's ends; both 0: not known */
};

/* Intervals are Student's t with n - 1 degrees of freedom, cut to the scale; one value: se NAN. Refused, all
 * NAN: no value, what is not finite or is off the scale, a probability outside (0, 1]. Where all values are
 * equal the mean's interval is mean_estimate's rule with Kish's effective size (for pi = 1 and
 * WEIGHTED_RECORDS: the value itself). Whoever needs limits near 0 or 1 takes rate_of_cases with weights
 * 1/pi. clusters: n. */
struct estimate weighted_mean(const struct weighted_sample *s, enum weighted_about about, double confidence);

/* The same mean from sums that are kept of many values, w = 1 / pi each: of w, w y, w^2, w^2 y and w^2 y^2. WEIGHTED_PROCESS. */
struct weighted_sums {
    double n, w, wy, w2, w2y, w2y2;
};
void weighted_sums_add(struct weighted_sums *into, const struct weighted_sums *from);
struct estimate weighted_of_sums(const struct weighted_sums *s, double least, double most, double confidence);

/* The total, such as of records with a refusal; normal interval, not cut, NAN where no value but 0 was seen
 * and not all were scored. About these records. */
struct estimate weighted_total(const struct weighted_sample *s, double confidence);

/* Strata whose sizes are known (records by request type), each sampled evenly: the mean over all is
 * sum N_h/N y_h, V = sum (N_h/N)^2 (1 - n_h/N_h) s_h^2/n_h; what is known makes it surer than weighted_mean.
 */
struct weighted_stratum {
    double population; /* N_h >= n; a stratum of 0 is passed over */
    size_t n;
    double mean, variance; /* of the n values; variance with n - 1 below; not read for n < 1 and n < 2 */
};

/* value NAN: a stratum was not sampled at all, so that part of the population is unknown. se NAN: one has a
 * single value and more members. The interval is NAN where no stratum's values differ, unless all were
 * scored. df by Satterthwaite 1946. */
struct estimate weighted_strata(const struct weighted_stratum *strata, size_t n, enum weighted_about about,
                                double confidence);

#endif
