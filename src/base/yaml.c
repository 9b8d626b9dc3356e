#include "base/yaml.h"
#include "base/buffer.h"
#include "base/mem.h"
#include "base/table.h"
#include "base/utf8.h"

#include <libfyaml.h>

/* The tree is built from the parser's events, not from libfyaml's document: so depth and size are checked
 * while the text is read, and nothing is resolved by recursion over what an attacker nests. */

struct frame {
    struct yaml_node *node, *last; /* the open list or map, and its last child */
    struct yaml_node *merges, *last_merge;
    bool has_key, merge_key;
    struct slice key;
    int key_line, key_column;
    size_t key_begin, key_end;
};

struct builder {
    struct arena *arena;
    struct error *error;
    enum fault fault;
    int error_line;
    struct table anchors; /* name to node */
    struct table keys;    /* number of the map (4 bytes) and key, to find duplicates */
    struct yaml_node *root;
    struct fy_mark mark; /* of the latest event */
    unsigned copies, documents, depth;
    struct frame frames[LIMIT_JSON_DEPTH];
};

/* Where a value begins, 1-based. libfyaml's mark of a quoted scalar or an alias is behind the quote or '*',
 * and an empty value has none: that one is where its key is, or what came before. */
static struct fy_mark mark_of(struct builder *b, struct fy_event *e) {
    const struct fy_mark *m = fy_event_start_mark(e);
    bool late = e->type == FYET_ALIAS;
    if (e->type == FYET_SCALAR && e->scalar.value != NULL) {
        enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
        late = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    }
    if (m != NULL) {
        b->mark = (struct fy_mark){.line = m->line + 1, .column = m->column + 1 - (late && m->column > 0)};
    } else if (b->depth > 0 && b->frames[b->depth - 1].has_key) {
        const struct frame *f = &b->frames[b->depth - 1];
        b->mark = (struct fy_mark){.line = f->key_line, .column = f->key_column};
    }
    return b->mark;
}

static bool fail_at(struct builder *b, enum fault f, int line, int column, const char *what,
                    struct slice detail) {
    if (b->fault != FAULT_NONE) return false;
    b->fault = error_set(b->error, f, "line %d, column %d: %s%s" SLICE_FMT "%s", line, column, what,
                         detail.at != NULL ? " '" : "", SLICE_ARG(detail), detail.at != NULL ? "'" : "");
    b->error_line = line;
    return false;
}

static bool fail(struct builder *b, enum fault f, struct fy_event *e, const char *what, struct slice detail) {
    struct fy_mark m = mark_of(b, e);
    return fail_at(b, f, m.line, m.column, what, detail);
}

static bool full(struct builder *b, int line, int column) {
    return fail_at(b, FAULT_TOO_LARGE, line, column, "the document does not fit into its memory", SLICE_NULL);
}

static struct yaml_node *new_node(struct builder *b, enum yaml_type type, int line, int column) {
    struct yaml_node *node = arena_new(b->arena, struct yaml_node);
    if (node == NULL) {
        full(b, line, column);
        return NULL;
    }
    node->type = type;
    node->line = line;
    node->column = column;
    return node;
}

static struct slice token_text(struct fy_token *t) {
    size_t len = 0;
    const char *text = t != NULL ? fy_token_get_text(t, &len) : NULL;
    return text != NULL ? slice_make(text, len) : SLICE_NULL;
}

/* ---- attaching ---- */

/* Notes the key in its map; false when the map has it already. The key stands for a map by the address of its
 * node, which lives as long as the builder does. */
static bool claim_key(struct builder *b, const struct yaml_node *map, struct slice key) {
    struct buffer text;
    buffer_init(&text, SIZE_MAX / 2);
    buffer_append(&text, slice_make((const char *)&map, sizeof map));
    buffer_append(&text, key);
    bool fresh = table_put(&b->keys, buffer_slice(&text), (void *)map) == NULL;
    buffer_deinit(&text);
    return fresh;
}

static void append_child(struct frame *f, struct yaml_node *node) {
    if (f->last != NULL) f->last->next = node;
    else f->node->first = node;
    f->last = node;
    f->node->count++;
}

