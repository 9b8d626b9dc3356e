/* desk.h - the control thread: API requests from all loop threads, one after the other, off the loops.
 *
 * A loop hands over a request and goes on; the answer is posted back to it. Probes (control_is_probe) are answered by the loop
 * itself: a report that takes a minute shall not look like a server that is dead. Whoever hands over work of
 * another kind (a reload on a signal) gets it done on the same thread, so that the registry and what
 * else the API uses have one user. */
#ifndef CONTROL_DESK_H
#define CONTROL_DESK_H

#include "control/control.h"
#include "io/http_server.h"

struct desk;

/* `services` stay the caller's and must outlive the desk. `urgent` (NULL: there is none) has a registry of its own: rollbacks are answered with it,
 * on a second thread, and wait for no report. NULL: a thread could not be started. */
struct desk *desk_new(const struct control_services *services, const struct control_services *urgent);

/* On the loop's thread. The desk concludes the request, in a later turn of `loop` (probes, and 503 when too many
 * wait, at once). */
void desk_take(struct desk *d, struct loop *loop, struct http_request *r);
/* From any thread: `run` on the control thread. False: too much waits. */
bool desk_run(struct desk *d, void (*run)(void *arg), void *arg) MUST_CHECK;

void desk_stop(struct desk *d); /* what waits is done, then the thread ends; the loops must still run */
void desk_free(struct desk *d); /* after the loops have ended; requests that came too late are abandoned */

#endif
