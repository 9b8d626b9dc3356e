/* private_server.h - a server of our own for the time of one command: `quarterdeck serve` with a configuration, on a free port of the loopback
 * address, which ends when we do, however that comes. Private to control/. */
#ifndef CONTROL_PRIVATE_SERVER_H
#define CONTROL_PRIVATE_SERVER_H

#include "base/fault.h"

/* In the child's environment: the process with which it ends. */
#define PRIVATE_SERVER_ENV "QUARTERDECK_PRIVATE"

struct private_server;
/* Until it is ready. On the thread that lives longest: the child ends with it. NULL: *error, with what the server said. */
struct private_server *private_server_start(const char *config, struct error *error) MUST_CHECK;
const char *private_server_url(const struct private_server *p); /* control plane and gateway */
bool private_server_lives(struct private_server *p);
void private_server_stop(struct private_server *p); /* and waits for its end; accepts NULL */

#endif
