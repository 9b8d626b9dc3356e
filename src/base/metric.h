/* metric.h - counters, gauges and histograms from one table, summed over threads when read.
 *
 * Each loop thread owns a shard and is its only writer; readers sum shards without stopping anyone.
 * Label values come from the configuration, never from a request, and a metric holds at most
 * LIMIT_METRIC_SERIES label sets: more go to one series whose labels are "other". Histograms are
 * exponential with the bounds below, in seconds. */
#ifndef BASE_METRIC_H
#define BASE_METRIC_H

#include "base/buffer.h"

/* METRIC(symbol, name, type, label names separated by commas, help) */
#define METRIC_TABLE(METRIC)                                                                                   \
    METRIC(EXCHANGES, "quarterdeck_exchanges_total", COUNTER, "application,model,status", "Finished exchanges.") \
    METRIC(ATTEMPTS, "quarterdeck_attempts_total", COUNTER, "provider,model,outcome", "Upstream attempts; outcome is ok or the fault's name.") \
    METRIC(TOKENS, "quarterdeck_tokens_total", COUNTER, "application,model,kind", "Tokens by kind: input, cache_read, cache_write, output, reasoning.") \
    METRIC(COST, "quarterdeck_cost_usd_total", COUNTER_NANO, "application,model", "Known cost in US dollars.") \
    METRIC(UNPRICED, "quarterdeck_unpriced_exchanges_total", COUNTER, "application,model", "Exchanges whose cost is unknown.") \
    METRIC(DURATION, "quarterdeck_exchange_duration_seconds", HISTOGRAM, "application,model", "Whole exchange, from the request's last byte to the reply's last byte.") \
    METRIC(FIRST_TOKEN, "quarterdeck_first_token_seconds", HISTOGRAM, "application,model", "Time to the first relayed output of streams.") \
    METRIC(OVERHEAD, "quarterdeck_overhead_seconds", HISTOGRAM, "", "Our own time: total less waiting for provider and client.") \
    METRIC(CACHE_LOOKUPS, "quarterdeck_cache_lookups_total", COUNTER, "application,model,outcome", "Look-ups in the exact cache; outcome is hit or miss.") \
    METRIC(CACHE_ALIKE, "quarterdeck_cache_semantic_lookups_total", COUNTER, "application,model,outcome", "Look-ups in the semantic cache, where the exact one had no answer; outcome is hit or miss.") \
    METRIC(CACHE_SAVED, "quarterdeck_cache_saved_usd_total", COUNTER_NANO, "application,model", "Known cost of the answers that the exact and the semantic cache gave again, in US dollars.") \
    METRIC(CACHE_BYTES, "quarterdeck_cache_bytes", GAUGE, "", "Memory that the exact and the semantic cache hold.") \
    METRIC(TIERS, "quarterdeck_tier_choices_total", COUNTER, "model,tier,applied", "Tiers chosen by difficulty; applied is no while that is in shadow.") \
    METRIC(BATCH_QUEUE, "quarterdeck_batch_lines", GAUGE, "state", "Lines of unfinished batches: waiting, sent, at_provider.") \
    METRIC(BATCH_LINES, "quarterdeck_batch_lines_total", COUNTER, "application,outcome", "Lines of batches that ended; outcome is answered or failed.") \
    METRIC(BATCH_FILES, "quarterdeck_batch_files_bytes", GAUGE, "", "Files of batches on the disk.")          \
    METRIC(SHADOW, "quarterdeck_shadow_exchanges_total", COUNTER, "outcome", "Exchanges drawn for a rollout's shadow; outcome is pair, dropped (no room), not_wanted (enough pairs, or the budget is over), unasked or lost.") \
    METRIC(ACTIVE, "quarterdeck_exchanges_active", GAUGE, "", "Exchanges under way.")                         \
    METRIC(CONNECTIONS, "quarterdeck_client_connections", GAUGE, "", "Open client connections.")              \
    METRIC(BREAKER, "quarterdeck_breaker_open", GAUGE, "provider,model", "1 while a target is resting after failures.") \
    METRIC(REFUSED, "quarterdeck_refused_total", COUNTER, "reason", "Requests refused before an exchange began.") \
    METRIC(RECORDS_LOST, "quarterdeck_records_lost_total", COUNTER, "", "Records that could not be kept. Must be 0.") \
    METRIC(RECORDER_PENDING, "quarterdeck_recorder_pending_bytes", GAUGE, "", "Flight recorder bytes not yet in the ledger.") \
    METRIC(LEDGER_RECORDS, "quarterdeck_ledger_records_total", COUNTER, "", "Records written to the ledger.")  \
    METRIC(DROPPED_EVENTS, "quarterdeck_dropped_events_total", COUNTER, "provider,model", "Malformed stream events left out.") \
    METRIC(CONSOLES, "quarterdeck_consoles", GAUGE, "", "Consoles that follow what happens (GET /api/v1/live).") \
    METRIC(SHARED_ANSWERS, "quarterdeck_api_shared_answers_total", COUNTER, "result", "Answers of the API that many may share; result is computed, given (again) or waited (for one that was being computed).") \
    METRIC(POLICY_REVISION, "quarterdeck_policy_revision", GAUGE, "", "Revision of the policy in force.")      \
    METRIC(POLICY_FAILURES, "quarterdeck_policy_reload_failures_total", COUNTER, "", "Reloads that were refused.") \
    METRIC(FINDINGS_OPEN, "quarterdeck_findings_open", GAUGE, "kind", "Findings that are open.")              \
    METRIC(JOB_RUNS, "quarterdeck_job_runs_total", COUNTER, "job,result", "Runs of the scheduler's jobs; result is ok or failed.") \
    METRIC(JOB_AGE, "quarterdeck_job_age_seconds", GAUGE, "job", "Since a job last succeeded, or the server started.") \
    METRIC(NOTICES, "quarterdeck_notices_total", COUNTER, "receiver,outcome", "Notifications offered to a receiver; outcome is taken, failed (it is tried again) or given_up.") \
    METRIC(NOTICES_WAITING, "quarterdeck_notices_waiting", GAUGE, "receiver", "Notifications that a receiver has not taken yet.") \
    METRIC(NOTICES_AGE, "quarterdeck_notices_oldest_seconds", GAUGE, "receiver", "Age of the oldest of these.") \
    METRIC(PROBES, "quarterdeck_provider_probes_total", COUNTER, "provider,outcome", "Probes of providers and readings of their status pages; outcome is ok, the fault's name, page or page_failed.") \
    METRIC(ALERTS, "quarterdeck_alerts", GAUGE, "state,severity", "Alerts by state: pending, firing, acknowledged, flapping, nodata.") \
    METRIC(WATCH_TICK, "quarterdeck_watch_tick_seconds", HISTOGRAM, "", "Ticks of the watch: reading what is new, and holding every rule against it.") \
    METRIC(WATCH_TICKS, "quarterdeck_watch_ticks_total", COUNTER, "result", "Ticks of the watch; result is ok or failed.") \
    METRIC(WATCH_SERIES, "quarterdeck_watch_series", GAUGE, "", "Combinations of dimensions that signals tell apart: at most 4000.") \
    METRIC(WATCH_BYTES, "quarterdeck_watch_bytes", GAUGE, "", "Memory that the recent past of signals takes; beyond 256 MiB series of little traffic join (other).") \
    METRIC(BUILD, "quarterdeck_build_info", GAUGE, "version", "1, with the version as a label.")

enum metric {
#define METRIC(symbol, name, type, labels, help) METRIC_##symbol,
    METRIC_TABLE(METRIC)
#undef METRIC
        METRIC_COUNT
};

#define METRIC_LABELS 3 /* most labels that a metric has */

struct metric_set;   /* all shards */
struct metric_shard; /* one writer's cells */
struct metric_cell;  /* one series of one shard; stable address until the set is freed */

struct metric_set *metric_set_new(void);
void metric_set_free(struct metric_set *s);
struct metric_shard *metric_shard_new(struct metric_set *s); /* thread-safe; freed with the set */

/* The cell for these label values (NULL for none), made on first use. Keep it where it is used often. */
struct metric_cell *metric_cell(struct metric_shard *s, enum metric m, const char *const labels[METRIC_LABELS]);
void metric_add(struct metric_cell *c, int64_t n);       /* counters and gauges (n may be negative) */
void metric_set(struct metric_cell *c, int64_t n);       /* gauges: this shard's value; shards are summed */
void metric_observe_us(struct metric_cell *c, int64_t us); /* histograms */

/* All metrics in Prometheus text format 0.0.4, thread-safe. */
void metric_write(struct metric_set *s, struct buffer *out);

#endif
