/* Writing Anthropic's events.
 *
 * Blocks come one after the other, each stopped before the next begins, as clients expect. The source may be
 * less orderly: OpenAI gives fragments of tool calls by index, in any order. So the JSON of every call is
 * followed: a call whose arguments are whole is stopped when something else begins; one that still waits for
 * more stays open behind it, is fed under its own index, and is stopped when whole, or at the end. Nothing is
 * held back, no fragment follows its block's stop unless it is not JSON, and no block stops with half its
 * arguments while more may come. */
#include "dialect/anthropic.h"
#include "dialect/emit.h"
#include "dialect/parts.h"

static void start(struct json_writer *j, struct buffer *out, const char *type) {
    emit_frame(j, out, type);
    json_object(j);
    json_member_text(j, "type", type);
}

static void end(struct json_writer *j) {
    json_object_end(j);
    emit_frame_end(j);
}

/* ---- message ---- */

static void write_message_start(struct stream_writer *w, struct buffer *out) {
    struct json_writer j;
    if (w->started) return;
    w->started = true;
    start(&j, out, "message_start");
    json_key(&j, "message");
    json_object(&j);
    parts_put_reply_id(&j, "id", "msg_", w->id);
    json_member_text(&j, "type", "message");
    json_member_text(&j, "role", "assistant");
    json_member_string(&j, "model", w->model);
    json_member_raw(&j, "content", SLICE("[]"));
    json_member_text(&j, "stop_reason", NULL);
    json_member_text(&j, "stop_sequence", NULL);
    json_member_raw(&j, "usage",
                    SLICE("{\"input_tokens\":0,\"output_tokens\":1}")); /* the truth is in message_delta */
    json_object_end(&j);
    end(&j);
}

/* Once, with the cumulative usage. */
static void write_message_delta(struct stream_writer *w, struct buffer *out) {
    struct json_writer j;
    if (w->finished) return;
    w->finished = true;
    start(&j, out, "message_delta");
    json_key(&j, "delta");
    json_object(&j);
    json_member_text(&j, "stop_reason", anthropic_finish_word(w->finish));
    bool matched = w->finish == FINISH_STOP_SEQUENCE && w->stop_sequence_len > 0;
    json_member_string(&j, "stop_sequence",
                       matched ? slice_make(w->stop_sequence, w->stop_sequence_len) : SLICE_NULL);
    json_object_end(&j);
    json_key(&j, "usage");
    if (!w->has_usage) usage_init(&w->usage);
    anthropic_put_usage(&j, &w->usage);
    end(&j);
}

/* ---- blocks ---- */

static struct stream_tool *tool_at(struct stream_writer *w, unsigned index) {
    return &w->tools[index < STREAM_TOOLS ? index : STREAM_TOOLS - 1];
}

static void write_block_stop(int block, struct buffer *out) {
    struct json_writer j;
    start(&j, out, "content_block_stop");
    json_member_i64(&j, "index", block);
    end(&j);
}

static void stop_tool(struct stream_tool *t, struct buffer *out) {
    if (t->open) write_block_stop(t->block, out);
    t->open = false;
}

/* Something else is to begin: the newest block is stopped, unless it is a call that waits for more. */
static void leave_block(struct stream_writer *w, struct buffer *out) {
    if (!w->block_open) return;
    w->block_open = false;
    if (w->block_type != PART_TOOL_CALL) {
        write_block_stop(w->block, out);
    } else if (tool_at(w, w->block_tool)->whole) {
        stop_tool(tool_at(w, w->block_tool), out);
    }
}

static void stop_all(struct stream_writer *w, struct buffer *out) {
    leave_block(w, out);
    for (unsigned i = 0; i < w->n_tools && i < STREAM_TOOLS; i++) stop_tool(&w->tools[i], out);
}

/* Starts a frame with its content_block open: the caller adds members and calls end_block. */
static void start_block(struct stream_writer *w, struct json_writer *j, enum part_type type,
                        struct buffer *out) {
    leave_block(w, out);
    w->block_open = true;
    w->block_type = type;
    w->block = w->n_blocks++;
    start(j, out, "content_block_start");
    json_member_i64(j, "index", w->block);
    json_key(j, "content_block");
    json_object(j);
}

static void end_block(struct json_writer *j) {
    json_object_end(j);
    end(j);
}

static void write_delta(int block, const char *type, const char *key, struct slice text, struct buffer *out) {
    struct json_writer j;
    start(&j, out, "content_block_delta");
    json_member_i64(&j, "index", block);
    json_key(&j, "delta");
    json_object(&j);
    json_member_text(&j, "type", type);
    json_member_string(&j, key, text);
    json_object_end(&j);
    end(&j);
}

static void write_text(struct stream_writer *w, struct slice text, struct buffer *out) {
    struct json_writer j;
    if (text.len == 0) return;
    if (!w->block_open || w->block_type != PART_TEXT) {
        start_block(w, &j, PART_TEXT, out);
        json_member_text(&j, "type", "text");
        json_member_text(&j, "text", "");
        end_block(&j);
    }
    write_delta(w->block, "text_delta", "text", text, out);
}

