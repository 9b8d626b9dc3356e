/* exchange.h - one client call while it is under way, and the state machine that moves it.
 *
 *   ROUTE ──route_next──> ATTEMPT ──head 200 + event stream──> STREAM ──terminal event──> DONE
 *     ^  ^                  │  └───head, body complete───────────────────────────────────> DONE
 *     │  └──RETRY_NEXT──────┤
 *   BACKOFF <──RETRY_SAME───┘         DONE: the record is written; bytes may still be on their way
 *
 * Invariants
 *  1. exchange_enter is the only writer of `state`.
 *  2. Exactly one record: settle() runs once, on the way into DONE, before the client can hold the
 *     whole answer.
 *  3. `transfer` is set exactly while an attempt's callbacks may come, or its last one is running.
 *  4. `committed` is set once the client has our head; from then on there is no retry and no fallback.
 *  5. The request is concluded exactly once, and never after on_finished.
 *  6. Memory is one arena, reset when the exchange returns to the pool; `scratch` is reset per event.
 *  7. An exchange returns to the pool when its request is finished and no transfer is open. */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include "base/list.h"
#include "dialect/dialect.h"
#include "dialect/trim.h"
#include "gateway/alike.h"
#include "gateway/answers.h"
#include "gateway/gateway.h"
#include "gateway/health.h"
#include "gateway/once.h"
#include "io/sse.h"
#include "model/tiers.h"

/* A policy as one gateway uses it: prepared upstream endpoints and shared health per target. */
struct bound_target {
    struct health *health;
    struct http_route *routes[ENDPOINT_COUNT]; /* made on first use */
};

struct binding {
    struct policy *policy; /* held */
    unsigned references;
    struct bound_target *targets; /* by target->index */
};

struct gateway_shared {
    struct health_table *health;
    struct answers *answers; /* for degraded service */
    struct answers *exact;   /* the exact cache; the answers of the semantic one too */
    struct alike *alike;     /* the semantic cache's wordings */
    uint8_t question_key[DIGEST_KEY]; /* random, for its questions and for names */
    struct once *once;       /* what is asked once in all time */
};

struct gateway {
    struct loop *loop;
    unsigned lane;
    struct gateway_shared *shared;
    struct metric_shard *metrics;
    struct gateway_sinks sinks;
    struct http_server *server, *inside; /* inside: NULL without gateway_listen_inside */
    struct http_client *client;
    struct binding *binding; /* the one in force */
    struct deployments *deployments; /* held; NULL: no prompt is registered */
    struct system_texts *system_texts; /* met lately (prompt.c) */
    struct list idle;        /* exchanges to reuse */
    struct list active;
    unsigned n_active, n_idle;
    unsigned n_alone;        /* exchanges that go on without their client, and */
    size_t alone_bytes;      /* what they hold */
    struct metric_cell *active_cell, *overhead_cell;
};

enum exchange_state {
    EXCHANGE_NEW,     /* not yet routed */
    EXCHANGE_ATTEMPT, /* waiting for an upstream's head, or collecting its body */
    EXCHANGE_STREAM,  /* reading an upstream's events */
    EXCHANGE_BACKOFF, /* pausing before the same target again */
    EXCHANGE_DONE,    /* settled */
};

/* Why the one phase timer of an exchange is running. */
enum phase { PHASE_NONE, PHASE_ANSWER, PHASE_IDLE, PHASE_BACKOFF, PHASE_AFTER_FINISH, PHASE_DRAIN };

struct exchange {
    struct list link; /* gateway.idle or gateway.active */
    struct gateway *gateway;
    struct http_request *request; /* NULL once finished */
    struct binding *binding;
    struct arena arena, scratch;
    enum exchange_state state;

    /* the client's side */
    const struct dialect *client;
    struct call call;
    struct slice asked_prompt;      /* x-quarterdeck-prompt; empty: none */
    struct slice body;              /* what is asked: the client's, or its prompt's and the client's put together */
    struct buffer prompted;         /* the latter */
    bool inside;                    /* this process asks itself (gateway_listen_inside) */
    bool unheld;                    /* and wants to know of the version that waits: a hold is not followed */
    bool to_shadow;                 /* to be handed to sinks.shadow when it is whole */
    const struct api_key *key;
    const struct model_route *model;
    struct record record;
    struct slice passed_headers[4]; /* "name: value", handed on to a target of the same wire */
    unsigned n_passed_headers;
    bool no_store, no_cache;        /* x-quarterdeck-cache */
    int64_t approved_nano;          /* x-quarterdeck-approve-cost; -1: not given */
    bool concluded;  /* respond, stream_end or abandon was called */
    bool committed;

    /* money and rate */
    struct input_count counted;
    int64_t estimate_nano;          /* said by a refusal for its cost; MONEY_UNKNOWN: not the reason */
    struct reservation reservation;
    bool reserved;                  /* to be settled or released */
    bool pseudonymous;              /* the record's user and tags are pseudonyms, or gone: they may be kept */
    struct rate_state requests_left, tokens_left; /* limit -1: none applies */

