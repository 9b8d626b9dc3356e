/* wire_ready.h - what `serve` says once it takes requests: where it listens, and, while there are no users, the link by which the first one is made. */
#ifndef WIRE_READY_H
#define WIRE_READY_H

#include "model/policy.h"

/* Onto standard output. admin_port 0: the control plane is on the same address. `offer`: whoever reads it may be the first admin. */
void wire_tell_ready(const struct server_settings *o, uint16_t port, uint16_t admin_port, bool offer);

#endif
