#include "dialect/anthropic.h"
#include "dialect/parts.h"
#include "dialect/target_call.h"

enum { MAX_TOKENS_DEFAULT = 4096 }; /* the field is required; every model has at least this */

static enum fault check(const struct call *c, struct error *error) {
    double temperature;
    enum fault f;
    if ((f = target_refuse_unless(c->n, 1, "n", error)) != FAULT_NONE) return f;
    if ((f = target_refuse(c->seed, "seed", error)) != FAULT_NONE) return f;
    if ((f = target_refuse_unless(c->frequency_penalty, 0, "frequency_penalty", error)) != FAULT_NONE)
        return f;
    if ((f = target_refuse_unless(c->presence_penalty, 0, "presence_penalty", error)) != FAULT_NONE) return f;
    if (!slice_is(c->reasoning_effort, "none") &&
        (f = target_refuse(c->reasoning_effort, "reasoning_effort", error)) != FAULT_NONE)
        return f;
    if (slice_to_double(c->temperature, &temperature) && temperature > 1)
        return error_set(error, FAULT_UNTRANSLATABLE,
                         "temperature: expected at most 1 for the target, found " SLICE_FMT,
                         SLICE_ARG(c->temperature));
    if (c->format == FORMAT_JSON_OBJECT)
        return error_set(error, FAULT_UNTRANSLATABLE,
                         "response_format: json_object has no counterpart at the target; json_schema has");
    return FAULT_NONE;
}

/* ---- messages ---- */

/* Ids have letters, digits, _ and - alone here; calls and their results change in the same way. */
static void put_id(struct json_writer *w, const char *key, struct slice id) {
    json_key(w, key);
    json_put_raw(w, SLICE("\""));
    for (size_t i = 0; i < id.len; i++) {
        char c = id.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '-';
        buffer_byte(w->out, plain ? c : '_');
    }
    buffer_byte(w->out, '"');
}

static void put_image(struct json_writer *w, const struct part *p) {
    json_object(w);
    json_member_text(w, "type", "image");
    json_key(w, "source");
    json_object(w);
    if (slice_is_null(p->url)) {
        json_member_text(w, "type", "base64");
        json_member_string(w, "media_type", p->media_type);
        json_member_string(w, "data", p->data);
    } else {
        json_member_text(w, "type", "url");
        json_member_string(w, "url", p->url);
    }
    json_object_end(w);
    json_object_end(w);
}

static void put_result(struct json_writer *w, const struct part *p) {
    json_object(w);
    json_member_text(w, "type", "tool_result");
    put_id(w, "tool_use_id", p->id);
    if (p->n_images == 0) {
        target_put_text(w, "content", p->text);
    } else {
        json_key(w, "content");
        json_array(w);
        if (p->text.len > 0) parts_put_text(w, p->text);
        for (unsigned i = 0; i < p->n_images; i++) put_image(w, &p->images[i]);
        json_array_end(w);
    }
    if (p->is_error) json_member_bool(w, "is_error", true);
    json_object_end(w);
}

static void put_use(struct json_writer *w, const struct part *p) {
    json_object(w);
    json_member_text(w, "type", "tool_use");
    put_id(w, "id", p->id);
    json_member_string(w, "name", p->name);
    json_key(w, "input");
    parts_put_arguments(w, p->arguments);
    json_object_end(w);
}

static void put_block(struct json_writer *w, const struct part *p) {
    switch (p->type) {
    case PART_TEXT:
    case PART_REFUSAL: parts_put_text(w, p->text); break;
    case PART_IMAGE: put_image(w, p); break;
    case PART_TOOL_CALL: put_use(w, p); break;
    case PART_TOOL_RESULT: put_result(w, p); break;
    case PART_THINKING: break;
    }
}

/* Empty texts are refused here and say nothing; thinking without its signature is refused too. */
static bool has_block(const struct part *p) {
    if (p->type == PART_THINKING) return false;
    return (p->type != PART_TEXT && p->type != PART_REFUSAL) || p->text.len > 0;
}

static void close_turn(struct json_writer *w, bool *open) {
    if (*open) {
        json_array_end(w);
        json_object_end(w);
    }
    *open = false;
}

static void open_turn(struct json_writer *w, bool *open, bool assistant) {
    if (*open) return;
    *open = true;
    json_object(w);
    json_member_text(w, "role", assistant ? "assistant" : "user");
    json_key(w, "content");
    json_array(w);
}

/* Turns: tool results are the user's, all results of one turn stand in one message, and messages of the same
 * role become one, as the API would do itself. Messages that say nothing are left out. */
