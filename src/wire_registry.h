/* wire_registry.h - what the registry lends to a policy, read into the shape that config_read takes. */
#ifndef WIRE_REGISTRY_H
#define WIRE_REGISTRY_H

#include "model/config.h"
#include "store/registry.h"

/* In `arena`. `r` NULL: nothing is lent. */
enum fault wire_registry_read(struct registry *r, struct arena *arena, struct config_registry *ret, struct error *error) MUST_CHECK;

/* Says in the log what the registry holds and the policy left out. */
void wire_registry_warn(const struct policy *p);

/* A configuration that is not the one that was last in force stands in the audit log, however it came to be read (a start, a signal, the API):
 * models, routing and limits change what users get, as prompts do. Who changed the file and why is not known to us. On the thread
 * that writes the registry. */
void wire_registry_tell(struct registry *r, const struct policy *p);

#endif
