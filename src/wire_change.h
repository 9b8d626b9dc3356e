/* wire_change.h - change in a running server: what serves (model/deployment.h), and the thread that watches rollouts and live prompts.
 *
 * Deployments are built from the registry, and from emergencies that it has no room for, under one lock, and handed to every loop; so the
 * last to publish has read the newest. The thread looks as often as the most impatient rollout under way wants, follows the ledger for
 * its records, judges, and acts through change/acts.h. */
#ifndef WIRE_CHANGE_H
#define WIRE_CHANGE_H

#include "base/metric.h"
#include "model/deployment.h"
#include "model/finding.h"
#include "model/policy.h"
#include "model/record.h"
#include "store/emergency.h"
#include "store/ledger.h"

struct change_sources { /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    void (*install)(void *ctx, struct deployments *d); /* to every loop; holds it */
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    const char *data_dir;
    void (*opened)(void *ctx, const struct finding *f); /* on its thread */
    void (*changed)(void *ctx, unsigned topics); /* control/console_topic.h; on the thread that changed it; NULL: nobody listens */
};

struct change_wire;
struct change_wire *change_wire_new(const struct change_sources *s, struct error *error) MUST_CHECK; /* builds the first deployments */
enum fault change_wire_start(struct change_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void change_wire_stop(struct change_wire *w);
void change_wire_free(struct change_wire *w);
struct deployments *change_wire_deployments(struct change_wire *w); /* a held reference */

/* ---- for control (control.h) and for the thread ---- */
/* From now on the next exchange on every loop is served as the registry says. Any thread. */
enum fault change_wire_publish(struct change_wire *w, struct error *error) MUST_CHECK;
/* A rollback that the registry has no room for: kept in the emergency file, and in force when it returns. */
enum fault change_wire_emergency(struct change_wire *w, const struct emergency_entry *e, struct error *error) MUST_CHECK;
/* What such a rollback has that is not in the registry yet; 0: there is none. */
int64_t change_wire_serves(struct change_wire *w, struct slice kind, struct slice name);
/* How a rollout stood when it was judged last (change/standing.h). Any thread. */
struct rollout_row;
struct judging;
bool change_wire_standing(struct change_wire *w, const struct rollout_row *row, struct arena *arena, struct judging *ret);
void change_wire_gates(struct change_wire *w); /* a version waits for its gate, or a rollout began. Any thread */
void change_wire_look(struct change_wire *w);  /* something began: do not wait for the next look. Any thread */

/* ---- sinks of the gateway: on a loop, never wait, drop what is too much and count it ---- */
void change_wire_system_text(void *w, const struct record *r, struct slice text);
void change_wire_shadow(void *w, const struct record *r, struct slice request, struct slice reply);

/* ---- its parts, each with a file of its own ---- */
struct gate_wire;   /* wire_gate.c: runs the suites of versions in review, one at a time, on a thread of its own */
struct shadow_wire; /* wire_shadow.c: sends the drawn exchanges to the candidate, on a thread of its own */
struct live_wire;   /* wire_live.c: groups system prompts, finds changes, on a thread of its own */

#endif
