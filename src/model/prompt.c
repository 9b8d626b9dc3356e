/* See prompt.h. */
#include "model/prompt.h"

static const char *const roles[] = {"system", "developer", "user", "assistant", "tool", NULL};

/* ---- reading ---- */

enum { KEY_PROMPT, KEY_VERSION, KEY_MODEL, KEY_PARAMETERS, KEY_MESSAGES, KEY_VARIABLES, KEY_TOOLS, KEY_OWNER, KEY_SUITES, KEY_FILES, KEY_ROLE };
static const char *const keys[] = {"prompt", "version", "model", "parameters", "messages", "variables",
                                   "tools", "owner", "suites", "files", "role", NULL};

static struct slice one_form(const struct reader *r, uint32_t node, unsigned depth) {
    struct buffer out;
    buffer_init(&out, r->arena->max);
    reader_write(&r->d->doc, node, depth, r->arena, &out);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(r->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static void check_template(const struct reader *r, uint32_t node, struct slice text, bool *any) {
    struct error why = {.fault = FAULT_NONE};
    bool here = false;
    if (!template_check(text, &here, &why)) reader_problem(r, node, "content: %s", why.text);
    *any = *any || here;
}

static bool is_role(const struct reader *r, uint32_t node, struct slice role) {
    char hint[READER_HINT];
    for (int i = 0; roles[i] != NULL; i++)
        if (slice_is(role, roles[i])) return true;
    reader_problem(r, node, "role: expected system, developer, user, assistant or tool, found \"" SLICE_FMT "\"%s",
                   (int)(role.len < 60 ? role.len : 60), role.at ? role.at : "", reader_hint(role, roles, hint));
    return false;
}

static void read_message(struct reader *r, uint32_t node, struct prompt_message *ret) {
    static const char *const names[] = {"role", "content", NULL};
    const struct json_doc *d = &r->d->doc;
    uint32_t at[2];
    if (!reader_map(r, node, "message", names, at)) return;
    if (at[0] == JSON_NONE) reader_problem(r, node, "message: expected a `role`");
    else if (json_type(d, at[0]) != JSON_STRING) reader_expected(r, at[0], "role", "a text");
    else if (is_role(r, at[0], json_string(d, at[0], r->arena))) ret->role = json_string(d, at[0], r->arena);
    if (at[1] == JSON_NONE) {
        reader_problem(r, node, "message: expected a `content`");
    } else if (json_type(d, at[1]) == JSON_ARRAY) {
        ret->raw = one_form(r, at[1], 0);
        for (uint32_t i = at[1] + 1; i < d->nodes[at[1]].next; i++)
            if (json_type(d, i) == JSON_STRING) check_template(r, i, json_string(d, i, r->arena), &ret->is_template);
    } else {
        ret->content = reader_file_text(r, at[1], "content", false);
        check_template(r, at[1], ret->content, &ret->is_template);
    }
}

static void read_messages(struct reader *r, uint32_t node, struct prompt *p) {
    uint32_t cursor = JSON_NONE, item;
    if (node == JSON_NONE) return;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) {
        reader_expected(r, node, "messages", "a list of messages");
        return;
    }
    p->messages = arena_new_array(r->arena, struct prompt_message, json_size(&r->d->doc, node) + 2); /* the Markdown's too */
    while (p->messages != NULL && json_each_item(&r->d->doc, node, &cursor, &item)) read_message(r, item, &p->messages[p->n_messages++]);
}

static void read_variable(struct reader *r, uint32_t node, struct prompt_variable *ret) {
    static const char *const names[] = {"required", "default", "max_chars", NULL};
    uint32_t at[3];
    if (!reader_map(r, node, "variable", names, at)) return;
    reader_flag(r, at[0], "required", &ret->required);
    if (at[1] != JSON_NONE) ret->fallback = reader_file_text(r, at[1], "default", false);
    reader_count(r, at[2], "max_chars", 0, INT64_MAX, &ret->max_chars);
    if (ret->required && ret->fallback.at != NULL) reader_problem(r, at[1], "a variable that is required has no `default`");
}

static void read_variables(struct reader *r, uint32_t node, struct prompt *p) {
    uint32_t cursor = JSON_NONE, key, value;
    const struct json_doc *d = &r->d->doc;
    if (node == JSON_NONE) return;
    if (json_type(d, node) != JSON_OBJECT) {
        reader_expected(r, node, "variables", "a map of names");
        return;
    }
    p->variables = arena_new_array(r->arena, struct prompt_variable, json_size(d, node) + 1);
    while (p->variables != NULL && json_each_member(d, node, &cursor, &key, &value)) {
        struct prompt_variable v = {.name = json_string(d, key, r->arena), .max_chars = -1};
        unsigned at = p->n_variables++;
        if (json_type(d, value) != JSON_NULL) read_variable(r, value, &v);
        for (; at > 0; at--) { /* by name, so that their order does not count */
            const struct slice *before = &p->variables[at - 1].name;
            size_t n = before->len < v.name.len ? before->len : v.name.len;
            int order = memcmp(before->at, v.name.at, n);
            if (order < 0 || (order == 0 && before->len <= v.name.len)) break;
            p->variables[at] = p->variables[at - 1];
        }
        p->variables[at] = v;
    }
}

/* What the request has from elsewhere, and what would make an answer of another kind. */
static void read_parameters(struct reader *r, uint32_t node, struct prompt *p) {
    static const char *const taken[] = {"model", "messages", "tools", "stream", "stream_options", NULL};
    if (node == JSON_NONE) return;
    if (json_type(&r->d->doc, node) != JSON_OBJECT) {
        reader_expected(r, node, "parameters", "a map");
        return;
    }
    for (int i = 0; taken[i] != NULL; i++) {
        uint32_t at = json_get(&r->d->doc, node, taken[i]);
        if (at != JSON_NONE)
            reader_problem(r, at, "parameters: `%s` %s", taken[i], i < 3 ? "is a key of the prompt itself" : "is whoever calls it to say");
    }
    p->parameters = one_form(r, node, 1);
    if (p->parameters.len <= 2) p->parameters = SLICE_NULL;
}

static void read_tools(struct reader *r, uint32_t node, struct prompt *p) {
    if (node == JSON_NONE) return;
    if (json_type(&r->d->doc, node) != JSON_ARRAY) reader_expected(r, node, "tools", "a list");
    else if (json_size(&r->d->doc, node) > 0) p->tools = one_form(r, node, 0);
}

static void take_digest(struct prompt *p, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, arena->max);
    json_start(&w, &out);
    prompt_write(p, &w);
    digest_sha256(buffer_slice(&out), &p->digest);
    buffer_deinit(&out);
}

