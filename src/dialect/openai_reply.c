#include "dialect/failure.h"
#include "dialect/fields.h"
#include "dialect/openai.h"
#include "dialect/parts.h"

/* ---- usage and finish, for replies and streams ---- */

enum {
    PROMPT,
    COMPLETION,
    INPUT,
    OUTPUT,
    TOTAL,
    PROMPT_DETAILS,
    COMPLETION_DETAILS,
    INPUT_DETAILS,
    OUTPUT_DETAILS,
    CACHE_HIT,
    USAGE_COUNT
};
static const struct field usage_fields[USAGE_COUNT] = {
    [PROMPT] = FIELD("prompt_tokens"),
    [COMPLETION] = FIELD("completion_tokens"),
    [INPUT] = FIELD("input_tokens"), /* Responses */
    [OUTPUT] = FIELD("output_tokens"),
    [TOTAL] = FIELD("total_tokens"),
    [PROMPT_DETAILS] = FIELD("prompt_tokens_details"),
    [COMPLETION_DETAILS] = FIELD("completion_tokens_details"),
    [INPUT_DETAILS] = FIELD("input_tokens_details"),
    [OUTPUT_DETAILS] = FIELD("output_tokens_details"),
    [CACHE_HIT] = FIELD("prompt_cache_hit_tokens"), /* DeepSeek */
};

static void read_details(const struct json_doc *d, uint32_t input, uint32_t output, struct usage *u) {
    parts_count(d, json_get(d, input, "cached_tokens"), &u->cache_read);
    parts_count(d, json_get(d, input, "cache_write_tokens"), &u->cache_write);
    parts_count(d, json_get(d, input, "audio_tokens"), &u->input_audio);
    parts_count(d, json_get(d, output, "reasoning_tokens"), &u->reasoning);
    parts_count(d, json_get(d, output, "audio_tokens"), &u->output_audio);
}

bool openai_read_usage(const struct json_doc *d, uint32_t node, struct usage *ret) {
    uint32_t at[USAGE_COUNT];
    int64_t total = USAGE_NULL;
    usage_init(ret);
    if (json_type(d, node) != JSON_OBJECT) return false;
    fields_find(d, node, usage_fields, USAGE_COUNT, at);
    parts_count(d, at[PROMPT] != JSON_NONE ? at[PROMPT] : at[INPUT], &ret->input);
    parts_count(d, at[COMPLETION] != JSON_NONE ? at[COMPLETION] : at[OUTPUT], &ret->output);
    parts_count(d, at[TOTAL], &total);
    parts_count(d, at[CACHE_HIT], &ret->cache_read);
    read_details(d, at[PROMPT_DETAILS] != JSON_NONE ? at[PROMPT_DETAILS] : at[INPUT_DETAILS],
                 at[COMPLETION_DETAILS] != JSON_NONE ? at[COMPLETION_DETAILS] : at[OUTPUT_DETAILS], ret);
    /* xAI counts reasoning beside completion_tokens, and its total gives it away */
    if (ret->reasoning > 0 && ret->input >= 0 && ret->output >= 0 && ret->output <= total &&
        ret->reasoning <= total - ret->output && ret->input == total - ret->output - ret->reasoning)
        ret->output += ret->reasoning;
    return true;
}

static int64_t or_zero(int64_t n) {
    return n < 0 ? 0 : n;
}

void openai_put_usage(struct json_writer *w, const struct usage *u) {
    json_object(w);
    json_member_i64(w, "prompt_tokens", or_zero(u->input)); /* clients want the three totals as numbers */
    json_member_i64(w, "completion_tokens", or_zero(u->output));
    json_member_i64(w, "total_tokens", or_zero(u->input) + or_zero(u->output));
    if (u->cache_read >= 0 || u->cache_write >= 0 || u->input_audio >= 0) {
        json_key(w, "prompt_tokens_details");
        json_object(w);
        if (u->cache_read >= 0) json_member_i64(w, "cached_tokens", u->cache_read);
        if (u->cache_write >= 0) json_member_i64(w, "cache_write_tokens", u->cache_write);
        if (u->input_audio >= 0) json_member_i64(w, "audio_tokens", u->input_audio);
        json_object_end(w);
    }
    if (u->reasoning >= 0 || u->output_audio >= 0) {
        json_key(w, "completion_tokens_details");
        json_object(w);
        if (u->reasoning >= 0) json_member_i64(w, "reasoning_tokens", u->reasoning);
        if (u->output_audio >= 0) json_member_i64(w, "audio_tokens", u->output_audio);
        json_object_end(w);
    }
    json_object_end(w);
}

