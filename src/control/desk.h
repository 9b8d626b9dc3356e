/* desk.h - the control thread and its readers: API requests from all loop threads, off the loops.
 *
 * What changes something is done one after the other, on the control thread. What only reads (GET) goes to a reader, each a thread with
 * stores of its own, so that no report holds up another console: to the one that is expected to be free first, by what the same path took lately; those that take
 * over DESK_HEAVY_US leave one reader to the others.
 *
 * A loop hands over a request and goes on; the answer is posted back to it. Probes and the console's files (control_is_quick) are answered by
 * the loop itself: a report that takes a minute shall not look like a server that is dead. Whoever hands over work of
 * another kind (a reload on a signal) gets it done on the same thread, so that the registry and what
 * else the API uses have one user. */
#ifndef CONTROL_DESK_H
#define CONTROL_DESK_H

#include "control/control.h"
#include "io/http_server.h"

#define DESK_READERS 3        /* one for quick answers, two for reports: with more they would take the processors from the traffic */
#define DESK_HEAVY_US 100000  /* a report, then */

struct desk;

/* `services` stay the caller's and must outlive the desk. `urgent` (NULL: there is none) has a registry of its own: rollbacks are answered with it,
 * on a second thread, and wait for no report. `door` likewise, on a third: what hashes passwords (control_is_slow), one at a time; of those, a few may
 * wait, and the rest is told to come again. NULL: a thread could not be started. */
struct desk *desk_new(const struct control_services *services, const struct control_services *urgent, const struct control_services *door);

/* Before any request comes. `services`, the caller's, have a registry, evaluations and batches of their own. False: a thread could not be started,
 * or there are DESK_READERS already. Without any, the control thread reads too. */
bool desk_add_reader(struct desk *d, const struct control_services *services) MUST_CHECK;
/* Streams are handed to these, and their consoles are asked again whether they may read. */
void desk_lend(struct desk *d, struct consoles *consoles);

/* Before the loops run, once: what waits for a provider (a request that is run again) is answered with these, on a thread of its own, so that
 * nothing else waits for it. `services` as above, with a registry of their own. False: the thread could not be started. */
bool desk_add_patient(struct desk *d, const struct control_services *services) MUST_CHECK;

/* On the loop's thread. The desk concludes the request, in a later turn of `loop` (probes, and 503 when too many
 * wait, at once). */
void desk_take(struct desk *d, struct loop *loop, struct http_request *r);
/* From any thread: `run` on the control thread. False: too much waits. */
bool desk_run(struct desk *d, void (*run)(void *arg), void *arg) MUST_CHECK;

void desk_stop(struct desk *d); /* what waits is done, then the thread ends; the loops must still run */
void desk_free(struct desk *d); /* after the loops have ended; requests that came too late are abandoned */

#endif