    /* the exact cache and the semantic one */
    struct answer_key question, question_class;
    struct embedding *wording;      /* the question may be answered in other words; NULL: not */
    bool to_cache;                  /* the answer is to be kept under `question` */
    bool cache_missed;
    bool cheapest_first;            /* a budget turned the order around: not the answer that is asked for on other days */

    /* x-quarterdeck-once */
    struct slice once;              /* the name; SLICE_NULL: none */
    struct answer_key once_name;
    uint8_t once_asked[ANSWER_KEY_BYTES];
    bool once_runs;                 /* it is the first of its name: goes on without its client, and ends with once_settle */
    bool once_alone;                /* it does: counted in gateway.n_alone */
    int64_t once_us;                /* of an answer that was given before: how long that took, and who answered */
    const char *once_target;

    /* routing */
    int64_t stands_in;             /* the action by which no provider is asked; 0: none */
    const struct tier *tier;       /* of a model with tiers, the one that is tried first; NULL: it has none */
    const struct target *order[LIMIT_TARGETS]; /* in the order to try */
    unsigned n_order, at;          /* at: index of the current target */
    unsigned tries;                /* of the current target */
    const struct target *target;
    const struct dialect *upstream;
    bool same_wire;
    enum admission admission;      /* of the current attempt; ADMIT_NO: none is open */
    int64_t above_window;          /* only targets with a larger context window than this; -1: any */
    struct error cannot;           /* why a target could not say this call; fault NONE: all could */
    bool in_passing;               /* a target that could serve the call rests, or failed for a reason that passes */
    struct upstream_error last;    /* of the last failed attempt */
    int64_t retry_after_us;        /* the soonest that a target asked for; -1 */

    /* the current attempt */
    struct http_transfer *transfer;
    struct buffer request_body;    /* spliced or translated */
    struct buffer reply_body;      /* collected upstream bytes */
    int64_t attempt_us;            /* start */
    int upstream_status;
    bool paused;
    bool transfer_over;            /* its on_done is running: nothing to cancel */

    /* relaying a stream */
    struct sse_reader sse;
    struct stream_reader reader;
    struct stream_writer writer;
    struct buffer frames;          /* client bytes not yet handed over; before the commit: all of them */
    struct buffer copy;            /* the client's bytes again, when they are kept or captured */
    struct slice answer_type;      /* their content type */
    int64_t first_output_us;
    uint64_t output_bytes;         /* text of output events: the estimate of what was consumed */
    bool output_seen, keep_copy;

    /* accounting */
    int64_t begin_us, waiting_since_us, waited_us;
    struct loop_timer phase_timer, total_timer, hold_timer;
    enum phase phase;
};

/* ---- exchange.c: the only writer of `state`, the timers, the client's answer ---- */
struct exchange *exchange_begin(struct gateway *g, struct http_request *r, const struct dialect *client, enum endpoint e);
void exchange_request(struct exchange *x); /* the body is here: read, resolve, route */
void exchange_enter(struct exchange *x, enum exchange_state state);
void exchange_woke(struct exchange *x);    /* at the head of every callback: waiting for others ends */
void exchange_waits(struct exchange *x);   /* at its end: waiting begins */
int64_t exchange_overhead_us(const struct exchange *x);
void exchange_phase(struct exchange *x, enum phase phase, int64_t delay_us); /* PHASE_NONE stops the timer */
/* Settles and answers with a fault of ours in the client's dialect. Not after the commit. */
void exchange_refuse(struct exchange *x, enum record_status status, enum fault fault, const char *text);
/* Answers whole and concludes; settle() came before. *body's memory is taken. */
void exchange_answer(struct exchange *x, int status, const char *content_type, struct buffer *body);
void exchange_client_gone(struct exchange *x);
void exchange_upload_ended(struct exchange *x, enum record_status status, enum fault fault); /* the body never came whole */
void exchange_abort(struct exchange *x, enum fault fault); /* the server is stopping */
void exchange_free(struct exchange *x);     /* one that is on no list */
void exchange_release(struct exchange *x); /* back to the pool once nothing refers to it */

