/* relay.c - an upstream's answer to the client: whole, or event by event.
 *
 * Before the commit everything waits in `frames` and a failure can still be retried or routed around. The
 * commit sends our head and what has waited; it comes with the first output (later, when the operator
 * asked for a hold-back) or with the end. After it a failure ends the stream with an error event. */
#include "gateway/exchange.h"

#include "base/clock.h"

/* Nothing of what a former attempt brought belongs to the next one. */
void relay_reset(struct exchange *x) {
    struct record *r = &x->record;
    x->reader = (struct stream_reader){.arena = &x->scratch, .endpoint = x->call.endpoint};
    usage_init(&x->reader.usage);
    buffer_clear(&x->frames);
    buffer_clear(&x->copy);
    x->first_output_us = 0;
    x->output_seen = false;
    x->output_bytes = 0;
    r->dropped_events = 0;
    r->upstream_model = r->system_fingerprint = r->finish_reason = SLICE_NULL;
}

/* One byte over the limit shows whoever keeps it that it was cut. */
static void keep(struct exchange *x, struct slice bytes) {
    if (!x->keep_copy) return;
    size_t room = LIMIT_PAYLOAD + 1 - x->copy.len;
    (void)buffer_append(&x->copy, slice_make(bytes.at, bytes.len < room ? bytes.len : room));
}

void relay_keep_whole(struct exchange *x, const char *content_type, struct slice body) {
    x->record.response_bytes = (int64_t)body.len;
    x->answer_type = slice_of(content_type);
    buffer_clear(&x->copy);
    keep(x, body);
}

/* ---- whole replies ---- */

static void note_reply(struct exchange *x, const struct reply *reply) {
    struct record *r = &x->record;
    r->upstream_model = arena_slice(&x->arena, reply->model);
    r->system_fingerprint = arena_slice(&x->arena, reply->fingerprint);
    r->finish_reason = arena_slice(&x->arena, slice_of(finish_name(reply->finish)));
    x->reader.usage = reply->usage;
}

static struct slice own_id(struct exchange *x) {
    char id[RECORD_ID_TEXT];
    record_id_format(&x->record.id, id);
    return arena_slice(&x->arena, slice_of(id));
}

/* A client that asked for a stream gets one, though the provider answered whole. */
static void write_as_stream(struct exchange *x, const struct reply *reply, struct buffer *out) {
    struct stream_writer w = {.id = reply->id, .model = reply->model, .created = reply->created, .include_usage = x->call.include_usage};
    struct event e = {.type = EVENT_START, .id = reply->id, .model = reply->model, .fingerprint = reply->fingerprint, .created = reply->created};
    x->client->write_event(&w, &e, out);
    unsigned tool = 0;
    for (unsigned i = 0; i < reply->n_parts; i++) {
        const struct part *part = &reply->parts[i];
        if (part->type == PART_TOOL_CALL) {
            e = (struct event){.type = EVENT_TOOL_BEGIN, .index = tool, .id = part->id, .name = part->name};
            x->client->write_event(&w, &e, out);
            e = (struct event){.type = EVENT_TOOL_ARGS, .index = tool++, .text = part->arguments};
        } else {
            e = (struct event){.type = part->type == PART_REFUSAL ? EVENT_REFUSAL : part->type == PART_THINKING ? EVENT_THINKING : EVENT_TEXT,
                               .text = part->text, .signature = part->signature};
        }
        x->client->write_event(&w, &e, out);
    }
    e = (struct event){.type = EVENT_FINISH, .finish = reply->finish, .finish_raw = reply->finish_raw, .stop_sequence = reply->stop_sequence};
    x->client->write_event(&w, &e, out);
    e = (struct event){.type = EVENT_USAGE, .usage = reply->usage};
    x->client->write_event(&w, &e, out);
    e = (struct event){.type = EVENT_END};
    x->client->write_event(&w, &e, out);
}

