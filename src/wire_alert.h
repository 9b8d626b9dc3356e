/* wire_alert.h - the watch: one thread that follows the ledger into signals, lets every watcher look, holds the rules against what they see, and
 * carries out what is granted. A tick each watch.every; each is one transaction, so that a kill at any moment loses and repeats nothing.
 *
 * It never waits for anything outside the process: notices are left for wire_notify, probes and status pages come from wire_probe. */
#ifndef WIRE_ALERT_H
#define WIRE_ALERT_H

#include "base/metric.h"
#include "control/control.h"
#include "incident/action.h"
#include "incident/watch_provider.h"

#define ALERT_TICK_US 5000000LL  /* watch.every, unless the policy says otherwise */

struct alert_sources {           /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct action_services actions;
    void (*budgets)(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg);
    void (*jobs)(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg); /* the scheduler's watchers */
    void (*probes)(void *ctx, void (*each)(void *arg, const struct provider_seen *s), void *arg);
    void (*notices_left)(void *ctx);     /* something is to be delivered */
    void (*changed)(void *ctx, unsigned topics); /* control/console_topic.h; on the thread that changed it; NULL: nobody listens */
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct recorder *recorder;
    struct metric_set *metrics;
    const char *data_dir, *config; /* config: path of the configuration file */
};
struct alert_wire;
struct alert_wire *alert_wire_new(const struct alert_sources *s, struct error *error) MUST_CHECK;
enum fault alert_wire_start(struct alert_wire *w, struct error *error) MUST_CHECK;
void alert_wire_ask(struct alert_wire *w);   /* tick soon: a finding was opened, a person acknowledged. Any thread */
int64_t alert_wire_age_us(struct alert_wire *w); /* since the last tick that succeeded. Any thread */
bool alert_wire_acts(struct alert_wire *w);  /* alerts may be committed whose actions are not; false after 15 seconds of it. Any thread */
void alert_wire_lend(struct alert_wire *w, struct control_services *services); /* provider health, idle rules, charts, for the API */
void alert_wire_stop(struct alert_wire *w);
void alert_wire_free(struct alert_wire *w);

#endif
