#include "quality/captured.h"

#include "dialect/dialect.h"
#include "io/sse.h"

enum { STREAM_PARTS = STREAM_TOOLS + 2 };

/* ---- the answer ---- */

/* A stream's pieces: text, refusal, then tool calls by index. */
struct joining {
    struct buffer text, refusal, arguments[STREAM_TOOLS];
    struct slice names[STREAM_TOOLS];
    unsigned n_tools;
    struct arena *arena;
    struct reply reply;
    bool ended;
};

static void join(struct joining *j, const struct event *e) {
    if (e->type == EVENT_TEXT) (void)buffer_append(&j->text, e->text);
    if (e->type == EVENT_REFUSAL) (void)buffer_append(&j->refusal, e->text);
    if (e->type == EVENT_TOOL_BEGIN && e->index < STREAM_TOOLS) {
        while (j->n_tools <= e->index) buffer_init(&j->arguments[j->n_tools++], LIMIT_PAYLOAD);
        j->names[e->index] = arena_slice(j->arena, e->name);
    }
    if (e->type == EVENT_TOOL_ARGS && e->index < j->n_tools) (void)buffer_append(&j->arguments[e->index], e->text);
    if (e->type == EVENT_FINISH) {
        j->reply.finish = e->finish;
        j->reply.finish_raw = arena_slice(j->arena, e->finish_raw);
    }
    j->ended |= e->type == EVENT_END || e->type == EVENT_ERROR;
}

static bool read_events(const struct dialect *d, enum endpoint e, struct slice body, struct joining *j) {
    struct sse_reader sse;
    struct sse_event one;
    struct arena scratch;
    struct stream_reader reader = {.arena = &scratch, .endpoint = e};
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n;
    bool usage_only;
    arena_init(&scratch, 64 << 10, 4 * (size_t)LIMIT_SSE_EVENT);
    sse_reader_init(&sse);
    bool good = sse_reader_feed(&sse, body) == FAULT_NONE;
    while (good && (sse_reader_next(&sse, &one) || sse_reader_end(&sse, &one))) {
        n = 0;
        if (one.has_data && d->read_event(&reader, one.name, one.data, events, &n, &usage_only) == FAULT_NONE)
            for (unsigned i = 0; i < n; i++) join(j, &events[i]);
        arena_reset(&scratch);
    }
    sse_reader_deinit(&sse);
    arena_deinit(&scratch);
    return good && (j->text.len > 0 || j->refusal.len > 0 || j->n_tools > 0 || j->ended);
}

static bool read_stream(const struct dialect *d, enum endpoint e, struct slice body, struct arena *arena, struct reply *ret) {
    struct joining *j = arena_new(arena, struct joining);
    struct part *parts = arena_new_array(arena, struct part, STREAM_PARTS);
    if (j == NULL || parts == NULL) return false;
    *j = (struct joining){.arena = arena};
    buffer_init(&j->text, LIMIT_PAYLOAD);
    buffer_init(&j->refusal, LIMIT_PAYLOAD);
    bool good = read_events(d, e, body, j);
    j->reply.parts = parts;
    if (j->text.len > 0) parts[j->reply.n_parts++] = (struct part){.type = PART_TEXT, .text = arena_slice(arena, buffer_slice(&j->text))};
    if (j->refusal.len > 0) parts[j->reply.n_parts++] = (struct part){.type = PART_REFUSAL, .text = arena_slice(arena, buffer_slice(&j->refusal))};
    for (unsigned i = 0; i < j->n_tools; i++) {
        parts[j->reply.n_parts++] =
            (struct part){.type = PART_TOOL_CALL, .name = j->names[i], .arguments = arena_slice(arena, buffer_slice(&j->arguments[i]))};
        buffer_deinit(&j->arguments[i]);
    }
    buffer_deinit(&j->text);
    buffer_deinit(&j->refusal);
    *ret = j->reply;
    return good && !arena_is_full(arena);
}