/* `body`: the text behind front matter, the last message; SLICE_NULL: none. */
static void read_all(struct reader *r, uint32_t node, struct slice body, struct prompt *p) {
    uint32_t at[sizeof keys / sizeof *keys];
    bool may_name = true;
    if (!reader_map(r, node, "prompt", keys, at)) return;
    if (at[KEY_FILES] != JSON_NONE) reader_flag(r, at[KEY_FILES], "files", &may_name);
    if (!may_name) r->plain_texts = true;
    reader_name(r, at[KEY_PROMPT], "prompt", &p->name);
    reader_text(r, at[KEY_VERSION], "version", &p->version);
    reader_text(r, at[KEY_MODEL], "model", &p->model);
    reader_text(r, at[KEY_OWNER], "owner", &p->owner);
    reader_texts(r, at[KEY_SUITES], "suites", &p->suites, &p->n_suites);
    read_messages(r, at[KEY_MESSAGES], p);
    read_parameters(r, at[KEY_PARAMETERS], p);
    read_variables(r, at[KEY_VARIABLES], p);
    read_tools(r, at[KEY_TOOLS], p);
    if (at[KEY_ROLE] != JSON_NONE && body.at == NULL) reader_problem(r, at[KEY_ROLE], "prompt: `role` is of the text behind front matter; here it stands in each message");
    if (body.at == NULL) return;
    if (p->messages == NULL) p->messages = arena_new_array(r->arena, struct prompt_message, 1);
    if (p->messages == NULL) return;
    struct prompt_message *m = &p->messages[p->n_messages++];
    *m = (struct prompt_message){.role = SLICE("user"), .content = body};
    if (at[KEY_ROLE] != JSON_NONE && is_role(r, at[KEY_ROLE], reader_scalar(r, at[KEY_ROLE]))) m->role = reader_scalar(r, at[KEY_ROLE]);
    check_template(r, node, body, &m->is_template);
}

