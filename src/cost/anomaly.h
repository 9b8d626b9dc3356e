/* anomaly.h - has the cost of a request moved, by how much, which meter moved it, and what came with it.
 *
 * For each request type of an application the logarithm of the daily cost per request is watched against its
 * own weekday (stats/shift.h), so traffic may grow as it likes. A day weighs N / (N + median N): thin days
 * say less. Each type is answered with one of three: NONE, SHIFTED, NOT_ENOUGH (too few days to see a change
 * of 50 % in a week).
 *
 * False alarms: the threshold is false_alarm_days * (types watched), so that the mean time to a false alarm
 * is at least `false_alarm_days` over all types together, and P(one within d days) <= d / false_alarm_days.
 * That holds for days that are independent and near log-normal given the weekday. Shifts below `min_effect`
 * are no finding whatever their certainty: they only start a new baseline.
 *
 * Which meter: Shapley contributions to the cost of one request (cost/factors.h), the days since the shift
 * against the days before it (the same weekdays where there are such). The input grew as `prompt` when a
 * prompt version or a system prompt took over with the shift, else as `context` (history, retrieval): token
 * counts do not tell them apart. */
#ifndef COST_ANOMALY_H
#define COST_ANOMALY_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/json.h"
#include "cost/factors.h"

/* METER(symbol, name, words when the cost rose by it, when it fell) */
#define ANOMALY_METER_TABLE(METER)                                                                           \
    METER(PROMPT, "prompt", "the prompt grew", "the prompt shrank")                                          \
    METER(CONTEXT, "context", "the context grew", "the context shrank")                                      \
    METER(ANSWERS, "answers", "answers grew", "answers shrank")                                              \
    METER(CACHE, "cache", "the cached share fell", "the cached share rose")                                  \
    METER(PRICE, "price", "the price rose", "the price fell")                                                \
    METER(MODEL, "model", "the model changed", "the model changed")

enum anomaly_meter {
#define METER(symbol, name, rose, fell) ANOMALY_##symbol,
    ANOMALY_METER_TABLE(METER)
#undef METER
        ANOMALY_METERS
};

struct anomaly_options {
    double false_alarm_days; /* wanted mean time between false alarms, all types together */
    double min_effect;       /* smallest change of the cost per request that is a finding, 0.05 is 5 % */
    int64_t min_requests;    /* priced requests that make a day count */
};
#define ANOMALY_DEFAULTS ((struct anomaly_options){365, 0.05, 20})

/* Whole days only, in the application's time zone. `day`: since 1970-01-01, any order, any number a day. */
struct anomaly_cell {
    int64_t day;
    struct cost_cell cell;
};

enum anomaly_verdict { ANOMALY_NONE, ANOMALY_SHIFTED, ANOMALY_NOT_ENOUGH };

struct anomaly_label {  /* a name whose part of the requests grew by a fifth or more in the days around the
                           shift */
    struct slice value; /* SLICE_NULL: none */
    double share_before, share_after;
};

struct anomaly_shift {
    int64_t first_day, alarm_day; /* likeliest first day; the day whose numbers raised the alarm */
    enum anomaly_meter meter;
    double before_nano, after_nano;     /* cost of a request */
    double contributions[COST_FACTORS]; /* nano-dollars of one request; sum to after - before */
    int64_t month_nano; /* (after - before) * priced requests a day since the shift * 365.25 / 12 */
    struct anomaly_label prompt, system_prompt, model;
    double statistic; /* on the alarm's day */
};

struct anomaly_type {
    struct slice application, request_type;
    enum anomaly_verdict verdict;
    size_t days;      /* that counted */
    int64_t requests; /* priced ones in them */
    int64_t unpriced;
    double statistic; /* now, of the days since the last shift */
    double threshold;
    double detectable; /* relative change that one week of it would raise an alarm by now; NAN: none would */
    struct anomaly_shift *shifts; /* oldest first */
    size_t n_shifts;
};

struct anomaly_report {
    struct anomaly_options options;
    struct anomaly_type *types; /* in order of application and request type */
    size_t n_types;
};

/* FAULT_TOO_LARGE: the arena is full. FAULT_BAD_REQUEST: options out of range. Names are borrowed from the
 * cells. */
enum fault anomaly_find(const struct anomaly_cell *cells, size_t n, const struct anomaly_options *options,
                        struct arena *arena, struct anomaly_report *ret, struct error *error) MUST_CHECK;

const char *anomaly_meter_name(enum anomaly_meter m);
const char *anomaly_words(const struct anomaly_shift *s); /* "answers grew" */

/* [{application, request_type, verdict, shifts: [...], evidence: {...}}] */
void anomaly_write_json(const struct anomaly_report *r, struct json_writer *w);

#endif
