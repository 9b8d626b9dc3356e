/* wire_cache.h - the semantic cache's thresholds: from the registry into a policy that is being built. */
#ifndef WIRE_CACHE_H
#define WIRE_CACHE_H

#include "model/policy.h"
#include "store/registry.h"

/* Before the policy is shared. */
enum fault wire_cache_verify(struct policy *p, struct registry *r, struct error *error) MUST_CHECK;
/* Says in the log which `cache.semantic` is declared and stays off, and why. */
void wire_cache_tell(const struct policy *p);

#endif
