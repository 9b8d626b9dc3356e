/* Editing: a list of replaced byte ranges, made by walking what is there beside what is meant, from the front to the back. */
#include "model/config_edit.h"

#include "base/limits.h"
#include "model/config_edit_write.h"

/* ===== finding ===== */

static bool is_number_name(struct slice step, uint64_t *ret) {
    return step.len > 1 && step.at[0] == '#' && slice_to_u64(slice_make(step.at + 1, step.len - 1), ret) && *ret > 0;
}

static struct yaml_node *child_at(const struct yaml_node *node, struct slice step) {
    uint64_t number = 0;
    if (node == NULL || node->type == YAML_SCALAR) return NULL;
    for (struct yaml_node *c = node->first; c != NULL; c = c->next) {
        const struct yaml_node *name = node->type == YAML_LIST ? yaml_get(c, "name") : NULL;
        if (node->type == YAML_MAP ? slice_eq(c->key, step) : name != NULL && slice_eq(name->text, step)) return c;
    }
    if (node->type != YAML_LIST || !is_number_name(step, &number) || number > node->count) return NULL;
    struct yaml_node *c = node->first;
    while (c != NULL && --number > 0) c = c->next;
    return c;
}

struct yaml_node *config_find(struct yaml_node *root, const struct config_path *path) {
    for (unsigned i = 0; i < path->n && root != NULL; i++) root = child_at(root, path->steps[i]);
    return root;
}

struct slice config_item_name(const struct yaml_node *list, const struct yaml_node *item, struct arena *arena) {
    const struct yaml_node *name = yaml_get(item, "name");
    unsigned number = 1;
    for (const struct yaml_node *c = list->first; c != NULL && c != item; c = c->next) number++;
    if (name != NULL && name->type == YAML_SCALAR && name->text.len > 0 && child_at(list, name->text) == item) return name->text;
    return arena_printf(arena, "#%u", number);
}

/* ===== comparing ===== */

bool config_same(const struct yaml_node *a, const struct yaml_node *b) {
    if (config_written_null(a) || config_written_null(b)) return config_written_null(a) && config_written_null(b);
    if (a->type != b->type) return false;
    if (a->type == YAML_SCALAR) return slice_eq(a->text, b->text) && config_is_typed(a) == config_is_typed(b);
    if (a->count != b->count) return false;
    const struct yaml_node *y = b->first;
    for (const struct yaml_node *x = a->first; x != NULL; x = x->next) {
        const struct yaml_node *other = a->type == YAML_MAP ? child_at(b, x->key) : y;
        if (other == NULL || !config_same(x, other)) return false;
        if (y != NULL) y = y->next;
    }
    return true;
}

/* Is `now` what `was` is, with `value` in place of `target`? `target` NULL: with one more child below `parent`. */
struct meant {
    const struct yaml_node *target, *parent, *value;
    struct slice key;
};

static bool is_meant(const struct meant *m, const struct yaml_node *was, const struct yaml_node *now);

static bool is_meant_inside(const struct meant *m, const struct yaml_node *was, const struct yaml_node *now) {
    unsigned gone = 0, more = was == m->parent && m->target == NULL;
    const struct yaml_node *y = now->first, *other;
    for (const struct yaml_node *x = was->first; x != NULL; x = x->next) {
        if (x == m->target && m->value == NULL) {
            gone++;
            continue;
        }
        other = was->type == YAML_MAP ? child_at(now, x->key) : y;
        if (other == NULL || !is_meant(m, x, other)) return false;
        if (y != NULL) y = y->next;
    }
    if (now->count != was->count - gone + more) return false;
    if (!more) return true;
    other = was->type == YAML_MAP ? child_at(now, m->key) : y;
    return other != NULL && config_same(other, m->value);
}

static bool is_meant(const struct meant *m, const struct yaml_node *was, const struct yaml_node *now) {
    if (was == m->target) return config_same(now, m->value);
    if (was->type == YAML_SCALAR || was->type != now->type) return config_same(was, now);
    return is_meant_inside(m, was, now);
}

/* ===== JSON ===== */

