#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/log.h"

enum fault attempt_prepare(struct exchange *x, struct error *error) {
    enum endpoint e = x->call.endpoint;
    buffer_clear(&x->request_body);
    if (!(x->upstream->endpoints & 1u << e))
        return error_set(error, FAULT_UNTRANSLATABLE, "%s: the target %s speaks %s, which has no such endpoint",
                         endpoint_name(e), x->target->health_key, dialect_name(x->upstream->id));
    if (x->same_wire) {
        bool want_usage = x->call.stream && e == ENDPOINT_CHAT && x->target->provider->stream_usage;
        enum fault fault = x->client->splice(&x->call, x->target, want_usage, &x->request_body);
        if (fault != FAULT_NONE) return error_set(error, fault, "%s", fault_text(fault));
        return FAULT_NONE;
    }
    if (e != ENDPOINT_CHAT)
        return error_set(error, FAULT_UNTRANSLATABLE, "%s: cannot be translated to the %s dialect of target %s",
                         endpoint_name(e), dialect_name(x->upstream->id), x->target->health_key);
    if (!x->call.has_body) {
        enum fault fault = x->client->read_body(&x->arena, &x->call, error);
        if (fault != FAULT_NONE) return fault;
    }
    return x->upstream->write_call(&x->call, x->target, &x->request_body, error);
}

/* ---- what the upstream does ---- */

static struct slice header_of_transfer(void *ctx, const char *name) { return http_transfer_header(ctx, name); }

static bool is_success(int status) { return status >= 200 && status < 300; }

static void on_head(void *ctx, struct http_transfer *t, int status) {
    struct exchange *x = ctx;
    if (x->state == EXCHANGE_DONE) return;
    exchange_woke(x);
    x->upstream_status = status;
    bool events = x->call.stream && is_success(status) &&
                  slice_contains_nocase(http_transfer_header(t, "content-type"), SLICE("text/event-stream"));
    if (events)
        relay_begin(x);
    else
        exchange_phase(x, PHASE_IDLE, x->model->timeouts.idle);
    exchange_waits(x);
}

static void refused(struct exchange *x) {
    struct upstream_error why;
    x->upstream->read_error(x->upstream_status, (struct header_source){x->transfer, header_of_transfer},
                            buffer_slice(&x->reply_body), clock_wall_us(), &x->arena, &why);
    attempt_ended(x, why.fault);
    route_failed(x, &why);
}

/* An error's first bytes tell what it is; nobody reads the rest. */
static void enough(struct exchange *x) {
    struct http_transfer *t = x->transfer;
    x->transfer_over = true;
    refused(x); /* reads the headers; may begin another attempt */
    http_transfer_cancel(t);
    if (x->transfer == t) x->transfer = NULL;
}

static enum http_flow collect(struct exchange *x, struct slice bytes) {
    exchange_phase(x, PHASE_IDLE, x->model->timeouts.idle);
    if (is_success(x->upstream_status)) {
        if (!buffer_append(&x->reply_body, bytes)) attempt_failed(x, FAULT_UP_TOO_LARGE, "the reply is over the limit");
        return HTTP_GO_ON;
    }
    size_t room = LIMIT_ERROR_BODY - x->reply_body.len;
    (void)buffer_append(&x->reply_body, slice_make(bytes.at, bytes.len < room ? bytes.len : room));
    if (bytes.len >= room) enough(x);
    return HTTP_GO_ON;
}

static enum http_flow on_body(void *ctx, struct http_transfer *t, struct slice bytes) {
    struct exchange *x = ctx;
    (void)t;
    if (x->state == EXCHANGE_DONE) return HTTP_GO_ON; /* what follows the terminal event */
    exchange_woke(x);
    enum http_flow flow = x->state == EXCHANGE_STREAM ? relay_bytes(x, bytes) : collect(x, bytes);
    exchange_waits(x);
    return flow;
}

static void broke(struct exchange *x, enum http_result result, const char *detail) {
    static const enum fault faults[] = {
        [HTTP_CONNECT_FAILED] = FAULT_UP_CONNECT, [HTTP_CONNECT_TIMEOUT] = FAULT_UP_TIMEOUT, [HTTP_RESET] = FAULT_UP_RESET,
        [HTTP_CUT] = FAULT_UP_RESET,              [HTTP_BAD] = FAULT_UP_MALFORMED,
    };
    struct upstream_error why = {.fault = faults[result], .retry_after_us = -1, .should_retry = -1};
    why.message = arena_slice(&x->arena, slice_of(detail ? detail : ""));
    attempt_ended(x, why.fault);
    route_failed(x, &why);
}

static void on_done(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    struct exchange *x = ctx;
    if (x->state == EXCHANGE_DONE) {
        x->transfer = NULL;
        exchange_release(x);
        return;
    }
    exchange_woke(x);
    exchange_phase(x, PHASE_NONE, 0);
    x->transfer_over = true;
    if (x->state == EXCHANGE_STREAM)
        relay_end(x, result);
    else if (result != HTTP_OK)
        broke(x, result, detail);
    else if (is_success(x->upstream_status))
        relay_whole(x);
    else
        refused(x);
    /* headers of the reply were readable until here; a retry may have replaced the transfer */
    if (x->transfer == t) x->transfer = NULL;
    exchange_waits(x);
    exchange_release(x);
}