bool captured_answer(const struct record *r, struct slice body, struct arena *arena, struct check_answer *ret) {
    enum dialect_id id;
    struct reply reply = {.n_parts = 0};
    struct upstream_error why;
    struct slice start = slice_trim(body);
    check_answer_init(ret);
    if (!dialect_from_name(r->dialect, &id)) return false;
    const struct dialect *d = dialect_of(id);
    enum endpoint e = r->endpoint == ENDPOINT_RESPONSES ? ENDPOINT_RESPONSES : ENDPOINT_CHAT;
    bool good = start.len > 0 && start.at[0] == '{' ? d->read_reply(body, e, true, arena, &reply, &why) == FAULT_NONE
                                                    : read_stream(d, e, body, arena, &reply);
    if (!good || !check_answer_of(&reply, arena, ret)) return false;
    if (slice_is_null(ret->text) && ret->n_calls == 0) ret->text = SLICE("");
    return true;
}

/* ---- the question ---- */

static void put_text(struct buffer *out, struct slice text) {
    if (text.len == 0) return;
    if (out->len > 0) (void)buffer_append(out, SLICE("\n\n"));
    (void)buffer_append(out, text);
}

static void put_content(const struct json_doc *d, uint32_t content, struct arena *arena, struct buffer *out) {
    uint32_t cursor = JSON_NONE, item;
    if (json_type(d, content) == JSON_STRING) put_text(out, json_string(d, content, arena));
    while (json_type(d, content) == JSON_ARRAY && json_each_item(d, content, &cursor, &item)) {
        put_text(out, json_string(d, json_get(d, item, "text"), arena));
        put_content(d, json_get(d, item, "content"), arena, out); /* a tool's result */
    }
}

static bool read_question(struct slice body, struct arena *arena, struct captured *ret) {
    struct json_doc d;
    struct buffer asked, context;
    uint32_t cursor = JSON_NONE, item;
    bool any = false;
    if (json_read(body, arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return false;
    uint32_t messages = json_get(&d, 0, "messages"), system = json_get(&d, 0, "system");
    if (json_type(&d, messages) != JSON_ARRAY) return false;
    buffer_init(&asked, 2 * LIMIT_PAYLOAD);
    buffer_init(&context, 2 * LIMIT_PAYLOAD);
    (void)buffer_byte(&asked, '[');
    if (system != JSON_NONE && json_type(&d, system) != JSON_NULL) {
        (void)buffer_printf(&asked, "{\"role\":\"system\",\"content\":" SLICE_FMT "}", SLICE_ARG(json_raw(&d, system)));
        put_content(&d, system, arena, &context);
        any = true;
    }
    while (json_each_item(&d, messages, &cursor, &item)) {
        if (any) (void)buffer_byte(&asked, ',');
        (void)buffer_append(&asked, json_raw(&d, item));
        put_content(&d, json_get(&d, item, "content"), arena, &context);
        any = true;
    }
    (void)buffer_byte(&asked, ']');
    ret->asked = asked.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&asked));
    ret->context = context.overflow ? SLICE_NULL : arena_slice(arena, context.len > 0 ? buffer_slice(&context) : SLICE(""));
    buffer_deinit(&asked);
    buffer_deinit(&context);
    return !slice_is_null(ret->asked);
}

bool captured_read(const struct record *r, const struct payload *p, struct arena *arena, struct captured *ret, const char **ret_why) {
    *ret = (struct captured){.asked = SLICE_NULL};
    *ret_why = slice_is_null(p->reply)  ? "the reply was not captured"
               : p->reply_cut           ? "the reply is longer than what is kept"
               : p->request_cut         ? "the request is longer than what is kept"
               : slice_is_null(p->request) ? "the request was not captured"
                                           : NULL;
    if (*ret_why != NULL) return false;
    if (!captured_answer(r, p->reply, arena, &ret->answer)) *ret_why = "the captured reply cannot be read";
    else if (!read_question(p->request, arena, ret)) *ret_why = "the captured request cannot be read";
    ret->answer.usage = r->usage;
    ret->answer.latency_us = r->duration_us;
    ret->answer.cost_nano = r->cost_nano;
    return *ret_why == NULL;
}
