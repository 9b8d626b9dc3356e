#include "model/declared.h"

/* The text is written for json_read, whose nodes come in the order in which this writes them: so the lines
 * are noted as the nodes will be numbered. yaml_read bounds the nesting. */
struct writing {
    struct buffer out;
    int *lines;
    uint32_t count;
};

static uint32_t count_nodes(const struct yaml_node *n) {
    uint32_t count = 1;
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next)
        count += count_nodes(c) + (n->type == YAML_MAP);
    return count;
}

static bool is_number(struct slice s) {
    size_t at = s.len > 0 && s.at[0] == '-', digits = at;
    while (at < s.len && s.at[at] >= '0' && s.at[at] <= '9') at++;
    if (at == digits || (at > digits + 1 && s.at[digits] == '0')) return false;
    if (at < s.len && s.at[at] == '.') {
        for (digits = ++at; at < s.len && s.at[at] >= '0' && s.at[at] <= '9';) at++;
        if (at == digits) return false;
    }
    if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
        at++;
        if (at < s.len && (s.at[at] == '+' || s.at[at] == '-')) at++;
        for (digits = at; at < s.len && s.at[at] >= '0' && s.at[at] <= '9';) at++;
        if (at == digits) return false;
    }
    return at == s.len && s.len < LIMIT_JSON_NUMBER;
}

static const char *word_of(struct slice s) {
    static const char *const words[][2] = {
        {"", "null"},       {"~", "null"},      {"null", "null"},   {"Null", "null"},
        {"NULL", "null"},   {"true", "true"},   {"True", "true"},   {"TRUE", "true"},
        {"false", "false"}, {"False", "false"}, {"FALSE", "false"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(s, words[i][0])) return words[i][1];
    return NULL;
}

static void write_string(struct writing *w, struct slice s, int line) {
    w->lines[w->count++] = line;
    buffer_byte(&w->out, '"');
    json_escape(&w->out, s);
    buffer_byte(&w->out, '"');
}

static void write_scalar(struct writing *w, const struct yaml_node *n) {
    const char *word = n->plain ? word_of(n->text) : NULL;
    if (word == NULL && !(n->plain && is_number(n->text))) {
        write_string(w, n->text, n->line);
        return;
    }
    w->lines[w->count++] = n->line;
    buffer_append(&w->out, word != NULL ? slice_of(word) : n->text);
}

static void write_node(struct writing *w, const struct yaml_node *n) {
    if (n->type == YAML_SCALAR) {
        write_scalar(w, n);
        return;
    }
    bool map = n->type == YAML_MAP;
    w->lines[w->count++] = n->line;
    buffer_byte(&w->out, map ? '{' : '[');
    for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
        if (c != n->first) buffer_byte(&w->out, ',');
        if (map) {
            write_string(w, c->key, c->key_line);
            buffer_byte(&w->out, ':');
        }
        write_node(w, c);
    }
    buffer_byte(&w->out, map ? '}' : ']');
}

enum fault declared_from_yaml(const struct yaml_node *root, struct arena *arena, struct declared *ret,
                              struct error *error) {
    static const struct yaml_node nothing = {.type = YAML_SCALAR, .plain = true, .line = 1, .column = 1};
    if (root == NULL) root = &nothing;
    struct writing w = {.lines = arena_new_array(arena, int, count_nodes(root))};
    buffer_init(&w.out, LIMIT_BODY_CEILING);
    if (w.lines != NULL) write_node(&w, root);
    struct slice text =
        w.out.overflow || w.lines == NULL ? SLICE_NULL : arena_slice(arena, buffer_slice(&w.out));
    buffer_deinit(&w.out);
    if (text.at == NULL)
        return error_set(error, FAULT_TOO_LARGE, "the document does not fit into its memory");
    struct declared d = {.lines = w.lines};
    enum fault f = json_read(text, arena, UINT16_MAX, &d.doc, error);
    if (f == FAULT_NONE) *ret = d;
    return f;
}

enum fault declared_from_json(struct slice text, struct arena *arena, struct declared *ret,
                              struct error *error) {
    struct declared d = {.lines = NULL};
    enum fault f = json_read(text, arena, UINT16_MAX, &d.doc, error);
    int *lines = f == FAULT_NONE ? arena_new_array(arena, int, d.doc.count) : NULL;
    if (f == FAULT_NONE && lines == NULL) return error_set(error, FAULT_TOO_LARGE, "the document does not fit into its memory");
    if (f != FAULT_NONE) return f;
    int line = 1;
    uint32_t at = 0;
    for (uint32_t i = 0; i < d.doc.count; i++) { /* nodes come in the order of the text */
        for (; at < d.doc.nodes[i].start; at++) line += text.at[at] == '\n';
        lines[i] = line;
    }
    d.lines = lines;
    *ret = d;
    return f;
}

int declared_line(const struct declared *d, uint32_t node) {
    if (node >= d->doc.count) return 0;
    return d->lines[node];
}
