#include "gateway/exchange.h"

#include "base/clock.h"

/* The configured message as an answer in the client's dialect. */
static void write_message(struct exchange *x, struct buffer *out) {
    char id[RECORD_ID_TEXT];
    record_id_format(&x->record.id, id);
    struct part part = {.type = PART_TEXT, .text = slice_of(x->model->degraded_message)};
    struct reply reply = {.id = slice_of(id), .model = x->call.model, .created = x->record.time_us / 1000000,
                          .parts = &part, .n_parts = 1, .finish = FINISH_STOP, .has_output = true};
    usage_init(&reply.usage);
    reply.usage.input = reply.usage.output = 0; /* nothing was asked of a model */
    if (!x->call.stream) {
        x->client->write_reply(&reply, out);
        return;
    }
    struct stream_writer w = {.id = reply.id, .model = reply.model, .created = reply.created, .include_usage = x->call.include_usage};
    const struct event events[] = {
        {.type = EVENT_START, .id = reply.id, .model = reply.model, .created = reply.created},
        {.type = EVENT_TEXT, .text = part.text},
        {.type = EVENT_FINISH, .finish = FINISH_STOP},
        {.type = EVENT_USAGE, .usage = reply.usage},
        {.type = EVENT_END},
    };
    for (unsigned i = 0; i < sizeof events / sizeof events[0]; i++) x->client->write_event(&w, &events[i], out);
}

/* However old it is. */
static bool from_cache(struct exchange *x, const char **ret_type, struct buffer *out) {
    if (x->model->degraded != DEGRADED_CACHE || x->no_store || x->no_cache) return false;
    struct answer_key key;
    answers_key(x->record.application, x->call.endpoint, x->client->id, x->body, &key);
    const struct answer *a = answers_find(x->gateway->shared->answers, &key, INT64_MIN);
    bool given = a && cache_may_give(x, a);
    if (given) {
        *ret_type = arena_text(&x->arena, a->content_type);
        (void)buffer_append(out, a->body);
    }
    answers_release(a);
    return given;
}

static const char *why(struct exchange *x) {
    if (x->stands_in != 0) return arena_text(&x->arena, arena_printf(&x->arena, "action %lld serves the model degraded", (long long)x->stands_in));
    return fault_text(x->last.fault != FAULT_NONE ? x->last.fault : FAULT_BREAKER_OPEN);
}

bool degraded_serve(struct exchange *x) {
    if (x->model->degraded == DEGRADED_OFF) return false;
    buffer_clear(&x->frames);
    const char *content_type = x->call.stream ? "text/event-stream" : "application/json";
    if (from_cache(x, &content_type, &x->frames)) {
        x->record.cache = SLICE("degraded");
    } else if (x->model->degraded_message && x->call.endpoint == ENDPOINT_CHAT) {
        write_message(x, &x->frames);
    } else {
        return false;
    }
    relay_keep_whole(x, content_type, buffer_slice(&x->frames));
    settle(x, RECORD_DEGRADED, 200, FAULT_NO_TARGET, why(x));
    exchange_answer(x, 200, content_type, &x->frames);
    return true;
}
