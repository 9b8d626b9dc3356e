#include "dialect/openai.h"
#include "dialect/parts.h"
#include "dialect/target_call.h"

static enum fault check(const struct call *c, struct error *error) {
    enum fault f;
    if ((f = target_refuse(c->top_k, "top_k", error)) != FAULT_NONE) return f;
    return target_refuse(c->thinking_budget, "thinking", error);
}

/* ---- messages ---- */

static void put_image(struct json_writer *w, const struct part *p) {
    json_object(w);
    json_member_text(w, "type", "image_url");
    json_key(w, "image_url");
    json_object(w);
    if (!slice_is_null(p->url)) {
        json_member_string(w, "url", p->url);
    } else {
        json_key(w, "url");
        json_put_raw(w, SLICE("\"data:")); /* in pieces: the data may be megabytes */
        json_escape(w->out, p->media_type);
        buffer_append(w->out, SLICE(";base64,"));
        json_escape(w->out, p->data);
        buffer_byte(w->out, '"');
    }
    target_put_text(w, "detail", p->detail);
    json_object_end(w);
    json_object_end(w);
}

static unsigned count(const struct message *m, enum part_type type) {
    unsigned n = 0;
    for (unsigned i = 0; i < m->n_parts; i++) n += m->parts[i].type == type;
    return n;
}

/* Text parts of a message: one is a plain string, which every compatible server takes. */
static void put_texts(struct json_writer *w, const struct message *m) {
    unsigned n = count(m, PART_TEXT);
    json_key(w, "content");
    if (n == 0) json_put_null(w);
    if (n > 1) json_array(w);
    for (unsigned i = 0; i < m->n_parts; i++) {
        if (m->parts[i].type != PART_TEXT) continue;
        if (n == 1) json_put_string(w, m->parts[i].text);
        else parts_put_text(w, m->parts[i].text);
    }
    if (n > 1) json_array_end(w);
}