struct yaml_node *config_from_json(const struct json_doc *d, uint32_t at, struct arena *arena) {
    struct yaml_node *node = arena_new(arena, struct yaml_node), **link;
    uint32_t cursor = JSON_NONE, key = JSON_NONE, value;
    enum json_type type = json_type(d, at);
    if (node == NULL) return NULL;
    *node = (struct yaml_node){.type = type == JSON_OBJECT ? YAML_MAP : type == JSON_ARRAY ? YAML_LIST : YAML_SCALAR, .plain = type != JSON_STRING};
    if (node->type == YAML_SCALAR) {
        node->text = type == JSON_STRING ? json_string(d, at, arena) : arena_slice(arena, json_raw(d, at));
        return node->text.at != NULL ? node : NULL;
    }
    link = &node->first;
    while (type == JSON_OBJECT ? json_each_member(d, at, &cursor, &key, &value) : json_each_item(d, at, &cursor, &value)) {
        *link = config_from_json(d, value, arena);
        if (*link == NULL) return NULL;
        if (type == JSON_OBJECT) (*link)->key = json_string(d, key, arena);
        link = &(*link)->next;
        node->count++;
    }
    return node;
}

void config_to_json(const struct yaml_node *node, const struct config_shown *shown, struct slice *steps, unsigned n, struct json_writer *w) {
    struct slice instead = SLICE_NULL;
    if (node == NULL || n >= CONFIG_EDIT_STEPS * 4) {
        json_put_null(w);
        return;
    }
    if (node->type == YAML_SCALAR) {
        if (shown != NULL) instead = shown->text(shown->ctx, steps, n, node);
        if (!slice_is_null(instead)) json_put_string(w, instead);
        else if (config_written_null(node)) json_put_null(w);
        else if (config_is_typed(node)) json_put_raw(w, node->text);
        else json_put_string(w, node->text);
        return;
    }
    if (node->type == YAML_MAP) json_object(w);
    else json_array(w);
    for (const struct yaml_node *c = node->first; c != NULL; c = c->next) {
        steps[n] = node->type == YAML_MAP ? c->key : SLICE("[]");
        if (node->type == YAML_MAP) json_key_slice(w, c->key);
        config_to_json(c, shown, steps, n + 1, w);
    }
    if (node->type == YAML_MAP) json_object_end(w);
    else json_array_end(w);
}

/* ===== editing ===== */

enum { MOST_EDITS = 2000 };

struct edit {
    size_t from, to;
    struct slice text;
};
struct editor {
    struct slice text;
    struct arena *arena;
    struct edit *edits;
    unsigned n;
    bool full;
};

static void replace(struct editor *e, size_t from, size_t to, struct slice text) {
    if (e->n == MOST_EDITS || slice_is_null(text)) e->full = true;
    else e->edits[e->n++] = (struct edit){from, to, text};
}

static size_t line_start(const struct editor *e, size_t at) {
    while (at > 0 && e->text.at[at - 1] != '\n') at--;
    return at;
}

static size_t line_end(const struct editor *e, size_t at) { /* the line break itself, or the end of the text */
    while (at < e->text.len && e->text.at[at] != '\n') at++;
    return at;
}

static bool is_blank(const struct editor *e, size_t from, size_t to) {
    for (; from < to; from++)
        if (e->text.at[from] != ' ' && e->text.at[from] != '\t' && e->text.at[from] != '\r') return false;
    return true;
}

/* Where what a value has ends: a block scalar's range has line breaks behind it. */
static size_t end_of(const struct editor *e, const struct yaml_node *node) {
    size_t end = node->end > node->begin ? node->end : node->begin;
    while (end > node->begin && (e->text.at[end - 1] == '\n' || e->text.at[end - 1] == '\r')) end--;
    return end;
}

/* The indicator of a block scalar stands before its text: the value begins behind the key's colon, or the dash. */
static size_t begin_of(const struct editor *e, const struct yaml_node *node) {
    size_t at = node->begin;
    if (!node->block) return at;
    at = node->key_end > 0 ? node->key_end : line_start(e, at > 0 ? at - 1 : 0);
    while (at < node->begin && e->text.at[at] != '|' && e->text.at[at] != '>') at++;
    return at;
}

static struct slice fresh(struct editor *e, const struct yaml_node *value, int indent, bool flow) {
    struct buffer out;
    buffer_init(&out, LIMIT_CONFIG_FILE);
    config_write(value, indent, flow, &out);
    struct slice s = out.overflow ? SLICE_NULL : arena_slice(e->arena, out.len > 0 ? buffer_slice(&out) : SLICE(""));
    buffer_deinit(&out);
    return s;
}

static struct slice joined(struct editor *e, struct slice a, struct slice b) {
    return arena_printf(e->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(a), SLICE_ARG(b));
}

static struct slice spaces(struct editor *e, const char *before, int n) { return arena_printf(e->arena, "%s%*s", before, n, ""); }

