/* wire_batch.h - files and batches in a running server: the desk, between the gateways and the stores.
 *
 * Order: new (which reserves again what is at providers) once the stores and domain 2 are there; sinks before the gateways are made; listen on each of them before its
 * thread runs; start when they run. At the end: quiesce, run the lanes down, stop, end the lanes, free, close the stores. */
#ifndef WIRE_BATCH_H
#define WIRE_BATCH_H

#include "cost/batch.h"
#include "gateway/gateway.h"
#include "store/recorder.h"

struct batch_wire;

struct batch_wire_parts {
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct deployments *(*deployments)(void *ctx); /* likewise */
    struct loop *(*loop_of)(void *ctx, unsigned lane);
    struct recorder *recorder;
    unsigned lane; /* of the recorder and of the token counters: this thread's own */
    struct ledger *ledger;
    struct ledger_writer *writer;
    struct metric_set *metrics;
    const char *data_dir;
};

struct batch_wire *batch_wire_new(const struct batch_wire_parts *parts, const struct gateway_sinks *cost, struct error *error) MUST_CHECK;
void batch_wire_sinks(struct batch_wire *b, struct gateway_sinks *sinks);
enum fault batch_wire_listen(struct batch_wire *b, struct gateway *g, size_t max_body, struct error *error) MUST_CHECK;
struct slice batch_wire_inside(const struct batch_wire *b, uint16_t *ret_port); /* the credential, for others of this process */
enum fault batch_wire_start(struct batch_wire *b, struct error *error) MUST_CHECK;
void batch_wire_view(const struct batch_wire *b, struct batch_queue_view *ret); /* from any thread */
void batch_wire_cancel(struct batch_wire *b, struct slice id); /* from any thread */
void batch_wire_let_pass(struct batch_wire *b, int64_t longest_us); /* until what it was in the midst of is over; accepts NULL */
void batch_wire_quiesce(struct batch_wire *b);
void batch_wire_stop(struct batch_wire *b);
void batch_wire_free(struct batch_wire *b); /* accepts NULL */

#endif
