#include "dialect/body.h"
#include "dialect/head.h"
#include "dialect/openai.h"

/* docs/translation.md has these tables in words: keep them together. */
static const struct field_rule root_rules[] = {
    {"model", FIELD_USED, NULL},
    {"messages", FIELD_USED, NULL},
    {"stream", FIELD_USED, NULL},
    {"stream_options", FIELD_USED, NULL},
    {"max_tokens", FIELD_USED, NULL},
    {"max_completion_tokens", FIELD_USED, NULL},
    {"user", FIELD_USED, NULL},
    {"tools", FIELD_USED, NULL},
    {"tool_choice", FIELD_USED, NULL},
    {"parallel_tool_calls", FIELD_USED, NULL},
    {"temperature", FIELD_USED, NULL},
    {"top_p", FIELD_USED, NULL},
    {"top_k", FIELD_USED, NULL}, /* many compatible servers have it */
    {"seed", FIELD_USED, NULL},
    {"frequency_penalty", FIELD_USED, NULL},
    {"presence_penalty", FIELD_USED, NULL},
    {"n", FIELD_USED, NULL},
    {"stop", FIELD_USED, NULL},
    {"response_format", FIELD_USED, NULL},
    {"reasoning_effort", FIELD_USED, NULL},
    {"store", FIELD_HINT, NULL},
    {"metadata", FIELD_HINT, NULL},
    {"service_tier", FIELD_HINT, NULL},
    {"prompt_cache_key", FIELD_HINT, NULL},
    {"prompt_cache_retention", FIELD_HINT, NULL},
    {"safety_identifier", FIELD_HINT, NULL},
    {"logprobs", FIELD_ONLY, "false"},
    {"top_logprobs", FIELD_ONLY, "0"},
    {"logit_bias", FIELD_ONLY, ""},
    {"modalities", FIELD_ONLY, "text"},
    {"verbosity", FIELD_ONLY, "medium"},
    {"functions", FIELD_ONLY, ""},
};
static const struct field_rule format_rules[] = {{"type", FIELD_USED, NULL},
                                                 {"json_schema", FIELD_USED, NULL}};
static const struct field_rule schema_rules[] = {
    {"name", FIELD_USED, NULL},
    {"schema", FIELD_USED, NULL},
    {"strict", FIELD_USED, NULL},
    {"description", FIELD_ONLY, ""},
};
static const struct field_rule tool_rules[] = {
    {"type", FIELD_ONLY, "function"}, {"function", FIELD_USED, NULL}, {"cache_control", FIELD_HINT, NULL}};
static const struct field_rule function_rules[] = {
    {"name", FIELD_USED, NULL},
    {"description", FIELD_USED, NULL},
    {"parameters", FIELD_USED, NULL},
    {"strict", FIELD_USED, NULL},
};
static const struct field_rule named_rules[] = {{"type", FIELD_ONLY, "function"},
                                                {"function", FIELD_USED, NULL}};
static const struct field_rule message_rules[] = {
    {"role", FIELD_USED, NULL}, {"content", FIELD_USED, NULL}, {"name", FIELD_ONLY, ""}};
static const struct field_rule assistant_rules[] = {
    {"role", FIELD_USED, NULL},
    {"content", FIELD_USED, NULL},
    {"tool_calls", FIELD_USED, NULL},
    {"refusal", FIELD_USED, NULL},
    {"reasoning_content", FIELD_HINT, NULL}, /* earlier thinking, unsigned: no use to anyone */
    {"reasoning", FIELD_HINT, NULL},
    {"annotations", FIELD_HINT, NULL}, /* of an earlier reply */
    {"name", FIELD_ONLY, ""},
    {"function_call", FIELD_ONLY, ""},
    {"audio", FIELD_ONLY, ""},
};
static const struct field_rule tool_message_rules[] = {
    {"role", FIELD_USED, NULL},
    {"content", FIELD_USED, NULL},
    {"tool_call_id", FIELD_USED, NULL},
    {"name", FIELD_HINT, NULL}, /* the call has it */
};
static const struct field_rule tool_call_rules[] = {
    {"id", FIELD_USED, NULL},
    {"type", FIELD_ONLY, "function"},
    {"function", FIELD_USED, NULL},
    {"index", FIELD_HINT, NULL}, /* left over from a stream */
};
static const struct field_rule called_rules[] = {{"name", FIELD_USED, NULL}, {"arguments", FIELD_USED, NULL}};
static const struct field_rule text_rules[] = {
    {"type", FIELD_USED, NULL}, {"text", FIELD_USED, NULL}, {"cache_control", FIELD_HINT, NULL}};