static bool set_key(struct builder *b, struct frame *f, struct slice key, bool plain, int line, int column) {
    if (!claim_key(b, f->node, key)) return fail_at(b, FAULT_CONFIG, line, column, "duplicate key", key);
    f->has_key = true;
    f->merge_key = plain && slice_is(key, "<<");
    f->key = key;
    f->key_line = line;
    f->key_column = column;
    return true;
}

/* A finished scalar, a copied alias or a container that begins: it is a key, a value, an item or the root. */
static bool place(struct builder *b, struct yaml_node *node) {
    if (b->depth == 0) {
        b->root = node;
        return true;
    }
    struct frame *f = &b->frames[b->depth - 1];
    if (f->node->type == YAML_LIST) {
        append_child(f, node);
        return true;
    }
    if (!f->has_key) {
        if (node->type != YAML_SCALAR)
            return fail_at(b, FAULT_CONFIG, node->line, node->column,
                           "expected a scalar key, found a list or map", SLICE_NULL);
        f->key_begin = node->begin;
        f->key_end = node->end;
        return set_key(b, f, node->text, node->plain, node->line, node->column);
    }
    f->has_key = false;
    if (f->merge_key) {
        if (f->last_merge != NULL) f->last_merge->next = node;
        else f->merges = node;
        f->last_merge = node;
        return true;
    }
    node->key = f->key;
    node->key_line = f->key_line;
    node->key_column = f->key_column;
    node->key_begin = f->key_begin;
    node->key_end = f->key_end;
    if (node->end == 0) node->begin = node->end = f->key_end; /* an empty one has no place of its own */
    append_child(f, node);
    return true;
}

/* ---- anchors, aliases, merges ---- */

static bool note_anchor(struct builder *b, struct fy_token *anchor, struct yaml_node *node) {
    if (anchor != NULL) table_put(&b->anchors, token_text(anchor), node);
    return true;
}

static bool is_open(const struct builder *b, const struct yaml_node *node) {
    for (unsigned i = 0; i < b->depth; i++)
        if (b->frames[i].node == node) return true;
    return false;
}

/* A copy of a finished tree. The recursion ends at LIMIT_JSON_DEPTH. */
static struct yaml_node *copy_tree(struct builder *b, const struct yaml_node *from, unsigned depth,
                                   struct fy_event *e) {
    if (depth > LIMIT_JSON_DEPTH) {
        fail(b, FAULT_CONFIG, e, "the alias makes nesting too deep", SLICE_NULL);
        return NULL;
    }
    if (++b->copies > LIMIT_YAML_COPIES) {
        fail(b, FAULT_TOO_LARGE, e, "the aliases expand to more values than are read", SLICE_NULL);
        return NULL;
    }
    struct yaml_node *node = new_node(b, from->type, from->line, from->column), **link;
    if (node == NULL) return NULL;
    *node = *from;
    node->alias = true;
    node->first = node->next = NULL;
    link = &node->first;
    for (const struct yaml_node *child = from->first; child != NULL; child = child->next) {
        *link = copy_tree(b, child, depth + 1, e);
        if (*link == NULL) return NULL;
        link = &(*link)->next;
    }
    return node;
}

static bool on_alias(struct builder *b, struct fy_event *e) {
    struct slice name = token_text(e->alias.anchor);
    struct yaml_node *from = table_get(&b->anchors, name);
    if (from == NULL) return fail(b, FAULT_CONFIG, e, "no anchor for the alias", name);
    if (is_open(b, from)) return fail(b, FAULT_CONFIG, e, "the alias is inside its own anchor", name);
    struct yaml_node *node = copy_tree(b, from, b->depth + (from->type != YAML_SCALAR), e);
    if (node == NULL) return false;
    node->key = SLICE_NULL;
    node->key_line = node->key_column = 0;
    const struct fy_mark *at = fy_event_start_mark(e), *to = fy_event_end_mark(e);
    node->begin = node->end = 0;
    if (at != NULL && to != NULL) node->begin = at->input_pos - (at->input_pos > 0), node->end = to->input_pos;
    return place(b, node);
}

/* Keys that the map has itself win, then the earlier source. */
static bool merge_map(struct builder *b, struct frame *f, struct yaml_node *source) {
    if (source->type != YAML_MAP)
        return fail_at(b, FAULT_CONFIG, source->line, source->column,
                       "expected a map to merge, found something else", SLICE_NULL);
    for (struct yaml_node *child = source->first, *next; child != NULL; child = next) {
        next = child->next;
        child->next = NULL;
        child->alias = true;
        if (claim_key(b, f->node, child->key)) append_child(f, child);
    }
    return true;
}

