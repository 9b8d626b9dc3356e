/* OpenAI's chat completions, and Azure's, which differ in their first chunk. */
#include "sim/wire.h"

static const char *finish_word(enum answer_finish f) {
    switch (f) {
    case ANSWER_LENGTH: return "length";
    case ANSWER_TOOLS: return "tool_calls";
    case ANSWER_FILTERED: return "content_filter";
    case ANSWER_STOP:
    case ANSWER_STOP_SEQUENCE:
    case ANSWER_REFUSED: break;
    }
    return "stop";
}

static void write_usage(const struct answer *a, uint64_t output, struct json_writer *w) {
    json_object(w);
    json_member_i64(w, "prompt_tokens", (int64_t)a->input);
    json_member_i64(w, "completion_tokens", (int64_t)output);
    json_member_i64(w, "total_tokens", (int64_t)(a->input + output));
    json_key(w, "prompt_tokens_details");
    json_object(w);
    json_member_i64(w, "cached_tokens", (int64_t)a->cached);
    if (a->cache_written > 0) json_member_i64(w, "cache_write_tokens", (int64_t)a->cache_written);
    json_member_i64(w, "audio_tokens", 0);
    json_object_end(w);
    json_key(w, "completion_tokens_details");
    json_object(w);
    json_member_i64(w, "reasoning_tokens", (int64_t)a->reasoning);
    json_member_i64(w, "audio_tokens", 0);
    json_member_i64(w, "accepted_prediction_tokens", 0);
    json_member_i64(w, "rejected_prediction_tokens", 0);
    json_object_end(w);
    json_object_end(w);
}

/* ---- whole ---- */

static void write_call(struct json_writer *w, const struct answer_part *p) {
    json_object(w);
    wire_member_id(w, "id", "call_", p->id);
    json_member_text(w, "type", "function");
    json_key(w, "function");
    json_object(w);
    json_member_string(w, "name", p->name);
    json_member_string(w, "arguments", p->text);
    json_object_end(w);
    json_object_end(w);
}

static void write_message(struct json_writer *w, const struct answer_choice *c) {
    struct slice text = c->n_parts == 0 ? SLICE("") : SLICE_NULL, refusal = SLICE_NULL;
    bool calls = c->n_parts > 0 && c->parts[0].kind == ANSWER_TOOL;
    if (c->n_parts > 0 && c->parts[0].kind == ANSWER_TEXT) text = c->parts[0].text;
    if (c->n_parts > 0 && c->parts[0].kind == ANSWER_REFUSAL) refusal = c->parts[0].text;
    json_object(w);
    json_member_text(w, "role", "assistant");
    json_member_string(w, "content", text);
    json_member_string(w, "refusal", refusal);
    if (calls) {
        json_key(w, "tool_calls");
        json_array(w);
        for (unsigned i = 0; i < c->n_parts; i++) write_call(w, &c->parts[i]);
        json_array_end(w);
    } else {
        json_key(w, "annotations");
        json_array(w);
        json_array_end(w);
    }
    json_object_end(w);
}

static void write_answer(const struct ask *ask, const struct act *act, const struct answer *a,
                         struct buffer *out) {
    struct json_writer w;
    (void)ask;
    json_start(&w, out);
    json_object(&w);
    wire_member_id(&w, "id", "chatcmpl-", a->id);
    json_member_text(&w, "object", "chat.completion");
    json_member_i64(&w, "created", a->created);
    json_member_string(&w, "model", a->model);
    json_key(&w, "choices");
    json_array(&w);
    for (unsigned i = 0; i < a->n_choices; i++) {
        json_object(&w);
        json_member_i64(&w, "index", i);
        json_key(&w, "message");
        write_message(&w, &a->choices[i]);
        json_member_text(&w, "logprobs", NULL);
        if (!act->no_finish) json_member_text(&w, "finish_reason", finish_word(a->choices[i].finish));
        json_object_end(&w);
    }
    json_array_end(&w);
    if (act->usage != ACT_USAGE_NONE) {
        json_key(&w, "usage");
        write_usage(a, a->output, &w);
    }
    json_member_text(&w, "service_tier", "default");
    json_member_string(&w, "system_fingerprint", a->fingerprint);
    json_object_end(&w);
}

static void write_error(const struct wire_error *e, struct buffer *out) {
    const struct wire_default *d = wire_default_of(e->status);
    char text[256];
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    json_key(&w, "error");
    json_object(&w);
    json_member_string(&w, "message", wire_message(e, false, text));
    json_member_string(&w, "type", slice_is_null(e->words.type) ? slice_of(d->type) : e->words.type);
    json_member_string(&w, "param", e->words.param);
    json_member_string(&w, "code", slice_is_null(e->words.code) ? slice_of(d->code) : e->words.code);
    json_object_end(&w);
    json_object_end(&w);
}

/* ---- streamed ---- */

static bool asks_usage(const struct frames *f) {
    return f->act->usage == ACT_USAGE_ALWAYS || f->act->usage == ACT_USAGE_EVERY ||
           (f->act->usage == ACT_USAGE_NORMAL && f->ask->include_usage);
}

static void put_usage(struct frames *f, uint64_t output) {
    struct json_writer w;
    buffer_append(f->out, SLICE(",\"usage\":"));
    json_start(&w, f->out);
    write_usage(f->answer, output, &w);
}

