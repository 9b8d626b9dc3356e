#include "dialect/anthropic.h"
#include "dialect/failure.h"
#include "dialect/fields.h"
#include "dialect/parts.h"

/* ---- usage and finish, for replies and streams ---- */

enum { INPUT, CACHE_WRITE, CACHE_READ, CACHE_SPLIT, OUTPUT, OUTPUT_DETAILS, USAGE_COUNT };
static const struct field usage_fields[USAGE_COUNT] = {
    [INPUT] = FIELD("input_tokens"),
    [CACHE_WRITE] = FIELD("cache_creation_input_tokens"),
    [CACHE_READ] = FIELD("cache_read_input_tokens"),
    [CACHE_SPLIT] = FIELD("cache_creation"),
    [OUTPUT] = FIELD("output_tokens"),
    [OUTPUT_DETAILS] = FIELD("output_tokens_details"),
};

static int64_t or_zero(int64_t n) {
    return n < 0 ? 0 : n;
}

bool anthropic_read_usage(const struct json_doc *d, uint32_t node, int64_t *uncached, struct usage *u) {
    uint32_t at[USAGE_COUNT];
    int64_t short_lived = USAGE_NULL;
    if (json_type(d, node) != JSON_OBJECT) return false;
    fields_find(d, node, usage_fields, USAGE_COUNT, at);
    parts_count(d, at[INPUT], uncached);
    parts_count(d, at[CACHE_READ], &u->cache_read);
    parts_count(d, json_get(d, at[CACHE_SPLIT], "ephemeral_1h_input_tokens"), &u->cache_write_1h);
    parts_count(d, json_get(d, at[CACHE_SPLIT], "ephemeral_5m_input_tokens"), &short_lived);
    if (!fields_is_null(d, at[CACHE_WRITE])) parts_count(d, at[CACHE_WRITE], &u->cache_write);
    else if (short_lived >= 0) u->cache_write = short_lived + or_zero(u->cache_write_1h);
    parts_count(d, at[OUTPUT], &u->output);
    parts_count(d, json_get(d, at[OUTPUT_DETAILS], "thinking_tokens"), &u->reasoning);
    parts_count(d, json_get(d, at[OUTPUT_DETAILS], "reasoning_tokens"), &u->reasoning);
    if (*uncached >= 0) u->input = *uncached + or_zero(u->cache_read) + or_zero(u->cache_write);
    return true;
}

void anthropic_put_usage(struct json_writer *w, const struct usage *u) {
    int64_t cached = or_zero(u->cache_read) + or_zero(u->cache_write);
    json_object(w);
    json_member_i64(w, "input_tokens",
                    or_zero(or_zero(u->input) - cached)); /* clients want the totals as numbers */
    if (u->cache_write >= 0) json_member_i64(w, "cache_creation_input_tokens", u->cache_write);
    if (u->cache_read >= 0) json_member_i64(w, "cache_read_input_tokens", u->cache_read);
    if (u->cache_write_1h >= 0) {
        json_key(w, "cache_creation");
        json_object(w);
        json_member_i64(w, "ephemeral_5m_input_tokens", or_zero(or_zero(u->cache_write) - u->cache_write_1h));
        json_member_i64(w, "ephemeral_1h_input_tokens", u->cache_write_1h);
        json_object_end(w);
    }
    json_member_i64(w, "output_tokens", or_zero(u->output));
    json_object_end(w);
}

enum finish anthropic_finish(struct slice word) {
    if (word.len == 0) return FINISH_UNSET;
    if (slice_is(word, "end_turn")) return FINISH_STOP;
    if (slice_is(word, "stop_sequence")) return FINISH_STOP_SEQUENCE;
    if (slice_is(word, "max_tokens") || slice_is(word, "model_context_window_exceeded")) return FINISH_LENGTH;
    if (slice_is(word, "tool_use")) return FINISH_TOOL_CALLS;
    if (slice_is(word, "pause_turn")) return FINISH_PAUSE;
    if (slice_is(word, "refusal")) return FINISH_REFUSAL;
    return FINISH_OTHER;
}

