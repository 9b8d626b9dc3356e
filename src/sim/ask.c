#include "sim/ask.h"
#include "base/digest.h"
#include "sim/token.h"

#include <stdio.h>

/* Counting: a message costs 4 tokens beside its text and a request 3 (the published rule for OpenAI's chat
 * format), an image 255, tools and response schemas a token for 4 bytes of their JSON. */
enum { PER_REQUEST = 3, PER_MESSAGE = 4, PER_IMAGE = 255, SCHEMA_BYTES = 4 };

struct reading {
    struct ask *ask;
    struct arena *arena;
    struct ask_problem *problem;
    const struct json_doc *doc;
    uint64_t hash, tokens;
    bool counted; /* false once a hint gave the count: long prompts are then not scanned */
};

static bool fail(struct reading *r, const char *param, const char *text) {
    snprintf(r->problem->text, sizeof r->problem->text, "%s", text);
    r->problem->param = param;
    return false;
}

static uint32_t member(struct reading *r, uint32_t object, const char *key) {
    return json_get(r->doc, object, key);
}

static struct slice text_of(struct reading *r, uint32_t object, const char *key) {
    return json_string(r->doc, member(r, object, key), r->arena);
}

static void hash_in(struct reading *r, struct slice s) {
    r->hash = digest_fast(s, r->hash + s.len);
}

/* Texts are hashed one by one and without their roles: translation between APIs moves them but keeps their
 * order. */
static struct slice leaf(struct reading *r, struct slice text) {
    hash_in(r, text);
    return text;
}

static struct slice join(struct arena *a, struct slice head, struct slice tail) {
    if (head.len == 0) return tail;
    if (tail.len == 0) return head;
    char *at = arena_alloc(a, head.len + 1 + tail.len);
    if (at == NULL) return head;
    memcpy(at, head.at, head.len);
    at[head.len] = '\n';
    memcpy(at + head.len + 1, tail.at, tail.len);
    return slice_make(at, head.len + 1 + tail.len);
}

/* All text under a content: a string, or parts that hold text, images, or (tool results) content of their
 * own. */
static struct slice take_content(struct reading *r, uint32_t node, unsigned depth) {
    struct slice all = SLICE("");
    if (json_type(r->doc, node) == JSON_STRING) return leaf(r, json_string(r->doc, node, r->arena));
    if (json_type(r->doc, node) == JSON_OBJECT && depth < 4) {
        struct slice type = text_of(r, node, "type"), text = text_of(r, node, "text");
        if (slice_contains(type, SLICE("image"))) r->tokens += PER_IMAGE;
        if (slice_is(type, "tool_result")) r->ask->after_tool = true;
        if (slice_is_null(text)) text = text_of(r, node, "refusal");
        if (!slice_is_null(text)) return leaf(r, text);
        return take_content(r, member(r, node, slice_is(type, "function_call_output") ? "output" : "content"),
                            depth + 1);
    }
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(r->doc, node, &cursor, &item))
        all = join(r->arena, all, take_content(r, item, depth));
    return all;
}

/* "[sim input=374 output=44 cached=128] ..." */
static struct slice take_hint(struct reading *r, struct slice text) {
    struct slice hint, rest, word, value;
    if (!slice_starts(text, SLICE("[sim ")) || !slice_cut(text, ']', &hint, &rest)) return text;
    hint = slice_make(hint.at + 5, hint.len - 5);
    while (hint.len > 0) {
        struct slice key;
        uint64_t n;
        slice_cut(hint, ' ', &word, &hint);
        if (!slice_cut(word, '=', &key, &value) || !slice_to_u64(value, &n)) continue;
        if (n > INT32_MAX) n = INT32_MAX;
        if (slice_is(key, "input")) {
            r->tokens = n;
            r->counted = false;
        } else if (slice_is(key, "output")) {
            r->ask->hint_output = (int64_t)n;
        } else if (slice_is(key, "cached")) {
            r->ask->hint_cached = (int64_t)n;
        }
    }
    return slice_trim(rest);
}

