/* batch_private.h - the inside of the batch desk. All of it runs on the desk's thread, on its own event loop. */
#ifndef COST_BATCH_PRIVATE_H
#define COST_BATCH_PRIVATE_H

#include "base/list.h"
#include "cost/batch.h"
#include "dialect/dialect.h"
#include "io/http_call.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- a request and its whole reply, with what batches read in its head ---- */
struct batch_http {
    struct http_call call;
    int64_t retry_after_us; /* -1: not said */
    char request_id[64];    /* x-quarterdeck-id, else x-request-id */
};
void batch_http_init(struct batch_http *h, struct loop *l, size_t max_reply, void (*done)(struct http_call *call));
void batch_http_start(struct batch_http *h, struct http_route *r, const char *const *headers, struct slice body, int64_t timeout_us);

/* ---- batches under way ---- */
struct batch_active {
    struct list link;
    struct batch_desk *desk;
    struct batch row; /* as stored, but for the counts; texts in the arena */
    struct arena arena;
    /* local queue */
    int64_t cursor;        /* pending lines up to here are under way */
    unsigned in_flight, allowed; /* allowed: lines at once, halved by refusals and grown by answers */
    int64_t not_before_us; /* monotonic: a rate limit asked to wait */
    unsigned refusals;     /* one after the other */
    bool all_sent;
    /* passed on */
    struct batch_http http;
    struct buffer body;      /* what is sent */
    struct slice looked_to;  /* the last of the provider's batches that was looked at */
    struct loop_timer timer;
    unsigned failures;
    int asking;              /* the step that is under way: what is next may have changed meanwhile */
    bool asked_to_cancel, reserved, may_be_recorded; /* may_be_recorded: look in the ledger before recording a line */
    struct reservation reservation;
    int64_t booked; /* the line that was booked but not yet recorded */
};

/* A line that was sent. */
struct batch_flight {
    struct list link;
    struct batch_active *batch;
    struct batch_line line; /* custom_id in the arena */
    struct arena arena;
    struct buffer body;
    struct batch_http http;
    struct loop_timer timer;
    struct slice content; /* what is sent, in body */
    const char *headers[16];
    unsigned tries;
};

enum { BATCH_CHAT, BATCH_EMBEDDINGS, BATCH_RESPONSES, BATCH_ENDPOINTS };

struct batch_desk {
    struct batch_services s;
    struct loop *loop;
    pthread_t thread;
    atomic_bool running;
    atomic_bool quiet, closed;
    _Atomic uint64_t passed; /* counts what was posted to see the loop go round */
    atomic_uint jobs; /* requests that are not yet concluded */
    uint16_t port;
    char *credential;
    struct batches *store;
    struct http_client *client;
    struct http_route *inside[BATCH_ENDPOINTS];
    struct metric_shard *metrics;
    struct list active;  /* every unfinished batch */
    unsigned n_active;
    struct list flights;
    unsigned n_flights;
    struct loop_timer tick;
    uint64_t ticks;
    struct {
        _Atomic int64_t batches, waiting, sent, at_provider, file_bytes;
    } shown; /* what batch_desk_view gives */
};

/* ---- batch_desk.c ---- */
struct batch_active *batch_adopt(struct batch_desk *d, const struct batch *row); /* copies the row */
void batch_drop(struct batch_active *a);      /* it is over: releases what it holds */
struct batch_active *batch_find_active(struct batch_desk *d, struct slice id);
void batch_pump(struct batch_desk *d);        /* whatever can go on does */
/* Stores the row. False: it could not, and was logged; the row in memory stays ahead and is stored with the next change. */
bool batch_store(struct batch_active *a);
/* Random id: `prefix` and 24 hexadecimal digits. */
struct slice batch_new_id(const char *prefix, struct arena *arena);
int batch_endpoint(struct slice path, enum endpoint *ret); /* BATCH_CHAT...; -1: none that a batch may have */
void batch_cancel(struct batch_active *a);
bool batch_is_paused(const struct batch_active *a); /* what is under way goes on, and is kept */
void batch_count(struct batch_desk *d, struct slice application, bool answered);

/* ---- batch_check.c: VALIDATING -> IN_PROGRESS or FAILED ---- */
void batch_check(struct batch_active *a);
void batch_fail(struct batch_active *a, const char *code, const char *message);
/* The members of a line of the input file. False: no JSON object. */
struct batch_asked {
    struct slice custom_id, method, url, body;
};
bool batch_read_line(struct slice text, struct arena *arena, struct batch_asked *ret);

/* ---- batch_queue.c: the local queue ---- */
void batch_queue_send(struct batch_desk *d);
void batch_queue_free(struct batch_desk *d); /* cancels what is under way */

/* ---- batch_pass.c: at a provider ---- */
void batch_pass_next(struct batch_active *a);
void batch_pass_later(struct batch_active *a, int64_t delay_us);

/* ---- batch_settle.c: results of a provider to lines and records ---- */
/* FAULT_NONE: all is stored. Another fault: call again later with the same. */
enum fault batch_settle(struct batch_active *a, struct slice results, struct error *error) MUST_CHECK;
enum fault batch_settle_rest(struct batch_active *a, struct error *error) MUST_CHECK; /* the lines without a result */
/* The request type that its labels name; SLICE_NULL: none. */
struct slice batch_request_type(const struct batch *row);
/* What it may cost at most: reserves it. */
bool batch_reserve(struct batch_active *a, const struct policy *p, enum spending how, struct verdict *ret);

/* ---- batch_finish.c: FINALIZING -> its end ---- */
void batch_finish(struct batch_active *a);
/* A line of an output or error file. `body` raw JSON; code NULL: there is a response. */
void batch_write_result(struct slice custom_id, struct slice request_id, int status, struct slice body, const char *code,
                        const char *message, struct buffer *out);

/* ---- batch_door.c: the HTTP requests ---- */
struct batch_job {
    struct batch_desk *desk;
    struct loop *loop; /* the request's */
    struct http_request *request;
    struct arena arena;
    struct slice method, path, query, body; /* the request's own, stable until it is concluded */
    struct slice content_type, labels;
    struct slice application, key;
    struct digest key_digest;
    int64_t approved_nano;
    int status;
    const char *answer_type;
    struct buffer answer;
};
void batch_door_answer(struct batch_job *j);
void batch_file_write(const struct batch_file *f, struct json_writer *w);

#endif