const char *anthropic_finish_word(enum finish f) {
    switch (f) {
    case FINISH_STOP_SEQUENCE: return "stop_sequence";
    case FINISH_LENGTH: return "max_tokens";
    case FINISH_TOOL_CALLS: return "tool_use";
    case FINISH_PAUSE: return "pause_turn";
    case FINISH_REFUSAL: return "refusal";
    case FINISH_UNSET:
    case FINISH_STOP:
    case FINISH_OTHER: break;
    }
    return "end_turn";
}

/* ---- reading ---- */

enum { ID, MODEL, CONTENT, STOP_REASON, STOP_SEQUENCE, USAGE_NODE, COUNTED, DATA, REPLY_COUNT };
static const struct field reply_fields[REPLY_COUNT] = {
    [ID] = FIELD("id"),
    [MODEL] = FIELD("model"),
    [CONTENT] = FIELD("content"),
    [STOP_REASON] = FIELD("stop_reason"),
    [STOP_SEQUENCE] = FIELD("stop_sequence"),
    [USAGE_NODE] = FIELD("usage"),
    [COUNTED] = FIELD("input_tokens"), /* count_tokens */
    [DATA] = FIELD("data"),            /* models */
};

enum { TYPE, TEXT, THINKING, SIGNATURE, TOOL_ID, TOOL_NAME, TOOL_INPUT, BLOCK_COUNT };
static const struct field block_fields[BLOCK_COUNT] = {
    [TYPE] = FIELD("type"),           [TEXT] = FIELD("text"),  [THINKING] = FIELD("thinking"),
    [SIGNATURE] = FIELD("signature"), [TOOL_ID] = FIELD("id"), [TOOL_NAME] = FIELD("name"),
    [TOOL_INPUT] = FIELD("input"),
};

static void add_block(const struct json_doc *d, const uint32_t at[BLOCK_COUNT], struct arena *arena,
                      struct parts *p) {
    if (json_is(d, at[TYPE], "text")) {
        parts_add(p, PART_TEXT)->text = json_string(d, at[TEXT], arena);
    } else if (json_is(d, at[TYPE], "thinking")) {
        struct part *part = parts_add(p, PART_THINKING);
        part->text = json_string(d, at[THINKING], arena);
        part->signature = json_string(d, at[SIGNATURE], arena);
    } else if (json_is(d, at[TYPE], "tool_use")) {
        struct part *part = parts_add(p, PART_TOOL_CALL);
        part->id = json_string(d, at[TOOL_ID], arena);
        part->name = json_string(d, at[TOOL_NAME], arena);
        part->arguments = json_raw(d, at[TOOL_INPUT]);
    }
}

static bool is_output(const struct json_doc *d, const uint32_t at[BLOCK_COUNT]) {
    if (json_is(d, at[TYPE], "text")) return json_raw(d, at[TEXT]).len > 2;
    return !json_is(d, at[TYPE], "thinking") && !json_is(d, at[TYPE], "redacted_thinking");
}

static void read_content(const struct json_doc *d, uint32_t content, bool with_parts, struct arena *arena,
                         struct reply *reply) {
    uint32_t cursor = JSON_NONE, block, at[BLOCK_COUNT];
    struct parts p = {.n = 0};
    if (with_parts) parts_start(&p, arena, json_size(d, content) + 1);
    while (json_each_item(d, content, &cursor, &block)) {
        fields_find(d, block, block_fields, BLOCK_COUNT, at);
        if (is_output(d, at)) reply->has_output = true;
        if (with_parts) add_block(d, at, arena, &p);
    }
    reply->parts = p.at;
    reply->n_parts = p.n;
}

