#include "wire_house.h"

#include "base/log.h"

#include <string.h>

static void set_gauge(struct house *h, enum metric m, int64_t value, const char *label) {
    metric_set(metric_cell(h->shard, m, (const char *[METRIC_LABELS]){label}), value);
}

static void set_breaker(void *arg, const struct target_state *t) {
    struct house *h = arg;
    const char *labels[METRIC_LABELS] = {t->provider, t->upstream_model};
    metric_set(metric_cell(h->shard, METRIC_BREAKER, labels), strcmp(t->breaker, "closed") != 0);
}

void house_keep(struct house *h, const struct control_services *services) {
    struct recorder_stats recorded;
    struct ledger_writer_stats written;
    recorder_stats(services->recorder, &recorded);
    ledger_writer_stats(services->writer, &written);
    set_gauge(h, METRIC_RECORDS_LOST, (int64_t)recorded.lost, NULL);
    set_gauge(h, METRIC_RECORDER_PENDING, (int64_t)recorded.pending_bytes, NULL);
    set_gauge(h, METRIC_LEDGER_RECORDS, (int64_t)written.records, NULL);
    struct policy *p = services->policy(services->ctx);
    set_gauge(h, METRIC_POLICY_REVISION, (int64_t)p->revision, NULL);
    policy_drop(p);
    set_gauge(h, METRIC_BUILD, 1, VERSION);
    services->targets(services->ctx, set_breaker, h);
    watch_wire_publish(h->watch);
    console_wire_publish(h->consoles, h->shard);
    lanes_publish(h->lanes, h->n_lanes);
    if (recorded.lost > h->lost_seen) log_event(LOG_ERROR, "records were lost: the flight recorder has no room", NULL);
    if (written.failures > h->failures_seen) log_event(LOG_ERROR, "the ledger could not be written", "error", written.last_error, NULL);
    if (++h->seconds % 60 == 0) cost_wire_sweep(h->cost);
    h->lost_seen = recorded.lost;
    h->failures_seen = written.failures;
}