static void take_calls(struct reading *r, uint32_t message) {
    uint32_t cursor = JSON_NONE, call, calls = member(r, message, "tool_calls");
    while (json_each_item(r->doc, calls, &cursor, &call)) {
        uint32_t function = member(r, call, "function");
        r->tokens += token_count(text_of(r, function, "arguments")) + PER_MESSAGE;
    }
}

static void take_message(struct reading *r, uint32_t message, bool last) {
    struct slice role = text_of(r, message, "role"), type = text_of(r, message, "type");
    uint32_t content = member(r, message, "content");
    bool output = slice_is(type, "function_call_output");
    if (output) content = message;
    r->ask->after_tool = output || slice_is(role, "tool");
    struct slice text = take_content(r, content, 0);
    take_calls(r, message);
    r->ask->prefill = slice_is(role, "assistant");
    if (slice_is(role, "user") && !r->ask->after_tool && text.len > 0) r->ask->question = text;
    if (slice_is(role, "system") || slice_is(role, "developer")) r->ask->system = join(r->arena, r->ask->system, text);
    if (last && slice_is(role, "user")) r->ask->question = take_hint(r, r->ask->question);
    r->tokens += r->counted ? token_count(text) + PER_MESSAGE : 0;
}

/* The hint stands in the last user message, but tells whether the others need counting: so it is looked for
 * first. */
static bool has_hint(struct reading *r, uint32_t last) {
    if (!slice_is(text_of(r, last, "role"), "user")) return false;
    uint32_t content = member(r, last, "content");
    if (json_type(r->doc, content) == JSON_ARRAY) content = member(r, json_item(r->doc, content, 0), "text");
    return slice_starts(json_raw(r->doc, content), SLICE("\"[sim input="));
}

static bool take_messages(struct reading *r, const char *key) {
    uint32_t messages = member(r, 0, key), cursor = JSON_NONE, item, last = JSON_NONE;
    if (json_type(r->doc, messages) == JSON_STRING) { /* Responses: input as text */
        struct slice text = json_string(r->doc, messages, r->arena);
        r->ask->question = take_hint(r, text);
        hash_in(r, text);
        r->tokens += r->counted ? token_count(text) + PER_MESSAGE : 0;
        return true;
    }
    if (json_size(r->doc, messages) == 0 || json_type(r->doc, messages) != JSON_ARRAY)
        return fail(r, key, "expected a non-empty array");
    while (json_each_item(r->doc, messages, &cursor, &item)) {
        if (json_type(r->doc, item) != JSON_OBJECT) return fail(r, key, "expected objects in the array");
        last = item;
    }
    r->counted = !has_hint(r, last);
    for (cursor = JSON_NONE; json_each_item(r->doc, messages, &cursor, &item);)
        take_message(r, item, item == last);
    return true;
}

static void take_system(struct reading *r, const char *key) {
    struct slice text = take_content(r, member(r, 0, key), 0);
    if (text.len == 0) return;
    r->ask->system = join(r->arena, r->ask->system, text);
    r->tokens += token_count(text) + PER_MESSAGE;
}

/* ---- tools ---- */

static bool take_tools(struct reading *r) {
    uint32_t tools = member(r, 0, "tools"), cursor = JSON_NONE, tool;
    uint32_t n = json_size(r->doc, tools);
    if (n == 0) return true;
    if (n > SIM_TOOLS) return fail(r, "tools", "too many tools");
    r->ask->tools = arena_new_array(r->arena, struct ask_tool, n);
    if (r->ask->tools == NULL) return fail(r, NULL, "the request is too large");
    while (json_each_item(r->doc, tools, &cursor, &tool)) {
        uint32_t function = member(r, tool, "function"); /* chat nests what Responses and Anthropic do not */
        if (function == JSON_NONE) function = tool;
        struct ask_tool *t = &r->ask->tools[r->ask->n_tools];
        t->name = text_of(r, function, "name");
        t->schema =
            member(r, function,
                   r->ask->api == ASK_CHAT || r->ask->api == ASK_RESPONSES ? "parameters" : "input_schema");
        if (slice_is_null(t->name)) continue; /* a built-in tool, such as web search */
        r->ask->n_tools++;
        hash_in(r, t->name);
    }
    r->tokens += r->counted ? json_raw(r->doc, tools).len / SCHEMA_BYTES : 0;
    return true;
}

