/* See prompted.h. */
#include "dialect/prompted.h"

#include "dialect/head.h"
#include "dialect/prompted_form.h"

enum { SHOWN = 80 };

static int shown(struct slice s) {
    size_t n = s.len < SHOWN ? s.len : SHOWN;
    while (n > 0 && n < s.len && ((unsigned char)s.at[n] & 0xC0) == 0x80) n--;
    return (int)n;
}

/* ---- reading ---- */

static const struct field chat_fields[PROMPTED_FIELDS] = {FIELD("prompt_variables"), FIELD("messages"), FIELD("-"), FIELD("user")};
static const struct field responses_fields[PROMPTED_FIELDS] = {FIELD("prompt_variables"), FIELD("input"), FIELD("instructions"), FIELD("user")};
static const struct field anthropic_fields[PROMPTED_FIELDS] = {FIELD("prompt_variables"), FIELD("messages"), FIELD("system"), FIELD("metadata")};

static const struct field *fields_of(const struct prompted *p) {
    if (p->wire == WIRE_ANTHROPIC) return anthropic_fields;
    return p->endpoint == ENDPOINT_RESPONSES ? responses_fields : chat_fields;
}

static enum fault check_types(const struct prompted *p, struct arena *arena, struct error *error) {
    const struct json_doc *d = &p->doc;
    uint32_t variables = p->at[PROMPTED_VARIABLES], messages = p->at[PROMPTED_MESSAGES], system = p->at[PROMPTED_SYSTEM];
    bool responses = p->endpoint == ENDPOINT_RESPONSES;
    enum json_type t = json_type(d, messages);
    if (!fields_is_null(d, variables) && json_type(d, variables) != JSON_OBJECT) return fields_expected(d, variables, "an object", arena, error);
    if (t > JSON_NULL && t != JSON_ARRAY && !(responses && t == JSON_STRING))
        return fields_expected(d, messages, responses ? "a string or an array" : "an array", arena, error);
    t = json_type(d, system);
    if (t > JSON_NULL && t != JSON_STRING && (responses || t != JSON_ARRAY))
        return fields_expected(d, system, responses ? "a string" : "a string or an array", arena, error);
    return FAULT_NONE;
}

enum fault prompted_read(const struct dialect *client, enum endpoint e, struct slice body, struct arena *arena, struct prompted *ret,
                         struct error *error) {
    struct prompted p = {.wire = client->wire, .endpoint = e};
    if (e != ENDPOINT_CHAT && e != ENDPOINT_RESPONSES && e != ENDPOINT_COUNT_TOKENS)
        return error_set(error, FAULT_BAD_REQUEST, "header x-quarterdeck-prompt: %s take no prompt", endpoint_name(e));
    enum fault f = json_read(body, arena, UINT16_MAX, &p.doc, error);
    if (f != FAULT_NONE) return f;
    if (json_type(&p.doc, 0) != JSON_OBJECT) return fields_expected(&p.doc, 0, "an object", arena, error);
    f = head_once(fields_find(&p.doc, 0, fields_of(&p), PROMPTED_FIELDS, p.at), fields_of(&p), error);
    if (f == FAULT_NONE) f = check_types(&p, arena, error);
    if (f != FAULT_NONE) return f;
    uint32_t user = p.wire == WIRE_ANTHROPIC ? json_get(&p.doc, p.at[PROMPTED_USER], "user_id") : p.at[PROMPTED_USER];
    p.end_user = json_string(&p.doc, user, arena);
    *ret = p;
    return FAULT_NONE;
}

/* ---- variables ---- */

static enum fault unknown_variable(struct form *f, struct slice name) {
    const struct served_version *v = f->v;
    struct slice near = SLICE_NULL;
    unsigned least = name.len < 3 ? 2 : (unsigned)name.len / 3 + 1;
    for (unsigned i = 0; i < v->n_variables; i++) {
        unsigned far = slice_distance(name, v->variables[i].name);
        if (far >= least) continue;
        least = far;
        near = v->variables[i].name;
    }
    if (near.at == NULL)
        return error_set(f->error, FAULT_UNKNOWN_VARIABLE, "prompt_variables: prompt `" SLICE_FMT "@%s` has no variable `%.*s`", SLICE_ARG(f->name), v->text,
                         shown(name), name.at ? name.at : "");
    return error_set(f->error, FAULT_UNKNOWN_VARIABLE, "prompt_variables: prompt `" SLICE_FMT "@%s` has no variable `%.*s`; did you mean `%.*s`?",
                     SLICE_ARG(f->name), v->text, shown(name), name.at ? name.at : "", shown(near), near.at);
}

static int64_t code_points(struct slice s) {
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return n;
}

/* Two halves of a surrogate pair must not meet where two values do: then each is what a reader makes of it alone. */
static bool has_surrogate(struct slice s) {
    return memmem(s.at, s.len, "\\ud", 3) != NULL || memmem(s.at, s.len, "\\uD", 3) != NULL;
}

