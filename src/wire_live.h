/* wire_live.h - system prompts of live traffic, and versions of providers' models: what nobody registered and is there all the same.
 *
 * Called by change_wire's thread; system texts come from the loops through a bounded queue. */
#ifndef WIRE_LIVE_H
#define WIRE_LIVE_H

#include "store/registry.h"
#include "wire_change.h"

struct live_wire;
struct live_wire *live_wire_new(const struct change_sources *s, struct error *error) MUST_CHECK;
void live_wire_take(struct live_wire *w, const struct record *r, struct slice text); /* on a loop */
/* Follows the ledger, groups what is new, opens and clears findings. True: there is more. */
bool live_wire_look(struct live_wire *w, struct registry *r, int64_t now_us);
void live_wire_free(struct live_wire *w);

#endif
