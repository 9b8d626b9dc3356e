#include "sim/load_reply.h"
#include "base/json.h"

#include <stdio.h>

void load_reply_init(struct load_reply *r, bool anthropic, bool stream) {
    *r = (struct load_reply){.anthropic = anthropic, .stream = stream, .input = -1, .output = -1};
    sse_reader_init(&r->sse);
    buffer_init(&r->body, LIMIT_REPLY_BODY);
}

void load_reply_deinit(struct load_reply *r) {
    sse_reader_deinit(&r->sse);
    buffer_deinit(&r->body);
}

void load_reply_head(struct load_reply *r, int status, bool is_event_stream) {
    r->status = status;
    r->stream = is_event_stream;
}

void load_reply_fail(struct load_reply *r, const char *error) {
    if (r->failed) return;
    r->failed = true;
    snprintf(r->error, sizeof r->error, "%s", error);
}

/* ---- JSON ---- */

static void take_count(const struct json_doc *d, uint32_t object, const char *key, int64_t *into) {
    int64_t n;
    if (json_get_i64(d, json_get(d, object, key), &n)) *into = n;
}

/* Both dialects' names; Anthropic's counters are cumulative, and its cache is not in input_tokens. */
static void take_usage(struct load_reply *r, const struct json_doc *d, uint32_t usage) {
    if (json_type(d, usage) != JSON_OBJECT) return;
    take_count(d, usage, "prompt_tokens", &r->input);
    take_count(d, usage, "completion_tokens", &r->output);
    take_count(d, usage, "output_tokens", &r->output);
    int64_t input = -1, read = 0, written = 0;
    take_count(d, usage, "input_tokens", &input);
    take_count(d, usage, "cache_read_input_tokens", &read);
    take_count(d, usage, "cache_creation_input_tokens", &written);
    if (input >= 0) r->input = input + read + written;
}

/* True for an error object; its code or type becomes the error's name. */
static bool take_error(struct load_reply *r, const struct json_doc *d, struct arena *scratch) {
    uint32_t error = json_get(d, 0, "error");
    if (json_type(d, error) != JSON_OBJECT) return false;
    struct slice word = json_string(d, json_get(d, error, "code"), scratch);
    if (slice_is_null(word)) word = json_string(d, json_get(d, error, "type"), scratch);
    char name[48];
    if (r->status >= 400)
        snprintf(name, sizeof name, "http_%d %.*s", r->status, (int)(word.len < 34 ? word.len : 34),
                 word.at ? word.at : "");
    else
        snprintf(name, sizeof name, "in_stream %.*s", (int)(word.len < 34 ? word.len : 34),
                 word.at ? word.at : "");
    load_reply_fail(r, name);
    return true;
}

static bool is_text(const struct json_doc *d, uint32_t node) {
    return json_type(d, node) == JSON_STRING && json_raw(d, node).len > 2;
}

/* A piece of output in an OpenAI chunk. */
static bool is_piece(const struct json_doc *d, uint32_t choice) {
    uint32_t delta = json_get(d, choice, "delta");
    return is_text(d, json_get(d, delta, "content")) || is_text(d, json_get(d, delta, "refusal")) ||
           json_size(d, json_get(d, delta, "tool_calls")) > 0;
}

static void take_piece(struct load_reply *r, int64_t now_us) {
    if (r->pieces++ == 0) r->first_us = now_us;
    r->last_us = now_us;
}

static void take_openai(struct load_reply *r, const struct json_doc *d, int64_t now_us) {
    uint32_t choice = json_item(d, json_get(d, 0, "choices"), 0);
    if (is_piece(d, choice)) take_piece(r, now_us);
    if (json_type(d, json_get(d, choice, "finish_reason")) == JSON_STRING) r->finished = true;
    take_usage(r, d, json_get(d, 0, "usage"));
}

static void take_anthropic(struct load_reply *r, const struct json_doc *d, int64_t now_us) {
    uint32_t type = json_get(d, 0, "type"), delta = json_get(d, 0, "delta");
    if (json_is(d, type, "content_block_delta")) take_piece(r, now_us);
    if (json_is(d, type, "message_start")) take_usage(r, d, json_get(d, json_get(d, 0, "message"), "usage"));
    if (json_is(d, type, "message_delta")) take_usage(r, d, json_get(d, 0, "usage"));
    if (json_type(d, json_get(d, delta, "stop_reason")) == JSON_STRING) r->finished = true;
    if (json_is(d, type, "message_stop")) r->ended = true;
}

static void take_event(struct load_reply *r, const struct sse_event *e, int64_t now_us,
                       struct arena *scratch) {
    struct json_doc d;
    if (!e->has_data) return;
    if (slice_is(e->data, "[DONE]")) {
        r->ended = true;
        return;
    }
    arena_reset(scratch);
    if (json_read(e->data, scratch, UINT16_MAX, &d, NULL) != FAULT_NONE) {
        load_reply_fail(r, "malformed_event");
        return;
    }
    if (take_error(r, &d, scratch)) return;
    if (r->anthropic) take_anthropic(r, &d, now_us);
    else take_openai(r, &d, now_us);
}

void load_reply_feed(struct load_reply *r, struct slice bytes, int64_t now_us, struct arena *scratch) {
    struct sse_event e;
    if (r->failed) return;
    if (!r->stream) {
        if (!buffer_append(&r->body, bytes)) load_reply_fail(r, "answer_too_large");
        return;
    }
    if (sse_reader_feed(&r->sse, bytes) != FAULT_NONE) {
        load_reply_fail(r, "event_too_large");
        return;
    }
    while (sse_reader_next(&r->sse, &e)) take_event(r, &e, now_us, scratch);
}

static void end_whole(struct load_reply *r, int64_t now_us, struct arena *scratch) {
    struct json_doc d;
    char name[48];
    arena_reset(scratch);
    bool good = json_read(buffer_slice(&r->body), scratch, UINT16_MAX, &d, NULL) == FAULT_NONE;
    if (good && take_error(r, &d, scratch)) return;
    if (r->status != 200) {
        snprintf(name, sizeof name, "http_%d", r->status);
        load_reply_fail(r, name);
    } else if (!good) {
        load_reply_fail(r, "malformed_answer");
    } else {
        take_usage(r, &d, json_get(&d, 0, "usage"));
        r->first_us = r->last_us = now_us;
    }
}

void load_reply_end(struct load_reply *r, int64_t now_us, struct arena *scratch) {
    struct sse_event e;
    if (r->failed) return;
    if (!r->stream) {
        end_whole(r, now_us, scratch);
        return;
    }
    if (sse_reader_end(&r->sse, &e)) take_event(r, &e, now_us, scratch);
    if (!r->finished || (r->anthropic && !r->ended)) load_reply_fail(r, "truncated");
}
