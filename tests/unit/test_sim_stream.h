/* test_sim_stream.h - reading what a simulator streams, in any of its dialects. */
#ifndef TEST_SIM_STREAM_H
#define TEST_SIM_STREAM_H

#include "test_sim_rig.h"

#include "io/sse.h"

/* What a stream said. */
struct heard {
    struct buffer text; /* content, or arguments of tools */
    unsigned events, tokens, comments, broken, errors, usages;
    int64_t prompt, completion;
    bool done;                    /* [DONE] or message_stop */
    char finish[32], order[1024]; /* order: the event names, once for runs of the same */
};

static inline void note(struct heard *h, struct slice name) {
    char text[64];
    (void)snprintf(text, sizeof text, SLICE_FMT " ", SLICE_ARG(name));
    size_t len = strlen(h->order), n = strlen(text);
    if (name.len == 0 || (len >= n && strcmp(h->order + len - n, text) == 0)) return;
    (void)snprintf(h->order + len, sizeof h->order - len, "%s", text);
}

static inline void hear_usage(struct heard *h, const struct json_doc *d, uint32_t usage) {
    if (json_type(d, usage) != JSON_OBJECT) return;
    h->usages++;
    json_get_i64(d, json_get(d, usage, "prompt_tokens"), &h->prompt);
    json_get_i64(d, json_get(d, usage, "input_tokens"), &h->prompt);
    json_get_i64(d, json_get(d, usage, "completion_tokens"), &h->completion);
    json_get_i64(d, json_get(d, usage, "output_tokens"), &h->completion);
}

static inline void hear_event(struct sim_rig *r, struct heard *h, const struct sse_event *e) {
    static const char *const texts[] = {"choices.0.delta.content",
                                        "choices.0.delta.tool_calls.0.function.arguments", "delta.text",
                                        "delta.partial_json", "delta"};
    static const char *const finishes[] = {"choices.0.finish_reason", "delta.stop_reason"};
    struct json_doc d;
    if (!e->has_data) {
        h->comments++;
        return;
    }
    h->events++;
    note(h, e->name);
    if (slice_is(e->data, "[DONE]") || slice_is(e->name, "message_stop") ||
        slice_is(e->name, "response.completed"))
        h->done = true;
    if (slice_is(e->data, "[DONE]")) return;
    if (json_read(e->data, &r->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) {
        h->broken++;
        return;
    }
    if (json_get(&d, 0, "error") != JSON_NONE) h->errors++;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct slice text = json_string(&d, node_at(&d, texts[i]), &r->arena);
        if (text.len > 0) h->tokens++;
        buffer_append(&h->text, text);
    }
    for (size_t i = 0; i < sizeof finishes / sizeof finishes[0]; i++) {
        struct slice word = json_string(&d, node_at(&d, finishes[i]), &r->arena);
        if (word.len > 0) (void)snprintf(h->finish, sizeof h->finish, SLICE_FMT, SLICE_ARG(word));
    }
    hear_usage(h, &d, json_get(&d, 0, "usage"));
    hear_usage(h, &d, node_at(&d, "message.usage"));
    hear_usage(h, &d, node_at(&d, "response.usage"));
}

static inline void hear(struct sim_rig *r, const struct sim_reply *reply, struct heard *h) {
    struct sse_reader reader;
    struct sse_event e;
    *h = (struct heard){.prompt = -1, .completion = -1};
    buffer_init(&h->text, 1 << 20);
    sse_reader_init(&reader);
    for (size_t at = 0; at < reply->body.len;) { /* in pieces: a body may be over an event's limit */
        size_t n = reply->body.len - at < 65536 ? reply->body.len - at : 65536;
        assert_int_equal(sse_reader_feed(&reader, slice_make(reply->body.at + at, n)), FAULT_NONE);
        while (sse_reader_next(&reader, &e)) hear_event(r, h, &e);
        at += n;
    }
    if (sse_reader_end(&reader, &e)) hear_event(r, h, &e);
    sse_reader_deinit(&reader);
}

static inline const char *chat_body(struct sim_rig *r, const char *model, bool stream, const char *more,
                                    int output) {
    return arena_printf(&r->arena,
                        "{\"model\":\"%s\",\"stream\":%s%s,\"messages\":[{\"role\":\"user\",\"content\":\"["
                        "sim input=374 output=%d] Where is my parcel?\"}]}",
                        model, stream ? "true" : "false", more, output)
        .at;
}

/* A stream of 30 tokens by a model that fails as its name says. */
static inline void stream_of(struct sim_rig *r, const char *model, struct sim_reply *reply, struct heard *h) {
    rig_post(r, "/v1/chat/completions", chat_body(r, model, true, "", 30), reply);
    hear(r, reply, h);
}

static inline void forget(struct sim_reply *reply, struct heard *h) {
    reply_deinit(reply);
    if (h != NULL) buffer_deinit(&h->text);
}

static inline int64_t stat_of(struct sim_rig *r, const char *path) {
    struct sim_reply reply = {0};
    struct json_doc d;
    rig_get(r, "/sim/stats", &reply);
    read_doc(r, buffer_slice(&reply.body), &d);
    int64_t n = number_at(&d, path);
    reply_deinit(&reply);
    return n;
}

#endif