static void take_over(struct editor *e, const struct yaml_node *was, const struct yaml_node *now, bool in_flow);

/* The whole value, on the key's line. */
static void rewrite(struct editor *e, const struct yaml_node *was, const struct yaml_node *now, bool in_flow) {
    bool is_empty = was->end == was->begin && was->type == YAML_SCALAR;
    if (was->type != YAML_SCALAR && !was->flow && !is_empty) {
        /* a block becomes something else: from behind the key (or the dash) to its end */
        size_t from = was->key_end > 0 ? was->key_end : was->begin;
        while (was->key_end > 0 && from < was->begin && e->text.at[from] != ':') from++;
        replace(e, was->key_end > 0 ? from + 1 : from, end_of(e, was), was->key_end > 0 ? joined(e, SLICE(" "), fresh(e, now, 0, true)) : fresh(e, now, 0, true));
    } else if (is_empty) {
        size_t at = was->key_end;
        while (at < e->text.len && e->text.at[at] != ':' && e->text.at[at] != '\n') at++;
        replace(e, at + 1, at + 1, joined(e, SLICE(" "), fresh(e, now, 0, true)));
    } else {
        replace(e, begin_of(e, was), end_of(e, was), fresh(e, now, 0, in_flow || was->flow || was->type == YAML_SCALAR));
    }
}

/* A member or an item with its lines; where it shares its first line with others (`- a: 1`), up to the next one. */
static void take_out(struct editor *e, const struct yaml_node *c) {
    size_t from = c->key_end > 0 ? c->key_begin : c->begin, start = line_start(e, from), to = line_end(e, end_of(e, c));
    bool item = c->key_end == 0;
    if (!item && (from > 0 && (e->text.at[from - 1] == '"' || e->text.at[from - 1] == '\''))) from--;
    size_t dash = start;
    while (item && dash < from && e->text.at[dash] == ' ') dash++;
    bool alone = item ? dash < from && e->text.at[dash] == '-' && is_blank(e, dash + 1, from) : is_blank(e, start, from);
    if (alone) replace(e, start, to < e->text.len ? to + 1 : to, SLICE(""));
    else if (c->next != NULL) replace(e, from, c->key_end > 0 ? c->next->key_begin : c->next->begin, SLICE(""));
    else e->full = true;
}

/* Behind the last child of a block, in lines of its own. */
static void put_behind(struct editor *e, const struct yaml_node *in, const struct yaml_node *last, const struct yaml_node *value) {
    if (last == NULL) {
        e->full = true;
        return;
    }
    int indent = in->type == YAML_MAP ? last->key_column - 1 : in->column - 1;
    size_t at = line_end(e, end_of(e, last));
    struct slice body = in->type == YAML_MAP ? fresh(e, &(struct yaml_node){.type = YAML_MAP, .first = &(struct yaml_node){.type = value->type, .text = value->text, .plain = value->plain, .key = value->key, .first = value->first, .count = value->count}, .count = 1}, indent, false)
                                             : fresh(e, &(struct yaml_node){.type = YAML_LIST, .first = &(struct yaml_node){.type = value->type, .text = value->text, .plain = value->plain, .first = value->first, .count = value->count}, .count = 1}, indent, false);
    replace(e, at, at, joined(e, spaces(e, "\n", indent), body));
}

static const struct yaml_node *last_of(const struct yaml_node *node) {
    const struct yaml_node *c = node->first;
    while (c != NULL && c->next != NULL) c = c->next;
    return c;
}

static bool same_keys(const struct yaml_node *a, const struct yaml_node *b) {
    for (const struct yaml_node *c = a->first; c != NULL; c = c->next)
        if (child_at(b, c->key) == NULL) return false;
    return a->count == b->count;
}

static void take_over_map(struct editor *e, const struct yaml_node *was, const struct yaml_node *now, bool in_flow) {
    unsigned kept = 0;
    for (const struct yaml_node *c = was->first; c != NULL; c = c->next) kept += child_at(now, c->key) != NULL;
    if (kept == 0 || now->count == 0 || ((in_flow || was->flow) && !same_keys(was, now))) {
        rewrite(e, was, now, in_flow);
        return;
    }
    for (const struct yaml_node *c = was->first; c != NULL; c = c->next) {
        const struct yaml_node *other = child_at(now, c->key);
        if (other == NULL) take_out(e, c);
        else take_over(e, c, other, in_flow || was->flow);
    }
    for (const struct yaml_node *c = now->first; c != NULL; c = c->next)
        if (child_at(was, c->key) == NULL) put_behind(e, was, last_of(was), c);
}