static bool take_choice(struct reading *r) {
    uint32_t choice = member(r, 0, "tool_choice");
    struct ask *ask = r->ask;
    bool off;
    ask->parallel = true;
    if (json_get_bool(r->doc, member(r, 0, "parallel_tool_calls"), &off)) ask->parallel = off;
    if (json_get_bool(r->doc, member(r, choice, "disable_parallel_tool_use"), &off)) ask->parallel = !off;
    struct slice word = json_type(r->doc, choice) == JSON_OBJECT ? text_of(r, choice, "type")
                                                                 : json_string(r->doc, choice, r->arena);
    if (slice_is(word, "none")) ask->choice = ASK_TOOL_NONE;
    if (slice_is(word, "required") || slice_is(word, "any")) ask->choice = ASK_TOOL_REQUIRED;
    if (slice_is(word, "function") || slice_is(word, "tool")) {
        ask->choice = ASK_TOOL_NAMED;
        ask->choice_name = text_of(r, member(r, choice, "function"), "name");
        if (slice_is_null(ask->choice_name)) ask->choice_name = text_of(r, choice, "name");
        for (unsigned i = 0; i < ask->n_tools; i++)
            if (slice_eq(ask->tools[i].name, ask->choice_name)) return true;
        return fail(r, "tool_choice", "the named tool is not among the tools");
    }
    if (ask->choice == ASK_TOOL_REQUIRED && ask->n_tools == 0)
        return fail(r, "tool_choice", "tool_choice is only allowed with tools");
    return true;
}

/* ---- parameters ---- */

static void take_format(struct reading *r) {
    uint32_t format = r->ask->api == ASK_RESPONSES ? member(r, member(r, 0, "text"), "format")
                                                   : member(r, 0, "response_format");
    if (r->ask->api == ASK_MESSAGES) format = member(r, member(r, 0, "output_config"), "format");
    if (format == JSON_NONE && r->ask->api == ASK_MESSAGES) format = member(r, 0, "output_format");
    struct slice type = text_of(r, format, "type");
    if (slice_is(type, "json_object")) r->ask->format = ASK_FORMAT_OBJECT;
    if (!slice_is(type, "json_schema")) return;
    r->ask->format = ASK_FORMAT_SCHEMA;
    uint32_t wrapped = member(r, format, "json_schema"); /* chat wraps it once more */
    r->ask->schema = member(r, wrapped == JSON_NONE ? format : wrapped, "schema");
    hash_in(r, json_raw(r->doc, r->ask->schema));
    r->tokens += r->counted ? json_raw(r->doc, r->ask->schema).len / SCHEMA_BYTES : 0;
}

static void take_stops(struct reading *r) {
    uint32_t stop = member(r, 0, r->ask->api == ASK_MESSAGES ? "stop_sequences" : "stop"), cursor = JSON_NONE,
             item;
    struct slice one = json_string(r->doc, stop, r->arena);
    if (one.len > 0) r->ask->stops[r->ask->n_stops++] = one;
    while (r->ask->n_stops < SIM_STOPS && json_each_item(r->doc, stop, &cursor, &item)) {
        one = json_string(r->doc, item, r->arena);
        if (one.len > 0) r->ask->stops[r->ask->n_stops++] = one;
    }
}

