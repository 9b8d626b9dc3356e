/* Replies of one wire: whole ones, and streams as a client of the other wire would get them. Any input gives
 * an orderly answer there, which its own reader takes. */
#ifndef FUZZ_REPLY_H
#define FUZZ_REPLY_H

#include "dialect/dialect.h"
#include "fuzz.h"
#include "io/sse.h"

/* ---- whole ---- */

static void whole(enum dialect_id from, enum dialect_id to, enum endpoint e, struct slice body) {
    struct arena arena;
    struct reply light = {.n_parts = 0}, reply = {.n_parts = 0}, back = {.n_parts = 0};
    struct upstream_error failure = {.fault = FAULT_NONE};
    struct buffer out;
    arena_init(&arena, 4096, FUZZ_ARENA);
    buffer_init(&out, 64u << 20);
    enum fault f = dialect_of(from)->read_reply(body, e, false, &arena, &light, &failure);
    MUST(f == FAULT_NONE || failure.fault == f);
    MUST(dialect_of(from)->read_reply(body, e, true, &arena, &reply, &failure) == f);
    if (f == FAULT_NONE) {
        MUST(light.finish == reply.finish && light.has_output == reply.has_output);
        MUST(light.usage.input == reply.usage.input && light.usage.output == reply.usage.output);
        dialect_of(to)->write_reply(&reply, &out);
        f = dialect_of(to)->read_reply(buffer_slice(&out), ENDPOINT_CHAT, true, &arena, &back, &failure);
        if (f != FAULT_NONE) fprintf(stderr, SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
        MUST(f == FAULT_NONE);
        if (reply.usage.output >= 0) MUST(back.usage.output == reply.usage.output);
    }
    buffer_deinit(&out);
    arena_deinit(&arena);
}

/* ---- streams ---- */

#define FUZZ_BLOCKS 4096

struct checked {
    bool started, finished, ended;
    int n_blocks;
    bool stopped[FUZZ_BLOCKS];
    int n_stopped;
};

static int64_t index_of(const struct json_doc *d) {
    int64_t index = -1;
    MUST(json_get_i64(d, json_get(d, 0, "index"), &index));
    return index;
}

static void check_anthropic(struct checked *c, const struct sse_event *sse, const struct json_doc *d) {
    char type[32];
    snprintf(type, sizeof type, SLICE_FMT, SLICE_ARG(sse->name));
    MUST(json_is(d, json_get(d, 0, "type"), type));
    MUST(!c->ended);
    if (slice_is(sse->name, "ping")) return;
    bool first = slice_is(sse->name, "message_start");
    MUST(first == !c->started);
    c->started = true;
    if (slice_is(sse->name, "content_block_start")) {
        MUST(!c->finished && index_of(d) == c->n_blocks);
        MUST(c->n_blocks < FUZZ_BLOCKS);
        c->n_blocks++;
    } else if (slice_is(sse->name, "content_block_delta")) {
        MUST(!c->finished && index_of(d) >= 0 && index_of(d) < c->n_blocks);
    } else if (slice_is(sse->name, "content_block_stop")) {
        int64_t index = index_of(d);
        MUST(!c->finished && index >= 0 && index < c->n_blocks && !c->stopped[index]);
        c->stopped[index] = true;
        c->n_stopped++;
    } else if (slice_is(sse->name, "message_delta")) {
        MUST(!c->finished && c->n_stopped == c->n_blocks);
        c->finished = true;
    } else if (!first) {
        MUST(slice_is(sse->name, "message_stop") && c->finished);
        c->ended = true;
    }
}

static void check_openai(struct checked *c, const struct json_doc *d) {
    uint32_t choice = json_item(d, json_get(d, 0, "choices"), 0);
    MUST(!c->ended);
    MUST((json_get(d, json_get(d, choice, "delta"), "role") != JSON_NONE) == !c->started ||
         choice == JSON_NONE);
    c->started = true;
    if (json_type(d, json_get(d, choice, "finish_reason")) == JSON_STRING) {
        MUST(!c->finished);
        c->finished = true;
    }
}

/* Everything that was written: in order, and read again without a stumble. */
static void check_written(enum dialect_id id, struct slice bytes, struct arena *arena) {
    struct sse_reader sse;
    struct sse_event event;
    static struct checked none;
    struct checked *c = malloc(sizeof *c);
    struct stream_reader reader = {.arena = arena, .endpoint = ENDPOINT_CHAT};
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n;
    bool usage_only;
    *c = none;
    sse_reader_init(&sse);
    for (size_t at = 0; at < bytes.len;
         at += 1 << 16) { /* in pieces, as the reader's limit is for one event */
        size_t len = bytes.len - at < 1 << 16 ? bytes.len - at : 1 << 16;
        MUST(sse_reader_feed(&sse, slice_make(bytes.at + at, len)) == FAULT_NONE);
        while (sse_reader_next(&sse, &event)) {
            arena_reset(arena);
            MUST(event.has_data);
            MUST(dialect_of(id)->read_event(&reader, event.name, event.data, events, &n, &usage_only) ==
                 FAULT_NONE);
            if (slice_is(event.data, "[DONE]")) {
                MUST(c->finished && !c->ended);
                c->ended = true;
                continue;
            }
            struct json_doc d = fuzz_json(event.data, arena);
            if (id == DIALECT_ANTHROPIC) check_anthropic(c, &event, &d);
            else check_openai(c, &d);
        }
    }
    MUST(!sse_reader_end(&sse, &event));
    MUST(c->ended && reader.finished && !reader.failed);
    sse_reader_deinit(&sse);
    free(c);
}

/* The input as a stream of the source, relayed as the gateway does, and ended. */
static void stream(enum dialect_id from, enum dialect_id to, enum endpoint e, struct slice bytes) {
    struct arena arena;
    struct buffer out;
    struct sse_reader sse;
    struct sse_event event;
    struct stream_reader *reader = calloc(1, sizeof *reader);
    struct stream_writer *writer = calloc(1, sizeof *writer);
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 0;
    bool usage_only = false;
    arena_init(&arena, 4096, 8u << 20);
    buffer_init(&out, 64u << 20);
    sse_reader_init(&sse);
    reader->arena = &arena;
    reader->endpoint = e;
    *writer =
        (struct stream_writer){.id = SLICE("id"), .model = SLICE("m"), .include_usage = bytes.len % 2 == 0};
    if (sse_reader_feed(&sse, bytes) == FAULT_NONE)
        for (bool last = false; !last;) {
            if (!sse_reader_next(&sse, &event)) {
                last = true;
                if (!sse_reader_end(&sse, &event)) break;
            }
            arena_reset(&arena);
            if (!event.has_data) continue;
            enum fault f =
                dialect_of(from)->read_event(reader, event.name, event.data, events, &n, &usage_only);
            MUST(f == FAULT_NONE || f == FAULT_UP_MALFORMED);
            if (f != FAULT_NONE) continue;
            MUST(n <= LIMIT_EVENTS_PER_CHUNK);
            for (unsigned i = 0; i < n; i++) {
                MUST(events[i].type != EVENT_ERROR || reader->failed);
                dialect_of(to)->write_event(writer, &events[i], &out);
            }
        }
    struct event end = {.type = EVENT_END};
    dialect_of(to)->write_event(writer, &end, &out);
    if (writer->n_blocks < FUZZ_BLOCKS) check_written(to, buffer_slice(&out), &arena);
    sse_reader_deinit(&sse);
    buffer_deinit(&out);
    arena_deinit(&arena);
    free(reader);
    free(writer);
}

static struct slice no_header(void *ctx, const char *name) {
    const struct slice *text = ctx;
    return strcmp(name, "retry-after") == 0 ? *text : SLICE_NULL;
}

/* As the body of a failure; the size says of which. */
static void failed(enum dialect_id from, struct slice body) {
    static const int statuses[] = {200, 302, 400, 401, 403, 404, 413, 429, 500, 503, 529};
    int status = statuses[body.len % (sizeof statuses / sizeof statuses[0])];
    struct arena arena;
    struct upstream_error failure = {.fault = FAULT_NONE};
    arena_init(&arena, 4096, FUZZ_ARENA);
    dialect_of(from)->read_error(status, (struct header_source){&body, no_header}, body, 0, &arena, &failure);
    MUST(failure.fault != FAULT_NONE);
    MUST(status < 500 || (failure.fault != FAULT_UP_CONTEXT && failure.fault != FAULT_UP_BAD_REQUEST));
    MUST(failure.retry_after_us >= -1 && failure.retry_after_us <= INT64_C(86400000000));
    MUST(slice_is_utf8(failure.message));
    arena_deinit(&arena);
}

static void fuzz_reply(enum dialect_id from, enum dialect_id to, const uint8_t *data, size_t size) {
    struct slice bytes = fuzz_text(data, size);
    for (unsigned e = 0; e < ENDPOINT_COUNT; e++) whole(from, to, (enum endpoint)e, bytes);
    stream(from, to, ENDPOINT_CHAT, bytes);
    if (from == DIALECT_OPENAI) stream(from, to, ENDPOINT_RESPONSES, bytes);
    failed(from, bytes);
}

#endif
