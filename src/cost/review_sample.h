/* review_sample.h - what the sums cannot say, measured on a bounded sample: lengths of answers, and of
 * captured exchanges what they share, repeat and use. Private to the review.
 *
 * Records: all of the window up to REVIEW_RECORDS, else REVIEW_RUNS runs of records in a row, spread so that
 * each begins after an equal part of the window's requests. Payloads, where they are captured:
 * REVIEW_EXCHANGES of each of the REVIEW_GROUPS costliest system prompts and features, spread evenly over the
 * sampled records; for repeats REVIEW_REPEATS in a row of each of the costliest request types; all together
 * no more than REVIEW_BYTES. */
#ifndef COST_REVIEW_SAMPLE_H
#define COST_REVIEW_SAMPLE_H

#include "cost/review_private.h"

#define REVIEW_RECORDS 16000 /* some 0.2 s, where they are an eighth of all */
#define REVIEW_RUNS 64
#define REVIEW_EXCHANGES 200
#define REVIEW_REPEATS 1000
#define REVIEW_GROUPS 8
#define REVIEW_BYTES (256u << 20)
#define REVIEW_INSTRUCTIONS 400 /* of one prompt; a longer one is looked at so far */

/* Of a request type. */
struct review_lengths {
    size_t records; /* whole answers with output tokens; quantiles are exact over these */
    int64_t p50, p99, longest;
    double excess;          /* part of all their output tokens that is beyond the 99th percentile */
    size_t longer;          /* answers beyond it */
    size_t asked, repeated; /* exchanges compared; those whose question came within REVIEW_REPEAT_US before */
    double cost, repeated_cost; /* nano-dollars of both */
};
#define REVIEW_REPEAT_US (3600 * 1000000LL) /* the ttl that is proposed */

/* Of a system prompt. */
struct review_prompt {
    size_t pairs, warm; /* requests after another one; those within REVIEW_WARM_US of it */
    size_t exchanges;   /* read */
    int64_t prefix_tokens;
    bool exact; /* the provider's own tokenizer, and not an estimate */
    int64_t system_tokens;
    size_t answered; /* exchanges with their answer: those that instructions were looked for in */
    unsigned instructions, told,
        unused; /* in the prompt; of these with words of their own; of these met nowhere */
    int64_t unused_tokens;
    struct slice unused_lines; /* "3, 7, 12": where they begin */
    struct record_id example;
};
#define REVIEW_WARM_US (300 * 1000000LL) /* how long OpenAI and Anthropic keep a prefix at least (2025) */

/* Of a feature. */
struct review_chunks {
    size_t sampled;   /* exchanges with an answer */
    size_t exchanges; /* of these with two chunks or more */
    size_t chunks, used;
    unsigned enough;       /* that many from the start hold 95 % of those used */
    int64_t tokens;        /* of all chunks */
    int64_t beyond_tokens; /* of those behind `enough` */
    struct record_id example;
};

/* Fills `lengths`, `prompt` and `chunks` of the rows that were looked at; in the build's arena. */
enum fault review_sample(struct review_build *b, struct ledger *l, const struct review_query *q,
                         struct error *error) MUST_CHECK;

#endif