void relay_whole(struct exchange *x) {
    bool as_is = x->same_wire && !(x->call.stream && x->call.endpoint == ENDPOINT_CHAT);
    struct reply reply = {0};
    struct upstream_error why = {.retry_after_us = -1, .should_retry = -1};
    enum fault fault = x->upstream->read_reply(buffer_slice(&x->reply_body), x->call.endpoint, !as_is, &x->arena, &reply, &why);
    if (fault != FAULT_NONE) {
        why.fault = fault;
        attempt_ended(x, fault);
        route_failed(x, &why);
        return;
    }
    note_reply(x, &reply);
    attempt_ended(x, FAULT_NONE);

    const char *type = "application/json";
    if (as_is) {
        struct slice original = http_transfer_header(x->transfer, "content-type");
        if (original.len) type = arena_text(&x->arena, original);
    } else {
        if (!reply.id.len) reply.id = own_id(x); /* not every provider tells them, and clients want them */
        if (!reply.model.len) reply.model = slice_of(x->target->model);
        buffer_clear(&x->frames);
        if (x->call.stream) {
            type = "text/event-stream";
            write_as_stream(x, &reply, &x->frames);
        } else {
            x->client->write_reply(&reply, &x->frames);
        }
    }
    struct buffer *body = as_is ? &x->reply_body : &x->frames;
    relay_keep_whole(x, type, buffer_slice(body));
    settle(x, RECORD_OK, 200, FAULT_NONE, NULL);
    exchange_answer(x, 200, type, body);
}

/* ---- streams ---- */

void relay_begin(struct exchange *x) {
    sse_reader_reset(&x->sse);
    x->writer = (struct stream_writer){.model = slice_of(x->target->model), .include_usage = x->call.include_usage,
                                       .created = x->record.time_us / 1000000};
    x->answer_type = SLICE("text/event-stream");
    exchange_enter(x, EXCHANGE_STREAM);
}

void relay_commit(struct exchange *x) {
    if (x->committed) return;
    x->committed = true;
    loop_timer_stop(x->gateway->loop, &x->hold_timer);
    if (x->output_seen) x->record.ttft_us = clock_us() - x->begin_us;
    struct http_header headers[SETTLE_HEADERS];
    unsigned n = settle_headers(x, "text/event-stream", headers);
    http_stream_begin(x->request, 200, headers, n);
}

static void flush(struct exchange *x) {
    if (!x->committed || x->frames.len == 0) return;
    x->record.response_bytes += (int64_t)x->frames.len;
    http_stream_write(x->request, buffer_slice(&x->frames));
    buffer_clear(&x->frames);
}

/* What an event adds to the record. */
static void tally(struct exchange *x, const struct event *e) {
    struct record *r = &x->record;
    if (e->type == EVENT_START) {
        if (e->model.len && !r->upstream_model.len) r->upstream_model = arena_slice(&x->arena, e->model);
        if (e->fingerprint.len && !r->system_fingerprint.len) r->system_fingerprint = arena_slice(&x->arena, e->fingerprint);
        if (e->id.len && !x->writer.id.len) x->writer.id = arena_slice(&x->arena, e->id);
        if (e->model.len && r->upstream_model.len) x->writer.model = r->upstream_model;
    } else if (e->type == EVENT_FINISH) {
        r->finish_reason = slice_of(finish_name(e->finish));
    } else if (event_is_output(e->type)) {
        x->output_bytes += e->text.len + e->name.len;
        x->output_seen = true;
    }
    if (!x->writer.id.len && e->type != EVENT_PING) x->writer.id = own_id(x);
}

static void keep_from(struct exchange *x, size_t from) {
    keep(x, slice_make(x->frames.at + from, x->frames.len - from));
}

/* One upstream event. False: the stream is over, one way or the other. */
static bool relay_event(struct exchange *x, const struct sse_event *sse) {
    size_t before = x->frames.len;
    if (!sse->has_data) { /* comments keep a committed connection alive */
        if (x->same_wire && x->committed) buffer_append(&x->frames, sse->raw);
        return true;
    }
    arena_reset(&x->scratch);
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 0;
    bool usage_only = false;
    enum fault fault = x->upstream->read_event(&x->reader, sse->name, sse->data, events, &n, &usage_only);
    if (fault == FAULT_UP_MALFORMED) { /* left out, noted; the stream goes on */
        x->record.dropped_events++;
        return true;
    }
    bool end = false;
    for (unsigned i = 0; i < n; i++) {
        if (events[i].type == EVENT_ERROR) {
            relay_stop(x, events[i].fault, events[i].text.len ? arena_text(&x->arena, events[i].text) : fault_text(events[i].fault));
            return false;
        }
        end |= events[i].type == EVENT_END;
        tally(x, &events[i]);
        if (!x->same_wire) x->client->write_event(&x->writer, &events[i], &x->frames);
    }
    if (x->same_wire && !(usage_only && !x->call.include_usage)) buffer_append(&x->frames, sse->raw);
    keep_from(x, before);
    if (x->frames.overflow) {
        relay_stop(x, FAULT_UP_TOO_LARGE, "the stream is over the limit before its first byte could be relayed");
        return false;
    }
    if (end) relay_complete(x);
    return !end;
}

