/* anomaly_private.h - what anomaly.c looks with and anomaly_learn.c learns. */
#ifndef INCIDENT_ANOMALY_PRIVATE_H
#define INCIDENT_ANOMALY_PRIVATE_H

#include "base/table.h"
#include "incident/anomaly.h"
#include "stats/detect.h"

#define HOUR_US 3600000000LL
#define DAY_US (24 * HOUR_US)
#define HOURS 24
#define RECENT_CELLS 5

struct anomaly_model {           /* what is normal */
    bool known, counts;          /* counts: of a cell's exchanges; else cells themselves */
    double hours[HOURS];         /* counts: share that is normal; else the level of the signal */
    double margin, widened;      /* widened: by which factor, for the past's own alarms; 1: not */
    double days, values, per_month; /* learned from; values a month */
    unsigned past_alarms;        /* that its own days would still have raised */
    double threshold;
};
struct anomaly_series {
    struct digest rule;
    struct anomaly_model model;
    int64_t learned_us;
    struct detector detector;
    bool beyond;
    int64_t last_us;             /* end of the last cell that was taken */
    double recent_n[RECENT_CELLS], recent_hits[RECENT_CELLS];
    unsigned at;
};
struct anomaly_rule {            /* when it was learned last */
    struct digest rule;
    int64_t tried_us;
    bool known;                  /* one of its series has a baseline */
    bool too_much;               /* its past would be read exchange by exchange, and is too long for that */
    double days;                 /* most of a series */
};
struct anomalies {
    struct table series;         /* of struct anomaly_series, by digest and series */
    struct anomaly_rule *rules;
    unsigned n_rules;
    const void *policy;          /* whose rules they were when those that are gone were forgotten */
    char why[96];
};

struct anomaly_count { double n, hits; };
/* What of a cell counts, and of how much; n 0: nothing. */
struct anomaly_count anomaly_count(const struct anomaly_model *m, const struct signal_info *info, int64_t end_us, const struct signal_value *cell);
/* Normal at that hour, with its margin. */
double anomaly_limit(const struct anomaly_model *m, int64_t end_us);
/* True: an alarm. */
bool anomaly_detect(const struct anomaly_model *m, struct detector *d, int64_t end_us, struct anomaly_count c);
bool anomaly_is_counts(const struct signal_info *info);

struct past_cell { int64_t end_us; double value, n; };
/* `cells` by rising end. false: not enough, *ret_days tells how much there was. */
bool anomaly_model_learn(const struct alert_when *w, const struct past_cell *cells, size_t n, struct anomaly_model *ret, double *ret_days);

struct anomaly_series *anomaly_series_at(const struct anomalies *a, const struct digest *rule, const struct signal_series *series, bool make);

#endif
