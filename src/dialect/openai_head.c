#include "dialect/head.h"
#include "dialect/openai.h"
#include "dialect/splice.h"
#include "dialect/target_call.h"

enum {
    HEAD_MODEL,
    HEAD_STREAM,
    HEAD_STREAM_OPTIONS,
    HEAD_MESSAGES,
    HEAD_MAX_TOKENS,
    HEAD_MAX_COMPLETION,
    HEAD_MAX_OUTPUT,
    HEAD_CHOICES,
    HEAD_USER,
    HEAD_TOOLS,
    HEAD_FUNCTIONS,
    HEAD_INPUT,
    HEAD_INSTRUCTIONS,
    HEAD_COUNT
};
static const struct field head_fields[HEAD_COUNT] = {
    [HEAD_MODEL] = FIELD("model"),
    [HEAD_STREAM] = FIELD("stream"),
    [HEAD_STREAM_OPTIONS] = FIELD("stream_options"),
    [HEAD_MESSAGES] = FIELD("messages"),
    [HEAD_MAX_TOKENS] = FIELD("max_tokens"),
    [HEAD_MAX_COMPLETION] = FIELD("max_completion_tokens"),
    [HEAD_MAX_OUTPUT] = FIELD("max_output_tokens"),
    [HEAD_CHOICES] = FIELD("n"),
    [HEAD_USER] = FIELD("user"),
    [HEAD_TOOLS] = FIELD("tools"),
    [HEAD_FUNCTIONS] = FIELD("functions"),
    [HEAD_INPUT] = FIELD("input"),
    [HEAD_INSTRUCTIONS] = FIELD("instructions"),
};

static const struct field include_usage_field[] = {FIELD("include_usage")};

enum {
    ITEM_ROLE,
    ITEM_CONTENT,
    ITEM_TEXT,
    ITEM_REFUSAL,
    ITEM_IMAGE_URL,
    ITEM_TYPE,
    ITEM_TOOL_CALLS,
    ITEM_ARGUMENTS,
    ITEM_OUTPUT,
    ITEM_COUNT
};
/* Of a message, an input item or a content part alike: their names do not clash. */
static const struct field item_fields[ITEM_COUNT] = {
    [ITEM_ROLE] = FIELD("role"),
    [ITEM_CONTENT] = FIELD("content"),
    [ITEM_TEXT] = FIELD("text"),
    [ITEM_REFUSAL] = FIELD("refusal"),
    [ITEM_IMAGE_URL] = FIELD("image_url"),
    [ITEM_TYPE] = FIELD("type"),
    [ITEM_TOOL_CALLS] = FIELD("tool_calls"),
    [ITEM_ARGUMENTS] = FIELD("arguments"),
    [ITEM_OUTPUT] = FIELD("output"),
};

struct counting {
    struct call *call;
    struct head_text system;
};

/* Content of a message: a text, or parts. System text is kept, the rest is counted. */
static void count_content(struct counting *c, uint32_t content, bool system) {
    const struct json_doc *d = &c->call->doc;
    uint32_t cursor = JSON_NONE, part, at[ITEM_COUNT];
    c->call->text_bytes += head_string_bytes(d, content);
    if (system) head_text_add(&c->system, json_string(d, content, c->system.arena), SLICE("\n\n"));
    if (json_type(d, content) != JSON_ARRAY) return;
    while (json_each_item(d, content, &cursor, &part)) {
        fields_find(d, part, item_fields, ITEM_COUNT, at);
        c->call->text_bytes += head_string_bytes(d, at[ITEM_TEXT]) + head_string_bytes(d, at[ITEM_REFUSAL]);
        if (at[ITEM_IMAGE_URL] != JSON_NONE || json_is(d, at[ITEM_TYPE], "input_image"))
            c->call->n_images_total++;
        if (system) head_text_add(&c->system, json_string(d, at[ITEM_TEXT], c->system.arena), SLICE("\n\n"));
    }
}

