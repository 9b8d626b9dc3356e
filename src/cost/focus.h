/* focus.h - a cost report in the columns of FOCUS, the FinOps Open Cost and Usage Specification (1.2): CSV,
 * one row for each application, model, provider, upstream model, day (or hour) and meter, and each value of
 * what else was asked for, which stands in Tags.
 *
 * The costs of all rows sum to the report's total exactly, since the split by meter was recorded with each
 * exchange (model/charge.h says how it is rounded). All four costs are equal: what the provider charges by
 * the prices that were in force; credits and commitments of an account are the provider's to report. Rows
 * without a known price have their quantities and empty costs (where FOCUS wants a number: an unknown cost is
 * no zero), and their requests in x_UnpricedRequests. */
#ifndef COST_FOCUS_H
#define COST_FOCUS_H

#include "cost/report.h"

/* `by` and `only` of the query as in a report; its limit does not count. */
enum fault cost_focus_write(struct ledger *l, const struct cost_report_query *q, struct buffer *out,
                            struct error *error) MUST_CHECK;

#endif
