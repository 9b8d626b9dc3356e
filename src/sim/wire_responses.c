/* OpenAI's Responses. Every event carries its type and a sequence number. */
#include "sim/wire.h"

static void write_usage(const struct answer *a, struct json_writer *w) {
    json_object(w);
    json_member_i64(w, "input_tokens", (int64_t)a->input);
    json_key(w, "input_tokens_details");
    json_object(w);
    json_member_i64(w, "cached_tokens", (int64_t)a->cached);
    json_object_end(w);
    json_member_i64(w, "output_tokens", (int64_t)a->output);
    json_key(w, "output_tokens_details");
    json_object(w);
    json_member_i64(w, "reasoning_tokens", (int64_t)a->reasoning);
    json_object_end(w);
    json_member_i64(w, "total_tokens", (int64_t)(a->input + a->output));
    json_object_end(w);
}

static void write_content(struct json_writer *w, const struct answer_part *p, bool filled) {
    bool refusal = p->kind == ANSWER_REFUSAL;
    json_object(w);
    json_member_text(w, "type", refusal ? "refusal" : "output_text");
    json_member_string(w, refusal ? "refusal" : "text", filled ? p->text : SLICE(""));
    if (!refusal) {
        json_key(w, "annotations");
        json_array(w);
        json_array_end(w);
    }
    json_object_end(w);
}

static void write_item(struct json_writer *w, const struct answer *a, const struct answer_part *p,
                       bool filled) {
    json_object(w);
    if (p->kind == ANSWER_TOOL) {
        wire_member_id(w, "id", "fc_", p->id);
        json_member_text(w, "type", "function_call");
        json_member_text(w, "status", filled ? "completed" : "in_progress");
        json_member_string(w, "arguments", filled ? p->text : SLICE(""));
        wire_member_id(w, "call_id", "call_", p->id);
        json_member_string(w, "name", p->name);
    } else {
        wire_member_id(w, "id", "msg_", a->id);
        json_member_text(w, "type", "message");
        json_member_text(w, "status", filled ? "completed" : "in_progress");
        json_key(w, "content");
        json_array(w);
        if (filled) write_content(w, p, true);
        json_array_end(w);
        json_member_text(w, "role", "assistant");
    }
    json_object_end(w);
}

static const char *status_of(const struct answer *a) {
    enum answer_finish f = a->choices[0].finish;
    return f == ANSWER_LENGTH || f == ANSWER_FILTERED ? "incomplete" : "completed";
}

static void write_response(struct json_writer *w, const struct act *act, const struct answer *a,
                           const char *status) {
    const struct answer_choice *c = &a->choices[0];
    bool done = strcmp(status, "in_progress") != 0;
    json_object(w);
    wire_member_id(w, "id", "resp_", a->id);
    json_member_text(w, "object", "response");
    json_member_i64(w, "created_at", a->created);
    json_member_text(w, "status", status);
    json_member_text(w, "error", NULL);
    json_key(w, "incomplete_details");
    if (strcmp(status, "incomplete") == 0) {
        json_object(w);
        json_member_text(w, "reason", c->finish == ANSWER_LENGTH ? "max_output_tokens" : "content_filter");
        json_object_end(w);
    } else {
        json_put_null(w);
    }
    json_member_text(w, "instructions", NULL);
    json_member_string(w, "model", a->model);
    json_key(w, "output");
    json_array(w);
    for (unsigned i = 0; done && i < c->n_parts; i++) write_item(w, a, &c->parts[i], true);
    json_array_end(w);
    json_member_bool(w, "parallel_tool_calls", true);
    json_member_text(w, "tool_choice", "auto");
    json_key(w, "tools");
    json_array(w);
    json_array_end(w);
    json_key(w, "usage");
    if (done && act->usage != ACT_USAGE_NONE) write_usage(a, w);
    else json_put_null(w);
    json_object_end(w);
}

static void write_answer(const struct ask *ask, const struct act *act, const struct answer *a,
                         struct buffer *out) {
    struct json_writer w;
    (void)ask;
    json_start(&w, out);
    write_response(&w, act, a, status_of(a));
}

/* ---- streamed ---- */

static void begin_event(struct frames *f, const char *type) {
    buffer_printf(f->out, "event: %s\ndata: {\"type\":\"%s\",\"sequence_number\":%llu", type, type,
                  (unsigned long long)f->sequence++);
}

static void end_event(struct frames *f) {
    buffer_append(f->out, SLICE("}\n\n"));
}