static struct slice escape_again(struct form *f, struct slice text) {
    struct buffer out;
    buffer_init(&out, f->arena->max);
    json_escape(&out, text);
    struct slice copy = out.overflow ? SLICE_NULL : arena_slice(f->arena, slice_make(buffer_text(&out), out.len));
    buffer_deinit(&out);
    return copy;
}

static enum fault read_value(struct form *f, const struct served_variable *var, uint32_t node, struct prompted_value *ret) {
    const struct json_doc *d = &f->p->doc;
    enum json_type t = json_type(d, node);
    struct slice raw = json_raw(d, node);
    if (t != JSON_STRING && t != JSON_NUMBER && t != JSON_TRUE && t != JSON_FALSE)
        return error_set(f->error, FAULT_BAD_REQUEST, "prompt_variables.%.*s: expected a text, a number or a boolean, found %s", shown(var->name), var->name.at,
                         fields_type_name(t));
    struct prompted_value value = {raw, false};
    if (t == JSON_STRING) value = (struct prompted_value){slice_make(raw.at + 1, raw.len - 2), d->nodes[node].escaped};
    if (var->max_chars >= 0 && value.json.len > (uint64_t)var->max_chars) { /* no character is shorter than a byte */
        int64_t n = code_points(value.escaped ? json_string(d, node, f->arena) : value.json);
        if (n > var->max_chars)
            return error_set(f->error, FAULT_LONG_VARIABLE, "prompt_variables.%.*s: it has %lld characters, and the prompt allows %lld", shown(var->name),
                             var->name.at, (long long)n, (long long)var->max_chars);
    }
    if (value.escaped && has_surrogate(value.json)) {
        value.json = escape_again(f, json_string(d, node, f->arena));
        value.escaped = value.json.at != NULL && memchr(value.json.at, '\\', value.json.len) != NULL;
    }
    *ret = value;
    return FAULT_NONE;
}

static enum fault read_given(struct form *f, uint32_t key, uint32_t node) {
    const struct served_version *v = f->v;
    struct slice name = json_string(&f->p->doc, key, f->arena);
    unsigned i = 0;
    while (i < v->n_variables && !slice_eq(v->variables[i].name, name)) i++;
    if (i == v->n_variables) return unknown_variable(f, name);
    if (f->values[i].json.at != NULL)
        return error_set(f->error, FAULT_BAD_REQUEST, "prompt_variables.%.*s: given twice; which one counts is not defined", shown(name), name.at);
    return read_value(f, &v->variables[i], node, &f->values[i]);
}

static enum fault read_variables(struct form *f) {
    const struct served_version *v = f->v;
    uint32_t cursor = JSON_NONE, key, node;
    enum fault fault = FAULT_NONE;
    f->values = arena_new_array(f->arena, struct prompted_value, v->n_variables + 1);
    if (f->values == NULL) return head_check_arena(f->arena, f->error);
    while (fault == FAULT_NONE && json_each_member(&f->p->doc, f->p->at[PROMPTED_VARIABLES], &cursor, &key, &node)) fault = read_given(f, key, node);
    for (unsigned i = 0; fault == FAULT_NONE && i < v->n_variables; i++) {
        const struct served_variable *var = &v->variables[i];
        if (f->values[i].json.at != NULL) continue;
        if (var->required)
            return error_set(f->error, FAULT_NO_VARIABLE, "prompt `" SLICE_FMT "@%s` requires the variable `%.*s`: give it in prompt_variables", SLICE_ARG(f->name),
                             v->text, shown(var->name), var->name.at);
        f->values[i] = (struct prompted_value){var->fallback, var->fallback_escaped};
    }
    return fault != FAULT_NONE ? fault : head_check_arena(f->arena, f->error);
}

/* ---- writing ---- */

void form_take(struct form *f, const char *name) {
    f->taken[f->n_taken++] = slice_of(name);
}

enum fault form_cannot(struct form *f, const char *what, struct slice which) {
    return error_set(f->error, FAULT_UNTRANSLATABLE, "prompt `" SLICE_FMT "@%s`: %s `%.*s` has no counterpart in %s", SLICE_ARG(f->name), f->v->text, what,
                     shown(which), which.at ? which.at : "", f->p->wire == WIRE_ANTHROPIC ? "Anthropic's messages" : "OpenAI's responses");
}

bool form_is_system(const struct served_message *m) {
    return slice_is(m->role, "system") || slice_is(m->role, "developer");
}

void form_text(struct form *f, const struct served_text *t) {
    for (unsigned i = 0; i < t->n; i++) {
        const struct served_piece *piece = &t->pieces[i];
        tape_piece(&f->tape, piece->json, t->escaped);
        if (piece->variable >= 0) tape_piece(&f->tape, f->values[piece->variable].json, f->values[piece->variable].escaped);
    }
}

