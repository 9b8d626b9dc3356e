/* Anthropic's messages. */
#include "sim/wire.h"

static const char *stop_word(enum answer_finish f) {
    switch (f) {
    case ANSWER_LENGTH: return "max_tokens";
    case ANSWER_TOOLS: return "tool_use";
    case ANSWER_STOP_SEQUENCE: return "stop_sequence";
    case ANSWER_REFUSED:
    case ANSWER_FILTERED: return "refusal";
    case ANSWER_STOP: break;
    }
    return "end_turn";
}

/* Anthropic's input_tokens are those that the cache had nothing to do with. */
static void write_usage(const struct answer *a, uint64_t output, struct json_writer *w) {
    json_object(w);
    json_member_i64(w, "input_tokens", (int64_t)(a->input - a->cached - a->cache_written));
    json_member_i64(w, "cache_creation_input_tokens", (int64_t)a->cache_written);
    json_member_i64(w, "cache_read_input_tokens", (int64_t)a->cached);
    json_key(w, "cache_creation");
    json_object(w);
    json_member_i64(w, "ephemeral_5m_input_tokens", (int64_t)a->cache_written);
    json_member_i64(w, "ephemeral_1h_input_tokens", 0);
    json_object_end(w);
    json_member_i64(w, "output_tokens", (int64_t)output);
    json_member_text(w, "service_tier", "standard");
    json_object_end(w);
}

static void write_block(struct json_writer *w, const struct answer_part *p) {
    json_object(w);
    json_member_text(w, "type", p->kind == ANSWER_TOOL ? "tool_use" : "text");
    if (p->kind == ANSWER_TOOL) {
        wire_member_id(w, "id", "toolu_", p->id);
        json_member_string(w, "name", p->name);
        json_member_raw(w, "input", p->text);
    } else {
        json_member_string(w, "text", p->text);
    }
    json_object_end(w);
}

/* `whole`: with content and stop reason; else as message_start has it. */
static void write_message(const struct act *act, const struct answer *a, bool whole, struct json_writer *w) {
    const struct answer_choice *c = &a->choices[0];
    json_object(w);
    wire_member_id(w, "id", "msg_", a->id);
    json_member_text(w, "type", "message");
    json_member_text(w, "role", "assistant");
    json_member_string(w, "model", a->model);
    json_key(w, "content");
    json_array(w);
    /* arguments that max_tokens cut are no JSON, and Anthropic sends such a call not at all */
    for (unsigned i = 0; whole && i < c->n_parts; i++)
        if (c->parts[i].kind != ANSWER_TOOL || c->finish != ANSWER_LENGTH || i + 1 < c->n_parts)
            write_block(w, &c->parts[i]);
    json_array_end(w);
    json_member_text(w, "stop_reason", whole && !act->no_finish ? stop_word(c->finish) : NULL);
    json_member_string(w, "stop_sequence", whole ? c->stop : SLICE_NULL);
    if (act->usage != ACT_USAGE_NONE) {
        json_key(w, "usage");
        write_usage(a, whole ? a->output : 1, w);
    }
    json_object_end(w);
}

static void write_answer(const struct ask *ask, const struct act *act, const struct answer *a,
                         struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    if (ask->api == ASK_MESSAGES) {
        write_message(act, a, true, &w);
        return;
    }
    json_object(&w);
    json_member_i64(&w, "input_tokens", (int64_t)a->input);
    json_object_end(&w);
}

static void write_error(const struct wire_error *e, struct buffer *out) {
    char text[256];
    struct json_writer w;
    /* a script names errors in OpenAI's words; Anthropic has only its types */
    bool named = !slice_is_null(e->words.type) && slice_ends(e->words.type, SLICE("_error"));
    json_start(&w, out);
    json_object(&w);
    json_member_text(&w, "type", "error");
    json_key(&w, "error");
    json_object(&w);
    json_member_string(&w, "type",
                       named ? e->words.type : slice_of(wire_default_of(e->status)->anthropic_type));
    json_member_string(&w, "message", wire_message(e, true, text));
    json_object_end(&w);
    json_member_string(&w, "request_id", e->request_id);
    json_object_end(&w);
}