static enum fault finish(const struct reader *r, uint32_t node, unsigned before, struct prompt *p) {
    if (arena_is_full(r->arena)) reader_problem(r, node, "the prompt does not fit into its memory");
    if (r->problems->count > before || r->problems->more) return FAULT_CONFIG;
    take_digest(p, r->arena);
    return FAULT_NONE;
}

static enum fault read_whole(struct reader *r, uint32_t node, struct slice body, unsigned before, struct prompt *ret) {
    struct prompt p = {.n_messages = 0};
    bool plain = r->plain_texts;
    read_all(r, node, body, &p);
    r->plain_texts = plain;
    if (p.n_messages == 0 && r->problems->count == before) reader_problem(r, node, "prompt: expected `messages`");
    enum fault f = finish(r, node, before, &p);
    if (f == FAULT_NONE) *ret = p;
    return f;
}

enum fault prompt_read_in(struct reader *r, uint32_t node, struct prompt *ret) {
    return read_whole(r, node, SLICE_NULL, r->problems->count, ret);
}

enum fault prompt_read_parts(struct reader *r, const struct prompt_parts *at, struct prompt *ret) {
    struct prompt p = {.n_messages = 0};
    unsigned before = r->problems->count;
    read_messages(r, at->messages, &p);
    read_parameters(r, at->parameters, &p);
    read_variables(r, at->variables, &p);
    read_tools(r, at->tools, &p);
    enum fault f = finish(r, at->messages, before, &p);
    if (f == FAULT_NONE) *ret = p;
    return f;
}

enum fault prompt_read(const struct declared *d, uint32_t node, const char *file, const struct file_source *files,
                       struct arena *arena, struct prompt *ret, struct problems *problems) {
    struct reader r = {.d = d, .file = file, .arena = arena, .problems = problems, .files = files};
    return prompt_read_in(&r, node, ret);
}

/* ---- files ---- */

/* The line at *at, without its end; *at moves behind it. */
static struct slice next_line(struct slice text, size_t *at) {
    const char *from = text.at + *at, *end = *at < text.len ? memchr(from, '\n', text.len - *at) : NULL;
    size_t n = end != NULL ? (size_t)(end - from) : text.len - *at;
    *at += n + (end != NULL);
    return slice_make(from, n > 0 && from[n - 1] == '\r' ? n - 1 : n);
}

/* Parts a text with front matter. The head keeps its first `---`, so that its lines are the file's. */
static bool has_front_matter(struct slice text, struct slice *ret_head, struct slice *ret_body) {
    size_t at = 0;
    if (!slice_is(next_line(text, &at), "---")) return false;
    while (at < text.len) {
        size_t from = at;
        if (!slice_is(next_line(text, &at), "---")) continue;
        *ret_head = slice_make(text.at, from);
        *ret_body = slice_trim(slice_make(text.at + at, text.len - at));
        return true;
    }
    return false;
}