static const struct field_rule refusal_rules[] = {{"type", FIELD_USED, NULL}, {"refusal", FIELD_USED, NULL}};
static const struct field_rule image_rules[] = {
    {"type", FIELD_USED, NULL}, {"image_url", FIELD_USED, NULL}, {"cache_control", FIELD_HINT, NULL}};
static const struct field_rule image_url_rules[] = {{"url", FIELD_USED, NULL}, {"detail", FIELD_USED, NULL}};

#define CHECK(b, node, rules) FIELDS_CHECK((b)->d, (node), rules, (b)->arena, (b)->error)

/* ---- messages ---- */

static enum fault read_text_part(struct body *b, uint32_t part, const char *key, enum part_type type,
                                 struct parts *p) {
    return fields_required(b->d, part, key, b->arena, &parts_add(p, type)->text, b->error);
}

static enum fault read_image_part(struct body *b, uint32_t node, struct parts *p) {
    struct part *part = parts_add(p, PART_IMAGE);
    uint32_t image = json_get(b->d, node, "image_url");
    enum fault f = CHECK(b, node, image_rules);
    if (f != FAULT_NONE) return f;
    if (fields_is_null(b->d, image)) return fields_missing(b->d, node, "image_url", b->arena, b->error);
    if ((f = CHECK(b, image, image_url_rules)) != FAULT_NONE) return f;
    if ((f = fields_string(b->d, json_get(b->d, image, "detail"), b->arena, &part->detail, b->error)) !=
        FAULT_NONE)
        return f;
    if (fields_is_null(b->d, json_get(b->d, image, "url")))
        return fields_missing(b->d, image, "url", b->arena, b->error);
    return body_read_image_url(b, json_get(b->d, image, "url"), part);
}

static enum fault read_part(struct body *b, uint32_t part, struct parts *p) {
    uint32_t type = json_get(b->d, part, "type");
    enum fault f;
    if (json_type(b->d, part) != JSON_OBJECT)
        return fields_expected(b->d, part, "an object", b->arena, b->error);
    if (fields_is_null(b->d, type)) return fields_missing(b->d, part, "type", b->arena, b->error);
    if (json_is(b->d, type, "text")) {
        if ((f = CHECK(b, part, text_rules)) != FAULT_NONE) return f;
        return read_text_part(b, part, "text", PART_TEXT, p);
    }
    if (json_is(b->d, type, "refusal")) {
        if ((f = CHECK(b, part, refusal_rules)) != FAULT_NONE) return f;
        return read_text_part(b, part, "refusal", PART_REFUSAL, p);
    }
    if (json_is(b->d, type, "image_url")) return read_image_part(b, part, p);
    return fields_unsupported(b->d, type, b->arena, b->error);
}

