/* report.h - where the money went: showback and chargeback over any window, by any dimensions.
 *
 * Sums are those of ledger_spend: the rows and the rest add up to the total, and the total to the records, to
 * the nano-dollar. An unknown price is no number: such requests are counted as `unpriced` and stand in no sum
 * of money; a row of nothing else has no cost at all. Cost of requests that failed, were cut off or abandoned
 * is in the cost, and once more apart as "lost". */
#ifndef COST_REPORT_H
#define COST_REPORT_H

#include "base/json.h"
#include "store/ledger_spend.h"

#define COST_REPORT_BY 4    /* columns of names that may be asked for */
#define COST_REPORT_ROOM 10 /* and those that a form of the report may add */

struct cost_report_query {
    int64_t from_us, to_us; /* from <= time < to */
    /* enum spend_dimension, SPEND_BY_DAY and SPEND_BY_HOUR too, in the order of the columns */
    int by[COST_REPORT_ROOM];
    unsigned n_by;
    struct slice only[SPEND_DIMENSIONS]; /* SLICE_NULL: any */
    const struct record_filter *records; /* as in struct spend_query */
    uint64_t limit;                      /* rows; what is behind them is summed in `rest`. 0: all */
};

struct cost_row {
    struct slice names[SPEND_DIMENSIONS]; /* in the report's arena */
    int64_t start_us;
    struct spend_sums sums;
};

struct cost_report {
    struct cost_report_query query;
    struct cost_row
        *rows; /* by time where it was asked for, then by cost, the largest first; unknown cost last */
    size_t n;
    struct spend_sums total, rest;
    size_t n_rest; /* rows in `rest` */
    struct spend_source source;
    struct arena arena;
};

/* *ret is to be released, on failure too. FAULT_TOO_LARGE, FAULT_IO, FAULT_CORRUPT as ledger_spend. */
enum fault cost_report_run(struct ledger *l, const struct cost_report_query *q, struct cost_report *ret,
                           struct error *error) MUST_CHECK;
void cost_report_deinit(struct cost_report *r);

/* "team,feature,day"; false names what is wrong in `error`. */
bool cost_report_parse_by(struct slice text, struct cost_report_query *ret, struct error *error) MUST_CHECK;

/* Cost of one request that was not refused and has a price, rounded half up; MONEY_UNKNOWN when there is
 * none. */
int64_t cost_per_request(const struct spend_sums *s);
/* MONEY_UNKNOWN when requests were made and no price is known. */
int64_t cost_known(const struct spend_sums *s);

void cost_report_write_json(const struct cost_report *r, struct json_writer *w);
void cost_report_write_csv(const struct cost_report *r,
                           struct buffer *out); /* RFC 4180; the last row is the total */

/* A day "2026-11-21" or an hour "2026-11-21T04:00:00Z" of the UTC calendar. */
#define COST_START_TEXT 32
void cost_start_text(int64_t start_us, bool hour, char out[COST_START_TEXT]);
/* One cell of a CSV file, quoted when it must be. SLICE_NULL is an empty one. */
void cost_csv_cell(struct buffer *out, struct slice text);

#endif