static bool merge_all(struct builder *b, struct frame *f) {
    for (struct yaml_node *source = f->merges, *next; source != NULL; source = next) {
        next = source->next;
        if (source->type != YAML_LIST) {
            if (!merge_map(b, f, source)) return false;
            continue;
        }
        for (struct yaml_node *item = source->first; item != NULL; item = item->next)
            if (!merge_map(b, f, item)) return false;
    }
    return true;
}

/* ---- events ---- */

/* Tags of the core schema are allowed; !!str makes a plain scalar a string. An application's own tag would
 * have to mean something, and here nothing gives it a meaning. */
static bool check_tag(struct builder *b, struct fy_token *tag, struct fy_event *e, bool *plain) {
    static const char *const known[] = {"int", "float", "bool", "null", "map", "seq"};
    if (tag == NULL) return true;
    struct slice handle = slice_of(fy_tag_token_handle0(tag)), name = slice_of(fy_tag_token_suffix0(tag));
    struct slice prefix = SLICE("tag:yaml.org,2002:");
    bool core = slice_is(handle, "!!"), bare = slice_is(handle, "!") && name.len == 0;
    if (slice_starts(name, prefix)) { /* written out: !<tag:yaml.org,2002:str> */
        name = slice_make(name.at + prefix.len, name.len - prefix.len);
        core = true;
    }
    if (bare || (core && slice_is(name, "str"))) {
        *plain = false;
        return true;
    }
    for (size_t i = 0; core && i < sizeof known / sizeof *known; i++)
        if (slice_is(name, known[i])) return true;
    return fail(b, FAULT_CONFIG, e, "unknown tag", name);
}

/* libfyaml's marks of a quoted scalar are inside its quotes. */
static void note_span(struct yaml_node *node, struct fy_event *e) {
    const struct fy_mark *from = fy_event_start_mark(e), *to = fy_event_end_mark(e);
    if (e->scalar.value == NULL || from == NULL || to == NULL) return;
    enum fy_scalar_style style = fy_token_scalar_style(e->scalar.value);
    size_t quote = style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
    node->begin = from->input_pos - quote;
    node->end = to->input_pos + quote;
    node->block = style == FYSS_LITERAL || style == FYSS_FOLDED;
}

static bool on_scalar(struct builder *b, struct fy_event *e) {
    struct fy_mark m = mark_of(b, e);
    struct fy_token *value = e->scalar.value;
    bool plain = value == NULL || fy_token_scalar_style(value) == FYSS_PLAIN;
    if (!check_tag(b, e->scalar.tag, e, &plain)) return false;
    struct yaml_node *node = new_node(b, YAML_SCALAR, m.line, m.column);
    if (node == NULL) return false;
    struct slice text = token_text(value);
    node->text = slice_make(arena_text(b->arena, text), text.len);
    node->plain = plain;
    note_span(node, e);
    if (node->text.at == NULL) return full(b, m.line, m.column);
    note_anchor(b, e->scalar.anchor, node);
    return place(b, node);
}

static bool on_open(struct builder *b, struct fy_event *e, enum yaml_type type, struct fy_token *anchor,
                    struct fy_token *tag) {
    struct fy_mark m = mark_of(b, e);
    bool plain;
    if (b->depth == LIMIT_JSON_DEPTH) return fail(b, FAULT_CONFIG, e, "nested too deep", SLICE_NULL);
    if (!check_tag(b, tag, e, &plain)) return false;
    struct yaml_node *node = new_node(b, type, m.line, m.column);
    if (node == NULL) return false;
    const struct fy_mark *from = fy_event_start_mark(e);
    node->flow = fy_event_get_node_style(e) == FYNS_FLOW;
    if (from != NULL) node->begin = node->end = from->input_pos;
    if (!place(b, node)) return false;
    note_anchor(b, anchor, node);
    b->frames[b->depth++] = (struct frame){.node = node};
    return true;
}