static enum fault read_content(struct body *b, uint32_t content, struct parts *p) {
    uint32_t cursor = JSON_NONE, part;
    if (json_type(b->d, content) == JSON_STRING) {
        parts_add(p, PART_TEXT)->text = json_string(b->d, content, b->arena);
        return FAULT_NONE;
    }
    if (fields_is_null(b->d, content)) return FAULT_NONE;
    if (json_type(b->d, content) != JSON_ARRAY)
        return fields_expected(b->d, content, "a string or an array", b->arena, b->error);
    while (json_each_item(b->d, content, &cursor, &part)) {
        enum fault f = read_part(b, part, p);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}

static enum fault read_tool_call(struct body *b, uint32_t node, struct parts *p) {
    struct part *part = parts_add(p, PART_TOOL_CALL);
    uint32_t function = json_get(b->d, node, "function");
    part->arguments = SLICE("");
    enum fault f = CHECK(b, node, tool_call_rules);
    if (f != FAULT_NONE) return f;
    if (fields_is_null(b->d, function)) return fields_missing(b->d, node, "function", b->arena, b->error);
    if ((f = CHECK(b, function, called_rules)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, node, "id", b->arena, &part->id, b->error)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, function, "name", b->arena, &part->name, b->error)) != FAULT_NONE)
        return f;
    uint32_t arguments = json_get(b->d, function, "arguments");
    if ((f = fields_string(b->d, arguments, b->arena, &part->arguments, b->error)) != FAULT_NONE) return f;
    part->arguments = slice_trim(part->arguments);
    if (part->arguments.len == 0) part->arguments = SLICE("{}");
    if (parts_is_json_object(part->arguments, b->arena)) return FAULT_NONE;
    struct slice path = json_path(b->d, arguments, b->arena);
    return error_set(b->error, FAULT_UNTRANSLATABLE,
                     SLICE_FMT ": is no JSON object, and the target takes nothing else", SLICE_ARG(path));
}

/* Parts of a type that this role cannot have at the target, or would lose there. */
static enum fault refuse_parts(struct body *b, uint32_t node, const struct parts *p, enum part_type type) {
    if (!parts_have(p->at, p->n, type)) return FAULT_NONE;
    return fields_unsupported(b->d, json_get(b->d, node, "content"), b->arena, b->error);
}

static enum fault read_assistant(struct body *b, uint32_t node, struct parts *p) {
    uint32_t cursor = JSON_NONE, call, calls = json_get(b->d, node, "tool_calls"),
             refusal = json_get(b->d, node, "refusal");
    enum fault f = CHECK(b, node, assistant_rules);
    if (f != FAULT_NONE) return f;
    if ((f = read_content(b, json_get(b->d, node, "content"), p)) != FAULT_NONE) return f;
    if ((f = refuse_parts(b, node, p, PART_IMAGE)) != FAULT_NONE) return f;
    if (!fields_is_null(b->d, refusal) &&
        (f = fields_string(b->d, refusal, b->arena, &parts_add(p, PART_REFUSAL)->text, b->error)) !=
            FAULT_NONE)
        return f;
    if (!fields_is_null(b->d, calls) && json_type(b->d, calls) != JSON_ARRAY)
        return fields_expected(b->d, calls, "an array", b->arena, b->error);
    while (json_each_item(b->d, calls, &cursor, &call))
        if ((f = read_tool_call(b, call, p)) != FAULT_NONE) return f;
    return FAULT_NONE;
}

static enum fault read_tool_message(struct body *b, uint32_t node, struct parts *p) {
    struct part *part = parts_add(p, PART_TOOL_RESULT);
    enum fault f = CHECK(b, node, tool_message_rules);
    if (f != FAULT_NONE) return f;
    if ((f = fields_required(b->d, node, "tool_call_id", b->arena, &part->id, b->error)) != FAULT_NONE)
        return f;
    return body_read_result(b, json_get(b->d, node, "content"), part, read_part);
}

static enum fault read_plain_message(struct body *b, uint32_t node, struct parts *p) {
    enum fault f = CHECK(b, node, message_rules);
    return f != FAULT_NONE ? f : read_content(b, json_get(b->d, node, "content"), p);
}

static enum fault read_system_message(struct body *b, uint32_t node, struct parts *p) {
    enum fault f = read_plain_message(b, node, p);
    if (f == FAULT_NONE) f = refuse_parts(b, node, p, PART_IMAGE);
    return f != FAULT_NONE ? f : refuse_parts(b, node, p, PART_REFUSAL);
}

