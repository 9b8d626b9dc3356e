/* series.h - metrics over time, as the console draws them: one table of metrics, points with what they rest on. Private to control/.
 *
 * Read from rollups (store/ledger.h) and from sums of scores (store/scored_sums.h), never from single records. A point's interval holds the true
 * value with 95 %: Wilson's of a share, Student's t of a mean, order statistics of a quantile (stats/quantile.h). Unknown is NAN: a mean of
 * nothing, all before the first record and all that is still to come. A count of a step in which nothing came is 0. Scores are kept by the hour:
 * with shorter steps the hour's stands at the one in which it begins; by model and provider they are not kept. */
#ifndef CONTROL_SERIES_H
#define CONTROL_SERIES_H

#include "base/json.h"
#include "stats/weighted.h"
#include "store/evaluations.h"
#include "store/ledger.h"

/* METRIC(symbol, name, unit, quantile in 1/1000 (0: none), histogram, meaning) */
#define SERIES_TABLE(METRIC)                                                                                                             \
    METRIC(REQUESTS, "requests", "count", 0, 0, "exchanges, refused ones included")                                                     \
    METRIC(ERRORS, "errors", "count", 0, 0, "ended in error or were served degraded")                                                   \
    METRIC(ERROR_RATE, "error_rate", "share", 0, 0, "errors, of those not refused and not cancelled")                                    \
    METRIC(REFUSED, "refused", "count", 0, 0, "refused by us: key, limit, budget, malformed")                                            \
    METRIC(TRUNCATED_RATE, "truncated_rate", "share", 0, 0, "broke off after output had been relayed, of those not refused and not cancelled") \
    METRIC(COST, "cost", "usd", 0, 0, "known cost")                                                                                     \
    METRIC(COST_PER_REQUEST, "cost_per_request", "usd", 0, 0, "mean known cost of an exchange")                                          \
    METRIC(INPUT_TOKENS, "input_tokens", "tokens", 0, 0, "as far as providers reported them")                                            \
    METRIC(OUTPUT_TOKENS, "output_tokens", "tokens", 0, 0, "as far as providers reported them")                                          \
    METRIC(LATENCY_P50, "latency.p50", "ms", 500, ROLLUP_DURATION, "whole exchange, of all but refused ones")                            \
    METRIC(LATENCY_P90, "latency.p90", "ms", 900, ROLLUP_DURATION, "whole exchange, of all but refused ones")                            \
    METRIC(LATENCY_P95, "latency.p95", "ms", 950, ROLLUP_DURATION, "whole exchange, of all but refused ones")                            \
    METRIC(LATENCY_P99, "latency.p99", "ms", 990, ROLLUP_DURATION, "whole exchange, of all but refused ones")                            \
    METRIC(TTFT_P50, "ttft.p50", "ms", 500, ROLLUP_FIRST_TOKEN, "to the first relayed output of streams")                                \
    METRIC(TTFT_P90, "ttft.p90", "ms", 900, ROLLUP_FIRST_TOKEN, "to the first relayed output of streams")                                \
    METRIC(TTFT_P95, "ttft.p95", "ms", 950, ROLLUP_FIRST_TOKEN, "to the first relayed output of streams")                                \
    METRIC(TTFT_P99, "ttft.p99", "ms", 990, ROLLUP_FIRST_TOKEN, "to the first relayed output of streams")                                \
    METRIC(PER_TOKEN_P50, "per_token.p50", "ms", 500, ROLLUP_PER_TOKEN, "for each output token behind the first")                        \
    METRIC(PER_TOKEN_P95, "per_token.p95", "ms", 950, ROLLUP_PER_TOKEN, "for each output token behind the first")                        \
    METRIC(CACHE_HITS, "cache_hits", "count", 0, 0, "answered with an answer that was kept")                                             \
    METRIC(SAVED, "saved", "usd", 0, 0, "what kept answers had cost that were given again")                                              \
    METRIC(QUALITY, "quality", "score", 0, 0, "mean score (0..1) of scored traffic, weighted by how records were drawn; quality.METRIC: of one check")

enum series_metric {
#define METRIC(symbol, name, unit, quantile, histogram, meaning) SERIES_##symbol,
    SERIES_TABLE(METRIC)
#undef METRIC
        SERIES_METRICS
};

struct series_ask {
    enum series_metric metric;
    struct slice name; /* as it was asked for */
    struct slice of;   /* of QUALITY: one check; SLICE_NULL: all together */
};
bool series_ask_parse(struct slice name, struct series_ask *ret); /* borrows; false: no such metric */
const char *series_name(enum series_metric m);
const char *series_unit(enum series_metric m);
unsigned series_without(enum series_metric m); /* histograms that it is not made of (struct rollup_query) */
#define SERIES_NAMES_TEXT 512
void series_names(char out[SERIES_NAMES_TEXT]); /* all, for messages */

struct series_point {
    double value, n, low, high; /* NAN: not known */
};
#define SERIES_UNKNOWN ((struct series_point){NAN, 0, NAN, NAN})
/* Of a rollup; QUALITY is none of its. An empty one has counts of 0. */
struct series_point series_of_rollup(enum series_metric m, const struct rollup *r);
struct series_point series_of_scores(const struct weighted_sums *s);

enum series_by { SERIES_BY_NOTHING, SERIES_BY_APPLICATION, SERIES_BY_REQUEST_TYPE, SERIES_BY_MODEL, SERIES_BY_PROMPT, SERIES_BY_PROVIDER };
bool series_by_parse(struct slice name, enum series_by *ret);

#define SERIES_ASKS 12
#define SERIES_STEPS 500 /* points of one series */
struct series_query {
    int64_t from_us, to_us, step_us; /* whole steps (series_align) */
    int64_t now_us;                  /* what begins after it is not known */
    enum series_by by;
    struct slice application, request_type, model, provider, prompt; /* SLICE_NULL: any; prompt: name or name@version */
    struct series_ask asks[SERIES_ASKS];
    unsigned n_asks;
};
/* A step for a window that was not given one: the shortest that is kept in few rows and gives at most some 400 points. */
int64_t series_choose_step(const struct series_query *q);
/* Widens the window to whole steps. False: that is more than SERIES_STEPS of them. */
bool series_align(struct series_query *q);

struct series_line {
    struct slice label;           /* value of `by`; SLICE_NULL: none, or records without one */
    double requests;              /* in the window; what lines are ordered by */
    struct series_point *points;  /* [ask * n_steps + step] */
};
struct series_set {
    unsigned n_steps, n_asks;
    struct series_line **lines;   /* most requests first */
    unsigned n_lines;
};
/* `e` may be NULL: quality is not known. Without `by` there is one line. FAULT_TOO_LARGE: more lines times points than memory is given for. On a fault
 * there is nothing to free. */
enum fault series_read(struct ledger *l, struct evaluations *e, const struct series_query *q, struct series_set *ret, struct error *error) MUST_CHECK;
void series_free(struct series_set *s);

/* A number as it is shown: ms to the microsecond, others to nine digits; NAN: null. */
void series_put_number(struct json_writer *w, double value, const char *unit);
/* [value, n, low, high] behind what is in the open array. */
void series_put_point(struct json_writer *w, const struct series_point *p, const char *unit);

#endif
