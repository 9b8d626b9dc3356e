/* cell_read.h - the cells of cost/cell.h out of the ledger: what explain and anomaly take.
 *
 * One cell for each combination of application, request type, model, prompt, system prompt, feature, team and
 * key (users are left out: they need the records). Requests are those that were not refused. The rates of a
 * cell are what its model was really charged a token in that window (day), by the meters recorded with each
 * exchange: so dated prices, tiers and price files that were changed since are in them as they were. Where
 * nothing was recorded by meter they are COST_RATE_NONE. */
#ifndef COST_CELL_READ_H
#define COST_CELL_READ_H

#include "cost/anomaly.h"
#include "store/ledger_spend.h"

struct cell_query {
    int64_t from_us, to_us; /* from <= time < to */
    unsigned by;            /* SPEND_BIT of the names that cells have; 0: all of the above. Model, provider and target model go together */
    struct slice only[SPEND_DIMENSIONS];
};

/* Names and cells live in `arena`. FAULT_TOO_LARGE: it is full; otherwise as ledger_spend. */
enum fault cell_read(struct ledger *l, const struct cell_query *q, struct arena *arena,
                     struct cost_cell **ret, size_t *ret_n, struct error *error) MUST_CHECK;
/* The same by UTC day. */
enum fault cell_read_days(struct ledger *l, const struct cell_query *q, struct arena *arena,
                          struct anomaly_cell **ret, size_t *ret_n, struct error *error) MUST_CHECK;

#endif
