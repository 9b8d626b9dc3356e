/* review_payload.h - between choosing a sample (review_sample.c) and measuring its payloads
 * (review_payload.c). */
#ifndef COST_REVIEW_PAYLOAD_H
#define COST_REVIEW_PAYLOAD_H

#include "cost/review_sample.h"

#define REVIEW_NOWHERE UINT32_MAX

#define REVIEW_BY_TYPE (SPEND_BIT(APPLICATION) | SPEND_BIT(REQUEST_TYPE))
#define REVIEW_BY_FEATURE (SPEND_BIT(APPLICATION) | SPEND_BIT(FEATURE))
#define REVIEW_BY_WORK (REVIEW_BY_TYPE | SPEND_BIT(MODEL) | SPEND_BIT(PROVIDER) | SPEND_BIT(TARGET_MODEL))
#define REVIEW_BY_PROMPT (REVIEW_BY_WORK | SPEND_BIT(SYSTEM_PROMPT))

enum review_look { REVIEW_LOOK_PROMPT, REVIEW_LOOK_CHUNKS, REVIEW_LOOK_REPEATS };

struct review_sampled { /* one record */
    struct record_id id;
    int64_t time_us, output, cost_nano;
    uint32_t run;                   /* records of one run stood in a row */
    uint32_t type, prompt, feature; /* places in the rows; REVIEW_NOWHERE */
    uint8_t dialect, endpoint;
    uint8_t looks; /* bits 1 << enum review_look: what its payload is read for */
    bool whole;    /* its status is ok */
};

/* Measures what is kept of the marked ones. `at` is put in order of id. */
enum fault review_read_payloads(struct review_build *b, struct ledger *l, struct review_sampled *at, size_t n,
                                struct error *error) MUST_CHECK;

#endif