/* The first output has been seen: commit, unless the operator wants some held back. */
static void consider_commit(struct exchange *x) {
    if (x->committed || !x->output_seen) return;
    if (x->first_output_us == 0) {
        x->first_output_us = clock_us();
        if (x->model->hold_back_bytes > 0 && x->model->hold_back_time > 0)
            loop_timer_start(x->gateway->loop, &x->hold_timer, x->model->hold_back_time);
    }
    if ((int64_t)x->frames.len >= x->model->hold_back_bytes) relay_commit(x);
}

/* How long the upstream may be silent now. The time after the finish reason is not lengthened by what comes in it. */
static void watch_silence(struct exchange *x) {
    if (!x->reader.finished) {
        if (x->output_seen) exchange_phase(x, PHASE_IDLE, x->model->timeouts.idle);
    } else if (x->phase != PHASE_AFTER_FINISH) { /* the usage may still come, or another choice */
        exchange_phase(x, PHASE_AFTER_FINISH, x->model->timeouts.after_finish);
    }
}

void relay_resume(struct exchange *x) {
    if (!x->paused || x->state != EXCHANGE_STREAM) return;
    x->paused = false;
    watch_silence(x);
    http_transfer_resume(x->transfer);
}

void relay_held_long_enough(struct exchange *x) {
    relay_commit(x);
    flush(x); /* what is too much for the client stops the upstream at its next bytes */
}

enum http_flow relay_bytes(struct exchange *x, struct slice bytes) {
    enum fault fault = sse_reader_feed(&x->sse, bytes);
    if (fault != FAULT_NONE) {
        relay_stop(x, fault, "one event of the stream is over the limit");
        return HTTP_GO_ON;
    }
    struct sse_event sse;
    while (sse_reader_next(&x->sse, &sse))
        if (!relay_event(x, &sse)) return HTTP_GO_ON;
    consider_commit(x);
    flush(x);
    if (x->committed && http_stream_unsent(x->request) > LIMIT_UNSENT) {
        x->paused = true;
        exchange_phase(x, PHASE_NONE, 0); /* now it is the client who is slow */
        return HTTP_PAUSE;
    }
    watch_silence(x);
    return HTTP_GO_ON;
}

void relay_complete(struct exchange *x) {
    struct record *r = &x->record;
    if (!x->committed && x->output_seen) r->ttft_us = clock_us() - x->begin_us;
    r->response_bytes += (int64_t)x->frames.len;
    attempt_ended(x, FAULT_NONE);
    settle(x, RECORD_OK, 200, FAULT_NONE, NULL);
    if (!x->committed) relay_commit(x);
    http_stream_write(x->request, buffer_slice(&x->frames));
    buffer_clear(&x->frames);
    http_stream_end(x->request);
    x->concluded = true;
}

void relay_stop(struct exchange *x, enum fault fault, const char *text) {
    if (!x->committed) {
        buffer_clear(&x->frames);
        loop_timer_stop(x->gateway->loop, &x->hold_timer);
        attempt_failed(x, fault, text);
        return;
    }
    attempt_ended(x, fault);
    attempt_cancel(x);
    size_t before = x->frames.len;
    x->client->write_stream_error(fault, text, &x->frames);
    keep_from(x, before);
    x->record.response_bytes += (int64_t)x->frames.len;
    settle(x, RECORD_TRUNCATED, 200, fault, text);
    http_stream_write(x->request, buffer_slice(&x->frames));
    buffer_clear(&x->frames);
    http_stream_end(x->request);
    x->concluded = true;
}

/* The end that a provider forgot to send, as this client knows it. */
static void write_forgotten_end(struct exchange *x) {
    size_t before = x->frames.len;
    struct event end = {.type = EVENT_END};
    if (x->same_wire) x->writer = (struct stream_writer){.started = true, .finished = true};
    x->client->write_event(&x->writer, &end, &x->frames);
    keep_from(x, before);
}

void relay_end(struct exchange *x, enum http_result result) {
    struct sse_event sse;
    if (sse_reader_end(&x->sse, &sse) && !relay_event(x, &sse)) return;
    if (x->reader.finished) { /* the answer is whole, only the last event is missing */
        write_forgotten_end(x);
        relay_complete(x);
        return;
    }
    relay_stop(x, FAULT_UP_TRUNCATED, result == HTTP_OK ? "the stream ended without its last event" : "the stream was cut off");
}
