/* A prompt as Anthropic's messages say it, and as OpenAI's responses do. Prompts are written with the names of OpenAI's chat
 * completions; those that mean the same elsewhere are said as they are said there, names that are not listed stay. */
#include "dialect/prompted_form.h"

/* ---- texts ---- */

/* A part of a list of content, {"type": "text", "text": ...}: the node of its text. */
static uint32_t part_text(const struct served_message *m, uint32_t part) {
    const struct json_doc *d = &m->parts;
    uint32_t text = json_get(d, part, "text");
    return json_is(d, json_get(d, part, "type"), "text") && json_type(d, text) == JSON_STRING ? text : JSON_NONE;
}

static void put_part_text(struct form *f, const struct served_message *m, uint32_t text) {
    struct slice raw = json_raw(&m->parts, text);
    if (m->part_texts[text].n > 0) form_text(f, &m->part_texts[text]);
    else tape_piece(&f->tape, slice_make(raw.at + 1, raw.len - 2), m->parts.nodes[text].escaped);
}

static void put_break(struct form *f, bool *any) {
    if (*any) tape_piece(&f->tape, SLICE("\\n\\n"), true);
    *any = true;
}

/* All system text of the prompt, inside of one string. */
static enum fault put_system(struct form *f, bool *any) {
    for (unsigned i = 0; i < f->v->prompt.n_messages; i++) {
        const struct served_message *m = &f->v->messages[i];
        uint32_t cursor = JSON_NONE, part;
        if (!form_is_system(m)) continue;
        if (m->parts.count == 0) {
            put_break(f, any);
            form_text(f, &m->text);
        }
        while (json_each_item(&m->parts, 0, &cursor, &part)) {
            if (part_text(m, part) == JSON_NONE) return form_cannot(f, "a part of its message of role", m->role);
            put_break(f, any);
            put_part_text(f, m, part_text(m, part));
        }
    }
    return FAULT_NONE;
}

static bool has_system(const struct form *f) {
    for (unsigned i = 0; i < f->v->prompt.n_messages; i++)
        if (form_is_system(&f->v->messages[i])) return true;
    return false;
}

/* The prompt's system text, then the client's own, which is a text, blocks, or not there. */
static enum fault form_system(struct form *f, const char *name) {
    const struct json_doc *d = &f->p->doc;
    struct json_tape *t = &f->tape;
    uint32_t own = f->p->at[PROMPTED_SYSTEM];
    bool blocks = json_type(d, own) == JSON_ARRAY, any = false;
    if (!has_system(f)) return FAULT_NONE; /* the client's stays where it is */
    form_take(f, name);
    tape_key(t, slice_of(name));
    if (blocks) {
        tape_array(t);
        tape_object(t);
        tape_key(t, SLICE("type"));
        tape_text(t, SLICE("text"));
        tape_key(t, SLICE("text"));
    }
    tape_string(t);
    enum fault fault = put_system(f, &any);
    if (json_type(d, own) == JSON_STRING && json_raw(d, own).len > 2) {
        struct slice raw = json_raw(d, own);
        put_break(f, &any);
        tape_piece(t, slice_make(raw.at + 1, raw.len - 2), d->nodes[own].escaped);
    }
    tape_string_end(t);
    if (!blocks) return fault;
    tape_close(t);
    tape_copy_items(t, d, own);
    tape_close(t);
    return fault;
}

static enum fault form_message(struct form *f, const struct served_message *m, const char *part_type) {
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, part;
    if (!slice_is(m->role, "user") && !slice_is(m->role, "assistant")) return form_cannot(f, "its message of role", m->role);
    tape_object(t);
    tape_key(t, SLICE("role"));
    tape_text(t, m->role);
    tape_key(t, SLICE("content"));
    if (m->parts.count == 0) {
        tape_string(t);
        form_text(f, &m->text);
        tape_string_end(t);
        tape_close(t);
        return FAULT_NONE;
    }
    tape_array(t);
    while (json_each_item(&m->parts, 0, &cursor, &part)) {
        if (part_text(m, part) == JSON_NONE) return form_cannot(f, "a part of its message of role", m->role);
        tape_object(t);
        tape_key(t, SLICE("type"));
        tape_text(t, slice_of(part_type));
        tape_key(t, SLICE("text"));
        tape_string(t);
        put_part_text(f, m, part_text(m, part));
        tape_string_end(t);
        tape_close(t);
    }
    tape_close(t);
    tape_close(t);
    return FAULT_NONE;
}

/* ---- parameters ---- */

