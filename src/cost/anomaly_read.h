/* anomaly_read.h - what cost/anomaly.h takes, out of the ledger: whole days of a time zone.
 *
 * Of the window asked for only the days that lie in it whole are read: half a day has another mix of hours.
 * UTC days come in one pass (cell_read_days); those of another zone one by one, 23 to 25 hours long where the
 * clocks change. */
#ifndef COST_ANOMALY_READ_H
#define COST_ANOMALY_READ_H

#include "base/zone.h"
#include "cost/cell_read.h"

#define ANOMALY_DAYS 1000 /* most of one question */

struct anomaly_days {
    struct anomaly_cell *cells;
    size_t n;
    int64_t first_day, end_day; /* local, since 1970-01-01; the end does not count */
};

/* Begin of the `days` whole days that end at or before `to_us`. `zone` NULL: UTC. */
int64_t anomaly_from(const struct zone *zone, int64_t to_us, int days);

/* `zone` NULL: UTC. Cells and names live in `arena`. FAULT_BAD_REQUEST: no whole day in the window, or more
 * than ANOMALY_DAYS; otherwise as cell_read. */
enum fault anomaly_read(struct ledger *l, const struct cell_query *q, const struct zone *zone,
                        struct arena *arena, struct anomaly_days *ret, struct error *error) MUST_CHECK;

/* anomaly_find of these days, as far as it needs them: which prompts came with a shift is read when there is one. `q->by` is not looked at. */
enum fault anomaly_search(struct ledger *l, const struct cell_query *q, const struct zone *zone, const struct anomaly_options *o, struct arena *arena,
                        struct anomaly_days *ret_days, struct anomaly_report *ret, struct error *error) MUST_CHECK;

#endif
