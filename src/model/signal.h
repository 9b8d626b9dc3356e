/* signal.h - what can be watched: one table of signals, by whose names alert rules, calibration, findings and the console speak of them.
 *
 * A signal has a value for each series and window: a share, a quantile, a mean, a sum, or a reading. Values are doubles in the signal's unit
 * (seconds for times, US dollars for money, 0..1 for shares). A value without data is NAN and n is 0: that is never good news. */
#ifndef MODEL_SIGNAL_H
#define MODEL_SIGNAL_H

#include "base/arena.h"
#include "base/buffer.h"

/* Where a signal's numbers come from. */
enum signal_source {
    SIGNAL_OF_RECORDS,   /* each settled exchange (quality/signals.h) */
    SIGNAL_OF_ATTEMPTS,  /* each attempt at a provider */
    SIGNAL_OF_SCORES,    /* scored records and feedback; `of` chooses the metric of the score */
    SIGNAL_OF_SPENDING,  /* the books of budgets */
    SIGNAL_OF_SELF,      /* a reading of this process */
};
enum signal_shape { SIGNAL_SHARE, SIGNAL_QUANTILE, SIGNAL_MEAN, SIGNAL_SUM, SIGNAL_READING };

/* SIGNAL(symbol, name, source, shape, quantile in 1/1000 (0: none), unit, true: more is worse, meaning) */
#define SIGNAL_TABLE(SIGNAL)                                                                                                       \
    SIGNAL(REQUESTS, "requests", RECORDS, SUM, 0, "1", true, "exchanges that ended in the window")                                \
    SIGNAL(ERRORS, "errors.rate", RECORDS, SHARE, 0, "share", true, "ended in error or were served degraded, of those not refused and not cancelled") \
    SIGNAL(REFUSED, "refused.rate", RECORDS, SHARE, 0, "share", true, "refused by us: key, limit, budget, malformed")             \
    SIGNAL(TRUNCATED, "truncated.rate", RECORDS, SHARE, 0, "share", true, "broke off after output had been relayed")             \
    SIGNAL(LATENCY_P50, "latency.p50", RECORDS, QUANTILE, 500, "s", true, "whole exchange, of all that we did not refuse: those that failed or whose client left waited too")               \
    SIGNAL(LATENCY_P90, "latency.p90", RECORDS, QUANTILE, 900, "s", true, "whole exchange, of all that we did not refuse: those that failed or whose client left waited too")                                             \
    SIGNAL(LATENCY_P95, "latency.p95", RECORDS, QUANTILE, 950, "s", true, "whole exchange, of all that we did not refuse: those that failed or whose client left waited too")                                             \
    SIGNAL(LATENCY_P99, "latency.p99", RECORDS, QUANTILE, 990, "s", true, "whole exchange, of all that we did not refuse: those that failed or whose client left waited too")                                             \
    SIGNAL(LATENCY_SLOW, "latency.slow_share", RECORDS, SHARE, 0, "share", true,                                                  \
           "slower than 95 % of their like were in the baseline: of the same request type and input size")                        \
    SIGNAL(TTFT_P50, "ttft.p50", RECORDS, QUANTILE, 500, "s", true, "time to the first relayed output of streams")                \
    SIGNAL(TTFT_P90, "ttft.p90", RECORDS, QUANTILE, 900, "s", true, "time to the first relayed output of streams")                                                   \
    SIGNAL(TTFT_P95, "ttft.p95", RECORDS, QUANTILE, 950, "s", true, "time to the first relayed output of streams")                                                   \
    SIGNAL(TTFT_P99, "ttft.p99", RECORDS, QUANTILE, 990, "s", true, "time to the first relayed output of streams")                                                   \
    SIGNAL(PER_TOKEN_P50, "per_token.p50", RECORDS, QUANTILE, 500, "s", true, "time for each output token behind the first")      \
    SIGNAL(PER_TOKEN_P95, "per_token.p95", RECORDS, QUANTILE, 950, "s", true, "time for each output token behind the first")                                         \
    SIGNAL(PER_TOKEN_P99, "per_token.p99", RECORDS, QUANTILE, 990, "s", true, "time for each output token behind the first")                                         \
    SIGNAL(RETRIES, "retries.rate", RECORDS, SHARE, 0, "share", true, "the same user asked the same again within seconds")        \
    SIGNAL(GAVE_UP, "users.gave_up", RECORDS, SUM, 0, "1", true, "users who asked the same three times within a minute")          \
    SIGNAL(OUTPUT_TOKENS, "output_tokens.mean", RECORDS, MEAN, 0, "tokens", true, "output tokens of an answer")                   \
    SIGNAL(PROVIDER_REQUESTS, "provider.requests", ATTEMPTS, SUM, 0, "1", true, "attempts that ended")                            \
    SIGNAL(PROVIDER_ERRORS, "provider.error_rate", ATTEMPTS, SHARE, 0, "share", true,                                             \
           "attempts that failed for a reason of the provider's: 5xx, rate limit, timeout, connection, malformed, broken off")    \
    SIGNAL(PROVIDER_LIMITED, "provider.rate_limited", ATTEMPTS, SHARE, 0, "share", true, "attempts that met a rate limit or a used up quota") \
    SIGNAL(PROVIDER_TIMEOUTS, "provider.timeout_rate", ATTEMPTS, SHARE, 0, "share", true, "attempts that ran out of time")        \
    SIGNAL(PROVIDER_TRUNCATED, "provider.truncated_rate", ATTEMPTS, SHARE, 0, "share", true, "answers that broke off")            \
    SIGNAL(PROVIDER_TTFT_P50, "provider.ttft.p50", ATTEMPTS, QUANTILE, 500, "s", true, "first output of the attempt that answered, from its own start") \
    SIGNAL(PROVIDER_TTFT_P95, "provider.ttft.p95", ATTEMPTS, QUANTILE, 950, "s", true, "first output of the attempt that answered, from its own start")                                \
    SIGNAL(PROVIDER_TTFT_P99, "provider.ttft.p99", ATTEMPTS, QUANTILE, 990, "s", true, "first output of the attempt that answered, from its own start")                                \
    SIGNAL(QUALITY_SCORE, "quality.score", SCORES, MEAN, 0, "0..1", false, "mean score of the metric `of` (quality), weighted by how records were sampled") \
    SIGNAL(QUALITY_GOOD, "quality.good_share", SCORES, SHARE, 0, "share", false, "scored 0.8 or better, of the metric `of` (quality)") \
    SIGNAL(UNSUPPORTED, "quality.unsupported_rate", SCORES, SHARE, 0, "share", true, "failed the check `of` (faithfulness): claims that the context does not support") \
    SIGNAL(FORMAT_VALID, "format.valid_rate", SCORES, SHARE, 0, "share", false, "passed the check `of` (format)")                 \
    SIGNAL(REFUSALS, "refusal.rate", RECORDS, SHARE, 0, "share", true, "the model refused, or a content filter did: by finish reason") \
    SIGNAL(LENGTH_UNUSUAL, "length.unusual_rate", SCORES, SHARE, 0, "share", true, "answers whose length was rare among their like in the 14 days before") \
    SIGNAL(FEEDBACK_NEGATIVE, "feedback.negative_rate", SCORES, SHARE, 0, "share", true, "feedback scores under 0.5")             \
    SIGNAL(COST_PER_REQUEST, "cost.per_request", RECORDS, MEAN, 0, "USD", true, "known cost of an exchange")                      \
    SIGNAL(COST_TOTAL, "cost.total", RECORDS, SUM, 0, "USD", true, "known cost in the window")                                    \
    SIGNAL(COST_OVER, "cost.over_budget", SPENDING, READING, 0, "share", true, "spent above what a budget's plan expects by now, as a share of that; by budget") \
    SIGNAL(RECORDER_LAG, "recorder.lag", SELF, READING, 0, "s", true, "age of the oldest record that is not in the ledger yet")   \
    SIGNAL(RECORDS_LOST, "records.lost", SELF, READING, 0, "1", true, "records lost since the start; must be 0")                  \
    SIGNAL(LEDGER_BYTES, "ledger.bytes", SELF, READING, 0, "B", true, "files of the ledger")                                      \
    SIGNAL(DISK_FREE, "disk.free", SELF, READING, 0, "B", false, "room left where data_dir is")                                   \
    SIGNAL(CLOCK_STEP, "clock.step", SELF, READING, 0, "s", true, "largest step of the wall clock against the monotonic one in the last hour") \
    SIGNAL(POLICY_STALE, "policy.stale", SELF, READING, 0, "s", true, "how long the configuration file has differed from what is in force") \
    SIGNAL(CERTIFICATE, "certificate.left", SELF, READING, 0, "s", false, "until the server's own certificate expires")           \
    SIGNAL(WATCH_SILENT, "watch.silent", SELF, READING, 0, "s", true, "how late a watcher is; by watcher")                        \
    SIGNAL(NOTICES_LATE, "notices.late", SELF, READING, 0, "s", true, "age of the oldest notification that no receiver has taken; by receiver")