static bool take_limits(struct reading *r) {
    static const char *const names[] = {"max_completion_tokens", "max_output_tokens", "max_tokens"};
    struct ask *ask = r->ask;
    int64_t n;
    for (size_t i = 0; i < 3 && ask->max_tokens < 0; i++) {
        if (!json_get_i64(r->doc, member(r, 0, names[i]), &n)) continue;
        if (n < 1) return fail(r, names[i], "expected a whole number of at least 1");
        ask->max_tokens = n;
    }
    if (ask->api == ASK_MESSAGES && ask->max_tokens < 0)
        return fail(r, "max_tokens", "max_tokens: Field required");
    if (ask->api == ASK_CHAT && json_get_i64(r->doc, member(r, 0, "n"), &n)) {
        if (n < 1 || n > SIM_CHOICES) return fail(r, "n", "expected 1 to 16");
        ask->n = (unsigned)n;
    }
    if (json_get_i64(r->doc, member(r, 0, "seed"), &n)) r->hash ^= (uint64_t)n * 0x9E3779B97F4A7C15u;
    json_get_bool(r->doc, member(r, 0, "stream"), &ask->stream);
    json_get_bool(r->doc, member(r, member(r, 0, "stream_options"), "include_usage"), &ask->include_usage);
    return true;
}

/* failoverbench's models all give the same answer, so that a fallback's can be compared with the primary's.
 */
static struct slice model_for_hash(struct slice model) {
    return slice_starts(model, SLICE("fb-")) || slice_contains(model, SLICE("/fb-")) ? SLICE("fb") : model;
}

static bool read_chat(struct reading *r) {
    if (r->ask->api == ASK_RESPONSES) take_system(r, "instructions");
    if (r->ask->api == ASK_MESSAGES || r->ask->api == ASK_COUNT_TOKENS) take_system(r, "system");
    if (!take_messages(r, r->ask->api == ASK_RESPONSES ? "input" : "messages")) return false;
    if (!take_tools(r) || !take_choice(r)) return false;
    take_format(r);
    take_stops(r);
    return take_limits(r);
}

/* A text, a list of texts, a list of tokens, or a list of lists of tokens. */
static bool read_inputs(struct reading *r) {
    uint32_t input = member(r, 0, "input"), cursor = JSON_NONE, item;
    r->tokens = 0;
    if (json_type(r->doc, input) == JSON_STRING)
        r->tokens = token_count(json_string(r->doc, input, r->arena));
    else if (json_size(r->doc, input) == 0) return fail(r, "input", "expected a text or a list of texts");
    while (json_each_item(r->doc, input, &cursor, &item)) {
        bool list = json_type(r->doc, item) == JSON_ARRAY;
        r->tokens += json_type(r->doc, item) == JSON_STRING ? token_count(json_string(r->doc, item, r->arena))
                     : list                                 ? json_size(r->doc, item)
                                                            : 1;
    }
    return true;
}

bool ask_read(enum ask_api api, struct slice body, struct slice model, uint64_t seed, struct arena *arena,
              struct ask *ret, struct ask_problem *ret_problem) {
    struct error error;
    struct ask ask = {.api = api,
                      .max_tokens = -1,
                      .n = 1,
                      .schema = JSON_NONE,
                      .hint_output = -1,
                      .hint_cached = -1,
                      .question = SLICE(""),
                      .system = SLICE("")};
    struct reading r = {&ask, arena, ret_problem, &ask.doc, seed, PER_REQUEST, true};
    *ret_problem = (struct ask_problem){0};
    if (json_read(body, arena, UINT16_MAX, &ask.doc, &error) != FAULT_NONE) return fail(&r, NULL, error.text);
    if (json_type(r.doc, 0) != JSON_OBJECT) return fail(&r, NULL, "expected a JSON object");
    ask.model = slice_is_null(model) ? text_of(&r, 0, "model") : model;
    if (ask.model.len == 0) return fail(&r, "model", "you must provide a model parameter");
    hash_in(&r, model_for_hash(ask.model));
    if (api == ASK_EMBEDDINGS) {
        if (!read_inputs(&r)) return false;
    } else if (!read_chat(&r)) {
        return false;
    }
    if (arena_is_full(arena)) return fail(&r, NULL, "the request is too large");
    ask.content = r.hash;
    ask.input_tokens = r.tokens;
    *ret = ask;
    return true;
}
