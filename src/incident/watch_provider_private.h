/* watch_provider_private.h - what is remembered of one provider or upstream model. Private to incident/watch_provider*.c. */
#ifndef INCIDENT_WATCH_PROVIDER_PRIVATE_H
#define INCIDENT_WATCH_PROVIDER_PRIVATE_H

#include "base/histogram.h"
#include "base/table.h"
#include "incident/watch_provider.h"
#include "stats/detect.h"

#define PROVIDER_SERIES 2000     /* providers and their models: names of the configuration */
#define PROVIDER_CELL_US 10000000LL
#define PROVIDER_CELLS 16u       /* at least the last 150 s */
#define PROVIDER_CONTEXTS 6u     /* as signal_context has them, and "not counted" */
#define PROVIDER_LEAST 200.0     /* trials, or first tokens of one input size: fewer are no baseline */
#define PROVIDER_RISE_MARGIN 0.01 /* a failure rate that is higher by no more is no finding */
#define PROVIDER_PROBE_BASE 1000 /* probes that the rate of theirs is taken of, about */

enum provider_cause { CAUSE_SERVER, CAUSE_LIMITED, CAUSE_TIMEOUT, CAUSE_CONNECT, CAUSE_BROKEN, CAUSE_AUTH, PROVIDER_CAUSES };

struct provider_cell {
    int64_t at;                  /* number of the cell since 1970 */
    int32_t n, causes[PROVIDER_CAUSES], first, slow; /* trials; first tokens, and those that were slow among their like */
    int status;                  /* of the last that failed by CAUSE_SERVER */
    int64_t last_us;
};
struct provider_sums { double n, failed, causes[PROVIDER_CAUSES], first, slow; int status; int64_t last_us; };

struct provider_block {          /* of a minute while little is known, of ten later */
    int64_t since_us, to_us;     /* 0: none */
    double n, failed, first, slow;
    struct histogram ttft[PROVIDER_CONTEXTS]; /* microseconds */
};
struct provider_normal {         /* two of them: this week's and the one's before */
    int64_t since_us;
    double n, failed;
    struct histogram ttft[PROVIDER_CONTEXTS];
};
struct provider_series {
    char *provider, *model;      /* model "": all of the provider's */
    struct provider_cell cells[PROVIDER_CELLS];
    struct provider_block block;
    struct provider_normal normal[2];
    int64_t refused_since_us;    /* blocks have been surely worse than normal since; 0 */
    int64_t slow_us[PROVIDER_CONTEXTS]; /* P95 of normal; 0: not known */
    int64_t normal_p95_us;       /* of all input sizes; 0: not known */
    double normal_high;          /* provider_normal_high; 0: nothing was learned */
    struct detector rise;
    bool rises, rise_ready;      /* rises: the detector has found it */
    int64_t minute;              /* the last one that the detector has had */
    unsigned good;               /* trials in a row that did not fail, as they came */
    int64_t failing_us, slow_since_us, seen_us; /* 0: not so; seen: when anything was last known */
    struct provider_sums worst;  /* since failing_us: the minute least like normal */
    int64_t worst_us;
    bool with_whole;             /* of a model: its provider failed with it */
    double probes, probes_failed;
    double probe_high;           /* failure rate of probes that is held normal; 0: to be computed */
    int64_t probe_us;            /* the newest that was counted */
};
struct watch_provider {
    struct table by_name;        /* "provider\nmodel" -> struct provider_series */
    unsigned left_out;
};

/* NULL: there is no room, or (without `add`) no such series. */
struct provider_series *provider_series_of(struct watch_provider *w, struct slice provider, struct slice model, bool add);
void provider_series_sums(const struct provider_series *s, int64_t now_us, unsigned cells, struct provider_sums *ret);
double provider_series_trials(const struct provider_series *s);   /* of the baseline */
double provider_series_failures(const struct provider_series *s);
void provider_series_learned(struct provider_series *s);          /* what follows from the baseline anew: slow_us, normal_high */
double provider_normal_high(const struct provider_series *s);     /* failure rate that is held normal: upper limit of the baseline's, or the generic one */
const char *provider_cause_words(enum provider_cause c);
enum provider_cause provider_cause_of(enum fault f);              /* PROVIDER_CAUSES: not a failure of the provider's */

/* What one row says, before it is put into words. */
struct provider_ground {
    const struct provider_series *series, *whole; /* whole: the provider's, of a model; else NULL */
    struct provider_sums sums;   /* of the last minute */
    double normal;               /* failure rate that is held normal */
    bool learned;                /* from the baseline */
    const struct provider_seen *seen; /* NULL: nothing is known of probes and pages; models: NULL */
    unsigned probes, probes_failed; /* of the last minutes */
    enum provider_cause cause;   /* of most failures */
    unsigned asked, reached;     /* other hosts outside, and how many of them answered */
    unsigned run;                /* newest probes that failed in a row */
    bool by_rise;
};
/* words and evidence of h. */
void provider_tell(struct provider_health *h, const struct provider_ground *g, struct signals *s, int64_t now_us, struct arena *arena);

#endif
