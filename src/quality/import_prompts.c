/* See import_private.h: prompts and providers of a promptfoo configuration. */
#include "quality/import_private.h"

/* ---- prompts ---- */

static struct import_prompt *add(struct promptfoo *p, const struct import_layer *at, uint32_t node) {
    struct import_prompt *grown = import_grow(p->m, p->prompts, p->n_prompts, sizeof *p->prompts);
    if (grown == NULL) return NULL;
    p->prompts = grown;
    struct import_prompt *one = &p->prompts[p->n_prompts++];
    *one = (struct import_prompt){.file = at->file, .line = declared_line(at->d, node), .where = at->where};
    return one;
}

/* {{ name | dump }} where a JSON value stands is the variable as a JSON text: "{{name}}" says the same. */
static struct slice mend_dump(struct import *m, struct slice text) {
    struct buffer out;
    bool quoted = false;
    buffer_init(&out, LIMIT_CASE_TEXT);
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' && !(i > 0 && text.at[i - 1] == '\\')) quoted = !quoted;
        if (quoted || i + 1 >= text.len || text.at[i] != '{' || text.at[i + 1] != '{') {
            buffer_byte(&out, text.at[i]);
            continue;
        }
        const char *close = memmem(text.at + i, text.len - i, "}}", 2);
        struct slice inside = slice_make(text.at + i + 2, close != NULL ? (size_t)(close - text.at) - i - 2 : 0), name, filter;
        if (close == NULL || !slice_cut(inside, '|', &name, &filter)) break;
        filter = slice_trim(filter);
        if (!slice_is(filter, "dump") && !slice_is(filter, "dump | safe") && !slice_is(filter, "dump|safe")) break;
        buffer_append(&out, SLICE("\"{{"));
        buffer_append(&out, slice_trim(name));
        buffer_append(&out, SLICE("}}\""));
        i += inside.len + 3;
    }
    struct slice mended = arena_slice(m->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return mended;
}

static bool is_template(struct slice text, struct error *error) {
    bool any;
    struct error own;
    return template_check(text, &any, error ? error : &own);
}

/* A list of messages, as a suite's; false after having noted why it is none that a suite may have. */
static bool is_messages(struct promptfoo *p, const struct import_layer *at, uint32_t node, const struct json_doc *d, uint32_t list) {
    uint32_t cursor = JSON_NONE, item, inner, key, value;
    while (json_each_item(d, list, &cursor, &item)) {
        if (json_type(d, json_get(d, item, "role")) != JSON_STRING || json_get(d, item, "content") == JSON_NONE) {
            import_left(p, at, node, "a prompt of messages: expected a role and a content in each");
            return false;
        }
        for (inner = JSON_NONE; json_each_member(d, item, &inner, &key, &value);)
            if (!json_is(d, key, "role") && !json_is(d, key, "content")) {
                import_left(p, at, node, "a prompt of messages: a message has `" SLICE_FMT "`, a suite's has role and content",
                            SLICE_ARG(json_string(d, key, p->m->arena)));
                return false;
            }
    }
    for (uint32_t i = list; i < d->nodes[list].next; i++) {
        struct error error = {.fault = FAULT_NONE};
        if (json_type(d, i) != JSON_STRING || is_template(json_string(d, i, p->m->arena), &error)) continue;
        import_left(p, at, node, "the prompt: %s", error.text);
        return false;
    }
    return json_size(d, list) > 0;
}

/* The text of one prompt: a chat as JSON, or what the user says. */
static bool read_text(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice text, struct import_prompt *one) {
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    struct slice begin = slice_trim(text);
    if (slice_contains(text, SLICE("_conversation"))) {
        import_left(p, at, node, "the prompt uses `_conversation`; a case may have an `input` of several messages");
        return false;
    }
    if (slice_starts(begin, SLICE("[")) || slice_starts(begin, SLICE("{"))) {
        bool json = json_read(begin, p->m->arena, UINT16_MAX, &d, &error) == FAULT_NONE ||
                    json_read(mend_dump(p->m, begin), p->m->arena, UINT16_MAX, &d, &error) == FAULT_NONE;
        if (json && json_type(&d, 0) == JSON_ARRAY && json_get(&d, json_item(&d, 0, 0), "role") != JSON_NONE) {
            if (!is_messages(p, at, node, &d, 0)) return false;
            one->messages = json_raw(&d, 0);
            return true;
        }
        if (json && json_type(&d, 0) == JSON_OBJECT && json_type(&d, json_get(&d, 0, "messages")) == JSON_ARRAY) {
            import_left(p, at, node, "the prompt is the body of a request, not messages");
            return false;
        }
    }
    if (!is_template(text, &error)) {
        import_left(p, at, node, "the prompt: %s", error.text);
        return false;
    }
    one->text = text;
    return true;
}

