/* wire_watch.h - the scheduler: one thread that runs the watchers and the jobs, by the table in wire_watch.c.
 *
 * It reads the ledger, the books and the policy as everyone may, and writes findings through a registry of
 * its own, so it shares nothing with the loops but what they post. A job that fails is tried again at its
 * cadence; each job's last run, success and error are there to be shown, and its age is a metric, so that one
 * that does not run is seen too. */
#ifndef WIRE_WATCH_H
#define WIRE_WATCH_H

#include "base/metric.h"
#include "control/control.h"
#include "model/finding.h"
#include "wire_cost.h"

/* JOB(symbol, name, seconds after the start, seconds between runs, least seconds before a run that is asked
 * for, daily) */
#define WATCH_JOB_TABLE(JOB)                                                                                 \
    JOB(THRESHOLDS, "thresholds", 1, 60, 5, false)                                                           \
    JOB(PRICES, "prices", 2, 300, 5, false)                                                                  \
    JOB(PACE, "pace", 20, 300, 60, false)                                                                    \
    JOB(ANOMALIES, "anomalies", 30, 600, 600, true)                                                          \
    JOB(DOWNGRADE_TESTS, "downgrade_tests", 5, 60, 5, false)                                                 \
    JOB(DOWNGRADES, "downgrades", 10, 3600, 1, false)                                                        \
    JOB(SCORING, "scoring", 3, 10, 1, false)                                                                 \
    JOB(EVALUATION, "evaluation", 4, 10, 1, false)                                                           \
    JOB(REVIEWS, "reviews", 6, 300, 5, false)                                                                \
    JOB(RULES, "rules", 300, 86400, 60, false)                                                               \
    JOB(LEARNED, "learned", 180, 180, 60, false)                                                             \
    JOB(RETENTION, "retention", 120, 3600, 600, false)

enum watch_job {
#define JOB(symbol, name, first, cadence, least, daily) WATCH_##symbol,
    WATCH_JOB_TABLE(JOB)
#undef JOB
        WATCH_JOBS
};

void watch_wire_opened(void *ctx, const struct finding *f); /* says in the log that a finding was opened; `ctx` is of no account */

struct watch_wire;
struct watch_sources { /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct cost_wire *cost;
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    const char *data_dir;
    void (*opened)(void *ctx, const struct finding *f); /* on the thread that found it */
    void (*changed)(void *ctx, unsigned topics); /* control/console_topic.h; on the thread that changed it; NULL: nobody listens */
};

struct watch_wire *watch_wire_new(const struct watch_sources *s,
                                  struct error *error) MUST_CHECK; /* not running yet */
enum fault watch_wire_start(struct watch_wire *w, struct error *error) MUST_CHECK;
/* Once lanes listen inside (gateway.h): downgrade tests are made, and traffic is scored, from then on. */
enum fault watch_wire_listen(struct watch_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void watch_wire_quiesce(struct watch_wire *w); /* no request of its own any more; accepts NULL */
void watch_wire_ask(struct watch_wire *w,
                    enum watch_job job); /* from any thread, also a loop's: it does not wait */
void watch_wire_lend(struct watch_wire *w,
                     struct control_services *services); /* how the jobs are, for the API */
void watch_wire_publish(struct watch_wire *w); /* their ages as metrics; one thread, about once a second */
/* When no exchange is under way: what runs is ended at its next step, and what was learned is kept. */
void watch_wire_stop(struct watch_wire *w);
void watch_wire_free(struct watch_wire *w); /* when nobody asks any more */

#endif
