/* emit.h - collecting the neutral events of one stream event, and framing what is written. */
#ifndef DIALECT_EMIT_H
#define DIALECT_EMIT_H

#include "base/json.h"
#include "dialect/dialect.h"

struct emit {
    struct event *events;
    unsigned n;
    bool overflow;      /* more than LIMIT_EVENTS_PER_CHUNK */
    struct event spill; /* handed out then */
};

static inline struct event *emit_add(struct emit *e, enum event_type type) {
    struct event *event = &e->spill;
    if (e->n < LIMIT_EVENTS_PER_CHUNK) event = &e->events[e->n++];
    else e->overflow = true;
    *event = (struct event){.type = type};
    return event;
}

/* A text event, unless the text is empty. */
static inline void emit_text(struct emit *e, enum event_type type, struct slice text) {
    if (text.len > 0) emit_add(e, type)->text = text;
}

/* A tool call begins: the reader numbers it. `slot` is its number in the dialect, remembered when there is
 * room. */
static inline unsigned emit_tool(struct emit *e, struct stream_reader *r, int64_t slot, struct slice id,
                                 struct slice name) {
    unsigned index = r->n_tools++;
    if (slot >= 0 && slot < STREAM_TOOLS) r->tool_of_block[slot] = (int)index + 1;
    struct event *event = emit_add(e, EVENT_TOOL_BEGIN);
    event->index = index;
    event->id = id;
    event->name = name;
    return index;
}

static inline void emit_arguments(struct emit *e, unsigned index, struct slice fragment) {
    if (fragment.len == 0) return;
    struct event *event = emit_add(e, EVENT_TOOL_ARGS);
    event->index = index;
    event->text = fragment;
}

static inline void emit_usage(struct emit *e, struct stream_reader *r, const struct usage *later) {
    usage_update(&r->usage, later);
    emit_add(e, EVENT_USAGE)->usage = r->usage;
}

static inline void emit_error(struct emit *e, struct stream_reader *r, enum fault fault, struct slice text) {
    struct event *event = emit_add(e, EVENT_ERROR);
    event->fault = fault;
    event->text = text;
    r->failed = true;
}

/* The terminal event, once. */
static inline void emit_end(struct emit *e, struct stream_reader *r) {
    if (!r->ended) emit_add(e, EVENT_END);
    r->ended = true;
}

/* Frames: emit_frame ... write the JSON ... emit_frame_end. `name` NULL: no `event:` line. */
static inline void emit_frame(struct json_writer *w, struct buffer *out, const char *name) {
    if (name != NULL) {
        buffer_append(out, SLICE("event: "));
        buffer_append(out, slice_of(name));
        buffer_append(out, SLICE("\n"));
    }
    buffer_append(out, SLICE("data: "));
    json_start(w, out);
}
static inline void emit_frame_end(struct json_writer *w) {
    buffer_append(w->out, SLICE("\n\n"));
}

#endif
