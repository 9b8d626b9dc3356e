/* failures.h - does one of two arms fail more often, looked at after every exchange: e-processes conditional on failures.
 *
 * When arms are drawn with a known weight, a failure comes from the candidate with chance w r / (w r + 1 - w), r the ratio of their
 * failure rates, whatever that rate is at the time: a provider's outage and a daily cycle hit both. So only failures are counted.
 * (Lindon and Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022, arXiv 2011.03567.) */
#ifndef STATS_FAILURES_H
#define STATS_FAILURES_H

#include "stats/interval.h"

#include <stdint.h>

struct failure_cell { /* while the candidate had this share of both arms' traffic */
    double weight;    /* 0 < weight < 1; others are passed over: they say nothing about the ratio */
    uint64_t candidate, control; /* failures */
};

/* ln E against "the ratio is at most r0": a mixture over 201 ratios, log-spaced over 1/4..16, of those above r0, equally
 * weighted. Under it, for weights that change as they like, P(E ever reaches 1/alpha) <= alpha. */
double failures_log_e(const struct failure_cell *cells, unsigned n, double r0);
/* All r0 that neither side refutes at alpha: valid at all times together. {0, INFINITY} when little is known. */
struct interval failures_ratio(const struct failure_cell *cells, unsigned n, double alpha);
/* Most likely ratio; NAN: no failures. */
double failures_ratio_estimate(const struct failure_cell *cells, unsigned n);

/* The closed form of one weight against "the ratio is 1", with the conjugate beta mixture kappa: ln E. */
double failures_log_e_beta(double weight, double kappa, uint64_t candidate, uint64_t control);
/* Were units given to arms as they should have been: ln E of counts against expected shares (they sum to 1), Dirichlet mixture
 * `concentration`. Sample-ratio mismatch: at least ln(1/alpha). */
double ratio_mismatch_log_e(const uint64_t *counts, const double *expected, unsigned n, double concentration);
/* How many more failures (both arms) would settle "above r0" if the ratio goes on as estimated; INFINITY: no number. */
double failures_needed(const struct failure_cell *cells, unsigned n, double r0, double weight, double alpha);

#endif
