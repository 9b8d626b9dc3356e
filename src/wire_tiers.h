/* wire_tiers.h - routing by difficulty, from the registry into a policy that is not in force yet. */
#ifndef WIRE_TIERS_H
#define WIRE_TIERS_H

#include "model/policy.h"
#include "store/registry.h"

/* r NULL: nothing is known yet. On failure *p is dropped and NULL. A state that does not fit its model any more leaves that
 * in shadow, and the log says so. */
enum fault wire_tiers(struct registry *r, struct policy **p, struct arena *arena, struct error *error) MUST_CHECK;

#endif
