#include "gateway/exchange.h"

#include "base/clock.h"
#include "base/mem.h"

#define POOLED_EXCHANGES 4096      /* kept for reuse by one loop */
#define DRAIN_US 2000000           /* a settled upstream gets this long to end its message and keep its connection */
#define KEEP_BUFFER (64u << 10)    /* larger buffers are given back between exchanges */

/* ---- state and time ---- */

void exchange_enter(struct exchange *x, enum exchange_state state) {
    x->state = state;
    if (state != EXCHANGE_DONE) return;
    loop_timer_stop(x->gateway->loop, &x->total_timer);
    loop_timer_stop(x->gateway->loop, &x->hold_timer);
    exchange_phase(x, PHASE_NONE, 0);
    if (x->transfer && !x->transfer_over) exchange_phase(x, PHASE_DRAIN, DRAIN_US);
}

void exchange_woke(struct exchange *x) {
    if (x->waiting_since_us == 0) return;
    x->waited_us += clock_us() - x->waiting_since_us;
    x->waiting_since_us = 0;
}

void exchange_waits(struct exchange *x) {
    if (x->waiting_since_us == 0) x->waiting_since_us = clock_us();
}

int64_t exchange_overhead_us(const struct exchange *x) {
    int64_t own = clock_us() - x->begin_us - x->waited_us;
    return own > 0 ? own : 0;
}

void exchange_phase(struct exchange *x, enum phase phase, int64_t delay_us) {
    x->phase = phase;
    if (phase == PHASE_NONE)
        loop_timer_stop(x->gateway->loop, &x->phase_timer);
    else
        loop_timer_start(x->gateway->loop, &x->phase_timer, delay_us);
}

static void phase_fired(struct loop_timer *t) {
    struct exchange *x = list_item(t, struct exchange, phase_timer);
    enum phase phase = x->phase;
    x->phase = PHASE_NONE;
    exchange_woke(x);
    switch (phase) {
    case PHASE_ANSWER:
    case PHASE_IDLE: {
        enum fault fault = phase == PHASE_ANSWER ? FAULT_UP_TIMEOUT : FAULT_UP_STALLED;
        if (x->state == EXCHANGE_STREAM)
            relay_stop(x, fault, fault_text(fault));
        else
            attempt_failed(x, fault, NULL);
        break;
    }
    case PHASE_BACKOFF: route_next(x); break;
    case PHASE_AFTER_FINISH: relay_end(x, HTTP_OK); break;
    case PHASE_DRAIN:
        attempt_cancel(x);
        exchange_release(x);
        return;
    case PHASE_NONE: break;
    }
    exchange_waits(x);
}

static void total_fired(struct loop_timer *t) {
    struct exchange *x = list_item(t, struct exchange, total_timer);
    exchange_woke(x);
    if (x->committed && x->paused) { /* the provider would have gone on */
        relay_stop(x, FAULT_CLIENT_TIMEOUT, "the client took the stream too slowly for timeouts.total");
    } else if (x->committed) {
        relay_stop(x, FAULT_UP_TIMEOUT, "the exchange took longer than timeouts.total");
    } else {
        if (x->state == EXCHANGE_ATTEMPT || x->state == EXCHANGE_STREAM) {
            attempt_ended(x, FAULT_UP_TIMEOUT);
            attempt_cancel(x);
        }
        route_out_of_time(x);
    }
    exchange_waits(x);
}

static void hold_fired(struct loop_timer *t) {
    struct exchange *x = list_item(t, struct exchange, hold_timer);
    exchange_woke(x);
    relay_held_long_enough(x);
    exchange_waits(x);
}

/* ---- birth and return to the pool ---- */

static struct exchange *take(struct gateway *g) {
    struct list *node = list_shift(&g->idle);
    if (node) {
        g->n_idle--;
        return list_item(node, struct exchange, link);
    }
    struct exchange *x = mem_new(struct exchange);
    x->gateway = g;
    list_init(&x->link);
    arena_init(&x->arena, 4 << 10, LIMIT_ARENA_EXCHANGE);
    arena_init(&x->scratch, 2 << 10, 4 * LIMIT_SSE_EVENT + (1 << 20));
    buffer_init(&x->request_body, LIMIT_BODY_CEILING);
    buffer_init(&x->reply_body, LIMIT_REPLY_BODY);
    buffer_init(&x->prompted, LIMIT_BODY_CEILING);
    buffer_init(&x->frames, LIMIT_HOLD_BACK + 2 * LIMIT_SSE_EVENT);
    buffer_init(&x->copy, LIMIT_PAYLOAD + 1);
    sse_reader_init(&x->sse);
    x->phase_timer.fired = phase_fired;
    x->total_timer.fired = total_fired;
    x->hold_timer.fired = hold_fired;
    return x;
}