/* A list of parts: strings with variables filled in, each within itself. */
static void copy_filled(struct form *f, const struct served_message *m, uint32_t node) {
    const struct json_doc *d = &m->parts;
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, key, value;
    if (m->part_texts[node].n > 0) {
        tape_string(t);
        form_text(f, &m->part_texts[node]);
        tape_string_end(t);
    } else if (json_type(d, node) == JSON_ARRAY) {
        tape_array(t);
        while (json_each_item(d, node, &cursor, &value)) copy_filled(f, m, value);
        tape_close(t);
    } else if (json_type(d, node) == JSON_OBJECT) {
        tape_object(t);
        while (json_each_member(d, node, &cursor, &key, &value)) {
            tape_copy_key(t, d, key);
            copy_filled(f, m, value);
        }
        tape_close(t);
    } else {
        tape_copy(t, d, node);
    }
}

static void chat_message(struct form *f, const struct served_message *m) {
    struct json_tape *t = &f->tape;
    tape_object(t);
    tape_key(t, SLICE("role"));
    tape_text(t, m->role);
    tape_key(t, SLICE("content"));
    if (m->parts.count > 0) {
        copy_filled(f, m, 0);
    } else {
        tape_string(t);
        form_text(f, &m->text);
        tape_string_end(t);
    }
    tape_close(t);
}

/* Of two names of one limit the prompt's is the only one. */
static void take_limits(struct form *f, const struct json_doc *d, uint32_t key) {
    if (json_is(d, key, "max_tokens")) form_take(f, "max_completion_tokens");
    if (json_is(d, key, "max_completion_tokens")) form_take(f, "max_tokens");
}

static enum fault form_chat(struct form *f) {
    const struct served_version *v = f->v;
    struct json_tape *t = &f->tape;
    uint32_t cursor = JSON_NONE, key, value;
    tape_key(t, SLICE("messages"));
    tape_array(t);
    for (unsigned i = 0; i < v->prompt.n_messages; i++) chat_message(f, &v->messages[i]);
    if (json_type(&f->p->doc, f->p->at[PROMPTED_MESSAGES]) == JSON_ARRAY) tape_copy_items(t, &f->p->doc, f->p->at[PROMPTED_MESSAGES]);
    tape_close(t);
    form_take(f, "messages");
    while (json_each_member(&v->parameters, 0, &cursor, &key, &value)) {
        tape_copy_member(t, &v->parameters, key);
        f->taken[f->n_taken++] = json_string(&v->parameters, key, f->arena);
        take_limits(f, &v->parameters, key);
    }
    if (v->tools.count > 0) {
        tape_key(t, SLICE("tools"));
        tape_copy(t, &v->tools, 0);
    }
    return FAULT_NONE;
}

static bool is_taken(const struct form *f, uint32_t key) {
    const struct json_doc *d = &f->p->doc;
    struct slice raw = json_raw(d, key), name = slice_make(raw.at + 1, raw.len - 2);
    if (d->nodes[key].escaped) name = json_string(d, key, f->arena); /* "mod\u0065l" is model too */
    for (unsigned i = 0; i < f->n_taken; i++)
        if (slice_eq(f->taken[i], name)) return true;
    return false;
}

static enum fault write_form(struct form *f) {
    const struct served_version *v = f->v;
    struct json_tape *t = &f->tape;
    const struct json_doc *d = &f->p->doc;
    uint32_t cursor = JSON_NONE, key, value;
    form_take(f, "prompt_variables");
    tape_object(t);
    if (v->model.at != NULL) {
        tape_key(t, SLICE("model"));
        tape_string(t);
        tape_piece(t, v->model, v->model_escaped);
        tape_string_end(t);
        form_take(f, "model");
    }
    static const char *const of_tools[] = {"tools", "tool_choice", "functions", "function_call"};
    for (unsigned i = 0; v->tools.count > 0 && i < sizeof of_tools / sizeof of_tools[0]; i++) form_take(f, of_tools[i]);
    enum fault fault = f->p->wire == WIRE_ANTHROPIC ? form_anthropic(f) : f->p->endpoint == ENDPOINT_RESPONSES ? form_responses(f) : form_chat(f);
    while (fault == FAULT_NONE && json_each_member(d, 0, &cursor, &key, &value))
        if (!is_taken(f, key)) tape_copy_member(t, d, key);
    tape_close(t);
    return fault;
}

enum fault prompted_write(const struct prompted *p, const struct served_version *v, struct slice name, struct arena *arena, struct buffer *out,
                          struct json_doc *ret, struct error *error) {
    struct form f = {.p = p, .v = v, .name = name, .arena = arena, .error = error};
    f.taken = arena_new_array(arena, struct slice, FORM_TAKEN + 2 * json_size(&v->parameters, 0));
    if (f.taken == NULL) return head_check_arena(arena, error);
    enum fault fault = read_variables(&f);
    if (fault != FAULT_NONE) return fault;
    size_t about = p->doc.text.len + v->bytes + 256;
    (void)(about < out->max ? buffer_reserve(out, about) : NULL); /* one growth instead of several */
    tape_start(&f.tape, out, arena, p->doc.count + v->nodes + 16);
    fault = write_form(&f);
    return fault != FAULT_NONE ? fault : tape_end(&f.tape, ret, error);
}
