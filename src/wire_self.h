/* wire_self.h - readings of this process for the watch: recorder, ledger, disk, clock, policy, certificate, watchers, budgets. On the watch's thread. */
#ifndef WIRE_SELF_H
#define WIRE_SELF_H

#include "control/control.h"
#include "cost/governor.h"
#include "incident/watch_self.h"
#include "quality/signals.h"
#include "store/ledger.h"

struct self_sources {
    void *ctx;
    struct policy *(*policy)(void *ctx);
    void (*budgets)(void *ctx, void (*each)(void *arg, const struct budget_view *v), void *arg);
    void *jobs_ctx;
    void (*jobs)(void *jobs_ctx, void (*each)(void *arg, const struct job_state *j), void *arg);
    struct ledger *ledger;       /* NULL: budgets are held against their limits alone */
    struct ledger_writer *writer;
    struct recorder *recorder;
    const char *data_dir, *config; /* config: path of quarterdeck.yaml; NULL: it is not looked at */
};
struct self_wire;
struct self_wire *self_wire_new(const struct self_sources *s);
void self_wire_free(struct self_wire *w);
/* Once a tick: signals of SELF and cost.over_budget are read into `signals` (NULL: none), and what is wrong becomes findings (of the kinds SELF_WIRE_KINDS), in the
 * arena. */
#define SELF_WIRE_KINDS                                                                                                         \
    (FINDING_BIT(SELF_RECORDS) | FINDING_BIT(SELF_ROOM) | FINDING_BIT(SELF_CLOCK) | FINDING_BIT(SELF_POLICY) | FINDING_BIT(SELF_CERTIFICATE) | \
     FINDING_BIT(WATCHER_SILENT))
enum fault self_wire_look(struct self_wire *w, struct signals *signals, struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;

#endif