/* ---- the stages, one file each ---- */
/* labels.c: headers -> record labels, credential, passed headers */
enum fault labels_read(struct exchange *x, struct slice *ret_credential, struct error *error) MUST_CHECK;
struct slice label_cut(struct slice s);   /* to LIMIT_LABEL, not inside a character */
/* authenticate.c: credential -> key */
enum fault authenticate(struct exchange *x, struct slice credential, struct error *error) MUST_CHECK;
/* The same for a request that is no exchange. */
enum fault authenticate_request(struct gateway *g, const struct http_request *r, const struct api_key **ret, struct error *error) MUST_CHECK;
/* prompt.c: x-quarterdeck-prompt -> version and arm; what is asked, read. Without it: the body as it came */
enum fault prompt_read_request(struct exchange *x, struct error *error) MUST_CHECK;
void prompt_settle(struct exchange *x);   /* to the sinks of change, when the record is written */
struct system_texts *system_texts_new(void); /* for mem_free */
/* resolve.c: model name -> targets in the order to try */
enum fault resolve(struct exchange *x, struct error *error) MUST_CHECK;
/* pseudonym.c: what an application with payloads.capture: none keeps of user and tags; before anything counts by them */
void pseudonymize(struct exchange *x);
void resolve_any_tier(struct exchange *x); /* with tiers: all of them may serve, whatever was chosen */
/* intervene.c: what is in force of actions; each only where gateway_intervenes */
static inline bool gateway_intervenes(const struct gateway *g) { return g->deployments && g->deployments->n_interventions > 0; }
enum fault intervene_key(const struct gateway *g, const struct api_key *key, struct error *error) MUST_CHECK; /* frozen? */
bool intervene_throttled(struct exchange *x) MUST_CHECK; /* true: refused, and answered */
void intervene_model(struct exchange *x, struct model_route **m); /* sets stands_in, or the model that is asked in its stead */
unsigned intervene_tier(const struct exchange *x, unsigned lead); /* the tier that is tried first */
void intervene_order(struct exchange *x);  /* who is asked last, and who first */
enum forced_breaker { BREAKER_FREE, BREAKER_FORCED_OPEN, BREAKER_FORCED_CLOSED };
enum forced_breaker intervene_breaker(const struct exchange *x, const struct target *t, int64_t *ret_opens_in_us); /* of a forced open one */
bool intervene_quarantined(const struct gateway *g, struct slice application, const struct answer_origin *o);
/* reserve.c: limits, budgets, approvals; false: refused, and answered */
bool reserve(struct exchange *x) MUST_CHECK;
void reserve_settle(struct exchange *x, bool used); /* once the record's usage and cost are known; before it is stripped */
/* cache.c: true: answered with an earlier answer to the same question */
bool cache_serve(struct exchange *x) MUST_CHECK;
void cache_keep(struct exchange *x);      /* when the record is complete, its answer if it may be given again */
void cache_replay(struct exchange *x, const struct answer *a, struct slice how); /* `how`: record.cache */
void cache_origin(const struct exchange *x, struct answer_origin *ret); /* of an answer that is kept */
bool cache_may_give(const struct exchange *x, const struct answer *a); /* false: an action says that it is not given again */
/* once.c: true: answered, with the answer that this name got before, or refused */
bool once_serve(struct exchange *x) MUST_CHECK;
bool once_goes_on(struct exchange *x);       /* when its client is gone, unless too many do already */
void once_settle(struct exchange *x);        /* when the record is written */
/* route.c: which target now, and what after a failure */
void route_next(struct exchange *x);      /* the current target if it can be used, else the next, else the end */
void route_failed(struct exchange *x, const struct upstream_error *why);
void route_out_of_time(struct exchange *x);
void route_to_nobody(struct exchange *x); /* as if all targets rested */
/* attempt.c: one upstream try */
enum fault attempt_prepare(struct exchange *x, struct error *error) MUST_CHECK; /* the body for x->target */
void attempt_start(struct exchange *x);
void attempt_cancel(struct exchange *x);  /* closes the upstream; says nothing about it */
void attempt_ended(struct exchange *x, enum fault outcome); /* books it: record, health, metrics */
void attempt_failed(struct exchange *x, enum fault fault, const char *text); /* cancel, book, route on */
/* relay.c: an upstream's answer to the client */
void relay_reset(struct exchange *x);     /* forgets what a former attempt brought */
void relay_whole(struct exchange *x);     /* a complete 2xx body is in reply_body */
void relay_begin(struct exchange *x);     /* a stream's head is here */
enum http_flow relay_bytes(struct exchange *x, struct slice bytes);
void relay_resume(struct exchange *x);    /* the client has taken what had paused the upstream */
void relay_held_long_enough(struct exchange *x); /* hold_back.time is over */
void relay_end(struct exchange *x, enum http_result result);
void relay_complete(struct exchange *x);  /* the stream is whole */
void relay_stop(struct exchange *x, enum fault fault, const char *text); /* it failed: retry, or end it with an error event */
void relay_commit(struct exchange *x);
/* Notes the body of a whole answer, before settle(): its size, and a copy where one is kept. */
void relay_keep_whole(struct exchange *x, const char *content_type, struct slice body);
/* degraded.c: the configured stand-in; false when there is none */
bool degraded_serve(struct exchange *x);
/* settle.c: usage, cost, the record, metrics; once an exchange */
void settle(struct exchange *x, enum record_status status, int http_status, enum fault fault, const char *text);
#define SETTLE_HEADERS 24
unsigned settle_headers(struct exchange *x, const char *content_type, struct http_header out[SETTLE_HEADERS]);
/* binding.c */
struct binding *binding_new(struct gateway *g, struct policy *p);
void binding_drop(struct binding *b);
struct http_route *binding_route(struct gateway *g, struct binding *b, const struct target *t, enum endpoint e, struct error *error);
/* models.c: GET /v1/models */
void models_answer(struct exchange *x, struct slice name);

#endif
