/* pairs.h - of two answers to the same request, does one fail more often than the other: looked at after every pair, by betting.
 *
 * E = mean over bets k of the product over pairs of 1 + k (x / r0 - y), x and y 1 where the candidate's and the other's answer failed. If the
 * candidate's chance of failing is at most r0 times the other's, each factor has mean at most 1, whatever the two have in common and
 * however both change in time; so P(E ever reaches 1/alpha) <= alpha. (Waudby-Smith and Ramdas, "Estimating means of bounded random
 * variables by betting", JRSS B 2024; with r0 = 1 a sequential sign test of the discordant pairs.) */
#ifndef STATS_PAIRS_H
#define STATS_PAIRS_H

#include "stats/interval.h"

#include <stdint.h>

struct pair_counts {
    uint64_t candidate, other, both; /* pairs in which only the candidate failed, only the other, both */
};

/* ln E against "the ratio of the two rates is at most r0" (> 0). */
double pairs_log_e(const struct pair_counts *c, double r0);
/* Ratios that are not refuted on either side, each at alpha / 2: valid at all times together. {0, INFINITY}: little is known. */
struct interval pairs_ratio(const struct pair_counts *c, double alpha);

#endif