/* Items that both have in front and behind stay; of what is between, the first of the one become the first of the other. */
static void take_over_list(struct editor *e, const struct yaml_node *was, const struct yaml_node *now, bool in_flow) {
    const struct yaml_node *x = was->first, *y = now->first, *stop_x = NULL;
    unsigned left_was = was->count, left_now = now->count, behind = 0;
    if (now->count == 0 || was->count == 0 || ((in_flow || was->flow) && was->count != now->count)) {
        rewrite(e, was, now, in_flow);
        return;
    }
    for (; x != NULL && y != NULL && config_same(x, y); x = x->next, y = y->next) left_was--, left_now--;
    for (;;) { /* equal ones from the back */
        unsigned common = left_was < left_now ? left_was : left_now;
        if (behind >= common) break;
        const struct yaml_node *a = x, *b = y;
        for (unsigned i = behind + 1; i < left_was && a != NULL; i++) a = a->next;
        for (unsigned i = behind + 1; i < left_now && b != NULL; i++) b = b->next;
        if (a == NULL || b == NULL || !config_same(a, b)) break;
        behind++;
        stop_x = a;
    }
    const struct yaml_node *last = NULL;
    unsigned rest_was = left_was - behind, rest_now = left_now - behind;
    for (const struct yaml_node *c = was->first; c != x; c = c->next) last = c;
    for (; rest_was > 0 && rest_now > 0 && x != NULL && y != NULL; rest_was--, rest_now--, x = x->next, y = y->next) {
        take_over(e, x, y, in_flow || was->flow);
        last = x;
    }
    for (; rest_was > 0 && x != NULL && x != stop_x; rest_was--, x = x->next) take_out(e, x);
    for (; rest_now > 0 && y != NULL; rest_now--, y = y->next) put_behind(e, was, last != NULL ? last : last_of(was), y);
}

static void take_over(struct editor *e, const struct yaml_node *was, const struct yaml_node *now, bool in_flow) {
    if (config_same(was, now)) return;
    if (was->type == YAML_MAP && now->type == YAML_MAP) take_over_map(e, was, now, in_flow);
    else if (was->type == YAML_LIST && now->type == YAML_LIST) take_over_list(e, was, now, in_flow);
    else rewrite(e, was, now, in_flow);
}

/* ---- what is not there yet, what is to go ---- */

static struct yaml_node *copy_as(struct editor *e, const struct yaml_node *value, struct slice key) {
    struct yaml_node *n = arena_new(e->arena, struct yaml_node);
    if (n == NULL) return NULL;
    *n = (struct yaml_node){.type = value->type, .text = value->text, .plain = value->plain, .first = value->first, .count = value->count, .key = key};
    return n;
}

/* Wraps the value in maps for the steps below the one that is missing. */
static const struct yaml_node *wrapped(struct editor *e, const struct config_path *p, unsigned have, const struct yaml_node *value) {
    struct yaml_node *inner = copy_as(e, value, p->steps[p->n - 1]);
    for (unsigned i = p->n - 1; inner != NULL && i > have; i--) {
        struct yaml_node *map = arena_new(e->arena, struct yaml_node);
        if (map == NULL) return NULL;
        *map = (struct yaml_node){.type = YAML_MAP, .first = inner, .count = 1, .key = p->steps[i - 1]};
        inner = map;
    }
    return inner;
}

/* One more child of `parent`, which is a map, a list, or empty. */
static void add(struct editor *e, const struct yaml_node *root, struct yaml_node *parent, const struct yaml_node *child) {
    bool empty = config_written_null(parent) || parent->count == 0;
    struct yaml_node whole = {.type = parent->type == YAML_LIST ? YAML_LIST : YAML_MAP, .count = 1};
    if (child == NULL) {
        e->full = true;
    } else if (!empty && !parent->flow) {
        put_behind(e, parent, last_of(parent), child);
    } else if (empty && parent != root) {
        whole.first = copy_as(e, child, child->key);
        rewrite(e, parent, &whole, false);
    } else {
        struct yaml_node *first = NULL, **link = &first;
        for (const struct yaml_node *c = parent->first; c != NULL && (*link = copy_as(e, c, c->key)) != NULL; c = c->next) link = &(*link)->next;
        *link = copy_as(e, child, child->key);
        whole.first = first;
        whole.count = parent->count + 1;
        rewrite(e, parent, &whole, true);
    }
}

