/* See served.h. */
#include "model/served.h"

#include "base/mem.h"

#include <stdio.h>

enum {
    ARENA_FIRST = 4 << 10,
    ARENA_LEAST = 256 << 10, /* most that a version takes: this, and so many times its body: tapes, lines, texts and pieces */
    ARENA_TIMES = 48,
    MESSAGE_NODES = 5,       /* object, role and its value, content and its value */
    MESSAGE_BYTES = 64,      /* names and marks around a role and a text, in the longest dialect */
};

struct making {
    struct served_version *v;
    struct served_variable *variables; /* until their number is known */
    unsigned n, room;
    struct error *error;
};

static enum fault corrupt(struct making *m, const char *why) {
    return error_set(m->error, FAULT_CORRUPT, "version %s of a prompt cannot be read: %s", m->v->text, why);
}

/* ---- texts ---- */

static struct slice escape(struct arena *arena, struct slice text) {
    struct buffer out;
    buffer_init(&out, arena->max);
    json_escape(&out, text);
    struct slice done = out.overflow ? SLICE_NULL : arena_slice(arena, slice_make(buffer_text(&out), out.len));
    buffer_deinit(&out);
    return done;
}

static bool has_slash(struct slice s) {
    return s.len > 0 && memchr(s.at, '\\', s.len) != NULL;
}

static unsigned add_variable(struct making *m, const struct served_variable *v) {
    if (m->n == m->room) {
        m->room = m->room > 0 ? m->room * 2 : 8;
        m->variables = mem_resize(m->variables, m->room * sizeof *m->variables);
    }
    m->variables[m->n] = *v;
    return m->n++;
}

/* One that no declaration names must be given: a gap in a text is nobody's wish. -1: there are too many. */
static int variable_of(struct making *m, struct slice name) {
    for (unsigned i = 0; i < m->n; i++)
        if (slice_eq(m->variables[i].name, name)) return (int)i;
    if (m->n == SERVED_VARIABLES) return -1;
    return (int)add_variable(m, &(struct served_variable){.name = name, .required = true, .max_chars = -1});
}

static enum fault cut(struct making *m, struct slice text, bool is_template, struct served_text *ret) {
    struct slice rest = text, before, name;
    struct served_text t = {.n = 1};
    while (is_template && template_next(&rest, &before, &name)) t.n++;
    t.pieces = arena_new_array(&m->v->arena, struct served_piece, t.n);
    if (t.pieces == NULL) return corrupt(m, "it does not fit into its memory");
    rest = text;
    for (unsigned i = 0; i < t.n; i++) {
        bool more = is_template && template_next(&rest, &before, &name);
        t.pieces[i] = (struct served_piece){escape(&m->v->arena, is_template ? before : text), more ? variable_of(m, name) : -1};
        if (more && t.pieces[i].variable < 0) return corrupt(m, "it has too many variables");
        t.escaped = t.escaped || has_slash(t.pieces[i].json);
        m->v->bytes += t.pieces[i].json.len;
    }
    *ret = t;
    return FAULT_NONE;
}

static enum fault read_json(struct making *m, struct slice text, struct json_doc *ret) {
    struct error why = {.fault = FAULT_NONE};
    if (text.at == NULL) return FAULT_NONE;
    if (json_read(text, &m->v->arena, UINT16_MAX, ret, &why) != FAULT_NONE) return corrupt(m, why.text);
    m->v->bytes += text.len;
    m->v->nodes += ret->count;
    return FAULT_NONE;
}

/* The strings of a list of parts, but for names of members. */
static enum fault cut_parts(struct making *m, struct served_message *to, uint32_t node) {
    const struct json_doc *d = &to->parts;
    uint32_t cursor = JSON_NONE, key, value;
    enum fault f = FAULT_NONE;
    if (json_type(d, node) == JSON_STRING && template_has(json_string(d, node, &m->v->arena)))
        return cut(m, json_string(d, node, &m->v->arena), true, &to->part_texts[node]);
    while (f == FAULT_NONE && json_each_item(d, node, &cursor, &value)) f = cut_parts(m, to, value);
    cursor = JSON_NONE;
    while (f == FAULT_NONE && json_each_member(d, node, &cursor, &key, &value)) f = cut_parts(m, to, value);
    return f;
}