static void add_text(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice text, struct slice label,
                     struct slice id, uint32_t config);

/* Parts between lines of ---, as promptfoo parts .txt files. */
static void add_parts(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice text, struct slice label,
                      struct slice id, uint32_t config) {
    struct slice line, rest = text;
    size_t from = 0;
    for (bool more = true; more;) {
        size_t begin = text.len - rest.len;
        more = slice_cut(rest, '\n', &line, &rest);
        bool cut = slice_is(slice_trim(line), "---");
        if (!cut && more) continue;
        struct slice part = slice_trim(slice_make(text.at + from, (cut ? begin : text.len) - from));
        from = text.len - rest.len;
        if (part.len > 0) add_text(p, at, node, part, label, id, config);
    }
}

static void add_text(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice text, struct slice label,
                     struct slice id, uint32_t config) {
    struct import_prompt one = {0};
    if (!read_text(p, at, node, text, &one)) return;
    struct import_prompt *added = add(p, at, node);
    if (added == NULL) return;
    added->text = one.text;
    added->messages = one.messages;
    added->label = label.at != NULL ? label : slice_trim(text);
    added->name = label;
    added->id = id;
    if (config != JSON_NONE) import_read_parameters(p, at, config, &added->parameters, &added->tools);
}

/* "prompts/short.txt" is short. */
static struct slice stem(struct slice path) {
    struct slice ext = import_extension(path);
    size_t from = path.len;
    while (from > 0 && path.at[from - 1] != '/') from--;
    return slice_make(path.at + from, path.len - ext.len - from);
}

static void add_path(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name, struct slice label,
                     struct slice id, uint32_t config) {
    struct slice path, text, ext = import_extension(import_behind_scheme(name));
    struct declared *d;
    if (slice_is(ext, ".txt") || slice_is(ext, ".md") || slice_is(ext, ".json") || slice_is(ext, ".j2")) {
        if (!import_load(p, at, node, name, &path, &text)) return;
        struct slice as = label.at != NULL ? label : stem(path);
        if (slice_is(ext, ".txt")) add_parts(p, at, node, text, as, id, config);
        else add_text(p, at, node, text, as, id, config);
    } else if (slice_is(ext, ".yaml") || slice_is(ext, ".yml")) {
        if (!import_load_declared(p, at, node, name, &path, &d)) return;
        add_text(p, at, node, json_raw(&d->doc, 0), label.at != NULL ? label : stem(path), id, config);
    } else if (slice_is(ext, ".jsonl")) {
        struct slice line;
        if (!import_load(p, at, node, name, &path, &text)) return;
        for (bool more = true; more;) {
            more = slice_cut(text, '\n', &line, &text);
            if (slice_trim(line).len > 0) add_text(p, at, node, slice_trim(line), label.at != NULL ? label : stem(path), id, config);
        }
    } else {
        import_left(p, at, node, "the prompt `" SLICE_FMT "`: expected a text or a .txt, .md, .json, .jsonl or .yaml file; code is not run",
                    SLICE_ARG(name));
    }
}

/* promptfoo takes what looks like a file's name for one. */
static bool is_path(struct slice text) {
    static const char *const ends[] = {".txt", ".md", ".json", ".jsonl", ".yaml", ".yml", ".csv", ".j2", ".js", ".cjs", ".mjs", ".ts", ".py"};
    if (slice_starts(text, SLICE("file://")) || slice_starts(text, SLICE("exec:"))) return true;
    if (slice_contains(text, SLICE("\n")) || slice_contains(text, SLICE(" ")) || slice_contains(text, SLICE("{{"))) return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (slice_ends(text, slice_of(ends[i]))) return true;
    return import_is_pattern(text) && slice_contains(text, SLICE("/"));
}

static void add_named(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice text, struct slice label,
                      struct slice id, uint32_t config) {
    struct slice *names = NULL;
    unsigned n = 0;
    struct error error = {.fault = FAULT_NONE};
    if (!is_path(text)) {
        add_text(p, at, node, text, label, id, config);
    } else if (!import_is_pattern(text)) {
        add_path(p, at, node, text, label, id, config);
    } else if (p->m->files == NULL ||
               p->m->files->glob(p->m->files->source.ctx, import_behind_scheme(text), p->m->arena, &names, &n, &error) != FAULT_NONE || n == 0) {
        import_left(p, at, node, "no file matches `" SLICE_FMT "`", SLICE_ARG(text));
    } else {
        for (unsigned i = 0; i < n; i++) add_path(p, at, node, names[i], label, id, config);
    }
}

