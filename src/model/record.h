/* record.h - the one row written per exchange, and its two encodings.
 *
 * Slices are borrowed (from the exchange's arena when made, from the decoding arena when read).
 * SLICE_NULL is null. The compact form is what the flight recorder and the ledger keep; the JSON form
 * is the public one (docs/reference/record.md). */
#ifndef MODEL_RECORD_H
#define MODEL_RECORD_H

#include "base/arena.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/money.h"
#include "model/call.h"
#include "model/charge.h"
#include "model/usage.h"

/* 48 bits of milliseconds, 10 of microseconds within, 70 random ones; as text 26 characters of Crockford base32, sortable
 * by time (a ULID). */
struct record_id {
    uint8_t bytes[16];
};
#define RECORD_ID_TEXT 27
void record_id_new(struct record_id *ret, int64_t wall_us);
void record_id_format(const struct record_id *id, char out[RECORD_ID_TEXT]);
bool record_id_parse(struct slice text, struct record_id *ret);
int64_t record_id_time_us(const struct record_id *id); /* to the millisecond */

#define RECORD_STATUS_TABLE(STATUS)                                                                           \
    STATUS(OK, "ok")               /* a whole answer */                                                       \
    STATUS(TRUNCATED, "truncated") /* output was relayed, the end never came */                               \
    STATUS(REFUSED, "refused")     /* we did not send it: key, model, limit, malformed */                     \
    STATUS(ERROR, "error")         /* every attempt failed, or the provider refused */                        \
    STATUS(CANCELLED, "cancelled") /* the client left */                                                      \
    STATUS(DEGRADED, "degraded")   /* the configured stand-in was served */

enum record_status {
#define STATUS(symbol, name) RECORD_##symbol,
    RECORD_STATUS_TABLE(STATUS)
#undef STATUS
        RECORD_STATUS_COUNT
};
const char *record_status_name(enum record_status s);
bool record_status_from_name(struct slice name, enum record_status *ret);

/* Of a rollout. REST and CONTROL were served by the current version while another was tried; CONTROL is as many as CANDIDATE. */
enum arm { ARM_NONE, ARM_REST, ARM_CONTROL, ARM_CANDIDATE, ARMS };
const char *arm_name(enum arm a); /* "rest", "control", "candidate"; NULL for ARM_NONE */

struct record_attempt {
    struct slice provider, model;
    int http_status;  /* 0: none was received */
    enum fault error; /* FAULT_NONE: it answered */
    uint32_t ms;
};

struct record {
    struct record_id id;
    int64_t time_us; /* wall, when the request was complete */
    struct slice application, key, user, session, feature, team, request_type;
    struct slice tags;               /* "k=v,k=v" */
    struct slice dialect;            /* the client's */
    enum endpoint endpoint;
    struct slice model;              /* what the client asked for */
    struct slice provider, target_model; /* who answered; null when nobody did */
    struct slice upstream_model, system_fingerprint, finish_reason;
    struct slice prompt_name, prompt_version;
    bool stream;
    enum record_status status;
    int http_status;                 /* sent to the client */
    enum fault error;
    struct slice error_text;         /* words behind `error`; never payload */
    struct record_attempt attempts[LIMIT_ATTEMPTS];
    unsigned n_attempts;
    struct slice cache;              /* null, "hit", "degraded", "once" */
    struct usage usage;
    int64_t cost_nano;               /* MONEY_UNKNOWN: null */
    struct charge charge;            /* the cost by meter, when it was settled by a price; sums to it */
    int64_t history_tokens_saved;    /* estimate, of messages that were not sent on; -1: no policy was applied */
    int64_t output_cap;              /* a limit of the output was lowered or set to it; -1: none was */
    int64_t ttft_us;                 /* -1: no output was relayed */
    int64_t duration_us, overhead_us;
    int64_t request_bytes, response_bytes; /* bodies, as received from and sent to the client */
    uint8_t system_prompt_hash[16];
    bool has_system_prompt;
    uint32_t dropped_events;         /* malformed stream events left out */
    bool back_to_primary;            /* first answer of the primary after its breaker had opened */
    int64_t saved_nano;              /* cache "hit" and "once": what the answer had cost; MONEY_UNKNOWN: null */
    int32_t cache_similarity_ppm;    /* cache "hit" of a question in other words: how alike, 0..10^6; -1: the same question */
    int32_t difficulty_ppm;          /* as routing by difficulty saw it, 0..10^6; -1: the model has no tiers */
    struct slice tier;               /* what it chose; SLICE_NULL with difficulty_ppm -1 */
    bool tier_applied;               /* false: it was in shadow, and routing went on as without it */
    struct slice batch;              /* id of the batch that this is a line of */
    int64_t rollout;                 /* number of the rollout under way for its prompt; 0: none, or a version was asked for by name */
    enum arm arm;                    /* NONE too where nobody is served the candidate yet (its shadow stage) */
    uint32_t rollout_step;           /* which weights the arm was drawn with (deployment.h) */
    struct slice knowledge;          /* x-quarterdeck-kb: "NAME@V" */
    uint64_t input_hash;             /* of the request's body as received, with this installation's key: equal for equal ones; 0: none */
};

void record_init(struct record *r); /* nulls */

/* Compact, self-delimiting, versioned. At most LIMIT_RECORD bytes: labels are cut to LIMIT_LABEL first. */
bool record_encode(const struct record *r, struct buffer *out) MUST_CHECK;
bool record_decode(struct slice bytes, struct arena *arena, struct record *ret) MUST_CHECK;

/* The public JSON object. */
void record_write_json(const struct record *r, struct json_writer *w);

#endif