static enum fault make_message(struct making *m, const struct prompt_message *from, struct served_message *to) {
    to->role = from->role;
    m->v->bytes += MESSAGE_BYTES;
    m->v->nodes += MESSAGE_NODES;
    if (from->raw.at == NULL) return cut(m, from->content, from->is_template, &to->text);
    enum fault f = read_json(m, from->raw, &to->parts);
    if (f == FAULT_NONE) to->part_texts = arena_new_array(&m->v->arena, struct served_text, to->parts.count);
    if (f == FAULT_NONE && to->part_texts == NULL) return corrupt(m, "it does not fit into its memory");
    return f == FAULT_NONE && from->is_template ? cut_parts(m, to, 0) : f;
}

/* ---- the whole ---- */

static enum fault make_variables(struct making *m) {
    const struct prompt *p = &m->v->prompt;
    if (p->n_variables > SERVED_VARIABLES) return corrupt(m, "it has too many variables");
    for (unsigned i = 0; i < p->n_variables; i++) {
        const struct prompt_variable *from = &p->variables[i];
        struct slice fallback = escape(&m->v->arena, from->fallback.at != NULL ? from->fallback : SLICE(""));
        (void)add_variable(m, &(struct served_variable){.name = from->name, .fallback = fallback, .fallback_escaped = has_slash(fallback),
                                                        .required = from->required, .max_chars = from->max_chars});
    }
    return FAULT_NONE;
}

static void keep_variables(struct making *m) {
    struct served_version *v = m->v;
    v->variables = arena_new_array(&v->arena, struct served_variable, m->n + 1);
    v->n_variables = v->variables != NULL ? m->n : 0;
    if (v->n_variables > 0) memcpy(v->variables, m->variables, m->n * sizeof *m->variables);
}

static enum fault make(struct making *m) {
    struct served_version *v = m->v;
    enum fault f = make_variables(m);
    v->messages = arena_new_array(&v->arena, struct served_message, v->prompt.n_messages + 1);
    for (unsigned i = 0; f == FAULT_NONE && v->messages != NULL && i < v->prompt.n_messages; i++)
        f = make_message(m, &v->prompt.messages[i], &v->messages[i]);
    if (v->prompt.model.at != NULL) {
        v->model = escape(&v->arena, v->prompt.model);
        v->model_escaped = has_slash(v->model);
    }
    if (f == FAULT_NONE) f = read_json(m, v->prompt.parameters, &v->parameters);
    if (f == FAULT_NONE) f = read_json(m, v->prompt.tools, &v->tools);
    keep_variables(m);
    if (f == FAULT_NONE && arena_is_full(&v->arena)) f = corrupt(m, "it does not fit into its memory");
    return f;
}

static enum fault read_body(struct making *m, struct slice body) {
    struct served_version *v = m->v;
    struct problems problems = {.count = 0};
    struct reader r = {.file = "version", .arena = &v->arena, .problems = &problems};
    struct declared d;
    if (reader_open(&r, body, &d) == FAULT_NONE && prompt_read_in(&r, 0, &v->prompt) == FAULT_NONE) return FAULT_NONE;
    return corrupt(m, problems.count > 0 ? problems.items[0].text : "it is no prompt");
}

enum fault served_version_new(int64_t number, struct slice human, struct slice body, struct served_version **ret, struct error *error) {
    struct served_version *v = mem_new(struct served_version);
    struct making m = {.v = v, .error = error};
    atomic_init(&v->references, 1);
    arena_init(&v->arena, ARENA_FIRST, ARENA_LEAST + ARENA_TIMES * body.len);
    v->number = number;
    snprintf(v->text, sizeof v->text, "%lld", (long long)number);
    v->human = arena_slice(&v->arena, human);
    enum fault f = read_body(&m, body);
    if (f == FAULT_NONE) f = make(&m);
    mem_free(m.variables);
    if (f == FAULT_NONE) *ret = v;
    else served_version_drop(v);
    return f;
}

struct served_version *served_version_hold(struct served_version *v) {
    atomic_fetch_add_explicit(&v->references, 1, memory_order_relaxed);
    return v;
}

void served_version_drop(struct served_version *v) {
    /* the last one to let go must see what all others did before they let go */
    if (v == NULL || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) != 1) return;
    arena_deinit(&v->arena);
    mem_free(v);
}