enum how { AS_IT_IS, AS_LIST, AS_EFFORT, AS_FORMAT, AS_CHOICE };
struct mapping {
    const char *name;      /* in a chat completion */
    const char *anthropic, *responses; /* NULL: has no counterpart */
    enum how how;
};
static const struct mapping mappings[] = {
    {"max_tokens", "max_tokens", "max_output_tokens", AS_IT_IS},
    {"max_completion_tokens", "max_tokens", "max_output_tokens", AS_IT_IS},
    {"max_output_tokens", "max_tokens", "max_output_tokens", AS_IT_IS},
    {"stop", "stop_sequences", NULL, AS_LIST},
    {"reasoning_effort", NULL, "reasoning", AS_EFFORT},
    {"response_format", NULL, "text", AS_FORMAT},
    {"tool_choice", "tool_choice", "tool_choice", AS_CHOICE},
    {"parallel_tool_calls", NULL, "parallel_tool_calls", AS_IT_IS},
    {"top_logprobs", NULL, "top_logprobs", AS_IT_IS},
    {"frequency_penalty", NULL, NULL, AS_IT_IS},
    {"presence_penalty", NULL, NULL, AS_IT_IS},
    {"logit_bias", NULL, NULL, AS_IT_IS},
    {"logprobs", NULL, NULL, AS_IT_IS},
    {"seed", NULL, NULL, AS_IT_IS},
    {"n", NULL, NULL, AS_IT_IS},
};

static void copy_members(struct form *f, const struct json_doc *d, uint32_t object) {
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(d, object, &cursor, &key, &value)) tape_copy_member(&f->tape, d, key);
}

/* {"type": `type`, "name": ...} */
static void put_named(struct form *f, const char *type, const struct json_doc *d, uint32_t name) {
    struct json_tape *t = &f->tape;
    tape_object(t);
    tape_key(t, SLICE("type"));
    tape_text(t, slice_of(type));
    if (name != JSON_NONE) {
        tape_key(t, SLICE("name"));
        tape_copy(t, d, name);
    }
    tape_close(t);
}

static void put_choice(struct form *f, const struct json_doc *d, uint32_t value) {
    bool anthropic = f->p->wire == WIRE_ANTHROPIC;
    uint32_t name = json_get(d, json_get(d, value, "function"), "name");
    if (name != JSON_NONE) put_named(f, anthropic ? "tool" : "function", d, name);
    else if (anthropic && json_is(d, value, "auto")) put_named(f, "auto", d, JSON_NONE);
    else if (anthropic && json_is(d, value, "required")) put_named(f, "any", d, JSON_NONE);
    else if (anthropic && json_is(d, value, "none")) put_named(f, "none", d, JSON_NONE);
    else tape_copy(&f->tape, d, value);
}

/* {"format": {"type": "json_schema", ...}}, whose members a chat completion has one level deeper. */
static void put_format(struct form *f, const struct json_doc *d, uint32_t value) {
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, key, member;
    tape_object(t);
    tape_key(t, SLICE("format"));
    tape_object(t);
    while (json_each_member(d, value, &cursor, &key, &member)) {
        if (json_is(d, key, "json_schema") && json_type(d, member) == JSON_OBJECT) copy_members(f, d, member);
        else tape_copy_member(t, d, key);
    }
    tape_close(t);
    tape_close(t);
}

static void put_mapped(struct form *f, enum how how, const struct json_doc *d, uint32_t value) {
    struct json_tape *t = &f->tape;
    if (how == AS_LIST && json_type(d, value) == JSON_STRING) {
        tape_array(t);
        tape_copy(t, d, value);
        tape_close(t);
    } else if (how == AS_EFFORT) {
        tape_object(t);
        tape_key(t, SLICE("effort"));
        tape_copy(t, d, value);
        tape_close(t);
    } else if (how == AS_FORMAT) {
        put_format(f, d, value);
    } else if (how == AS_CHOICE) {
        put_choice(f, d, value);
    } else {
        tape_copy(t, d, value);
    }
}

/* Counting takes nothing that only steers the answer. */
static bool is_asked(const struct form *f, const char *name) {
    return f->p->endpoint != ENDPOINT_COUNT_TOKENS || strcmp(name, "tool_choice") == 0 || strcmp(name, "thinking") == 0;
}

