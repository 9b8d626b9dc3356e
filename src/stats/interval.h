/* interval.h - what the rest of stats/ answers with. NAN: not known, from too little data or because the
 * input was refused; never zero in place of unknown. */
#ifndef STATS_INTERVAL_H
#define STATS_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>

struct interval {
    double low, high;
};

struct estimate {
    double value;
    double se;                /* standard error */
    double df;                /* degrees of freedom of Student's t behind the interval; INFINITY: normal */
    struct interval interval; /* at the confidence that was asked for */
    size_t n, clusters;       /* values, and how many of them (or groups of them) are independent */
};

/* A confidence is given as 0.95, and is refused unless 0 < confidence < 1. */
static inline bool interval_confidence(double confidence) {
    return confidence > 0 && confidence < 1;
}

#endif
