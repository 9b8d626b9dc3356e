/* watch_latency.h - is it slow for anybody: by request type and input size, against a budget where one is declared and against the
 * application's own baseline, and users who gave up.
 *
 * Budgets: applications.*.request_types.*.latency {p50, p90, p95, p99, ttft_p95, per_token_p95}: a quantile is surely above when the exact binomial
 * test on exchanges slower than the budget says so (a quantile of few exchanges proves nothing). Baseline: exchanges slower than the P95 of their
 * like (request type and input size: a wave of long documents is not slowness) through an e-detector, which promises its false alarms.
 * Retry storms: the same user and input within seconds. */
#ifndef QUALITY_WATCH_LATENCY_H
#define QUALITY_WATCH_LATENCY_H

#include "model/policy.h"
#include "quality/signals.h"
#include "store/findings.h"
#include "store/ledger.h"

struct watch_latency;
struct watch_latency *watch_latency_new(void);
void watch_latency_free(struct watch_latency *w);
/* Each record as it comes into the ledger: what is normal is learned from them (this week and the one before; blocks of ten minutes that are surely slower are
 * left out, unless that has lasted a day). */
void watch_latency_record(struct watch_latency *w, const struct record *r);
void watch_latency_former(struct watch_latency *w, const struct record *r); /* of before the start: it fills the last minutes, and is not learned again */
/* Tells signals what is slow: at the start, and each few minutes. `l` may be NULL. */
enum fault watch_latency_learn(struct watch_latency *w, struct ledger *l, struct signals *s, int64_t now_us, struct error *error) MUST_CHECK;
/* `alarms_per_month`: of this watcher. Findings: latency_over_budget, latency_worse, users_gave_up. *ret_unsure: keys of findings about which nothing is known now. */
enum fault watch_latency_look(struct watch_latency *w, const struct policy *p, struct signals *s, double alarms_per_month, int64_t now_us,
                              struct arena *arena, struct finding **ret, unsigned *ret_n, struct slice **ret_unsure, unsigned *ret_n_unsure,
                              struct error *error) MUST_CHECK;
void watch_latency_write(const struct watch_latency *w, struct json_writer *out);
enum fault watch_latency_read(struct watch_latency *w, struct slice json, struct error *error) MUST_CHECK;

#endif
