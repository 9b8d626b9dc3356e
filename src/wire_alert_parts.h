/* wire_alert_parts.h - the inside of the watch's thread. Private to wire_alert*.c. */
#ifndef WIRE_ALERT_PARTS_H
#define WIRE_ALERT_PARTS_H

#include "base/mailbox.h"
#include "incident/returning.h"
#include "incident/watching.h"
#include "quality/watch_latency.h"
#include "quality/watch_output.h"
#include "store/evaluations.h"
#include "store/follow.h"
#include "wire_alert.h"
#include "wire_self.h"

#include <pthread.h>
#include <stdatomic.h>

struct alert_tick {              /* what a watcher has of the tick in which it looks */
    struct policy *policy;
    struct arena *arena;         /* of the tick */
    int64_t now_us;              /* wall */
    bool complete;               /* the ledger's end was met */
    const struct provider_seen *seen; /* probes, status pages */
    unsigned n_seen;
    struct provider_health *health;   /* by the watcher "providers", which looks first */
    unsigned n_health;
};

/* One row of the table in wire_alert_watchers.c. A watcher looks on the watch's thread, `every_us` after it last began; what it reads (signals_read)
 * and finds (alert_wire_found) is held against the rules in the same tick. One that fails, or is late, is told by the signal watch.silent. */
struct alert_watcher {
    const char *name;
    int64_t every_us;
    enum fault (*look)(struct alert_wire *w, struct alert_tick *t, struct error *error);
};
extern const struct alert_watcher alert_watchers[];
extern const unsigned n_alert_watchers;
enum { ALERT_WATCHERS_MOST = 32 };

struct kept_words {              /* what people decided and watchers found, read again when the registry was written to */
    struct arena arena;
    struct finding *findings;
    struct silence *silences;
    struct threshold *thresholds;
    struct oncall_override *overrides;
    unsigned n_findings, n_silences, n_thresholds, n_overrides;
    int64_t version, read_us;
    bool known;
};

struct alert_wire {
    struct alert_sources s;
    struct registry *registry;   /* of its thread, as all below but what is atomic or under the lock */
    struct evaluations *evaluations;
    struct metric_shard *shard;
    struct mailbox *wake;
    pthread_t thread;
    bool running;
    atomic_bool stopping;
    atomic_llong succeeded_us;   /* monotonic */
    atomic_llong acting_us;      /* monotonic, since when rules are held and acted on; 0: they are not */

    struct watching *watching;
    struct signals *signals;
    struct anomalies *anomalies;
    struct watch_provider *providers;
    struct watch_latency *latency;
    struct watch_output *output;
    struct self_wire *self;
    struct follow follow;
    bool following;
    struct table refilled;       /* ids of the newest records of before the start, until the ledger's end was met */
    int64_t every_us, next_us;   /* of the policy; when something is due, on the alert clock: 0 nothing */
    struct table scored[2];      /* names of scores that were counted in the last hours */
    int64_t scored_us, scored_swept_us, scored_pause_us;
    struct kept_words kept;
    int64_t clock_us, mono_us;   /* the alert clock, and when it was read */
    int64_t anomalies_kept_us;
    bool keep_now;               /* a watcher found something, or saw its end, and what it remembers of that is not kept yet */
    char failing[LIMIT_ERROR_TEXT]; /* what was told last; "": all is well */

    struct { int64_t begun_us, good_us; char error[LIMIT_ERROR_TEXT]; } watchers[ALERT_WATCHERS_MOST]; /* monotonic */

    pthread_mutex_t lock;        /* of what is lent, held for copies alone */
    struct rule_view *views;
    unsigned n_views;
    struct buffer providers_seen; /* a JSON array, as the API tells them */
};

/* ---- wire_alert_feed.c: what comes in ---- */
/* The first time: what happened before the start, so that a restart neither resolves nor fires anything by its own amnesia. *ret_complete: all that is in
 * the ledger has been had. */
enum fault alert_wire_feed(struct alert_wire *w, const struct policy *p, int64_t now_us, bool *ret_complete, struct error *error) MUST_CHECK;
/* ---- wire_alert.c ---- */
/* What watchers remember, for the next start; not `at_once`: each few minutes. */
enum fault alert_wire_keep(struct alert_wire *w, int64_t now_us, bool at_once, struct error *error) MUST_CHECK;
/* ---- wire_alert_watchers.c ---- */
void alert_wire_watch(struct alert_wire *w, struct alert_tick *t);
void alert_wire_jobs(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg); /* self_sources.jobs */
/* All that a watcher saw of these kinds: what is new is told, what is gone is cleared. */
enum fault alert_wire_found(struct alert_wire *w, uint64_t kinds, const struct finding *seen, unsigned n, int64_t now_us, struct error *error) MUST_CHECK;
/* The same; of those whose keys are in `unsure` nothing is known now: they stay as they are. */
enum fault alert_wire_found_but(struct alert_wire *w, const struct findings_look *look, int64_t now_us, struct error *error) MUST_CHECK;

#endif