enum signal {
#define SIGNAL(symbol, name, source, shape, quantile, unit, worse, meaning) SIGNAL_##symbol,
    SIGNAL_TABLE(SIGNAL)
#undef SIGNAL
        SIGNALS
};
struct signal_info {
    const char *name, *unit, *meaning;
    enum signal_source source;
    enum signal_shape shape;
    double quantile;             /* 0.95; 0: none */
    bool more_is_worse;
    unsigned by;                 /* dimensions that it can be told apart by: bits of enum signal_by */
};
struct signal_info signal_info(enum signal s);
bool signal_from(struct slice name, enum signal *ret);
const char *signal_source_name(enum signal_source s); /* "records", "attempts", "scores", "spending", "self" */
const char *signal_shape_name(enum signal_shape s);   /* "share", "quantile", "mean", "sum", "reading" */
const char *signal_of_default(enum signal s);         /* of a score: the metric that is meant without `of`; NULL: it has no `of` */
struct json_writer;
void signal_write_json(enum signal s, struct json_writer *w); /* one object: the table's row */

/* BY(symbol, name): what series are told apart by. Labels are the client's words: each is bounded (LIMIT_SIGNAL_SERIES). */
#define SIGNAL_BY_TABLE(BY)                                                                                                        \
    BY(APPLICATION, "application") BY(REQUEST_TYPE, "request_type") BY(MODEL, "model") BY(PROVIDER, "provider")                    \
    BY(UPSTREAM_MODEL, "upstream_model") BY(PROMPT, "prompt") BY(CONTEXT, "context") BY(FEATURE, "feature") BY(TEAM, "team")       \
    BY(BUDGET, "budget") BY(WATCHER, "watcher") BY(RECEIVER, "receiver")
enum signal_by {
#define BY(symbol, name) SIGNAL_BY_##symbol,
    SIGNAL_BY_TABLE(BY)
#undef BY
        SIGNAL_BYS
};
#define SIGNAL_BY_BIT(symbol) (1u << SIGNAL_BY_##symbol)
const char *signal_by_name(enum signal_by b);
bool signal_by_from(struct slice name, enum signal_by *ret);

/* The name of one series: of the dimensions in `by` what they are, the others SLICE_NULL; one that exchanges did not say is "". */
struct signal_series {
    unsigned by;
    struct slice is[SIGNAL_BYS];
};
/* {"application":"helpdesk","request_type":"chat"}: canonical, in the order of the table; a series' identity wherever it is kept. */
void signal_series_write(const struct signal_series *s, struct buffer *out);
bool signal_series_read(struct slice json, struct arena *arena, struct signal_series *ret) __attribute__((warn_unused_result));

/* Input sizes, so that long documents do not hide slow chats: "<1k", "1k-4k", "4k-16k", "16k-64k", ">=64k" tokens; "" when not counted. */
struct slice signal_context(int64_t input_tokens);

#endif
