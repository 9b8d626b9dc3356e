/* returning.h - what ends by itself: actions whose time is over, and fail-overs whose primary comes back (recovery.h). One look of the watch's thread.
 *
 * Of each fail-over without an end of its own it counts the primary's attempts since the step began, takes its probes and the value of the rule's
 * signal on it, and moves the row with an audit entry; then what is in force is published once. A step that a person's undo overtook is not
 * taken. Nothing is remembered between two looks but what the rows say, so that a kill repeats and loses nothing. */
#ifndef INCIDENT_RETURNING_H
#define INCIDENT_RETURNING_H

#include "incident/action.h"
#include "incident/recovery.h"
#include "incident/watch_provider.h"
#include "store/alerts.h"

struct returning_sources {       /* of one look */
    struct registry *registry;   /* the thread's */
    const struct policy *policy;
    struct signals *signals;
    const struct provider_seen *seen;     /* probes */
    unsigned n_seen;
    const struct provider_health *health; /* of this look: what is normal */
    unsigned n_health;
    const struct threshold *thresholds;   /* accepted */
    unsigned n_thresholds;
    const struct action_services *services;
    int64_t now_us;              /* wall */
    bool complete;               /* false: the ledger is behind: nothing comes further back */
    struct arena *arena;         /* of the look */
};
struct returning_result {
    struct finding *findings;    /* primary_returns: all that are under way; to be put with their kind */
    unsigned n_findings;
    unsigned expired, moved;     /* rows */
};
/* On a fault what was done so far stays done, and *ret has it. */
enum fault returning_look(const struct returning_sources *s, struct returning_result *ret, struct error *error) MUST_CHECK;

#endif