static void add_prompt(struct promptfoo *p, const struct import_layer *at, uint32_t node) {
    const struct json_doc *d = &at->d->doc;
    struct slice text = json_string(d, node, p->m->arena);
    if (text.at != NULL) {
        add_named(p, at, node, text, SLICE_NULL, SLICE_NULL, JSON_NONE);
        return;
    }
    struct slice id = json_string(d, json_get(d, node, "id"), p->m->arena), raw = json_string(d, json_get(d, node, "raw"), p->m->arena);
    struct slice label = json_string(d, json_get(d, node, "label"), p->m->arena);
    uint32_t cursor = JSON_NONE, key, value;
    if (json_type(d, node) != JSON_OBJECT || (id.at == NULL && raw.at == NULL)) {
        import_left(p, at, node, "a prompt: expected a text, or a map with `raw` or `id`");
        return;
    }
    while (json_each_member(d, node, &cursor, &key, &value))
        if (!json_is(d, key, "id") && !json_is(d, key, "raw") && !json_is(d, key, "label") && !json_is(d, key, "config"))
            import_left(p, at, key, "`" SLICE_FMT "` of a prompt: it has no counterpart", SLICE_ARG(json_string(d, key, p->m->arena)));
    add_named(p, at, node, raw.at != NULL ? raw : id, label, id, json_get(d, node, "config"));
}

void import_read_prompts(struct promptfoo *p) {
    const struct json_doc *d = &p->root.doc;
    uint32_t list = json_get(d, 0, "prompts"), cursor = JSON_NONE, item, key;
    unsigned i = 0;
    struct import_layer at = {&p->root, list, p->file, SLICE("prompts")};
    if (json_type(d, list) == JSON_STRING) {
        add_prompt(p, &at, list);
    } else if (json_type(d, list) == JSON_OBJECT) { /* file: label, the old form */
        while (json_each_member(d, list, &cursor, &key, &item))
            add_named(p, &at, key, json_string(d, key, p->m->arena), json_string(d, item, p->m->arena), SLICE_NULL, JSON_NONE);
    } else {
        while (json_each_item(d, list, &cursor, &item)) {
            at.where = arena_printf(p->m->arena, "prompts[%u]", i++);
            add_prompt(p, &at, item);
        }
    }
}

/* ---- providers ---- */

/* Parameters of a chat completion; the rest of a provider's config is the gateway's. */
static bool is_parameter(struct slice name) {
    static const char *const names[] = {
        "temperature", "max_tokens", "max_completion_tokens", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed", "stop",
        "stop_sequences", "response_format", "reasoning_effort", "tool_choice", "parallel_tool_calls", "logit_bias", "logprobs",
        "top_logprobs", "n", "verbosity", "service_tier", "user", "metadata", "thinking",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(name, names[i])) return true;
    return false;
}

/* A value, or the file that it names. */
static bool put_value(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct buffer *out) {
    struct slice text = json_string(&at->d->doc, node, p->m->arena), path;
    struct declared *d;
    if (text.at == NULL || !slice_starts(text, SLICE("file://"))) {
        buffer_append(out, json_raw(&at->d->doc, node));
        return true;
    }
    if (!import_load_declared(p, at, node, text, &path, &d)) return false;
    buffer_append(out, json_raw(&d->doc, 0));
    return true;
}

