#include "dialect/anthropic.h"
#include "dialect/head.h"
#include "dialect/splice.h"
#include "dialect/target_call.h"

enum {
    HEAD_MODEL,
    HEAD_STREAM,
    HEAD_MESSAGES,
    HEAD_SYSTEM,
    HEAD_MAX_TOKENS,
    HEAD_METADATA,
    HEAD_TOOLS,
    HEAD_COUNT
};
static const struct field head_fields[HEAD_COUNT] = {
    [HEAD_MODEL] = FIELD("model"),           [HEAD_STREAM] = FIELD("stream"),
    [HEAD_MESSAGES] = FIELD("messages"),     [HEAD_SYSTEM] = FIELD("system"),
    [HEAD_MAX_TOKENS] = FIELD("max_tokens"), [HEAD_METADATA] = FIELD("metadata"),
    [HEAD_TOOLS] = FIELD("tools"),
};

enum { BLOCK_TYPE, BLOCK_TEXT, BLOCK_CONTENT, BLOCK_INPUT, BLOCK_THINKING, BLOCK_SOURCE, BLOCK_COUNT };
static const struct field block_fields[BLOCK_COUNT] = {
    [BLOCK_TYPE] = FIELD("type"),   [BLOCK_TEXT] = FIELD("text"),         [BLOCK_CONTENT] = FIELD("content"),
    [BLOCK_INPUT] = FIELD("input"), [BLOCK_THINKING] = FIELD("thinking"), [BLOCK_SOURCE] = FIELD("source"),
};

static void count_content(struct call *call, uint32_t content, unsigned nested);

static void count_block(struct call *call, uint32_t block, unsigned nested) {
    const struct json_doc *d = &call->doc;
    uint32_t at[BLOCK_COUNT];
    fields_find(d, block, block_fields, BLOCK_COUNT, at);
    call->text_bytes += head_string_bytes(d, at[BLOCK_TEXT]) + head_string_bytes(d, at[BLOCK_THINKING]);
    call->text_bytes += json_raw(d, at[BLOCK_INPUT]).len;
    if (json_is(d, at[BLOCK_TYPE], "image")) call->n_images_total++;
    if (json_is(d, json_get(d, at[BLOCK_SOURCE], "type"), "text")) /* a document as plain text */
        call->text_bytes += head_string_bytes(d, json_get(d, at[BLOCK_SOURCE], "data"));
    count_content(call, at[BLOCK_CONTENT], nested);
}

/* A text, or blocks; the blocks of tool results and search results hold content again. */
static void count_content(struct call *call, uint32_t content, unsigned nested) {
    enum { NESTED_MOST = 4 };
    uint32_t cursor = JSON_NONE, block;
    call->text_bytes += head_string_bytes(&call->doc, content);
    while (nested < NESTED_MOST && json_each_item(&call->doc, content, &cursor, &block))
        count_block(call, block, nested + 1);
}

static enum fault read_system(struct call *call, uint32_t system, struct arena *arena, struct error *error) {
    const struct json_doc *d = &call->doc;
    struct head_text text = {.arena = arena};
    uint32_t cursor = JSON_NONE, block;
    if (fields_is_null(d, system)) return FAULT_NONE;
    if (json_type(d, system) != JSON_STRING && json_type(d, system) != JSON_ARRAY)
        return fields_expected(d, system, "a string or an array", arena, error);
    head_text_add(&text, json_string(d, system, arena), SLICE(""));
    while (json_each_item(d, system, &cursor, &block))
        head_text_add(&text, json_string(d, json_get(d, block, "text"), arena), SLICE("\n\n"));
    call->system_text = text.text;
    call->text_bytes += text.text.len;
    return FAULT_NONE;
}

static enum fault read_messages(struct call *call, uint32_t messages, struct arena *arena,
                                struct error *error) {
    const struct json_doc *d = &call->doc;
    uint32_t cursor = JSON_NONE, message;
    if (!fields_is_null(d, messages) && json_type(d, messages) != JSON_ARRAY)
        return fields_expected(d, messages, "an array", arena, error);
    if (json_type(d, messages) == JSON_ARRAY) call->messages_node = messages;
    while (json_each_item(d, messages, &cursor, &message))
        count_content(call, json_get(d, message, "content"), 0);
    return FAULT_NONE;
}

