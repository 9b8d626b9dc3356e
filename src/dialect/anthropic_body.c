#include "dialect/anthropic.h"
#include "dialect/body.h"
#include "dialect/head.h"

/* docs/translation.md has these tables in words: keep them together. */
static const struct field_rule root_rules[] = {
    {"model", FIELD_USED, NULL},         {"messages", FIELD_USED, NULL},
    {"system", FIELD_USED, NULL},        {"max_tokens", FIELD_USED, NULL},
    {"metadata", FIELD_USED, NULL},      {"stop_sequences", FIELD_USED, NULL},
    {"stream", FIELD_USED, NULL},        {"temperature", FIELD_USED, NULL},
    {"top_k", FIELD_USED, NULL},         {"top_p", FIELD_USED, NULL},
    {"tools", FIELD_USED, NULL},         {"tool_choice", FIELD_USED, NULL},
    {"thinking", FIELD_USED, NULL},      {"output_config", FIELD_USED, NULL},
    {"output_format", FIELD_USED, NULL}, {"service_tier", FIELD_HINT, NULL},
    {"cache_control", FIELD_HINT, NULL}, {"mcp_servers", FIELD_ONLY, ""},
};
static const struct field_rule output_rules[] = {{"format", FIELD_USED, NULL},
                                                 {"effort", FIELD_ONLY, "high"}};
static const struct field_rule format_rules[] = {{"type", FIELD_ONLY, "json_schema"},
                                                 {"schema", FIELD_USED, NULL}};
static const struct field_rule message_rules[] = {{"role", FIELD_USED, NULL}, {"content", FIELD_USED, NULL}};
static const struct field_rule text_rules[] = {
    {"type", FIELD_ONLY, "text"},
    {"text", FIELD_USED, NULL},
    {"cache_control", FIELD_HINT, NULL},
    {"citations", FIELD_ONLY, ""},
};
static const struct field_rule image_rules[] = {
    {"type", FIELD_USED, NULL}, {"source", FIELD_USED, NULL}, {"cache_control", FIELD_HINT, NULL}};
static const struct field_rule base64_rules[] = {
    {"type", FIELD_USED, NULL}, {"media_type", FIELD_USED, NULL}, {"data", FIELD_USED, NULL}};
static const struct field_rule url_rules[] = {{"type", FIELD_USED, NULL}, {"url", FIELD_USED, NULL}};
static const struct field_rule use_rules[] = {
    {"type", FIELD_USED, NULL},  {"id", FIELD_USED, NULL},     {"name", FIELD_USED, NULL},
    {"input", FIELD_USED, NULL}, {"caller", FIELD_HINT, NULL}, {"cache_control", FIELD_HINT, NULL},
};
static const struct field_rule result_rules[] = {
    {"type", FIELD_USED, NULL},     {"tool_use_id", FIELD_USED, NULL},   {"content", FIELD_USED, NULL},
    {"is_error", FIELD_USED, NULL}, {"cache_control", FIELD_HINT, NULL},
};
static const struct field_rule tool_rules[] = {
    {"type", FIELD_ONLY, "custom"},
    {"name", FIELD_USED, NULL},
    {"description", FIELD_USED, NULL},
    {"input_schema", FIELD_USED, NULL},
    {"strict", FIELD_USED, NULL},
    {"cache_control", FIELD_HINT, NULL},
    {"eager_input_streaming", FIELD_HINT, NULL},
};
static const struct field_rule choice_rules[] = {
    {"type", FIELD_USED, NULL}, {"name", FIELD_USED, NULL}, {"disable_parallel_tool_use", FIELD_USED, NULL}};

#define CHECK(b, node, rules) FIELDS_CHECK((b)->d, (node), rules, (b)->arena, (b)->error)

/* ---- blocks ---- */

static enum fault read_text(struct body *b, uint32_t block, struct parts *p) {
    enum fault f = CHECK(b, block, text_rules);
    if (f != FAULT_NONE) return f;
    return fields_required(b->d, block, "text", b->arena, &parts_add(p, PART_TEXT)->text, b->error);
}

