/* wire_batch.c - see wire_batch.h. */
#include "wire_batch.h"

#include "base/clock.h"
#include "base/mem.h"

#include <stdio.h>

#define SECRET_BYTES 32

struct batch_wire {
    struct batch_wire_parts parts;
    struct batch_desk *desk;
    struct digest inside;
    char credential[16 + 2 * SECRET_BYTES];
    uint16_t port; /* of the inside listeners; 0: none yet */
    struct buffer frame; /* by the desk's thread */
};

static struct policy *policy_of(void *ctx) {
    struct batch_wire *b = ctx;
    return b->parts.policy(b->parts.ctx);
}

static bool is_paused(void *ctx, struct slice application, struct slice batch) {
    struct batch_wire *b = ctx;
    struct deployments *d = b->parts.deployments(b->parts.ctx);
    bool paused = deployments_pause(d, application, batch, clock_wall_us());
    deployments_drop(d);
    return paused;
}

static enum fault keep_record(void *ctx, const struct record *r) {
    struct batch_wire *b = ctx;
    buffer_clear(&b->frame);
    if (!record_encode(r, &b->frame)) return FAULT_TOO_LARGE;
    return recorder_append(b->parts.recorder, b->parts.lane, FRAME_RECORD, buffer_slice(&b->frame));
}

struct batch_wire *batch_wire_new(const struct batch_wire_parts *parts, const struct gateway_sinks *cost, struct error *error) {
    struct batch_wire *b = mem_new(struct batch_wire);
    uint8_t secret[SECRET_BYTES];
    char *credential = b->credential;
    memcpy(credential, "qd-inside-", sizeof "qd-inside-");
    b->parts = *parts;
    buffer_init(&b->frame, LIMIT_RECORD);
    digest_random(secret, sizeof secret);
    digest_hex(secret, sizeof secret, credential + strlen(credential));
    digest_sha256(slice_of(credential), &b->inside);
    b->desk = batch_desk_new(&(struct batch_services){.ctx = b, .policy = policy_of, .record = keep_record, .paused = is_paused, .admission = cost->admission,
                                                      .tokens = cost->tokens, .lane = parts->lane, .ledger = parts->ledger,
                                                      .writer = parts->writer, .metrics = parts->metrics,
                                                      .data_dir = parts->data_dir, .inside = slice_of(credential)},
                             error);
    if (b->desk != NULL) return b;
    batch_wire_free(b);
    return NULL;
}

static void take(void *ctx, unsigned lane, struct http_request *r, const struct api_key *key) {
    struct batch_wire *b = ctx;
    batch_desk_take(b->desk, b->parts.loop_of(b->parts.ctx, lane), r, key);
}

void batch_wire_sinks(struct batch_wire *b, struct gateway_sinks *sinks) {
    sinks->inside = b->inside;
    sinks->filed = take;
    sinks->filed_ctx = b;
}

enum fault batch_wire_listen(struct batch_wire *b, struct gateway *g, size_t max_body, struct error *error) {
    return gateway_listen_inside(g, max_body, &b->port, error);
}

struct slice batch_wire_inside(const struct batch_wire *b, uint16_t *ret_port) {
    *ret_port = b->port;
    return slice_of(b->credential);
}

enum fault batch_wire_start(struct batch_wire *b, struct error *error) { return batch_desk_start(b->desk, b->port, error); }

void batch_wire_view(const struct batch_wire *b, struct batch_queue_view *ret) { batch_desk_view(b->desk, ret); }

void batch_wire_cancel(struct batch_wire *b, struct slice id) {
    if (b != NULL) batch_desk_cancel(b->desk, id);
}

void batch_wire_let_pass(struct batch_wire *b, int64_t longest_us) {
    if (b != NULL) batch_desk_let_pass(b->desk, longest_us);
}

void batch_wire_quiesce(struct batch_wire *b) {
    if (b != NULL) batch_desk_quiesce(b->desk);
}

void batch_wire_stop(struct batch_wire *b) {
    if (b != NULL) batch_desk_stop(b->desk);
}

void batch_wire_free(struct batch_wire *b) {
    if (b == NULL) return;
    batch_desk_free(b->desk);
    buffer_deinit(&b->frame);
    mem_free(b);
}