static enum fault form_parameter(struct form *f, uint32_t key, uint32_t value) {
    const struct json_doc *d = &f->v->parameters;
    struct slice name = json_string(d, key, f->arena);
    for (unsigned i = 0; i < sizeof mappings / sizeof mappings[0]; i++) {
        const struct mapping *m = &mappings[i];
        if (!slice_is(name, m->name)) continue;
        const char *here = f->p->wire == WIRE_ANTHROPIC ? m->anthropic : m->responses;
        if (here == NULL && f->p->endpoint == ENDPOINT_COUNT_TOKENS) return FAULT_NONE;
        if (here == NULL) return form_cannot(f, "its parameter", name);
        if (!is_asked(f, here)) return FAULT_NONE;
        form_take(f, here);
        tape_key(&f->tape, slice_of(here));
        put_mapped(f, m->how, d, value);
        return FAULT_NONE;
    }
    if (f->p->endpoint == ENDPOINT_COUNT_TOKENS && !slice_is(name, "thinking")) return FAULT_NONE;
    tape_copy_member(&f->tape, d, key);
    f->taken[f->n_taken++] = name;
    return FAULT_NONE;
}

/* ---- tools ---- */

static void put_anthropic_tool(struct form *f, const struct json_doc *d, uint32_t function) {
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, key, value;
    bool schema = false;
    tape_object(t);
    while (json_each_member(d, function, &cursor, &key, &value)) {
        if (json_is(d, key, "parameters")) {
            schema = true;
            tape_key(t, SLICE("input_schema"));
            tape_copy(t, d, value);
        } else if (json_is(d, key, "name") || json_is(d, key, "description")) {
            tape_copy_member(t, d, key);
        }
    }
    if (!schema) { /* a function without parameters */
        tape_key(t, SLICE("input_schema"));
        put_named(f, "object", d, JSON_NONE);
    }
    tape_close(t);
}

/* One that is no function of a chat completion is said in the client's dialect already. */
static void form_tools(struct form *f) {
    const struct json_doc *d = &f->v->tools;
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, tool;
    if (d->count == 0) return;
    tape_key(t, SLICE("tools"));
    tape_array(t);
    while (json_each_item(d, 0, &cursor, &tool)) {
        uint32_t function = json_get(d, tool, "function");
        if (json_type(d, function) != JSON_OBJECT) {
            tape_copy(t, d, tool);
        } else if (f->p->wire == WIRE_ANTHROPIC) {
            put_anthropic_tool(f, d, function);
        } else {
            tape_object(t);
            tape_key(t, SLICE("type"));
            tape_text(t, SLICE("function"));
            copy_members(f, d, function);
            tape_close(t);
        }
    }
    tape_close(t);
}

/* ---- the two ---- */

static enum fault form_rest(struct form *f) {
    const struct json_doc *d = &f->v->parameters;
    uint32_t cursor = JSON_NONE, key, value;
    enum fault fault = FAULT_NONE;
    while (fault == FAULT_NONE && json_each_member(d, 0, &cursor, &key, &value)) fault = form_parameter(f, key, value);
    if (fault == FAULT_NONE) form_tools(f);
    return fault;
}

enum fault form_anthropic(struct form *f) {
    struct json_tape *t = &f->tape;
    enum fault fault = form_system(f, "system");
    form_take(f, "messages");
    tape_key(t, SLICE("messages"));
    tape_array(t);
    for (unsigned i = 0; fault == FAULT_NONE && i < f->v->prompt.n_messages; i++)
        if (!form_is_system(&f->v->messages[i])) fault = form_message(f, &f->v->messages[i], "text");
    if (json_type(&f->p->doc, f->p->at[PROMPTED_MESSAGES]) == JSON_ARRAY) tape_copy_items(t, &f->p->doc, f->p->at[PROMPTED_MESSAGES]);
    tape_close(t);
    return fault == FAULT_NONE ? form_rest(f) : fault;
}

enum fault form_responses(struct form *f) {
    const struct json_doc *d = &f->p->doc;
    struct json_tape *t = &f->tape;
    uint32_t own = f->p->at[PROMPTED_MESSAGES];
    enum fault fault = form_system(f, "instructions");
    form_take(f, "input");
    tape_key(t, SLICE("input"));
    tape_array(t);
    for (unsigned i = 0; fault == FAULT_NONE && i < f->v->prompt.n_messages; i++) {
        const struct served_message *m = &f->v->messages[i];
        if (!form_is_system(m)) fault = form_message(f, m, slice_is(m->role, "assistant") ? "output_text" : "input_text");
    }
    if (json_type(d, own) == JSON_STRING) { /* a text alone is what the user says */
        tape_object(t);
        tape_key(t, SLICE("role"));
        tape_text(t, SLICE("user"));
        tape_key(t, SLICE("content"));
        tape_copy(t, d, own);
        tape_close(t);
    } else if (json_type(d, own) == JSON_ARRAY) {
        tape_copy_items(t, d, own);
    }
    tape_close(t);
    return fault == FAULT_NONE ? form_rest(f) : fault;
}