static enum fault read_image(struct body *b, uint32_t block, struct parts *p) {
    struct part *part = parts_add(p, PART_IMAGE);
    uint32_t source = json_get(b->d, block, "source"), type = json_get(b->d, source, "type");
    enum fault f = CHECK(b, block, image_rules);
    if (f != FAULT_NONE) return f;
    if (fields_is_null(b->d, source)) return fields_missing(b->d, block, "source", b->arena, b->error);
    if (fields_is_null(b->d, type)) return fields_missing(b->d, source, "type", b->arena, b->error);
    if (json_is(b->d, type, "url")) {
        if ((f = CHECK(b, source, url_rules)) != FAULT_NONE) return f;
        if (fields_is_null(b->d, json_get(b->d, source, "url")))
            return fields_missing(b->d, source, "url", b->arena, b->error);
        return body_read_image_url(b, json_get(b->d, source, "url"), part);
    }
    if (!json_is(b->d, type, "base64")) return fields_unsupported(b->d, type, b->arena, b->error);
    if ((f = CHECK(b, source, base64_rules)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, source, "media_type", b->arena, &part->media_type, b->error)) !=
        FAULT_NONE)
        return f;
    if (!parts_is_media_type(part->media_type))
        return fields_expected(b->d, json_get(b->d, source, "media_type"), "a media type such as image/png",
                               b->arena, b->error);
    return fields_required(b->d, source, "data", b->arena, &part->data, b->error);
}

static enum fault read_tool_use(struct body *b, uint32_t block, struct parts *p) {
    struct part *part = parts_add(p, PART_TOOL_CALL);
    uint32_t input = json_get(b->d, block, "input");
    enum fault f = CHECK(b, block, use_rules);
    if (f != FAULT_NONE) return f;
    if ((f = fields_required(b->d, block, "id", b->arena, &part->id, b->error)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, block, "name", b->arena, &part->name, b->error)) != FAULT_NONE) return f;
    part->arguments = SLICE("{}");
    if (fields_is_null(b->d, input)) return FAULT_NONE;
    if (json_type(b->d, input) != JSON_OBJECT)
        return fields_expected(b->d, input, "an object", b->arena, b->error);
    part->arguments = json_raw(b->d, input);
    return FAULT_NONE;
}

static enum fault read_result_item(struct body *b, uint32_t item, struct parts *p) {
    uint32_t type = json_get(b->d, item, "type");
    if (json_type(b->d, item) != JSON_OBJECT)
        return fields_expected(b->d, item, "an object", b->arena, b->error);
    if (json_is(b->d, type, "text")) return read_text(b, item, p);
    if (json_is(b->d, type, "image")) return read_image(b, item, p);
    if (fields_is_null(b->d, type)) return fields_missing(b->d, item, "type", b->arena, b->error);
    return fields_unsupported(b->d, type, b->arena, b->error);
}

static enum fault read_tool_result(struct body *b, uint32_t block, struct parts *p) {
    struct part *part = parts_add(p, PART_TOOL_RESULT);
    struct slice is_error = SLICE_NULL;
    enum fault f = CHECK(b, block, result_rules);
    if (f != FAULT_NONE) return f;
    if ((f = fields_required(b->d, block, "tool_use_id", b->arena, &part->id, b->error)) != FAULT_NONE)
        return f;
    if ((f = fields_bool(b->d, json_get(b->d, block, "is_error"), b->arena, &is_error, b->error)) !=
        FAULT_NONE)
        return f;
    part->is_error = slice_is(is_error, "true");
    return body_read_result(b, json_get(b->d, block, "content"), part, read_result_item);
}

static enum fault read_thinking(struct body *b, uint32_t block, struct parts *p) {
    struct part *part = parts_add(p, PART_THINKING);
    part->text = json_string(b->d, json_get(b->d, block, "thinking"), b->arena);
    part->signature = json_string(b->d, json_get(b->d, block, "signature"), b->arena);
    return FAULT_NONE;
}

static enum fault read_block(struct body *b, uint32_t block, enum role role, struct parts *p) {
    static const struct {
        const char *type;
        bool user, assistant; /* whose it can be */
        enum fault (*read)(struct body *b, uint32_t block, struct parts *p);
    } types[] = {
        {"text", true, true, read_text},          {"image", true, false, read_image},
        {"tool_use", false, true, read_tool_use}, {"tool_result", true, false, read_tool_result},
        {"thinking", false, true, read_thinking}, {"redacted_thinking", false, true, read_thinking},
    };
    uint32_t type = json_get(b->d, block, "type");
    if (json_type(b->d, block) != JSON_OBJECT)
        return fields_expected(b->d, block, "an object", b->arena, b->error);
    if (fields_is_null(b->d, type)) return fields_missing(b->d, block, "type", b->arena, b->error);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (json_is(b->d, type, types[i].type) && (role == ROLE_USER ? types[i].user : types[i].assistant))
            return types[i].read(b, block, p);
    return fields_unsupported(b->d, type, b->arena, b->error);
}