void import_read_parameters(struct promptfoo *p, const struct import_layer *at, uint32_t config, struct slice *ret, struct slice *ret_tools) {
    const struct json_doc *d = &at->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    struct buffer out, one;
    struct json_writer w;
    bool any = false;
    buffer_init(&out, LIMIT_CASE_TEXT);
    buffer_init(&one, LIMIT_CASE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    while (json_each_member(d, config, &cursor, &key, &value)) {
        struct slice name = json_string(d, key, p->m->arena);
        bool tools = slice_is(name, "tools");
        if (!tools && !is_parameter(name)) {
            import_left(p, at, key, "`" SLICE_FMT "` of a config: the gateway's configuration of the model has it, or nothing", SLICE_ARG(name));
            continue;
        }
        buffer_clear(&one);
        if (!put_value(p, at, value, &one)) continue;
        if (tools) *ret_tools = arena_slice(p->m->arena, buffer_slice(&one));
        if (tools) continue;
        json_key_slice(&w, name);
        json_put_raw(&w, buffer_slice(&one));
        any = true;
    }
    json_object_end(&w);
    if (any) *ret = arena_slice(p->m->arena, buffer_slice(&out));
    buffer_deinit(&one);
    buffer_deinit(&out);
}

static bool is_code(struct slice id) {
    static const char *const kinds[] = {"exec:", "file://", "python:", "javascript:", "http:", "https:", "ws:", "wss:", "webhook:", "golang:", "ruby:"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_starts(id, slice_of(kinds[i]))) return true;
    return slice_is(id, "http") || slice_is(id, "https") || slice_is(id, "websocket") || slice_is(id, "browser") || slice_is(id, "mcp");
}

/* Models that are mapped may be anything. */
static bool is_mapped(const struct import *m, struct slice id) {
    for (unsigned i = 0; i < m->n_maps; i++)
        if (slice_eq(m->maps[i].from, id)) return true;
    return false;
}

static void add_target(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice id, uint32_t options) {
    const struct json_doc *d = &at->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    struct import_target t = {.id = id, .at = *at, .prompts = JSON_NONE};
    t.label = json_string(d, json_get(d, options, "label"), p->m->arena);
    bool mapped = is_mapped(p->m, id) || (t.label.at != NULL && is_mapped(p->m, t.label));
    if (is_code(id) && !mapped) {
        import_left(p, at, node, "the provider `" SLICE_FMT "` is no model that the gateway asks; --map \"" SLICE_FMT "=MODEL\" says which is meant",
                    SLICE_ARG(id), SLICE_ARG(id));
        return;
    }
    t.model = import_model(p->m, t.label.at != NULL && is_mapped(p->m, t.label) ? t.label : id);
    while (json_each_member(d, options, &cursor, &key, &value)) {
        if (json_is(d, key, "id") || json_is(d, key, "label")) continue;
        if (json_is(d, key, "config")) import_read_parameters(p, at, value, &t.parameters, &t.tools);
        else if (json_is(d, key, "prompts")) t.prompts = value;
        else if (json_is(d, key, "transform"))
            import_left(p, at, key, "`transform` of a provider: checks see the answer as it is");
        else
            import_left(p, at, key, "`" SLICE_FMT "` of a provider: it has no counterpart", SLICE_ARG(json_string(d, key, p->m->arena)));
    }
    p->per_target = p->per_target || t.prompts != JSON_NONE;
    struct import_target *grown = import_grow(p->m, p->targets, p->n_targets, sizeof t);
    if (grown == NULL) return;
    p->targets = grown;
    p->targets[p->n_targets++] = t;
}

static void read_target(struct promptfoo *p, const struct import_layer *at, uint32_t node);

/* A file holds one provider or a list of them. */
static void read_target_file(struct promptfoo *p, const struct import_layer *at, uint32_t node, struct slice name) {
    struct declared *d;
    struct slice path;
    uint32_t cursor = JSON_NONE, item;
    if (!import_load_declared(p, at, node, name, &path, &d)) return;
    struct import_layer inside = {d, 0, arena_text(p->m->arena, path), at->where};
    if (json_type(&d->doc, 0) != JSON_ARRAY) read_target(p, &inside, 0);
    while (json_each_item(&d->doc, 0, &cursor, &item)) read_target(p, &inside, item);
}

static void read_target(struct promptfoo *p, const struct import_layer *at, uint32_t node) {
    const struct json_doc *d = &at->d->doc;
    struct slice id = import_provider(d, node, p->m->arena), ext = import_extension(id);
    uint32_t cursor = JSON_NONE, key, value = JSON_NONE;
    bool file = id.at != NULL && slice_starts(id, SLICE("file://"));
    if (id.at == NULL) {
        import_left(p, at, node, "a provider: expected a text, or a map with an `id`");
    } else if (file && json_type(d, node) == JSON_STRING && (slice_is(ext, ".yaml") || slice_is(ext, ".yml") || slice_is(ext, ".json"))) {
        read_target_file(p, at, node, id);
    } else if (json_type(d, node) == JSON_STRING || json_get(d, node, "id") != JSON_NONE) {
        add_target(p, at, node, id, json_type(d, node) == JSON_OBJECT ? node : JSON_NONE);
    } else {
        (void)json_each_member(d, node, &cursor, &key, &value);
        struct slice own = json_string(d, json_get(d, value, "id"), p->m->arena);
        add_target(p, at, node, own.at != NULL ? own : id, value);
    }
}

void import_read_targets(struct promptfoo *p) {
    const struct json_doc *d = &p->root.doc;
    uint32_t list = json_get(d, 0, "providers"), cursor = JSON_NONE, item;
    const char *key = "providers";
    unsigned i = 0;
    if (list == JSON_NONE) {
        key = "targets";
        list = json_get(d, 0, key);
    }
    struct import_layer at = {&p->root, list, p->file, slice_of(key)};
    if (json_type(d, list) == JSON_STRING || json_type(d, list) == JSON_OBJECT) read_target(p, &at, list);
    while (json_each_item(d, list, &cursor, &item)) {
        at.where = arena_printf(p->m->arena, "%s[%u]", key, i++);
        read_target(p, &at, item);
    }
}