static const struct http_transfer_events transfer_events = {on_head, on_body, on_done};

/* ---- beginning and ending ---- */

/* A stream shows life by its first token. A whole answer comes at once at its end: then one attempt may use its
 * share of the time that is left, so that a silent provider leaves some for the others. */
static int64_t patience_us(const struct exchange *x) {
    if (x->call.stream) return x->model->timeouts.first_token;
    int64_t left = x->begin_us + x->model->timeouts.total - loop_now_us(x->gateway->loop);
    int64_t share = left / (int64_t)(x->n_order - x->at);
    return share > 1000 ? share : 1000;
}

void attempt_start(struct exchange *x) {
    x->attempt_us = loop_now_us(x->gateway->loop);
    x->upstream_status = 0;
    x->paused = x->transfer_over = false;
    buffer_clear(&x->reply_body);
    relay_reset(x);
    exchange_enter(x, EXCHANGE_ATTEMPT);

    const char *extra[5] = {NULL};
    if (x->same_wire)
        for (unsigned i = 0; i < x->n_passed_headers; i++) extra[i] = arena_text(&x->arena, x->passed_headers[i]);

    struct error error = {.fault = FAULT_UP_CONNECT};
    struct http_route *route = binding_route(x->gateway, x->binding, x->target, x->call.endpoint, &error);
    if (route)
        x->transfer = http_transfer_start(route, extra[0] ? extra : NULL, buffer_slice(&x->request_body), &transfer_events, x);
    if (!route || !x->transfer) {
        attempt_failed(x, FAULT_UP_CONNECT, error.text);
        return;
    }
    exchange_phase(x, PHASE_ANSWER, patience_us(x));
}

void attempt_cancel(struct exchange *x) {
    exchange_phase(x, PHASE_NONE, 0);
    if (!x->transfer || x->transfer_over) return;
    http_transfer_cancel(x->transfer);
    x->transfer = NULL;
}

/* What an outcome says about the target's health: nothing when the fault is the caller's. */
static bool healthy(enum fault outcome) {
    enum retry_class retry = fault_retry(outcome);
    return outcome == FAULT_NONE || retry == RETRY_NEVER || retry == RETRY_LARGER;
}

/* A job may ask what a provider always fails at: that is no reason for the only target there is to rest for others too. */
static bool says_nothing(const struct exchange *x, enum fault outcome) {
    return outcome == FAULT_CANCELLED || (x->once_runs && x->n_order == 1 && x->admission == ADMIT_YES && !healthy(outcome));
}

static void count_attempt(struct exchange *x, enum fault outcome) {
    const char *labels[METRIC_LABELS] = {x->target->provider->name, x->target->model,
                                         outcome == FAULT_NONE ? "ok" : fault_name(outcome)};
    metric_add(metric_cell(x->gateway->metrics, METRIC_ATTEMPTS, labels), 1);
}

void attempt_ended(struct exchange *x, enum fault outcome) {
    struct record *r = &x->record;
    struct health *h = x->binding->targets[x->target->index].health;
    int64_t now = loop_now_us(x->gateway->loop);
    if (r->n_attempts < LIMIT_ATTEMPTS)
        r->attempts[r->n_attempts++] = (struct record_attempt){.provider = slice_of(x->target->provider->name),
                                                               .model = slice_of(x->target->model),
                                                               .http_status = x->upstream_status,
                                                               .error = outcome,
                                                               .ms = (uint32_t)((now - x->attempt_us) / 1000)};
    r->output_cap = x->call.output_cap; /* of what was sent; a call that never was saved nothing */
    r->history_tokens_saved = x->call.tokens_saved;
    if (says_nothing(x, outcome)) {
        health_withdraw(h, x->admission);
    } else {
        bool opened, closed = health_report(h, x->model, healthy(outcome), x->admission, now, &opened);
        if (closed && outcome == FAULT_NONE && x->target == &x->model->targets[x->tier ? x->tier->first : 0]) r->back_to_primary = true;
        if (opened) log_event(LOG_WARN, "breaker opened", "target", x->target->health_key, "last", fault_name(outcome), NULL);
        if (closed) log_event(LOG_INFO, "breaker closed", "target", x->target->health_key, NULL);
    }
    x->admission = ADMIT_NO;
    count_attempt(x, outcome);
}

void attempt_failed(struct exchange *x, enum fault fault, const char *text) {
    struct upstream_error why = {.fault = fault, .retry_after_us = -1, .should_retry = -1};
    if (text) why.message = arena_slice(&x->arena, slice_of(text));
    attempt_ended(x, fault);
    attempt_cancel(x);
    route_failed(x, &why);
}
