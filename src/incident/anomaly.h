/* anomaly.h - the test `anomaly` of a rule: is this series beyond what is normal for it, by its own past, with as few false alarms as were asked
 * for.
 *
 * A series is looked at in cells (a fifth of the rule's window, 1 min to 1 h), each once, when it is complete. What is counted in a cell:
 *   COUNTS  shares and means of 0..1: hits of n exchanges, attempts or scores (of a mean: its sum; where less is worse, the rest)
 *   CELLS   quantiles, other means and sums: one value a cell, whether it lay beyond what nine of ten cells of that hour of the day lay within
 * and an e-detector over these (stats/detect.h) holds it against the baseline: for each hour of the day (UTC) the share in the days that the
 * baseline was learned from, with a margin: its uncertainty, what hours vary beyond chance, and a tenth. Where the baseline's own days
 * would still have raised more alarms than wanted the margin grows until they do not (`widened`). Threshold of the statistic: values a month
 * over alarms a month.
 *
 * A cell is complete when its hour has struck and all that belongs to it is in the ledger; of scores, which come behind their exchanges and are booked
 * when these were made, ANOMALY_SCORES_LATE_US later: what comes later still is not seen.
 *
 * Without a baseline (ANOMALY_LEAST_DAYS of days with data) nothing is observed, and why is told. Beyond, it stays so until the last five cells
 * together are within the limit; then the detector begins anew. One thread. */
#ifndef INCIDENT_ANOMALY_H
#define INCIDENT_ANOMALY_H

#include "base/json.h"
#include "incident/alerting.h"
#include "incident/history.h"

#define ANOMALY_LEAST_DAYS 2.0
#define ANOMALY_LEAST_CELLS 48
#define ANOMALY_SCORES_LATE_US 600000000LL
#define LIMIT_ANOMALY_SERIES 2000     /* of all rules; further ones have no baseline, and it is told: some 600 bytes each */

struct anomalies;
struct anomalies *anomalies_new(void);
void anomalies_free(struct anomalies *a);
/* Baselines and detectors as kept: a JSON object. It changes with each cell; to keep it once in a few minutes is enough. */
void anomalies_write(const struct anomalies *a, struct json_writer *w);
enum fault anomalies_read(struct anomalies *a, struct slice json, struct error *error) MUST_CHECK;

/* ---- learning: reads the past, may take seconds ---- */
/* The rule whose turn it is (never learned: at once; no baseline yet: each 10 min; else once a day); NULL: none. Rules that are gone are forgotten. */
const struct alert_rule *anomalies_due(struct anomalies *a, const struct alert_policy *p, int64_t now_us);
/* Of each series the days from three weeks to one week ago, or, where that is too little, all up to an hour ago. What fires keeps its baseline. */
enum fault anomalies_learn(struct anomalies *a, const struct alert_rule *r, const struct history *past, int64_t now_us, struct error *error) MUST_CHECK;

/* ---- looking ---- */
struct anomaly_look {
    enum alert_observed observed; /* NOTHING: no baseline, or no data */
    double value, n;              /* share since the likeliest beginning while beyond, else of the last five cells; of so many values */
    double limit;                 /* what is normal now; in CELLS a share of cells */
    double level;                 /* CELLS: of the signal, beyond which a cell counts; else NAN */
    double statistic, threshold;  /* of the detector */
    const char *why;              /* NOTHING: "no baseline yet: 0.4 days of 2"; until the next look; else NULL */
};
/* `v`: the rule's view, at `now_us`; all exchanges that ended by then have come. */
struct anomaly_look anomaly_look(struct anomalies *a, const struct alert_rule *r, struct signal_view *v, const struct signal_series *series,
                                 int64_t now_us);
/* Members of an alert's evidence: statistic, threshold, limit, and of what baseline; what was promised, and after how many cells twice the
 * limit would be found. */
void anomaly_evidence(const struct anomalies *a, const struct alert_rule *r, const struct signal_series *series, struct json_writer *w);

/* The same over a cell that the caller has; for replays. Cells of one series, by rising end. */
struct anomaly_look anomaly_take(struct anomalies *a, const struct alert_rule *r, const struct signal_series *series, int64_t end_us,
                                 const struct signal_value *cell);
int64_t anomaly_cell_us(const struct alert_when *w);

#endif