static enum fault read_message(struct body *b, uint32_t node, struct message *m) {
    static const struct {
        const char *word;
        enum role role;
        enum fault (*read)(struct body *b, uint32_t node, struct parts *p);
    } roles[] = {
        {"system", ROLE_SYSTEM, read_system_message}, {"developer", ROLE_SYSTEM, read_system_message},
        {"user", ROLE_USER, read_plain_message},      {"assistant", ROLE_ASSISTANT, read_assistant},
        {"tool", ROLE_TOOL, read_tool_message},
    };
    enum { SINGLE_PARTS = 2 }; /* a text or a tool result, and a refusal */
    uint32_t role = json_get(b->d, node, "role");
    struct parts p;
    if (fields_is_null(b->d, role)) return fields_missing(b->d, node, "role", b->arena, b->error);
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (!json_is(b->d, role, roles[i].word)) continue;
        parts_start(&p, b->arena,
                    SINGLE_PARTS + json_size(b->d, json_get(b->d, node, "content")) +
                        json_size(b->d, json_get(b->d, node, "tool_calls")));
        enum fault f = roles[i].read(b, node, &p);
        *m = (struct message){roles[i].role, p.at, p.n};
        return f;
    }
    return fields_unsupported(b->d, role, b->arena, b->error);
}

static enum fault read_messages(struct body *b) {
    uint32_t cursor = JSON_NONE, node, index = 0, messages = json_get(b->d, 0, "messages");
    enum fault f = body_start_messages(b, messages);
    if (f != FAULT_NONE) return f;
    while (json_each_item(b->d, messages, &cursor, &node)) {
        if (call_drops(b->call, index++)) continue;
        if ((f = read_message(b, node, &b->call->messages[b->call->n_messages])) != FAULT_NONE) return f;
        b->call->n_messages++;
    }
    return FAULT_NONE;
}

/* ---- tools ---- */

static enum fault read_tool(struct body *b, uint32_t node, struct tool *t) {
    uint32_t function = json_get(b->d, node, "function"), type = json_get(b->d, node, "type");
    enum fault f;
    *t = (struct tool){.name = SLICE_NULL};
    if (!json_is(b->d, type, "function") &&
        !fields_is_null(b->d, type)) /* say the type, not what hangs on it */
        return fields_unsupported(b->d, type, b->arena, b->error);
    if ((f = CHECK(b, node, tool_rules)) != FAULT_NONE) return f;
    if (fields_is_null(b->d, function)) return fields_missing(b->d, node, "function", b->arena, b->error);
    if ((f = CHECK(b, function, function_rules)) != FAULT_NONE) return f;
    if ((f = fields_required(b->d, function, "name", b->arena, &t->name, b->error)) != FAULT_NONE) return f;
    if ((f = fields_string(b->d, json_get(b->d, function, "description"), b->arena, &t->description,
                           b->error)) != FAULT_NONE)
        return f;
    if ((f = body_read_schema(b, json_get(b->d, function, "parameters"), &t->schema)) != FAULT_NONE) return f;
    return fields_bool(b->d, json_get(b->d, function, "strict"), b->arena, &t->strict, b->error);
}

static enum fault read_tools(struct body *b) {
    uint32_t cursor = JSON_NONE, node, tools = json_get(b->d, 0, "tools");
    enum fault f = body_start_tools(b, tools);
    if (f != FAULT_NONE) return f;
    while (json_each_item(b->d, tools, &cursor, &node))
        if ((f = read_tool(b, node, &b->call->tools[b->call->n_tools++])) != FAULT_NONE) return f;
    return fields_bool(b->d, json_get(b->d, 0, "parallel_tool_calls"), b->arena, &b->call->parallel_tools,
                       b->error);
}