static bool is_system(const struct json_doc *d, uint32_t role) {
    return json_is(d, role, "system") || json_is(d, role, "developer");
}

/* A message of a chat, or an item of a Responses input. */
static void count_item(struct counting *c, const uint32_t at[ITEM_COUNT]) {
    const struct json_doc *d = &c->call->doc;
    count_content(c, at[ITEM_CONTENT], is_system(d, at[ITEM_ROLE]));
    count_content(c, at[ITEM_OUTPUT], false);
    c->call->text_bytes += head_string_bytes(d, at[ITEM_ARGUMENTS]) + json_raw(d, at[ITEM_TOOL_CALLS]).len;
}

static void count_items(struct counting *c, uint32_t items) {
    const struct json_doc *d = &c->call->doc;
    uint32_t cursor = JSON_NONE, item, at[ITEM_COUNT];
    c->call->text_bytes += head_string_bytes(d, items);
    while (json_each_item(d, items, &cursor, &item)) {
        fields_find(d, item, item_fields, ITEM_COUNT, at);
        count_item(c, at);
    }
}

/* Embedding input: a text, texts, token numbers, or lists of these. A token counts as four bytes. */
static void count_embeddings(struct call *call, uint32_t input) {
    enum { BYTES_PER_TOKEN = 4 };
    const struct json_doc *d = &call->doc;
    uint32_t end = input == JSON_NONE ? 0 : d->nodes[input].next;
    for (uint32_t i = input; i < end; i++) {
        call->text_bytes += head_string_bytes(d, i);
        if (json_type(d, i) == JSON_NUMBER) call->text_bytes += BYTES_PER_TOKEN;
    }
}

static enum fault read_stream_options(struct call *call, uint32_t node, struct arena *arena,
                                      struct error *error) {
    uint32_t include;
    call->stream_options_node = node;
    if (fields_is_null(&call->doc, node)) return FAULT_NONE;
    if (json_type(&call->doc, node) != JSON_OBJECT)
        return fields_expected(&call->doc, node, "an object", arena, error);
    if (fields_find(&call->doc, node, include_usage_field, 1, &include) != 0)
        return error_set(error, FAULT_BAD_REQUEST,
                         "stream_options.include_usage: given twice; which one counts is not defined");
    if (fields_is_null(&call->doc, include) || json_get_bool(&call->doc, include, &call->include_usage))
        return FAULT_NONE;
    return fields_expected(&call->doc, include, "a boolean", arena, error);
}

static enum fault read_limits(struct call *call, const uint32_t at[HEAD_COUNT], struct arena *arena,
                              struct error *error) {
    enum fault f;
    if (call->endpoint == ENDPOINT_RESPONSES) {
        call->limit_nodes[0] = at[HEAD_MAX_OUTPUT];
        return head_max_tokens(call, at[HEAD_MAX_OUTPUT], arena, error);
    }
    call->limit_nodes[0] = at[HEAD_MAX_TOKENS];
    call->limit_nodes[1] = at[HEAD_MAX_COMPLETION];
    if ((f = head_max_tokens(call, at[HEAD_MAX_TOKENS], arena, error)) != FAULT_NONE) return f;
    if ((f = head_max_tokens(call, at[HEAD_MAX_COMPLETION], arena, error)) != FAULT_NONE) return f;
    return head_choices(call, at[HEAD_CHOICES], arena, error);
}

