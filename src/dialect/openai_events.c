#include "dialect/emit.h"
#include "dialect/openai.h"
#include "dialect/parts.h"

/* A chunk is written as start_chunk, the delta's members, end_chunk. */
static void put_head(struct stream_writer *w, struct json_writer *j, struct buffer *out) {
    emit_frame(j, out, NULL);
    json_object(j);
    parts_put_reply_id(j, "id", "chatcmpl-", w->id);
    json_member_text(j, "object", "chat.completion.chunk");
    json_member_i64(j, "created", w->created);
    json_member_string(j, "model", w->model);
    json_key(j, "choices");
    json_array(j);
}

static void start_chunk(struct stream_writer *w, struct json_writer *j, struct buffer *out) {
    put_head(w, j, out);
    json_object(j);
    json_member_i64(j, "index", 0);
    json_key(j, "delta");
    json_object(j);
}

static void end_chunk(struct stream_writer *w, struct json_writer *j, const char *finish_reason) {
    json_object_end(j);
    json_member_text(j, "finish_reason", finish_reason);
    json_object_end(j);
    json_array_end(j);
    if (w->include_usage) json_member_text(j, "usage", NULL); /* every chunk has it then, as OpenAI's do */
    json_object_end(j);
    emit_frame_end(j);
}

static void write_role(struct stream_writer *w, struct buffer *out) {
    struct json_writer j;
    if (w->started) return;
    w->started = true;
    start_chunk(w, &j, out);
    json_member_text(&j, "role", "assistant");
    json_member_text(&j, "content", "");
    end_chunk(w, &j, NULL);
}

static void write_text(struct stream_writer *w, const char *key, struct slice text, struct buffer *out) {
    struct json_writer j;
    if (text.len == 0) return;
    start_chunk(w, &j, out);
    json_member_string(&j, key, text);
    end_chunk(w, &j, NULL);
}

static void write_tool(struct stream_writer *w, const struct event *e, struct buffer *out) {
    struct json_writer j;
    bool begin = e->type == EVENT_TOOL_BEGIN;
    start_chunk(w, &j, out);
    json_key(&j, "tool_calls");
    json_array(&j);
    json_object(&j);
    json_member_i64(&j, "index", e->index);
    if (begin) {
        json_member_string(&j, "id", e->id);
        json_member_text(&j, "type", "function");
    }
    json_key(&j, "function");
    json_object(&j);
    if (begin) json_member_string(&j, "name", e->name);
    json_member_string(&j, "arguments", begin ? SLICE("") : e->text);
    json_object_end(&j);
    json_object_end(&j);
    json_array_end(&j);
    end_chunk(w, &j, NULL);
}

static void write_finish(struct stream_writer *w, enum finish finish, struct buffer *out) {
    struct json_writer j;
    if (w->finished) return;
    w->finished = true;
    start_chunk(w, &j, out);
    end_chunk(w, &j, openai_finish_word(finish));
}

static void write_end(struct stream_writer *w, struct buffer *out) {
    struct json_writer j;
    if (w->ended) return;
    w->ended = true;
    write_finish(w, FINISH_STOP, out);
    if (w->include_usage && w->has_usage) {
        put_head(w, &j, out);
        json_array_end(&j);
        json_key(&j, "usage");
        openai_put_usage(&j, &w->usage);
        json_object_end(&j);
        emit_frame_end(&j);
    }
    buffer_append(out, SLICE("data: [DONE]\n\n"));
}

void openai_write_event(struct stream_writer *w, const struct event *e, struct buffer *out) {
    if (e->type == EVENT_PING || e->type == EVENT_ERROR) return; /* no such thing here; write_stream_error */
    if (w->ended) return;
    write_role(w, out);
    switch (e->type) {
    case EVENT_TEXT: write_text(w, "content", e->text, out); break;
    case EVENT_THINKING: write_text(w, "reasoning_content", e->text, out); break;
    case EVENT_REFUSAL: write_text(w, "refusal", e->text, out); break;
    case EVENT_TOOL_BEGIN:
    case EVENT_TOOL_ARGS: write_tool(w, e, out); break;
    case EVENT_FINISH: write_finish(w, e->finish, out); break;
    case EVENT_USAGE:
        w->usage = e->usage;
        w->has_usage = true;
        break;
    case EVENT_END: write_end(w, out); break;
    case EVENT_START:
    case EVENT_PING:
    case EVENT_ERROR: break;
    }
}