static enum fault read_tool_choice(struct body *b) {
    uint32_t node = json_get(b->d, 0, "tool_choice");
    struct call *c = b->call;
    enum fault f;
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    if (json_is(b->d, node, "auto")) c->tool_choice = TOOL_CHOICE_AUTO;
    if (json_is(b->d, node, "none")) c->tool_choice = TOOL_CHOICE_NONE;
    if (json_is(b->d, node, "required")) c->tool_choice = TOOL_CHOICE_REQUIRED;
    if (c->tool_choice != TOOL_CHOICE_UNSET) return FAULT_NONE;
    if (json_type(b->d, node) != JSON_OBJECT)
        return fields_expected(b->d, node, "\"auto\", \"none\", \"required\" or an object", b->arena,
                               b->error);
    if ((f = CHECK(b, node, named_rules)) != FAULT_NONE) return f;
    c->tool_choice = TOOL_CHOICE_NAMED;
    uint32_t function = json_get(b->d, node, "function");
    if (fields_is_null(b->d, function)) return fields_missing(b->d, node, "function", b->arena, b->error);
    return fields_required(b->d, function, "name", b->arena, &c->tool_choice_name, b->error);
}

/* ---- the rest ---- */

static enum fault read_format(struct body *b) {
    uint32_t node = json_get(b->d, 0, "response_format"), type = json_get(b->d, node, "type");
    uint32_t schema = json_get(b->d, node, "json_schema");
    struct call *c = b->call;
    enum fault f;
    if (fields_is_null(b->d, node)) return FAULT_NONE;
    if ((f = CHECK(b, node, format_rules)) != FAULT_NONE) return f;
    if (json_is(b->d, type, "text")) c->format = FORMAT_TEXT;
    if (json_is(b->d, type, "json_object")) c->format = FORMAT_JSON_OBJECT;
    if (c->format != FORMAT_UNSET) return FAULT_NONE;
    if (fields_is_null(b->d, type)) return fields_missing(b->d, node, "type", b->arena, b->error);
    if (!json_is(b->d, type, "json_schema")) return fields_unsupported(b->d, type, b->arena, b->error);
    if (fields_is_null(b->d, schema)) return fields_missing(b->d, node, "json_schema", b->arena, b->error);
    if ((f = CHECK(b, schema, schema_rules)) != FAULT_NONE) return f;
    c->format = FORMAT_JSON_SCHEMA;
    if ((f = fields_required(b->d, schema, "name", b->arena, &c->schema_name, b->error)) != FAULT_NONE)
        return f;
    if ((f = fields_bool(b->d, json_get(b->d, schema, "strict"), b->arena, &c->schema_strict, b->error)) !=
        FAULT_NONE)
        return f;
    if (fields_is_null(b->d, json_get(b->d, schema, "schema")))
        return fields_missing(b->d, schema, "schema", b->arena, b->error);
    return body_read_schema(b, json_get(b->d, schema, "schema"), &c->schema);
}

enum fault openai_read_body(struct arena *arena, struct call *call, struct error *error) {
    struct body reader = {call, &call->doc, arena, error}, *b = &reader;
    enum fault f = body_check_endpoint(b);
    if (f != FAULT_NONE) return f;
    if ((f = CHECK(b, 0, root_rules)) != FAULT_NONE) return f;
    if ((f = body_read_sampling(b)) != FAULT_NONE) return f;
    if ((f = body_read_stop(b, json_get(b->d, 0, "stop"), true)) != FAULT_NONE) return f;
    if ((f = fields_string(b->d, json_get(b->d, 0, "reasoning_effort"), arena, &call->reasoning_effort,
                           error)) != FAULT_NONE)
        return f;
    if ((f = read_tools(b)) != FAULT_NONE) return f;
    if ((f = read_tool_choice(b)) != FAULT_NONE) return f;
    if ((f = read_format(b)) != FAULT_NONE) return f;
    if ((f = read_messages(b)) != FAULT_NONE) return f;
    call->has_body = true;
    return head_check_arena(arena, error);
}