enum fault prompt_read_file(struct slice text, const char *file, const struct file_source *files, struct arena *arena,
                            struct prompt *ret, struct problems *problems) {
    struct reader r = {.file = file, .arena = arena, .problems = problems, .files = files};
    struct slice head = text, body = SLICE_NULL, name = slice_of(file);
    struct declared d;
    unsigned before = problems->count;
    if (text.len >= 3 && (unsigned char)text.at[0] == 0xEF && memcmp(text.at, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark */
        head = text = slice_make(text.at + 3, text.len - 3);
    if (!slice_is_utf8(text)) {
        problems_add(problems, arena, file, 1, 0, "expected UTF-8");
        return FAULT_CONFIG;
    }
    if (!has_front_matter(text, &head, &body) && (slice_ends(name, SLICE(".md")) || slice_ends(name, SLICE(".txt")))) {
        head = SLICE("{}");
        body = slice_trim(text);
    }
    if (body.at != NULL && body.len > 0) body = arena_slice(arena, body);
    else body = SLICE_NULL;
    if (reader_open(&r, head, &d) != FAULT_NONE) return FAULT_CONFIG;
    return read_whole(&r, 0, body, before, ret);
}

/* ---- the canonical form ---- */

static bool names_file(struct slice text) {
    return slice_starts(text, SLICE("file:"));
}

static void write_messages(const struct prompt *p, struct json_writer *w, bool *files) {
    json_key(w, "messages");
    json_array(w);
    for (unsigned i = 0; i < p->n_messages; i++) {
        const struct prompt_message *m = &p->messages[i];
        json_object(w);
        json_member_string(w, "role", m->role);
        if (m->raw.at != NULL) json_member_raw(w, "content", m->raw);
        else json_member_string(w, "content", m->content);
        json_object_end(w);
        *files = *files || names_file(m->content);
    }
    json_array_end(w);
}

static void write_variables(const struct prompt *p, struct json_writer *w, bool *files) {
    json_key(w, "variables");
    json_object(w);
    for (unsigned i = 0; i < p->n_variables; i++) {
        const struct prompt_variable *v = &p->variables[i];
        json_key_slice(w, v->name);
        json_object(w);
        if (v->required) json_member_bool(w, "required", true);
        if (v->fallback.at != NULL) json_member_string(w, "default", v->fallback);
        if (v->max_chars >= 0) json_member_i64(w, "max_chars", v->max_chars);
        json_object_end(w);
        *files = *files || names_file(v->fallback);
    }
    json_object_end(w);
}

void prompt_write(const struct prompt *p, struct json_writer *w) {
    bool files = false; /* is there a text that would be taken for the name of a file? */
    json_object(w);
    if (p->name.at != NULL) json_member_string(w, "prompt", p->name);
    if (p->model.at != NULL) json_member_string(w, "model", p->model);
    if (p->parameters.at != NULL) json_member_raw(w, "parameters", p->parameters);
    write_messages(p, w, &files);
    if (p->n_variables > 0) write_variables(p, w, &files);
    if (p->tools.at != NULL) json_member_raw(w, "tools", p->tools);
    if (files) json_member_bool(w, "files", false);
    json_object_end(w);
}

/* ---- one call ---- */

static int64_t characters(struct slice s) {
    int64_t n = 0;
    for (size_t i = 0; i < s.len; i++) n += ((unsigned char)s.at[i] & 0xC0) != 0x80;
    return n;
}

struct filling {
    const struct prompt *p;
    const struct template_var *vars;
    unsigned n_vars;
    struct arena *arena;
    struct error *error;
};

/* The variables that are given, and what is declared for those that are not. */
static enum fault complete(struct filling *f, const struct template_var *given, unsigned n_given) {
    struct template_var *all = arena_new_array(f->arena, struct template_var, n_given + f->p->n_variables + 1);
    if (all == NULL) return error_set(f->error, FAULT_TOO_LARGE, "the request does not fit into its memory");
    if (n_given > 0) memcpy(all, given, n_given * sizeof *all);
    f->vars = all;
    f->n_vars = n_given;
    for (unsigned i = 0; i < f->p->n_variables; i++) {
        const struct prompt_variable *v = &f->p->variables[i];
        unsigned at = 0;
        while (at < n_given && !slice_eq(given[at].name, v->name)) at++;
        if (at == n_given && v->required)
            return error_set(f->error, FAULT_CONFIG, "the prompt requires the variable `" SLICE_FMT "`", SLICE_ARG(v->name));
        if (at == n_given) all[f->n_vars++] = (struct template_var){v->name, v->fallback.at != NULL ? v->fallback : SLICE("")};
        else if (v->max_chars >= 0 && characters(given[at].value) > v->max_chars)
            return error_set(f->error, FAULT_CONFIG, "the variable `" SLICE_FMT "` has %lld characters, and the prompt allows %lld",
                             SLICE_ARG(v->name), (long long)characters(given[at].value), (long long)v->max_chars);
    }
    return FAULT_NONE;
}

static enum fault fill(const struct filling *f, struct slice text, struct slice *ret) {
    struct slice missing;
    *ret = template_fill(text, f->vars, f->n_vars, f->arena, &missing);
    if (ret->at != NULL) return FAULT_NONE;
    if (missing.at == NULL) return error_set(f->error, FAULT_TOO_LARGE, "the request does not fit into its memory");
    return error_set(f->error, FAULT_CONFIG, "the prompt holds {{" SLICE_FMT "}}, and there is no such variable", SLICE_ARG(missing));
}

/* Parts of a message: strings are filled in, each within itself. */
static enum fault write_filled(const struct filling *f, const struct json_doc *d, uint32_t node, struct json_writer *w) {
    uint32_t cursor = JSON_NONE, key, value;
    enum fault fault = FAULT_NONE;
    struct slice text;
    switch (json_type(d, node)) {
    case JSON_OBJECT:
        json_object(w);
        while (fault == FAULT_NONE && json_each_member(d, node, &cursor, &key, &value)) {
            json_key_slice(w, json_string(d, key, f->arena));
            fault = write_filled(f, d, value, w);
        }
        json_object_end(w);
        return fault;
    case JSON_ARRAY:
        json_array(w);
        while (fault == FAULT_NONE && json_each_item(d, node, &cursor, &value)) fault = write_filled(f, d, value, w);
        json_array_end(w);
        return fault;
    case JSON_STRING:
        fault = fill(f, json_string(d, node, f->arena), &text);
        if (fault == FAULT_NONE) json_put_string(w, text);
        return fault;
    default: json_put_raw(w, json_raw(d, node)); return FAULT_NONE;
    }
}

static enum fault write_message(const struct filling *f, const struct prompt_message *m, struct json_writer *w) {
    enum fault fault = FAULT_NONE;
    struct slice text = m->content;
    struct json_doc parts;
    json_object(w);
    json_member_string(w, "role", m->role);
    json_key(w, "content");
    if (m->raw.at != NULL && m->is_template) {
        fault = json_read(m->raw, f->arena, UINT16_MAX, &parts, f->error);
        if (fault == FAULT_NONE) fault = write_filled(f, &parts, 0, w);
    } else if (m->raw.at != NULL) {
        json_put_raw(w, m->raw);
    } else {
        if (m->is_template) fault = fill(f, m->content, &text);
        if (fault == FAULT_NONE) json_put_string(w, text);
    }
    json_object_end(w);
    return fault;
}

enum fault prompt_write_request(const struct prompt *p, struct slice model, const struct template_var *vars, unsigned n_vars,
                                struct slice more, struct arena *arena, struct buffer *out, struct error *error) {
    struct filling f = {.p = p, .arena = arena, .error = error};
    struct json_writer w;
    if (model.len == 0) model = p->model;
    if (model.len == 0) return error_set(error, FAULT_CONFIG, "no model is named: neither by the prompt nor by who calls it");
    enum fault fault = complete(&f, vars, n_vars);
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "model", model);
    json_key(&w, "messages");
    json_array(&w);
    for (unsigned i = 0; fault == FAULT_NONE && i < p->n_messages; i++) fault = write_message(&f, &p->messages[i], &w);
    if (more.len > 0) json_put_raw(&w, more);
    json_array_end(&w);
    if (p->parameters.len > 2) { /* its members, without the braces */
        buffer_byte(out, ',');
        buffer_append(out, slice_make(p->parameters.at + 1, p->parameters.len - 2));
    }
    if (p->tools.at != NULL) json_member_raw(&w, "tools", p->tools);
    json_object_end(&w);
    if (fault == FAULT_NONE && (out->overflow || arena_is_full(arena)))
        fault = error_set(error, FAULT_TOO_LARGE, "the request does not fit into its memory");
    return fault;
}

static bool holds(struct slice text, struct slice name) {
    while (text.len > 4) {
        const char *open = memmem(text.at, text.len, "{{", 2);
        if (open == NULL) return false;
        text = slice_make(open + 2, text.len - (size_t)(open - text.at) - 2);
        const char *close = text.len > 0 ? memmem(text.at, text.len, "}}", 2) : NULL;
        if (close == NULL) return false;
        if (slice_eq(slice_trim(slice_make(text.at, (size_t)(close - text.at))), name)) return true;
    }
    return false;
}

bool prompt_uses(const struct prompt *p, struct slice name) {
    for (unsigned i = 0; i < p->n_messages; i++) {
        const struct prompt_message *m = &p->messages[i];
        if (m->is_template && holds(m->raw.at != NULL ? m->raw : m->content, name)) return true;
    }
    return false;
}