enum finish openai_finish(struct slice word) {
    if (word.len == 0) return FINISH_UNSET; /* some servers write "" until the end */
    if (slice_is(word, "stop")) return FINISH_STOP;
    if (slice_is(word, "length")) return FINISH_LENGTH;
    if (slice_is(word, "tool_calls") || slice_is(word, "function_call")) return FINISH_TOOL_CALLS;
    if (slice_is(word, "content_filter")) return FINISH_REFUSAL;
    return FINISH_OTHER;
}

const char *openai_finish_word(enum finish f) {
    switch (f) {
    case FINISH_LENGTH: return "length";
    case FINISH_TOOL_CALLS: return "tool_calls";
    case FINISH_REFUSAL: return "content_filter";
    case FINISH_UNSET:
    case FINISH_STOP:
    case FINISH_STOP_SEQUENCE:
    case FINISH_PAUSE:
    case FINISH_OTHER: break;
    }
    return "stop";
}

enum finish openai_responses_finish(const struct json_doc *d, uint32_t response, struct arena *arena,
                                    bool has_tools, struct slice *ret_raw) {
    uint32_t status = json_get(d, response, "status");
    uint32_t reason = json_get(d, json_get(d, response, "incomplete_details"), "reason");
    *ret_raw = json_string(d, json_type(d, reason) == JSON_STRING ? reason : status, arena);
    if (json_is(d, reason, "max_output_tokens")) return FINISH_LENGTH;
    if (json_is(d, reason, "content_filter")) return FINISH_REFUSAL;
    if (json_is(d, status, "completed")) return has_tools ? FINISH_TOOL_CALLS : FINISH_STOP;
    return fields_is_null(d, status) ? FINISH_UNSET : FINISH_OTHER;
}

/* ---- reading ---- */

enum { ID, MODEL, CREATED, CREATED_AT, FINGERPRINT, TIER, USAGE_NODE, CHOICES, OUTPUTS, DATA, REPLY_COUNT };
static const struct field reply_fields[REPLY_COUNT] = {
    [ID] = FIELD("id"),
    [MODEL] = FIELD("model"),
    [CREATED] = FIELD("created"),
    [CREATED_AT] = FIELD("created_at"),
    [FINGERPRINT] = FIELD("system_fingerprint"),
    [TIER] = FIELD("service_tier"),
    [USAGE_NODE] = FIELD("usage"),
    [CHOICES] = FIELD("choices"),
    [OUTPUTS] = FIELD("output"),
    [DATA] = FIELD("data"),
};

enum { CONTENT, REFUSAL, REASONING_CONTENT, REASONING, TOOL_CALLS, FUNCTION_CALL, AUDIO, MESSAGE_COUNT };
static const struct field message_fields[MESSAGE_COUNT] = {
    [CONTENT] = FIELD("content"),
    [REFUSAL] = FIELD("refusal"),
    [REASONING_CONTENT] = FIELD("reasoning_content"),
    [REASONING] = FIELD("reasoning"),
    [TOOL_CALLS] = FIELD("tool_calls"),
    [FUNCTION_CALL] = FIELD("function_call"),
    [AUDIO] = FIELD("audio"),
};

struct reading {
    const struct json_doc *d;
    struct arena *arena;
    struct reply *reply;
};

/* Holds more than "", [] or {}: told from the bytes, as its inside may have no nodes. */
static bool is_filled(const struct json_doc *d, uint32_t node) {
    return json_type(d, node) >= JSON_STRING && json_raw(d, node).len > 2;
}

static void add_text(struct reading *r, struct parts *p, enum part_type type, uint32_t node) {
    struct slice text = json_string(r->d, node, r->arena);
    if (text.len > 0) parts_add(p, type)->text = text;
}

static void add_content(struct reading *r, struct parts *p, uint32_t content) {
    uint32_t cursor = JSON_NONE, item;
    add_text(r, p, PART_TEXT, content);
    if (json_type(r->d, content) != JSON_ARRAY) return;
    while (json_each_item(r->d, content, &cursor, &item)) {
        add_text(r, p, PART_TEXT, json_get(r->d, item, "text"));
        add_text(r, p, PART_REFUSAL, json_get(r->d, item, "refusal"));
    }
}

static void add_tool_call(struct reading *r, struct parts *p, uint32_t id, uint32_t function) {
    struct part *part = parts_add(p, PART_TOOL_CALL);
    part->id = json_string(r->d, id, r->arena);
    part->name = json_string(r->d, json_get(r->d, function, "name"), r->arena);
    part->arguments = json_string(r->d, json_get(r->d, function, "arguments"), r->arena);
}