static enum fault read_text(struct call *call, const uint32_t at[HEAD_COUNT], struct arena *arena,
                            struct error *error) {
    struct counting c = {.call = call, .system = {.arena = arena}};
    const struct json_doc *d = &call->doc;
    uint32_t items = call->endpoint == ENDPOINT_RESPONSES ? at[HEAD_INPUT] : at[HEAD_MESSAGES];
    bool text_will_do = call->endpoint == ENDPOINT_RESPONSES;
    enum json_type t = json_type(d, items);
    if (!fields_is_null(d, items) && t != JSON_ARRAY && !(text_will_do && t == JSON_STRING))
        return fields_expected(d, items, text_will_do ? "a string or an array" : "an array", arena, error);
    if (call->endpoint == ENDPOINT_RESPONSES) count_content(&c, at[HEAD_INSTRUCTIONS], true);
    count_items(&c, items);
    if (t == JSON_ARRAY) call->messages_node = items;
    call->text_bytes += json_raw(d, at[HEAD_TOOLS]).len + json_raw(d, at[HEAD_FUNCTIONS]).len;
    call->system_text = c.system.text;
    return FAULT_NONE;
}

enum fault openai_read_head(struct slice body, struct arena *arena, struct call *call, struct error *error) {
    struct json_doc doc;
    enum fault f = json_read(body, arena, UINT16_MAX, &doc, error);
    return f == FAULT_NONE ? openai_read_tape(&doc, arena, call, error) : f;
}

enum fault openai_read_tape(const struct json_doc *body, struct arena *arena, struct call *call, struct error *error) {
    uint32_t at[HEAD_COUNT];
    enum fault f = head_begin(body, arena, call, head_fields, HEAD_COUNT, at, error);
    if (f != FAULT_NONE) return f;
    if ((f = fields_string(&call->doc, at[HEAD_USER], arena, &call->end_user, error)) != FAULT_NONE) return f;
    if (call->endpoint == ENDPOINT_EMBEDDINGS) {
        count_embeddings(call, at[HEAD_INPUT]);
        return head_check_arena(arena, error);
    }
    if ((f = head_stream(call, at[HEAD_STREAM], arena, error)) != FAULT_NONE) return f;
    if ((f = read_stream_options(call, at[HEAD_STREAM_OPTIONS], arena, error)) != FAULT_NONE) return f;
    if ((f = read_limits(call, at, arena, error)) != FAULT_NONE) return f;
    if ((f = read_text(call, at, arena, error)) != FAULT_NONE) return f;
    return head_check_arena(arena, error);
}

/* ---- the history ---- */

/* Items of a Responses input that wait for an answer, which is another item: TYPE_output, or as given. */
static const struct {
    const char *call, *result;
} item_pairs[] = {
    {"function_call", "function_call_output"},
    {"custom_tool_call", "custom_tool_call_output"},
    {"computer_call", "computer_call_output"},
    {"local_shell_call", "local_shell_call_output"},
    {"shell_call", "shell_call_output"},
    {"apply_patch_call", "apply_patch_call_output"},
    {"mcp_approval_request", "mcp_approval_response"},
};

static void read_pair(const struct json_doc *d, uint32_t type, struct history_message *ret) {
    for (size_t i = 0; i < sizeof item_pairs / sizeof item_pairs[0]; i++) {
        if (json_is(d, type, item_pairs[i].call)) ret->calls = 1;
        if (json_is(d, type, item_pairs[i].result)) ret->results = 1;
    }
}

static bool read_role(const struct json_doc *d, uint32_t item, uint32_t role, struct history_message *ret) {
    ret->role = HISTORY_OTHER;
    if (is_system(d, role)) {
        ret->role = HISTORY_SYSTEM;
    } else if (json_is(d, role, "user")) {
        ret->role = HISTORY_USER;
    } else if (json_is(d, role, "assistant")) {
        uint32_t older = json_get(d, item, "function_call");
        ret->calls = json_size(d, json_get(d, item, "tool_calls")) + (fields_is_null(d, older) ? 0 : 1);
    } else if (json_is(d, role, "tool") || json_is(d, role, "function")) {
        ret->results = 1;
    } else {
        return false;
    }
    return true;
}