/* Behind "choices":[...]: usage as the request or the script wants it, and the end of the event. */
static void put_tail(struct frames *f, bool last, bool first) {
    if (f->act->usage == ACT_USAGE_EVERY) put_usage(f, f->sent);
    else if ((f->act->usage == ACT_USAGE_FINISH && last) || (f->act->usage == ACT_USAGE_FIRST && first))
        put_usage(f, last ? f->answer->output : 0);
    else if (f->ask->include_usage && f->act->usage != ACT_USAGE_NONE)
        buffer_append(f->out, SLICE(",\"usage\":null"));
    buffer_append(f->out, SLICE("}\n\n"));
}

static void put_head(struct frames *f) {
    buffer_append(f->out, f->head);
    buffer_append(f->out, SLICE("{\"index\":"));
    buffer_u64(f->out, f->choice);
    buffer_append(f->out, SLICE(",\"delta\":"));
}

static void put_unfinished(struct frames *f) {
    buffer_append(f->out, SLICE(",\"logprobs\":null,\"finish_reason\":null}]"));
    put_tail(f, false, false);
}

static void open_stream(struct frames *f, struct arena *arena) {
    const struct answer *a = f->answer;
    struct buffer head;
    buffer_init(&head, 4096);
    buffer_printf(&head,
                  "data: {\"id\":\"chatcmpl-" SLICE_FMT
                  "\",\"object\":\"chat.completion.chunk\",\"created\":%lld,\"model\":\"",
                  SLICE_ARG(a->id), (long long)a->created);
    json_escape(&head, a->model);
    buffer_append(&head, SLICE("\",\"service_tier\":\"default\",\"system_fingerprint\":\""));
    json_escape(&head, a->fingerprint);
    buffer_append(&head, SLICE("\",\"choices\":["));
    f->head = arena_slice(arena, buffer_slice(&head));
    buffer_deinit(&head);
    if (f->act->azure)
        buffer_append(f->out, SLICE("data: "
                                    "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":"
                                    "\"\",\"prompt_filter_results\":"
                                    "[{\"prompt_index\":0,\"content_filter_results\":{\"hate\":{\"filtered\":"
                                    "false,\"severity\":\"safe\"},"
                                    "\"violence\":{\"filtered\":false,\"severity\":\"safe\"}}}]}\n\n"));
    for (f->choice = 0; f->choice < a->n_choices; f->choice++) {
        const struct answer_choice *c = &a->choices[f->choice];
        bool text = c->n_parts == 0 || c->parts[0].kind == ANSWER_TEXT;
        put_head(f);
        buffer_append(f->out, text ? SLICE("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}")
                                   : SLICE("{\"role\":\"assistant\",\"content\":null}"));
        buffer_append(f->out, SLICE(",\"logprobs\":null,\"finish_reason\":null}]"));
        put_tail(f, false, f->choice == 0);
    }
    f->choice = 0;
}

static void begin_part(struct frames *f, const struct answer_part *p) {
    if (p->kind != ANSWER_TOOL) return;
    put_head(f);
    buffer_printf(f->out,
                  "{\"tool_calls\":[{\"index\":%u,\"id\":\"call_" SLICE_FMT
                  "\",\"type\":\"function\",\"function\":{\"name\":\"",
                  f->part, SLICE_ARG(p->id));
    json_escape(f->out, p->name);
    buffer_append(f->out, SLICE("\",\"arguments\":\"\"}}]}"));
    put_unfinished(f);
}

static void token(struct frames *f, const struct answer_part *p, struct slice text) {
    put_head(f);
    if (p->kind == ANSWER_TOOL)
        buffer_printf(f->out, "{\"tool_calls\":[{\"index\":%u,\"function\":{\"arguments\":\"", f->part);
    else buffer_append(f->out, p->kind == ANSWER_TEXT ? SLICE("{\"content\":\"") : SLICE("{\"refusal\":\""));
    json_escape(f->out, text);
    buffer_append(f->out, p->kind == ANSWER_TOOL ? SLICE("\"}}]}") : SLICE("\"}"));
    put_unfinished(f);
}

static void end_part(struct frames *f, const struct answer_part *p) {
    (void)f;
    (void)p;
}

static void end_choice(struct frames *f, const struct answer_choice *c) {
    put_head(f);
    buffer_printf(f->out, "{},\"logprobs\":null,\"finish_reason\":\"%s\"}]", finish_word(c->finish));
    put_tail(f, f->choice + 1 == f->answer->n_choices, false);
}

static void close_stream(struct frames *f) {
    if (asks_usage(f) && !f->act->no_finish) {
        buffer_append(f->out, f->head);
        buffer_byte(f->out, ']');
        put_usage(f, f->answer->output);
        buffer_append(f->out, SLICE("}\n\n"));
    }
    if (!f->act->no_done) buffer_append(f->out, SLICE("data: [DONE]\n\n"));
}

static void fail_stream(struct frames *f, const struct wire_error *e) {
    buffer_append(f->out, SLICE("data: "));
    write_error(e, f->out);
    buffer_append(f->out, SLICE("\n\n"));
    if (!f->act->no_done) buffer_append(f->out, SLICE("data: [DONE]\n\n"));
}

static void comment(struct frames *f) {
    buffer_append(f->out, SLICE(": keep-alive\n\n"));
}

const struct wire wire_chat = {
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