static bool read_message(const struct json_doc *d, const uint32_t at[REPLY_COUNT], bool with_parts,
                         struct arena *arena, struct reply *reply) {
    int64_t uncached = USAGE_NULL;
    if (json_type(d, at[CONTENT]) != JSON_ARRAY) return false;
    reply->id = json_string(d, at[ID], arena);
    reply->model = json_string(d, at[MODEL], arena);
    reply->finish_raw = json_string(d, at[STOP_REASON], arena);
    reply->finish = anthropic_finish(reply->finish_raw);
    reply->stop_sequence = json_string(d, at[STOP_SEQUENCE], arena);
    reply->service_tier = json_string(d, json_get(d, at[USAGE_NODE], "service_tier"), arena);
    anthropic_read_usage(d, at[USAGE_NODE], &uncached, &reply->usage);
    read_content(d, at[CONTENT], with_parts, arena, reply);
    return true;
}

enum fault anthropic_read_reply(struct slice body, enum endpoint e, bool with_parts, struct arena *arena,
                                struct reply *ret, struct upstream_error *ret_error) {
    enum { METADATA = 3 }; /* content[0].type; usage.cache_creation.ephemeral_1h_input_tokens */
    struct json_doc d;
    struct reply reply = {.finish = FINISH_UNSET};
    uint32_t at[REPLY_COUNT];
    bool good = true;
    usage_init(&reply.usage);
    if (json_read(body, arena, with_parts ? UINT16_MAX : METADATA, &d, NULL) != FAULT_NONE)
        return failure_malformed(ret_error);
    uint32_t failed = failure_find(&d, 0);
    if (failed != JSON_NONE) {
        failure_of_node(&d, failed, 0, arena, ret_error);
        return ret_error->fault;
    }
    fields_find(&d, 0, reply_fields, REPLY_COUNT, at);
    if (e == ENDPOINT_CHAT) good = read_message(&d, at, with_parts, arena, &reply);
    if (e == ENDPOINT_COUNT_TOKENS) good = json_type(&d, at[COUNTED]) == JSON_NUMBER; /* counted, not used */
    if (e == ENDPOINT_MODELS) good = json_type(&d, at[DATA]) == JSON_ARRAY;
    if (e != ENDPOINT_CHAT) reply.has_output = good;
    if (!good || arena_is_full(arena)) return failure_malformed(ret_error);
    *ret = reply;
    return FAULT_NONE;
}

/* ---- writing ---- */

static void put_block(struct json_writer *w, const struct part *p) {
    switch (p->type) {
    case PART_TEXT:
    case PART_REFUSAL: /* empty blocks are refused when they come back in the history */
        if (p->text.len > 0) parts_put_text(w, p->text);
        break;
    case PART_THINKING:
        json_object(w);
        json_member_text(w, "type", "thinking");
        json_member_string(w, "thinking", slice_is_null(p->text) ? SLICE("") : p->text);
        json_member_string(w, "signature", slice_is_null(p->signature) ? SLICE("") : p->signature);
        json_object_end(w);
        break;
    case PART_TOOL_CALL:
        json_object(w);
        json_member_text(w, "type", "tool_use");
        json_member_string(w, "id", p->id);
        json_member_string(w, "name", p->name);
        json_key(w, "input");
        parts_put_arguments(w, p->arguments);
        json_object_end(w);
        break;
    case PART_IMAGE:
    case PART_TOOL_RESULT: break; /* no part of a reply */
    }
}

void anthropic_write_reply(const struct reply *r, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    parts_put_reply_id(&w, "id", "msg_", r->id);
    json_member_text(&w, "type", "message");
    json_member_text(&w, "role", "assistant");
    json_member_string(&w, "model", r->model);
    json_key(&w, "content");
    json_array(&w);
    for (unsigned i = 0; i < r->n_parts; i++) put_block(&w, &r->parts[i]);
    json_array_end(&w);
    json_member_text(&w, "stop_reason", anthropic_finish_word(r->finish));
    json_member_string(&w, "stop_sequence",
                       r->finish == FINISH_STOP_SEQUENCE ? r->stop_sequence : SLICE_NULL);
    json_key(&w, "usage");
    anthropic_put_usage(&w, &r->usage);
    json_object_end(&w);
}
