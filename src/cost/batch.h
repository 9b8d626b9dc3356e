/* batch.h - work that can wait: OpenAI's files and batches, answered and carried out on a thread of their own.
 *
 * A batch is a file of requests. Where all its lines ask for models whose first target is one model of one provider
 * with `batch: true`, it is passed on there (batch_pass.c), else this server sends its lines one by one (batch_queue.c)
 * through its own listener, each as an exchange like any other that takes of rate limits only what is idle.
 *
 * Everything stands in store/batches.h before anything depends on it, so that a batch goes on after any end of the process:
 * a line that has its result is not sent again; one that was under way is, and may be paid for twice. A batch that a
 * provider has is never created twice: it is looked for by its id in our metadata first.
 *
 * Money. Lines of the local queue are reserved and booked by their exchanges. A batch that is passed on reserves its
 * worst case at batch prices in one, when it is sent and again at a restart; when its results are here, each line becomes
 * one record, under an id made of the batch and the line, booked before it is recorded, and then the reservation
 * is released. So what budgets have spent is the sum of the records, whenever the process ends. */
#ifndef COST_BATCH_H
#define COST_BATCH_H

#include "base/metric.h"
#include "io/http_server.h"
#include "model/admission.h"
#include "store/batches.h"
#include "store/ledger.h"

struct batch_desk;

/* What the server lends. All must outlive the desk; the functions are called on the desk's thread. */
struct batch_services {
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    /* Keeps a record, as the gateway's sink does. */
    enum fault (*record)(void *ctx, const struct record *r);
    /* An action has lines of this batch wait (model/intervention.h). NULL: none does. */
    bool (*paused)(void *ctx, struct slice application, struct slice batch);
    struct admission_calls admission;
    struct token_calls tokens;
    unsigned lane; /* what `tokens` calls this thread */
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    const char *data_dir;
    struct slice inside; /* the credential of gateway_listen_inside */
};

/* What a former process left is taken up, and what it may cost reserved again: before anybody else may spend it. */
struct batch_desk *batch_desk_new(const struct batch_services *s, struct error *error) MUST_CHECK;
/* Once lanes listen inside, at `port`. */
enum fault batch_desk_start(struct batch_desk *d, uint16_t port, struct error *error) MUST_CHECK;

/* On the thread of `loop`. The desk concludes the request, in a later turn of `loop`. The key is needed no longer. */
void batch_desk_take(struct batch_desk *d, struct loop *loop, struct http_request *r, const struct api_key *key);
/* From any thread: cancels somebody's batch, as its owner could. */
void batch_desk_cancel(struct batch_desk *d, struct slice id);

/* From any thread: what is under way, as of the last second. */
struct batch_queue_view {
    int64_t batches;                    /* that are not finished */
    int64_t waiting, sent, at_provider; /* their lines without an end */
    int64_t file_bytes;                 /* of all that is kept, as of the last minute */
};
void batch_desk_view(const struct batch_desk *d, struct batch_queue_view *ret);

/* From another thread: until it has ended what it was in the midst of, so that what was booked is recorded too. */
void batch_desk_let_pass(struct batch_desk *d, int64_t longest_us);
void batch_desk_quiesce(struct batch_desk *d); /* sends nothing more; what is under way goes on */
void batch_desk_stop(struct batch_desk *d);    /* the thread ends; the loops must still run */
void batch_desk_free(struct batch_desk *d);    /* accepts NULL */

/* The batch object of OpenAI; `operator`: with application and route as well. */
void batch_write(const struct batch *row, bool for_operator, struct json_writer *w);

#endif