static void put_messages(struct json_writer *w, const struct call *c) {
    bool open = false, assistant = false;
    json_key(w, "messages");
    json_array(w);
    for (unsigned i = 0; i < c->n_messages; i++) {
        const struct message *m = &c->messages[i];
        if (m->role == ROLE_SYSTEM) continue;
        for (unsigned j = 0; j < m->n_parts; j++) {
            if (!has_block(&m->parts[j])) continue;
            if (assistant != (m->role == ROLE_ASSISTANT)) close_turn(w, &open);
            assistant = m->role == ROLE_ASSISTANT;
            open_turn(w, &open, assistant);
            put_block(w, &m->parts[j]);
        }
    }
    close_turn(w, &open);
    json_array_end(w);
}

/* ---- tools and the rest ---- */

static void put_tools(struct json_writer *w, const struct call *c) {
    if (c->n_tools == 0) return;
    json_key(w, "tools");
    json_array(w);
    for (unsigned i = 0; i < c->n_tools; i++) {
        const struct tool *t = &c->tools[i];
        json_object(w);
        json_member_string(w, "name", t->name);
        target_put_text(w, "description", t->description);
        json_member_raw(w, "input_schema",
                        slice_is_null(t->schema) ? SLICE("{\"type\":\"object\",\"properties\":{}}")
                                                 : t->schema);
        if (slice_is(t->strict, "true")) json_member_bool(w, "strict", true);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_tool_choice(struct json_writer *w, const struct call *c) {
    static const char *const words[] = {
        [TOOL_CHOICE_UNSET] = "auto",   [TOOL_CHOICE_AUTO] = "auto",  [TOOL_CHOICE_NONE] = "none",
        [TOOL_CHOICE_REQUIRED] = "any", [TOOL_CHOICE_NAMED] = "tool",
    };
    bool one_at_a_time =
        slice_is(c->parallel_tools, "false") && c->n_tools > 0 && c->tool_choice != TOOL_CHOICE_NONE;
    if (c->tool_choice == TOOL_CHOICE_UNSET && !one_at_a_time) return;
    json_key(w, "tool_choice");
    json_object(w);
    json_member_text(w, "type", words[c->tool_choice]);
    if (c->tool_choice == TOOL_CHOICE_NAMED) json_member_string(w, "name", c->tool_choice_name);
    if (one_at_a_time) json_member_bool(w, "disable_parallel_tool_use", true);
    json_object_end(w);
}

static void put_format(struct json_writer *w, const struct call *c) {
    if (c->format != FORMAT_JSON_SCHEMA) return;
    json_key(w, "output_config");
    json_object(w);
    json_key(w, "format");
    json_object(w);
    json_member_text(w, "type", "json_schema");
    json_member_raw(w, "schema", c->schema);
    json_object_end(w);
    json_object_end(w);
}

static void put_user(struct json_writer *w, const struct call *c) {
    if (slice_is_null(c->end_user)) return;
    json_key(w, "metadata");
    json_object(w);
    json_member_string(w, "user_id", c->end_user);
    json_object_end(w);
}

/* A cap only lowers what a call without a limit would get. */
static int64_t limit_of(const struct call *c, const struct target *t) {
    int64_t most = t->max_output > 0 ? t->max_output : MAX_TOKENS_DEFAULT, added = target_added_limit(c, t);
    if (c->max_tokens >= 0) return c->max_tokens;
    return added >= 0 && added < most ? added : most;
}

enum fault anthropic_write_call(const struct call *call, const struct target *target, struct buffer *out,
                                struct error *error) {
    struct json_writer writer, *w = &writer;
    enum fault f = check(call, error);
    if (f != FAULT_NONE) return f;
    json_start(w, out);
    json_object(w);
    json_member_text(w, "model", target->model);
    json_member_i64(w, "max_tokens", limit_of(call, target));
    if (call->system_text.len > 0) json_member_string(w, "system", call->system_text);
    put_messages(w, call);
    put_tools(w, call);
    put_tool_choice(w, call);
    put_format(w, call);
    target_put_raw(w, "temperature", call->temperature);
    target_put_raw(w, "top_p", call->top_p);
    target_put_raw(w, "top_k", call->top_k);
    target_put_texts(w, "stop_sequences", call->stop, call->n_stop);
    put_user(w, call);
    if (call->stream) json_member_bool(w, "stream", true);
    json_object_end(w);
    if (!out->overflow) return FAULT_NONE;
    return error_set(error, FAULT_TOO_LARGE, "the translated request is over %zu bytes", out->max);
}