static enum fault read_content(struct body *b, uint32_t content, enum role role, struct parts *p) {
    uint32_t cursor = JSON_NONE, block;
    if (json_type(b->d, content) == JSON_STRING) {
        parts_add(p, PART_TEXT)->text = json_string(b->d, content, b->arena);
        return FAULT_NONE;
    }
    if (json_type(b->d, content) != JSON_ARRAY)
        return fields_expected(b->d, content, "a string or an array", b->arena, b->error);
    while (json_each_item(b->d, content, &cursor, &block)) {
        enum fault f = read_block(b, block, role, p);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

/* ---- messages ---- */

static enum fault read_system(struct body *b) {
    uint32_t system = json_get(b->d, 0, "system"), cursor = JSON_NONE, block;
    struct parts p;
    enum fault f = FAULT_NONE;
    if (fields_is_null(b->d, system)) return FAULT_NONE;
    parts_start(&p, b->arena, 1 + json_size(b->d, system));
    if (json_type(b->d, system) == JSON_STRING)
        parts_add(&p, PART_TEXT)->text = json_string(b->d, system, b->arena);
    while (f == FAULT_NONE && json_each_item(b->d, system, &cursor, &block)) f = read_text(b, block, &p);
    b->call->messages[b->call->n_messages++] = (struct message){ROLE_SYSTEM, p.at, p.n};
    return f;
}

static enum fault read_message(struct body *b, uint32_t node) {
    uint32_t role = json_get(b->d, node, "role"), content = json_get(b->d, node, "content");
    struct parts p;
    enum fault f = CHECK(b, node, message_rules);
    if (f != FAULT_NONE) return f;
    if (fields_is_null(b->d, role)) return fields_missing(b->d, node, "role", b->arena, b->error);
    if (fields_is_null(b->d, content)) return fields_missing(b->d, node, "content", b->arena, b->error);
    bool assistant = json_is(b->d, role, "assistant");
    if (!assistant && !json_is(b->d, role, "user")) return fields_unsupported(b->d, role, b->arena, b->error);
    parts_start(&p, b->arena, 1 + json_size(b->d, content));
    enum role r = assistant ? ROLE_ASSISTANT : ROLE_USER;
    f = read_content(b, content, r, &p);
    b->call->messages[b->call->n_messages++] = (struct message){r, p.at, p.n};
    return f;
}

static enum fault read_messages(struct body *b) {
    uint32_t cursor = JSON_NONE, node, index = 0, messages = json_get(b->d, 0, "messages");
    enum fault f = body_start_messages(b, messages);
    if (f != FAULT_NONE) return f;
    if ((f = read_system(b)) != FAULT_NONE) return f;
    while (json_each_item(b->d, messages, &cursor, &node))
        if (!call_drops(b->call, index++) && (f = read_message(b, node)) != FAULT_NONE) return f;
    return FAULT_NONE;
}

/* ---- tools ---- */

static enum fault read_tool(struct body *b, uint32_t node, struct tool *t) {
    uint32_t type = json_get(b->d, node, "type");
    enum fault f;
    *t = (struct tool){.name = SLICE_NULL};
    if (!json_is(b->d, type, "custom") &&
        !fields_is_null(b->d, type)) /* a server tool: say the type, not its settings */
        return fields_unsupported(b->d, type, b->arena, b->error);
    if ((f = CHECK(b, node, tool_rules)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, node, "name", b->arena, &t->name, b->error)) != FAULT_NONE) return f;
    if ((f = fields_string(b->d, json_get(b->d, node, "description"), b->arena, &t->description, b->error)) !=
        FAULT_NONE)
        return f;
    if ((f = body_read_schema(b, json_get(b->d, node, "input_schema"), &t->schema)) != FAULT_NONE) return f;
    return fields_bool(b->d, json_get(b->d, node, "strict"), b->arena, &t->strict, b->error);
}

static enum fault read_tools(struct body *b) {
    uint32_t cursor = JSON_NONE, node, tools = json_get(b->d, 0, "tools");
    enum fault f = body_start_tools(b, tools);
    if (f != FAULT_NONE) return f;
    while (json_each_item(b->d, tools, &cursor, &node))
        if ((f = read_tool(b, node, &b->call->tools[b->call->n_tools++])) != FAULT_NONE) return f;
    return FAULT_NONE;
}

static enum fault read_tool_choice(struct body *b) {
    uint32_t node = json_get(b->d, 0, "tool_choice"), type = json_get(b->d, node, "type");
    struct slice disable = SLICE_NULL;
    struct call *c = b->call;
    enum fault f;
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    if ((f = CHECK(b, node, choice_rules)) != FAULT_NONE) return f;
    if (fields_is_null(b->d, type)) return fields_missing(b->d, node, "type", b->arena, b->error);
    if (json_is(b->d, type, "auto")) c->tool_choice = TOOL_CHOICE_AUTO;
    if (json_is(b->d, type, "none")) c->tool_choice = TOOL_CHOICE_NONE;
    if (json_is(b->d, type, "any")) c->tool_choice = TOOL_CHOICE_REQUIRED;
    if (json_is(b->d, type, "tool")) c->tool_choice = TOOL_CHOICE_NAMED;
    if (c->tool_choice == TOOL_CHOICE_UNSET) return fields_unsupported(b->d, type, b->arena, b->error);
    uint32_t flag = json_get(b->d, node, "disable_parallel_tool_use");
    if ((f = fields_bool(b->d, flag, b->arena, &disable, b->error)) != FAULT_NONE) return f;
    if (slice_is(disable, "true")) c->parallel_tools = SLICE("false");
    if (c->tool_choice != TOOL_CHOICE_NAMED) return FAULT_NONE;
    return fields_required(b->d, node, "name", b->arena, &c->tool_choice_name, b->error);
}

/* ---- the rest ---- */

static enum fault read_thinking_setting(struct body *b) {
    uint32_t node = json_get(b->d, 0, "thinking"), type = json_get(b->d, node, "type");
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    if (json_type(b->d, node) != JSON_OBJECT)
        return fields_expected(b->d, node, "an object", b->arena, b->error);
    if (fields_is_null(b->d, type)) return fields_missing(b->d, node, "type", b->arena, b->error);
    if (json_is(b->d, type, "disabled")) return FAULT_NONE;
    if (!json_is(b->d, type, "enabled")) return fields_unsupported(b->d, type, b->arena, b->error);
    uint32_t budget = json_get(b->d, node, "budget_tokens");
    if (fields_is_null(b->d, budget)) return fields_missing(b->d, node, "budget_tokens", b->arena, b->error);
    return fields_number(b->d, budget, b->arena, &b->call->thinking_budget, b->error);
}

/* output_config.format, or output_format as it was called first. */
static enum fault read_format(struct body *b) {
    uint32_t config = json_get(b->d, 0, "output_config"), format = json_get(b->d, 0, "output_format");
    enum fault f;
    if (!fields_is_null(b->d, config)) {
        if ((f = CHECK(b, config, output_rules)) != FAULT_NONE) return f;
        if (!fields_is_null(b->d, json_get(b->d, config, "format")))
            format = json_get(b->d, config, "format");
    }
    if (fields_is_null(b->d, format)) return FAULT_NONE;
    if ((f = CHECK(b, format, format_rules)) != FAULT_NONE) return f;
    uint32_t schema = json_get(b->d, format, "schema");
    if (fields_is_null(b->d, schema)) return fields_missing(b->d, format, "schema", b->arena, b->error);
    b->call->format = FORMAT_JSON_SCHEMA;
    return body_read_schema(b, schema, &b->call->schema);
}

enum fault anthropic_read_body(struct arena *arena, struct call *call, struct error *error) {
    struct body reader = {call, &call->doc, arena, error}, *b = &reader;
    enum fault f = body_check_endpoint(b);
    if (f != FAULT_NONE) return f;
    if ((f = CHECK(b, 0, root_rules)) != FAULT_NONE) return f;
    if ((f = body_read_sampling(b)) != FAULT_NONE) return f;
    if ((f = body_read_stop(b, json_get(b->d, 0, "stop_sequences"), false)) != FAULT_NONE) return f;
    if ((f = read_tools(b)) != FAULT_NONE) return f;
    if ((f = read_tool_choice(b)) != FAULT_NONE) return f;
    if ((f = read_thinking_setting(b)) != FAULT_NONE) return f;
    if ((f = read_format(b)) != FAULT_NONE) return f;
    if ((f = read_messages(b)) != FAULT_NONE) return f;
    call->has_body = true;
    return head_check_arena(arena, error);
}
