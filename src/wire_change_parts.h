/* wire_change_parts.h - the inside of wire_change: what serves is built in wire_change_build.c, rollouts are watched in wire_change_watch.c.
 * Private to wire_change*.c. */
#ifndef WIRE_CHANGE_PARTS_H
#define WIRE_CHANGE_PARTS_H

#include "store/rollouts.h"
#include "wire_change.h"

/* ---- what serves (wire_change_build.c) ---- */
/* From the registry, with what is in the emergency file on top. What has not changed since `before` (NULL: nothing was) is taken from it. */
enum fault change_build(struct registry *r, const struct emergency_entry *emergencies, unsigned n, const struct deployments *before,
                        struct deployments **ret, struct error *error) MUST_CHECK;

/* ---- rollouts under way (wire_change_watch.c); on the thread of change ---- */
struct change_watch;
struct standings; /* change/standing.h: filled by each look */
struct change_watch *change_watch_new(const struct change_sources *s, struct registry *r, struct standings *standings);
void change_watch_free(struct change_watch *w);
/* One look: what came into the ledger is counted, each rollout is judged, and what follows is done. *ret_changed: publish. *ret_wait_us:
 * when to look again at the latest. */
enum fault change_watch_look(struct change_watch *w, bool *ret_changed, int64_t *ret_wait_us, struct error *error) MUST_CHECK;

/* ---- emergencies (wire_change_replay.c) ---- */
/* Into the registry, each once; FAULT_NO_SPACE: there is still no room. *ret_n: how many there were. */
enum fault change_replay(struct registry *r, struct emergency *e, const struct change_policy *policy, unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
