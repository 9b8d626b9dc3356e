/* signals.h - the recent past in memory: every settled exchange, attempt and score summed by series and time, for rules and watchers to read.
 *
 * Filled by following the ledger (store/follow.h), so it tells the same as the records, a second or so late. Four rings: 10 s cells for the last
 * 15 minutes, 1 min for 3 hours, 10 min for 26 hours, 1 h for 8 days; a window is the sum of whole cells of the finest ring that spans
 * it, and of the one that is filling. Quantiles are read off merged histograms (base/histogram.h), never averaged. An exchange and its attempts
 * count when it ended (a slow one would be missing from a short window for ever, were it booked when it began), a scored record when the record
 * was made, feedback when it was given; what is late falls into the cells it belongs to while they exist, else into none.
 *
 * A view is one way to look (which dimensions, which conditions, which window): made once and shared by all rules that look so, its
 * series are summed at most once a tick. At most LIMIT_SIGNAL_SERIES series live at a time; those of further labels count under "(other)"
 * in that dimension. Beyond LIMIT_SIGNAL_BYTES the series of the least traffic join "(other)", with all that they hold, so that sums over
 * them stay exact. One thread. */
#ifndef QUALITY_SIGNALS_H
#define QUALITY_SIGNALS_H

#include "base/buffer.h"
#include "base/histogram.h"
#include "model/record.h"
#include "model/signal.h"
#include "store/scored.h"

#define LIMIT_SIGNAL_SERIES 4000 /* combinations of all dimensions at a time: some 6 KiB each, and what they hold (docs/watch.md) */
#define LIMIT_SIGNAL_BYTES (256u << 20) /* measured: 8 days of a series take 0.6 MB at one request in 4 s, 1.4 MB at 5 a second */
#define SIGNAL_SHORTEST_US 10000000LL
#define SIGNAL_LONGEST_US (7 * 86400000000LL)

struct signals;
struct signals *signals_new(void);
void signals_free(struct signals *s);

/* ---- filling ---- */
void signals_record(struct signals *s, const struct record *r);
/* A scored record's body, and a score that a person or an application gave (`feedback`). */
void signals_scored(struct signals *s, const struct scored *row);
struct score;
void signals_score(struct signals *s, const struct record *of, const struct score *score);
/* A reading of this process, a budget, a watcher; the last one counts until it is REPLACED or forgotten (NAN). */
void signals_read(struct signals *s, enum signal which, const struct signal_series *of, double value);
/* All up to `wall_us` has come (the ledger's end was met then): cells before are complete, and silence is silence. */
void signals_at(struct signals *s, int64_t wall_us);

/* What counts as slow among its like, for latency.slow_share: seconds by request type and context; without one nothing counts. */
void signals_slow(struct signals *s, struct slice application, struct slice request_type, struct slice context, double p95_s);

/* ---- looking ---- */
struct signal_value {
    double value;                /* NAN: no data; but a sum of nothing is 0, with n 0 */
    double n;                    /* exchanges, attempts or scores that it rests on (Kish's effective number where weighted) */
    double hits;                 /* of a share: how many of them; else NAN */
    int64_t last_us;             /* the newest of them, wall; 0: none */
};
struct signal_view;
/* The same view for the same arguments; `of` SLICE_NULL: the signal's own. It lives until signals_free. */
struct signal_view *signals_view(struct signals *s, unsigned by, const struct signal_series *where, int64_t window_us);
/* Calls `each` for each series that had data within the window or in the hour before (then n may be 0). The series is valid until the next filling. */
void signal_view_each(struct signal_view *v, enum signal which, struct slice of,
                      bool (*each)(void *ctx, const struct signal_series *series, const struct signal_value *value), void *ctx);
/* One series. */
struct signal_value signal_view_value(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series);
/* Its values over the last `steps` cells of `step_us` each, oldest first: what a chart shows. */
unsigned signal_view_chart(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series, int64_t step_us,
                           unsigned steps, struct signal_value *ret);
/* Up to `limit`, at most 4, ids of exchanges of the window that were hits of it (errors, failed checks: newest first), or of a quantile or a mean
 * the worst of late: examples. */
unsigned signal_view_examples(struct signal_view *v, enum signal which, struct slice of, const struct signal_series *series, unsigned limit,
                              struct record_id *ret);

struct signals_stats { uint64_t records, late, other, folded; unsigned series, views; size_t bytes; };
void signals_stats(const struct signals *s, struct signals_stats *ret);

/* ---- the past, for calibration and replay ---- */
/* The same values of windows of the past, from the ledger's rollups (cells of one minute): for each end = from + k * step, k >= 0, end <= to, and
 * each series with data. Signals of scores, attempts and readings, and series by provider, prompt apart, are read from the records
 * themselves where rollups do not have them; a gap in the history has n 0 and is no value. Beyond `most_records` of those it is
 * FAULT_TOO_LARGE: whoever asks waits, and the watch with them. */
#define SIGNAL_PAST_RECORDS 500000
struct signal_past {
    enum signal signal;
    struct slice of;
    unsigned by;
    struct signal_series where;
    int64_t window_us, from_us, to_us, step_us; /* step >= 60 s */
    unsigned most_records;       /* 0: SIGNAL_PAST_RECORDS */
};
struct ledger;
struct evaluations;
struct error;
enum fault signals_past(struct ledger *l, struct evaluations *e, const struct signal_past *q,
                        bool (*each)(void *ctx, const struct signal_series *series, int64_t end_us, const struct signal_value *value),
                        void *ctx, struct error *error) MUST_CHECK;

#endif
