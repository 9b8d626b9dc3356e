/* wire_cost.h - domain 2 in a running server: budgets, limits, token counts, between the gateways and the ledger.
 *
 * Order at the start: new, install, (recorder drained into the ledger) fill, sinks, serve. At a reload: prepare,
 * when it says so fill after every loop has passed through its event loop, install. One thread at a time for these and
 * sweep. */
#ifndef WIRE_COST_H
#define WIRE_COST_H

#include "cost/governor.h"
#include "gateway/gateway.h"
#include "store/ledger.h"
#include "store/registry.h"

struct cost_wire;

struct cost_wire *cost_wire_new(unsigned n_lanes);
void cost_wire_free(struct cost_wire *c);            /* after the gateways */
bool cost_wire_prepare(struct cost_wire *c, struct policy *p); /* true: cost_wire_fill is due before it is installed */
bool cost_wire_install(struct cost_wire *c, struct policy *p); /* true: cost_wire_fill is due */
/* What the current windows have spent, from the ledger, whose writer is drained first. FAULT_SHUTTING_DOWN: cut short, because the
 * process is asked to stop or cost_wire_stop was called. */
enum fault cost_wire_fill(struct cost_wire *c, struct ledger *l, struct ledger_writer *w, struct error *error) MUST_CHECK;
void cost_wire_stop(struct cost_wire *c); /* from any thread: a fill under way ends soon; accepts NULL */
/* Gives the gateways what they call: c stays the context of these. */
void cost_wire_sinks(struct cost_wire *c, struct gateway_sinks *sinks);
/* What was learned (token factors, lengths of answers), from and to the registry. Restored before the first fill, which then
 * learns only from what is newer; what is damaged or too old is said and left. */
void cost_wire_restore(struct cost_wire *c, struct registry *r);
enum fault cost_wire_save(struct cost_wire *c, struct registry *r, struct error *error) MUST_CHECK;
/* `crossed` on the thread that settled, when a budget reached a threshold: post it on, do not wait. Before the gateways. */
void cost_wire_on_threshold(struct cost_wire *c, void (*crossed)(void *ctx), void *ctx);
void cost_wire_sweep(struct cost_wire *c);           /* about once a minute */
void cost_wire_each_budget(struct cost_wire *c, void (*each)(void *arg, const struct budget_view *v), void *arg);

#endif