static bool on_close(struct builder *b, struct fy_event *e) {
    struct frame *f = &b->frames[b->depth - 1];
    const struct fy_mark *to = fy_event_end_mark(e);
    if (f->node->flow && to != NULL) f->node->end = to->input_pos;
    else if (f->last != NULL && f->last->end > f->node->end) f->node->end = f->last->end;
    if (!merge_all(b, f)) return false;
    b->depth--;
    return true;
}

static bool on_event(struct builder *b, struct fy_event *e) {
    switch (e->type) {
    case FYET_DOCUMENT_START:
        if (b->documents++ > 0)
            return fail(b, FAULT_CONFIG, e, "expected one document, found another", SLICE_NULL);
        return true;
    case FYET_ALIAS: return on_alias(b, e);
    case FYET_SCALAR: return on_scalar(b, e);
    case FYET_SEQUENCE_START:
        return on_open(b, e, YAML_LIST, e->sequence_start.anchor, e->sequence_start.tag);
    case FYET_MAPPING_START: return on_open(b, e, YAML_MAP, e->mapping_start.anchor, e->mapping_start.tag);
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END: return on_close(b, e);
    default: return true;
    }
}

/* libfyaml's first words about what is wrong. */
static void explain(struct builder *b, struct fy_diag *diag) {
    void *walk = NULL;
    struct fy_diag_error *first = fy_diag_errors_iterate(diag, &walk);
    if (first == NULL) fail_at(b, FAULT_CONFIG, 1, 1, "the text is not YAML", SLICE_NULL);
    else fail_at(b, FAULT_CONFIG, first->line, first->column, first->msg, SLICE_NULL);
}

static void parse(struct builder *b, struct slice text, struct fy_diag *diag) {
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_JSON_NONE, .diag = diag};
    struct fy_parser *parser = fy_parser_create(&cfg);
    struct fy_event *e;
    bool good = parser != NULL && fy_parser_set_string(parser, text.at, text.len) == 0;
    while (good && (e = fy_parser_parse(parser)) != NULL) {
        good = on_event(b, e);
        fy_parser_event_free(parser, e);
    }
    if (b->fault == FAULT_NONE &&
        (parser == NULL || fy_parser_get_stream_error(parser) || fy_diag_got_error(diag)))
        explain(b, diag);
    fy_parser_destroy(parser);
}

/* libfyaml lets control characters through, and some make it stop early without a word. */
static bool check_characters(struct builder *b, struct slice text) {
    int line = 1, column = 1;
    for (size_t i = 0; i < text.len; column++) {
        unsigned char c = (unsigned char)text.at[i];
        int n = utf8_next(text.at + i, text.len - i);
        if (n < 0)
            return fail_at(b, FAULT_CONFIG, line, column, "expected UTF-8, found a broken character",
                           SLICE_NULL);
        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            return fail_at(b, FAULT_CONFIG, line, column, "expected text, found a control character",
                           SLICE_NULL);
        if (c == '\n') line++, column = 0;
        i += (size_t)n;
    }
    return true;
}

enum fault yaml_read(struct slice text, struct arena *arena, struct yaml_node **ret_root, int *ret_line,
                     struct error *error) {
    struct fy_diag_cfg cfg;
    struct builder *b = mem_new(struct builder);
    b->arena = arena;
    b->error = error;
    b->mark = (struct fy_mark){.line = 1, .column = 1};
    table_init(&b->anchors);
    table_init(&b->keys);
    fy_diag_cfg_default(&cfg);
    cfg.fp = NULL;
    cfg.output_fn = NULL;
    struct fy_diag *diag = fy_diag_create(&cfg);
    fy_diag_set_collect_errors(diag, true);
    if (check_characters(b, text) && slice_trim(text).len > 0) parse(b, text, diag);
    enum fault fault = b->fault;
    if (fault == FAULT_NONE) {
        bool empty =
            b->root != NULL && b->root->type == YAML_SCALAR && b->root->plain && b->root->text.len == 0;
        *ret_root = empty ? NULL : b->root;
    } else if (ret_line != NULL) {
        *ret_line = b->error_line;
    }
    fy_diag_destroy(diag);
    table_deinit(&b->keys);
    table_deinit(&b->anchors);
    mem_free(b);
    return fault;
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key) {
    if (map == NULL || map->type != YAML_MAP) return NULL;
    for (struct yaml_node *child = map->first; child != NULL; child = child->next)
        if (slice_is(child->key, key)) return child;
    return NULL;
}