enum fault anthropic_read_head(struct slice body, struct arena *arena, struct call *call, struct error *error) {
    struct json_doc doc;
    enum fault f = json_read(body, arena, UINT16_MAX, &doc, error);
    return f == FAULT_NONE ? anthropic_read_tape(&doc, arena, call, error) : f;
}

enum fault anthropic_read_tape(const struct json_doc *body, struct arena *arena, struct call *call, struct error *error) {
    uint32_t at[HEAD_COUNT];
    enum fault f = head_begin(body, arena, call, head_fields, HEAD_COUNT, at, error);
    if (f != FAULT_NONE) return f;
    const struct json_doc *d = &call->doc;
    if (call->endpoint == ENDPOINT_CHAT) {
        if ((f = head_stream(call, at[HEAD_STREAM], arena, error)) != FAULT_NONE) return f;
        if ((f = head_max_tokens(call, at[HEAD_MAX_TOKENS], arena, error)) != FAULT_NONE) return f;
        call->limit_nodes[0] = at[HEAD_MAX_TOKENS];
    }
    call->include_usage = call->stream; /* always part of the stream here */
    uint32_t user = json_get(d, at[HEAD_METADATA], "user_id");
    if ((f = fields_string(d, user, arena, &call->end_user, error)) != FAULT_NONE) return f;
    if ((f = read_system(call, at[HEAD_SYSTEM], arena, error)) != FAULT_NONE) return f;
    if ((f = read_messages(call, at[HEAD_MESSAGES], arena, error)) != FAULT_NONE) return f;
    call->text_bytes += json_raw(d, at[HEAD_TOOLS]).len;
    return head_check_arena(arena, error);
}

bool anthropic_read_message(const struct call *call, uint32_t item, struct arena *arena,
                            struct dialect_message *ret) {
    static const struct field fields[] = {FIELD("role"), FIELD("content")};
    struct call counted = {.doc = call->doc};
    const struct json_doc *d = &call->doc;
    uint32_t at[2], cursor = JSON_NONE, block;
    (void)arena; /* nothing is decoded */
    *ret = (struct dialect_message){.system_text = SLICE_NULL};
    if (json_type(d, item) != JSON_OBJECT || fields_find(d, item, fields, 2, at) != 0) return false;
    bool user = json_is(d, at[0], "user"), system = json_is(d, at[0], "system");
    if (!user && !system && !json_is(d, at[0], "assistant")) return false;
    ret->as.role = user ? HISTORY_USER : system ? HISTORY_SYSTEM : HISTORY_OTHER;
    while (json_each_item(d, at[1], &cursor, &block)) {
        uint32_t type = json_get(d, block, "type"); /* server tools have their results in the same message */
        if (json_is(d, type, "tool_use")) ret->as.calls++;
        if (json_is(d, type, "tool_result")) ret->as.results++;
    }
    count_content(&counted, at[1], 0);
    ret->text_bytes = counted.text_bytes;
    ret->n_images = counted.n_images_total;
    return true;
}

enum fault anthropic_splice(const struct call *call, const struct target *target, bool want_usage,
                            struct buffer *out) {
    uint32_t nodes[] = {call->model_node, call->limit_nodes[0], call->messages_node};
    enum { NODES = sizeof nodes / sizeof nodes[0] };
    int64_t limit = target_added_limit(call, target);
    struct splice s;
    (void)want_usage; /* always part of the stream */
    splice_start(&s, call->doc.text, out);
    splice_order(nodes, NODES);
    for (unsigned i = 0; i < NODES && nodes[i] != JSON_NONE; i++) {
        if (nodes[i] == call->messages_node) {
            splice_messages(&s, call);
        } else if (nodes[i] != call->model_node) {
            splice_limit(&s, call, nodes[i], limit);
        } else {
            splice_model(&s, call, target->model);
            if (limit >= 0 && call->limit_nodes[0] == JSON_NONE)
                buffer_printf(out, ",\"max_tokens\":%lld", (long long)limit);
        }
    }
    splice_end(&s);
    return out->overflow ? FAULT_TOO_LARGE : FAULT_NONE;
}