static void whole_event(struct frames *f, const char *type, const char *status) {
    struct json_writer w;
    begin_event(f, type);
    buffer_append(f->out, SLICE(",\"response\":"));
    json_start(&w, f->out);
    write_response(&w, f->act, f->answer, status);
    end_event(f);
}

static void item_event(struct frames *f, const char *type, const struct answer_part *p, bool filled) {
    struct json_writer w;
    begin_event(f, type);
    buffer_printf(f->out, ",\"output_index\":%u,\"item\":", f->part);
    json_start(&w, f->out);
    write_item(&w, f->answer, p, filled);
    end_event(f);
}

static void part_event(struct frames *f, const char *type, const struct answer_part *p, bool filled) {
    struct json_writer w;
    begin_event(f, type);
    buffer_printf(f->out,
                  ",\"item_id\":\"msg_" SLICE_FMT "\",\"output_index\":%u,\"content_index\":0,\"part\":",
                  SLICE_ARG(f->answer->id), f->part);
    json_start(&w, f->out);
    write_content(&w, p, filled);
    end_event(f);
}

/* The place of a text, refusal or argument event, and the key of its text. */
static void text_event(struct frames *f, const struct answer_part *p, bool done, struct slice text) {
    static const char *const types[3][2] = {
        [ANSWER_TEXT] = {"response.output_text.delta", "response.output_text.done"},
        [ANSWER_REFUSAL] = {"response.refusal.delta", "response.refusal.done"},
        [ANSWER_TOOL] = {"response.function_call_arguments.delta", "response.function_call_arguments.done"},
    };
    static const char *const keys[3] = {"text", "refusal", "arguments"};
    bool tool = p->kind == ANSWER_TOOL;
    begin_event(f, types[p->kind][done]);
    buffer_printf(f->out, ",\"item_id\":\"%s" SLICE_FMT "\",\"output_index\":%u%s,\"%s\":\"",
                  tool ? "fc_" : "msg_", SLICE_ARG(tool ? p->id : f->answer->id), f->part,
                  tool ? "" : ",\"content_index\":0", done ? keys[p->kind] : "delta");
    json_escape(f->out, text);
    buffer_byte(f->out, '"');
    end_event(f);
}

static void open_stream(struct frames *f, struct arena *arena) {
    (void)arena;
    whole_event(f, "response.created", "in_progress");
    whole_event(f, "response.in_progress", "in_progress");
}

static void begin_part(struct frames *f, const struct answer_part *p) {
    item_event(f, "response.output_item.added", p, false);
    if (p->kind != ANSWER_TOOL) part_event(f, "response.content_part.added", p, false);
}

static void token(struct frames *f, const struct answer_part *p, struct slice text) {
    text_event(f, p, false, text);
}

static void end_part(struct frames *f, const struct answer_part *p) {
    text_event(f, p, true, p->text);
    if (p->kind != ANSWER_TOOL) part_event(f, "response.content_part.done", p, true);
    item_event(f, "response.output_item.done", p, true);
}

static void end_choice(struct frames *f, const struct answer_choice *c) {
    (void)f;
    (void)c;
}

/* The terminal event is the finish reason and the end in one; there is no [DONE]. */
static void close_stream(struct frames *f) {
    const char *status = status_of(f->answer);
    if (f->act->no_done || f->act->no_finish) return;
    whole_event(f, strcmp(status, "incomplete") == 0 ? "response.incomplete" : "response.completed", status);
}

static void fail_stream(struct frames *f, const struct wire_error *e) {
    const struct wire_default *d = wire_default_of(e->status);
    char text[256];
    struct json_writer w;
    buffer_append(f->out, SLICE("event: error\ndata: "));
    json_start(&w, f->out);
    json_object(&w);
    json_member_text(&w, "type", "error");
    json_member_i64(&w, "sequence_number", (int64_t)f->sequence++);
    json_member_string(&w, "code",
                       slice_is_null(e->words.code) ? slice_of(d->code ? d->code : d->type) : e->words.code);
    json_member_string(&w, "message", wire_message(e, false, text));
    json_member_string(&w, "param", e->words.param);
    json_object_end(&w);
    buffer_append(f->out, SLICE("\n\n"));
}

static void write_error(const struct wire_error *e, struct buffer *out) {
    wire_chat.write_error(e, out);
}

static void comment(struct frames *f) {
    buffer_append(f->out, SLICE(": keep-alive\n\n"));
}

const struct wire wire_responses = {
    .write_answer = write_answer,
    .write_error = write_error,
    .open = open_stream,
    .begin_part = begin_part,
    .token = token,
    .end_part = end_part,
    .end_choice = end_choice,
    .close = close_stream,
    .fail = fail_stream,
    .comment = comment,
};