static void read_message(struct reading *r, const uint32_t at[MESSAGE_COUNT]) {
    enum { SINGLE_PARTS = 4 }; /* thinking, text, refusal, function call */
    const struct json_doc *d = r->d;
    struct parts p;
    uint32_t cursor = JSON_NONE, call;
    parts_start(&p, r->arena, SINGLE_PARTS + 2 * json_size(d, at[CONTENT]) + json_size(d, at[TOOL_CALLS]));
    add_text(r, &p, PART_THINKING,
             is_filled(d, at[REASONING_CONTENT]) ? at[REASONING_CONTENT] : at[REASONING]);
    add_content(r, &p, at[CONTENT]);
    add_text(r, &p, PART_REFUSAL, at[REFUSAL]);
    while (json_type(d, at[TOOL_CALLS]) == JSON_ARRAY && json_each_item(d, at[TOOL_CALLS], &cursor, &call))
        add_tool_call(r, &p, json_get(d, call, "id"), json_get(d, call, "function"));
    if (json_type(d, at[FUNCTION_CALL]) == JSON_OBJECT) add_tool_call(r, &p, JSON_NONE, at[FUNCTION_CALL]);
    r->reply->parts = p.at;
    r->reply->n_parts = p.n;
}

static void read_choice(struct reading *r, uint32_t choice, bool first, bool with_parts) {
    const struct json_doc *d = r->d;
    uint32_t at[MESSAGE_COUNT];
    fields_find(d, json_get(d, choice, "message"), message_fields, MESSAGE_COUNT, at);
    bool tools = is_filled(d, at[TOOL_CALLS]) || is_filled(d, at[FUNCTION_CALL]),
         refused = is_filled(d, at[REFUSAL]);
    if (tools || refused || is_filled(d, at[CONTENT]) || is_filled(d, at[AUDIO])) r->reply->has_output = true;
    if (!first) return;
    r->reply->finish_raw = json_string(d, json_get(d, choice, "finish_reason"), r->arena);
    r->reply->finish = openai_finish(r->reply->finish_raw);
    if (r->reply->finish == FINISH_STOP && tools)
        r->reply->finish = FINISH_TOOL_CALLS; /* a forced tool ends so */
    if (r->reply->finish == FINISH_STOP && refused) r->reply->finish = FINISH_REFUSAL;
    if (with_parts) read_message(r, at);
}

static enum fault read_chat(struct reading *r, uint32_t choices, bool with_parts) {
    uint32_t cursor = JSON_NONE, choice;
    bool first = true;
    if (json_type(r->d, choices) != JSON_ARRAY) return FAULT_UP_MALFORMED;
    while (json_each_item(r->d, choices, &cursor, &choice)) {
        read_choice(r, choice, first, with_parts);
        first = false;
    }
    return FAULT_NONE;
}

/* One item of a Responses output. */
static void add_output(struct reading *r, struct parts *p, uint32_t item) {
    const struct json_doc *d = r->d;
    uint32_t cursor = JSON_NONE, summary;
    if (json_is(d, json_get(d, item, "type"), "message")) add_content(r, p, json_get(d, item, "content"));
    if (json_is(d, json_get(d, item, "type"), "function_call"))
        add_tool_call(r, p, json_get(d, item, "call_id"), item);
    while (json_is(d, json_get(d, item, "type"), "reasoning") &&
           json_each_item(d, json_get(d, item, "summary"), &cursor, &summary))
        add_text(r, p, PART_THINKING, json_get(d, summary, "text"));
}

static enum fault read_responses(struct reading *r, uint32_t outputs, bool with_parts) {
    const struct json_doc *d = r->d;
    uint32_t cursor = JSON_NONE, item;
    unsigned room = 0;
    bool tools = false;
    if (json_type(d, outputs) != JSON_ARRAY) return FAULT_UP_MALFORMED;
    while (json_each_item(d, outputs, &cursor, &item)) {
        uint32_t type = json_get(d, item, "type");
        bool tool = json_is(d, type, "function_call");
        if (!json_is(d, type, "reasoning") &&
            (!json_is(d, type, "message") || is_filled(d, json_get(d, item, "content"))))
            r->reply->has_output = true;
        tools = tools || tool;
        room +=
            1 + 2 * json_size(d, json_get(d, item, "content")) + json_size(d, json_get(d, item, "summary"));
    }
    r->reply->finish = openai_responses_finish(d, 0, r->arena, tools, &r->reply->finish_raw);
    if (!with_parts) return FAULT_NONE;
    struct parts p;
    parts_start(&p, r->arena, room);
    for (cursor = JSON_NONE; json_each_item(d, outputs, &cursor, &item);) add_output(r, &p, item);
    r->reply->parts = p.at;
    r->reply->n_parts = p.n;
    return FAULT_NONE;
}