static void remove_child(struct editor *e, struct yaml_node *parent, const struct yaml_node *target, bool in_flow) {
    struct yaml_node rest = *parent, *first = NULL, **link = &first;
    if (!parent->flow && !in_flow && parent->count > 1) {
        take_out(e, target);
        return;
    }
    for (const struct yaml_node *c = parent->first; c != NULL; c = c->next) {
        if (c == target) continue;
        if ((*link = copy_as(e, c, c->key)) == NULL) break;
        link = &(*link)->next;
    }
    rest.first = first;
    rest.count = parent->count - 1;
    rewrite(e, parent, &rest, in_flow);
}

/* ---- the whole ---- */


static bool written(struct editor *e, struct buffer *out) {
    size_t at = 0;
    /* insertions at one place keep the order in which they were found: few, so by hand */
    for (unsigned i = 1; i < e->n; i++)
        for (unsigned k = i; k > 0 && e->edits[k].from < e->edits[k - 1].from; k--) {
            struct edit swap = e->edits[k];
            e->edits[k] = e->edits[k - 1];
            e->edits[k - 1] = swap;
        }
    for (unsigned i = 0; i < e->n; i++) {
        if (e->edits[i].from < at || e->edits[i].to > e->text.len) return false;
        buffer_append(out, slice_make(e->text.at + at, e->edits[i].from - at));
        buffer_append(out, e->edits[i].text);
        at = e->edits[i].to;
    }
    buffer_append(out, slice_make(e->text.at + at, e->text.len - at));
    return !out->overflow && !e->full;
}

static enum fault by_hand(const struct config_path *path, const char *why, struct error *error) {
    return error_set(error, FAULT_CONFLICT, SLICE_FMT ": this part of the file cannot be edited here%s: edit the file itself, then reload",
                     SLICE_ARG(path->steps[0]), why);
}

enum fault config_edit(struct slice text, const struct config_path *path, const struct yaml_node *value, struct arena *arena, struct buffer *out,
                       struct error *error) {
    struct editor e = {.text = text, .arena = arena, .edits = arena_new_array(arena, struct edit, MOST_EDITS)};
    struct yaml_node *root = NULL, *now = NULL, *parent, *target;
    struct config_path above = *path;
    struct meant meant = {.value = value};
    unsigned have = 0;
    int line;
    enum fault fault = yaml_read(text, arena, &root, &line, error);
    if (fault != FAULT_NONE) return error_set(error, FAULT_CONFIG, "%s", arena_text(arena, slice_of(error->text)));
    if (root == NULL || e.edits == NULL || path->n == 0) return by_hand(path, ": it is empty", error);
    parent = root;
    target = config_find(root, path);
    if (target == NULL && value == NULL) return error_set(error, FAULT_NOT_FOUND, "there is nothing to remove");
    for (; have + 1 < path->n; have++) { /* the lowest that is there */
        above.n = have + 1;
        struct yaml_node *next = config_find(root, &above);
        if (next == NULL) break;
        parent = next;
    }
    bool flow = root->flow;
    for (unsigned i = 1; i <= have && !flow; i++) {
        above.n = i;
        const struct yaml_node *on_way = config_find(root, &above);
        flow = on_way != NULL && on_way->flow;
    }
    if (parent->alias || (target != NULL && target->alias)) return by_hand(path, ": it stands for a value that is written elsewhere (an alias)", error);
    if (target != NULL && value != NULL) {
        meant.target = target;
        take_over(&e, target, value, flow);
    } else if (target != NULL) {
        meant.target = target;
        remove_child(&e, parent, target, flow && !parent->flow);
    } else {
        const struct yaml_node *child = wrapped(&e, path, have, value);
        if (parent->type == YAML_SCALAR && !config_written_null(parent)) return by_hand(path, ": a single value stands in its place", error);
        meant.parent = parent;
        meant.value = child;
        meant.key = path->steps[have];
        add(&e, root, parent, child);
    }
    if (!written(&e, out)) return by_hand(path, "", error);
    fault = yaml_read(buffer_slice(out), arena, &now, &line, error);
    bool empty_parent = meant.parent != NULL && meant.parent->type == YAML_SCALAR; /* it is a map by now */
    struct yaml_node instead = {.type = YAML_MAP, .first = empty_parent ? copy_as(&e, meant.value, meant.key) : NULL, .count = 1};
    if (empty_parent) meant = (struct meant){.target = meant.parent, .value = &instead};
    if (fault != FAULT_NONE || now == NULL || !is_meant(&meant, root, now)) return by_hand(path, "", error);
    return FAULT_NONE;
}
