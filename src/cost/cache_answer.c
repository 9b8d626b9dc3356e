#include "cost/cache_answer.h"

#include "base/limits.h"
#include "dialect/parts.h"
#include "io/sse.h"

static struct slice whole_text(const struct dialect *d, enum endpoint e, struct slice body,
                               struct arena *arena) {
    struct reply reply;
    struct upstream_error error;
    if (d->read_reply(body, e, true, arena, &reply, &error) != FAULT_NONE) return SLICE_NULL;
    if (parts_have(reply.parts, reply.n_parts, PART_TOOL_CALL)) return SLICE_NULL;
    return parts_text(reply.parts, reply.n_parts, PART_TEXT, arena);
}

struct gathering {
    const struct dialect *dialect;
    struct stream_reader reader;
    struct buffer text;
    bool other; /* something in it is no text */
};

static void take(struct gathering *g, const struct sse_event *e) {
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 0;
    bool usage_only;
    if (!e->has_data ||
        g->dialect->read_event(&g->reader, e->name, e->data, events, &n, &usage_only) != FAULT_NONE)
        return;
    for (unsigned i = 0; i < n; i++) {
        if (events[i].type == EVENT_TEXT) buffer_append(&g->text, events[i].text);
        g->other |= events[i].type == EVENT_TOOL_BEGIN || events[i].type == EVENT_ERROR;
    }
}

static struct slice stream_text(const struct dialect *d, enum endpoint e, struct slice body,
                                struct arena *arena) {
    struct gathering g = {.dialect = d, .reader = {.arena = arena, .endpoint = e}};
    struct sse_reader sse;
    struct sse_event event;
    struct slice text = SLICE_NULL;
    sse_reader_init(&sse);
    buffer_init(&g.text, LIMIT_REPLY_BODY);
    if (sse_reader_feed(&sse, body) == FAULT_NONE) {
        while (sse_reader_next(&sse, &event)) take(&g, &event);
        if (sse_reader_end(&sse, &event)) take(&g, &event);
        if (!g.other && g.text.len > 0 && !g.text.overflow) text = arena_slice(arena, buffer_slice(&g.text));
    }
    buffer_deinit(&g.text);
    sse_reader_deinit(&sse);
    return text;
}

struct slice cache_answer_text(const struct dialect *d, enum endpoint e, bool stream, struct slice body,
                               struct arena *arena) {
    if (slice_is_null(body)) return SLICE_NULL;
    return stream ? stream_text(d, e, body, arena) : whole_text(d, e, body, arena);
}