static void write_thinking(struct stream_writer *w, const struct event *e, struct buffer *out) {
    struct json_writer j;
    bool open = w->block_open && w->block_type == PART_THINKING;
    if (!open && e->text.len > 0) {
        start_block(w, &j, PART_THINKING, out);
        json_member_text(&j, "type", "thinking");
        json_member_text(&j, "thinking", "");
        json_member_text(&j, "signature", "");
        end_block(&j);
        open = true;
    }
    if (e->text.len > 0) write_delta(w->block, "thinking_delta", "thinking", e->text, out);
    if (open && e->signature.len > 0)
        write_delta(w->block, "signature_delta", "signature", e->signature, out);
}

/* ---- tools ---- */

/* Follows the JSON of a call's arguments: whole when its object is closed. */
static void follow(struct stream_tool *t, struct slice fragment) {
    for (size_t i = 0; i < fragment.len; i++) {
        char c = fragment.at[i];
        if (t->in_string) {
            if (t->escaped) t->escaped = false;
            else if (c == '\\') t->escaped = true;
            else if (c == '"') t->in_string = false;
        } else if (c == '"') {
            t->in_string = true;
        } else if (c == '{' || c == '[') {
            t->depth++;
        } else if ((c == '}' || c == ']') && t->depth > 0 && --t->depth == 0) {
            t->whole = true;
        }
    }
}

static void write_tool_begin(struct stream_writer *w, const struct event *e, struct buffer *out) {
    struct json_writer j;
    struct stream_tool *t = tool_at(w, e->index);
    if (t->open) stop_tool(t, out); /* more calls than are told apart */
    start_block(w, &j, PART_TOOL_CALL, out);
    json_member_text(&j, "type", "tool_use");
    json_member_string(&j, "id", e->id);
    json_member_string(&j, "name", e->name);
    json_member_raw(&j, "input", SLICE("{}"));
    end_block(&j);
    *t = (struct stream_tool){.block = w->block, .open = true};
    w->block_tool = e->index;
    if (e->index >= w->n_tools) w->n_tools = e->index + 1;
}

static void write_tool_arguments(struct stream_writer *w, const struct event *e, struct buffer *out) {
    struct stream_tool *t = tool_at(w, e->index);
    bool newest = w->block_open && w->block_type == PART_TOOL_CALL && w->block_tool == e->index;
    if (e->index >= w->n_tools) return; /* never begun */
    if (!t->open && slice_trim(e->text).len == 0) return;
    write_delta(t->block, "input_json_delta", "partial_json", e->text, out);
    follow(t, e->text);
    if (!newest && t->whole) stop_tool(t, out);
}

/* ---- events ---- */

static void write_finish(struct stream_writer *w, const struct event *e, struct buffer *out) {
    stop_all(w, out);
    if (w->finishing) return;
    w->finishing = true;
    w->finish = e->finish == FINISH_STOP && w->n_tools > 0 ? FINISH_TOOL_CALLS : e->finish;
    if (w->finish == FINISH_STOP && w->refused) w->finish = FINISH_REFUSAL;
    if (e->stop_sequence.len == 0 || e->stop_sequence.len > sizeof w->stop_sequence) return;
    memcpy(w->stop_sequence, e->stop_sequence.at,
           e->stop_sequence.len); /* the event's memory does not last */
    w->stop_sequence_len = (unsigned)e->stop_sequence.len;
}

static void write_end(struct stream_writer *w, struct buffer *out) {
    struct json_writer j;
    struct event stop = {.type = EVENT_FINISH, .finish = FINISH_STOP}; /* when none was given */
    write_finish(w, &stop, out);
    write_message_delta(w, out);
    start(&j, out, "message_stop");
    end(&j);
    w->ended = true;
}

static void write_ping(struct buffer *out) {
    struct json_writer j;
    start(&j, out, "ping");
    end(&j);
}

static void write_output(struct stream_writer *w, const struct event *e, struct buffer *out) {
    if (w->finished) return; /* nothing may follow message_delta */
    if (e->type == EVENT_TEXT) write_text(w, e->text, out);
    if (e->type == EVENT_THINKING) write_thinking(w, e, out);
    if (e->type == EVENT_TOOL_BEGIN) write_tool_begin(w, e, out);
    if (e->type == EVENT_TOOL_ARGS) write_tool_arguments(w, e, out);
    if (e->type == EVENT_REFUSAL) {
        w->refused = true;
        write_text(w, e->text, out);
    }
}

void anthropic_write_event(struct stream_writer *w, const struct event *e, struct buffer *out) {
    if (w->ended || e->type == EVENT_ERROR) return; /* write_stream_error writes that */
    if (e->type == EVENT_PING) {
        write_ping(out);
        return;
    }
    write_message_start(w, out);
    if (event_is_output(e->type)) write_output(w, e, out);
    if (e->type == EVENT_FINISH) write_finish(w, e, out);
    if (e->type == EVENT_USAGE) {
        w->usage = e->usage;
        w->has_usage = true;
        if (w->finishing) {
            stop_all(w, out);
            write_message_delta(w, out); /* held back until now: OpenAI counts behind the finish */
        }
    }
    if (e->type == EVENT_END) write_end(w, out);
}
