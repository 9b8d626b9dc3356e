/* wire_shadow.h - the shadow stage of rollouts: exchanges that were drawn are sent once more, to the candidate, through the inside listener
 * (gateway.h) as the key of the exchange, with feature "shadow" (so that a budget can bound it), never before a user and never twice.
 * A bounded queue: what is too much is dropped and counted; the sample stays a fair one. */
#ifndef WIRE_SHADOW_H
#define WIRE_SHADOW_H

#include "wire_change.h"

struct shadow_wire;
struct shadow_wire *shadow_wire_new(const struct change_sources *s, struct error *error) MUST_CHECK;
enum fault shadow_wire_start(struct shadow_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void shadow_wire_take(struct shadow_wire *w, const struct record *r, struct slice request, struct slice reply); /* on a loop */
void shadow_wire_stop(struct shadow_wire *w);
void shadow_wire_free(struct shadow_wire *w);

#endif