static void put_tool_calls(struct json_writer *w, const struct message *m) {
    if (count(m, PART_TOOL_CALL) == 0) return;
    json_key(w, "tool_calls");
    json_array(w);
    for (unsigned i = 0; i < m->n_parts; i++) {
        if (m->parts[i].type != PART_TOOL_CALL) continue;
        json_object(w);
        json_member_string(w, "id", m->parts[i].id);
        json_member_text(w, "type", "function");
        json_key(w, "function");
        json_object(w);
        json_member_string(w, "name", m->parts[i].name);
        json_member_string(w, "arguments", m->parts[i].arguments);
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
}

/* Thinking is dropped: nothing here can use it. A message of nothing else is left out. */
static void put_assistant(struct json_writer *w, const struct message *m) {
    if (count(m, PART_TEXT) + count(m, PART_TOOL_CALL) == 0) return;
    json_object(w);
    json_member_text(w, "role", "assistant");
    put_texts(w, m);
    put_tool_calls(w, m);
    json_object_end(w);
}

/* The wire has no mark for a failed tool, so its text says it. */
static void put_result(struct json_writer *w, const struct part *p) {
    bool says_so = slice_eq_nocase(slice_make(p->text.at, p->text.len < 5 ? p->text.len : 5), SLICE("error"));
    json_object(w);
    json_member_text(w, "role", "tool");
    json_member_string(w, "tool_call_id", p->id);
    json_key(w, "content");
    json_put_raw(w, SLICE("\""));
    if (p->is_error && !says_so) buffer_append(w->out, SLICE("Error: "));
    json_escape(w->out, p->text);
    buffer_byte(w->out, '"');
    json_object_end(w);
}

/* What is left of a user's turn when its tool results have become messages of their own. Images in results
 * come first in it: a tool's message has room for text alone. */
static void put_user(struct json_writer *w, const struct message *m) {
    unsigned in_results = 0, texts = count(m, PART_TEXT), images = count(m, PART_IMAGE);
    for (unsigned i = 0; i < m->n_parts; i++) in_results += m->parts[i].n_images;
    if (texts + images + in_results == 0 && m->n_parts > 0) return;
    json_object(w);
    json_member_text(w, "role", "user");
    if (images + in_results == 0 && texts == 1) {
        put_texts(w, m);
    } else {
        json_key(w, "content");
        json_array(w);
        for (unsigned i = 0; i < m->n_parts; i++)
            for (unsigned j = 0; j < m->parts[i].n_images; j++) put_image(w, &m->parts[i].images[j]);
        for (unsigned i = 0; i < m->n_parts; i++) {
            if (m->parts[i].type == PART_TEXT) parts_put_text(w, m->parts[i].text);
            if (m->parts[i].type == PART_IMAGE) put_image(w, &m->parts[i]);
        }
        json_array_end(w);
    }
    json_object_end(w);
}

static void put_messages(struct json_writer *w, const struct call *c) {
    json_key(w, "messages");
    json_array(w);
    if (!slice_is_null(c->system_text)) {
        json_object(w);
        json_member_text(w, "role", "system");
        json_member_string(w, "content", c->system_text);
        json_object_end(w);
    }
    for (unsigned i = 0; i < c->n_messages; i++) {
        const struct message *m = &c->messages[i];
        if (m->role == ROLE_SYSTEM) continue;
        if (m->role == ROLE_ASSISTANT) {
            put_assistant(w, m);
            continue;
        }
        for (unsigned j = 0; j < m->n_parts; j++)
            if (m->parts[j].type == PART_TOOL_RESULT) put_result(w, &m->parts[j]);
        put_user(w, m);
    }
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
        json_member_text(w, "type", "function");
        json_key(w, "function");
        json_object(w);
        json_member_string(w, "name", t->name);
        target_put_text(w, "description", t->description);
        target_put_raw(w, "parameters", t->schema);
        target_put_raw(w, "strict", t->strict);
        json_object_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    target_put_raw(w, "parallel_tool_calls", c->parallel_tools);
}

static void put_tool_choice(struct json_writer *w, const struct call *c) {
    static const char *const words[] = {
        [TOOL_CHOICE_AUTO] = "auto", [TOOL_CHOICE_NONE] = "none", [TOOL_CHOICE_REQUIRED] = "required"};
    if (c->tool_choice == TOOL_CHOICE_UNSET) return;
    if (c->tool_choice != TOOL_CHOICE_NAMED) {
        json_member_text(w, "tool_choice", words[c->tool_choice]);
        return;
    }
    json_key(w, "tool_choice");
    json_object(w);
    json_member_text(w, "type", "function");
    json_key(w, "function");
    json_object(w);
    json_member_string(w, "name", c->tool_choice_name);
    json_object_end(w);
    json_object_end(w);
}

/* strict, because Anthropic promises the schema always. */
static void put_format(struct json_writer *w, const struct call *c) {
    if (c->format != FORMAT_JSON_SCHEMA) return;
    json_key(w, "response_format");
    json_object(w);
    json_member_text(w, "type", "json_schema");
    json_key(w, "json_schema");
    json_object(w);
    json_member_string(w, "name", slice_is_null(c->schema_name) ? SLICE("response") : c->schema_name);
    json_member_raw(w, "schema", c->schema);
    json_member_raw(w, "strict", slice_is_null(c->schema_strict) ? SLICE("true") : c->schema_strict);
    json_object_end(w);
    json_object_end(w);
}

/* OpenAI's reasoning models know the new name alone, many compatible servers the old one alone. Routers write
 * the maker before a model's name: "openai/o3". */
const char *openai_limit_key(const struct target *target) {
    static const char *const reasoning[] = {"o1", "o3", "o4", "gpt-5"};
    const struct provider *p = target->provider;
    const char *slash = strrchr(target->model, '/'), *name = slash != NULL ? slash + 1 : target->model;
    bool newer =
        p->dialect == DIALECT_AZURE || slice_contains(slice_of(p->base_url), SLICE("://api.openai.com"));
    for (size_t i = 0; i < sizeof reasoning / sizeof reasoning[0]; i++)
        newer = newer || slice_starts(slice_of(name), slice_of(reasoning[i]));
    return newer ? "max_completion_tokens" : "max_tokens";
}

static void put_stream(struct json_writer *w, const struct call *c, const struct provider *p) {
    if (!c->stream) return;
    json_member_bool(w, "stream", true);
    if (p->stream_usage) json_member_raw(w, "stream_options", SLICE("{\"include_usage\":true}"));
}

enum fault openai_write_call(const struct call *call, const struct target *target, struct buffer *out,
                             struct error *error) {
    struct json_writer writer, *w = &writer;
    enum fault f = check(call, error);
    if (f != FAULT_NONE) return f;
    json_start(w, out);
    json_object(w);
    json_member_text(w, "model", target->model);
    put_messages(w, call);
    int64_t limit = call->max_tokens >= 0 ? call->max_tokens : target_added_limit(call, target);
    if (limit >= 0) json_member_i64(w, openai_limit_key(target), limit);
    put_tools(w, call);
    put_tool_choice(w, call);
    put_format(w, call);
    target_put_raw(w, "temperature", call->temperature);
    target_put_raw(w, "top_p", call->top_p);
    target_put_texts(w, "stop", call->stop, call->n_stop);
    target_put_text(w, "user", call->end_user);
    put_stream(w, call, target->provider);
    json_object_end(w);
    if (!out->overflow) return FAULT_NONE;
    return error_set(error, FAULT_TOO_LARGE, "the translated request is over %zu bytes", out->max);
}