void exchange_free(struct exchange *x) {
    arena_deinit(&x->arena);
    arena_deinit(&x->scratch);
    buffer_deinit(&x->request_body);
    buffer_deinit(&x->reply_body);
    buffer_deinit(&x->prompted);
    buffer_deinit(&x->frames);
    buffer_deinit(&x->copy);
    sse_reader_deinit(&x->sse);
    mem_free(x);
}

static void clear(struct exchange *x) {
    x->state = EXCHANGE_NEW;
    memset(&x->call, 0, sizeof x->call);
    record_init(&x->record);
    x->asked_prompt = x->body = SLICE_NULL;
    x->inside = x->unheld = x->to_shadow = false;
    x->key = NULL;
    x->model = NULL;
    x->tier = NULL;
    x->stands_in = 0;
    x->target = NULL;
    x->upstream = NULL;
    x->n_passed_headers = x->n_order = x->at = x->tries = 0;
    x->no_store = x->concluded = x->committed = x->paused = x->transfer_over = x->output_seen = x->keep_copy = false;
    x->in_passing = x->no_cache = x->to_cache = x->cache_missed = x->cheapest_first = false;
    x->wording = NULL;
    x->once = SLICE_NULL;
    x->once_runs = x->once_alone = false;
    x->once_target = NULL;
    x->admission = ADMIT_NO;
    x->above_window = x->retry_after_us = x->approved_nano = -1;
    x->estimate_nano = MONEY_UNKNOWN;
    x->counted = (struct input_count){.tokens = -1};
    x->reservation.n = 0;
    x->reserved = x->pseudonymous = false;
    x->requests_left.limit = x->tokens_left.limit = -1;
    x->cannot.fault = FAULT_NONE;
    memset(&x->last, 0, sizeof x->last);
    x->upstream_status = 0;
    x->output_bytes = 0;
    x->waiting_since_us = x->waited_us = x->first_output_us = 0;
    x->phase = PHASE_NONE;
    memset(&x->reader, 0, sizeof x->reader);
    usage_init(&x->reader.usage);
}

struct exchange *exchange_begin(struct gateway *g, struct http_request *r, const struct dialect *client, enum endpoint e) {
    struct exchange *x = take(g);
    clear(x);
    list_push(&g->active, &x->link);
    g->n_active++;
    metric_add(g->active_cell, 1);
    x->request = r;
    r->owner = x;
    x->client = client;
    x->call.endpoint = e;
    x->binding = g->binding;
    x->binding->references++;
    x->record.time_us = clock_wall_us();
    record_id_new(&x->record.id, x->record.time_us);
    x->record.dialect = slice_of(dialect_name(client->id));
    x->record.endpoint = e;
    x->begin_us = clock_us();
    return x;
}

static void give_back(struct buffer *b) {
    buffer_clear(b);
    buffer_shrink(b, KEEP_BUFFER);
}

void exchange_release(struct exchange *x) {
    struct gateway *g = x->gateway;
    if (x->request || x->transfer) return;
    exchange_phase(x, PHASE_NONE, 0);
    loop_timer_stop(g->loop, &x->total_timer);
    loop_timer_stop(g->loop, &x->hold_timer);
    binding_drop(x->binding);
    x->binding = NULL;
    arena_reset(&x->arena);
    arena_reset(&x->scratch);
    give_back(&x->request_body);
    give_back(&x->reply_body);
    give_back(&x->prompted);
    give_back(&x->frames);
    give_back(&x->copy);
    sse_reader_deinit(&x->sse); /* one event may have been a megabyte */
    sse_reader_init(&x->sse);
    list_remove(&x->link);
    g->n_active--;
    metric_add(g->active_cell, -1);
    if (g->n_idle < POOLED_EXCHANGES) {
        list_unshift(&g->idle, &x->link);
        g->n_idle++;
    } else {
        exchange_free(x);
    }
}

/* ---- the request is whole ---- */

static enum fault read_request(struct exchange *x, struct error *error) {
    struct record *r = &x->record;
    x->body = x->request->body;
    enum fault fault = gateway_intervenes(x->gateway) ? intervene_key(x->gateway, x->key, error) : FAULT_NONE; /* since its head came */
    if (fault == FAULT_NONE) fault = prompt_read_request(x, error);
    if (fault != FAULT_NONE) return fault;
    r->model = label_cut(x->call.model);
    r->stream = x->call.stream;
    if (!r->user.len) r->user = label_cut(x->call.end_user);
    if (x->call.system_text.len) {
        digest_fast128(x->call.system_text, r->system_prompt_hash);
        r->has_system_prompt = true;
    }
    fault = resolve(x, error);
    if (fault == FAULT_NONE) trim_call(x->client, policy_requests(x->key->application, r->request_type), &x->arena, &x->call);
    return fault;
}

