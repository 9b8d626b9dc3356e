/* wire_process.h - what a server asks of its process before it starts. */
#ifndef WIRE_PROCESS_H
#define WIRE_PROCESS_H

#include "base/log.h"
#include "io/http_server.h"
#include "model/policy.h"

#include <signal.h>

void process_block_signals(sigset_t *ret);         /* those that are waited for: HUP, INT, TERM; PIPE is ignored */
bool process_is_asked_to_stop(void);               /* SIGTERM or SIGINT is pending: they are blocked until somebody waits for them */
/* The first policy of a server that is private to one command (control/private_server.h): on a free port of the loopback address, and
 * SIGTERM comes when that command ends. Any other server's stays as it is. On the main thread, before others start. */
struct policy *process_private(struct policy *p);
bool process_is_private(void);                    /* is this one? Before process_private, which forgets it */
void process_allow_many_files(void);              /* as many as the system lets it have */
enum log_level process_log_level(const char *name); /* "debug", "info", "warn", "error"; info for anything else */
bool process_needs_restart(const struct server_settings *a, const struct server_settings *b); /* a reload is not enough */
struct http_server_options process_listen_options(const struct server_settings *o);

#endif
