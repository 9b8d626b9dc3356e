/* load.h - the staging load test: an open loop, so that a slow server cannot hide.
 *
 * Arrivals come from a trace or at a fixed rate (exponential gaps from the seed) and are kept, however slow
 * the answers. Latency counts from the planned arrival, so waiting behind a slow server is in it (no
 * coordinated omission). */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "base/histogram.h"
#include "io/loop.h"

struct load_options {
    const char *url; /* "http://127.0.0.1:4000" */
    const char *key, *model;
    bool anthropic; /* dialect; default OpenAI */
    bool stream;
    struct slice trace; /* CSV text: TIMESTAMP,ContextTokens,GeneratedTokens; SLICE_NULL: --rate */
    const char *trace_name;
    double rate;           /* requests a second */
    double speed;          /* divides the trace's gaps */
    double context_growth; /* multiplies input tokens: 1.3 is the rehearsal of next quarter */
    bool exact; /* prompts start with "[sim input=... output=...]": the simulator then counts just that */
    int64_t input_tokens, output_tokens; /* of every request at a --rate; 0: drawn, medians 600 and 120 */
    int64_t timeout_us;                  /* a request that takes longer has failed; 0: two minutes */
    uint64_t requests;                   /* stop after so many; 0: the whole trace, or duration */
    int64_t duration_us;                 /* 0: no limit */
    unsigned max_in_flight;              /* arrivals above it are counted as not sent; 0: 20,000 */
    const char *request_type, *user;     /* labels to send; NULL: none */
    const char *prompt;                  /* name it in place of a model and messages of our own (load_prompt.h); NULL: none */
    struct slice variables;              /* JSON lines; SLICE_NULL: none */
    const char *variables_name;
    uint64_t users;                      /* each request is of one of so many; 0: `user` */
    uint64_t seed;
};

#define LOAD_CONTEXT_BUCKETS 6 /* input tokens: <256, <1k, <4k, <16k, <64k, more */

struct load_bucket {
    uint64_t requests, errors;
    struct histogram total, first_token, per_token; /* microseconds */
    int64_t input_tokens, output_tokens;
    int64_t cost_nano; /* from x-quarterdeck-cost-usd or by the records; priced ones */
    uint64_t unpriced;
};

struct load_result {
    uint64_t planned, sent, ok, failed, not_sent;
    struct {
        char name[48];
        uint64_t count;
    } errors[32]; /* by error code or transport result */
    unsigned n_errors;
    double seconds;
    struct load_bucket all, by_context[LOAD_CONTEXT_BUCKETS];
    int64_t expected_input_tokens, expected_output_tokens; /* what the trace asked for */
    int64_t
        late_us_max; /* how far behind its own plan the generator fell: over 100 ms the numbers are suspect */
};

/* Runs on `l` until done (it calls loop_run) or `*stop` is set by a signal. `progress` is called about once a
 * second. */
enum fault load_run(struct loop *l, const struct load_options *o, volatile int *stop,
                    void (*progress)(void *ctx, const struct load_result *so_far), void *ctx,
                    struct load_result *ret, struct error *error) MUST_CHECK;
void load_result_deinit(struct load_result *r);
struct load_bucket *load_bucket_of(struct load_result *r, uint64_t input_tokens); /* of by_context */
/* The result as JSON (for --json and --compare), and back. */
void load_write_json(const struct load_options *o, const struct load_result *r, struct buffer *out);
/* A table for people; with `before` (a JSON document from a former run) side by side with the ratio. */
enum fault load_write_table(const struct load_result *r, struct slice before, struct buffer *out,
                            struct error *error) MUST_CHECK;

#endif
