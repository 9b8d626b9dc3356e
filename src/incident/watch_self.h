/* watch_self.h - is Quarterdeck itself well: recorder, ledger, disk, clock, policy, certificate, and the watchers. Pure: from readings to findings.
 * The silence of a watcher is a finding too; that of the thread that says so is seen by the one that delivers notices (wire_notify.h). */
#ifndef INCIDENT_WATCH_SELF_H
#define INCIDENT_WATCH_SELF_H

#include "base/arena.h"
#include "base/fault.h"
#include "model/finding.h"

struct self_watcher { const char *name; int64_t late_us, every_us; const char *error; }; /* late 0: it ran in time */
struct self_readings {
    double recorder_lag_s;
    uint64_t records_lost, ledger_failures;
    int64_t ledger_bytes, disk_free_bytes;
    double clock_step_s;         /* signed; largest in the last hour */
    double policy_stale_s;       /* 0: the file is what is in force */
    double certificate_left_s;   /* INFINITY: there is none */
    bool recorder_full;
    const struct self_watcher *watchers;
    unsigned n_watchers;
};
/* FINDING_SELF_*; commands name what to type. */
enum fault watch_self_findings(const struct self_readings *r, int64_t now_us, struct arena *arena, struct finding **ret, unsigned *ret_n,
                               struct error *error) MUST_CHECK;

#endif
