/* watch_latency_private.h - what is remembered of one request type's latency. Private to quality/watch_latency*.c. */
#ifndef QUALITY_WATCH_LATENCY_PRIVATE_H
#define QUALITY_WATCH_LATENCY_PRIVATE_H

#include "base/table.h"
#include "quality/watch_latency.h"
#include "stats/detect.h"

#define WINDOW_CELLS 30          /* of ten seconds, and the cell that is filling */
enum { CONTEXTS = 6, QUANTILES = 6 };

struct latency_like {            /* one request type and input size */
    struct histogram normal[2], block; /* microseconds; this week's and the one's before */
    int64_t p95_us;              /* 0: not known */
};
struct latency_cell { int64_t at; uint32_t n[QUANTILES], over[QUANTILES], slow, known; };
struct latency_series {
    char *application, *request_type;
    struct latency_like likes[CONTEXTS];
    struct latency_cell cells[WINDOW_CELLS + 2];
    int64_t budgets[QUANTILES];  /* that the cells were counted against */
    int64_t since_us, block_us, refused_us; /* of this week; of the block; blocks have been refused since */
    double block_known, block_slow, trials; /* trials: learned in all */
    uint64_t fresh, fresh_slow;  /* since the last look */
    struct detector rise;
    bool ready;
    int64_t worse_us, over_us[QUANTILES]; /* found since */
    double worse_known, worse_slow; /* of all since worse_us */
    int64_t week_us;             /* the same of a week since then, that begins here */
    double week_known, week_slow;
};
struct watch_latency { struct table by_name; };

struct latency_series *latency_series_of(struct watch_latency *w, struct slice application, struct slice type); /* made if need be; NULL: no room */
void latency_series_learned(struct latency_series *s); /* what follows from the baseline, anew */

#endif
