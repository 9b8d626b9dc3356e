/* wire_live.h - system prompts of live traffic that nobody registered.
 *
 * A thread of its own with a store of its own: what it takes to group texts delays nobody who watches rollouts. System texts come from
 * the loops through a bounded queue. */
#ifndef WIRE_LIVE_H
#define WIRE_LIVE_H

#include "wire_change.h"

struct live_wire;
struct live_wire *live_wire_new(const struct change_sources *s, struct error *error) MUST_CHECK;
enum fault live_wire_start(struct live_wire *w, struct error *error) MUST_CHECK;
void live_wire_take(struct live_wire *w, const struct record *r, struct slice text); /* on a loop; never waits, counts what is too much */
void live_wire_stop(struct live_wire *w);
void live_wire_free(struct live_wire *w);

#endif