/* ---- streamed ---- */

static void begin_event(struct frames *f, const char *type) {
    buffer_append(f->out, SLICE("event: "));
    buffer_append(f->out, slice_of(type));
    buffer_append(f->out, SLICE("\ndata: {\"type\":\""));
    buffer_append(f->out, slice_of(type));
    buffer_byte(f->out, '"');
}

static void end_event(struct frames *f) {
    buffer_append(f->out, SLICE("}\n\n"));
}

static void comment(struct frames *f) {
    begin_event(f, "ping");
    end_event(f);
}

static void open_stream(struct frames *f, struct arena *arena) {
    struct json_writer w;
    (void)arena;
    begin_event(f, "message_start");
    buffer_append(f->out, SLICE(",\"message\":"));
    json_start(&w, f->out);
    write_message(f->act, f->answer, false, &w);
    end_event(f);
    comment(f);
}

static void begin_part(struct frames *f, const struct answer_part *p) {
    begin_event(f, "content_block_start");
    buffer_printf(f->out, ",\"index\":%u,\"content_block\":", f->part);
    if (p->kind == ANSWER_TOOL) {
        buffer_printf(f->out, "{\"type\":\"tool_use\",\"id\":\"toolu_" SLICE_FMT "\",\"name\":\"",
                      SLICE_ARG(p->id));
        json_escape(f->out, p->name);
        buffer_append(f->out, SLICE("\",\"input\":{}}"));
    } else {
        buffer_append(f->out, SLICE("{\"type\":\"text\",\"text\":\"\"}"));
    }
    end_event(f);
}

static void token(struct frames *f, const struct answer_part *p, struct slice text) {
    buffer_append(f->out,
                  SLICE("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":"));
    buffer_u64(f->out, f->part);
    buffer_append(f->out, p->kind == ANSWER_TOOL
                              ? SLICE(",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"")
                              : SLICE(",\"delta\":{\"type\":\"text_delta\",\"text\":\""));
    json_escape(f->out, text);
    buffer_append(f->out, SLICE("\"}}\n\n"));
}

static void end_part(struct frames *f, const struct answer_part *p) {
    (void)p;
    begin_event(f, "content_block_stop");
    buffer_printf(f->out, ",\"index\":%u", f->part);
    end_event(f);
}

static void end_choice(struct frames *f, const struct answer_choice *c) {
    struct json_writer w;
    begin_event(f, "message_delta");
    buffer_append(f->out, SLICE(",\"delta\":"));
    json_start(&w, f->out);
    json_object(&w);
    json_member_text(&w, "stop_reason", stop_word(c->finish));
    json_member_string(&w, "stop_sequence", c->stop);
    json_object_end(&w);
    if (f->act->usage == ACT_USAGE_FINISH) {
        buffer_append(f->out, SLICE(",\"usage\":"));
        json_start(&w, f->out);
        write_usage(f->answer, f->answer->output, &w);
    } else if (f->act->usage != ACT_USAGE_NONE && f->act->usage != ACT_USAGE_FIRST) {
        buffer_printf(f->out, ",\"usage\":{\"output_tokens\":%llu}", (unsigned long long)f->answer->output);
    }
    end_event(f);
}

static void close_stream(struct frames *f) {
    if (f->act->no_done) return;
    begin_event(f, "message_stop");
    end_event(f);
}

static void fail_stream(struct frames *f, const struct wire_error *e) {
    buffer_append(f->out, SLICE("event: error\ndata: "));
    write_error(e, f->out);
    buffer_append(f->out, SLICE("\n\n"));
}

const struct wire wire_messages = {
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