bool openai_read_message(const struct call *call, uint32_t item, struct arena *arena,
                         struct dialect_message *ret) {
    struct call counted = {.doc = call->doc};
    struct counting c = {.call = &counted, .system = {.arena = arena}};
    const struct json_doc *d = &call->doc;
    uint32_t at[ITEM_COUNT];
    *ret = (struct dialect_message){.system_text = SLICE_NULL};
    if (json_type(d, item) != JSON_OBJECT || fields_find(d, item, item_fields, ITEM_COUNT, at) != 0)
        return false;
    if (call->endpoint == ENDPOINT_RESPONSES && fields_is_null(d, at[ITEM_ROLE])) {
        if (json_type(d, at[ITEM_TYPE]) != JSON_STRING) return false;
        ret->as.role = HISTORY_OTHER;
        read_pair(d, at[ITEM_TYPE], &ret->as);
    } else if (!read_role(d, item, at[ITEM_ROLE], &ret->as)) {
        return false;
    }
    count_item(&c, at);
    ret->text_bytes = counted.text_bytes;
    ret->n_images = counted.n_images_total;
    ret->system_text = c.system.text;
    return true;
}

/* ---- splicing ---- */

/* stream_options is there: sets include_usage in it. */
static void splice_options(struct splice *s, const struct call *call) {
    const struct json_doc *d = &call->doc;
    const struct json_node *options = &d->nodes[call->stream_options_node];
    uint32_t include = json_get(d, call->stream_options_node, "include_usage");
    if (options->type != JSON_OBJECT) { /* null */
        splice_to(s, options->start, options->len);
        buffer_append(s->out, SLICE("{\"include_usage\":true}"));
    } else if (include != JSON_NONE) {
        splice_to(s, d->nodes[include].start, d->nodes[include].len);
        buffer_append(s->out, SLICE("true"));
    } else {
        splice_to(s, options->start + 1, 0);
        buffer_append(s->out, SLICE("\"include_usage\":true"));
        if (json_size(d, call->stream_options_node) > 0) buffer_byte(s->out, ',');
    }
}

/* Which limit a call without one gets: the index in limit_nodes, and the name. */
static unsigned added_limit(const struct call *call, const struct target *target, const char **ret_key) {
    *ret_key = call->endpoint == ENDPOINT_RESPONSES ? "max_output_tokens" : openai_limit_key(target);
    return strcmp(*ret_key, "max_completion_tokens") == 0 ? 1 : 0;
}

enum fault openai_splice(const struct call *call, const struct target *target, bool want_usage,
                         struct buffer *out) {
    bool ask = want_usage && call->endpoint == ENDPOINT_CHAT && call->stream && !call->include_usage;
    uint32_t options = ask ? call->stream_options_node : JSON_NONE;
    uint32_t nodes[] = {call->model_node, options, call->limit_nodes[0], call->limit_nodes[1],
                        call->messages_node};
    enum { NODES = sizeof nodes / sizeof nodes[0] };
    int64_t limit = target_added_limit(call, target);
    const char *key;
    uint32_t limit_node = call->limit_nodes[added_limit(call, target, &key)];
    struct splice s;
    splice_start(&s, call->doc.text, out);
    splice_order(nodes, NODES);
    for (unsigned i = 0; i < NODES && nodes[i] != JSON_NONE; i++) {
        if (nodes[i] == options) {
            splice_options(&s, call);
        } else if (nodes[i] == call->messages_node) {
            splice_messages(&s, call);
        } else if (nodes[i] != call->model_node) {
            splice_limit(&s, call, nodes[i], nodes[i] == limit_node ? limit : -1);
        } else {
            splice_model(&s, call, target->model);
            if (ask && options == JSON_NONE)
                buffer_append(out, SLICE(",\"stream_options\":{\"include_usage\":true}"));
            if (limit >= 0 && limit_node == JSON_NONE)
                buffer_printf(out, ",\"%s\":%lld", key, (long long)limit);
        }
    }
    splice_end(&s);
    return out->overflow ? FAULT_TOO_LARGE : FAULT_NONE;
}