static void read_metadata(struct reading *r, const uint32_t at[REPLY_COUNT]) {
    const struct json_doc *d = r->d;
    r->reply->id = json_string(d, at[ID], r->arena);
    r->reply->model = json_string(d, at[MODEL], r->arena);
    r->reply->fingerprint = json_string(d, at[FINGERPRINT], r->arena);
    r->reply->service_tier = json_string(d, at[TIER], r->arena);
    json_get_i64(d, at[CREATED] != JSON_NONE ? at[CREATED] : at[CREATED_AT], &r->reply->created);
    openai_read_usage(d, at[USAGE_NODE], &r->reply->usage);
}

static unsigned depth_for(enum endpoint e, bool with_parts) {
    enum {
        METADATA = 4,
        EMBEDDINGS = 3
    }; /* choices[0].message.content; data[0].embedding without its numbers */
    return e == ENDPOINT_EMBEDDINGS ? EMBEDDINGS : with_parts ? UINT16_MAX : METADATA;
}

enum fault openai_read_reply(struct slice body, enum endpoint e, bool with_parts, struct arena *arena,
                             struct reply *ret, struct upstream_error *ret_error) {
    struct json_doc d;
    struct reply reply = {.finish = FINISH_UNSET};
    struct reading r = {&d, arena, &reply};
    uint32_t at[REPLY_COUNT];
    enum fault f = json_read(body, arena, depth_for(e, with_parts), &d, NULL);
    if (f != FAULT_NONE) return failure_malformed(ret_error);
    uint32_t failed = failure_find(&d, 0);
    if (failed != JSON_NONE) {
        failure_of_node(&d, failed, 0, arena, ret_error);
        return ret_error->fault;
    }
    fields_find(&d, 0, reply_fields, REPLY_COUNT, at);
    read_metadata(&r, at);
    if (e == ENDPOINT_CHAT) f = read_chat(&r, at[CHOICES], with_parts);
    if (e == ENDPOINT_RESPONSES) f = read_responses(&r, at[OUTPUTS], with_parts);
    if (e == ENDPOINT_EMBEDDINGS || e == ENDPOINT_MODELS) {
        if (json_type(&d, at[DATA]) != JSON_ARRAY) f = FAULT_UP_MALFORMED;
        reply.has_output = is_filled(&d, at[DATA]);
    }
    if (f != FAULT_NONE || arena_is_full(arena)) return failure_malformed(ret_error);
    *ret = reply;
    return FAULT_NONE;
}

/* ---- writing ---- */

static void put_tool_calls(struct json_writer *w, const struct reply *r) {
    if (!parts_have(r->parts, r->n_parts, PART_TOOL_CALL)) return;
    json_key(w, "tool_calls");
    json_array(w);
    for (unsigned i = 0; i < r->n_parts; i++) {
        if (r->parts[i].type != PART_TOOL_CALL) continue;
        json_object(w);
        json_member_string(w, "id", r->parts[i].id);
        json_member_text(w, "type", "function");
        json_key(w, "function");
        json_object(w);
        json_member_string(w, "name", r->parts[i].name);
        json_member_string(w, "arguments",
                           r->parts[i].arguments.len > 0 ? r->parts[i].arguments : SLICE("{}"));
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

/* A refusal's text stands in `refusal` and nowhere else, as OpenAI has it. */
static void put_message(struct json_writer *w, const struct reply *r) {
    struct arena scratch;
    arena_init(&scratch, 4096, LIMIT_ARENA_EXCHANGE);
    struct slice text = parts_text(r->parts, r->n_parts, PART_TEXT, &scratch);
    struct slice refusal = parts_text(r->parts, r->n_parts, PART_REFUSAL, &scratch);
    struct slice thinking = parts_text(r->parts, r->n_parts, PART_THINKING, &scratch);
    if (r->finish == FINISH_REFUSAL && slice_is_null(refusal)) {
        refusal = text;
        text = SLICE_NULL;
    }
    json_object(w);
    json_member_text(w, "role", "assistant");
    json_member_string(w, "content", text);
    json_member_string(w, "refusal", refusal);
    if (thinking.len > 0) json_member_string(w, "reasoning_content", thinking);
    put_tool_calls(w, r);
    json_object_end(w);
    arena_deinit(&scratch);
}

void openai_write_reply(const struct reply *r, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    parts_put_reply_id(&w, "id", "chatcmpl-", r->id);
    json_member_text(&w, "object", "chat.completion");
    json_member_i64(&w, "created", r->created);
    json_member_string(&w, "model", r->model);
    json_key(&w, "choices");
    json_array(&w);
    json_object(&w);
    json_member_i64(&w, "index", 0);
    json_key(&w, "message");
    put_message(&w, r);
    json_member_raw(&w, "logprobs", SLICE("null"));
    json_member_text(&w, "finish_reason", openai_finish_word(r->finish));
    json_object_end(&w);
    json_array_end(&w);
    if (!usage_is_null(&r->usage)) {
        json_key(&w, "usage");
        openai_put_usage(&w, &r->usage);
    }
    json_object_end(&w);
}
