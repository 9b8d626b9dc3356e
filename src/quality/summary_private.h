/* summary_private.h - the inside of a summary, shared by the files summary*.c. */
#ifndef QUALITY_SUMMARY_PRIVATE_H
#define QUALITY_SUMMARY_PRIVATE_H

#include "base/table.h"
#include "quality/judged.h"
#include "quality/summary.h"
#include "stats/rate.h"

#define SUMMARY_NONE UINT32_MAX
#define SUMMARY_CONFIDENCE 0.95 /* of what is displayed */
#define SUMMARY_POWER 0.8       /* "so many more cases would settle it" comes true this often */

enum row_flag {
    ROW_REFUSED = 1,
    ROW_OTHERS = 2,        /* has counting checks that no judge decides */
    ROW_OTHERS_FAILED = 4, /* one of them failed */
    ROW_JUDGED = 8,        /* exactly one counting check by judge, not negated: extra of kind EXTRA_JUDGE */
    ROW_ENTANGLED = 16,    /* several, a negated one, or a weighted score decides: nothing can be corrected */
};

/* One result as statistics see it: kept for all results of a run, so small. */
struct row {
    uint32_t case_at, next; /* of the same case */
    uint32_t extras;        /* chain of struct extra */
    uint16_t repeat;
    uint8_t verdict, flags;
    float score;
    uint32_t latency_us;    /* UINT32_MAX: unknown */
    int64_t cost_nano, judge_cost_nano;
};

enum extra_kind { EXTRA_JUDGE, EXTRA_METRIC };
struct extra {
    uint32_t next, of; /* index of the judge or metric */
    uint8_t kind, verdict;
    bool counts; /* of a judge: its check has a weight */
    float score;
};

struct judge_seen { /* one name and identity: a judge with a rubric */
    struct slice name;
    struct digest identity;
    bool has_calibration;
    struct judge_calibration calibration;
};

struct summary {
    const struct suite *suite;
    unsigned repeat;
    size_t planned;
    uint32_t *first;   /* of each case: its newest row */
    uint32_t *cluster; /* of each case: its family's number, or its own */
    bool clustered;
    struct row *rows;
    size_t n_rows, rows_capacity;
    struct extra *extras;
    size_t n_extras, extras_capacity;
    uint32_t free_extra;
    struct judge_seen *judges;
    size_t n_judges, judges_capacity;
    struct slice *metrics;
    size_t n_metrics, metrics_capacity;
    struct table by_identity, by_metric; /* index + 1 */
    struct judge_calibration *calibrations;
    size_t n_calibrations, calibrations_capacity;
    char *stopped;
    struct summary_counts counts;
};

/* ---- summary_rate.c: a number of each case, and the rate over cases ---- */

/* False: this run does not count for it. `of`: index of a judge or metric. */
typedef bool (*summary_value)(const struct summary *s, const struct row *r, uint32_t of, double *ret);
bool summary_passed(const struct summary *s, const struct row *r, uint32_t of, double *ret);
bool summary_score(const struct summary *s, const struct row *r, uint32_t of, double *ret);
bool summary_refused(const struct summary *s, const struct row *r, uint32_t of, double *ret);
bool summary_metric(const struct summary *s, const struct row *r, uint32_t of, double *ret);
bool summary_judged(const struct summary *s, const struct row *r, uint32_t of, double *ret);

struct cases_of { /* which cases; at NULL: all of the suite */
    const uint32_t *at;
    size_t n;
    struct slice tag; /* to name them */
};

struct case_rates {
    double *value, *weight, *runs; /* of each case with a run that counts */
    uint32_t *cluster, *of;        /* of: index of the case in the suite */
    size_t n;
    bool weighted, clustered;
    bool once;                     /* one run each */
    double passed;                 /* sum of values over runs */
    size_t cases, results, errors; /* cases with a result; results and errors among them */
    size_t blank;                  /* cases with errors only */
    size_t unasked;                /* cases of which nothing came yet, where the run is not whole */
    double lowest, highest;        /* the plain rate if all that is missing failed, passed */
};
void case_rates_of(const struct summary *s, const struct cases_of *of, summary_value value, uint32_t about, struct case_rates *ret);
void case_rates_free(struct case_rates *c);
struct sample case_rates_sample(const struct case_rates *c);
struct rate case_rates_rate(const struct summary *s, const struct case_rates *c, double confidence);
struct estimate case_rates_mean(const struct case_rates *c, double confidence);
bool summary_is_whole(const struct summary *s);

/* Cases of one `cluster` get one number below n_cases, others one each; false: no case has a cluster. */
bool summary_families(const struct suite *suite, uint32_t *ret);
/* The same families of some of the cases, numbered from 0; how many there are. `most`: above each of the old numbers. */
uint32_t summary_families_again(uint32_t *family, size_t n, size_t most);

/* The suite's tags in the order of the file, with their cases. */
struct tag_cases {
    struct slice tag;
    uint32_t *at;
    size_t n, capacity;
};
struct tag_cases *summary_tags(const struct suite *s, size_t *ret_n);
void summary_tags_free(struct tag_cases *t, size_t n);

/* ---- summary_judge.c ---- */

enum judged_by { JUDGED_BY_NONE, JUDGED_BY_UNCALIBRATED, JUDGED_BY_CALIBRATED };
struct corrected {
    enum judged_by judged;
    bool possible;           /* else `why` says why not */
    double value;
    struct interval interval; /* two-sided at the confidence asked for */
    uint32_t judge;          /* index; SUMMARY_NONE: several */
    double decided;          /* share of the runs that the judge decided */
    const char *why;
};
enum judged_why summary_trust(const struct judge_seen *j); /* CORRECTED: it is calibrated */
enum judged_by summary_judged_by(const struct summary *s, const struct case_rates *c); /* by any judge in these cases */
/* `scale`: the runs and cases are taken for so many times as many (planning); 1. */
void summary_correct(const struct summary *s, const struct cases_of *of, double confidence, double scale, struct corrected *ret);

/* ---- summary_require.c ---- */

enum requirement_answer { REQUIREMENT_YES, REQUIREMENT_NO, REQUIREMENT_UNDECIDED };
struct requirement_result {
    enum requirement_answer answer;
    double value, low, high, needed; /* NAN: unknown; needed INFINITY: none would settle it */
    size_t cases, runs;
    struct corrected corrected;
    bool is_corrected;
    struct buffer text, why;
};
void summary_require(const struct summary *s, const struct suite_requirement *q, const struct cases_of *of, struct requirement_result *ret);
void requirement_result_deinit(struct requirement_result *r);
/* What a suite that requires nothing requires. */
extern const struct suite_requirement summary_default;

#endif