void exchange_request(struct exchange *x) {
    struct record *r = &x->record;
    /* the upload was the client's time; what the head took of ours stays on the account */
    int64_t head_us = x->waiting_since_us > 0 ? x->waiting_since_us - x->begin_us : 0;
    x->begin_us = clock_us();
    x->waiting_since_us = 0;
    x->waited_us = -head_us;
    r->time_us = clock_wall_us();
    r->request_bytes = (int64_t)x->request->body.len;
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = read_request(x, &error);
    if (fault != FAULT_NONE) {
        exchange_refuse(x, RECORD_REFUSED, fault, error.text);
        return;
    }
    if (r->request_bytes > 0 && x->key->application->payloads.capture != CAPTURE_NONE)
        r->input_hash = digest_keyed_fast(x->request->body, x->binding->policy->pseudonym_key);
    x->keep_copy = x->key->application->payloads.capture == CAPTURE_FULL || x->to_shadow ||
                   (x->model->degraded == DEGRADED_CACHE && !x->no_store);
    pseudonymize(x);
    if (once_serve(x) || (gateway_intervenes(x->gateway) && intervene_throttled(x)) || !reserve(x) || cache_serve(x)) return;
    if (x->stands_in != 0) {
        route_to_nobody(x);
        return;
    }
    loop_timer_start(x->gateway->loop, &x->total_timer, x->model->timeouts.total);
    route_next(x);
    exchange_waits(x);
}

/* ---- answering ---- */

void exchange_answer(struct exchange *x, int status, const char *content_type, struct buffer *body) {
    struct http_header headers[SETTLE_HEADERS];
    unsigned n = settle_headers(x, content_type, headers);
    x->concluded = true;
    http_respond_take(x->request, status, headers, n, body);
}

void exchange_refuse(struct exchange *x, enum record_status status, enum fault fault, const char *text) {
    char id[RECORD_ID_TEXT];
    record_id_format(&x->record.id, id);
    if (!text || !*text) text = fault_text(fault);
    buffer_clear(&x->frames);
    char estimate[MONEY_TEXT];
    if (money_is_known(x->estimate_nano)) money_format(x->estimate_nano, estimate);
    struct error_notes notes = {.request_id = id, .estimate_usd = money_is_known(x->estimate_nano) ? estimate : NULL};
    x->client->write_error(fault, text, &notes, &x->frames);
    relay_keep_whole(x, "application/json", buffer_slice(&x->frames));
    const char *words = arena_text(&x->arena, slice_of(text));
    settle(x, status, fault_status(fault), fault, words);
    exchange_answer(x, fault_status(fault), "application/json", &x->frames);
}

void exchange_client_gone(struct exchange *x) {
    if (once_goes_on(x)) return; /* its request stays, though nobody hears the answer */
    if (x->state != EXCHANGE_DONE) {
        exchange_woke(x);
        if (x->state == EXCHANGE_ATTEMPT || x->state == EXCHANGE_STREAM) {
            attempt_ended(x, FAULT_CANCELLED);
            attempt_cancel(x);
        }
        if (!x->committed) buffer_clear(&x->copy); /* what was held back never reached it */
        settle(x, RECORD_CANCELLED, fault_status(FAULT_CANCELLED), FAULT_CANCELLED, NULL);
    }
    if (x->concluded) return;
    x->concluded = true;
    http_abandon(x->request);
}

void exchange_upload_ended(struct exchange *x, enum record_status status, enum fault fault) {
    if (x->state != EXCHANGE_NEW || x->concluded) return;
    x->concluded = true;
    if (x->call.endpoint == ENDPOINT_MODELS)
        exchange_enter(x, EXCHANGE_DONE);
    else
        settle(x, status, fault_status(fault), fault, NULL);
}

void exchange_abort(struct exchange *x, enum fault fault) {
    if (x->state == EXCHANGE_DONE || x->concluded) return;
    exchange_woke(x);
    if (x->committed) {
        relay_stop(x, fault, fault_text(fault));
        return;
    }
    if (x->state == EXCHANGE_ATTEMPT || x->state == EXCHANGE_STREAM) {
        attempt_ended(x, FAULT_CANCELLED);
        attempt_cancel(x);
    }
    exchange_refuse(x, RECORD_ERROR, fault, NULL);
}
